//! When a rule would have fired: the kept samples of a time, judged by the same state machine.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::condition::{ClearQuery, Condition, QueryCondition, SampleCondition};
use super::evaluate::EvaluationLimits;
use super::lines::{self, LinesCondition};
use super::tracker::{Absence, AlertTracker, Judge, Missing};
use super::{Alert, AlertState, GroupSpec, NamedRule, RuleError, RuleOptions, RuleSet, RuleSpec};
use crate::logs::logql::LogqlError;
use crate::model::{Columns, Labels, NAME_LABEL, TimestampMs, is_stale_marker};
use crate::promql::{Answer, EvalError, Query, Row, SeriesSink, Source, evaluate};
use crate::span::Span;

/// Firings that are listed at the most.
pub const MAX_FIRINGS: usize = 1_000;
/// Instants at which a query is evaluated at the most; the time between them is longer then.
const MAX_INSTANTS: i64 = 100_000;

/// What a rule would have done.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Preview {
    /// How often it would have fired.
    pub fired: usize,
    /// How often its condition would have held for too short a time.
    pub too_short: usize,
    /// How long its alerts would have fired, ms; those that have not ended, up to the end of the time.
    pub firing_ms: i64,
    /// The newest firings, the newest first.
    pub firings: Vec<Firing>,
    /// Series that it judged, or that its result had.
    pub series: usize,
    /// Samples that it judged, or instants at which it was evaluated.
    pub judged: usize,
    /// Time between evaluations, ms, where it is not judged on samples.
    pub step_ms: Option<i64>,
}

/// An alert that would have fired.
#[derive(Debug, Clone, PartialEq)]
pub struct Firing {
    /// The labels of its series.
    pub labels: Labels,
    /// Since when its condition held.
    pub pending_since: TimestampMs,
    /// When it would have fired.
    pub fired_at: TimestampMs,
    /// When it would have ended; none if it still fires at the end.
    pub resolved_at: Option<TimestampMs>,
    /// The value at which it would have fired.
    pub value: f64,
}

