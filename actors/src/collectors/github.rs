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
mod credentials;
pub mod state;
mod view;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use taskpulse_engine::ci::budget::{Purpose, Wait};
use taskpulse_engine::ci::ledger::{Changes, Ledger, Witness};
use taskpulse_engine::ci::parse::{self, Job, JobFigures, Run, Workflow};
use taskpulse_engine::model::{Batch, Labels, TimestampMs};
use taskpulse_engine::store::{Resolved, Store};
use tokio::task::spawn_blocking;

use self::api::{Api, Reply, Trouble};
use self::credentials::Credentials;
use self::state::SharedHooks;
use super::source::{Findings, Look, Looking, Source};
use crate::clock::now_ms;
use crate::messages::{AppendResolved, ChangeDocuments, RecordEvents};
use crate::shared::Shared;
use crate::supervisor::Door;

/// Documents of what was seen.
const KIND: &str = "github";
/// Runs and jobs of one answer, as many as GitHub gives.
const PER_PAGE: usize = 100;
/// Jobs of one attempt that are read: a matrix has at most 256 jobs, and a workflow may have several.
const MAX_JOB_PAGES: usize = 10;
/// A look begins no request after this time; one takes 10 s at the most.
const WORK: Duration = Duration::from_secs(2);
const LOOK_TIMEOUT: Duration = Duration::from_secs(28);
/// Runs under way that are asked for by number in one look: those that are not among the newest.
const MAX_ASKED: usize = 20;
/// Names and states of workflows are asked for again after so long.
const WORKFLOWS_EVERY_MS: i64 = 86_400_000;
/// While webhooks came within this time, polling is rarer,
const HOOKS_COUNT_MS: i64 = 3_600_000;
/// by this factor, but no rarer than this.
const RARER: u32 = 10;
const RAREST: Duration = Duration::from_secs(900);
/// Longest wait after a failure.
const MAX_BACKOFF: Duration = Duration::from_secs(60);
/// Ends that webhooks told and whose jobs have not ended: how often jobs are asked for, and how many wait.
const MAX_CLAIM_TRIES: u32 = 3;
const MAX_CLAIMS: usize = 500;

/// How repositories are watched.
#[derive(Debug, Clone)]
pub struct GithubOptions {
    /// `owner/name`; none: that of the working folder.
    pub repositories: Vec<String>,
    /// The token of the settings.
    pub token: Option<String>,
    /// The REST interface.
    pub api_url: String,
    /// Time between looks.
    pub interval: Duration,
    /// How far back runs are read at the first look, ms.
    pub backfill_ms: i64,
    /// Share of the hourly limit that may be used.
    pub share: f64,
}

/// What all repositories share.
pub struct Desk {
    options: GithubOptions,
    api: Api,
    hooks: SharedHooks,
    shared: Arc<Shared>,
    store: Arc<Store>,
    append: Door<AppendResolved>,
    documents: Door<ChangeDocuments>,
    events: Door<RecordEvents>,
}

impl Desk {
    /// A desk whose sources keep what they see through these doors.
    #[must_use]
    pub fn new(
        options: GithubOptions,
        hooks: SharedHooks,
        shared: Arc<Shared>,
        store: Arc<Store>,
        append: Door<AppendResolved>,
        documents: Door<ChangeDocuments>,
        events: Door<RecordEvents>,
    ) -> Self {
        let credentials = Credentials::new(options.token.clone(), &options.api_url);
        let api = Api::new(&options.api_url, credentials, options.share);
        Self { options, api, hooks, shared, store, append, documents, events }
    }

    /// The sources: one for each repository.
    #[must_use]
    pub fn sources(desk: &Arc<Self>) -> Vec<Box<dyn Source>> {
        let source = |repo: Option<String>| Box::new(GithubSource::new(Arc::clone(desk), repo)) as Box<dyn Source>;
        if desk.options.repositories.is_empty() {
            return vec![source(None)];
        }
        desk.options.repositories.iter().map(|repo| source(Some(repo.clone()))).collect()
    }

