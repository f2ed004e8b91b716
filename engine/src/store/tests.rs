//! The store through its public door: what is read is what was written, whatever happened in between.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::model::{Batch, Labels, Selector, SeriesId};
use crate::promql;
use crate::windows::{self, Level, WindowRow};

const T0: TimestampMs = 1_795_478_400_000; // 2026-11-24T00:00:00Z
const MINUTE: i64 = 60_000;

fn open(dir: &TempDir, now: TimestampMs) -> Store {
    Store::open(dir.path(), StoreOptions::default(), now).unwrap()
}

fn batch(rows: &[(&str, TimestampMs, f64)]) -> Batch {
    let mut batch = Batch::default();
    for &(cpu, t, v) in rows {
        batch.push(Labels::metric("load", &[("cpu", cpu)]), t, v);
    }
    batch
}

fn id(store: &Store, cpu: &str) -> SeriesId {
    store.series_id(&Labels::metric("load", &[("cpu", cpu)])).unwrap()
}

fn read(store: &Store, cpu: &str) -> Vec<(TimestampMs, u64)> {
    store.samples(id(store, cpu), i64::MIN, i64::MAX).unwrap().iter().map(|s| (s.t, s.v.to_bits())).collect()
}

fn limits() -> Limits {
    Limits { max_samples: 1_000_000, deadline: Instant::now() + Duration::from_secs(60) }
}

