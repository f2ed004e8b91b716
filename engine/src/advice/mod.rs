//! Advice: what the kept history says should be done, each piece with its evidence, none without.
//!
//! [`assess`] reads the store and returns what holds now, by the advisors in `advisors/`; [`RecommendationTracker`] keeps the life of each
//! recommendation: open → accepted, dismissed or applied by a person, withdrawn when its evidence is gone. What was applied is followed by
//! an experiment, whose verdict it carries.

mod advisors;
mod applied;
mod capacity;
mod counsel;
mod dates;
mod decide;
mod follow;
mod history;
mod levels;
mod life;
mod records;
mod runs;
mod shift;
mod tracker;
mod undated;
mod writers;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use self::advisors::ADVISORS;
pub use self::advisors::is_of;
pub use self::applied::{SETTINGS_CHANGED, seems_applied};
pub use self::capacity::{Capacity, Forecast as CapacityForecast, Resource, capacity, capacity_series};
pub use self::counsel::{Confidence, Counsel, Effort, Expected, Measure};
pub use self::decide::{DecideError, Decision, MAX_REASON};
pub use self::follow::{Due, Verdicts};
use self::history::History;
pub use self::life::{Attempt, Baseline, Dismissal, Life, Outcome, SeemsApplied, Verdict};
pub use self::runs::Runs;
pub use self::tracker::RecommendationTracker;
pub use self::undated::{Undated, WhyUndated};
use crate::model::{Labels, TimestampMs};
use crate::money::Money;
use crate::money::budget::BudgetState;
use crate::rules::Severity;
use crate::store::{StoreError, StoreReader};
use crate::words::lasted;

/// One figure behind a recommendation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// What it is.
    pub name: String,
    /// The figure.
    pub value: f64,
    /// Lower bound (95 %) of an estimate.
    pub low: Option<f64>,
    /// Upper bound (95 %) of an estimate.
    pub high: Option<f64>,
    /// `ratio`, `bytes`, `seconds`, `count`, `bytes_per_second`, `per_day`; `time` of a moment, in seconds since 1970.
    pub unit: String,
}

impl Evidence {
    fn counted(name: impl Into<String>, value: f64, unit: &str) -> Self {
        Self { name: name.into(), value, low: None, high: None, unit: unit.to_owned() }
    }

    /// When something changed: charts mark it.
    fn moment(name: impl Into<String>, at: TimestampMs) -> Self {
        Self::counted(name, at as f64 / 1e3, "time")
    }

    /// The same where it is known only between which moments it was (95 %).
    fn moment_between(name: impl Into<String>, at: TimestampMs, (low, high): (TimestampMs, TimestampMs)) -> Self {
        Self::estimated(name, at as f64 / 1e3, (low as f64 / 1e3, high as f64 / 1e3), "time")
    }

    fn estimated(name: impl Into<String>, value: f64, (low, high): (f64, f64), unit: &str) -> Self {
        Self { name: name.into(), value, low: Some(low), high: Some(high), unit: unit.to_owned() }
    }
}

/// The state of a recommendation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Nobody has decided.
    Open,
    /// Someone will do it.
    Accepted,
    /// Someone does not want it.
    Dismissed,
    /// Someone did it.
    Applied,
    /// Its evidence is gone.
    Withdrawn,
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Open => "open",
            Self::Accepted => "accepted",
            Self::Dismissed => "dismissed",
            Self::Applied => "applied",
            Self::Withdrawn => "withdrawn",
        })
    }
}

/// A piece of advice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recommendation {
    /// The same for the same advice about the same thing.
    pub id: String,
    /// What it is about, as [`Topic::name`] has it.
    pub kind: String,
    /// One line.
    pub title: String,
    /// What was seen.
    pub why: String,
    /// What to do.
    pub action: String,
    /// How much it matters.
    pub severity: Severity,
    /// Where it stands.
    pub status: Status,
    /// When it was first given.
    pub created: TimestampMs,
    /// When it last changed.
    pub updated: TimestampMs,
    /// The figures.
    pub evidence: Vec<Evidence>,
    /// The series to look at.
    pub query: String,
    /// From when.
    pub start: TimestampMs,
    /// Until when.
    pub end: TimestampMs,
    /// When its evidence was last there. What an earlier version kept has 0: long ago.
    #[serde(default)]
    pub seen: TimestampMs,
    /// For how long it stays after that, see [`Finding::lasts_ms`].
    #[serde(default)]
    pub lasts_ms: i64,
    /// What it would bring; none where the evidence does not say.
    #[serde(default)]
    pub expected: Option<Expected>,
    /// How its effect is measured; none where it cannot be.
    #[serde(default)]
    pub measure: Option<Measure>,
    /// What was decided, and what became of it.
    #[serde(default)]
    pub life: Life,
}

/// What an advisor found; the tracker makes a recommendation of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// See [`Recommendation::id`].
    pub id: String,
    /// See [`Recommendation::kind`].
    pub topic: Topic,
    /// See [`Recommendation::title`].
    pub title: String,
    /// See [`Recommendation::why`].
    pub why: String,
    /// See [`Recommendation::action`].
    pub action: String,
    /// See [`Recommendation::severity`].
    pub severity: Severity,
    /// See [`Recommendation::evidence`].
    pub evidence: Vec<Evidence>,
    /// See [`Recommendation::query`].
    pub query: String,
    /// See [`Recommendation::start`].
    pub start: TimestampMs,
    /// See [`Recommendation::end`].
    pub end: TimestampMs,
    /// For how long the recommendation stays when its evidence is gone. What is so or is not so (a disk is full) has 0; a habit (a busy
    /// CPU) comes and goes by the hour, and advice on it does not.
    pub lasts_ms: i64,
}

