//! How often the interval of an effect holds the truth, and how often a change by a fifth is seen, on generated series whose change is known.
//!
//! `cargo bench --bench effects -- [--count N] [--seed N]`. Each row is a kind of noise, each column a length of time after the change: the share of
//! N series without a change for which none is claimed (nominal: 95 %), and the share of N series that fell by a fifth for which that is found.
//! The last column is that of a change that is followed for 28 days: without a claim at any look, and found at the look after a week.

#![allow(clippy::unwrap_used, reason = "a measurement that cannot go on ends")]

#[path = "arguments/mod.rs"]
mod arguments;

use arguments::Arguments;
use taskpulse_engine::effect::{Direction, Hours, MAX_DAYS, follow, measure};
use taskpulse_engine::forecast::random::Random;

const HOUR: i64 = 3_600_000;
const DAY_HOURS: i64 = 24;
const WEEK_HOURS: i64 = 168;
/// 2026-11-24, a whole hour.
const AT: i64 = 1_795_478_400_000;
const DAYS: [i64; 4] = [5, 7, 14, 28];
/// The standard deviation of the logarithm of an hour.
const SPREAD: f64 = 0.2;

/// What an hour keeps of the one before, in parts: share of the noise, and memory. Then shocks of whole days, rare peaks, and the hours of the
/// five workdays that have samples, where not all have: seven of ten of them.
struct Noise {
    name: &'static str,
    parts: &'static [(f64, f64)],
    of_days: f64,
    peaks: f64,
    at_work: Option<(i64, i64)>,
}

const fn noise(name: &'static str, parts: &'static [(f64, f64)]) -> Noise {
    Noise { name, parts, of_days: 0.0, peaks: 0.0, at_work: None }
}

const KINDS: &[Noise] = &[
    noise("no memory", &[(1.0, 0.0)]),
    noise("memory of an hour (0.5)", &[(1.0, 0.5)]),
    noise("memory of four hours (0.8)", &[(1.0, 0.8)]),
    noise("memory of ten hours (0.9)", &[(1.0, 0.9)]),
    noise("memory of a day (0.95)", &[(1.0, 0.95)]),
    noise("half without memory, half of a day", &[(0.7, 0.0), (0.7, 0.95)]),
    noise("short (0.5) and of a day and a half (0.97)", &[(0.8, 0.5), (0.6, 0.97)]),
    Noise { of_days: 0.5, ..noise("good and bad days", &[(0.86, 0.5)]) },
    Noise { peaks: 3.0, ..noise("rare peaks", &[(1.0, 0.7)]) },
    Noise { at_work: Some((9, 18)), ..noise("half, at work from 9 to 18 alone", &[(1.0, 0.5)]) },
    Noise { at_work: Some((13, 22)), ..noise("half, at work from 13 to 22 alone", &[(1.0, 0.5)]) },
    Noise { at_work: Some((13, 22)), of_days: 0.5, ..noise("good and bad days, from 13 to 22 alone", &[(0.86, 0.5)]) },
];

/// Hours of so many weeks on either side of the moment, with the rhythm of days and weeks.
fn generated(kind: &Noise, weeks: i64, shift: f64, random: &mut Random) -> Hours {
    let mut state: Vec<f64> = kind.parts.iter().map(|_| random.normal()).collect();
    let mut of_day = 0.0;
    let first = AT / HOUR - weeks * WEEK_HOURS;
    let hour = |hour: i64| {
        for (value, (_, memory)) in state.iter_mut().zip(kind.parts) {
            *value = memory * *value + (1.0 - memory * memory).sqrt() * random.normal();
        }
        if hour % DAY_HOURS == 0 {
            of_day = random.normal();
        }
        let peak = if random.unit() < 0.03 { kind.peaks * random.exponential() } else { 0.0 };
        let noise = state.iter().zip(kind.parts).map(|(value, (share, _))| value * share).sum::<f64>() + kind.of_days * of_day + peak;
        let (time, day) = ((hour % DAY_HOURS) as f64, hour / DAY_HOURS % 7);
        let rhythm = (1.0 + 0.4 * (-((time - 14.0) / 4.0).powi(2)).exp()) * if day >= 5 { 0.6 } else { 1.0 };
        let changed = if hour * HOUR >= AT { 1.0 + shift } else { 1.0 };
        (hour, 100.0 * rhythm * changed * (SPREAD * noise).exp())
    };
    let mut series: Hours = (first..first + 2 * weeks * WEEK_HOURS).map(hour).collect();
    if let Some((from, to)) = kind.at_work {
        series.retain(|hour, _| (from..to).contains(&(hour % DAY_HOURS)) && hour / DAY_HOURS % 7 < 5 && random.unit() < 0.7);
    }
    series
}

/// The share of `count` series for which `expected` is found; no number where none is measured.
fn share(kind: &Noise, days: i64, shift: f64, expected: Direction, (count, seed): (u64, u64)) -> f64 {
    let (mut measured, mut found) = (0_u64, 0_u64);
    for number in 0..count {
        let random = &mut Random::new(seed * 7_919 + number * 977 + 5);
        let series = generated(kind, (days + 6) / 7, shift, random);
        let Ok(effect) = measure(&series, None, AT, AT + days * DAY_HOURS * HOUR) else { continue };
        (measured, found) = (measured + 1, found + u64::from(effect.direction == expected));
    }
    100.0 * found as f64 / measured as f64
}

/// The share of `count` series that are followed for four weeks without a claim at any look.
fn calm_throughout(kind: &Noise, (count, seed): (u64, u64)) -> f64 {
    let calm = (0..count).filter(|number| {
        let series = generated(kind, 4, 0.0, &mut Random::new(seed * 7_919 + number * 977 + 5));
        [5, 7, 14, 21, 28].iter().all(|days| followed(&series, *days).is_none_or(|found| found == Direction::Unclear))
    });
    100.0 * calm.count() as f64 / count as f64
}

/// The share of `count` series that fell by a fifth for which that is found after a week; of those that rest, after two.
fn seen_after_a_week(kind: &Noise, (count, seed): (u64, u64)) -> f64 {
    let weeks = if kind.at_work.is_some() { 2 } else { 1 };
    let seen = (0..count).filter(|number| {
        let series = generated(kind, weeks, -0.2, &mut Random::new(seed * 7_919 + number * 977 + 5));
        followed(&series, 7 * weeks) == Some(Direction::Fell)
    });
    100.0 * seen.count() as f64 / count as f64
}

/// What is said after so many days; nothing while too little is known.
fn followed(series: &Hours, days: i64) -> Option<Direction> {
    follow(series, None, AT, AT + days * DAY_HOURS * HOUR, MAX_DAYS).ok().map(|effect| effect.direction)
}

fn main() {
    let given = Arguments::read();
    let trials = (given.number("--count", 2_000), given.number("--seed", 0));
    print!("{:<46}", "% without a claim / % found");
    DAYS.iter().for_each(|days| print!(" {:>15}", format!("{days} days")));
    println!(" {:>15}", "followed");
    for kind in KINDS {
        print!("{:<46}", kind.name);
        for days in DAYS {
            let calm = share(kind, days, 0.0, Direction::Unclear, trials);
            let seen = share(kind, days, -0.2, Direction::Fell, trials);
            print!(" {calm:>7.1} / {seen:>5.1}");
        }
        println!(" {:>7.1} / {:>5.1}", calm_throughout(kind, trials), seen_after_a_week(kind, trials));
    }
}
