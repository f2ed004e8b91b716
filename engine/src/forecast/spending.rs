//! What will be spent until a time, and when a limit is crossed.
//!
//! The past is cut into days that end at this time of the day, so that working hours stay as they are. A trial puts such days together until
//! the end, a day of a weekend for one of a weekend. Which days are likely is drawn anew for each trial (the Bayesian bootstrap: Rubin, 1981),
//! and each trial has a pace of its own, since weeks differ by more than the days that are known do. The ends of the interval are those of 95 %
//! of the trials, moved outwards by Student's t where days are few.
//!
//! Pure: the same past gives the same answer.

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::capacity::Range;
use super::random::Random;
use crate::model::TimestampMs;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Whole days that are needed: a week, so that its weekend is among them.
pub const MIN_DAYS: usize = 7;
/// Whole days that are read at the most.
pub const MOST_DAYS: usize = 28;
const TRIALS: usize = 400;
/// How unsure the pace is, as the deviation of its logarithm: with so many days or more, and with fewer.
const ENOUGH_DAYS: usize = 14;
const DOUBT: (f64, f64) = (0.1, 0.25);
/// What 95 % of a normal distribution lie within.
const NORMAL: f64 = 1.96;

/// What was spent so far.
#[derive(Debug, Clone, Copy)]
pub struct Spent<'a> {
    /// When so much was spent, in any order.
    pub steps: &'a [(TimestampMs, f64)],
    /// Since when spending would have been seen.
    pub since: TimestampMs,
    /// Within the period.
    pub used: f64,
}

/// What the rest of the period brings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outlook {
    /// What is spent by its end.
    pub total: Range,
    /// The share of the trials that cross the limit before the end.
    pub share: f64,
    /// When they cross it: at the earliest, half of them, at the latest; none where that is not before the end.
    pub crossing: [Option<TimestampMs>; 3],
}

/// Too few days are known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} whole days of spending are known, and {MIN_DAYS} are needed")]
pub struct TooFew(pub usize);

/// The hours of a day.
type Day = [f64; 24];

/// The days before now, the newest first.
struct Past {
    days: Vec<Day>,
    /// Which of them are of a weekend.
    weekend: Vec<bool>,
    /// Whether days are drawn from those of their kind.
    by_kind: bool,
}

impl Past {
    fn new(spent: &Spent<'_>, now: TimestampMs) -> Result<Self, TooFew> {
        let known = usize::try_from((now - spent.since) / DAY_MS).unwrap_or(0).min(MOST_DAYS);
        if known < MIN_DAYS {
            return Err(TooFew(known));
        }
        let mut days = vec![[0.0; 24]; known];
        for (at, amount) in spent.steps.iter().filter(|(at, _)| *at <= now) {
            let ago = now - at;
            let hour = usize::try_from((DAY_MS - 1 - ago % DAY_MS) / HOUR_MS).unwrap_or(0);
            if let Some(day) = usize::try_from(ago / DAY_MS).ok().and_then(|day| days.get_mut(day)) {
                day[hour] += amount;
            }
        }
        let weekend: Vec<bool> = (1..=known as i64).map(|ago| is_weekend(now - ago * DAY_MS)).collect();
        let (off, on) = (weekend.iter().filter(|off| **off).count(), weekend.iter().filter(|off| !**off).count());
        Ok(Self { days, weekend, by_kind: off >= 2 && on >= 2 })
    }
}

/// Whether most of the day that begins then is of a weekend. 1970 began on a Thursday.
fn is_weekend(begin: TimestampMs) -> bool {
    ((begin + DAY_MS / 2).div_euclid(DAY_MS) + 3).rem_euclid(7) >= 5
}

/// What a trial comes to, and when it crosses the limit.
fn trial(past: &Past, used: f64, limit: f64, (now, end): (TimestampMs, TimestampMs), random: &mut Random) -> (f64, Option<TimestampMs>) {
    let doubt = if past.days.len() >= ENOUGH_DAYS { DOUBT.0 } else { DOUBT.1 };
    let pace = (doubt * random.normal()).exp();
    let weights: Vec<f64> = past.days.iter().map(|_| random.exponential()).collect();
    let (mut total, mut crossing) = (used, None);
    let mut begin = now;
    while begin < end {
        let weekend = is_weekend(begin);
        let of_kind = |(weight, off): (&f64, &bool)| if past.by_kind && *off != weekend { 0.0 } else { *weight };
        let wanted: Vec<f64> = weights.iter().zip(&past.weekend).map(of_kind).collect();
        for (hour, amount) in past.days[random.weighted(&wanted)].iter().enumerate() {
            let from = begin + hour as i64 * HOUR_MS;
            let part = (end - from).clamp(0, HOUR_MS) as f64 / HOUR_MS as f64;
            let more = pace * amount * part;
            if crossing.is_none() && more > 0.0 && total + more >= limit {
                let within = ((limit - total) / more).clamp(0.0, 1.0) * part;
                crossing = Some(from + (within * HOUR_MS as f64) as i64);
            }
            total += more;
        }
        begin += DAY_MS;
    }
    (total, crossing)
}

