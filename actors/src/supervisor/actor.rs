//! How an actor of this service is written: a plain struct with [`ServiceActor`], and [`Receive`] for each message.
//!
//! What actix runs is the wrapper [`Instrumented`]. It counts, times and names each message; [`Schedule`] does the same for
//! timers and for work off the thread. After a panic the wrapper replaces the actor by a new one from its factory, so no
//! actor clears its fields by hand.

use std::any::type_name;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use actix::dev::{MessageResponse, OneshotSender};
use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, Message, ResponseActFuture, ResponseFuture, SpawnHandle, fut};
use tokio::task::{JoinError, spawn_blocking};

use super::{ActorStats, BusyGuard};

/// The context of an actor.
pub type Ctx<A> = Context<Instrumented<A>>;

/// An actor. Only this module makes actix' own traits for it.
pub trait ServiceActor: Sized + Unpin + 'static {
    /// Runs after each start: the first one and each restart.
    fn started(&mut self, ctx: &mut Ctx<Self>) {
        let _ = ctx;
    }

    /// Takes over what must survive a panic from the actor that panicked. Everything else is as the factory made it.
    fn inherit(&mut self, previous: Self) {
        drop(previous);
    }
}

/// An actor that takes messages of type `M`.
pub trait Receive<M: Message>: ServiceActor {
    /// The answer: the message's result, or a future of it.
    type Reply: MessageResponse<Instrumented<Self>, M> + Busy;

    /// Handles one message.
    fn receive(&mut self, message: M, ctx: &mut Ctx<Self>) -> Self::Reply;
}

/// An answer that may take a while: the actor counts as busy until it is there.
pub trait Busy {
    /// Keeps the guard until the answer is there.
    #[must_use]
    fn until_done(self, guard: BusyGuard) -> Self;
}

impl Busy for () {
    fn until_done(self, _: BusyGuard) {}
}

impl<T, E> Busy for Result<T, E> {
    fn until_done(self, _: BusyGuard) -> Self {
        self
    }
}

impl<T: 'static> Busy for ResponseFuture<T> {
    fn until_done(self, guard: BusyGuard) -> Self {
        Box::pin(async move {
            let _guard = guard;
            self.await
        })
    }
}

/// An answer that may rightly take long, such as a copy of all data: the actor does not count as busy until it is there.
pub struct InBackground<T>(pub ResponseFuture<T>);

impl<A: Actor, M: Message<Result = T>, T: 'static> MessageResponse<A, M> for InBackground<T> {
    fn handle(self, ctx: &mut A::Context, answer: Option<OneshotSender<T>>) {
        MessageResponse::<A, M>::handle(self.0, ctx, answer);
    }
}

impl<T> Busy for InBackground<T> {
    fn until_done(self, _: BusyGuard) -> Self {
        self
    }
}

impl<A: Actor, T: 'static> Busy for ResponseActFuture<A, T> {
    fn until_done(self, guard: BusyGuard) -> Self {
        Box::pin(self.map(move |answer, _, _| {
            drop(guard);
            answer
        }))
    }
}

/// What actix runs: an actor with its statistics and its factory.
pub struct Instrumented<A> {
    actor: A,
    stats: Arc<ActorStats>,
    make: Box<dyn Fn() -> A>,
}

impl<A: ServiceActor> Instrumented<A> {
    pub(super) fn new(stats: Arc<ActorStats>, make: impl Fn() -> A + 'static) -> Self {
        Self { actor: make(), stats, make: Box::new(make) }
    }
}

impl<A: ServiceActor> Actor for Instrumented<A> {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.actor.started(ctx);
        self.stats.has_begun();
    }
}

impl<A: ServiceActor> actix::Supervised for Instrumented<A> {
    fn restarting(&mut self, _: &mut Self::Context) {
        let previous = std::mem::replace(&mut self.actor, (self.make)());
        self.actor.inherit(previous);
    }
}

impl<A, M> Handler<M> for Instrumented<A>
where
    A: Receive<M>,
    M: Message + 'static,
{
    type Result = A::Reply;

    fn handle(&mut self, message: M, ctx: &mut Self::Context) -> Self::Result {
        let guard = self.stats.handling(short_name::<M>());
        self.actor.receive(message, ctx).until_done(guard)
    }
}

