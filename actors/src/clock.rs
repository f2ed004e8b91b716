//! The clock of actors. A test gives them a clock of its own, so that it never waits for the real one.

use std::time::{SystemTime, UNIX_EPOCH};

use taskpulse_engine::model::TimestampMs;
use tokio::time::Instant;

/// The time, cheap to clone.
///
/// Actors measure durations with `tokio::time::Instant`. Like all timers it stands still while a test has paused the
/// runtime's time, and moves when the test moves it. So does a clock from [`Clock::starting_at`].
#[derive(Debug, Clone, Default)]
pub struct Clock {
    start: Option<(TimestampMs, Instant)>,
}

impl Clock {
    /// The system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self::default()
    }

    /// A clock that shows `now` and moves with the runtime's time.
    #[must_use]
    pub fn starting_at(now: TimestampMs) -> Self {
        Self { start: Some((now, Instant::now())) }
    }

    /// The time now, ms UTC. The system's clock may be set back.
    #[must_use]
    pub fn now_ms(&self) -> TimestampMs {
        match self.start {
            Some((start, since)) => start.saturating_add(i64::try_from(since.elapsed().as_millis()).unwrap_or(i64::MAX)),
            None => now_ms(),
        }
    }

    /// Milliseconds since the machine started, sleep included; setting the clock does not change it.
    #[must_use]
    pub fn running_ms(&self) -> i64 {
        match self.start {
            Some((_, since)) => i64::try_from(since.elapsed().as_millis()).unwrap_or(i64::MAX),
            None => running_ms(),
        }
    }
}

/// The time now by the system's clock, ms UTC.
#[must_use]
pub fn now_ms() -> TimestampMs {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
        Err(before) => -i64::try_from(before.duration().as_millis()).unwrap_or(i64::MAX),
    }
}

/// Milliseconds since the machine started, sleep included; setting the clock does not change it.
#[must_use]
pub fn running_ms() -> i64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    now.tv_sec.saturating_mul(1_000).saturating_add(now.tv_nsec / 1_000_000)
}
