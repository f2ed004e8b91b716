//! A rule as it is written: in the settings, over REST, in a rule file.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Severity;
use crate::span::Span;

/// A rule as it is written. [`super::Rule`] is what becomes of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RuleSpec {
    /// The condition, in PromQL: each series of its result is an alert.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expr: Option<String>,
    /// In the place of `expr`: a selector whose series must have samples. Each series that has none any more is an alert, and so is a
    /// selector that no series matches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub absent: Option<String>,
    /// In the place of `expr`: a metric query of LogQL over log lines. Each series of its result is an alert.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logql: Option<String>,
    /// Series for which this gives a result with the same labels are left out: `unless` of PromQL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unless: Option<String>,
    /// Makes it a recording rule: the result of `expr` is stored under this metric name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
    /// How long the condition must hold before the alert fires.
    #[serde(rename = "for", skip_serializing_if = "is_zero")]
    pub hold: Span,
    /// How long an alert goes on firing after its condition has ended.
    #[serde(skip_serializing_if = "is_zero")]
    pub keep_firing_for: Span,
    /// Shortest time between two firings for the same series.
    #[serde(skip_serializing_if = "is_zero")]
    pub cooldown: Span,
    /// When a firing alert ends, where that is not as soon as its condition does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clear: Option<Clear>,
    /// How many of the last samples or evaluations must meet the condition: `3 of 5`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<Count>,
    /// How bad it is. Without it the label `severity` decides, and without that it is a warning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// Labels of its alerts, or of the series that it records; an empty one removes a label.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Texts about its alerts: templates.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// What to do about its alerts, step by step.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remediation: Vec<String>,
    /// `false` switches it off.
    #[serde(skip_serializing_if = "is_true")]
    pub enabled: bool,
}

fn is_zero(span: &Span) -> bool {
    span.ms() == 0
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_true(value: &bool) -> bool {
    *value
}

impl Default for RuleSpec {
    fn default() -> Self {
        Self {
            expr: None,
            absent: None,
            logql: None,
            unless: None,
            record: None,
            hold: Span::secs(0),
            keep_firing_for: Span::secs(0),
            cooldown: Span::secs(0),
            clear: None,
            count: None,
            severity: None,
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            remediation: Vec::new(),
            enabled: true,
        }
    }
}

impl RuleSpec {
    /// An alerting rule with a condition.
    #[must_use]
    pub fn alerting(expr: &str, severity: Severity) -> Self {
        Self { expr: Some(expr.to_owned()), severity: Some(severity), ..Self::default() }
    }

    /// A recording rule.
    #[must_use]
    pub fn recording(record: &str, expr: &str) -> Self {
        Self { expr: Some(expr.to_owned()), record: Some(record.to_owned()), ..Self::default() }
    }
}

/// When a firing alert ends.
#[derive(Debug, Clone, PartialEq)]
pub enum Clear {
    /// The limit of the condition while the alert fires: `expr = "x > 0.9"` and `clear = 0.8` end it at 0.8.
    At(f64),
    /// It ends when this expression gives a result with the labels of the alert.
    When(String),
}

impl Clear {
    /// A number, or else an expression.
    pub(super) fn of_text(text: &str) -> Self {
        text.trim().parse().map_or_else(|_| Self::When(text.to_owned()), Self::At)
    }
}

impl Serialize for Clear {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::At(limit) => serializer.serialize_f64(*limit),
            Self::When(expr) => serializer.serialize_str(expr),
        }
    }
}

impl<'de> Deserialize<'de> for Clear {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ClearVisitor)
    }
}

struct ClearVisitor;

impl Visitor<'_> for ClearVisitor {
    type Value = Clear;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number or an expression")
    }

    fn visit_f64<E: Error>(self, limit: f64) -> Result<Clear, E> {
        Ok(Clear::At(limit))
    }

    fn visit_i64<E: Error>(self, limit: i64) -> Result<Clear, E> {
        Ok(Clear::At(limit as f64))
    }

    fn visit_u64<E: Error>(self, limit: u64) -> Result<Clear, E> {
        Ok(Clear::At(limit as f64))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Clear, E> {
        Ok(Clear::of_text(text))
    }
}

