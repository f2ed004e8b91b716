//! What holds notices back: silences, maintenance windows, inhibition. It never touches the evaluation of rules, the state of an alert
//! or its history.

use super::inhibit::Inhibiting;
use super::maintenance::mutes;
use super::{InhibitRule, MaintenanceWindows, MatcherSpec, NoticeAlert, Silences};
use crate::model::{Matcher, TimestampMs};

/// How long a shipped rule inhibits after the end of its source: the next sample may come a little later.
const LINGER_MS: i64 = 15_000;
/// How long what depends on a target has to recover after it.
const RECOVERY_MS: i64 = 120_000;
/// Metrics from which the health score is made, and those of what it is made of.
const LOWERS_THE_SCORE: &str =
    "system_(cpu|memory|paging|filesystem|disk)_.*|taskmaster_.*|github_actions_.*|probe_.*|up|taskpulse_source_up";
/// Metrics that say whether a target answers.
const ANSWERS: &str = "probe_success|up";

/// Shipped rules of which one follows from the other, and the labels that must agree.
const FOLLOWS: [(&str, &str, &[&str]); 9] = [
    ("critical_cpu_usage", "high_cpu_usage", &["host", "instance"]),
    ("cpu_shortage", "high_cpu_usage|critical_cpu_usage", &["host", "instance"]),
    ("memory_pressure|swapping|oom_kill", "high_memory_usage", &["host", "instance"]),
    ("container_oom_kill", "oom_kill", &["host", "instance"]),
    ("disk_full", "disk_filling", &["mountpoint"]),
    ("inodes_full", "inodes_filling", &["mountpoint"]),
    ("memory_pressure|oom_kill", "memory_filling", &["host", "instance"]),
    ("scrape_target_down", "host_silent", &["instance"]),
    // The results of their queries have no name of a metric.
    (
        "cpu_shortage|swapping|oom_kill|container_oom_kill|disk_full|inodes_full|host_silent|certificate_ends|github_failure_rate|task_failure_rate",
        "degraded_performance",
        &[],
    ),
];

/// Everything that holds notices back.
#[derive(Debug, Clone, Default)]
pub struct Suppressors {
    /// Silences.
    pub silences: Silences,
    /// Maintenance windows.
    pub maintenance: MaintenanceWindows,
    /// Rules of inhibition.
    pub inhibit: Vec<InhibitRule>,
}

/// What holds notices back at an instant.
pub struct Suppressing<'a> {
    silences: &'a Silences,
    maintenance: Vec<(&'a str, &'a [Matcher])>,
    inhibiting: Inhibiting<'a>,
    now: TimestampMs,
}

/// Why an alert is held back; empty if it is not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reasons {
    /// Silences.
    pub silenced_by: Vec<String>,
    /// An alert that inhibits it.
    pub inhibited_by: Vec<String>,
    /// Maintenance windows.
    pub muted_by: Vec<String>,
}

impl Reasons {
    /// Whether nothing holds it back.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.silenced_by.is_empty() && self.inhibited_by.is_empty() && self.muted_by.is_empty()
    }
}

impl Suppressors {
    /// What holds notices back at an instant, among these alerts.
    #[must_use]
    pub fn at<'b>(&self, alerts: impl Iterator<Item = &'b NoticeAlert> + Clone, now: TimestampMs) -> Suppressing<'_> {
        Suppressing {
            silences: &self.silences,
            maintenance: self.maintenance.active(now),
            inhibiting: Inhibiting::new(&self.inhibit, alerts, now),
            now,
        }
    }
}

impl Suppressing<'_> {
    /// Why an alert is held back.
    #[must_use]
    pub fn reasons(&self, alert: &NoticeAlert) -> Reasons {
        let muting = self.maintenance.iter().filter(|(_, matchers)| mutes(matchers, alert));
        Reasons {
            silenced_by: self.silences.silencing(alert, self.now).map(str::to_owned).collect(),
            inhibited_by: self.inhibiting.inhibiting(alert).map(str::to_owned).into_iter().collect(),
            muted_by: muting.map(|(name, _)| (*name).to_owned()).collect(),
        }
    }
}

