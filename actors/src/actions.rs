//! The actions actor: carries out the commands that the settings bind to advice, watches their guards, and undoes them.
//!
//! 1. A person asks for a run, or the settings let the service begin one: it is kept.
//! 2. The dry run; then the guard is read; then the run is kept as running, and only then its command runs.
//! 3. The guard is judged again and again until its time is over. Then the run is kept; before, whatever is out of the way undoes it.
//!
//! The engine decides ([`ActionBook`]); each state is kept before what it asks for is done. Restart, also after SIGKILL: what was under way
//! is undone, once ([`ActionBook::restarted`]). Commands run beside the actor, which answers meanwhile.

mod carry;
mod keeping;
mod news;

use std::collections::BTreeSet;
use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use actix::ResponseFuture;
use taskpulse_engine::action::{ActionBook, ActionError, Advice, Binding, By, Mode, Next, Run, Step, guard};
use taskpulse_engine::advice;
use taskpulse_engine::event::Event;
use taskpulse_engine::rules::EvaluationLimits;
use taskpulse_engine::store::StoreReader;
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

use self::carry::Order;
use self::keeping::Answer;
use self::news::Before;
use crate::clock::Clock;
use crate::messages::{AppendError, ChangeAction, ChangeDocuments, Decide, RecordEvents};
use crate::published::Views;
use crate::redact;
use crate::supervisor::{Ctx, Mailbox, Receive, Schedule, ServiceActor};
use crate::view::{self, RecommendationStatus};

/// Documents of runs.
pub const KIND: &str = "actions";
/// How often it is seen whether something is to be done.
const EVERY: Duration = Duration::from_secs(1);
/// A guard is judged so often in its time, but no more often than each [`EVERY`] and no less often than each [`RAREST`].
const JUDGMENTS: u32 = 40;
const RAREST: Duration = Duration::from_secs(15);

/// The commands of a binding: programs with their arguments. No shell reads them.
#[derive(Debug, Clone)]
pub struct Commands {
    /// Says whether the command could run, and changes nothing.
    pub dry_run: Vec<String>,
    /// Carries the advice out.
    pub command: Vec<String>,
    /// Takes that back.
    pub undo: Vec<String>,
    /// The longest time of each of them.
    pub timeout: Duration,
    /// Variables of the service that they get although they are its own.
    pub pass_environment: Vec<String>,
}

/// What the settings say.
#[derive(Debug, Clone)]
pub struct ActionOptions {
    /// Why nothing runs.
    pub off: Option<&'static str>,
    /// Shortest time between two runs of any binding.
    pub cooldown: Duration,
    /// What is bound.
    pub bindings: Vec<(Binding, Commands)>,
}

/// Where the actor sends its results.
#[derive(Clone)]
pub struct ActionOutputs {
    /// Keeps runs.
    pub documents: Mailbox<ChangeDocuments>,
    /// Keeps the time line.
    pub events: Mailbox<RecordEvents>,
    /// Marks recommendations as applied, and takes that back.
    pub decide: Mailbox<Decide>,
}

/// The run whose guard is watched.
struct Watched {
    id: String,
    since: Instant,
    judged: Instant,
}

/// See the module.
pub struct ActionsActor {
    clock: Clock,
    store: StoreReader,
    current: watch::Sender<Arc<view::Actions>>,
    views: Views,
    limits: EvaluationLimits,
    options: ActionOptions,
    outputs: ActionOutputs,
    book: ActionBook,
    /// A step is under way, or the guard is read.
    busy: bool,
    /// Goes up with each change of the active run: what was begun for an earlier one is not followed.
    turn: u64,
    watched: Option<Watched>,
    /// What the time line will say once it is kept.
    news: Vec<Event>,
    /// Runs whose last state could not be kept yet.
    unkept: BTreeSet<String>,
}

impl ActionsActor {
    /// An actor that publishes to `current` and finds recommendations in `views`. Each guard is worked out within `limits`.
    #[must_use]
    pub fn new(
        clock: Clock,
        store: StoreReader,
        (current, views): (watch::Sender<Arc<view::Actions>>, Views),
        limits: EvaluationLimits,
        options: ActionOptions,
        outputs: ActionOutputs,
    ) -> Self {
        let book = ActionBook::default();
        Self {
            clock,
            store,
            current,
            views,
            limits,
            options,
            outputs,
            book,
            busy: false,
            turn: 0,
            watched: None,
            news: Vec::new(),
            unkept: BTreeSet::new(),
        }
    }

    fn commands(&self, advisor: &str) -> Option<&Commands> {
        self.options.bindings.iter().find(|(binding, _)| binding.advisor == advisor).map(|(_, commands)| commands)
    }

