//! GitHub Actions: runs, jobs and workflows of repositories, by polling and by webhooks.
//!
//! A collection of a repository
//! 1. drains the webhooks that were delivered,
//! 2. polls the newest runs if that is due, conditionally: an unchanged answer is free,
//! 3. reads the jobs of runs that ended and continues the backfill, for a few seconds at most,
//! 4. appends samples, then documents, then records events: a crash in between loses nothing and repeats nothing,
//! 5. publishes the state of CI.
//!
//! The engine's [`RunTracker`] holds what was seen and what follows from it; it is used on the blocking pool. Samples of runs
//! have the times of their ends, so they go to the store directly, not through the batcher. All repositories share one
//! token and one share of its rate limit.

mod api;
mod context;
mod credentials;
mod pulls;
mod read;
pub mod state;
mod workflow_files;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use actix::MailboxError;
use taskpulse_engine::ci::budget::Wait;
use taskpulse_engine::ci::commits::RepositoryCommits;
use taskpulse_engine::ci::parse::{Workflow, WorkflowRun};
use taskpulse_engine::ci::tracker::{Changes, RunTracker};
use taskpulse_engine::model::{Batch, Labels, TimestampMs};
use taskpulse_engine::store::StoreError;
use tokio::task::{JoinError, spawn_blocking};

use self::api::RequestError;
pub use self::context::{GithubContext, GithubOptions, GithubOutputs};
use self::credentials::RepositoryError;
use self::pulls::Pulls;
use self::workflow_files::WorkflowFiles;
use super::collector::{BlockingError, Carried, CollectFuture, Collection, Collector, Outcome};
use crate::files::{self, WaitError};
use crate::messages::{AppendError, AppendResolved, ChangeDocuments, RecordEvents};
use crate::view::{CiRepository, CiWebhooks, seconds};

/// Documents of what was seen.
const KIND: &str = taskpulse_engine::ci::tracker::DOCUMENTS;
/// Longest time of a collection. One that is abandoned loses nothing but the time.
const COLLECT_TIMEOUT: Duration = Duration::from_secs(28);
/// Longest time between polls while webhooks come, and between collections while only a person can help.
const RAREST: Duration = Duration::from_secs(900);
/// Gauges get samples at least this often, or instant queries would not find them.
const GAUGES_EVERY: Duration = Duration::from_secs(60);
/// Longest wait after a failure.
const MAX_BACKOFF: Duration = Duration::from_secs(60);

/// A run that ended according to a webhook, until its jobs confirm it.
struct UnconfirmedRun {
    run: WorkflowRun,
    tries: u32,
    again: TimestampMs,
}

/// Whether something is due that never waits longer than `most`: a clock that was set back must not delay it.
fn due(at: TimestampMs, now: TimestampMs, most: Duration) -> bool {
    now >= at || at - now > i64::try_from(most.as_millis()).unwrap_or(i64::MAX)
}

/// Watches one repository.
pub struct GithubCollector {
    context: Arc<GithubContext>,
    /// The name under which it is watched; none until the working folder's is found.
    repo: Option<String>,
    /// Its new name, after it was renamed or transferred.
    moved_to: Option<String>,
    /// It is the same repository as the one of this name, which is watched already.
    watched_as: Option<String>,
    /// Lost until it is restored from the store.
    tracker: Carried<RunTracker>,
    etag: Option<String>,
    /// Runs of the newest page.
    on_page: BTreeSet<u64>,
    /// Where the next poll starts among the runs that are requested one by one.
    turn: usize,
    /// ETags of runs that are requested one by one.
    etags: BTreeMap<u64, String>,
    next_poll: TimestampMs,
    /// The last complete poll of runs.
    confirmed: Option<TimestampMs>,
    webhook_at: Option<TimestampMs>,
    unconfirmed: VecDeque<UnconfirmedRun>,
    workflows: Vec<Workflow>,
    workflows_etag: Option<String>,
    next_workflows: TimestampMs,
    workflow_files: WorkflowFiles,
    pulls: Pulls,
    /// Changes of the tracker that are not durable yet.
    unkept: Option<Changes>,
    failures: u32,
    /// When gauges last got samples.
    gauges_at: TimestampMs,
    /// Something changed since then.
    changed: bool,
    skipped: usize,
}

