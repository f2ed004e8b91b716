//! Alerts of now and of the past, and what came before one.

use std::collections::BTreeMap;

use taskpulse_engine::ask::{Meaning, NameKind, Range, Wanted};
use taskpulse_engine::event::Event;
use taskpulse_engine::model::Labels;
use taskpulse_engine::rules::{ALERTS, Alert, AlertState};
use taskpulse_engine::words::{counted, lasted, rule_name};

use super::draft::{Draft, count_row, listed, text_row};
use super::{AskError, Asker};
use crate::alert::{HISTORY, read_alerts};

const DAY: i64 = 86_400_000;
const HOUR: i64 = 3_600_000;
/// The kind of document that active alerts are.
const ACTIVE: &str = "alerts";
/// Events that are read.
const MAX_EVENTS: usize = 500;

impl Asker {
    /// Alerts that fired, of now and of the past, by when.
    pub(super) fn fired(&self, meaning: &Meaning) -> Result<Vec<Alert>, AskError> {
        let mut all = read_alerts(&self.store, HISTORY)?;
        all.extend(read_alerts(&self.store, ACTIVE)?);
        all.retain(|alert| alert.firing_since.is_some() && fits(alert, meaning));
        all.sort_by_key(|alert| alert.firing_since);
        all.dedup_by(|a, b| a.id == b.id && a.firing_since == b.firing_since);
        Ok(all)
    }

    pub(super) fn alerts(&self, meaning: &Meaning) -> Result<Draft, AskError> {
        let mut all = self.fired(meaning)?;
        let about = about(meaning);
        if let Some(range) = meaning.time {
            all.retain(|alert| alert.firing_since.is_some_and(|at| (range.start..range.end).contains(&at)));
            return Ok(self.of_time(&all, meaning, range, &about));
        }
        if meaning.wanted == Wanted::LastTime {
            return Ok(self.last_alert(&all, &about));
        }
        let active: Vec<_> = all.iter().filter(|alert| matches!(alert.state, AlertState::Firing | AlertState::Unknown)).collect();
        let parts: Vec<String> =
            active.iter().map(|alert| format!("{} since {}", alert.headline(), self.at(alert.firing_since.unwrap_or(0)))).collect();
        let rows = active.iter().map(|alert| text_row(rule_name(&alert.rule), alert.headline(), alert.firing_since)).collect();
        let sentence = match active.len() {
            0 => format!("No {about}alert fires now"),
            count => format!("{} now: {}", counted(count, &format!("{about}alert fires"), &format!("{about}alerts fire")), listed(&parts)),
        };
        Ok(Draft::said(sentence)
            .rows(rows)
            .charted("ALERTS{alertstate=\"firing\"}", "ALERTS{alertstate=\"firing\"}", [self.day()])
            .page("alerts"))
    }

    fn day(&self) -> Range {
        Range { start: self.now() - DAY, end: self.now() }
    }

    fn of_time(&self, all: &[Alert], meaning: &Meaning, range: Range, about: &str) -> Draft {
        let during = self.during(range);
        let mut by_rule: BTreeMap<&str, (usize, i64)> = BTreeMap::new();
        for alert in all {
            let long = alert.resolved_at.unwrap_or(self.now()) - alert.firing_since.unwrap_or(0);
            let sums = by_rule.entry(&alert.rule).or_default();
            *sums = (sums.0 + 1, sums.1 + long.max(0));
        }
        let mut rules: Vec<(&str, usize, i64)> = by_rule.into_iter().map(|(rule, (count, long))| (rule, count, long)).collect();
        rules.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        rules.truncate(meaning.limit.unwrap_or(20));
        let parts: Vec<String> = rules
            .iter()
            .map(|(rule, count, long)| format!("{} {}, for {}", rule_name(rule), counted(*count, "time", "times"), lasted(*long)))
            .collect();
        let sentence = if all.is_empty() {
            format!("No {about}alert began to fire {during}")
        } else {
            format!(
                "{} began to fire {during}: {}",
                counted(all.len(), &format!("{about}alert"), &format!("{about}alerts")),
                listed(&parts)
            )
        };
        let rows = match meaning.wanted {
            Wanted::List => all
                .iter()
                .rev()
                .take(meaning.limit.unwrap_or(20))
                .map(|alert| text_row(rule_name(&alert.rule), alert.headline(), alert.firing_since))
                .collect(),
            _ => rules.iter().map(|(rule, count, _)| count_row(rule_name(rule), *count as f64)).collect(),
        };
        let query = "ALERTS{alertstate=\"firing\"}";
        Draft::said(sentence).rows(rows).charted(query, query, [range]).page("alerts")
    }

