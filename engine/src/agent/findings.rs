//! What is wrong with a session, in words, with what to do.

mod cache;
mod progress;
#[cfg(test)]
mod tests;

use super::costs::Work;
use super::pace::Paces;
use super::session::{Limit, Session};
use super::state::{State, Wait};
use crate::model::TimestampMs;
use crate::words::lasted;

/// Waiting for a person for longer is a finding.
const WAITS_MS: i64 = 120_000;
/// Failing calls of the same input, one after the other, that make a loop.
const LOOP: usize = 4;
/// Requests that failed within [`STORM_MS`] and make a storm.
const STORM: usize = 5;
const STORM_MS: i64 = 600_000;
/// Calls of before are no loop any more.
const LOOP_MS: i64 = 1_800_000;
/// From here on the context is nearly full.
const CONTEXT: f64 = 0.9;
/// From here on a limit is nearly reached.
const LIMIT: f64 = 0.9;

/// A session speaks for its plan for so long.
const SAID_MS: i64 = 1_800_000;

/// The kinds of findings.
pub const KINDS: [&str; 9] = ["waits", "loop", "errors", "context", "limit", "stuck", "no_progress", "rewrites", "cache"];

/// Something that is wrong with a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// One of [`KINDS`].
    pub kind: &'static str,
    /// In words.
    pub title: String,
    /// What to do.
    pub advice: &'static str,
    /// Since when.
    pub since: TimestampMs,
}

/// What is wrong with a session at a time; nothing of one that ended.
pub(super) fn findings(session: &Session, paces: &Paces, work: &[Work], now: TimestampMs) -> Vec<Finding> {
    let (state, since) = session.state(now);
    if state.is_over() {
        return Vec::new();
    }
    let mut out = Vec::new();
    if let State::Waiting(wait) = &state
        && now - since > WAITS_MS
    {
        out.push(waits(wait, since, now));
    }
    out.extend(in_a_loop(session, now));
    let failed: Vec<TimestampMs> = session.failures.iter().copied().filter(|at| now - at < STORM_MS).collect();
    if let (true, Some(first)) = (failed.len() >= STORM, failed.iter().min()) {
        out.push(Finding {
            kind: "errors",
            title: format!("{} requests to the model failed or were tried again in the last {}", failed.len(), lasted(STORM_MS)),
            advice: "See the status of the model's provider and the network; the client tries again by itself.",
            since: *first,
        });
    }
    if let Some(used) = session.context().filter(|used| *used >= CONTEXT) {
        out.push(Finding {
            kind: "context",
            title: format!("{:.0} % of the context is used", used * 100.0),
            advice: "Compact it, or let it write down what matters and begin anew.",
            since: session.last_seen,
        });
    }
    let limits = session.limits().iter().filter(|limit| limit.resets_at.is_none_or(|at| at > now));
    out.extend(limits.filter_map(|limit| reached(session, limit, paces, now)));
    out.extend(progress::stuck(session, work, now));
    out.extend(progress::no_progress(session, work, now));
    out.extend(progress::rewrites(session, now));
    out.extend(cache::cache(session, now));
    out
}

/// A limit that is nearly reached, or will be before it begins anew.
fn reached(session: &Session, limit: &Limit, paces: &Paces, now: TimestampMs) -> Option<Finding> {
    let name = limit.name.replace('_', " ");
    let title = if limit.used_ratio >= LIMIT {
        format!("{:.0} % of the limit {name} is used", limit.used_ratio * 100.0)
    } else {
        // What an idle session said long ago is no news.
        let said = session.fresh_limits(now - SAID_MS).contains(limit);
        let pace = paces.reached(&session.key.agent, limit, now).filter(|_| said)?;
        format!(
            "{:.0} % of the limit {name} is used; at the pace of the last {} it is reached in {} to {}, before it resets in {}",
            pace.used * 100.0,
            lasted(pace.over),
            lasted(pace.within.0),
            lasted(pace.within.1),
            lasted(limit.resets_at? - now)
        )
    };
    let advice = "Let the most important task go first, or choose a smaller model.";
    Some(Finding { kind: "limit", title, advice, since: session.last_seen })
}

fn waits(wait: &Wait, since: TimestampMs, now: TimestampMs) -> Finding {
    let long = lasted(now - since);
    let (title, advice) = match wait {
        Wait::Permission { tool: Some(tool) } => {
            (format!("Waits for permission to use {tool} for {long}"), "Allow or refuse it in its terminal.")
        }
        Wait::Permission { tool: None } => (format!("Waits for permission for {long}"), "Allow or refuse it in its terminal."),
        Wait::Answer => (format!("Waits for an answer for {long}"), "Answer in its terminal."),
        Wait::Model => {
            (format!("Waits for the model for {long}"), "Its limit is reached or it is overloaded; the client tries again by itself.")
        }
    };
    Finding { kind: "waits", title, advice, since }
}

/// The newest calls, all of them the same one, and all failed.
fn in_a_loop(session: &Session, now: TimestampMs) -> Option<Finding> {
    let calls = session.calls.iter().rev().filter(|call| call.hooked == session.hooked);
    let newest = calls.clone().next()?;
    let same: Vec<_> = calls.take_while(|call| call.failed && (&call.tool, call.input) == (&newest.tool, newest.input)).collect();
    let first = same.last()?;
    (same.len() >= LOOP && now - newest.at < LOOP_MS).then(|| Finding {
        kind: "loop",
        title: format!("The same call of {} failed {} times in a row", newest.tool, same.len()),
        advice: "Stop it and say what is wrong with the call, or make it possible.",
        since: first.at,
    })
}
