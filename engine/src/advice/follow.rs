//! What follows a decision: the baseline is frozen, an experiment begins, and its verdict is taken over.

use std::collections::BTreeMap;

use super::{Baseline, Measure, Recommendation, RecommendationTracker, SeemsApplied, Status, Verdict};
use crate::effect::{Hours, MAX_DAYS, hour_ending};
use crate::experiment::{Advised, Draft, Experiment, MAX_TITLE, Reading};
use crate::model::TimestampMs;

const DAY_MS: i64 = 86_400_000;
const WEEK_HOURS: i64 = 168;
/// Hours that a series and its control must have with those of a week before.
const MIN_ALIKE: usize = 48;

/// Verdicts by the ids of experiments.
pub type Verdicts = BTreeMap<String, Verdict>;

/// What is to be done for a recommendation.
#[derive(Debug, Clone, PartialEq)]
pub enum Due {
    /// The time before this moment is to be read.
    Freeze(Measure, TimestampMs),
    /// An experiment is to be made.
    Follow(Draft),
    /// An experiment is to be removed.
    End(String),
}

impl Verdict {
    /// What an experiment says.
    #[must_use]
    pub fn of(experiment: &Experiment) -> Self {
        let (judgment, effect) = (&experiment.judgment, experiment.judgment.effect.as_ref());
        Self {
            state: judgment.state,
            since: judgment.since,
            sentence: judgment.sentence.clone(),
            judged_from: judgment.judged_from,
            missing: judgment.missing.clone(),
            is_final: judgment.is_final,
            means: effect.map(|effect| (effect.mean_before, effect.mean_after)),
            ratio: effect.and_then(|effect| effect.ratio),
            difference: effect.map(|effect| effect.difference),
        }
    }
}

impl Baseline {
    /// Reads the time before a moment. The control is left out where it does not move alike: it would add its own noise.
    #[must_use]
    pub fn read(mut measure: Measure, at: TimestampMs, reading: &Reading<'_>) -> Self {
        let hours = |expr: &str| -> Hours {
            let mut hours = reading.hours(expr, (at, at), "the query").map_or_else(|_| Hours::new(), |(_, hours)| hours);
            hours.retain(|hour, _| *hour <= hour_ending(at));
            hours
        };
        let before = hours(&measure.query);
        let control_before = measure.control.as_deref().map(hours).filter(|control| move_alike(&before, control));
        if control_before.is_none() {
            measure.control = None;
        }
        Self { at, measure, before, control_before: control_before.unwrap_or_default() }
    }
}

/// Whether the weeks of a control differ as those of the series do, so that what is left of the difference scatters less.
fn move_alike(series: &Hours, control: &Hours) -> bool {
    let mean = |hours: &Hours| hours.values().sum::<f64>() / hours.len().max(1) as f64;
    let (own, others) = (mean(series), mean(control));
    if own <= 0.0 || others <= 0.0 {
        return false;
    }
    let step = |hours: &Hours, hour: i64, mean: f64| Some((hours.get(&hour)? - hours.get(&(hour - WEEK_HOURS))?) / mean);
    let steps: Vec<(f64, f64)> =
        series.keys().filter_map(|hour| Some((step(series, *hour, own)?, step(control, *hour, others)?))).collect();
    let variance = |of: fn(&(f64, f64)) -> f64| {
        let mean = steps.iter().map(of).sum::<f64>() / steps.len() as f64;
        steps.iter().map(|step| (of(step) - mean).powi(2)).sum::<f64>()
    };
    steps.len() >= MIN_ALIKE && variance(|(own, others)| own - others) < variance(|(own, _)| *own)
}

impl RecommendationTracker {
    /// What is to be done, by recommendation. The same until it is done: nothing is lost by a start in between.
    #[must_use]
    pub fn due(&self) -> Vec<(String, Due)> {
        let mut due: Vec<(String, Due)> = Vec::new();
        for one in self.all.values() {
            due.extend(one.life.ended.iter().map(|experiment| (one.id.clone(), Due::End(experiment.clone()))));
            due.extend(next(one).map(|next| (one.id.clone(), next)));
        }
        due
    }

