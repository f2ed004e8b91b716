//! Which trouble each shipped rule reports, and what it does not take for trouble.

use super::super::{Condition, EvaluationLimits, RuleOptions, RuleSet, preview};
use super::*;
use crate::metrics::describe;
use crate::model::{Columns, Labels, NAME_LABEL};
use crate::promql::selectors;
use crate::promql::syntax::Grid;
use crate::promql::tests::Memory;

const MINUTE_MS: i64 = 60_000;
/// All series end after so many minutes.
const END: i64 = 180;

/// A series with a sample each 15 s: its value by the minute; none for no sample.
type Series<'a> = (&'a str, &'a [(&'a str, &'a str)], fn(i64) -> Option<f64>);

fn fired(name: &str, profile: Profile, series: &[Series<'_>]) -> usize {
    let of = |(name, labels, value): &Series<'_>| {
        let samples = (0..END * 4).filter_map(|at| Some((at * 15_000, value(at / 4)?)));
        let (times, values) = samples.unzip();
        (Labels::metric(name, labels), Columns { times, values })
    };
    let memory = Memory(series.iter().map(of).collect());
    let rule = &shipped(profile)[name];
    preview(name, rule, RuleOptions::default(), (0, END * MINUTE_MS), &memory, &EvaluationLimits::for_tests()).unwrap().fired
}

fn high(from: i64, until: i64, minute: i64, low_and_high: (f64, f64)) -> Option<f64> {
    Some(if (from..until).contains(&minute) { low_and_high.1 } else { low_and_high.0 })
}

const MOUNT: &[(&str, &str)] = &[("mountpoint", "/")];
const WAITS: &[(&str, &str)] = &[("agent", "codex"), ("kind", "waits")];
const LOOPS: &[(&str, &str)] = &[("agent", "codex"), ("kind", "loop")];
const REWRITES: &[(&str, &str)] = &[("agent", "codex"), ("kind", "rewrites")];
const STUCK: &[(&str, &str)] = &[("agent", "codex"), ("kind", "stuck")];
const LIMIT: &[(&str, &str)] = &[("agent", "codex"), ("kind", "limit")];
const ERRORS: &[(&str, &str)] = &[("agent", "codex"), ("kind", "errors")];
const UNIT: &[(&str, &str)] = &[("unit", "shop.service")];
const FREE: &[(&str, &str)] = &[("mountpoint", "/"), ("state", "free")];
const INODES: &str = "system_filesystem_inodes_utilization_ratio";
const MEMORY: &[(&str, &str)] = &[("resource", "memory"), ("kind", "some")];
const CPU: &str = "system_cpu_utilization_ratio";
const CORES: [Series<'_>; 2] = [
    ("system_cpu_core_utilization_ratio", &[("cpu", "0")], |_| Some(0.9)),
    ("system_cpu_core_utilization_ratio", &[("cpu", "1")], |_| Some(0.9)),
];
const BUSY: Series<'_> = (CPU, &[], |minute| high(60, 80, minute, (0.2, 0.97)));

