//! Translates OpenTelemetry metrics (OTLP) into samples, by the OpenTelemetry-to-Prometheus rules.
//!
//! Pure. Input: bytes, the clock, the stored series ([`SeriesHistory`]) and the state of delta streams ([`Streams`]). Output: rows,
//! metadata and refusals. The caller does decompression, responses and storage.
//!
//! * Names: [`names`]. Attributes, `job`, `instance`, `target_info`: [`attributes`].
//! * Gauges and sums that may fall are gauges; monotonic sums are counters; histograms are classic ones (`_bucket`, `_sum`,
//!   `_count`), also exponential ones ([`exponential`]); summaries have `quantile`.
//! * Differences (delta temporality) are added to a running total, which continues from the newest sample of its series, so that
//!   restarts and idle times leave no gap. The times of the last differences are remembered: one with a known time was sent again and
//!   counts once; one between them arrived late and counts from now on. One before all of them is refused, since it may already be in
//!   the total. Differences of sums that may fall are refused, as in the specification: their total is unknown without its beginning.
//! * If the start time of a point is after the newest sample of its series, the total was reset to zero there, and a sample with 0 is
//!   written unless the start is long ago. So a counter reset is visible even if the new value exceeds the old one, and the first value
//!   of a new counter counts.
//! * A point without a recorded value is a stale marker.

mod attributes;
mod clashes;
mod convert;
mod decode;
mod exemplars;
mod exponential;
mod histograms;
pub(crate) mod json;
pub(crate) mod messages;
mod names;
mod refusal;
mod rows;
mod streams;
pub(crate) mod value;

pub(crate) use self::attributes::text as attribute_text;
pub use self::convert::translate;
pub use self::decode::{DecodeError, Encoding, MAX_PARTS, Signal};
pub(crate) use self::names::label_name;
pub use self::rows::{Metric, Row, SeriesHistory, Translation};
pub use self::streams::{Changes, Streams};

/// Settings of the translation.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Whether series get the labels of their scope.
    pub scope_labels: bool,
    /// Attributes of the resource that become labels of its series.
    pub resource_labels: Vec<String>,
    /// Further attributes of the resource that become labels of its streams of log lines.
    pub stream_labels: Vec<String>,
}

#[cfg(test)]
pub(crate) mod tests;
