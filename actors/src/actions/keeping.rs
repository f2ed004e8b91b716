//! What is kept of runs, what the time line says of them, and what a restart finds.

use taskpulse_engine::action::{ActionBook, Run, State};
use taskpulse_engine::advice::Decision;
use taskpulse_engine::event::Event;
use taskpulse_engine::store::DocumentChange;
use tokio::sync::oneshot;

use super::carry::MARK;
use super::news::Before;
use super::{ActionsActor, KIND};
use crate::collectors::program;
use crate::messages::{AppendError, Decide, RecordEvents};
use crate::store::change;
use crate::supervisor::{Ctx, Schedule};

/// Who waits until a run is kept.
pub(super) type Answer = Option<oneshot::Sender<Result<(), AppendError>>>;

impl ActionsActor {
    /// Puts events on the time line once what they tell is kept.
    pub(super) fn record(&mut self, events: Vec<Event>) {
        self.news.extend(events);
    }

    /// Publishes how runs stand and records events of it, once that is kept: what is shown must not be undone a second time after a kill.
    fn tell(&mut self) {
        self.publish();
        let news = std::mem::take(&mut self.news);
        if !news.is_empty() && self.outputs.events.try_send(RecordEvents(news)).is_err() {
            log::error!("actions: the store is too busy for the time line");
        }
    }

    /// Changes a run, and puts what happened on the time line.
    pub(super) fn change(&mut self, id: &str, change: impl FnOnce(&mut ActionBook)) {
        let before = self.book.get(id).map_or(Before::NOTHING, Before::of);
        change(&mut self.book);
        let Some(run) = self.book.get(id).cloned() else { return };
        self.record(before.news(&run, self.clock.now_ms()));
        if before.became(&run, State::Watching) {
            self.decide(&run, Decision::Applied(None));
        } else if before.became(&run, State::Undone) {
            self.decide(&run, Decision::Reopen);
        }
        if before.became(&run, State::Failed) {
            log::error!("actions: {} for {}: {}", run.advisor, run.advice.id, run.reason);
        }
    }

    pub(super) fn decide(&self, run: &Run, decision: Decision) {
        if self.outputs.decide.try_send(Decide { id: run.advice.id.clone(), decision }).is_err() {
            log::error!("actions: the optimizer is too busy to note what became of {}", run.advice.id);
        }
    }

    /// Keeps how a run stands.
    pub(super) fn keep(&mut self, id: String, answer: Answer, ctx: &mut Ctx<Self>, then: impl FnOnce(&mut Self, &mut Ctx<Self>) + 'static) {
        let mut changes: Vec<DocumentChange> = self.book.get(&id).map(Run::document).into_iter().collect();
        changes.extend(self.book.forget_oldest().into_iter().map(|id| (id, None)));
        let documents = self.outputs.documents.clone();
        ctx.run("keep", async move { change(&documents, KIND, changes).await }, move |this, kept, ctx| {
            if let Err(error) = &kept {
                log::error!("actions: the run {id} cannot be kept: {error}");
                this.unkept.insert(id.clone());
                let (why, now) = (error.to_string(), this.clock.now_ms());
                this.change(&id, |book| {
                    book.not_kept(&id, &why, now);
                });
            } else {
                this.unkept.remove(&id);
            }
            this.tell();
            if let Some(answer) = answer {
                let _ = answer.send(kept);
            }
            then(this, ctx);
        });
    }

    /// Tries again to keep what could not be kept.
    pub(super) fn keep_again(&mut self, ctx: &mut Ctx<Self>) {
        if self.busy || self.unkept.is_empty() {
            return;
        }
        let changes: Vec<DocumentChange> = self.unkept.iter().filter_map(|id| Some(self.book.get(id)?.document())).collect();
        let documents = self.outputs.documents.clone();
        let tried = std::mem::take(&mut self.unkept);
        ctx.run("keep again", async move { change(&documents, KIND, changes).await }, move |this, kept, _| {
            if kept.is_err() {
                this.unkept.extend(tried);
            }
            this.tell();
        });
    }

    /// Goes on with what a service that was killed had begun: first ends what it left running.
    pub(super) fn go_on_after_restart(&mut self, ctx: &mut Ctx<Self>) {
        let before: Vec<Run> = self.book.runs().into_iter().filter(|run| run.state.is_active()).cloned().collect();
        let now = self.clock.now_ms();
        if let (Some(why), Some(run)) = (self.book.why_off(), before.first()) {
            log::error!("actions: the run {} for {} was begun and is neither kept nor undone: {why}", run.id, run.advice.id);
        }
        let changed = self.book.restarted(now);
        for run in &changed {
            let was = before.iter().find(|one| one.id == run.id).map_or(Before::NOTHING, Before::of);
            log::warn!("actions: the run {} for {}: {}", run.id, run.advice.id, run.reason);
            self.record(was.news(run, now));
            self.unkept.insert(run.id.clone());
        }
        if changed.is_empty() {
            return;
        }
        self.busy = true;
        let ids: Vec<String> = changed.into_iter().map(|run| run.id).collect();
        let end_what_was_left = move || ids.iter().map(|id| program::kill_marked(MARK, id)).sum::<usize>();
        ctx.run_background("end what was left", end_what_was_left, |this, killed, ctx| {
            if let Ok(killed @ 1..) = killed {
                log::warn!("actions: {killed} processes of a run were still there and were ended");
            }
            match this.book.active().map(|run| run.id.clone()) {
                Some(id) => this.advance(id, None, ctx),
                None => this.busy = false,
            }
        });
    }
}
