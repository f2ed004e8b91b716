//! The time that retention goes by: a clock that may be wrong deletes nothing.
//!
//! The machine's clock can leap: a dead battery, a wrong time server, a restored virtual machine. What is deleted by such a
//! clock is gone when it is right again. So retention has a time of its own. It goes on with the running time of the
//! machine, which cannot leap, and follows the machine's clock only once that has kept on without a leap for long enough:
//!
//! * for half an hour of running, where the clock is at most three days ahead (the service was off over a weekend, a time server
//!   set the clock at the start),
//! * for a day of running, where it is further ahead; then retention catches up by one day for each day of the clock.
//!
//! A clock that is behind counts at once, since it deletes less. Pure: both times are arguments. Kept in `DATA_DIR/clock`, so
//! that a restart is no way around it.

use std::fs;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use super::error::StoreError;
use super::files;
use super::frame::{self, Found};
use super::partition::DAY_MS;
use crate::codec::{CodecError, push_signed, push_varint, take_signed, take_varint};
use crate::model::TimestampMs;

const NAME: &str = "clock";
const KIND: u8 = 1;
const MINUTE: i64 = 60_000;
/// A clock that is so far from the expected time is reported.
const HOUR: i64 = 60 * MINUTE;
/// A gap up to here may be a pause of the service.
const PAUSE: i64 = 3 * DAY_MS;
/// Running time that a clock has to keep on after any leap, and after one that no pause explains.
const KEEP_ON: i64 = 30 * MINUTE;
const KEEP_ON_FAR: i64 = DAY_MS;
/// Running time between two writes of the file.
const SAVE_EVERY: i64 = 10 * MINUTE;

/// What is known of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct State {
    /// The time that retention goes by, unless the machine's clock is behind it.
    trusted: TimestampMs,
    /// The machine's clock at the last observation.
    wall: TimestampMs,
    /// Running time since the clock leapt by anything, and since it leapt by more than a pause.
    steady: i64,
    steady_far: i64,
    /// The day of the clock on which retention caught up by a day.
    caught_up: i64,
    /// The clock leapt while the service ran, or by more than a pause, and has not kept on for long enough since.
    leapt: bool,
}

/// What an observation changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    None,
    /// The clock leapt; where it was expected to be.
    Leapt(TimestampMs),
    /// The clock that had leapt is trusted, or is right again.
    Settled,
}

impl State {
    fn new(trusted: TimestampMs, wall: TimestampMs) -> Self {
        let leapt = wall.saturating_sub(trusted) > PAUSE;
        Self { trusted, wall, steady: 0, steady_far: 0, caught_up: i64::MIN, leapt }
    }

    /// Takes the clock in. `passed` is the running time since the last observation; none after a start, when it is not known.
    fn observe(&mut self, wall: TimestampMs, passed: Option<i64>) -> Change {
        let running = passed.unwrap_or(0).max(0);
        // A clock may be slewed, and both times are not read at the same instant.
        let slack = 2_000 + running / 50;
        let expected = self.wall.saturating_add(running);
        let jump = wall.saturating_sub(expected).saturating_abs();
        (self.steady, self.steady_far) = (self.steady.saturating_add(running), self.steady_far.saturating_add(running));
        if jump > slack {
            self.steady = 0;
        }
        if jump > PAUSE {
            self.steady_far = 0;
        }
        self.wall = wall;
        self.trusted = self.trusted.saturating_add(running);
        let ahead = wall.saturating_sub(self.trusted);
        let far = ahead.saturating_abs() > PAUSE;
        let was_leapt = self.leapt;
        if ahead.saturating_abs() <= slack {
            self.trusted = wall;
        } else if self.steady >= KEEP_ON && (!far || self.steady_far >= KEEP_ON_FAR) {
            self.leapt = false;
            let today = wall.div_euclid(DAY_MS);
            if ahead <= PAUSE {
                self.trusted = wall;
            } else if self.caught_up != today {
                self.caught_up = today;
                self.trusted = self.trusted.saturating_add(DAY_MS);
            }
        } else if jump > slack && (far || (passed.is_some() && ahead.saturating_abs() > HOUR)) {
            self.leapt = true;
            return Change::Leapt(expected);
        }
        if ahead.saturating_abs() <= HOUR {
            self.leapt = false;
        }
        if was_leapt && !self.leapt { Change::Settled } else { Change::None }
    }

    fn encode(&self) -> Vec<u8> {
        let mut payload = Vec::new();
        for number in [self.trusted, self.wall, self.steady, self.steady_far, self.caught_up] {
            push_signed(&mut payload, number);
        }
        push_varint(&mut payload, u64::from(self.leapt));
        let mut bytes = Vec::new();
        frame::push(&mut bytes, KIND, 1, &payload);
        bytes
    }

    fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut rest = match frame::scan(bytes).next() {
            Some(Found::Frame { header, payload, .. }) if header.kind == KIND => payload,
            Some(Found::Damage { why, .. }) => return Err(why),
            _ => return Err(CodecError::Damaged("not a clock file")),
        };
        let mut number = || take_signed(&mut rest);
        let (trusted, wall, steady, steady_far, caught_up) = (number()?, number()?, number()?, number()?, number()?);
        Ok(Self { trusted, wall, steady, steady_far, caught_up, leapt: take_varint(&mut rest)? == 1 })
    }
}

/// Running time and what is known of the clock.
#[derive(Default)]
struct Observed {
    state: Option<State>,
    /// Running time of the machine at the last observation, and when the file was written.
    running: Option<i64>,
    saved: Option<i64>,
}

/// See the module.
pub(super) struct Clock {
    path: PathBuf,
    observed: Mutex<Observed>,
}

impl Clock {
    /// Reads what the last process knew; and why not, where that is damaged.
    pub(super) fn open(data_dir: &Path) -> std::io::Result<(Self, Option<String>)> {
        let path = data_dir.join(NAME);
        let (state, problem) = match fs::read(&path) {
            Ok(bytes) => match State::decode(&bytes) {
                Ok(state) => (Some(state), None),
                Err(why) => (None, Some(format!("{}: {why}; retention begins with the time of the newest sample", path.display()))),
            },
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => (None, None),
            Err(error) => return Err(error),
        };
        Ok((Self { path, observed: Mutex::new(Observed { state, ..Observed::default() }) }, problem))
    }

    /// Takes in the machine's clock and its running time. `newest` gives the time of the newest sample, from which a directory
    /// without a clock file goes on.
    pub(super) fn observe(&self, wall: TimestampMs, running: i64, newest: impl FnOnce() -> Option<TimestampMs>) -> Result<(), StoreError> {
        let mut observed = self.observed.lock();
        let passed = observed.running.replace(running).map(|before| running.saturating_sub(before));
        let known = observed.state.is_some();
        let state = observed.state.get_or_insert_with(|| State::new(newest().map_or(wall, |newest| newest.min(wall)), wall));
        let change = state.observe(wall, passed);
        let state = *state;
        match change {
            Change::Leapt(expected) => log::warn!(
                "the clock leapt: it says {}, {} was expected. Until it has kept on for long enough, retention goes by {}; if the clock is wrong, set it right",
                time(wall),
                time(expected),
                time(state.trusted.min(wall))
            ),
            Change::Settled => log::warn!(
                "the clock that leapt has kept on or is right again: it says {}, retention goes by {}",
                time(wall),
                time(state.trusted.min(wall))
            ),
            Change::None => {}
        }
        let due = observed.saved.is_none_or(|at| running.saturating_sub(at) >= SAVE_EVERY);
        if due || !known || change != Change::None {
            files::replace(&self.path, &state.encode()).map_err(|error| StoreError::io(&self.path, error))?;
            observed.saved = Some(running);
        }
        Ok(())
    }

    /// The time that what is deleted goes by; never later than the machine's clock.
    pub(super) fn trusted(&self, now: TimestampMs) -> TimestampMs {
        self.observed.lock().state.map_or(now, |state| state.trusted.min(now))
    }

    /// The latest that it may be: the machine's clock, unless that went back.
    pub(super) fn latest(&self, now: TimestampMs) -> TimestampMs {
        self.observed.lock().state.map_or(now, |state| state.trusted.max(now))
    }

    /// What to report of the clock while it is not trusted.
    pub(super) fn problem(&self) -> Option<String> {
        let state = self.observed.lock().state.filter(|state| state.leapt)?;
        Some(format!(
            "the clock leapt: it says {}, by the time that has passed it would be {}; nothing is deleted by the clock until it is right again or has kept on for a day",
            time(state.wall),
            time(state.trusted)
        ))
    }
}

