use std::collections::BTreeMap;

use super::*;
use crate::notices::alert::tests::firing;

const LIMITS: QueueLimits = QueueLimits { per_minute: 0, keep_ms: 86_400_000 };

fn notice(group: &str, alert: &str) -> Notice {
    Notice::new("ops", group, BTreeMap::new(), 0, vec![firing("cpu", alert, 0)])
}

fn queue(limits: QueueLimits) -> Queue {
    Queue::new([("ops".to_owned(), limits)])
}

fn keep(queue: &mut Queue, documents: &mut BTreeMap<String, Vec<u8>>) {
    let changes = queue.take_changes();
    queue.kept(&changes.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>());
    for (key, bytes) in changes {
        match bytes {
            Some(bytes) => documents.insert(key, bytes),
            None => documents.remove(&key),
        };
    }
}

#[test]
fn a_notice_is_delivered_once_it_is_durable_and_survives_a_restart_until_it_is() {
    let (mut queue, mut documents) = (queue(LIMITS), BTreeMap::new());
    queue.push(notice("a", "1"), 0, 0);
    assert_eq!((queue.take_due(0), queue.next_due(0)), (vec![], None));
    keep(&mut queue, &mut documents);
    assert_eq!(queue.take_due(0).len(), 1);
    assert_eq!(queue.take_due(0).len(), 0, "one at a time");
    let mut restarted = Queue::new([("ops".to_owned(), LIMITS)]);
    restarted.restore(&documents.clone().into_iter().collect::<Vec<_>>());
    let due = restarted.take_due(5);
    assert_eq!(due.len(), 1);
    restarted.delivered("ops", due[0].0, 5);
    keep(&mut restarted, &mut documents);
    assert!(documents.is_empty() && restarted.states(5)["ops"].sent == 1);
    // A queue of a channel that is gone is dropped.
    queue.push(notice("b", "2"), 0, 0);
    keep(&mut queue, &mut documents);
    let mut without = Queue::new([]);
    without.restore(&documents.clone().into_iter().collect::<Vec<_>>());
    keep(&mut without, &mut documents);
    assert!(documents.is_empty());
}

#[test]
fn a_channel_that_fails_is_tried_again_after_waits_that_grow_and_nothing_is_lost() {
    let (mut queue, mut documents) = (queue(LIMITS), BTreeMap::new());
    let (mut now, mut tries) = (0, 0);
    let hour = 3_600_000;
    while now < hour {
        if tries % 5 == 0 {
            queue.push(notice("a", &tries.to_string()), now, now);
            keep(&mut queue, &mut documents);
        }
        for (number, _) in queue.take_due(now) {
            tries += 1;
            queue.failed("ops", number, &Failure::Channel { retry_after_ms: None }, "500".to_owned(), now, 1.0);
        }
        now = queue.next_due(now).unwrap();
    }
    assert!((15..25).contains(&tries), "{tries} tries in an hour");
    let state = &queue.states(now)["ops"];
    assert_eq!((state.waiting, state.failed, state.sent), (1, tries, 0));
    let (number, notice) = queue.take_due(now).remove(0);
    assert_eq!(notice.alerts.len(), usize::try_from(tries).unwrap().div_ceil(5), "the notices of the group became one");
    queue.delivered("ops", number, now);
    assert_eq!((queue.states(now)["ops"].last_error.clone(), queue.next_due(now)), (None, None));
}

#[test]
fn a_notice_that_is_refused_holds_no_other_up() {
    let (mut queue, mut documents) = (queue(LIMITS), BTreeMap::new());
    queue.push(notice("bad", "1"), 0, 0);
    queue.push(notice("good", "2"), 0, 0);
    keep(&mut queue, &mut documents);
    let (bad, _) = queue.take_due(0).remove(0);
    queue.failed("ops", bad, &Failure::Notice, "400".to_owned(), 0, 1.0);
    let (good, next) = queue.take_due(0).remove(0);
    assert_eq!(next.group, "good");
    queue.delivered("ops", good, 0);
    assert_eq!((queue.take_due(999).len(), queue.next_due(0)), (0, Some(1_000)));
    assert_eq!(queue.take_due(1_000).len(), 1);
    queue.failed("ops", bad, &Failure::Notice, "400".to_owned(), LIMITS.keep_ms + 1, 1.0);
    assert_eq!(queue.take_due(LIMITS.keep_ms * 2).len(), 0);
    assert_eq!((queue.states(0)["ops"].expired, queue.states(0)["ops"].waiting), (1, 0));
}

#[test]
fn the_rate_and_what_the_receiver_asks_for_are_kept() {
    let (mut queue, mut documents) = (queue(QueueLimits { per_minute: 2, ..LIMITS }), BTreeMap::new());
    for n in 0..4 {
        queue.push(notice(&n.to_string(), "1"), 0, 0);
    }
    keep(&mut queue, &mut documents);
    let mut sent = Vec::new();
    let mut now = 0;
    while let Some(due) = queue.next_due(now) {
        now = due.max(now);
        for (number, _) in queue.take_due(now) {
            queue.delivered("ops", number, now);
            sent.push(now);
        }
    }
    assert_eq!(sent, [0, 0, 60_000, 60_000]);
    queue.push(notice("x", "1"), now, now + 10);
    keep(&mut queue, &mut documents);
    let now = now + 60_000;
    let (number, _) = queue.take_due(now).remove(0);
    queue.failed("ops", number, &Failure::Channel { retry_after_ms: Some(90_000) }, "429".to_owned(), now, 0.0);
    assert_eq!(queue.next_due(now), Some(now + 90_000));
}

#[test]
fn a_queue_is_bounded_and_keeps_every_alert_in_it() {
    let mut queue = queue(LIMITS);
    for n in 0..3_000 {
        queue.push(notice(&n.to_string(), &n.to_string()), n, n);
    }
    assert_eq!(queue.states(0)["ops"].waiting, MAX_WAITING);
    let lane = &queue.lanes["ops"];
    let alerts: usize = lane.waiting.values().map(|waiting| waiting.notice.alerts.len() + waiting.notice.more).sum();
    assert_eq!(alerts, 3_000);
}
