//! What the store may use, and what it keeps.

use std::time::Duration;

use super::exemplars::ExemplarOptions;
use super::partition;
use crate::logs::store::LogOptions;
use crate::model::Selector;

/// What the store may use and keep.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// Samples older than this are refused and removed.
    pub retention_ms: i64,
    /// How long the samples of some series are kept instead; the first selector that accepts a series counts.
    pub retention_overrides: Vec<(Selector, i64)>,
    /// How long windows of an hour and longer are kept.
    pub windows_retention_ms: i64,
    /// Bytes on the disk beyond which the oldest days go; 0 for no bound.
    pub max_bytes: u64,
    /// A day is compacted once no seal has written to it for so long.
    pub quiet: Duration,
    /// How far behind the newest sample of its series a sample may be.
    pub out_of_order_ms: i64,
    /// How far ahead of the clock a sample may be.
    pub max_ahead_ms: i64,
    /// Windows close this long after their end, in event time.
    pub allowed_lateness_ms: i64,
    /// Series kept at the most; new ones beyond are refused.
    pub max_series: usize,
    /// Files of days that are open at the same time.
    pub max_open_files: usize,
    /// Samples that may wait in memory for a seal before more are refused; more where there are many series.
    pub max_waiting: u64,
    /// Page cache of the catalog.
    pub cache_bytes: u64,
    /// How many exemplars are kept.
    pub exemplars: ExemplarOptions,
    /// The store of log lines.
    pub logs: LogOptions,
    /// The store of spans.
    pub traces: LogOptions,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            retention_ms: 30 * partition::DAY_MS,
            retention_overrides: Vec::new(),
            windows_retention_ms: 400 * partition::DAY_MS,
            max_bytes: 0,
            quiet: Duration::from_secs(20),
            out_of_order_ms: 3_600_000,
            max_ahead_ms: 3_600_000,
            allowed_lateness_ms: 30_000,
            max_series: 1_000_000,
            max_open_files: 512,
            max_waiting: 8_000_000,
            cache_bytes: 4 << 20,
            exemplars: ExemplarOptions::default(),
            logs: LogOptions::default(),
            traces: LogOptions::default(),
        }
    }
}
