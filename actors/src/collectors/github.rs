//! GitHub Actions: runs, jobs and workflows of repositories, asked for cheaply, and told by webhooks.
//!
//! A look at a repository
//! 1. takes in what webhooks delivered,
//! 2. asks for the newest runs, where that is due: conditionally, so that nothing new costs nothing,
//! 3. asks for the jobs of runs that ended, and reads on in the past, for a few seconds at the most,
//! 4. keeps samples first, then what was seen, then events: a crash in between loses nothing and tells nothing twice,
//! 5. says how CI looks now.
//!
//! What was seen and what follows from it is the engine's [`Ledger`]; it is worked on off the arbiter. Samples of runs are
//! as old as their ends, so they go to the store as history does, past the batcher. All repositories share one token
//! and one share of its limit.

mod api;
mod context;
mod credentials;
mod read;
pub mod state;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use taskpulse_engine::ci::budget::Wait;
use taskpulse_engine::ci::ledger::{Changes, Ledger};
use taskpulse_engine::ci::parse::{Workflow, WorkflowRun};
use taskpulse_engine::model::{Batch, Labels, TimestampMs};
use tokio::task::spawn_blocking;

use self::api::RequestError;
pub use self::context::{GithubContext, GithubOptions};
use super::collector::{CollectFuture, Collection, Collector, Outcome};
use crate::clock::now_ms;
use crate::files;
use crate::messages::{AppendResolved, ChangeDocuments, RecordEvents};
use crate::view::{CiRepository, CiWebhooks, seconds};

/// Documents of what was seen.
const KIND: &str = "github";
/// A look given up after this time has lost nothing but the time.
const LOOK_TIMEOUT: Duration = Duration::from_secs(28);
/// Longest time between polls while webhooks come, and between looks while only a person can help.
const RAREST: Duration = Duration::from_secs(900);
/// Figures are told at least so often, or queries at an instant would not find them.
const TELL_EVERY: Duration = Duration::from_secs(60);
/// Longest wait after a failure.
const MAX_BACKOFF: Duration = Duration::from_secs(60);
/// The end of a run as a webhook told it, until its jobs say so too.
struct UnconfirmedRun {
    run: WorkflowRun,
    tries: u32,
    again: TimestampMs,
}

/// Whether something is due that is never put off for longer than `most`: a clock that went back must not hold it up.
fn due(at: TimestampMs, now: TimestampMs, most: Duration) -> bool {
    now >= at || at - now > i64::try_from(most.as_millis()).unwrap_or(i64::MAX)
}

/// Watches one repository.
pub struct GithubCollector {
    context: Arc<GithubContext>,
    /// The name under which it is watched.
    repo: Option<String>,
    /// The name that it has now, where that is another one.
    moved_to: Option<String>,
    /// It is a repository that is watched under this name already.
    watched_as: Option<String>,
    /// None until it was read, and while it is worked on.
    ledger: Option<Ledger>,
    etag: Option<String>,
    /// Runs of the newest page.
    on_page: BTreeSet<u64>,
    /// Where the next look begins among the runs that are asked for by number.
    turn: usize,
    /// Of runs that are asked for by number.
    etags: BTreeMap<u64, String>,
    next_poll: TimestampMs,
    /// When it was last known that what was seen is what is.
    confirmed: Option<TimestampMs>,
    hook_at: Option<TimestampMs>,
    claims: VecDeque<UnconfirmedRun>,
    workflows: Vec<Workflow>,
    workflows_etag: Option<String>,
    next_workflows: TimestampMs,
    /// What could not be kept yet.
    unkept: Option<Changes>,
    failures: u32,
    told: TimestampMs,
    changed: bool,
    skipped: usize,
}

impl GithubCollector {
    fn new(context: Arc<GithubContext>, repo: Option<String>) -> Self {
        Self {
            context,
            repo,
            moved_to: None,
            watched_as: None,
            ledger: None,
            etag: None,
            on_page: BTreeSet::new(),
            turn: 0,
            etags: BTreeMap::new(),
            next_poll: 0,
            confirmed: None,
            hook_at: None,
            claims: VecDeque::new(),
            workflows: Vec::new(),
            workflows_etag: None,
            next_workflows: 0,
            unkept: None,
            failures: 0,
            told: 0,
            changed: false,
            skipped: 0,
        }
    }

    /// The repository; found anew until there is one.
    async fn repository(&mut self) -> Result<String, String> {
        if let Some(repo) = &self.repo {
            return Ok(repo.clone());
        }
        let api_url = self.context.options.api_url.clone();
        let find = move || credentials::repository(Path::new("."), &api_url);
        let found = spawn_blocking(move || files::within(Path::new(".git"), files::PATIENCE, find)).await;
        let repo = found.map_err(|error| error.to_string())???;
        // It has another name from here on.
        self.context.shared.sources.remove(&self.name());
        self.repo = Some(repo.clone());
        Ok(repo)
    }

