//! All experiments: how many there may be, and which of them stand in each other's way.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::{FxHashMap, FxHashSet};

use super::judge::beside_others;
use super::{Better, Experiment, Judgment, OtherChange, State};
use crate::effect::{Hours, MAX_DAYS, MIN_DAYS};
use crate::model::{Labels, SeriesId, TimestampMs, fnv1a};
use crate::store::DocumentChange;

/// Experiments that are kept.
pub const MAX_EXPERIMENTS: usize = 100;
/// Longest title, in characters.
pub const MAX_TITLE: usize = 200;
/// How long a removed experiment can be restored.
pub const KEEP_REMOVED_MS: i64 = 7 * 86_400_000;
/// Advice that was applied within this time of a moment is the change of that moment.
const SAME_MS: i64 = 3_600_000;

/// What somebody asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// What was changed; may be empty.
    pub title: String,
    /// What is compared: a query that gives one series.
    pub expr: String,
    /// A series that the change did not touch.
    pub control: Option<String>,
    /// What would be an improvement.
    pub better: Better,
    /// When the change was made.
    pub at: TimestampMs,
    /// The days after it that are compared.
    pub days: i64,
    /// The advice that was carried out, where it was that.
    pub advised: Option<Advised>,
}

/// Advice that was carried out, and what was known when it was accepted.
#[derive(Debug, Clone, PartialEq)]
pub struct Advised {
    /// The id of the recommendation.
    pub recommendation: String,
    /// The hours before the change.
    pub before: Hours,
    /// The hours of the control before the change.
    pub control_before: Hours,
}

/// Why an experiment is not made, or not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExperimentError {
    /// There is no room.
    #[error("there are {MAX_EXPERIMENTS} experiments; remove some first")]
    TooMany,
    /// What is asked for cannot be.
    #[error("{0}")]
    Invalid(String),
    /// There is none of that id.
    #[error("no experiment has the id `{0}`; /api/v1/experiments lists them")]
    NotFound(String),
}

impl Draft {
    /// Checks what can be checked without the store.
    ///
    /// # Errors
    /// [`ExperimentError::Invalid`]
    pub fn check(&self, now: TimestampMs) -> Result<(), ExperimentError> {
        let length = self.title.chars().count();
        if length > MAX_TITLE {
            return Err(ExperimentError::Invalid(format!("`title`: {length} characters; use at most {MAX_TITLE}")));
        }
        if !(MIN_DAYS..=MAX_DAYS).contains(&self.days) {
            return Err(ExperimentError::Invalid(format!("`days`: {}; use {MIN_DAYS} to {MAX_DAYS}", self.days)));
        }
        if self.at > now {
            return Err(ExperimentError::Invalid("`at` is in the future; mark the change once it is made".to_owned()));
        }
        Ok(())
    }

    /// The id of its experiment.
    #[must_use]
    pub fn id(&self) -> String {
        let text = format!("{}\0{}\0{}\0{}", self.title, self.expr, self.control.as_deref().unwrap_or_default(), self.at);
        format!("{:016x}", fnv1a(text.bytes()))
    }
}

/// All experiments by id.
#[derive(Debug, Default)]
pub struct Book {
    all: BTreeMap<String, Experiment>,
}

impl Book {
    /// Goes on with kept documents.
    #[must_use]
    pub fn new(documents: &[(String, Vec<u8>)]) -> Self {
        let kept = documents.iter().filter_map(|(key, bytes)| Some((key.clone(), serde_json::from_slice(bytes).ok()?)));
        Self { all: kept.collect() }
    }

    /// Those that were not removed, the newest change first.
    #[must_use]
    pub fn current(&self) -> Vec<&Experiment> {
        let mut current: Vec<&Experiment> = self.all.values().filter(|experiment| experiment.removed_at.is_none()).collect();
        current.sort_by(|a, b| (b.at, b.created_at, &a.id).cmp(&(a.at, a.created_at, &b.id)));
        current
    }

