//! A series as values at even steps, so that series with other times can be compared.

use crate::model::{Columns, TimestampMs, rise};

/// A value stands for so many of its usual intervals until the next one, and at least for this long.
const HELD: i64 = 3;
const HELD_MS: i64 = 90_000;

/// Whether a series of a histogram or summary, by its name, is a counter: it never falls.
#[must_use]
pub fn counts_up(name: &str, columns: &Columns) -> bool {
    let named = ["_count", "_sum", "_bucket"].iter().any(|end| name.ends_with(end));
    let values: Vec<f64> = if named { columns.values.iter().copied().filter(|v| v.is_finite()).collect() } else { Vec::new() };
    values.len() > 1 && values.windows(2).all(|pair| pair[1] >= pair[0])
}

/// Means of a gauge, or rates per second of a counter, in `count` steps after `start`; NaN where nothing is known.
pub(super) fn resampled(columns: &Columns, is_counter: bool, start: TimestampMs, step: i64, count: usize) -> Vec<f64> {
    let rows: Vec<(TimestampMs, f64)> = columns.iter().filter(|s| s.v.is_finite()).map(|s| (s.t, s.v)).collect();
    let held = held(&rows);
    if is_counter { rates(&rows, held, start, step, count) } else { means(&rows, held, start, step, count) }
}

/// How long a value stands for what comes after it.
fn held(rows: &[(TimestampMs, f64)]) -> i64 {
    let mut lengths: Vec<i64> = rows.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    let middle = lengths.len() / 2;
    let usual = if lengths.is_empty() { 0 } else { *lengths.select_nth_unstable(middle).1 };
    usual.saturating_mul(HELD).max(HELD_MS)
}

/// The step that a time lies in; a step is open on the left.
fn place(t: TimestampMs, start: TimestampMs, step: i64) -> i64 {
    (t - start - 1).div_euclid(step)
}

fn means(rows: &[(TimestampMs, f64)], held: i64, start: TimestampMs, step: i64, count: usize) -> Vec<f64> {
    let (mut sums, mut counts) = (vec![0.0; count], vec![0.0; count]);
    for (t, v) in rows {
        if let Some(at) = usize::try_from(place(*t, start, step)).ok().filter(|at| *at < count) {
            sums[at] += v;
            counts[at] += 1.0;
        }
    }
    let (mut next, mut last) = (0, None::<(TimestampMs, f64)>);
    let mut of_step = |at: usize| {
        let end = start + step * (at as i64 + 1);
        while let Some(row) = rows.get(next).filter(|row| row.0 <= end) {
            last = Some(*row);
            next += 1;
        }
        match last {
            _ if counts[at] > 0.0 => sums[at] / counts[at],
            Some((t, v)) if end - t <= held => v,
            _ => f64::NAN,
        }
    };
    (0..count).map(&mut of_step).collect()
}

fn rates(rows: &[(TimestampMs, f64)], held: i64, start: TimestampMs, step: i64, count: usize) -> Vec<f64> {
    let (mut sums, mut known) = (vec![0.0; count], vec![0_i64; count]);
    for pair in rows.windows(2) {
        let ((t0, v0), (t1, v1)) = (pair[0], pair[1]);
        let length = t1 - t0;
        if length <= 0 || length > held {
            continue;
        }
        let rise = rise(v0, v1);
        let (first, last) = (place(t0 + 1, start, step).max(0), place(t1, start, step).min(count as i64 - 1));
        for at in first..=last {
            let (begin, end) = (start + step * at, start + step * (at + 1));
            let part = t1.min(end) - t0.max(begin);
            if let Ok(at) = usize::try_from(at) {
                sums[at] += rise * part as f64 / length as f64;
                known[at] += part;
            }
        }
    }
    sums.iter().zip(known).map(|(sum, ms)| if ms * 2 >= step { sum * 1e3 / ms as f64 } else { f64::NAN }).collect()
}

/// The mean of what is known of some values; NaN where less than half is.
pub(super) fn mean(values: &[f64]) -> f64 {
    let (mut sum, mut known) = (0.0, 0_usize);
    for v in values.iter().filter(|v| !v.is_nan()) {
        sum += v;
        known += 1;
    }
    if known * 2 >= values.len() && known > 0 { sum / known as f64 } else { f64::NAN }
}

/// Pearson's correlation of what both know; none where that is less than half, or one of them does not change.
pub(super) fn correlation(a: &[f64], b: &[f64]) -> Option<f64> {
    let pairs = || a.iter().zip(b).filter(|(a, b)| !a.is_nan() && !b.is_nan());
    let count = pairs().count();
    if count * 2 < a.len().min(b.len()) || count < 4 {
        return None;
    }
    let n = count as f64;
    let (mean_a, mean_b) = (pairs().map(|(a, _)| a).sum::<f64>() / n, pairs().map(|(_, b)| b).sum::<f64>() / n);
    let (mut both, mut of_a, mut of_b) = (0.0, 0.0, 0.0);
    for (a, b) in pairs() {
        let (a, b) = (a - mean_a, b - mean_b);
        both += a * b;
        of_a += a * a;
        of_b += b * b;
    }
    let spread = (of_a * of_b).sqrt();
    (spread > 0.0 && spread.is_finite()).then(|| (both / spread).clamp(-1.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(rows: &[(i64, f64)]) -> Columns {
        Columns { times: rows.iter().map(|(t, _)| t * 1_000).collect(), values: rows.iter().map(|(_, v)| *v).collect() }
    }

    #[test]
    fn gauges_are_means_and_are_held_for_a_while() {
        let gauge = columns(&[(5, 1.0), (10, 3.0), (15, 5.0), (200, 9.0)]);
        let found = resampled(&gauge, false, 0, 10_000, 12);
        assert_eq!((found[0], found[1], found[2], found[9]), (2.0, 5.0, 5.0, 5.0));
        assert!(found[11].is_nan(), "nothing is known after a while: {found:?}");
    }

    #[test]
    fn counters_are_rates_and_may_begin_anew() {
        let counter = columns(&[(0, 100.0), (10, 120.0), (30, 180.0), (40, 5.0)]);
        assert_eq!(resampled(&counter, true, 0, 10_000, 4), [2.0, 3.0, 3.0, 0.5]);
        assert!(resampled(&counter, true, 100_000, 10_000, 2).iter().all(|v| v.is_nan()));
    }

    #[test]
    fn what_moves_together_is_correlated_and_what_stands_still_is_not() {
        let rising = [1.0, 2.0, 3.0, 4.0, 5.0];
        assert_eq!(correlation(&rising, &[-2.0, -4.0, -6.0, -8.0, -10.0]), Some(-1.0));
        assert_eq!(correlation(&rising, &[7.0; 5]), None);
        assert_eq!(correlation(&rising, &[f64::NAN; 5]), None);
        assert_eq!((mean(&[1.0, f64::NAN, 3.0]), mean(&[1.0, f64::NAN, f64::NAN]).is_nan()), (2.0, true));
    }
}