/// What the rest of a period brings that ends at `end`.
///
/// # Errors
/// [`TooFew`]
pub fn outlook(spent: &Spent<'_>, limit: f64, now: TimestampMs, end: TimestampMs) -> Result<Outlook, TooFew> {
    let past = Past::new(spent, now)?;
    let mut random =
        Random::new(spent.steps.iter().fold(spent.used.to_bits(), |mix, (at, amount)| mix.rotate_left(7) ^ *at as u64 ^ amount.to_bits()));
    let trials: Vec<(f64, Option<TimestampMs>)> = (0..TRIALS).map(|_| trial(&past, spent.used, limit, (now, end), &mut random)).collect();
    let mut totals: Vec<f64> = trials.iter().map(|(total, _)| *total).collect();
    totals.sort_by(f64::total_cmp);
    let mut crossings: Vec<TimestampMs> = trials.iter().map(|(_, at)| at.unwrap_or(TimestampMs::MAX)).collect();
    crossings.sort_unstable();
    let place = |part: f64| ((TRIALS as f64 * part) as usize).min(TRIALS - 1);
    let (low, estimate, high) = (totals[place(0.025)], totals[place(0.5)], totals[place(0.975)]);
    let wider = wider(past.days.len());
    let total = Range { low: (estimate - wider * (estimate - low)).max(spent.used), estimate, high: estimate + wider * (high - estimate) };
    let at = |part: f64| Some(crossings[place(part)]).filter(|at| *at < TimestampMs::MAX);
    let crossed = trials.iter().filter(|(_, at)| at.is_some()).count();
    Ok(Outlook { total, share: crossed as f64 / TRIALS as f64, crossing: [at(0.025), at(0.5), at(0.975)] })
}

/// By which factor few days make the interval wider.
fn wider(days: usize) -> f64 {
    let count = days as f64;
    StudentsT::new(0.0, 1.0, count - 1.0).map_or(1.0, |t| t.inverse_cdf(0.975) / NORMAL * (1.0 + 1.0 / count).sqrt())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

    /// A Monday, 0:00 UTC.
    const MONDAY: TimestampMs = 1_795_392_000_000;

    /// So much an hour on workdays from 9 to 17, by day.
    fn workdays(days: std::ops::Range<i64>, of_day: impl Fn(i64) -> f64) -> Vec<(TimestampMs, f64)> {
        let hours = days.filter(|day| day.rem_euclid(7) < 5).flat_map(|day| (9..17).map(move |hour| (day, hour)));
        hours.map(|(day, hour)| (MONDAY + day * DAY_MS + hour * HOUR_MS + HOUR_MS / 2, of_day(day) / 8.0)).collect()
    }

    #[test]
    fn less_than_a_week_says_nothing() {
        let steps = workdays(0..6, |_| 8.0);
        let spent = Spent { steps: &steps, since: MONDAY, used: 40.0 };
        assert_eq!(outlook(&spent, 50.0, MONDAY + 6 * DAY_MS, MONDAY + 14 * DAY_MS), Err(TooFew(6)));
    }

    #[test]
    fn a_steady_pace_crosses_where_it_must_and_weekends_cost_nothing() {
        // 8 a workday; on Friday at 0:00 of the third week 8 workdays are over, 4 of this week.
        let now = MONDAY + 18 * DAY_MS;
        let steps = workdays(0..18, |_| 8.0);
        let spent = Spent { steps: &steps, since: MONDAY, used: 32.0 };
        // Until the Friday after: 5 workdays, 72.
        let found = outlook(&spent, 60.0, now, MONDAY + 25 * DAY_MS).unwrap();
        assert!((found.total.estimate - 72.0).abs() < 2.0, "{found:?}");
        assert!(found.total.low < 70.0 && found.total.high > 74.0 && found.share > 0.9, "{found:?}");
        // 28 are left: this Friday, then Monday and Tuesday, and half of Wednesday.
        let at = (found.crossing[1].unwrap() - MONDAY) as f64 / DAY_MS as f64;
        assert!((23.3..23.8).contains(&at), "{at}");
        assert!(found.crossing[0] < found.crossing[1], "{found:?}");
        let enough = outlook(&spent, 100.0, now, MONDAY + 25 * DAY_MS).unwrap();
        assert_eq!((enough.share, enough.crossing), (0.0, [None; 3]));
        // Over the weekend nothing is spent.
        let saturday = outlook(&spent, 60.0, MONDAY + 19 * DAY_MS, MONDAY + 21 * DAY_MS).unwrap();
        assert!((saturday.total.high - 32.0).abs() < 1e-9, "{saturday:?}");
    }

    #[test]
    fn the_interval_holds_about_what_it_says() {
        let mut random = Random::new(7);
        let (mut held, mut said) = (0, 0);
        for trial in 0..200_i64 {
            let days: Vec<f64> = (0..42).map(|_| 10.0 * (0.6 * random.normal()).exp()).collect();
            let steps = workdays(0..42, |day| days[day as usize]);
            let known = 10 + trial % 20;
            let now = MONDAY + known * DAY_MS + 8 * HOUR_MS;
            let end = now + (1 + trial % 12) * DAY_MS;
            let seen: Vec<_> = steps.iter().copied().filter(|(at, _)| *at <= now).collect();
            let truth: f64 = steps.iter().filter(|(at, _)| *at > now && *at <= end).map(|(_, amount)| amount).sum();
            let found = outlook(&Spent { steps: &seen, since: MONDAY, used: 0.0 }, 1e9, now, end).unwrap();
            // Nothing is spent on a weekend, and nothing is said of it.
            if truth > 0.0 {
                said += 1;
                held += i32::from(found.total.low <= truth && truth <= found.total.high);
            }
        }
        let share = f64::from(held) / f64::from(said);
        assert!(share > 0.88, "{share} of {said}");
    }
}
