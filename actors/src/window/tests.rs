//! What the window aggregators promise, over a real store and by a clock of its own.

use taskpulse_engine::model::Labels;

use super::*;
use crate::supervisor::ActorHandle;
use crate::testing::{Inbox, NOON, Stage, on_stage};

const IDLE_AFTER: Duration = Duration::from_secs(120);
const MINUTE: i64 = 60_000;

/// The aggregator of a level, and the inboxes that it sends to.
struct Setup {
    actor: ActorHandle<WindowAggregatorActor>,
    hub: Inbox<Closed>,
    above: Inbox<Advanced>,
}

fn setup(stage: &Stage, level: Level) -> Setup {
    let (hub, above) = (stage.inbox(|_: &Closed| ()), stage.inbox(|_: &Advanced| ()));
    let outputs = WindowOutputs { hub: hub.mailbox(), above: Some(above.mailbox()) };
    let (clock, store, stats, followed) = (stage.clock.clone(), Arc::clone(&stage.store), Arc::clone(&stage.stats), stage.followed.clone());
    let make = move || {
        let (store, stats) = (Arc::clone(&store), Arc::clone(&stats));
        WindowAggregatorActor::new(clock.clone(), level, store, stats, followed.clone(), IDLE_AFTER, outputs.clone())
    };
    Setup { actor: stage.start("windows", make), hub, above }
}

fn heat() -> Labels {
    Labels::metric("heat", &[])
}

/// Somebody follows a level from here on, or nobody any level.
fn follow(stage: &Stage, level: Option<Level>) {
    stage.followed.set(level.map(Some).into_iter());
}

/// Start in minutes since noon, count and sum of each row.
fn rows(closed: &Closed) -> Vec<(i64, f64, f64)> {
    closed.rows.iter().map(|(_, row)| ((row.start - NOON) / MINUTE, row.count, row.sum)).collect()
}

impl Setup {
    async fn hear(&self, stage: &Stage, t: TimestampMs, v: f64) {
        let stored = stage.append_at(&heat(), t, v);
        self.actor.mailbox().try_send(StoredBatch(stored)).unwrap();
        stage.settle().await;
    }
}

#[test]
fn a_window_closes_with_the_sample_that_is_past_its_end_and_lateness() {
    on_stage(async |stage| {
        follow(&stage, Some(Level::M1));
        let s = setup(&stage, Level::M1);
        // The store allows half a minute for what comes late.
        for (second, v) in [(30, 1.0), (59, 2.0), (70, 4.0), (89, 8.0)] {
            s.hear(&stage, NOON + second * 1_000, v).await;
        }
        assert!(s.hub.taken().is_empty() && s.above.taken().is_empty());
        s.hear(&stage, NOON + 90_000, 16.0).await;
        assert_eq!(s.hub.taken().iter().map(rows).collect::<Vec<_>>(), [[(0, 2.0, 3.0)]]);
        let Advanced(spans) = s.above.next().await;
        assert_eq!(spans.iter().map(|(_, from, to)| (*from, *to)).collect::<Vec<_>>(), [(NOON, NOON + MINUTE)]);
        assert_eq!(stage.stats.windows_closed[Level::M1.index()].load(Ordering::Relaxed), 1);
    });
}

#[test]
fn no_row_is_worked_out_for_a_level_that_nobody_follows() {
    on_stage(async |stage| {
        follow(&stage, Some(Level::M5));
        let s = setup(&stage, Level::M1);
        for minute in 0..4 {
            s.hear(&stage, NOON + minute * MINUTE + 31_000, 1.0).await;
        }
        assert!(s.hub.taken().is_empty());
        assert_eq!(s.above.taken().len(), 3, "longer levels hear of it all the same");
    });
}

#[test]
fn a_silent_series_is_closed_after_its_time() {
    on_stage(async |stage| {
        follow(&stage, Some(Level::M1));
        let s = setup(&stage, Level::M1);
        s.hear(&stage, NOON + 31_000, 5.0).await;
        stage.pass(IDLE_AFTER - Duration::from_secs(2)).await;
        assert!(s.hub.taken().is_empty());
        stage.pass(Duration::from_secs(17)).await;
        assert_eq!(s.hub.taken().iter().map(rows).collect::<Vec<_>>(), [[(0, 1.0, 5.0)]]);
    });
}

#[test]
fn a_level_tells_the_next_one_only_of_its_own_whole_windows() {
    on_stage(async |stage| {
        let s = setup(&stage, Level::M5);
        let id = stage.append_at(&heat(), NOON, 1.0).ids[0];
        let advance = |from: i64, to: i64| Advanced(Arc::new(vec![(id, NOON + from * MINUTE, NOON + to * MINUTE)]));
        for (from, to) in [(0, 1), (1, 4), (4, 6), (6, 16)] {
            s.actor.mailbox().try_send(advance(from, to)).unwrap();
        }
        stage.settle().await;
        let spans: Vec<_> =
            s.above.taken().iter().map(|Advanced(spans)| ((spans[0].1 - NOON) / MINUTE, (spans[0].2 - NOON) / MINUTE)).collect();
        assert_eq!(spans, [(0, 5), (5, 15)]);
        assert_eq!(stage.stats.windows_closed[Level::M5.index()].load(Ordering::Relaxed), 2);
    });
}

#[test]
fn followers_get_with_the_next_sweep_what_a_lost_message_did_not_say() {
    on_stage(async |stage| {
        follow(&stage, Some(Level::M1));
        let s = setup(&stage, Level::M1);
        s.hear(&stage, NOON + 30_000, 1.0).await;
        s.hear(&stage, NOON + 90_000, 2.0).await;
        assert_eq!(s.hub.taken().iter().map(rows).collect::<Vec<_>>(), [[(0, 1.0, 1.0)]]);
        // Two more minutes close, but nobody says so.
        stage.append_at(&heat(), NOON + 150_000, 4.0);
        stage.append_at(&heat(), NOON + 210_000, 8.0);
        stage.settle().await;
        assert!(s.hub.taken().is_empty());
        stage.pass(SWEEP).await;
        assert_eq!(s.hub.taken().iter().map(rows).collect::<Vec<_>>(), [[(1, 1.0, 2.0), (2, 1.0, 4.0)]]);
        stage.pass(SWEEP).await;
        assert!(s.hub.taken().is_empty(), "each row once");
    });
}

#[cfg(feature = "failpoints")]
#[test]
fn a_panic_counts_no_window_twice() {
    on_stage(async |stage| {
        follow(&stage, Some(Level::M1));
        let s = setup(&stage, Level::M1);
        s.hear(&stage, NOON + 30_000, 1.0).await;
        s.hear(&stage, NOON + 90_000, 2.0).await;
        stage.break_next("windows");
        stage.pass(SWEEP + Duration::from_secs(1)).await;
        s.hear(&stage, NOON + 150_000, 4.0).await;
        assert_eq!(stage.status("windows").restarts, 1);
        assert_eq!(s.hub.taken().iter().map(rows).collect::<Vec<_>>(), [[(0, 1.0, 1.0)], [(1, 1.0, 2.0)]]);
    });
}
