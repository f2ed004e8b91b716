//! All sessions, and the pages with their countable facts.
//!
//! Documents of one kind keep both: `session/…` and `hour/…`. They change in one step, so that a process that is killed has counted either
//! the fact and its identity, or neither.

use std::collections::{BTreeMap, BTreeSet};

use super::costs::Work;
use super::findings::{Finding, findings};
use super::item::{Item, Kind};
use super::pace::Paces;
use super::page::{MAX_ITEMS, Page, hour_of, page_key, page_range};
use super::session::{Session, remember};
use super::signal::{Fact, SessionKey, Signal, identity};
use super::totals::Totals;
use crate::model::TimestampMs;
use crate::store::{DocumentChange, StoreError, StoreReader};

/// The kind of the documents.
pub const DOCUMENTS: &str = "agents";
/// Begins the key of a session.
const SESSION: &str = "session/";
/// Most sessions that are kept; the one that was silent for longest gives way.
pub const MAX_SESSIONS: usize = 5_000;
/// Pages that are held in memory; they are read again when they are needed.
const MAX_PAGES: usize = 200;

/// The key of what sessions used that are kept no more.
const TOTALS: &str = "totals";

/// The key of how fast limits are used up.
const PACES: &str = "paces";

/// Reads pages that are kept.
pub trait PageStore {
    /// The document of a key.
    fn page(&self, key: &str) -> Option<Vec<u8>>;
}

impl PageStore for StoreReader {
    fn page(&self, key: &str) -> Option<Vec<u8>> {
        // The key that follows it.
        let after = format!("{key}\0");
        match self.documents_between(DOCUMENTS, key, &after) {
            Ok(mut found) => found.pop().map(|(_, bytes)| bytes),
            Err(error) => {
                log::error!("agents: {key} cannot be read: {error}");
                None
            }
        }
    }
}

/// The pages of a range of time.
///
/// # Errors
/// [`StoreError`] when they cannot be read.
pub fn pages_between(store: &StoreReader, start: TimestampMs, end: TimestampMs) -> Result<Vec<Page>, StoreError> {
    let (from, to) = page_range(start, end);
    let kept = store.documents_between(DOCUMENTS, &from, &to)?;
    Ok(kept.iter().filter_map(|(_, bytes)| Page::unpacked(bytes)).collect())
}

/// See the module.
#[derive(Debug, Default)]
pub struct Book {
    sessions: BTreeMap<SessionKey, Session>,
    pages: BTreeMap<String, Page>,
    changed: BTreeSet<SessionKey>,
    changed_pages: BTreeSet<String>,
    gone: Vec<String>,
    /// What sessions used that are kept no more.
    base: Totals,
    base_changed: bool,
    /// How fast limits are used up.
    paces: Paces,
    paces_changed: bool,
}

fn session_key(key: &SessionKey) -> String {
    format!("{SESSION}{}/{}@{}", key.agent, key.id, key.host)
}