    fn publish(&self) {
        let now = self.clock.now_ms();
        let binding = |binding: &Binding| {
            let commands = self.commands(&binding.advisor)?;
            let (mode, after) = match binding.mode {
                Mode::Ask => (view::ActionMode::Ask, None),
                Mode::Auto { after_ms } => (view::ActionMode::Auto, Some(view::seconds(after_ms))),
            };
            Some(view::ActionBinding {
                advisor: binding.advisor.clone(),
                mode,
                after,
                dry_run: redact::command(&commands.dry_run),
                command: redact::command(&commands.command),
                undo: redact::command(&commands.undo),
                timeout: commands.timeout.as_secs_f64(),
                guard: (&binding.guard).into(),
                cooldown: view::seconds(binding.cooldown_ms),
                ready_at: self.book.ready_at(binding, now).map(view::seconds),
                waits_for: self.book.waits_for(&binding.advisor).map(|run| run.id.clone()),
            })
        };
        self.current.send_replace(Arc::new(view::Actions {
            off: self.book.why_off().map(str::to_owned),
            bindings: self.book.bindings().filter_map(binding).collect(),
            runs: self.book.runs().into_iter().map(|run| view::ActionRun::new(run, self.book.needs_person(run))).collect(),
        }));
    }

    /// Keeps how the active run stands, then does what that asks for.
    fn advance(&mut self, id: String, answer: Answer, ctx: &mut Ctx<Self>) {
        self.busy = true;
        self.turn += 1;
        self.watched = None;
        let turn = self.turn;
        self.keep(id, answer, ctx, move |this, ctx| {
            if this.turn == turn {
                this.go_on(ctx);
            }
        });
    }

    /// Does what the active run needs next.
    fn go_on(&mut self, ctx: &mut Ctx<Self>) {
        self.busy = false;
        self.publish();
        let Some(run) = self.book.active().cloned() else { return };
        match self.book.next() {
            Next::Nothing => {}
            Next::DryRun => self.carry_out(&run, Step::DryRun, ctx),
            Next::Measure => self.read_guard(&run, None, ctx, |this, id, value, _| {
                let now = this.clock.now_ms();
                this.change(id, |book| {
                    book.measured(id, value, now);
                });
                true
            }),
            Next::Run => self.carry_out(&run, Step::Run, ctx),
            Next::Watch => self.watched = Some(Watched { id: run.id, since: Instant::now(), judged: Instant::now() }),
            Next::Undo => self.carry_out(&run, Step::Undo, ctx),
        }
    }

    fn carry_out(&mut self, run: &Run, step: Step, ctx: &mut Ctx<Self>) {
        let Some(commands) = self.commands(&run.advisor) else { return };
        let order = Order::new(commands, run, step, self.clock.now_ms());
        self.busy = true;
        let (id, clock) = (run.id.clone(), self.clock.clone());
        ctx.wait_for(step.name(), order.carry_out(move || clock.now_ms()), move |this, report, ctx| {
            let now = this.clock.now_ms();
            this.change(&id, |book| {
                book.ended(&id, report, now);
            });
            this.advance(id, None, ctx);
        });
    }

    /// Reads the guard of a run, of samples that are no older than `lookback` where that is given. `then` says whether the run is to be
    /// kept.
    fn read_guard(
        &mut self,
        run: &Run,
        lookback: Option<i64>,
        ctx: &mut Ctx<Self>,
        then: impl FnOnce(&mut Self, &str, Result<f64, String>, &mut Ctx<Self>) -> bool + 'static,
    ) {
        let Some(binding) = self.book.bindings().find(|binding| binding.advisor == run.advisor) else { return };
        self.busy = true;
        let (query, store, mut limits) = (binding.guard.query.clone(), self.store.clone(), self.limits.clone());
        limits.lookback = lookback.unwrap_or(limits.lookback).min(limits.lookback);
        let (id, now, turn) = (run.id.clone(), self.clock.now_ms(), self.turn);
        ctx.run_background(
            "guard",
            move || guard::read(&query, &store, &limits, now),
            move |this, value, ctx| {
                // A person may have had it undone meanwhile.
                if this.turn != turn {
                    return;
                }
                this.busy = false;
                let value = value.unwrap_or_else(|error| Err(error.to_string()));
                if then(this, &id, value, ctx) {
                    this.advance(id, None, ctx);
                } else {
                    this.publish();
                }
            },
        );
    }

    /// Judges the guard that is watched, where it is time. The last time counts samples alone that came after the command: an old one
    /// would say nothing of it.
    fn judge(&mut self, ctx: &mut Ctx<Self>) {
        let Some(watched) = self.watched.as_mut() else { return };
        let Some(run) = self.book.get(&watched.id).cloned() else { return };
        let Some(binding) = self.book.bindings().find(|binding| binding.advisor == run.advisor) else { return };
        let length = Duration::from_millis(binding.guard.watch_ms.unsigned_abs());
        let is_over = watched.since.elapsed() >= length;
        if !is_over && watched.judged.elapsed() < (length / JUDGMENTS).clamp(EVERY / 2, RAREST) {
            return;
        }
        watched.judged = Instant::now();
        let lookback = is_over.then(|| i64::try_from(watched.since.elapsed().as_millis()).unwrap_or(i64::MAX));
        self.read_guard(&run, lookback, ctx, move |this, id, value, _| {
            let (value, now) =
                (value.map_err(|why| if is_over { format!("{why} since the command ran") } else { why }), this.clock.now_ms());
            this.change(id, |book| {
                book.judged(id, value, is_over, now);
            });
            this.book.next() != Next::Watch
        });
    }

