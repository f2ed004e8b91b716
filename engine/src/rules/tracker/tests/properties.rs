//! What holds for any samples.

use proptest::prelude::*;

use super::*;

/// Samples: how long after the last one, whether high, how late it comes; and whether the service restarts before it.
fn samples() -> impl Strategy<Value = Vec<(i64, bool, i64, bool)>> {
    let step = prop_oneof![8 => 1i64..10, 1 => 10i64..400, 1 => Just(0)];
    let late = prop_oneof![6 => Just(0i64), 1 => 0i64..30, 1 => -50i64..0];
    prop::collection::vec((step, prop::bool::weighted(0.7), late, prop::bool::weighted(0.05)), 1..200)
}

proptest! {
    /// No alert without a breach of at least `for`, and none twice within a cooldown; a restart changes neither.
    #[test]
    fn no_alert_without_its_hold_and_none_twice_within_a_cooldown(all in samples(), hold in 0i64..40, cooldown in 0i64..100) {
        let mut subject = tracker(hold, cooldown);
        let mut ended: Vec<Alert> = Vec::new();
        let (mut now, mut fired): (i64, Vec<i64>) = (1_000, Vec::new());
        // High without a low one since, by the samples that are in order.
        let (mut high_since, mut newest): (Option<i64>, i64) = (None, i64::MIN);
        for (step, high, late, restart) in all {
            now += step;
            if restart {
                let kept: Vec<Alert> = subject.active().into_iter().chain(ended.clone()).collect();
                subject = tracker(hold, cooldown);
                prop_assert!(subject.restore(kept, now * S).is_empty());
            }
            let t = (now - late).min(now);
            if t >= newest {
                newest = t;
                high_since = if high { high_since.or(Some(t)) } else { None };
            }
            // The store knows the newest sample, also after a restart.
            let slot = subject.watch(&cpu(), Some(newest * S)).unwrap();
            subject.observe(slot, (now - late) * S, if high { 0.9 } else { 0.1 }, Judge::Live(now * S));
            for alert in subject.changes() {
                match alert.state {
                    Firing => {
                        let since = high_since.unwrap_or(i64::MAX);
                        prop_assert!(t - since >= hold, "fired at {t}, high since {since}");
                        if let Some(last) = fired.last() {
                            prop_assert!(t - last >= cooldown, "fired at {last} and {t}");
                        }
                        fired.push(t);
                    }
                    Resolved if alert.firing_since.is_some() => ended.push(alert),
                    _ => {}
                }
            }
        }
    }
}
