//! Calls that must come in: when one is late.
//!
//! A job that works says so by a call. What is judged is the time since the last one; a job that never called is judged from the time
//! since which its calls are watched.

use crate::model::TimestampMs;
use crate::span::Span;

/// When each call came; its value is the time of the call.
pub const LAST_CALL: &str = "heartbeat_last_call_timestamp_seconds";
/// 1 while calls come, 0 while one is late.
pub const UP: &str = "heartbeat_up";
/// How often a call is expected.
pub const INTERVAL: &str = "heartbeat_interval_seconds";
/// The label that names a heartbeat.
pub const LABEL: &str = "heartbeat";

/// What is expected of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// The heartbeat's name.
    pub name: String,
    /// At least one call in this time.
    pub every: Span,
    /// How late a call may be.
    pub grace: Span,
}

/// How the calls of a job are doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Calls {
    /// No call came yet, and none is late.
    Awaited,
    /// They come.
    Coming,
    /// One is late.
    Late,
}

impl Expected {
    /// The time after which the next call is late; `began` is since when calls are watched.
    #[must_use]
    pub fn due(&self, last: Option<TimestampMs>, began: TimestampMs) -> TimestampMs {
        last.unwrap_or(began).saturating_add(self.every.ms()).saturating_add(self.grace.ms())
    }

    /// How calls are doing at a time.
    #[must_use]
    pub fn judge(&self, last: Option<TimestampMs>, began: TimestampMs, now: TimestampMs) -> Calls {
        match last {
            _ if now > self.due(last, began) => Calls::Late,
            Some(_) => Calls::Coming,
            None => Calls::Awaited,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_late_after_its_time_and_grace() {
        let backup = Expected { name: "backup".to_owned(), every: Span::secs(60), grace: Span::secs(10) };
        for (last, began, now, calls) in [
            (None, 0, 70_000, Calls::Awaited),
            (None, 0, 70_001, Calls::Late),
            (Some(50_000), 0, 120_000, Calls::Coming),
            (Some(50_000), 0, 120_001, Calls::Late),
            // A clock that was set back.
            (Some(500_000), 0, 120_001, Calls::Coming),
        ] {
            assert_eq!(backup.judge(last, began, now), calls, "{last:?} {now}");
        }
    }
}
