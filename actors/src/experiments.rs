//! The experiments actor: keeps experiments, judges them again each hour, and publishes them.
//!
//! 1. Somebody makes one: it is kept, then judged at once.
//! 2. Each hour all that are not final are judged by what the store has; what changed is kept.
//! 3. A state that changed is put on the time line.
//!
//! History is read off the actor's thread, one experiment after the other. Restart: experiments are restored from the store.

use std::sync::Arc;
use std::time::Duration;

use actix::ResponseFuture;
use taskpulse_engine::advice::{Verdict, Verdicts};
use taskpulse_engine::event::Event;
use taskpulse_engine::experiment::{Beside, Book, Experiment, ExperimentError, Reading, State, beside, judged};
use taskpulse_engine::model::TimestampMs;
use taskpulse_engine::rules::EvaluationLimits;
use taskpulse_engine::store::{DocumentChange, StoreError, StoreReader};
use taskpulse_engine::words;
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;

use crate::clock::Clock;
use crate::messages::{AppendError, ChangeDocuments, ChangeExperiment, RecordEvents};
use crate::optimizer;
use crate::store::change;
use crate::supervisor::{Ctx, Mailbox, Receive, Schedule, ServiceActor};
use crate::view;

/// Documents of experiments.
pub const KIND: &str = "experiments";
/// When experiments are judged first after a start: the service has more urgent work then.
const FIRST: Duration = Duration::from_secs(30);
/// How often they are judged again.
const EVERY: Duration = Duration::from_secs(3_600);
/// How long a change waits for its judgment; it is made all the same.
const PATIENCE: Duration = Duration::from_secs(10);
/// Changes that may wait for a judgment; one that comes when so many do is answered without it.
const MAX_WAITING: usize = 64;

/// Where the actor sends its results.
#[derive(Clone)]
pub struct ExperimentOutputs {
    /// Keeps experiments.
    pub documents: Mailbox<ChangeDocuments>,
    /// Keeps the time line.
    pub events: Mailbox<RecordEvents>,
    /// What is said of advice that was applied.
    pub verdicts: watch::Sender<Arc<Verdicts>>,
}

/// What is answered to a change.
type Answer = Result<Result<view::Experiment, ExperimentError>, AppendError>;

/// See the module.
pub struct ExperimentsActor {
    clock: Clock,
    store: StoreReader,
    current: watch::Sender<Arc<Vec<view::Experiment>>>,
    limits: EvaluationLimits,
    outputs: ExperimentOutputs,
    book: Book,
    /// Judgments are being worked out.
    judging: bool,
    /// They are to be worked out once more then: all, or those that somebody waits for.
    again: Option<bool>,
    /// Experiments that are new or restored, and who waits for their judgments.
    waiting: Vec<(String, oneshot::Sender<view::Experiment>)>,
}

impl ExperimentsActor {
    /// An actor that publishes to `current`. Each query is worked out within `limits`.
    #[must_use]
    pub fn new(
        clock: Clock,
        store: StoreReader,
        current: watch::Sender<Arc<Vec<view::Experiment>>>,
        limits: EvaluationLimits,
        outputs: ExperimentOutputs,
    ) -> Self {
        Self { clock, store, current, limits, outputs, book: Book::default(), judging: false, again: None, waiting: Vec::new() }
    }

    /// Judges all that are not final, or those that somebody waits for.
    fn judge(&mut self, all: bool, ctx: &mut Ctx<Self>) {
        if self.judging {
            self.again = Some(all || self.again == Some(true));
            return;
        }
        self.judging = true;
        let waiting = std::mem::take(&mut self.waiting);
        let wanted = |experiment: &Experiment| all || waiting.iter().any(|(id, _)| *id == experiment.id);
        let open: Vec<Experiment> = self.book.open().into_iter().filter(wanted).collect();
        let current: Vec<Experiment> = self.book.current().into_iter().cloned().collect();
        let (store, limits, now) = (self.store.clone(), self.limits.clone(), self.clock.now_ms());
        let work = move || -> Result<(Vec<Experiment>, Beside), StoreError> {
            let reading = Reading { store: &store, limits: &limits };
            let judged = open.into_iter().map(|experiment| judged(experiment, &reading, now)).collect();
            Ok((judged, beside(&current, optimizer::KIND, &reading, now)?))
        };
        ctx.run_background("judge", work, move |this, found, ctx| {
            this.judging = false;
            match found {
                Ok(Ok((judged, beside))) => this.conclude(judged, &beside, now),
                Ok(Err(error)) => log::error!("experiments: history cannot be read: {error}"),
                Err(error) => log::error!("experiments: {error}"),
            }
            for (id, judged) in waiting {
                if let Some(experiment) = this.book.get(&id) {
                    let _ = judged.send(view::Experiment::from(experiment));
                }
            }
            if let Some(all) = this.again.take() {
                this.judge(all, ctx);
            }
        });
    }

