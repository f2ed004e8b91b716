//! Levels of what is started anew now and then, such as the memory of a program: how they go on if nothing restarts it.
//!
//! A fall to about where it began ends a run. Growth is pooled over runs; what a restart took away is no growth, and runs that ended by
//! one say only how far they came. A program that has just started grows by what it loads, so its growth is compared with that of runs
//! at the same age or older, and where it slows down, nothing is said.

use super::blocks::is_weekend;
use super::growth::{Growth, Hour, Past};

/// A fall within an hour by this share of what lay above the lowest level is a restart.
const FALL: f64 = 0.5;
/// What also rises within an hour by this share of the fall is used and given back, such as by builds.
const SUDDEN: f64 = 0.5;
/// So is what was not above this share of the fall for some hours before it.
const STAYED: f64 = 0.6;
/// Hours of those.
const BEFORE: usize = 4;
/// The smallest fall that is one.
const LEAST_FALL: f64 = 0.03;
/// Hours after a restart in which nothing is said.
pub(super) const YOUNG: usize = 4;
/// From this age on growth is not that of a start.
const GROWN_UP: usize = 72;
/// Growth that has fallen to this share while the age doubled goes on to fall.
const SLOWER: f64 = 0.75;
/// The same where a date was given.
const MUCH_SLOWER: f64 = 0.5;

/// A level since its restarts.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Runs {
    /// Growth of each hour of the past that is like the hours to come; none for others.
    pub(super) growth: Vec<Option<Growth>>,
    /// Hours since the last restart, or since the past begins.
    pub(super) age: usize,
    /// Whether growth slows down with age.
    pub(super) slows: bool,
}

/// Growth and age of each hour, before anything is left out.
#[derive(Default)]
struct Cut {
    growth: Vec<Option<Growth>>,
    ages: Vec<usize>,
    /// Of the newest hour.
    age: usize,
    /// Places of the hours in which a restart was.
    restarts: Vec<usize>,
}

/// The hours of a past, by their place, in which a level fell to about where it began.
#[must_use]
pub fn restarts(hours: &[Option<Hour>]) -> Vec<usize> {
    cut(hours).restarts
}

impl Runs {
    /// Cuts a past at its restarts.
    pub(super) fn of(past: &Past<'_>) -> Self {
        let Cut { mut growth, ages, age, .. } = cut(past.hours);
        let like = (age / 2).clamp(2, GROWN_UP);
        let slows = slows(&growth, &ages, age, past);
        for (growth, of) in growth.iter_mut().zip(&ages) {
            *growth = growth.filter(|_| *of > like);
        }
        Self { growth, age, slows }
    }
}

fn cut(hours: &[Option<Hour>]) -> Cut {
    let lowest = hours.iter().flatten().map(|hour| hour.last).fold(f64::INFINITY, f64::min);
    let mut this = Cut::default();
    let mut known: Option<(usize, f64)> = None;
    // Of the run: its highest level, its largest rise within an hour after its beginning, and its newest levels.
    let (mut peak, mut sudden, mut newest) = (f64::NEG_INFINITY, 0.0f64, [f64::INFINITY; BEFORE]);
    for (at, hour) in hours.iter().enumerate() {
        let Some(Hour { max, last }) = *hour else { continue };
        if let Some((before, level)) = known {
            let (gap, fell) = (at - before, level.max(max) - last);
            let stayed = newest.iter().all(|level| *level >= last + STAYED * fell);
            if stayed && fell >= LEAST_FALL.max(FALL * (peak - lowest)) && sudden < SUDDEN * fell {
                (this.age, peak, sudden) = (0, last, 0.0);
                this.restarts.push(at);
                this.growth.extend(std::iter::repeat_n(None, gap));
                this.ages.extend(std::iter::repeat_n(0, gap));
            } else {
                let each = (last - level) / gap as f64;
                this.growth.extend(std::iter::repeat_n(Some(Growth { last: each, max: each.max(0.0) }), gap - 1));
                this.growth.push(Some(Growth { last: each, max: max - (last - each) }));
                this.ages.extend((1..=gap).map(|more| this.age + more));
                this.age += gap;
                sudden = if this.age > 2 { sudden.max(each) } else { 0.0 };
            }
        }
        peak = peak.max(max);
        newest.rotate_left(1);
        newest[BEFORE - 1] = last;
        known = Some((at, last));
    }
    this
}