fn short_name<M>() -> &'static str {
    type_name::<M>().rsplit("::").next().unwrap_or("a message")
}

/// Timers and work off the thread. Each has a name, under which it is counted, timed and blamed for a panic.
pub trait Schedule<A: ServiceActor> {
    /// Runs `step` again and again, first after one period.
    fn every(&mut self, period: Duration, name: &'static str, step: impl FnMut(&mut A, &mut Ctx<A>) + 'static) -> SpawnHandle;

    /// Runs `step` once.
    fn after(&mut self, wait: Duration, name: &'static str, step: impl FnOnce(&mut A, &mut Ctx<A>) + 'static) -> SpawnHandle;

    /// Awaits `work` beside everything else that the actor does, then runs `done`. The actor counts as busy until then.
    fn run<T: 'static>(
        &mut self,
        name: &'static str,
        work: impl Future<Output = T> + 'static,
        done: impl FnOnce(&mut A, T, &mut Ctx<A>) + 'static,
    );

    /// Awaits `work` like [`Schedule::run`], but the actor does not count as busy: for what may rightly take long.
    fn wait_for<T: 'static>(
        &mut self,
        name: &'static str,
        work: impl Future<Output = T> + 'static,
        done: impl FnOnce(&mut A, T, &mut Ctx<A>) + 'static,
    );

    /// Runs `work`, which may block, on the pool, then `done`. The actor counts as busy. An error means that `work` panicked.
    fn run_blocking<T: Send + 'static>(
        &mut self,
        name: &'static str,
        work: impl FnOnce() -> T + Send + 'static,
        done: impl FnOnce(&mut A, Result<T, JoinError>, &mut Ctx<A>) + 'static,
    ) {
        self.run(name, spawn_blocking(work), done);
    }

    /// Runs `work` on the pool like [`Schedule::run_blocking`], but the actor does not count as busy.
    fn run_background<T: Send + 'static>(
        &mut self,
        name: &'static str,
        work: impl FnOnce() -> T + Send + 'static,
        done: impl FnOnce(&mut A, Result<T, JoinError>, &mut Ctx<A>) + 'static,
    ) {
        self.wait_for(name, spawn_blocking(work), done);
    }
}

impl<A: ServiceActor> Schedule<A> for Ctx<A> {
    fn every(&mut self, period: Duration, name: &'static str, mut step: impl FnMut(&mut A, &mut Ctx<A>) + 'static) -> SpawnHandle {
        self.run_interval(period, move |this, ctx| {
            let _guard = this.stats.busy(name);
            step(&mut this.actor, ctx);
        })
    }

    fn after(&mut self, wait: Duration, name: &'static str, step: impl FnOnce(&mut A, &mut Ctx<A>) + 'static) -> SpawnHandle {
        self.run_later(wait, move |this, ctx| {
            let _guard = this.stats.busy(name);
            step(&mut this.actor, ctx);
        })
    }

    fn run<T: 'static>(
        &mut self,
        name: &'static str,
        work: impl Future<Output = T> + 'static,
        done: impl FnOnce(&mut A, T, &mut Ctx<A>) + 'static,
    ) {
        let begin = fut::ready(()).then(move |(), this: &mut Instrumented<A>, _: &mut Ctx<A>| {
            let guard = this.stats.busy(name);
            fut::wrap_future::<_, Instrumented<A>>(work).map(move |result, this, ctx| {
                let _guard = guard;
                done(&mut this.actor, result, ctx);
            })
        });
        self.spawn(begin);
    }
    fn wait_for<T: 'static>(
        &mut self,
        name: &'static str,
        work: impl Future<Output = T> + 'static,
        done: impl FnOnce(&mut A, T, &mut Ctx<A>) + 'static,
    ) {
        let waiting = fut::wrap_future::<_, Instrumented<A>>(work).map(move |result, this, ctx: &mut Ctx<A>| {
            let _guard = this.stats.busy(name);
            done(&mut this.actor, result, ctx);
        });
        self.spawn(waiting);
    }
}

#[cfg(test)]
mod tests;