/// Why there is no preview.
#[derive(Debug, thiserror::Error)]
pub enum PreviewError {
    /// The rule cannot be used.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// Its samples cannot be read.
    #[error(transparent)]
    Query(#[from] EvalError),
    /// Its log lines cannot be read.
    #[error(transparent)]
    Lines(#[from] LogqlError),
    /// It alerts nobody.
    #[error("a recording rule does not fire")]
    Recording,
    /// It is switched off.
    #[error("the rule is switched off: `enabled = false`")]
    Disabled,
}

/// Judges the samples within `[start, end]` by a rule.
///
/// # Errors
/// [`PreviewError`]
pub fn preview(
    name: &str,
    spec: &RuleSpec,
    options: RuleOptions,
    (start, end): (TimestampMs, TimestampMs),
    source: &dyn Source,
    limits: &EvaluationLimits,
) -> Result<Preview, PreviewError> {
    let rules = vec![NamedRule { name: name.to_owned(), spec: spec.clone() }];
    let group = GroupSpec { name: "preview".to_owned(), rules, ..GroupSpec::default() };
    // Over a long time there are fewer evaluations. What is tolerated between two of them grows as well.
    let step = options.evaluation_interval.ms().max((end - start) / MAX_INSTANTS).max(1);
    let set = Arc::new(RuleSet::new(&[group], RuleOptions { evaluation_interval: Span::millis(step), ..options })?);
    let rule = set.rules().first().ok_or(PreviewError::Disabled)?;
    if rule.is_recording() {
        return Err(PreviewError::Recording);
    }
    let mut replay =
        Replay { tracker: AlertTracker::new(Arc::clone(&set)), slot: None, open: FxHashMap::default(), preview: Preview::default() };
    let grid: Instants = (start, end, step);
    match &rule.condition {
        Condition::Sample(condition) => replay.samples(condition, (start, end), source)?,
        Condition::Query(QueryCondition { query, clear, .. }) => {
            replay.query(query, clear.as_ref(), |query| rows_of(query, grid, source, limits), grid)?;
        }
        Condition::Lines(LinesCondition { query, clear, .. }) => {
            replay.query(query, clear.as_ref(), |query| lines::rows_of(query, grid, source, limits), grid)?;
        }
    }
    Ok(replay.finish(end))
}

/// The first and last instant, and the time between two.
type Instants = (TimestampMs, TimestampMs, i64);

/// Judges samples, and notes what follows.
struct Replay {
    tracker: AlertTracker,
    /// The place of the series whose samples come.
    slot: Option<usize>,
    /// Firings that have not ended, by the id of the alert.
    open: FxHashMap<String, Firing>,
    preview: Preview,
}

impl Replay {
    fn samples(&mut self, condition: &SampleCondition, (start, end): (i64, i64), source: &dyn Source) -> Result<(), EvalError> {
        source.read(std::slice::from_ref(&condition.selector.matchers), start, end, self)
    }

    fn query<Q, E>(
        &mut self,
        query: &Q,
        clear: Option<&ClearQuery<Q>>,
        rows_of: impl Fn(&Q) -> Result<Vec<Row>, E>,
        grid: Instants,
    ) -> Result<(), E> {
        let rows = rows_of(query)?;
        let cleared = clear.map(|clear| clear.result(rows_of)).transpose()?;
        self.instants(&rows, cleared, grid);
        Ok(())
    }

    /// Judges the rows of a query, instant by instant; those of `clear` come with whether they end an alert.
    fn instants(&mut self, rows: &[Row], cleared: Option<(Vec<Row>, bool)>, (start, end, step): Instants) {
        let cleared = cleared.map(|(rows, when)| {
            let by_labels: FxHashMap<Labels, Vec<f64>> =
                rows.into_iter().map(|row| (row.labels.without(&[NAME_LABEL]), row.values)).collect();
            (by_labels, when)
        });
        self.preview.series = rows.len();
        self.preview.step_ms = Some(step);
        let count = ((end - start) / step + 1) as usize;
        let mut result: Vec<(Labels, f64)> = Vec::new();
        for at in 0..count {
            result.clear();
            let value = |row: &Row| row.values.get(at).copied().filter(|v| !is_stale_marker(*v)).map(|v| (row.labels.clone(), v));
            result.extend(rows.iter().filter_map(value));
            let known = self.tracker.labels_of(0);
            if result.is_empty() && known.is_empty() {
                continue;
            }
            let mut missing = Missing::default();
            if let Some((series, when)) = &cleared {
                for (labels, _) in known.into_iter().filter(|(_, fired)| *fired) {
                    let values = series.get(&labels.without(&[NAME_LABEL]));
                    let given = values.and_then(|values| values.get(at)).is_some_and(|v| !is_stale_marker(*v));
                    missing.insert(labels, if given == *when { Absence::NotMet } else { Absence::NotCleared });
                }
            }
            self.tracker.apply(0, start + at as i64 * step, &result, &missing);
            self.note();
        }
        self.preview.judged = count;
    }

    /// Notes the changes of alerts.
    fn note(&mut self) {
        for alert in self.tracker.changes() {
            match alert.state {
                AlertState::Firing if !self.open.contains_key(&alert.id) => {
                    self.preview.fired += 1;
                    let fired_at = alert.firing_since.unwrap_or(alert.last_sample);
                    let Alert { id, metric, pending_since, value, .. } = alert;
                    self.open.insert(id, Firing { labels: metric, pending_since, fired_at, resolved_at: None, value });
                }
                AlertState::Resolved => match self.open.remove(&alert.id) {
                    Some(firing) => self.close(Firing { resolved_at: alert.resolved_at, ..firing }, alert.last_sample),
                    None => self.preview.too_short += 1,
                },
                _ => {}
            }
        }
    }

    fn close(&mut self, firing: Firing, end: TimestampMs) {
        self.preview.firing_ms += firing.resolved_at.unwrap_or(end) - firing.fired_at;
        self.preview.firings.push(firing);
        // The oldest go, now and then.
        if self.preview.firings.len() >= 4 * MAX_FIRINGS {
            self.keep_newest();
        }
    }

    fn keep_newest(&mut self) {
        self.preview.firings.sort_by_key(|firing| std::cmp::Reverse(firing.fired_at));
        self.preview.firings.truncate(MAX_FIRINGS);
    }

    fn finish(mut self, end: TimestampMs) -> Preview {
        for (_, firing) in std::mem::take(&mut self.open) {
            self.close(firing, end);
        }
        self.keep_newest();
        self.preview
    }
}

impl SeriesSink for Replay {
    fn begin(&mut self, labels: &Labels) -> Result<(), EvalError> {
        self.tracker.forget_series();
        self.slot = self.tracker.watch(labels, None);
        self.preview.series += 1;
        Ok(())
    }

    fn piece(&mut self, columns: &Columns) -> Result<(), EvalError> {
        let Some(slot) = self.slot else { return Ok(()) };
        for sample in columns.iter() {
            self.tracker.observe(slot, sample.t, sample.v, Judge::CatchUp(sample.t));
        }
        self.preview.judged += columns.times.len();
        self.note();
        Ok(())
    }
}

/// The rows of a query over a grid.
fn rows_of(query: &Query, (start, end, step): Instants, source: &dyn Source, limits: &EvaluationLimits) -> Result<Vec<Row>, EvalError> {
    let params = limits.params(start, end, step);
    match evaluate(query, &params, source)?.0 {
        Answer::Vector(rows) => Ok(rows),
        Answer::Scalar(points) => Ok(vec![Row::new(Labels::none(), points.into_iter().map(|(_, v)| v).collect())]),
        Answer::Text(_) | Answer::Matrix(_) => Err(EvalError::Execution("the result is neither a vector nor a scalar".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::promql::tests::Memory;

    const S: i64 = 1_000;

    /// A level each 5 s over an hour: high in the first minute of each ten, and for 10 s in the sixth.
    fn memory() -> Memory {
        let times: Vec<i64> = (0..720).map(|n| n * 5 * S).collect();
        let high = |t: &i64| t % (600 * S) < 60 * S || (300 * S..310 * S).contains(&(t % (600 * S)));
        let values = times.iter().map(|t| if high(t) { 9.0 } else { 1.0 }).collect();
        Memory(vec![(Labels::metric("level", &[("host", "a")]), Columns { times, values })])
    }

    fn shown(rule: &str) -> Result<Preview, PreviewError> {
        let spec: RuleSpec = serde_json::from_str(&format!("{{{rule}}}")).unwrap();
        preview("x", &spec, RuleOptions::default(), (0, 3_600 * S), &memory(), &EvaluationLimits::for_tests())
    }

    #[test]
    fn what_would_have_fired_is_found_by_samples_and_by_queries() {
        for (rule, fired, too_short, first, last) in [
            (r#""expr": "level > 5", "for": "30s""#, 6, 6, (30, 60), (3_030, 3_060)),
            (r#""expr": "level > 5""#, 12, 0, (0, 60), (3_300, 3_310)),
            (r#""expr": "level > 5", "cooldown": "20m""#, 3, 9, (0, 60), (2_400, 2_460)),
            (r#""expr": "sum by (host) (level) > 5", "for": "30s""#, 6, 6, (30, 60), (3_030, 3_060)),
            (r#""expr": "sum by (host) (level) > 5", "for": "30s", "clear": 0.5"#, 1, 0, (30, -1), (30, -1)),
        ] {
            let preview = shown(rule).unwrap();
            assert_eq!((preview.fired, preview.too_short, preview.series), (fired, too_short, 1), "{rule}");
            let times = |firing: &Firing| (firing.fired_at / S, firing.resolved_at.map_or(-1, |t| t / S));
            assert_eq!(preview.firings.last().map(times), Some(first), "{rule}");
            assert_eq!(preview.firings.first().map(times), Some(last), "{rule}");
            let sum: i64 = preview.firings.iter().map(|firing| firing.resolved_at.unwrap_or(3_600 * S) - firing.fired_at).sum();
            assert_eq!(preview.firing_ms, sum, "{rule}");
        }
    }

    #[test]
    fn a_long_time_is_tried_at_longer_steps_and_for_is_met_as_well() {
        // A level each minute over 40 days, high for half an hour of each six: with an evaluation each second a step is 34.56 s.
        let times: Vec<i64> = (0..40 * 1_440).map(|n| n * 60 * S).collect();
        let values = times.iter().map(|t| if t % (6 * 3_600 * S) < 1_800 * S { 9.0 } else { 1.0 }).collect();
        let memory = Memory(vec![(Labels::metric("level", &[("host", "a")]), Columns { times, values })]);
        let spec: RuleSpec = serde_json::from_str(r#"{"expr": "sum by (host) (level) > 5", "for": "5m"}"#).unwrap();
        let options = RuleOptions { evaluation_interval: Span::secs(1), ..RuleOptions::default() };
        let limits = EvaluationLimits { max_samples: usize::MAX, ..EvaluationLimits::for_tests() };
        let preview = preview("x", &spec, options, (0, 40 * 86_400 * S - 1), &memory, &limits).unwrap();
        assert_eq!((preview.fired, preview.too_short), (160, 0), "step {:?}", preview.step_ms);
    }

    #[test]
    fn what_cannot_fire_says_why() {
        for (rule, part) in [
            (r#""expr": "level", "record": "a""#, "a recording rule does not fire"),
            (r#""expr": "level > 5", "enabled": false"#, "switched off"),
            (r#""expr": "level >""#, "rule `x`: expr: 1:8: parse error"),
        ] {
            assert!(shown(rule).unwrap_err().to_string().contains(part), "{rule}");
        }
    }
}