/// Whether growth falls while the age doubles to what it is now.
fn slows(grown: &[Option<Growth>], ages: &[usize], age: usize, past: &Past<'_>) -> bool {
    if age > 14 * 24 {
        return false;
    }
    // Whole days where there are enough of them, and of those the workdays.
    let half = if age >= 96 { age / 48 * 24 } else { age / 2 };
    let workday = |at: usize| !is_weekend(past.hour_of_week + 168 * 60 - (grown.len() - at));
    let mean = |from: usize, to: usize, all: bool| {
        let hours = grown.iter().zip(ages).enumerate().filter(|(at, (_, age))| (from + 1..=to).contains(age) && (all || workday(*at)));
        let of: Vec<f64> = hours.filter_map(|(_, (growth, _))| growth.map(|growth| growth.last)).collect();
        (of.len() >= 2).then(|| of.iter().sum::<f64>() / of.len() as f64)
    };
    let slower = |all: bool| {
        let (early, late) = (mean(half / 2, half, all)?, mean(half, age, all)?);
        Some(early > 0.0 && late < early * if past.dated { MUCH_SLOWER } else { SLOWER })
    };
    slower(true).unwrap_or(false) && slower(false).unwrap_or(true)
}

#[cfg(test)]
mod tests {
    use super::super::answer::{Answer, forecast_of_runs};
    use super::*;

    fn hours(count: usize, level: impl Fn(usize) -> f64) -> Vec<Option<Hour>> {
        (0..count).map(|hour| Some(Hour { max: level(hour), last: level(hour) })).collect()
    }

    fn asked(count: usize, level: impl Fn(usize) -> f64) -> Answer {
        let hours = hours(count, &level);
        let recent: Vec<f64> = (0..289).map(|step| level((count - 1).saturating_sub((288 - step) / 12))).collect();
        forecast_of_runs(&Past { hours: &hours, recent: &recent, hour_of_week: 0, dated: false })
    }

    #[test]
    fn a_fall_to_the_start_after_a_slow_rise_is_a_restart() {
        let leak = |hour: usize| 0.2 + 0.01 * (hour % 50) as f64;
        let builds = |hour: usize| if hour % 24 == 10 { 0.8 } else { 0.2 };
        let by_day = |hour: usize| 0.4 + 0.2 * (hour as f64 / 24.0 * std::f64::consts::TAU).sin();
        assert_eq!(restarts(&hours(120, leak)), [50, 100]);
        assert_eq!(restarts(&hours(120, builds)), Vec::<usize>::new(), "used and given back");
        assert_eq!(restarts(&hours(240, by_day)), Vec::<usize>::new(), "falls as slowly as it rises");
    }

    #[test]
    fn growth_is_pooled_over_runs_and_a_restart_takes_nothing_from_it() {
        // 1 % an hour from 20 % on; restarted twice before a third of it was used.
        let level = |hour: usize| {
            0.2 + 0.01
                * if hour < 20 {
                    hour
                } else if hour < 45 {
                    hour - 20
                } else {
                    hour - 45
                } as f64
        };
        let Answer::Date(date) = asked(45 + 50, level) else { panic!("no date: {:?}", asked(45 + 50, level)) };
        let truth = (1.0 - level(45 + 49)) / 0.01;
        assert!(date.earliest <= truth && date.latest.is_none_or(|latest| truth <= latest), "{date:?} {truth}");
    }

    #[test]
    fn what_was_just_started_or_slows_down_is_not_judged_yet_and_what_was_always_restarted_may_never_be_full() {
        let leak = |hour: usize| 0.2 + 0.01 * (hour % 50) as f64;
        assert_eq!(asked(102, leak), Answer::TooEarly { hours: 1, slows: false });
        let cache = |hour: usize| 0.2 + 0.7 * (1.0 - (-(hour as f64) / 20.0).exp());
        assert!(matches!(asked(40, cache), Answer::TooEarly { slows: true, .. }), "{:?}", asked(40, cache));
        assert!(
            matches!(asked(140, leak), Answer::MayNever { cleared: Some(cleared), .. } if cleared.times == 2),
            "{:?}",
            asked(140, leak)
        );
    }
}
