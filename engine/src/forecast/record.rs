//! How forecasts turned out: those that were made, as the store has them, against what happened.
//!
//! A forecast is a set of times, each with the share of cases that should come before it. It is judged once its last time is over, so
//! that an early end does not count before a late one can. Read from windows of an hour; the last forecast of each six hours counts.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::model::{Labels, Matcher, NAME_LABEL, SeriesId, TimestampMs};
use crate::store::{StoreError, StoreReader};
use crate::windows::Level;

const HOUR_MS: i64 = 3_600_000;
/// One forecast of a subject in so much time counts: the next would say the same.
const APART_MS: i64 = 6 * HOUR_MS;
/// How far back forecasts are read.
const BACK_MS: i64 = 400 * 24 * HOUR_MS;
/// A forecast that is older is not the current one.
const CURRENT_MS: i64 = HOUR_MS;
/// Subjects at the most.
const MAX_SUBJECTS: usize = 500;

/// What is forecast: the time at which something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// No task of a board is open.
    BoardDone,
    /// A file system is full.
    DiskFull,
}

/// How the forecasts of a subject are kept.
struct Kind {
    subject: Subject,
    /// Series of times, one for each share.
    bounds: &'static str,
    /// The label that is the share.
    share: &'static str,
    /// Whether a value is the time from then on, not a time of the clock.
    ahead: bool,
    /// The series that says that it happened, and the value from which it does.
    outcome: (&'static str, f64),
    /// The labels that name a subject.
    labels: &'static [&'static str],
    /// Labels of series that say the same of something else, such as a file system of another machine.
    foreign: &'static [&'static str],
}

const KINDS: [Kind; 2] = [
    Kind {
        subject: Subject::BoardDone,
        bounds: "taskmaster_forecast_done_timestamp_seconds",
        share: "quantile",
        ahead: false,
        outcome: ("taskmaster_completion_ratio", 1.0),
        labels: &["project", "tag"],
        foreign: &[],
    },
    Kind {
        subject: Subject::DiskFull,
        bounds: "system_filesystem_time_to_full_bound_seconds",
        share: "quantile",
        ahead: true,
        outcome: ("system_filesystem_utilization_ratio", 0.9995),
        labels: &["mountpoint"],
        foreign: &["fstype"],
    },
];

/// A time before which a share of cases should end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bound {
    /// 0 to 1.
    pub share: f64,
    /// The time.
    pub at: TimestampMs,
}

/// A forecast that was made.
#[derive(Debug, Clone, PartialEq)]
pub struct Made {
    /// When.
    pub at: TimestampMs,
    /// Its times, by share.
    pub bounds: Vec<Bound>,
}

/// How often what should come before a time did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// The share of cases that should.
    pub share: f64,
    /// Forecasts that were judged.
    pub judged: usize,
    /// Those where it did.
    pub held: usize,
}

/// The forecasts of one board or file system.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// What is forecast.
    pub subject: Subject,
    /// Of which board or file system.
    pub labels: Labels,
    /// The forecast that holds now.
    pub current: Option<Made>,
    /// Forecasts that count, one in six hours.
    pub made: usize,
    /// Those of them that cannot be judged yet.
    pub pending: usize,
    /// How the others turned out.
    pub scores: Vec<Score>,
}

/// Adds up scores by share.
#[must_use]
pub fn total<'a>(scores: impl IntoIterator<Item = &'a Score>) -> Vec<Score> {
    let mut found: Vec<Score> = Vec::new();
    for score in scores {
        match found.iter_mut().find(|known| known.share.total_cmp(&score.share).is_eq()) {
            Some(known) => {
                known.judged += score.judged;
                known.held += score.held;
            }
            None => found.push(*score),
        }
    }
    found.sort_by(|a, b| a.share.total_cmp(&b.share));
    found
}

