//! Finished days, their hours, and removal.

use super::*;

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
    // A late sample causes a new file for the day.
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

#[test]
fn hours_give_the_same_answers_as_samples_and_outlive_them() {
    let dir = tempfile::tempdir().unwrap();
    let day = partition::DAY_MS;
    let options = StoreOptions { windows_retention_ms: 60 * day, ..eager() };
    let store = Store::open(dir.path(), options, T0).unwrap();
    // Samples exactly on the hour and next to it, stale markers and gaps; a series with NaN is answered from samples.
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
fn samples_are_removed_at_their_retention_then_hours_with_their_day() {
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
fn the_oldest_days_are_removed_when_the_directory_is_too_large() {
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
fn late_samples_of_one_series_do_not_affect_the_hours_of_another() {
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
