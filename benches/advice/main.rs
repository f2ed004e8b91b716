//! What advisors say of generated histories whose troubles are known, and how often they speak up in healthy months.
//!
//! `cargo bench --bench advice -- [labelled|healthy|pass] [events] [--count N] [--seed N] [--only ADVISOR] [--every HOURS]`. `labelled`: of N histories with the trouble of each advisor, how many
//! are found (recall), and which of all findings are of the trouble that is there (precision). `healthy`: recommendations opened in a month, looked for
//! every hour from the first start on (or each `--every` hours), over all advisors, for four kinds of machine. `events`: without the samples that
//! come each minute, so that many more months can be tried of the advisors that read runs, tasks, money, alerts and lines. `pass`: what one look at 30 days of 2,000 series costs.

#![allow(clippy::unwrap_used, reason = "a measurement that cannot go on ends")]

#[path = "../arguments/mod.rs"]
mod arguments;
mod kept;
#[path = "../process/mod.rs"]
mod process;
mod world;

use std::collections::BTreeMap;
use std::time::Instant;

use arguments::Arguments;
use taskpulse_engine::advice::{Finding, Horizon, RecommendationTracker, Status, advisors, assess};
use taskpulse_engine::forecast::random::Random;
use taskpulse_engine::model::{Batch, Labels, TimestampMs};
use taskpulse_engine::money::Money;
use taskpulse_engine::money::budget::Budget;
use taskpulse_engine::money::period::Per;
use taskpulse_engine::store::{StoreOptions, StoreReader, StoreWriter};
use world::{DAY, KINDS, Kind, MINUTE, MONDAY, Trouble, written};

const DAYS: i64 = 28;
/// Hours before the end that are sampled each minute; the days before them each five.
const CLOSE: i64 = 26 * 60;

/// Advisors of which the one may say what the other is asked for: a step in the durations of runs is a rise as well.
/// A dear week is what uses a budget up.
const SAME: [(&str, &str); 4] =
    [("ci_slower", "ci_shifted"), ("ci_shifted", "ci_slower"), ("budget", "week_cost"), ("week_cost", "budget")];

/// Advisors that need nothing of the samples of each minute.
const OF_EVENTS: [&str; 18] = [
    "alert_noise",
    "budget",
    "ci_broken",
    "ci_one_job",
    "ci_queued",
    "ci_runners",
    "ci_shifted",
    "ci_slower",
    "ci_superseded",
    "ci_timed_out",
    "duration_rising",
    "log_errors",
    "review_waits",
    "task_bounces",
    "task_cost",
    "task_over_complexity",
    "task_stuck",
    "week_cost",
];

/// What is tried.
struct Tried {
    count: u64,
    seed: u64,
    only: Option<String>,
    /// Without the samples of each minute.
    events: bool,
    /// Hours from one assessment of a healthy month to the next.
    every: i64,
}

fn store_of(batch: &Batch, now: TimestampMs) -> (tempfile::TempDir, StoreWriter) {
    let folder = tempfile::tempdir().unwrap();
    // The limit that `history_cut` is about.
    let options = StoreOptions { out_of_order_ms: i64::MAX / 4, max_bytes: 10_000_000_000, ..StoreOptions::default() };
    let store = StoreWriter::open(folder.path(), options, now).unwrap();
    store.append(batch, now).unwrap();
    (folder, store)
}

/// What the settings say: a budget of a month, about one and a half times what agents cost in a healthy one.
fn money(kind: Kind) -> Money {
    let amount = if kind == Kind::Agents { 650.0 } else { 350.0 };
    let budget = Budget { name: "month".to_owned(), amount, per: Per::Month, ..Budget::default() };
    Money { budgets: vec![budget], ..Money::default() }
}

