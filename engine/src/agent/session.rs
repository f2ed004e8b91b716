//! A session: its state and its figures.
//!
//! The state follows the newest signal by its time, so that a record that comes late changes figures only. Figures follow items: one that
//! is merged takes its former self out first.

mod taking;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use super::commits::Commit;
use super::figures::{Accounts, Figures, ToolCounts};
use super::history::{History, Stay, after_silence};
use super::item::{Item, Sum};
use super::memory::Memory;
use super::signal::{SessionKey, TaskRef};
use super::state::{State, Wait};
use crate::model::TimestampMs;

/// Tools, models, commits and subagents of a session that are kept by name.
pub(super) const MAX_NAMED: usize = 200;
/// Calls and errors that are remembered for findings.
const REMEMBERED: usize = 64;
/// Folders of a session that are remembered.
const MAX_FOLDERS: usize = 8;
/// Pages of a session in which an item is looked for.
const MAX_HOURS: usize = 50;

/// A limit of the plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Limit {
    /// Its name: `five_hour`, `seven_day`.
    pub name: String,
    /// The part that is used.
    pub used_ratio: f64,
    /// When it begins anew.
    pub resets_at: Option<TimestampMs>,
}

/// A subagent of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subagent {
    /// Its id.
    pub id: String,
    /// Its kind.
    pub kind: Option<String>,
    /// When it was first seen.
    pub started: TimestampMs,
    /// When it ended.
    pub ended: Option<TimestampMs>,
}

/// A call of a tool with the hash of what it was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Call {
    pub(super) at: TimestampMs,
    pub(super) tool: String,
    pub(super) input: u64,
    pub(super) failed: bool,
    pub(super) hooked: bool,
}

/// Something with the time from which it is known: of two, the later one counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Known<T> {
    at: TimestampMs,
    value: Option<T>,
}

impl<T> Default for Known<T> {
    fn default() -> Self {
        Self { at: TimestampMs::MIN, value: None }
    }
}

impl<T> Known<T> {
    fn learn(&mut self, at: TimestampMs, value: Option<T>) {
        if value.is_some() && at >= self.at {
            *self = Self { at, value };
        }
    }
}

/// A session of an agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// Which.
    pub key: SessionKey,
    /// The machine, where it was named only after the session began.
    #[serde(default)]
    host: String,
    state: State,
    /// Since when it is in this state.
    since: TimestampMs,
    /// The time of the newest signal about its state.
    state_at: TimestampMs,
    /// Its states so far.
    #[serde(default)]
    history: History,
    /// When it was first heard of.
    pub first_seen: TimestampMs,
    /// When it was last heard of, by the clock of this service.
    pub last_seen: TimestampMs,
    folder: Known<String>,
    repository: Known<String>,
    branch: Known<String>,
    model: Known<String>,
    version: Known<String>,
    task: Known<TaskRef>,
    context: Known<f64>,
    limits: Known<Vec<Limit>>,
    /// Money so far as its status line says it.
    pub(super) said_micros: Option<u64>,
    pub(super) accounts: BTreeMap<String, Accounts>,
    /// Prompts.
    pub prompts: u64,
    /// Requests that failed.
    pub errors: u64,
    /// Milliseconds in which it was used.
    pub active_ms: Sum,
    /// Lines that were added.
    pub lines_added: Sum,
    /// Lines that were removed.
    pub lines_removed: Sum,
    /// How often requests were tried again.
    #[serde(default)]
    pub retries: Sum,
    /// Milliseconds of CPU time of its processes.
    #[serde(default)]
    pub cpu_ms: Sum,
    /// Tools that were allowed, and that were not.
    pub decisions: (u64, u64),
    /// Calls by tool and outcome.
    tools: BTreeMap<String, ToolCounts>,
    /// The same as hooks say that name no call.
    #[serde(default)]
    heard: BTreeMap<String, ToolCounts>,
    waited_ms: u64,
    wait_spans: Sum,
    /// The part of `waited_ms` that is in pages.
    #[serde(default)]
    hook_waits: Sum,
    /// A wait that just ended and is to be counted.
    #[serde(skip)]
    pub(super) ended_wait: Option<Item>,
    /// Whether hooks say what it does.
    pub hooked: bool,
    /// Whether log records say what it does.
    #[serde(default)]
    pub recorded: bool,
    /// Its commits, by time.
    pub commits: Vec<Commit>,
    /// Ids of commits that were amended or moved.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) replaced: Vec<String>,
    /// The most commits that it ever had: counters only rise.
    #[serde(default)]
    pub(super) most_commits: u64,
    /// The folders in which it was, the newest last.
    #[serde(default)]
    folders: Vec<String>,
    /// Whether another machine said something of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_elsewhere: bool,
    /// Its subagents.
    pub subagents: Vec<Subagent>,
    pub(super) calls: VecDeque<Call>,
    pub(super) failures: VecDeque<TimestampMs>,
    /// What findings about its progress need.
    #[serde(default)]
    pub(super) memory: Memory,
    /// Items that were not counted, since an hour had too many.
    pub dropped: u64,
    /// The hours of its pages.
    pub(super) hours: BTreeSet<i64>,
    /// Rises with each change while the service runs.
    #[serde(skip)]
    pub(super) revision: u64,
    /// Causes that were reported to the agent unasked, as hashes.
    #[serde(default)]
    pub(super) told: VecDeque<u64>,
}

