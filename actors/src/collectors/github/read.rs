//! Reading a repository: webhooks, the newest runs, jobs, and the past, in steps that each end within seconds.

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

use super::api::{Found, Reply, RequestError};
use super::{GithubCollector, RAREST, UnconfirmedRun, due};
use crate::clock::now_ms;

/// Runs and jobs of one answer, as many as GitHub gives.
const PER_PAGE: usize = 100;
/// Pages of the jobs of one attempt that are read: a matrix has at most 256 jobs, and a workflow may have several.
const MAX_JOB_PAGES: usize = 20;
/// Pages of workflows that are read.
const MAX_WORKFLOW_PAGES: usize = 10;
/// A look begins no request after this time; one takes 10 s at the most.
const WORK: Duration = Duration::from_secs(2);
/// Runs under way that are asked for by number in one look: those that are not among the newest.
const MAX_ASKED: usize = 20;
/// Names and states of workflows are asked for again after so many hours, and after so long where there was no answer.
const WORKFLOWS_EVERY: u32 = 24;
const WORKFLOWS_AGAIN_MS: i64 = 600_000;
/// First looks that fail where there is no answer; then workflows have the names that their runs tell.
const NAME_TRIES: u32 = 3;
const HOUR: Duration = Duration::from_secs(3_600);
/// What was confirmed within this time still is told, where the share of the limit allows no look: an hour and a bit.
const CURRENT_MS: i64 = 3_900_000;
/// While webhooks came within this time, polling is rarer,
const HOOKS_COUNT_MS: i64 = 3_600_000;
/// by this factor.
const RARER: u32 = 10;
/// Ends that webhooks told and whose jobs have not ended: how often jobs are asked for, and how many wait.
const MAX_CLAIM_TRIES: u32 = 3;
const MAX_CLAIMS: usize = 500;

/// What is to be done next.
enum Task {
    Jobs(Box<WorkflowRun>, Purpose),
    Gap(Gap),
}

/// Reads a page off the arbiter; `before` items are on the pages before it.
async fn page<T: Send + 'static>(
    found: Found,
    before: usize,
    read: fn(&[u8]) -> Result<Page<T>, ParseError>,
) -> Result<(Page<T>, Option<String>, bool), RequestError> {
    let Found { body, etag, link, moved } = found;
    let page = spawn_blocking(move || read(&body)).await.map_err(|error| RequestError::Failed(error.to_string()))?;
    let mut page = page.map_err(|error| RequestError::Failed(error.to_string()))?;
    page.more = has_next_page(link.as_deref(), page.total, page.length, PER_PAGE, before + page.length);
    Ok((page, etag, moved))
}

impl GithubCollector {
    /// Ends are believed when their jobs have ended; all else at once.
    pub(super) async fn take_deliveries(&mut self, repo: &str, now: TimestampMs) -> Result<(), RequestError> {
        let runs = self.context.hooks.of(repo);
        if runs.is_empty() {
            return Ok(());
        }
        self.hook_at = Some(now);
        self.changed = true;
        let (ended, others): (Vec<WorkflowRun>, Vec<WorkflowRun>) = runs.into_iter().partition(WorkflowRun::ended);
        for run in ended {
            if self.claims.len() < MAX_CLAIMS {
                self.claims.push_back(UnconfirmedRun { run, tries: 0, again: now });
            } else {
                self.next_poll = 0;
            }
        }
        self.with(move |tracker| others.into_iter().for_each(|run| tracker.observe(run, ReportedBy::Webhook, now))).await
    }

    async fn get(&self, path: &str, etag: Option<&str>, purpose: Purpose) -> Result<Reply, RequestError> {
        self.context.api.get(path, etag, purpose, &self.context.shared).await
    }

