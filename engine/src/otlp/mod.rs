//! OpenTelemetry metrics (OTLP) as samples, by the OpenTelemetry-to-Prometheus rules.
//!
//! Pure: bytes, the clock, what is known of series ([`SeriesHistory`]) and of those who send differences ([`Streams`]) come in; rows,
//! metadata and refusals go out. Inflation, answers and the keeping of rows are the caller's.
//!
//! * Names: [`names`]. Attributes, `job`, `instance`, `target_info`: [`attributes`].
//! * Gauges and sums that may fall are gauges; sums that only rise are counters; histograms are classic ones (`_bucket`, `_sum`,
//!   `_count`), exponential ones too ([`exponential`]); summaries have `quantile`.
//! * Differences (delta temporality) are added up to a running total. It goes on from the newest sample of its series, so neither
//!   a restart nor idleness is seen in it. The times of the last ones are remembered: one of these was sent again and counts
//!   once, another from between was overtaken and counts from now on. One from before them is refused, since whether it is in the total
//!   cannot be known. Differences of sums that may fall are refused too, as the
//!   specification says: their total is not known without its beginning.
//! * Where a point's start time lies after the newest sample of its series, the total began again there, at zero; a sample says so,
//!   unless that was long ago. So a counter that began again is seen as such even where it has risen beyond its old value,
//!   and the first value of a new one counts.
//! * A point without a recorded value is a stale marker.

mod attributes;
mod clashes;
mod convert;
mod decode;
mod exponential;
mod histograms;
mod json;
mod names;
mod streams;

pub use self::convert::{Metric, Row, SeriesHistory, Translation, translate};
pub use self::decode::{DecodeError, Encoding, MAX_PARTS};
pub use self::streams::{Changes, Streams};

/// What the settings say.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Whether series have the labels of their scope.
    pub scope_labels: bool,
    /// Attributes of the resource that become labels of its series.
    pub resource_labels: Vec<String>,
}

#[cfg(test)]
pub(crate) mod tests;
