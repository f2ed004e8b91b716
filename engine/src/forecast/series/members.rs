//! What the combination is made of: forecasts of a single value ([`Members::points`]), and samples of past values whose quantiles are a
//! forecast by themselves ([`Members::samples`]).
//!
//! * Seasonal naive, the last value, exponentially weighted means of four speeds, Theta, a damped trend.
//! * For a day and a week, where the history has two of them: the value one season ago; a profile (an exponentially weighted mean of the
//!   values at the same place of earlier seasons, smoothed with its neighbours); the profile with the remainder as a mean of three
//!   speeds, by Theta, or by a damped trend.
//! * Where there are weeks: the profile of a day, the profile of what it leaves over a week, and a smooth remainder (the parts of MSTL,
//!   Bandara, Hyndman and Bergmeir 2021, each computed from the past only).
//! * Quantiles of the last values, and of the values at the same place of earlier seasons.

use super::grid::Grid;
use super::smoothing::{Damped, Theta, means};

const DAY_MS: f64 = 86_400_000.0;
/// Weights of the newest value in the means.
const MEAN_SPEEDS: [f64; 4] = [0.4, 0.1, 0.02, 0.003];
/// The same for the remainder of a profile.
const REMAINDER_SPEEDS: [f64; 3] = [0.5, 0.12, 0.02];
/// Seasons whose values are compared at the same place.
const CYCLES: usize = 10;
/// Neighbours on each side there.
const NEIGHBOURS: usize = 6;

/// All members, run over one series. What they give for an origin uses nothing later than it.
pub(super) struct Members<'a> {
    grid: &'a Grid,
    /// The season of seasonal naive; 1 where there is none.
    naive: usize,
    means: Vec<Vec<f64>>,
    theta: Theta,
    damped: Damped,
    seasons: Vec<Season>,
    /// The profile of a week over what the profile of a day leaves.
    week_over_day: Option<Season>,
}

impl<'a> Members<'a> {
    pub(super) fn new(grid: &'a Grid) -> Self {
        let (values, seen) = (&grid.values[..], &grid.seen[..]);
        let day = (DAY_MS / grid.step_ms as f64).round() as usize;
        let known = |length: usize| length >= 2 && 2 * length < values.len();
        let mut seasons = Vec::new();
        if day >= 4 && known(day) {
            seasons.push(Season::new(values, seen, day, 0.3));
        }
        let week = known(7 * day);
        let week_over_day = seasons.first().filter(|_| week).map(|by_day| {
            let mut measured = seen.to_vec();
            measured[..day].fill(false);
            Season::new(&by_day.remainder, &measured, 7 * day, 0.4)
        });
        if week {
            seasons.push(Season::new(values, seen, 7 * day, 0.4));
        }
        Self {
            grid,
            naive: if known(day) { day } else { 1 },
            means: MEAN_SPEEDS.iter().map(|alpha| means(values, seen, *alpha)).collect(),
            theta: Theta::new(values, seen),
            damped: Damped::new(values, seen),
            seasons,
            week_over_day,
        }
    }

    /// The first origin from which every member has something to say.
    pub(super) fn first_origin(&self) -> usize {
        let n = self.grid.values.len();
        (n / 8).max(self.naive.min(n / 3)).max(3)
    }

    /// Forecasts of the value `steps` after the origin. The first is seasonal naive.
    pub(super) fn points(&self, origin: usize, steps: usize) -> Vec<f64> {
        let values = &self.grid.values;
        let mut found = vec![values[one_season_ago(self.naive, origin, steps)], values[origin]];
        found.extend(self.means.iter().map(|mean| mean[origin]));
        found.extend([self.theta.at(origin, steps), self.damped.at(origin, steps)]);
        for season in &self.seasons {
            let profile = season.profile(origin, steps);
            found.extend([values[one_season_ago(season.length, origin, steps)], profile]);
            found.extend(season.remainders.iter().map(|mean| profile + mean[origin]));
            found.extend([profile + season.theta.at(origin, steps), profile + season.damped.at(origin, steps)]);
        }
        if let (Some(by_day), Some(by_week)) = (self.seasons.first(), &self.week_over_day) {
            let profile = by_day.profile(origin, steps) + by_week.profile(origin, steps);
            found.push(profile);
            found.extend(by_week.remainders.iter().map(|mean| profile + mean[origin]));
        }
        found
    }

    /// The last values: of 24 steps, of a day, and of a week; each sorted.
    pub(super) fn recent(&self, origin: usize) -> Vec<Vec<f64>> {
        let day = self.seasons.first().map_or(100, |season| season.length);
        [24.min(day), day, 7 * day].iter().map(|length| self.sorted([((origin + 1).saturating_sub(*length), origin)], origin)).collect()
    }

