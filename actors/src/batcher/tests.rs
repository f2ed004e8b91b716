//! What the batcher promises, by a clock of its own.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicUsize;

use taskpulse_engine::model::Labels;
use taskpulse_engine::rules::{RuleOptions, RuleSet, RuleSpec, Severity};
use taskpulse_engine::store::StoreError;

use super::*;
use crate::rule_states::RuleStates;
use crate::supervisor::ActorHandle;
use crate::testing::{Inbox, NOON, Stage, on_stage};

const SIZE: usize = 10;
const EVERY: Duration = Duration::from_secs(5);
const BACKLOG: usize = 25;

fn rules() -> RuleStates {
    let rule = RuleSpec::alerting("heat > 100", Severity::Warning);
    let set = RuleSet::of_settings(&BTreeMap::from([("hot".to_owned(), rule)]), RuleOptions::default()).unwrap();
    RuleStates::new(Arc::default(), Arc::new(set))
}

fn batcher(stage: &Stage, store: &Inbox<Append>) -> ActorHandle<BatcherActor> {
    stage.publishers.rules.send_replace(Arc::new(rules()));
    let (store, views, stats) = (store.mailbox(), stage.views.clone(), Arc::clone(&stage.stats));
    let options = BatcherOptions { batch_size: SIZE, flush_interval: EVERY, backlog: BACKLOG };
    stage.start("batcher", move || BatcherActor::new(options.clone(), store.clone(), views.clone(), Arc::clone(&stats)))
}

/// Samples that count on, so that their values say which they are.
fn samples(values: std::ops::Range<u32>) -> Collected {
    let mut batch = Batch::default();
    for v in values {
        batch.push(Labels::metric("heat", &[]), NOON + i64::from(v), f64::from(v));
    }
    Collected { batch }
}

fn values(append: &Append) -> Vec<u32> {
    append.0.values.iter().map(|v| *v as u32).collect()
}

fn keeps(_: &Append) -> Result<Arc<taskpulse_engine::store::Stored>, AppendError> {
    Ok(Arc::default())
}

fn fails(_: &Append) -> Result<Arc<taskpulse_engine::store::Stored>, AppendError> {
    Err(AppendError::Restarted)
}

fn dropped(stage: &Stage) -> Vec<(&'static str, u64)> {
    stage.stats.dropped.all().into_iter().map(|((_, reason), count)| (reason, count)).collect()
}

#[test]
fn a_batch_leaves_at_once_when_it_is_full() {
    on_stage(async |stage| {
        let store = stage.inbox(keeps);
        let batcher = batcher(&stage, &store);
        batcher.mailbox().try_send(samples(0..4)).unwrap();
        batcher.mailbox().try_send(samples(4..9)).unwrap();
        stage.settle().await;
        assert!(store.taken().is_empty(), "nine samples are not ten");
        batcher.mailbox().try_send(samples(9..12)).unwrap();
        assert_eq!(values(&store.next().await), (0..12).collect::<Vec<_>>());
        assert_eq!(stage.seconds(), 0.0);
    });
}

#[test]
fn a_batch_that_is_not_full_leaves_after_the_interval_and_the_first_one_sooner() {
    on_stage(async |stage| {
        let store = stage.inbox(keeps);
        let batcher = batcher(&stage, &store);
        for (n, leaves_at) in [(0, 1.5), (1, 5.0), (2, 10.0)] {
            batcher.mailbox().try_send(samples(n..n + 1)).unwrap();
            assert_eq!(values(&store.next().await), [n]);
            assert_eq!(stage.seconds(), leaves_at);
        }
        stage.pass(EVERY * 3).await;
        assert!(store.taken().is_empty(), "no batch without samples");
    });
}

#[test]
fn a_sample_that_breaks_a_rule_leaves_at_once_with_all_that_waits() {
    on_stage(async |stage| {
        let store = stage.inbox(keeps);
        let batcher = batcher(&stage, &store);
        batcher.mailbox().try_send(samples(99..101)).unwrap();
        stage.settle().await;
        assert!(store.taken().is_empty(), "100 is not above 100");
        batcher.mailbox().try_send(samples(101..102)).unwrap();
        assert_eq!(values(&store.next().await), [99, 100, 101]);
        assert_eq!(stage.seconds(), 0.0);
    });
}

#[test]
fn one_batch_is_under_way_at_a_time_and_what_came_meanwhile_follows_in_one() {
    on_stage(async |stage| {
        let store = stage.inbox(keeps);
        store.stop_answering();
        let batcher = batcher(&stage, &store);
        batcher.mailbox().try_send(samples(0..10)).unwrap();
        store.next().await;
        batcher.mailbox().try_send(samples(10..20)).unwrap();
        batcher.mailbox().try_send(samples(20..24)).unwrap();
        stage.pass(EVERY * 3).await;
        assert!(store.taken().is_empty(), "the first is not answered yet");
        assert_eq!(stage.stats.batcher_waiting.load(Ordering::Relaxed), 14);
        store.answer_again();
        assert_eq!(values(&store.next().await), (10..24).collect::<Vec<_>>());
        assert_eq!(stage.seconds(), 15.0, "at once with the answer");
        assert_eq!(stage.stats.batcher_waiting.load(Ordering::Relaxed), 0);
    });
}