    /// Labels are made to ids off the arbiter; history of any age is taken.
    async fn resolve(&self, batch: Batch) -> Result<Resolved, String> {
        let store = Arc::clone(&self.store);
        let work = move || {
            let mut intake = store.intake(now_ms());
            intake.accept_any_order();
            // Series by series, each from its beginning: that is how the store holds them.
            let mut rows: Vec<usize> = (0..batch.len()).collect();
            rows.sort_by(|a, b| {
                let key = |at: usize| (batch.labels[at].as_bytes(), batch.times[at]);
                key(*a).cmp(&key(*b))
            });
            let mut current: Option<&Labels> = None;
            for at in rows {
                let labels = &batch.labels[at];
                if current != Some(labels) {
                    let pairs: Vec<_> = labels.pairs().collect();
                    if !intake.begin(&pairs) {
                        intake.begin_new(labels.clone());
                    }
                    current = Some(labels);
                }
                intake.push(batch.times[at], batch.values[at]);
            }
            intake.finish()
        };
        spawn_blocking(work).await.map_err(|error| error.to_string())
    }
}

/// The end of a run as a webhook told it, until its jobs say so too.
struct Claim {
    run: Run,
    tries: u32,
    again: TimestampMs,
}

/// What is to be done next.
enum Task {
    Jobs(Box<Run>, Purpose),
    Gap(i64, i64),
}

/// Watches one repository.
pub struct GithubSource {
    desk: Arc<Desk>,
    repo: Option<String>,
    /// None until it was read, and while it is worked on.
    ledger: Option<Ledger>,
    etag: Option<String>,
    /// Runs of the newest page.
    on_page: BTreeSet<u64>,
    /// Of runs that are asked for by number.
    etags: BTreeMap<u64, String>,
    next_poll: TimestampMs,
    /// When it was last known that what was seen is what is.
    confirmed: Option<TimestampMs>,
    hook_at: Option<TimestampMs>,
    claims: VecDeque<Claim>,
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

impl GithubSource {
    fn new(desk: Arc<Desk>, repo: Option<String>) -> Self {
        Self {
            desk,
            repo,
            ledger: None,
            etag: None,
            on_page: BTreeSet::new(),
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
        let api_url = self.desk.options.api_url.clone();
        let found = spawn_blocking(move || credentials::repository(Path::new("."), &api_url)).await;
        let repo = found.map_err(|error| error.to_string())??;
        // It has another name from here on.
        self.desk.shared.sources.remove(&self.name());
        self.repo = Some(repo.clone());
        Ok(repo)
    }

    /// Works on the ledger off the arbiter. A look that is given up in the middle loses it; the next reads it anew.
    async fn with<R: Send + 'static>(&mut self, work: impl FnOnce(&mut Ledger) -> R + Send + 'static) -> Result<R, Trouble> {
        let lost = || Trouble::Failed("what was seen is being read again".to_owned());
        let mut ledger = self.ledger.take().ok_or_else(lost)?;
        let done = spawn_blocking(move || {
            let result = work(&mut ledger);
            (ledger, result)
        });
        let (ledger, result) = done.await.map_err(|error| Trouble::Failed(format!("what was seen could not be worked on: {error}")))?;
        self.ledger = Some(ledger);
        Ok(result)
    }

    async fn take_up(&mut self, repo: &str) -> Result<(), String> {
        let (store, repo) = (Arc::clone(&self.desk.store), repo.to_owned());
        let keep_ms = self.desk.options.backfill_ms.min(store.options().retention_ms);
        let read = spawn_blocking(move || store.documents(KIND).map(|documents| Ledger::restore(&repo, keep_ms, &documents)));
        let ledger = read.await.map_err(|error| error.to_string())?;
        self.ledger = Some(ledger.map_err(|error| format!("what was seen before cannot be read: {error}"))?);
        // What was answered may be lost with the ledger: nothing is known to be the same.
        (self.etag, self.next_poll) = (None, 0);
        self.etags.clear();
        Ok(())
    }

