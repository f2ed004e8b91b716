//! The rules that ship.

use std::collections::BTreeMap;

use super::{RuleSpec, Severity};
use crate::span::Span;

/// The rules that ship switched on.
#[must_use]
pub fn shipped() -> BTreeMap<String, RuleSpec> {
    let rule = |expr: &str, hold, cooldown, severity| RuleSpec {
        hold: Span::secs(hold),
        cooldown: Span::secs(cooldown),
        ..RuleSpec::alerting(expr, severity)
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
