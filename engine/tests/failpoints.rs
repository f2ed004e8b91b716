//! A fault at each step of a seal, a compaction and of retention: the store has the same content before, after, and after a restart.

#![cfg(feature = "failpoints")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use taskpulse_engine::event::Event;
use taskpulse_engine::exemplar::{Exemplar, Fault};
use taskpulse_engine::model::{Batch, Labels};
use taskpulse_engine::store::{StoreError, StoreOptions, StoreWriter};
use taskpulse_engine::windows::Level;

const T0: i64 = 1_795_478_400_000; // 2026-11-24T00:00:00Z
const DAY: i64 = 86_400_000;
const MINUTE: i64 = 60_000;
const NOW: i64 = T0 + 2 * 3_600_000;

fn open(dir: &Path) -> StoreWriter {
    let options = StoreOptions { quiet: Duration::ZERO, retention_ms: 10 * DAY, windows_retention_ms: 10 * DAY, ..StoreOptions::default() };
    StoreWriter::open(dir, options, NOW).unwrap()
}

fn labels(cpu: usize) -> Labels {
    Labels::metric("load", &[("cpu", &cpu.to_string())])
}

/// One sample a minute and series from `from` to `to`.
fn append(store: &StoreWriter, from: i64, to: i64) {
    let mut batch = Batch::default();
    for minute in 0..(to - from) / MINUTE {
        for cpu in 0..3 {
            batch.push(labels(cpu), from + minute * MINUTE, (minute * 7 % 100) as f64 / 10.0 + cpu as f64);
        }
    }
    assert_eq!(store.append(&batch, to).unwrap().rejected, [0; 4]);
    store.commit().unwrap();
}

type Rows = Vec<(Vec<(i64, u64)>, Vec<(i64, f64, f64)>)>;

/// Every sample and every hour of every series.
fn all(store: &StoreWriter) -> Rows {
    let of = |cpu: usize| {
        let id = store.series_id(&labels(cpu)).unwrap();
        let samples = store.samples(id, i64::MIN, i64::MAX).unwrap().iter().map(|s| (s.t, s.v.to_bits())).collect();
        let hours = store.windows(id, Level::H1, 0, i64::MAX).unwrap().iter().map(|r| (r.start, r.count, r.sum)).collect();
        (samples, hours)
    };
    (0..3).map(of).collect()
}

type Step = fn(&StoreWriter) -> Result<(), StoreError>;

/// Fails `step` once at `point`, on a store filled by `prepare`; then continues in the same process and in a new one.
fn survives(point: &str, prepare: fn(&StoreWriter), step: Step) {
    for restart in [true, false] {
        let dir = tempfile::tempdir().unwrap();
        let mut store = open(dir.path());
        prepare(&store);
        let before = all(&store);
        fail::cfg(point, "1*return").unwrap();
        let failed = step(&store);
        fail::remove(point);
        assert!(failed.is_err(), "{point}: the fault was not met");
        assert_eq!(all(&store), before, "{point}: right after");
        if restart {
            drop(store);
            store = open(dir.path());
            assert_eq!(all(&store), before, "{point}: after a start");
        }
        // Samples that arrive in between are not lost either.
        append(&store, T0 + 3_600_000, T0 + 3_600_000 + 5 * MINUTE);
        let more = all(&store);
        step(&store).unwrap();
        assert_eq!(all(&store), more, "{point}: the step again");
        store.seal().unwrap();
        drop(store);
        let store = open(dir.path());
        assert_eq!(all(&store), more, "{point}: in the end");
        assert_eq!(store.problems(), Vec::<String>::new(), "{point}");
    }
}

fn two_days_in_the_head(store: &StoreWriter) {
    append(store, T0 - DAY, T0);
    append(store, T0, T0 + 3_600_000);
}

/// The next seal appends to an existing file.
fn a_hot_day_and_more_in_the_head(store: &StoreWriter) {
    append(store, T0, T0 + 1_800_000);
    store.seal().unwrap();
    append(store, T0 + 1_800_000, T0 + 3_600_000);
}

