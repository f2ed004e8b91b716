//! How a session takes in what is said of it: signs of its state, facts, and items that count.

use std::collections::BTreeMap;

use super::{MAX_FOLDERS, MAX_NAMED, Session, Subagent, remember};
use crate::agent::figures::{Accounts, ToolCounts};
use crate::agent::history::after_silence;
use crate::agent::item::{Item, Kind, Outcome, Sum};
use crate::agent::session::Call;
use crate::agent::signal::{About, Fact, Way};
use crate::agent::state::{State, Wait};
use crate::model::TimestampMs;

impl Session {
    /// Takes in what is said beside a fact.
    pub(in crate::agent) fn learn(&mut self, at: TimestampMs, now: TimestampMs, (host, way): (&str, Way), about: About) {
        self.revision += 1;
        self.memory.from.get_or_insert(now);
        if self.host().is_empty() && !host.is_empty() {
            host.clone_into(&mut self.host);
        }
        self.first_seen = self.first_seen.min(at);
        // Kept before its states were: it began with the one that it is in.
        if self.history.is_empty() {
            self.history = (self.state.clone(), self.since, self.last_seen.max(self.since)).into();
        }
        self.history.seen(at);
        if after_silence(&self.state, now - self.last_seen, self.hooked).is_some() {
            self.since = self.since.max(at);
        }
        self.last_seen = self.last_seen.max(now);
        self.hooked |= way == Way::Hook;
        self.recorded |= way == Way::Line;
        self.is_elsewhere |= about.is_elsewhere;
        if let Some(folder) = &about.folder
            && self.folders.last() != Some(folder)
        {
            self.folders.retain(|known| known != folder);
            self.folders.push(folder.clone());
            if self.folders.len() > MAX_FOLDERS {
                self.folders.remove(0);
            }
        }
        self.folder.learn(at, about.folder);
        self.repository.learn(at, about.repository);
        self.branch.learn(at, about.branch);
        // A small model may help beside the one that was chosen: what the status line and requests say last counts.
        self.model.learn(at, about.model);
        self.version.learn(at, about.version);
        self.task.learn(at, about.task);
    }

    /// Takes in a fact that is not counted.
    pub(in crate::agent) fn take(&mut self, at: TimestampMs, way: Way, fact: Fact) {
        match fact {
            Fact::Seen | Fact::Started | Fact::Counted(..) => {}
            Fact::Works => self.go_to(at, State::Working),
            Fact::Waits(wait) => self.wait(at, way, wait),
            Fact::TurnEnded => self.go_to(at, State::Idle),
            Fact::Ended => self.go_to(at, State::Ended),
            Fact::Subagent { id, kind, ended } => self.subagent(at, id, kind, ended),
            Fact::Called { tool, input, failed } => {
                remember(&mut self.calls, Call { at, tool, input, failed, hooked: way == Way::Hook });
            }
            // Hooks say all calls, and what they were given.
            Fact::Changed(written) if way == Way::Hook || !self.hooked => self.memory.change(at, written),
            Fact::Changed(_) => {}
            Fact::Context(ratio) => self.context.learn(at, Some(ratio)),
            Fact::Limits(limits) => self.limits.learn(at, Some(limits)),
            Fact::CostSoFar(micros) => self.said_micros = self.said_micros.max(Some(micros)),
        }
    }

    /// A later notice of the same wait does not know the tool any more.
    fn wait(&mut self, at: TimestampMs, way: Way, wait: Wait) {
        let is_known = matches!((&self.state, &wait), (State::Waiting(Wait::Permission { .. }), Wait::Permission { tool: None }));
        if wait == Wait::Model && way == Way::Hook {
            self.failed(at);
        }
        if is_known && way == Way::Hook {
            self.state_at = self.state_at.max(at);
            self.history.sign(at, &self.state);
        } else {
            self.go_to(at, State::Waiting(wait));
        }
    }

    fn go_to(&mut self, at: TimestampMs, state: State) {
        self.history.sign(at, &state);
        if at < self.state_at {
            return;
        }
        self.state_at = at;
        if self.state == state {
            return;
        }
        if let State::Waiting(Wait::Permission { .. } | Wait::Answer) = self.state {
            let waited = u64::try_from(at - self.since).unwrap_or(0);
            self.waited_ms += waited;
            self.ended_wait = Some(Item { kind: Kind::Wait, at, ways: Way::Hook.bit(), millis: Some(waited), ..Item::default() });
        }
        (self.state, self.since) = (state, at);
    }

