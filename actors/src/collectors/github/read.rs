//! Reading a repository: webhooks, the newest runs, jobs, and the backfill, in steps that each end within seconds.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use taskpulse_engine::ci::budget::{Purpose, Wait};
use taskpulse_engine::ci::jobs::JobFigures;
use taskpulse_engine::ci::paging::has_next_page;
use taskpulse_engine::ci::parse::{self, Job, Page, ParseError, Workflow, WorkflowRun};
use taskpulse_engine::ci::remote::is_repository;
use taskpulse_engine::ci::tracker::{Gap, ReportedBy, RunTracker};
use taskpulse_engine::model::TimestampMs;
use tokio::task::spawn_blocking;

use super::api::{Failure, Found, Reply, RequestError};
use super::{GithubCollector, Polled, RAREST, UnconfirmedRun, due};
use crate::collectors::collector::BlockingError;

/// Runs and jobs of one answer: the most that GitHub gives.
const PER_PAGE: usize = 100;
/// Most pages of the jobs of one attempt: a matrix has at most 256 jobs, and a workflow may have several.
const MAX_JOB_PAGES: usize = 20;
/// Most pages of workflows.
const MAX_WORKFLOW_PAGES: usize = 10;
/// A collection starts no request after this time; one takes 10 s at most.
const WORK: Duration = Duration::from_secs(2);
/// Most active runs that are requested one by one in one poll: those that are not among the newest.
const MAX_SINGLE: usize = 20;
/// Names and states of workflows are polled every so many hours; sooner if there was no answer.
const WORKFLOWS_EVERY: u32 = 24;
const WORKFLOWS_AGAIN_MS: i64 = 600_000;
/// The first polls fail if there is no answer; after so many, workflows get the names in their runs.
const NAME_TRIES: u32 = 3;
const HOUR: Duration = Duration::from_secs(3_600);
/// The last poll is shown for this long if the share of the rate limit allows no new one: an hour and a little more.
const CURRENT_MS: i64 = 3_900_000;
/// Webhooks seen within this window reduce polling.
const WEBHOOK_WINDOW_MS: i64 = 3_600_000;
/// Multiplier of the poll interval then.
const WEBHOOK_FACTOR: u32 = 10;
/// Most requests for the jobs of a run that ended according to a webhook, and most runs that wait for that.
const MAX_CONFIRM_TRIES: u32 = 3;
const MAX_UNCONFIRMED: usize = 500;

/// What is read next.
enum Task {
    Jobs(Box<WorkflowRun>, Purpose),
    Gap(Gap),
}

/// Parses a page on the blocking pool; `before` items are on the pages before it.
async fn page<T: Send + 'static>(
    found: Found,
    before: usize,
    read: fn(&[u8]) -> Result<Page<T>, ParseError>,
) -> Result<(Page<T>, Option<String>, bool), RequestError> {
    let Found { body, etag, link, moved } = found;
    let mut page = spawn_blocking(move || read(&body)).await.map_err(BlockingError::from)??;
    page.more = has_next_page(link.as_deref(), page.total, page.length, PER_PAGE, before + page.length);
    Ok((page, etag, moved))
}

impl GithubCollector {
    /// Step 1. Ends count once the jobs have ended too; everything else counts at once.
    pub(super) async fn take_deliveries(&mut self, repo: &str, now: TimestampMs) -> Result<(), RequestError> {
        let runs = self.context.hooks.drain(repo);
        if runs.is_empty() {
            return Ok(());
        }
        self.webhook_at = Some(now);
        self.changed = true;
        let (ended, others): (Vec<WorkflowRun>, Vec<WorkflowRun>) = runs.into_iter().partition(WorkflowRun::ended);
        for run in ended {
            if self.unconfirmed.len() < MAX_UNCONFIRMED {
                self.unconfirmed.push_back(UnconfirmedRun { run, tries: 0, again: now });
            } else {
                self.next_poll = 0;
            }
        }
        self.with(move |tracker| others.into_iter().for_each(|run| tracker.observe(run, ReportedBy::Webhook, now))).await?;
        Ok(())
    }

    pub(super) async fn get(&self, path: &str, etag: Option<&str>, purpose: Purpose) -> Result<Reply, RequestError> {
        self.context.api.get(path, etag, purpose, &self.context.outputs.stats).await
    }

