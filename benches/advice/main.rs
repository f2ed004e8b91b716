//! What advisors say of generated histories whose troubles are known, and how often they speak up in healthy months.
//!
//! `cargo bench --bench advice -- [labelled|healthy] [--count N] [--seed N]`. `labelled`: of N histories with the trouble of each advisor, how many
//! are found (recall), and which of all findings are of the trouble that is there (precision). `healthy`: recommendations opened in a month, looked for
//! every hour from the first start on, over all advisors, for four kinds of machine.

#![allow(clippy::unwrap_used, reason = "a measurement that cannot go on ends")]

#[path = "../arguments/mod.rs"]
mod arguments;
mod world;

use std::collections::BTreeMap;
use std::time::Instant;

use arguments::Arguments;
use taskpulse_engine::advice::{Finding, Horizon, RecommendationTracker, Status, advisors, assess};
use taskpulse_engine::forecast::random::Random;
use taskpulse_engine::model::{Batch, TimestampMs};
use taskpulse_engine::store::{StoreOptions, StoreReader, StoreWriter};
use world::{DAY, KINDS, Kind, MINUTE, MONDAY, Trouble, written};

const DAYS: i64 = 28;
/// Hours before the end that are sampled each minute; the days before them each five.
const CLOSE: i64 = 26 * 60;

fn store_of(batch: &Batch, now: TimestampMs) -> (tempfile::TempDir, StoreWriter) {
    let folder = tempfile::tempdir().unwrap();
    let options = StoreOptions { out_of_order_ms: i64::MAX / 4, ..StoreOptions::default() };
    let store = StoreWriter::open(folder.path(), options, now).unwrap();
    store.append(batch, now).unwrap();
    (folder, store)
}

fn found(store: &StoreReader, now: TimestampMs) -> Vec<Finding> {
    let of = |horizon| assess(store, horizon, now).unwrap().findings;
    [of(Horizon::Day), of(Horizon::Month)].concat()
}

/// The advisor that a finding is from.
fn advisor_of(id: &str, names: &[&'static str]) -> &'static str {
    names
        .iter()
        .copied()
        .find(|name| id.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', ' '])))
        .unwrap_or("?")
}

fn labelled(names: &[&'static str], count: u64, seed: u64) {
    let (mut hits, mut wrong): (BTreeMap<&str, u64>, BTreeMap<&str, u64>) = (BTreeMap::new(), BTreeMap::new());
    let mut longest = 0.0_f64;
    for (row, name) in names.iter().enumerate() {
        for number in 0..count {
            let own = seed * 1_000_003 + row as u64 * 1_009 + number;
            let trouble = Trouble { advisor: name, badness: Random::new(own).unit() };
            let kind = KINDS[(number % KINDS.len() as u64) as usize];
            let batch = written(kind, Some(trouble), DAYS, own, |minute| minute % 5 == 0 || minute >= DAYS * DAY - CLOSE);
            let now = MONDAY + DAYS * DAY * MINUTE;
            let (_folder, store) = store_of(&batch, now);
            let begun = Instant::now();
            let all = found(&store, now);
            longest = longest.max(begun.elapsed().as_secs_f64());
            *hits.entry(name).or_default() += u64::from(all.iter().any(|finding| advisor_of(&finding.id, names) == *name));
            for finding in all.iter().filter(|finding| advisor_of(&finding.id, names) != *name) {
                *wrong.entry(advisor_of(&finding.id, names)).or_default() += 1;
                println!("{name}, history {number}: {}: {}", finding.title, finding.why);
            }
        }
    }
    println!(
        "{count} histories of {DAYS} days for each advisor, {} in all; longest look {:.0} ms",
        count * names.len() as u64,
        longest * 1e3
    );
    println!("| advisor | recall | precision |\n|---|---|---|");
    for name in names {
        let (hit, false_alarms) = (hits[name], wrong.get(name).copied().unwrap_or(0));
        println!("| `{name}` | {:.2} | {:.2} |", hit as f64 / count as f64, hit as f64 / (hit + false_alarms).max(1) as f64);
    }
}

/// Recommendations opened in a month, by advisor.
fn opened(kind: Kind, seed: u64, names: &[&'static str]) -> BTreeMap<&'static str, u64> {
    let batch = written(kind, None, 30, seed, |_| true);
    let end = MONDAY + 30 * DAY * MINUTE;
    let (_folder, store) = store_of(&batch, end);
    let mut tracker = RecommendationTracker::default();
    let mut opened = BTreeMap::new();
    for hour in 1..=30 * 24 {
        let now = MONDAY + hour * 60 * MINUTE;
        let fresh = |r: &&taskpulse_engine::advice::Recommendation| r.status == Status::Open && r.created == now;
        for one in tracker.update(found(&store, now), now).iter().filter(fresh) {
            *opened.entry(advisor_of(&one.id, names)).or_default() += 1;
        }
    }
    opened
}

fn healthy(names: &[&'static str], count: u64, seed: u64) {
    println!("| healthy month | recommendations opened a month | of these |\n|---|---|---|");
    for kind in KINDS {
        let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
        for number in 0..count {
            for (name, times) in opened(kind, seed * 977 + number, names) {
                *sums.entry(name).or_default() += times;
            }
        }
        let all: u64 = sums.values().sum();
        let each: Vec<String> = sums.iter().map(|(name, times)| format!("{name} {:.2}", *times as f64 / count as f64)).collect();
        println!("| {kind:?} | {:.2} | {} |", all as f64 / count as f64, each.join(", "));
    }
}

fn main() {
    let arguments = Arguments::read();
    let (folder, store) = store_of(&Batch::default(), MONDAY);
    let names: Vec<&'static str> = advisors(&store, MONDAY).into_iter().map(|advisor| advisor.name).collect();
    drop((store, folder));
    let (count, seed) = (arguments.number("--count", 20), arguments.number("--seed", 1));
    if !arguments.asked("healthy") {
        labelled(&names, count, seed);
    }
    if !arguments.asked("labelled") {
        healthy(&names, count.min(5), seed);
    }
}
