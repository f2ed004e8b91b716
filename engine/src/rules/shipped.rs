//! The rules that ship, for machines of two kinds.
//!
//! A row of [`TABLE`] is a rule. Those of a machine that serves others are what [`Profile::Server`] has; on a machine that is meant to be
//! busy ([`Profile::Workstation`]) a busy CPU is `info`, and `cpu_shortage` fires where something suffers from it.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::spec::Clear;
use super::{RuleSpec, Severity};
use crate::span::Span;

/// What the machine is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Profile {
    /// It serves others: a busy CPU is a warning.
    #[default]
    Server,
    /// It is meant to be busy: a busy CPU is no news unless something suffers.
    Workstation,
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Server => "server",
            Self::Workstation => "workstation",
        })
    }
}

/// A text that is no [`Profile`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no profile; take server or workstation")]
pub struct ProfileError(String);

impl TryFrom<String> for Profile {
    type Error = ProfileError;

    fn try_from(text: String) -> Result<Self, ProfileError> {
        let known = [Self::Server, Self::Workstation].into_iter().find(|profile| profile.to_string() == text);
        known.ok_or_else(|| ProfileError(text.chars().take(64).collect()))
    }
}

impl From<Profile> for String {
    fn from(profile: Profile) -> Self {
        profile.to_string()
    }
}

impl Profile {
    /// The least severity that channels announce where they name none.
    #[must_use]
    pub fn announced(self) -> Severity {
        match self {
            Self::Server => Severity::Info,
            Self::Workstation => Severity::Notice,
        }
    }
}

/// A rule that ships.
struct Row {
    name: &'static str,
    expr: &'static str,
    /// See [`RuleSpec::unless`].
    unless: &'static str,
    /// See [`RuleSpec::clear`].
    clear: &'static str,
    /// Seconds.
    hold: i64,
    /// See [`RuleSpec::keep_firing_for`], seconds.
    keep: i64,
    cooldown: i64,
    severity: Severity,
    /// What an alert says while its condition holds, and when it is over: with the labels of its series, and `{value}` as a value of
    /// the metric that is named. Empty where the comparison itself makes the sentence.
    says: Sentence,
    remediation: &'static [&'static str],
}

