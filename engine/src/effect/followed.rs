//! A change that is followed: measured after five days and after each week, until enough days have gone by.
//!
//! Who looks several times sees chance more often than who looks once: of series without a change, a 95 % interval leaves out zero at one of
//! five looks for every sixth, and at one of 24 daily ones for more than a quarter. [`follow`] therefore looks seldom, and gives an interval
//! that is 99 % by itself: of all changes that are followed, about 95 % have the truth within it at every look. `docs/BENCHMARKS.md`, *Effects*, has how often it holds.

use super::levels::{LastChange, last_change};
use super::{
    Effect, HOUR, Hours, MAX_DAYS, MIN_DAYS, NotMeasured, PART, back, change_within, enough, first_hour, measure_days, usual_half_days,
};
use crate::model::TimestampMs;

/// Each end of an interval that is looked at several times leaves out so much.
const WITHIN_EACH: f64 = 0.995;
/// The days after which a change is measured; the last one of those that are asked for as well.
const LOOKS: [i64; 5] = [MIN_DAYS, 7, 14, 21, MAX_DAYS];

/// What the history before a moment allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    /// When the change can be judged first.
    pub judged_from: TimestampMs,
    /// When everything has been seen.
    pub ends_at: TimestampMs,
}

/// A change that is followed for some days, and the history before it.
#[derive(Debug, Clone, Copy)]
pub struct Followed<'a> {
    series: &'a Hours,
    control: Option<&'a Hours>,
    /// The last change of level before it.
    last: Option<LastChange>,
    first: i64,
    days: i64,
}

impl<'a> Followed<'a> {
    /// A change at a moment.
    #[must_use]
    pub fn new(series: &'a Hours, control: Option<&'a Hours>, at: TimestampMs, days: i64) -> Self {
        let first = first_hour(at);
        Self { series, control, last: last_change(series, control, first), first, days: days.clamp(MIN_DAYS, MAX_DAYS) }
    }

    /// When it can be judged, by the history before it.
    ///
    /// # Errors
    /// [`NotMeasured::TooLittleBefore`] where it never can.
    pub fn start(&self) -> Result<Start, NotMeasured> {
        let after = |days: i64| (self.first + days * 24) * HOUR;
        match looks(self.days).find(|days| self.lacking(*days).is_none()) {
            Some(least) => Ok(Start { judged_from: after(least), ends_at: after(self.days) }),
            None => Err(self.lacking(self.days.min(7)).unwrap_or(NotMeasured::NoSeries("the query"))),
        }
    }

    /// What it did, as known `now`: as many of its days are compared as were whole at the last look, and have enough history before them.
    ///
    /// # Errors
    /// Fails while too little is known.
    pub fn effect(&self, now: TimestampMs) -> Result<Effect, NotMeasured> {
        let start = self.start()?;
        let passed = (now.min(start.ends_at).div_euclid(HOUR) - self.first).div_euclid(24);
        if now < start.judged_from {
            return Err(NotMeasured::TooEarly { passed: passed.max(0) });
        }
        let longest = looks(self.days).filter(|look| *look <= passed && self.lacking(*look).is_none()).last();
        measure_days(self.series, self.control, self.last, (self.first, longest.unwrap_or(passed)), WITHIN_EACH)
    }

    /// What is missing before the moment to compare so many days.
    fn lacking(&self, days: i64) -> Option<NotMeasured> {
        // The time since the last change of level is what is compared with, and has been checked.
        if change_within(self.last, self.first, days).is_some() {
            return None;
        }
        let (usual, back) = (usual_half_days(self.series, self.control, self.first, days), back(days));
        let (wanted, needed) = (usual.len(), enough(usual.len()));
        let covered =
            |hours: &Hours| usual.iter().filter(|start| hours.range(*start - back..*start - back + PART).next().is_some()).count();
        [("the series", Some(self.series)), ("the control", self.control)].into_iter().find_map(|(what, hours)| {
            let covered = covered(hours?);
            (covered < needed).then_some(NotMeasured::TooLittleBefore { what, covered, wanted, needed })
        })
    }
}

/// What a change did, as known `now`: [`Followed::effect`].
///
/// # Errors
/// Fails while too little is known.
pub fn follow(series: &Hours, control: Option<&Hours>, at: TimestampMs, now: TimestampMs, days: i64) -> Result<Effect, NotMeasured> {
    Followed::new(series, control, at, days).effect(now)
}

/// The numbers of days after which a change that is followed for so many is measured.
fn looks(days: i64) -> impl Iterator<Item = i64> {
    LOOKS.into_iter().filter(move |look| *look < days).chain([days])
}