fn a_day_in_two_seals_and_a_hot_one(store: &StoreWriter) {
    append(store, T0 - DAY, T0 - DAY / 2);
    store.seal().unwrap();
    append(store, T0 - DAY / 2, T0);
    store.seal().unwrap();
    append(store, T0, T0 + 3_600_000);
    store.seal().unwrap();
}

/// A finished day with a late sample: its file is rewritten.
fn a_finished_day_and_more(store: &StoreWriter) {
    a_day_in_two_seals_and_a_hot_one(store);
    store.compact(NOW, 1.0).unwrap().unwrap();
    let mut late = Batch::default();
    late.push(labels(0), T0 + 3_600_000 - 61 * MINUTE, 7.5);
    store.append(&late, NOW).unwrap();
    store.commit().unwrap();
    store.seal().unwrap();
}

/// Fail points are global to the process: one test at a time.
static ALONE: Mutex<()> = Mutex::new(());

#[test]
fn a_fault_at_any_step_leaves_the_old_or_the_new_state() {
    let _alone = ALONE.lock();
    let seal: Step = |store| store.seal().map(drop);
    let compact: Step = |store| {
        while store.compact(NOW, 1.0)?.is_some() {}
        Ok(())
    };
    let points = [
        "store::journal::sync",
        "store::log",
        "store::seal::pages",
        "store::seal::write",
        "store::seal::sync",
        "store::seal::between",
        "store::seal::progress",
        "store::trim",
    ];
    for point in points {
        survives(point, two_days_in_the_head, seal);
    }
    for point in ["store::seal::pages", "store::seal::write", "store::seal::sync", "store::seal::between"] {
        survives(point, a_hot_day_and_more_in_the_head, seal);
    }
    for point in [
        "store::compact::write",
        "store::compact::written",
        "store::compact::rename",
        "store::compact::manifest",
        "store::compact::cleanup",
    ] {
        survives(point, a_day_in_two_seals_and_a_hot_one, compact);
        survives(point, a_finished_day_and_more, compact);
    }
}

#[test]
fn seals_and_compactions_count_although_no_manifest_can_be_written() {
    let _alone = ALONE.lock();
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    two_days_in_the_head(&store);
    let before = all(&store);
    fail::cfg("store::manifest", "return").unwrap();
    store.seal().unwrap();
    drop(store);
    let store = open(dir.path());
    assert_eq!(all(&store), before);
    append(&store, T0 + 3_600_000, T0 + 3_660_000);
    store.seal().unwrap();
    let more = all(&store);
    assert!(store.compact(NOW, 1.0).unwrap().is_some());
    assert_eq!(all(&store), more);
    drop(store);
    let store = open(dir.path());
    assert_eq!(all(&store), more);
    fail::remove("store::manifest");
    drop(store);
    let store = open(dir.path());
    assert_eq!(all(&store), more);
    assert_eq!(store.problems(), Vec::<String>::new());
}

#[test]
fn an_interrupted_removal_is_finished_by_the_next_start() {
    let _alone = ALONE.lock();
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    a_day_in_two_seals_and_a_hot_one(&store);
    fail::cfg("store::retention", "1*return").unwrap();
    assert!(store.apply_retention(T0 + 11 * DAY).is_err());
    fail::remove("store::retention");
    drop(store);
    let names = || std::fs::read_dir(dir.path().join("partitions")).unwrap().map(|e| e.unwrap().file_name()).collect::<Vec<_>>();
    assert!(names().iter().any(|name| name == "2026-11-23.removing"));
    let store = open(dir.path());
    assert_eq!(names(), ["2026-11-24"]);
    assert_eq!(all(&store)[0].0.len(), 60);
}

fn subjects(store: &StoreWriter) -> Vec<String> {
    store.events(0, i64::MAX - 1, 100, |_| true).unwrap().into_iter().map(|(_, event)| event.subject).collect()
}

fn add_event(store: &StoreWriter, subject: &str) -> Result<(), StoreError> {
    let at = T0 + subject.parse::<i64>().unwrap();
    store.add_events(&[Event::new(at, "service", "start", subject, "started")]).map(drop)
}

