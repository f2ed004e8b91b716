//! Real series, each forecast from six origins over three horizons.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use taskpulse_engine::forecast::series::quantile::{of_sorted, pinball};
use taskpulse_engine::forecast::series::{Grid, forecast};

const HORIZONS: [usize; 3] = [12, 48, 288];
const ORIGINS: [usize; 6] = [50, 58, 66, 74, 82, 90];

#[derive(Default)]
struct Sums {
    loss: f64,
    naive: f64,
    held: f64,
    values: f64,
    slowest: Duration,
}

/// Prints the pinball loss at 0.1, 0.5 and 0.9 by that of seasonal naive, whose interval has the quantiles of its past errors, and the coverage.
pub fn against_seasonal_naive(folder: &Path) {
    let (mut ratios, mut coverages, mut slowest) = (Vec::new(), Vec::new(), Duration::ZERO);
    for file in files(folder) {
        let rows = read(&file);
        let mut sums = Sums::default();
        for horizon in HORIZONS {
            ORIGINS.iter().for_each(|part| judge(&rows, rows.len() * part / 100, horizon, &mut sums));
        }
        let ratio = if sums.naive > 0.0 { sums.loss / sums.naive } else { 1.0 };
        println!("{:<60} loss {ratio:.3} coverage {:.3}", file.strip_prefix(folder).unwrap().display(), sums.held / sums.values);
        ratios.push(ratio);
        coverages.push(sums.held / sums.values);
        slowest = slowest.max(sums.slowest);
    }
    let mean = |of: &[f64]| of.iter().sum::<f64>() / of.len() as f64;
    println!("mean: loss {:.3}, coverage {:.3}; slowest forecast {slowest:?}", mean(&ratios), mean(&coverages));
}

fn judge(rows: &[(i64, f64)], origin: usize, horizon: usize, sums: &mut Sums) {
    let (past, future) = (&rows[..origin], &rows[origin..rows.len().min(origin + horizon)]);
    let started = Instant::now();
    let grid = Grid::new(past).unwrap();
    let found = forecast(&grid, future.len(), 0.8);
    sums.slowest = sums.slowest.max(started.elapsed());
    let day = (86_400_000.0 / grid.step_ms as f64).round() as usize;
    let season = if 2 * day < origin { day.max(1) } else { 1 };
    let mut errors: Vec<f64> = (season..origin).map(|at| past[at].1 - past[at - season].1).collect();
    errors.sort_by(f64::total_cmp);
    let (mut loss, mut naive) = (0.0, 0.0);
    for (at, (step, (_, value))) in found.steps.iter().zip(future).enumerate() {
        let point = past[origin + at - season * (at + 1).div_ceil(season)].1;
        for (quantile, tau) in [(step.low, 0.1), (step.centre, 0.5), (step.high, 0.9)] {
            loss += pinball(*value, quantile, tau);
            naive += pinball(*value, if tau == 0.5 { point } else { point + of_sorted(&errors, tau) }, tau);
        }
        sums.held += f64::from(u8::from(step.low <= *value && *value <= step.high));
        sums.values += 1.0;
    }
    sums.loss += loss / future.len() as f64;
    sums.naive += naive / future.len() as f64;
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = |folder: &Path| std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    let mut found: Vec<PathBuf> = entries(folder).iter().filter(|path| path.is_dir()).flat_map(|path| entries(path)).collect();
    found.sort();
    found
}

fn read(file: &Path) -> Vec<(i64, f64)> {
    let row = |line: &str| {
        let (time, value) = line.split_once(',').unwrap();
        let time: DateTime = time.parse().unwrap();
        (time.to_zoned(TimeZone::UTC).unwrap().timestamp().as_millisecond(), value.parse().unwrap())
    };
    std::fs::read_to_string(file).unwrap().lines().skip(1).map(row).collect()
}
