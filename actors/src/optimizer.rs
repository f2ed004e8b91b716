//! The optimizer: asks the engine for advice over the kept history at each interval, keeps the life of each recommendation, and
//! publishes them. What was applied is followed by an experiment (`life`), whose verdict it takes over.
//!
//! History is read off the actor's thread. Restart: recommendations are restored from the store.

use std::collections::BTreeMap;
use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix::ResponseFuture;
use rustc_hash::FxHashSet;
use taskpulse_engine::advice::{self, Assessment, DecideError, Due, Horizon, Recommendation, RecommendationTracker, Runs, Verdicts};
use taskpulse_engine::agent::costs::Work;
use taskpulse_engine::event::Event;
use taskpulse_engine::model::{Batch, Labels, STALE_NAN_BITS, TimestampMs};
use taskpulse_engine::money::Money;
use taskpulse_engine::money::budget::{self, BudgetState};
use taskpulse_engine::money::spending::{AgentSpending, Pages};
use taskpulse_engine::rules::EvaluationLimits;
use taskpulse_engine::store::{DocumentChange, StoreError, StoreReader};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::agents::Agents;
use crate::clock::Clock;
use crate::messages::{Append, AppendError, ChangeDocuments, ChangeExperiment, Decide, Publish, RecordEvents};
use crate::store::change;
use crate::supervisor::{Ctx, Mailbox, Receive, Schedule, ServiceActor};
use crate::view;

/// Documents of recommendations.
pub const KIND: &str = "recommendations";
/// When the first assessment begins, so that a fresh start has something to show.
const FIRST: Duration = Duration::from_secs(5);

/// How often the whole month is assessed: that opens all its days.
const MONTH_EVERY: Duration = Duration::from_secs(3_600);
/// How soon it is assessed again after much of the history changed: a backfill, an import, the first minutes of a service.
const MONTH_SOON: Duration = Duration::from_secs(120);
/// So many new or changed runs of workflows, or late samples, are such a change.
const MANY_RUNS: u64 = 20;
const MANY_LATE: u64 = 5_000;
/// And so many new samples, where they are more than all before.
const MANY_SAMPLES: u64 = 10_000;

/// What is said where no advice is given.
pub const OFF: &str = "advice is switched off: `optimizer.enabled` is false, or the service runs with --no-advanced";

/// Where the optimizer sends its results.
#[derive(Clone)]
pub struct OptimizerOutputs {
    /// Keeps recommendations.
    pub documents: Mailbox<ChangeDocuments>,
    /// Keeps the time line.
    pub events: Mailbox<RecordEvents>,
    /// Keeps the times at which disks and memory will be full, and capacities.
    pub append: Mailbox<Append>,
    /// Publishes to screens.
    pub hub: Mailbox<Publish>,
    /// What there is, and whether it suffices.
    pub capacity: watch::Sender<Arc<Vec<view::Capacity>>>,
    /// Budgets, and how they stand.
    pub budgets: watch::Sender<Arc<Vec<view::Budget>>>,
    /// Disks and memory without a date.
    pub undated: watch::Sender<Arc<Vec<view::UndatedForecast>>>,
    /// Follows the effect of what was applied.
    pub experiments: Mailbox<ChangeExperiment>,
    /// What is said of that effect.
    pub verdicts: watch::Receiver<Arc<Verdicts>>,
    /// What the settings say of money.
    pub money: Arc<Money>,
    /// Sessions of agents, for what they spent.
    pub agents: Agents,
    /// When tasks were in progress.
    pub work: watch::Receiver<Arc<Vec<Work>>>,
    /// What each query of a measure may cost.
    pub limits: EvaluationLimits,
}

/// How much had come when a month was assessed.
#[derive(Debug, Clone, Copy)]
struct Known {
    samples: u64,
    late: u64,
    runs: u64,
}

impl Known {
    fn new(store: &StoreReader, runs: &Runs) -> Self {
        let counters = store.counters();
        let [samples, late] = [&counters.appended, &counters.late].map(|counter| counter.load(Ordering::Relaxed));
        Self { samples, late, runs: runs.documents_read() }
    }

    /// Whether much of the history changed since then.
    fn is_outdated(self, now: Self) -> bool {
        let more = now.samples.saturating_sub(self.samples);
        now.runs.saturating_sub(self.runs) >= MANY_RUNS
            || now.late.saturating_sub(self.late) >= MANY_LATE
            || (more >= MANY_SAMPLES && more >= self.samples)
    }
}

/// The last assessment of a whole month: when it was, how much had come by then, and what it found.
struct Month {
    at: Instant,
    known: Known,
    found: Assessment,
}

impl Month {
    /// Whether it need not be made again yet.
    fn holds(&self, known: Known) -> bool {
        self.at.elapsed() < if self.known.is_outdated(known) { MONTH_SOON } else { MONTH_EVERY }
    }
}

