//! Where values that follow each other come to another level.
//!
//! Every value may be the first one of it. The one whose split explains most of how the values differ within their groups is taken (a group
//! is an hour of the day, or all values), and the others that explain nearly as much bound where it may be (Hansen, 2000: the likelihood
//! ratio of a moment, here against noise with a memory).

/// The likelihood ratio of 95 % of the moments: `(1 - exp(-x / 2))^2`.
const WITHIN: f64 = 7.35;
/// What chance does not reach in 99 of 100 series of which each value was tried (Andrews, 1993, with 15 % left out on each side).
const RARE: f64 = 12.35;
/// The memory of the noise counts up to this.
const MOST_MEMORY: f64 = 0.95;

/// Hours of a workday and of the weekend each have a level of their own: the group of an hour, by how many it is after 1970.
pub(crate) fn hour_of_week(hour: i64) -> usize {
    // Mondays began four days after 1970 did.
    let weekend = (hour.div_euclid(24) + 3).rem_euclid(7) >= 5;
    usize::try_from(hour.rem_euclid(24)).unwrap_or(0) + 24 * usize::from(weekend)
}

/// A change of level.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ChangePoint {
    /// The first value after it.
    pub(crate) first: usize,
    /// The earliest and the latest value that may be that, of 95 %.
    pub(crate) bounds: (usize, usize),
    /// By how much the values are higher since.
    pub(crate) by: f64,
    /// The share of the squares that it explains.
    pub(crate) explained: f64,
    /// It explains more than chance does.
    pub(crate) is_rare: bool,
}

/// Values that follow each other, each of a group that has a level of its own.
struct Grouped<'a> {
    values: &'a [f64],
    groups: &'a [usize],
    /// Of each group: how many values, and their sum.
    all: Vec<(f64, f64)>,
}

impl<'a> Grouped<'a> {
    fn new(values: &'a [f64], groups: &'a [usize]) -> Self {
        let count = groups.iter().max().map_or(0, |most| most + 1);
        let mut all = vec![(0.0, 0.0); count];
        for (value, group) in values.iter().zip(groups) {
            all[*group] = (all[*group].0 + 1.0, all[*group].1 + value);
        }
        Self { values, groups, all }
    }

    /// A value less the mean of its group.
    fn rest(&self, at: usize) -> f64 {
        let (count, sum) = self.all[self.groups[at]];
        self.values[at] - sum / count
    }

    /// Of each split, by the value that is the first one after it: the difference of the levels, and the squares that it explains.
    fn splits(&self) -> Vec<(f64, f64)> {
        // How far the values after the split lie above their groups, and how far such a split is from being none.
        let (mut above, mut spread) = (0.0, 0.0);
        let mut after: Vec<f64> = self.all.iter().map(|(count, _)| *count).collect();
        let mut found = Vec::with_capacity(self.values.len());
        for (at, group) in self.groups.iter().enumerate() {
            found.push(if spread > 1e-9 { (above / spread, above * above / spread) } else { (0.0, 0.0) });
            let (count, _) = self.all[*group];
            let of_group = |after: f64| after * (count - after) / count;
            spread += of_group(after[*group] - 1.0) - of_group(after[*group]);
            after[*group] -= 1.0;
            above -= self.rest(at);
        }
        found
    }

    /// The variance of a mean of values that follow each other, times their number: of what is left of them beside a split.
    fn noise(&self, first: usize, by: f64) -> f64 {
        let side = |at: usize| if at >= first { 1.0 } else { 0.0 };
        let sides: Vec<f64> = (0..self.values.len()).map(side).collect();
        let sides = Grouped::new(&sides, self.groups);
        let left: Vec<f64> = (0..self.values.len()).map(|at| self.rest(at) - by * sides.rest(at)).collect();
        let squares: f64 = left.iter().map(|v| v * v).sum();
        let (count, groups) = (left.len() as f64, self.all.iter().filter(|(count, _)| *count > 0.0).count() as f64);
        let kept = left.windows(2).map(|pair| pair[0] * pair[1]).sum::<f64>() / squares;
        // That of few values is seen too small (Kendall, 1954).
        let memory = (kept + (1.0 + 3.0 * kept) / count).clamp(0.0, MOST_MEMORY);
        squares / (count - groups - 1.0).max(1.0) * (1.0 + memory) / (1.0 - memory)
    }

