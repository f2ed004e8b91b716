//! Forecasts of series that were asked for, and how they turned out.
//!
//! A forecast is kept as a few of its steps, each with its interval. Once the last of them is over, the means of these steps are read
//! from the store: as many of them as `level` says should lie within. One forecast of a series in six hours counts: the next would say
//! much the same. What was asked of a past moment is no forecast and must not be kept here.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde::{Deserialize, Serialize};

use super::series::{Past, Step};
use crate::model::{Labels, TimestampMs, fnv1a};
use crate::promql::syntax::Grid;
use crate::promql::{Query, buckets};
use crate::rules::EvaluationLimits;
use crate::store::{DocumentChange, StoreReader};

/// One forecast of a series in so much time counts.
const APART_MS: i64 = 6 * 3_600_000;
/// Forecasts that are kept; the oldest go first.
pub const MAX_KEPT: usize = 500;
/// Steps of a forecast that are kept.
const MAX_POINTS: usize = 12;
/// Longest query of a forecast that is kept, bytes.
const MAX_QUERY: usize = 4 << 10;
/// Series of a query that are compared with what was forecast.
const MAX_SERIES: usize = 1_000;
/// Samples of a step may come so much later than its end.
const LATE_MS: i64 = 60_000;

/// A step of a forecast.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Its end.
    pub at: TimestampMs,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// How many steps lay within.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Steps that have samples.
    pub judged: usize,
    /// Those whose mean lay within the interval.
    pub held: usize,
}

/// What is forecast, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// The query.
    pub query: String,
    /// Which of its series.
    pub metric: Labels,
    /// How far ahead, ms.
    pub horizon: i64,
    /// The share of means that the interval is to hold.
    pub level: f64,
}

/// A forecast that was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Made {
    /// What it forecasts.
    pub asked: Asked,
    /// When it was made.
    pub at: TimestampMs,
    /// How long the steps are whose means are forecast, ms.
    pub step: i64,
    /// How long the past was that it was made from, ms: `range()` in the query.
    pub range: i64,
    /// Some of its steps, in the order of time.
    pub points: Vec<Point>,
    /// How it turned out; none while its last step is not over.
    pub outcome: Option<Outcome>,
}

impl Made {
    /// A forecast to keep; none where there is nothing to judge, or its query is too long to keep.
    #[must_use]
    pub fn new(asked: Asked, past: &Past, steps: &[Step]) -> Option<Self> {
        if steps.is_empty() || asked.query.len() > MAX_QUERY {
            return None;
        }
        let count = steps.len().min(MAX_POINTS);
        // Evenly over the whole of it, the last one among them.
        let point = |n: usize| steps[(n * steps.len()).div_ceil(count) - 1];
        let points = (1..=count).map(point).map(|step| Point { at: step.at_ms, low: step.low, high: step.high }).collect();
        Some(Self { asked, at: past.end, step: past.step, range: past.end - past.start, points, outcome: None })
    }

    /// The same for forecasts of one series that say much the same.
    #[must_use]
    pub fn id(&self) -> String {
        let Asked { query, metric, horizon, level } = &self.asked;
        let text = format!("{query}\0{metric}\0{horizon}\0{level}\0{}", self.at.div_euclid(APART_MS));
        format!("{:016x}", fnv1a(text.bytes()))
    }

    fn end(&self) -> TimestampMs {
        self.points.last().map_or(self.at, |point| point.at)
    }

    fn is_due(&self, now: TimestampMs) -> bool {
        self.outcome.is_none() && self.end() + LATE_MS <= now
    }

    /// Judges it by what the store has. A query that fails, or a series that is no more, has nothing that can be judged.
    #[must_use]
    pub fn judged(mut self, store: &StoreReader, limits: &EvaluationLimits) -> Self {
        let (first, last) = (self.points.first().map_or(self.at, |point| point.at), self.end());
        let grid = Grid { step: self.step, range: self.range };
        let params = limits.params(first, last, self.step);
        let found = Query::parse(&self.asked.query, grid).ok().and_then(|query| buckets(&query, &params, MAX_SERIES, store).ok());
        let series = found.and_then(|found| found.series.into_iter().find(|series| series.labels == self.asked.metric));
        let means: BTreeMap<TimestampMs, f64> =
            series.map(|series| series.buckets.iter().map(|bucket| (bucket.end, bucket.mean)).collect()).unwrap_or_default();
        self.outcome = Some(self.compare(&means));
        self
    }

