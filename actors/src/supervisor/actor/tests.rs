//! What the wrapper and its timers promise to actors and to those who watch them, by a clock of its own.

use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::supervisor::ActorHandle;
use crate::testing::{STUCK_AFTER, Stage, on_stage};
use crate::view::ActorState;

const SECOND: Duration = Duration::from_secs(1);

/// Answers after so long with the number of messages before it.
#[derive(Message)]
#[rtype(result = "u32")]
struct Count(Duration);

/// Does work of a kind that takes so long.
#[derive(Message)]
#[rtype(result = "()")]
enum Work {
    Run(Duration),
    WaitFor(Duration),
    After(Duration),
    Every(Duration),
    Blocking,
    BrokenBlocking,
}

#[derive(Message)]
#[rtype(result = "()")]
struct Boom;

struct Worker {
    done: Arc<AtomicU32>,
    /// Handed on after a panic.
    kept: u32,
    /// Not handed on.
    lost: u32,
}

impl ServiceActor for Worker {
    fn inherit(&mut self, previous: Self) {
        self.kept = previous.kept;
    }
}

impl Receive<Count> for Worker {
    type Reply = ResponseFuture<u32>;

    fn receive(&mut self, Count(time): Count, _: &mut Ctx<Self>) -> Self::Reply {
        self.kept += 1;
        self.lost += 1;
        let answer = self.kept * 100 + self.lost;
        Box::pin(async move {
            tokio::time::sleep(time).await;
            answer
        })
    }
}

impl Receive<Work> for Worker {
    type Reply = ();

    fn receive(&mut self, work: Work, ctx: &mut Ctx<Self>) {
        let done = |this: &mut Self| {
            this.done.fetch_add(1, Ordering::Relaxed);
        };
        match work {
            Work::Run(time) => ctx.run("long work", tokio::time::sleep(time), move |this, (), _| done(this)),
            Work::WaitFor(time) => ctx.wait_for("patience", tokio::time::sleep(time), move |this, (), _| done(this)),
            Work::After(time) => drop(ctx.after(time, "alarm", move |this, _| done(this))),
            Work::Every(time) => drop(ctx.every(time, "pulse", move |this, _| done(this))),
            Work::Blocking => ctx.run_blocking("disk", || 1, move |this, found, _| found.iter().for_each(|_| done(this))),
            Work::BrokenBlocking => {
                let work = || -> u32 { panic!("the work broke, not the actor") };
                ctx.run_blocking("disk", work, move |this, found, _| found.err().iter().for_each(|_| done(this)));
            }
        }
    }
}

impl Receive<Boom> for Worker {
    type Reply = ();

    fn receive(&mut self, _: Boom, _: &mut Ctx<Self>) {
        panic!("out of cheese");
    }
}

struct Setup {
    actor: ActorHandle<Worker>,
    made: Arc<AtomicU32>,
    done: Arc<AtomicU32>,
}

fn setup(stage: &Stage) -> Setup {
    let (made, done) = (Arc::<AtomicU32>::default(), Arc::<AtomicU32>::default());
    let (own, count) = (Arc::clone(&made), Arc::clone(&done));
    let make = move || {
        own.fetch_add(1, Ordering::Relaxed);
        Worker { done: Arc::clone(&count), kept: 0, lost: 0 }
    };
    Setup { actor: stage.start("worker", make), made, done }
}

impl Setup {
    fn work(&self, work: Work) {
        self.actor.mailbox().try_send(work).unwrap();
    }

    fn done(&self) -> u32 {
        self.done.load(Ordering::Relaxed)
    }
}

fn busy(stage: &Stage) -> Option<u64> {
    stage.status("worker").busy_seconds.map(|seconds| seconds.round() as u64)
}

#[test]
fn each_message_each_timer_and_each_piece_of_work_is_counted() {
    on_stage(async |stage| {
        let s = setup(&stage);
        // The message itself, and what it begins.
        for (work, handled) in [
            (Work::Run(SECOND), 2),
            (Work::WaitFor(SECOND), 2),
            (Work::After(SECOND), 2),
            (Work::Blocking, 2),
            (Work::BrokenBlocking, 2),
            // At one and at two seconds.
            (Work::Every(SECOND), 3),
        ] {
            let before = (stage.status("worker").handled, s.done());
            s.work(work);
            stage.pass(Duration::from_millis(2_500)).await;
            assert_eq!(stage.status("worker").handled - before.0, handled);
            assert_eq!(u64::from(s.done() - before.1), handled - 1, "its result came");
        }
    });
}

#[test]
fn an_answer_that_takes_a_while_keeps_the_actor_busy_until_it_is_there() {
    on_stage(async |stage| {
        let s = setup(&stage);
        let mailbox = s.actor.mailbox();
        let answer = actix_rt::spawn(async move { mailbox.send(Count(SECOND * 30)).await });
        stage.pass(SECOND * 20).await;
        assert_eq!(busy(&stage), Some(20));
        // It takes further messages meanwhile.
        assert_eq!(s.actor.mailbox().send(Count(Duration::ZERO)).await.unwrap(), 202);
        stage.pass(SECOND * 11).await;
        assert_eq!((answer.await.unwrap().unwrap(), busy(&stage)), (101, None));
    });
}