fn matchers(texts: &[&str]) -> Vec<Matcher> {
    // The texts are constants, or quoted names; a test reads the constants.
    MatcherSpec::compile_all(&texts.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap_or_default()
}

/// The rules of inhibition that ship: one cause, one notice.
#[must_use]
pub fn shipped_inhibitions() -> Vec<InhibitRule> {
    let follows = |(source, target, equal): &(&str, &str, &[&str])| InhibitRule {
        source: matchers(&[&format!("alertname=~\"{source}\"")]),
        target: matchers(&[&format!("alertname=~\"{target}\"")]),
        equal: equal.iter().map(ToString::to_string).collect(),
        linger_ms: LINGER_MS,
    };
    let lowers_the_score = [InhibitRule {
        source: matchers(&[
            "alertname!=degraded_performance",
            "severity=~\"warning|error|critical\"",
            &format!("__name__=~\"{LOWERS_THE_SCORE}\""),
        ]),
        target: matchers(&["alertname=degraded_performance"]),
        equal: Vec::new(),
        linger_ms: LINGER_MS,
    }];
    FOLLOWS.iter().map(follows).chain(lowers_the_score).collect()
}

/// A target of probes or of scraping, as its label says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// The label that names the target: `target` of probes, `job` of scraping.
    pub label: &'static str,
    /// The target.
    pub name: String,
    /// What it depends on: the label that names it, and its name.
    pub parent: (&'static str, String),
}

impl Dependency {
    /// While the parent does not answer, no notice is sent about its child.
    #[must_use]
    pub fn rule(&self) -> InhibitRule {
        let source = vec![Matcher::equal(self.parent.0, &self.parent.1)];
        InhibitRule {
            source: source.into_iter().chain(matchers(&[&format!("__name__=~\"{ANSWERS}\"")])).collect(),
            target: vec![Matcher::equal(self.label, &self.name)],
            equal: Vec::new(),
            linger_ms: RECOVERY_MS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notices::alert::tests::firing;
    use crate::rules::{Profile, shipped};

    fn of(metric: &str, alert: NoticeAlert) -> NoticeAlert {
        NoticeAlert { metric: metric.to_owned(), ..alert }
    }

    #[test]
    fn shipped_rules_leave_one_notice_for_one_cause() {
        let rules = shipped_inhibitions();
        assert!(rules.iter().all(|rule| !rule.source.is_empty() && !rule.target.is_empty()), "all of them can be read");
        let suppressors = Suppressors { inhibit: rules, ..Suppressors::default() };
        let alerts = [
            firing("critical_cpu_usage", "a", 0),
            firing("high_cpu_usage", "a", 0),
            firing("high_cpu_usage", "b", 0),
            of("taskpulse_health_score", firing("degraded_performance", "", 0)),
            of("orders_waiting", firing("my_own", "", 0)),
        ];
        let held = |alerts: &[NoticeAlert]| {
            let suppressing = suppressors.at(alerts.iter(), 1);
            alerts.iter().filter(|alert| !suppressing.reasons(alert).is_empty()).map(|alert| alert.id.clone()).collect::<Vec<_>>()
        };
        assert_eq!(held(&alerts), ["high_cpu_usage-a", "degraded_performance-"]);
        for (_, target, _) in FOLLOWS {
            assert!(target == "degraded_performance" || target.split('|').all(|name| shipped(Profile::Workstation).contains_key(name)));
        }
        let silent =
            [firing("scrape_target_down", "db", 0), of("", firing("host_silent", "db", 0)), of("", firing("host_silent", "web", 0))];
        assert_eq!(held(&silent), ["host_silent-db"]);
        assert_eq!(held(&[of("", firing("swapping", "a", 0)), firing("high_memory_usage", "a", 0), alerts[3].clone()]).len(), 2);
        assert_eq!(held(&alerts[3..]), [""; 0], "an alert of a metric that is not in the score explains nothing");
    }

    #[test]
    fn while_a_parent_is_down_its_children_are_held_back() {
        let probe = |target: &str, metric: &str| {
            let mut alert = of(metric, firing("down", target, 0));
            alert.labels.insert("target".to_owned(), target.to_owned());
            alert
        };
        let depends =
            |child: &str, parent: &str| Dependency { label: "target", name: child.to_owned(), parent: ("target", parent.to_owned()) };
        let suppressors =
            Suppressors { inhibit: vec![depends("shop", "router").rule(), depends("cart", "shop").rule()], ..Suppressors::default() };
        let held = |alerts: &[NoticeAlert]| {
            let suppressing = suppressors.at(alerts.iter(), 1);
            alerts.iter().filter(|alert| !suppressing.reasons(alert).is_empty()).map(|alert| alert.id.clone()).collect::<Vec<_>>()
        };
        let down = |target: &str| probe(target, "probe_success");
        assert_eq!(held(&[down("router"), down("shop"), down("cart")]), ["down-shop", "down-cart"]);
        assert_eq!(held(&[down("shop"), down("cart")]), ["down-cart"]);
        let certificate = probe("router", "probe_ssl_earliest_cert_expiry");
        assert_eq!(held(&[certificate, down("shop")]), [""; 0], "a parent that answers explains nothing");
    }
}
