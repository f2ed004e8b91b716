//! Files that pass and fail, without a peer: what Prometheus adds after Debian's version.

use std::time::{Duration, Instant};

use super::*;
use crate::rules::files;

fn failures(rules: &str, tests: &str) -> Vec<String> {
    let groups = files::parse(rules, "rules.yml").unwrap().groups;
    let file = parse(tests).unwrap();
    file.run(&groups, Instant::now() + Duration::from_secs(60)).iter().map(ToString::to_string).collect()
}

const RULES: &str = "groups:\n- name: g\n  query_offset: 1m\n  labels: {team: x}\n  rules:\n  - alert: Down\n    expr: up == 0\n    for: 2m\n    keep_firing_for: 2m\n    annotations: {summary: '{{ $labels.job }} at {{ now | humanizeTimestamp }}'}\n  - record: job:up:sum\n    expr: sum(up)\n";

#[test]
fn offsets_labels_and_start_times_of_newer_files_are_followed() {
    let tests = |fires: bool, value: f64| {
        let alerts = if fires {
            "[{exp_labels: {job: a, team: x}, exp_annotations: {summary: 'a at 2027-01-15 08:03:00 +0000 UTC'}}]"
        } else {
            "[]"
        };
        format!(
            "evaluation_interval: 1m\nfuzzy_compare: true\ntests:\n- start_timestamp: 1800000000\n  input_series:\n  - {{series: 'up{{job=\"a\"}}', values: 0x10}}\n  alert_rule_test:\n  - {{eval_time: 3m, alertname: Down, exp_alerts: {alerts}}}\n  promql_expr_test:\n  - {{expr: job:up:sum + 0.1, eval_time: 3m, exp_samples: [{{labels: '{{team=\"x\"}}', value: {value:?}}}]}}\n"
        )
    };
    assert_eq!(failures(RULES, &tests(true, 0.1_f64.next_up())), Vec::<String>::new());
    let failed = failures(RULES, &tests(false, 0.2));
    assert!(failed.len() == 2 && failed[0].starts_with("8:5: alertname: Down, time: 3m,\n    exp: no alert"), "{failed:?}");
    assert!(failed[1].contains("exp: {team=\"x\"} 0.2\n    got: {team=\"x\"} 0.1"), "{failed:?}");
}

#[test]
fn what_is_wrong_with_a_test_file_is_said_at_its_place() {
    let text = "rule_file: []\ntests:\n- input_series:\n  - {series: 'up{', values: 1 2 y}\n  alert_rule_test:\n  - {eval_time: x}\n  start_timestamp: soon\n  promql_expr_test:\n  - {expr: up, exp_samples: [{labels: up, value: many, histogram: '{{}}'}]}\n";
    let faults = parse(text).unwrap_err();
    let shown: Vec<String> = faults.list().iter().map(ToString::to_string).collect();
    let begins = [
        "1:1: unknown key \"rule_file\"; did you mean `rule_files`?",
        "4:6: no series:",
        "4:29: `y` is no sample",
        "6:5: an item of `alert_rule_test` needs `alertname`",
        "6:17: `eval_time`: ",
        "7:20: `start_timestamp` should be",
        "9:",
        "9:",
    ];
    assert_eq!(shown.len(), begins.len(), "{shown:?}");
    for (shown, begin) in shown.iter().zip(begins) {
        assert!(shown.starts_with(begin), "{shown}");
    }
}
