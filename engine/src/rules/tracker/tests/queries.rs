//! Rules that are evaluated at instants.

use parking_lot::Mutex;

use super::super::super::{EvaluationLimits, GroupInstant, GroupOutcome, GroupSpec, NamedRule, Recorded, RuleOptions};
use super::*;
use crate::model::{Columns, STALE_NAN_BITS, is_stale_marker};
use crate::promql::tests::Memory;

fn limits() -> EvaluationLimits {
    EvaluationLimits { max_samples: 100_000, max_bytes: 64 << 20, ..EvaluationLimits::for_tests() }
}

/// One group over series in memory. What it writes is added to them.
struct Group {
    rules: Arc<RuleSet>,
    tracker: Mutex<AlertTracker>,
    recorded: Mutex<Recorded>,
    memory: Memory,
}

impl Group {
    fn new(rules: &[(&str, &str)]) -> Self {
        Self::of(GroupSpec { name: "g".to_owned(), file: "f".to_owned(), ..GroupSpec::default() }, rules)
    }

    fn of(mut group: GroupSpec, rules: &[(&str, &str)]) -> Self {
        let rule = |(name, spec): &(&str, &str)| NamedRule {
            name: (*name).to_owned(),
            spec: serde_json::from_str(&format!("{{{spec}}}")).unwrap(),
        };
        group.rules = rules.iter().map(rule).collect();
        let rules = Arc::new(RuleSet::new(&[group], RuleOptions { on_samples: false, ..RuleOptions::default() }).unwrap());
        let tracker = Mutex::new(AlertTracker::new(Arc::clone(&rules)));
        Self { rules, tracker, recorded: Mutex::default(), memory: Memory(Vec::new()) }
    }

    fn put(&mut self, labels: &Labels, s: i64, v: f64) {
        let series = &mut self.memory.0;
        let at = series.iter().position(|(known, _)| known == labels).unwrap_or_else(|| {
            series.push((labels.clone(), Columns::default()));
            series.len() - 1
        });
        series[at].1.times.push(s * S);
        series[at].1.values.push(v);
    }

    fn evaluate(&mut self, s: i64) -> GroupOutcome {
        let limits = limits();
        let instant = GroupInstant { rules: &self.rules, group: 0, t: s * S, limits: &limits };
        let outcome = instant.evaluate(&self.memory, &self.tracker, &self.recorded);
        for (labels, t, v) in outcome.rows.clone() {
            self.put(&labels, t / S, v);
        }
        outcome
    }

    /// States of the alerts that changed at each second.
    fn states(&mut self, seconds: &[i64]) -> Vec<(i64, AlertState)> {
        seconds.iter().flat_map(|&s| self.evaluate(s).changes.into_iter().map(move |alert| (s, alert.state)).collect::<Vec<_>>()).collect()
    }
}

fn level(host: &str) -> Labels {
    Labels::metric("level", &[("host", host)])
}

fn shown(rows: &[(Labels, TimestampMs, f64)]) -> Vec<String> {
    let value = |v: f64| if is_stale_marker(v) { "stale".to_owned() } else { v.to_string() };
    let mut rows: Vec<String> = rows.iter().map(|(labels, t, v)| format!("{labels} {} {}", t / S, value(*v))).collect();
    rows.sort();
    rows
}

