//! Which rules made noise: how often each fired, what people acknowledged, and what would have halved it.
//!
//! A rule is tried again on the kept samples with a longer `for` and with a limit further out. What is proposed would have fired half as often at the
//! most, and for every alert that somebody acknowledged.

use std::collections::BTreeMap;
use std::time::Instant;

use super::preview::{Firing, Preview, PreviewError, preview};
use super::{Alert, EvaluationLimits, GroupSpec, NamedRule, RuleBook, RuleOptions, RuleSet, RuleSpec, Severity};
use crate::model::{Comparison, TimestampMs};
use crate::promql::Source;
use crate::span::Span;

/// An alert that ended so soon after its firing, and that nobody acknowledged, asked for nothing.
const SHORT_MS: i64 = 60_000;
/// Rules that fired less often are not tried again, and so many are at the most: the loudest.
const MIN_FIRED: usize = 4;
const MAX_TRIED: usize = 5;
/// Lengths of `for` that are tried, seconds.
const HOLDS: [i64; 7] = [60, 120, 300, 600, 900, 1_800, 3_600];
/// Limits that are tried: these quantiles of the values at the firings.
const QUANTILES: [f64; 3] = [0.5, 0.75, 0.9];

/// What a rule did.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleNoise {
    /// Its name.
    pub rule: String,
    /// How bad its alerts were.
    pub severity: Severity,
    /// How often it fired.
    pub fired: usize,
    /// How many of these somebody acknowledged.
    pub acknowledged: usize,
    /// How many ended by themselves within a minute.
    pub short: usize,
    /// The shortest `for` that would have halved its firings.
    pub hold: Option<Halved<Span>>,
    /// The limit, nearest to that of the rule, that would have.
    pub limit: Option<Halved<f64>>,
}

/// A change that would have halved the firings of a rule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Halved<T> {
    /// What is put in the place of what the rule says.
    pub to: T,
    /// How often the rule fires on the kept samples as it is.
    pub fired: usize,
    /// And how often with the change.
    pub fired_then: usize,
}

/// The least change of `for`, and of the limit.
type Changes = (Option<Halved<Span>>, Option<Halved<f64>>);

/// What there is to try rules on.
#[derive(Clone, Copy)]
pub struct Kept<'a> {
    /// The rules in force.
    pub book: &'a RuleBook,
    /// Alerts that fired, ended or not.
    pub alerts: &'a [Alert],
    /// The kept samples.
    pub source: &'a dyn Source,
    /// What a rule may cost.
    pub limits: &'a EvaluationLimits,
    /// Shortest time between two notices of a rule, ms.
    pub notice_interval: i64,
    /// The time that the report is about.
    pub range: (TimestampMs, TimestampMs),
    /// When no further change is tried.
    pub deadline: Instant,
}

/// Alerts that fired within a time.
pub(super) fn fired(alerts: &[Alert], (start, end): (TimestampMs, TimestampMs)) -> impl Iterator<Item = &Alert> {
    alerts.iter().filter(move |alert| alert.firing_since.is_some_and(|at| (start..=end).contains(&at)))
}

/// What each rule did within a time, the loudest first, without what would have halved it.
#[must_use]
pub fn count_noise(alerts: &[Alert], range: (TimestampMs, TimestampMs)) -> Vec<RuleNoise> {
    let mut by_rule: BTreeMap<&str, Vec<&Alert>> = BTreeMap::new();
    for alert in fired(alerts, range) {
        by_rule.entry(&alert.rule).or_default().push(alert);
    }
    let mut found: Vec<RuleNoise> = by_rule.iter().map(|(rule, alerts)| counted(rule, alerts)).collect();
    found.sort_by_key(|noise| std::cmp::Reverse(noise.fired));
    found
}

