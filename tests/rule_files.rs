//! `taskpulse check-rules` accepts and refuses the rule files that `promtool check rules` accepts and refuses.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use common::peer::missing_peer;
use common::remote::{now_ms, series, write};
use common::{Folder, eventually};

/// Whether promtool accepts each of the files; none where it is not installed.
fn promtool_accepts(file: &Path) -> Option<bool> {
    let done = Command::new("promtool").args(["check", "rules"]).arg(file).output().ok()?;
    Some(done.status.success())
}

/// A rule file around a rule.
fn with_rule(rule: &str) -> String {
    format!("groups:\n- name: g\n  rules:\n  - {}\n", rule.replace('\n', "\n    "))
}

/// Whole files, and rules that become one.
fn files() -> Vec<String> {
    let rules = [
        "alert: A\nexpr: up == 0",
        "alert: A\nexpr: up == 0\nfor: 5m\nlabels: {severity: page, number: 5, truth: true, nothing: null}\nannotations: {a: \"{{ $value }}\"}",
        "record: a:b:c\nexpr: sum by (job) (rate(x[5m]))\nlabels: {a: b}",
        "alert: A\nexpr: 1",
        "alert: A\nexpr: 1\nfor: 0",
        "alert: A\nexpr: 1\nfor: \"\"",
        "alert: A\nexpr: 1\nfor: 5",
        "alert: A\nexpr: 1\nfor: -5m",
        "alert: A\nexpr: 1\nfor: 1h30m",
        "alert: A\nexpr: 1\nfor: 30m1h",
        "alert: A\nexpr: 1\nkeep_firing_for: 1w",
        "alert: A\nexpr: ",
        "alert: A",
        "expr: up",
        "alert: A\nrecord: b\nexpr: up",
        "alert: \"\"\nexpr: up",
        "alert: [a]\nexpr: up",
        "alert: A\nexpr: [up]",
        "alert: A\nexpr: up{",
        "alert: A\nexpr: nofunction(up)",
        "alert: A\nexpr: up{a=~\"(\"}",
        "alert: A\nexpr: up\nlabels: {__name__: x}",
        "alert: A\nexpr: up\nlabels: {\"\": x}",
        "alert: A\nexpr: up\nlabels: x",
        "alert: A\nexpr: up\nlabels: {a: [x]}",
        "alert: A\nexpr: up\nlabels: {a: \"{{ $lables }}\"}",
        "alert: A\nexpr: up\nannotations: {a: \"{{ $value | humanize | printf \\\"%s\\\" }}\"}",
        "alert: A\nexpr: up\nannotations: {a: \"{{ nofunction 1 }}\"}",
        "alert: A\nexpr: up\nannotations: {a: \"{{ if }}{{ end }}\"}",
        "alert: A\nexpr: up\nannotations: {a: \"{{ range $i, $v := query \\\"up\\\" }}{{ else }}x{{ end }}\"}",
        "alert: A\nexpr: up\nannotations: {a: \"{{\"}",
        "alert: A\nexpr: up\nannotations: {a: \"}} {{/* x */}} {{- 1 -}}\"}",
        "alert: A\nexpr: up\nannotations: {a: \"{{ $a, $b := 1 }}\"}",
        "alert: A\nexpr: up\nannotations: {a: \"{{ 1 | 2 }}\"}",
        "alert: A\nexpr: up\nannotations: {a: \"{{ tmpl \\\"x\\\" . }}\"}",
        "alert: A\nexpr: up\nsummary: x",
        "alert: A\nexpr: up\nexpr: up",
        "alert: A\nalert: A\nexpr: up",
        "record: a\nexpr: up\nfor: 1m",
        "record: a\nexpr: up\nannotations: {a: b}",
        "record: a b\nexpr: up",
        "record: 5a\nexpr: up",
        "record: a\nexpr: up\nlabels: {a: \"{{ $x }}\"}",
        "record: a\nexpr: up\nkeep_firing_for: 1m",
        "[a, b]",
        "text",
    ];
    let mut files: Vec<String> = rules.iter().map(|rule| with_rule(rule)).collect();
    files.extend(
        [
            "",
            "groups:",
            "groups: []",
            "groups: {}",
            "groups:\n- name: a\n- name: a\n",
            "groups:\n- name: a\n- name: b\n  rules: []\n",
            "groups:\n- rules: []\n",
            "groups:\n- name: a\n  interval: 1m\n  limit: 5\n  rules:\n  - {record: a, expr: 1}\n",
            "groups:\n- name: a\n  interval: soon\n",
            "groups:\n- name: a\n  limit: many\n",
            "groups:\n- name: a\n  partial_response_strategy: warn\n",
            "group:\n- name: a\n",
            "groups:\n- name: &n a\n  rules:\n  - &r {record: a, expr: 1}\n  - *r\n",
            "groups:\n- name: a\n  rules:\n  - {record: a, expr: 1}\n  - {record: a, expr: 2}\n",
            "groups:\n- name: a\n\trules: []\n",
            "groups: [",
            "- name: a\n",
        ]
        .map(str::to_owned),
    );
    files
}

#[test]
fn rule_files_are_accepted_and_refused_as_promtool_does() {
    let folder = Folder::new();
    let mut compared = 0;
    for (at, text) in files().iter().enumerate() {
        let file = folder.path().join(format!("{at}.yml"));
        fs::write(&file, text).unwrap();
        let Some(accepted) = promtool_accepts(&file) else { return missing_peer("promtool is not installed") };
        let (code, output) = folder.run(&["check-rules", file.to_str().unwrap()], &[]);
        assert_eq!(code, Some(i32::from(!accepted)), "{text}\n{output}");
        compared += 1;
    }
    assert!(compared > 50);
}

