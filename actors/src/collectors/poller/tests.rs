//! Tests of the poller with a clock of their own.

use parking_lot::Mutex;
use taskpulse_engine::event::Event;
use taskpulse_engine::model::Labels;

use super::super::collector::{CollectFuture, Collection};
use super::*;
use crate::supervisor::ActorHandle;
use crate::testing::{Inbox, NOON, Stage, on_stage};
use crate::view::{Source, SourceState};

const EVERY: Duration = Duration::from_secs(10);
const TIMEOUT: Duration = Duration::from_secs(25);

type Next = Box<dyn FnMut() -> (Duration, Outcome) + Send>;

/// What a test decides of a source, and what it sees of it.
struct Script {
    /// How long the next collection takes, and how it ends.
    next: Mutex<Next>,
    /// Milliseconds since noon at which collections began.
    begun: Mutex<Vec<i64>>,
}

fn script(next: impl FnMut() -> (Duration, Outcome) + Send + 'static) -> Arc<Script> {
    Arc::new(Script { next: Mutex::new(Box::new(next)), begun: Mutex::default() })
}

/// Takes so long each time and gives one sample.
fn takes(seconds: u64) -> Arc<Script> {
    script(move || (Duration::from_secs(seconds), Outcome::Complete(one_sample())))
}

fn one_sample() -> Collection {
    let mut found = Collection::default();
    found.batch.push(Labels::metric("figure", &[]), NOON, 1.0);
    found
}

impl Script {
    /// Whole seconds since the start at which collections began.
    fn begun(&self) -> Vec<i64> {
        self.begun.lock().iter().map(|ms| (ms + 50) / 1_000).collect()
    }
}

struct ScriptedSource {
    name: String,
    script: Arc<Script>,
    is_source: bool,
    first_after: Duration,
}

impl Collector for ScriptedSource {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn is_source(&self) -> bool {
        self.is_source
    }

    fn every(&self) -> Duration {
        EVERY
    }

    fn first_after(&self) -> Duration {
        self.first_after
    }

    fn timeout(&self) -> Duration {
        TIMEOUT
    }

    fn collect(&mut self, now: TimestampMs) -> CollectFuture<'_> {
        self.script.begun.lock().push(now - NOON);
        let (time, outcome) = (self.script.next.lock())();
        Box::pin(async move {
            tokio::time::sleep(time).await;
            outcome
        })
    }
}

/// The actor, and the inboxes that it sends to.
struct Setup {
    actor: ActorHandle<Poller>,
    batcher: Inbox<Collected>,
    events: Inbox<RecordEvents>,
    documents: Inbox<ChangeDocuments>,
}

fn poll(stage: &Stage, scripts: &[&Arc<Script>]) -> Setup {
    poll_as(stage, scripts, true, Duration::ZERO)
}

fn poll_as(stage: &Stage, scripts: &[&Arc<Script>], is_source: bool, first_after: Duration) -> Setup {
    let (batcher, events) = (stage.inbox_with_room(2, |_: &Collected| ()), stage.inbox(|_: &RecordEvents| ()));
    let documents = stage.inbox(|_: &ChangeDocuments| Ok(()));
    let outputs = Outputs {
        batcher: batcher.mailbox(),
        events: events.mailbox(),
        documents: documents.mailbox(),
        sources: stage.publishers.sources.clone(),
        stats: Arc::clone(&stage.stats),
    };
    let clock = stage.clock.clone();
    let scripts: Vec<Arc<Script>> = scripts.iter().map(|script| Arc::clone(script)).collect();
    let make = move || {
        let source = |(at, script): (usize, &Arc<Script>)| {
            let (name, script) = (format!("source {at}"), Arc::clone(script));
            Box::new(ScriptedSource { name, script, is_source, first_after }) as Box<dyn Collector>
        };
        let sources = scripts.iter().enumerate().map(source).collect();
        Poller::new(clock.clone(), "test", outputs.clone(), sources)
    };
    Setup { actor: stage.start("poller", make), batcher, events, documents }
}

fn status(stage: &Stage) -> Source {
    stage.views.sources().remove(0)
}

#[test]
fn a_source_is_collected_at_once_and_then_each_period_from_begin_to_begin() {
    on_stage(async |stage| {
        let source = takes(3);
        let _s = poll(&stage, &[&source]);
        stage.pass(Duration::from_secs(45)).await;
        assert_eq!(source.begun(), [0, 10, 20, 30, 40]);
    });
}

