//! The data model: series and their labels, samples, batches, and selectors that choose series by label.
//!
//! A series is a metric name and its labels; both are one [`Labels`] value, the name under `__name__`. This module
//! does not know where samples come from or how they are stored.

mod batch;
mod labels;
mod matcher;
mod pattern;
mod sample;
mod text;

pub use self::batch::{Batch, Columns};
pub use self::labels::{LabelError, Labels, MAX_LABEL_NAME_BYTES, MAX_LABEL_VALUE_BYTES, MAX_LABELS, NAME_LABEL};
pub use self::matcher::{Comparison, MatchOp, Matcher, Selector};
pub use self::pattern::{Budget, Pattern, PatternError, REQUEST_BYTES, REQUEST_PATTERNS};
pub use self::sample::{STALE_NAN_BITS, Sample, SeriesId, TimestampMs, is_stale_marker, rise};
pub use self::text::{
    clipped, fnv1a, format_value, go_quoted, hex, is_plain_name, neutral, push_point, push_seconds, push_value, rfc3339, rfc3339_nanos,
};
pub(crate) use self::text::{is_printable, push_go_escaped, shown};