    /// Ends are believed when their jobs have ended; all else at once.
    async fn take_deliveries(&mut self, repo: &str, now: TimestampMs) -> Result<(), Trouble> {
        let runs = self.desk.hooks.of(repo);
        if runs.is_empty() {
            return Ok(());
        }
        self.hook_at = Some(now);
        self.changed = true;
        let (ended, others): (Vec<Run>, Vec<Run>) = runs.into_iter().partition(Run::ended);
        for run in ended {
            if self.claims.len() < MAX_CLAIMS {
                self.claims.push_back(Claim { run, tries: 0, again: now });
            } else {
                self.next_poll = 0;
            }
        }
        self.with(move |ledger| others.into_iter().for_each(|run| ledger.observe(run, Witness::Delivery, now))).await
    }

    async fn get(&self, path: &str, etag: Option<&str>, purpose: Purpose) -> Result<Reply, Trouble> {
        self.desk.api.get(path, etag, purpose, &self.desk.shared).await
    }

    /// Asks for the newest runs, and for those under way that are not among them.
    async fn poll(&mut self, repo: &str, now: TimestampMs) -> Result<(), Trouble> {
        let path = format!("/repos/{repo}/actions/runs?per_page={PER_PAGE}");
        if let Reply::Body(body, etag) = self.get(&path, self.etag.as_deref(), Purpose::Now).await? {
            let page = spawn_blocking(move || parse::runs(&body)).await;
            let page = page.map_err(|error| Trouble::Failed(error.to_string()))?.map_err(|error| Trouble::Failed(error.to_string()))?;
            self.on_page = page.items.iter().map(|run| run.id).collect();
            self.skipped = page.skipped;
            self.with(move |ledger| ledger.first_page(page, PER_PAGE, now)).await?;
            self.etag = etag;
            self.changed = true;
        }
        let on_page = self.on_page.clone();
        let under_way = self.with(|ledger| ledger.under_way()).await?;
        self.etags.retain(|id, _| under_way.contains(id));
        for id in under_way.into_iter().filter(|id| !on_page.contains(id)).take(MAX_ASKED) {
            match self.get(&format!("/repos/{repo}/actions/runs/{id}"), self.etags.get(&id).map(String::as_str), Purpose::Now).await {
                Ok(Reply::Same) => {}
                Ok(Reply::Body(body, etag)) => {
                    let run = parse::run(&body).map_err(|error| Trouble::Failed(error.to_string()))?;
                    self.with(move |ledger| ledger.observe(run, Witness::Answer, now)).await?;
                    self.etags.extend(etag.map(|etag| (id, etag)));
                    self.changed = true;
                }
                Err(Trouble::Gone) => {
                    self.with(move |ledger| ledger.gone(id)).await?;
                    self.changed = true;
                }
                Err(trouble) => return Err(trouble),
            }
        }
        self.confirmed = Some(now);
        self.next_poll = now + i64::try_from(self.poll_every(now).as_millis()).unwrap_or(i64::MAX / 2);
        Ok(())
    }

    fn poll_every(&self, now: TimestampMs) -> Duration {
        let interval = self.desk.options.interval;
        match self.hook_at {
            Some(at) if now - at < HOOKS_COUNT_MS => (interval * RARER).min(RAREST).max(interval),
            _ => interval,
        }
    }

    async fn poll_workflows(&mut self, repo: &str, now: TimestampMs) -> Result<(), Trouble> {
        let path = format!("/repos/{repo}/actions/workflows?per_page={PER_PAGE}");
        if let Reply::Body(body, etag) = self.get(&path, self.workflows_etag.as_deref(), Purpose::Now).await? {
            let page = parse::workflows(&body).map_err(|error| Trouble::Failed(error.to_string()))?;
            (self.workflows, self.workflows_etag) = (page.items, etag);
        }
        self.next_workflows = now + WORKFLOWS_EVERY_MS;
        Ok(())
    }