/// Judges forecasts by the times at which it happened, in order; `until` is how far those are known. The second is how many are not judged.
#[must_use]
pub fn judge(made: &[Made], happened: &[TimestampMs], until: TimestampMs) -> (Vec<Score>, usize) {
    let mut pending = 0;
    let mut scores = Vec::new();
    for forecast in made {
        let Some(last) = forecast.bounds.iter().map(|bound| bound.at).max() else { continue };
        if last > until {
            pending += 1;
            continue;
        }
        let end = happened.get(happened.partition_point(|at| *at <= forecast.at));
        let score = |bound: &Bound| Score { share: bound.share, judged: 1, held: usize::from(end.is_some_and(|end| *end <= bound.at)) };
        scores.extend(forecast.bounds.iter().map(score));
    }
    (total(&scores), pending)
}

/// The forecasts that the store has, by subject.
///
/// # Errors
/// If it cannot be read.
pub fn records(store: &StoreReader, now: TimestampMs) -> Result<Vec<Record>, StoreError> {
    let mut found = Vec::new();
    for kind in &KINDS {
        let mut subjects: FxHashMap<Labels, Vec<(SeriesId, f64)>> = FxHashMap::default();
        for id in store.select(&[Matcher::equal(NAME_LABEL, kind.bounds)]) {
            let Some(labels) = store.labels(id) else { continue };
            let Some(share) = labels.get(kind.share).and_then(|share| share.parse().ok()) else { continue };
            let names: Vec<(&str, &str)> = kind.labels.iter().map(|name| (*name, labels.get(name).unwrap_or(""))).collect();
            let of = Labels::metric(kind.outcome.0, &names);
            if subjects.len() < MAX_SUBJECTS || subjects.contains_key(&of) {
                subjects.entry(of).or_default().push((id, share));
            }
        }
        let mut subjects: Vec<_> = subjects.into_iter().collect();
        subjects.sort_by_cached_key(|(labels, _)| labels.to_string());
        for (labels, series) in subjects {
            found.push(record(store, kind, labels, &series, now)?);
        }
    }
    Ok(found)
}

fn record(store: &StoreReader, kind: &Kind, labels: Labels, series: &[(SeriesId, f64)], now: TimestampMs) -> Result<Record, StoreError> {
    let mut made: BTreeMap<i64, Made> = BTreeMap::new();
    let mut current = Made { at: 0, bounds: Vec::new() };
    let time = |at: TimestampMs, value: f64| if kind.ahead { at + (value * 1e3) as i64 } else { (value * 1e3) as i64 };
    for (id, share) in series {
        for row in store.windows(*id, Level::H1, now - BACK_MS, now)? {
            let at = row.start + HOUR_MS;
            let bound = Bound { share: *share, at: time(at, row.last) };
            let forecast = made.entry(row.start.div_euclid(APART_MS)).or_insert(Made { at, bounds: Vec::new() });
            if at > forecast.at {
                *forecast = Made { at, bounds: Vec::new() };
            }
            if at == forecast.at {
                forecast.bounds.push(bound);
            }
        }
        if let Some(sample) = store.latest(*id, now - CURRENT_MS, now)?.filter(|sample| sample.v.is_finite()) {
            current.at = current.at.max(sample.t);
            current.bounds.push(Bound { share: *share, at: time(sample.t, sample.v) });
        }
    }
    let mut made: Vec<Made> = made.into_values().collect();
    for forecast in made.iter_mut().chain([&mut current]) {
        forecast.bounds.sort_by(|a, b| a.share.total_cmp(&b.share));
    }
    let (happened, until) = outcomes(store, kind, &labels, now)?;
    let (scores, pending) = judge(&made, &happened, until);
    let current = (!current.bounds.is_empty()).then_some(current);
    Ok(Record { subject: kind.subject, labels, current, made: made.len(), pending, scores })
}