fn found(store: &StoreReader, kind: Kind, now: TimestampMs) -> Vec<Finding> {
    let money = money(kind);
    let of = |horizon| assess(store, &money, horizon, now).unwrap().findings;
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

fn labelled(names: &[&'static str], tried: &Tried) {
    let Tried { count, seed, events, .. } = *tried;
    let (mut hits, mut wrong): (BTreeMap<&str, u64>, BTreeMap<&str, u64>) = (BTreeMap::new(), BTreeMap::new());
    let mut longest = 0.0_f64;
    let asked = names.iter().enumerate().filter(|(_, name)| tried.only.as_ref().is_none_or(|only| only == **name));
    for (row, name) in asked {
        for number in 0..count {
            let own = seed * 1_000_003 + row as u64 * 1_009 + number;
            let trouble = Trouble { advisor: name, badness: Random::new(own).unit() };
            let kind = KINDS[(number % KINDS.len() as u64) as usize];
            let sampled = |minute: i64| !events && (minute % 5 == 0 || minute >= DAYS * DAY - CLOSE);
            let (batch, kept) = written(kind, Some(trouble), DAYS, own, sampled);
            let now = MONDAY + DAYS * DAY * MINUTE;
            let (_folder, store) = store_of(&batch, now);
            kept.store(&store);
            let begun = Instant::now();
            let all = found(&store, kind, now);
            longest = longest.max(begun.elapsed().as_secs_f64());
            let is_right = |finding: &&Finding| {
                let of = advisor_of(&finding.id, names);
                of == *name || SAME.contains(&(name, of))
            };
            *hits.entry(name).or_default() += u64::from(all.iter().any(|finding| is_right(&finding)));
            for finding in all.iter().filter(|finding| !is_right(finding)) {
                *wrong.entry(advisor_of(&finding.id, names)).or_default() += 1;
                println!("{name}, history {number}: {}: {}", finding.title, finding.why);
            }
        }
    }
    println!(
        "{count} histories of {DAYS} days for each advisor, {} in all; longest look {:.0} ms",
        count * hits.len() as u64,
        longest * 1e3
    );
    println!("| advisor | recall | precision |\n|---|---|---|");
    for name in names.iter().filter(|name| hits.contains_key(*name) && (!events || OF_EVENTS.contains(name))) {
        let (hit, false_alarms) = (hits[name], wrong.get(name).copied().unwrap_or(0));
        println!("| `{name}` | {:.2} | {:.2} |", hit as f64 / count as f64, hit as f64 / (hit + false_alarms).max(1) as f64);
    }
}

/// Recommendations opened in a month, by advisor.
fn opened(kind: Kind, seed: u64, names: &[&'static str], tried: &Tried) -> BTreeMap<&'static str, u64> {
    let (batch, kept) = written(kind, None, 30, seed, |_| !tried.events);
    let end = MONDAY + 30 * DAY * MINUTE;
    let (_folder, store) = store_of(&batch, end);
    kept.store(&store);
    let mut tracker = RecommendationTracker::default();
    let mut opened = BTreeMap::new();
    for hour in (1..=30 * 24).filter(|hour| hour % tried.every == 0) {
        let now = MONDAY + hour * 60 * MINUTE;
        let fresh = |r: &&taskpulse_engine::advice::Recommendation| r.status == Status::Open && r.created == now;
        for one in tracker.update(found(&store, kind, now), now).iter().filter(fresh) {
            *opened.entry(advisor_of(&one.id, names)).or_default() += 1;
        }
    }
    opened
}

fn healthy(names: &[&'static str], tried: &Tried) {
    let count = tried.count.min(5);
    println!("| healthy month | recommendations opened a month | of these |\n|---|---|---|");
    for kind in KINDS {
        let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
        for number in 0..count {
            for (name, times) in opened(kind, tried.seed * 977 + number, names, tried) {
                *sums.entry(name).or_default() += times;
            }
        }
        let all: u64 = sums.values().sum();
        let each: Vec<String> = sums.iter().map(|(name, times)| format!("{name} {:.2}", *times as f64 / count as f64)).collect();
        println!("| {kind:?} | {:.2} | {} |", all as f64 / count as f64, each.join(", "));
    }
}

/// One pass over 30 days of many series: how long it takes, and by how much the memory of this process grows.
fn pass(count: u64, step: u64) {
    let end = MONDAY + 30 * DAY * MINUTE;
    let (_folder, store) = store_of(&Batch::default(), MONDAY);
    let (world, kept) = written(Kind::Agents, None, 30, 7, |minute| minute % step as i64 == 0);
    store.append(&world, end).unwrap();
    drop(world);
    kept.store(&store);
    let random = &mut Random::new(11);
    let known = store.select(&[]).len() as u64;
    let of = many(count.saturating_sub(known));
    for day in 0..30 {
        let mut batch = Batch::default();
        for minute in (day * DAY..(day + 1) * DAY).step_by(step as usize) {
            for labels in &of {
                batch.push(labels.clone(), MONDAY + minute * MINUTE, 0.3 + 0.1 * random.unit());
            }
        }
        store.append(&batch, end).unwrap();
        store.seal().unwrap();
    }
    let own = std::process::id();
    println!("| pass | seconds | memory more, MiB |\n|---|---|---|");
    for number in 1..=3 {
        std::fs::write("/proc/self/clear_refs", "5").unwrap();
        let (before, begun) = (process::status(own, "VmRSS").unwrap(), Instant::now());
        let all = found(&store, Kind::Agents, end);
        let (seconds, peak) = (begun.elapsed().as_secs_f64(), process::status(own, "VmHWM").unwrap());
        println!("| {number}, {} findings | {seconds:.2} | {:.0} |", all.len(), (peak - before) / 1_024.0);
    }
    println!("{} series, a sample each {step} min", store.select(&[]).len());
}

/// Series of machines, units, workflows, boards and targets that are watched beside the usual ones.
fn many(count: u64) -> Vec<Labels> {
    let of = |number: u64| {
        let name = (number / 20).to_string();
        let host = [("host", name.as_str())];
        match number % 20 {
            0 => Labels::metric("system_cpu_utilization_ratio", &host),
            1 => Labels::metric("system_memory_utilization_ratio", &host),
            2 => Labels::metric("system_cpu_steal_ratio", &host),
            3 => Labels::metric("system_filesystem_utilization_ratio", &[("host", &name), ("mountpoint", "/")]),
            4 => Labels::metric("container_memory_uncached_bytes", &[("unit", &name)]),
            5 => Labels::metric("container_cpu_time_seconds_total", &[("unit", &name)]),
            6 => Labels::metric("probe_success", &[("target", &name)]),
            7 => Labels::metric("probe_duration_seconds", &[("target", &name)]),
            8 => Labels::metric("taskmaster_tasks", &[("project", &name), ("tag", "master"), ("status", "pending")]),
            9 => Labels::metric("taskmaster_tasks", &[("project", &name), ("tag", "master"), ("status", "done")]),
            10 => Labels::metric("github_actions_success_high_ratio", &[("repo", "octo/site"), ("workflow", &name)]),
            11 => Labels::metric("up", &[("job", "node"), ("instance", &name)]),
            12 => Labels::metric("process_cpu_utilization_ratio", &[("process", &name)]),
            13 => Labels::metric("process_memory_usage_bytes", &[("process", &name)]),
            other => Labels::metric(&format!("custom_{other}"), &[("name", &name)]),
        }
    };
    (0..count).map(of).collect()
}

fn main() {
    let arguments = Arguments::read();
    let (folder, store) = store_of(&Batch::default(), MONDAY);
    let names: Vec<&'static str> = advisors(&store, &Money::default(), MONDAY).unwrap().into_iter().map(|advisor| advisor.name).collect();
    drop((store, folder));
    let tried = Tried {
        count: arguments.number("--count", 20),
        seed: arguments.number("--seed", 1),
        only: arguments.after("--only").map(str::to_owned),
        events: arguments.asked("events"),
        every: arguments.number("--every", 1).max(1) as i64,
    };
    if arguments.asked("pass") {
        return pass(arguments.number("--series", 2_000), arguments.number("--step", 1));
    }
    if !arguments.asked("healthy") {
        labelled(&names, &tried);
    }
    if !arguments.asked("labelled") {
        healthy(&names, &tried);
    }
}