/// See the module.
pub struct OptimizerActor {
    clock: Clock,
    store: StoreReader,
    current: watch::Sender<Arc<Vec<view::Recommendation>>>,
    every: Option<Duration>,
    outputs: OptimizerOutputs,
    tracker: RecommendationTracker,
    by_month: Option<Month>,
    assessing: bool,
    /// What is known of the runs of workflows.
    runs: Runs,
    /// What is known of the pages of sessions.
    pages: Pages,
    /// Series of dates and capacities that were written last.
    written: FxHashSet<Labels>,
    /// What is being done for recommendations.
    under_way: Vec<(String, Due)>,
}

impl OptimizerActor {
    /// An optimizer that assesses `every` so often; with none it keeps what there is and gives no new advice.
    #[must_use]
    pub fn new(
        clock: Clock,
        store: StoreReader,
        current: watch::Sender<Arc<Vec<view::Recommendation>>>,
        every: Option<Duration>,
        outputs: OptimizerOutputs,
    ) -> Self {
        Self {
            clock,
            store,
            current,
            every,
            outputs,
            tracker: RecommendationTracker::default(),
            by_month: None,
            assessing: false,
            runs: Runs::default(),
            pages: Pages::default(),
            written: FxHashSet::default(),
            under_way: Vec::new(),
        }
    }

    fn assess(&mut self, ctx: &mut Ctx<Self>) {
        if self.assessing {
            return;
        }
        self.assessing = true;
        let (store, mut money) = (self.store.clone(), Money::clone(&self.outputs.money));
        let (agents, work) = (self.outputs.agents.clone(), Arc::clone(&self.outputs.work.borrow()));
        let now = self.clock.now_ms();
        let known = Known::new(&store, &self.runs);
        let mut by_month = self.by_month.take().filter(|month| month.holds(known));
        let undone = if by_month.is_none() { self.tracker.undone() } else { Vec::new() };
        let (mut runs, mut pages) = (std::mem::take(&mut self.runs), std::mem::take(&mut self.pages));
        let given = self.tracker.standing();
        let mut assess = move |runs: &mut Runs, pages: &mut Pages| -> Result<_, StoreError> {
            if let Some(since) = money.spending_since(now) {
                let read = pages.between(&store, since, now)?;
                // Hooks wait for the sessions.
                let sessions = agents.read(|book| book.sessions_since(since));
                money.spending = Arc::new(AgentSpending::new((since, now + 1), read, &sessions, &work));
            }
            let by_month = match by_month.take() {
                Some(month) => month,
                None => {
                    let found = advice::assess_again(&store, &money, runs, &given, Horizon::Month, now)?;
                    Month { at: Instant::now(), known: Known::new(&store, runs), found }
                }
            };
            Ok((
                advice::assess_again(&store, &money, runs, &given, Horizon::Day, now)?,
                by_month,
                life::seem_applied(&store, &undone, now)?,
            ))
        };
        let assess = move || (assess(&mut runs, &mut pages), (runs, pages));
        ctx.run_blocking("assess", assess, move |this, found, ctx| {
            this.assessing = false;
            let found = found.map(|(found, (runs, pages))| {
                (this.runs, this.pages) = (runs, pages);
                found
            });
            match found {
                Ok(Ok((Assessment { findings: mut found, undated, in_use, budgets, .. }, by_month, seen))) => {
                    this.outputs.undated.send_replace(Arc::new(undated.iter().map(Into::into).collect()));
                    let capacity = advice::capacity(&in_use, &found, &by_month.found.forecasts, now);
                    this.outputs.capacity.send_replace(Arc::new(capacity.iter().map(Into::into).collect()));
                    this.publish_budgets(&budgets);
                    let series = [advice::times_to_full(&found), advice::capacity_series(&capacity), budget::gauges(&budgets)];
                    this.write_series(series.concat(), now);
                    found.extend(by_month.found.findings.iter().cloned());
                    this.by_month = Some(by_month);
                    let mut changed = this.tracker.update(found, now);
                    changed.extend(this.tracker.seem_applied(seen, now));
                    this.keep(changed);
                    this.follow_up(ctx);
                }
                Ok(Err(error)) => log::error!("optimizer: history cannot be read: {error}"),
                Err(error) => log::error!("optimizer: {error}"),
            }
        });
    }

    /// Rules compare these figures with a limit, and autoscalers read them. What is no longer known ends its series.
    fn write_series(&mut self, known: Vec<(Labels, f64)>, now: TimestampMs) {
        let mut batch = Batch::default();
        let written: FxHashSet<Labels> = known.iter().map(|(series, _)| series.clone()).collect();
        for series in self.written.difference(&written) {
            batch.push(series.clone(), now, f64::from_bits(STALE_NAN_BITS));
        }
        known.into_iter().for_each(|(series, value)| batch.push(series, now, value));
        self.written = written;
        if !batch.is_empty() && self.outputs.append.try_send(Append(Arc::new(batch))).is_err() {
            log::error!(
                "optimizer: the store is too busy for the times at which disks and memory will be full, for capacities and budgets"
            );
        }
    }

