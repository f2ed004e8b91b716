//! The forecasts actor: keeps the forecasts of series that were asked for, judges them once they are over, and publishes how they held.
//!
//! History is read off the actor's thread. Restart: forecasts are restored from the store; a judgment that was lost is made again.

use std::sync::Arc;
use std::time::Duration;

use taskpulse_engine::forecast::log::{Log, Made};
use taskpulse_engine::rules::EvaluationLimits;
use taskpulse_engine::store::{DocumentChange, StoreReader};
use tokio::sync::watch;

use crate::clock::Clock;
use crate::messages::{ChangeDocuments, KeepForecasts};
use crate::supervisor::{Ctx, Mailbox, Receive, Schedule, ServiceActor};
use crate::view;

/// Documents of forecasts.
pub const KIND: &str = "forecasts";
/// When forecasts are judged first after a start: the service has more urgent work then.
const FIRST: Duration = Duration::from_secs(60);
/// How often those that are over are judged.
const EVERY: Duration = Duration::from_secs(600);

/// See the module.
pub struct ForecastsActor {
    clock: Clock,
    store: StoreReader,
    current: watch::Sender<Arc<Vec<view::SeriesForecastRecord>>>,
    limits: EvaluationLimits,
    documents: Mailbox<ChangeDocuments>,
    log: Log,
    judging: bool,
}

impl ForecastsActor {
    /// An actor that publishes to `current`. Each query is worked out within `limits`.
    #[must_use]
    pub fn new(
        clock: Clock,
        store: StoreReader,
        current: watch::Sender<Arc<Vec<view::SeriesForecastRecord>>>,
        limits: EvaluationLimits,
        documents: Mailbox<ChangeDocuments>,
    ) -> Self {
        Self { clock, store, current, limits, documents, log: Log::default(), judging: false }
    }

    fn judge(&mut self, ctx: &mut Ctx<Self>) {
        let due = self.log.due(self.clock.now_ms());
        if self.judging || due.is_empty() {
            return;
        }
        self.judging = true;
        let (store, limits) = (self.store.clone(), self.limits.clone());
        let work = move || -> Vec<Made> { due.into_iter().map(|made| made.judged(&store, &limits)).collect() };
        ctx.run_background("judge", work, move |this, found, _| {
            this.judging = false;
            match found {
                Ok(judged) => {
                    let changes = this.log.conclude(judged);
                    this.keep(changes);
                }
                Err(error) => log::error!("forecasts: {error}"),
            }
        });
    }

    fn keep(&self, changes: Vec<DocumentChange>) {
        if changes.is_empty() {
            return;
        }
        if self.documents.try_send(ChangeDocuments { kind: KIND, changes }).is_err() {
            log::error!("forecasts: the store is too busy to keep them; those of the last minutes may be missing after a restart");
        }
        self.publish();
    }

    fn publish(&self) {
        self.current.send_replace(Arc::new(self.log.held().iter().map(view::SeriesForecastRecord::from).collect()));
    }
}

impl ServiceActor for ForecastsActor {
    fn started(&mut self, ctx: &mut Ctx<Self>) {
        match self.store.documents(KIND) {
            Ok(kept) => {
                self.log = Log::new(&kept);
                self.publish();
            }
            Err(error) => log::error!("forecasts: kept ones cannot be read: {error}"),
        }
        ctx.after(FIRST, "first judgment", |this, ctx| this.judge(ctx));
        ctx.every(EVERY, "judgment", |this, ctx| this.judge(ctx));
    }
}

impl Receive<KeepForecasts> for ForecastsActor {
    type Reply = ();

    fn receive(&mut self, message: KeepForecasts, _: &mut Ctx<Self>) -> Self::Reply {
        let changes = self.log.add(message.0);
        self.keep(changes);
    }
}

#[cfg(test)]
mod tests;
