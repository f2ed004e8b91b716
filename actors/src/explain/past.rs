//! What happened shortly before an alert, what was in progress, and the last alert like it.

use taskpulse_engine::event::Event;
use taskpulse_engine::explain::{Earlier, Explanation, agents_among, at_work, happened, in_progress};
use taskpulse_engine::rules::Alert;
use taskpulse_engine::words;

use super::moment::{Moment, events};

/// What happened so long before the end of an alert may have to do with it.
const END_MS: i64 = 120_000;

/// Adds them.
pub(super) fn look_up(moment: &mut Moment<'_>, alert: &Alert, explanation: &mut Explanation) {
    let (from, to) = (explanation.from, explanation.to);
    explanation.before = happened(moment.recent(), &alert.id, from, to);
    explanation.in_progress = in_progress(moment.of_work(), to);
    let agents = agents_among(&explanation.used);
    let commits = commits_that_failed(moment, alert);
    if !agents.is_empty() || !commits.is_empty() {
        explanation.agents = at_work(moment.sessions().sessions(), (&agents, &commits), (from, to));
    }
    explanation.last = last(moment, alert);
}

/// The commits of the runs that failed shortly before, of an alert about the CI of a repository.
fn commits_that_failed(moment: &mut Moment<'_>, alert: &Alert) -> Vec<String> {
    let Some(repo) = alert.metric.get("repo").filter(|_| alert.metric.name().starts_with("github_actions_")) else { return Vec::new() };
    let of_it = |event: &&Event| {
        let is = |name: &str, wanted: &str| event.data[name].as_str() == Some(wanted);
        event.kind == "run_finished" && is("repo", repo) && is("conclusion", "failure")
    };
    let sha = |event: &Event| event.data["sha"].as_str().filter(|sha| !sha.is_empty()).map(str::to_owned);
    moment.recent().iter().filter(of_it).filter_map(sha).collect()
}

/// The last alert of the same rule and series that ended.
fn last(moment: &mut Moment<'_>, alert: &Alert) -> Option<Earlier> {
    let (last, count) = moment.earlier(&alert.id)?;
    let (fired_at, ended_at) = (last.firing_since?, last.resolved_at?);
    let at_its_end = events(moment.store, ended_at - END_MS, ended_at, |_| true);
    Some(Earlier {
        fired_at,
        ended_at,
        reason: last.reason.clone(),
        busiest: last.explanation.as_deref().map(words::busiest).unwrap_or_default(),
        before_its_end: happened(&at_its_end, &alert.id, ended_at, ended_at),
        count,
    })
}
