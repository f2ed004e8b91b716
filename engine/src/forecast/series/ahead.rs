//! Forecasts as charts show them: how much of the past is read at which step, and how far ahead it reaches.

use super::backtest::{Step, forecast};
use super::grid::{Grid, GridError, MAX_POINTS};
use crate::model::TimestampMs;
use crate::span::Span;

/// Steps of a forecast, about: what a chart has room for.
const STEPS: i64 = 96;
/// Steps that divide hours and days evenly, seconds.
const NICE: [i64; 19] = [1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400];
const DAY_MS: i64 = 86_400_000;
/// The past that is read is so many horizons long, within two weeks (days and weeks are to be seen) and 400 days.
const HORIZONS: i64 = 8;
const PAST_MS: (i64, i64) = (14 * DAY_MS, 400 * DAY_MS);
/// Steps at the end of the past that may be without a sample.
const MAX_SILENT_STEPS: i64 = 5;

/// What of the past a forecast is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Past {
    /// The end of its first step.
    pub start: TimestampMs,
    /// The end of its last step.
    pub end: TimestampMs,
    /// How long a step is, ms.
    pub step: i64,
    /// How far ahead the forecast is to reach, ms.
    horizon: i64,
}

/// A forecast as far as its errors were measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Ahead {
    /// The next steps.
    pub steps: Vec<Step>,
    /// Whether this is seasonal naive, because nothing else was better on this series.
    pub seasonal_naive: bool,
    /// Whether it reaches as far as it was to.
    pub whole: bool,
}

/// Why a series cannot be forecast yet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotYet {
    /// There are too few values.
    #[error("{found} steps of {step} have samples; a forecast needs {}", super::MIN_POINTS)]
    TooFew {
        /// Steps with samples.
        found: usize,
        /// How long a step is.
        step: Span,
    },
    /// The series has ended.
    #[error("it has had no sample for {0}")]
    Ended(Span),
    /// Its samples are further apart than the forecast is to reach.
    #[error("its samples are {0} apart, which is more than the forecast is to reach")]
    TooCoarse(Span),
    /// The errors of past forecasts cannot be measured.
    #[error("{0} of it are kept, too little to measure how far forecasts would have been off")]
    TooShort(Span),
}

impl Past {
    /// The past for a forecast at a time that reaches so far ahead.
    #[must_use]
    pub fn new(now: TimestampMs, horizon: i64) -> Self {
        let wanted = horizon / STEPS;
        let step = NICE.iter().map(|step| step * 1_000).find(|step| *step >= wanted).unwrap_or(DAY_MS);
        let length = horizon.saturating_mul(HORIZONS).clamp(PAST_MS.0, PAST_MS.1).min(step * (MAX_POINTS as i64 - 1));
        let end = now - now.rem_euclid(step);
        Self { start: end - length / step * step, end, step, horizon }
    }

    /// Forecasts rows of this past, by time. Steps whose error was never measured are left out, so it may reach less far.
    ///
    /// # Errors
    /// [`NotYet`] where nothing can be said.
    pub fn forecast(&self, rows: &[(TimestampMs, f64)], level: f64) -> Result<Ahead, NotYet> {
        let grid = Grid::new(rows).map_err(|GridError::TooFew { found }| NotYet::TooFew { found, step: Span::millis(self.step) })?;
        let silent = self.end - grid.end_ms;
        if silent > MAX_SILENT_STEPS * grid.step_ms.max(self.step) {
            return Err(NotYet::Ended(Span::millis(silent)));
        }
        let steps = usize::try_from(self.horizon / grid.step_ms).unwrap_or(0);
        if steps == 0 {
            return Err(NotYet::TooCoarse(Span::millis(grid.step_ms)));
        }
        let mut found = forecast(&grid, steps, level);
        if found.measured == 0 {
            return Err(NotYet::TooShort(Span::millis(grid.step_ms * grid.values.len() as i64)));
        }
        let whole = found.measured >= found.steps.len();
        found.steps.truncate(found.measured);
        Ok(Ahead { steps: found.steps, seasonal_naive: found.seasonal_naive, whole })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    #[test]
    fn the_past_is_long_enough_for_days_and_weeks_and_bounded() {
        for (horizon, step, days) in [
            (HOUR, 60_000, 14),
            (6 * HOUR, 300_000, 14),
            (24 * HOUR, 900_000, 14),
            (7 * DAY_MS, 7_200_000, 56),
            (30 * DAY_MS, 10 * HOUR + 2 * HOUR, 240),
            (90 * DAY_MS, DAY_MS, 400),
        ] {
            let past = Past::new(1_000 * DAY_MS + 12_345, horizon);
            assert_eq!((past.step, (past.end - past.start + DAY_MS - 1) / DAY_MS), (step, days), "{horizon}");
            assert!(past.end <= 1_000 * DAY_MS + 12_345 && past.end % step == 0);
            assert!((past.end - past.start) / step < MAX_POINTS as i64);
        }
    }

    /// Values at each step of the last so many steps of the past.
    fn rows(past: &Past, count: i64, value: impl Fn(i64) -> f64) -> Vec<(TimestampMs, f64)> {
        (0..count).map(|n| past.end - (count - 1 - n) * past.step).map(|at| (at, value(at))).collect()
    }

    #[test]
    fn a_series_with_days_is_forecast_as_far_as_its_errors_were_measured() {
        let past = Past::new(100 * DAY_MS, 24 * HOUR);
        let of_day = |at: i64| ((at % DAY_MS) / HOUR) as f64;
        let whole = past.forecast(&rows(&past, 14 * 96, of_day), 0.8).unwrap();
        assert_eq!((whole.steps.len(), whole.whole), (96, true));
        assert!(whole.steps.iter().all(|step| (step.centre - of_day(step.at_ms)).abs() < 1.0), "{:?}", whole.steps);
        // Of eight hours, no more than half can have been measured.
        let young = past.forecast(&rows(&past, 32, of_day), 0.8).unwrap();
        assert!((1..=16).contains(&young.steps.len()) && !young.whole, "{}", young.steps.len());
    }

    #[test]
    fn what_cannot_be_forecast_yet_says_why() {
        let past = Past::new(100 * DAY_MS, 24 * HOUR);
        let flat = |count: i64| rows(&past, count, |_| 1.0);
        let sparse: Vec<(TimestampMs, f64)> = (0..14).map(|n| (past.end - n * 25 * HOUR, 1.0)).rev().collect();
        let mut ended = flat(200);
        ended.truncate(180);
        for (rows, why) in [
            (Vec::new(), "0 steps of 15m have samples; a forecast needs 12"),
            (flat(11), "11 steps of 15m have samples; a forecast needs 12"),
            (ended, "it has had no sample for 5h"),
            (sparse, "its samples are 1d1h apart, which is more than the forecast is to reach"),
        ] {
            assert_eq!(past.forecast(&rows, 0.8).unwrap_err().to_string(), why);
        }
    }
}
