//! What is said of a level: the trials, counted.

use super::blocks::Blocks;
use super::burst::{self, Burst};
use super::clears::{Cleared, Clears};
use super::growth::{Growth, Past, growth};
use super::runs::{self, Runs};
use super::simulate::Future;
use crate::forecast::random::Random;

const TRIALS: usize = 400;
/// How far ahead trials go, in hours.
const HORIZON: usize = 60 * 24;
const WEEK: f64 = 7.0 * 24.0;
/// From this level on it is full: what is left is less than a system needs.
const FULL: f64 = 0.9995;
/// Share of the trials that must be full within a week for a date, and within a day instead.
const LIKELY: (f64, f64) = (0.65, 0.5);
/// The same for a date to stay.
const STILL_LIKELY: (f64, f64) = (0.45, 0.35);
/// The same where it is usually cleared, but never was at such a level.
const ALL_BUT_SURE: (f64, f64) = (0.95, 0.9);

/// The least doubt about the pace of what grows with its load.
const LOAD: f64 = 0.5;

/// Steps of whose lowest level growth goes on where a level goes up and down with its load.
const SETTLED: usize = 25;

/// When it will be full, in hours from now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FillDate {
    /// Half of the trials are full by then.
    pub after: f64,
    /// 2.5 % are.
    pub earliest: f64,
    /// 97.5 % are; none where that is further than trials go: it may never be.
    pub latest: Option<f64>,
    /// Days of the past behind this.
    pub days: f64,
}

/// What can be said.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Answer {
    /// It is full.
    Full,
    /// It will be full within a week.
    Date(FillDate),
    /// It may never be full; the shares of trials that were within a week, and at all.
    MayNever {
        /// Within a week.
        in_week: f64,
        /// Within as many hours as trials go.
        ever: f64,
        /// Where that is because it was always cleared before.
        cleared: Option<Cleared>,
    },
    /// Too little is known, or too uneven.
    TooEarly {
        /// Hours that are known.
        hours: usize,
        /// Whether it grows ever more slowly since it began.
        slows: bool,
    },
}

/// Says when a level will reach 1.
#[must_use]
pub fn forecast(past: &Past<'_>) -> Answer {
    let growth = growth(past.hours);
    let burst = burst::find(past.recent, &growth);
    answer(past, &growth, burst, 0.0)
}

/// Says when the level of something that is started anew now and then will reach 1 if it is not.
#[must_use]
pub fn forecast_of_runs(past: &Past<'_>) -> Answer {
    let runs = Runs::of(past);
    let burst = burst::find(past.recent, &growth(past.hours)).filter(|_| runs.age >= runs::YOUNG);
    if burst.is_none() && (runs.age < runs::YOUNG || runs.slows) && past.recent.last().is_some_and(|level| *level < FULL) {
        return Answer::TooEarly { hours: runs.age, slows: runs.slows };
    }
    answer(past, &runs.growth, burst, LOAD)
}

fn answer(past: &Past<'_>, growth: &[Option<Growth>], burst: Option<Burst>, doubt: f64) -> Answer {
    let hours = growth.iter().flatten().count();
    let Some(level) = past.recent.last().copied().filter(|level| level.is_finite()) else {
        return Answer::TooEarly { hours, slows: false };
    };
    if level >= FULL {
        return Answer::Full;
    }
    let blocks = Blocks::new(growth, past.hour_of_week, past.dated);
    let horizon = match &blocks {
        Some(blocks) if blocks.are_days() => HORIZON,
        Some(_) if hours >= 22 => 8 * 24,
        Some(_) => hours,
        None if burst.is_some() => hours.max(24),
        None => return Answer::TooEarly { hours, slows: false },
    };
    // Growth continues from the level between short peaks, not from a peak.
    let from = if doubt > 0.0 && burst.is_none() { lowest(past.recent, SETTLED) } else { level };
    let future = Future::new(from, burst, blocks.as_ref(), horizon, past.hour_of_week).with_doubt(doubt);
    let mut random = Random::new(level.to_bits() ^ hours as u64);
    let mut ends: Vec<f64> = (0..TRIALS).map(|_| future.trial(&mut random)).collect();
    ends.sort_unstable_by(f64::total_cmp);
    let share = |within: f64| ends.partition_point(|end| *end <= within) as f64 / TRIALS as f64;
    let clears = Clears::find(past.hours, level);
    // Growth that nothing was like may end where no other did.
    let cleared = clears.at().filter(|cleared| burst.is_none() || cleared.times > 1);
    let likely = match (past.dated, clears.are_usual()) {
        (false, false) => LIKELY,
        (true, false) => STILL_LIKELY,
        (false, true) => ALL_BUT_SURE,
        (true, true) => LIKELY,
    };
    if cleared.is_some() || (share(WEEK) < likely.0 && share(24.0) < likely.1) {
        return Answer::MayNever { in_week: share(WEEK), ever: share(horizon as f64), cleared };
    }
    let (earliest, after, latest) = (ends[TRIALS / 40], ends[TRIALS / 2], ends[TRIALS - 1 - TRIALS / 40]);
    // Hours are the finest that the past is known in.
    let slack = 0.5 + 0.02 * after;
    let latest = latest.is_finite().then_some(latest + slack);
    Answer::Date(FillDate { after, earliest: (earliest - slack).max(0.0), latest, days: hours as f64 / 24.0 })
}

