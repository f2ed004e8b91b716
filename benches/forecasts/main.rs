//! How often the intervals of forecasts hold the truth, on generated disks and boards whose future is known, and what forecasts of real
//! series cost against seasonal naive.
//!
//! `cargo bench --bench forecasts -- [disks] [healthy] [memory] [boards] [series DIR] [--count N] [--seed N]`. DIR holds folders of CSV files with rows of
//! `timestamp,value` and a header, such as the data of the Numenta Anomaly Benchmark.

#![allow(clippy::unwrap_used, reason = "a measurement that cannot go on ends")]

#[path = "../arguments/mod.rs"]
mod arguments;
mod boards;
mod disks;
mod levels;
mod memory;
mod series;

use arguments::Arguments;
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
    let given = Arguments::read();
    let options = Options { count: usize::try_from(given.number("--count", 200)).unwrap(), seed: given.number("--seed", 0) };
    if given.asked("disks") {
        disks::coverage(&options);
    }
    if given.asked("healthy") {
        disks::false_dates(&options);
    }
    if given.asked("memory") {
        memory::coverage(&options);
        memory::false_dates(&options);
    }
    if given.asked("boards") {
        boards::coverage(&options);
    }
    if let Some(folder) = given.after("series") {
        series::against_seasonal_naive(folder.as_ref());
    }
}
