//! Tests of the store through its public API: reads return what was written, whatever happened in between.

mod compaction;
mod damage;
mod kept;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use tempfile::TempDir;

use super::state::Store;
use super::*;
use crate::event::Event;
use crate::model::{Batch, Labels, Selector, SeriesId, TimestampMs};
use crate::promql;
use crate::windows::{self, Level, WindowRow};

const T0: TimestampMs = 1_795_478_400_000; // 2026-11-24T00:00:00Z
const MINUTE: i64 = 60_000;

fn open(dir: &TempDir, now: TimestampMs) -> StoreWriter {
    StoreWriter::open(dir.path(), StoreOptions::default(), now).unwrap()
}

fn batch(rows: &[(&str, TimestampMs, f64)]) -> Batch {
    let mut batch = Batch::default();
    for &(cpu, t, v) in rows {
        batch.push(Labels::metric("load", &[("cpu", cpu)]), t, v);
    }
    batch
}

fn id(store: &StoreWriter, cpu: &str) -> SeriesId {
    store.series_id(&Labels::metric("load", &[("cpu", cpu)])).unwrap()
}

fn read(store: &StoreWriter, cpu: &str) -> Vec<(TimestampMs, u64)> {
    store.samples(id(store, cpu), i64::MIN, i64::MAX).unwrap().iter().map(|s| (s.t, s.v.to_bits())).collect()
}

fn limits() -> Limits {
    Limits { max_samples: 1_000_000, deadline: Instant::now() + Duration::from_secs(60) }
}

#[test]
fn committed_samples_survive_a_restart_sealed_or_not() {
    let dir = tempfile::tempdir().unwrap();
    let rows = [("0", T0, 1.0), ("0", T0 + 5_000, f64::NAN), ("1", T0, f64::INFINITY)];
    {
        let store = open(&dir, T0);
        assert_eq!(store.append(&batch(&rows), T0).unwrap().ids.len(), 3);
        store.commit().unwrap();
        assert_eq!(store.seal().unwrap(), 2);
        store.append(&batch(&[("0", T0 + 10_000, 2.5)]), T0).unwrap();
        store.commit().unwrap();
        assert_eq!(store.status().journal.records, 1);
    }
    let store = open(&dir, T0 + 20_000);
    assert_eq!(read(&store, "0"), [(T0, 1f64.to_bits()), (T0 + 5_000, f64::NAN.to_bits()), (T0 + 10_000, 2.5f64.to_bits())]);
    assert_eq!(read(&store, "1"), [(T0, f64::INFINITY.to_bits())]);
    let ids = store.select(&Selector::parse("load").unwrap().matchers);
    let found: Vec<_> = store.scan(&ids, T0, T0 + 5_000, limits()).map(|s| s.unwrap().columns.times.len()).collect();
    assert_eq!(found, [2, 1]);
    assert_eq!(store.latest(ids[0], T0, T0 + 6_000).unwrap().map(|s| s.t), Some(T0 + 5_000));
}

#[test]
fn has_samples_is_true_only_for_ranges_with_samples() {
    let dir = tempfile::tempdir().unwrap();
    let day = partition::DAY_MS;
    let store = StoreWriter::open(dir.path(), eager(), T0 - 2 * day).unwrap();
    let rows = [("0", T0 - 2 * day, 1.0), ("0", T0 - 2 * day + MINUTE, 1.0), ("0", T0 + 3 * MINUTE, 1.0), ("1", T0 + MINUTE, f64::NAN)];
    let ask = |store: &StoreWriter| {
        for (cpu, start, end, there) in [
            ("0", i64::MIN, i64::MAX, true),
            ("0", T0 - 2 * day, T0 - 2 * day, true),
            ("0", T0 - 2 * day + 1, T0 - 2 * day + MINUTE - 1, false),
            ("0", T0 - 2 * day + MINUTE + 1, T0 + 3 * MINUTE - 1, false),
            ("0", T0 + 3 * MINUTE, T0 + day, true),
            ("0", T0 + 3 * MINUTE + 1, i64::MAX, false),
            ("0", i64::MIN, T0 - 2 * day - 1, false),
            ("1", T0, T0 + MINUTE, true),
            ("1", T0, T0 + MINUTE - 1, false),
            ("1", T0 + day, T0, false),
        ] {
            assert_eq!(store.has_samples(id(store, cpu), start, end).unwrap(), there, "{cpu} {start} {end}");
        }
    };
    rows.iter().for_each(|row| drop(store.append(&batch(&[*row]), row.1).unwrap()));
    store.commit().unwrap();
    ask(&store);
    store.seal().unwrap();
    ask(&store);
    assert_eq!(compact_all(&store, T0 + 3 * MINUTE).len(), 1);
    ask(&store);
    drop(store);
    ask(&open(&dir, T0 + 4 * MINUTE));
}

