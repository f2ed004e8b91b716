//! What the store actor promises, over a real store and by a clock of its own.

use std::fs;
use std::sync::OnceLock;
use std::sync::atomic::Ordering;

use futures_util::future::join_all;
use taskpulse_engine::event::Event;
use taskpulse_engine::model::{Batch, Labels};
use taskpulse_engine::store::StoreOptions;

use super::upkeep::MAX_WAITING;
use super::*;
use crate::supervisor::ActorHandle;
use crate::testing::{Inbox, NOON, Stage, on_stage, on_stage_with};

const MINUTE: Duration = Duration::from_secs(60);
/// More than the 24 samples a series that a head may always hold.
const MAX_HEAD: u64 = 30;

/// The actor, and the inboxes that it sends to.
struct Setup {
    actor: ActorHandle<StoreActor>,
    batches: Inbox<StoredBatch>,
    events: Inbox<Publish>,
}

fn setup(stage: &Stage, max_head_samples: u64) -> Setup {
    let (batches, events) = (stage.inbox_with_room(2, |_: &StoredBatch| ()), stage.inbox(|_: &Publish| ()));
    let listeners = Arc::new(OnceLock::from(Listeners { batches: vec![batches.mailbox()], events: events.mailbox() }));
    let options = StoreActorOptions { compaction_share: 1.0, seal_interval: 5 * MINUTE, max_head_samples };
    let (clock, store) = (stage.clock.clone(), stage.writer());
    let make = move || StoreActor::new(clock.clone(), Arc::clone(&store), options.clone(), Arc::clone(&listeners));
    // Room for more batches than may wait, so that it is the actor that refuses.
    Setup { actor: stage.start_with_room(2 * MAX_WAITING, "store", make), batches, events }
}

fn batch(n: usize) -> Append {
    let mut batch = Batch::default();
    batch.push(Labels::metric("figure", &[]), NOON + n as i64, n as f64);
    Append(Arc::new(batch))
}

impl Setup {
    /// Sends so many batches; the answers come together.
    fn append(&self, from: usize, count: usize) -> tokio::task::JoinHandle<Vec<Result<Arc<Stored>, AppendError>>> {
        let sends: Vec<_> = (from..from + count)
            .map(|n| {
                let mailbox = self.actor.mailbox();
                async move { mailbox.send(batch(n)).await.unwrap() }
            })
            .collect();
        actix_rt::spawn(join_all(sends))
    }

    fn heard(&self) -> Vec<u64> {
        self.batches.taken().iter().map(|StoredBatch(stored)| stored.number).collect()
    }
}

fn commits(stage: &Stage) -> u64 {
    stage.store.counters().commits.load(Ordering::Relaxed)
}

fn seals(stage: &Stage) -> u64 {
    stage.store.counters().seals.load(Ordering::Relaxed)
}

#[test]
fn a_batch_is_acknowledged_and_passed_on_only_after_its_commit() {
    on_stage(async |stage| {
        let s = setup(&stage, 1_000);
        stage.settle().await;
        let disk = stage.hold_pool().await;
        let answers = s.append(0, 1);
        stage.jump(Duration::from_secs(1)).await;
        assert!(!answers.is_finished() && s.heard().is_empty() && commits(&stage) == 0, "the disk has not answered");
        drop(disk);
        let answers = answers.await.unwrap();
        assert_eq!(answers[0].as_ref().unwrap().number, 1);
        assert_eq!((commits(&stage), s.batches.next().await.0.number), (1, 1));
    });
}

#[test]
fn batches_that_come_during_a_commit_share_the_next_one() {
    on_stage(async |stage| {
        let s = setup(&stage, 1_000);
        stage.settle().await;
        let disk = stage.hold_pool().await;
        let answers = s.append(0, 50);
        stage.jump(Duration::from_millis(1)).await;
        drop(disk);
        assert!(answers.await.unwrap().iter().all(Result::is_ok));
        assert_eq!(commits(&stage), 2, "one for the first batch, one for the 49 behind it");
    });
}

#[test]
fn a_batch_beyond_those_that_may_wait_for_the_disk_is_refused() {
    on_stage(async |stage| {
        let s = setup(&stage, 1_000_000);
        stage.settle().await;
        let disk = stage.hold_pool().await;
        // One is in the commit that hangs.
        let answers = s.append(0, 1 + MAX_WAITING + 3);
        stage.jump(Duration::from_millis(1)).await;
        drop(disk);
        let answers = answers.await.unwrap();
        let refused: Vec<String> = answers.into_iter().filter_map(Result::err).map(|error| error.to_string()).collect();
        assert_eq!(refused, vec!["the disk does not answer; too many batches wait for it"; 3]);
        assert!(s.append(5_000, 1).await.unwrap()[0].is_ok(), "there is room again");
    });
}