impl Kept<'_> {
    /// What each rule did, the loudest first.
    #[must_use]
    pub fn by_rule(&self) -> Vec<RuleNoise> {
        let mut found = count_noise(self.alerts, self.range);
        for noise in found.iter_mut().filter(|noise| noise.fired >= MIN_FIRED).take(MAX_TRIED) {
            let alerts = fired(self.alerts, self.range).filter(|alert| alert.rule == noise.rule);
            let acknowledged: Vec<&Alert> = alerts.filter(|alert| alert.acked_at.is_some()).collect();
            if let Some((hold, limit)) = self.halved(&noise.rule, &acknowledged) {
                (noise.hold, noise.limit) = (hold, limit);
            }
        }
        found
    }

    pub(super) fn tried(&self, name: &str, spec: &RuleSpec) -> Result<Preview, PreviewError> {
        preview(name, spec, self.book.options(), self.range, self.source, self.limits)
    }

    /// The least change of `for`, and of the limit, that would have halved the firings of a rule.
    fn halved(&self, name: &str, acknowledged: &[&Alert]) -> Option<Changes> {
        let spec = self.book.get(name)?.spec;
        let now = self.tried(name, &spec).ok().filter(|now| now.fired >= MIN_FIRED)?;
        let fired_then = |changed: &RuleSpec| {
            let tried = (Instant::now() < self.deadline).then(|| self.tried(name, changed))?.ok()?;
            (2 * tried.fired <= now.fired && acknowledged.iter().all(|alert| is_seen(alert, &tried.firings, self.range.1)))
                .then_some(tried.fired)
        };
        let hold = HOLDS.into_iter().map(Span::secs).filter(|hold| *hold > spec.hold).find_map(|hold| {
            let fired_then = fired_then(&RuleSpec { hold, ..spec.clone() })?;
            Some(Halved { to: hold, fired: now.fired, fired_then })
        });
        let limit = limits(name, &spec, self.book.options(), &now.firings).into_iter().find_map(|(limit, changed)| {
            // A limit that nothing reaches switches the rule off.
            let fired_then = fired_then(&changed).filter(|fired| *fired > 0)?;
            Some(Halved { to: limit, fired: now.fired, fired_then })
        });
        Some((hold, limit))
    }
}

fn counted(rule: &str, alerts: &[&Alert]) -> RuleNoise {
    let is_short = |alert: &&&Alert| {
        let lasted = alert.firing_since.zip(alert.resolved_at).map(|(from, to)| to - from);
        alert.acked_at.is_none() && lasted.is_some_and(|lasted| lasted <= SHORT_MS)
    };
    RuleNoise {
        rule: rule.to_owned(),
        severity: alerts.iter().map(|alert| alert.severity).max().unwrap_or(Severity::Warning),
        fired: alerts.len(),
        acknowledged: alerts.iter().filter(|alert| alert.acked_at.is_some()).count(),
        short: alerts.iter().filter(is_short).count(),
        hold: None,
        limit: None,
    }
}

/// Whether one of the firings is of the series of an alert, while that lasted.
fn is_seen(alert: &Alert, firings: &[Firing], end: TimestampMs) -> bool {
    let until = alert.resolved_at.unwrap_or(end);
    let overlaps = |firing: &Firing| firing.fired_at <= until && firing.resolved_at.is_none_or(|over| over >= alert.pending_since);
    firings.iter().any(|firing| firing.labels == alert.metric && overlaps(firing))
}

/// Limits further out than that of a rule, the nearest first, and the rule with each.
fn limits(name: &str, spec: &RuleSpec, options: RuleOptions, firings: &[Firing]) -> Vec<(f64, RuleSpec)> {
    let rules = vec![NamedRule { name: name.to_owned(), spec: spec.clone() }];
    let group = GroupSpec { name: "noise".to_owned(), rules, ..GroupSpec::default() };
    let Ok(set) = RuleSet::new(&[group], options) else { return Vec::new() };
    let Some(limit) = set.rules().first().and_then(|rule| rule.condition.limit()) else { return Vec::new() };
    let Some(expr) = &spec.expr else { return Vec::new() };
    let rises = match limit.op {
        Comparison::Greater | Comparison::GreaterEqual => true,
        Comparison::Less | Comparison::LessEqual => false,
        Comparison::Equal | Comparison::NotEqual => return Vec::new(),
    };
    let mut values: Vec<f64> = firings.iter().map(|firing| firing.value).filter(|v| v.is_finite()).collect();
    values.sort_by(|a, b| if rises { a.total_cmp(b) } else { b.total_cmp(a) });
    let Some((before, _)) = expr.rsplit_once(&limit.op.to_string()) else { return Vec::new() };
    let mut tried: Vec<f64> = Vec::new();
    for quantile in QUANTILES {
        let place = ((quantile * values.len() as f64).ceil() as usize).saturating_sub(1);
        let Some(value) = values.get(place) else { continue };
        let to = two_digits(*value);
        if (if rises { to > limit.threshold } else { to < limit.threshold }) && !tried.contains(&to) {
            tried.push(to);
        }
    }
    tried.into_iter().map(|to| (to, RuleSpec { expr: Some(format!("{before}{} {to}", limit.op)), ..spec.clone() })).collect()
}