#[test]
fn each_series_of_a_result_is_an_alert() {
    let mut group = Group::new(&[("high", r#""expr": "sum by (host) (level) > 5", "for": "30s", "labels": {"team": "x"}"#)]);
    for (s, a, b) in [(0, 9.0, 9.0), (15, 9.0, 1.0), (30, 9.0, 9.0)] {
        group.put(&level("a"), s, a);
        group.put(&level("b"), s, b);
        group.evaluate(s);
    }
    let active = group.tracker.lock().active();
    let states: Vec<_> = active.iter().map(|alert| (alert.metric.in_braces(), alert.state, alert.value, alert.pending_since / S)).collect();
    assert_eq!(states, [(r#"{host="a"}"#.to_owned(), Firing, 9.0, 0), (r#"{host="b"}"#.to_owned(), Pending, 9.0, 30)]);
    assert_eq!(
        active[0].identity().into_iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join(" "),
        "alertname=high host=a team=x"
    );
}

#[test]
fn later_rules_of_a_group_see_what_earlier_ones_gave() {
    let mut group = Group::new(&[
        ("host:level:sum", r#""record": "host:level:sum", "expr": "sum by (host) (level)", "labels": {"by": "rule", "host": ""}"#),
        ("high", r#""expr": "host:level:sum > 5""#),
        ("double", r#""record": "double", "expr": "host:level:sum * 2""#),
        ("firing", r#""record": "firing", "expr": "count(ALERTS{alertstate=\"firing\"})""#),
    ]);
    group.put(&level("a"), 0, 9.0);
    let outcome = group.evaluate(0);
    let rows = shown(&outcome.rows);
    assert_eq!(
        rows,
        [
            r#"ALERTS_FOR_STATE{alertname="high",by="rule"} 0 0"#,
            r#"ALERTS{alertname="high",alertstate="firing",by="rule"} 0 1"#,
            r#"double{by="rule"} 0 18"#,
            "firing 0 1",
            r#"host:level:sum{by="rule"} 0 9"#,
        ]
    );
    assert_eq!(outcome.reports.iter().map(|report| (report.series, report.error.clone())).collect::<Vec<_>>(), vec![(1, None); 4]);
    // What is given no more ends.
    group.put(&level("a"), 15, f64::from_bits(STALE_NAN_BITS));
    let rows = shown(&group.evaluate(15).rows);
    assert_eq!(rows.iter().filter(|row| row.ends_with("15 stale")).count(), 5, "{rows:?}");
}

#[test]
fn an_alert_whose_inputs_are_gone_is_unknown_and_not_resolved() {
    for (rule, silent, low) in [
        (r#""expr": "sum by (host) (level) > 5""#, Unknown, Resolved),
        // What is no comparison cannot tell.
        (r#""expr": "level and level > 5""#, Resolved, Resolved),
    ] {
        for (second, expected) in [(None, silent), (Some(1.0), low)] {
            let mut group = Group::new(&[("high", rule)]);
            group.put(&level("a"), 0, 9.0);
            assert_eq!(group.states(&[0]), [(0, Firing)], "{rule}");
            match second {
                Some(v) => group.put(&level("a"), 400, v),
                None => group.put(&level("b"), 400, 1.0),
            }
            assert_eq!(group.states(&[400, 415]), [(400, expected)], "{rule} {second:?}");
        }
    }
    let mut group = Group::new(&[("high", r#""expr": "sum by (host) (level) > 5""#)]);
    group.put(&level("a"), 0, 9.0);
    group.states(&[0, 400]);
    group.put(&level("a"), 410, 8.0);
    assert_eq!(group.states(&[415]), [(415, Firing)]);
    group.put(&level("a"), 420, 1.0);
    assert_eq!(group.states(&[430]), [(430, Resolved)]);
}

#[test]
fn a_hold_is_broken_by_evaluations_that_are_missing() {
    let mut group = Group::new(&[("high", r#""expr": "sum(level) > 5", "for": "1m""#)]);
    for s in (0..4_000).step_by(15) {
        group.put(&level("a"), s, 9.0);
    }
    assert_eq!(group.states(&[0, 15, 30, 3_300, 3_315, 3_345, 3_360]), [(0, Pending), (3_300, Pending), (3_360, Firing)]);
}

#[test]
fn what_clears_an_alert_may_be_an_expression_or_another_limit() {
    for rule in [
        r#""expr": "sum by (host) (level) > 5", "clear": 2"#,
        r#""expr": "sum by (host) (level) > 5", "clear": "sum by (host) (level) <= 2""#,
    ] {
        let mut group = Group::new(&[("high", rule)]);
        let mut states = Vec::new();
        for (s, v) in [(0, 3.0), (15, 9.0), (30, 3.0), (45, 9.0), (60, 3.0), (75, 2.0), (90, 3.0)] {
            group.put(&level("a"), s, v);
            states.extend(group.states(&[s]));
        }
        assert_eq!(states, [(15, Firing), (75, Resolved)], "{rule}");
    }
}

#[test]
fn a_count_is_of_evaluations() {
    let mut group = Group::new(&[("high", r#""expr": "sum(level) > 5", "count": "2 of 3""#)]);
    let mut states = Vec::new();
    for (s, v) in [(0, 9.0), (15, 1.0), (30, 1.0), (45, 9.0), (60, 1.0), (75, 9.0), (90, 1.0), (105, 1.0)] {
        group.put(&level("a"), s, v);
        states.extend(group.states(&[s]));
    }
    assert_eq!(states, [(75, Firing), (90, Resolved)]);
}

#[test]
fn absence_is_an_alert_of_each_series_that_was_there() {
    let mut group = Group::new(&[("gone", r#""absent": "level{zone=\"x\"}", "for": "1m""#)]);
    let series = |host| Labels::metric("level", &[("host", host), ("zone", "x")]);
    assert_eq!(group.states(&[0]), [(0, Pending)]);
    assert_eq!(group.tracker.lock().active()[0].metric.in_braces(), r#"{zone="x"}"#, "nothing matches");
    for s in (15..600).step_by(15) {
        group.put(&series("a"), s, 1.0);
        if s < 200 {
            group.put(&series("b"), s, 1.0);
        }
    }
    assert_eq!(group.states(&[15]), [(15, Resolved)]);
    let all: Vec<i64> = (30..=600).step_by(15).collect();
    assert_eq!(group.states(&all), [(495, Pending), (555, Firing)]);
    assert_eq!(group.tracker.lock().active()[0].metric.get("host"), Some("b"));
}

#[test]
fn a_rule_that_fails_or_gives_too_much_says_so_and_keeps_its_alerts() {
    let spec = GroupSpec { name: "g".to_owned(), file: "f".to_owned(), limit: 2, ..GroupSpec::default() };
    let mut group = Group::of(
        spec,
        &[
            ("high", r#""expr": "level > level{host=\"z\"} or level > on () group_left () vector(5)""#),
            ("same", r#""record": "same", "expr": "level", "labels": {"host": "one"}"#),
            ("merged", r#""expr": "level", "labels": {"host": "one"}"#),
        ],
    );
    group.put(&level("a"), 0, 9.0);
    let report = |outcome: &GroupOutcome, at: usize| outcome.reports[at].error.clone().unwrap_or_default();
    let outcome = group.evaluate(0);
    assert_eq!((report(&outcome, 0), report(&outcome, 1)), (String::new(), String::new()));
    group.put(&level("b"), 1, 9.0);
    let outcome = group.evaluate(15);
    let duplicate = "vector contains metrics with the same labelset after applying rule labels";
    assert_eq!((report(&outcome, 0).as_str(), report(&outcome, 1).as_str(), report(&outcome, 2).as_str()), ("", duplicate, duplicate));
    group.put(&level("c"), 16, 9.0);
    let outcome = group.evaluate(30);
    assert_eq!(report(&outcome, 0), "its result has 3 series, and the limit of its group is 2");
    assert_eq!(group.tracker.lock().active().iter().filter(|alert| alert.rule == "high").count(), 2);
}
