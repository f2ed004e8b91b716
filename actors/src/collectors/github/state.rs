//! The queue of webhook deliveries on their way to the collector.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;
use taskpulse_engine::ci::parse::WorkflowRun;

use crate::collectors::poller::Waker;

/// Deliveries that wait for the collector.
const MAX_WAITING: usize = 1_000;
/// Deliveries that are known again when they are sent a second time.
const MAX_REMEMBERED: usize = 10_000;

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivered {
    /// It waits for the collector.
    Accepted,
    /// It came before.
    Replayed,
    /// Nobody watches its repository.
    NotWatched,
    /// Too many wait.
    Full,
}

#[derive(Default)]
struct Waiting {
    /// Names of repositories that are watched, those that they had before among them, and under which of them each is watched. In lower case.
    watched: BTreeMap<String, String>,
    runs: VecDeque<(String, WorkflowRun)>,
    /// The ids and signatures of deliveries that were taken, the oldest first.
    order: VecDeque<String>,
    seen: BTreeSet<String>,
}

/// The way of deliveries from the server to the collector: bounded, each once.
#[derive(Default)]
pub struct WebhookQueue {
    secret: Option<String>,
    waiting: Mutex<Waiting>,
    waker: Waker,
}

impl WebhookQueue {
    /// Without a secret nothing is taken.
    #[must_use]
    pub fn new(secret: Option<String>) -> Self {
        Self { secret, ..Self::default() }
    }

    /// What deliveries are signed with.
    #[must_use]
    pub fn secret(&self) -> Option<&str> {
        self.secret.as_deref()
    }

    /// Wakes the collectors when a delivery came.
    #[must_use]
    pub fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// Takes a delivery that was signed, once: neither under the same id, which is not signed, nor with the same signature.
    pub fn take(&self, id: &str, signature: &str, repo: &str, run: WorkflowRun) -> Delivered {
        let repo = repo.to_lowercase();
        {
            let mut waiting = self.waiting.lock();
            let marks = [format!("id {id}"), format!("signature {signature}")];
            if marks.iter().any(|mark| waiting.seen.contains(mark)) {
                return Delivered::Replayed;
            }
            let Some(repo) = waiting.watched.get(&repo).cloned() else { return Delivered::NotWatched };
            if waiting.runs.len() >= MAX_WAITING {
                return Delivered::Full;
            }
            waiting.runs.push_back((repo, run));
            for mark in marks {
                waiting.seen.insert(mark.clone());
                waiting.order.push_back(mark);
            }
            while waiting.order.len() > 2 * MAX_REMEMBERED {
                let Some(oldest) = waiting.order.pop_front() else { break };
                waiting.seen.remove(&oldest);
            }
        }
        self.waker.wake();
        Delivered::Accepted
    }

    /// Takes deliveries for `name`, which is another name of `repo` or the same.
    ///
    /// # Errors
    /// Under which name that repository is watched already.
    pub(super) fn watch(&self, name: &str, repo: &str) -> Result<(), String> {
        let repo = repo.to_lowercase();
        let mut waiting = self.waiting.lock();
        let held = waiting.watched.entry(name.to_lowercase()).or_insert_with(|| repo.clone());
        if *held == repo { Ok(()) } else { Err(held.clone()) }
    }

    /// Removes the deliveries for a repository from the queue, oldest first.
    pub(super) fn drain(&self, repo: &str) -> Vec<WorkflowRun> {
        let repo = repo.to_lowercase();
        let mut waiting = self.waiting.lock();
        let (ours, others) = waiting.runs.drain(..).partition::<Vec<_>, _>(|(of, _)| *of == repo);
        waiting.runs = others.into();
        ours.into_iter().map(|(_, run)| run).collect()
    }
}

/// Shared by the server and the collector.
pub type SharedWebhooks = Arc<WebhookQueue>;