#[test]
fn work_beside_the_messages_counts_as_busy_but_what_may_rightly_take_long_does_not() {
    on_stage(async |stage| {
        let s = setup(&stage);
        s.work(Work::WaitFor(SECOND * 100));
        s.work(Work::After(SECOND * 100));
        stage.pass(SECOND).await;
        assert_eq!(busy(&stage), None);
        s.work(Work::Run(SECOND * 20));
        stage.pass(SECOND * 10).await;
        assert_eq!(busy(&stage), Some(10));
        stage.pass(SECOND * 11).await;
        assert_eq!((busy(&stage), s.done()), (None, 1));
    });
}

#[test]
fn work_that_does_not_end_makes_the_actor_stuck_under_its_name() {
    on_stage(async |stage| {
        let s = setup(&stage);
        let mailbox = s.actor.mailbox();
        actix_rt::spawn(async move { mailbox.send(Count(STUCK_AFTER * 3)).await });
        stage.pass(STUCK_AFTER - SECOND).await;
        assert_eq!(stage.status("worker").state, ActorState::Running);
        stage.pass(SECOND * 2).await;
        let status = stage.status("worker");
        assert_eq!((status.state, status.reason.as_deref()), (ActorState::Stuck, Some("busy with Count for 61 s")));
        stage.pass(STUCK_AFTER * 2).await;
        assert_eq!(stage.status("worker").state, ActorState::Running);
        s.work(Work::Run(STUCK_AFTER * 3));
        stage.pass(STUCK_AFTER + SECOND).await;
        assert_eq!(stage.status("worker").reason.as_deref(), Some("busy with long work for 61 s"));
    });
}

#[test]
fn a_panic_is_put_down_to_the_message_in_which_it_happened() {
    on_stage(async |stage| {
        let s = setup(&stage);
        assert!(s.actor.mailbox().send(Boom).await.is_err());
        let panic = stage.status("worker").last_panic.unwrap();
        assert_eq!((panic.during.as_str(), panic.message.contains("out of cheese")), ("Boom", true));
    });
}

#[cfg(feature = "failpoints")]
#[test]
fn a_panic_is_put_down_to_the_timer_or_work_in_which_it_happened() {
    for (work, name) in [
        (Work::Run(SECOND), "long work"),
        (Work::WaitFor(SECOND), "patience"),
        (Work::After(SECOND), "alarm"),
        (Work::Every(SECOND), "pulse"),
        (Work::Blocking, "disk"),
    ] {
        on_stage(async |stage| {
            let s = setup(&stage);
            // Work off the thread is counted when it begins.
            let begins_at_once = matches!(work, Work::Run(_) | Work::Blocking);
            if begins_at_once {
                stage.break_second("worker");
                s.work(work);
            } else {
                s.work(work);
                stage.settle().await;
                stage.break_next("worker");
            }
            stage.pass(SECOND * 2).await;
            assert_eq!(stage.status("worker").last_panic.unwrap().during, name);
        });
    }
}

#[test]
fn a_restart_builds_the_actor_anew_and_keeps_only_what_it_inherits() {
    on_stage(async |stage| {
        let s = setup(&stage);
        for expected in [101, 202, 303] {
            assert_eq!(s.actor.mailbox().send(Count(Duration::ZERO)).await.unwrap(), expected);
        }
        s.work(Work::Every(SECOND));
        s.work(Work::Run(SECOND * 5));
        stage.settle().await;
        assert!(s.actor.mailbox().send(Boom).await.is_err());
        stage.pass(SECOND * 10).await;
        assert_eq!(s.actor.mailbox().send(Count(Duration::ZERO)).await.unwrap(), 401, "three before are kept, the rest is new");
        assert_eq!((s.made.load(Ordering::Relaxed), s.done()), (2, 0), "timers and work under way end with the old one");
        assert_eq!(busy(&stage), None);
    });
}

#[test]
fn waits_between_restarts_grow_up_to_their_bound_and_start_over_after_a_healthy_minute() {
    on_stage(async |stage| {
        let s = setup(&stage);
        let restart = async || {
            let before = stage.status("worker").restarts;
            let began = tokio::time::Instant::now();
            assert!(s.actor.mailbox().send(Boom).await.is_err());
            while stage.status("worker").restarts == before {
                stage.pass(Duration::from_millis(10)).await;
            }
            began.elapsed().as_millis()
        };
        // Each between half and all of 100 ms, 200, 400, 800, and never under 100.
        for most in [100, 200, 400, 800] {
            let took = restart().await;
            assert!((most / 2).max(100) <= took && took <= most + 15, "{took} ms, not up to {most}");
        }
        stage.pass(SECOND * 61).await;
        let took = restart().await;
        assert!(took <= 115, "{took} ms");
    });
}
