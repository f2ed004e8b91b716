//! Evaluating a group of rules at an instant.
//!
//! Rules are evaluated in their order, and later ones see what earlier ones gave at this instant. What is to be written is returned;
//! nothing is written here.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustc_hash::{FxHashMap, FxHashSet};

use super::condition::{Condition, QueryCondition};
use super::lines::{LinesCondition, lines_at};
use super::overlay::Overlay;
use super::tracker::{Absence, AlertTracker, MAX_OF_RULE, Missing};
use super::{Alert, Rule, RuleSet, texts};
use crate::logs::logql::{LogqlError, MetricQuery};
use crate::model::{Labels, NAME_LABEL, STALE_NAN_BITS, TimestampMs, is_stale_marker};
use crate::promql::{Answer, EvalError, Params, Query, Source, evaluate};

/// Most series that a recording rule records.
const MAX_RECORDED: usize = 100_000;

/// What an evaluation may cost.
#[derive(Debug, Clone)]
pub struct EvaluationLimits {
    /// How old a sample may be to count.
    pub lookback: i64,
    /// See [`Params::delayed_names`].
    pub delayed_names: bool,
    /// Samples that one rule may read.
    pub max_samples: usize,
    /// Memory that one rule may take.
    pub max_bytes: usize,
    /// Time that one rule may take.
    pub timeout: Duration,
    /// Set when nobody waits for the result any more.
    pub cancelled: Arc<AtomicBool>,
}

#[cfg(test)]
impl EvaluationLimits {
    /// More than any test needs.
    pub(crate) fn for_tests() -> Self {
        Self {
            lookback: 300_000,
            delayed_names: false,
            max_samples: 10_000_000,
            max_bytes: 256 << 20,
            timeout: Duration::from_secs(10),
            cancelled: Arc::default(),
        }
    }
}

/// A row that is to be written.
pub type RuleRow = (Labels, TimestampMs, f64);

/// The series that recording rules gave at the last instant, by the key of the rule.
pub type Recorded = FxHashMap<String, FxHashSet<Labels>>;

/// What became of a rule.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RuleReport {
    /// Why it could not be evaluated.
    pub error: Option<String>,
    /// How long it took.
    pub seconds: f64,
    /// Series of its result.
    pub series: usize,
}

/// What became of a group.
#[derive(Debug, Default)]
pub struct GroupOutcome {
    /// What is to be written.
    pub rows: Vec<RuleRow>,
    /// Alerts that changed.
    pub changes: Vec<Alert>,
    /// One for each of its rules.
    pub reports: Vec<RuleReport>,
    /// How long it took.
    pub seconds: f64,
}

/// Why a rule has no result.
#[derive(Debug, thiserror::Error)]
enum RuleFailure {
    #[error(transparent)]
    Query(#[from] EvalError),
    #[error(transparent)]
    Lines(#[from] LogqlError),
    #[error("vector contains metrics with the same labelset after applying rule labels")]
    Duplicate,
    #[error("its result has {0} series; a rule may have {1}: aggregate it, or choose fewer series")]
    TooMany(usize, usize),
    #[error("its result has {0} series, and the limit of its group is {1}")]
    OverLimit(usize, usize),
}

/// An instant of a group.
#[derive(Clone, Copy)]
pub struct GroupInstant<'a> {
    /// All rules.
    pub rules: &'a Arc<RuleSet>,
    /// The place of the group.
    pub group: usize,
    /// The instant.
    pub t: TimestampMs,
    /// What a rule may cost.
    pub limits: &'a EvaluationLimits,
}

impl GroupInstant<'_> {
    /// Evaluates the rules of the group over a source. The tracker is locked for a moment for each rule.
    pub fn evaluate(&self, source: &dyn Source, tracker: &Mutex<AlertTracker>, recorded: &Mutex<Recorded>) -> GroupOutcome {
        let mut outcome = GroupOutcome::default();
        let Some(group) = self.rules.groups().get(self.group) else { return outcome };
        let began = Instant::now();
        let mut overlay = Overlay::new(source);
        for at in group.rules.clone() {
            let rule = &self.rules.rules()[at];
            let since = Instant::now();
            let mut rows = Vec::new();
            let done = match &rule.condition {
                Condition::Sample(_) => Ok(tracker.lock().count_of(at)),
                Condition::Query(condition) => self.judge(at, &Asked::Samples(condition, &overlay), (tracker, recorded), &mut rows),
                Condition::Lines(condition) => self.judge(at, &Asked::Lines(condition, source), (tracker, recorded), &mut rows),
            };
            if !rule.is_recording() {
                rows = tracker.lock().alert_series(at..at + 1, self.query_time());
            }
            overlay.add(&rows);
            outcome.rows.extend(rows);
            let (series, error) = match done {
                Ok(series) => (series, None),
                Err(failure) => (0, Some(failure.to_string())),
            };
            outcome.reports.push(RuleReport { error, seconds: since.elapsed().as_secs_f64(), series });
        }
        outcome.changes = tracker.lock().changes();
        outcome.seconds = began.elapsed().as_secs_f64();
        outcome
    }