/// What advice is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// Processors.
    Cpu,
    /// Memory.
    Memory,
    /// Disks and file systems.
    Disk,
    /// Task Master boards.
    Board,
    /// How long tasks take.
    Duration,
    /// GitHub Actions.
    Ci,
    /// What is probed, and its certificates.
    Probe,
    /// Where figures come from.
    Source,
    /// Units and containers.
    Unit,
    /// This program itself.
    Service,
}

impl Topic {
    /// As it is kept and served.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Disk => "disk",
            Self::Board => "board",
            Self::Duration => "duration",
            Self::Ci => "ci",
            Self::Probe => "probe",
            Self::Source => "source",
            Self::Unit => "unit",
            Self::Service => "service",
        }
    }
}

/// How far back advisors read. That says how often they can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Horizon {
    /// The last day by short windows, and hours of the weeks before it: for every minute.
    Day,
    /// The last month, whose days all have to be opened: for once an hour.
    Month,
}

/// What advisors say of the history.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Assessment {
    /// What should be done.
    pub findings: Vec<Finding>,
    /// File systems and memory that may be full some day, and when cannot be said.
    pub undated: Vec<Undated>,
    /// Shares of the resources of this machine that are in use; of the last day.
    pub in_use: Vec<(Resource, Labels, f64)>,
    /// What is forecast of capacities; of the month.
    pub forecasts: Vec<CapacityForecast>,
    /// How budgets stand; of the last day.
    pub budgets: Vec<BudgetState>,
}

/// What the advisors of a horizon find now.
///
/// # Errors
/// [`StoreError`] when the history cannot be read; then there is no advice, rather than advice on a part of it.
pub fn assess(store: &StoreReader, money: &Money, horizon: Horizon, now: TimestampMs) -> Result<Assessment, StoreError> {
    assess_again(store, money, &mut Runs::default(), &BTreeSet::new(), horizon, now)
}

/// The same for who asks again and again: of the runs of workflows, what changed meanwhile is read. What is advised already, by the ids
/// in `given`, is advised for as long as there is anything to it, so that advice does not come and go.
///
/// # Errors
/// As [`assess`].
pub fn assess_again(
    store: &StoreReader,
    money: &Money,
    runs: &mut Runs,
    given: &BTreeSet<String>,
    horizon: Horizon,
    now: TimestampMs,
) -> Result<Assessment, StoreError> {
    let history = History::with(store, money, std::mem::take(runs), Some(given), now);
    let found = of_horizon(&history, horizon);
    let (undated, forecasts, budgets) = (history.undated.into_inner(), history.forecasts.into_inner(), history.budgets.into_inner());
    *runs = history.runs.into_inner();
    let (findings, in_use) = found?;
    Ok(Assessment { findings, undated, in_use, forecasts, budgets })
}

type Found = (Vec<Finding>, Vec<(Resource, Labels, f64)>);

fn of_horizon(history: &History<'_>, horizon: Horizon) -> Result<Found, StoreError> {
    let mut findings = Vec::new();
    for advisor in ADVISORS.iter().filter(|advisor| advisor.horizon == horizon) {
        findings.extend((advisor.assess)(history)?);
    }
    let in_use = if horizon == Horizon::Day { capacity::in_use(history)? } else { Vec::new() };
    Ok((findings, in_use))
}

/// An advisor, and what it can say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdvisorState {
    /// How the ids of its recommendations begin.
    pub name: &'static str,
    /// What it looks for, as half a sentence.
    pub about: &'static str,
    /// Which of the metrics that it reads have no series: it can say nothing without them.
    pub missing: Vec<String>,
    /// How much history it needs at the least and how much there is, ms, where that is too little.
    pub too_little: Option<(i64, i64)>,
}

impl AdvisorState {
    /// Why it can say nothing, in words; none where it can.
    #[must_use]
    pub fn unsaid(&self) -> Option<String> {
        if !self.missing.is_empty() {
            return Some(format!("there is no {}", self.missing.join(", ")));
        }
        let (needs, has) = self.too_little?;
        Some(format!("too little history: it needs {}, and there are {}", lasted(needs), lasted(has)))
    }
}

/// All advisors, and what each of them lacks.
///
/// # Errors
/// [`StoreError`]
pub fn advisors(store: &StoreReader, money: &Money, now: TimestampMs) -> Result<Vec<AdvisorState>, StoreError> {
    let history = History::new(store, money, now);
    let state = |advisor: &advisors::Advisor| {
        let missing: Vec<String> = advisor.reads.iter().flat_map(|metric| history.without_series(metric)).collect();
        let needs = advisor.needs_ms;
        let has = if needs > 0 && missing.is_empty() { history.known_ms(advisor.reads, needs)? } else { needs };
        let too_little = (has < needs).then_some((needs, has));
        Ok(AdvisorState { name: advisor.name, about: advisor.about, missing, too_little })
    };
    ADVISORS.iter().map(state).collect()
}

/// The names of all advisors.
pub fn advisor_names() -> impl Iterator<Item = &'static str> {
    ADVISORS.iter().map(|advisor| advisor.name)
}

/// The advisor that gives a recommendation, by its id.
#[must_use]
pub fn advisor_of(id: &str) -> Option<&'static str> {
    advisors::of(id).map(|advisor| advisor.name)
}

/// When file systems and memory will be full, by these findings: series and seconds from now.
#[must_use]
pub fn times_to_full(found: &[Finding]) -> Vec<(Labels, f64)> {
    found.iter().flat_map(advisors::times_to_full).collect()
}

#[cfg(test)]
mod cases;
#[cfg(test)]
mod cases_kept;
#[cfg(test)]
mod cases_measured;
#[cfg(test)]
mod cases_money;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod life_tests;
#[cfg(test)]
mod settings_named;
#[cfg(test)]
mod tests;
