//! CPU time of agents, by the processes of this machine.
//!
//! A process of an agent belongs to the session whose id is among its arguments, else to the one that is in its folder, if that is only one.
//! All that it started counts with it; a child that ended is in the time of its parent. Less than there was may be counted, never more:
//! what ran before the first reading, what left the tree, and the last seconds before a process ended are missing.

use std::collections::BTreeMap;

use super::clients::client_run_as;
use super::item::{Item, Kind};
use super::signal::{SessionKey, identity};
use super::{Book, PageStore};
use crate::model::TimestampMs;

const MINUTE_MS: i64 = 60_000;
/// Ancestors of a process that are followed.
const MOST_ABOVE: usize = 64;

/// A process.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// The process that started it.
    pub parent: u32,
    /// When it started; with the number it tells it from others.
    pub started: u64,
    /// Milliseconds of CPU time of it, and of its children that ended.
    pub cpu_ms: u64,
    /// Its name.
    pub name: String,
    /// What it was started with.
    pub arguments: Vec<String>,
    /// Its folder; none where it may not be read.
    pub folder: Option<String>,
}

impl Process {
    /// The agent that it is.
    #[must_use]
    pub fn agent(&self) -> Option<&'static str> {
        client_run_as(&self.name, &self.arguments).map(|client| client.name)
    }
}

/// A session that may have processes on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    key: SessionKey,
    folder: Option<String>,
}

/// The sessions of this machine that live.
#[must_use]
pub fn candidates(book: &Book, machine: &str, now: TimestampMs) -> Vec<Candidate> {
    let found = book.sessions().filter(|session| session.is_here(machine) && !session.state(now).0.is_over());
    found.map(|session| Candidate { key: session.key.clone(), folder: session.folder().map(str::to_owned) }).collect()
}

/// CPU time of a session within a minute, so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Used {
    /// The session.
    pub session: SessionKey,
    /// What tells it from other such figures.
    id: u64,
    /// The minute.
    pub at: TimestampMs,
    /// Milliseconds.
    pub cpu_ms: u64,
}

/// What is known of a process of an agent since the last reading.
#[derive(Debug, Clone, Copy)]
struct Known {
    tree_ms: u64,
    minute: TimestampMs,
    of_minute_ms: u64,
}

/// Follows the processes of agents from one reading to the next.
#[derive(Debug, Default)]
pub struct Watch {
    known: BTreeMap<(u32, u64), Known>,
    /// A process that started later is counted from its start.
    read_before: Option<u64>,
}

impl Watch {
    /// Takes a reading of all processes at `now`; `started` is that time as processes have it. Gives what sessions used, which may be counted
    /// again and again: it only grows within a minute.
    pub fn observe(&mut self, all: &[Process], candidates: &[Candidate], now: TimestampMs, started: u64) -> Vec<Used> {
        let by_pid: BTreeMap<u32, &Process> = all.iter().map(|process| (process.pid, process)).collect();
        let mut trees: BTreeMap<u32, u64> = BTreeMap::new();
        for process in all {
            if let Some(root) = root_of(process, &by_pid) {
                *trees.entry(root).or_default() += process.cpu_ms;
            }
        }
        let roots: Vec<(&Process, u64)> = trees.iter().filter_map(|(pid, ms)| Some((*by_pid.get(pid)?, *ms))).collect();
        let owners = owners(&roots, candidates);
        let (mut used, mut known) = (Vec::new(), BTreeMap::new());
        for ((root, tree_ms), owner) in roots.iter().zip(owners) {
            let which = (root.pid, root.started);
            let minute = now.div_euclid(MINUTE_MS) * MINUTE_MS;
            let before = self.known.get(&which);
            let is_new = self.read_before.is_some_and(|before| root.started > before);
            let more = match before {
                Some(before) => tree_ms.saturating_sub(before.tree_ms),
                None if is_new => *tree_ms,
                None => 0,
            };
            let of_minute_ms = more + before.filter(|before| before.minute == minute).map_or(0, |before| before.of_minute_ms);
            known.insert(which, Known { tree_ms: *tree_ms, minute, of_minute_ms });
            // A first reading has nothing to compare with.
            if let (Some(session), true) = (owner, before.is_some() || is_new) {
                let id = identity("cpu", &[&root.pid.to_string(), &root.started.to_string(), &minute.to_string()]);
                used.push(Used { session: session.clone(), id, at: minute, cpu_ms: of_minute_ms });
            }
        }
        (self.known, self.read_before) = (known, Some(started));
        used
    }
}

