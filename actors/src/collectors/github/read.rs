//! Reading a repository: webhooks, the newest runs, jobs, and the past, in steps that each end within seconds.

use std::time::{Duration, Instant};

use taskpulse_engine::ci::budget::{Purpose, Wait};
use taskpulse_engine::ci::ledger::{Ledger, Witness};
use taskpulse_engine::ci::parse::{self, Job, JobFigures, Run};
use taskpulse_engine::model::TimestampMs;
use tokio::task::spawn_blocking;

use super::api::{Reply, Trouble};
use super::{Claim, GithubSource, RAREST, due};
use crate::clock::now_ms;

/// Runs and jobs of one answer, as many as GitHub gives.
const PER_PAGE: usize = 100;
/// Jobs of one attempt that are read: a matrix has at most 256 jobs, and a workflow may have several.
const MAX_JOB_PAGES: usize = 10;
/// A look begins no request after this time; one takes 10 s at the most.
const WORK: Duration = Duration::from_secs(2);
/// Runs under way that are asked for by number in one look: those that are not among the newest.
const MAX_ASKED: usize = 20;
/// Names and states of workflows are asked for again after so many hours.
const WORKFLOWS_EVERY: u32 = 24;
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
    Jobs(Box<Run>, Purpose),
    Gap(i64, i64),
}

impl GithubSource {
    /// Ends are believed when their jobs have ended; all else at once.
    pub(super) async fn take_deliveries(&mut self, repo: &str, now: TimestampMs) -> Result<(), Trouble> {
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
        let mut interval = self.desk.options.interval;
        if !self.desk.api.credentials.known() {
            // Each look is paid for then: half of what may be spent.
            interval = interval.max(HOUR * 2 / u32::try_from(self.desk.api.allowed()).unwrap_or(u32::MAX));
        }
        match self.hook_at {
            Some(at) if (now - at).abs() < HOOKS_COUNT_MS => (interval * RARER).min(RAREST).max(interval),
            _ => interval,
        }
    }

    async fn poll_workflows(&mut self, repo: &str, now: TimestampMs) -> Result<(), Trouble> {
        let path = format!("/repos/{repo}/actions/workflows?per_page={PER_PAGE}");
        if let Reply::Body(body, etag) = self.get(&path, self.workflows_etag.as_deref(), Purpose::Now).await? {
            let page = parse::workflows(&body).map_err(|error| Trouble::Failed(error.to_string()))?;
            (self.workflows, self.workflows_etag) = (page.items, etag);
        }
        self.next_workflows = now + i64::from(WORKFLOWS_EVERY) * 3_600_000;
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
            if !due(claim.again, now, HOUR) {
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
    pub(super) async fn work(&mut self, repo: &str, now: TimestampMs) -> Result<(bool, Option<Trouble>), Trouble> {
        let began = Instant::now();
        if due(self.next_poll, now, self.poll_every(now)) {
            let first = self.confirmed.is_none();
            match self.poll(repo, now).await {
                Ok(()) => {}
                // What was known a while ago is shown with its age until there are requests to spare.
                Err(trouble @ Trouble::Wait(Wait::Share(_))) if self.confirmed.is_some_and(|at| now - at < CURRENT_MS) => {
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
            Err(trouble @ Trouble::Wait(Wait::Share(_))) => return Ok((false, Some(trouble))),
            Err(trouble) => return Err(trouble),
        }
        if due(self.next_workflows, now, HOUR * WORKFLOWS_EVERY) {
            self.poll_workflows(repo, now).await?;
        }
        Ok((false, None))
    }
}
