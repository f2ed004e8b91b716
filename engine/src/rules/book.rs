//! The book of alerts: for each rule and series pending → firing → resolved, in event time.
//!
//! ```text
//! breach ──► pending ──(held for `for`, `cooldown` over)──► firing ──(condition false, or no sample for 5 m)──► resolved
//!              └──(condition false)──► gone, never notified
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Rule, RuleSet, Severity};
use crate::metrics::quantity;
use crate::model::{Comparison, Labels, TimestampMs};
use crate::span::Span;

/// An alert whose series has no sample for this long is resolved, because nothing is known any more.
pub const NO_SAMPLE_MS: i64 = 300_000;

/// Where an alert stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlertState {
    /// The condition holds, not long enough yet.
    Pending,
    /// It held long enough.
    Firing,
    /// It is over.
    Resolved,
}

/// The state of one rule for one series. Times are ms UTC, of the samples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// The same for the same rule and series.
    pub id: String,
    /// The rule's name.
    pub rule: String,
    /// How bad.
    pub severity: Severity,
    /// Where it stands.
    pub state: AlertState,
    /// The series.
    pub metric: Labels,
    /// The newest value judged.
    pub value: f64,
    /// The comparison, as written.
    pub op: String,
    /// With what.
    pub threshold: f64,
    /// How long it must hold, ms.
    pub hold_ms: i64,
    /// Shortest time between two firings, ms.
    pub cooldown_ms: i64,
    /// Time of the sample that broke the threshold.
    pub pending_since: TimestampMs,
    /// Time of the sample with which it fired.
    pub firing_since: Option<TimestampMs>,
    /// When it ended.
    pub resolved_at: Option<TimestampMs>,
    /// Time of the newest sample judged.
    pub last_sample: TimestampMs,
    /// One line for a person.
    pub summary: String,
    /// When someone acknowledged it.
    pub acked_at: Option<TimestampMs>,
    /// Why it ended, where it was not by its value.
    pub reason: Option<String>,
    /// What used most of what it is about when it fired: `cargo (3 processes) 61 %`.
    #[serde(default)]
    pub busiest: Vec<String>,
}

impl Alert {
    fn new(rule: &Rule, labels: &Labels, t: TimestampMs) -> Self {
        let condition = &rule.condition;
        Self {
            id: alert_id(&rule.name, labels),
            rule: rule.name.clone(),
            severity: rule.spec.severity,
            state: AlertState::Pending,
            metric: labels.clone(),
            value: f64::NAN,
            op: condition.op.to_string(),
            threshold: condition.threshold,
            hold_ms: rule.spec.hold.ms(),
            cooldown_ms: rule.spec.cooldown.ms(),
            pending_since: t,
            firing_since: None,
            resolved_at: None,
            last_sample: t,
            summary: String::new(),
            acked_at: None,
            reason: None,
            busiest: Vec::new(),
        }
    }

    fn judge(&mut self, op: Comparison, t: TimestampMs, v: f64) {
        self.last_sample = t;
        self.value = v;
        let holds = op.holds(v, self.threshold);
        let relation = match op {
            Comparison::Greater | Comparison::GreaterEqual => "above",
            Comparison::Less | Comparison::LessEqual => "below",
            Comparison::Equal => "equal to",
            Comparison::NotEqual => "other than",
        };
        let (name, no_longer) = (self.metric.name(), if holds { "" } else { "no longer " });
        self.summary = format!("{} is {}, {no_longer}{relation} {}", self.metric, quantity(name, v), quantity(name, self.threshold));
        if holds {
            self.name_busiest();
        }
    }

    /// The processes at the firing belong to the sentence for as long as it holds.
    fn name_busiest(&mut self) {
        if !self.busiest.is_empty() {
            self.summary = format!("{} — at the firing: {}", self.summary, self.busiest.join(", "));
        }
    }

    fn resolve(&mut self, t: TimestampMs, reason: Option<String>) {
        self.state = AlertState::Resolved;
        self.resolved_at = Some(t);
        self.reason = reason;
    }
}

/// The id of the alert of a rule and a series: FNV-1a, 64 bits.
fn alert_id(rule: &str, labels: &Labels) -> String {
    let bytes = rule.bytes().chain([0]).chain(labels.as_bytes().iter().copied());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:016x}")
}

