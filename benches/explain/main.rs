//! How often the series that truly moved with an alert is found among many that move for other reasons.
//!
//! `cargo bench --bench explain -- [--count N] [--series N] [--aside] [--show]`. Each incident is made from a seed: the alert's own series, one
//! companion that follows it, and hundreds of series that are noisy, jump, drift, repeat themselves, or happen to move at about that time. The
//! detector was tuned on the seeds from 0 on; `--aside` measures others. `--show` prints the incidents in which the companion was not found.

#![allow(clippy::unwrap_used, reason = "a measurement that cannot go on ends")]

#[path = "../arguments/mod.rs"]
mod arguments;
mod series;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use arguments::Arguments;
use series::{Incident, Kind};
use taskpulse_engine::explain::{Moved, Reference, judge, ranked};
use taskpulse_engine::forecast::random::Random;
use taskpulse_engine::model::Labels;

/// The seeds that nothing was tuned on begin here.
const ASIDE: u64 = 1_000_000;

/// Uniform in a range.
pub fn between(random: &mut Random, low: f64, high: f64) -> f64 {
    low + (high - low) * random.unit()
}

#[derive(Default)]
struct Sums {
    incidents: usize,
    first: usize,
    first_three: usize,
    listed: usize,
    others_listed: usize,
    without: usize,
    listed_without: usize,
    judged: u32,
    took: Duration,
    /// Incidents by the kind of companion, and those in which it was among the first three.
    by_kind: BTreeMap<&'static str, (usize, usize)>,
    /// What stood before the companion, by kind.
    before: BTreeMap<&'static str, usize>,
}

fn main() {
    let given = Arguments::read();
    let (count, others, show) =
        (given.number("--count", 200), usize::try_from(given.number("--series", 300)).unwrap(), given.asked("--show"));
    let first = if given.asked("--aside") { ASIDE } else { 0 };
    let mut sums = Sums::default();
    for seed in first..first + count {
        let incident = Incident::new(seed, others);
        with_companion(&incident, show, &mut sums);
        without_companion(&incident, &mut sums);
    }
    report(&sums, others);
}

fn rank(incident: &Incident, companion: bool, sums: &mut Sums) -> Vec<Moved> {
    let reference = match &incident.alert {
        Some(alert) => Reference::of_series(alert, false, incident.from, incident.to),
        None => Reference::since(incident.from, incident.to),
    };
    let series: Vec<_> = incident.series.iter().enumerate().filter(|(at, _)| companion || *at > 0).collect();
    let began = Instant::now();
    let judged = series.iter().filter_map(|(at, one)| {
        let labels = Labels::metric(&format!("m{at}"), &[]);
        judge(&labels, &one.columns, one.is_counter, &reference)
    });
    let found = ranked(judged.collect());
    sums.took += began.elapsed();
    sums.judged += u32::try_from(series.len()).unwrap();
    found
}

fn with_companion(incident: &Incident, show: bool, sums: &mut Sums) {
    let found = rank(incident, true, sums);
    let kind_of = |moved: &Moved| incident.series[moved.metric.name()[1..].parse::<usize>().unwrap()].kind;
    let place = found.iter().position(|moved| kind_of(moved) == Kind::Companion);
    let among_three = place.is_some_and(|place| place < 3);
    sums.incidents += 1;
    sums.first += usize::from(place == Some(0));
    sums.first_three += usize::from(among_three);
    sums.listed += usize::from(place.is_some());
    sums.others_listed += found.len() - usize::from(place.is_some());
    let of_kind = sums.by_kind.entry(incident.companion).or_default();
    of_kind.0 += 1;
    of_kind.1 += usize::from(among_three);
    for moved in found.iter().take(place.unwrap_or(3)) {
        *sums.before.entry(kind_of(moved).name()).or_default() += 1;
    }
    if show && !among_three {
        println!("seed {}: {} of {}, found {place:?}", incident.seed, incident.companion, incident.course);
        for moved in found.iter().take(3) {
            println!(
                "  {:?} z {:.1} in {}/{} together {:.2} score {:.2}",
                kind_of(moved),
                moved.z,
                moved.reached_by,
                moved.windows,
                moved.together,
                moved.score
            );
        }
    }
}

/// The same incident, in which nothing moves with the alert.
fn without_companion(incident: &Incident, sums: &mut Sums) {
    sums.without += 1;
    sums.listed_without += rank(incident, false, sums).len();
}

fn report(sums: &Sums, others: usize) {
    let percent = |part: usize| part as f64 * 100.0 / sums.incidents as f64;
    println!(
        "{} incidents among {others} other series: companion first in {:.1} %, among the first three in {:.1} %, listed in {:.1} %",
        sums.incidents,
        percent(sums.first),
        percent(sums.first_three),
        percent(sums.listed)
    );
    println!(
        "others listed beside it: {:.2} on average; listed where nothing moved with the alert: {:.2}",
        sums.others_listed as f64 / sums.incidents as f64,
        sums.listed_without as f64 / sums.without as f64
    );
    println!("{:.1} µs a series", sums.took.as_secs_f64() * 1e6 / f64::from(sums.judged));
    for (kind, (all, found)) in &sums.by_kind {
        println!("  companion is {kind:<28} {found} of {all}");
    }
    for (kind, count) in &sums.before {
        println!("  before it: {kind:<28} {count}");
    }
}