/// A value with two significant digits: what somebody would write.
fn two_digits(v: f64) -> f64 {
    format!("{v:.1e}").parse().unwrap_or(v)
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::model::{Columns, Labels};
    use crate::promql::tests::Memory;

    const S: i64 = 1_000;
    const HOUR: i64 = 3_600 * S;

    /// Each ten minutes 90 s at 9, and 10 s at 7, each 5 s.
    fn samples(metric: &str) -> Memory {
        let times: Vec<i64> = (0..720).map(|n| n * 5 * S).collect();
        let value = |t: &i64| match t % (600 * S) / S {
            0..90 => 9.0,
            300..310 => 7.0,
            _ => 1.0,
        };
        let values = times.iter().map(value).collect();
        Memory(vec![(Labels::metric(metric, &[]), Columns { times, values })])
    }

    /// An alert of a rule that fired for so long, perhaps acknowledged.
    pub(in super::super) fn alert(rule: &str, severity: &str, from: i64, lasted: i64, acknowledged: bool) -> Alert {
        serde_json::from_value(json!({
            "id": "1", "rule": rule, "severity": severity, "state": "resolved", "metric": {"__name__": "level"}, "value": 1.0, "op": null, "threshold": null,
            "hold_ms": 0, "cooldown_ms": 0, "pending_since": from, "firing_since": from, "resolved_at": from + lasted, "last_sample": from + lasted,
            "summary": "", "acked_at": acknowledged.then_some(from), "reason": null,
        }))
        .unwrap()
    }

    pub(in super::super) fn book(rules: &[(&str, RuleSpec)]) -> RuleBook {
        let rules = rules.iter().map(|(name, spec)| ((*name).to_owned(), spec.clone())).collect();
        RuleBook::new(vec![GroupSpec::of_settings(&rules)], RuleOptions::default())
    }

    #[test]
    fn what_would_have_halved_a_rule_misses_nothing_that_was_acknowledged() {
        let book = book(&[
            ("loud", RuleSpec::alerting("level > 5", Severity::Warning)),
            ("calm", RuleSpec::alerting("level > 99", Severity::Info)),
        ]);
        let (source, limits) = (samples("level"), EvaluationLimits::for_tests());
        let noise = |acknowledged: usize| {
            let ten = 600 * S;
            let long = (0..6).map(|n| alert("loud", "warning", n * ten, 90 * S, n < acknowledged as i64));
            let short = (0..6).map(|n| alert("loud", "warning", n * ten + 300 * S, 10 * S, acknowledged == 7));
            let alerts: Vec<Alert> = long.chain(short).chain([alert("calm", "info", 5, 5, false)]).collect();
            let kept = Kept {
                book: &book,
                alerts: &alerts,
                source: &source,
                limits: &limits,
                notice_interval: 300 * S,
                range: (0, HOUR),
                deadline: Instant::now() + Duration::from_secs(60),
            };
            kept.by_rule()
        };
        let found = noise(1);
        assert_eq!(
            found.iter().map(|noise| (noise.rule.as_str(), noise.fired, noise.short)).collect::<Vec<_>>(),
            [("loud", 12, 6), ("calm", 1, 1)]
        );
        let minute = Halved { to: Span::secs(60), fired: 12, fired_then: 6 };
        let limit = Halved { to: 7.0, fired: 12, fired_then: 6 };
        assert_eq!((found[0].acknowledged, found[0].hold, found[0].limit), (1, Some(minute), Some(limit)));
        assert_eq!((found[1].hold, found[1].limit), (None, None), "it fired too seldom");
        // Somebody acknowledged the short ones too: none of them may go.
        let found = noise(7);
        assert_eq!((found[0].acknowledged, found[0].hold, found[0].limit), (12, None, None));
    }

    #[test]
    fn a_limit_that_nothing_reaches_is_not_proposed() {
        let book = book(&[("high", RuleSpec::alerting("level > 8", Severity::Warning))]);
        let alerts: Vec<Alert> = (0..6).map(|n| alert("high", "warning", n * 600 * S, 90 * S, false)).collect();
        let (source, limits) = (samples("level"), EvaluationLimits::for_tests());
        let deadline = Instant::now() + Duration::from_secs(60);
        let kept = Kept { book: &book, alerts: &alerts, source: &source, limits: &limits, notice_interval: 0, range: (0, HOUR), deadline };
        let found = kept.by_rule();
        assert_eq!((found[0].hold, found[0].limit), (Some(Halved { to: Span::secs(120), fired: 6, fired_then: 0 }), None));
    }
}