#[test]
fn the_head_is_sealed_after_the_interval_and_at_once_when_it_is_over_its_size() {
    on_stage(async |stage| {
        let s = setup(&stage, MAX_HEAD);
        s.append(0, 5).await.unwrap();
        stage.pass(5 * MINUTE - Duration::from_secs(2)).await;
        assert_eq!(seals(&stage), 0);
        stage.pass(Duration::from_secs(3)).await;
        assert_eq!((seals(&stage), stage.store.status().head_samples), (1, 0));
        s.append(5, 30).await.unwrap();
        stage.settle().await;
        assert_eq!((seals(&stage), stage.store.status().head_samples), (2, 0));
    });
}

#[test]
fn a_seal_that_failed_is_tried_again_five_seconds_later() {
    on_stage(async |stage| {
        let s = setup(&stage, MAX_HEAD);
        // The day's folder cannot be made while a file has its name.
        let day = stage.dir().join("partitions/2025-06-15");
        fs::write(&day, "in the way").unwrap();
        s.append(0, 30).await.unwrap();
        stage.pass(Duration::from_secs(1)).await;
        assert_eq!((seals(&stage), stage.store.status().head_samples), (0, 30), "nothing is lost");
        fs::remove_file(&day).unwrap();
        stage.pass(Duration::from_millis(3_500)).await;
        assert_eq!(seals(&stage), 0, "not before");
        stage.pass(Duration::from_secs(2)).await;
        assert_eq!((seals(&stage), stage.store.status().head_samples), (1, 0));
    });
}

#[test]
fn what_is_past_its_time_is_removed_each_minute() {
    let options = StoreOptions { retention_ms: 3_600_000, ..StoreOptions::default() };
    on_stage_with(options, async |stage| {
        let kept = |stage: &Stage| stage.store.events(0, i64::MAX - 1, 10, |_| true).unwrap().len();
        // Past their time 30 s and 90 s after the start.
        let events: Vec<Event> =
            [30_000, 90_000].into_iter().map(|later| Event::new(NOON - 3_600_000 + later, "test", "test", "it", "an event")).collect();
        stage.writer().add_events(&events).unwrap();
        let _s = setup(&stage, MAX_HEAD);
        for (passed, left) in [(50, 2), (12, 1), (50, 1), (10, 0)] {
            stage.pass(Duration::from_secs(passed)).await;
            assert_eq!(kept(&stage), left, "after {} s", stage.seconds());
        }
    });
}

#[test]
fn a_data_directory_that_is_gone_is_noticed_within_two_seconds() {
    on_stage(async |stage| {
        let _s = setup(&stage, MAX_HEAD);
        stage.pass(Duration::from_secs(10)).await;
        assert_eq!(stage.store.problems(), Vec::<String>::new());
        let away = stage.dir().with_extension("away");
        fs::rename(stage.dir(), &away).unwrap();
        stage.pass(Duration::from_secs(2)).await;
        let problems = stage.store.problems();
        fs::rename(&away, stage.dir()).unwrap();
        assert!(problems.iter().any(|problem| problem.contains("gone")), "{problems:?}");
    });
}

#[test]
fn a_listener_whose_mailbox_is_full_sees_a_gap_in_the_numbers_and_holds_up_nobody() {
    on_stage(async |stage| {
        let s = setup(&stage, 1_000);
        s.append(0, 1).await.unwrap();
        stage.settle().await;
        assert_eq!(s.heard(), [1]);
        s.batches.stop_taking().await;
        for n in 1..10 {
            assert!(s.append(n, 1).await.unwrap()[0].is_ok());
        }
        s.batches.take_again().await;
        s.append(10, 1).await.unwrap();
        stage.settle().await;
        let heard = s.heard();
        assert!(heard.len() < 10 && heard.is_sorted(), "{heard:?}");
        let [.., before, last] = heard[..] else { panic!("{heard:?}") };
        assert!(last == 11 && before < 10, "the gap shows in {heard:?}");
    });
}

#[test]
fn events_are_kept_and_then_published_with_their_ids() {
    on_stage(async |stage| {
        let s = setup(&stage, 1_000);
        s.actor.mailbox().try_send(RecordEvents(vec![Event::new(NOON, "test", "test", "it", "an event")])).unwrap();
        let Publish::Events(published) = s.events.next().await else { panic!("other news") };
        let kept = stage.store.events(0, i64::MAX - 1, 10, |_| true).unwrap();
        assert_eq!(published[0].id, kept[0].0);
    });
}

