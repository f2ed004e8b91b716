//! Throughput, and the forecast of when no task will be open.
//!
//! Throughput is the completions of the last seven days by the days of them that were watched; none before a day was.
//!
//! The forecast is a simulation. The time since the first completion (thirty days at the most) is cut into days that end at this time of
//! the day, so that working hours stay as they are. A trial puts such days together, where the days of a week differ a Friday for a Friday,
//! and goes through their completions and through their changes of scope (tasks added, opened again, dropped) until no task is open. Which
//! days are likely is drawn anew for each trial (the Bayesian bootstrap: Rubin, 1981), so a pace that few days show is an uncertain
//! one. p5, p50, p85 and p95 are the times by which so many of the trials were through.
//!
//! Before [`FULL_DAYS`] days are known, there is a forecast only where few tasks are open, for no longer than the past is, and not from a
//! workday to a weekend or back. It assumes that the tasks to come are like those done.

use crate::forecast::random::Random;

/// Completions below which nothing is forecast.
pub const MIN_COMPLETIONS: usize = 5;
/// Days from which on the forecast has no bound but its own.
pub const FULL_DAYS: i64 = 14;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// The time that throughput covers at the most.
const THROUGHPUT_MS: i64 = 7 * DAY_MS;
/// The time that the forecast draws from at the most.
const MEMORY_MS: i64 = 30 * DAY_MS;
/// Parts that less than two days are cut into.
const PARTS: i64 = 24;
/// Without a completion for so long, and for three times as long as ever before, a board is at rest.
const REST_MS: i64 = 7 * DAY_MS;
const TRIALS: usize = 400;
/// Days of one trial at the most; a trial that needs more is counted as too far away.
const MAX_STEPS: usize = 2_000;

/// When tasks of a tag became done, and since when that was watched.
#[derive(Debug, Clone, Copy)]
pub struct CompletionHistory<'a> {
    /// Since when completions would have been seen; none before the first observation.
    pub watched_since_ms: Option<i64>,
    /// When tasks became done.
    pub completions_ms: &'a [i64],
    /// When, and by how much, the number of open tasks changed otherwise: tasks were added, opened again, cancelled or removed.
    pub scope: &'a [(i64, i64)],
}

/// When no task will be open.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// Milliseconds UTC by which 5 of 100 trials were through; none if that is too far away.
    pub p5_ms: Option<i64>,
    /// The same for half of them.
    pub p50_ms: Option<i64>,
    /// The same for 85 of 100.
    pub p85_ms: Option<i64>,
    /// The same for 95 of 100.
    pub p95_ms: Option<i64>,
    /// Completions it was drawn from.
    pub completions: usize,
    /// Days that they were watched.
    pub watched_days: f64,
}

/// Why there is no forecast.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    /// Nothing is left to do.
    #[error("no task is open")]
    NothingOpen,
    /// Too little was seen.
    #[error("{} seen; a forecast needs {MIN_COMPLETIONS}", completions(.0))]
    TooFew(usize),
    /// Nothing was done for long.
    #[error("nothing was done for {0} days")]
    AtRest(i64),
    /// It would reach further than the past does.
    #[error("too much is open for what was seen so far; {FULL_DAYS} days of work tell more")]
    TooFar,
    /// It would reach from workdays over a weekend, or from a weekend to workdays.
    #[error("it would reach over a weekend, or from one to workdays; {FULL_DAYS} days of work show what that means")]
    Weekend,
}

/// How many completions were seen, in words: singular or plural.
fn completions(seen: &usize) -> String {
    match seen {
        0 => "no completion was".to_owned(),
        1 => "1 completion was".to_owned(),
        many => format!("{many} completions were"),
    }
}

