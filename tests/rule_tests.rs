//! `taskpulse test-rules` gives promtool's verdicts: on files with tests that pass and fail, and on random rules and samples, where
//! the results are compared as well.
//!
//! Ranges and the lookback end beside samples, where versions 2 and 3 of Prometheus differ on purpose, and each test has an `interval`, which Debian's
//! promtool does not default. `DIFFERENTIAL_RULES` sets how many random files are tried, `DIFFERENTIAL_SEED` which.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use common::Folder;
use common::peer::missing_peer;

/// What a program says of a test file: whether all pass, and the failures by their titles, each with what was found.
#[derive(Debug, PartialEq)]
struct Verdict {
    passes: bool,
    failures: BTreeMap<String, Vec<String>>,
}

/// `alertname: A, time: 5m` or `expr: "up", time: 5m` of a line of any of the two.
fn title(line: &str) -> Option<String> {
    let from = line.find("alertname: ").or_else(|| line.find("expr: \""))?;
    let title = &line[from..];
    let end = title.find(", time: ").map(|at| at + 8)?;
    let time = title[end..].split(',').next()?;
    Some(format!("{}{time}", &title[..end]))
}

/// The results of a `got:` line: labels, and values without regard to how they are written.
fn results(line: &str) -> Option<Vec<String>> {
    let text = line.trim().strip_prefix("got: ")?;
    let none = ["nil", "nothing"].contains(&text) || !text.contains('{') && !text.contains(' ');
    let mut out: Vec<String> = Vec::new();
    let mut rest = if none { "" } else { text };
    while let Some(space) = value_at(rest) {
        let (labels, after) = rest.split_at(space);
        let end = after[1..].find(", ").map_or(after.len(), |at| at + 1);
        let value: f64 = after[1..end].parse().ok()?;
        out.push(format!("{} {value:?}", labels.replace(", ", ",")));
        rest = after[end..].trim_start_matches(", ");
    }
    Some(out)
}

/// Where the space between labels and value is.
fn value_at(text: &str) -> Option<usize> {
    let braces = text.find('{').filter(|brace| text.find(' ').is_none_or(|space| *brace < space));
    let from = match braces {
        Some(_) => text.find('}')?,
        None => 0,
    };
    text[from..].find(' ').map(|space| from + space)
}

fn verdict(done: &Output) -> Verdict {
    let text = format!("{}\n{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    let mut failures: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut open: Option<String> = None;
    for line in text.lines() {
        if let Some(title) = title(line) {
            failures.entry(title.clone()).or_default();
            open = Some(title);
        } else if let (Some(title), Some(results)) = (&open, results(line)) {
            failures.entry(title.clone()).or_default().extend(results);
        }
    }
    Verdict { passes: done.status.success(), failures }
}

/// The verdicts of promtool and of the service; none where promtool is not installed.
fn verdicts(folder: &Path, file: &str) -> Option<[Verdict; 2]> {
    let promtool = Command::new("promtool").args(["test", "rules", file]).current_dir(folder).output().ok()?;
    let own = Command::new(env!("CARGO_BIN_EXE_taskpulse")).args(["test-rules", file]).current_dir(folder).output().unwrap();
    Some([verdict(&promtool), verdict(&own)])
}

#[test]
fn kept_files_pass_and_fail_as_with_promtool() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/rules");
    for (file, passes, failing) in [("templates", true, 0), ("machine", false, 18), ("broken", false, 0), ("limited", false, 0)] {
        let Some([promtool, own]) = verdicts(&folder, &format!("{file}.test.yml")) else {
            return missing_peer("promtool is not installed");
        };
        assert_eq!((promtool.passes, promtool.failures.len()), (passes, failing), "{file}: {promtool:?}");
        assert_eq!(own, promtool, "{file}");
    }
}

#[test]
fn a_test_file_that_cannot_be_used_fails_with_its_reason() {
    let folder = Folder::new();
    fs::write(folder.path().join("bad.yml"), "groups:\n- name: g\n  rules:\n  - {alert: A, expr: 'up{'}\n").unwrap();
    for (text, reason) in [
        ("rule_files: [bad.yml]\ntests: [{interval: 1m}]\n", "bad.yml:4:26: `expr` is not PromQL: unexpected end of input inside braces"),
        ("rule_files: ['none-*.yml']\ntests: []\n", "WARNING: no file matches the pattern none-*.yml"),
        ("tests:\n- interval: 1m\n  input_serie: []\n", "test.yml:3:3: unknown key \"input_serie\"; did you mean `input_series`?"),
        ("tests:\n- interval: 1m\n  alert_rule_test: [{eval_time: 1m}]\n", "test.yml:3:21: an item of `alert_rule_test` needs `alertname`"),
        ("group_eval_order: [a, a]\n", "group name repeated in evaluation order: a"),
    ] {
        fs::write(folder.path().join("test.yml"), text).unwrap();
        let Some([promtool, _]) = verdicts(folder.path(), "test.yml") else { return missing_peer("promtool is not installed") };
        let (code, output) = folder.run(&["test-rules", "test.yml"], &[]);
        assert_eq!(code, Some(i32::from(!promtool.passes)), "{text}\n{output}");
        assert!(output.contains(reason), "{text}\n{output}");
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }
}