#[test]
fn several_selectors_name_each_series_once() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir, T0);
    store.append(&batch(&[("0", T0, 1.0), ("1", T0, 1.0), ("2", T0, 1.0)]), T0).unwrap();
    let select = |queries: &[&str]| {
        store.select_while(&queries.iter().map(|q| Selector::parse(q).unwrap()).collect::<Vec<_>>(), &|| Ok(())).unwrap().len()
    };
    assert_eq!(select(&[]), 3);
    assert_eq!(select(&[r#"load{cpu="1"}"#, r#"load{cpu=~"1|2"}"#]), 2);
    assert_eq!(select(&["none"]), 0);
}

#[test]
fn refused_samples_are_counted_by_reason_and_the_rest_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let options = StoreOptions { max_series: 1, ..StoreOptions::default() };
    let store = StoreWriter::open(dir.path(), options, T0).unwrap();
    store.append(&batch(&[("0", T0, 1.0)]), T0).unwrap();
    let day = partition::DAY_MS;
    let rows = [
        ("0", T0 - 3_600_001, 1.0),
        ("0", T0 - 3_600_000, 1.0),
        ("0", T0 - 31 * day, 1.0),
        ("0", T0 + 3_600_001, 1.0),
        ("1", T0, 1.0),
        ("0", T0, 1.0),
        ("0", T0 + 1, 2.0),
    ];
    let stored = store.append(&batch(&rows), T0).unwrap();
    assert_eq!(stored.rejected, [1, 1, 1, 1]);
    assert_eq!(stored.times, [T0 - 3_600_000, T0 + 1]);
    assert_eq!(store.counters().duplicates.load(Ordering::Relaxed), 1);
}

#[test]
fn the_order_of_refusal_is_the_same_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    {
        let store = open(&dir, T0);
        store.append(&batch(&[("0", T0, 1.0)]), T0).unwrap();
        store.commit().unwrap();
        store.seal().unwrap();
    }
    let store = open(&dir, T0);
    assert_eq!(store.append(&batch(&[("0", T0 - 3_600_001, 1.0)]), T0).unwrap().rejected, [1, 0, 0, 0]);
}

#[test]
fn samples_are_accepted_after_a_clock_that_was_ahead_went_back() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir, T0);
    let ahead = T0 + 5 * 3_600_000;
    for minute in 0..10 {
        store.append(&batch(&[("0", ahead + minute * MINUTE, 1.0)]), ahead + minute * MINUTE).unwrap();
    }
    for minute in 0..10 {
        let stored = store.append(&batch(&[("0", T0 + minute * MINUTE, 2.0)]), T0 + minute * MINUTE).unwrap();
        assert_eq!((stored.ids.len(), stored.rejected), (1, [0; 4]));
    }
    assert_eq!(store.counters().late.load(Ordering::Relaxed), 0);
    assert_eq!(store.windows(id(&store, "0"), Level::M1, T0, T0 + 9 * MINUTE).unwrap().len(), 8);
}