impl CompletionHistory<'_> {
    /// Tasks done a day over the last seven days, or as many of them as were watched; none before a day was.
    #[must_use]
    pub fn throughput_per_day(&self, now_ms: i64) -> Option<f64> {
        let watched = (now_ms - self.watched_since_ms?).min(THROUGHPUT_MS);
        let after = now_ms - watched;
        let done = self.completions_ms.iter().filter(|at| **at > after && **at <= now_ms).count();
        (watched >= DAY_MS).then(|| done as f64 * DAY_MS as f64 / watched as f64)
    }

    /// When `open` tasks will be done.
    ///
    /// # Errors
    /// [`Missing`] says why there is none.
    pub fn forecast(&self, open: u64, now_ms: i64) -> Result<Forecast, Missing> {
        if open == 0 {
            return Err(Missing::NothingOpen);
        }
        let since = self.watched_since_ms.unwrap_or(now_ms).max(now_ms - MEMORY_MS);
        let mut done: Vec<i64> = self.completions_ms.iter().copied().filter(|at| *at > since && *at <= now_ms).collect();
        done.sort_unstable();
        let (Some(&first), Some(&last)) = (done.first(), done.last()) else { return Err(Missing::TooFew(0)) };
        if done.len() < MIN_COMPLETIONS {
            return Err(Missing::TooFew(done.len()));
        }
        let longest = done.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0);
        if now_ms - last > REST_MS.max(3 * longest) {
            return Err(Missing::AtRest((now_ms - last) / DAY_MS));
        }
        // Work on a tag begins with its first completion, which is then no sign of its pace.
        let known = now_ms - first;
        let scope = self.scope.iter().copied().filter(|(at, _)| *at > first && *at <= now_ms);
        let changes: Vec<(i64, i64)> = done[1..].iter().map(|at| (*at, -1)).chain(scope).collect();
        let length = if known >= 2 * DAY_MS { DAY_MS } else { (known / PARTS).max(1) };
        let days = Days::new(&changes, first, now_ms, length);
        let few = known < FULL_DAYS * DAY_MS;
        let mut random = Random::new(done.iter().fold(open ^ known as u64, |mix, at| mix.rotate_left(7) ^ *at as u64));
        let open_tasks = i64::try_from(open).unwrap_or(i64::MAX);
        let mut ends: Vec<i64> = (0..TRIALS).map(|_| days.trial(open_tasks, now_ms, if few { 0.25 } else { 0.1 }, &mut random)).collect();
        ends.sort_unstable();
        let at = |part: f64| Some(ends[((TRIALS as f64 * part).ceil() as usize).clamp(1, TRIALS) - 1]).filter(|end| *end < i64::MAX);
        let watched_days = known as f64 / DAY_MS as f64;
        let found =
            Forecast { p5_ms: at(0.05), p50_ms: at(0.5), p85_ms: at(0.85), p95_ms: at(0.95), completions: done.len(), watched_days };
        if few {
            let near = |end: &i64| end - now_ms <= known && open.saturating_mul(2) <= done.len() as u64;
            let end = found.p95_ms.filter(near).ok_or(Missing::TooFar)?;
            let mut days = now_ms.div_euclid(DAY_MS)..=end.div_euclid(DAY_MS);
            if days.any(|day| is_weekend(day * DAY_MS) != is_weekend(now_ms)) {
                return Err(Missing::Weekend);
            }
        }
        Ok(found)
    }
}

/// The day of the week, from Monday as 0. 1970 began on a Thursday.
fn weekday(at_ms: i64) -> i64 {
    (at_ms.div_euclid(DAY_MS) + 3).rem_euclid(7)
}

fn is_weekend(at_ms: i64) -> bool {
    weekday(at_ms) >= 5
}

/// The group of a day by its begin: Monday to Thursday, Friday (which may end on a Saturday), Saturday, Sunday.
fn group(begin_ms: i64) -> usize {
    usize::try_from(weekday(begin_ms) - 3).unwrap_or(0)
}
const GROUPS: usize = 4;

/// The past in days, or in parts of one where there are fewer.
struct Days {
    length: i64,
    /// The newest first: changes of the number of open tasks, by the time since the day began.
    days: Vec<Vec<(i64, i64)>>,
    groups: Vec<usize>,
    /// Whether days are drawn from those of their group.
    by_group: bool,
}