    /// The instant that queries are asked for.
    fn query_time(&self) -> TimestampMs {
        self.t - self.rules.groups()[self.group].query_offset.ms()
    }

    /// Records what a rule gives, or judges its alerts by it.
    fn judge(
        &self,
        at: usize,
        asked: &Asked<'_>,
        (tracker, recorded): (&Mutex<AlertTracker>, &Mutex<Recorded>),
        rows: &mut Vec<RuleRow>,
    ) -> Result<usize, RuleFailure> {
        let rule = &self.rules.rules()[at];
        let result = asked.result(self)?;
        if rule.is_recording() { self.record(rule, &result, recorded, rows) } else { self.alert(at, asked, &result, tracker) }
    }

    /// The result of a query, with what the group gave already.
    fn ask(&self, query: &Query, condition: &QueryCondition, overlay: &Overlay<'_>) -> Result<Vec<(Labels, f64)>, EvalError> {
        let source: &dyn Source = if overlay.has(condition.metrics().as_deref()) { overlay } else { overlay.source() };
        result_at(query, self.query_time(), source, self.limits)
    }

    /// Refuses more results than there may be.
    fn check_count(&self, count: usize, most: usize) -> Result<(), RuleFailure> {
        let limit = self.rules.groups()[self.group].limit;
        match count {
            count if limit > 0 && count > limit => Err(RuleFailure::OverLimit(count, limit)),
            count if count > most => Err(RuleFailure::TooMany(count, most)),
            _ => Ok(()),
        }
    }

    fn record(
        &self,
        rule: &Rule,
        result: &[(Labels, f64)],
        recorded: &Mutex<Recorded>,
        rows: &mut Vec<RuleRow>,
    ) -> Result<usize, RuleFailure> {
        self.check_count(result.len(), MAX_RECORDED)?;
        let t = self.query_time();
        let mut now: FxHashSet<Labels> = FxHashSet::default();
        for (labels, value) in result {
            let labels = recorded_labels(rule, labels);
            rows.push((labels.clone(), t, *value));
            if !now.insert(labels) {
                rows.clear();
                return Err(RuleFailure::Duplicate);
            }
        }
        let mut recorded = recorded.lock();
        let before = recorded.insert(rule.key.clone(), now.clone()).unwrap_or_default();
        rows.extend(before.into_iter().filter(|labels| !now.contains(labels)).map(|labels| (labels, t, f64::from_bits(STALE_NAN_BITS))));
        Ok(result.len())
    }

    fn alert(&self, at: usize, asked: &Asked<'_>, result: &[(Labels, f64)], tracker: &Mutex<AlertTracker>) -> Result<usize, RuleFailure> {
        let rule = &self.rules.rules()[at];
        self.check_count(result.len(), MAX_OF_RULE)?;
        let mut seen: FxHashSet<Labels> = FxHashSet::default();
        if !result.iter().all(|(labels, value)| seen.insert(alert_labels(rule, labels, *value))) {
            return Err(RuleFailure::Duplicate);
        }
        let known = tracker.lock().labels_of(at);
        let missing = self.missing(asked, result, known)?;
        tracker.lock().apply(at, self.t, result, &missing);
        Ok(result.len())
    }

    /// Why the result leaves alerts out that fire.
    fn missing(&self, asked: &Asked<'_>, result: &[(Labels, f64)], known: Vec<(Labels, bool)>) -> Result<Missing, RuleFailure> {
        let given: FxHashSet<&Labels> = result.iter().map(|(labels, _)| labels).collect();
        let left: Vec<Labels> =
            known.into_iter().filter(|(labels, fired)| *fired && !given.contains(labels)).map(|(labels, _)| labels).collect();
        if left.is_empty() {
            return Ok(Missing::default());
        }
        let (compared, cleared) = asked.left_out(self)?;
        let why = |labels: Labels| {
            let plain = labels.without(&[NAME_LABEL]);
            let absence = match (&compared, &cleared) {
                (Some(compared), _) if !compared.contains(&plain) => Absence::NoSamples,
                (_, Some((series, when))) if series.contains(&plain) != *when => Absence::NotCleared,
                _ => Absence::NotMet,
            };
            (labels, absence)
        };
        Ok(left.into_iter().map(why).collect())
    }
}

