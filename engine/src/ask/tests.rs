//! The corpus of questions, each with what it means, and others that must be refused.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::fmt::Write;

use jiff::tz::TimeZone;

use super::*;

/// Friday, 27 November 2026, 11:30 in Berlin.
pub(super) fn clock() -> Clock {
    Clock { now: 1_795_775_400_000, zone: TimeZone::get("Europe/Berlin").unwrap() }
}

/// What the questions of the corpus name.
pub(super) fn names() -> Names {
    let mut names = Names::default();
    for (kind, values) in [
        (NameKind::Target, &["database", "shop", "api gateway"][..]),
        (NameKind::Heartbeat, &["backup", "nightly-report"]),
        (NameKind::Workflow, &["Build and test", "deploy", "CI", "Nightly"]),
        (NameKind::Repo, &["octo/app", "octo/site"]),
        (NameKind::Job, &["lint", "test (ubuntu)"]),
        (NameKind::Mount, &["/", "/data", "/var/lib"]),
        (NameKind::Unit, &["nginx.service", "postgresql.service"]),
        (NameKind::Container, &["redis"]),
        (NameKind::Process, &["nginx", "chrome", "rustc", "top", "time", "node"]),
        (NameKind::Host, &["db-1", "web-2"]),
        (NameKind::Project, &["app"]),
        (NameKind::Tag, &["master"]),
        (NameKind::Device, &["eth0", "nvme0n1"]),
        (NameKind::Sensor, &["coretemp"]),
        (NameKind::Scraped, &["node"]),
        (NameKind::Rule, &["high_cpu_usage", "disk_filling"]),
        (NameKind::Source, &["github", "system"]),
        (NameKind::Agent, &["claude-code", "codex", "gemini-cli"]),
        (NameKind::Metric, &["http_requests_total", "node_load1", "queue_depth", "system_cpu_utilization_ratio"]),
    ] {
        values.iter().for_each(|value| names.add(kind, value));
    }
    names
}

fn meant(question: &str) -> String {
    match understand(question, &names(), &clock()) {
        Ok(meaning) => meaning.shown(&clock().zone),
        Err(refusal) => format!("refused: {}", refusal.why),
    }
}

#[test]
fn each_question_of_the_corpus_means_what_it_says() {
    let mut wrong = String::new();
    let mut count = 0;
    for line in include_str!("tests/corpus.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (question, expected) = line.split_once(" => ").unwrap_or_else(|| panic!("no ` => ` in: {line}"));
        count += 1;
        let found = meant(question.trim());
        if found != expected.trim() {
            let _ = writeln!(wrong, "{question} => {found}\n    expected: {expected}");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(count >= 150, "{count}");
}

#[test]
fn what_is_not_understood_is_refused_with_its_word() {
    let mut wrong = String::new();
    for line in include_str!("tests/refused.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (question, word) = line.split_once(" => ").unwrap_or_else(|| panic!("no ` => ` in: {line}"));
        let said = match understand(question.trim(), &names(), &clock()) {
            Ok(meaning) => format!("understood: {}", meaning.shown(&clock().zone)),
            Err(refusal) => refusal.why,
        };
        if said.starts_with("understood: ") || !said.to_lowercase().contains(word.trim()) {
            let _ = writeln!(wrong, "{question} => {said}\n    expected: {word}");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn each_example_is_understood() {
    for example in nearest::EXAMPLES {
        let question = example.replace("{probe}", "shop").replace("{heartbeat}", "backup");
        let found = meant(&question);
        assert!(!found.starts_with("refused"), "{question}: {found}");
    }
    let near = nearest("how many buidls were failing yesterday?", &names());
    assert_eq!(near[0], "How many builds failed yesterday?");
}

/// A number that looks like chance, the same in each run.
fn random(state: &mut u64, below: usize) -> usize {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    usize::try_from(*state >> 33).unwrap() % below.max(1)
}

#[test]
fn any_text_is_understood_or_refused_in_words() {
    let (names, clock, mut state) = (names(), clock(), 7u64);
    let corpus: Vec<&str> =
        include_str!("tests/corpus.txt").lines().filter_map(|line| line.split_once(" => ")).map(|(question, _)| question).collect();
    let words: Vec<&str> = corpus.iter().flat_map(|question| question.split(' ')).chain(lexicon::words()).collect();
    let odd = [
        "\u{0}",
        "-",
        "9-12",
        "31.11.",
        "2026-13-40",
        "week 99",
        "99999999999999999999",
        "🦀",
        "ß'",
        "\"",
        "#7",
        "%",
        ">",
        "1e308",
        "24:00",
        "from",
        "to",
    ];
    for round in 0..1_500 {
        let mut text = String::new();
        for _ in 0..random(&mut state, 12) {
            let word = if random(&mut state, 8) == 0 { odd[random(&mut state, odd.len())] } else { words[random(&mut state, words.len())] };
            text.push_str(word);
            text.push(' ');
        }
        // A letter more, less or another.
        if let Some((at, c)) = text.char_indices().nth(random(&mut state, text.chars().count())) {
            match random(&mut state, 3) {
                0 => text.insert(at, 'e'),
                1 => text.replace_range(at..at + c.len_utf8(), ""),
                _ => text.replace_range(at..at + c.len_utf8(), "x"),
            }
        }
        match understand(&text, &names, &clock) {
            Ok(meaning) => {
                assert!(!meaning.shown(&clock.zone).is_empty());
                for range in [meaning.time, meaning.compared].into_iter().flatten() {
                    assert!(range.start < range.end && range.end <= clock.now, "{text}: {range:?}");
                }
            }
            Err(refusal) => assert!(!refusal.why.is_empty(), "{text}"),
        }
        if round % 20 == 0 {
            assert_eq!(nearest(&text, &names).len(), 3, "{text}");
        }
    }
}