/// The topmost process of an agent that a process is, or comes from.
fn root_of(process: &Process, by_pid: &BTreeMap<u32, &Process>) -> Option<u32> {
    let (mut at, mut root) = (process, None);
    for _ in 0..MOST_ABOVE {
        if at.agent().is_some() {
            root = Some(at.pid);
        }
        match by_pid.get(&at.parent).filter(|parent| parent.pid != at.pid) {
            Some(parent) => at = parent,
            None => break,
        }
    }
    root
}

/// Whose each process is; none where that is not certain.
fn owners<'a>(roots: &[(&Process, u64)], candidates: &'a [Candidate]) -> Vec<Option<&'a SessionKey>> {
    let of_agent = |process: &Process| {
        let agent = process.agent();
        candidates.iter().filter(move |candidate| Some(candidate.key.agent.as_str()) == agent)
    };
    let named = |process: &Process| {
        let names = |candidate: &&Candidate| process.arguments.iter().any(|argument| argument.contains(candidate.key.id.as_str()));
        only(of_agent(process).filter(names))
    };
    let by_name: Vec<Option<&Candidate>> = roots.iter().map(|(process, _)| named(process)).collect();
    // One that is named elsewhere is not in this folder too.
    let is_named = |candidate: &Candidate| by_name.iter().flatten().any(|named| named.key == candidate.key);
    let by_folder = |process: &Process| {
        let there = |candidate: &&Candidate| process.folder.is_some() && candidate.folder == process.folder && !is_named(candidate);
        only(of_agent(process).filter(there))
    };
    let alone = |process: &Process| {
        let same = |(other, _): &&(&Process, u64)| other.agent() == process.agent() && other.folder == process.folder;
        roots.iter().zip(&by_name).filter(|(root, named)| named.is_none() && same(root)).count() == 1
    };
    let owner = |((process, _), named): (&(&Process, u64), &Option<&'a Candidate>)| {
        named.or_else(|| by_folder(process).filter(|_| alone(process))).map(|candidate| &candidate.key)
    };
    roots.iter().zip(&by_name).map(owner).collect()
}

fn only<T>(mut all: impl Iterator<Item = T>) -> Option<T> {
    all.next().filter(|_| all.next().is_none())
}

