//! Times during which this service stood still: the machine slept, the process was stopped (SIGSTOP, a debugger), a virtual
//! machine was paused, or nothing got any CPU.
//!
//! A check that spans such a time says nothing of what it checked: its time limit ran out while nobody looked. Whoever judges
//! others therefore asks here first. A thread reads the clocks four times a second; a gap is also found by whoever asks
//! before that thread does, so nobody judges in the moment between waking up and noticing it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use taskpulse_engine::model::TimestampMs;

use crate::clock::{now_ms, running_ms};

/// How often the clocks are read.
const TICK: Duration = Duration::from_millis(250);
/// A longer time between two looks spoils a check that was under way.
const SPOILS_MS: i64 = 750;
/// A longer one is reported.
const TELL_MS: i64 = 2_000;
/// Of the newest ones particulars are kept.
const KEPT: usize = 32;
/// How often a check is begun anew before nothing is said for this time.
pub const TRIES: u32 = 3;

/// One time of standing still.
#[derive(Debug, Clone, Copy)]
pub struct Standstill {
    /// When the service was last seen to run.
    pub from: TimestampMs,
    /// When it was seen to run again.
    pub to: TimestampMs,
    /// How long it was by a clock that nobody sets; short where only the clock of the machine leapt.
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
/// How many were found, those that are only short among them.
static COUNT: AtomicU64 = AtomicU64::new(0);

impl Watch {
    fn new() -> Self {
        Self { running_ms: running_ms(), wall: now_ms(), recent: VecDeque::new(), total: Duration::ZERO }
    }

    /// Looks at the clocks.
    fn look(&mut self, running: i64, wall: TimestampMs, now: Instant) {
        let (gap, leap) = (running - self.running_ms, wall - self.wall);
        if gap > SPOILS_MS || leap > TELL_MS {
            let length = Duration::from_millis(u64::try_from(gap).unwrap_or(0));
            let number = COUNT.fetch_add(1, Ordering::Relaxed) + 1;
            if gap > TELL_MS {
                self.total += length;
            }
            self.recent.truncate(KEPT - 1);
            self.recent.push_front(Standstill { from: self.wall, to: wall, length, number, ended: now });
        }
        (self.running_ms, self.wall) = (running, wall);
    }
}

/// Begins to watch. Before, nothing ever stood still.
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
        log::error!("times of standing still cannot be noticed: no thread: {error}");
        *WATCH.lock() = None;
    }
}

/// The newest one, after reading the clocks.
fn newest() -> Option<Standstill> {
    let mut watch = WATCH.lock();
    let watch = watch.as_mut()?;
    watch.look(running_ms(), now_ms(), Instant::now());
    watch.recent.front().copied()
}

/// Those with a number above `number` that are long enough to be told, or leaps of the clock, oldest first.
#[must_use]
pub fn since(number: u64) -> Vec<Standstill> {
    newest();
    if COUNT.load(Ordering::Relaxed) <= number {
        return Vec::new();
    }
    let watch = WATCH.lock();
    let recent = watch.iter().flat_map(|watch| watch.recent.iter().rev());
    recent.filter(|still| still.number > number && still.to - still.from > TELL_MS).copied().collect()
}

impl Standstill {
    /// Whether the service itself stood still, and not only the clock of the machine leapt.
    #[must_use]
    pub fn is_long(&self) -> bool {
        self.length.as_millis() > TELL_MS.unsigned_abs().into()
    }
}

/// Whether something that began at `begun` was under way during a standstill.
#[must_use]
pub fn spoiled(begun: Instant) -> bool {
    newest().is_some_and(|still| still.ended > begun)
}

/// How long it has run since it last stood still.
#[must_use]
pub fn awake_for() -> Duration {
    newest().map_or(Duration::MAX, |still| still.ended.elapsed())
}

/// Time that it stood still since the start, for as long as is told each time.
#[must_use]
pub fn total() -> Duration {
    WATCH.lock().as_ref().map(|watch| watch.total).unwrap_or_default()
}

/// A time limit that begins anew where the machine stood still in it.
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
    fn gaps_of_the_running_time_and_leaps_of_the_clock_are_told_apart() {
        let now = Instant::now();
        let mut watch = Watch { running_ms: 1_000, wall: 50_000, recent: VecDeque::new(), total: Duration::ZERO };
        // (running, wall) and what is noted: its length, from, to.
        for (running, wall, expected) in [
            (1_250, 50_250, None),
            (1_999, 50_999, None),
            // Late, but not so that it would be told.
            (2_999, 51_999, Some((1_000, 50_999, 51_999))),
            (44_999, 93_999, Some((42_000, 51_999, 93_999))),
            // The clock was set: forward counts as time in which nothing was seen, back does not.
            (45_249, 154_249, Some((250, 93_999, 154_249))),
            (45_499, 100_000, None),
        ] {
            let before = watch.recent.front().map(|still| still.number);
            watch.look(running, wall, now);
            let new = watch.recent.front().filter(|still| Some(still.number) != before);
            let noted = new.map(|still| (still.length.as_millis(), still.from, still.to));
            assert_eq!(noted, expected, "{running} {wall}");
        }
        assert_eq!(watch.total, Duration::from_secs(42));
        assert_eq!(watch.recent.iter().filter(|still| still.is_long()).count(), 1);
        for at in 0..100 {
            watch.look(50_000 + at * 10_000, 200_000 + at * 10_000, now);
        }
        assert_eq!(watch.recent.len(), KEPT);
    }
}
