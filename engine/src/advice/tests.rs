//! Advice over a real store: given where the evidence is, and only there.

use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::forecast::record::Subject;
use crate::model::{Batch, Labels};
use crate::store::{StoreOptions, StoreReader, StoreWriter};

const T0: TimestampMs = 1_795_478_400_000;
const MINUTE: i64 = 60_000;

/// A store with one sample a minute of each series for so many minutes, closed as the actors do. Returns it with its folder and the time after.
fn history(minutes: i64, series: &[(Labels, &dyn Fn(i64) -> f64)]) -> (tempfile::TempDir, StoreWriter, TimestampMs) {
    let dir = tempfile::tempdir().unwrap();
    let now = T0 + minutes * MINUTE;
    let store = StoreWriter::open(dir.path(), StoreOptions { out_of_order_ms: i64::MAX / 4, ..StoreOptions::default() }, now).unwrap();
    let mut batch = Batch::default();
    for minute in 0..minutes {
        for (labels, value) in series {
            batch.push(labels.clone(), T0 + minute * MINUTE, value(minute));
        }
    }
    store.append(&batch, now).unwrap();
    (dir, store, now)
}

fn ids(store: &StoreReader, now: TimestampMs) -> Vec<String> {
    assess(store, &Money::default(), Horizon::Day, now).unwrap().findings.into_iter().map(|f| f.id).collect()
}

fn metric(name: &str, labels: &[(&str, &str)]) -> Labels {
    Labels::metric(name, labels)
}

#[test]
fn a_busy_cpu_is_explained_by_the_process_behind_it() {
    let series: [(Labels, &dyn Fn(i64) -> f64); 3] = [
        (metric("system_cpu_utilization_ratio", &[]), &|_| 0.97),
        (metric("process_cpu_utilization_ratio", &[("process", "cargo")]), &|_| 1.6),
        (metric("process_cpu_utilization_ratio", &[("process", "sshd")]), &|_| 0.1),
    ];
    let (_dir, store, now) = history(200, &series);
    let found = assess(&store, &Money::default(), Horizon::Day, now).unwrap().findings;
    assert_eq!(found.len(), 1);
    assert!(found[0].why.contains("cargo"), "{}", found[0].why);
    assert!(found[0].evidence.iter().any(|e| e.value == 1.0 && e.unit == "ratio"), "{:?}", found[0].evidence);
}

#[test]
fn without_enough_history_there_is_no_advice() {
    let busy: (Labels, &dyn Fn(i64) -> f64) = (metric("system_cpu_utilization_ratio", &[]), &|_| 0.99);
    let (_dir, store, now) = history(20, &[busy]);
    assert_eq!(ids(&store, now), Vec::<String>::new());
}

#[test]
fn a_filling_disk_is_forecast_with_an_interval_and_a_steady_one_is_not() {
    let noise = AtomicU32::new(1);
    let jitter = || f64::from(noise.fetch_add(1, Ordering::Relaxed).wrapping_mul(2_654_435_761) % 100) / 1e5;
    let growing = |minute: i64| 0.5 + minute as f64 / 1_440.0 * 0.1 + jitter();
    let steady = |_: i64| 0.9 + jitter();
    let series: [(Labels, &dyn Fn(i64) -> f64); 2] = [
        (metric("system_filesystem_utilization_ratio", &[("mountpoint", "/data")]), &growing),
        (metric("system_filesystem_utilization_ratio", &[("mountpoint", "/")]), &steady),
    ];
    let (_dir, store, now) = history(1_440, &series);
    let found = assess(&store, &Money::default(), Horizon::Day, now).unwrap().findings;
    assert_eq!(found.iter().map(|f| f.id.as_str()).collect::<Vec<_>>(), ["disk_filling:/data"]);
    let until = &found[0].evidence[0];
    // Full at 1.0 from 0.6, at 0.1 a day: four days.
    assert!(until.low.unwrap() <= 4.0 * 86_400.0 && until.high.is_none_or(|high| high >= 4.0 * 86_400.0), "{until:?}");
    // One day does not show what a weekend changes.
    assert!((until.value / 86_400.0 - 4.0).abs() < 1.5, "{until:?}");
}

