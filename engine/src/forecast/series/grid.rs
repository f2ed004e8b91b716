//! Rows of any times, laid on a grid of equal steps.

/// Most points of a grid; older ones are left out, so that the time of a forecast is bounded.
pub const MAX_POINTS: usize = 20_160;
/// Fewest points that were measured.
pub const MIN_POINTS: usize = 12;

/// Larger values are forecast in units of 2^600, so that they stay far from the ends of a float.
const LARGE: f64 = 1e120;
const LARGE_UNIT: f64 = f64::from_bits((1_023 + 600) << 52);

/// Why rows cannot be forecast.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GridError {
    /// There is too little.
    #[error("{found} values at different times; a forecast needs {MIN_POINTS}")]
    TooFew {
        /// Values at different times.
        found: usize,
    },
}

/// Values at equal steps. Where nothing was measured there is an estimate that no error is computed from.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    /// Time of the last point.
    pub end_ms: i64,
    /// Time between two points.
    pub step_ms: i64,
    /// The values, the oldest first, in units of `unit`.
    pub values: Vec<f64>,
    /// 1, or a power of two for values whose squares and sums no float holds.
    pub unit: f64,
    /// Which of them were measured.
    pub seen: Vec<bool>,
}

impl Grid {
    /// Lays rows on a grid whose step is the median time between them. Values that fall on one step are averaged.
    ///
    /// # Errors
    /// [`GridError`] where there are too few.
    pub fn new(rows: &[(i64, f64)]) -> Result<Self, GridError> {
        let mut rows: Vec<(i64, f64)> = rows.iter().copied().filter(|(_, value)| value.is_finite()).collect();
        rows.sort_by_key(|(at, _)| *at);
        let mut steps: Vec<i64> = rows.windows(2).map(|pair| pair[1].0 - pair[0].0).filter(|step| *step > 0).collect();
        let Some((&(end_ms, _), true)) = rows.last().map(|last| (last, steps.len() + 1 >= MIN_POINTS)) else {
            return Err(GridError::TooFew { found: if rows.is_empty() { 0 } else { steps.len() + 1 } });
        };
        steps.sort_unstable();
        let step_ms = steps[steps.len() / 2];
        let back = |at: i64| usize::try_from((end_ms - at + step_ms / 2) / step_ms).unwrap_or(usize::MAX);
        let length = back(rows[0].0).saturating_add(1).min(MAX_POINTS);
        let (mut sums, mut counts) = (vec![0.0; length], vec![0.0f64; length]);
        let largest = rows.iter().fold(0.0f64, |most, (_, value)| most.max(value.abs()));
        let unit = if largest > LARGE { LARGE_UNIT } else { 1.0 };
        for (at, value) in rows {
            if let Some(place) = (length - 1).checked_sub(back(at)) {
                sums[place] += value / unit;
                counts[place] += 1.0;
            }
        }
        let seen: Vec<bool> = counts.iter().map(|count| *count > 0.0).collect();
        let mut values: Vec<f64> = sums.iter().zip(&counts).map(|(sum, count)| sum / count.max(1.0)).collect();
        fill(&mut values, &seen, usize::try_from(86_400_000 / step_ms).unwrap_or(0));
        Ok(Self { end_ms, step_ms, values, unit, seen })
    }
}

/// Fills short gaps by a line between their neighbours, longer ones by the value a day before, or else the last value.
fn fill(values: &mut [f64], seen: &[bool], day: usize) {
    const SHORT: usize = 4;
    let first = seen.iter().position(|seen| *seen).unwrap_or(0);
    let lead = values.get(first).copied().unwrap_or(0.0);
    values[..first].fill(lead);
    let mut at = first;
    while at < values.len() {
        if seen[at] {
            at += 1;
            continue;
        }
        let end = (at..values.len()).find(|&later| seen[later]).unwrap_or(values.len());
        let before = values[at - 1];
        for gap in at..end {
            values[gap] = if end - at <= SHORT && end < values.len() {
                before + (values[end] - before) * (gap + 1 - at) as f64 / (end + 1 - at) as f64
            } else if day > 0 && gap >= day {
                values[gap - day]
            } else {
                before
            };
        }
        at = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_any_order_become_equal_steps() {
        let minute = 60_000;
        let rows: Vec<(i64, f64)> = [0, 1, 2, 3, 5, 4, 9, 10, 11, 12, 13, 14, 14].iter().map(|at| (at * minute, *at as f64)).collect();
        let grid = Grid::new(&rows).unwrap();
        assert_eq!((grid.step_ms, grid.end_ms, grid.values.len()), (minute, 14 * minute, 15));
        assert_eq!(grid.values, (0..15).map(f64::from).collect::<Vec<_>>(), "a short gap is a line");
        assert_eq!(grid.seen.iter().filter(|seen| !**seen).count(), 3);
    }

    #[test]
    fn a_long_gap_repeats_the_day_before_it() {
        let rows: Vec<(i64, f64)> =
            (0..48).filter(|hour| !(30..40).contains(hour)).map(|hour| (hour * 3_600_000, (hour % 24) as f64)).collect();
        let grid = Grid::new(&rows).unwrap();
        assert_eq!(grid.values[30..40], [6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0]);
    }

    #[test]
    fn what_is_old_or_missing_is_left_out_and_too_few_are_refused() {
        let rows: Vec<(i64, f64)> = (0..30_000).map(|second| (second * 1_000, if second % 2 == 0 { 1.0 } else { f64::NAN })).collect();
        assert_eq!(Grid::new(&rows).unwrap().values.len(), 15_000);
        let rows: Vec<(i64, f64)> = (0..30_000).map(|second| (second * 1_000, 1.0)).collect();
        assert_eq!(Grid::new(&rows).unwrap().values.len(), MAX_POINTS);
        assert_eq!(Grid::new(&[]), Err(GridError::TooFew { found: 0 }));
        assert_eq!(Grid::new(&rows[..11]), Err(GridError::TooFew { found: 11 }));
        assert_eq!(Grid::new(&[(5, 1.0); 40]), Err(GridError::TooFew { found: 1 }));
    }
}