    /// Begins what runs by itself, once it is time.
    fn begin_due(&mut self, ctx: &mut Ctx<Self>) {
        let now = self.clock.now_ms();
        let recommendations = self.views.recommendations();
        let open = recommendations.iter().filter(|one| one.status == RecommendationStatus::Open);
        let of = open.filter_map(|one| Some((advice::advisor_of(&one.id)?, advice_of(one))));
        let Some((advisor, advice)) = self.book.due(of, now) else { return };
        if let Ok(run) = self.book.plan(advisor, advice, By::Service, now).cloned() {
            self.record(Before::NOTHING.news(&run, now));
            self.advance(run.id, None, ctx);
        }
    }

    fn tick(&mut self, ctx: &mut Ctx<Self>) {
        if self.busy || self.book.why_off().is_some() {
            return;
        }
        if self.watched.is_some() {
            self.judge(ctx);
        } else if self.book.active().is_none() {
            self.begin_due(ctx);
        }
        self.keep_again(ctx);
    }

    /// What a message asks of the book; gives the id of the run that changed.
    fn changed(&mut self, message: ChangeAction) -> Result<String, ActionError> {
        let now = self.clock.now_ms();
        match message {
            ChangeAction::Run(id) => {
                let recommendations = self.views.recommendations();
                let Some(found) = recommendations.iter().find(|one| one.id == id) else { return Err(ActionError::NoRecommendation(id)) };
                if !found.status.is_open() {
                    return Err(ActionError::NotOpen(id));
                }
                let Some(advisor) = advice::advisor_of(&id) else { return Err(ActionError::NotBound(id)) };
                let run = self.book.plan(advisor, advice_of(found), By::Person, now)?.clone();
                self.record(Before::NOTHING.news(&run, now));
                Ok(run.id)
            }
            ChangeAction::Undo(id) => {
                let mut outcome = Ok(());
                self.change(&id, |book| outcome = book.undo(&id, now).map(|_| ()));
                outcome.and_then(|()| self.book.get(&id).map(|_| id.clone()).ok_or(ActionError::NoRun(id)))
            }
            ChangeAction::Resolve(id) => {
                let mut outcome = Ok(());
                self.change(&id, |book| outcome = book.resolve(&id, now).map(|_| ()));
                outcome.map(|()| id)
            }
        }
    }
}

fn advice_of(one: &view::Recommendation) -> Advice {
    let severity = serde_json::to_value(one.severity).ok();
    Advice {
        id: one.id.clone(),
        kind: one.kind.clone(),
        title: one.title.clone(),
        why: one.why.clone(),
        action: one.action.clone(),
        severity: severity.as_ref().and_then(serde_json::Value::as_str).unwrap_or_default().to_owned(),
        query: one.query.clone(),
        created: (one.created * 1e3).round() as i64,
    }
}

impl ServiceActor for ActionsActor {
    fn started(&mut self, ctx: &mut Ctx<Self>) {
        let kept = self.store.documents(KIND).unwrap_or_else(|error| {
            log::error!("actions: kept runs cannot be read, so nothing runs: {error}");
            self.options.off = Some("the runs that were kept cannot be read");
            Vec::new()
        });
        let bindings = self.options.bindings.iter().map(|(binding, _)| binding.clone()).collect();
        let cooldown = i64::try_from(self.options.cooldown.as_millis()).unwrap_or(i64::MAX);
        self.book = ActionBook::new(bindings, cooldown, self.options.off, &kept);
        self.go_on_after_restart(ctx);
        self.publish();
        ctx.every(EVERY, "look for work", Self::tick);
    }
}

impl Receive<ChangeAction> for ActionsActor {
    type Reply = ResponseFuture<Result<Result<view::ActionRun, ActionError>, AppendError>>;

    fn receive(&mut self, message: ChangeAction, ctx: &mut Ctx<Self>) -> Self::Reply {
        let only_kept = matches!(message, ChangeAction::Resolve(_));
        let changed = self.changed(message).and_then(|id| self.book.get(&id).cloned().ok_or(ActionError::NoRun(id)));
        let run = match changed {
            Ok(run) => run,
            Err(error) => return Box::pin(ready(Ok(Err(error)))),
        };
        let (kept, is_kept) = oneshot::channel();
        let shown = view::ActionRun::new(&run, self.book.needs_person(&run));
        if only_kept {
            self.keep(run.id, Some(kept), ctx, |_, _| {});
        } else {
            self.advance(run.id, Some(kept), ctx);
        }
        Box::pin(async move {
            is_kept.await.map_err(|_| AppendError::Restarted)??;
            Ok(Ok(shown))
        })
    }
}