/// How a poll ended.
enum Polled {
    /// All is read that is wanted.
    Done,
    /// There is more to read now.
    More,
    /// There is more to read once this is over.
    Waiting(RequestError),
}

/// Why the working folder names no repository.
#[derive(Debug, thiserror::Error)]
enum FindError {
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    #[error(transparent)]
    Files(#[from] WaitError),
    #[error("the search panicked: {0}")]
    Panicked(#[from] JoinError),
}

/// Why the state of a repository is not restored or not durable.
#[derive(Debug, thiserror::Error)]
enum StateError {
    #[error("what was seen before cannot be read: {0}")]
    Restore(#[from] StoreError),
    #[error("not kept yet: {0}")]
    Refused(#[from] AppendError),
    #[error("not kept yet: the store: {0}")]
    Store(#[from] MailboxError),
    #[error(transparent)]
    Blocking(#[from] BlockingError),
}

impl GithubCollector {
    fn new(context: Arc<GithubContext>, repo: Option<String>) -> Self {
        Self {
            context,
            repo,
            moved_to: None,
            watched_as: None,
            tracker: Carried::default(),
            etag: None,
            on_page: BTreeSet::new(),
            turn: 0,
            etags: BTreeMap::new(),
            next_poll: 0,
            confirmed: None,
            webhook_at: None,
            unconfirmed: VecDeque::new(),
            workflows: Vec::new(),
            workflows_etag: None,
            next_workflows: 0,
            workflow_files: WorkflowFiles::default(),
            pulls: Pulls::default(),
            unkept: None,
            failures: 0,
            gauges_at: 0,
            changed: false,
            skipped: 0,
        }
    }

    /// The name of the repository. That of the working folder is searched until there is one.
    async fn repository(&mut self) -> Result<String, FindError> {
        if let Some(repo) = &self.repo {
            return Ok(repo.clone());
        }
        let api_url = self.context.options.api_url.clone();
        let find = move || credentials::repository(Path::new("."), &api_url);
        let repo = spawn_blocking(move || files::within(Path::new(".git"), files::PATIENCE, find)).await???;
        // The source has another name from here on.
        self.context.outputs.sources.remove(&self.name());
        self.repo = Some(repo.clone());
        Ok(repo)
    }

    /// Runs work on the tracker on the blocking pool. An abandoned collection loses the tracker; the next one restores it.
    async fn with<R: Send + 'static>(&mut self, work: impl FnOnce(&mut RunTracker) -> R + Send + 'static) -> Result<R, BlockingError> {
        self.tracker.run(work).await
    }

    /// Restores the tracker from the store, after a start or after it was lost.
    async fn restore(&mut self, repo: &str) -> Result<(), StateError> {
        if self.unkept.is_some() {
            // They belong to what is read.
            self.keep().await?;
        }
        let (store, repo) = (self.context.store.clone(), repo.to_owned());
        let keep_ms = self.context.options.backfill_ms.min(store.options().retention_ms);
        let prices = Arc::clone(&self.context.options.prices);
        let read = spawn_blocking(move || {
            store.documents(KIND).map(|documents| RunTracker::restore(&repo, keep_ms, &documents).with_prices(prices))
        });
        self.tracker.restore(read.await.map_err(BlockingError::from)??);
        // Answers may be lost with the tracker: nothing counts as unchanged.
        (self.etag, self.next_poll, self.workflow_files) = (None, 0, WorkflowFiles::default());
        self.etags.clear();
        Ok(())
    }

    /// Step 4. Makes changes durable; how many samples they had. Changes that are not durable yet stay, also if the collection is
    /// abandoned.
    async fn keep(&mut self) -> Result<usize, StateError> {
        if self.unkept.is_none() {
            let changes = self.with(RunTracker::take_changes).await?;
            if changes.is_empty() {
                return Ok(0);
            }
            self.unkept = Some(changes);
        }
        let Some(changes) = &self.unkept else { return Ok(0) };
        self.make_durable(changes).await?;
        let Some(changes) = self.unkept.take() else { return Ok(0) };
        if !changes.events.is_empty() && self.context.outputs.events.try_send(RecordEvents(changes.events)).is_err() {
            log::error!("github: the store is too busy, events are lost");
        }
        Ok(changes.batch.len())
    }

    async fn make_durable(&self, changes: &Changes) -> Result<(), StateError> {
        let outputs = &self.context.outputs;
        if !changes.batch.is_empty() {
            let resolved = self.context.resolve(changes.batch.clone()).await.map_err(BlockingError::from)?;
            if !resolved.is_empty() {
                outputs.append.send(AppendResolved(resolved)).await??;
            }
        }
        if !changes.documents.is_empty() {
            outputs.documents.send(ChangeDocuments { kind: KIND, changes: changes.documents.clone() }).await??;
        }
        Ok(())
    }

    /// Step 5.
    async fn publish(&mut self, repo: &str) -> Result<(), BlockingError> {
        let workflows = self.workflows.clone();
        let made = move |tracker: &mut RunTracker| {
            let began = tracker.is_complete().then(|| tracker.started_runs());
            (CiRepository::new(tracker, &workflows), tracker.jobs_by_workflow(), tracker.runs_by_commit(), began)
        };
        let (shown, jobs, runs, began) = self.with(made).await?;
        if self.confirmed.is_none() && shown.runs_known == 0 {
            // Nothing is known of the repository yet, which is not the same as no runs.
            return Ok(());
        }
        let shown = CiRepository {
            now_named: self.moved_to.clone(),
            confirmed_at: self.confirmed.map(seconds),
            requests: self.context.api.limits(),
            webhooks: CiWebhooks { on: self.context.hooks.secret().is_some(), last: self.webhook_at.map(seconds) },
            ..shown
        };
        let outputs = &self.context.outputs;
        outputs.repositories.send_modify(|all| drop(all.insert(repo.to_owned(), Arc::new(shown))));
        outputs.jobs.send_modify(|all| drop(all.insert(repo.to_owned(), Arc::new(jobs))));
        let commits = Arc::new(RepositoryCommits { runs, pulls: self.pulls.newest.clone() });
        outputs.commits.send_modify(|all| drop(all.insert(repo.to_owned(), commits)));
        if let Some(began) = began {
            outputs.runs.send_modify(|all| drop(all.insert(repo.to_owned(), Arc::new(began))));
        }
        Ok(())
    }

    async fn collect_once(&mut self, now: TimestampMs) -> Outcome {
        let repo = match self.repository().await {
            Ok(repo) => repo,
            Err(why) => {
                let hint = "set github.repositories = [\"owner/name\"], or start the service in a clone of a repository on GitHub";
                return Outcome::Absent(why.to_string(), hint.to_owned());
            }
        };
        if let Err(name) = self.context.hooks.watch(&repo, &repo) {
            self.watched_as = Some(name);
        }
        if let Some(name) = &self.watched_as {
            self.context.outputs.repositories.send_if_modified(|all| all.remove(&repo).is_some());
            self.context.outputs.jobs.send_if_modified(|all| all.remove(&repo).is_some());
            self.context.outputs.commits.send_if_modified(|all| all.remove(&repo).is_some());
            let why = RequestError::Watched(name.clone()).explain(&repo, &self.context.api);
            return Outcome::Absent(why, format!("take {repo} out of github.repositories"));
        }
        if self.tracker.is_lost()
            && let Err(why) = self.restore(&repo).await
        {
            self.failures += 1;
            return Outcome::Failed(why.to_string(), self.collection(0, Some(self.backoff())));
        }
        let polled = match self.take_deliveries(&repo, now).await {
            Ok(()) => self.poll(&repo, now).await,
            Err(error) => Err(error),
        };
        if let Err(RequestError::Watched(name)) = &polled {
            self.watched_as = Some(name.clone());
        }
        if polled.is_ok() && self.unkept.is_none() {
            self.sample_gauges(now).await;
        }
        let kept = self.keep().await;
        let published = self.publish(&repo).await;
        self.conclude(&repo, polled, kept, published).await
    }

    /// Adds samples of gauges to the tracker's changes if something changed or that is due.
    async fn sample_gauges(&mut self, now: TimestampMs) {
        let every_ms = i64::try_from(self.every().as_millis()).unwrap_or(i64::MAX);
        if !self.changed && !due(self.gauges_at + every_ms / 2, now, self.every()) {
            return;
        }
        let at = self.context.clock.now_ms();
        let remaining = self.context.api.limits().remaining;
        let pushed = self.with(move |tracker| tracker.push_samples(at)).await;
        (self.gauges_at, self.changed) = (at, false);
        if let (Ok(()), Some(remaining)) = (pushed, remaining) {
            let mut batch = Batch::default();
            batch.push(Labels::metric("github_rate_limit_remaining", &[]), at, remaining as f64);
            let _ = self.with(move |tracker| tracker.add_samples(batch)).await;
        }
    }

    /// What is wrong although the poll succeeded.
    async fn notes(&mut self, repo: &str) -> Option<String> {
        let (jobs, missed) = self.with(|tracker| (tracker.jobs_without_times(), tracker.has_unlisted_runs())).await.ok()?;
        let skipped = self.skipped;
        let notes = [
            self.moved_to.as_ref().map(|name| format!("{repo} is now {name}: write that into github.repositories")),
            (skipped > 0).then(|| format!("{skipped} of the newest runs have no number, time, status or workflow and are left out")),
            (jobs > 0).then(|| format!("{jobs} jobs have times that are missing or cannot be: their seconds are not counted")),
            missed.then(|| "GitHub would not list all runs of one second".to_owned()),
        ];
        let notes: Vec<String> = notes.into_iter().flatten().collect();
        (!notes.is_empty()).then(|| notes.join("; "))
    }

    fn backoff(&self) -> Duration {
        Duration::from_secs(1 << self.failures.saturating_sub(1).min(6)).min(MAX_BACKOFF)
    }

    fn collection(&self, kept: usize, next_in: Option<Duration>) -> Collection {
        Collection { kept, next_in, ..Collection::default() }
    }

    /// The outcome of a collection, and when the next one is due.
    async fn conclude(
        &mut self,
        repo: &str,
        polled: Result<Polled, RequestError>,
        kept: Result<usize, StateError>,
        published: Result<(), BlockingError>,
    ) -> Outcome {
        let samples = kept.as_ref().copied().unwrap_or(0);
        let polled = match polled {
            Ok(polled) => polled,
            Err(error) => {
                self.failures += 1;
                let next = self.next_after(&error).await;
                return Outcome::Failed(error.explain(repo, &self.context.api), self.collection(samples, Some(next)));
            }
        };
        if let Err(error) = kept.and_then(|_| Ok(published?)) {
            self.failures += 1;
            return Outcome::Partial(error.to_string(), self.collection(samples, Some(self.backoff())));
        }
        self.failures = 0;
        let now = self.context.clock.now_ms();
        let unconfirmed = self.unconfirmed.iter().map(|run| run.again - now).min();
        let interval = self.context.options.interval;
        let next = match polled {
            Polled::More => Some(Duration::ZERO),
            _ => unconfirmed.map(|ms| Duration::from_millis(ms.max(50) as u64).min(interval)),
        };
        let found = self.collection(samples, next);
        match polled {
            Polled::Waiting(error) => Outcome::Partial(format!("more is read later: {}", error.explain(repo, &self.context.api)), found),
            Polled::Done | Polled::More => match self.notes(repo).await {
                Some(notes) => Outcome::Partial(notes, found),
                None => Outcome::Complete(found),
            },
        }
    }

    /// Wait before the next collection after a failed poll.
    async fn next_after(&self, error: &RequestError) -> Duration {
        let interval = self.context.options.interval;
        match error {
            RequestError::Wait(Wait::Limit(_)) if self.context.api.is_limit_lifted(interval.max(Duration::from_secs(2))).await => {
                Duration::ZERO
            }
            RequestError::Wait(wait) => {
                let ms = u64::try_from(wait.until() - self.context.clock.now_ms()).unwrap_or(0);
                Duration::from_millis(ms).clamp(Duration::from_millis(100), interval.max(Duration::from_secs(1)))
            }
            // Only a person can change these.
            RequestError::Token(_) | RequestError::Gone | RequestError::Watched(_) | RequestError::Refused(_) => {
                (interval * 5).min(RAREST).max(interval)
            }
            RequestError::Failed(_) => self.backoff().min(interval.max(Duration::from_secs(5))),
        }
    }
}

impl Collector for GithubCollector {
    fn name(&self) -> String {
        self.repo.as_ref().map_or_else(|| "github".to_owned(), |repo| format!("github {repo}"))
    }

    fn every(&self) -> Duration {
        self.context.options.interval.min(GAUGES_EVERY)
    }

    fn timeout(&self) -> Duration {
        COLLECT_TIMEOUT
    }

    fn collect(&mut self, now: TimestampMs) -> CollectFuture<'_> {
        Box::pin(self.collect_once(now))
    }
}
