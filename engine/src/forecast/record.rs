//! How forecasts turned out: those that were made, as the store has them, against what happened.
//!
//! A forecast is a set of times, each with the share of cases that should come before it. It is judged once its last time is over, so
//! that an early end does not count before a late one can. Read from windows of an hour; the last forecast of each six hours counts.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::fill::{self, Hour};
use super::memory;
use crate::machine;
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
    /// Memory is used up: that of a unit with a limit, else that of the machine.
    MemoryFull,
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
    /// The series with the labels of the forecast that says that it happened.
    level: &'static str,
    /// From which value on it does.
    outcome: Outcome,
    /// Labels of series that say the same of something else, such as a file system of another machine.
    foreign: &'static [&'static str],
}

/// How it is known that something happened.
#[derive(Clone, Copy)]
enum Outcome {
    /// The level reaches a value.
    Reaches(f64),
    /// The memory of a unit reaches its limit, else that of the machine is used up. A restart before that leaves it open.
    UsedUp(memory::Kind),
}

impl Kind {
    /// Whether a series of the name of its bounds is of this kind.
    fn has(&self, labels: &Labels) -> bool {
        match self.outcome {
            Outcome::Reaches(_) => true,
            Outcome::UsedUp(kind) => kind.has(labels),
        }
    }
}

const KINDS: [Kind; 5] = [
    Kind {
        subject: Subject::BoardDone,
        bounds: "taskmaster_forecast_done_timestamp_seconds",
        share: "quantile",
        ahead: false,
        level: "taskmaster_completion_ratio",
        outcome: Outcome::Reaches(1.0),
        foreign: &[],
    },
    Kind {
        subject: Subject::DiskFull,
        bounds: "system_filesystem_time_to_full_bound_seconds",
        share: "quantile",
        ahead: true,
        level: "system_filesystem_utilization_ratio",
        outcome: Outcome::Reaches(0.9995),
        foreign: &["fstype", "instance", "host", "host_name"],
    },
    used_up(memory::MACHINE),
    used_up(memory::UNIT),
    used_up(memory::PROCESS),
];

const fn used_up(kind: memory::Kind) -> Kind {
    let (bounds, level) = (memory::BOUND, kind.level);
    Kind {
        subject: Subject::MemoryFull,
        bounds,
        share: "quantile",
        ahead: true,
        level,
        outcome: Outcome::UsedUp(kind),
        foreign: machine::OTHERS,
    }
}

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
    /// Those that a restart left open.
    pub cut_short: usize,
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

/// What became of a subject.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Course {
    /// When it happened, in order.
    pub happened: Vec<TimestampMs>,
    /// When it was started anew, in order.
    pub restarted: Vec<TimestampMs>,
    /// How far these are known.
    pub until: TimestampMs,
}

/// How forecasts turned out.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Judged {
    /// By share.
    pub scores: Vec<Score>,
    /// Forecasts whose last time is not over.
    pub pending: usize,
    /// Forecasts that a restart left open: it would have happened later, or not.
    pub cut_short: usize,
}

/// Judges forecasts by what happened.
#[must_use]
pub fn judge(made: &[Made], course: &Course) -> Judged {
    let mut judged = Judged::default();
    let mut scores = Vec::new();
    let next = |times: &[TimestampMs], at: TimestampMs| times.get(times.partition_point(|time| *time <= at)).copied();
    for forecast in made {
        let Some(last) = forecast.bounds.iter().map(|bound| bound.at).max() else { continue };
        let end = next(&course.happened, forecast.at);
        let restarted = next(&course.restarted, forecast.at).filter(|at| *at <= last && end.is_none_or(|end| *at < end));
        if restarted.is_some() {
            judged.cut_short += 1;
        } else if last > course.until {
            judged.pending += 1;
        } else {
            let score = |bound: &Bound| Score { share: bound.share, judged: 1, held: usize::from(end.is_some_and(|end| end <= bound.at)) };
            scores.extend(forecast.bounds.iter().map(score));
        }
    }
    judged.scores = total(&scores);
    judged
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
            let Some(labels) = store.labels(id).filter(|labels| kind.has(labels)) else { continue };
            let Some(share) = labels.get(kind.share).and_then(|share| share.parse().ok()) else { continue };
            let names: Vec<(&str, &str)> = labels.iter().filter(|(name, _)| ![NAME_LABEL, kind.share].contains(name)).collect();
            let of = Labels::metric(kind.level, &names);
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
    let judged = judge(&made, &course(store, kind, &labels, now)?);
    let current = (!current.bounds.is_empty()).then_some(current);
    let Judged { scores, pending, cut_short } = judged;
    Ok(Record { subject: kind.subject, labels, current, made: made.len(), pending, cut_short, scores })
}

