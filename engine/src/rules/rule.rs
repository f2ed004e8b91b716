//! A rule that can be evaluated, and why one cannot.

use std::collections::BTreeMap;

use super::condition::{Condition, ConditionError};
use super::group::GroupSpec;
use super::spec::RuleSpec;
use super::{NamedRule, RuleOptions, Severity, texts};
use crate::model::{NAME_LABEL, go_quoted, is_plain_name};
use crate::span::Span;

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
    /// A label or annotation that cannot have this name.
    #[error("rule `{rule}`: {}: it cannot be named {}", key, go_quoted(name))]
    BadLabel {
        /// The rule.
        rule: String,
        /// `labels` or `annotations`.
        key: &'static str,
        /// The name.
        name: String,
    },
    /// A label or annotation that is no template.
    #[error("rule `{rule}`: {key}: {}, at character {}: {message}", go_quoted(name), at + 1)]
    Template {
        /// The rule.
        rule: String,
        /// `labels` or `annotations`.
        key: &'static str,
        /// Its name.
        name: String,
        /// The byte of the text.
        at: usize,
        /// Why.
        message: String,
    },
    /// More rules than there may be.
    #[error("there are {0} rules; at most {max} are evaluated", max = super::MAX_RULES)]
    TooMany(usize),
}

/// A rule that can be evaluated.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Names it among all rules and across restarts: its name, with file and group where those are not the settings.
    pub key: String,
    /// The name of its alerts, or of the metric that it records.
    pub name: String,
    /// The place of its group in the set.
    pub group: usize,
    /// As written.
    pub spec: RuleSpec,
    /// Its labels, those of its group included: templates.
    pub labels: BTreeMap<String, String>,
    /// How bad its alerts are.
    pub severity: Severity,
    /// Its condition, parsed.
    pub condition: Condition,
}

impl Rule {
    /// Reads a rule of a group.
    ///
    /// # Errors
    /// [`RuleError`]
    pub(super) fn new(named: &NamedRule, of: &GroupSpec, group: usize, options: RuleOptions) -> Result<Self, RuleError> {
        let NamedRule { name: rule, spec } = named;
        let refuse = |source| RuleError::Condition { rule: rule.clone(), source };
        let retention = options.retention;
        if spec.hold > retention {
            return Err(RuleError::HoldTooLong { rule: rule.clone(), given: spec.hold, retention });
        }
        if let Some(record) = &spec.record {
            check_recording(record, spec).map_err(refuse)?;
        }
        // The limit of a group counts the results of an evaluation.
        let condition = Condition::new(spec, options.on_samples && of.limit == 0).map_err(refuse)?;
        let mut labels = of.labels.clone();
        labels.extend(spec.labels.clone());
        if let (Some(severity), None, None) = (spec.severity, labels.get("severity"), &spec.record) {
            labels.insert("severity".to_owned(), severity.to_string());
        }
        let bad = |key, names: &BTreeMap<String, String>| {
            let name = names.keys().find(|name| name.is_empty() || *name == NAME_LABEL)?.clone();
            Some(RuleError::BadLabel { rule: rule.clone(), key, name })
        };
        if let Some(error) = bad("labels", &labels).or_else(|| bad("annotations", &spec.annotations)) {
            return Err(error);
        }
        if spec.record.is_none() {
            texts::check(rule, "labels", &labels)?;
            texts::check(rule, "annotations", &spec.annotations)?;
        }
        let severity = spec.severity.or_else(|| Severity::of_label(labels.get("severity")?)).unwrap_or(Severity::Warning);
        let name = spec.record.as_ref().unwrap_or(rule).clone();
        Ok(Self { key: of.key(rule), name, group, spec: spec.clone(), labels, severity, condition })
    }

    /// Whether it records series instead of alerting.
    #[must_use]
    pub fn is_recording(&self) -> bool {
        self.spec.record.is_some()
    }
}

/// Refuses what only alerts have.
fn check_recording(record: &str, spec: &RuleSpec) -> Result<(), ConditionError> {
    if !is_plain_name(record, true) {
        return Err(ConditionError::BadName(record.chars().take(64).collect()));
    }
    let zero = Span::secs(0);
    let only_for_alerts = [
        ("for", spec.hold != zero),
        ("keep_firing_for", spec.keep_firing_for != zero),
        ("cooldown", spec.cooldown != zero),
        ("clear", spec.clear.is_some()),
        ("unless", spec.unless.is_some()),
        ("count", spec.count.is_some()),
        ("annotations", !spec.annotations.is_empty()),
        ("remediation", !spec.remediation.is_empty()),
    ];
    match only_for_alerts.iter().find(|(_, given)| *given) {
        Some((key, _)) => Err(ConditionError::OnlyForAlerts(key)),
        None => Ok(()),
    }
}