    /// The values at the same place of earlier seasons, a list for each season, sorted.
    pub(super) fn same_place(&self, origin: usize, steps: usize) -> Vec<Vec<f64>> {
        let ranges = |season: &Season| {
            let at = one_season_ago(season.length, origin, steps);
            let places = (0..CYCLES).map_while(|cycle| at.checked_sub(cycle * season.length)).collect::<Vec<_>>();
            places.into_iter().map(|place| (place.saturating_sub(NEIGHBOURS), (place + NEIGHBOURS).min(origin)))
        };
        self.seasons.iter().map(|season| self.sorted(ranges(season), origin)).collect()
    }

    /// The measured values of some ranges; the value at the origin where there is none.
    fn sorted(&self, ranges: impl IntoIterator<Item = (usize, usize)>, origin: usize) -> Vec<f64> {
        let Grid { values, seen, .. } = self.grid;
        let mut found: Vec<f64> = ranges.into_iter().flat_map(|(from, to)| from..=to).filter(|at| seen[*at]).map(|at| values[at]).collect();
        if found.is_empty() {
            found.push(values[origin]);
        }
        found.sort_unstable_by(f64::total_cmp);
        found
    }
}

/// The last point that is whole seasons before `steps` after the origin, and not later than the origin.
fn one_season_ago(length: usize, origin: usize, steps: usize) -> usize {
    (origin + steps).saturating_sub(length * steps.div_ceil(length)).min(origin)
}

/// One season: its profile, and what it leaves.
struct Season {
    length: usize,
    /// Neighbours on each side that the profile is smoothed with.
    width: usize,
    /// Running sums of the profile.
    sums: Vec<f64>,
    /// What the profile of the seasons before left of each value.
    remainder: Vec<f64>,
    remainders: Vec<Vec<f64>>,
    theta: Theta,
    damped: Damped,
}

impl Season {
    fn new(values: &[f64], seen: &[bool], length: usize, speed: f64) -> Self {
        let mut profile = values.to_vec();
        for t in length..values.len() {
            let before = profile[t - length];
            profile[t] = if seen[t] { before + speed * (values[t] - before) } else { before };
        }
        let mut sums = vec![0.0];
        sums.extend(profile.iter().scan(0.0, |sum, value| {
            *sum += value;
            Some(*sum)
        }));
        let width = (length / 96).min(3);
        let left = |t: usize| t.checked_sub(length).map_or(0.0, |before| values[t] - smoothed(&sums, before, width, t - 1));
        let remainder: Vec<f64> = (0..values.len()).map(left).collect();
        let mut measured = seen.to_vec();
        measured[..length.min(values.len())].fill(false);
        Self {
            length,
            width,
            remainders: REMAINDER_SPEEDS.iter().map(|alpha| means(&remainder, &measured, *alpha)).collect(),
            theta: Theta::new(&remainder, &measured),
            damped: Damped::new(&remainder, &measured),
            sums,
            remainder,
        }
    }

    fn profile(&self, origin: usize, steps: usize) -> f64 {
        smoothed(&self.sums, one_season_ago(self.length, origin, steps), self.width, origin)
    }
}

/// The mean of a value and its neighbours up to `last`, from running sums.
fn smoothed(sums: &[f64], at: usize, width: usize, last: usize) -> f64 {
    let (from, to) = (at.saturating_sub(width), (at + width).min(last));
    (sums[to + 1] - sums[from]) / (to + 1 - from) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_season_ago_is_never_later_than_the_origin() {
        for (length, origin, steps, at) in [(24, 100, 1, 77), (24, 100, 24, 100), (24, 100, 25, 77), (1, 5, 9, 5), (24, 3, 1, 0)] {
            assert_eq!(one_season_ago(length, origin, steps), at, "{length} {origin} {steps}");
        }
    }

    #[test]
    fn no_member_knows_what_comes_after_its_origin() {
        let hours = 24 * 30;
        let grid = |change: usize| {
            let value = |t: usize| if t >= change { 1e6 } else { (t % 24) as f64 + (t / 24 % 7) as f64 };
            Grid { end_ms: 0, step_ms: 3_600_000, values: (0..hours).map(value).collect(), unit: 1.0, seen: vec![true; hours] }
        };
        let (as_it_was, changed) = (grid(hours), grid(500));
        let (a, b) = (Members::new(&as_it_was), Members::new(&changed));
        for (origin, steps) in [(499, 1), (499, 30), (499, 200), (250, 240)] {
            assert_eq!(a.points(origin, steps), b.points(origin, steps));
            assert_eq!((a.recent(origin), a.same_place(origin, steps)), (b.recent(origin), b.same_place(origin, steps)));
        }
    }
}