impl Session {
    pub(super) fn new(key: SessionKey, at: TimestampMs, now: TimestampMs) -> Self {
        Self {
            key,
            host: String::new(),
            state: State::Working,
            since: at,
            state_at: TimestampMs::MIN,
            history: (State::Working, at, at).into(),
            first_seen: at,
            last_seen: now,
            folder: Known::default(),
            repository: Known::default(),
            branch: Known::default(),
            model: Known::default(),
            version: Known::default(),
            task: Known::default(),
            context: Known::default(),
            limits: Known::default(),
            said_micros: None,
            accounts: BTreeMap::new(),
            prompts: 0,
            errors: 0,
            active_ms: Sum::default(),
            lines_added: Sum::default(),
            lines_removed: Sum::default(),
            retries: Sum::default(),
            cpu_ms: Sum::default(),
            decisions: (0, 0),
            tools: BTreeMap::new(),
            heard: BTreeMap::new(),
            waited_ms: 0,
            wait_spans: Sum::default(),
            hook_waits: Sum::default(),
            ended_wait: None,
            hooked: false,
            recorded: false,
            commits: Vec::new(),
            replaced: Vec::new(),
            most_commits: 0,
            folders: Vec::new(),
            is_elsewhere: false,
            subagents: Vec::new(),
            calls: VecDeque::new(),
            failures: VecDeque::new(),
            memory: Memory::default(),
            dropped: 0,
            hours: BTreeSet::new(),
            revision: 0,
            told: VecDeque::new(),
        }
    }

    /// Its state at a time, and since when.
    #[must_use]
    pub fn state(&self, now: TimestampMs) -> (State, TimestampMs) {
        match after_silence(&self.state, now - self.last_seen, self.hooked) {
            Some(state) => (state, self.last_seen),
            None => (self.state.clone(), self.since),
        }
    }

    /// Its states until a time, the oldest first. The newest 500 are known.
    #[must_use]
    pub fn stays(&self, now: TimestampMs) -> Vec<Stay> {
        self.history.stays(self.hooked, self.state(now))
    }

    /// Differs from what it was where the session may have changed.
    #[must_use]
    pub const fn revision(&self) -> u64 {
        self.revision
    }

    /// The machine, where it is known.
    #[must_use]
    pub fn host(&self) -> &str {
        if self.key.host.is_empty() { &self.host } else { &self.key.host }
    }

    /// Whether it works on this machine, which may be named with its domain or without, or may do so: nothing says another.
    #[must_use]
    pub fn is_here(&self, machine: &str) -> bool {
        let first = |name: &str| name.split('.').next().unwrap_or("").to_ascii_lowercase();
        !self.is_elsewhere && (self.host().is_empty() || first(self.host()) == first(machine))
    }

    /// Whether it is, or may be, one of the machine with this name.
    pub(super) fn is_on(&self, host: &str) -> bool {
        self.host().is_empty() || self.host() == host
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> Option<&str> {
        self.folder.value.as_deref()
    }

    /// All folders in which it was, as far as they are remembered.
    pub fn folders(&self) -> impl Iterator<Item = &str> {
        // Sessions of earlier versions remember the newest one only.
        let newest = self.folder().filter(|folder| !self.folders.iter().any(|known| known == folder));
        self.folders.iter().map(String::as_str).chain(newest)
    }

    /// The repository.
    #[must_use]
    pub fn repository(&self) -> Option<&str> {
        self.repository.value.as_deref()
    }

    /// The branch.
    #[must_use]
    pub fn branch(&self) -> Option<&str> {
        self.branch.value.as_deref()
    }

    /// The model that it used last.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        self.model.value.as_deref()
    }

