//! Months of CI and boards whose true shares are known.

use std::collections::VecDeque;

use taskpulse_engine::confidence::{highest_share, lowest_share};
use taskpulse_engine::forecast::random::Random;
use taskpulse_engine::rules::{Profile, RuleSpec, shipped};
use taskpulse_engine::span::Span;

use crate::Options;
use crate::samples::{DAY, MONTH, Samples};

const MINUTE: i64 = 60_000;
/// Runs that the success ratio is made of.
const LAST: usize = 20;

/// A month of outcomes that come by chance, so many a day: the share of each minute, and the end of its interval.
fn outcomes(random: &mut Random, per_day: f64, good: impl Fn(i64) -> f64, ci: bool) -> (Vec<f64>, Vec<f64>) {
    let mut known: VecDeque<(i64, bool)> = VecDeque::new();
    if ci {
        (0..LAST).for_each(|_| known.push_front((-1, random.unit() < good(0))));
    }
    let (mut shares, mut ends) = (Vec::new(), Vec::new());
    let mut shown = (f64::NAN, f64::NAN);
    for minute in 0..MONTH / MINUTE {
        let t = minute * MINUTE;
        let mut changed = minute == 0;
        if random.unit() < per_day / 1_440.0 {
            known.push_front((t, random.unit() < good(t)));
            changed = true;
        }
        let before = known.len();
        if ci {
            known.truncate(LAST);
        } else {
            known.retain(|(at, _)| t - at < DAY);
        }
        if changed || known.len() != before {
            let list: Vec<bool> = known.iter().map(|(_, good)| *good == ci).collect();
            let share = list.iter().filter(|met| **met).count() as f64 / list.len() as f64;
            let end = if ci { highest_share(&list) } else { lowest_share(&list) };
            shown = (share, end.unwrap_or(f64::NAN));
        }
        shares.push(shown.0);
        ends.push(shown.1);
    }
    (shares, ends)
}

/// Firings a month, and days until the first one, as the rule ships and as its comparison alone would be.
fn tried(options: &Options, rule: &str, metrics: (&str, &str), make: impl Fn(&mut Random) -> (Vec<f64>, Vec<f64>)) -> [(f64, f64); 2] {
    let spec = &shipped(Profile::Server)[rule];
    let alone = RuleSpec { unless: None, ..spec.clone() };
    let mut found = [(0.0, Vec::new()), (0.0, Vec::new())];
    for number in 0..options.count {
        let (shares, ends) = make(&mut Random::new(options.seed * 7_919 + number as u64 * 977 + 11));
        let mut samples = Samples::default();
        samples.add(metrics.0, &[], MINUTE, shares);
        samples.add(metrics.1, &[], MINUTE, ends);
        for (spec, (count, first)) in [spec, &alone].into_iter().zip(&mut found) {
            let firings = samples.firings(rule, spec, Span::secs(60), MONTH);
            *count += firings.len() as f64 / options.count as f64;
            first.push(firings.first().map_or(f64::INFINITY, |firing| firing.fired_at as f64 / DAY as f64));
        }
    }
    found.map(|(count, mut first)| {
        first.sort_by(f64::total_cmp);
        (count, first[first.len() / 2])
    })
}

fn print(name: &str, found: [(f64, f64); 2]) {
    let day = |first: f64| if first.is_finite() { format!("{first:.1}") } else { "-".to_owned() };
    let [(ships, first), (alone, first_alone)] = found;
    println!("{name:<58} {ships:>9.2} {:>9} {alone:>9.2} {:>9}", day(first), day(first_alone));
}

/// Firings a month of the rules of CI and boards.
pub fn months(options: &Options) {
    println!("{:<58} {:>9} {:>9} {:>9} {:>9}", "", "shipped", "", "alone", "");
    println!(
        "{:<58} {:>9} {:>9} {:>9} {:>9}",
        "30 days; firings, day of the first firing (median)", "firings", "first", "firings", "first"
    );
    let ci = ("github_actions_success_ratio", "github_actions_success_high_ratio");
    for share in [0.99, 0.97, 0.95, 0.93, 0.9, 0.8, 0.6] {
        let found = tried(options, "github_failure_rate", ci, |random| outcomes(random, 12.0, |_| share, true));
        print(&format!("CI, 12 runs a day, truly {:.0} % green", share * 100.0), found);
    }
    let breaks = |t: i64| if t < 10 * DAY { 0.98 } else { 0.0 };
    print(
        "CI, 12 runs a day, 98 % green, broken from day 10 on",
        tried(options, "github_failure_rate", ci, |random| outcomes(random, 12.0, breaks, true)),
    );
    let board = ("taskmaster_failure_ratio", "taskmaster_failure_low_ratio");
    for (per_day, failed) in
        [(10.0, 0.0), (10.0, 0.02), (10.0, 0.05), (5.0, 0.05), (3.0, 0.05), (30.0, 0.05), (10.0, 0.08), (10.0, 0.3), (30.0, 0.3)]
    {
        let found = tried(options, "task_failure_rate", board, |random| outcomes(random, per_day, |_| 1.0 - failed, false));
        print(&format!("board, {per_day} tasks end a day, {:.0} % cancelled or reopened", failed * 100.0), found);
    }
}