const EXPRS: [&str; 12] = [
    "m > 5",
    "m == 0",
    "m{a=\"x\"} < 3",
    "sum by (a) (m) >= 10",
    "absent(m{a=\"y\"})",
    "sum_over_time(m[3m30s]) > 12",
    "m - m offset 2m",
    "count(m > 2) > 1",
    "r0 > 3",
    "max by (b) (r1)",
    "m unless m > 8",
    "changes(m[4m30s]) > 1",
];

/// A rule file and its test file.
fn random_files(random: &mut Random) -> (String, String) {
    let mut rules = String::from("groups:\n- name: g\n  rules:\n");
    for at in 0..2 {
        let _ = writeln!(rules, "  - {{record: r{at}, expr: '{}', labels: {{n: \"{at}\"}}}}", random.pick(&EXPRS[..7]));
    }
    for at in 0..4 {
        let hold = random.pick(&["0s", "1m", "2m", "150s", "5m"]);
        let keep = random.pick(&["0s", "0s", "1m", "3m", "90s"]);
        let label = random.pick(&["{}", "{s: \"{{ $labels.a }}!\"}", "{v: '{{ if gt $value 6.0 }}hi{{ else }}lo{{ end }}'}"]);
        let expr = random.pick(&EXPRS);
        let _ = writeln!(rules, "  - {{alert: A{at}, expr: '{expr}', for: {hold}, keep_firing_for: {keep}, labels: {label}}}");
    }
    let mut tests = String::from("rule_files: [rules.yml]\nevaluation_interval: 1m\ntests:\n- interval: 61s\n  input_series:\n");
    for (a, b) in [("x", "1"), ("x", "2"), ("y", "1")] {
        let values: Vec<String> = (0..6)
            .map(|at| match random.below(6) {
                // The first sample is not the newest one when it is five minutes old.
                _ if at == 0 => format!("{}x6", random.below(10)),
                0 => format!("_x{}", 1 + random.below(4)),
                1 => format!("{}x{}", random.below(10), random.below(5)),
                2 => format!("{}+{}x{}", random.below(5), random.below(3), random.below(5)),
                3 => format!("{}-{}x{}", random.below(12), random.below(3), random.below(5)),
                4 => random.pick(&["stale", "NaN", "0", "_"]).to_owned(),
                _ => format!("{}.5", random.below(10)),
            })
            .collect();
        let _ = writeln!(tests, "  - {{series: 'm{{a=\"{a}\",b=\"{b}\"}}', values: '{}'}}", values.join(" "));
    }
    tests.push_str("  alert_rule_test:\n");
    for minute in 0..20 {
        for at in 0..4 {
            let _ = writeln!(tests, "  - {{eval_time: {minute}m, alertname: A{at}}}");
        }
    }
    tests.push_str("  promql_expr_test:\n");
    for minute in 0..20 {
        for expr in ["ALERTS", "ALERTS_FOR_STATE", "r0", "r1"] {
            let _ = writeln!(tests, "  - {{expr: '{expr} or on () vector(-1)', eval_time: {minute}m}}");
        }
    }
    (rules, tests)
}

#[test]
fn random_rules_over_random_samples_do_what_promtool_says() {
    let setting = |name: &str, default: u64| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default);
    let (count, seed) = (setting("DIFFERENTIAL_RULES", 40), setting("DIFFERENTIAL_SEED", 1));
    let folder = Folder::new();
    let mut found = 0;
    for n in 0..count {
        let (rules, tests) = random_files(&mut Random(seed.wrapping_mul(1_000_003).wrapping_add(n)));
        fs::write(folder.path().join("rules.yml"), &rules).unwrap();
        fs::write(folder.path().join("test.yml"), &tests).unwrap();
        let Some([promtool, own]) = verdicts(folder.path(), "test.yml") else { return missing_peer("promtool is not installed") };
        assert_eq!(own.passes, promtool.passes, "seed {seed}, file {n}\n{rules}\n{tests}");
        for (title, results) in &promtool.failures {
            assert_eq!(own.failures.get(title), Some(results), "seed {seed}, file {n}: {title}\n{rules}\n{tests}");
        }
        assert_eq!(own.failures.len(), promtool.failures.len(), "seed {seed}, file {n}\n{rules}\n{tests}");
        found += promtool.failures.len();
    }
    assert!(found as u64 > count * 50, "the random files find too little: {found}");
}
