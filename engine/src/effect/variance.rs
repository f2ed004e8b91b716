//! How far the mean of values that follow each other may lie from the true one.

use std::f64::consts::PI;

use statrs::distribution::{ContinuousCDF, StudentsT};

/// The strongest memory that is believed: beyond, the interval would have no end.
const STRONGEST: f64 = 0.9;
/// How many cosines a value pays for, and within which bounds. Of a mean few are taken: a slow part under a fast one shows in the slowest
/// cosines alone, and the fast part does not need more. Where levels are fitted, they take some of the slowest.
const COSINES_PER_VALUE: f64 = 3.0 / 7.0;
const OF_A_MEAN: (usize, usize) = (4, 5);
pub const OF_LEVELS: (usize, usize) = (4, 12);

/// Half the width of the interval of the mean, each end of which leaves out `1 - within`.
pub fn margin_of_mean(values: &[f64], within: f64) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let rest: Vec<f64> = values.iter().map(|v| v - mean).collect();
    let (long_run, cosines) = long_run(&rest, OF_A_MEAN);
    let quantile = StudentsT::new(0.0, 1.0, cosines as f64).map_or(f64::INFINITY, |t| t.inverse_cdf(within));
    quantile * (long_run / n).sqrt()
}

/// The variance of the mean of values that follow each other, times their number, and of how many cosines it is the mean. `rest` is what
/// they differ by from what is expected.
pub fn long_run(rest: &[f64], (least, most): (usize, usize)) -> (f64, usize) {
    let memory = memory(rest);
    let fresh: Vec<f64> = rest.windows(2).map(|pair| pair[1] - memory * pair[0]).collect();
    let cosines = ((rest.len() as f64 * COSINES_PER_VALUE) as usize).clamp(least, most);
    (power(&fresh, cosines) / (1.0 - memory).powi(2), cosines)
}

/// How much of a value the next one keeps. Estimates from few values are too low by about `(1 + 3 memory) / n` (Kendall, 1954); twice that
/// is added, since the doubt about the memory itself has to be in the interval as well.
fn memory(rest: &[f64]) -> f64 {
    let squares: f64 = rest[..rest.len() - 1].iter().map(|v| v * v).sum();
    if squares <= 0.0 {
        return 0.0;
    }
    let kept = rest.windows(2).map(|pair| pair[0] * pair[1]).sum::<f64>() / squares;
    (kept + 2.0 * (1.0 + 3.0 * kept) / rest.len() as f64).clamp(0.0, STRONGEST)
}

/// The mean power of the slowest cosines.
fn power(values: &[f64], cosines: usize) -> f64 {
    let n = values.len() as f64;
    let one = |number: usize| {
        let weight = |at: usize| (2.0 / n).sqrt() * (PI * number as f64 * (at as f64 + 0.5) / n).cos();
        values.iter().enumerate().map(|(at, v)| v * weight(at)).sum::<f64>().powi(2)
    };
    (1..=cosines).map(one).sum::<f64>() / cosines as f64
}