    /// The time before was read; none where that is not wanted any more.
    pub fn froze(&mut self, id: &str, baseline: Baseline) -> Option<Recommendation> {
        let one = self.all.get_mut(id).filter(|one| matches!(next(one), Some(Due::Freeze(_, at)) if at == baseline.at))?;
        one.life.baseline = Some(baseline);
        Some(one.clone())
    }

    /// The experiment of a draft was made, or why not. One that is not wanted any more is to be removed again.
    pub fn follows(&mut self, id: &str, draft: &Draft, made: Result<String, String>) -> Option<Recommendation> {
        let one = self.all.get_mut(id)?;
        let wanted = matches!(next(one), Some(Due::Follow(wanted)) if wanted.id() == draft.id());
        match made {
            Ok(experiment) if wanted => one.life.experiment = Some(experiment),
            Ok(experiment) => one.life.ended.push(experiment),
            Err(why) if wanted => one.life.not_followed = Some(why),
            Err(_) => return None,
        }
        Some(one.clone())
    }

    /// An experiment was removed.
    pub fn ended(&mut self, id: &str, experiment: &str) -> Option<Recommendation> {
        let one = self.all.get_mut(id)?;
        one.life.ended.retain(|ended| ended != experiment);
        Some(one.clone())
    }

    /// Takes over what experiments say; returns the recommendations of which that is new.
    pub fn judged(&mut self, verdicts: &Verdicts, now: TimestampMs) -> Vec<Recommendation> {
        let mut changed = Vec::new();
        for one in self.all.values_mut().filter(|one| one.status == Status::Applied) {
            let verdict =
                one.life.experiment.as_ref().and_then(|experiment| verdicts.get(experiment)).cloned().or_else(|| unheard(one, now));
            if verdict.is_some() && one.life.verdict != verdict {
                one.life.verdict = verdict;
                one.updated = now;
                changed.push(one.clone());
            }
        }
        changed
    }

    /// Those that nobody has carried out yet, as far as is known.
    #[must_use]
    pub fn undone(&self) -> Vec<Recommendation> {
        let undone = |one: &&Recommendation| matches!(one.status, Status::Open | Status::Accepted) && one.life.seems_applied.is_none();
        self.all.values().filter(undone).cloned().collect()
    }

    /// Takes over what looks as if it was done.
    pub fn seem_applied(&mut self, seen: Vec<(String, SeemsApplied)>, now: TimestampMs) -> Vec<Recommendation> {
        let mut changed = Vec::new();
        for (id, seen) in seen {
            let one = self.all.get_mut(&id).filter(|one| matches!(one.status, Status::Open | Status::Accepted));
            if let Some(one) = one.filter(|one| one.life.seems_applied.is_none()) {
                (one.life.seems_applied, one.updated) = (Some(seen), now);
                changed.push(one.clone());
            }
        }
        changed
    }
}

/// Somebody removed the experiment, and the time that it would have taken is over: what was said last stays.
fn unheard(one: &Recommendation, now: TimestampMs) -> Option<Verdict> {
    let over = one.life.applied_at.is_some_and(|at| now - at > (MAX_DAYS + 3) * DAY_MS);
    one.life.verdict.clone().filter(|_| over).map(|verdict| Verdict { is_final: true, ..verdict })
}

fn next(one: &Recommendation) -> Option<Due> {
    let life = &one.life;
    let at = match one.status {
        Status::Accepted => life.accepted_at,
        Status::Applied => life.accepted_at.into_iter().chain(life.applied_at).min(),
        _ => None,
    }?;
    let Some(baseline) = &life.baseline else { return Some(Due::Freeze(one.measure.clone()?, at)) };
    let applied = life.applied_at.filter(|_| one.status == Status::Applied && life.experiment.is_none() && life.not_followed.is_none())?;
    Some(Due::Follow(Draft {
        title: one.title.chars().take(MAX_TITLE).collect(),
        expr: baseline.measure.query.clone(),
        control: baseline.measure.control.clone(),
        better: baseline.measure.better,
        at: applied,
        days: MAX_DAYS,
        advised: Some(Advised {
            recommendation: one.id.clone(),
            before: baseline.before.clone(),
            control_before: baseline.control_before.clone(),
        }),
    }))
}
