//! Why single data points of a request are refused. A refused point does not affect the others.

use super::exponential::{MAX_GIVEN, MIN_SCALE};
use super::histograms::MAX_BUCKETS;
use crate::model::LabelError;

/// Most rows of one request.
pub(super) const MAX_ROWS: usize = 500_000;
/// Most bytes of labels of one request: each series of a histogram repeats the labels of its point.
pub(super) const MAX_LABEL_BYTES: usize = 64 << 20;

/// Why a data point is refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(super) enum PointError {
    #[error("its name has no letter or digit that a metric's name may have")]
    NoName,
    #[error("its series would be one of metric `{other}`: both names become `{name}`")]
    NameClash { other: String, name: String },
    /// Without a key, no label can tell points apart that differ in the attribute.
    #[error("one of its attributes has an empty key")]
    EmptyKey,
    #[error(transparent)]
    Labels(#[from] LabelError),
    #[error("it has no time (timeUnixNano)")]
    NoTime,
    #[error("it has no value (asDouble, asInt)")]
    NoValue,
    #[error("its aggregation temporality {0} is neither 1 (delta) nor 2 (cumulative)")]
    Temporality(i32),
    #[error("differences of a sum that may fall have no total; send such sums as cumulative")]
    DeltaOfFallingSum,
    #[error("{0} is no difference of a sum that only rises")]
    NegativeDelta(f64),
    #[error("it is a difference from before the last ones; whether it was added up already is not known")]
    TooLate,
    #[error("it has {0} boundaries; at most {MAX_BUCKETS} are kept")]
    TooManyBoundaries(usize),
    #[error("it has {buckets} buckets and {boundaries} boundaries; there is one bucket more than boundaries")]
    BucketCount { buckets: usize, boundaries: usize },
    #[error("its boundaries do not rise")]
    UnsortedBoundaries,
    #[error("it has {0} quantiles; at most {MAX_BUCKETS} are kept")]
    TooManyQuantiles(usize),
    #[error("its scale {0} is below {MIN_SCALE}")]
    Scale(i32),
    #[error("its zero threshold {0} is no width")]
    ZeroThreshold(f64),
    #[error("it has {0} buckets on one side of zero; at most {MAX_GIVEN} are read")]
    TooManyBuckets(usize),
    #[error("the request has more than {MAX_ROWS} samples, or {} MiB of labels; send smaller batches", MAX_LABEL_BYTES >> 20)]
    TooLarge,
}
