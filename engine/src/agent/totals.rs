//! What agents used in all, as counters of a few labels: sessions come and go, counters only rise.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::figures::{Figures, ToolCounts};
use super::findings::{Finding, KINDS};
use super::item::KINDS_OF_TOKENS;
use super::session::Session;
use super::state::State;
use crate::model::{Batch, Labels, TimestampMs};

/// Agents, models and tools that are counted by name; those beyond are counted together, without a name.
const MAX_NAMED: usize = 100;

/// What one agent used.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct OfAgent {
    models: BTreeMap<String, Figures>,
    tools: BTreeMap<String, ToolCounts>,
    errors: u64,
    prompts: u64,
    commits: u64,
    active_ms: Option<u64>,
    waited_ms: Option<u64>,
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Totals(BTreeMap<String, OfAgent>);

fn named<'a, T: Default>(all: &'a mut BTreeMap<String, T>, name: &str) -> &'a mut T {
    let name = if all.len() < MAX_NAMED || all.contains_key(name) { name } else { "" };
    all.entry(name.to_owned()).or_default()
}

fn sum(all: &mut Option<u64>, more: Option<u64>) {
    if let Some(more) = more {
        *all = Some(all.unwrap_or(0) + more);
    }
}

impl Totals {
    /// Adds what a session used.
    pub(super) fn add(&mut self, session: &Session, now: TimestampMs) {
        let of = named(&mut self.0, &session.key.agent);
        for (model, figures) in session.figures() {
            named(&mut of.models, model).add_all(&figures);
        }
        for (tool, counts) in session.tools() {
            let all = named(&mut of.tools, tool);
            all.ok += counts.ok;
            all.failed += counts.failed;
            all.refused += counts.refused;
        }
        of.errors += session.errors;
        of.prompts += session.prompts;
        of.commits += session.most_commits.max(session.commits.len() as u64);
        sum(&mut of.active_ms, session.active_ms.known());
        sum(&mut of.waited_ms, session.waited_ms(now));
    }

    /// The samples of a time.
    pub fn push(&self, batch: &mut Batch, now: TimestampMs) {
        for (agent, of) in &self.0 {
            let mut put = |metric: &str, labels: &[(&str, &str)], value: f64| {
                let all: Vec<(&str, &str)> = [("agent", agent.as_str())].into_iter().chain(labels.iter().copied()).collect();
                batch.push(Labels::metric(metric, &all), now, value);
            };
            for (model, figures) in &of.models {
                let labels = [("model", model.as_str())];
                if let Some(micros) = figures.micros.known() {
                    put("agent_cost_usd_total", &labels, micros as f64 / 1e6);
                }
                put("agent_requests_total", &labels, figures.requests as f64);
                let by_kind = KINDS_OF_TOKENS.into_iter().zip(figures.sums().into_iter().skip(1));
                for (kind, count) in by_kind.filter_map(|(kind, sum)| Some((kind, sum.known()?))) {
                    put("agent_tokens_total", &[("model", model.as_str()), ("type", kind)], count as f64);
                }
            }
            for (tool, counts) in &of.tools {
                for (outcome, count) in [("ok", counts.ok), ("failed", counts.failed), ("refused", counts.refused)] {
                    if count > 0 {
                        put("agent_tool_calls_total", &[("tool", tool.as_str()), ("outcome", outcome)], count as f64);
                    }
                }
            }
            // What no session said yet is unknown, not zero.
            let counts =
                [("agent_request_errors_total", of.errors), ("agent_prompts_total", of.prompts), ("agent_commits_total", of.commits)];
            for (metric, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
                put(metric, &[], count as f64);
            }
            if let Some(ms) = of.active_ms {
                put("agent_active_seconds_total", &[], ms as f64 / 1e3);
            }
            if let Some(ms) = of.waited_ms {
                put("agent_waiting_seconds_total", &[], ms as f64 / 1e3);
            }
        }
    }
}

/// Of how many sessions a finding holds, by agent and kind; zero where it holds of none.
pub fn push_findings<'a>(
    sessions: impl Iterator<Item = &'a Session>,
    found: &[(&'a Session, Finding)],
    batch: &mut Batch,
    now: TimestampMs,
) {
    let mut counts: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for session in sessions {
        for kind in KINDS {
            counts.entry((session.key.agent.as_str(), kind)).or_default();
        }
    }
    for (session, finding) in found {
        *counts.entry((session.key.agent.as_str(), finding.kind)).or_default() += 1;
    }
    for ((agent, kind), count) in counts {
        batch.push(Labels::metric("agent_findings", &[("agent", agent), ("kind", kind)]), now, count as f64);
    }
}

/// How many sessions are in each state, by agent; ended and lost ones are not counted.
pub fn push_states<'a>(sessions: impl Iterator<Item = &'a Session>, batch: &mut Batch, now: TimestampMs) {
    let mut counts: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    let live = [State::Working.word(), "waiting", State::Idle.word()];
    for session in sessions {
        let word = session.state(now).0.word();
        for state in live {
            *counts.entry((session.key.agent.as_str(), state)).or_default() += u64::from(word == state);
        }
    }
    for ((agent, state), count) in counts {
        batch.push(Labels::metric("agent_sessions", &[("agent", agent), ("state", state)]), now, count as f64);
    }
}