#[test]
fn windows_survive_a_crash_between_any_two_steps_without_losing_or_doubling() {
    let dir = tempfile::tempdir().unwrap();
    let mut now = T0;
    for step in 0..120 {
        let store = open(&dir, now);
        for _ in 0..30 {
            store.append(&batch(&[("0", now, (now % 7_000) as f64), ("1", now, 1.0)]), now).unwrap();
            now += 5_000;
        }
        store.commit().unwrap();
        if step % 2 == 0 {
            store.commit().unwrap();
        }
        if step % 3 == 0 {
            store.seal().unwrap();
        }
        // Dropped like in a crash: uncommitted samples may be lost, everything else must exist.
    }
    let store = open(&dir, now);
    for level in Level::ALL {
        let rows = store.windows(id(&store, "1"), level, T0, now).unwrap();
        let expected = (now - 5_000 - 30_000 - T0) / level.ms();
        assert_eq!(rows.len() as i64, expected, "{level:?}");
        assert!(rows.iter().all(|r| r.count == level.ms() as f64 / 5_000.0 && r.sum == r.count), "{level:?}");
        let direct = windows::from_samples(level, &store.samples(id(&store, "0"), T0, T0 + expected * level.ms() - 1).unwrap());
        let kept = store.windows(id(&store, "0"), level, T0, now).unwrap();
        assert_eq!(
            kept.iter().map(|r| (r.start, r.count, r.sum)).collect::<Vec<_>>(),
            direct.iter().map(|r| (r.start, r.count, r.sum)).collect::<Vec<_>>()
        );
    }
}

#[test]
fn a_late_sample_is_counted_and_the_window_agrees_with_the_samples() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir, T0);
    store.append(&batch(&[("0", T0, 1.0)]), T0).unwrap();
    let stored = store.append(&batch(&[("0", T0 + 2 * MINUTE, 1.0)]), T0).unwrap();
    assert_eq!(stored.closed, [(id(&store, "0"), T0 - MINUTE, T0 + MINUTE)]);
    let stored = store.append(&batch(&[("0", T0 + 1_000, 9.0)]), T0).unwrap();
    assert_eq!((stored.closed.len(), store.counters().late.load(Ordering::Relaxed)), (0, 1));
    let rows = store.windows(id(&store, "0"), Level::M1, T0, T0 + 10 * MINUTE).unwrap();
    assert_eq!(rows.iter().map(|r| (r.start, r.count, r.max)).collect::<Vec<_>>(), [(T0, 2.0, 9.0)], "the next minute is open");
}

#[test]
fn a_silent_series_holds_its_windows_open_no_longer_than_its_day() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir, T0);
    store.append(&batch(&[("0", T0, 1.0)]), T0).unwrap();
    let (later, idle) = (T0 + 3 * MINUTE, 2 * MINUTE);
    assert_eq!(store.close_silent(T0 + MINUTE, idle), []);
    assert_eq!(store.close_silent(later, idle), [(id(&store, "0"), T0 - MINUTE, T0 + 2 * MINUTE)]);
    assert_eq!(store.windows(id(&store, "0"), Level::M1, T0, later).unwrap().len(), 1);
    let day = partition::DAY_MS;
    assert_eq!(store.close_silent(T0 + 3 * day, idle), [(id(&store, "0"), T0 + 2 * MINUTE, T0 + day)]);
    assert_eq!(store.windows(id(&store, "0"), Level::H24, T0, T0 + day).unwrap().len(), 1);
    drop(store);
}

/// Options under which a day is compacted as soon as it is over.
fn eager() -> StoreOptions {
    StoreOptions { quiet: Duration::ZERO, ..StoreOptions::default() }
}

fn compact_all(store: &StoreWriter, now: TimestampMs) -> Vec<Compacted> {
    std::iter::from_fn(|| store.compact(now, 1.0).unwrap()).collect()
}

