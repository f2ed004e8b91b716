//! What a series or a rule is about, in a reader's words.

use super::help::help;
use crate::metrics;
use crate::model::{Labels, NAME_LABEL, clipped};

/// How the name of a source begins that is a channel of notifications.
pub const CHANNEL_SOURCE: &str = "channel ";
/// Longest name of others in a sentence, in characters.
const MOST_CHARS: usize = 60;
/// Values of labels that tell the series of an unknown metric apart.
const MOST_LABELS: usize = 3;
/// Ends of names that say the unit, which the figure has already.
const UNIT_ENDS: [&str; 5] = ["_total", "_ratio", "_bytes", "_seconds", "_celsius"];
/// Words that are written in their own way.
const SPELLED: [(&str, &str); 9] = [
    ("cpu", "CPU"),
    ("ci", "CI"),
    ("io", "I/O"),
    ("url", "URL"),
    ("http", "HTTP"),
    ("tls", "TLS"),
    ("dns", "DNS"),
    ("github", "GitHub"),
    ("oom", "OOM"),
];

/// What a series is about: `CPU`, `Disk /data`, `Queue depth · mail`.
#[must_use]
pub fn subject(series: &Labels) -> String {
    let phrase = phrase(series);
    // What stands before the value is the subject: `CI on octo/site`.
    let before = phrase.split("{value}").next().unwrap_or_default();
    let before = before.trim_end().trim_end_matches(':');
    if before.is_empty() { of_unknown(series) } else { before.to_owned() }
}

/// The phrase of a metric with the labels of a series, still with `{value}` where it has one. Of a metric of others, what its HELP text says,
/// or its name in words.
pub(super) fn phrase(series: &Labels) -> String {
    if let Some(channel) = channel(series) {
        return on_its_machine("", format!("Channel {}", short(channel)), series);
    }
    match metrics::describe(series.name()).map(|metric| metric.phrase) {
        Some(phrase) if !phrase.is_empty() => on_its_machine(phrase, filled(phrase, series), series),
        _ => match help(series.name()) {
            Some(words) => format!("{}: {{value}}", named(words.to_string(), series)),
            None => of_unknown(series),
        },
    }
}

/// The channel of notifications that the state of a source is about: channels that fail are reported as sources.
pub(super) fn channel(series: &Labels) -> Option<&str> {
    series.get("source").filter(|_| series.name() == "taskpulse_source_up")?.strip_prefix(CHANNEL_SOURCE)
}

/// Machines of others send the same metrics: the label `instance` says which one it is.
fn on_its_machine(phrase: &str, filled: String, series: &Labels) -> String {
    let Some(instance) = series.get("instance").filter(|_| !phrase.contains("{instance}")) else { return filled };
    // What stands before the value is the subject.
    let before = filled.split("{value}").next().unwrap_or_default();
    let subject = before.trim_end().trim_end_matches(':').len();
    format!("{} on {}{}", &filled[..subject], short(instance), &filled[subject..]).trim_start().to_owned()
}

/// A phrase with the values of labels in it. Labels that a series does not have leave no trace.
pub(super) fn filled(phrase: &str, series: &Labels) -> String {
    let mut out = String::new();
    let mut rest = phrase;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((label, tail)) = after.split_once('}') else { break };
        out.push_str(before);
        match series.get(label) {
            _ if label == "value" => out.push_str("{value}"),
            Some(value) => out.push_str(&short(value)),
            None => {}
        }
        rest = tail;
    }
    out.push_str(rest);
    // Where a label is missing, its preposition is left over: before another one, or at the end.
    let mut words: Vec<&str> = out.split_whitespace().collect();
    let is_left = |word: &&str| ["of", "on", "in", "with"].contains(word);
    for at in (0..words.len()).rev() {
        if is_left(&words[at]) && words.get(at + 1).is_none_or(is_left) {
            words.remove(at);
        }
    }
    words.join(" ")
}

/// The name of a rule, and the labels that tell its results from each other: `Slow requests · shop`.
pub(super) fn of_rule(rule: &str, series: &Labels) -> String {
    named(rule_name(rule), series)
}