    fn compare(&self, means: &BTreeMap<TimestampMs, f64>) -> Outcome {
        let seen: Vec<bool> =
            self.points.iter().filter_map(|point| means.get(&point.at).map(|mean| (point.low..=point.high).contains(mean))).collect();
        Outcome { judged: seen.len(), held: seen.iter().filter(|held| **held).count() }
    }

    /// The document of a forecast.
    #[must_use]
    pub fn document(&self) -> DocumentChange {
        (self.id(), serde_json::to_vec(self).ok())
    }
}

/// How the forecasts of a series turned out.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// What is forecast.
    pub asked: Asked,
    /// Forecasts that are kept.
    pub made: usize,
    /// Those whose last step is not over.
    pub pending: usize,
    /// When the newest was made.
    pub last: TimestampMs,
    /// The steps of the others.
    pub outcome: Outcome,
}

/// Forecasts by id.
#[derive(Debug, Default)]
pub struct Log {
    all: BTreeMap<String, Made>,
}

impl Log {
    /// Goes on with kept documents.
    #[must_use]
    pub fn new(documents: &[(String, Vec<u8>)]) -> Self {
        let kept = documents.iter().filter_map(|(key, bytes)| Some((key.clone(), serde_json::from_slice(bytes).ok()?)));
        Self { all: kept.collect() }
    }

    /// Keeps forecasts, and gives what changes in the documents.
    pub fn add(&mut self, made: Vec<Made>) -> Vec<DocumentChange> {
        let mut changes = Vec::new();
        for forecast in made {
            if let Entry::Vacant(place) = self.all.entry(forecast.id()) {
                changes.push(place.insert(forecast).document());
            }
        }
        let over = self.all.len().saturating_sub(MAX_KEPT);
        let mut oldest: Vec<(TimestampMs, String)> = self.all.iter().map(|(id, made)| (made.at, id.clone())).collect();
        oldest.sort_unstable();
        for (_, id) in oldest.into_iter().take(over) {
            self.all.remove(&id);
            changes.push((id, None));
        }
        changes
    }

    /// Those that can be judged now and are not yet.
    #[must_use]
    pub fn due(&self, now: TimestampMs) -> Vec<Made> {
        self.all.values().filter(|made| made.is_due(now)).cloned().collect()
    }

    /// Takes over outcomes, and gives what changes in the documents.
    pub fn conclude(&mut self, judged: Vec<Made>) -> Vec<DocumentChange> {
        let mut changes = Vec::new();
        for forecast in judged {
            if let Some(known) = self.all.get_mut(&forecast.id()) {
                known.outcome = forecast.outcome;
                changes.push(known.document());
            }
        }
        changes
    }