#[test]
fn a_full_disk_is_retried_each_second_without_end_and_without_loss() {
    on_stage(async |stage| {
        let store = stage.inbox(|_: &Append| Err(StoreError::DiskFull { path: "/srv".into() }.into()));
        let batcher = batcher(&stage, &store);
        batcher.mailbox().try_send(samples(0..10)).unwrap();
        stage.pass(Duration::from_secs(600)).await;
        let tries = store.taken();
        assert!((590..=601).contains(&tries.len()), "{}", tries.len());
        assert!(tries.iter().all(|append| values(append) == (0..10).collect::<Vec<_>>()));
        store.answer_with(keeps);
        store.next().await;
        batcher.mailbox().try_send(samples(10..20)).unwrap();
        assert_eq!(values(&store.next().await)[0], 10, "the next batch leaves");
        assert_eq!(dropped(&stage), []);
    });
}

#[test]
fn a_batch_that_fails_three_times_is_dropped_and_counted_and_the_next_one_leaves() {
    on_stage(async |stage| {
        let store = stage.inbox(fails);
        let batcher = batcher(&stage, &store);
        batcher.mailbox().try_send(samples(0..10)).unwrap();
        stage.pass(Duration::from_millis(1_900)).await;
        assert_eq!((store.taken().len(), dropped(&stage)), (2, vec![]));
        stage.pass(Duration::from_secs(60)).await;
        assert_eq!(store.taken().len(), 1, "the third try is the last");
        assert_eq!(dropped(&stage), [("store_failed", 10)]);
        store.answer_with(keeps);
        batcher.mailbox().try_send(samples(10..20)).unwrap();
        assert_eq!(values(&store.next().await)[0], 10);
    });
}

#[test]
fn a_batch_that_failed_twice_and_is_kept_then_is_not_lost() {
    on_stage(async |stage| {
        let mut tries = 0;
        let store = stage.inbox(move |append: &Append| {
            tries += 1;
            if tries < 3 { fails(append) } else { keeps(append) }
        });
        let batcher = batcher(&stage, &store);
        batcher.mailbox().try_send(samples(0..10)).unwrap();
        stage.pass(Duration::from_secs(30)).await;
        assert_eq!((store.taken().len(), dropped(&stage)), (3, vec![]));
    });
}

#[test]
fn the_backlog_is_bounded_and_drops_and_counts_the_oldest() {
    on_stage(async |stage| {
        let store = stage.inbox(keeps);
        store.stop_answering();
        let batcher = batcher(&stage, &store);
        batcher.mailbox().try_send(samples(0..10)).unwrap();
        store.next().await;
        batcher.mailbox().try_send(samples(10..20)).unwrap();
        batcher.mailbox().try_send(samples(20..42)).unwrap();
        stage.settle().await;
        assert_eq!(dropped(&stage), [("backlog_full", 7)]);
        assert_eq!(stage.stats.batcher_waiting.load(Ordering::Relaxed), BACKLOG);
        store.answer_again();
        assert_eq!(values(&store.next().await), (17..42).collect::<Vec<_>>());
    });
}

#[cfg(feature = "failpoints")]
#[test]
fn a_panic_loses_nothing_that_waits_and_sends_what_was_under_way_again() {
    on_stage(async |stage| {
        let store = stage.inbox(keeps);
        store.stop_answering();
        let batcher = batcher(&stage, &store);
        batcher.mailbox().try_send(samples(0..10)).unwrap();
        store.next().await;
        batcher.mailbox().try_send(samples(10..14)).unwrap();
        stage.settle().await;
        stage.break_next("batcher");
        stage.pass(EVERY).await;
        assert_eq!(stage.status("batcher").restarts, 1);
        store.answer_again();
        assert_eq!(values(&store.next().await), (0..10).collect::<Vec<_>>());
        assert_eq!(values(&store.next().await), (10..14).collect::<Vec<_>>());
        assert_eq!(dropped(&stage), []);
    });
}

#[test]
fn a_flush_is_answered_when_everything_is_durable() {
    on_stage(async |stage| {
        let store = stage.inbox(keeps);
        store.stop_answering();
        let batcher = batcher(&stage, &store);
        batcher.mailbox().try_send(samples(0..10)).unwrap();
        store.next().await;
        batcher.mailbox().try_send(samples(10..14)).unwrap();
        let flush = batcher.mailbox();
        let flushed = actix_rt::spawn(async move { flush.send(Flush).await });
        stage.pass(Duration::from_secs(20)).await;
        assert!(!flushed.is_finished(), "nothing is durable yet");
        store.answer_again();
        flushed.await.unwrap().unwrap();
        let all: Vec<Vec<u32>> = store.taken().iter().map(values).collect();
        // What was under way goes once more: the store knows duplicates.
        assert_eq!(all, [(0..10).collect::<Vec<_>>(), (10..14).collect()]);
    });
}

#[test]
fn the_answer_to_a_batch_that_was_flushed_says_nothing_of_the_next_one() {
    on_stage(async |stage| {
        let answers = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&answers);
        let store = stage.inbox(move |append: &Append| {
            // The two of the flush are kept; the one after them is kept at its second try.
            if count.fetch_add(1, Ordering::Relaxed) == 2 { fails(append) } else { keeps(append) }
        });
        store.stop_answering();
        let batcher = batcher(&stage, &store);
        batcher.mailbox().try_send(samples(0..10)).unwrap();
        store.next().await;
        let flush = batcher.mailbox();
        actix_rt::spawn(async move { flush.send(Flush).await });
        store.next().await;
        batcher.mailbox().try_send(samples(10..20)).unwrap();
        store.next().await;
        store.answer_again();
        assert_eq!(values(&store.next().await), (10..20).collect::<Vec<_>>());
        assert_eq!(dropped(&stage), []);
    });
}