    /// Polls the newest runs, and the active ones that are not among them.
    async fn poll_runs(&mut self, repo: &str, now: TimestampMs) -> Result<(), RequestError> {
        let path = format!("/repos/{}/actions/runs?per_page={PER_PAGE}", self.current_name(repo));
        if let Reply::Found(found) = self.get(&path, self.etag.as_deref(), Purpose::Now).await? {
            let (page, etag, moved) = page(found, 0, parse::runs).await?;
            self.adopt_name(repo, page.repo.as_deref(), moved).await?;
            self.on_page = page.items.iter().map(|run| run.id).collect();
            self.skipped = page.skipped;
            self.with(move |tracker| tracker.observe_newest_page(page, now)).await?;
            self.etag = etag;
            self.changed = true;
        }
        let repo = self.current_name(repo).to_owned();
        let on_page = self.on_page.clone();
        let under_way = self.with(|tracker| tracker.active_runs()).await?;
        self.etags.retain(|id, _| under_way.contains(id));
        let mut others: Vec<u64> = under_way.into_iter().filter(|id| !on_page.contains(id)).collect();
        if others.len() > MAX_SINGLE {
            // Each gets its turn.
            self.turn = (self.turn + MAX_SINGLE) % others.len();
            others.rotate_left(self.turn);
        }
        for id in others.into_iter().take(MAX_SINGLE) {
            match self.get(&format!("/repos/{repo}/actions/runs/{id}"), self.etags.get(&id).map(String::as_str), Purpose::Now).await {
                Ok(Reply::Unchanged) => {}
                Ok(Reply::Found(Found { body, etag, .. })) => {
                    let run = parse::run(&body)?;
                    self.with(move |tracker| tracker.observe(run, ReportedBy::Api, now)).await?;
                    self.etags.extend(etag.map(|etag| (id, etag)));
                    self.changed = true;
                }
                Err(RequestError::Gone) => {
                    self.with(move |tracker| tracker.remove_missing(id)).await?;
                    self.changed = true;
                }
                Err(error) => return Err(error),
            }
        }
        self.confirmed = Some(now);
        self.next_poll = now + i64::try_from(self.poll_every(now).as_millis()).unwrap_or(i64::MAX / 2);
        Ok(())
    }

    fn poll_every(&self, now: TimestampMs) -> Duration {
        let mut interval = self.context.options.interval;
        if !self.context.api.credentials.known() {
            // Each poll costs a request then: polling gets half of the share.
            interval = interval.max(HOUR * 2 / u32::try_from(self.context.api.allowed()).unwrap_or(u32::MAX));
        }
        match self.webhook_at {
            Some(at) if (now - at).abs() < WEBHOOK_WINDOW_MS => (interval * WEBHOOK_FACTOR).min(RAREST).max(interval),
            _ => interval,
        }
    }

    /// The current name of the repository.
    pub(super) fn current_name<'a>(&'a self, repo: &'a str) -> &'a str {
        self.moved_to.as_deref().unwrap_or(repo)
    }

    /// If the repository was renamed or transferred, its new name is requested from here on, and webhooks for both names are
    /// its own. `name` is the name in its runs; `moved` is whether GitHub redirected.
    async fn adopt_name(&mut self, repo: &str, name: Option<&str>, moved: bool) -> Result<(), RequestError> {
        let mut name = name.map(str::to_owned);
        if name.is_none()
            && moved
            && let Reply::Found(found) = self.get(&format!("/repos/{}", self.current_name(repo)), None, Purpose::Now).await?
        {
            name = parse::repository(&found.body);
        }
        let Some(name) = name.filter(|name| is_repository(name) && !name.eq_ignore_ascii_case(self.current_name(repo))) else {
            return Ok(());
        };
        log::warn!("github: {repo} is now {name}");
        let configured = |other: &String| other.eq_ignore_ascii_case(&name) && !other.eq_ignore_ascii_case(repo);
        if self.context.options.repositories.iter().any(configured) || self.context.hooks.watch(&name, repo).is_err() {
            return Err(RequestError::Watched(name));
        }
        self.moved_to = Some(name).filter(|name| !name.eq_ignore_ascii_case(repo));
        Ok(())
    }