    fn subagent(&mut self, at: TimestampMs, id: String, kind: Option<String>, ended: bool) {
        let (end, has_room) = (ended.then_some(at), self.subagents.len() < MAX_NAMED);
        match self.subagents.iter_mut().find(|known| known.id == id) {
            Some(known) => {
                known.started = known.started.min(at);
                known.kind = known.kind.take().or(kind);
                known.ended = known.ended.or(end);
            }
            None if has_room => self.subagents.push(Subagent { id, kind, started: at, ended: end }),
            None => {}
        }
    }

    /// Counts an item, or takes it out of the count.
    pub(in crate::agent) fn count(&mut self, item: &Item, is_new: bool) {
        let change = if is_new { Sum::add } else { Sum::take_out };
        let step = |count: &mut u64| *count = if is_new { *count + 1 } else { count.saturating_sub(1) };
        match item.kind {
            Kind::Attempt => change(&mut self.retries, item.retries),
            Kind::Cpu => change(&mut self.cpu_ms, item.millis),
            Kind::Request => {
                self.memory.count(item, is_new);
                change(&mut self.retries, item.retries);
                let figures = &mut self.accounts(item).requests;
                step(&mut figures.requests);
                figures.change(item.amounts(), change);
            }
            Kind::Error => {
                change(&mut self.retries, item.retries);
                step(&mut self.errors);
            }
            Kind::Prompt => step(&mut self.prompts),
            Kind::Wait if item.is_of_hook() => change(&mut self.hook_waits, item.millis),
            Kind::Wait => change(&mut self.wait_spans, item.millis),
            Kind::Decision => {
                let is_allowed = item.outcome == Some(Outcome::Ok);
                step(if is_allowed { &mut self.decisions.0 } else { &mut self.decisions.1 });
                if !is_allowed {
                    step(&mut counts_of(&mut self.tools, &item.name).refused);
                }
            }
            Kind::Tool | Kind::ToolHeard => {
                let Some(outcome) = item.outcome else { return };
                let tools = if item.kind == Kind::Tool { &mut self.tools } else { &mut self.heard };
                let counts = counts_of(tools, &item.name);
                step(match outcome {
                    Outcome::Ok => &mut counts.ok,
                    Outcome::Failed => &mut counts.failed,
                    Outcome::Refused => &mut counts.refused,
                });
            }
            Kind::Commit => self.commit(item, is_new),
            Kind::Delta | Kind::Total => {
                if item.kind == Kind::Delta && item.name.starts_with("lines") && item.millis.is_some_and(|lines| lines > 0) {
                    self.memory.change(item.at, None);
                }
                self.point(item, change);
            }
        }
        [&mut self.tools, &mut self.heard].into_iter().for_each(|tools| tools.retain(|_, counts| *counts != ToolCounts::default()));
    }

    fn point(&mut self, item: &Item, change: fn(&mut Sum, Option<u64>)) {
        match item.name.as_str() {
            "cost" | "tokens" => self.accounts(item).points.change(item.amounts(), change),
            "active" => change(&mut self.active_ms, item.millis),
            "lines added" => change(&mut self.lines_added, item.millis),
            "lines removed" => change(&mut self.lines_removed, item.millis),
            _ => {}
        }
    }

    fn accounts(&mut self, item: &Item) -> &mut Accounts {
        let model = item.model.clone().unwrap_or_default();
        let model = if self.accounts.len() < MAX_NAMED || self.accounts.contains_key(&model) { model } else { String::new() };
        self.accounts.entry(model).or_default()
    }

    /// Remembers when a request failed.
    pub(in crate::agent) fn failed(&mut self, at: TimestampMs) {
        remember(&mut self.failures, at);
    }
}

fn counts_of<'a>(tools: &'a mut BTreeMap<String, ToolCounts>, name: &str) -> &'a mut ToolCounts {
    let name = if tools.len() < MAX_NAMED || tools.contains_key(name) { name } else { "" };
    tools.entry(name.to_owned()).or_default()
}
