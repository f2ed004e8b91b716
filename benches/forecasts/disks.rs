//! File systems that fill in different ways, and such that never do.

use taskpulse_engine::forecast::fill::forecast;
use taskpulse_engine::forecast::random::Random;

use crate::levels::{DAY, FalseDates, Forecaster, Levels, Score};
use crate::{Options, between};

const DAYS: usize = 90;

const GROWING: [&str; 17] = [
    "linear, white noise 0.1 %",
    "linear, temporary files 0.5 %",
    "random writes",
    "office hours",
    "nightly backup step",
    "6-hourly sawtooth with net growth",
    "weekly clean-up with net growth",
    "doubles every 2 days",
    "pace varies from day to day",
    "four times the pace since 1 to 4 days",
    "pace rises evenly",
    "pace falls",
    "weekends only",
    "downloads of heavy-tailed sizes",
    "doubles every 4 days, noisy",
    "office hours with temporary files",
    "a laptop: days, less on weekends",
];
const HEALTHY: [&str; 12] = [
    "constant 99 %",
    "constant 95 %, jitter",
    "backup at night, old one removed",
    "builds by day, cleaned at 22:00",
    "a download a week, deleted next day",
    "0.5 % an hour, pruned at 03:00",
    "log rotated each week",
    "cache with eviction around 85 %",
    "kernel update of 15 %, removed next day",
    "fills to 90 % in ten days, evicted",
    "one download of 12 % in 3 hours that stays",
    "sessions, cleaned within a day",
];

/// Four weeks and the day that is compared with them.
const BY: Forecaster = Forecaster { steps: 29 * DAY, forecast };

/// Of each kind: how often a date is given, and how often its interval of 95 % holds the truth.
pub fn coverage(options: &Options) {
    println!(
        "{:<40} {:>6} {:>8} {:>7} {:>7} {:>9} {:>12}",
        "disks that fill", "dates", "held", "sooner", "later", "open end", "missed <1 d"
    );
    for (number, kind) in GROWING.iter().enumerate() {
        let mut random = Random::new(options.seed * 104_729 + number as u64 * 7_919 + 11);
        let mut score = Score::default();
        for _ in 0..options.count {
            let disk = growing(number, &mut random);
            score.add(disk.hours_until(0.99999), &disk.ask(&BY, disk.now, false));
        }
        println!("{kind:<40} {}", score.row());
    }
}

/// Dates that begin to be given in a month to disks that never fill.
pub fn false_dates(options: &Options) {
    let machines = (options.count / 50).max(2);
    println!("{:<46} {:>8} {:>8}", "disks that do not fill, a look each 90 min", "dates", "of time");
    for (number, kind) in HEALTHY.iter().enumerate() {
        let mut found = FalseDates::default();
        for machine in 0..machines {
            let mut random = Random::new(machine as u64 * 31 + 7 + options.seed * 977);
            let disk = Levels { level: healthy(number, &mut random), now: 0, hour_of_week: 0 };
            found.add(&disk, &BY, 3 * DAY);
        }
        println!("{kind:<46} {}", found.row());
    }
}

fn growing(kind: usize, random: &mut Random) -> Levels {
    let steps = DAYS * DAY;
    let begins = random.unit() * 7.0;
    let rate = between(random, 0.03, 0.15);
    let at_now = between(random, 0.45, 0.93);
    let now = 14 * DAY + random.below(7 * DAY);
    let phase = random.below(7 * DAY);
    let changed = now - (between(random, 1.0, 4.0) * DAY as f64) as usize;
    let each = rate / DAY as f64;
    let (mut log, mut noise, mut sum) = (0.0f64, 0.0f64, 0.0f64);
    let mut level: Vec<f64> = (0..steps)
        .map(|step| {
            let day = step as f64 / DAY as f64;
            let hour = (day + begins) * 24.0 % 24.0;
            let weekend = (day + begins) as usize % 7 >= 5;
            let office = !weekend && (9.0..18.0).contains(&hour);
            let mut walk = |keep: f64, by: f64, random: &mut Random| {
                if step % 24 == 0 {
                    log = keep * log + by * random.normal();
                }
                log.exp() * random.exponential()
            };
            sum += match kind {
                2 => (0..poisson(random, 0.25)).map(|_| 4.0 * each * random.exponential()).sum(),
                3 | 15 => {
                    if office {
                        (0..poisson(random, 1.0)).map(|_| rate / 108.0 * random.exponential()).sum()
                    } else {
                        0.0
                    }
                }
                4 => {
                    if (2.0..2.5).contains(&hour) {
                        rate / 6.0 * between(random, 0.8, 1.2)
                    } else {
                        0.0
                    }
                }
                6 => {
                    if (step + phase).is_multiple_of(7 * DAY) {
                        each - 4.9 * rate
                    } else {
                        each
                    }
                }
                7 => (each / 40.0 * 2f64.powf(day / 2.0)).min(0.01) * random.exponential(),
                8 => each * walk(0.9, 0.35, random),
                9 => each * if step < changed { 0.25 } else { 1.0 } * random.exponential(),
                10 => each * day / 20.0 * random.exponential(),
                11 => each * 8.0 / (1.0 + day) * random.exponential(),
                12 => {
                    if weekend {
                        2.0 * each * random.exponential()
                    } else {
                        0.0
                    }
                }
                13 => {
                    if random.unit() < 3.0 / DAY as f64 {
                        (rate / 9.0 / random.unit().powf(0.66)).min(0.3)
                    } else {
                        0.0
                    }
                }
                14 => each / 24.0 * 2f64.powf((day / 4.0).min(12.0)) * walk(0.8, 0.2, random),
                16 => {
                    if (8.0..20.0).contains(&hour) {
                        rate / 144.0 * random.exponential() * if weekend { 0.2 } else { 1.0 }
                    } else {
                        0.0
                    }
                }
                _ => each,
            };
            noise = match kind {
                0 => 0.001 * random.normal(),
                1 => 0.97 * noise + 0.005 * 0.243 * random.normal(),
                15 => 0.97 * noise + 0.003 * 0.243 * random.normal(),
                5 => 0.04 * ((step + phase) % 72) as f64 / 72.0 + 0.0005 * random.normal(),
                _ => 0.0,
            };
            sum + noise
        })
        .collect();
    let shift = at_now - level[now - 1];
    level.iter_mut().for_each(|level| *level += shift);
    Levels { level, now, hour_of_week: ((now as f64 / 12.0 + begins * 24.0) as usize) % 168 }
}