    /// Polls names and states of workflows. Without an answer, workflows get the names in their runs.
    async fn poll_workflows(&mut self, repo: &str, now: TimestampMs) -> Result<(), RequestError> {
        let again = i64::from(WORKFLOWS_EVERY) * 3_600_000;
        match self.workflows(repo).await {
            Ok(None) => {}
            Ok(Some(workflows)) => {
                self.workflows.clone_from(&workflows);
                self.with(move |tracker| tracker.observe_workflows(&workflows)).await?;
            }
            Err(error @ RequestError::Wait(_)) => return Err(error),
            // Names are labels of series, so they are worth a few tries.
            Err(error @ RequestError::Failed(_)) if self.confirmed.is_none() && self.failures < NAME_TRIES => return Err(error),
            Err(error) => {
                log::debug!("github: workflows of {repo}: {}", error.explain(repo, &self.context.api));
                self.next_workflows = now + WORKFLOWS_AGAIN_MS;
                return Ok(());
            }
        }
        self.next_workflows = now + again;
        Ok(())
    }

    /// All workflows; none if nothing changed.
    async fn workflows(&mut self, repo: &str) -> Result<Option<Vec<Workflow>>, RequestError> {
        let path = format!("/repos/{}/actions/workflows?per_page={PER_PAGE}", self.current_name(repo));
        let mut all: Vec<Workflow> = Vec::new();
        let mut seen = 0;
        for number in 1..=MAX_WORKFLOW_PAGES {
            let (path, etag) =
                if number == 1 { (path.clone(), self.workflows_etag.as_deref()) } else { (format!("{path}&page={number}"), None) };
            let Reply::Found(found) = self.get(&path, etag, Purpose::Now).await? else { return Ok(None) };
            let (page, etag, _) = page(found, seen, parse::workflows).await?;
            seen += page.length;
            // The ETag of the first page does not cover the pages behind it.
            self.workflows_etag = etag.filter(|_| number == 1 && !page.more);
            all.extend(page.items);
            if !page.more {
                break;
            }
        }
        Ok(Some(all))
    }

    /// The jobs of one attempt of a run; none if GitHub does not know it.
    async fn jobs(&self, repo: &str, run: &WorkflowRun, purpose: Purpose) -> Result<Option<JobFigures>, RequestError> {
        let runs = format!("/repos/{}/actions/runs/{}", self.current_name(repo), run.id);
        let of_attempt = format!("{runs}/attempts/{}/jobs", run.attempt);
        let mut base = if run.attempt > 1 { of_attempt.clone() } else { format!("{runs}/jobs") };
        let (mut all, mut seen): (Vec<Job>, BTreeSet<u64>) = Default::default();
        let (mut number, mut length) = (1, 0);
        let whole = loop {
            let found = match self.get(&format!("{base}?per_page={PER_PAGE}&page={number}"), None, purpose).await {
                Ok(Reply::Found(found)) => found,
                Ok(Reply::Unchanged) => return Err(Failure::Unchanged.into()),
                Err(RequestError::Gone) => return Ok(None),
                Err(error) => return Err(error),
            };
            let (page, ..) = page(found, length, parse::jobs).await?;
            let other = page.items.iter().any(|job| job.attempt.is_some_and(|attempt| attempt > run.attempt));
            if other && base != of_attempt {
                // A new attempt began meanwhile and the jobs are its own.
                base = of_attempt.clone();
                (all, seen, number, length) = (Vec::new(), BTreeSet::new(), 1, 0);
                continue;
            }
            length += page.length;
            let before = all.len();
            // A job that moved to the next page meanwhile appears twice.
            let new: Vec<Job> = page.items.into_iter().filter(|job| job.id.is_none_or(|id| !seen.contains(&id))).collect();
            seen.extend(new.iter().filter_map(|job| job.id));
            all.extend(new);
            if !page.more || number == MAX_JOB_PAGES || all.len() == before {
                break !page.more && page.total.is_none_or(|total| total <= length as u64);
            }
            number += 1;
        };
        Ok(Some(JobFigures::new(&all, run, whole)))
    }