#[test]
fn each_rule_fires_on_its_trouble_and_not_on_what_only_looks_like_it() {
    use Profile::{Server, Workstation};
    let host: &[(&str, &str)] = &[("instance", "db:9100"), ("job", "node")];
    let cases: &[(&str, Profile, &[Series<'_>], usize)] = &[
        ("memory_pressure", Server, &[("system_pressure_ratio", MEMORY, |m| high(60, 65, m, (0.0, 0.3)))], 1),
        ("memory_pressure", Server, &[("system_pressure_ratio", MEMORY, |m| high(60, 61, m, (0.0, 0.3)))], 0),
        ("swapping", Server, &[("system_paging_io_bytes_total", &[("direction", "in")], |m| Some(m as f64 * 1e9))], 1),
        ("swapping", Server, &[("system_paging_io_bytes_total", &[("direction", "in")], |m| Some(m as f64 * 1e6))], 0),
        ("oom_kill", Server, &[("system_oom_kills_total", &[], |m| high(60, END, m, (3.0, 4.0)))], 1),
        ("oom_kill", Server, &[("system_oom_kills_total", &[], |_| Some(3.0))], 0),
        ("container_oom_kill", Server, &[("container_oom_kills_total", &[("container", "db")], |m| high(60, END, m, (0.0, 1.0)))], 1),
        // 40 GB are free of 4 TB; a small /boot is nearly full for ever; a small disk is full.
        (
            "disk_full",
            Server,
            &[("system_filesystem_utilization_ratio", MOUNT, |_| Some(0.99)), ("system_filesystem_usage_bytes", FREE, |_| Some(4e10))],
            0,
        ),
        (
            "disk_full",
            Server,
            &[("system_filesystem_utilization_ratio", MOUNT, |_| Some(0.95)), ("system_filesystem_usage_bytes", FREE, |_| Some(5e7))],
            0,
        ),
        (
            "disk_full",
            Server,
            &[("system_filesystem_utilization_ratio", MOUNT, |_| Some(0.99)), ("system_filesystem_usage_bytes", FREE, |_| Some(1e7))],
            1,
        ),
        ("disk_full", Server, &[("system_filesystem_utilization_ratio", &[("fstype", "nfs4"), ("mountpoint", "/n")], |_| Some(1.0))], 0),
        ("disk_filling", Server, &[("system_filesystem_time_to_full_seconds", MOUNT, |m| Some(90_000.0 - m as f64 * 60.0))], 1),
        ("disk_filling", Server, &[("system_filesystem_time_to_full_seconds", MOUNT, |_| Some(7.0 * 86_400.0))], 0),
        // A million of fifty are left; a small file system has none; another machine's is for whoever runs that.
        ("inodes_full", Server, &[(INODES, MOUNT, |_| Some(0.985)), ("system_filesystem_inodes", FREE, |_| Some(1e6))], 0),
        ("inodes_full", Server, &[(INODES, MOUNT, |_| Some(0.985)), ("system_filesystem_inodes", FREE, |_| Some(2e4))], 1),
        ("inodes_full", Server, &[(INODES, MOUNT, |_| Some(0.97)), ("system_filesystem_inodes", FREE, |_| Some(2e4))], 0),
        ("inodes_full", Server, &[(INODES, &[("fstype", "nfs4"), ("mountpoint", "/n")], |_| Some(1.0))], 0),
        ("inodes_filling", Server, &[("system_filesystem_inodes_time_to_full_seconds", MOUNT, |m| Some(90_000.0 - m as f64 * 60.0))], 1),
        ("inodes_filling", Server, &[("system_filesystem_inodes_time_to_full_seconds", MOUNT, |_| Some(7.0 * 86_400.0))], 0),
        ("memory_filling", Server, &[("system_memory_time_to_full_seconds", UNIT, |m| Some(16_000.0 - m as f64 * 60.0))], 1),
        ("memory_filling", Server, &[("system_memory_time_to_full_seconds", UNIT, |_| Some(86_400.0))], 0),
        ("probe_down", Server, &[("probe_success", &[("target", "shop")], |m| high(60, 62, m, (1.0, 0.0)))], 1),
        ("heartbeat_late", Server, &[("heartbeat_up", &[("heartbeat", "backup")], |m| high(60, 62, m, (1.0, 0.0)))], 1),
        ("scrape_target_down", Server, &[("up", host, |m| high(60, 62, m, (1.0, 0.0)))], 1),
        ("source_failing", Server, &[("taskpulse_source_up", &[("source", "github a/b")], |m| high(60, 70, m, (1.0, 0.0)))], 1),
        ("source_failing", Server, &[("taskpulse_source_up", &[("source", "scrape node")], |m| high(60, 70, m, (1.0, 0.0)))], 0),
        ("host_silent", Server, &[("node_boot_time_seconds", host, |m| (m < 60).then_some(1e9))], 1),
        ("host_silent", Server, &[("node_boot_time_seconds", host, |_| Some(1e9))], 0),
        ("host_silent", Server, &[("system_uptime_seconds", &[], |m| (m < 60).then_some(1e9))], 0),
        ("agent_waits", Server, &[("agent_findings", WAITS, |m| high(60, 63, m, (0.0, 1.0)))], 1),
        ("agent_waits", Server, &[("agent_findings", LOOPS, |m| high(60, 63, m, (0.0, 1.0)))], 0),
        ("agent_loops", Server, &[("agent_findings", LOOPS, |m| high(60, 63, m, (0.0, 1.0)))], 1),
        ("agent_loops", Server, &[("agent_findings", LOOPS, |_| Some(0.0))], 0),
        ("agent_loops", Server, &[("agent_findings", REWRITES, |m| high(60, 63, m, (0.0, 1.0)))], 1),
        ("agent_loops", Server, &[("agent_findings", STUCK, |m| high(60, 63, m, (0.0, 1.0)))], 0),
        ("agent_stuck", Server, &[("agent_findings", STUCK, |m| high(60, 63, m, (0.0, 1.0)))], 1),
        ("agent_stuck", Server, &[("agent_findings", LOOPS, |m| high(60, 63, m, (0.0, 1.0)))], 0),
        ("agent_limits", Server, &[("agent_findings", LIMIT, |m| high(60, 63, m, (0.0, 1.0)))], 1),
        ("agent_limits", Server, &[("agent_findings", WAITS, |m| high(60, 63, m, (0.0, 1.0)))], 0),
        ("agent_errors", Server, &[("agent_findings", ERRORS, |m| high(60, 63, m, (0.0, 1.0)))], 1),
        ("agent_errors", Server, &[("agent_findings", ERRORS, |_| Some(0.0))], 0),
        ("certificate_ends", Server, &[("probe_ssl_earliest_cert_expiry", &[("target", "shop")], |_| Some(3.0 * 86_400.0))], 1),
        ("certificate_ends", Server, &[("probe_ssl_earliest_cert_expiry", &[("target", "shop")], |_| Some(30.0 * 86_400.0))], 0),
        // Three failures of twenty are noise, unless the newest runs say more; where nothing is known of the runs, the share counts.
        (
            "github_failure_rate",
            Server,
            &[("github_actions_success_ratio", &[], |_| Some(0.85)), ("github_actions_success_high_ratio", &[], |_| Some(0.98))],
            0,
        ),
        (
            "github_failure_rate",
            Server,
            &[("github_actions_success_ratio", &[], |_| Some(0.85)), ("github_actions_success_high_ratio", &[], |_| Some(0.83))],
            1,
        ),
        ("github_failure_rate", Server, &[("github_actions_success_ratio", &[], |_| Some(0.895))], 1),
        (
            "task_failure_rate",
            Server,
            &[("taskmaster_failure_ratio", &[], |_| Some(0.2)), ("taskmaster_failure_low_ratio", &[], |_| Some(0.01))],
            0,
        ),
        (
            "task_failure_rate",
            Server,
            &[("taskmaster_failure_ratio", &[], |_| Some(0.2)), ("taskmaster_failure_low_ratio", &[], |_| Some(0.12))],
            1,
        ),
        // One alert until the share is well again, whatever chance says meanwhile.
        (
            "github_failure_rate",
            Server,
            &[
                ("github_actions_success_ratio", &[], |m| high(60, 150, m, (0.95, 0.8))),
                ("github_actions_success_high_ratio", &[], |m| Some(if m % 20 < 10 { 0.85 } else { 0.95 })),
            ],
            1,
        ),
        // A busy CPU is no news on a workstation, unless something suffers.
        (CPU_SHORTAGE, Workstation, &[BUSY, CORES[0], CORES[1], ("system_cpu_load_average_5m", &[], |_| Some(3.0))], 0),
        (CPU_SHORTAGE, Workstation, &[BUSY, CORES[0], CORES[1], ("system_cpu_load_average_5m", &[], |_| Some(9.0))], 1),
        (CPU_SHORTAGE, Workstation, &[BUSY, ("system_pressure_ratio", &[("resource", "io"), ("kind", "some")], |_| Some(0.7))], 1),
        (
            CPU_SHORTAGE,
            Workstation,
            &[BUSY, ("probe_success", &[("target", "a")], |_| Some(1.0)), ("probe_success", &[("target", "b")], |_| Some(0.0))],
            1,
        ),
        (CPU_SHORTAGE, Workstation, &[BUSY, ("probe_success", &[("target", "a")], |_| Some(1.0))], 0),
    ];
    for (name, profile, series, expected) in cases {
        let names: Vec<_> = series.iter().map(|(name, labels, _)| (name, labels)).collect();
        assert_eq!(fired(name, *profile, series), *expected, "{name} {names:?}");
    }
    let untried = shipped(Workstation).into_keys().filter(|rule| cases.iter().all(|(name, ..)| name != rule));
    let given: Vec<String> = untried.collect();
    assert_eq!(
        given,
        ["critical_cpu_usage", "degraded_performance", "high_cpu_usage", "high_memory_usage"],
        "each has a case, or is as given"
    );
}

#[test]
fn the_six_first_rules_are_as_they_were_given() {
    let rules = shipped(Profile::Server);
    for (name, expr, hold, cooldown, severity) in [
        ("high_cpu_usage", "system_cpu_utilization_ratio > 0.80", 60, 300, Severity::Warning),
        ("critical_cpu_usage", "system_cpu_utilization_ratio > 0.95", 30, 180, Severity::Critical),
        ("high_memory_usage", "system_memory_utilization_ratio > 0.85", 120, 300, Severity::Warning),
        ("task_failure_rate", "taskmaster_failure_ratio > 0.1", 300, 600, Severity::Error),
        ("github_failure_rate", "github_actions_success_ratio < 0.9", 180, 300, Severity::Warning),
        ("degraded_performance", "taskpulse_health_score < 70", 300, 600, Severity::Warning),
    ] {
        let rule = &rules[name];
        assert_eq!(
            (rule.expr.as_deref(), rule.hold, rule.cooldown, rule.severity),
            (Some(expr), Span::secs(hold), Span::secs(cooldown), Some(severity))
        );
    }
}

#[test]
fn each_rule_asks_for_metrics_that_are_made_and_says_what_it_found() {
    let set = RuleSet::of_settings(&shipped(Profile::Workstation), RuleOptions::default()).unwrap();
    for rule in set.rules() {
        let query = crate::promql::Query::parse(&rule.condition.query(&rule.spec), Grid::default()).unwrap();
        for selector in selectors(&query).unwrap() {
            let named = selector.matchers.iter().find(|matcher| matcher.name == NAME_LABEL).unwrap();
            let known = matches!(&named.op, crate::model::MatchOp::Equal(name) if describe(name).is_some());
            assert!(known || rule.name == "host_silent", "{}: {selector:?}", rule.name);
        }
        let says = sentence(&rule.name, rule.spec.expr.as_deref());
        assert_eq!(says.is_some(), rule.condition.limit().is_none(), "{}", rule.name);
        assert!(matches!(rule.condition, Condition::Sample(_)) || says.is_some() || rule.spec.unless.is_some(), "{}", rule.name);
    }
    assert_eq!(sentence("oom_kill", Some("mine > 0")), None, "a rule of one's own says nothing that was not meant");
}
