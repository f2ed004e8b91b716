//! What sessions of coding agents spent, and which counters fill in where no session says it.

use std::collections::{BTreeMap, BTreeSet};

use crate::agent::costs::{Sources, Work, spending};
use crate::agent::{Book, DOCUMENTS, Page, TaskRef, agent_of_metric};
use crate::model::{Labels, TimestampMs, fnv1a};
use crate::store::{StoreError, StoreReader};

/// The label of counters with the id of a session.
const SESSION_LABEL: &str = "session_id";

/// Money that a session spent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spent {
    /// When.
    pub at: TimestampMs,
    /// Millionths of a US dollar.
    pub micros: u64,
    /// On which task; none where nobody knows.
    pub task: Option<TaskRef>,
}

/// What sessions spent in a time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AgentSpending {
    /// Each figure once.
    pub spent: Vec<Spent>,
    /// Tasks that are in progress.
    pub open: BTreeSet<TaskRef>,
    /// Sessions of which money is known: agent and id.
    known: BTreeSet<(String, String)>,
}

impl AgentSpending {
    /// What was spent in `[start, end)`. `pages` are those of that time.
    #[must_use]
    pub fn new((start, end): (TimestampMs, TimestampMs), pages: &[Page], book: &Book, work: &[Work]) -> Self {
        let with_money = book.sessions().filter(|session| session.micros().is_some());
        let known = with_money.map(|session| (session.key.agent.clone(), session.key.id.clone())).collect();
        let found = spending((start, end), Sources { pages, book, work, now: end });
        let spent = found.into_iter().map(|(at, micros, task)| Spent { at, micros, task }).collect();
        let open = work.iter().filter(|work| work.to == TimestampMs::MAX).map(|work| work.task.clone()).collect();
        Self { spent, open, known }
    }

    /// Whether any session said what it cost.
    #[must_use]
    pub fn is_known(&self) -> bool {
        !self.known.is_empty()
    }

    /// Whether a counter counts what a session says too: its session is known, or it does not say which it is of and sessions of this agent
    /// are.
    #[must_use]
    pub fn covers(&self, counter: &Labels) -> bool {
        match (counter.get(SESSION_LABEL), agent_of_metric(counter.name())) {
            (Some(id), Some(agent)) => self.known.contains(&(agent.to_owned(), id.to_owned())),
            (Some(id), None) => self.known.iter().any(|(_, known)| known == id),
            (None, Some(agent)) => self.known.iter().any(|(known, _)| known == agent),
            (None, None) => false,
        }
    }
}

/// Pages that were read before: those that have not changed since need not be unpacked again. Only items with money are held.
#[derive(Debug, Default)]
pub struct Pages {
    pages: Vec<Page>,
    /// The hash of what each was read from, and its place.
    known: BTreeMap<String, (u64, usize)>,
}

impl Pages {
    /// The pages of a time.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be read.
    pub fn between(&mut self, store: &StoreReader, start: TimestampMs, end: TimestampMs) -> Result<&[Page], StoreError> {
        let (from, to) = Page::keys(start, end);
        let kept = store.documents_between(DOCUMENTS, &from, &to)?;
        let (known, mut before) = (std::mem::take(&mut self.known), std::mem::take(&mut self.pages));
        for (key, bytes) in kept {
            let hash = fnv1a(bytes.iter().copied());
            let same = known.get(&key).filter(|(of, _)| *of == hash).and_then(|(_, place)| before.get_mut(*place));
            let page = match same {
                Some(page) => std::mem::take(page),
                None => {
                    let Some(mut page) = Page::unpacked(&bytes) else { continue };
                    page.items.retain(|_, item| item.micros.is_some());
                    page
                }
            };
            self.known.insert(key, (hash, self.pages.len()));
            self.pages.push(page);
        }
        Ok(&self.pages)
    }
}
