//! What follows a decision: the time before is read and kept, an experiment is made or removed, verdicts are taken over.
//!
//! What is due is worked out of what is kept, so a start in between continues where it was.

use std::sync::Arc;
use std::time::Duration;

use taskpulse_engine::advice::{Baseline, Due, Measure, Recommendation, SeemsApplied, Verdicts, seems_applied};
use taskpulse_engine::experiment::{Draft, Reading};
use taskpulse_engine::model::TimestampMs;
use taskpulse_engine::store::{StoreError, StoreReader};
use tokio::sync::watch;

use super::OptimizerActor;
use crate::messages::ChangeExperiment;
use crate::supervisor::{Ctx, Schedule};

/// When what failed is tried again.
const AGAIN: Duration = Duration::from_secs(60);
/// Events that are read to see what was carried out.
const MAX_EVENTS: usize = 1_000;

/// What on the time line looks as if one of these was carried out.
pub(super) fn seem_applied(
    store: &StoreReader,
    undone: &[Recommendation],
    now: TimestampMs,
) -> Result<Vec<(String, SeemsApplied)>, StoreError> {
    let Some(first) = undone.iter().map(|one| one.created).min() else { return Ok(Vec::new()) };
    let seems = |one: &Recommendation, event: &_| seems_applied(one, event);
    let events = store.events(first, now, MAX_EVENTS, |event| undone.iter().any(|one| seems(one, event).is_some()))?;
    let of = |one: &Recommendation| {
        let seen = events.iter().filter_map(|(_, event)| seems(one, event)).min_by_key(|seen| seen.at)?;
        Some((one.id.clone(), seen))
    };
    Ok(undone.iter().filter_map(of).collect())
}

impl OptimizerActor {
    /// Begins what is due and not under way.
    pub(super) fn follow_up(&mut self, ctx: &mut Ctx<Self>) {
        for (id, due) in self.tracker.due() {
            if self.under_way.contains(&(id.clone(), due.clone())) {
                continue;
            }
            self.under_way.push((id.clone(), due.clone()));
            match due {
                Due::Freeze(measure, at) => self.freeze(id, measure, at, ctx),
                Due::Follow(draft) => self.follow(id, draft, ctx),
                Due::End(experiment) => self.end(id, experiment, ctx),
            }
        }
    }

    fn freeze(&mut self, id: String, measure: Measure, at: TimestampMs, ctx: &mut Ctx<Self>) {
        let (store, limits, due) = (self.store.clone(), self.outputs.limits.clone(), Due::Freeze(measure.clone(), at));
        let read = move || Baseline::read(measure, at, &Reading { store: &store, limits: &limits });
        ctx.run_background("freeze", read, move |this, baseline, ctx| {
            let frozen = baseline.ok().map(|baseline| this.tracker.froze(&id, baseline));
            let is_known = frozen.is_some();
            this.keep_quietly(frozen.flatten().as_slice());
            this.done((id, due), is_known, ctx);
        });
    }

    fn follow(&mut self, id: String, draft: Draft, ctx: &mut Ctx<Self>) {
        let (experiments, made) = (self.outputs.experiments.clone(), draft.clone());
        ctx.wait_for("follow", async move { experiments.send(ChangeExperiment::Make(made)).await }, move |this, answer, ctx| {
            let answer = match answer {
                Ok(Ok(answer)) => Some(answer.map(|experiment| experiment.id).map_err(|error| error.to_string())),
                Ok(Err(error)) => {
                    log::error!("optimizer: an experiment could not be kept: {error}");
                    None
                }
                Err(error) => {
                    log::error!("optimizer: the experiments actor: {error}");
                    None
                }
            };
            let is_known = answer.is_some();
            let changed = answer.and_then(|made| this.tracker.follows(&id, &draft, made));
            this.keep_quietly(changed.as_slice());
            this.take_verdicts();
            this.done((id, Due::Follow(draft)), is_known, ctx);
        });
    }

    fn end(&mut self, id: String, experiment: String, ctx: &mut Ctx<Self>) {
        let (experiments, ended) = (self.outputs.experiments.clone(), experiment.clone());
        ctx.wait_for("end", async move { experiments.send(ChangeExperiment::Remove(ended)).await }, move |this, answer, ctx| {
            // One that somebody removed already is not there.
            let is_known = matches!(answer, Ok(Ok(_)));
            let changed = if is_known { this.tracker.ended(&id, &experiment) } else { None };
            this.keep_quietly(changed.as_slice());
            this.done((id, Due::End(experiment)), is_known, ctx);
        });
    }

    /// Something is not under way any more. What failed is tried again later.
    fn done(&mut self, what: (String, Due), is_known: bool, ctx: &mut Ctx<Self>) {
        let retry = move |this: &mut Self, ctx: &mut Ctx<Self>| {
            this.under_way.retain(|under_way| *under_way != what);
            this.follow_up(ctx);
        };
        if is_known {
            retry(self, ctx);
        } else {
            ctx.after(AGAIN, "try again", retry);
        }
    }

    /// Takes over what experiments say, now and whenever that changes.
    pub(super) fn follow_verdicts(&mut self, mut verdicts: watch::Receiver<Arc<Verdicts>>, ctx: &mut Ctx<Self>) {
        self.take_verdicts();
        let changed = async move { verdicts.changed().await.is_ok().then_some(verdicts) };
        ctx.wait_for("verdicts", changed, |this, verdicts, ctx| {
            if let Some(verdicts) = verdicts {
                this.follow_verdicts(verdicts, ctx);
            }
        });
    }

    fn take_verdicts(&mut self) {
        let verdicts = Arc::clone(&self.outputs.verdicts.borrow());
        let changed = self.tracker.judged(&verdicts, self.clock.now_ms());
        self.keep_quietly(&changed);
    }
}