    /// One that was not removed.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Experiment> {
        self.all.get(id).filter(|experiment| experiment.removed_at.is_none())
    }

    /// One as it is, removed or not.
    #[must_use]
    pub fn entry(&self, id: &str) -> Option<Experiment> {
        self.all.get(id).cloned()
    }

    /// Puts an experiment back to what it was before a change that could not be kept.
    pub fn put_back(&mut self, id: &str, before: Option<Experiment>) {
        match before {
            Some(before) => self.all.insert(id.to_owned(), before),
            None => self.all.remove(id),
        };
    }

    /// Makes an experiment; the same one again takes over the wish and the days, and is judged anew.
    ///
    /// # Errors
    /// [`ExperimentError`]
    pub fn add(&mut self, draft: Draft, now: TimestampMs) -> Result<Experiment, ExperimentError> {
        draft.check(now)?;
        let id = draft.id();
        if self.get(&id).is_none() && self.current().len() >= MAX_EXPERIMENTS {
            return Err(ExperimentError::TooMany);
        }
        let known = self.all.remove(&id);
        let (created_at, mut before, mut control_before) = match known {
            Some(known) => (known.created_at, known.before, known.control_before),
            None => (now, Hours::new(), Hours::new()),
        };
        let Draft { title, expr, control, better, at, days, advised } = draft;
        let mut recommendation = None;
        if let Some(advised) = advised {
            before.extend(advised.before);
            control_before.extend(advised.control_before);
            recommendation = Some(advised.recommendation);
        }
        let experiment = Experiment {
            id: id.clone(),
            title,
            expr,
            control,
            better,
            at,
            days,
            created_at,
            removed_at: None,
            metric: Labels::none(),
            before,
            control_before,
            recommendation,
            judgment: unjudged(now),
        };
        self.all.insert(id, experiment.clone());
        Ok(experiment)
    }

    /// Removes an experiment; it can be restored for a week.
    ///
    /// # Errors
    /// [`ExperimentError::NotFound`]
    pub fn remove(&mut self, id: &str, now: TimestampMs) -> Result<&Experiment, ExperimentError> {
        let found = self.all.get_mut(id).filter(|experiment| experiment.removed_at.is_none());
        let experiment = found.ok_or_else(|| ExperimentError::NotFound(id.to_owned()))?;
        experiment.removed_at = Some(now);
        Ok(experiment)
    }

    /// Restores a removed experiment; one that is there stays.
    ///
    /// # Errors
    /// [`ExperimentError::NotFound`], [`ExperimentError::TooMany`]
    pub fn restore(&mut self, id: &str) -> Result<&Experiment, ExperimentError> {
        let full = self.current().len() >= MAX_EXPERIMENTS;
        let experiment = self.all.get_mut(id).ok_or_else(|| ExperimentError::NotFound(id.to_owned()))?;
        if experiment.removed_at.is_some() && full {
            return Err(ExperimentError::TooMany);
        }
        experiment.removed_at = None;
        Ok(experiment)
    }

    /// Those that are not final yet.
    #[must_use]
    pub fn open(&self) -> Vec<Experiment> {
        self.all.values().filter(|experiment| experiment.removed_at.is_none() && !experiment.judgment.is_final).cloned().collect()
    }

    /// Takes over what was worked out, and says of each experiment what else changed within the time that is compared. Gives those of
    /// which something is new, each with whether its state is. One that was removed or made anew meanwhile is left alone.
    pub fn conclude(&mut self, judged: Vec<Experiment>, beside: &Beside, now: TimestampMs) -> Vec<(Experiment, bool)> {
        let hours = |experiment: &Experiment| experiment.before.len() + experiment.control_before.len();
        let before: BTreeMap<String, (Judgment, usize)> =
            self.all.iter().map(|(id, experiment)| (id.clone(), (experiment.judgment.clone(), hours(experiment)))).collect();
        let mut touched: BTreeSet<String> = judged.into_iter().filter_map(|judged| self.take(judged)).collect();
        let current = self.current();
        let found: Vec<(String, Judgment)> =
            current.iter().filter_map(|one| Some((one.id.clone(), beside_others(one, beside.others(one, &current))?))).collect();
        for (id, judgment) in found {
            if let Some(experiment) = self.all.get_mut(&id) {
                experiment.judgment = judgment;
                touched.insert(id);
            }
        }
        let mut concluded = Vec::with_capacity(touched.len());
        for id in touched {
            let (Some(experiment), Some((before, known))) = (self.all.get_mut(&id), before.get(&id)) else { continue };
            let is_new = experiment.judgment.state != before.state;
            experiment.judgment.since = if is_new { now } else { before.since };
            let judged_at = std::mem::replace(&mut experiment.judgment.judged_at, before.judged_at);
            if experiment.judgment != *before || hours(experiment) != *known {
                experiment.judgment.judged_at = judged_at;
                concluded.push((experiment.clone(), is_new));
            }
        }
        concluded
    }

    fn take(&mut self, judged: Experiment) -> Option<String> {
        let known = self.all.get_mut(&judged.id)?;
        if known.removed_at.is_some() || (known.better, known.days) != (judged.better, judged.days) {
            return None;
        }
        let Experiment { id, metric, before, control_before, judgment, .. } = judged;
        (known.metric, known.before, known.control_before, known.judgment) = (metric, before, control_before, judgment);
        Some(id)
    }

    /// Forgets what was removed long ago, and gives the ids.
    pub fn forget_removed(&mut self, now: TimestampMs) -> Vec<String> {
        let over = |experiment: &&Experiment| experiment.removed_at.is_some_and(|at| now - at > KEEP_REMOVED_MS);
        let mut gone: Vec<String> = self.all.values().filter(over).map(|experiment| experiment.id.clone()).collect();
        let mut removed: Vec<(TimestampMs, String)> =
            self.all.values().filter_map(|experiment| Some((experiment.removed_at?, experiment.id.clone()))).collect();
        removed.sort();
        let many = removed.len().saturating_sub(MAX_EXPERIMENTS);
        gone.extend(removed.into_iter().take(many).map(|(_, id)| id));
        gone.retain(|id| self.all.remove(id).is_some());
        gone
    }
}

