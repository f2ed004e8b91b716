//! Advice: what the kept history says should be done, each piece with its evidence, none without.
//!
//! [`assess_recent`] and [`assess_month`] look at the store and give what holds now; [`Ledger`] keeps the life of each recommendation:
//! open → accepted, dismissed or applied by a person, withdrawn when its evidence is gone.

mod board;
mod ledger;
mod machine;

use serde::{Deserialize, Serialize};

pub use self::ledger::Ledger;
use crate::model::{Labels, Selector, SeriesId, TimestampMs};
use crate::rules::Severity;
use crate::store::{Store, StoreError};
use crate::windows::{Level, WindowRow};

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
    /// `ratio`, `bytes`, `seconds`, `count`, `bytes_per_second`, `per_day`.
    pub unit: String,
}

impl Evidence {
    fn counted(name: impl Into<String>, value: f64, unit: &str) -> Self {
        Self { name: name.into(), value, low: None, high: None, unit: unit.to_owned() }
    }

    fn estimated(name: impl Into<String>, value: f64, (low, high): (f64, f64), unit: &str) -> Self {
        Self { name: name.into(), value, low: Some(low), high: Some(high), unit: unit.to_owned() }
    }
}

/// Where a recommendation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Nobody has decided.
    Open,
    /// Someone means to do it.
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
    /// What it is about: `cpu`, `memory`, `disk`, `board`, `duration`.
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
}

/// What a look found; the ledger gives it its life.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// See [`Recommendation::id`].
    pub id: String,
    /// See [`Recommendation::kind`].
    pub kind: &'static str,
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
}

/// What holds now by the last day: cheap enough for every minute.
///
/// # Errors
/// [`StoreError`] when the history cannot be read; no advice is given on half of it.
pub fn assess_recent(store: &Store, now: TimestampMs) -> Result<Vec<Finding>, StoreError> {
    let history = History { store, now };
    let mut found = Vec::new();
    found.extend(machine::cpu(&history)?);
    found.extend(machine::memory(&history)?);
    found.extend(machine::disks(&history)?);
    found.extend(board::stalled(&history)?);
    Ok(found)
}

/// What holds now by the last month. Opens every day of it: for now and then.
///
/// # Errors
/// As [`assess_recent`].
pub fn assess_month(store: &Store, now: TimestampMs) -> Result<Vec<Finding>, StoreError> {
    board::rising_durations(&History { store, now })
}

/// The history as advice reads it.
struct History<'a> {
    store: &'a Store,
    now: TimestampMs,
}

impl History<'_> {
    fn series(&self, metric: &str) -> Vec<(SeriesId, Labels)> {
        let Ok(selector) = Selector::parse(metric) else { return Vec::new() };
        let ids = self.store.select(&selector.matchers);
        ids.into_iter().filter_map(|id| Some((id, self.store.labels(id)?))).collect()
    }

    /// Closed windows of the last `span_ms`.
    fn windows(&self, id: SeriesId, level: Level, span_ms: i64) -> Result<Vec<WindowRow>, StoreError> {
        self.store.windows(id, level, self.now - span_ms, self.now)
    }
}

/// The share of windows for which a condition holds.
fn share(rows: &[WindowRow], holds: impl Fn(&WindowRow) -> bool) -> f64 {
    if rows.is_empty() {
        return 0.0;
    }
    rows.iter().filter(|r| holds(r)).count() as f64 / rows.len() as f64
}

/// Mean of all samples of the windows.
fn mean(rows: &[WindowRow]) -> f64 {
    rows.iter().map(|r| r.sum).sum::<f64>() / rows.iter().map(|r| r.count).sum::<f64>()
}

#[cfg(test)]
mod tests;