    /// Confirms runs that ended according to webhooks, by their jobs.
    async fn confirm_runs(&mut self, repo: &str, began: Instant) -> Result<(), RequestError> {
        for _ in 0..self.unconfirmed.len() {
            let now = self.context.clock.now_ms();
            if began.elapsed() >= WORK {
                return Ok(());
            }
            let Some(mut waiting) = self.unconfirmed.pop_front() else { return Ok(()) };
            if !due(waiting.again, now, HOUR) {
                self.unconfirmed.push_back(waiting);
                continue;
            }
            let key = (waiting.run.id, waiting.run.attempt);
            let run = waiting.run.clone();
            if self.with(move |tracker| tracker.is_known(&run)).await? {
                continue;
            }
            match self.jobs(repo, &waiting.run, Purpose::Now).await {
                Ok(Some(jobs)) if jobs.ended && jobs.seconds.is_some() => {
                    let run = waiting.run;
                    let settle = move |tracker: &mut RunTracker| {
                        tracker.observe(run, ReportedBy::Webhook, now);
                        tracker.observe_jobs(key, Some(jobs), now);
                    };
                    self.with(settle).await?;
                    self.changed = true;
                }
                Ok(_) => {
                    waiting.tries += 1;
                    waiting.again = now + 2_000 * 3_i64.pow(waiting.tries.min(6));
                    if waiting.tries < MAX_CONFIRM_TRIES {
                        self.unconfirmed.push_back(waiting);
                    } else {
                        // The next poll decides.
                        self.next_poll = 0;
                    }
                }
                Err(error) => {
                    self.unconfirmed.push_front(waiting);
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Step 3. Reads jobs and continues the backfill for as long as [`WORK`]. Whether there is more to read.
    async fn read_more(&mut self, repo: &str, began: Instant) -> Result<bool, RequestError> {
        loop {
            let now = self.context.clock.now_ms();
            let next = move |tracker: &mut RunTracker| match (tracker.next_run_without_jobs(now), tracker.next_gap()) {
                (Some((run, false)), _) => Some(Task::Jobs(Box::new(run), Purpose::Now)),
                (_, Some(gap)) => Some(Task::Gap(gap)),
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
                        Ok(jobs) => self.with(move |tracker| tracker.observe_jobs(key, jobs, now)).await?,
                        Err(RequestError::Failed(failure)) => {
                            // The others must not wait for a run whose jobs GitHub fails to list.
                            self.with(move |tracker| tracker.retry_jobs_later(key, now)).await?;
                            return Err(failure.into());
                        }
                        Err(error) => return Err(error),
                    }
                }
                Task::Gap(Gap { from, to, page: number, seen }) => {
                    let day = |ms| jiff::Timestamp::from_millisecond(ms).map(|t| t.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
                    let (Ok(from), Ok(to)) = (day(from), day(to)) else { return Ok(false) };
                    let further = if number > 1 { format!("&page={number}") } else { String::new() };
                    let path = format!("/repos/{}/actions/runs?per_page={PER_PAGE}&created={from}..{to}{further}", self.current_name(repo));
                    if let Reply::Found(found) = self.get(&path, None, Purpose::History).await? {
                        let (page, ..) = page(found, usize::try_from(seen).unwrap_or(usize::MAX), parse::runs).await?;
                        self.with(move |tracker| tracker.observe_gap_page(page, now)).await?;
                    }
                }
            }
        }
    }

    /// Steps 2 and 3.
    pub(super) async fn poll(&mut self, repo: &str, now: TimestampMs) -> Result<Polled, RequestError> {
        let began = Instant::now();
        // Before the first samples of runs: these names are their labels.
        if due(self.next_workflows, now, HOUR * WORKFLOWS_EVERY) {
            self.poll_workflows(repo, now).await?;
        }
        if due(self.next_poll, now, self.poll_every(now)) {
            let first = self.confirmed.is_none();
            match self.poll_runs(repo, now).await {
                Ok(()) => {}
                // The last poll is shown with its age until the share allows a new one.
                Err(error @ RequestError::Wait(Wait::Share(_))) if self.confirmed.is_some_and(|at| now - at < CURRENT_MS) => {
                    return Ok(Polled::Waiting(error));
                }
                Err(error) => return Err(error),
            }
            if first {
                // The present is shown before the past is read.
                return Ok(Polled::More);
            }
        }
        self.confirm_runs(repo, began).await?;
        self.poll_files(repo, now).await?;
        self.poll_pulls(repo, now).await?;
        match self.read_more(repo, began).await {
            Ok(true) => Ok(Polled::More),
            Ok(false) => Ok(Polled::Done),
            // The present is known all the same.
            Err(error @ RequestError::Wait(Wait::Share(_))) => Ok(Polled::Waiting(error)),
            Err(error) => Err(error),
        }
    }
}
