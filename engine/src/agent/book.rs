//! All sessions, and the pages with their countable facts.
//!
//! Documents of one kind keep both: `session/…` and `hour/…`. They change in one step, so that a process that is killed has counted either
//! the fact and its identity, or neither.

use std::collections::{BTreeMap, BTreeSet};

use super::findings::{Finding, findings};
use super::item::{Item, Kind};
use super::page::{MAX_ITEMS, Page, hour_of, page_key};
use super::session::Session;
use super::signal::{Fact, SessionKey, Signal};
use crate::model::TimestampMs;
use crate::store::DocumentChange;

/// The kind of the documents.
pub const DOCUMENTS: &str = "agents";
/// Begins the key of a session.
const SESSION: &str = "session/";
/// Most sessions that are kept; the one that was silent for longest gives way.
pub const MAX_SESSIONS: usize = 5_000;
/// Pages that are held in memory; they are read again when they are needed.
const MAX_PAGES: usize = 200;

/// Reads pages that are kept.
pub trait PageStore {
    /// The document of a key.
    fn page(&self, key: &str) -> Option<Vec<u8>>;
}

/// See the module.
#[derive(Debug, Default)]
pub struct Book {
    sessions: BTreeMap<SessionKey, Session>,
    pages: BTreeMap<String, Page>,
    changed: BTreeSet<SessionKey>,
    changed_pages: BTreeSet<String>,
    gone: Vec<String>,
}

fn session_key(key: &SessionKey) -> String {
    format!("{SESSION}{}/{}@{}", key.agent, key.id, key.host)
}

impl Book {
    /// The range of keys of sessions.
    #[must_use]
    pub fn session_range() -> (&'static str, &'static str) {
        (SESSION, "session0")
    }

    /// From the documents of sessions.
    #[must_use]
    pub fn restored(kept: &[(String, Vec<u8>)]) -> Self {
        let sessions = kept.iter().filter(|(key, _)| key.starts_with(SESSION));
        let read = sessions.filter_map(|(_, bytes)| serde_json::from_slice::<Session>(bytes).ok());
        Self { sessions: read.map(|session| (session.key.clone(), session)).collect(), ..Self::default() }
    }

    /// Whether no session was ever seen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    /// All sessions.
    pub fn sessions(&self) -> impl Iterator<Item = &Session> {
        self.sessions.values()
    }

    /// The sessions of an agent with this id; more than one where machines share it.
    pub fn named<'a>(&'a self, agent: &'a str, id: &'a str) -> impl Iterator<Item = &'a Session> {
        self.sessions.values().filter(move |session| session.key.agent == agent && session.key.id == id)
    }

    /// What is wrong with a session.
    #[must_use]
    pub fn findings(&self, session: &Session, now: TimestampMs) -> Vec<Finding> {
        findings(session, now)
    }

    /// Applies signals that arrived at `now`.
    pub fn apply(&mut self, signals: Vec<Signal>, store: &dyn PageStore, now: TimestampMs) {
        for signal in signals {
            self.apply_one(signal, store, now);
        }
        self.forget(now);
    }

    /// The session of a signal: where a machine is not named, the one of this id that was last heard of.
    fn find(&mut self, wanted: &SessionKey) -> Option<SessionKey> {
        if self.sessions.contains_key(wanted) {
            return Some(wanted.clone());
        }
        let named = |host: &SessionKey| host.agent == wanted.agent && host.id == wanted.id;
        let from = SessionKey { host: String::new(), ..wanted.clone() };
        let all = self.sessions.range(from.clone()..).take_while(|(key, _)| named(key));
        if wanted.host.is_empty() {
            return all.max_by_key(|(_, session)| session.last_seen).map(|(key, _)| key.clone());
        }
        // Hooks came first, which name no machine.
        self.sessions.contains_key(&from).then_some(from)
    }

    fn apply_one(&mut self, signal: Signal, store: &dyn PageStore, now: TimestampMs) {
        let Signal { session: wanted, at, way, about, fact } = signal;
        // A clock that is ahead must not hide what happens from now on.
        let at = at.min(now);
        let key = match self.find(&wanted) {
            Some(key) => key,
            None if fact == Fact::Seen => return,
            None => {
                self.sessions.insert(wanted.clone(), Session::new(wanted.clone(), at, now));
                wanted
            }
        };
        let Some(session) = self.sessions.get_mut(&key) else { return };
        session.learn(at, now, way, about);
        self.changed.insert(key.clone());
        match fact {
            Fact::Counted(id, item) => self.count(&key, id, item, store),
            fact => session.take(at, way, fact),
        }
    }

    /// Counts an item once. The same one may have come another way in the hour before or after.
    fn count(&mut self, key: &SessionKey, id: u64, item: Item, store: &dyn PageStore) {
        let hour = hour_of(item.at);
        let known = [hour, hour - 1, hour + 1].into_iter().map(|hour| page_key(hour, key)).find(|page| {
            self.load(page, key, store);
            self.pages.get(page).is_some_and(|page| page.items.contains_key(&id))
        });
        let at = known.unwrap_or_else(|| page_key(hour, key));
        let (Some(session), Some(page)) = (self.sessions.get_mut(key), self.pages.get_mut(&at)) else { return };
        if let Some(known) = page.items.get_mut(&id) {
            let before = known.clone();
            known.merge(item);
            if *known == before {
                return;
            }
            session.count(&before, false);
            session.count(known, true);
        } else if page.items.len() >= MAX_ITEMS {
            session.dropped += 1;
            return;
        } else {
            if item.kind == Kind::Error {
                session.failed(item.at);
            }
            session.count(&item, true);
            page.items.insert(id, item);
        }
        self.changed_pages.insert(at);
    }

    fn load(&mut self, key: &str, session: &SessionKey, store: &dyn PageStore) {
        if self.pages.contains_key(key) {
            return;
        }
        let kept = store.page(key).and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let page = kept.unwrap_or_else(|| Page { session: Some(session.clone()), ..Page::default() });
        self.pages.insert(key.to_owned(), page);
    }

    /// Makes room: pages that are written and old, sessions beyond the bound.
    fn forget(&mut self, now: TimestampMs) {
        let _ = now;
        while self.pages.len() > MAX_PAGES {
            let Some(oldest) = self.pages.keys().find(|key| !self.changed_pages.contains(*key)).cloned() else { break };
            self.pages.remove(&oldest);
        }
        while self.sessions.len() > MAX_SESSIONS {
            let Some(oldest) = self.sessions.values().min_by_key(|session| session.last_seen).map(|session| session.key.clone()) else {
                break;
            };
            self.sessions.remove(&oldest);
            self.changed.remove(&oldest);
            self.gone.push(session_key(&oldest));
        }
    }

    /// The documents that changed since the last call.
    pub fn changes(&mut self) -> Vec<DocumentChange> {
        let mut out: Vec<DocumentChange> = std::mem::take(&mut self.gone).into_iter().map(|key| (key, None)).collect();
        for key in std::mem::take(&mut self.changed) {
            let bytes = self.sessions.get(&key).and_then(|session| serde_json::to_vec(session).ok());
            out.extend(bytes.map(|bytes| (session_key(&key), Some(bytes))));
        }
        for key in std::mem::take(&mut self.changed_pages) {
            let bytes = self.pages.get(&key).and_then(|page| serde_json::to_vec(page).ok());
            out.extend(bytes.map(|bytes| (key, Some(bytes))));
        }
        out
    }
}
