//! Forecasts from past origins, and the forecast from now that is made of what they taught.

use std::collections::BTreeMap;

use super::expert::{Learned, Made, Quantiles};
use super::grid::Grid;
use super::members::Members;
use crate::forecast::random::Random;

/// Most steps of a forecast.
pub const MAX_HORIZON: usize = 10_000;
/// Past origins at the most.
const ORIGINS: usize = 300;
/// Horizons that are tried from each of them in each range of horizons.
const PER_RANGE: usize = 3;
/// Outcomes that a range of horizons needs; where the history is too short for them, the range before it is used.
const MIN_OUTCOMES: usize = 8;

/// One step of a forecast.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// Its time.
    pub at_ms: i64,
    /// Lower end of the interval.
    pub low: f64,
    /// The centre: as likely above as below.
    pub centre: f64,
    /// Upper end of the interval.
    pub high: f64,
}

/// A forecast.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// The next steps.
    pub steps: Vec<Step>,
    /// Whether this is seasonal naive, because nothing else was better on this series.
    pub seasonal_naive: bool,
    /// How many of the steps have an interval that was learned from outcomes as far ahead; that of the others is the interval of nearer ones.
    pub measured: usize,
}

/// Forecasts the next `horizon` steps ([`MAX_HORIZON`] at the most) with an interval that is to hold `level` of the outcomes.
#[must_use]
pub fn forecast(grid: &Grid, horizon: usize, level: f64) -> Forecast {
    let horizon = horizon.clamp(1, MAX_HORIZON);
    let taus = [(1.0 - level) / 2.0, 0.5, f64::midpoint(1.0, level)];
    let mut backtest = Backtest::new(grid, horizon, taus);
    backtest.run();
    let losses = backtest.learned.iter().filter_map(Learned::mean_losses);
    let (combined, naive) = losses.fold((0.0, 0.0), |sum, loss| (sum.0 + loss.0, sum.1 + loss.1));
    let seasonal_naive = combined >= naive;
    let origin = grid.values.len() - 1;
    let recent = backtest.members.recent(origin);
    // Where no float holds it, the largest one does: what is beyond cannot be written.
    let in_units = |value: f64| (value * grid.unit).clamp(f64::MIN, f64::MAX);
    let steps = (1..=horizon).map(|steps| {
        let learned = &backtest.learned[backtest.range_of(steps)];
        let made = backtest.make(learned, origin, steps, &recent);
        let [low, centre, high] = if seasonal_naive { made.naive() } else { learned.conform(&made, taus) };
        Step {
            at_ms: grid.end_ms.saturating_add(grid.step_ms.saturating_mul(steps as i64)),
            low: in_units(low.min(centre)),
            centre: in_units(centre),
            high: in_units(high.max(centre)),
        }
    });
    Forecast { steps: steps.collect(), seasonal_naive, measured: backtest.measured }
}

struct Backtest<'a> {
    grid: &'a Grid,
    members: Members<'a>,
    scales: Vec<f64>,
    /// The last horizon of each range.
    ends: Vec<usize>,
    learned: Vec<Learned>,
    taus: Quantiles,
    /// Forecasts whose time has not come, by it: their range, and they.
    pending: BTreeMap<usize, Vec<(usize, Made)>>,
    /// The farthest horizon that was learned from outcomes of its own.
    measured: usize,
}

impl<'a> Backtest<'a> {
    fn new(grid: &'a Grid, horizon: usize, taus: Quantiles) -> Self {
        let members = Members::new(grid);
        let count = members.points(0, 1).len();
        let samples = members.recent(0).len() + members.same_place(0, 1).len();
        let ends = ranges(horizon);
        let learned = vec![Learned::new(count, samples); ends.len()];
        Self { grid, members, scales: scales(grid), ends, learned, taus, pending: BTreeMap::new(), measured: 0 }
    }

    fn range_of(&self, steps: usize) -> usize {
        self.ends.partition_point(|end| *end < steps)
    }

    fn make(&self, learned: &Learned, origin: usize, steps: usize, recent: &[Vec<f64>]) -> Made {
        let same_place = self.members.same_place(origin, steps);
        let samples: Vec<&[f64]> = recent.iter().chain(&same_place).map(Vec::as_slice).collect();
        learned.make(self.members.points(origin, steps), &samples, self.scales[origin], self.taus)
    }

    /// Makes forecasts from origins in the order of their time, and learns from those whose time has come.
    fn run(&mut self) {
        let last = self.grid.values.len() - 1;
        let first = self.members.first_origin().min(last);
        let mut origins: Vec<usize> = (0..ORIGINS).map(|k| first + (last - first) * k / ORIGINS).collect();
        origins.dedup();
        let mut random = Random::new(last as u64);
        for origin in origins {
            self.settle(origin);
            let recent = self.members.recent(origin);
            for range in 0..self.ends.len() {
                let from = if range == 0 { 1 } else { self.ends[range - 1] + 1 };
                let width = self.ends[range] + 1 - from;
                for _ in 0..PER_RANGE.min(width) {
                    let steps = from + random.below(width);
                    if self.grid.seen.get(origin + steps) == Some(&true) {
                        let made = self.make(&self.learned[range], origin, steps, &recent);
                        self.pending.entry(origin + steps).or_default().push((range, made));
                    }
                }
            }
        }
        self.settle(last);
        let own = self.learned.iter().take_while(|learned| learned.outcomes() >= MIN_OUTCOMES).count();
        // Outcomes of one horizon that overlap say little: its time is to be there twice.
        self.measured = own.checked_sub(1).map_or(0, |range| self.ends[range]).min((last - first) / 2);
        for range in 1..self.learned.len() {
            if self.learned[range].outcomes() < MIN_OUTCOMES {
                self.learned[range] = self.learned[range - 1].clone();
            }
        }
    }