/// What is known of changes beside an experiment.
#[derive(Debug, Default)]
pub struct Beside {
    /// The series that each query reads.
    pub series: FxHashMap<String, FxHashSet<SeriesId>>,
    /// Changes that are no experiments, each with the query of what it was to change.
    pub further: Vec<(OtherChange, String)>,
}

impl Beside {
    /// Whether two queries read a series that is the same.
    fn overlap(&self, a: &str, b: &str) -> bool {
        match (self.series.get(a), self.series.get(b)) {
            (Some(a), Some(b)) => !a.is_disjoint(b),
            _ => a == b,
        }
    }

    fn others(&self, one: &Experiment, all: &[&Experiment]) -> Vec<OtherChange> {
        let Some((from, to)) = one.judgment.effect.as_ref().map(|effect| (effect.before.0, effect.after.1)) else { return Vec::new() };
        let counts = |at: TimestampMs, expr: &str| at >= from && at < to && self.overlap(&one.expr, expr);
        let experiments = all.iter().filter(|other| !is_same_change(one, other) && counts(other.at, &other.expr));
        let experiments = experiments.map(|other| OtherChange {
            kind: "experiment".to_owned(),
            id: other.id.clone(),
            title: if other.title.is_empty() { other.expr.clone() } else { other.title.clone() },
            at: other.at,
        });
        // Advice that was applied at this moment is what the experiment is about, and that which has an experiment of its own is there already.
        let followed = |id: &str| all.iter().any(|experiment| experiment.recommendation.as_deref() == Some(id));
        let further = self
            .further
            .iter()
            .filter(|(other, expr)| (other.at - one.at).abs() >= SAME_MS && counts(other.at, expr) && !followed(&other.id));
        experiments.chain(further.map(|(other, _)| other.clone())).collect()
    }
}

/// Whether two experiments follow one change: those of one moment do, unless they have different titles.
fn is_same_change(one: &Experiment, other: &Experiment) -> bool {
    one.at == other.at && (one.title == other.title || one.title.is_empty() || other.title.is_empty())
}

/// What is known before the first judgment.
fn unjudged(now: TimestampMs) -> Judgment {
    let missing = "it has not been judged yet".to_owned();
    Judgment {
        state: State::Unknown,
        since: now,
        judged_at: now,
        judged_from: None,
        effect: None,
        others: Vec::new(),
        sentence: missing.clone(),
        missing: Some(missing),
        is_final: false,
    }
}

impl Experiment {
    /// The document of an experiment.
    #[must_use]
    pub fn document(&self) -> DocumentChange {
        (self.id.clone(), serde_json::to_vec(self).ok())
    }
}
