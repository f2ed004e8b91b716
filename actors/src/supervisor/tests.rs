//! What supervision promises, with real actors on real threads.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc;

use actix::{MailboxError, Message};
use actix_rt::{Arbiter, System};

use super::*;
use crate::view::Actor;

#[derive(Message)]
#[rtype(result = "u32")]
struct Add(u32);

#[derive(Message)]
#[rtype(result = "()")]
struct Boom;

/// Holds the thread until the other end is dropped.
#[derive(Message)]
#[rtype(result = "()")]
struct Block(mpsc::Receiver<()>);

/// What a test wants to see and to cause from outside.
#[derive(Default)]
struct Probe {
    starts: AtomicU32,
    fail_start: AtomicU32,
    fail_timer: AtomicBool,
    fail_restarting: AtomicBool,
}

struct Shaky {
    probe: Arc<Probe>,
    sum: u32,
}

impl Busy for u32 {
    fn until_done(self, _: BusyGuard) -> Self {
        self
    }
}

impl ServiceActor for Shaky {
    fn started(&mut self, ctx: &mut Ctx<Self>) {
        self.probe.starts.fetch_add(1, Ordering::SeqCst);
        if self.probe.fail_start.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok() {
            panic!("not today");
        }
        ctx.every(Duration::from_millis(10), "timer", |this, _| {
            assert!(!this.probe.fail_timer.swap(false, Ordering::SeqCst), "the timer broke");
        });
    }

    fn inherit(&mut self, _: Self) {
        assert!(!self.probe.fail_restarting.swap(false, Ordering::SeqCst), "restarting broke");
    }
}

impl Receive<Add> for Shaky {
    type Reply = u32;

    fn receive(&mut self, Add(n): Add, _: &mut Ctx<Self>) -> u32 {
        self.sum += n;
        self.sum
    }
}

impl Receive<Boom> for Shaky {
    type Reply = ();

    fn receive(&mut self, _: Boom, _: &mut Ctx<Self>) {
        panic!("out of cheese");
    }
}

impl Receive<Block> for Shaky {
    type Reply = ();

    fn receive(&mut self, Block(released): Block, _: &mut Ctx<Self>) {
        let _ = released.recv();
    }
}

struct Setup {
    handle: ActorHandle<Shaky>,
    probe: Arc<Probe>,
    registry: Registry,
    arbiter: Arbiter,
}

const STUCK: Duration = Duration::from_millis(600);

fn setup(probe: Probe, max_restarts: usize, on_give_up: Option<Arc<dyn Fn() + Send + Sync>>) -> Setup {
    let (probe, registry, arbiter) = (Arc::new(probe), Registry::default(), Arbiter::new());
    let policy = Policy { max_restarts, window: Duration::from_secs(60), stuck_after: STUCK, on_give_up };
    let own = Arc::clone(&probe);
    let handle = start(&arbiter.handle(), &registry, "shaky", &policy, 1_024, move || Shaky { probe: Arc::clone(&own), sum: 0 });
    Setup { handle, probe, registry, arbiter }
}

impl Setup {
    fn status(&self) -> Actor {
        self.registry.status(STUCK).remove(0)
    }

    async fn until(&self, what: &str, holds: impl Fn(&Actor) -> bool) -> Actor {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let status = self.status();
            if holds(&status) {
                return status;
            }
            assert!(Instant::now() < deadline, "{what}: {status:?}");
            sleep(Duration::from_millis(5)).await;
        }
    }

    async fn end(self) {
        self.arbiter.stop();
        let _ = actix_rt::task::spawn_blocking(move || self.arbiter.join()).await;
    }
}

#[test]
fn messages_behind_a_panic_are_handled_and_the_one_that_panicked_is_answered_with_an_error() {
    System::new().block_on(async {
        let s = setup(Probe::default(), 10, None);
        assert_eq!(s.handle.mailbox().send(Add(5)).await.unwrap(), 5);
        let (boom, add) = (s.handle.mailbox::<Boom>(), s.handle.mailbox::<Add>());
        let failing = actix_rt::spawn(async move { boom.send(Boom).await });
        assert!(matches!(failing.await.unwrap(), Err(MailboxError::Closed)));
        for _ in 0..1_000 {
            add.try_send(Add(1)).unwrap();
        }
        assert!(s.status().mailbox > 0);
        // State is fresh, the address the same, no message lost.
        assert_eq!(s.handle.mailbox().send(Add(0)).await.unwrap(), 1_000);
        let status = s.until("running again", |s| s.state == ActorState::Running && s.mailbox == 0).await;
        assert_eq!(status.restarts, 1);
        let panic = status.last_panic.unwrap();
        assert_eq!(panic.during, "Boom");
        assert!(panic.message.contains("out of cheese"), "{}", panic.message);
        s.end().await;
    });
}