impl Days {
    fn new(changes: &[(i64, i64)], begin: i64, now: i64, length: i64) -> Self {
        let count = usize::try_from((now - begin) / length).unwrap_or(0).max(1);
        let mut days = vec![Vec::new(); count];
        for (at, change) in changes {
            let ago = now - at;
            // The oldest part of a day has no whole day.
            if let Some(day) = usize::try_from(ago / length).ok().and_then(|day| days.get_mut(day)) {
                day.push((length - ago % length, *change));
            }
        }
        days.iter_mut().for_each(|day| day.sort_unstable());
        let groups: Vec<usize> = (1..=count as i64).map(|ago| group(now - ago * length)).collect();
        let by_group = length == DAY_MS && groups_differ(&days, &groups);
        Self { length, days, groups, by_group }
    }

    /// When no task is open; the end of time where that is too far away. `doubt` is that of the pace, as the deviation of its logarithm.
    fn trial(&self, mut open: i64, now: i64, doubt: f64, random: &mut Random) -> i64 {
        let pace = (doubt * random.normal()).exp();
        let weights: Vec<f64> = self.days.iter().map(|_| random.exponential()).collect();
        let mut of_group = vec![0.0; weights.len()];
        for step in 0..MAX_STEPS as i64 {
            let begin = now + step * self.length;
            let group = group(begin);
            for ((weight, all), of) in of_group.iter_mut().zip(&weights).zip(&self.groups) {
                *weight = if *of == group { *all } else { 0.0 };
            }
            let alike = self.by_group && of_group.iter().any(|weight| *weight > 0.0);
            let day = random.weighted(if alike { &of_group } else { &weights });
            for (offset, change) in &self.days[day] {
                open += change * (pace + random.unit()).floor() as i64;
                if open <= 0 {
                    return begin + offset;
                }
            }
        }
        i64::MAX
    }
}