impl Book {
    /// Reads all sessions; their pages are read when they are needed.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub fn open(store: &StoreReader) -> Result<Self, StoreError> {
        // All keys that begin with one of the two follow it.
        let mut kept = store.documents_between(DOCUMENTS, SESSION, "session0")?;
        kept.extend(store.documents_between(DOCUMENTS, TOTALS, "totals0")?);
        kept.extend(store.documents_between(DOCUMENTS, PACES, "paces0")?);
        Ok(Self::restored(&kept))
    }

    /// From the documents of sessions.
    #[must_use]
    pub fn restored(kept: &[(String, Vec<u8>)]) -> Self {
        let sessions = kept.iter().filter(|(key, _)| key.starts_with(SESSION));
        let read = sessions.filter_map(|(_, bytes)| serde_json::from_slice::<Session>(bytes).ok());
        let named = |name: &str| kept.iter().find(|(key, _)| key == name).map(|(_, bytes)| bytes.as_slice());
        let totals = named(TOTALS).and_then(|bytes| serde_json::from_slice(bytes).ok());
        let paces = named(PACES).and_then(|bytes| serde_json::from_slice(bytes).ok());
        let sessions = read.map(|session| (session.key.clone(), session)).collect();
        Self { sessions, base: totals.unwrap_or_default(), paces: paces.unwrap_or_default(), ..Self::default() }
    }

    /// What all sessions used that were ever counted.
    #[must_use]
    pub fn totals(&self, now: TimestampMs) -> Totals {
        let mut totals = self.base.clone();
        self.sessions.values().for_each(|session| totals.add(session, now));
        totals
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

    /// A copy of the sessions that were heard of since a time, for who computes for long.
    #[must_use]
    pub fn sessions_since(&self, since: TimestampMs) -> Self {
        let found = self.sessions.iter().filter(|(_, session)| session.last_seen >= since);
        Self { sessions: found.map(|(key, session)| (key.clone(), session.clone())).collect(), ..Self::default() }
    }

    /// A session.
    #[must_use]
    pub fn session(&self, key: &SessionKey) -> Option<&Session> {
        self.sessions.get(key)
    }

    /// The sessions of an agent with this id; more than one where machines share it.
    pub fn named<'a>(&'a self, agent: &str, id: &str) -> impl Iterator<Item = &'a Session> + use<'a> {
        let from = SessionKey { agent: agent.to_owned(), id: id.to_owned(), host: String::new() };
        let (agent, id) = (from.agent.clone(), from.id.clone());
        let is_one = move |session: &&Session| session.key.agent == agent && session.key.id == id;
        self.sessions.range(from..).map(|(_, session)| session).take_while(is_one)
    }

    /// The session of a machine; where the machine is not named, the one of this id that was heard of last. One whose machine nobody has
    /// named yet is of the first that is named.
    #[must_use]
    pub fn known(&self, wanted: &SessionKey) -> Option<&Session> {
        if wanted.host.is_empty() {
            return self.newest(&wanted.agent, &wanted.id);
        }
        let exact = self.sessions.get(wanted);
        exact.or_else(|| self.named(&wanted.agent, &wanted.id).find(|session| session.is_on(&wanted.host)))
    }

    /// Of the sessions of an agent with this id the one that was heard of last.
    #[must_use]
    pub fn newest(&self, agent: &str, id: &str) -> Option<&Session> {
        self.named(agent, id).max_by_key(|session| session.last_seen)
    }

    /// What is wrong with a session, where tasks were in progress at these times.
    #[must_use]
    pub fn findings(&self, session: &Session, work: &[Work], now: TimestampMs) -> Vec<Finding> {
        findings(session, &self.paces, work, now)
    }

    /// What is wrong with any session.
    #[must_use]
    pub fn all_findings(&self, work: &[Work], now: TimestampMs) -> Vec<(&Session, Finding)> {
        let of = |session| self.findings(session, work, now).into_iter().map(move |finding| (session, finding));
        self.sessions().flat_map(of).collect()
    }

    /// Applies signals that arrived at `now`.
    pub fn apply(&mut self, signals: Vec<Signal>, store: &dyn PageStore, now: TimestampMs) {
        for signal in signals {
            self.apply_one(signal, store, now);
        }
        self.make_room(now);
    }

    /// The session of a signal. What is counted, and comes again without a machine, is of the session that has it already.
    fn find(&mut self, signal: &Signal, store: &dyn PageStore) -> Option<SessionKey> {
        let wanted = &signal.session;
        if let (Fact::Counted(id, item), true) = (&signal.fact, wanted.host.is_empty()) {
            let mut all: Vec<SessionKey> = self.named(&wanted.agent, &wanted.id).map(|session| session.key.clone()).collect();
            if all.len() > 1
                && let Some(at) = all.iter().position(|key| self.page_of(key, *id, item.at, store).is_some())
            {
                return Some(all.swap_remove(at));
            }
        }
        self.known(wanted).map(|session| session.key.clone())
    }

    /// The page of a session that has an item, which may be at another time there.
    fn page_of(&mut self, key: &SessionKey, id: u64, at: TimestampMs, store: &dyn PageStore) -> Option<String> {
        let near = self.sessions.get(key).map(|session| session.hours_near(hour_of(at))).unwrap_or_default();
        near.into_iter().map(|hour| page_key(hour, key)).find(|page| {
            self.load(page, key, store);
            self.pages.get(page).is_some_and(|page| page.items.contains_key(&id))
        })
    }

    fn apply_one(&mut self, signal: Signal, store: &dyn PageStore, now: TimestampMs) {
        let found = self.find(&signal, store);
        let Signal { session: wanted, at, way, about, fact } = signal;
        // A clock that is ahead must not hide what happens from now on.
        let at = at.min(now);
        let host = wanted.host.clone();
        let key = match found {
            Some(key) => key,
            None if fact == Fact::Seen => return,
            None => {
                self.sessions.insert(wanted.clone(), Session::new(wanted.clone(), at, now));
                wanted
            }
        };
        let Some(session) = self.sessions.get_mut(&key) else { return };
        session.learn(at, now, (&host, way), about);
        self.changed.insert(key.clone());
        if let Fact::Limits(limits) = &fact {
            self.paces_changed |= self.paces.note(&key.agent, at, limits, now);
        }
        match fact {
            Fact::Counted(id, item) => self.count(&key, id, *item, store),
            fact => session.take(at, way, fact),
        }
        if let Some(wait) = self.sessions.get_mut(&key).and_then(|session| session.ended_wait.take()) {
            self.count(&key, identity("waited", &[&wait.at.to_string()]), wait, store);
        }
    }

    /// Counts an item of a session that is known, beside what the session says.
    pub(super) fn count_beside(&mut self, key: &SessionKey, id: u64, item: Item, store: &dyn PageStore) {
        if self.sessions.contains_key(key) {
            self.changed.insert(key.clone());
            self.count(key, id, item, store);
        }
    }

    /// Counts an item once. The same one may have come another way, and at another time.
    fn count(&mut self, key: &SessionKey, id: u64, item: Item, store: &dyn PageStore) {
        let hour = hour_of(item.at);
        let known = self.page_of(key, id, item.at, store);
        let at = known.unwrap_or_else(|| page_key(hour, key));
        self.load(&at, key, store);
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
            if session.dropped == 0 {
                log::warn!("agents: session {} has more than {MAX_ITEMS} facts in an hour; further ones of it are not counted", key.id);
            }
            session.dropped += 1;
            return;
        } else {
            if item.kind == Kind::Error {
                session.failed(item.at);
            }
            session.count(&item, true);
            session.hours.insert(hour);
            page.items.insert(id, item);
        }
        self.changed_pages.insert(at);
    }

    fn load(&mut self, key: &str, session: &SessionKey, store: &dyn PageStore) {
        if self.pages.contains_key(key) {
            return;
        }
        let kept = store.page(key).and_then(|bytes| Page::unpacked(&bytes));
        let page = kept.unwrap_or_else(|| Page { session: Some(session.clone()), ..Page::default() });
        self.pages.insert(key.to_owned(), page);
    }

    /// Lets pages go that are written, the oldest first, and sessions beyond the bound. What those used stays counted.
    fn make_room(&mut self, now: TimestampMs) {
        while self.pages.len() > MAX_PAGES {
            let Some(oldest) = self.pages.keys().find(|key| !self.changed_pages.contains(*key)).cloned() else { break };
            self.pages.remove(&oldest);
        }
        while self.sessions.len() > MAX_SESSIONS {
            let oldest = self.sessions.values().min_by_key(|session| session.last_seen).map(|session| session.key.clone());
            let Some((oldest, session)) = oldest.and_then(|key| self.sessions.remove_entry(&key)) else { break };
            self.base.add(&session, now);
            self.base_changed = true;
            self.changed.remove(&oldest);
            self.gone.push(session_key(&oldest));
            for key in session.hours.iter().map(|hour| page_key(*hour, &oldest)) {
                self.pages.remove(&key);
                self.changed_pages.remove(&key);
                self.gone.push(key);
            }
        }
    }

    /// Whether a cause is new to a session; it is remembered then.
    pub fn tell(&mut self, key: &SessionKey, cause: u64) -> bool {
        let Some(session) = self.sessions.get_mut(key).filter(|session| !session.told.contains(&cause)) else { return false };
        remember(&mut session.told, cause);
        self.changed.insert(key.clone());
        true
    }

    /// Changes a session. Whether it did.
    pub(super) fn change(&mut self, key: &SessionKey, change: impl FnOnce(&mut Session) -> bool) -> bool {
        let changed = self.sessions.get_mut(key).is_some_and(change);
        if changed {
            self.changed.insert(key.clone());
        }
        changed
    }

    /// The documents that changed since the last call.
    pub fn changes(&mut self) -> Vec<DocumentChange> {
        let mut out: Vec<DocumentChange> = std::mem::take(&mut self.gone).into_iter().map(|key| (key, None)).collect();
        for key in std::mem::take(&mut self.changed) {
            let bytes = self.sessions.get(&key).and_then(|session| serde_json::to_vec(session).ok());
            out.extend(bytes.map(|bytes| (session_key(&key), Some(bytes))));
        }
        if std::mem::take(&mut self.base_changed) {
            out.extend(serde_json::to_vec(&self.base).ok().map(|bytes| (TOTALS.to_owned(), Some(bytes))));
        }
        if std::mem::take(&mut self.paces_changed) {
            out.extend(serde_json::to_vec(&self.paces).ok().map(|bytes| (PACES.to_owned(), Some(bytes))));
        }
        for key in std::mem::take(&mut self.changed_pages) {
            let bytes = self.pages.get(&key).and_then(Page::packed);
            out.extend(bytes.map(|bytes| (key, Some(bytes))));
        }
        out
    }
}