#[test]
fn every_fault_is_printed_with_file_line_and_column() {
    let folder = Folder::new();
    let text = with_rule("alert: A\nexpr: sum(up\nannotations:\n  a: \"{{ $x }}\"\nfoo: 1");
    fs::write(folder.path().join("bad.yml"), text).unwrap();
    fs::write(folder.path().join("good.yml"), with_rule("alert: A\nexpr: up == 0")).unwrap();
    let (code, output) = folder.run(&["check-rules", "bad.yml", "good.yml", "none.yml"], &[]);
    assert_eq!(code, Some(1), "{output}");
    for expected in [
        "bad.yml:5:17: `expr` is not PromQL: unclosed left parenthesis",
        "bad.yml:7:14: annotation \"a\": the template has undefined variable \"$x\"",
        "bad.yml:8:5: unknown key \"foo\"",
        "SUCCESS: 1 rules found",
        "none.yml:1:1: cannot be read: No such file",
    ] {
        assert!(output.contains(expected), "{expected}\n{output}");
    }
}

/// Settings with rule files in a folder of their own.
fn with_rule_files(files: &[(&str, &str)]) -> Folder {
    let folder = Folder::with_settings(
        "[system]\nenabled = false\n[containers]\nenabled = false\n[alerts]\nrule_files = [\"rules/*.yml\", \"rules/a*\"]\n",
    );
    fs::create_dir(folder.path().join("rules")).unwrap();
    for (name, text) in files {
        fs::write(folder.path().join("rules").join(name), text).unwrap();
    }
    folder
}

#[test]
fn rule_files_of_the_settings_are_in_force_and_exported_as_promtool_reads_them() {
    let machine = include_str!("data/rules/machine.rules.yml");
    let same_group =
        "groups:\n- name: machine\n  limit: 3\n  rules:\n  - {alert: \"Übrig\", expr: 'up{a=\"\\\\d\"} == 0', labels: {a: \"x\\ny\"}}\n";
    let folder = with_rule_files(&[("a.yml", machine), ("b.yml", same_group)]);
    let service = folder.start();
    let answer = service.client.get(service.url("/api/v1/rules/export")).send().unwrap();
    assert_eq!(answer.headers()["content-type"], "application/yaml");
    let text = answer.text().unwrap();
    for part in
        ["\"InstanceDown\"", "job:up:ratio", "high_cpu_usage", "name: \"machine (rules/b.yml)\"", "\"Übrig\"", "keep_firing_for: 3m"]
    {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let file = folder.path().join("export.yml");
    fs::write(&file, &text).unwrap();
    let (code, output) = folder.run(&["check-rules", "export.yml"], &[]);
    assert_eq!(code, Some(0), "{output}");
    match promtool_accepts(&file) {
        Some(accepted) => assert!(accepted, "{text}"),
        None => missing_peer("promtool is not installed"),
    }
}

#[test]
fn a_fault_in_a_rule_file_of_the_settings_is_reported_at_its_place() {
    let folder = with_rule_files(&[("a.yml", &with_rule("alert: A\nexpr: up ==")), ("b.yml", "groups: 5\n")]);
    for command in [&["check", "--data-dir", "data"][..], &["--no-browser"]] {
        let (code, output) = folder.run(command, &[]);
        assert_eq!(code, Some(2), "{output}");
        for part in ["alerts.rule_files", "rules/a.yml:5:16: `expr` is not PromQL", "rules/b.yml:1:9: `groups` is a text or number"] {
            assert!(output.contains(part), "{part}\n{output}");
        }
    }
}

#[test]
fn labels_and_annotations_of_a_firing_alert_are_expanded() {
    let rule = "alert: Hot\nexpr: pushed > 1\nlabels: {owner: '{{ $labels.team }}-team'}\nannotations:\n  \
                text: '{{ $labels.team }} has {{ $value | humanize }} of {{ with query \"sum(pushed)\" }}{{ . | first | value }}{{ end }}'\n  \
                wrong: '{{ first (query \"none\") }}'";
    let folder = with_rule_files(&[("a.yml", &with_rule(rule))]);
    let service = folder.start();
    let raw = series(&[("__name__", "pushed"), ("team", "a")], &[(now_ms() - 1_000, 2_500.0)]);
    assert_eq!(write(&service.client, &service.url("/api/v1/write"), &raw).unwrap().0, 204);
    let alert = eventually("the alert fires", || {
        let answer: serde_json::Value = service.client.get(service.url("/api/v1/alerts")).send().ok()?.json().ok()?;
        answer["data"]["alerts"].as_array()?.iter().find(|alert| alert["labels"]["alertname"] == "Hot").cloned()
    });
    assert_eq!((&alert["labels"]["owner"], &alert["state"]), (&"a-team".into(), &"firing".into()), "{alert}");
    assert_eq!(alert["annotations"]["text"], "a has 2.5k of 2500", "{alert}");
    let wrong = alert["annotations"]["wrong"].as_str().unwrap();
    assert!(
        wrong.starts_with("<error expanding template: error executing template __alert_Hot:") && wrong.contains("no elements"),
        "{alert}"
    );
}