    /// Asks for the newest runs, and for those under way that are not among them.
    async fn poll(&mut self, repo: &str, now: TimestampMs) -> Result<(), RequestError> {
        let path = format!("/repos/{}/actions/runs?per_page={PER_PAGE}", self.at(repo));
        if let Reply::Found(found) = self.get(&path, self.etag.as_deref(), Purpose::Now).await? {
            let (page, etag, moved) = page(found, 0, parse::runs).await?;
            self.take_on_name(repo, page.repo.as_deref(), moved).await?;
            self.on_page = page.items.iter().map(|run| run.id).collect();
            self.skipped = page.skipped;
            self.with(move |tracker| tracker.observe_newest_page(page, now)).await?;
            self.etag = etag;
            self.changed = true;
        }
        let repo = self.at(repo).to_owned();
        let on_page = self.on_page.clone();
        let under_way = self.with(|tracker| tracker.active_runs()).await?;
        self.etags.retain(|id, _| under_way.contains(id));
        let mut others: Vec<u64> = under_way.into_iter().filter(|id| !on_page.contains(id)).collect();
        if others.len() > MAX_ASKED {
            // Each has its turn.
            self.turn = (self.turn + MAX_ASKED) % others.len();
            others.rotate_left(self.turn);
        }
        for id in others.into_iter().take(MAX_ASKED) {
            match self.get(&format!("/repos/{repo}/actions/runs/{id}"), self.etags.get(&id).map(String::as_str), Purpose::Now).await {
                Ok(Reply::Same) => {}
                Ok(Reply::Found(Found { body, etag, .. })) => {
                    let run = parse::run(&body).map_err(|error| RequestError::Failed(error.to_string()))?;
                    self.with(move |tracker| tracker.observe(run, ReportedBy::Api, now)).await?;
                    self.etags.extend(etag.map(|etag| (id, etag)));
                    self.changed = true;
                }
                Err(RequestError::Gone) => {
                    self.with(move |tracker| tracker.remove_missing(id)).await?;
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
        let mut interval = self.context.options.interval;
        if !self.context.api.credentials.known() {
            // Each look is paid for then: half of what may be spent.
            interval = interval.max(HOUR * 2 / u32::try_from(self.context.api.allowed()).unwrap_or(u32::MAX));
        }
        match self.hook_at {
            Some(at) if (now - at).abs() < HOOKS_COUNT_MS => (interval * RARER).min(RAREST).max(interval),
            _ => interval,
        }
    }

    /// Where the repository is now.
    fn at<'a>(&'a self, repo: &'a str) -> &'a str {
        self.moved_to.as_deref().unwrap_or(repo)
    }

    /// The repository was renamed or transferred: it is asked for by its new name from here on, and deliveries of both names are its own.
    /// `name` is what its runs say; `moved` is whether GitHub redirected.
    async fn take_on_name(&mut self, repo: &str, name: Option<&str>, moved: bool) -> Result<(), RequestError> {
        let mut name = name.map(str::to_owned);
        if name.is_none()
            && moved
            && let Reply::Found(found) = self.get(&format!("/repos/{}", self.at(repo)), None, Purpose::Now).await?
        {
            name = parse::repository(&found.body);
        }
        let Some(name) = name.filter(|name| is_repository(name) && !name.eq_ignore_ascii_case(self.at(repo))) else { return Ok(()) };
        log::warn!("github: {repo} is now {name}");
        let configured = |other: &String| other.eq_ignore_ascii_case(&name) && !other.eq_ignore_ascii_case(repo);
        if self.context.options.repositories.iter().any(configured) || self.context.hooks.watch(&name, repo).is_err() {
            return Err(RequestError::Watched(name));
        }
        self.moved_to = Some(name).filter(|name| !name.eq_ignore_ascii_case(repo));
        Ok(())
    }

    /// Names and states of workflows. Without an answer, workflows have the names that their runs tell.
    async fn poll_workflows(&mut self, repo: &str, now: TimestampMs) -> Result<(), RequestError> {
        let again = i64::from(WORKFLOWS_EVERY) * 3_600_000;
        match self.workflows(repo).await {
            Ok(None) => {}
            Ok(Some(workflows)) => {
                self.workflows.clone_from(&workflows);
                self.with(move |tracker| tracker.observe_workflows(&workflows)).await?;
            }
            Err(trouble @ RequestError::Wait(_)) => return Err(trouble),
            // Names are worth a few tries: series have them.
            Err(trouble @ RequestError::Failed(_)) if self.confirmed.is_none() && self.failures < NAME_TRIES => return Err(trouble),
            Err(trouble) => {
                log::debug!("github: workflows of {repo}: {}", trouble.explain(repo, &self.context.api));
                self.next_workflows = now + WORKFLOWS_AGAIN_MS;
                return Ok(());
            }
        }
        self.next_workflows = now + again;
        Ok(())
    }

    /// None where nothing changed.
    async fn workflows(&mut self, repo: &str) -> Result<Option<Vec<Workflow>>, RequestError> {
        let path = format!("/repos/{}/actions/workflows?per_page={PER_PAGE}", self.at(repo));
        let mut all: Vec<Workflow> = Vec::new();
        let mut seen = 0;
        for number in 1..=MAX_WORKFLOW_PAGES {
            let (path, etag) =
                if number == 1 { (path.clone(), self.workflows_etag.as_deref()) } else { (format!("{path}&page={number}"), None) };
            let Reply::Found(found) = self.get(&path, etag, Purpose::Now).await? else { return Ok(None) };
            let (page, etag, _) = page(found, seen, parse::workflows).await?;
            seen += page.length;
            // The first page says nothing of a change on those behind it.
            self.workflows_etag = etag.filter(|_| number == 1 && !page.more);
            all.extend(page.items);
            if !page.more {
                break;
            }
        }
        Ok(Some(all))
    }

    /// The jobs of one attempt of a run; none where GitHub does not know it.
    async fn jobs(&self, repo: &str, run: &WorkflowRun, purpose: Purpose) -> Result<Option<JobFigures>, RequestError> {
        let runs = format!("/repos/{}/actions/runs/{}", self.at(repo), run.id);
        let of_attempt = format!("{runs}/attempts/{}/jobs", run.attempt);
        let mut base = if run.attempt > 1 { of_attempt.clone() } else { format!("{runs}/jobs") };
        let (mut all, mut seen): (Vec<Job>, BTreeSet<u64>) = Default::default();
        let (mut number, mut length) = (1, 0);
        let whole = loop {
            let found = match self.get(&format!("{base}?per_page={PER_PAGE}&page={number}"), None, purpose).await {
                Ok(Reply::Found(found)) => found,
                Ok(Reply::Same) => return Err(RequestError::Failed("GitHub says that nothing changed where nothing was known".to_owned())),
                Err(RequestError::Gone) => return Ok(None),
                Err(trouble) => return Err(trouble),
            };
            let (page, ..) = page(found, length, parse::jobs).await?;
            let other = page.items.iter().any(|job| job.attempt.is_some_and(|attempt| attempt > run.attempt));
            if other && base != of_attempt {
                // It was run again meanwhile: the jobs are those of its newest attempt.
                base = of_attempt.clone();
                (all, seen, number, length) = (Vec::new(), BTreeSet::new(), 1, 0);
                continue;
            }
            length += page.length;
            let before = all.len();
            // A job that moved to the next page meanwhile is listed twice.
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

    /// Ends that webhooks told, whose jobs have ended too.
    async fn settle_claims(&mut self, repo: &str, began: Instant) -> Result<(), RequestError> {
        for _ in 0..self.claims.len() {
            let now = now_ms();
            if began.elapsed() >= WORK {
                return Ok(());
            }
            let Some(mut claim) = self.claims.pop_front() else { return Ok(()) };
            if !due(claim.again, now, HOUR) {
                self.claims.push_back(claim);
                continue;
            }
            let key = (claim.run.id, claim.run.attempt);
            let run = claim.run.clone();
            if self.with(move |tracker| tracker.is_known(&run)).await? {
                continue;
            }
            match self.jobs(repo, &claim.run, Purpose::Now).await {
                Ok(Some(jobs)) if jobs.ended && jobs.seconds.is_some() => {
                    let run = claim.run;
                    let settle = move |tracker: &mut RunTracker| {
                        tracker.observe(run, ReportedBy::Webhook, now);
                        tracker.observe_jobs(key, Some(jobs), now);
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
    async fn read_on(&mut self, repo: &str, began: Instant) -> Result<bool, RequestError> {
        loop {
            let now = now_ms();
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
                        Err(RequestError::Failed(why)) => {
                            // The others must not wait for one that GitHub cannot answer for.
                            self.with(move |tracker| tracker.retry_jobs_later(key, now)).await?;
                            return Err(RequestError::Failed(why));
                        }
                        Err(trouble) => return Err(trouble),
                    }
                }
                Task::Gap(Gap { from, to, page: number, seen }) => {
                    let day = |ms| jiff::Timestamp::from_millisecond(ms).map(|t| t.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
                    let (Ok(from), Ok(to)) = (day(from), day(to)) else { return Ok(false) };
                    let further = if number > 1 { format!("&page={number}") } else { String::new() };
                    let path = format!("/repos/{}/actions/runs?per_page={PER_PAGE}&created={from}..{to}{further}", self.at(repo));
                    if let Reply::Found(found) = self.get(&path, None, Purpose::History).await? {
                        let (page, ..) = page(found, usize::try_from(seen).unwrap_or(usize::MAX), parse::runs).await?;
                        self.with(move |tracker| tracker.observe_gap_page(page, now)).await?;
                    }
                }
            }
        }
    }

    /// Steps 2 and 3. Whether more is to be done now, and what the work in the background waits for.
    pub(super) async fn work(&mut self, repo: &str, now: TimestampMs) -> Result<(bool, Option<RequestError>), RequestError> {
        let began = Instant::now();
        // Before the first runs are told: under which names they are.
        if due(self.next_workflows, now, HOUR * WORKFLOWS_EVERY) {
            self.poll_workflows(repo, now).await?;
        }
        if due(self.next_poll, now, self.poll_every(now)) {
            let first = self.confirmed.is_none();
            match self.poll(repo, now).await {
                Ok(()) => {}
                // What was known a while ago is shown with its age until there are requests to spare.
                Err(trouble @ RequestError::Wait(Wait::Share(_))) if self.confirmed.is_some_and(|at| now - at < CURRENT_MS) => {
                    return Ok((false, Some(trouble)));
                }
                Err(trouble) => return Err(trouble),
            }
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
            Err(trouble @ RequestError::Wait(Wait::Share(_))) => return Ok((false, Some(trouble))),
            Err(trouble) => return Err(trouble),
        }
        Ok((false, None))
    }
}