/// See the module.
pub struct AlertBook {
    rules: Arc<RuleSet>,
    active: BTreeMap<String, Alert>,
    /// When an alert that ended had fired, while its cooldown lasts.
    fired: BTreeMap<String, (TimestampMs, i64)>,
    /// The newest times during which nobody looked, from and to.
    unseen: Vec<(TimestampMs, TimestampMs)>,
}

/// So many times during which nobody looked are remembered.
const MOST_UNSEEN: usize = 16;

impl AlertBook {
    /// An empty book.
    #[must_use]
    pub fn new(rules: Arc<RuleSet>) -> Self {
        Self { rules, active: BTreeMap::new(), fired: BTreeMap::new(), unseen: Vec::new() }
    }

    /// Takes up kept alerts, active and ended ones. Gives those that ended meanwhile because their rule is gone or
    /// says something else now.
    pub fn restore(&mut self, kept: Vec<Alert>, now: TimestampMs) -> Vec<Alert> {
        let rules = Arc::clone(&self.rules);
        let mut ended = Vec::new();
        for mut alert in kept {
            let rule = rules.rules().iter().find(|r| r.name == alert.rule);
            let same = rule.is_some_and(|r| {
                r.condition.threshold == alert.threshold
                    && r.condition.op.to_string() == alert.op
                    && r.condition.selector.accepts(&alert.metric)
            });
            if let Some(fired) = alert.firing_since {
                self.remember(&alert.id, fired, alert.cooldown_ms);
            }
            if alert.state == AlertState::Resolved {
                continue;
            }
            match rule {
                Some(rule) if same => {
                    alert.hold_ms = rule.spec.hold.ms();
                    alert.cooldown_ms = rule.spec.cooldown.ms();
                    alert.severity = rule.spec.severity;
                    self.active.insert(alert.id.clone(), alert);
                }
                _ => {
                    alert.resolve(now, Some("its rule was changed or removed".to_owned()));
                    ended.push(alert);
                }
            }
        }
        ended
    }

    fn remember(&mut self, id: &str, fired: TimestampMs, cooldown_ms: i64) {
        let entry = self.fired.entry(id.to_owned()).or_insert((fired, cooldown_ms));
        entry.0 = entry.0.max(fired);
    }

    /// Nobody looked between these times: the machine stood still. What held before and holds after may not have held
    /// meanwhile, so a pending alert begins anew, and a silence of that length ends no alert.
    pub fn stood_still(&mut self, from: TimestampMs, to: TimestampMs) {
        self.unseen.insert(0, (from, to));
        self.unseen.truncate(MOST_UNSEEN);
    }

    /// Whether most of a time during which nobody looked lies between two neighbouring samples. A series that others send may
    /// have samples of that time; then it was seen.
    fn is_unseen(&self, before: TimestampMs, after: TimestampMs) -> bool {
        self.unseen.iter().any(|&(from, to)| 2 * (after.min(to) - before.max(from)) > to - from)
    }

    /// Judges one sample by one rule ([`RuleSet::watching`] tells which). Gives the alert if its state changed.
    /// NaN says nothing, and a sample older than the last judged one is past.
    pub fn observe(&mut self, rule_at: usize, labels: &Labels, t: TimestampMs, v: f64) -> Option<Alert> {
        let rules = Arc::clone(&self.rules);
        let rule = rules.rules().get(rule_at)?;
        if v.is_nan() {
            return None;
        }
        let id = alert_id(&rule.name, labels);
        let holds = rule.condition.op.holds(v, rule.condition.threshold);
        let cooled = self.fired.get(&id).is_none_or(|(fired, cooldown)| t >= fired.saturating_add(*cooldown));
        let unseen = self.active.get(&id).is_some_and(|alert| self.is_unseen(alert.last_sample, t));
        match self.active.get_mut(&id) {
            None if holds => {
                let mut alert = Alert::new(rule, labels, t);
                alert.judge(rule.condition.op, t, v);
                if alert.hold_ms <= 0 && cooled {
                    self.fire(&mut alert, t);
                }
                self.active.insert(id, alert.clone());
                Some(alert)
            }
            None => None,
            Some(alert) if t < alert.last_sample => None,
            Some(alert) if holds => {
                alert.judge(rule.condition.op, t, v);
                if alert.state == AlertState::Pending && unseen {
                    alert.pending_since = t;
                    if alert.hold_ms > 0 {
                        return Some(alert.clone());
                    }
                }
                if alert.state == AlertState::Pending && t - alert.pending_since >= alert.hold_ms && cooled {
                    let mut fired = alert.clone();
                    self.fire(&mut fired, t);
                    self.active.insert(id, fired.clone());
                    return Some(fired);
                }
                None
            }
            Some(_) => {
                let mut alert = self.active.remove(&id)?;
                alert.judge(rule.condition.op, t, v);
                alert.resolve(t, None);
                Some(alert)
            }
        }
    }

