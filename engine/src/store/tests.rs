//! The store through its public door: what is read is what was written, whatever happened in between.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::model::{Batch, Labels, SeriesId};
use crate::promql::Selector;
use crate::windows::{self, Level};

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

/// Closes what is due at every level, as the actors do.
fn close_all(store: &Store) -> usize {
    let mut closed = 0;
    for level in Level::ALL {
        let lateness = store.options().allowed_lateness_ms;
        let due: Vec<_> = store
            .progress(level)
            .into_iter()
            .map(|p| (p.id, if level == Level::M1 { windows::close_through(level, p.newest, lateness) } else { level.floor(p.below) }))
            .collect();
        closed += store.close_windows(level, &due).unwrap().len();
    }
    closed
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
        assert_eq!(store.status().journal_records, 1);
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
fn several_selectors_name_each_series_once() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir, T0);
    store.append(&batch(&[("0", T0, 1.0), ("1", T0, 1.0), ("2", T0, 1.0)]), T0).unwrap();
    let select = |queries: &[&str]| store.select_any(&queries.iter().map(|q| Selector::parse(q).unwrap()).collect::<Vec<_>>()).len();
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
    close_all(&store);
    for minute in 0..10 {
        let stored = store.append(&batch(&[("0", T0 + minute * MINUTE, 2.0)]), T0 + minute * MINUTE).unwrap();
        assert_eq!((stored.ids.len(), stored.rejected), (1, [0; 4]));
    }
    assert_eq!(store.counters().late.load(Ordering::Relaxed), 0);
    close_all(&store);
    assert_eq!(store.windows(id(&store, "0"), Level::M1, T0, T0 + 9 * MINUTE).unwrap().len(), 10);
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
            close_all(&store);
            if step % 4 == 0 {
                store.commit().unwrap();
            }
        }
        if step % 3 == 0 {
            store.seal().unwrap();
        }
        // Dropped without a word: what was not committed may be gone, all else must be there.
    }
    let store = open(&dir, now);
    close_all(&store);
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
fn a_late_sample_is_counted_and_kept_but_reopens_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir, T0);
    store.append(&batch(&[("0", T0, 1.0), ("0", T0 + 2 * MINUTE, 1.0)]), T0).unwrap();
    assert_eq!(close_all(&store), 1);
    store.append(&batch(&[("0", T0 + 1_000, 9.0)]), T0).unwrap();
    close_all(&store);
    assert_eq!(store.counters().late.load(Ordering::Relaxed), 1);
    assert_eq!(store.windows(id(&store, "0"), Level::M1, T0, T0).unwrap()[0].count, 1.0);
    assert_eq!(read(&store, "0").len(), 3);
}

#[test]
fn retention_takes_whole_days_and_leaves_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    let day = partition::DAY_MS;
    let store = open(&dir, T0);
    for d in 0..40 {
        let now = T0 + d * day;
        store.append(&batch(&[("0", now, d as f64)]), now).unwrap();
        store.add_events(&[Event::new(now, "service", "start", "x", "started")]).unwrap();
    }
    store.seal().unwrap();
    let now = T0 + 40 * day;
    let gone = store.apply_retention(now).unwrap();
    assert_eq!((gone.len(), gone[0].as_str()), (10, "2026-11-24"));
    assert_eq!(read(&store, "0").len(), 30);
    assert_eq!(store.events(0, now, 1_000, |_| true).unwrap().len(), 30);
    assert!(!dir.path().join("partitions/2026-11-24").exists());
}

#[test]
fn one_process_has_a_directory_and_a_later_format_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    {
        let store = open(&dir, T0);
        let error = Store::open(dir.path(), StoreOptions::default(), T0).err().unwrap().to_string();
        assert!(error.contains(&format!("process {}", std::process::id())), "{error}");
        store.catalog.set_format(FORMAT + 1);
    }
    let error = Store::open(dir.path(), StoreOptions::default(), T0).err().unwrap().to_string();
    assert!(error.contains("has format 2, this version knows up to 1"), "{error}");
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
    Close,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => prop::collection::vec((0u8..4, 0i64..3_000, any::<u64>()), 1..40).prop_map(Step::Append),
        1 => Just(Step::Seal),
        1 => Just(Step::Close),
        1 => Just(Step::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn the_store_holds_what_a_map_would(steps in prop::collection::vec(step(), 1..40)) {
        let dir = tempfile::tempdir().unwrap();
        let now = T0 + 3_600_000;
        let mut store = open(&dir, now);
        let mut model: BTreeMap<u8, BTreeMap<i64, u64>> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Append(rows) => {
                    let mut appended = Batch::default();
                    for (series, second, bits) in rows {
                        appended.push(Labels::metric("load", &[("cpu", &series.to_string())]), T0 + second * 1_000, f64::from_bits(bits));
                        model.entry(series).or_default().insert(T0 + second * 1_000, bits);
                    }
                    prop_assert_eq!(store.append(&appended, now).unwrap().rejected, [0; 4]);
                    store.commit().unwrap();
                }
                Step::Seal => { store.seal().unwrap(); }
                Step::Close => { close_all(&store); }
                Step::Restart => {
                    drop(store);
                    store = open(&dir, now);
                }
            }
        }
        for (series, rows) in model {
            prop_assert_eq!(read(&store, &series.to_string()), rows.into_iter().collect::<Vec<_>>());
        }
    }
}
