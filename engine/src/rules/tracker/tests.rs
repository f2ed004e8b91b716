//! What the tracker of alerts promises.

use super::super::{RuleOptions, RuleSpec, Severity};
use super::*;

const S: i64 = 1_000;

fn tracker(hold: i64, cooldown: i64) -> AlertTracker {
    let spec =
        RuleSpec { hold: Span::secs(hold), cooldown: Span::secs(cooldown), ..RuleSpec::alerting("cpu_ratio > 0.8", Severity::Warning) };
    AlertTracker::new(Arc::new(RuleSet::of_settings(&BTreeMap::from([("hot".to_owned(), spec)]), RuleOptions::default()).unwrap()))
}

fn cpu() -> Labels {
    Labels::metric("cpu_ratio", &[])
}

/// Feeds `(second, value)` and returns `(second, state)` of every change.
fn run(tracker: &mut AlertTracker, samples: &[(i64, f64)]) -> Vec<(i64, AlertState)> {
    samples.iter().filter_map(|&(s, v)| Some((s, tracker.observe(0, &cpu(), s * S, v)?.state))).collect()
}

#[test]
fn an_alert_fires_on_the_sample_that_completes_its_time_and_resolves_on_the_first_good_one() {
    use AlertState::{Firing, Pending, Resolved};
    for (hold, cooldown, samples, expected) in [
        (60, 0, vec![(0, 0.9), (30, 0.9), (59, 0.9), (60, 0.9), (65, 0.7)], vec![(0, Pending), (60, Firing), (65, Resolved)]),
        (60, 0, vec![(0, 0.9), (30, 0.8), (60, 0.9), (119, 0.9)], vec![(0, Pending), (30, Resolved), (60, Pending)]),
        (0, 0, vec![(5, 0.81), (6, f64::NAN), (7, 0.1)], vec![(5, Firing), (7, Resolved)]),
        // Within its cooldown an alert stays pending, then fires if it still holds.
        (
            0,
            300,
            vec![(0, 0.9), (10, 0.1), (20, 0.9), (299, 0.9), (300, 0.9)],
            vec![(0, Firing), (10, Resolved), (20, Pending), (300, Firing)],
        ),
        // A sample older than the last evaluated one is ignored.
        (60, 0, vec![(10, 0.9), (5, 0.1), (70, 0.9)], vec![(10, Pending), (70, Firing)]),
    ] {
        assert_eq!(run(&mut tracker(hold, cooldown), &samples), expected, "{hold} {cooldown} {samples:?}");
    }
}

#[test]
fn a_silent_series_ends_its_alert_and_says_so() {
    let mut tracker = tracker(0, 0);
    run(&mut tracker, &[(0, 0.9)]);
    assert!(tracker.tick(NO_SAMPLE_MS).is_empty());
    let ended = tracker.tick(NO_SAMPLE_MS + 1);
    assert_eq!((ended[0].state, ended[0].reason.as_deref()), (AlertState::Resolved, Some("no sample for 5m")));
    assert!(tracker.active().is_empty());
}