fn healthy(kind: usize, random: &mut Random) -> Vec<f64> {
    let (mut extra, mut pace, mut left) = (0.0f64, 0.0, 0usize);
    let (jitter, kernel) = (random.unit() * 23.0, 2 + random.below(28));
    let level = |step: usize| {
        let (hour, day) = (step as f64 / 12.0 % 24.0, step / DAY);
        let weekday = day % 7;
        match kind {
            0 => 0.99 + 1e-5 * random.normal(),
            1 => 0.95 + 5e-4 * random.normal(),
            2 => 0.6 + if (2.0..6.0).contains(&hour) { 0.05 * ((hour - 2.0) * 2.0).min(1.0) } else { 0.0 },
            3 => {
                extra += if weekday < 5 && (9.0..18.0).contains(&hour) { 0.1 / 108.0 * random.exponential() } else { 0.0 };
                extra = if (22.0..22.09).contains(&hour) { 0.0 } else { extra };
                0.7 + extra
            }
            4 if weekday == 2 && hour >= 10.0 => 0.6 + 0.08 * ((hour - 10.0) / 2.0).min(1.0),
            4 => {
                if weekday == 3 && hour < 16.0 {
                    0.68
                } else {
                    0.6
                }
            }
            5 => {
                extra = if (3.0..3.09).contains(&hour) { 0.0 } else { extra + 0.005 / 12.0 * random.exponential() };
                0.6 + extra
            }
            6 => {
                extra = if weekday == 0 && step.is_multiple_of(DAY) { 0.0 } else { extra + 0.01 / DAY as f64 * random.exponential() };
                0.8 + extra
            }
            7 => {
                extra = 0.997 * extra + 0.02 * 0.0774 * random.normal();
                (0.85 + extra).min(0.99)
            }
            8 => {
                if (day == kernel && hour >= jitter) || (day == kernel + 1 && hour < 6.0) {
                    0.75
                } else {
                    0.6
                }
            }
            9 => {
                extra = if extra > 0.2 { 0.0 } else { extra + 0.02 / DAY as f64 * random.exponential() };
                0.7 + extra
            }
            10 => {
                extra += if day == 15 && (10.0..13.0).contains(&hour) { 0.12 / 36.0 * random.exponential() } else { 0.0 };
                0.7 + extra
            }
            _ => {
                if left == 0 && random.unit() < 1.0 / DAY as f64 {
                    (left, pace) = ((between(random, 1.0, 4.0) * 12.0) as usize, between(random, 0.01, 0.04) / 12.0);
                }
                extra += if left > 0 { pace * random.exponential() } else { 0.0 };
                left = left.saturating_sub(1);
                extra = if left == 0 && random.unit() < 2.0 / DAY as f64 { 0.0 } else { extra };
                (0.75 + extra).min(0.99)
            }
        }
    };
    (0..33 * DAY).map(level).collect()
}

fn poisson(random: &mut Random, mean: f64) -> usize {
    let (mut count, mut time) = (0, random.exponential());
    while time < mean {
        (count, time) = (count + 1, time + random.exponential());
    }
    count
}
