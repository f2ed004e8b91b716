//! Sessions of coding agents for those who follow them: all of them first, then those that changed.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use taskpulse_engine::agent::costs::Work;
use taskpulse_engine::agent::{Session, SessionKey};
use taskpulse_engine::ci::commits::KnownCommits;
use taskpulse_engine::model::{TimestampMs, fnv1a};

use super::json;
use crate::agents::Agents;
use crate::view::AgentSession;

/// Sessions that can be followed, those that were heard of last.
const MAX_SESSIONS: usize = 200;
/// One that ended or was lost can be followed for so long.
const GONE_MS: i64 = 3_600_000;
/// What time alone changes (a finding, a session that is lost) is looked for at so many ticks.
const ALL_EVERY: u64 = 15;

/// What subscribers know.
#[derive(Debug, Default)]
pub(super) struct FollowedAgents {
    agents: Agents,
    /// Of each session its revision and the hash of what was sent of it.
    known: BTreeMap<SessionKey, (u64, u64)>,
    ticks: u64,
}

fn print_of(view: &AgentSession) -> u64 {
    // It rises while the session waits; `since` says so too.
    let steady = AgentSession { waiting_seconds: None, ..view.clone() };
    fnv1a(json(&steady).bytes())
}

impl FollowedAgents {
    pub(super) fn new(agents: Agents) -> Self {
        Self { agents, ..Self::default() }
    }

    /// Nobody follows them.
    pub(super) fn forget(&mut self) {
        self.known.clear();
    }

    /// All that can be followed.
    pub(super) fn snapshot(&mut self, work: &[Work], commits: &KnownCommits, now: TimestampMs) -> Arc<str> {
        let is_first = self.known.is_empty();
        let views = self.views(work, commits, now, |_, _| true);
        if is_first {
            self.known.extend(views.iter().map(|(key, revision, view)| (key.clone(), (*revision, print_of(view)))));
        }
        json(&views.into_iter().map(|(_, _, view)| view).collect::<Vec<_>>())
    }

    /// What changed since the last call.
    pub(super) fn changed(&mut self, work: &[Work], commits: &KnownCommits, now: TimestampMs) -> Option<Arc<str>> {
        self.ticks += 1;
        let all = self.ticks.is_multiple_of(ALL_EVERY);
        let known = std::mem::take(&mut self.known);
        let live = RefCell::new(BTreeSet::new());
        let is_new = |key: &SessionKey, revision: u64| {
            live.borrow_mut().insert(key.clone());
            all || known.get(key).is_none_or(|(known, _)| *known != revision)
        };
        let views = self.views(work, commits, now, is_new);
        self.known = known;
        let live = live.into_inner();
        self.known.retain(|key, _| live.contains(key));
        let mut changed = Vec::new();
        for (key, revision, view) in views {
            let print = print_of(&view);
            if self.known.insert(key, (revision, print)).is_none_or(|(_, known)| known != print) {
                changed.push(view);
            }
        }
        (!changed.is_empty()).then(|| json(&changed))
    }

    fn views(
        &self,
        work: &[Work],
        commits: &KnownCommits,
        now: TimestampMs,
        is_wanted: impl Fn(&SessionKey, u64) -> bool,
    ) -> Vec<(SessionKey, u64, AgentSession)> {
        let is_live = |session: &&Session| !session.state(now).0.is_over() || now - session.last_seen < GONE_MS;
        self.agents.read(|book| {
            let mut live: Vec<&Session> = book.sessions().filter(is_live).collect();
            live.sort_by_key(|session| std::cmp::Reverse(session.last_seen));
            live.truncate(MAX_SESSIONS);
            let wanted = live.into_iter().filter(|session| is_wanted(&session.key, session.revision()));
            wanted.map(|session| (session.key.clone(), session.revision(), AgentSession::of(book, session, work, commits, now))).collect()
        })
    }
}