/// What became of a subject, up to when that is known.
fn course(store: &StoreReader, kind: &Kind, labels: &Labels, now: TimestampMs) -> Result<Course, StoreError> {
    let own = |labels: &Labels| -> Vec<SeriesId> {
        let of = labels.iter().map(|(name, value)| Matcher::equal(name, value));
        // What names the machine of a forecast names that of its level too.
        let foreign = kind.foreign.iter().filter(|name| labels.get(name).is_none());
        store.select(&of.chain(foreign.map(|name| Matcher::equal(name, ""))).collect::<Vec<_>>())
    };
    let mut course = Course { until: TimestampMs::MIN, ..Course::default() };
    match kind.outcome {
        Outcome::Reaches(value) => reached(store, &own(labels), value, now, &mut course)?,
        Outcome::UsedUp(_) => {
            let ids = own(labels);
            let mut limit = (kind.level == memory::MACHINE.level).then_some(1.0);
            let pairs: Vec<(&str, &str)> = labels.iter().filter(|(name, _)| *name != NAME_LABEL).collect();
            for id in own(&Labels::metric("container_memory_limit_bytes", &pairs)).into_iter().filter(|_| kind.level == memory::UNIT.level)
            {
                limit = store.windows(id, Level::H1, now - BACK_MS, now)?.last().map(|row| row.last).or(limit);
            }
            for id in &ids {
                restarts(store, *id, now, &mut course)?;
            }
            match limit {
                Some(limit) => reached(store, &ids, memory::EXHAUSTED * limit, now, &mut course)?,
                None => reached(store, &own(&Labels::metric(memory::MACHINE.level, &[])), memory::EXHAUSTED, now, &mut course)?,
            }
        }
    }
    course.happened.sort_unstable();
    course.restarted.sort_unstable();
    Ok(course)
}

/// When a level reached a value.
fn reached(store: &StoreReader, ids: &[SeriesId], value: f64, now: TimestampMs, course: &mut Course) -> Result<(), StoreError> {
    for id in ids {
        let mut before = true;
        for row in store.windows(*id, Level::H1, now - BACK_MS, now)? {
            course.until = course.until.max(row.start + HOUR_MS);
            let there = row.max >= value;
            if there && !before {
                let samples = store.samples(*id, row.start, row.start + HOUR_MS - 1)?;
                let first = samples.iter().find(|sample| sample.v >= value).map(|sample| sample.t);
                course.happened.push(first.unwrap_or(row.start + HOUR_MS));
            }
            // A window that ends there goes on in the next; one that was there and left again may come anew.
            before = row.last >= value;
        }
    }
    Ok(())
}

/// When what a level is of was started anew, by its falls: the beginning of the hour.
fn restarts(store: &StoreReader, id: SeriesId, now: TimestampMs, course: &mut Course) -> Result<(), StoreError> {
    let rows = store.windows(id, Level::H1, now - BACK_MS, now)?;
    let highest = rows.iter().map(|row| row.max).fold(f64::MIN_POSITIVE, f64::max);
    let hours: Vec<Option<Hour>> = rows.iter().map(|row| Some(Hour { max: row.max / highest, last: row.last / highest })).collect();
    course.restarted.extend(fill::restarts(&hours).into_iter().map(|at| rows[at].start));
    Ok(())
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
            let course = Course { happened: happened.to_vec(), restarted: Vec::new(), until };
            assert_eq!(judge(&forecasts, &course), Judged { scores, pending, cut_short: 0 }, "{happened:?} {until}");
        }
    }

    #[test]
    fn a_forecast_that_a_restart_left_open_is_not_judged() {
        let forecasts = [made(0, &[(0.5, 10), (0.95, 20)])];
        for (happened, restarted, cut_short) in [(&[][..], &[5][..], 1), (&[], &[25], 0), (&[8], &[9], 0), (&[15], &[9], 1)] {
            let course = Course { happened: happened.to_vec(), restarted: restarted.to_vec(), until: 40 };
            let judged = judge(&forecasts, &course);
            assert_eq!((judged.cut_short, judged.scores.is_empty()), (cut_short, cut_short == 1), "{happened:?} {restarted:?}");
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
