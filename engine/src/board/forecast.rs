//! Throughput, and the forecast of when no task will be open.
//!
//! Throughput is the completions of the last seven days by the days of them that were watched; none before a day was.
//!
//! The forecast is a Monte Carlo simulation over the throughput that was seen: the time watched (thirty days at the most)
//! is cut into equal bins, and each trial draws bins with replacement until as many tasks are done as are open. p5, p50, p85
//! and p95 are the times by which so many of the trials were through. It assumes that the future resembles the time
//! watched and that no task is added; with fewer than [`MIN_COMPLETIONS`] completions it says nothing.

/// Completions below which nothing is forecast.
pub const MIN_COMPLETIONS: usize = 5;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// The time that throughput covers at the most.
const THROUGHPUT_MS: i64 = 7 * DAY_MS;
/// The time that the forecast draws from at the most.
const MEMORY_MS: i64 = 30 * DAY_MS;
/// Bins that the time watched is cut into.
const BINS: i64 = 30;
const TRIALS: usize = 400;
/// Bins of one trial at the most; a trial that needs more is counted as too far away.
const MAX_STEPS: usize = 2_000;

/// When tasks of a tag became done, and since when that was watched.
#[derive(Debug, Clone, Copy)]
pub struct CompletionHistory<'a> {
    /// Since when completions would have been seen; none before the first observation.
    pub watched_since_ms: Option<i64>,
    /// When tasks became done.
    pub completions_ms: &'a [i64],
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
        let seen: Vec<i64> = self.completions_ms.iter().copied().filter(|at| *at > since && *at <= now_ms).collect();
        if seen.len() < MIN_COMPLETIONS {
            return Err(Missing::TooFew(seen.len()));
        }
        let watched = now_ms - since;
        let bin = (watched / BINS).max(1);
        let mut bins = vec![0u64; usize::try_from(watched / bin).unwrap_or(1).max(1)];
        for at in &seen {
            let place = usize::try_from((now_ms - at) / bin).unwrap_or(0).min(bins.len() - 1);
            bins[place] += 1;
        }
        let mut random = Random(seen.iter().fold(open ^ watched as u64, |mix, at| mix.rotate_left(7) ^ *at as u64));
        let mut steps: Vec<usize> = (0..TRIALS).map(|_| trial(open, &bins, &mut random)).collect();
        steps.sort_unstable();
        let at = |part: f64| {
            let steps = steps[((TRIALS as f64 * part).ceil() as usize).clamp(1, TRIALS) - 1];
            (steps < MAX_STEPS).then(|| now_ms.saturating_add(bin.saturating_mul(steps as i64)))
        };
        let watched_days = watched as f64 / DAY_MS as f64;
        Ok(Forecast { p5_ms: at(0.05), p50_ms: at(0.5), p85_ms: at(0.85), p95_ms: at(0.95), completions: seen.len(), watched_days })
    }
}

fn trial(open: u64, bins: &[u64], random: &mut Random) -> usize {
    let mut done = 0;
    for step in 1..MAX_STEPS {
        done += bins[(random.next() % bins.len() as u64) as usize];
        if done >= open {
            return step;
        }
    }
    MAX_STEPS
}

/// splitmix64 (Steele, Lea, Flood 2014): the same board gives the same forecast.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: i64 = 1_795_478_400_000;

    fn history(days: i64, completions_ms: &[i64]) -> CompletionHistory<'_> {
        CompletionHistory { watched_since_ms: Some(NOW - days * DAY_MS), completions_ms }
    }

    #[test]
    fn throughput_is_by_the_days_watched_and_absent_before_one_was() {
        let done: Vec<i64> = (0..20).map(|n| NOW - n * DAY_MS / 2).collect();
        assert_eq!(history(10, &done).throughput_per_day(NOW), Some(2.0));
        assert_eq!(history(2, &done[..3]).throughput_per_day(NOW), Some(1.5));
        assert_eq!(history(7, &[]).throughput_per_day(NOW), Some(0.0));
        assert_eq!(CompletionHistory { watched_since_ms: Some(NOW - DAY_MS + 1), completions_ms: &done }.throughput_per_day(NOW), None);
        assert_eq!(CompletionHistory { watched_since_ms: None, completions_ms: &[] }.throughput_per_day(NOW), None);
    }

    #[test]
    fn a_steady_board_is_forecast_at_its_pace() {
        let done: Vec<i64> = (0..30).map(|n| NOW - n * DAY_MS - HOUR_MS).collect();
        let forecast = history(30, &done).forecast(10, NOW).unwrap();
        assert_eq!((forecast.p50_ms, forecast.p95_ms, forecast.completions), (Some(NOW + 10 * DAY_MS), Some(NOW + 10 * DAY_MS), 30));
    }

    #[test]
    fn a_forecast_needs_open_tasks_and_enough_completions() {
        let done: Vec<i64> = (1..5).map(|n| NOW - n * HOUR_MS).collect();
        assert_eq!(history(3, &done).forecast(3, NOW), Err(Missing::TooFew(4)));
        assert_eq!(history(3, &done).forecast(0, NOW), Err(Missing::NothingOpen));
        let done: Vec<i64> = (1..6).map(|n| NOW - n * HOUR_MS).collect();
        let far = history(30, &done).forecast(1_000_000, NOW).unwrap();
        assert_eq!((far.p50_ms, far.p95_ms), (None, None), "too far away");
    }

    proptest! {
        #[test]
        fn later_quantiles_are_later_and_more_tasks_take_longer(hours in prop::collection::vec(1i64..700, 5..60), open in 1u64..50) {
            let done: Vec<i64> = hours.iter().map(|h| NOW - h * HOUR_MS).collect();
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