    /// How they turned out, by what was forecast, the last one first.
    #[must_use]
    pub fn held(&self) -> Vec<Held> {
        let mut found: BTreeMap<String, Held> = BTreeMap::new();
        for Made { asked, at, outcome, .. } in self.all.values() {
            let Asked { query, metric, horizon, level } = asked;
            let held = found.entry(format!("{query}\0{metric}\0{horizon}\0{level}")).or_insert_with(|| Held {
                asked: asked.clone(),
                made: 0,
                pending: 0,
                last: *at,
                outcome: Outcome::default(),
            });
            held.made += 1;
            held.last = held.last.max(*at);
            match outcome {
                Some(outcome) => {
                    held.outcome.judged += outcome.judged;
                    held.outcome.held += outcome.held;
                }
                None => held.pending += 1,
            }
        }
        let mut found: Vec<Held> = found.into_values().collect();
        found.sort_by_key(|held| std::cmp::Reverse(held.last));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Batch;
    use crate::store::{StoreOptions, StoreWriter};

    const MINUTE: i64 = 60_000;
    const T0: i64 = 1_795_478_400_000;

    fn asked(shop: &str) -> Asked {
        Asked { query: "shop_load".to_owned(), metric: Labels::metric("shop_load", &[("shop", shop)]), horizon: 3_600_000, level: 0.8 }
    }

    fn made(shop: &str, at: TimestampMs, (low, high): (f64, f64)) -> Made {
        let steps: Vec<Step> = (1..=60).map(|n| Step { at_ms: at + n * MINUTE, low, centre: f64::midpoint(low, high), high }).collect();
        Made::new(asked(shop), &Past::new(at, 3_600_000), &steps).unwrap()
    }

    #[test]
    fn a_forecast_keeps_a_few_steps_over_its_whole_length() {
        let minutes = |made: &Made| made.points.iter().map(|point| (point.at - T0) / MINUTE).collect::<Vec<_>>();
        assert_eq!(minutes(&made("a", T0, (0.0, 1.0))), [5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60]);
        let short = [Step { at_ms: T0 + MINUTE, low: 0.0, centre: 0.0, high: 0.0 }];
        let past = Past::new(T0, 3_600_000);
        assert_eq!(minutes(&Made::new(asked("a"), &past, &short).unwrap()), [1]);
        assert_eq!(Made::new(asked("a"), &past, &[]), None);
        let long = Asked { query: "x".repeat(MAX_QUERY + 1), ..asked("a") };
        assert_eq!(Made::new(long, &past, &short), None);
    }

    #[test]
    fn forecasts_are_judged_by_the_means_of_their_own_series_once_they_are_over() {
        let dir = tempfile::tempdir().unwrap();
        let now = T0 + 2 * 3_600_000;
        let store = StoreWriter::open(dir.path(), StoreOptions { out_of_order_ms: i64::MAX / 4, ..StoreOptions::default() }, now).unwrap();
        let mut batch = Batch::default();
        for second in (0..7_200).step_by(10) {
            // a: 3 for half an hour, then 7. b is never forecast.
            batch.push(asked("a").metric, T0 + second * 1_000, if second <= 1_800 { 3.0 } else { 7.0 });
            batch.push(asked("b").metric, T0 + second * 1_000, 100.0);
        }
        store.append(&batch, now).unwrap();
        let mut log = Log::default();
        assert_eq!(log.add(vec![made("a", T0, (2.0, 4.0)), made("gone", T0, (2.0, 4.0))]).len(), 2);
        // The next one within six hours says the same, and is not kept.
        assert_eq!(log.add(vec![made("a", T0 + MINUTE, (2.0, 4.0))]).len(), 0);
        assert!(log.due(T0 + 60 * MINUTE).is_empty(), "the last step may still get samples");
        let due = log.due(T0 + 61 * MINUTE);
        assert_eq!(due.len(), 2);
        let limits = EvaluationLimits::for_tests();
        let judged: Vec<Made> = due.into_iter().map(|made| made.judged(&store.reader(), &limits)).collect();
        assert_eq!(log.conclude(judged).len(), 2);
        assert!(log.due(now).is_empty());
        let of = |shop: &str| log.held().into_iter().find(|held| held.asked == asked(shop)).map(|held| (held.pending, held.outcome));
        assert_eq!(of("a"), Some((0, Outcome { judged: 12, held: 6 })));
        assert_eq!(of("gone"), Some((0, Outcome::default())), "a series that is no more is not judged");
        let documents: Vec<(String, Vec<u8>)> = log.all.values().map(Made::document).filter_map(|(id, bytes)| Some((id, bytes?))).collect();
        assert_eq!(Log::new(&documents).held(), log.held());
    }

    #[test]
    fn the_oldest_forecasts_go_first() {
        let mut log = Log::default();
        for n in 0..=MAX_KEPT as i64 {
            let changes = log.add(vec![made("a", T0 + n * APART_MS, (0.0, 1.0))]);
            assert_eq!(changes.len(), if n < MAX_KEPT as i64 { 1 } else { 2 });
        }
        let held = log.held();
        assert_eq!((held.len(), held[0].made, held[0].last), (1, MAX_KEPT, T0 + MAX_KEPT as i64 * APART_MS));
        assert!(!log.all.contains_key(&made("a", T0, (0.0, 1.0)).id()));
    }
}