    fn fire(&mut self, alert: &mut Alert, t: TimestampMs) {
        alert.state = AlertState::Firing;
        alert.firing_since = Some(t);
        self.fired.insert(alert.id.clone(), (t, alert.cooldown_ms));
    }

    /// Ends alerts whose series has fallen silent; gives them. Forgets cooldowns that are over.
    pub fn tick(&mut self, now: TimestampMs) -> Vec<Alert> {
        self.fired.retain(|id, (fired, cooldown)| now < fired.saturating_add(*cooldown) || self.active.contains_key(id));
        let awake = self.unseen.first().map_or(TimestampMs::MIN, |(_, to)| *to);
        let silent = self.active.values().filter(|a| now.saturating_sub(a.last_sample.max(awake)) > NO_SAMPLE_MS);
        let silent: Vec<String> = silent.map(|a| a.id.clone()).collect();
        silent
            .iter()
            .filter_map(|id| {
                let mut alert = self.active.remove(id)?;
                alert.resolve(now, Some(format!("no sample for {}", Span::millis(NO_SAMPLE_MS))));
                Some(alert)
            })
            .collect()
    }

    /// Says of a firing alert what used most when it fired; gives the alert as it is then.
    pub fn name_busiest(&mut self, id: &str, busiest: Vec<String>) -> Option<Alert> {
        let alert = self.active.get_mut(id).filter(|alert| alert.state == AlertState::Firing && alert.busiest.is_empty())?;
        alert.busiest = busiest;
        alert.name_busiest();
        Some(alert.clone())
    }

    /// Marks an alert as seen by someone.
    pub fn acknowledge(&mut self, id: &str, now: TimestampMs) -> Option<Alert> {
        let alert = self.active.get_mut(id)?;
        alert.acked_at.get_or_insert(now);
        Some(alert.clone())
    }

    /// Pending and firing alerts, the worst first.
    #[must_use]
    pub fn active(&self) -> Vec<Alert> {
        let mut alerts: Vec<Alert> = self.active.values().cloned().collect();
        alerts.sort_by(|a, b| {
            let rank = |x: &Alert| (x.state != AlertState::Firing, std::cmp::Reverse(x.severity), x.pending_since);
            rank(a).cmp(&rank(b))
        });
        alerts
    }
}

#[cfg(test)]
mod tests {
    use super::super::RuleSpec;
    use super::*;

    const S: i64 = 1_000;

    fn book(hold: i64, cooldown: i64) -> AlertBook {
        let spec = RuleSpec {
            expr: "cpu_ratio > 0.8".to_owned(),
            hold: Span::secs(hold),
            cooldown: Span::secs(cooldown),
            severity: Severity::Warning,
            enabled: true,
        };
        AlertBook::new(Arc::new(RuleSet::new(&BTreeMap::from([("hot".to_owned(), spec)]), Span::secs(86_400)).unwrap()))
    }

    fn cpu() -> Labels {
        Labels::metric("cpu_ratio", &[])
    }