#[test]
fn documents_are_durable_when_that_is_answered() {
    on_stage(async |stage| {
        let s = setup(&stage, 1_000);
        let change = |text: &str| ChangeDocuments { kind: "notes", changes: vec![("one".to_owned(), Some(text.into()))] };
        s.actor.mailbox().send(change("first")).await.unwrap().unwrap();
        s.actor.mailbox().send(change("second")).await.unwrap().unwrap();
        assert_eq!(stage.store.documents("notes").unwrap(), [("one".to_owned(), b"second".to_vec())]);
    });
}

#[test]
fn windows_of_a_silent_series_close_on_request() {
    on_stage(async |stage| {
        let s = setup(&stage, 1_000);
        s.append(0, 1).await.unwrap();
        let close = async || s.actor.mailbox().send(CloseSilent { idle_after_ms: 120_000 }).await.unwrap();
        assert_eq!(close().await, [], "it is not silent yet");
        stage.pass(3 * MINUTE).await;
        let closed = close().await;
        assert_eq!(closed.iter().map(|(_, from, to)| (*from, *to)).collect::<Vec<_>>(), [(NOON - 60_000, NOON + 120_000)]);
        assert_eq!(stage.store.closed_to(closed[0].0), Some(NOON + 120_000));
    });
}

#[test]
fn a_snapshot_holds_what_was_acknowledged_and_makes_nobody_wait() {
    on_stage(async |stage| {
        let s = setup(&stage, 1_000);
        s.append(0, 5).await.unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let to = elsewhere.path().join("copy");
        s.actor.mailbox().send(TakeSnapshot { to: to.clone() }).await.unwrap().unwrap();
        assert_eq!(StoreWriter::open(&to, StoreOptions::default(), NOON).unwrap().status().series, 1);
        let error = s.actor.mailbox().send(TakeSnapshot { to }).await.unwrap().unwrap_err();
        assert!(error.to_string().contains("exists already"), "{error}");
        let disk = stage.hold_pool().await;
        let mailbox = s.actor.mailbox();
        let copying = actix_rt::spawn(async move { mailbox.send(TakeSnapshot { to: elsewhere.path().join("another") }).await });
        stage.jump(Duration::from_millis(1)).await;
        assert_eq!(stage.status("store").busy_seconds, None, "a long copy does not make the actor stuck");
        drop(disk);
        copying.await.unwrap().unwrap().unwrap();
    });
}

#[cfg(feature = "failpoints")]
#[test]
fn a_restarted_store_has_all_that_was_acknowledged_and_goes_on_writing() {
    on_stage(async |stage| {
        let s = setup(&stage, 1_000);
        let note = |text: &str| ChangeDocuments { kind: "notes", changes: vec![(text.to_owned(), Some(text.into()))] };
        for (round, text) in ["before", "after"].into_iter().enumerate() {
            assert!(s.append(round * 10, 10).await.unwrap().iter().all(Result::is_ok));
            s.actor.mailbox().send(note(text)).await.unwrap().unwrap();
            if round == 0 {
                stage.break_next("store");
                assert!(s.actor.mailbox().send(batch(99)).await.is_err(), "the message that panicked is lost");
                stage.pass(Duration::from_secs(1)).await;
            }
        }
        assert_eq!(stage.status("store").restarts, 1);
        let series = stage.store.series_id(&Labels::metric("figure", &[])).unwrap();
        let samples = stage.store.samples(series, NOON, NOON + 1_000).unwrap();
        assert_eq!(samples.values, (0..20).map(f64::from).collect::<Vec<_>>());
        let notes: Vec<String> = stage.store.documents("notes").unwrap().into_iter().map(|(key, _)| key).collect();
        assert_eq!(notes, ["after", "before"]);
    });
}

#[cfg(feature = "failpoints")]
#[test]
fn those_who_wait_when_it_panics_hear_that_their_batch_may_not_be_durable() {
    on_stage(async |stage| {
        let s = setup(&stage, 1_000);
        stage.settle().await;
        let disk = stage.hold_pool().await;
        let waiting: Vec<_> = (0..3)
            .map(|n| {
                let mailbox = s.actor.mailbox();
                actix_rt::spawn(async move { mailbox.send(batch(n)).await })
            })
            .collect();
        stage.jump(Duration::from_millis(1)).await;
        stage.break_next("store");
        stage.jump(Duration::from_secs(1)).await;
        drop(disk);
        for answer in join_all(waiting).await {
            let error = answer.unwrap().unwrap().unwrap_err();
            assert_eq!(error.to_string(), "the store restarted before the batch was durable");
        }
        stage.pass(Duration::from_secs(1)).await;
        assert!(s.append(3, 1).await.unwrap()[0].is_ok());
        assert_eq!(stage.status("store").restarts, 1);
    });
}