fn of_unknown(series: &Labels) -> String {
    let mut name = series.name();
    for _ in 0..2 {
        name = UNIT_ENDS.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
    }
    named(words(name), series)
}

fn named(name: String, series: &Labels) -> String {
    let values: Vec<String> = series.iter().filter(|(label, _)| *label != NAME_LABEL).map(|(_, value)| short(value)).collect();
    let mut parts = vec![name];
    parts.extend(values.iter().take(MOST_LABELS).cloned());
    if values.len() > MOST_LABELS {
        parts.push("…".to_owned());
    }
    parts.retain(|part| !part.is_empty());
    if parts.is_empty() { "A query".to_owned() } else { parts.join(" · ") }
}

/// The name of a rule in words: `high_cpu_usage` is `High CPU usage`.
#[must_use]
pub fn rule_name(rule: &str) -> String {
    words(&short(rule))
}

fn words(name: &str) -> String {
    let spelled = |word: &str| {
        SPELLED.iter().find(|(plain, _)| *plain == word.to_ascii_lowercase()).map_or_else(|| word.to_owned(), |(_, own)| (*own).to_owned())
    };
    let text = name.split(['_', ':', '-', ' ']).filter(|word| !word.is_empty()).map(spelled).collect::<Vec<_>>().join(" ");
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// A name of others, cut to a readable length, without control characters.
pub(super) fn short(text: &str) -> String {
    clipped(text, MOST_CHARS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_is_named_by_what_it_is_about() {
        let long = "x".repeat(500);
        for (name, labels, text) in [
            ("system_cpu_utilization_ratio", &[][..], "CPU"),
            ("system_filesystem_utilization_ratio", &[("mountpoint", "/data"), ("fstype", "ext4")], "Disk /data"),
            ("github_actions_success_ratio", &[("repo", "octo/site"), ("workflow", "ci.yml")], "CI on octo/site"),
            ("taskmaster_queue_depth", &[("project", "app"), ("tag", "master")], "Pending tasks in app master"),
            ("taskmaster_queue_depth", &[], "Pending tasks"),
            ("github_actions_run_queue_seconds", &[("repo", "octo/site")], "Queue time on octo/site"),
            ("probe_success", &[("target", "database")], "database"),
            ("container_memory_usage_bytes", &[("unit", "nginx.service")], "Memory of nginx.service"),
            ("queue_depth_bytes_total", &[("queue", "mail")], "Queue depth · mail"),
            ("http_requests_total", &[("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")], "HTTP requests · 1 · 2 · 3 · …"),
            ("taskpulse_sessions", &[], "Taskpulse sessions"),
            ("taskpulse_source_up", &[("source", "github a/b")], "Source github a/b"),
            ("taskpulse_source_up", &[("source", "channel ops")], "Channel ops"),
            ("up", &[], "Up"),
            ("system_cpu_utilization_ratio", &[("instance", "db-1")], "CPU on db-1"),
            ("system_filesystem_utilization_ratio", &[("mountpoint", "/data"), ("instance", "db-1")], "Disk /data on db-1"),
            ("github_actions_success_ratio", &[("repo", "octo/site"), ("instance", "ci")], "CI on octo/site on ci"),
        ] {
            assert_eq!(subject(&Labels::metric(name, labels)), text, "{name} {labels:?}");
        }
        super::super::learn("subject_test_depth", "Mails that wait. Sent ones do not count.");
        assert_eq!(subject(&Labels::metric("subject_test_depth", &[("queue", "out")])), "Mails that wait · out");
        assert_eq!(subject(&Labels::none()), "A query");
        let named = subject(&Labels::metric("probe_success", &[("target", &long)]));
        assert!(named.chars().count() == 60 && named.ends_with('…'), "{named}");
    }

    #[test]
    fn a_rule_is_named_in_words() {
        for (rule, text) in
            [("high_cpu_usage", "High CPU usage"), ("github_failure_rate", "GitHub failure rate"), ("HighLatency", "HighLatency"), ("", "")]
        {
            assert_eq!(rule_name(rule), text);
        }
    }
}
