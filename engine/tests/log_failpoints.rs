//! A fault at each step that keeps log lines: what was acknowledged is there once, right after and after a restart.

#![cfg(feature = "failpoints")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::ops::ControlFlow;
use std::path::Path;

use taskpulse_engine::logs::{Direction, Filter, Lines, Order, Record, Source, StreamLines};
use taskpulse_engine::model::Labels;
use taskpulse_engine::store::{LogWriter, StoreError, StoreOptions, StoreWriter};

const NOW: i64 = 1_795_485_600_000; // 2026-11-24T02:00:00Z
const DAY: i64 = 86_400_000;

fn open(dir: &Path) -> StoreWriter {
    StoreWriter::open(dir, StoreOptions::default(), NOW).unwrap()
}

/// Lines of three streams on two days.
fn lines(from: i64) -> Lines {
    let record = |n: i64| Record {
        time: (NOW - n % 2 * DAY) * 1_000_000 + n,
        body: format!("line {n} {}", "x".repeat(200)).into_bytes(),
        ..Record::default()
    };
    let stream = |name: &str, first: i64| StreamLines {
        labels: Labels::of(vec![("service_name", name)]),
        records: (first..first + 20).map(record).collect(),
    };
    vec![stream("a", from), stream("b", from + 100), stream("c", from + 200)]
}

/// Keeps lines, and again until they are durable, as a client does.
fn keep(writer: &LogWriter, from: i64) -> Result<(), StoreError> {
    writer.append(lines(from), NOW)?;
    writer.commit()
}

fn all(store: &StoreWriter) -> Vec<(i64, Vec<u8>)> {
    let (order, needles) = (Order::ByTime(Direction::Forward), Vec::new());
    let filter = Filter { matchers: Vec::new(), start: i64::MIN, end: i64::MAX, order, needles, bodies: true, attributes: true };
    let mut found = Vec::new();
    let mut each = |entry: &taskpulse_engine::logs::Entry<'_>| {
        found.push((entry.time, entry.body.to_vec()));
        ControlFlow::Continue(())
    };
    store.logs().read(&filter, &mut each).unwrap();
    found.sort();
    found
}

type Step = fn(&LogWriter) -> Result<(), StoreError>;

/// Fails `step` once at `point`, then continues in the same process or in a new one. The step's own lines are there once at the end.
fn survives(point: &str, step: Step, own: usize) {
    for restart in [true, false] {
        let dir = tempfile::tempdir().unwrap();
        let mut store = open(dir.path());
        for round in 0..3 {
            keep(&store.log_writer(), round * 1_000).unwrap();
            store.log_writer().seal().unwrap();
        }
        keep(&store.log_writer(), 5_000).unwrap();
        let before = all(&store);
        assert_eq!(before.len(), 240);
        fail::cfg(point, "1*return").unwrap();
        let failed = step(&store.log_writer());
        fail::remove(point);
        assert!(failed.is_err(), "{point}: the fault was not met");
        let there = |now: Vec<(i64, Vec<u8>)>, what: &str| {
            assert!(before.iter().all(|line| now.contains(line)), "{point}: {what}: lines are gone");
            assert!(now.windows(2).all(|pair| pair[0] != pair[1]), "{point}: {what}: lines are there twice");
        };
        there(all(&store), "right after");
        if restart {
            drop(store);
            store = open(dir.path());
            there(all(&store), "after a start");
        }
        step(&store.log_writer()).unwrap();
        keep(&store.log_writer(), 6_000).unwrap();
        assert_eq!(all(&store).len(), 300 + own, "{point}: the step again");
        store.log_writer().seal().unwrap();
        let copy = dir.path().join("copy");
        store.snapshot(&copy).unwrap();
        drop(store);
        for dir in [dir.path(), &copy] {
            let store = open(dir);
            assert_eq!(all(&store).len(), 300 + own, "{point}: after a start, in {}", dir.display());
            assert_eq!(store.problems(), Vec::<String>::new(), "{point}");
        }
    }
}

#[test]
fn lines_are_kept_once_through_any_fault() {
    let _scenario = fail::FailScenario::setup();
    let seal: Step = |writer| writer.seal().map(drop);
    for point in ["logs::seal::block", "logs::seal::sync", "logs::seal::rename", "logs::seal::trim"] {
        survives(point, seal, 0);
    }
    let compact: Step = |writer| {
        while writer.compact(NOW + 9 * DAY)?.is_some() {}
        Ok(())
    };
    for point in ["logs::seal::block", "logs::seal::sync", "logs::seal::rename"] {
        survives(point, compact, 0);
    }
    survives("logs::compact::remove", compact, 0);
    let append: Step = |writer| keep(writer, 8_000);
    for point in ["store::journal::write", "store::journal::sync"] {
        survives(point, append, 60);
    }
}