/// Whether the groups of days differ in what is done on them: the F of an analysis of variance.
fn groups_differ(days: &[Vec<(i64, i64)>], groups: &[usize]) -> bool {
    const EVIDENT: f64 = 4.0;
    let done: Vec<f64> = days.iter().map(|day| day.iter().filter(|(_, change)| *change < 0).count() as f64).collect();
    let (mut sums, mut counts) = ([0.0; GROUPS], [0.0f64; GROUPS]);
    for (done, group) in done.iter().zip(groups) {
        sums[*group] += done;
        counts[*group] += 1.0;
    }
    let (n, k) = (done.len() as f64, counts.iter().filter(|count| **count > 0.0).count() as f64);
    if n < 7.0 || k < 2.0 || n <= k {
        return false;
    }
    let all = done.iter().sum::<f64>() / n;
    let total: f64 = done.iter().map(|done| (done - all).powi(2)).sum();
    let within: f64 = done.iter().zip(groups).map(|(done, group)| (done - sums[*group] / counts[*group]).powi(2)).sum();
    (total - within) / (k - 1.0) > EVIDENT * (within / (n - k)).max(1e-9)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: i64 = 1_795_478_400_000;

    fn history(days: i64, completions_ms: &[i64]) -> CompletionHistory<'_> {
        CompletionHistory { watched_since_ms: Some(NOW - days * DAY_MS), completions_ms, scope: &[] }
    }

    #[test]
    fn throughput_is_by_the_days_watched_and_absent_before_one_was() {
        let done: Vec<i64> = (0..20).map(|n| NOW - n * DAY_MS / 2).collect();
        assert_eq!(history(10, &done).throughput_per_day(NOW), Some(2.0));
        assert_eq!(history(2, &done[..3]).throughput_per_day(NOW), Some(1.5));
        assert_eq!(history(7, &[]).throughput_per_day(NOW), Some(0.0));
        assert_eq!(
            CompletionHistory { watched_since_ms: Some(NOW - DAY_MS + 1), completions_ms: &done, scope: &[] }.throughput_per_day(NOW),
            None
        );
        assert_eq!(CompletionHistory { watched_since_ms: None, completions_ms: &[], scope: &[] }.throughput_per_day(NOW), None);
    }

    #[test]
    fn a_steady_board_is_forecast_at_its_pace() {
        let done: Vec<i64> = (0..30).map(|n| NOW - n * DAY_MS - HOUR_MS).collect();
        let forecast = history(30, &done).forecast(10, NOW).unwrap();
        let days = |at: Option<i64>| (at.unwrap() - NOW) as f64 / DAY_MS as f64;
        assert!((days(forecast.p50_ms) - 10.0).abs() <= 1.0 && days(forecast.p95_ms) < 14.0, "{forecast:?}");
        assert_eq!(forecast.completions, 30);
    }

    #[test]
    fn tasks_that_are_added_move_the_end_away() {
        let done: Vec<i64> = (0..60).map(|n| NOW - n * DAY_MS / 2 - HOUR_MS).collect();
        let forecast =
            |scope: &[(i64, i64)]| CompletionHistory { scope, ..history(30, &done) }.forecast(10, NOW).unwrap().p50_ms.unwrap() - NOW;
        let one_a_day: Vec<(i64, i64)> = (0..30).map(|n| (NOW - n * DAY_MS - 2 * HOUR_MS, 1)).collect();
        let (without, with) = (forecast(&[]), forecast(&one_a_day));
        assert!(with > 3 * without / 2 && with < 3 * without, "{without} {with}");
    }

    #[test]
    fn on_a_friday_evening_the_weekend_is_waited_for() {
        // 2026-11-27 17:00 UTC, and four weeks of two tasks each workday at 10 and 15 o'clock.
        let friday = (NOW.div_euclid(DAY_MS)..).map(|day| day * DAY_MS).find(|day| weekday(*day) == 4).unwrap() + 17 * HOUR_MS;
        let at = |day: i64, hour: i64| friday - 17 * HOUR_MS - day * DAY_MS + hour * HOUR_MS;
        let done: Vec<i64> = (0..28).filter(|day| !is_weekend(at(*day, 0))).flat_map(|day| [at(day, 10), at(day, 15)]).collect();
        let history = CompletionHistory { watched_since_ms: Some(friday - 28 * DAY_MS), completions_ms: &done, scope: &[] };
        let found = history.forecast(3, friday).unwrap();
        let monday = friday + 55 * HOUR_MS;
        assert!(found.p5_ms.unwrap() > monday && found.p50_ms.unwrap() <= monday + 2 * DAY_MS, "{found:?} {monday}");
    }

    #[test]
    fn what_cannot_be_known_yet_is_refused_with_its_reason() {
        let recent = |count: i64, gap: i64| (0..count).map(|n| NOW - n * gap).collect::<Vec<i64>>();
        for (name, days, done, open, why) in [
            ("half an hour of work", 30, recent(5, 6 * 60_000), 40, Missing::TooFar),
            ("long ago", 30, recent(20, HOUR_MS).iter().map(|at| at - 25 * DAY_MS).collect(), 5, Missing::AtRest(25)),
            ("a week for what is left of a month", 7, recent(28, DAY_MS / 4), 40, Missing::TooFar),
        ] {
            assert_eq!(history(days, &done).forecast(open, NOW), Err(why), "{name}");
        }
        // Three days and a half after a Tuesday began, so on a Friday, with a day's work left.
        let (friday, shifted) = (NOW + 7 * DAY_MS / 2, |at: &i64| at + 7 * DAY_MS / 2);
        let done: Vec<i64> = recent(40, DAY_MS / 10).iter().map(shifted).collect();
        let history_of_friday = CompletionHistory { watched_since_ms: Some(friday - 30 * DAY_MS), completions_ms: &done, scope: &[] };
        assert_eq!(history_of_friday.forecast(10, friday), Err(Missing::Weekend));
        // An agent that finishes a task every ten minutes.
        let found = history(30, &recent(12, 10 * 60_000)).forecast(3, NOW).unwrap();
        assert!(found.p50_ms.unwrap() - NOW < HOUR_MS && found.p95_ms.unwrap() - NOW < 2 * HOUR_MS, "{found:?}");
    }

    /// How often the truth is within p50, p85 and p95 for a board of workdays from nine to six, with a third of the tasks opened again.
    #[test]
    fn the_quantiles_hold_what_they_say() {
        let mut random = Random::new(11);
        let (mut within, mut asked) = ([0; 3], 0);
        while asked < 120 {
            let now = NOW + random.below(7 * 24) as i64 * HOUR_MS;
            let working = |at: i64| !is_weekend(at) && (9..18).contains(&(at.rem_euclid(DAY_MS) / HOUR_MS));
            let mut at = now - 28 * DAY_MS;
            let (mut done, mut scope, mut open, mut end) = (Vec::new(), Vec::new(), 12 + random.below(15) as i64, None);
            let asked_open = open as u64;
            while end.is_none() {
                at += (random.exponential() * HOUR_MS as f64) as i64 + 1;
                if !working(at) || random.unit() > 0.6 {
                    continue;
                }
                let again = random.unit() < 0.33;
                if at <= now {
                    done.push(at);
                    scope.extend(again.then_some((at + 1, 1)));
                } else {
                    open -= i64::from(!again);
                    end = (open <= 0).then_some(at);
                }
            }
            let history = CompletionHistory { watched_since_ms: Some(now - 28 * DAY_MS), completions_ms: &done, scope: &scope };
            let found = history.forecast(asked_open, now).unwrap();
            asked += 1;
            for (count, at) in within.iter_mut().zip([found.p50_ms, found.p85_ms, found.p95_ms]) {
                *count += i32::from(end <= at || at.is_none());
            }
        }
        let share = within.map(|count| f64::from(count) / f64::from(asked));
        assert!((share[0] - 0.5).abs() < 0.12 && (share[1] - 0.85).abs() < 0.1 && (share[2] - 0.95).abs() < 0.08, "{share:?}");
    }

    #[test]
    fn a_forecast_needs_open_tasks_and_enough_completions() {
        let done: Vec<i64> = (1..5).map(|n| NOW - n * HOUR_MS).collect();
        assert_eq!(history(3, &done).forecast(3, NOW), Err(Missing::TooFew(4)));
        assert_eq!(history(3, &done).forecast(0, NOW), Err(Missing::NothingOpen));
        let done: Vec<i64> = (1..20).map(|n| NOW - n * DAY_MS).collect();
        let far = history(30, &done).forecast(1_000_000, NOW).unwrap();
        assert_eq!((far.p50_ms, far.p95_ms), (None, None), "too far away");
    }

    proptest! {
        #[test]
        fn later_quantiles_are_later_and_more_tasks_take_longer(hours in prop::collection::vec(1i64..700, 5..60), open in 1u64..50) {
            let mut done: Vec<i64> = hours.iter().map(|h| NOW - h * HOUR_MS).collect();
            // Fifteen days at the least, and work until now.
            done.extend([NOW - 15 * DAY_MS, NOW - HOUR_MS]);
            let history = history(30, &done);
            let (few, many) = (history.forecast(open, NOW).unwrap(), history.forecast(open * 4, NOW).unwrap());
            let order = |f: &Forecast| [f.p5_ms, f.p50_ms, f.p85_ms, f.p95_ms].map(|p| p.unwrap_or(i64::MAX));
            let [p5, p50, p85, p95] = order(&few);
            prop_assert!(NOW < p5 && p5 <= p50 && p50 <= p85 && p85 <= p95);
            prop_assert!(order(&many)[1] >= p50);
            prop_assert_eq!(history.forecast(open, NOW).unwrap(), few);
        }
    }
}