    fn last_alert(&self, all: &[Alert], about: &str) -> Draft {
        let Some(alert) = all.last() else { return Draft::said(format!("No {about}alert is kept that fired")).page("alerts") };
        let at = alert.firing_since.unwrap_or(0);
        let ended = match alert.resolved_at {
            Some(end) => format!("it ended after {}", lasted(end - at)),
            None => "it still fires".to_owned(),
        };
        let sentence = format!("The last {about}alert began to fire at {} ({}): {}; {ended}", self.at(at), self.ago(at), alert.headline());
        Draft::said(sentence).rows(vec![text_row(rule_name(&alert.rule), alert.headline(), Some(at))]).page("alerts")
    }

    /// What happened in the hour before an alert.
    pub(super) fn before_alert(&self, meaning: &Meaning) -> Result<Draft, AskError> {
        let about = about(meaning);
        let mut all = self.fired(meaning)?;
        if let Some(range) = meaning.time {
            all.retain(|alert| alert.firing_since.is_some_and(|at| (range.start..range.end).contains(&at)));
        }
        let Some(alert) = all.last() else {
            let during = meaning.time.map_or_else(|| "in what is kept".to_owned(), |range| self.during(range));
            return Ok(Draft::missing(format!("no {about}alert began to fire {during}")).page("alerts"));
        };
        let fired = alert.firing_since.unwrap_or(alert.pending_since);
        let range = Range { start: alert.pending_since - HOUR, end: fired - 1 };
        let own = |event: &Event| event.source != "alert" || event.subject != alert.id;
        let events = self.store.events(range.start, range.end, MAX_EVENTS, own)?;
        let parts: Vec<String> = events.iter().map(|(_, event)| format!("{} ({} before)", event.title, lasted(fired - event.at))).collect();
        let rows = events
            .iter()
            .take(meaning.limit.unwrap_or(20))
            .map(|(_, event)| text_row(event.source.clone(), event.title.clone(), Some(event.at)))
            .collect();
        let what = format!("{} (fired at {})", alert.headline(), self.at(fired));
        let mut sentence = match events.len() {
            0 => format!("In the hour before {what} nothing stands on the time line"),
            count => format!("In the hour before {what}: {}: {}", counted(count, "event", "events"), listed(&parts)),
        };
        if let Some(lines) = alert.explanation.as_deref().map(super::why::in_cores).filter(|lines| !lines.is_empty()) {
            sentence = format!("{sentence}. {}", lines.join(". "));
        }
        let others = (all.len() > 1).then(|| format!("{} fired in that time; this is the last one", counted(all.len(), "alert", "alerts")));
        let query = selector_of(alert);
        let draft =
            Draft::said(sentence).rows(rows).page("alerts").note(others).note(Some("What came before is not thereby the cause".to_owned()));
        Ok(draft.charted(&query, &query, [Range { start: range.start, end: (fired + HOUR).min(self.now()) }]))
    }
}

/// The series of an alert, as a query.
pub(super) fn selector_of(alert: &Alert) -> String {
    if alert.over_lines {
        return Labels::metric(ALERTS, &[("alertname", &alert.rule)]).to_string();
    }
    if alert.metric.name().is_empty() { alert.expr.clone() } else { alert.metric.to_string() }
}

fn about(meaning: &Meaning) -> String {
    let topic = meaning.topic.map(|topic| match topic {
        "cpu" => "CPU",
        "ci" => "CI",
        topic => topic,
    });
    let rule = meaning.name(NameKind::Rule).map(|rule| format!("\"{}\" ", rule_name(rule)));
    let of = meaning.name(NameKind::Target).or(topic).map(|of| format!("{of} "));
    rule.or(of).unwrap_or_default()
}

/// Whether an alert is of what is asked for: its rule, or what its series is about.
fn fits(alert: &Alert, meaning: &Meaning) -> bool {
    if meaning.name(NameKind::Rule).is_some_and(|rule| rule != alert.rule) {
        return false;
    }
    if meaning.name(NameKind::Target).is_some_and(|target| alert.metric.get("target") != Some(target)) {
        return false;
    }
    let Some(topic) = meaning.topic else { return true };
    let parts: &[&str] = match topic {
        "cpu" => &["cpu"],
        "memory" => &["memory", "swap", "paging", "oom"],
        "disk" => &["disk", "filesystem"],
        "load" => &["load"],
        "network" => &["network"],
        "ci" => &["github", "ci_", "workflow"],
        _ => &["probe"],
    };
    let has = |text: &str| parts.iter().any(|part| text.to_lowercase().contains(part));
    has(alert.metric.name()) || has(&alert.rule) || has(&alert.expr)
}
