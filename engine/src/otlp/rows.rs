//! Input and output of a translation: the stored series, and rows, metadata and refusals.

use super::streams::Changes;
use crate::exemplar::ExemplarBatch;
use crate::model::{Labels, Sample, TimestampMs};

/// Access to stored series.
pub trait SeriesHistory {
    /// The time of the newest sample.
    fn newest(&self, labels: &Labels) -> Option<TimestampMs>;
    /// The newest sample that has a value.
    fn latest(&self, labels: &Labels) -> Option<Sample>;
}

/// A sample to store.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its series.
    pub labels: Labels,
    /// Its time.
    pub t: TimestampMs,
    /// Its value.
    pub v: f64,
    /// The data point it belongs to; `None` for start samples and `target_info`.
    pub point: Option<usize>,
}

/// Metadata of a metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metric {
    /// Its name, without the suffixes of histogram series.
    pub name: String,
    /// `counter`, `gauge`, `histogram`, `summary`.
    pub kind: &'static str,
    /// Its description.
    pub help: String,
    /// Its unit in Prometheus' words.
    pub unit: String,
}

/// Result of a translation.
#[derive(Debug, Default)]
pub struct Translation {
    /// Samples; those of one series have rising times.
    pub rows: Vec<Row>,
    /// Points that were translated.
    pub points: usize,
    /// Points that were refused.
    pub refused: u64,
    /// Why, for the first few.
    pub reasons: Vec<String>,
    /// What else could not be stored.
    pub warnings: Vec<String>,
    /// Exemplars, with the series of their rows.
    pub exemplars: ExemplarBatch<Labels>,
    /// Metadata of the metrics with rows.
    pub metrics: Vec<Metric>,
    /// For [`Streams::commit`] or [`Streams::forget`].
    pub changes: Changes,
}