    /// Feeds `(second, value)` and gives `(second, state)` of every change.
    fn run(book: &mut AlertBook, samples: &[(i64, f64)]) -> Vec<(i64, AlertState)> {
        samples.iter().filter_map(|&(s, v)| Some((s, book.observe(0, &cpu(), s * S, v)?.state))).collect()
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
            // A sample from before the last judged one is past.
            (60, 0, vec![(10, 0.9), (5, 0.1), (70, 0.9)], vec![(10, Pending), (70, Firing)]),
        ] {
            assert_eq!(run(&mut book(hold, cooldown), &samples), expected, "{hold} {cooldown} {samples:?}");
        }
    }

    #[test]
    fn a_silent_series_ends_its_alert_and_says_so() {
        let mut book = book(0, 0);
        run(&mut book, &[(0, 0.9)]);
        assert!(book.tick(NO_SAMPLE_MS).is_empty());
        let ended = book.tick(NO_SAMPLE_MS + 1);
        assert_eq!((ended[0].state, ended[0].reason.as_deref()), (AlertState::Resolved, Some("no sample for 5m")));
        assert!(book.active().is_empty());
    }

    #[test]
    fn a_time_during_which_nobody_looked_is_no_part_of_the_hold_and_no_silence() {
        use AlertState::{Firing, Pending};
        let mut still = book(60, 0);
        run(&mut still, &[(0, 0.9), (10, 0.9)]);
        still.stood_still(12 * S, 600 * S);
        assert!(still.tick(700 * S).is_empty(), "it was silent for 100 s in which somebody looked");
        // The first sample after it begins anew, the one that completes the hold from there on fires.
        assert_eq!(run(&mut still, &[(601, 0.9), (630, 0.9), (660, 0.9), (661, 0.9)]), [(601, Pending), (661, Firing)]);
        assert_eq!(still.active()[0].pending_since, 601 * S);
        assert!(still.tick(661 * S + NO_SAMPLE_MS).is_empty());
        assert_eq!(still.tick(662 * S + NO_SAMPLE_MS).len(), 1, "silent for long, awake");
        // Somebody else saw it all along and sends it now.
        let mut seen = book(60, 0);
        run(&mut seen, &[(0, 0.9), (10, 0.9)]);
        seen.stood_still(12 * S, 600 * S);
        assert_eq!(run(&mut seen, &[(40, 0.9), (70, 0.9)]), [(70, Firing)]);
        // One that fires goes on.
        let mut firing = book(0, 0);
        run(&mut firing, &[(0, 0.9)]);
        firing.stood_still(S, 1_000 * S);
        assert_eq!(run(&mut firing, &[(1_001, 0.9)]), []);
        assert_eq!(firing.active()[0].firing_since, Some(0));
    }

    #[test]
    fn a_restored_book_goes_on_where_it_was() {
        let mut before = book(60, 300);
        run(&mut before, &[(0, 0.9)]);
        let kept = before.active();
        let mut after = book(60, 300);
        assert!(after.restore(kept.clone(), 30 * S).is_empty());
        assert_eq!(run(&mut after, &[(60, 0.9)]), [(60, AlertState::Firing)]);
        let resolved = after.observe(0, &cpu(), 61 * S, 0.1).unwrap();
        let mut again = book(0, 300);
        again.restore(vec![resolved], 62 * S);
        assert_eq!(run(&mut again, &[(62, 0.9), (360, 0.9)]), [(62, AlertState::Pending), (360, AlertState::Firing)]);
        let mut other = AlertBook::new(Arc::new(RuleSet::default()));
        assert_eq!(other.restore(kept, 5)[0].reason.as_deref(), Some("its rule was changed or removed"));
    }

    #[test]
    fn an_alert_names_what_was_busiest_when_it_fired_until_it_ends() {
        let mut book = book(0, 0);
        run(&mut book, &[(0, 0.9)]);
        let id = book.active()[0].id.clone();
        let named = book.name_busiest(&id, vec!["cargo (3 processes) 61 %".to_owned(), "sh 2 %".to_owned()]).unwrap();
        assert_eq!(named.summary, "cpu_ratio is 90 %, above 80 % — at the firing: cargo (3 processes) 61 %, sh 2 %");
        assert!(book.name_busiest(&id, vec!["late 1 %".to_owned()]).is_none(), "once");
        run(&mut book, &[(1, 0.95)]);
        assert_eq!(book.active()[0].summary, "cpu_ratio is 95 %, above 80 % — at the firing: cargo (3 processes) 61 %, sh 2 %");
        let ended = book.observe(0, &cpu(), 2 * S, 0.1).unwrap();
        assert_eq!((ended.summary.as_str(), ended.busiest.len()), ("cpu_ratio is 10 %, no longer above 80 %", 2));
        assert!(book.name_busiest(&id, Vec::new()).is_none(), "no longer there");
    }

    #[test]
    fn an_acknowledged_alert_keeps_its_first_mark() {
        let mut book = book(0, 0);
        run(&mut book, &[(0, 0.9)]);
        let id = book.active()[0].id.clone();
        assert_eq!(book.acknowledge(&id, 5).unwrap().acked_at, Some(5));
        assert_eq!(book.acknowledge(&id, 9).unwrap().acked_at, Some(5));
        assert!(book.acknowledge("none", 5).is_none());
        assert_eq!(book.active()[0].summary, "cpu_ratio is 90 %, above 80 %");
    }
}
