//! Memory that runs out in different ways, and memory that never does.

use crate::levels::{DAY, FalseDates, Forecaster, Levels, Score};
use crate::{Options, between};
use taskpulse_engine::forecast::fill::forecast_of_runs;
use taskpulse_engine::forecast::random::Random;

const LEAKING: [&str; 10] = [
    "leak, never restarted",
    "leak, restarted at each deployment until now",
    "leak by requests in office hours",
    "leak beside a cache that fills at first",
    "leak with collected garbage",
    "leak since a deployment 1 to 4 days ago",
    "leak that ends in a kill each time",
    "leak whose pace varies",
    "leak of hours, from a start a day ago",
    "machine: a leak beside builds",
];
const HEALTHY: [&str; 12] = [
    "steady, with jitter",
    "cache that fills and stays",
    "restarted every night, grows until then",
    "deployed at random, grows slowly",
    "garbage collected at 80 %",
    "heap that grows ever more slowly",
    "builds by day",
    "a job each night to 85 %",
    "deployed 3 times a day, loads for an hour",
    "restarted at a mark of 75 %",
    "machine: sessions and builds at random",
    "load of users by day, less on weekends",
];

const BY: Forecaster = Forecaster { steps: 28 * DAY, forecast: forecast_of_runs };

pub fn coverage(options: &Options) {
    println!(
        "{:<46} {:>6} {:>8} {:>7} {:>7} {:>9} {:>12} {:>7}",
        "memory that runs out", "dates", "held", "sooner", "later", "open end", "missed <1 d", "early"
    );
    for (number, kind) in LEAKING.iter().enumerate() {
        let mut random = Random::new(options.seed * 104_729 + number as u64 * 7_919 + 5);
        let mut score = Score::default();
        for _ in 0..options.count {
            let memory = leaking(number, &mut random);
            score.add(memory.hours_until(0.9999), &memory.ask(&BY, memory.now, false));
        }
        println!("{kind:<46} {} {:>7}", score.row(), score.early);
    }
}

pub fn false_dates(options: &Options) {
    let machines = (options.count / 50).max(2);
    println!("{:<46} {:>8} {:>8}", "memory that does not run out", "dates", "of time");
    for (number, kind) in HEALTHY.iter().enumerate() {
        let mut found = FalseDates::default();
        for machine in 0..machines {
            let mut random = Random::new(machine as u64 * 31 + 7 + options.seed * 977 + number as u64 * 13);
            let memory = Levels { level: healthy(number, &mut random), now: 0, hour_of_week: 0 };
            found.add(&memory, &BY, DAY / 2);
        }
        println!("{kind:<46} {}", found.row());
    }
}

fn leaking(kind: usize, random: &mut Random) -> Levels {
    let begins = random.unit() * 7.0;
    let days = 10 * DAY + random.below(11 * DAY);
    let rate = between(random, 0.03, 0.2) / DAY as f64;
    let at_now = between(random, 0.5, 0.93);
    let base = between(random, 0.1, 0.25);
    let long = 90 * DAY;
    // The history before the last run, then the last run, whose age is what brings it to where it is now.
    let (mut log, mut noise, mut garbage) = (0.0f64, 0.0f64, 0.0);
    let mut growth = |step: usize, random: &mut Random, rate: f64| {
        let hour = (step as f64 / 12.0 + begins * 24.0) % 24.0;
        let weekend = (step as f64 / DAY as f64 + begins) as usize % 7 >= 5;
        if step.is_multiple_of(24) {
            log = 0.9 * log + 0.35 * random.normal();
        }
        match kind {
            2 => {
                if !weekend && (8.0..19.0).contains(&hour) {
                    3.0 * rate * random.exponential()
                } else {
                    0.1 * rate * random.exponential()
                }
            }
            7 => rate * log.exp() * random.exponential(),
            _ => rate * random.exponential(),
        }
    };
    let mut level = Vec::new();
    let rate = if kind == 8 { between(random, 0.4, 1.5) / DAY as f64 } else { rate };
    let restarts = matches!(kind, 1 | 3 | 4 | 6 | 7 | 9);
    let mut sum = base;
    let mut age = 0usize;
    let cache = between(random, 0.05, 0.2);
    let mut extra = 0.0;
    let mut raw = |step: usize, sum: f64, age: usize, random: &mut Random| {
        noise = 0.9 * noise + 0.002 * random.normal();
        garbage = if random.unit() < 0.05 { 0.0 } else { garbage + 0.002 * random.exponential() };
        if kind == 9 {
            let hour = (step as f64 / 12.0 + begins * 24.0) % 24.0;
            extra = if (9.0..18.0).contains(&hour) && random.unit() < 0.05 {
                0.15 * random.unit()
            } else if random.unit() < 0.15 {
                0.0
            } else {
                extra
            };
        }
        sum + noise
            + match kind {
                3 => cache * (1.0 - (-(age as f64) / 18.0).exp()),
                4 => garbage,
                9 => extra,
                _ => 0.0,
            }
    };
    let mut step = 0;
    if kind == 5 || kind == 8 {
        // Steady for a time, then a version that leaks.
        while step < days {
            let v = raw(step, base, 1_000, random);
            level.push(v);
            step += 1;
        }
    } else if restarts {
        while step < days {
            let left = if kind == 6 { usize::MAX } else { (DAY as f64 * (0.3 + 2.5 * random.exponential())) as usize };
            let end = step.saturating_add(left).min(if kind == 6 { long } else { days });
            while step < end {
                sum += growth(step, random, rate);
                if sum >= 1.0 {
                    level.push(1.0);
                    step += 1;
                    break;
                }
                let v = raw(step, sum, age, random).min(1.0);
                level.push(v);
                step += 1;
                age += 1;
            }
            (sum, age) = (base, 0);
        }
    }
    // The last run to its end.
    let began = level.len();
    (sum, age) = (base, 0);
    while level.len() < began + long {
        let step = level.len();
        sum += growth(step, random, rate);
        let v = raw(step, sum, age, random);
        level.push(v.min(1.0));
        age += 1;
        if v >= 1.0 {
            break;
        }
    }
    let full = level.len() - 1;
    let least = began + if kind == 8 { 60 } else { DAY / 2 };
    let now = (began..full).find(|at| level[*at] >= at_now && *at >= least).unwrap_or(full.saturating_sub(1));
    let now = if kind == 5 {
        now.clamp(began + DAY, (began + 4 * DAY).min(full - 1).max(began + DAY))
    } else if kind == 8 {
        now.min(began + DAY).max(least)
    } else {
        now
    };
    let hour_of_week = ((now as f64 / 12.0 + begins * 24.0) as usize) % 168;
    Levels { level, now: now.min(full), hour_of_week }
}

