//! Files that are read, and the faults of those that are not.

use super::*;
use crate::span::Span;

const GOOD: &str = r#"
groups:
- name: machine
  interval: 30s
  query_offset: 1m
  limit: 10
  labels: {team: infra}
  rules:
  - record: job:up:sum
    expr: sum by (job) (up)
    labels:
      kind: sum
  - alert: HighLoad
    expr: |
      node_load1{job="a"}
        > 10
    for: 5m
    keep_firing_for: 1h30m
    labels:
      severity: warning
    annotations:
      summary: 'Load of {{ $labels.instance }} is {{ $value | printf "%.1f" }}'
      number: 5
- name: none
  rules:
"#;

#[test]
fn a_file_is_read_as_prometheus_reads_it() {
    let file = parse(GOOD, "good.yml").unwrap();
    assert!(file.warnings.is_empty());
    let [machine, none] = file.groups.as_slice() else { panic!() };
    assert_eq!((machine.name.as_str(), machine.limit, none.rules.len()), ("machine", 10, 0));
    assert_eq!((machine.interval, machine.query_offset), (Some(Span::secs(30)), Some(Span::secs(60))));
    let [record, alert] = machine.rules.as_slice() else { panic!() };
    assert!(record.spec.record.as_deref() == Some("job:up:sum") && record.name == "job:up:sum" && record.spec.labels["kind"] == "sum");
    assert_eq!((alert.spec.hold, alert.spec.keep_firing_for), (Span::secs(300), Span::secs(5_400)));
    let lines = alert.spec.expr.as_ref().unwrap().lines().count();
    assert_eq!((alert.spec.annotations["number"].as_str(), lines, machine.file.as_str()), ("5", 2, "good.yml"));
    assert!(parse("", "").unwrap().groups.is_empty());
}

#[test]
fn what_is_written_is_read_back() {
    let groups = parse(GOOD, "good.yml").unwrap().groups;
    assert_eq!(parse(&write(&groups), "good.yml").unwrap().groups, groups);
    assert!(parse(&write(&[]), "").unwrap().groups.is_empty());
}

/// A rule in a file, and the fault that it has.
fn fault(rule: &str) -> String {
    let text = format!("groups:\n- name: g\n  rules:\n  - {}\n", rule.replace('\n', "\n    "));
    let faults = parse(&text, "").unwrap_err();
    faults.list().iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

#[test]
fn each_fault_of_a_rule_has_its_place() {
    for (rule, expected) in [
        ("expr: up", "4:5: a rule needs `alert: NAME` or `record: METRIC`"),
        ("alert: A", "4:5: a rule needs an expression: `expr: …`, in PromQL"),
        ("alert: A\nexpr: up\nannotation: {}", "6:5: unknown key \"annotation\"; did you mean `annotations`?"),
        ("alert: A\nexpr: up\nexpr: up", "6:5: the key \"expr\" is given twice, first at 5:5; leave one out"),
        ("alert: A\nrecord: a\nexpr: up", "5:5: a rule has either `alert` or `record`; make two rules of it"),
        ("alert: A\nexpr: sum(up", "5:17: `expr` is not PromQL: unclosed left parenthesis"),
        ("alert: A\nexpr: |\n  up ==\n    foo(1)", "7:9: `expr` is not PromQL: unknown function with name \"foo\""),
        ("alert: A\nexpr: up{a=~\"(\"}", "5:14: `expr` is not PromQL: error parsing regexp: missing closing ): `(`"),
        ("alert: A\nexpr: up[5m]", "5:11: `expr` gives a range of samples; a rule needs one value a series, such as rate(x[5m])"),
        (
            "alert: A\nexpr: up\nfor: 5 minutes",
            "6:10: `for`: unknown unit \" minutes\" in duration \"5 minutes\"; write it like 30s, 5m or 1h30m",
        ),
        ("alert: A\nexpr: up\nlabels: {__name__: x}", "6:14: a label cannot be named __name__: that is the name of the metric"),
        ("alert: A\nexpr: up\nlabels: [a]", "6:13: `labels` is a list; it should be a mapping, one `name: text` a line"),
        ("record: a b\nexpr: up", "4:13: \"a b\" is no metric name; use letters, digits, _ and :"),
        ("record: sum(up{})\nexpr: up", "4:13: \"sum(up{})\" is no metric name; an expression belongs into `expr`, labels into `labels`"),
        ("record: a\nexpr: up\nfor: 1m", "6:5: a recording rule has no `for`: that is for alerts"),
        (
            "alert: A\nexpr: up\nannotations:\n  a: '{{ $lables.x }}'",
            "7:14: annotation \"a\": the template has undefined variable \"$lables\"",
        ),
        (
            "alert: A\nexpr: up\nannotations:\n  a: |\n    x\n     {{ humanise 1 }}",
            "9:13: annotation \"a\": the template has function \"humanise\" not defined; did you mean humanize?",
        ),
        ("alert: A\nexpr: up\nlabels:\n  a: \"\\t{{ $value\"", "7:10: label \"a\": the template has unclosed action (at 1:11 of the text)"),
    ] {
        assert_eq!(fault(rule), expected, "{rule}");
    }
}

#[test]
fn all_faults_of_a_file_are_reported() {
    let text = "groups:\n- name: a\n- name: a\n  intervall: 1m\n  interval: x\n- rules: 5\n  limit: many\nrest: 1\n";
    let faults = parse(text, "").unwrap_err();
    let shown: Vec<String> = faults.list().iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "3:3: the group name \"a\" is given twice, first at 2:3; give each group its own",
            "4:3: unknown key \"intervall\"; did you mean `interval`?",
            "5:13: `interval`: not a valid duration string: \"x\"; write it like 30s, 5m or 1h30m",
            "6:3: a group needs a name: `name: …`",
            "6:10: `rules` is a text or number; it should be a list, each item on a line that begins with `- `",
            "7:10: `limit` is \"many\"; it should be a whole number",
            "8:1: unknown key \"rest\"; a rule file may have groups",
        ]
    );
}

#[test]
fn two_rules_that_write_the_same_series_are_a_warning() {
    let rule = "  - alert: A\n    expr: up\n    labels: {severity: page}\n";
    let file = parse(&format!("groups:\n- name: g\n  rules:\n{rule}{rule}"), "").unwrap();
    let [warning] = file.warnings.as_slice() else { panic!() };
    assert_eq!(warning.to_string(), "7:5: `alert: A` has the labels of another rule of that name, at 4:5: they may write the same series");
}
