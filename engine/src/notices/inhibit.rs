//! Inhibition: while one alert fires, others that follow from it are held back.

use rustc_hash::FxHashMap;

use super::NoticeAlert;
use super::matcher::all_accept;
use crate::model::{Matcher, TimestampMs};

/// While an alert that `source` accepts fires, those that `target` accepts are held back, if both agree in the labels of `equal`.
#[derive(Debug, Clone)]
pub struct InhibitRule {
    /// Which alerts hold others back.
    pub source: Vec<Matcher>,
    /// Which alerts are held back.
    pub target: Vec<Matcher>,
    /// Labels that must agree; one that neither has agrees.
    pub equal: Vec<String>,
    /// For how long after the end of the source: what follows from it takes a while to recover.
    pub linger_ms: i64,
}

/// The sources of one rule that agree in its labels: one that is no target of the rule, and one that is.
type Sources = (Option<String>, Option<String>);

/// The firing sources of each rule.
pub struct Inhibiting<'a> {
    rules: &'a [InhibitRule],
    sources: Vec<FxHashMap<Vec<String>, Sources>>,
}

impl InhibitRule {
    fn key(&self, alert: &NoticeAlert) -> Vec<String> {
        self.equal.iter().map(|name| alert.label(name).to_owned()).collect()
    }

    fn is_source(&self, alert: &NoticeAlert, now: TimestampMs) -> bool {
        alert.ends_at.is_none_or(|end| now.saturating_sub(end) < self.linger_ms) && all_accept(&self.source, alert)
    }
}

impl<'a> Inhibiting<'a> {
    /// What inhibits among these alerts.
    #[must_use]
    pub fn new<'b>(rules: &'a [InhibitRule], alerts: impl Iterator<Item = &'b NoticeAlert> + Clone, now: TimestampMs) -> Self {
        let sources_of = |rule: &InhibitRule| {
            let mut sources: FxHashMap<Vec<String>, Sources> = FxHashMap::default();
            for alert in alerts.clone().filter(|alert| rule.is_source(alert, now)) {
                let place = sources.entry(rule.key(alert)).or_default();
                let place = if all_accept(&rule.target, alert) { &mut place.1 } else { &mut place.0 };
                place.get_or_insert_with(|| alert.id.clone());
            }
            sources
        };
        Self { rules, sources: rules.iter().map(sources_of).collect() }
    }

    /// The id of an alert that holds this one back. One that could itself be held back by the rule holds back no other source of the
    /// rule: two alerts never silence each other.
    #[must_use]
    pub fn inhibiting(&self, alert: &NoticeAlert) -> Option<&str> {
        self.rules.iter().zip(&self.sources).find_map(|(rule, sources)| {
            if sources.is_empty() || !all_accept(&rule.target, alert) {
                return None;
            }
            let (only_source, both) = sources.get(&rule.key(alert))?;
            let both = both.as_ref().filter(|_| !all_accept(&rule.source, alert));
            only_source.as_ref().or(both).map(String::as_str)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notices::MatcherSpec;
    use crate::notices::alert::tests::{ended, firing};

    fn rule(source: &str, target: &str, equal: &[&str]) -> InhibitRule {
        let matchers = |text: &str| MatcherSpec::compile_all(&[text.to_owned()]).unwrap();
        let equal = equal.iter().map(ToString::to_string).collect();
        InhibitRule { source: matchers(source), target: matchers(target), equal, linger_ms: 100 }
    }

    #[test]
    fn a_source_holds_back_targets_that_agree_with_it() {
        let (critical, high) = ("alertname=critical", "alertname=high");
        let (source, target) = (firing("critical", "a", 0), firing("high", "a", 0));
        for (rule, alerts, now, by) in [
            (rule(critical, high, &["instance"]), vec![source.clone(), target.clone()], 1, Some("critical-a")),
            (rule(critical, high, &["instance"]), vec![firing("critical", "b", 0), target.clone()], 1, None),
            (rule(critical, high, &[]), vec![firing("critical", "b", 0), target.clone()], 1, Some("critical-b")),
            (rule(critical, high, &["missing"]), vec![source.clone(), target.clone()], 1, Some("critical-a")),
            (rule(critical, high, &[]), vec![ended(&source, 50), target.clone()], 149, Some("critical-a")),
            (rule(critical, high, &[]), vec![ended(&source, 50), target.clone()], 150, None),
            (rule(critical, "alertname=other", &[]), vec![source.clone(), target.clone()], 1, None),
            // What is both holds nothing of its kind back.
            (rule("alertname=~\".*\"", high, &[]), vec![target.clone()], 1, None),
            (rule("alertname=~\".*\"", "alertname=~\".*\"", &[]), vec![source.clone(), target.clone()], 1, None),
            (rule("alertname=~\".*\"", high, &[]), vec![source.clone(), target.clone()], 1, Some("critical-a")),
        ] {
            let rules = [rule];
            let inhibiting = Inhibiting::new(&rules, alerts.iter(), now);
            assert_eq!(inhibiting.inhibiting(&target), by, "{rules:?}");
            assert_eq!(inhibiting.inhibiting(&source), None);
        }
    }
}