    /// The version of the agent.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        self.version.value.as_deref()
    }

    /// The task that it said last.
    #[must_use]
    pub fn task(&self) -> Option<&TaskRef> {
        self.task.value.as_ref()
    }

    /// The part of the context that is used.
    #[must_use]
    pub fn context(&self) -> Option<f64> {
        self.context.value
    }

    /// The limits of the plan.
    #[must_use]
    pub fn limits(&self) -> &[Limit] {
        self.limits.value.as_deref().unwrap_or_default()
    }

    /// Those that it said within a time.
    pub(super) fn fresh_limits(&self, since: TimestampMs) -> &[Limit] {
        if self.limits.at >= since { self.limits() } else { &[] }
    }

    /// Whether its folder is another one or lies within it.
    pub(super) fn is_in(&self, folder: &str) -> bool {
        let under = |own: &str| own.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        !folder.is_empty() && self.folder().is_some_and(under)
    }

    /// What was used by model; each figure from the account that knows more of it.
    pub fn figures(&self) -> impl Iterator<Item = (&str, Figures)> {
        self.accounts.iter().map(|(model, accounts)| (model.as_str(), accounts.best()))
    }

    /// Money in millionths of a dollar: what requests and points say, else the status line.
    #[must_use]
    pub fn micros(&self) -> Option<u64> {
        let counted = self.figures().filter_map(|(_, figures)| figures.micros.known()).reduce(u64::saturating_add);
        counted.or(self.said_micros)
    }

    /// Milliseconds that it waited for a person: by hooks, else by spans.
    #[must_use]
    pub fn waited_ms(&self, now: TimestampMs) -> Option<u64> {
        if !self.hooked {
            return self.wait_spans.known();
        }
        let open = match self.state(now) {
            (State::Waiting(Wait::Permission { .. } | Wait::Answer), since) => u64::try_from(now - since).unwrap_or(0),
            _ => 0,
        };
        Some(self.waited_ms + open)
    }

    /// Calls by tool and outcome. Where hooks name no call, they and the records count the same ones: Gemini CLI's records call a command
    /// that failed a success, its hooks say how it ended.
    pub fn tools(&self) -> impl Iterator<Item = (&str, ToolCounts)> {
        let names: BTreeSet<&String> = self.tools.keys().chain(self.heard.keys()).collect();
        names.into_iter().map(|name| {
            let of = |tools: &BTreeMap<String, ToolCounts>| tools.get(name).copied().unwrap_or_default();
            (name.as_str(), of(&self.tools).with(of(&self.heard)))
        })
    }

    /// What it waited beyond the waits that are in pages, as ranges of time: the one that lasts, and what an earlier version counted.
    pub(super) fn further_waits(&self, now: TimestampMs) -> Vec<(TimestampMs, TimestampMs)> {
        if !self.hooked {
            return Vec::new();
        }
        let (open, legacy) = (self.waited_ms(now).unwrap_or(0) - self.waited_ms, self.waited_ms.saturating_sub(self.hook_waits.value));
        let back = |to: TimestampMs, ms: u64| (to.saturating_sub_unsigned(ms), to);
        [back(now, open), back(self.last_seen, legacy)].into_iter().filter(|(from, to)| from < to).collect()
    }

    /// Requests that the model answered.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.accounts.values().map(|accounts| accounts.requests.requests).sum()
    }

    /// The hours of pages that may hold an item of an hour: the nearest first. Ways differ in their clocks, and a client may send again
    /// after days what it could not send before.
    pub(super) fn hours_near(&self, hour: i64) -> Vec<i64> {
        let mut hours: Vec<i64> = self.hours.iter().copied().collect();
        hours.sort_by_key(|other| (other - hour).abs());
        hours.truncate(MAX_HOURS);
        hours
    }
}

/// Keeps the newest ones.
pub(super) fn remember<T>(list: &mut VecDeque<T>, one: T) {
    if list.len() == REMEMBERED {
        list.pop_front();
    }
    list.push_back(one);
}
