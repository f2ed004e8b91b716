//! Why alerts fired, as far as that is known: worked out on the pool, for all that fired at the same moment together.
//!
//! An alert that fired is kept and shown at once; people are notified of it once it is explained, so that the first notice says why, and
//! [`ANNOUNCED_WITHIN`] later at the latest.

use std::sync::Arc;
use std::time::Duration;

use taskpulse_engine::explain::SHORTEST_MS;
use taskpulse_engine::model::TimestampMs;
use taskpulse_engine::rules::{Alert, AlertState, Condition, LinesCondition, RuleSet};
use tokio::time::Instant;

use super::{ACTIVE, AlertActor, views_of};
use crate::explain::{self, Asked, Explained};
use crate::messages::{Describe, Publish};
use crate::supervisor::{Ctx, Schedule};

/// How long a notice waits for the explanation of its alerts.
const ANNOUNCED_WITHIN: Duration = Duration::from_millis(600);
/// How long other series are compared for the first notice, and for an explanation that comes later.
const FIRST_BUDGET: Duration = Duration::from_millis(350);
const LATER_BUDGET: Duration = Duration::from_millis(1_000);
/// Alerts of one moment that are explained. Where more fire, the others have no explanation.
const AT_ONCE: usize = 1_000;
/// Alerts that wait to be explained again.
const MOST_WAITING: usize = 100;

impl AlertActor {
    /// Whether an alert that fired just now is announced later, with what is known about why.
    pub(super) fn waits_for_its_explanation(&mut self, alert: &Alert) -> bool {
        if alert.state != AlertState::Firing || alert.explanation.is_some() || self.unexplained.len() >= AT_ONCE {
            return false;
        }
        self.unexplained.push(alert.id.clone());
        self.unannounced.insert(alert.id.clone(), (Instant::now() + ANNOUNCED_WITHIN, alert.clone()));
        true
    }

    /// Explains what fired since the last time, or else one of those that are explained again.
    pub(super) fn explain_next(&mut self, ctx: &mut Ctx<Self>) {
        self.time_announcements(ctx);
        if self.explaining {
            return;
        }
        let now = self.clock.now_ms();
        let later = self.unexplained.is_empty();
        let asked: Vec<Asked> = if later {
            self.again.pop_front().into_iter().map(|alert| asked_again(alert, now, &self.rules)).collect()
        } else {
            let tracker = self.tracker.lock();
            // One that is over by now needs none.
            let fired = self.unexplained.drain(..).filter_map(|id| tracker.alert(&id).cloned());
            let rules = &self.rules;
            let asked = |alert: Alert| {
                let (until, lines) = (alert.firing_since.unwrap_or(alert.last_sample), over_lines(rules, &alert));
                Asked { alert, until, lines }
            };
            fired.map(asked).collect()
        };
        let budget = if later { LATER_BUDGET } else { FIRST_BUDGET };
        if asked.is_empty() {
            return;
        }
        self.explaining = true;
        let store = self.store.clone();
        ctx.run_background(
            "explain",
            move || explain::explain(&store, asked, budget),
            move |this, explained, ctx| {
                this.explaining = false;
                match explained {
                    Ok(explained) => this.explained(explained, later, ctx),
                    Err(error) => log::error!("alerts: an explanation: {error}"),
                }
                this.explain_next(ctx);
            },
        );
    }

    /// Announces what waits for its explanation too long, as it is.
    fn time_announcements(&mut self, ctx: &mut Ctx<Self>) {
        let Some(first) = self.unannounced.values().map(|(at, _)| *at).min().filter(|_| !self.is_timed) else { return };
        self.is_timed = true;
        ctx.after(first.saturating_duration_since(Instant::now()), "announce", |this, ctx| {
            this.is_timed = false;
            let now = Instant::now();
            let overdue: Vec<String> = this.unannounced.iter().filter(|(_, (at, _))| *at <= now).map(|(id, _)| id.clone()).collect();
            overdue.iter().for_each(|id| this.announce_what_waits(id));
            this.time_announcements(ctx);
        });
    }

    /// Announces an alert that still waits for its explanation.
    pub(super) fn announce_what_waits(&mut self, id: &str) {
        if let Some((_, alert)) = self.unannounced.remove(id) {
            self.announce(vec![alert]);
        }
    }

    /// Keeps, publishes and announces alerts that are explained and still fire.
    fn explained(&mut self, explained: Vec<Explained>, later: bool, ctx: &mut Ctx<Self>) {
        let (mut shown, mut documents, mut announced) = (Vec::new(), Vec::new(), Vec::new());
        for Explained { alert, explanation, cut } in explained {
            let Some(since) = alert.firing_since else { continue };
            let compared_to = explanation.moved_to;
            let Some(alert) = self.tracker.lock().explain(&alert.id, since, Arc::new(explanation)) else { continue };
            documents.push((alert.id.clone(), serde_json::to_vec(&alert).ok()));
            shown.push(alert.clone());
            if self.unannounced.remove(&alert.id).is_some() {
                announced.push(alert.clone());
            } else {
                // Without it the notice goes as it is.
                let _ = self.outputs.texts.try_send(Describe(alert.clone()));
            }
            // One for which the longer time was too short as well stays as it is.
            self.explain_again(alert, compared_to, cut && !later, ctx);
        }
        if shown.is_empty() {
            return;
        }
        self.announce(announced);
        self.publish_active();
        let _ = self.outputs.hub.try_send(Publish::Alerts(views_of(&shown)));
        self.keep(ACTIVE, documents);
    }

    /// An alert that fired at once is explained again when more of its course is known, and one for whose series there was no time soon.
    fn explain_again(&mut self, alert: Alert, compared_to: Option<TimestampMs>, cut: bool, ctx: &mut Ctx<Self>) {
        let (Some(compared_to), Some(since)) = (compared_to, alert.firing_since) else { return };
        let seen = compared_to - alert.pending_since;
        if compared_to == since && seen < SHORTEST_MS {
            let wait = Duration::from_millis(u64::try_from(SHORTEST_MS - seen).unwrap_or(0));
            ctx.after(wait, "explain again", move |this, ctx| {
                this.put_off(alert);
                this.explain_next(ctx);
            });
        } else if cut {
            self.put_off(alert);
        }
    }

    fn put_off(&mut self, alert: Alert) {
        if self.again.len() < MOST_WAITING {
            self.again.push_back(alert);
        }
    }
}

/// As far as it takes to compare courses.
fn asked_again(alert: Alert, now: TimestampMs, rules: &RuleSet) -> Asked {
    let fired = alert.firing_since.unwrap_or(alert.last_sample);
    let lines = over_lines(rules, &alert);
    Asked { until: now.min(alert.pending_since + SHORTEST_MS).max(fired), alert, lines }
}

/// The condition of its rule, where that is over log lines.
fn over_lines(rules: &RuleSet, alert: &Alert) -> Option<LinesCondition> {
    match &rules.rules().get(rules.place_of(alert.rule_key())?)?.condition {
        Condition::Lines(lines) => Some(lines.clone()),
        _ => None,
    }
}
