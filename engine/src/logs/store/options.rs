//! What the store of lines may use and keep.

use std::time::Duration;

const DAY_MS: i64 = 86_400_000;

/// What the store of lines may use and keep.
#[derive(Debug, Clone)]
pub struct LogOptions {
    /// Days older than this go; lines older than this are refused.
    pub retention_ms: i64,
    /// Bytes of all days beyond which the oldest go; 0 for no bound.
    pub max_bytes: u64,
    /// Longest time between seals.
    pub seal_interval: Duration,
    /// Memory of unsealed lines, in bytes, at which a seal starts early.
    pub max_head_bytes: usize,
    /// Streams of a day; the lines of further ones are kept with others of their service.
    pub max_streams: usize,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self {
            retention_ms: 14 * DAY_MS,
            max_bytes: 0,
            seal_interval: Duration::from_secs(1_800),
            max_head_bytes: 32 << 20,
            max_streams: 10_000,
        }
    }
}