    /// The jobs of one attempt of a run; none where GitHub does not know it.
    async fn jobs(&self, repo: &str, run: &Run, purpose: Purpose) -> Result<Option<JobFigures>, Trouble> {
        let of_attempt = format!("/repos/{repo}/actions/runs/{}/attempts/{}/jobs", run.id, run.attempt);
        let mut base = if run.attempt > 1 { of_attempt.clone() } else { format!("/repos/{repo}/actions/runs/{}/jobs", run.id) };
        let mut all: Vec<Job> = Vec::new();
        let mut number = 1;
        while number <= MAX_JOB_PAGES {
            let body = match self.get(&format!("{base}?per_page={PER_PAGE}&page={number}"), None, purpose).await {
                Ok(Reply::Body(body, _)) => body,
                Ok(Reply::Same) => Vec::new(),
                Err(Trouble::Gone) => return Ok(None),
                Err(trouble) => return Err(trouble),
            };
            let page = spawn_blocking(move || parse::jobs(&body)).await;
            let page = page.map_err(|error| Trouble::Failed(error.to_string()))?.map_err(|error| Trouble::Failed(error.to_string()))?;
            let other = page.items.iter().any(|job| job.attempt.is_some_and(|attempt| attempt != run.attempt));
            if other && base != of_attempt {
                // It was run again meanwhile: the jobs are those of its newest attempt.
                base = of_attempt.clone();
                (all, number) = (Vec::new(), 1);
                continue;
            }
            all.extend(page.items);
            if page.length < PER_PAGE {
                break;
            }
            number += 1;
        }
        Ok(Some(JobFigures::of(&all)))
    }

    /// Ends that webhooks told, whose jobs have ended too.
    async fn settle_claims(&mut self, repo: &str, began: Instant) -> Result<(), Trouble> {
        for _ in 0..self.claims.len() {
            let now = now_ms();
            if began.elapsed() >= WORK {
                return Ok(());
            }
            let Some(mut claim) = self.claims.pop_front() else { return Ok(()) };
            if claim.again > now {
                self.claims.push_back(claim);
                continue;
            }
            let key = (claim.run.id, claim.run.attempt);
            if self.with(move |ledger| ledger.has_ended(key)).await? {
                continue;
            }
            match self.jobs(repo, &claim.run, Purpose::Now).await {
                Ok(Some(jobs)) if jobs.ended && jobs.seconds.is_some() => {
                    let run = claim.run;
                    let settle = move |ledger: &mut Ledger| {
                        ledger.observe(run, Witness::Delivery, now);
                        ledger.note_jobs(key, Some(jobs), now);
                    };
                    self.with(settle).await?;
                    self.changed = true;
                }
                Ok(_) => {
                    claim.tries += 1;
                    claim.again = now + 2_000 * 3_i64.pow(claim.tries.min(6));
                    if claim.tries < MAX_CLAIM_TRIES {
                        self.claims.push_back(claim);
                    } else {
                        // It is as the next answer has it.
                        self.next_poll = 0;
                    }
                }
                Err(trouble) => {
                    self.claims.push_front(claim);
                    return Err(trouble);
                }
            }
        }
        Ok(())
    }