#[test]
fn a_collection_that_takes_longer_than_its_period_is_followed_by_the_next_at_once_never_by_two() {
    on_stage(async |stage| {
        let source = takes(12);
        let _s = poll(&stage, &[&source]);
        stage.pass(Duration::from_secs(50)).await;
        assert_eq!(source.begun(), [0, 12, 24, 36, 48]);
    });
}

#[test]
fn neighbours_begin_a_moment_apart_and_none_waits_for_another() {
    on_stage(async |stage| {
        let (slow, quick, last) = (takes(20), takes(0), takes(1));
        let _s = poll(&stage, &[&slow, &quick, &last]);
        stage.pass(Duration::from_secs(1)).await;
        let first: Vec<i64> = [&slow, &quick, &last].map(|script| script.begun.lock()[0]).to_vec();
        let apart = STAGGER.as_millis() as i64;
        // A timer may be late by a millisecond.
        let late: Vec<i64> = first.iter().zip([0, apart, 2 * apart]).map(|(at, due)| at - due).collect();
        assert!(late.iter().all(|late| (0..=2).contains(late)), "{first:?}");
        stage.pass(Duration::from_secs(30)).await;
        assert_eq!((slow.begun().len(), quick.begun().len(), last.begun().len()), (2, 4, 4));
    });
}

#[test]
fn a_collection_that_is_not_done_in_time_is_a_failure_that_says_how_long_was_waited() {
    on_stage(async |stage| {
        let source = takes(1_000);
        let s = poll(&stage, &[&source]);
        stage.pass(Duration::from_secs(24)).await;
        assert!(stage.views.sources().is_empty(), "nothing is known yet");
        stage.pass(Duration::from_secs(2)).await;
        let status = status(&stage);
        assert_eq!((status.state, status.reason.as_deref()), (SourceState::Failing, Some("no answer within 25 s")));
        assert_eq!(source.begun(), [0, 25], "the period was over long before");
        assert!(s.batcher.taken().is_empty());
    });
}

#[test]
fn how_a_collection_ended_is_recorded_with_its_reason_and_its_samples_are_passed_on() {
    on_stage(async |stage| {
        let mut outcomes = VecDeque::from([
            Outcome::Complete(one_sample()),
            Outcome::Partial("half of it".to_owned(), one_sample()),
            Outcome::Failed("broken".to_owned(), one_sample()),
            Outcome::Absent("nothing here".to_owned(), "put something there".to_owned()),
            Outcome::Complete(Collection::default()),
        ]);
        let source = script(move || (Duration::ZERO, outcomes.pop_front().unwrap()));
        let s = poll(&stage, &[&source]);
        for (state, reason, hint, samples, passed_on) in [
            (SourceState::Up, None, None, 1, 1),
            (SourceState::Up, Some("half of it"), None, 2, 1),
            (SourceState::Failing, Some("broken"), None, 2, 1),
            (SourceState::Absent, Some("nothing here"), Some("put something there"), 2, 0),
            (SourceState::Up, None, None, 2, 0),
        ] {
            stage.pass(Duration::from_secs(1)).await;
            let now = status(&stage);
            assert_eq!((now.state, now.reason.as_deref(), now.hint.as_deref(), now.samples), (state, reason, hint, samples));
            assert_eq!(s.batcher.taken().len(), passed_on, "{reason:?}");
            stage.pass(EVERY - Duration::from_secs(1)).await;
        }
        assert_eq!(source.begun()[..5], [0, 10, 20, 30, 40], "each kind of end is followed by the next collection");
    });
}

#[test]
fn events_and_documents_of_a_collection_go_to_the_store() {
    on_stage(async |stage| {
        let source = script(|| {
            let mut found = one_sample();
            found.events.push(Event::new(NOON, "test", "test", "it", "an event"));
            found.documents.push(("notes", vec![("one".to_owned(), None)]));
            (Duration::ZERO, Outcome::Failed("all the same".to_owned(), found))
        });
        let s = poll(&stage, &[&source]);
        assert_eq!(s.events.next().await.0[0].title, "an event");
        assert_eq!(s.documents.next().await.kind, "notes");
    });
}

