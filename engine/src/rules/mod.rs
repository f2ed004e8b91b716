//! Rules: what is worth an alert. A rule is a condition, how long it must hold, and how often it may fire.
//!
//! [`RuleSet`] is built once from the settings; [`AlertBook`] holds the state of each rule and series. Pure: sending
//! and keeping alerts is the actors' business.

mod book;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

pub use self::book::{Alert, AlertBook, AlertState};
use crate::model::Labels;
use crate::promql::{Condition, QueryError};
use crate::span::Span;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Of use to developers only.
    Debug,
    /// Worth knowing.
    Info,
    /// Worth a look.
    Notice,
    /// Needs a look.
    Warning,
    /// Something does not work.
    Error,
    /// Act now.
    Critical,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
        })
    }
}

/// A rule as written in the settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleSpec {
    /// `selector > number`.
    pub expr: String,
    /// How long the condition must hold before the alert fires.
    #[serde(rename = "for", default = "RuleSpec::no_time")]
    pub hold: Span,
    /// Shortest time between two firings for the same series.
    #[serde(default = "RuleSpec::no_time")]
    pub cooldown: Span,
    /// How bad it is.
    pub severity: Severity,
    /// `false` switches it off.
    #[serde(default = "RuleSpec::on")]
    pub enabled: bool,
}

impl RuleSpec {
    fn no_time() -> Span {
        Span::secs(0)
    }

    fn on() -> bool {
        true
    }
}

/// Why a rule cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// Its condition cannot be read.
    #[error("rule `{rule}`: expr: {source}")]
    Condition {
        /// The rule.
        rule: String,
        /// Why.
        source: QueryError,
    },
    /// It would wait for longer than samples are kept.
    #[error("rule `{rule}`: for = {given} is longer than the retention of {retention}; use at most {retention}")]
    HoldTooLong {
        /// The rule.
        rule: String,
        /// As written.
        given: Span,
        /// How long samples are kept.
        retention: Span,
    },
}

/// A rule that can be evaluated.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// As written.
    pub spec: RuleSpec,
    /// Parsed.
    pub condition: Condition,
}

/// All rules that are switched on.
#[derive(Debug, Clone, Default)]
pub struct RuleSet {
    rules: Vec<Rule>,
}

impl RuleSet {
    /// Reads the rules of the settings.
    ///
    /// # Errors
    /// [`RuleError`] names the first rule that cannot be used.
    pub fn new(specs: &BTreeMap<String, RuleSpec>, retention: Span) -> Result<Self, RuleError> {
        let mut rules = Vec::new();
        for (name, spec) in specs.iter().filter(|(_, spec)| spec.enabled) {
            if spec.hold > retention {
                return Err(RuleError::HoldTooLong { rule: name.clone(), given: spec.hold, retention });
            }
            let condition = Condition::parse(&spec.expr).map_err(|source| RuleError::Condition { rule: name.clone(), source })?;
            rules.push(Rule { name: name.clone(), spec: spec.clone(), condition });
        }
        Ok(Self { rules })
    }

    /// All of them, by name.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The places in [`RuleSet::rules`] of those that watch a series.
    #[must_use]
    pub fn watching(&self, labels: &Labels) -> Vec<usize> {
        (0..self.rules.len()).filter(|&at| self.rules[at].condition.selector.accepts(labels)).collect()
    }

    /// Whether a sample meets the condition of a rule, so that it should not wait.
    #[must_use]
    pub fn breaks(&self, labels: &Labels, v: f64) -> bool {
        self.rules.iter().any(|rule| rule.condition.op.holds(v, rule.condition.threshold) && rule.condition.selector.accepts(labels))
    }
}

/// The rules that ship switched on.
#[must_use]
pub fn shipped() -> BTreeMap<String, RuleSpec> {
    let rule = |expr: &str, hold, cooldown, severity| RuleSpec {
        expr: expr.to_owned(),
        hold: Span::secs(hold),
        cooldown: Span::secs(cooldown),
        severity,
        enabled: true,
    };
    [
        ("high_cpu_usage", rule("system_cpu_utilization_ratio > 0.80", 60, 300, Severity::Warning)),
        ("critical_cpu_usage", rule("system_cpu_utilization_ratio > 0.95", 30, 180, Severity::Critical)),
        ("high_memory_usage", rule("system_memory_utilization_ratio > 0.85", 120, 300, Severity::Warning)),
        ("task_failure_rate", rule("taskmaster_failure_ratio > 0.1", 300, 600, Severity::Error)),
        ("github_failure_rate", rule("github_actions_success_ratio < 0.9", 180, 300, Severity::Warning)),
        ("degraded_performance", rule("taskpulse_health_score < 70", 300, 600, Severity::Warning)),
    ]
    .into_iter()
    .map(|(name, rule)| (name.to_owned(), rule))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_rules_can_be_read() {
        let set = RuleSet::new(&shipped(), Span::secs(86_400)).unwrap();
        assert_eq!(set.rules().len(), 6);
        let cpu = Labels::metric("system_cpu_utilization_ratio", &[]);
        assert_eq!(set.watching(&cpu).len(), 2);
        assert!(set.breaks(&cpu, 0.81) && !set.breaks(&cpu, 0.8));
    }

    #[test]
    fn a_rule_that_cannot_be_used_says_why() {
        let mut specs = shipped();
        let spec = specs.get_mut("high_cpu_usage").unwrap();
        spec.hold = Span::secs(1_000);
        let error = RuleSet::new(&specs, Span::secs(600)).unwrap_err().to_string();
        assert_eq!(error, "rule `high_cpu_usage`: for = 16m40s is longer than the retention of 10m; use at most 10m");
        specs.get_mut("high_cpu_usage").unwrap().expr = "cpu >".to_owned();
        assert!(RuleSet::new(&specs, Span::secs(600)).is_err());
        specs.get_mut("high_cpu_usage").unwrap().hold = Span::secs(1);
        assert!(RuleSet::new(&specs, Span::secs(600)).unwrap_err().to_string().starts_with("rule `high_cpu_usage`: expr: "));
    }
}
