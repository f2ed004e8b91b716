//! What becomes of alerts whose samples stop: their source is silent or gone, or the service stood still.

use super::*;

#[test]
fn an_alert_whose_source_is_silent_is_unknown_until_it_is_heard_again() {
    let mut firing = tracker(0, 0);
    run(&mut firing, &[(0, 0.9)]);
    assert!(firing.tick(SILENT_MS).is_empty());
    let lost = firing.tick(SILENT_MS + 1);
    assert_eq!((lost[0].state, lost[0].unknown_since), (Unknown, Some(SILENT_MS + 1)));
    assert_eq!(lost[0].reason.as_deref(), Some("no sample for 5m: its source is gone, or sends nothing"));
    let said = "CPU is not known any more: no samples since 1970-01-01 00:00 UTC. Before: CPU 90 %, above 80 %";
    assert_eq!(lost[0].headline(), said);
    assert!(firing.tick(SILENT_MS + 2).is_empty(), "once");
    assert_eq!(firing.active()[0].state, Unknown);
    // It is heard again: as it was.
    assert_eq!(run(&mut firing, &[(600, 0.9)]), [(600, Firing)]);
    let again = &firing.active()[0];
    assert_eq!((again.firing_since, again.unknown_since, again.reason.as_deref()), (Some(0), None, None));
    firing.tick(2_000 * S);
    assert_eq!(run(&mut firing, &[(2_001, 0.1)]), [(2_001, Resolved)]);
    // A pending one never fired: nobody has to know.
    let mut pending = tracker(60, 0);
    run(&mut pending, &[(0, 0.9)]);
    let ended = pending.tick(SILENT_MS + 1);
    assert_eq!((ended[0].state, ended[0].reason.as_deref()), (Resolved, Some("no sample for 5m")));
    // In the end it is given up.
    run(&mut firing, &[(3_000, 0.9)]);
    firing.tick(20_000 * S);
    assert_eq!(firing.tick(20_001 * S + KEPT_UNKNOWN_MS)[0].reason.as_deref(), Some("no sample for 7d"));
    assert!(firing.active().is_empty());
}

#[test]
fn a_series_that_ends_ends_its_alert_only_if_its_source_is_there() {
    let stale = f64::from_bits(crate::model::STALE_NAN_BITS);
    for (hold, gone, expected) in
        [(0, true, Some(Unknown)), (0, false, Some(Resolved)), (60, true, Some(Resolved)), (60, false, Some(Resolved))]
    {
        let mut tracker = tracker(hold, 0);
        run(&mut tracker, &[(0, 0.9), (5, stale)]);
        let ended = tracker.ended_series();
        assert_eq!(ended.len(), 1);
        tracker.end_series(&ended[0].id, gone, 5 * S);
        assert_eq!(tracker.changes().first().map(|alert| alert.state), expected, "{hold} {gone}");
        assert!(tracker.ended_series().is_empty());
    }
}

#[test]
fn a_standstill_counts_neither_for_the_hold_nor_as_silence() {
    let mut still = tracker(60, 0);
    run(&mut still, &[(0, 0.9), (10, 0.9)]);
    still.add_standstill(12 * S, 600 * S);
    assert!(still.tick(700 * S).is_empty(), "silent for 100 s after the standstill");
    // The first sample after it restarts the hold.
    assert_eq!(run(&mut still, &[(601, 0.9), (630, 0.9), (660, 0.9), (661, 0.9)]), [(601, Pending), (661, Firing)]);
    assert_eq!(still.active()[0].pending_since, 601 * S);
    assert!(still.tick(661 * S + SILENT_MS).is_empty());
    assert_eq!(still.tick(662 * S + SILENT_MS).len(), 1, "silent for longer");
    // Somebody else watched the series meanwhile and sends it now.
    let mut watched = tracker(60, 0);
    run(&mut watched, &[(0, 0.9), (10, 0.9)]);
    watched.add_standstill(12 * S, 600 * S);
    assert_eq!(run(&mut watched, &[(40, 0.9), (70, 0.9)]), [(70, Firing)]);
    // A firing alert keeps firing.
    let mut firing = tracker(0, 0);
    run(&mut firing, &[(0, 0.9)]);
    firing.add_standstill(S, 1_000 * S);
    assert_eq!(run(&mut firing, &[(1_001, 0.9)]), []);
    assert_eq!(firing.active()[0].firing_since, Some(0));
}