impl Book {
    /// Counts CPU time. That a process runs is no sign that its session lives.
    pub fn take_cpu(&mut self, used: Vec<Used>, store: &dyn PageStore) {
        for Used { session, id, at, cpu_ms } in used {
            self.count_beside(&session, id, Item { kind: Kind::Cpu, at, millis: Some(cpu_ms), ..Item::default() }, store);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: u32, parent: u32, name: &str, cpu_ms: u64, folder: &str) -> Process {
        Process {
            pid,
            parent,
            started: u64::from(pid),
            cpu_ms,
            name: name.to_owned(),
            arguments: Vec::new(),
            folder: Some(folder.to_owned()),
        }
    }

    fn candidate(id: &str, folder: &str) -> Candidate {
        let key = SessionKey { agent: "claude-code".to_owned(), id: id.to_owned(), host: String::new() };
        Candidate { key, folder: Some(folder.to_owned()) }
    }

    fn told(used: &[Used]) -> Vec<(&str, i64, u64)> {
        used.iter().map(|used| (used.session.id.as_str(), used.at, used.cpu_ms)).collect()
    }

    #[test]
    fn a_tree_counts_from_the_first_reading_on_and_minutes_begin_anew() {
        let mut watch = Watch::default();
        let sessions = [candidate("s", "/w")];
        let tree = |own: u64, child: u64| {
            [process(1, 0, "init", 9_999, "/"), process(10, 1, "claude", own, "/w"), process(11, 10, "cc", child, "/x")]
        };
        assert!(watch.observe(&tree(500, 100), &sessions, 1_000, 100).is_empty(), "what was before is not known to be of this session");
        assert_eq!(told(&watch.observe(&tree(520, 150), &sessions, 16_000, 200)), [("s", 0, 70)]);
        // The child ended: its time is in that of its parent.
        let ended = [process(10, 1, "claude", 530 + 160, "/w")];
        assert_eq!(told(&watch.observe(&ended, &sessions, 31_000, 300)), [("s", 0, 90)]);
        assert_eq!(told(&watch.observe(&[process(10, 1, "claude", 700, "/w")], &sessions, 61_000, 400)), [("s", 60_000, 10)]);
        // Another process with this number, since then.
        let other = Process { started: 450, ..process(10, 1, "claude", 25, "/w") };
        assert_eq!(told(&watch.observe(&[other], &sessions, 76_000, 500)), [("s", 60_000, 25)]);
    }

    #[test]
    fn what_could_be_of_two_sessions_is_of_none_unless_it_names_one() {
        let run = |all: &[Process], sessions: &[Candidate]| {
            let mut watch = Watch { read_before: Some(0), ..Watch::default() };
            watch.observe(all, sessions, 0, 1_000).iter().map(|used| (used.session.id.clone(), used.cpu_ms)).collect::<Vec<_>>()
        };
        let of = |id: &str, ms: u64| (id.to_owned(), ms);
        let claude = |pid: u32| process(pid, 1, "claude", u64::from(pid), "/w");
        let named = |pid: u32, id: &str| Process { arguments: vec!["claude".to_owned(), format!("--resume={id}")], ..claude(pid) };
        let (one, two) = (candidate("one", "/w"), candidate("two", "/w"));
        for (all, sessions, expected) in [
            (vec![claude(5)], vec![one.clone()], vec![of("one", 5)]),
            (vec![claude(5)], vec![one.clone(), two.clone()], vec![]),
            (vec![claude(5), claude(6)], vec![one.clone()], vec![]),
            (vec![claude(5), named(6, "two")], vec![one.clone(), two], vec![of("one", 5), of("two", 6)]),
            (vec![claude(5)], vec![candidate("one", "/elsewhere")], vec![]),
            (vec![process(5, 1, "codex", 5, "/w")], vec![one.clone()], vec![]),
            (vec![Process { folder: None, ..claude(5) }], vec![one.clone()], vec![]),
            // An agent that another one started counts with it.
            (vec![claude(5), process(6, 5, "claude", 6, "/w")], vec![one], vec![of("one", 11)]),
        ] {
            assert_eq!(run(&all, &sessions), expected, "{all:?}");
        }
    }

    #[test]
    fn agents_are_known_by_their_program() {
        let agent = |name: &str, arguments: &[&str]| {
            Process { name: name.to_owned(), arguments: arguments.iter().map(|&text| text.to_owned()).collect(), ..Process::default() }
                .agent()
        };
        for (name, arguments, expected) in [
            ("claude", &["claude"][..], Some("claude-code")),
            ("node", &["node", "/usr/bin/gemini", "-p", "x"], Some("gemini-cli")),
            ("MainThread", &["/usr/bin/node", "--flag", "/opt/node_modules/@openai/codex/bin/codex.js"], Some("codex")),
            ("node", &["node", "/opt/node_modules/@anthropic-ai/claude-code/cli.js"], Some("claude-code")),
            ("codex", &[], Some("codex")),
            ("opencode", &["opencode"], Some("opencode")),
            ("node", &["node", "server.js", "claude"], None),
            ("vim", &["vim", "/usr/bin/gemini"], None),
            ("node", &[], None),
        ] {
            assert_eq!(agent(name, arguments), expected, "{name} {arguments:?}");
        }
    }
}