/// When it happened, and up to when that is known.
fn outcomes(store: &StoreReader, kind: &Kind, labels: &Labels, now: TimestampMs) -> Result<(Vec<TimestampMs>, TimestampMs), StoreError> {
    let own = labels.iter().map(|(name, value)| Matcher::equal(name, value));
    let matchers: Vec<Matcher> = own.chain(kind.foreign.iter().map(|name| Matcher::equal(name, ""))).collect();
    let (mut happened, mut until) = (Vec::new(), TimestampMs::MIN);
    for id in store.select(&matchers) {
        let mut before = true;
        for row in store.windows(id, Level::H1, now - BACK_MS, now)? {
            until = until.max(row.start + HOUR_MS);
            let there = row.max >= kind.outcome.1;
            if there && !before {
                let samples = store.samples(id, row.start, row.start + HOUR_MS - 1)?;
                let first = samples.iter().find(|sample| sample.v >= kind.outcome.1).map(|sample| sample.t);
                happened.push(first.unwrap_or(row.start + HOUR_MS));
            }
            // A window that ends there goes on in the next; one that was there and left again may come anew.
            before = row.last >= kind.outcome.1;
        }
    }
    happened.sort_unstable();
    Ok((happened, until))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Batch;
    use crate::store::{StoreOptions, StoreWriter};

    fn made(at: i64, bounds: &[(f64, i64)]) -> Made {
        Made { at, bounds: bounds.iter().map(|(share, at)| Bound { share: *share, at: *at }).collect() }
    }

    #[test]
    fn a_forecast_is_judged_once_its_last_time_is_over() {
        let forecasts = [made(0, &[(0.5, 10), (0.95, 20)]), made(5, &[(0.5, 12), (0.95, 30)])];
        let score = |share, judged, held| Score { share, judged, held };
        for (happened, until, scores, pending) in [
            (&[15][..], 19, vec![], 2),
            (&[15], 20, vec![score(0.5, 1, 0), score(0.95, 1, 1)], 1),
            (&[8, 15], 40, vec![score(0.5, 2, 2), score(0.95, 2, 2)], 0),
            // What happened before a forecast is not its end.
            (&[3], 40, vec![score(0.5, 2, 1), score(0.95, 2, 1)], 0),
            (&[], 40, vec![score(0.5, 2, 0), score(0.95, 2, 0)], 0),
        ] {
            assert_eq!(judge(&forecasts, happened, until), (scores, pending), "{happened:?} {until}");
        }
    }

    #[test]
    fn a_disk_is_judged_by_its_own_level_and_not_by_that_of_another_machine() {
        const T0: i64 = 1_795_478_400_000;
        const MINUTE: i64 = 60_000;
        let dir = tempfile::tempdir().unwrap();
        let now = T0 + 20 * HOUR_MS;
        let store = StoreWriter::open(dir.path(), StoreOptions { out_of_order_ms: i64::MAX / 4, ..StoreOptions::default() }, now).unwrap();
        let mut batch = Batch::default();
        let bound =
            |share: &str| Labels::metric("system_filesystem_time_to_full_bound_seconds", &[("mountpoint", "/"), ("quantile", share)]);
        let level = |fstype: &[(&str, &str)]| {
            let labels = [&[("mountpoint", "/")], fstype].concat();
            Labels::metric("system_filesystem_utilization_ratio", &labels)
        };
        for minute in 0..20 * 60 {
            let t = T0 + minute * MINUTE;
            // Forecast for six hours: full between half past seven and ten.
            for (share, at) in [("0.025", 450), ("0.975", 600)].into_iter().filter(|_| minute < 360) {
                batch.push(bound(share), t, ((at - minute) * 60) as f64);
            }
            batch.push(level(&[]), t, if minute < 570 { 0.9 } else { 1.0 });
            batch.push(level(&[("fstype", "nfs4")]), t, if minute < 420 { 0.9 } else { 1.0 });
        }
        store.append(&batch, now).unwrap();
        let found = records(&store.reader(), now).unwrap();
        let score = |share, held| Score { share, judged: 1, held };
        assert_eq!((found.len(), found[0].made, found[0].pending, found[0].current.is_none()), (1, 1, 0, true));
        assert_eq!(found[0].scores, [score(0.025, 0), score(0.975, 1)]);
    }
}