    /// Keeps and publishes what changed, and puts on the time line what stands elsewhere now.
    fn keep(&mut self, changed: Vec<Recommendation>) {
        self.keep_quietly(&changed);
        self.tell(&changed);
    }

    /// Keeps and publishes what changed and is no news.
    fn keep_quietly(&mut self, changed: &[Recommendation]) {
        let forgotten = self.tracker.take_forgotten();
        if changed.is_empty() && forgotten.is_empty() {
            return;
        }
        let mut changes = documents(changed);
        changes.extend(forgotten.into_iter().map(|id| (id, None)));
        if self.outputs.documents.try_send(ChangeDocuments { kind: KIND, changes }).is_err() {
            log::error!("optimizer: the store is too busy for recommendations");
        }
        self.publish(changed);
    }

    fn publish(&self, changed: &[Recommendation]) {
        self.publish_current();
        let _ = self.outputs.hub.try_send(Publish::Recommendations(views_of(changed)));
    }

    /// Puts on the time line what stands elsewhere now: other figures are no news.
    fn tell(&self, changed: &[Recommendation]) {
        let events: Vec<Event> = changed
            .iter()
            .filter(|r| r.updated == r.life.since)
            .map(|r| {
                let kind = format!("recommendation_{}", r.status);
                Event::new(r.updated, "advice", &kind, r.id.clone(), format!("{}: {}", r.title, r.status))
            })
            .collect();
        if !events.is_empty() {
            let _ = self.outputs.events.try_send(RecordEvents(events));
        }
    }

    fn publish_budgets(&self, states: &[BudgetState]) {
        self.outputs.budgets.send_replace(Arc::new(states.iter().map(Into::into).collect()));
    }

    /// Of budgets nothing is known before the first assessment.
    fn publish_unknown_budgets(&self) {
        let why =
            if self.every.is_some() { "not added up yet" } else { "`optimizer.enabled` is false, or the service runs with --no-advanced" };
        self.publish_budgets(&self.outputs.money.budgets.iter().map(|budget| BudgetState::unknown(budget, why)).collect::<Vec<_>>());
    }

    fn publish_current(&self) {
        self.current.send_replace(Arc::new(views_of(&self.tracker.current())));
    }
}

impl ServiceActor for OptimizerActor {
    fn started(&mut self, ctx: &mut Ctx<Self>) {
        match self.store.documents(KIND) {
            Ok(kept) => {
                let kept: BTreeMap<String, Recommendation> =
                    kept.into_iter().filter_map(|(key, bytes)| Some((key, serde_json::from_slice(&bytes).ok()?))).collect();
                self.tracker = RecommendationTracker::new(kept, self.clock.now_ms());
                self.publish_current();
            }
            Err(error) => log::error!("optimizer: kept recommendations cannot be read: {error}"),
        }
        self.publish_unknown_budgets();
        self.follow_up(ctx);
        self.follow_verdicts(self.outputs.verdicts.clone(), ctx);
        if let Some(every) = self.every {
            ctx.after(FIRST, "first assessment", |this, ctx| this.assess(ctx));
            ctx.every(every, "assessment", |this, ctx| this.assess(ctx));
        }
    }
}

fn views_of(recommendations: &[Recommendation]) -> Vec<view::Recommendation> {
    recommendations.iter().map(view::Recommendation::from).collect()
}

fn documents(changed: &[Recommendation]) -> Vec<DocumentChange> {
    changed.iter().map(|r| (r.id.clone(), serde_json::to_vec(r).ok())).collect()
}

impl Receive<Decide> for OptimizerActor {
    type Reply = ResponseFuture<Result<Result<view::Recommendation, DecideError>, AppendError>>;

    fn receive(&mut self, message: Decide, ctx: &mut Ctx<Self>) -> Self::Reply {
        let before = self.tracker.current().into_iter().find(|one| one.id == message.id);
        let decided = match self.tracker.decide(&message.id, &message.decision, self.clock.now_ms()) {
            Ok(decided) => decided,
            Err(error) => return Box::pin(ready(Ok(Err(error)))),
        };
        // The same once more changes nothing.
        if before.as_ref() != Some(&decided) {
            self.publish(std::slice::from_ref(&decided));
            self.tell(std::slice::from_ref(&decided));
        }
        self.follow_up(ctx);
        let store = self.outputs.documents.clone();
        Box::pin(async move {
            change(&store, KIND, documents(std::slice::from_ref(&decided))).await?;
            Ok(Ok(view::Recommendation::from(&decided)))
        })
    }
}

mod life;
#[cfg(test)]
mod tests;