/// "N of the last M": how many samples or evaluations must meet the condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// At least so many.
    pub met: u32,
    /// Of so many, at most 64.
    pub of: u32,
}

/// A text that is not a [`Count`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a count; write it like 3 of 5, with at most 64")]
pub struct CountError(String);

impl FromStr for Count {
    type Err = CountError;

    fn from_str(text: &str) -> Result<Self, CountError> {
        let parsed = text.split_once("of").and_then(|(met, of)| Some((met.trim().parse().ok()?, of.trim().parse().ok()?)));
        let (met, of) = parsed.ok_or_else(|| CountError(text.chars().take(64).collect()))?;
        if !(1..=of).contains(&met) || of > 64 {
            return Err(CountError(text.chars().take(64).collect()));
        }
        Ok(Self { met, of })
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.met, self.of)
    }
}

impl Serialize for Count {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_reads_what_it_writes() {
        let full = r#"{"expr":"cpu > 0.9","unless":"y","for":"1m","keep_firing_for":"5m","cooldown":"10m","clear":0.8,"count":"3 of 5",
            "severity":"warning","labels":{"team":"a"},"annotations":{"summary":"hot"},"remediation":["look"],"enabled":false}"#;
        let lines = r#"{"logql":"count_over_time({a=\"b\"}[1m]) > 5","for":"1m"}"#;
        for text in [full, lines, r#"{"absent":"up"}"#, r#"{"expr":"sum(a)","record":"a:b"}"#, r#"{"expr":"a > b","clear":"a < b"}"#] {
            let spec: RuleSpec = serde_json::from_str(text).unwrap();
            let written = serde_json::to_string(&spec).unwrap();
            assert_eq!(written, text.split_whitespace().collect::<Vec<_>>().join(" ").replace(", ", ","), "{text}");
            assert_eq!(serde_json::from_str::<RuleSpec>(&written).unwrap(), spec);
        }
    }

    #[test]
    fn every_key_of_a_rule_is_documented() {
        let text = include_str!("../../../docs/OPERATIONS.md");
        let part = text.split("\n## ").find(|part| part.starts_with("Alert rules")).unwrap();
        let unknown = serde_json::from_str::<RuleSpec>(r#"{"?": 1}"#).unwrap_err().to_string();
        let keys: Vec<&str> = unknown.split('`').skip(3).step_by(2).collect();
        assert_eq!(keys.len(), 15, "{unknown}");
        for key in keys {
            assert!(part.contains(&format!("| `{key}` |")), "{key} is missing");
        }
    }

    #[test]
    fn keys_take_what_they_mean() {
        let clear = |text: &str| serde_json::from_str::<Clear>(text).map_err(|error| error.to_string());
        assert_eq!(clear("1"), Ok(Clear::At(1.0)));
        assert_eq!(clear("\"-0.5\""), Ok(Clear::At(-0.5)));
        assert_eq!(clear("\"x < 1\""), Ok(Clear::When("x < 1".to_owned())));
        assert!(clear("[1]").is_err());
        for (text, count) in
            [("3 of 5", Some((3, 5))), ("1of1", Some((1, 1))), ("5 of 3", None), ("0 of 3", None), ("2 of 65", None), ("3", None)]
        {
            assert_eq!(text.parse::<Count>().ok().map(|count| (count.met, count.of)), count, "{text}");
        }
        let error = serde_json::from_str::<RuleSpec>(r#"{"expr": "cpu > 1", "fro": "1m"}"#).unwrap_err().to_string();
        assert!(error.starts_with("unknown field `fro`, expected one of `expr`"), "{error}");
    }
}
