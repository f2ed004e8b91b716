//! What the tracker of alerts promises.

mod properties;
mod queries;
mod silence;

use std::collections::BTreeMap;

use super::super::{RuleOptions, RuleSpec, Severity};
use super::*;

const S: i64 = 1_000;
use AlertState::{Firing, Pending, Resolved, Unknown};

/// A tracker of one rule, as the settings write it.
fn tracker_of(rule: &str) -> AlertTracker {
    let spec: RuleSpec = serde_json::from_str(&format!("{{{rule}}}")).unwrap();
    AlertTracker::new(Arc::new(RuleSet::of_settings(&BTreeMap::from([("hot".to_owned(), spec)]), RuleOptions::default()).unwrap()))
}

fn tracker(hold: i64, cooldown: i64) -> AlertTracker {
    tracker_of(&format!(r#""expr": "cpu_ratio > 0.8", "severity": "warning", "for": "{hold}s", "cooldown": "{cooldown}s""#))
}

fn cpu() -> Labels {
    Labels::metric("cpu_ratio", &[])
}

/// Judges a sample of a series that comes at second `now`.
fn judge(tracker: &mut AlertTracker, series: &Labels, s: i64, v: f64, now: i64) -> Vec<Alert> {
    let slot = tracker.watch(series, None).unwrap();
    tracker.observe(slot, s * S, v, Judge::Live(now * S));
    tracker.changes()
}

/// Feeds `(second, value)`, each as it is measured or after those before it, and returns `(second, state)` of every change.
fn run(tracker: &mut AlertTracker, samples: &[(i64, f64)]) -> Vec<(i64, AlertState)> {
    let mut now = 0;
    samples
        .iter()
        .flat_map(|&(s, v)| {
            now = now.max(s);
            judge(tracker, &cpu(), s, v, now).into_iter().map(move |alert| (s, alert.state))
        })
        .collect()
}

#[test]
fn an_alert_fires_on_the_sample_that_completes_its_time_and_resolves_on_the_first_good_one() {
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
fn a_rule_may_hold_on_clear_late_or_count() {
    for (rule, samples, expected) in [
        (r#""clear": 0.6"#, vec![(0, 0.7), (1, 0.9), (2, 0.7), (3, 0.6)], vec![(1, Firing), (3, Resolved)]),
        // Not while it is pending: it was not high for all of its time.
        (
            r#""clear": 0.6, "for": "3s""#,
            vec![(0, 0.9), (1, 0.7), (2, 0.9), (5, 0.9)],
            vec![(0, Pending), (1, Resolved), (2, Pending), (5, Firing)],
        ),
        (r#""keep_firing_for": "5s""#, vec![(0, 0.9), (1, 0.1), (5, 0.1), (6, 0.1)], vec![(0, Firing), (6, Resolved)]),
        (r#""keep_firing_for": "5s""#, vec![(0, 0.9), (1, 0.1), (3, 0.9), (7, 0.1), (12, 0.1)], vec![(0, Firing), (12, Resolved)]),
        (r#""count": "2 of 3""#, vec![(0, 0.9), (1, 0.1), (2, 0.9), (3, 0.1), (4, 0.1)], vec![(2, Firing), (3, Resolved)]),
        (r#""count": "2 of 3""#, vec![(0, 0.9), (1, 0.1), (2, 0.1), (3, 0.9), (4, 0.9), (5, 0.1)], vec![(4, Firing)]),
        (r#""count": "3 of 3", "for": "2s""#, vec![(0, 0.9), (1, 0.9), (2, 0.9), (3, 0.9), (4, 0.9)], vec![(2, Pending), (4, Firing)]),
    ] {
        assert_eq!(run(&mut tracker_of(&format!(r#""expr": "cpu_ratio > 0.8", {rule}"#)), &samples), expected, "{rule} {samples:?}");
    }
}

#[test]
fn a_gap_of_more_than_a_few_intervals_breaks_a_hold() {
    let every = |from: i64, to: i64, step: i64| (from..=to).step_by(step as usize).map(|s| (s, 0.9)).collect::<Vec<_>>();
    for (samples, expected) in [
        // Two samples 55 minutes apart say nothing of the time between.
        (vec![(0, 0.9), (3_300, 0.9)], vec![(0, Pending), (3_300, Pending)]),
        ([every(0, 30, 5), every(3_300, 3_300, 5)].concat(), vec![(0, Pending), (3_300, Pending)]),
        ([every(0, 30, 5), every(65, 125, 5)].concat(), vec![(0, Pending), (65, Pending), (125, Firing)]),
        // A scrape that failed, and one that was late, break nothing.
        ([every(0, 30, 15), every(75, 75, 15)].concat(), vec![(0, Pending), (75, Firing)]),
        // A series with a sample an hour is judged by its own measure, once that is known.
        (vec![(0, 0.9), (3_600, 0.9), (7_200, 0.9)], vec![(0, Pending), (3_600, Pending), (7_200, Firing)]),
    ] {
        assert_eq!(run(&mut tracker(60, 0), &samples), expected, "{samples:?}");
    }
}

#[test]
fn what_comes_late_or_from_the_past_or_the_future_is_not_news() {
    // The second in which a sample was measured, its value, and the second in which it comes.
    for (samples, expected) in [
        // A late breach while the newest sample is good.
        (vec![(10, 0.1, 10), (5, 0.9, 11)], vec![]),
        // A late good sample ends nothing.
        (vec![(10, 0.9, 10), (5, 0.1, 11)], vec![(10, Firing)]),
        // An import of history.
        (vec![(0, 0.9, 2_592_000), (100, 0.9, 2_592_000), (2_591_000, 0.9, 2_592_000)], vec![]),
        (vec![(0, 0.9, 2_592_000), (2_591_990, 0.9, 2_592_000)], vec![(2_591_990, Firing)]),
        // A sample from the future is of now, and shuts no good one out.
        (vec![(3_600, 0.9, 10), (11, 0.1, 11), (12, 0.9, 12)], vec![(10, Firing), (11, Resolved), (12, Firing)]),
        // The clock went back: samples go on.
        (vec![(5_000, 0.9, 5_000), (100, 0.9, 100), (105, 0.1, 105)], vec![(5_000, Firing), (105, Resolved)]),
    ] {
        let mut tracker = tracker(0, 0);
        let mut changes = Vec::new();
        for &(s, v, now) in &samples {
            changes.extend(judge(&mut tracker, &cpu(), s, v, now).into_iter().map(|alert| {
                let at = alert.resolved_at.or(alert.firing_since).unwrap_or(alert.pending_since);
                assert!(at <= now * S, "{samples:?}: {at}");
                (at / S, alert.state)
            }));
        }
        assert_eq!(changes, expected, "{samples:?}");
    }
    let mut tracker = tracker(0, 0);
    for (s, v, now) in [(10, 0.1, 10), (5, 0.9, 11), (99, 0.1, 12), (20, f64::NAN, 20), (21, 0.1, 900)] {
        judge(&mut tracker, &cpu(), s, v, now);
    }
    assert_eq!(tracker.counts(0), Counts { late: 1, history: 1, ahead: 1, nan: 1, over_limit: 0 });
    assert_eq!(tracker.judged(0), Some(12 * S));
}

#[test]
fn what_was_stored_before_says_whether_a_sample_is_late() {
    let mut tracker = tracker(0, 0);
    let slot = tracker.watch(&cpu(), Some(50 * S)).unwrap();
    tracker.observe(slot, 40 * S, 0.9, Judge::Live(60 * S));
    assert!(tracker.changes().is_empty());
    tracker.observe(slot, 50 * S, 0.9, Judge::Live(60 * S));
    assert_eq!(tracker.changes().len(), 1);
}

#[test]
fn a_pending_alert_begins_anew_after_the_clock_went_back() {
    let mut tracker = tracker(60, 0);
    for (s, now) in [(5_000, 5_000), (5_010, 5_010), (100, 100), (130, 130), (159, 159)] {
        assert!(judge(&mut tracker, &cpu(), s, 0.9, now).iter().all(|alert| alert.state == Pending), "{s}");
    }
    assert_eq!(judge(&mut tracker, &cpu(), 160, 0.9, 160)[0].state, Firing);
}

#[test]
fn two_hosts_have_an_alert_and_a_cooldown_each() {
    let host = |name| Labels::metric("cpu_ratio", &[("instance", name)]);
    let mut tracker = tracker(0, 300);
    let a = judge(&mut tracker, &host("a"), 0, 0.9, 0);
    let b = judge(&mut tracker, &host("b"), 0, 0.95, 0);
    assert_eq!((a[0].state, b[0].state, a[0].id == b[0].id), (Firing, Firing, false));
    assert_eq!(judge(&mut tracker, &host("a"), 1, 0.1, 1)[0].state, Resolved);
    assert_eq!(tracker.active().len(), 1);
    assert_eq!(judge(&mut tracker, &host("a"), 2, 0.9, 2)[0].state, Pending);
}

#[test]
fn a_rule_has_no_more_alerts_than_there_may_be() {
    let mut tracker = tracker(0, 0);
    for n in 0..=MAX_OF_RULE {
        judge(&mut tracker, &Labels::metric("cpu_ratio", &[("n", &n.to_string())]), 0, 0.9, 0);
    }
    assert_eq!((tracker.active().len(), tracker.counts(0).over_limit), (MAX_OF_RULE, 1));
}

#[test]
fn a_restored_tracker_continues_its_alerts() {
    let mut before = tracker(60, 300);
    run(&mut before, &[(0, 0.9)]);
    let kept = before.active();
    let mut after = tracker(60, 300);
    assert!(after.restore(kept.clone(), 30 * S).is_empty());
    assert_eq!(run(&mut after, &[(60, 0.9)]), [(60, Firing)]);
    let resolved = judge(&mut after, &cpu(), 61, 0.1, 61).remove(0);
    let mut again = tracker(0, 300);
    again.restore(vec![resolved], 62 * S);
    assert_eq!(run(&mut again, &[(62, 0.9), (360, 0.9)]), [(62, Pending), (360, Firing)]);
    let mut other = AlertTracker::new(Arc::new(RuleSet::default()));
    assert_eq!(other.restore(kept.clone(), 5)[0].reason.as_deref(), Some("its rule was changed or removed"));
    // Off for too long: what it knew of the hold is of no use.
    let mut late = tracker(60, 300);
    late.restore(kept, 3_300 * S);
    assert_eq!(run(&mut late, &[(3_300, 0.9)]), [(3_300, Pending)]);
    // Off for long while firing: silence counts from the start.
    let mut fired = tracker(0, 0);
    run(&mut fired, &[(0, 0.9)]);
    let mut restarted = tracker(0, 0);
    restarted.restore(fired.active(), 9_000 * S);
    assert!(restarted.tick(9_001 * S).is_empty());
    assert_eq!(run(&mut restarted, &[(9_002, 0.9), (9_003, 0.1)]), [(9_003, Resolved)]);
}

#[test]
fn other_rules_leave_the_alerts_of_those_that_stay() {
    let rules = |text: &str| {
        let specs: BTreeMap<String, RuleSpec> = serde_json::from_str(text).unwrap();
        Arc::new(RuleSet::of_settings(&specs, RuleOptions::default()).unwrap())
    };
    let mut tracker = AlertTracker::new(rules(r#"{"a": {"expr": "cpu_ratio > 0.8", "cooldown": "1h"}, "b": {"expr": "cpu_ratio > 0.7"}}"#));
    assert_eq!(run(&mut tracker, &[(0, 0.9)]), [(0, Firing), (0, Firing)]);
    let ended = tracker.replace_rules(
        rules(r#"{"a": {"expr": "cpu_ratio > 0.8", "cooldown": "1h", "severity": "info"}, "b": {"expr": "cpu_ratio > 0.5"}}"#),
        S,
    );
    assert_eq!(ended.iter().map(|alert| alert.rule.as_str()).collect::<Vec<_>>(), ["b"]);
    assert_eq!(tracker.active().iter().map(|alert| (alert.rule.as_str(), alert.severity)).collect::<Vec<_>>(), [("a", Severity::Info)]);
    assert_eq!(run(&mut tracker, &[(2, 0.6)]), [(2, Resolved), (2, Firing)]);
    assert_eq!(run(&mut tracker, &[(3, 0.9)]), [(3, Pending)], "its cooldown goes on");
}

#[test]
fn an_alert_keeps_its_explanation_until_it_ends() {
    let mut tracker = tracker(0, 0);
    run(&mut tracker, &[(0, 0.9)]);
    let id = tracker.active()[0].id.clone();
    let explanation =
        Arc::new(Explanation { lines: vec!["Most CPU over 5 s: cargo 61 %".to_owned(), "more".to_owned()], ..Explanation::default() });
    assert!(tracker.explain(&id, 7, explanation.clone()).is_none(), "of another firing");
    let explained = tracker.explain(&id, 0, explanation.clone()).unwrap();
    let (_, annotations) = explained.shown();
    assert_eq!(
        (annotations["summary"].as_str(), annotations["explanation"].as_str()),
        ("CPU 90 %, above 80 %", "Most CPU over 5 s: cargo 61 %\nmore")
    );
    run(&mut tracker, &[(1, 0.95)]);
    assert_eq!(tracker.active()[0].explanation.as_ref(), Some(&explanation));
    let ended = judge(&mut tracker, &cpu(), 2, 0.1, 2).remove(0);
    assert_eq!((ended.summary.as_str(), ended.explanation), ("CPU was above 80 % for 2 s", Some(explanation.clone())));
    assert!(tracker.explain(&id, 0, explanation).is_none(), "resolved");
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
fn alerts_are_series_while_they_are_pending_or_firing_and_end_with_a_stale_marker() {
    let mut tracker = tracker_of(r#""expr": "cpu_ratio > 0.8", "for": "10s", "severity": "error", "labels": {"team": "x"}"#);
    let series = Labels::metric("cpu_ratio", &[("host", "a")]);
    let sorted = |mut rows: Vec<String>| {
        rows.sort();
        rows
    };
    let written = |tracker: &mut AlertTracker, s: i64| {
        let mut rows: Vec<String> = tracker
            .alert_series(0..1, s * S)
            .into_iter()
            .map(|(labels, t, v)| {
                format!("{labels} {} {}", t / S, if crate::model::is_stale_marker(v) { "stale".to_owned() } else { v.to_string() })
            })
            .collect();
        rows.sort();
        rows
    };
    let alerts = |state: &str| format!(r#"ALERTS{{alertname="hot",alertstate="{state}",host="a",severity="error",team="x"}}"#);
    let since = r#"ALERTS_FOR_STATE{alertname="hot",host="a",severity="error",team="x"}"#;
    assert!(written(&mut tracker, 0).is_empty());
    judge(&mut tracker, &series, 5, 0.9, 5);
    assert_eq!(written(&mut tracker, 6), sorted(vec![format!("{} 6 1", alerts("pending")), format!("{since} 6 5")]));
    judge(&mut tracker, &series, 15, 0.9, 15);
    // A restart meanwhile knows what was written.
    let kept = tracker.active();
    tracker = tracker_of(r#""expr": "cpu_ratio > 0.8", "for": "10s", "severity": "error", "labels": {"team": "x"}"#);
    tracker.restore(kept, 16 * S);
    assert_eq!(written(&mut tracker, 16), sorted(vec![format!("{} 16 1", alerts("firing")), format!("{since} 16 5")]));
    judge(&mut tracker, &series, 17, 0.1, 17);
    assert_eq!(written(&mut tracker, 18), sorted(vec![format!("{} 18 stale", alerts("firing")), format!("{since} 18 stale")]));
    assert!(written(&mut tracker, 19).is_empty());
    // From pending to firing.
    judge(&mut tracker, &series, 20, 0.9, 20);
    written(&mut tracker, 21);
    judge(&mut tracker, &series, 30, 0.9, 30);
    assert_eq!(
        written(&mut tracker, 31),
        sorted(vec![format!("{} 31 1", alerts("firing")), format!("{} 31 stale", alerts("pending")), format!("{since} 31 20")])
    );
}

#[test]
fn an_alert_that_an_older_version_kept_is_restored() {
    let kept = r#"{"id":"196a370c6bc08d74","rule":"hot","severity":"warning","state":"firing","metric":{"__name__":"cpu_ratio"},
        "value":0.9,"op":">","threshold":0.8,"hold_ms":0,"cooldown_ms":0,"pending_since":0,"firing_since":0,"resolved_at":null,
        "last_sample":0,"summary":"cpu_ratio is 90 %, above 80 %","acked_at":null,"reason":null}"#;
    let kept: Alert = serde_json::from_str(kept).unwrap();
    assert_eq!(kept.id, AlertId::new("hot", &cpu()).to_string());
    let mut tracker = tracker(0, 0);
    assert!(tracker.restore(vec![kept], S).is_empty());
    assert_eq!(tracker.active().len(), 1);
    assert_eq!(run(&mut tracker, &[(1, 0.1)]), [(1, Resolved)]);
}

#[test]
fn the_sentence_of_what_is_down_has_the_reason_that_its_source_gives() {
    let why = Arc::new(parking_lot::Mutex::new(Some("connection refused")));
    let said = Arc::clone(&why);
    let of_probes: Reasons = Arc::new(move |series| said.lock().filter(|_| series.name() == "probe_success").map(str::to_owned));
    let specs = serde_json::from_str(r#"{"down": {"expr": "probe_success == 0"}, "hot": {"expr": "cpu_ratio > 0.8"}}"#).unwrap();
    let mut tracker = AlertTracker::new(Arc::new(RuleSet::of_settings(&specs, RuleOptions::default()).unwrap())).with_reasons(of_probes);
    let (probe, cpu) = (Labels::metric("probe_success", &[("target", "database")]), Labels::metric("cpu_ratio", &[]));
    let mut judge = |series: &Labels, t: i64, v: f64, reason: Option<&'static str>| {
        *why.lock() = reason;
        let slot = tracker.watch(series, None).unwrap();
        tracker.observe(slot, t, v, Judge::Live(t));
        tracker.changes();
        tracker.active().first().map(|alert| (alert.summary.clone(), alert.source_reason.clone()))
    };
    let refused = Some("connection refused".to_owned());
    assert_eq!(
        judge(&probe, 1_000, 0.0, Some("connection refused")),
        Some(("database is down: connection refused".to_owned(), refused.clone()))
    );
    // A source that says nothing now said something before.
    assert_eq!(judge(&probe, 6_000, 0.0, None), Some(("database is down for 5 s: connection refused".to_owned(), refused)));
    assert_eq!(judge(&probe, 11_000, 0.0, Some("no answer")).unwrap().0, "database is down for 10 s: no answer");
    assert_eq!(judge(&probe, 16_000, 1.0, Some("of before")), None);
    assert_eq!(judge(&cpu, 1_000, 0.9, Some("no reason")).unwrap().1, None, "a figure has no reason");
}