/// A sample a minute for some days, series `0` and `1`, from two days before [`T0`] on.
fn some_days(store: &StoreWriter, days: i64) {
    for day in 0..days {
        let start = T0 + (day - 2) * partition::DAY_MS;
        let mut rows = Batch::default();
        for minute in 0..1_440 {
            for cpu in ["0", "1"] {
                rows.push(Labels::metric("load", &[("cpu", cpu)]), start + minute * MINUTE, (minute % 60) as f64);
            }
        }
        store.append(&rows, start + partition::DAY_MS).unwrap();
        store.commit().unwrap();
        store.seal().unwrap();
    }
}

fn hours(store: &StoreWriter, cpu: &str) -> Vec<WindowRow> {
    store.windows(id(store, cpu), Level::H1, 0, i64::MAX).unwrap()
}

/// What a query over whole hours gives, from hours or from samples; and how many hours it read.
fn over_time(store: &StoreWriter, query: &str, (start, end): (TimestampMs, TimestampMs), use_windows: bool) -> (Vec<Vec<f64>>, usize) {
    let params = promql::Params {
        start,
        end,
        step: 3_600_000,
        lookback: 300_000,
        default_step: MINUTE,
        delayed_names: false,
        use_windows,
        max_samples: 10_000_000,
        max_bytes: 256 << 20,
        deadline: Instant::now() + Duration::from_secs(60),
        cancelled: Arc::default(),
    };
    let (answer, notes) =
        promql::evaluate(&promql::Query::parse(query, promql::syntax::Grid::default()).unwrap(), &params, &**store).unwrap();
    let promql::Answer::Vector(rows) = answer else { panic!("{query}: no vector") };
    (rows.into_iter().map(|row| row.values).collect(), notes.hours)
}

#[test]
fn a_snapshot_opens_and_holds_everything_accepted() {
    let dir = tempfile::tempdir().unwrap();
    let now = T0 + 2 * 3_600_000;
    let store = StoreWriter::open(&dir.path().join("live"), eager(), now).unwrap();
    some_days(&store, 2);
    compact_all(&store, now);
    store.append(&batch(&[("0", T0, 5.0), ("2", T0, 6.0)]), now).unwrap();
    store.add_events(&[Event::new(T0, "service", "start", "x", "started")]).unwrap();
    let copy = dir.path().join("copy");
    store.snapshot(&copy).unwrap();
    assert!(store.snapshot(&copy).unwrap_err().to_string().contains("exists already"));
    store.append(&batch(&[("0", T0 + 1, 7.0)]), now).unwrap();
    let copied = StoreWriter::open(&copy, eager(), now).unwrap();
    assert_eq!(read(&copied, "0").len() + 1, read(&store, "0").len());
    assert_eq!((read(&copied, "1"), read(&copied, "2")), (read(&store, "1"), read(&store, "2")));
    assert_eq!(copied.events(0, i64::MAX - 1, 9, |_| true).unwrap().len(), 1);
}

#[test]
fn a_directory_is_used_by_one_process_and_a_later_format_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    {
        let _store = open(&dir, T0);
        let error = StoreWriter::open(dir.path(), StoreOptions::default(), T0).err().unwrap().to_string();
        assert!(error.contains(&format!("process {}", std::process::id())), "{error}");
    }
    let identity = fs::read_to_string(dir.path().join("identity")).unwrap();
    let later = identity.replace(&format!("format {FORMAT}"), &format!("format {}", FORMAT + 1));
    let (body, _) = later.split_once("checksum").unwrap();
    fs::write(dir.path().join("identity"), format!("{body}checksum {:08x}\n", crc32fast::hash(body.as_bytes()))).unwrap();
    let error = StoreWriter::open(dir.path(), StoreOptions::default(), T0).err().unwrap().to_string();
    assert!(error.contains(&format!("has format {}, this version knows {FORMAT}", FORMAT + 1)), "{error}");
}

