//! Closed windows.

use serde::Serialize;
use taskpulse_engine::model::Labels;
use taskpulse_engine::windows::{Level, WindowRow};
use utoipa::ToSchema;

use super::seconds;

/// The statistics of one series over one closed window.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Window {
    /// The labels of the series, `__name__` among them.
    #[schema(value_type = BTreeMap<String, String>)]
    pub metric: Labels,
    /// Its length: `1m`, `5m`, `15m`, `1h`, `6h` or `24h`.
    #[schema(example = "1m")]
    pub window: &'static str,
    /// Its first instant.
    pub start: f64,
    /// The first instant after it.
    pub end: f64,
    /// Samples.
    #[schema(value_type = Option<f64>, required = true)]
    pub count: f64,
    /// Their sum.
    #[schema(value_type = Option<f64>, required = true)]
    pub sum: f64,
    /// The smallest.
    #[schema(value_type = Option<f64>, required = true)]
    pub min: f64,
    /// The largest.
    #[schema(value_type = Option<f64>, required = true)]
    pub max: f64,
    /// Their mean.
    #[schema(value_type = Option<f64>, required = true)]
    pub avg: f64,
    /// The earliest.
    #[schema(value_type = Option<f64>, required = true)]
    pub first: f64,
    /// The latest.
    #[schema(value_type = Option<f64>, required = true)]
    pub last: f64,
    /// Standard deviation of the population.
    #[schema(value_type = Option<f64>, required = true)]
    pub stddev: f64,
}

impl Window {
    /// A row of a series.
    #[must_use]
    pub fn new(metric: Labels, level: Level, row: &WindowRow) -> Self {
        Self {
            metric,
            window: level.name(),
            start: seconds(row.start),
            end: seconds(row.start + level.ms()),
            count: row.count,
            sum: row.sum,
            min: row.min,
            max: row.max,
            avg: row.avg(),
            first: row.first,
            last: row.last,
            stddev: row.stddev(),
        }
    }
}
