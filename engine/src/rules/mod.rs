//! Rules: what is worth an alert. A rule is a condition, how long it must hold, and how often it may fire.
//!
//! [`RuleSet`] is built once from the settings; [`AlertTracker`] keeps the alerts of all rules and series. What a condition can be is in
//! [`kinds`]. Pure: actors publish and keep alerts.

mod alert;
pub mod files;
pub mod kinds;
mod spec;
mod tracker;
pub mod unit_tests;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use self::alert::{Alert, AlertState};
use self::kinds::{ConditionError, RuleKind};
pub use self::spec::RuleSpec;
pub use self::tracker::AlertTracker;
use crate::model::Labels;
use crate::span::Span;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Of use to developers only.
    Debug,
    /// Worth knowing.
    Info,
    /// Worth attention.
    Notice,
    /// Needs attention soon.
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

/// Why a rule cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// Its condition cannot be read.
    #[error("rule `{rule}`: {source}")]
    Condition {
        /// The rule.
        rule: String,
        /// Why.
        source: ConditionError,
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
    /// Its condition, parsed.
    pub condition: Arc<dyn RuleKind>,
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
        for (name, spec) in specs {
            let refuse = |source| RuleError::Condition { rule: name.clone(), source };
            kinds::check_keys(&spec.condition).map_err(refuse)?;
            if !spec.enabled {
                continue;
            }
            if spec.hold > retention {
                return Err(RuleError::HoldTooLong { rule: name.clone(), given: spec.hold, retention });
            }
            let condition = kinds::parse(&spec.condition).map_err(refuse)?.into();
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
        (0..self.rules.len()).filter(|&at| self.rules[at].condition.selector().accepts(labels)).collect()
    }

    /// Whether a sample may start an alert, so that it should not wait for its batch.
    #[must_use]
    pub fn is_urgent(&self, labels: &Labels, v: f64) -> bool {
        self.rules.iter().any(|rule| rule.condition.is_urgent(v) && rule.condition.selector().accepts(labels))
    }
}

/// The rules that ship switched on.
#[must_use]
pub fn shipped() -> BTreeMap<String, RuleSpec> {
    let rule = |expr: &str, hold, cooldown, severity| RuleSpec {
        hold: Span::secs(hold),
        cooldown: Span::secs(cooldown),
        ..RuleSpec::threshold(expr, severity)
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
        assert!(set.is_urgent(&cpu, 0.81) && !set.is_urgent(&cpu, 0.8));
    }

    #[test]
    fn a_rule_that_cannot_be_used_says_why() {
        for (settings, error) in [
            (r#""expr": "cpu > 1", "for": "1000s""#, "rule `hot`: for = 16m40s is longer than the retention of 10m; use at most 10m"),
            (r#""for": "1s""#, "rule `hot`: it has no condition; give it `expr`"),
            (
                r#""expr": "cpu > 1", "fro": "1m", "enabled": false"#,
                "rule `hot`: unknown key `fro`; besides for, cooldown, severity and enabled it may have `expr`",
            ),
            (r#""expr": 5"#, "rule `hot`: expr: invalid type: integer `5`, expected a string"),
            (r#""expr": "cpu""#, "rule `hot`: expr: `cpu` is not a condition; write it like system_cpu_utilization_ratio > 0.8"),
        ] {
            let specs = format!(r#"{{"hot": {{"severity": "info", {settings}}}}}"#);
            let specs: BTreeMap<String, RuleSpec> = serde_json::from_str(&specs).unwrap();
            assert_eq!(RuleSet::new(&specs, Span::secs(600)).unwrap_err().to_string(), error, "{settings}");
        }
    }

    #[test]
    fn a_rule_reads_what_it_writes() {
        let written = serde_json::to_string(&shipped()).unwrap();
        assert_eq!(serde_json::from_str::<BTreeMap<String, RuleSpec>>(&written).unwrap(), shipped());
        let error = serde_json::from_str::<RuleSpec>(r#"{"expr": "cpu > 1"}"#).unwrap_err().to_string();
        assert!(error.starts_with("missing field `severity`"), "{error}");
    }
}