#[test]
fn a_panic_in_a_timer_in_started_or_in_restarting_is_survived() {
    System::new().block_on(async {
        let s = setup(Probe { fail_start: AtomicU32::new(2), ..Probe::default() }, 10, None);
        s.until("two failed starts", |s| s.restarts == 2 && s.state == ActorState::Running).await;
        assert_eq!(s.probe.starts.load(Ordering::SeqCst), 3);
        s.probe.fail_timer.store(true, Ordering::SeqCst);
        let status = s.until("a failed timer", |s| s.restarts == 3).await;
        assert_eq!(status.last_panic.unwrap().during, "timer");
        s.probe.fail_restarting.store(true, Ordering::SeqCst);
        let _ = s.handle.mailbox().send(Boom).await;
        s.until("a failed restart", |s| s.restarts == 4 && s.state == ActorState::Running).await;
        assert_eq!(s.handle.mailbox().send(Add(2)).await.unwrap(), 2);
        s.end().await;
    });
}

#[test]
fn an_actor_to_whom_nobody_writes_restarts_too() {
    System::new().block_on(async {
        let Setup { handle, probe, registry, arbiter } = setup(Probe { fail_start: AtomicU32::new(1), ..Probe::default() }, 10, None);
        drop(handle);
        let deadline = Instant::now() + Duration::from_secs(20);
        while probe.starts.load(Ordering::SeqCst) < 2 {
            assert!(Instant::now() < deadline, "{:?}", registry.status(STUCK));
            sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(registry.status(STUCK)[0].state, ActorState::Running);
        arbiter.stop();
    });
}

#[test]
fn an_actor_that_panics_too_often_stays_down_and_says_so() {
    System::new().block_on(async {
        let gave_up = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&gave_up);
        let probe = Probe { fail_start: AtomicU32::new(u32::MAX), ..Probe::default() };
        let s = setup(probe, 2, Some(Arc::new(move || flag.store(true, Ordering::SeqCst))));
        let status = s.until("down", |s| s.state == ActorState::Down).await;
        assert_eq!(status.restarts, 2);
        assert!(status.reason.unwrap().contains("not today"));
        assert!(gave_up.load(Ordering::SeqCst));
        assert_eq!(s.handle.mailbox().try_send(Add(1)), Err(SendError::Closed));
        assert_eq!(s.registry.failing(STUCK).len(), 1);
        s.end().await;
    });
}

#[test]
fn an_actor_that_makes_no_progress_is_told_as_stuck_with_what_it_does() {
    System::new().block_on(async {
        let s = setup(Probe::default(), 2, None);
        let (release, released) = mpsc::channel();
        s.handle.mailbox().try_send(Block(released)).unwrap();
        s.until("stuck", |s| s.state == ActorState::Stuck && s.reason.as_ref().is_some_and(|why| why.contains("Block"))).await;
        assert!(s.registry.failing(STUCK)[0].to_string().starts_with("stuck: busy with Block"));
        drop(release);
        s.until("free again", |s| s.state == ActorState::Running).await;
        s.end().await;
    });
}

#[test]
fn a_full_mailbox_refuses_and_counts() {
    System::new().block_on(async {
        let registry = Registry::default();
        let arbiter = Arbiter::new();
        let policy = Policy { max_restarts: 1, window: Duration::from_secs(1), stuck_after: STUCK, on_give_up: None };
        let probe = Arc::new(Probe::default());
        let handle = start(&arbiter.handle(), &registry, "small", &policy, 4, move || Shaky { probe: Arc::clone(&probe), sum: 0 });
        let (release, released) = mpsc::channel();
        handle.mailbox().try_send(Block(released)).unwrap();
        let mailbox = handle.mailbox();
        let taken = (0..100).filter(|_| mailbox.try_send(Add(1)).is_ok()).count();
        assert!(taken < 100, "bounded");
        assert!(registry.status(STUCK)[0].mailbox >= taken as u64);
        drop(release);
        assert_eq!(handle.mailbox().send(Add(0)).await.unwrap() as usize, taken);
        arbiter.stop();
    });
}