/// The condition of a rule, and where its data is read.
enum Asked<'a> {
    /// Samples, with what the group gave already.
    Samples(&'a QueryCondition, &'a Overlay<'a>),
    /// Log lines.
    Lines(&'a LinesCondition, &'a dyn Source),
}

/// The series that an expression has without its comparison, and those of `clear`, with whether they end an alert.
type LeftOut = (Option<FxHashSet<Labels>>, Option<(FxHashSet<Labels>, bool)>);

fn series_of(result: Vec<(Labels, f64)>) -> FxHashSet<Labels> {
    result.into_iter().map(|(labels, _)| labels.without(&[NAME_LABEL])).collect()
}

impl Asked<'_> {
    fn result(&self, at: &GroupInstant<'_>) -> Result<Vec<(Labels, f64)>, RuleFailure> {
        match self {
            Self::Samples(condition, overlay) => Ok(at.ask(&condition.query, condition, overlay)?),
            Self::Lines(condition, source) => Ok(lines_at(&condition.query, at.query_time(), *source, at.limits)?),
        }
    }

    fn left_out(&self, at: &GroupInstant<'_>) -> Result<LeftOut, RuleFailure> {
        match self {
            Self::Samples(condition, overlay) => {
                let series = |query: &Arc<Query>| at.ask(query, condition, overlay).map(series_of);
                let compared = condition.compared.as_ref().map(series).transpose()?;
                Ok((compared, condition.clear.as_ref().map(|clear| clear.result(series)).transpose()?))
            }
            // A time without log lines is no sign of a source that is gone.
            Self::Lines(condition, source) => {
                let series = |query: &Arc<MetricQuery>| lines_at(query, at.query_time(), *source, at.limits).map(series_of);
                Ok((None, condition.clear.as_ref().map(|clear| clear.result(series)).transpose()?))
            }
        }
    }
}

/// The result of a query at an instant: a scalar has no labels.
///
/// # Errors
/// [`EvalError`]
pub fn result_at(query: &Query, t: TimestampMs, source: &dyn Source, limits: &EvaluationLimits) -> Result<Vec<(Labels, f64)>, EvalError> {
    let params = limits.params(t, t, 1);
    match evaluate(query, &params, source)?.0 {
        Answer::Vector(rows) => {
            let value = |row: crate::promql::Row| Some((row.labels, row.values.first().copied().filter(|v| !is_stale_marker(*v))?));
            Ok(rows.into_iter().filter_map(value).collect())
        }
        Answer::Scalar(points) => Ok(points.into_iter().map(|(_, v)| (Labels::none(), v)).collect()),
        Answer::Text(_) | Answer::Matrix(_) => Err(EvalError::Execution("the result is neither a vector nor a scalar".to_owned())),
    }
}

impl EvaluationLimits {
    /// How a query is worked out within these limits, from now on.
    #[must_use]
    pub fn params(&self, start: TimestampMs, end: TimestampMs, step: i64) -> Params {
        Params {
            start,
            end,
            step,
            lookback: self.lookback,
            default_step: 60_000,
            delayed_names: self.delayed_names,
            use_windows: true,
            max_samples: self.max_samples,
            max_bytes: self.max_bytes,
            deadline: Instant::now() + self.timeout,
            cancelled: Arc::clone(&self.cancelled),
        }
    }
}

/// The labels of a recorded series: those of the result, then those of the rule; an empty one removes a label.
fn recorded_labels(rule: &Rule, labels: &Labels) -> Labels {
    rule.labels.iter().fold(labels.with(NAME_LABEL, &rule.name), |labels, (name, value)| labels.with(name, value))
}

/// What tells the alerts of a rule apart.
fn alert_labels(rule: &Rule, labels: &Labels, value: f64) -> Labels {
    texts::labels(rule, labels, value).iter().fold(labels.without(&[NAME_LABEL]), |labels, (name, value)| labels.with(name, value))
}
