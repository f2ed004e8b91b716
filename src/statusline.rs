//! `taskpulse statusline`: the status line of Claude Code. Keeps what it gets in the service, and prints one line of it.
//!
//! All fields may be absent, or of another kind: what is not there is left out of the line.

use std::sync::mpsc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use taskpulse_actors::agents::machine;

use crate::cli::Cli;
use crate::{console, hook};

/// Longest time that the line takes: it is printed anew several times a minute.
const LIMIT: Duration = Duration::from_millis(500);
/// Shown where nothing is known.
const NOTHING: &str = "taskpulse";
/// Longest name of a model.
const MAX_NAME: usize = 40;
/// From this share on, the time at which a limit starts anew is of interest.
const NEARLY_USED: f64 = 80.0;

/// Runs the command. The line is printed whether the service answers or not.
pub fn run(cli: Cli, url: Option<String>) {
    let began = Instant::now();
    let (sent, is_sent) = mpsc::channel();
    let input = hook::within(LIMIT, || hook::read_input(hook::MAX_EVENT as u64).unwrap_or_default()).unwrap_or_default();
    let status = serde_json::from_slice::<Value>(&input).unwrap_or_default();
    if status.is_object() {
        let body = status.to_string();
        std::thread::spawn(move || {
            drop(hook::post(&cli, url.as_deref(), "/hooks/agent/status", &[("host", &machine())], body));
            let _ = sent.send(());
        });
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    drop(console::print(&format!("{}\n", line(&status, now as f64))));
    if status.is_object() {
        let _ = is_sent.recv_timeout(LIMIT.saturating_sub(began.elapsed()));
    }
}

/// `Opus 5.5 · 1 % of 1M context · $0.03 · 5h limit 42 %`, at a time in seconds.
fn line(status: &Value, now: f64) -> String {
    let limits = [("5h", "five_hour"), ("7d", "seven_day"), ("spending", "spend_limit")];
    let parts = [model(&status["model"]), context(&status["context_window"]), money(&status["cost"]["total_cost_usd"])];
    let limits = limits.iter().map(|(name, key)| limit(name, &status["rate_limits"][key], now));
    let parts: Vec<String> = parts.into_iter().chain(limits).flatten().collect();
    if parts.is_empty() { NOTHING.to_owned() } else { parts.join(" · ") }
}

fn model(model: &Value) -> Option<String> {
    let name = [&model["display_name"], &model["id"]].into_iter().find_map(Value::as_str)?;
    // What a terminal takes for a command is no part of a name.
    let name: String = name.chars().filter(|c| !c.is_control()).take(MAX_NAME).collect();
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

fn context(window: &Value) -> Option<String> {
    let used = percent(&window["used_percentage"])?;
    let size = window["context_window_size"].as_u64().map(|size| match size {
        1_000_000.. => format!("{}M ", (size as f64 / 1e5).round() / 10.0),
        1_000.. => format!("{}k ", size / 1_000),
        _ => format!("{size} "),
    });
    Some(format!("{used} of {}context", size.unwrap_or_default()))
}

fn money(cost: &Value) -> Option<String> {
    let cost = cost.as_f64().filter(|cost| *cost >= 0.0)?;
    Some(if cost > 0.0 && cost < 0.01 { "under $0.01".to_owned() } else { format!("${cost:.2}") })
}

fn limit(name: &str, limit: &Value, now: f64) -> Option<String> {
    let used = percent(&limit["used_percentage"])?;
    let left = limit["resets_at"].as_f64().map(|at| at - now).filter(|left| (0.0..=31.0 * 86_400.0).contains(left));
    let nearly = limit["used_percentage"].as_f64().is_some_and(|used| used >= NEARLY_USED);
    let resets = left.filter(|_| nearly).map(|left| format!(", resets in {}", duration(left))).unwrap_or_default();
    Some(format!("{name} limit {used}{resets}"))
}

fn percent(value: &Value) -> Option<String> {
    value.as_f64().filter(|used| (0.0..10_000.0).contains(used)).map(|used| format!("{used:.0} %"))
}

fn duration(seconds: f64) -> String {
    let minutes = (seconds / 60.0).ceil() as u64;
    match minutes {
        0..120 => format!("{minutes} min"),
        120..2_880 => format!("{} h", minutes / 60),
        _ => format!("{} d", minutes / 1_440),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_line_says_what_is_known_and_nothing_else() {
        let five_hours = |used: f64, at: f64| json!({"rate_limits": {"five_hour": {"used_percentage": used, "resets_at": at}}});
        for (status, expected) in [
            (
                json!({
                    "model": {"id": "claude-opus-5-5", "display_name": "Opus 5.5"},
                    "context_window": {"context_window_size": 1_000_000, "used_percentage": 1},
                    "cost": {"total_cost_usd": 0.027_18},
                    "rate_limits": {"five_hour": {"used_percentage": 42.4, "resets_at": 9_000}, "seven_day": {"used_percentage": 7}},
                }),
                "Opus 5.5 · 1 % of 1M context · $0.03 · 5h limit 42 % · 7d limit 7 %",
            ),
            (json!({"model": {"id": "m"}, "context_window": {"used_percentage": null}, "cost": {}}), "m"),
            (json!({"context_window": {"context_window_size": 200_000, "used_percentage": 12.5}}), "12 % of 200k context"),
            (json!({"context_window": {"used_percentage": 12.6}}), "13 % of context"),
            (json!({"cost": {"total_cost_usd": 0}}), "$0.00"),
            (json!({"cost": {"total_cost_usd": 0.004}}), "under $0.01"),
            (json!({"cost": {"total_cost_usd": -1}, "model": "Opus", "rate_limits": [1]}), "taskpulse"),
            (json!({"model": {"display_name": "\u{1b}[31mOpus\n"}}), "[31mOpus"),
            (five_hours(79.0, 4_600.0), "5h limit 79 %"),
            (five_hours(92.0, 4_600.0), "5h limit 92 %, resets in 60 min"),
            (five_hours(92.0, 900.0), "5h limit 92 %"),
            (json!({"rate_limits": {"seven_day": {"used_percentage": 100, "resets_at": 251_000}}}), "7d limit 100 %, resets in 2 d"),
            (json!({"rate_limits": {"spend_limit": {"used_percentage": 10}}}), "spending limit 10 %"),
            (json!({"context_window": {"used_percentage": 1e300}}), "taskpulse"),
            (json!(null), "taskpulse"),
            (json!(["odd"]), "taskpulse"),
        ] {
            assert_eq!(line(&status, 1_000.0), expected, "{status}");
        }
    }
}
