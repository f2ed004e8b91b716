//! What a change did to a series: its mean before and after a moment, and by how much it differs, with an interval.
//!
//! Two weeks are never alike, so a difference of means proves nothing by itself. [`measure`] compares hours after the moment with the same
//! hours of the week before it, which takes the rhythm of days and weeks out, and asks how far such differences lie apart by chance. Samples
//! follow each other: a slow hour comes after a slow hour, so there are fewer independent ones than samples. The variance of the mean is
//! therefore that of a process with a memory (Andrews and Monahan, 1992: an autoregression is taken out and put back; Lazarus, Lewis, Stock
//! and Watson, 2018: the rest is averaged over cosines, which gives the degrees of freedom of Student's distribution).

pub(crate) mod change_point;
mod followed;
pub(crate) mod levels;
mod read;
mod variance;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use self::followed::{Followed, Start, follow};
use self::levels::LastChange;
pub use self::read::{HourSeries, hours_around};
use crate::model::TimestampMs;

const HOUR: i64 = 3_600_000;
const WEEK_HOURS: i64 = 168;
/// Hours that are compared as one: with less, the memory of slow processes is not seen.
const PART: i64 = 12;
/// The fewest days after the moment that are compared, and the most.
pub const MIN_DAYS: i64 = 5;
/// See [`MIN_DAYS`].
pub const MAX_DAYS: i64 = 28;
/// Both ends of a 95 % interval leave out so much.
const WITHIN: f64 = 0.975;
/// Share of the half days that usually have samples which need some on both sides, and how many of them at the least.
const COVERED: f64 = 0.7;
const MIN_PAIRS: usize = 7;
/// Weeks before the moment that say which half days usually have samples.
const USUAL_WEEKS: usize = 4;
/// So many hours of a half day that both sides have are compared hour by hour; with fewer, each side's hours are taken as they are.
const MATCHED: usize = 3;

/// The means of a series by hours, each named by how many hours its start is after 1970.
pub type Hours = BTreeMap<i64, f64>;

/// The hour that ends at a time.
#[must_use]
pub fn hour_ending(end: TimestampMs) -> i64 {
    end.div_euclid(HOUR) - 1
}

/// The first whole hour from a moment on.
fn first_hour(at: TimestampMs) -> i64 {
    at.div_euclid(HOUR) + i64::from(at.rem_euclid(HOUR) > 0)
}

/// A half day after the moment, and the same one before it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Pair {
    /// When the one after the moment begins.
    pub start: TimestampMs,
    /// The mean before.
    pub before: f64,
    /// The mean after.
    pub after: f64,
}

/// A figure and the ends of its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The best guess.
    pub value: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Estimate {
    fn map(self, of: impl Fn(f64) -> f64) -> Self {
        Self { value: of(self.value), low: of(self.low), high: of(self.high) }
    }
}

/// What the interval says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Direction {
    /// The series is higher than before.
    Rose,
    /// It is lower.
    Fell,
    /// Nothing that chance does not explain.
    Unclear,
}

impl Direction {
    fn of(difference: Estimate) -> Self {
        match difference {
            Estimate { low, .. } if low > 0.0 => Self::Rose,
            Estimate { high, .. } if high < 0.0 => Self::Fell,
            _ => Self::Unclear,
        }
    }
}

/// What a change did. It is kept with experiments, so fields are only ever added.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// The time before the moment that is compared.
    pub before: (TimestampMs, TimestampMs),
    /// From when to when after it.
    pub after: (TimestampMs, TimestampMs),
    /// The mean before.
    pub mean_before: f64,
    /// The mean after.
    pub mean_after: f64,
    /// After divided by before; none for a series that is not above zero throughout.
    pub ratio: Option<Estimate>,
    /// After less before.
    pub difference: Estimate,
    /// What the interval says.
    pub direction: Direction,
    /// The half days that were compared.
    pub pairs: Vec<Pair>,
    /// The means of the control before and after, where there is one: `ratio` and `difference` are relative to its change then.
    #[serde(default)]
    pub control: Option<(f64, f64)>,
    /// When the level that is compared with began, where the level changed shortly before the moment; else the same hours of the weeks
    /// before are compared.
    #[serde(default)]
    pub since: Option<TimestampMs>,
}