#[test]
fn what_was_committed_is_there_after_a_restart_sealed_or_not() {
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
fn a_series_has_samples_where_there_are_some_and_not_between_them() {
    let dir = tempfile::tempdir().unwrap();
    let day = partition::DAY_MS;
    let store = Store::open(dir.path(), eager(), T0 - 2 * day).unwrap();
    let rows = [("0", T0 - 2 * day, 1.0), ("0", T0 - 2 * day + MINUTE, 1.0), ("0", T0 + 3 * MINUTE, 1.0), ("1", T0 + MINUTE, f64::NAN)];
    let ask = |store: &Store| {
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
    let store = Store::open(dir.path(), options, T0).unwrap();
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
fn a_clock_that_was_ahead_and_went_back_shuts_nothing_out() {
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
        // Dropped without a word: what was not committed may be gone, all else must be there.
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

fn compact_all(store: &Store, now: TimestampMs) -> Vec<Compacted> {
    std::iter::from_fn(|| store.compact(now, 1.0).unwrap()).collect()
}

/// A sample a minute for some days, series `0` and `1`, from two days before [`T0`] on.
fn some_days(store: &Store, days: i64) {
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

fn hours(store: &Store, cpu: &str) -> Vec<WindowRow> {
    store.windows(id(store, cpu), Level::H1, 0, i64::MAX).unwrap()
}

#[test]
fn a_finished_day_is_one_file_and_reads_as_before() {
    let dir = tempfile::tempdir().unwrap();
    let now = T0 + 2 * 3_600_000;
    let store = Store::open(dir.path(), eager(), now).unwrap();
    some_days(&store, 2);
    store.append(&batch(&[("0", T0, 5.0)]), now).unwrap();
    store.seal().unwrap();
    let (before, windows) = (read(&store, "0"), hours(&store, "0"));
    let done = compact_all(&store, now);
    assert_eq!(
        done.iter().map(|c| (c.day.as_str(), c.samples, c.finished)).collect::<Vec<_>>(),
        [("2026-11-22", 2_880, true), ("2026-11-23", 2_880, true)]
    );
    let names: Vec<_> = fs::read_dir(dir.path().join("partitions/2026-11-22")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names.len(), 3, "the file and two manifests: {names:?}");
    assert_eq!((read(&store, "0"), hours(&store, "0")), (before.clone(), windows.clone()));
    assert_eq!(compact_all(&store, now), []);
    // A late sample joins the day: the file is made anew.
    let late = T0 - 61 * MINUTE + 1;
    store.append(&batch(&[("1", late, 99.0)]), now).unwrap();
    assert_eq!(hours(&store, "1").iter().map(|r| r.max).fold(0.0, f64::max), 99.0, "in the head");
    store.commit().unwrap();
    store.seal().unwrap();
    assert_eq!(hours(&store, "1").iter().map(|r| r.max).fold(0.0, f64::max), 99.0, "in the hot part");
    assert_eq!(compact_all(&store, now).len(), 1);
    drop(store);
    let store = Store::open(dir.path(), eager(), now).unwrap();
    assert_eq!((read(&store, "0"), hours(&store, "0")), (before, windows));
    assert_eq!(hours(&store, "1").iter().map(|r| r.max).fold(0.0, f64::max), 99.0, "in the file");
}

/// What a query over whole hours gives, from hours or from samples; and how many hours it read.
fn over_time(store: &Store, query: &str, (start, end): (TimestampMs, TimestampMs), use_windows: bool) -> (Vec<Vec<f64>>, usize) {
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
    let (answer, notes) = promql::evaluate(&promql::parse_expr(query).unwrap(), &params, store).unwrap();
    let promql::Answer::Vector(rows) = answer else { panic!("{query}: no vector") };
    (rows.into_iter().map(|row| row.values).collect(), notes.hours)
}

#[test]
fn hours_answer_in_the_place_of_samples_with_the_same_numbers_and_outlive_them() {
    let dir = tempfile::tempdir().unwrap();
    let day = partition::DAY_MS;
    let options = StoreOptions { windows_retention_ms: 60 * day, ..eager() };
    let store = Store::open(dir.path(), options, T0).unwrap();
    // Samples exactly on the hour, just beside it, stale markers and gaps; a series with NaN keeps to its samples.
    let mut rows = Batch::default();
    for at in 0..2 * 1_440 {
        let t = T0 - 2 * day + at * MINUTE;
        let v = ((at * 7_919) % 1_000) as f64 / 10.0 - 30.0;
        rows.push(Labels::metric("load", &[("cpu", "0")]), t, v);
        if at % 400 < 300 {
            rows.push(Labels::metric("load", &[("cpu", "1")]), t + if at % 60 == 59 { 59_999 } else { 1 }, v);
        } else if at % 400 == 300 {
            rows.push(Labels::metric("load", &[("cpu", "1")]), t + 1, f64::from_bits(crate::model::STALE_NAN_BITS));
        }
        rows.push(Labels::metric("load", &[("cpu", "2")]), t, if at == 100 { f64::NAN } else { v });
    }
    store.append(&rows, T0).unwrap();
    store.commit().unwrap();
    store.seal().unwrap();
    assert_eq!(compact_all(&store, T0 + 3_600_000).len(), 2);
    store.append(&batch(&[("0", T0, 5.0), ("0", T0 + 1, 50.0)]), T0).unwrap();
    let (from, to) = (T0 - 2 * day, T0 + 3_600_000);
    let whole = |values: &[Vec<f64>]| values.iter().map(|v| v.iter().map(|v| v.to_bits()).collect::<Vec<_>>()).collect::<Vec<_>>();
    for name in ["sum", "count", "avg", "min", "max"] {
        for range in ["[1h]", "[3h]", "[1d]", "[2h] offset 1h", "[1h] @ 1795456800"] {
            let query = format!("{name}_over_time(load{range})");
            let (from_hours, hours) = over_time(&store, &query, (from, to), true);
            let (from_samples, none) = over_time(&store, &query, (from, to), false);
            assert!(hours > 0 && none == 0, "{query}: {hours} hours");
            assert_eq!(from_hours.len(), from_samples.len(), "{query}");
            if name == "sum" || name == "avg" {
                for (a, b) in from_hours.iter().flatten().zip(from_samples.iter().flatten()) {
                    assert!(
                        a.to_bits() == b.to_bits() || (a - b).abs() <= 1e-11 * b.abs().max(1.0) || (a.is_nan() && b.is_nan()),
                        "{query}: {a} {b}"
                    );
                }
            } else {
                assert_eq!(whole(&from_hours), whole(&from_samples), "{query}");
            }
        }
    }
    assert_eq!(over_time(&store, "avg_over_time(load[90m])", (from, to), true).1, 0, "no whole hours");
    assert_eq!(over_time(&store, "avg_over_time(load[1h])", (from + 1, to), true).1, 0, "beside the hour");
    let before = over_time(&store, "avg_over_time(load{cpu=\"0\"}[1h])", (from, T0 - day), true).0;
    compact_all(&store, T0 + 40 * day);
    assert_eq!(read(&store, "0").iter().filter(|s| s.0 < T0).count(), 0, "the samples are past their retention");
    assert_eq!(whole(&over_time(&store, "avg_over_time(load{cpu=\"0\"}[1h])", (from, T0 - day), true).0), whole(&before));
}

#[test]
fn samples_go_at_their_retention_hours_stay_and_days_go_at_last() {
    let dir = tempfile::tempdir().unwrap();
    let day = partition::DAY_MS;
    let short = Selector::parse(r#"load{cpu="1"}"#).unwrap();
    let options = StoreOptions { retention_overrides: vec![(short, 7 * day)], windows_retention_ms: 60 * day, ..eager() };
    let store = Store::open(dir.path(), options, T0).unwrap();
    some_days(&store, 3);
    let last_day = T0 + day;
    let windows = hours(&store, "1");
    compact_all(&store, last_day + 2 * day);
    assert_eq!((read(&store, "0").len(), read(&store, "1").len()), (3 * 1_440, 3 * 1_440));
    compact_all(&store, last_day + 7 * day);
    assert_eq!((read(&store, "0").len(), read(&store, "1").len()), (3 * 1_440, 0), "the shorter retention");
    compact_all(&store, last_day + 28 * day);
    assert_eq!(read(&store, "0").len(), 2 * 1_440, "the first day is past thirty days");
    compact_all(&store, last_day + 40 * day);
    assert_eq!((read(&store, "0").len(), hours(&store, "1")), (0, windows), "hours are kept longer");
    assert_eq!(store.windows(id(&store, "0"), Level::M1, 0, i64::MAX).unwrap(), [], "shorter windows need samples");
    assert_eq!(store.windows(id(&store, "0"), Level::H24, 0, i64::MAX).unwrap().len(), 2);
    assert_eq!(store.apply_retention(last_day + 58 * day).unwrap(), ["2026-11-22"]);
    assert_eq!(store.apply_retention(last_day + 62 * day).unwrap().len(), 2);
    assert!(!dir.path().join("partitions/2026-11-24").exists());
}

#[test]
fn the_oldest_days_go_when_the_directory_is_too_large() {
    let dir = tempfile::tempdir().unwrap();
    let now = T0 + 2 * partition::DAY_MS;
    {
        let store = Store::open(dir.path(), eager(), now).unwrap();
        some_days(&store, 4);
        compact_all(&store, now);
    }
    let store = Store::open(dir.path(), StoreOptions { max_bytes: 1, ..eager() }, now).unwrap();
    assert_eq!(store.apply_retention(now).unwrap(), ["2026-11-22", "2026-11-23", "2026-11-24"]);
    assert_eq!(read(&store, "0").len(), 1_440, "the newest day stays");
}

#[test]
fn a_snapshot_opens_as_it_is_and_holds_all_that_was_accepted() {
    let dir = tempfile::tempdir().unwrap();
    let now = T0 + 2 * 3_600_000;
    let store = Store::open(&dir.path().join("live"), eager(), now).unwrap();
    some_days(&store, 2);
    compact_all(&store, now);
    store.append(&batch(&[("0", T0, 5.0), ("2", T0, 6.0)]), now).unwrap();
    store.add_events(&[Event::new(T0, "service", "start", "x", "started")]).unwrap();
    let copy = dir.path().join("copy");
    store.snapshot(&copy).unwrap();
    assert!(store.snapshot(&copy).unwrap_err().to_string().contains("exists already"));
    store.append(&batch(&[("0", T0 + 1, 7.0)]), now).unwrap();
    let copied = Store::open(&copy, eager(), now).unwrap();
    assert_eq!(read(&copied, "0").len() + 1, read(&store, "0").len());
    assert_eq!((read(&copied, "1"), read(&copied, "2")), (read(&store, "1"), read(&store, "2")));
    assert_eq!(copied.events(0, i64::MAX - 1, 9, |_| true).unwrap().len(), 1);
}

#[test]
fn damaged_progress_is_told_and_everything_is_still_there() {
    let dir = tempfile::tempdir().unwrap();
    let before = {
        let store = open(&dir, T0);
        store.append(&batch(&[("0", T0, 1.0), ("1", T0 - 50 * MINUTE, 2.0)]), T0).unwrap();
        store.commit().unwrap();
        store.seal().unwrap();
        store.append(&batch(&[("0", T0 + 1, 3.0)]), T0).unwrap();
        store.commit().unwrap();
        (read(&store, "0"), read(&store, "1"))
    };
    fs::write(dir.path().join("progress"), "?").unwrap();
    let store = open(&dir, T0 + MINUTE);
    assert_eq!((read(&store, "0"), read(&store, "1")), before);
    assert!(store.problems()[0].contains("progress is damaged: not a progress file"), "{:?}", store.problems());
    store.append(&batch(&[("0", T0 + 2, 4.0)]), T0 + MINUTE).unwrap();
    store.commit().unwrap();
    drop(store);
    assert_eq!(read(&open(&dir, T0 + MINUTE), "0").len(), 3, "record numbers went on");
}

fn chunk_file(dir: &TempDir, day: &str) -> PathBuf {
    let is_file = |path: &PathBuf| path.extension().is_some_and(|e| e == "chunks");
    fs::read_dir(dir.path().join("partitions").join(day)).unwrap().map(|e| e.unwrap().path()).find(is_file).unwrap()
}

#[test]
fn a_damaged_chunk_is_told_and_the_rest_serves_on() {
    let dir = tempfile::tempdir().unwrap();
    let now = T0 + 2 * 3_600_000;
    {
        let store = Store::open(dir.path(), eager(), now).unwrap();
        some_days(&store, 2);
        compact_all(&store, now);
    }
    let file = chunk_file(&dir, "2026-11-22");
    let whole = fs::read(&file).unwrap();
    // Behind headers and times are the values of the first series; some bytes of them are there twice.
    let damaged = (110..170).find_map(|at| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        fs::write(&file, &bytes).unwrap();
        let store = Store::open(dir.path(), eager(), now).unwrap();
        (read(&store, "0").len() < 2 * 1_440).then_some(store)
    });
    let store = damaged.unwrap();
    let (first, second) = (read(&store, "0").len(), read(&store, "1").len());
    assert!(first >= 2 * 1_440 - 512 && second == 2 * 1_440, "{first} {second}");
    assert!(store.problems()[0].contains(r#"samples of load{cpu="0"} from 2026-11-22T"#), "{:?}", store.problems());
    drop(store);
    fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    let store = Store::open(dir.path(), eager(), now).unwrap();
    assert!(read(&store, "1").len() >= 1_440);
    assert!(store.problems().iter().any(|p| p.contains("partition 2026-11-22: ")), "{:?}", store.problems());
}

#[test]
fn damage_in_a_finished_day_is_found_unasked_and_the_day_is_written_anew() {
    let dir = tempfile::tempdir().unwrap();
    let now = T0 + 2 * 3_600_000;
    let before = {
        let store = Store::open(dir.path(), eager(), now).unwrap();
        some_days(&store, 2);
        compact_all(&store, now);
        hours(&store, "0")
    };
    let file = chunk_file(&dir, "2026-11-22");
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&file, &bytes).unwrap();
    let store = Store::open(dir.path(), eager(), now).unwrap();
    compact_all(&store, now);
    compact_all(&store, now);
    assert!(store.problems()[0].contains("are damaged"), "{:?}", store.problems());
    assert_ne!(chunk_file(&dir, "2026-11-22"), file);
    let kept = fs::read_dir(dir.path().join("quarantine")).unwrap().map(|e| fs::read(e.unwrap().path()).unwrap()).collect::<Vec<_>>();
    assert_eq!(kept, [bytes]);
    assert_eq!(hours(&store, "0"), before);
    drop(store);
    let store = Store::open(dir.path(), eager(), now).unwrap();
    assert_eq!(compact_all(&store, now), []);
    assert_eq!(store.problems(), Vec::<String>::new());
}

#[test]
fn a_day_with_a_damaged_seal_is_finished_with_all_that_is_sound() {
    let dir = tempfile::tempdir().unwrap();
    let now = T0 + 2 * 3_600_000;
    {
        let store = Store::open(dir.path(), eager(), now).unwrap();
        some_days(&store, 2);
    }
    let file = dir.path().join("partitions/2026-11-22/1.pages");
    let whole = fs::read(&file).unwrap();
    let damaged = (150..whole.len()).step_by(40).find_map(|at| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        fs::write(&file, &bytes).unwrap();
        let store = Store::open(dir.path(), eager(), now).unwrap();
        let left = read(&store, "0").len() + read(&store, "1").len();
        (left < 4 * 1_440).then_some((store, left))
    });
    let (store, left) = damaged.unwrap();
    assert_eq!(left, 3 * 1_440, "one chunk");
    assert!(compact_all(&store, now).iter().any(|c| c.day == "2026-11-22" && c.finished));
    assert_eq!(read(&store, "0").len() + read(&store, "1").len(), left);
    assert_eq!(fs::read_dir(dir.path().join("quarantine")).unwrap().count(), 1);
    assert!(!file.exists());
    drop(store);
    let store = Store::open(dir.path(), eager(), now).unwrap();
    assert_eq!(compact_all(&store, now), []);
    assert_eq!(store.problems(), Vec::<String>::new());
}

#[test]
fn one_process_has_a_directory_and_a_later_format_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    {
        let _store = open(&dir, T0);
        let error = Store::open(dir.path(), StoreOptions::default(), T0).err().unwrap().to_string();
        assert!(error.contains(&format!("process {}", std::process::id())), "{error}");
    }
    let identity = fs::read_to_string(dir.path().join("identity")).unwrap();
    let later = identity.replace(&format!("format {FORMAT}"), &format!("format {}", FORMAT + 1));
    let (body, _) = later.split_once("checksum").unwrap();
    fs::write(dir.path().join("identity"), format!("{body}checksum {:08x}\n", crc32fast::hash(body.as_bytes()))).unwrap();
    let error = Store::open(dir.path(), StoreOptions::default(), T0).err().unwrap().to_string();
    assert!(error.contains(&format!("has format {}, this version knows {FORMAT}", FORMAT + 1)), "{error}");
}

#[test]
fn events_and_documents_come_back() {
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
        // Samples fall into a day that is over and one that is not.
        let (begin, now) = (T0 - 1_500_000, T0 + 3_700_000);
        let open = || Store::open(dir.path(), StoreOptions { out_of_order_ms: 3_600_000, ..eager() }, now).unwrap();
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
fn a_day_whose_manifests_are_gone_is_put_together_from_its_files() {
    let dir = tempfile::tempdir().unwrap();
    let now = T0 + 2 * 3_600_000;
    let before = {
        let store = Store::open(dir.path(), eager(), now).unwrap();
        some_days(&store, 2);
        compact_all(&store, now);
        (read(&store, "0"), hours(&store, "1"))
    };
    for name in ["manifest", "manifest.old"] {
        fs::remove_file(dir.path().join("partitions/2026-11-22").join(name)).unwrap();
    }
    let store = Store::open(dir.path(), eager(), now).unwrap();
    assert_eq!((read(&store, "0"), hours(&store, "1")), before);
    assert!(store.problems()[0].contains("its manifest is missing"), "{:?}", store.problems());
    drop(store);
    assert_eq!(Store::open(dir.path(), eager(), now).unwrap().problems(), Vec::<String>::new(), "it was written again");
}

#[test]
fn samples_that_are_refused_take_no_place_from_other_series() {
    let dir = tempfile::tempdir().unwrap();
    let options = StoreOptions { max_series: 2, ..StoreOptions::default() };
    let store = Store::open(dir.path(), options, T0).unwrap();
    let old = T0 - 31 * partition::DAY_MS;
    let rows = [("0", old, 1.0), ("1", old, 1.0), ("2", T0, 1.0), ("3", old, 1.0), ("4", T0, 1.0), ("5", T0, 1.0)];
    let stored = store.append(&batch(&rows), T0).unwrap();
    assert_eq!((stored.rejected, stored.times.len()), ([0, 3, 0, 1], 2));
    assert_eq!(store.status().series, 2);
    assert_eq!((read(&store, "2").len(), read(&store, "4").len()), (1, 1));
}

#[test]
fn late_samples_of_one_series_do_not_take_the_hours_of_another() {
    let dir = tempfile::tempdir().unwrap();
    let day = partition::DAY_MS;
    let options = StoreOptions { retention_overrides: vec![(Selector::parse(r#"load{cpu="1"}"#).unwrap(), day)], ..eager() };
    let now = T0 + 2 * day;
    let store = Store::open(dir.path(), options, now).unwrap();
    some_days(&store, 2);
    compact_all(&store, now);
    let before = hours(&store, "1");
    assert_eq!((read(&store, "1").len(), before.len()), (0, 47));
    store.append(&batch(&[("9", T0 - day - 5, 1.0), ("1", T0 - 30 * MINUTE, 9.0)]), now).unwrap();
    store.commit().unwrap();
    store.seal().unwrap();
    assert_eq!(hours(&store, "1")[..46], before[..46]);
    compact_all(&store, now);
    assert_eq!(hours(&store, "1")[..46], before[..46]);
}

#[test]
fn samples_are_refused_when_too_many_wait_for_a_seal() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), StoreOptions { max_waiting: 100, ..StoreOptions::default() }, T0).unwrap();
    for n in 0..200 {
        store.append(&batch(&[("0", T0 + n, 1.0)]), T0).unwrap_or_else(|error| {
            assert!(n > 100 && error.to_string().contains("wait to be written into chunks"), "{n}: {error}");
            Stored::default()
        });
    }
    assert_eq!(read(&store, "0").len(), 101);
    store.seal().unwrap();
    store.append(&batch(&[("0", T0 + 1_000, 1.0)]), T0).unwrap();
}

mod kept;