#[test]
fn an_event_whose_log_cannot_be_written_is_refused_and_the_next_is_kept() {
    let _alone = ALONE.lock();
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    add_event(&store, "1").unwrap();
    fail::cfg("store::log", "1*return").unwrap();
    assert!(add_event(&store, "2").is_err());
    fail::remove("store::log");
    assert_eq!(subjects(&store), ["1"]);
    add_event(&store, "3").unwrap();
    drop(store);
    let store = open(dir.path());
    assert_eq!((subjects(&store), store.problems()), (vec!["3".to_owned(), "1".to_owned()], vec![]));
}

#[test]
fn samples_are_kept_where_their_exemplars_cannot_be_written() {
    let _alone = ALONE.lock();
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let add = |n: i64| {
        let mut batch = Batch::default();
        batch.push(labels(0), T0 + n, 1.0);
        batch.exemplars.push(labels(0), Exemplar::new([("trace_id", n.to_string().as_str())], T0 + n, 1.0));
        store.append(&batch, NOW).unwrap();
        store.commit().unwrap();
    };
    add(1);
    fail::cfg("store::log", "1*return").unwrap();
    add(2);
    fail::remove("store::log");
    add(3);
    assert_eq!(store.dropped_exemplars()[Fault::NotWritten as usize], 1);
    drop(store);
    let store = open(dir.path());
    let id = store.series_id(&labels(0)).unwrap();
    assert_eq!(store.samples(id, T0, NOW).unwrap().times, [T0 + 1, T0 + 2, T0 + 3]);
    let found = store.exemplars(&[id], T0, NOW);
    assert_eq!(found[0].exemplars.iter().map(|e| e.t - T0).collect::<Vec<_>>(), [1, 3]);
    assert_eq!(store.problems(), Vec::<String>::new());
}

#[test]
fn an_index_that_fails_or_hangs_is_rebuilt_and_no_event_is_lost() {
    let _alone = ALONE.lock();
    for action in ["1*return", "1*panic(as over damage)", "1*pause"] {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path());
        add_event(&store, "1").unwrap();
        drop(store);
        let store = open(dir.path());
        fail::cfg("store::index::apply", action).unwrap();
        add_event(&store, "2").unwrap();
        fail::remove("store::index::apply");
        assert_eq!(subjects(&store), ["2", "1"], "{action}");
        assert!(store.problems().len() == 1 && store.problems()[0].contains("index"), "{action}: {:?}", store.problems());
        add_event(&store, "3").unwrap();
        drop(store);
        let store = open(dir.path());
        assert_eq!((subjects(&store).len(), store.problems()), (3, vec![]), "{action}");
    }
}

#[test]
fn an_index_that_cannot_be_opened_does_not_stop_the_start() {
    let _alone = ALONE.lock();
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    add_event(&store, "1").unwrap();
    drop(store);
    fail::cfg("store::index::open", "return").unwrap();
    let store = open(dir.path());
    add_event(&store, "2").unwrap();
    assert_eq!(subjects(&store), ["2", "1"]);
    fail::remove("store::index::open");
    drop(store);
    assert_eq!(subjects(&open(dir.path())), ["2", "1"]);
}

#[test]
fn rows_do_not_rely_on_a_definition_whose_sync_failed() {
    let _alone = ALONE.lock();
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let mut batch = Batch::default();
    batch.push(labels(0), T0, 1.5);
    store.append(&batch, NOW).unwrap();
    fail::cfg("store::journal::sync", "1*return").unwrap();
    assert!(store.commit().is_err());
    fail::remove("store::journal::sync");
    append(&store, T0 + MINUTE, T0 + 2 * MINUTE);
    drop(store);
    // Nothing of the file that could not be synced is on the disk.
    let files = std::fs::read_dir(dir.path().join("journal")).unwrap().map(|entry| entry.unwrap().path());
    std::fs::remove_file(files.filter(|path| path.extension().is_some_and(|e| e == "log")).min().unwrap()).unwrap();
    let store = open(dir.path());
    assert_eq!(all(&store).iter().map(|rows| rows.0.len()).collect::<Vec<_>>(), [1, 1, 1]);
    assert!(store.problems().iter().any(|problem| problem.contains("missing")), "{:?}", store.problems());
}