/// Why an effect cannot be measured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotMeasured {
    /// Too little time has gone by.
    #[error("it is too early: {passed} of {MIN_DAYS} days have gone by since")]
    TooEarly {
        /// Whole days since the moment.
        passed: i64,
    },
    /// There is nothing to compare.
    #[error("no series of {0} has samples around that time")]
    NoSeries(&'static str),
    /// There is too little of the time before the moment.
    #[error("{what} has samples in {covered} of the {wanted} half days before it that are compared; {needed} are needed")]
    TooLittleBefore {
        /// Which series.
        what: &'static str,
        /// Half days that have samples.
        covered: usize,
        /// Half days that there are.
        wanted: usize,
        /// How many it takes.
        needed: usize,
    },
    /// There are gaps.
    #[error("{what} has samples on both sides in {covered} of {wanted} half days; {needed} are needed")]
    TooLittle {
        /// Which series.
        what: &'static str,
        /// Half days that both sides have.
        covered: usize,
        /// Half days that there are.
        wanted: usize,
        /// How many it takes.
        needed: usize,
    },
}

/// What happened to a series at a moment, as known `now`. A `control` is a series that the change did not touch: what happened to it
/// as well is left out.
///
/// # Errors
///
/// Fails while too little is known.
pub fn measure(series: &Hours, control: Option<&Hours>, at: TimestampMs, now: TimestampMs) -> Result<Effect, NotMeasured> {
    let first = first_hour(at);
    let days = (now.div_euclid(HOUR) - first).div_euclid(24).min(MAX_DAYS);
    if days < MIN_DAYS {
        return Err(NotMeasured::TooEarly { passed: days.max(0) });
    }
    let change = levels::last_change(series, control, first);
    measure_days(series, control, change, (first, days), WITHIN)
}

/// How many hours before the days that are compared the same hours are.
const fn back(days: i64) -> i64 {
    WEEK_HOURS * (days + 6).div_euclid(7)
}

/// The half days that are compared, by their first hours.
fn half_days(first: i64, days: i64) -> impl Iterator<Item = i64> + Clone {
    (0..days * 24 / PART).map(move |part| first + part * PART)
}

/// How many of so many half days are enough.
fn enough(half_days: usize) -> usize {
    ((half_days as f64 * COVERED).ceil() as usize).max(MIN_PAIRS)
}

/// The half days that are compared of series that may rest at some times of the week, by their first hours: those that usually have samples.
fn usual_half_days(series: &Hours, control: Option<&Hours>, first: i64, days: i64) -> Vec<i64> {
    let usual = |start: &i64| [Some(series), control].into_iter().flatten().all(|hours| is_usual(hours, first, *start));
    half_days(first, days).filter(usual).collect()
}

/// Whether a half day after the moment usually has samples: at least half of the same ones in the weeks before it do. What came after the
/// moment does not count, since the change may be why it is not there. Where no week before is known, it does.
fn is_usual(hours: &Hours, first: i64, start: i64) -> bool {
    let Some(begin) = hours.keys().next() else { return true };
    let weeks = (1..).map(|week| start - week * WEEK_HOURS).skip_while(|before| *before >= first);
    let (mut known, mut with_samples) = (0, 0);
    for before in weeks.take_while(|before| *before >= *begin).take(USUAL_WEEKS) {
        known += 1;
        with_samples += usize::from(hours.range(before..before + PART).next().is_some());
    }
    2 * with_samples >= known
}

/// What happened in so many days. Each end of the interval leaves out `1 - within`; `change` is the last one of the level before them.
fn measure_days(
    series: &Hours,
    control: Option<&Hours>,
    change: Option<LastChange>,
    (first, days): (i64, i64),
    within: f64,
) -> Result<Effect, NotMeasured> {
    let (hours, back) = (days * 24, back(days));
    let usual = usual_half_days(series, control, first, days);
    let wanted = usual.len();
    if let Some(change) = change_within(change, first, days) {
        let since = levels::since((series, control), change, first, (days, &usual), within);
        if let Some(effect) = since.filter(|effect| effect.pairs.len() >= enough(wanted)) {
            return Ok(effect);
        }
    }
    let mut found: Vec<(Pair, Option<Pair>)> = Vec::with_capacity(wanted);
    let (mut of_series, mut of_control) = (0, 0);
    for start in usual {
        let own = pair(series, start, back);
        let others = control.map(|control| pair(control, start, back));
        of_series += usize::from(own.is_some());
        of_control += usize::from(others.is_some_and(|others| others.is_some()));
        match (own, others) {
            (Some(own), None) => found.push((own, None)),
            (Some(own), Some(Some(others))) => found.push((own, Some(others))),
            _ => {}
        }
    }
    let needed = enough(wanted);
    if found.len() < needed {
        let (what, covered) = if of_series < needed { ("the series", of_series) } else { ("the control", of_control.min(found.len())) };
        return Err(NotMeasured::TooLittle { what, covered, wanted, needed });
    }
    let span = |from: i64| (from * HOUR, (from + hours) * HOUR);
    Ok(compared(&found, span(first - back), span(first), within))
}