    fn conclude(&mut self, judged: Vec<Experiment>, beside: &Beside, now: TimestampMs) {
        let concluded = self.book.conclude(judged, beside, now);
        let mut changes: Vec<DocumentChange> = concluded.iter().map(|(experiment, _)| experiment.document()).collect();
        changes.extend(self.book.forget_removed(now).into_iter().map(|id| (id, None)));
        if !changes.is_empty() && self.outputs.documents.try_send(ChangeDocuments { kind: KIND, changes }).is_err() {
            log::error!("experiments: the store is too busy to keep judgments; they are worked out again within an hour");
        }
        let news: Vec<Event> =
            concluded.iter().filter(|(_, is_new)| *is_new).filter_map(|(experiment, _)| event(experiment, now)).collect();
        if !news.is_empty() && self.outputs.events.try_send(RecordEvents(news)).is_err() {
            log::error!("experiments: the store is too busy for the time line");
        }
        self.publish();
    }

    fn publish(&self) {
        let current = self.book.current();
        let advised = current.iter().filter(|experiment| experiment.recommendation.is_some());
        let verdicts: Verdicts = advised.map(|experiment| (experiment.id.clone(), Verdict::of(experiment))).collect();
        self.outputs.verdicts.send_if_modified(|known| {
            let is_new = **known != verdicts;
            if is_new {
                *known = Arc::new(verdicts);
            }
            is_new
        });
        self.current.send_replace(Arc::new(current.into_iter().map(view::Experiment::from).collect()));
    }

    /// Makes a change, and keeps it. What cannot be kept is not changed.
    fn keep(
        &mut self,
        changed: Experiment,
        before: Option<Experiment>,
        kept: oneshot::Sender<Result<(), AppendError>>,
        ctx: &mut Ctx<Self>,
    ) {
        let (documents, changes) = (self.outputs.documents.clone(), vec![changed.document()]);
        ctx.run("keep", async move { change(&documents, KIND, changes).await }, move |this, outcome, ctx| {
            if outcome.is_err() {
                this.book.put_back(&changed.id, before);
                this.waiting.retain(|(id, _)| *id != changed.id);
            }
            this.publish();
            this.judge(false, ctx);
            let _ = kept.send(outcome);
        });
    }
}

/// What the time line says of a state that is new. That there is nothing to say yet is no news.
fn event(experiment: &Experiment, now: TimestampMs) -> Option<Event> {
    let judgment = &experiment.judgment;
    if judgment.state == State::TooEarly || (judgment.state == State::Unknown && judgment.judged_from.is_none_or(|from| now < from)) {
        return None;
    }
    let title = words::did_it_help(&experiment.title, judgment);
    let kind = format!("experiment_{}", judgment.state.name());
    let data = serde_json::json!({"expr": experiment.expr, "at": view::seconds(experiment.at), "state": judgment.state.name()});
    Some(Event::new(now, "advice", &kind, experiment.id.clone(), title).with_data(data))
}

impl ServiceActor for ExperimentsActor {
    fn started(&mut self, ctx: &mut Ctx<Self>) {
        match self.store.documents(KIND) {
            Ok(kept) => {
                self.book = Book::new(&kept);
                self.publish();
            }
            Err(error) => log::error!("experiments: kept ones cannot be read: {error}"),
        }
        ctx.after(FIRST, "first judgment", |this, ctx| this.judge(true, ctx));
        ctx.every(EVERY, "judgment", |this, ctx| this.judge(true, ctx));
    }
}

impl Receive<ChangeExperiment> for ExperimentsActor {
    type Reply = ResponseFuture<Answer>;

    fn receive(&mut self, message: ChangeExperiment, ctx: &mut Ctx<Self>) -> Self::Reply {
        let now = self.clock.now_ms();
        let known = message.id();
        let before = self.book.entry(&known);
        let changed = match message {
            ChangeExperiment::Make(draft) => self.book.add(draft, now),
            ChangeExperiment::Remove(id) => self.book.remove(&id, now).cloned(),
            ChangeExperiment::Restore(id) => self.book.restore(&id).cloned(),
        };
        let changed = match changed {
            Ok(changed) => changed,
            Err(error) => return Box::pin(async { Ok(Err(error)) }),
        };
        let (kept, is_kept) = oneshot::channel();
        let (judged, is_judged) = oneshot::channel();
        if changed.removed_at.is_none() && self.waiting.len() < MAX_WAITING {
            self.waiting.push((changed.id.clone(), judged));
        }
        let unjudged = view::Experiment::from(&changed);
        self.keep(changed, before, kept, ctx);
        Box::pin(async move {
            is_kept.await.map_err(|_| AppendError::Restarted)??;
            let judged = timeout(PATIENCE, is_judged).await;
            Ok(Ok(judged.ok().and_then(Result::ok).unwrap_or(unjudged)))
        })
    }
}

#[cfg(test)]
mod tests;