    /// Works on the ledger off the arbiter. A look that is given up in the middle loses it; the next reads it anew.
    async fn with<R: Send + 'static>(&mut self, work: impl FnOnce(&mut Ledger) -> R + Send + 'static) -> Result<R, RequestError> {
        let lost = || RequestError::Failed("what was seen is being read again".to_owned());
        let mut ledger = self.ledger.take().ok_or_else(lost)?;
        let done = spawn_blocking(move || {
            let result = work(&mut ledger);
            (ledger, result)
        });
        let (ledger, result) =
            done.await.map_err(|error| RequestError::Failed(format!("what was seen could not be worked on: {error}")))?;
        self.ledger = Some(ledger);
        Ok(result)
    }

    async fn take_up(&mut self, repo: &str) -> Result<(), String> {
        let (store, repo) = (Arc::clone(&self.context.store), repo.to_owned());
        let keep_ms = self.context.options.backfill_ms.min(store.options().retention_ms);
        let read = spawn_blocking(move || store.documents(KIND).map(|documents| Ledger::restore(&repo, keep_ms, &documents)));
        let ledger = read.await.map_err(|error| error.to_string())?;
        self.ledger = Some(ledger.map_err(|error| format!("what was seen before cannot be read: {error}"))?);
        // What was answered may be lost with the ledger: nothing is known to be the same.
        (self.etag, self.next_poll) = (None, 0);
        self.etags.clear();
        Ok(())
    }

    /// Step 4. How many samples were kept. What is not kept stays, also where the look is given up meanwhile.
    async fn keep(&mut self) -> Result<usize, String> {
        if self.unkept.is_none() {
            let changes = self.with(Ledger::changes).await.map_err(|trouble| trouble.explain("", &self.context.api))?;
            if changes.is_empty() {
                return Ok(0);
            }
            self.unkept = Some(changes);
        }
        let Some(changes) = &self.unkept else { return Ok(0) };
        self.keep_all(changes).await.map_err(|why| format!("not kept yet: {why}"))?;
        let Some(changes) = self.unkept.take() else { return Ok(0) };
        if !changes.events.is_empty() && self.context.events.try_send(RecordEvents(changes.events)).is_err() {
            log::error!("github: the store is too busy for the time line");
        }
        Ok(changes.batch.len())
    }

    async fn keep_all(&self, changes: &Changes) -> Result<(), String> {
        if !changes.batch.is_empty() {
            let resolved = self.context.resolve(changes.batch.clone()).await?;
            if !resolved.is_empty() {
                let kept = self.context.append.send(AppendResolved(resolved)).await.map_err(|error| error.to_string())?;
                kept.map_err(|error| error.to_string())?;
            }
        }
        if changes.documents.is_empty() {
            return Ok(());
        }
        let message = ChangeDocuments { kind: KIND, changes: changes.documents.clone() };
        let kept = self.context.documents.send(message).await.map_err(|error| error.to_string())?;
        kept.map_err(|error| error.to_string())
    }

    /// Step 5.
    async fn show(&mut self, repo: &str) -> Result<(), RequestError> {
        let workflows = self.workflows.clone();
        let made = move |ledger: &mut Ledger| {
            let began = ledger.whole().then(|| ledger.began());
            (CiRepository::new(ledger, &workflows), began)
        };
        let (shown, began) = self.with(made).await?;
        if self.confirmed.is_none() && shown.runs_known == 0 {
            // Nothing is known of it: that is not the same as no runs.
            return Ok(());
        }
        let shown = CiRepository {
            now_named: self.moved_to.clone(),
            confirmed_at: self.confirmed.map(seconds),
            requests: self.context.api.limits(),
            webhooks: CiWebhooks { on: self.context.hooks.secret().is_some(), last: self.hook_at.map(seconds) },
            ..shown
        };
        let shared = &self.context.shared;
        shared.repositories.send_modify(|all| drop(all.insert(repo.to_owned(), Arc::new(shown))));
        if let Some(began) = began {
            shared.runs.send_modify(|all| drop(all.insert(repo.to_owned(), Arc::new(began))));
        }
        Ok(())
    }

    async fn look_once(&mut self, now: TimestampMs) -> Outcome {
        let repo = match self.repository().await {
            Ok(repo) => repo,
            Err(why) => {
                let hint = "set github.repositories = [\"owner/name\"], or start the service in a clone of a repository on GitHub";
                return Outcome::Absent(why, hint.to_owned());
            }
        };
        if let Err(name) = self.context.hooks.watch(&repo, &repo) {
            self.watched_as = Some(name);
        }
        if let Some(name) = &self.watched_as {
            self.context.shared.repositories.send_if_modified(|all| all.remove(&repo).is_some());
            let why = RequestError::Watched(name.clone()).explain(&repo, &self.context.api);
            return Outcome::Absent(why, format!("take {repo} out of github.repositories"));
        }
        if self.ledger.is_none() {
            // What was seen before it was lost belongs to what is read.
            let kept = if self.unkept.is_some() { self.keep().await.map(|_| ()) } else { Ok(()) };
            let taken = match kept {
                Ok(()) => self.take_up(&repo).await,
                Err(why) => Err(why),
            };
            if let Err(why) = taken {
                self.failures += 1;
                return Outcome::Failed(why, self.findings(0, Some(self.backoff())));
            }
        }
        let outcome = match self.take_deliveries(&repo, now).await {
            Ok(()) => self.work(&repo, now).await,
            Err(trouble) => Err(trouble),
        };
        if let Err(RequestError::Watched(name)) = &outcome {
            self.watched_as = Some(name.clone());
        }
        let every_ms = i64::try_from(self.every().as_millis()).unwrap_or(i64::MAX);
        let current = outcome.is_ok() && self.unkept.is_none();
        if current && (self.changed || due(self.told + every_ms / 2, now, self.every())) {
            let at = now_ms();
            let remaining = self.context.api.limits().remaining;
            let told = self.with(move |ledger| ledger.tell(at)).await;
            (self.told, self.changed) = (at, false);
            if let (Ok(()), Some(remaining)) = (told, remaining) {
                let mut batch = Batch::default();
                batch.push(Labels::metric("github_rate_limit_remaining", &[]), at, remaining as f64);
                let _ = self.with(move |ledger| ledger.tell_also(batch)).await;
            }
        }
        let kept = self.keep().await;
        let shown = self.show(&repo).await;
        self.judge(&repo, outcome, kept, shown).await
    }

    /// What is not as it should be although all was read.
    async fn notes(&mut self, repo: &str) -> Option<String> {
        let (jobs, missed) = self.with(|ledger| (ledger.unclear_jobs(), ledger.missed())).await.ok()?;
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

    fn findings(&self, kept: usize, next_in: Option<Duration>) -> Collection {
        Collection { kept, next_in, ..Collection::default() }
    }

    /// What the look came to, and when to look next.
    async fn judge(
        &mut self,
        repo: &str,
        outcome: Result<(bool, Option<RequestError>), RequestError>,
        kept: Result<usize, String>,
        shown: Result<(), RequestError>,
    ) -> Outcome {
        let interval = self.context.options.interval;
        let samples = kept.as_ref().copied().unwrap_or(0);
        let (more, waits) = match outcome {
            Ok(outcome) => outcome,
            Err(trouble) => {
                let why = trouble.explain(repo, &self.context.api);
                self.failures += 1;
                let next = match &trouble {
                    RequestError::Wait(wait) => {
                        if matches!(wait, Wait::Limit(_)) && self.context.api.lifted(interval.max(Duration::from_secs(2))).await {
                            Duration::ZERO
                        } else {
                            let ms = u64::try_from(wait.until() - now_ms()).unwrap_or(0);
                            Duration::from_millis(ms).clamp(Duration::from_millis(100), interval.max(Duration::from_secs(1)))
                        }
                    }
                    // Nobody but a person can change these.
                    RequestError::Token(_) | RequestError::Gone | RequestError::Watched(_) | RequestError::Refused(_) => {
                        (interval * 5).min(RAREST).max(interval)
                    }
                    RequestError::Failed(_) => self.backoff().min(interval.max(Duration::from_secs(5))),
                };
                return Outcome::Failed(why, self.findings(samples, Some(next)));
            }
        };
        if let Err(why) = kept.and_then(|_| shown.map_err(|trouble| trouble.explain(repo, &self.context.api))) {
            self.failures += 1;
            return Outcome::Partial(why, self.findings(samples, Some(self.backoff())));
        }
        self.failures = 0;
        let claim = self.claims.iter().map(|claim| claim.again - now_ms()).min();
        let next = if more { Some(Duration::ZERO) } else { claim.map(|ms| Duration::from_millis(ms.max(50) as u64).min(interval)) };
        let found = self.findings(samples, next);
        match waits {
            Some(trouble) => Outcome::Partial(format!("more is read later: {}", trouble.explain(repo, &self.context.api)), found),
            None => match self.notes(repo).await {
                Some(notes) => Outcome::Partial(notes, found),
                None => Outcome::Complete(found),
            },
        }
    }
}

impl Collector for GithubCollector {
    fn name(&self) -> String {
        self.repo.as_ref().map_or_else(|| "github".to_owned(), |repo| format!("github {repo}"))
    }

    fn every(&self) -> Duration {
        self.context.options.interval.min(TELL_EVERY)
    }

    fn timeout(&self) -> Duration {
        LOOK_TIMEOUT
    }

    fn collect(&mut self, now: TimestampMs) -> CollectFuture<'_> {
        Box::pin(self.look_once(now))
    }
}