#[test]
fn events_and_documents_survive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    {
        let store = open(&dir, T0);
        let events = [1, 2, 3].map(|n| Event::new(T0 + n, "taskmaster", "task_status", n.to_string(), "moved"));
        store.add_events(&events).unwrap();
        store.change_documents("alerts", vec![("a".into(), Some(b"1".to_vec())), ("b".into(), Some(b"2".to_vec()))]).unwrap();
        store.change_documents("alerts", vec![("a".into(), None)]).unwrap();
    }
    let store = open(&dir, T0);
    let subjects: Vec<_> = store.events(T0, T0 + 2, 10, |_| true).unwrap().into_iter().map(|(_, e)| e.subject).collect();
    assert_eq!(subjects, ["2", "1"]);
    assert_eq!(store.documents("alerts").unwrap(), [("b".to_owned(), b"2".to_vec())]);
}

/// One step of the model test.
#[derive(Debug, Clone)]
enum Step {
    Append(Vec<(u8, i64, u64)>),
    Seal,
    Compact,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => prop::collection::vec((0u8..4, 0i64..3_000, any::<u64>()), 1..40).prop_map(Step::Append),
        1 => Just(Step::Seal),
        1 => Just(Step::Compact),
        1 => Just(Step::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn the_store_holds_what_a_map_would(steps in prop::collection::vec(step(), 1..40)) {
        let dir = tempfile::tempdir().unwrap();
        // Samples of a finished day and of the current one.
        let (begin, now) = (T0 - 1_500_000, T0 + 3_700_000);
        let open = || StoreWriter::open(dir.path(), StoreOptions { out_of_order_ms: 3_600_000, ..eager() }, now).unwrap();
        let mut store = open();
        let mut model: BTreeMap<u8, BTreeMap<i64, u64>> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Append(rows) => {
                    let mut appended = Batch::default();
                    for (series, second, bits) in rows {
                        appended.push(Labels::metric("load", &[("cpu", &series.to_string())]), begin + second * 1_000, f64::from_bits(bits));
                        model.entry(series).or_default().insert(begin + second * 1_000, bits);
                    }
                    prop_assert_eq!(store.append(&appended, now).unwrap().rejected, [0; 4]);
                    store.commit().unwrap();
                }
                Step::Seal => { store.seal().unwrap(); }
                Step::Compact => { compact_all(&store, now); }
                Step::Restart => {
                    drop(store);
                    store = open();
                }
            }
            for (series, rows) in &model {
                prop_assert_eq!(&read(&store, &series.to_string()), &rows.iter().map(|(t, bits)| (*t, *bits)).collect::<Vec<_>>());
            }
        }
        for (series, rows) in model {
            prop_assert_eq!(read(&store, &series.to_string()), rows.into_iter().collect::<Vec<_>>());
        }
    }
}

#[test]
fn refused_samples_do_not_count_against_the_series_limit() {
    let dir = tempfile::tempdir().unwrap();
    let options = StoreOptions { max_series: 2, ..StoreOptions::default() };
    let store = StoreWriter::open(dir.path(), options, T0).unwrap();
    let old = T0 - 31 * partition::DAY_MS;
    let rows = [("0", old, 1.0), ("1", old, 1.0), ("2", T0, 1.0), ("3", old, 1.0), ("4", T0, 1.0), ("5", T0, 1.0)];
    let stored = store.append(&batch(&rows), T0).unwrap();
    assert_eq!((stored.rejected, stored.times.len()), ([0, 3, 0, 1], 2));
    assert_eq!(store.status().series, 2);
    assert_eq!((read(&store, "2").len(), read(&store, "4").len()), (1, 1));
}

#[test]
fn samples_are_refused_when_too_many_wait_for_a_seal() {
    let dir = tempfile::tempdir().unwrap();
    let store = StoreWriter::open(dir.path(), StoreOptions { max_waiting: 100, ..StoreOptions::default() }, T0).unwrap();
    for n in 0..200 {
        store.append(&batch(&[("0", T0 + n, 1.0)]), T0).unwrap_or_else(|error| {
            assert!(n > 100 && error.to_string().contains("samples wait to be sealed"), "{n}: {error}");
            Stored::default()
        });
    }
    assert_eq!(read(&store, "0").len(), 101);
    store.seal().unwrap();
    store.append(&batch(&[("0", T0 + 1_000, 1.0)]), T0).unwrap();
}