fn time(t: TimestampMs) -> String {
    jiff::Timestamp::from_millisecond(t).map_or_else(|_| format!("{t} ms"), |t| t.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: i64 = 1_795_478_400_000;

    /// A clock beside a running time, both observed every minute.
    struct Machine {
        state: State,
        /// What the clock is ahead by.
        off: i64,
        now: i64,
    }

    impl Machine {
        fn new() -> Self {
            Self { state: State::new(T0, T0), off: 0, now: T0 }
        }

        fn run(&mut self, ms: i64) -> Vec<Change> {
            let mut changes = Vec::new();
            for _ in 0..ms / MINUTE {
                self.now += MINUTE;
                changes.push(self.state.observe(self.now + self.off, Some(MINUTE)));
            }
            changes.retain(|change| *change != Change::None);
            changes
        }

        fn restart_after(&mut self, ms: i64) -> Change {
            self.now += ms;
            self.state.observe(self.now + self.off, None)
        }

        /// What retention goes by, from the true time.
        fn lag(&self) -> i64 {
            self.now - self.state.trusted.min(self.now + self.off)
        }
    }

    #[test]
    fn a_clock_that_leaps_while_the_service_runs_is_told_and_not_followed() {
        for off in [2 * HOUR, 40 * DAY_MS, 401 * DAY_MS, 500 * DAY_MS] {
            let mut machine = Machine::new();
            machine.run(3 * HOUR);
            machine.off = off;
            let changes = machine.run(20 * MINUTE);
            assert!(matches!(changes[..], [Change::Leapt(_)]), "{off}: {changes:?}");
            assert_eq!((machine.lag(), machine.state.leapt), (0, true), "{off}");
            machine.off = 0;
            assert_eq!(machine.run(20 * MINUTE), [Change::Settled], "{off}");
            assert_eq!((machine.lag(), machine.state.leapt), (0, false), "{off}");
        }
    }

    #[test]
    fn no_number_of_leaps_takes_retention_ahead_of_the_true_time() {
        let mut machine = Machine::new();
        let mut random = 7u64;
        for round in 0..200 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            machine.off = (random >> 33) as i64 % (1_000 * DAY_MS) - 500 * DAY_MS;
            if round % 3 == 0 {
                machine.restart_after(MINUTE);
            }
            machine.run(((random >> 13) % 25) as i64 * MINUTE);
            assert!(machine.lag() >= 0, "round {round}: ahead by {} ms", -machine.lag());
        }
    }

    #[test]
    fn a_clock_that_went_back_counts_at_once() {
        let mut machine = Machine::new();
        machine.run(HOUR);
        machine.off = -20_000 * DAY_MS;
        machine.run(HOUR);
        assert_eq!(machine.lag(), 20_000 * DAY_MS);
        machine.off = 0;
        machine.run(2 * MINUTE);
        assert_eq!((machine.lag(), machine.state.leapt), (0, false), "and is right again");
    }

    #[test]
    fn a_pause_is_believed_after_half_an_hour() {
        let mut machine = Machine::new();
        machine.run(HOUR);
        assert_eq!(machine.restart_after(62 * HOUR), Change::None, "a weekend is nothing to tell");
        machine.run(29 * MINUTE);
        assert_eq!(machine.lag(), 62 * HOUR);
        machine.run(2 * MINUTE);
        assert_eq!(machine.lag(), 0);
    }

    #[test]
    fn after_a_long_time_off_retention_catches_up_a_day_for_each_day() {
        let mut machine = Machine::new();
        machine.run(HOUR);
        assert!(matches!(machine.restart_after(60 * DAY_MS), Change::Leapt(_)));
        assert_eq!(machine.run(23 * HOUR), []);
        assert_eq!((machine.lag(), machine.state.leapt), (60 * DAY_MS, true));
        machine.run(2 * HOUR);
        assert_eq!((machine.lag(), machine.state.leapt), (59 * DAY_MS, false), "the clock is trusted, a day at a time");
        machine.run(10 * DAY_MS);
        assert_eq!(machine.lag(), 49 * DAY_MS);
        machine.run(50 * DAY_MS);
        assert_eq!(machine.lag(), 0);
    }

    #[test]
    fn machines_that_run_by_day_alone_keep_up() {
        let mut machine = Machine::new();
        for day in 0..100 {
            machine.run(8 * HOUR);
            assert!(machine.lag() == 0, "day {day}: {} h", machine.lag() / HOUR);
            machine.restart_after(if day % 5 == 4 { 64 * HOUR } else { 16 * HOUR });
        }
    }

    #[test]
    fn the_file_is_no_way_around_and_damage_to_it_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let (clock, problem) = Clock::open(dir.path()).unwrap();
        assert_eq!((problem, clock.trusted(T0)), (None, T0), "nothing is known yet");
        clock.observe(T0, 5, || None).unwrap();
        drop(clock);
        let (clock, _) = Clock::open(dir.path()).unwrap();
        let later = T0 + 60 * DAY_MS;
        assert_eq!((clock.trusted(later), clock.latest(later)), (T0, later), "before the first observation already");
        clock.observe(later, 9, || None).unwrap();
        assert_eq!(clock.trusted(later), T0);
        let problem = clock.problem().unwrap();
        assert!(problem.contains("it says 2027-01-23T00:00:00Z") && problem.contains("would be 2026-11-24T00:00:00Z"), "{problem}");
        let bytes = fs::read(dir.path().join(NAME)).unwrap();
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            fs::write(dir.path().join(NAME), damaged).unwrap();
            let (clock, problem) = Clock::open(dir.path()).unwrap();
            assert!(problem.is_some_and(|why| why.contains("clock")), "byte {at}");
            clock.observe(later, 9, || Some(T0 + 5)).unwrap();
            assert_eq!(clock.trusted(later), T0 + 5, "the newest sample");
        }
    }
}