/// Firing, over, and the metric whose unit the value has.
type Sentence = (&'static str, &'static str, &'static str);

const fn row(name: &'static str, expr: &'static str, (hold, cooldown): (i64, i64), severity: Severity) -> Row {
    Row { name, expr, unless: "", clear: "", hold, keep: 0, cooldown, severity, says: ("", "", ""), remediation: &[] }
}

/// How machines of others are known: one series each.
macro_rules! machines {
    ($offset:literal) => {
        concat!("max by (instance) ({__name__=~\"node_boot_time_seconds|system_uptime_seconds\",instance!=\"\"}", $offset, ")")
    };
}

const MINUTE: i64 = 60;
const HOUR: i64 = 3_600;

const TABLE: &[Row] = &[
    row(HIGH_CPU, "system_cpu_utilization_ratio > 0.80", (60, 300), Severity::Warning),
    row(CRITICAL_CPU, "system_cpu_utilization_ratio > 0.95", (30, 180), Severity::Critical),
    row("high_memory_usage", "system_memory_utilization_ratio > 0.85", (120, 300), Severity::Warning),
    // A share of few tasks or runs says little of the true one: see the module `confidence`.
    Row {
        unless: "taskmaster_failure_low_ratio <= 0.1",
        clear: "taskmaster_failure_ratio <= 0.1",
        ..row("task_failure_rate", "taskmaster_failure_ratio > 0.1", (300, 600), Severity::Error)
    },
    Row {
        unless: "github_actions_success_high_ratio >= 0.9",
        clear: "github_actions_success_ratio >= 0.9",
        ..row("github_failure_rate", "github_actions_success_ratio < 0.9", (180, 300), Severity::Warning)
    },
    row("degraded_performance", "taskpulse_health_score < 70", (300, 600), Severity::Warning),
    Row {
        clear: "0.05",
        remediation: &["End what uses most memory, or start less at a time"],
        ..row(
            "memory_pressure",
            "system_pressure_ratio{resource=\"memory\",kind=\"some\"} > 0.1",
            (2 * MINUTE, 10 * MINUTE),
            Severity::Warning,
        )
    },
    Row {
        says: (
            "The machine reads {value} back from swap: memory is short",
            "The machine read memory back from swap for {lasted}",
            "_bytes_per_second",
        ),
        remediation: &["End what uses most memory, or start less at a time"],
        ..row(
            "swapping",
            "rate(system_paging_io_bytes_total{direction=\"in\"}[5m]) > 4194304",
            (5 * MINUTE, 30 * MINUTE),
            Severity::Warning,
        )
    },
    Row {
        says: ("The kernel ended a process for want of memory", "The kernel ended a process for want of memory, none since", ""),
        remediation: &[
            "`journalctl -k --grep \"Out of memory\"` names the process",
            "Start less at a time, or give the machine more memory",
        ],
        ..row("oom_kill", "changes(system_oom_kills_total[10m]) > 0", (0, 10 * MINUTE), Severity::Error)
    },
    Row {
        says: (
            "The kernel ended a process of {container}{unit} for want of memory",
            "The kernel ended a process of {container}{unit} for want of memory, none since",
            "",
        ),
        remediation: &["Raise the memory limit of the container or unit, or make it use less"],
        ..row("container_oom_kill", "changes(container_oom_kills_total[10m]) > 0", (0, 10 * MINUTE), Severity::Error)
    },
    Row {
        unless: "sum without (state) (system_filesystem_usage_bytes{state=\"free\"}) > 2147483648",
        remediation: &["Remove or move what is not needed: `du -xh MOUNT | sort -h | tail`"],
        ..row("disk_full", "system_filesystem_utilization_ratio{fstype=\"\"} > 0.98", (2 * MINUTE, HOUR), Severity::Error)
    },
    Row {
        clear: "172800",
        remediation: &["Find what grows: `du -xh MOUNT | sort -h | tail`"],
        ..row("disk_filling", "system_filesystem_time_to_full_seconds < 86400", (15 * MINUTE, 6 * HOUR), Severity::Error)
    },
    // A large file system has many left at 98 %.
    Row {
        unless: "sum without (state) (system_filesystem_inodes{state=\"free\"}) > 100000",
        remediation: &["Remove files that nobody needs: `du -x --inodes MOUNT | sort -n | tail` names the folders with the most"],
        ..row("inodes_full", "system_filesystem_inodes_utilization_ratio{fstype=\"\"} > 0.98", (2 * MINUTE, HOUR), Severity::Error)
    },
    Row {
        clear: "172800",
        remediation: &["Find the folders with the most files: `du -x --inodes MOUNT | sort -n | tail`"],
        ..row("inodes_filling", "system_filesystem_inodes_time_to_full_seconds < 86400", (15 * MINUTE, 6 * HOUR), Severity::Error)
    },
    Row {
        clear: "28800",
        remediation: &["Restart it before then, and see what it keeps", "Give it more memory"],
        ..row("memory_filling", "system_memory_time_to_full_seconds < 14400", (15 * MINUTE, 6 * HOUR), Severity::Warning)
    },
    row("probe_down", "probe_success == 0", (MINUTE, 5 * MINUTE), Severity::Error),
    row("heartbeat_late", "heartbeat_up == 0", (0, 5 * MINUTE), Severity::Error),
    row("scrape_target_down", "up == 0", (MINUTE, 5 * MINUTE), Severity::Warning),
    row("source_failing", "taskpulse_source_up{source!~\"scrape .*\"} == 0", (5 * MINUTE, 10 * MINUTE), Severity::Warning),
    Row {
        says: ("Nothing comes from {instance} any more", "Nothing came from {instance} for {lasted}", ""),
        remediation: &["See whether the machine runs and can reach this service"],
        ..row(
            "host_silent",
            concat!(
                "(",
                machines!(" offset 15m"),
                " or ",
                machines!(" offset 1h"),
                " or ",
                machines!(" offset 6h"),
                " or ",
                machines!(" offset 1d"),
                ") unless ",
                machines!("")
            ),
            (5 * MINUTE, HOUR),
            Severity::Warning,
        )
    },
    Row {
        remediation: &["Answer in its terminal; the page Agents says which and for what"],
        ..row("agent_waits", "agent_findings{kind=\"waits\"} > 0", (0, 15 * MINUTE), Severity::Notice)
    },
    Row {
        remediation: &["Stop it and say what is wrong, or give it a smaller step; the page Agents says which session and what it does"],
        ..row("agent_loops", "agent_findings{kind=~\"loop|rewrites|no_progress\"} > 0", (0, 30 * MINUTE), Severity::Warning)
    },
    Row {
        remediation: &["See on the page Agents what it does, and whether it needs an answer or a smaller step"],
        ..row("agent_stuck", "agent_findings{kind=\"stuck\"} > 0", (0, 30 * MINUTE), Severity::Notice)
    },
    Row {
        remediation: &["Let the most important task go first; compact a context that is nearly full"],
        ..row("agent_limits", "agent_findings{kind=~\"limit|context\"} > 0", (0, HOUR), Severity::Notice)
    },
    Row {
        remediation: &["See the status of the model's provider and the network; the client tries again by itself"],
        ..row("agent_errors", "agent_findings{kind=\"errors\"} > 0", (0, 30 * MINUTE), Severity::Notice)
    },
    Row {
        says: ("The certificate of {target} ends in {value}", "The certificate of {target} was about to end", "_seconds"),
        remediation: &["Renew the certificate, and see why it was not renewed by itself"],
        ..row("certificate_ends", "probe_ssl_earliest_cert_expiry - time() < 604800", (HOUR, 24 * HOUR), Severity::Warning)
    },
];

const HIGH_CPU: &str = "high_cpu_usage";
const CRITICAL_CPU: &str = "critical_cpu_usage";
/// The rule that takes the place of those two on a workstation.
pub const CPU_SHORTAGE: &str = "cpu_shortage";
/// The rules of a busy CPU.
pub const CPU_RULES: [&str; 2] = [CRITICAL_CPU, HIGH_CPU];

const SHORTAGE: Row = Row {
    says: (
        "CPU {value}, and something suffers: load, pressure, or a probe that is down",
        "The CPU was busy for {lasted} while something suffered",
        "system_cpu_utilization_ratio",
    ),
    remediation: &["Start less at a time, or give builds a lower priority (`nice`)"],
    // Builds come one after the other: what suffers all morning is one alert.
    keep: 30 * MINUTE,
    ..row(
        CPU_SHORTAGE,
        concat!(
            "system_cpu_utilization_ratio > 0.80 and on (instance) (",
            "system_cpu_load_average_5m > on (instance) 3 * count by (instance) (system_cpu_core_utilization_ratio)",
            " or on (instance) system_pressure_ratio{resource=\"cpu\",kind=\"some\"} > 0.9",
            " or on (instance) system_pressure_ratio{resource=~\"memory|io\",kind=\"some\"} > 0.5",
            " or on (instance) min by (instance) (probe_success) == 0)"
        ),
        (10 * MINUTE, 30 * MINUTE),
        Severity::Warning,
    )
};

impl Row {
    fn spec(&self) -> RuleSpec {
        RuleSpec {
            hold: Span::secs(self.hold),
            keep_firing_for: Span::secs(self.keep),
            cooldown: Span::secs(self.cooldown),
            unless: Some(self.unless).filter(|unless| !unless.is_empty()).map(str::to_owned),
            clear: Some(self.clear).filter(|clear| !clear.is_empty()).map(Clear::of_text),
            remediation: self.remediation.iter().map(ToString::to_string).collect(),
            ..RuleSpec::alerting(self.expr, self.severity)
        }
    }
}

/// The rules that ship switched on, for a machine of a kind.
#[must_use]
pub fn shipped(profile: Profile) -> BTreeMap<String, RuleSpec> {
    let mut rules: BTreeMap<String, RuleSpec> = TABLE.iter().map(|row| (row.name.to_owned(), row.spec())).collect();
    if profile == Profile::Workstation {
        rules.insert(CPU_SHORTAGE.to_owned(), SHORTAGE.spec());
        for name in CPU_RULES {
            rules.entry(name.to_owned()).and_modify(|rule| rule.severity = Some(Severity::Info));
        }
    }
    rules
}

/// What a rule that ships says of its alerts, where its comparison does not say it: while the condition holds and when it is over, and
/// the metric in whose unit the value is. None for a rule that was written anew.
pub(super) fn sentence(name: &str, expr: Option<&str>) -> Option<Sentence> {
    let row = TABLE.iter().chain([&SHORTAGE]).find(|row| row.name == name && Some(row.expr) == expr)?;
    Some(row.says).filter(|(firing, ..)| !firing.is_empty())
}

#[cfg(test)]
mod tests;