#[test]
fn memory_that_a_unit_uses_up_is_forecast_across_its_restarts() {
    // 1 % of the limit an hour from 20 % on, restarted after 40 hours; a process that grows as slowly in a large machine has no date.
    let hours = |minute: i64| minute as f64 / 60.0;
    let leak = |minute: i64| 1e9 * (0.2 + 0.01 * if hours(minute) < 40.0 { hours(minute) } else { hours(minute) - 40.0 });
    let (unit, gigabytes) = ([("unit", "shop.service")], |count: f64| move |_: i64| count * 1e9);
    let series: [(Labels, &dyn Fn(i64) -> f64); 5] = [
        (metric("container_memory_uncached_bytes", &unit), &leak),
        (metric("container_memory_limit_bytes", &unit), &gigabytes(1.0)),
        (metric("process_memory_usage_bytes", &[("process", "shop")]), &leak),
        (metric("system_memory_limit_bytes", &[]), &gigabytes(64.0)),
        (metric("system_memory_usage_bytes", &[("state", "available")]), &gigabytes(50.0)),
    ];
    let (_dir, store, now) = history(40 * 60 + 55 * 60, &series);
    let found = assess(&store, &Money::default(), Horizon::Day, now).unwrap().findings;
    let memory: Vec<&Finding> = found.iter().filter(|found| found.id.starts_with("memory_filling")).collect();
    assert_eq!(memory.iter().map(|f| f.query.as_str()).collect::<Vec<_>>(), ["container_memory_uncached_bytes{unit=\"shop.service\"}"]);
    let times: Vec<(String, f64)> = times_to_full(&found).into_iter().map(|(series, seconds)| (series.to_string(), seconds)).collect();
    assert_eq!(times[0].0, "system_memory_time_to_full_seconds{unit=\"shop.service\"}");
    // From 75 % to 98 %: 23 hours.
    let of = |share: &str| {
        times.iter().find(|(series, _)| series.contains(&format!("quantile=\"{share}\""))).map(|(_, seconds)| seconds / 3_600.0)
    };
    assert!(of("0.025").unwrap() <= 23.0 && of("0.975").is_none_or(|latest| latest >= 23.0), "{times:?}");
}

#[test]
fn a_disk_without_a_date_says_why() {
    let steady: (Labels, &dyn Fn(i64) -> f64) = (metric("system_filesystem_utilization_ratio", &[("mountpoint", "/")]), &|_| 0.7);
    let used: (Labels, &dyn Fn(i64) -> f64) = (metric("system_memory_utilization_ratio", &[]), &|_| 0.6);
    let empty: (Labels, &dyn Fn(i64) -> f64) = (metric("system_filesystem_utilization_ratio", &[("mountpoint", "/boot")]), &|_| 0.1);
    let (_dir, store, now) = history(1_440, &[steady, used, empty]);
    let undated = assess(&store, &Money::default(), Horizon::Day, now).unwrap().undated;
    let mut of: Vec<(Subject, Option<&str>, i64)> =
        undated.iter().map(|u| (u.subject, u.labels.get("mountpoint"), (u.level * 10.0).round() as i64)).collect();
    of.sort_by_key(|(.., level)| *level);
    assert_eq!(of, [(Subject::MemoryFull, None, 6), (Subject::DiskFull, Some("/"), 7)], "one that is nearly empty is not looked at");
}

#[test]
fn a_full_disk_is_said_to_be_full() {
    let rising = |minute: i64| (0.5 + minute as f64 / 1_440.0).min(1.0);
    let full: (Labels, &dyn Fn(i64) -> f64) = (metric("system_filesystem_utilization_ratio", &[("mountpoint", "/")]), &rising);
    let (_dir, store, now) = history(1_440, &[full]);
    let found = assess(&store, &Money::default(), Horizon::Day, now).unwrap().findings;
    assert_eq!((found.len(), found[0].title.as_str(), found[0].severity), (1, "/ is full", Severity::Error));
}

#[test]
fn durations_that_rise_over_weeks_are_reported() {
    let dir = tempfile::tempdir().unwrap();
    let now = T0 + 28 * 86_400_000;
    let store = StoreWriter::open(dir.path(), StoreOptions { out_of_order_ms: i64::MAX / 4, ..StoreOptions::default() }, now).unwrap();
    let labels = metric("taskmaster_task_execution_seconds", &[("project", "app"), ("tag", "master"), ("priority", "high")]);
    let mut batch = Batch::default();
    for day in 1..28 {
        let seconds = if day < 21 { 600.0 } else { 1_500.0 } * (1.0 + f64::from(day % 5) / 50.0);
        batch.push(labels.clone(), T0 + i64::from(day) * 86_400_000, seconds);
    }
    store.append(&batch, now).unwrap();
    let found = assess(&store, &Money::default(), Horizon::Month, now).unwrap().findings;
    assert_eq!(found[0].id, "duration_rising:app:master");
    let ratio = &found[0].evidence[0];
    assert!((ratio.value - 2.5).abs() < 0.1 && ratio.low.unwrap() > 2.0 && ratio.high.unwrap() < 3.0, "{ratio:?}");
}

#[test]
fn advice_on_a_habit_stays_while_its_evidence_comes_and_goes() {
    let finding = || Finding {
        id: "x".into(),
        topic: Topic::Cpu,
        title: "t".into(),
        why: String::new(),
        action: String::new(),
        severity: Severity::Notice,
        evidence: Vec::new(),
        query: "q".into(),
        start: 0,
        end: 1,
        lasts_ms: 100,
    };
    let mut tracker = RecommendationTracker::default();
    tracker.update(vec![finding()], 1_000);
    for (now, found) in [(1_050, false), (1_099, false), (1_100, true), (1_150, false), (1_199, false)] {
        assert!(tracker.update(if found { vec![finding()] } else { Vec::new() }, now).is_empty(), "at {now}");
    }
    assert_eq!(tracker.update(Vec::new(), 1_200)[0].status, Status::Withdrawn);
    // A start is no time without evidence.
    tracker.update(vec![finding()], 2_000);
    let kept = tracker.current().into_iter().map(|one| (one.id.clone(), one)).collect();
    let mut tracker = RecommendationTracker::new(kept, 9_000);
    assert!(tracker.update(Vec::new(), 9_050).is_empty());
}
