//! The kept history as advisors read it.

use crate::model::{Labels, Matcher, Selector, SeriesId, TimestampMs};
use crate::span::Span;
use crate::store::{StoreError, StoreReader};
use crate::windows::{Level, WindowRow};

pub(super) const HOUR_MS: i64 = 3_600_000;
pub(super) const DAY_MS: i64 = 24 * HOUR_MS;
/// Minutes of the last hour that must have been measured.
const MIN_MINUTES: usize = 30;

/// The store, read up to a time.
pub(super) struct History<'a> {
    pub(super) store: &'a StoreReader,
    pub(super) now: TimestampMs,
}

impl History<'_> {
    /// All series of a metric.
    pub(super) fn series(&self, metric: &str) -> Vec<(SeriesId, Labels)> {
        let Ok(selector) = Selector::parse(metric) else { return Vec::new() };
        let ids = self.store.select(&selector.matchers);
        ids.into_iter().filter_map(|id| Some((id, self.store.labels(id)?))).collect()
    }

    /// Closed windows of the last `span_ms`.
    pub(super) fn windows(&self, id: SeriesId, level: Level, span_ms: i64) -> Result<Vec<WindowRow>, StoreError> {
        self.store.windows(id, level, self.now - span_ms, self.now)
    }

    /// Whether the newest value of a series, which ends with a stale marker, is no older than an hour.
    pub(super) fn was_given(&self, series: &Labels) -> Result<bool, StoreError> {
        let matchers: Vec<Matcher> = series.iter().map(|(name, value)| Matcher::equal(name, value)).collect();
        for id in self.store.select(&matchers) {
            if self.store.latest(id, self.now - HOUR_MS, self.now)?.is_some_and(|sample| sample.v.is_finite()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The last hour of a metric by minutes, of its first series that was measured often enough.
    pub(super) fn last_hour(&self, metric: &str) -> Result<Option<(Vec<WindowRow>, Labels)>, StoreError> {
        for (id, labels) in self.series(metric) {
            let rows = self.windows(id, Level::M1, HOUR_MS)?;
            if rows.len() >= MIN_MINUTES {
                return Ok(Some((rows, labels)));
            }
        }
        Ok(None)
    }

    /// The process with the highest mean over the last hour. Time without samples counts as zero.
    pub(super) fn top_process(&self, metric: &str) -> Result<Option<(String, f64)>, StoreError> {
        let mut top: Option<(String, f64)> = None;
        for (id, labels) in self.series(metric) {
            let rows = self.windows(id, Level::M5, HOUR_MS)?;
            let total = rows.iter().map(WindowRow::avg).sum::<f64>() / 12.0;
            if total > top.as_ref().map_or(0.0, |(_, highest)| *highest)
                && let Some(process) = labels.get("process")
            {
                top = Some((process.to_owned(), total));
            }
        }
        Ok(top)
    }
}

/// The share of windows for which a condition holds.
pub(super) fn share(rows: &[WindowRow], holds: impl Fn(&WindowRow) -> bool) -> f64 {
    if rows.is_empty() {
        return 0.0;
    }
    rows.iter().filter(|r| holds(r)).count() as f64 / rows.len() as f64
}

/// Mean of all samples of the windows.
pub(super) fn mean(rows: &[WindowRow]) -> f64 {
    rows.iter().map(|r| r.sum).sum::<f64>() / rows.iter().map(|r| r.count).sum::<f64>()
}

/// A length of time in one or two units.
pub(super) fn approximate(seconds: f64) -> String {
    let unit = if seconds >= 86_400.0 {
        3_600
    } else if seconds >= 3_600.0 {
        60
    } else {
        1
    };
    let seconds = seconds.min(1e9) as i64;
    Span::secs(seconds - seconds % unit).to_string()
}

/// Project and tag.
pub(super) type BoardName = (String, String);

/// The board that a series is about.
pub(super) fn board_of(labels: &Labels) -> BoardName {
    let part = |name| labels.get(name).unwrap_or("").to_owned();
    (part("project"), part("tag"))
}