    /// The share of the squares that a steady rise or fall explains.
    fn steadily(&self, squares: f64) -> f64 {
        let times: Vec<f64> = (0..self.values.len()).map(|at| at as f64).collect();
        let times = Grouped::new(&times, self.groups);
        let (mut xx, mut xy) = (0.0, 0.0);
        for at in 0..self.values.len() {
            let (x, y) = (times.rest(at), self.rest(at));
            (xx, xy) = (xx + x * x, xy + x * y);
        }
        if xx * squares > 0.0 { xy * xy / (xx * squares) } else { 0.0 }
    }
}

/// The change of level that explains most, with at least so many values on each side. None where there is none, and where a steady rise or
/// fall explains as much.
pub(crate) fn change_point(values: &[f64], groups: &[usize], least: usize) -> Option<ChangePoint> {
    let grouped = Grouped::new(values, groups);
    let squares: f64 = (0..values.len()).map(|at| grouped.rest(at).powi(2)).sum();
    let splits = grouped.splits();
    let tried = least..(values.len() + 1).saturating_sub(least);
    let first = tried.clone().max_by(|a, b| splits[*a].1.total_cmp(&splits[*b].1))?;
    let (by, most) = splits[first];
    let explained = most / squares;
    // It is no number where nothing differs.
    if explained.is_nan() || explained <= grouped.steadily(squares) {
        return None;
    }
    let scale = grouped.noise(first, by);
    let may_be = |at: &usize| most - splits[*at].1 <= WITHIN * scale;
    let bounds = (tried.clone().find(may_be)?, tried.rev().find(may_be)?);
    Some(ChangePoint { first, bounds, by, explained, is_rare: most > RARE * scale })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;
    use crate::forecast::random::Random;

    /// Four weeks of hours with the rhythm of a day, and a rise from one of them on.
    fn hours(random: &mut Random, first: usize, rise: f64, memory: f64) -> (Vec<f64>, Vec<usize>) {
        let mut noise = random.normal();
        let value = |hour: usize| {
            noise = memory * noise + (1.0 - memory * memory).sqrt() * random.normal();
            let rhythm = if (8..18).contains(&(hour % 24)) { 0.6 } else { 0.0 };
            rhythm + 0.15 * noise + if hour >= first { rise } else { 0.0 }
        };
        ((0..672).map(value).collect(), (0..672).map(|hour| hour % 24).collect())
    }

    #[test]
    fn the_moment_of_a_step_is_found_within_its_bounds() {
        for memory in [0.0, 0.5, 0.8] {
            let random = &mut Random::new(7);
            let (mut held, mut widths) = (0, Vec::new());
            for trial in 0..200 {
                let first = 400 + trial;
                let (values, groups) = hours(random, first, 0.3, memory);
                let found = change_point(&values, &groups, 24).unwrap();
                assert!(found.is_rare && (found.by - 0.3).abs() < 0.2, "{found:?}");
                held += u32::from((found.bounds.0..=found.bounds.1).contains(&first));
                widths.push(found.bounds.1 - found.bounds.0);
            }
            widths.sort_unstable();
            assert!(held >= 180, "with a memory of {memory}: {held} of 200, half of them within {} hours", widths[100]);
            assert!(widths[100] <= 60, "with a memory of {memory}: {} hours", widths[100]);
        }
    }

    #[test]
    fn what_rises_slowly_or_not_at_all_has_no_moment() {
        let random = &mut Random::new(3);
        let mut claimed = 0;
        for _ in 0..200 {
            let (values, groups) = hours(random, 672, 0.0, 0.5);
            claimed += u32::from(change_point(&values, &groups, 24).is_some_and(|found| found.is_rare));
        }
        assert!(claimed <= 8, "{claimed} of 200");
        let (values, groups) = hours(random, 672, 0.0, 0.3);
        let slowly: Vec<f64> = values.iter().enumerate().map(|(hour, v)| v + 0.001 * hour as f64).collect();
        assert_eq!(change_point(&slowly, &groups, 24), None);
        assert_eq!(change_point(&[1.0; 100], &[0; 100], 10), None);
        assert_eq!(change_point(&[1.0, 2.0], &[0, 0], 10), None);
        assert_eq!(change_point(&[], &[], 10), None);
    }
}
