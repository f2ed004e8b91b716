//! Evaluating groups of rules at their instants, on the pool. What they give is written, and their alerts are published.

use std::sync::Arc;

use taskpulse_engine::model::{Batch, Selector, TimestampMs, rfc3339};
use taskpulse_engine::rules::{Condition, Counts, GroupInstant, GroupOutcome, RuleSet};
use taskpulse_engine::store::StoreReader;
use taskpulse_engine::words::counted;

use super::AlertActor;
use crate::messages::Append;
use crate::supervisor::{Ctx, Schedule};

/// Groups that are evaluated at the same time.
const MAX_RUNNING: usize = 2;

/// Where a group stands.
#[derive(Debug, Clone, Default)]
pub(super) struct GroupRun {
    /// The newest instant at which it was evaluated, or is.
    last: TimestampMs,
    running: bool,
}

impl AlertActor {
    /// The groups begin with their next instants.
    pub(super) fn schedule_groups(&mut self) {
        let now = self.clock.now_ms();
        self.groups = self.rules.groups().iter().map(|group| GroupRun { last: group.instant(now), running: false }).collect();
        self.generation += 1;
    }

    /// Evaluates the groups whose instant has come.
    pub(super) fn evaluate_due(&mut self, ctx: &mut Ctx<Self>) {
        let now = self.clock.now_ms();
        let rules = Arc::clone(&self.rules);
        for (at, group) in rules.groups().iter().enumerate() {
            let due = group.instant(now);
            let run = &mut self.groups[at];
            // Also after a jump back of the clock.
            if due == run.last {
                continue;
            }
            if run.running {
                run.last = due;
                self.states.groups[at].missed += 1;
                continue;
            }
            let queries = rules.rules()[group.rules.clone()].iter().any(|rule| !matches!(rule.condition, Condition::Sample(_)));
            if !queries && !self.tracker.lock().has_alert_series(group.rules.clone()) {
                run.last = due;
                self.states.groups[at].evaluated_at = Some(due);
                self.states_changed = true;
                continue;
            }
            if self.running < MAX_RUNNING {
                run.last = due;
                self.evaluate(at, due, ctx);
            }
        }
        self.publish_states(now);
    }

    fn evaluate(&mut self, group: usize, t: TimestampMs, ctx: &mut Ctx<Self>) {
        self.groups[group].running = true;
        self.running += 1;
        let (rules, store, tracker) = (Arc::clone(&self.rules), self.store.clone(), Arc::clone(&self.tracker));
        let (recorded, limits, generation) = (Arc::clone(&self.recorded), self.limits.clone(), self.generation);
        let work = move || GroupInstant { rules: &rules, group, t, limits: &limits }.evaluate(&store, &tracker, &recorded);
        ctx.run_background("evaluation", work, move |this, outcome, ctx| {
            this.running -= 1;
            match outcome {
                Ok(outcome) => this.evaluated(group, generation, t, outcome, ctx),
                Err(error) => {
                    log::error!("alerts: a group could not be evaluated: {error}");
                    this.done(group, generation);
                }
            }
        });
    }

    /// The group may be evaluated again. After a change of rules it is another group.
    fn done(&mut self, group: usize, generation: u64) {
        if generation == self.generation {
            self.groups[group].running = false;
        }
    }

    fn evaluated(&mut self, group: usize, generation: u64, t: TimestampMs, outcome: GroupOutcome, ctx: &mut Ctx<Self>) {
        self.publish(outcome.changes);
        self.explain_next(ctx);
        if generation == self.generation {
            let state = &mut self.states.groups[group];
            (state.evaluated_at, state.seconds) = (Some(t), outcome.seconds);
            let places = self.rules.groups()[group].rules.clone();
            for (at, report) in places.zip(outcome.reports) {
                let (rule, state) = (&self.rules.rules()[at], &mut self.states.rules[at]);
                if let Some(error) = report.error.as_ref().filter(|error| state.error.as_ref() != Some(error)) {
                    log::warn!("alerts: rule {}: {error}", rule.key);
                }
                state.error = report.error;
                state.seconds = report.seconds;
                if !matches!(rule.condition, Condition::Sample(_)) {
                    state.evaluated_at = Some(t);
                }
            }
            self.states_changed = true;
        }
        let mut batch = Batch::default();
        for (labels, t, v) in outcome.rows {
            batch.push(labels, t, v);
        }
        if batch.is_empty() {
            return self.done(group, generation);
        }
        // The group waits until its results can be read.
        let append = self.outputs.append.clone();
        ctx.wait_for("results", async move { append.send(Append(Arc::new(batch))).await }, move |this, answer, _| {
            this.done(group, generation);
            match answer {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => log::error!("alerts: the results of rules are not kept: {error}"),
                Err(error) => log::error!("alerts: the results of rules are not kept: {error}"),
            }
        });
    }