fn lowest(recent: &[f64], steps: usize) -> f64 {
    recent[recent.len().saturating_sub(steps)..].iter().copied().fold(f64::INFINITY, f64::min)
}

#[cfg(test)]
mod tests {
    use super::super::growth::Hour;
    use super::*;

    const MONDAY: usize = 0;

    /// What is said of a level that is given by hour, `hours` before a Monday.
    fn asked(hours: usize, level: impl Fn(usize) -> f64) -> Answer {
        let past: Vec<Option<Hour>> = (0..hours).map(|hour| Some(Hour { max: level(hour), last: level(hour) })).collect();
        let last = |step: usize| (hours * 12 - 288.min(hours * 12) + step) as f64 / 12.0;
        let between = |at: f64| {
            let (hour, part) = ((at.floor() as usize).min(hours - 1), at.fract());
            level(hour.saturating_sub(1)) * (1.0 - part) + level(hour) * part
        };
        let recent: Vec<f64> = (0..288.min(hours * 12)).map(|step| between(last(step))).chain([level(hours - 1)]).collect();
        forecast(&Past { hours: &past, recent: &recent, hour_of_week: MONDAY, dated: false })
    }

    fn date(answer: Answer) -> FillDate {
        match answer {
            Answer::Date(date) => date,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn steady_growth_has_its_date() {
        let found = date(asked(20 * 24, |hour| 0.3 + 0.6 * hour as f64 / 479.0));
        let truth = 0.1 / 0.6 * 479.0;
        assert!((found.after - truth).abs() < 3.0 && found.earliest < truth && truth < found.latest.unwrap(), "{found:?} {truth}");
    }

    #[test]
    fn what_is_full_says_so_and_what_does_not_grow_may_never_be() {
        assert_eq!(asked(100, |_| 1.0), Answer::Full);
        assert_eq!(asked(480, |_| 0.99), Answer::MayNever { in_week: 0.0, ever: 0.0, cleared: None });
        assert!(matches!(asked(480, |hour| 0.6 + 0.3 * (hour % 24) as f64 / 24.0), Answer::MayNever { .. }), "emptied every night");
        assert!(
            matches!(asked(30, |hour| if hour < 20 { 0.5 } else { 0.8 }), Answer::TooEarly { hours: 29, slows: false }),
            "uneven and short"
        );
    }

    #[test]
    fn a_date_that_was_given_stays_while_it_is_about_as_likely() {
        // A day of 8 % and a day of none, at random: whether it is full within a week is a matter of chance.
        let mut random = Random::new(5);
        let busy: Vec<bool> = (0..30).map(|_| random.unit() < 0.5).collect();
        let grown = |hour: usize| (0..hour).filter(|at| busy[at / 24]).count() as f64 * 0.08 / 24.0;
        let hours = 28 * 24;
        let answers = |left: f64, dated: bool| {
            let hour = |at: usize| 1.0 - left - grown(hours) + grown(at + 1);
            let past: Vec<Option<Hour>> = (0..hours).map(|at| Some(Hour { max: hour(at), last: hour(at) })).collect();
            matches!(forecast(&Past { hours: &past, recent: &[1.0 - left], hour_of_week: MONDAY, dated }), Answer::Date(_))
        };
        let furthest = |dated: bool| (1..60).map(|at| f64::from(at) / 100.0).take_while(|left| answers(*left, dated)).count();
        assert!(furthest(true) > furthest(false) && furthest(false) > 10, "{} {}", furthest(true), furthest(false));
    }

    #[test]
    fn a_mark_that_a_program_keeps_to_is_no_date() {
        let sawtooth = |hour: usize| 0.7 + 0.2 * (hour % 240) as f64 / 240.0;
        let Answer::MayNever { cleared: Some(cleared), .. } = asked(480 + 230, sawtooth) else { panic!("a date") };
        assert!(cleared.times == 2 && (0.89..0.9).contains(&cleared.highest), "{cleared:?}");
        // The mark is not kept to any more.
        let beyond = |hour: usize| if hour < 480 { sawtooth(hour) } else { 0.7 + 0.2 * (hour - 480) as f64 / 240.0 };
        assert!(matches!(asked(480 + 342, beyond), Answer::Date(_)));
    }

    #[test]
    fn the_weekend_is_waited_for_where_only_workdays_grow() {
        // 20 days before a Monday; 5 % from 8 to 18 o'clock on workdays.
        let begins = 7 * 24 * 3 - 20 * 24;
        let level = |hour: usize| {
            let working = |at: usize| (at + begins) / 24 % 7 < 5 && (8..18).contains(&((at + begins) % 24));
            0.22 + 0.005 * (0..=hour).filter(|at| working(*at)).count() as f64
        };
        let found = date(asked(20 * 24, level));
        // A day and three fifths of a day are left of the week that begins.
        let left = 1.0 - level(20 * 24 - 1);
        let days = (left / 0.05).floor();
        let truth = days * 24.0 + if days >= 5.0 { 48.0 } else { 0.0 } + 8.0 + (left - days * 0.05) / 0.005;
        assert!(found.earliest <= truth && truth <= found.latest.unwrap() && (found.after - truth).abs() < 4.0, "{found:?} {truth}");
    }

    #[test]
    fn growth_that_doubles_every_two_days_is_not_continued_by_a_line() {
        let level = |hour: usize| 0.3 + 0.5 * 2f64.powf((hour as f64 - 335.0) / 48.0);
        let found = date(asked(14 * 24, level));
        let truth = 48.0 * (0.7f64 / 0.5).log2();
        assert!(found.earliest < truth && truth < found.latest.unwrap() && (found.after - truth).abs() < 0.3 * truth, "{found:?} {truth}");
    }

    #[test]
    fn a_burst_at_the_end_of_a_quiet_past_has_an_open_end() {
        let hours: Vec<Option<Hour>> =
            (0..48).map(|hour: u32| 0.6 + 0.1 * f64::from(hour.saturating_sub(45))).map(|last| Some(Hour { max: last, last })).collect();
        let recent: Vec<f64> = (0..289).map(|step: u32| 0.6 + 0.2 * f64::from(step.saturating_sub(264)) / 24.0).collect();
        let found = date(forecast(&Past { hours: &hours, recent: &recent, hour_of_week: MONDAY, dated: false }));
        assert!(found.earliest < 2.0 && found.after < 6.0 && found.latest.is_none(), "{found:?}");
    }

    /// Daily growth that varies, from other random numbers than those of the forecast: how often the interval holds the date.
    #[test]
    fn the_interval_of_95_percent_holds_the_date() {
        let mut random = Random::new(2_026);
        let (mut held, mut dates) = (0, 0);
        for _ in 0..60 {
            let mut level = vec![0.0];
            for hour in 0..90 * 24 {
                let at = hour % 24;
                let working = if (8..20).contains(&at) { 2.0 } else { 0.0 };
                level.push(level[hour] + working * 0.003 * random.exponential());
            }
            let now = 18 * 24 + random.below(100);
            let shift = 0.5 + 0.45 * random.unit() - level[now - 1];
            level.iter_mut().for_each(|level| *level += shift);
            let Some(truth) = level[now..].iter().position(|level| *level >= 1.0) else { continue };
            if let Answer::Date(date) = asked(now, |hour| level[hour]) {
                dates += 1;
                held += i32::from(date.earliest <= truth as f64 + 1.0 && date.latest.is_none_or(|latest| truth as f64 <= latest));
            }
        }
        assert!(dates > 30 && f64::from(held) >= 0.88 * f64::from(dates), "{held} of {dates}");
    }
}