    /// Jobs and the past, for as long as a look may take. Whether more is to be done now.
    async fn read_on(&mut self, repo: &str, began: Instant) -> Result<bool, Trouble> {
        loop {
            let now = now_ms();
            let next = move |ledger: &mut Ledger| match (ledger.wanted(now), ledger.gap()) {
                (Some((run, false)), _) => Some(Task::Jobs(Box::new(run), Purpose::Now)),
                (_, Some(gap)) => Some(Task::Gap(gap.from, gap.to)),
                (Some((run, true)), None) => Some(Task::Jobs(Box::new(run), Purpose::History)),
                (None, None) => None,
            };
            let Some(task) = self.with(next).await? else { return Ok(false) };
            if began.elapsed() >= WORK {
                return Ok(true);
            }
            self.changed = true;
            match task {
                Task::Jobs(run, purpose) => {
                    let key = (run.id, run.attempt);
                    match self.jobs(repo, &run, purpose).await {
                        Ok(jobs) => self.with(move |ledger| ledger.note_jobs(key, jobs, now)).await?,
                        Err(Trouble::Failed(why)) => {
                            // The others must not wait for one that GitHub cannot answer for.
                            self.with(move |ledger| ledger.postpone(key, now)).await?;
                            return Err(Trouble::Failed(why));
                        }
                        Err(trouble) => return Err(trouble),
                    }
                }
                Task::Gap(from, to) => {
                    let day = |ms| jiff::Timestamp::from_millisecond(ms).map(|t| t.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
                    let (Ok(from), Ok(to)) = (day(from), day(to)) else { return Ok(false) };
                    let path = format!("/repos/{repo}/actions/runs?per_page={PER_PAGE}&created={from}..{to}");
                    if let Reply::Body(body, _) = self.get(&path, None, Purpose::History).await? {
                        let page = spawn_blocking(move || parse::runs(&body)).await;
                        let page = page
                            .map_err(|error| Trouble::Failed(error.to_string()))?
                            .map_err(|error| Trouble::Failed(error.to_string()))?;
                        self.with(move |ledger| ledger.gap_page(page, PER_PAGE, now)).await?;
                    }
                }
            }
        }
    }

    /// Steps 2 and 3. Whether more is to be done now, and what the work in the background waits for.
    async fn work(&mut self, repo: &str, now: TimestampMs) -> Result<(bool, Option<Trouble>), Trouble> {
        let began = Instant::now();
        if now >= self.next_poll {
            let first = self.confirmed.is_none();
            self.poll(repo, now).await?;
            if first {
                // What is going on is shown before the past is read.
                return Ok((true, None));
            }
        }
        self.settle_claims(repo, began).await?;
        match self.read_on(repo, began).await {
            Ok(true) => return Ok((true, None)),
            Ok(false) => {}
            // What is going on is known all the same.
            Err(trouble @ Trouble::Wait(Wait::Share(_))) => return Ok((false, Some(trouble))),
            Err(trouble) => return Err(trouble),
        }
        if now >= self.next_workflows {
            self.poll_workflows(repo, now).await?;
        }
        Ok((false, None))
    }

    /// Step 4. How many samples were kept.
    async fn keep(&mut self) -> Result<usize, String> {
        let changes = match self.unkept.take() {
            Some(changes) => changes,
            None => self.with(Ledger::changes).await.map_err(|trouble| trouble.explain("", &self.desk.api))?,
        };
        if changes.is_empty() {
            return Ok(0);
        }
        let samples = changes.batch.len();
        match self.keep_all(&changes).await {
            Ok(()) => {
                let events = changes.events;
                if !events.is_empty() && self.desk.events.try_send(RecordEvents(events)).is_err() {
                    log::error!("github: the store is too busy for the time line");
                }
                Ok(samples)
            }
            Err(why) => {
                self.unkept = Some(changes);
                Err(format!("not kept yet: {why}"))
            }
        }
    }

    async fn keep_all(&self, changes: &Changes) -> Result<(), String> {
        if !changes.batch.is_empty() {
            let resolved = self.desk.resolve(changes.batch.clone()).await?;
            if !resolved.is_empty() {
                let kept = self.desk.append.send(AppendResolved(resolved)).await.map_err(|error| error.to_string())?;
                kept.map_err(|error| error.to_string())?;
            }
        }
        if changes.documents.is_empty() {
            return Ok(());
        }
        let message = ChangeDocuments { kind: KIND, changes: changes.documents.clone() };
        let kept = self.desk.documents.send(message).await.map_err(|error| error.to_string())?;
        kept.map_err(|error| error.to_string())
    }

    /// Step 5.
    async fn show(&mut self, repo: &str) -> Result<(), Trouble> {
        let workflows = self.workflows.clone();
        let made = move |ledger: &mut Ledger| (view::repository(ledger, &workflows), ledger.whole().then(|| ledger.began()));
        let (mut shown, began) = self.with(made).await?;
        let (limit, remaining, spent, allowed) = self.desk.api.limits();
        shown["confirmed_at"] = serde_json::json!(self.confirmed.map(crate::wire::seconds));
        shown["requests"] =
            serde_json::json!({"limit": limit, "remaining": remaining, "spent_last_hour": spent, "allowed_an_hour": allowed});
        shown["webhooks"] = serde_json::json!({
            "on": self.desk.hooks.secret().is_some(), "last": self.hook_at.map(crate::wire::seconds),
        });
        let shared = &self.desk.shared;
        shared.ci.repositories.write().insert(repo.to_owned(), shown);
        if let Some(began) = began {
            let all = shared.ci.began(repo, began);
            *shared.ci_runs.write() = Some(Arc::new(all));
        }
        Ok(())
    }

    async fn look_once(&mut self, now: TimestampMs) -> Look {
        let repo = match self.repository().await {
            Ok(repo) => repo,
            Err(why) => {
                let hint = "set github.repositories = [\"owner/name\"], or start the service in a clone of a repository on GitHub";
                return Look::Absent(why, hint.to_owned());
            }
        };
        self.desk.hooks.watch(&repo);
        if self.ledger.is_none()
            && let Err(why) = self.take_up(&repo).await
        {
            return Look::Failed(why, self.findings(0, Some(self.backoff())));
        }
        let outcome = match self.take_deliveries(&repo, now).await {
            Ok(()) => self.work(&repo, now).await,
            Err(trouble) => Err(trouble),
        };
        let interval_ms = i64::try_from(self.desk.options.interval.as_millis()).unwrap_or(i64::MAX);
        let current = outcome.is_ok() && self.unkept.is_none();
        if current && (self.changed || now - self.told >= interval_ms / 2) {
            // A counter that is told twice at one time would be told with the first value at the second.
            let at = now_ms().max(self.told + 1);
            let remaining = self.desk.api.limits().1;
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

    fn backoff(&self) -> Duration {
        Duration::from_secs(1 << self.failures.min(6)).min(MAX_BACKOFF)
    }

    fn findings(&self, kept: usize, next_in: Option<Duration>) -> Findings {
        Findings { kept, next_in, ..Findings::default() }
    }

    /// What the look came to, and when to look next.
    async fn judge(
        &mut self,
        repo: &str,
        outcome: Result<(bool, Option<Trouble>), Trouble>,
        kept: Result<usize, String>,
        shown: Result<(), Trouble>,
    ) -> Look {
        let interval = self.desk.options.interval;
        let samples = kept.as_ref().copied().unwrap_or(0);
        let (more, waits) = match outcome {
            Ok(outcome) => outcome,
            Err(trouble) => {
                let why = trouble.explain(repo, &self.desk.api);
                self.failures += 1;
                let next = match &trouble {
                    Trouble::Wait(wait) => {
                        if matches!(wait, Wait::Limit(_)) && self.desk.api.lifted(interval.max(Duration::from_secs(2))).await {
                            Duration::ZERO
                        } else {
                            let ms = u64::try_from(wait.until() - now_ms()).unwrap_or(0);
                            Duration::from_millis(ms).clamp(Duration::from_millis(100), interval.max(Duration::from_secs(1)))
                        }
                    }
                    // Nobody but a person can change these.
                    Trouble::Token(_) | Trouble::Gone | Trouble::Refused(_) => (interval * 5).min(RAREST).max(interval),
                    Trouble::Failed(_) => self.backoff().min(interval.max(Duration::from_secs(5))),
                };
                return Look::Failed(why, self.findings(samples, Some(next)));
            }
        };
        if let Err(why) = kept.and_then(|_| shown.map_err(|trouble| trouble.explain(repo, &self.desk.api))) {
            self.failures += 1;
            return Look::Partly(why, self.findings(samples, Some(self.backoff())));
        }
        self.failures = 0;
        let claim = self.claims.iter().map(|claim| claim.again - now_ms()).min();
        let next = if more { Some(Duration::ZERO) } else { claim.map(|ms| Duration::from_millis(ms.max(50) as u64).min(interval)) };
        let found = self.findings(samples, next);
        match waits {
            Some(trouble) => Look::Partly(format!("the history is read later: {}", trouble.explain(repo, &self.desk.api)), found),
            None if self.skipped > 0 => {
                let n = self.skipped;
                Look::Partly(format!("{n} of the newest runs have no number, time or status and are left out"), found)
            }
            None => Look::Found(found),
        }
    }
}

impl Source for GithubSource {
    fn name(&self) -> String {
        self.repo.as_ref().map_or_else(|| "github".to_owned(), |repo| format!("github {repo}"))
    }

    fn every(&self) -> Duration {
        self.desk.options.interval
    }

    fn timeout(&self) -> Duration {
        LOOK_TIMEOUT
    }

    fn look(&mut self, now: TimestampMs) -> Looking<'_> {
        Box::pin(self.look_once(now))
    }
}