    /// Publishes what became of the rules, where that has changed.
    fn publish_states(&mut self, now: TimestampMs) {
        {
            let tracker = self.tracker.lock();
            for (at, rule) in self.rules.rules().iter().enumerate() {
                if !matches!(rule.condition, Condition::Sample(_)) {
                    continue;
                }
                let judged = tracker.judged(at).map(|t| t.min(now));
                if self.states.rules[at].evaluated_at != judged {
                    self.states.rules[at].evaluated_at = judged;
                    self.states_changed = true;
                }
            }
        }
        if std::mem::take(&mut self.states_changed) {
            self.published.send_replace(Arc::new(self.states.clone()));
        }
    }

    /// Looks for rules that nothing matches, and notes what was not judged of samples.
    pub(super) fn note_matches(&mut self, ctx: &mut Ctx<Self>) {
        let (rules, store, generation) = (Arc::clone(&self.rules), self.store.clone(), self.generation);
        let since = self.clock.now_ms() - self.limits.lookback;
        let work = move || rules.rules().iter().map(|rule| unmatched(rule.condition.selectors(), &store, since)).collect::<Vec<_>>();
        ctx.run_background("matches", work, move |this, found, _| {
            let Ok(found) = found else { return };
            if generation != this.generation {
                return;
            }
            for (at, unmatched) in found.into_iter().enumerate() {
                let counts = this.tracker.lock().counts(at);
                let notes: Vec<String> = unmatched.into_iter().chain(notes_of(counts)).collect();
                if this.states.rules[at].notes != notes {
                    this.states.rules[at].notes = notes;
                    this.states_changed = true;
                }
            }
        });
    }

    /// Ends the series of recording rules that are no more.
    pub(super) fn drop_recorded(&mut self, rules: &RuleSet) -> Batch {
        let now = self.clock.now_ms();
        let keys: std::collections::HashSet<&str> =
            rules.rules().iter().filter(|rule| rule.is_recording()).map(|rule| rule.key.as_str()).collect();
        let mut batch = Batch::default();
        self.recorded.lock().retain(|key, series| {
            let stays = keys.contains(key.as_str());
            if !stays {
                for labels in series.drain() {
                    batch.push(labels, now, f64::from_bits(taskpulse_engine::model::STALE_NAN_BITS));
                }
            }
            stays
        });
        batch
    }
}

/// Which of its selectors no series matches.
fn unmatched(selectors: &[Selector], store: &StoreReader, since: TimestampMs) -> Option<String> {
    for (place, selector) in selectors.iter().enumerate() {
        let ids = store.select(&selector.matchers);
        if ids.iter().any(|id| store.may_have(*id, since)) {
            continue;
        }
        let which = if selectors.len() > 1 { format!("selector {} of {}: ", place + 1, selectors.len()) } else { String::new() };
        let newest = ids.iter().filter_map(|id| store.newest(*id)).max();
        let when = newest.map(|t| format!(" since {}", rfc3339(t))).unwrap_or_default();
        return Some(format!("{which}no series matches{when}"));
    }
    None
}

/// What was not judged of the samples of a rule.
fn notes_of(counts: Counts) -> Vec<String> {
    let note = |count: u64, one: &str, many: &str| (count > 0).then(|| counted(count, one, many));
    [
        note(
            counts.late,
            "sample was older than the newest of its series, and was not judged",
            "samples were older than the newest of their series, and were not judged",
        ),
        note(counts.history, "sample was too old to be judged: it is history", "samples were too old to be judged: they are history"),
        note(
            counts.ahead,
            "sample was ahead of the clock, and was judged as of when it came",
            "samples were ahead of the clock, and were judged as of when they came",
        ),
        note(counts.nan, "sample was no number, and was not judged", "samples were no number, and were not judged"),
        note(
            counts.over_limit,
            "alert was left out: the rule has as many as there may be",
            "alerts were left out: the rule has as many as there may be",
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}