#[test]
fn a_source_may_say_when_it_is_to_be_collected_next() {
    on_stage(async |stage| {
        let mut waits = VecDeque::from([Some(2), Some(30), None]);
        let source = script(move || {
            let next_in = waits.pop_front().flatten().map(Duration::from_secs);
            (Duration::from_secs(1), Outcome::Complete(Collection { next_in, ..Collection::default() }))
        });
        let _s = poll(&stage, &[&source]);
        stage.pass(Duration::from_secs(55)).await;
        // Its own wait counts from the end, the period from the beginning.
        assert_eq!(source.begun(), [0, 3, 34, 44, 54]);
    });
}

#[test]
fn a_collector_that_is_no_source_waits_for_its_first_collection_and_has_no_status() {
    on_stage(async |stage| {
        let source = takes(0);
        let s = poll_as(&stage, &[&source], false, Duration::from_secs(3));
        stage.pass(Duration::from_secs(30)).await;
        assert_eq!(source.begun(), [3, 13, 23]);
        assert_eq!(s.batcher.taken().len(), 3);
        assert!(stage.views.sources().is_empty());
    });
}

#[test]
fn a_wake_collects_at_once_and_the_period_begins_anew() {
    on_stage(async |stage| {
        let source = takes(1);
        let s = poll(&stage, &[&source]);
        stage.pass(Duration::from_secs(4)).await;
        s.actor.mailbox().try_send(Wake).unwrap();
        stage.pass(Duration::from_secs(21)).await;
        assert_eq!(source.begun(), [0, 4, 14, 24]);
    });
}

#[test]
fn wakes_during_a_collection_collect_once_more_at_its_end() {
    on_stage(async |stage| {
        let source = takes(6);
        let s = poll(&stage, &[&source]);
        stage.pass(Duration::from_secs(2)).await;
        for _ in 0..3 {
            s.actor.mailbox().try_send(Wake).unwrap();
        }
        stage.pass(Duration::from_secs(26)).await;
        assert_eq!(source.begun(), [0, 6, 16, 26]);
    });
}

#[test]
fn collections_wait_for_room_in_the_batcher_and_the_oldest_beyond_the_backlog_is_dropped_and_counted() {
    on_stage(async |stage| {
        let mut count = 0;
        let source = script(move || {
            let mut found = Collection::default();
            found.batch.push(Labels::metric("figure", &[]), NOON, f64::from(count));
            count += 1;
            (Duration::ZERO, Outcome::Complete(found))
        });
        let s = poll(&stage, &[&source]);
        s.batcher.stop_taking().await;
        let periods = 80;
        stage.pass(EVERY * periods).await;
        let lost: u64 = stage.stats.dropped.all().values().sum();
        assert!(lost > 0 && stage.stats.dropped.all().keys().all(|key| *key == ("test", "full")));
        s.batcher.take_again().await;
        // Each further collection sends what waits, as far as there is room.
        stage.pass(EVERY * periods).await;
        let values: Vec<f64> = s.batcher.taken().iter().map(|collected| collected.batch.values[0]).collect();
        assert!(values.is_sorted(), "in their order");
        let missing = values.windows(2).map(|pair| (pair[1] - pair[0]) as u64 - 1).sum::<u64>();
        assert_eq!(missing, lost, "what is missing is what was counted: {values:?}");
    });
}

#[cfg(feature = "failpoints")]
#[test]
fn a_panic_of_a_source_starts_all_of_them_anew_and_loses_no_sample_that_waits() {
    on_stage(async |stage| {
        let mut times = 0;
        let source = script(move || {
            times += 1;
            assert!(times != 8, "broken by the test");
            (Duration::ZERO, Outcome::Complete(one_sample()))
        });
        let s = poll(&stage, &[&source]);
        stage.settle().await;
        s.batcher.stop_taking().await;
        stage.pass(Duration::from_secs(95)).await;
        assert_eq!(stage.status("poller").restarts, 1);
        assert_eq!(stage.status("poller").last_panic.unwrap().during, "collect");
        assert_eq!(source.begun(), [0, 10, 20, 30, 40, 50, 60, 70, 70, 80, 90]);
        s.batcher.take_again().await;
        stage.pass(Duration::from_secs(100)).await;
        assert_eq!(s.batcher.taken().len(), source.begun().len() - 1, "all but the one that broke");
        assert!(stage.stats.dropped.all().is_empty());
    });
}