#[test]
fn a_standstill_counts_neither_for_the_hold_nor_as_silence() {
    use AlertState::{Firing, Pending};
    let mut still = tracker(60, 0);
    run(&mut still, &[(0, 0.9), (10, 0.9)]);
    still.add_standstill(12 * S, 600 * S);
    assert!(still.tick(700 * S).is_empty(), "silent for 100 s after the standstill");
    // The first sample after it restarts the hold.
    assert_eq!(run(&mut still, &[(601, 0.9), (630, 0.9), (660, 0.9), (661, 0.9)]), [(601, Pending), (661, Firing)]);
    assert_eq!(still.active()[0].pending_since, 601 * S);
    assert!(still.tick(661 * S + NO_SAMPLE_MS).is_empty());
    assert_eq!(still.tick(662 * S + NO_SAMPLE_MS).len(), 1, "silent for longer");
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

#[test]
fn a_restored_tracker_continues_its_alerts() {
    let mut before = tracker(60, 300);
    run(&mut before, &[(0, 0.9)]);
    let kept = before.active();
    let mut after = tracker(60, 300);
    assert!(after.restore(kept.clone(), 30 * S).is_empty());
    assert_eq!(run(&mut after, &[(60, 0.9)]), [(60, AlertState::Firing)]);
    let resolved = after.observe(0, &cpu(), 61 * S, 0.1).unwrap();
    let mut again = tracker(0, 300);
    again.restore(vec![resolved], 62 * S);
    assert_eq!(run(&mut again, &[(62, 0.9), (360, 0.9)]), [(62, AlertState::Pending), (360, AlertState::Firing)]);
    let mut other = AlertTracker::new(Arc::new(RuleSet::default()));
    assert_eq!(other.restore(kept, 5)[0].reason.as_deref(), Some("its rule was changed or removed"));
}

#[test]
fn an_alert_names_what_was_busiest_when_it_fired_until_it_ends() {
    let mut tracker = tracker(0, 0);
    run(&mut tracker, &[(0, 0.9)]);
    let id = tracker.active()[0].id.clone();
    let named = tracker.set_busiest(&id, vec!["cargo (3 processes) 61 %".to_owned(), "sh 2 %".to_owned()]).unwrap();
    assert_eq!(named.summary, "CPU 90 %, above 80 % — at the firing: cargo (3 processes) 61 %, sh 2 %");
    assert!(tracker.set_busiest(&id, vec!["late 1 %".to_owned()]).is_none(), "once");
    run(&mut tracker, &[(1, 0.95)]);
    assert_eq!(tracker.active()[0].summary, "CPU 95 % for 1 s, above 80 % — at the firing: cargo (3 processes) 61 %, sh 2 %");
    let ended = tracker.observe(0, &cpu(), 2 * S, 0.1).unwrap();
    assert_eq!((ended.summary.as_str(), ended.busiest.len()), ("CPU was above 80 % for 2 s", 2));
    assert!(tracker.set_busiest(&id, Vec::new()).is_none(), "resolved");
}

#[test]
fn an_acknowledged_alert_keeps_its_first_mark_until_that_is_taken_back() {
    let mut tracker = tracker(0, 0);
    run(&mut tracker, &[(0, 0.9)]);
    let id = tracker.active()[0].id.clone();
    let mark = |alert: Option<Alert>| alert.map(|alert| (alert.acked_at, alert.note));
    assert_eq!(mark(tracker.acknowledge(&id, None, 5)), Some((Some(5), None)));
    assert_eq!(mark(tracker.acknowledge(&id, Some("on it".to_owned()), 9)), Some((Some(5), Some("on it".to_owned()))));
    assert_eq!(mark(tracker.acknowledge(&id, None, 9)), Some((Some(5), Some("on it".to_owned()))));
    assert_eq!(mark(tracker.take_back_acknowledgement(&id)), Some((None, None)));
    assert_eq!(mark(tracker.acknowledge(&id, None, 11)), Some((Some(11), None)));
    assert!(tracker.acknowledge("none", None, 5).is_none() && tracker.take_back_acknowledgement("none").is_none());
    assert_eq!(tracker.active()[0].summary, "CPU 90 %, above 80 %");
}

#[test]
fn an_alert_that_an_older_version_kept_is_restored() {
    let kept = r#"{"id":"69a5d4f8ef2d1bb4","rule":"hot","severity":"warning","state":"firing","metric":{"__name__":"cpu_ratio"},
        "value":0.9,"op":">","threshold":0.8,"hold_ms":0,"cooldown_ms":0,"pending_since":0,"firing_since":0,"resolved_at":null,
        "last_sample":0,"summary":"cpu_ratio is 90 %, above 80 %","acked_at":null,"reason":null}"#;
    let kept: Alert = serde_json::from_str(kept).unwrap();
    let mut tracker = tracker(0, 0);
    assert!(tracker.restore(vec![kept], S).is_empty());
    assert_eq!(tracker.active().len(), 1);
}