fn healthy(kind: usize, random: &mut Random) -> Vec<f64> {
    let (mut extra, mut noise, mut age, mut left, mut garbage) = (0.0f64, 0.0f64, 0usize, 0usize, 0.0f64);
    let level = |step: usize| {
        let (hour, day) = (step as f64 / 12.0 % 24.0, step / DAY);
        let weekend = day % 7 >= 5;
        noise = 0.9 * noise + 0.003 * random.normal();
        age += 1;
        noise
            + match kind {
                0 => 0.7,
                1 => 0.2 + 0.65 * (1.0 - (-(age as f64) / (1.5 * DAY as f64)).exp()),
                2 => {
                    if (4.0..4.09).contains(&hour) {
                        extra = 0.0;
                    }
                    extra += 0.5 / DAY as f64 * random.exponential();
                    0.2 + extra
                }
                3 => {
                    if random.unit() < 1.0 / (3.0 * DAY as f64) {
                        extra = 0.0;
                    }
                    extra += 0.04 / DAY as f64 * random.exponential();
                    0.2 + extra
                }
                4 => {
                    garbage = if garbage > 0.5 {
                        0.0
                    } else {
                        garbage + 0.3 / DAY as f64 * random.exponential() * if weekend { 0.3 } else { 1.0 }
                    };
                    0.3 + garbage
                }
                5 => 0.2 + 0.09 * (1.0 + age as f64 / 12.0).ln(),
                6 => {
                    if !weekend && (9.0..18.0).contains(&hour) && random.unit() < 0.03 {
                        extra = 0.5 * random.unit();
                    } else if random.unit() < 0.1 {
                        extra = 0.0;
                    }
                    0.3 + extra
                }
                7 => {
                    if (2.0..4.0).contains(&hour) {
                        0.4 + 0.45 * ((hour - 2.0) / 1.5).min(1.0)
                    } else {
                        0.4
                    }
                }
                8 => {
                    if [10.0, 14.0, 17.0].iter().any(|at| (*at..*at + 0.08).contains(&hour)) {
                        age = 0;
                    }
                    0.15 + 0.5 * (1.0 - (-(age as f64) / 8.0).exp())
                }
                9 => {
                    extra = if extra > 0.55 { 0.0 } else { extra + 0.1 / DAY as f64 * random.exponential() };
                    0.2 + extra
                }
                10 => {
                    if left == 0 && random.unit() < 3.0 / DAY as f64 {
                        left = (between(random, 0.5, 5.0) * 12.0) as usize;
                        garbage = between(random, 0.0, 0.06) / 12.0;
                    }
                    extra += if left > 0 { garbage * random.exponential() } else { 0.0 };
                    left = left.saturating_sub(1);
                    extra = if left == 0 && random.unit() < 4.0 / DAY as f64 { 0.0 } else { extra };
                    (0.5 + extra).min(0.94)
                }
                _ => 0.35 + 0.3 * if weekend { 0.3 } else { 1.0 } * (std::f64::consts::PI * (hour - 6.0) / 16.0).sin().max(0.0),
            }
    };
    (0..31 * DAY).map(level).collect()
}
