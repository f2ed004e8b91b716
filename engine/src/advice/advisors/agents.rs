//! Coding agents that wait for people for long, or go in circles.

use super::super::counsel::{Confidence, Counsel, Effort, Expects, Measures, Worse};
use super::super::history::{DAY_MS, HOUR_MS, approximate};
use super::super::{Evidence, Finding, History, Horizon, Topic};
use super::Advisor;
use crate::experiment::Better;
use crate::model::Labels;
use crate::rules::Severity;
use crate::store::StoreError;
use crate::windows::Level;

pub(super) const WAITS: Advisor = Advisor {
    name: "agent_waits",
    about: "a coding agent waits long for people",
    reads: &["agent_waiting_seconds_total"],
    horizon: Horizon::Day,
    needs_ms: 0,
    assess: waits,
    counsel: Counsel {
        matters: "While an agent waits nothing is done, and what it knew in the cache of its provider has to be paid for again.",
        then: &["Let its notifications reach you: the dashboard raises one when an agent waits."],
        effort: Effort::Minutes,
        confidence: Confidence::High,
        refuted_by: "The agent was left alone on purpose, as over night.",
        expects: Expects::Unknown("how long people take is up to them"),
        measure: Measures::Query(Better::Lower, |finding| Some(format!("rate({}[1d])", finding.query))),
        sibling: None,
        worse: Worse::More(0),
    },
};

pub(super) const LOOPS: Advisor = Advisor {
    name: "agent_loops",
    about: "a coding agent goes in circles",
    reads: &["agent_findings"],
    horizon: Horizon::Day,
    needs_ms: 0,
    assess: loops,
    counsel: Counsel {
        matters: "Each round costs tokens and money, and nothing comes of it.",
        then: &["Write what it has to know where the agent reads it at each start, such as CLAUDE.md or AGENTS.md."],
        effort: Effort::Minutes,
        confidence: Confidence::High,
        refuted_by: "It waits for something that takes its time, and asks again until that is there.",
        expects: Expects::Unknown("it either goes on or not"),
        measure: Measures::Nothing("whether it goes on is seen within the hour: the advice goes with it"),
        sibling: None,
        worse: Worse::More(0),
    },
};

/// Waiting of a day that is worth a change.
const LONG_SECONDS: f64 = 3_600.0;
/// Minutes of the last hour in a circle.
const LOOP_MINUTES: usize = 5;
/// Findings that are circles, and what a session did then.
const CIRCLES: [(&str, &str); 3] = [
    ("loop", "made the same failing call again and again"),
    ("rewrites", "wrote the same file again and again"),
    ("no_progress", "used tokens, and nothing came of it: no commit, no file, no task"),
];

fn agent(labels: &Labels) -> &str {
    labels.get("agent").unwrap_or("an agent")
}

fn waits(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    let mut found = Vec::new();
    for (id, labels) in history.series("agent_waiting_seconds_total") {
        let seconds = history.rise(id, DAY_MS)?;
        if seconds < LONG_SECONDS {
            continue;
        }
        let name = agent(&labels);
        found.push(Finding {
            id: format!("agent_waits:{name}"),
            topic: Topic::Source,
            title: format!("{name} waits long for people"),
            why: format!("Its sessions waited {} for permission or an answer within the last day.", approximate(seconds)),
            action: "Allow by rule what you always allow: its settings have a list of commands that need no question (permissions.allow of Claude Code).".to_owned(),
            severity: Severity::Notice,
            evidence: vec![Evidence::counted("seconds that sessions waited for people within the last day", seconds, "seconds")],
            query: labels.to_string(),
            start: history.now - DAY_MS,
            end: history.now,
            lasts_ms: DAY_MS,
        });
    }
    Ok(found)
}

fn loops(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    let mut found: Vec<Finding> = Vec::new();
    for (id, labels) in history.series("agent_findings") {
        let Some((kind, did)) = CIRCLES.into_iter().find(|(kind, _)| labels.get("kind") == Some(kind)) else { continue };
        let minutes = history.windows(id, Level::M1, HOUR_MS)?.iter().filter(|row| row.max > 0.0).count();
        if minutes < LOOP_MINUTES {
            continue;
        }
        let name = agent(&labels);
        let why = format!("For {minutes} minutes of the last hour a session of it {did}.");
        let minutes = Evidence::counted(format!("minutes of the last hour, {kind}"), minutes as f64, "count");
        let id = format!("agent_loops:{name}");
        // One agent in several circles is one piece of advice.
        if let Some(same) = found.iter_mut().find(|same| same.id == id) {
            same.why = format!("{} {why}", same.why);
            same.evidence.push(minutes);
            continue;
        }
        found.push(Finding {
            id,
            topic: Topic::Source,
            title: format!("{name} goes in circles"),
            why,
            action: "Stop it, and say what is wrong or make it possible; the page Agents names the session and what it did.".to_owned(),
            severity: Severity::Warning,
            evidence: vec![minutes],
            query: labels.to_string(),
            start: history.now - HOUR_MS,
            end: history.now,
            lasts_ms: HOUR_MS,
        });
    }
    Ok(found)
}
