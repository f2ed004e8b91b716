//! How often the intervals of forecasts hold the truth, on generated disks and boards whose future is known, and what forecasts of real
//! series cost against seasonal naive.
//!
//! `cargo bench --bench forecasts -- [disks] [healthy] [boards] [series DIR] [--count N] [--seed N]`. DIR holds folders of CSV files with rows of
//! `timestamp,value` and a header, such as the data of the Numenta Anomaly Benchmark.

#![allow(clippy::unwrap_used, reason = "a measurement that cannot go on ends")]

mod boards;
mod disks;
mod series;

use taskpulse_engine::forecast::random::Random;

/// What of the command line concerns a measurement.
pub struct Options {
    /// Histories of each kind.
    pub count: usize,
    /// Of the generators.
    pub seed: u64,
}

/// Uniform in a range.
pub fn between(random: &mut Random, low: f64, high: f64) -> f64 {
    low + (high - low) * random.unit()
}

fn main() {
    let given: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let after = |name: &str| given.iter().position(|arg| arg == name).and_then(|at| given.get(at + 1));
    let number = |name: &str, default: u64| after(name).map_or(default, |text| text.parse().unwrap());
    let options = Options { count: usize::try_from(number("--count", 200)).unwrap(), seed: number("--seed", 0) };
    let asked = |name: &str| given.iter().any(|arg| arg == name);
    if asked("disks") {
        disks::coverage(&options);
    }
    if asked("healthy") {
        disks::false_dates(&options);
    }
    if asked("boards") {
        boards::coverage(&options);
    }
    if let Some(folder) = after("series") {
        series::against_seasonal_naive(folder.as_ref());
    }
}
