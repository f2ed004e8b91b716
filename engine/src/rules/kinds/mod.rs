//! Kinds of rules: what can be said of samples that is worth an alert.
//!
//! To add one, write a file beside `threshold.rs` and add its line to [`RULE_KINDS`]. Settings, evaluation, REST and dashboard know a
//! kind by what it says of itself here:
//!
//! * [`RegisteredKind`]: its keys in a rule's settings, and how they are read;
//! * [`RuleKind`]: a rule's condition, parsed and shared by all that ask about it;
//! * [`Evaluator`]: its state, if it keeps any, owned by the tracker of alerts.
//!
//! The tracker takes evaluations, not samples, so the life of an alert does not depend on where they come from.

mod threshold;

use std::collections::BTreeMap;
use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::model::{Comparison, Labels, Selector, TimestampMs};
use crate::promql::QueryError;

/// All kinds. The first key of a kind selects it.
const RULE_KINDS: &[RegisteredKind] = &[threshold::KIND];

/// The keys of a rule's settings that its kind reads.
pub type KindSettings = BTreeMap<String, Value>;

/// A kind as the settings know it.
struct RegisteredKind {
    /// Its keys. A rule that has the first is of this kind.
    keys: &'static [&'static str],
    /// Reads the values of those keys.
    parse: fn(&KindSettings) -> Result<Box<dyn RuleKind>, ConditionError>,
}

/// The condition of a rule.
pub trait RuleKind: fmt::Debug + Send + Sync {
    /// The series whose samples it evaluates.
    fn selector(&self) -> &Selector;

    /// Whether a sample may start an alert, so that it should not wait for its batch.
    fn is_urgent(&self, v: f64) -> bool;

    /// What it says of itself.
    fn describe(&self) -> Description;

    /// An evaluator that has seen nothing yet.
    fn evaluator(&self) -> Box<dyn Evaluator>;
}

/// Evaluates a condition for all series of a rule, and keeps what state it needs for that.
pub trait Evaluator: Send {
    /// Evaluates a sample. None: it says nothing, and an alert stays as it is.
    fn evaluate(&mut self, series: &Labels, t: TimestampMs, v: f64) -> Option<Evaluation>;

    /// Evaluates what no sample can say, such as its absence. Called every few seconds.
    fn tick(&mut self, _now: TimestampMs) -> Vec<(Labels, Evaluation)> {
        Vec::new()
    }

    /// One line for a person about an evaluation.
    fn summary(&self, series: &Labels, evaluation: &Evaluation) -> String;
}

/// Whether a condition holds for a series at a time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evaluation {
    /// When, ms UTC.
    pub t: TimestampMs,
    /// The value that alerts show.
    pub value: f64,
    /// Whether the condition holds.
    pub holds: bool,
}

/// A condition, for people and screens.
#[derive(Debug, Clone, PartialEq)]
pub struct Description {
    /// The condition as written in the settings.
    pub query: String,
    /// The metric, where the condition is about one.
    pub metric: Option<String>,
    /// What its values are compared with, where that is a fixed number.
    pub limit: Option<Limit>,
}

/// A comparison with a number: what a chart of the metric shows as a line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limit {
    /// How values are compared.
    pub op: Comparison,
    /// With what.
    pub threshold: f64,
}

/// Why a rule's condition cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConditionError {
    /// No key says of which kind it is.
    #[error("it has no condition; give it {}", listed(&RULE_KINDS.iter().map(|kind| kind.keys[0]).collect::<Vec<_>>(), "or"))]
    Missing,
    /// A key that its kind does not have.
    #[error("unknown key `{key}`; besides for, cooldown, severity and enabled it may have {}", listed(keys, "and"))]
    UnknownKey {
        /// The key.
        key: String,
        /// Those of its kind.
        keys: &'static [&'static str],
    },
    /// A value of another type.
    #[error("{0}")]
    WrongType(String),
    /// Not a query that can be used there.
    #[error("{key}: {source}")]
    Query {
        /// The key.
        key: &'static str,
        /// Why.
        source: QueryError,
    },
}

/// Keys as in `` `a` or `b` ``.
fn listed(keys: &[&str], word: &str) -> String {
    keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(&format!(" {word} "))
}

/// Refuses settings of no kind, and keys that the kind does not have.
pub(super) fn check_keys(settings: &KindSettings) -> Result<(), ConditionError> {
    let kind = kind_of(settings)?;
    match settings.keys().find(|key| !kind.keys.contains(&key.as_str())) {
        Some(key) => Err(ConditionError::UnknownKey { key: key.clone(), keys: kind.keys }),
        None => Ok(()),
    }
}

/// Reads a condition.
pub(super) fn parse(settings: &KindSettings) -> Result<Box<dyn RuleKind>, ConditionError> {
    (kind_of(settings)?.parse)(settings)
}

fn kind_of(settings: &KindSettings) -> Result<&'static RegisteredKind, ConditionError> {
    RULE_KINDS.iter().find(|kind| settings.contains_key(kind.keys[0])).ok_or(ConditionError::Missing)
}

/// The value of a key that a kind has.
fn value<T: DeserializeOwned>(settings: &KindSettings, key: &str) -> Result<T, ConditionError> {
    let value = settings.get(key).cloned().unwrap_or(Value::Null);
    serde_json::from_value(value).map_err(|error| ConditionError::WrongType(format!("{key}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_a_rule_is_documented() {
        let text = include_str!("../../../../docs/OPERATIONS.md");
        let part = text.split("\n## ").find(|part| part.starts_with("Alert rules")).unwrap();
        let common = ["for", "cooldown", "severity", "enabled"];
        for key in RULE_KINDS.iter().flat_map(|kind| kind.keys).chain(&common) {
            assert!(part.contains(&format!("| `{key}` |")), "{key} is missing");
        }
    }
}