    /// Learns from all outcomes up to a time.
    fn settle(&mut self, until: usize) {
        while let Some(entry) = self.pending.first_entry().filter(|entry| *entry.key() <= until) {
            let (at, made) = entry.remove_entry();
            for (range, made) in made {
                self.learned[range].learn(&made, self.grid.values[at], self.taus);
            }
        }
    }
}

/// The ends of ranges of horizons, each half as long again as the one before.
fn ranges(horizon: usize) -> Vec<usize> {
    let mut ends: Vec<usize> =
        std::iter::successors(Some(1usize), |end| Some((end + 1).max(end * 3 / 2))).take_while(|end| *end < horizon).collect();
    ends.push(horizon);
    ends
}

/// How far values lay from their level of late, at each time; never nothing.
fn scales(grid: &Grid) -> Vec<f64> {
    let values = &grid.values;
    let moved = values.windows(2).map(|pair| (pair[1] - pair[0]).abs()).sum::<f64>() / values.len() as f64;
    let floor = (0.2 * moved).max(1e-9);
    let (mut scale, mut level) = (moved.max(floor), values[0]);
    let mut step = |(value, seen): (&f64, &bool)| {
        if *seen {
            scale += 0.05 * ((value - level).abs() - scale);
            level += 0.1 * (value - level);
        }
        scale.max(floor)
    };
    values.iter().zip(&grid.seen).map(&mut step).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn grid(values: Vec<f64>) -> Grid {
        let rows: Vec<(i64, f64)> = values.into_iter().enumerate().map(|(at, value)| (at as i64 * 3_600_000, value)).collect();
        Grid::new(&rows).unwrap()
    }

    /// Hours of a series with a day and noise.
    fn daily(random: &mut Random, hours: usize) -> Vec<f64> {
        (0..hours).map(|hour| 10.0 + 5.0 * (hour as f64 / 24.0 * std::f64::consts::TAU).sin() + random.normal()).collect()
    }

    #[test]
    fn an_interval_of_80_percent_holds_about_80_percent_and_costs_less_than_seasonal_naive() {
        let mut random = Random::new(7);
        let (mut held, mut count, mut loss, mut naive) = (0, 0, 0.0, 0.0);
        for _ in 0..8 {
            let values = daily(&mut random, 290);
            let (past, future) = values.split_at(240);
            let forecast = forecast(&grid(past.to_vec()), future.len(), 0.8);
            for (at, (step, value)) in forecast.steps.iter().zip(future).enumerate() {
                count += 1;
                held += i32::from(step.low <= *value && *value <= step.high);
                loss += (value - step.centre).abs();
                naive += (value - past[past.len() + at % 24 - 24]).abs();
            }
        }
        let coverage = f64::from(held) / f64::from(count);
        assert!((0.72..=0.88).contains(&coverage), "{coverage}");
        assert!(loss < 0.97 * naive, "{loss} against {naive}");
    }

    #[test]
    fn where_nothing_beats_seasonal_naive_it_is_shown() {
        let found = forecast(&grid((0..200).map(|hour| f64::from(hour % 24)).collect()), 30, 0.8);
        assert!(found.seasonal_naive);
        let (first, last) = (found.steps[0], found.steps[29]);
        assert_eq!((first.low, first.centre, first.high), (8.0, 8.0, 8.0));
        assert_eq!((last.centre, last.at_ms), (f64::from((200 + 29) % 24), 229 * 3_600_000));
    }

    #[test]
    fn wider_levels_hold_narrower_ones() {
        let past = grid(daily(&mut Random::new(3), 200));
        let of = |level| forecast(&past, 5, level).steps;
        for (narrow, wide) in of(0.5).iter().zip(of(0.95)) {
            assert!(wide.low < narrow.low && narrow.high < wide.high, "{narrow:?} {wide:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8))]
        #[test]
        fn every_step_has_an_ordered_and_finite_interval(
            values in prop::collection::vec(prop_oneof![-1e9f64..1e9, Just(0.0), Just(5.0)], 12..160),
            horizon in 1usize..60,
        ) {
            let found = forecast(&grid(values), horizon, 0.8);
            prop_assert_eq!(found.steps.len(), horizon);
            for step in found.steps {
                prop_assert!(step.low.is_finite() && step.low <= step.centre && step.centre <= step.high && step.high.is_finite(), "{:?}", step);
            }
        }
    }
}