/// The last change of level, where it is in the time that so many days are compared with.
fn change_within(change: Option<LastChange>, first: i64, days: i64) -> Option<LastChange> {
    change.filter(|change| change.begin > first - back(days))
}

/// A half day and the same one so many hours before.
fn pair(series: &Hours, start: i64, back: i64) -> Option<Pair> {
    let side = |from: i64| -> Vec<(i64, f64)> { series.range(from..from + PART).map(|(hour, mean)| (hour - from, *mean)).collect() };
    let (before, after) = (side(start - back), side(start));
    let both: Vec<(f64, f64)> =
        before.iter().filter_map(|(hour, b)| after.iter().find(|(other, _)| other == hour).map(|(_, a)| (*b, *a))).collect();
    if both.len() >= MATCHED {
        let n = both.len() as f64;
        let (before, after) = both.iter().fold((0.0, 0.0), |sum, pair| (sum.0 + pair.0 / n, sum.1 + pair.1 / n));
        return Some(Pair { start: start * HOUR, before, after });
    }
    let mean = |side: &[(i64, f64)]| (!side.is_empty()).then(|| side.iter().map(|(_, v)| v / side.len() as f64).sum::<f64>());
    Some(Pair { start: start * HOUR, before: mean(&before)?, after: mean(&after)? })
}

fn means<'a>(pairs: impl Iterator<Item = &'a Pair> + Clone) -> (f64, f64) {
    let n = pairs.clone().count() as f64;
    pairs.fold((0.0, 0.0), |sum, pair| (sum.0 + pair.before / n, sum.1 + pair.after / n))
}

/// The estimate of a mean of differences that follow each other.
fn estimate(value: f64, differences: &[f64], within: f64) -> Estimate {
    let margin = variance::margin_of_mean(differences, within);
    Estimate { value, low: value - margin, high: value + margin }
}

fn compared(found: &[(Pair, Option<Pair>)], before: (TimestampMs, TimestampMs), after: (TimestampMs, TimestampMs), within: f64) -> Effect {
    let own = || found.iter().map(|(own, _)| own);
    let others = || found.iter().filter_map(|(_, others)| others.as_ref());
    let (mean_before, mean_after) = means(own());
    let positive = own().chain(others()).all(|pair| pair.before > 0.0 && pair.after > 0.0);
    let control = others().next().is_some().then(|| means(others()));
    let (ratio, difference) = if positive {
        let (control_before, control_after) = control.unwrap_or((1.0, 1.0));
        let relative = |pair: &Pair, (before, after): (f64, f64)| pair.after / after - pair.before / before;
        let of = |(own, others): &(Pair, Option<Pair>)| {
            relative(own, (mean_before, mean_after)) - others.as_ref().map_or(0.0, |o| relative(o, (control_before, control_after)))
        };
        let differences: Vec<f64> = found.iter().map(of).collect();
        let change = (mean_after / mean_before).ln() - (control_after / control_before).ln();
        let ratio = estimate(change, &differences, within).map(f64::exp);
        (Some(ratio), ratio.map(|ratio| mean_before * (ratio - 1.0)))
    } else {
        let of = |(own, others): &(Pair, Option<Pair>)| own.after - own.before - others.as_ref().map_or(0.0, |o| o.after - o.before);
        let differences: Vec<f64> = found.iter().map(of).collect();
        let n = differences.len() as f64;
        (None, estimate(differences.iter().map(|d| d / n).sum(), &differences, within))
    };
    let direction = Direction::of(difference);
    let pairs = own().copied().collect();
    Effect { before, after, mean_before, mean_after, ratio, difference, direction, pairs, control, since: None }
}

#[cfg(test)]
mod tests;
