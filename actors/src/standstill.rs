//! Standstills of this service: the machine slept, the process was stopped (SIGSTOP, a debugger), a virtual machine was paused,
//! or nothing got any CPU.
//!
//! A check that spans a standstill says nothing about what it checked: its time limit passed while nothing ran. Every time
//! limit on others therefore asks here first. A thread reads the clocks four times a second; each question reads them too, so
//! a standstill is noticed before anything is judged by it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use taskpulse_engine::model::TimestampMs;

use crate::clock::{now_ms, running_ms};

/// How often the clocks are read.
const TICK: Duration = Duration::from_millis(250);
/// A longer gap between two readings of the clocks spoils a check that was under way.
const SPOILS_MS: i64 = 750;
/// A longer gap is recorded as an event.
const RECORD_MS: i64 = 2_000;
/// Most standstills that are kept.
const KEPT: usize = 32;
/// How often a check is tried before it gives up for this time.
pub const TRIES: u32 = 3;

/// One standstill.
#[derive(Debug, Clone, Copy)]
pub struct Standstill {
    /// When the service was last seen to run.
    pub from: TimestampMs,
    /// When it was seen to run again.
    pub to: TimestampMs,
    /// Its length by the monotonic clock; short if only the wall clock jumped.
    pub length: Duration,
    /// Its number since the start, from 1.
    pub number: u64,
    ended: Instant,
}

/// What is known so far.
struct Watch {
    running_ms: i64,
    wall: TimestampMs,
    recent: VecDeque<Standstill>,
    total: Duration,
}

static WATCH: Mutex<Option<Watch>> = Mutex::new(None);
/// Number of standstills so far, including short ones.
static COUNT: AtomicU64 = AtomicU64::new(0);

impl Watch {
    fn new() -> Self {
        Self { running_ms: running_ms(), wall: now_ms(), recent: VecDeque::new(), total: Duration::ZERO }
    }

    /// Compares the clocks with the last reading.
    fn compare(&mut self, running: i64, wall: TimestampMs, now: Instant) {
        let (gap, jump) = (running - self.running_ms, wall - self.wall);
        if gap > SPOILS_MS || jump > RECORD_MS {
            let length = Duration::from_millis(u64::try_from(gap).unwrap_or(0));
            let number = COUNT.fetch_add(1, Ordering::Relaxed) + 1;
            if gap > RECORD_MS {
                self.total += length;
            }
            self.recent.truncate(KEPT - 1);
            self.recent.push_front(Standstill { from: self.wall, to: wall, length, number, ended: now });
        }
        (self.running_ms, self.wall) = (running, wall);
    }
}

/// Starts the watch. Before that there are no standstills.
pub fn watch() {
    if WATCH.lock().replace(Watch::new()).is_some() {
        return;
    }
    let ticking = thread::Builder::new().name("standstill".to_owned()).spawn(|| {
        loop {
            thread::sleep(TICK);
            newest();
        }
    });
    if let Err(error) = ticking {
        log::error!("standstills cannot be noticed: no thread: {error}");
        *WATCH.lock() = None;
    }
}

/// The newest one, after reading the clocks.
fn newest() -> Option<Standstill> {
    let mut watch = WATCH.lock();
    let watch = watch.as_mut()?;
    watch.compare(running_ms(), now_ms(), Instant::now());
    watch.recent.front().copied()
}

/// Standstills after number `number` that are long enough for an event, and jumps of the wall clock; oldest first.
#[must_use]
pub fn since(number: u64) -> Vec<Standstill> {
    newest();
    if COUNT.load(Ordering::Relaxed) <= number {
        return Vec::new();
    }
    let watch = WATCH.lock();
    let recent = watch.iter().flat_map(|watch| watch.recent.iter().rev());
    recent.filter(|still| still.number > number && still.to - still.from > RECORD_MS).copied().collect()
}

impl Standstill {
    /// Whether the service stood still, and not only the wall clock jumped.
    #[must_use]
    pub fn is_long(&self) -> bool {
        self.length.as_millis() > RECORD_MS.unsigned_abs().into()
    }
}

/// Whether something that began at `begun` was under way during a standstill.
#[must_use]
pub fn spoiled(begun: Instant) -> bool {
    newest().is_some_and(|still| still.ended > begun)
}

/// Time since the last standstill.
#[must_use]
pub fn awake_for() -> Duration {
    newest().map_or(Duration::MAX, |still| still.ended.elapsed())
}

/// Total time of long standstills since the start.
#[must_use]
pub fn total() -> Duration {
    WATCH.lock().as_ref().map(|watch| watch.total).unwrap_or_default()
}

/// A time limit that starts again if the machine stood still.
#[derive(Debug)]
pub struct Deadline {
    begun: Instant,
    limit: Duration,
}

impl Deadline {
    /// A limit that begins now.
    #[must_use]
    pub fn after(limit: Duration) -> Self {
        Self { begun: Instant::now(), limit }
    }

    /// The time left, if the machine does not stand still.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.limit.saturating_sub(self.begun.elapsed())
    }

    /// Whether it is over.
    pub fn is_over(&mut self) -> bool {
        let over = self.begun.elapsed() >= self.limit;
        if over && spoiled(self.begun) {
            self.begun = Instant::now();
            return false;
        }
        over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standstills_and_jumps_of_the_wall_clock_are_told_apart() {
        let now = Instant::now();
        let mut watch = Watch { running_ms: 1_000, wall: 50_000, recent: VecDeque::new(), total: Duration::ZERO };
        // (running, wall) and what is noted: its length, from, to.
        for (running, wall, expected) in [
            (1_250, 50_250, None),
            (1_999, 50_999, None),
            // Late, but too short for an event.
            (2_999, 51_999, Some((1_000, 50_999, 51_999))),
            (44_999, 93_999, Some((42_000, 51_999, 93_999))),
            // The clock was set: a jump forward counts, a jump back does not.
            (45_249, 154_249, Some((250, 93_999, 154_249))),
            (45_499, 100_000, None),
        ] {
            let before = watch.recent.front().map(|still| still.number);
            watch.compare(running, wall, now);
            let new = watch.recent.front().filter(|still| Some(still.number) != before);
            let noted = new.map(|still| (still.length.as_millis(), still.from, still.to));
            assert_eq!(noted, expected, "{running} {wall}");
        }
        assert_eq!(watch.total, Duration::from_secs(42));
        assert_eq!(watch.recent.iter().filter(|still| still.is_long()).count(), 1);
        for at in 0..100 {
            watch.compare(50_000 + at * 10_000, 200_000 + at * 10_000, now);
        }
        assert_eq!(watch.recent.len(), KEPT);
    }
}
