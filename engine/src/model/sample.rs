//! Samples, and the ids of their series.

/// Milliseconds since the Unix epoch, UTC.
pub type TimestampMs = i64;

/// The bit pattern with which Prometheus marks the end of a series.
pub const STALE_NAN_BITS: u64 = 0x7ff0_0000_0000_0002;

/// Whether a value is Prometheus' stale marker (a particular NaN).
#[must_use]
pub fn is_stale_marker(value: f64) -> bool {
    value.to_bits() == STALE_NAN_BITS
}

/// How much a counter rose from one sample to the next. One that fell began anew.
#[must_use]
pub fn rise(before: f64, after: f64) -> f64 {
    if after >= before { after - before } else { after }
}

/// A series' number in the catalog; dense, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SeriesId(pub u32);

impl SeriesId {
    /// The id as an index into dense tables.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// One measured value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// When it was measured, ms UTC.
    pub t: TimestampMs,
    /// The value, kept bit for bit.
    pub v: f64,
}
