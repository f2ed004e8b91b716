//! Damage to any file of a data directory: it can still be opened, the damage is reported, and no series shows samples of another.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::{Path, PathBuf};

use taskpulse_engine::event::Event;
use taskpulse_engine::model::{Batch, Labels};
use taskpulse_engine::store::{Store, StoreError, StoreOptions};

const T0: i64 = 1_795_478_400_000; // 2026-11-24T00:00:00Z
const NOW: i64 = T0 + 2 * 3_600_000;
const SERIES: usize = 6;
const SAMPLES: i64 = 4;

fn open(dir: &Path) -> Result<Store, StoreError> {
    Store::open(dir, StoreOptions::default(), NOW)
}

fn labels(n: usize) -> Labels {
    Labels::metric("load", &[("cpu", &n.to_string())])
}

/// Samples of some series; each value is the number of its series.
fn append(store: &Store, series: impl Iterator<Item = usize>, from: i64) {
    let mut batch = Batch::default();
    for n in series {
        (0..SAMPLES).for_each(|k| batch.push(labels(n), from + k * 1_000, n as f64));
    }
    assert_eq!(store.append(&batch, NOW).unwrap().rejected, [0; 4]);
    store.commit().unwrap();
}

/// Series 0 to 3 in chunks, 2 to 5 in the journal, an event and a document.
fn make(dir: &Path) {
    let store = open(dir).unwrap();
    append(&store, 0..2, T0);
    append(&store, 2..4, T0);
    store.seal().unwrap();
    append(&store, 2..4, T0 + 60_000);
    append(&store, 4..6, T0 + 60_000);
    store.add_events(&[Event::new(T0, "service", "start", "x", "started")]).unwrap();
    store.change_documents("alerts", vec![("a".into(), Some(b"1".to_vec()))]).unwrap();
}

/// The number of samples of each series; none may have a value of another.
fn count(store: &Store, what: &str) -> Vec<i64> {
    let of = |n: usize| {
        let Some(id) = store.series_id(&labels(n)) else { return 0 };
        let samples = store.samples(id, i64::MIN, i64::MAX).unwrap();
        assert!(samples.iter().all(|s| s.v == n as f64), "{what}: series {n} shows another's samples");
        samples.times.len() as i64
    };
    (0..SERIES).map(of).collect()
}

const ALL: [i64; SERIES] = [SAMPLES, SAMPLES, 2 * SAMPLES, 2 * SAMPLES, SAMPLES, SAMPLES];

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() { copy(&entry.path(), &to) } else { fs::copy(entry.path(), &to).map(drop).unwrap() }
    }
}

/// Opens a damaged copy, then adds new series, which must not get existing samples.
fn survives(base: &Path, what: &str, damage: impl FnOnce(&Path)) -> (Vec<i64>, Vec<String>) {
    let dir = tempfile::tempdir().unwrap();
    copy(base, dir.path());
    damage(dir.path());
    let store = open(dir.path()).unwrap_or_else(|error| panic!("{what}: {error}"));
    let (counts, problems) = (count(&store, what), store.problems());
    let new = 100..103;
    append(&store, new.clone(), T0 + 120_000);
    store.seal().unwrap();
    drop(store);
    let store = open(dir.path()).unwrap_or_else(|error| panic!("{what}, once more: {error}"));
    for n in new {
        let samples = store.samples(store.series_id(&labels(n)).unwrap(), i64::MIN, i64::MAX).unwrap();
        assert!(samples.times.len() as i64 == SAMPLES && samples.iter().all(|s| s.v == n as f64), "{what}: {samples:?}");
    }
    assert_eq!(count(&store, what), counts, "{what}: after one more start");
    (counts, problems)
}

fn flip(file: &Path, at: usize, bits: u8) {
    let mut bytes = fs::read(file).unwrap();
    bytes[at] ^= bits;
    fs::write(file, bytes).unwrap();
}

fn journal(dir: &Path) -> PathBuf {
    let files = fs::read_dir(dir.join("journal")).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|e| e == "log")).max().unwrap()
}

/// A file of the data directory, and how many records of the journal one damaged byte may cost.
fn files(dir: &Path) -> Vec<(PathBuf, i64)> {
    let mut files: Vec<(PathBuf, i64)> =
        ["identity", "series.log", "series.synced", "catalog.log", "catalog.synced", "journal/synced", "progress"]
            .map(|name| (PathBuf::from(name), 0))
            .to_vec();
    files.push((journal(dir).strip_prefix(dir).unwrap().to_owned(), 1));
    files
}

#[test]
fn a_damaged_byte_costs_at_most_one_record_and_is_reported() {
    let base = tempfile::tempdir().unwrap();
    make(base.path());
    assert_eq!(survives(base.path(), "nothing", |_| {}), (ALL.to_vec(), vec![]));
    for (file, records) in files(base.path()) {
        let len = fs::metadata(base.path().join(&file)).unwrap().len() as usize;
        for at in (0..len).step_by(11) {
            let what = format!("{} byte {at}", file.display());
            let (counts, problems) = survives(base.path(), &what, |dir| flip(&dir.join(&file), at, 0x21));
            let lost: i64 = ALL.iter().zip(&counts).map(|(all, left)| all - left).sum();
            assert!((0..=2 * SAMPLES * records).contains(&lost), "{what}: {counts:?} {problems:?}");
            assert!(!problems.is_empty(), "{what} is not reported");
        }
    }
}

#[test]
fn a_truncated_or_missing_file_is_reported_and_restored_from_the_others() {
    let base = tempfile::tempdir().unwrap();
    make(base.path());
    for (file, records) in files(base.path()) {
        let len = fs::metadata(base.path().join(&file)).unwrap().len();
        for cut in [None, Some(0), Some(1), Some(len / 3), Some(len - 1)] {
            let what = format!("{} cut to {cut:?}", file.display());
            let (counts, problems) = survives(base.path(), &what, |dir| match cut {
                Some(len) => fs::OpenOptions::new().write(true).open(dir.join(&file)).unwrap().set_len(len).unwrap(),
                None => fs::remove_file(dir.join(&file)).unwrap(),
            });
            if records == 0 {
                assert_eq!(counts, ALL, "{what}: {problems:?}");
            }
            assert!(!problems.is_empty(), "{what} is not reported");
        }
    }
}

#[test]
fn new_series_never_show_old_samples_after_the_catalog_was_lost() {
    let base = tempfile::tempdir().unwrap();
    make(base.path());
    let everything = ["series.log", "series.synced", "catalog.log", "catalog.synced"];
    let (counts, problems) = survives(base.path(), "catalog", |dir| {
        everything.iter().for_each(|name| fs::remove_file(dir.join(name)).unwrap());
        fs::remove_dir_all(dir.join("catalog")).unwrap();
    });
    assert_eq!(counts, ALL, "{problems:?}");
    assert!(problems.iter().any(|problem| problem.contains("series.log")), "{problems:?}");
    let (counts, problems) = survives(base.path(), "catalog and journal", |dir| {
        everything.iter().for_each(|name| fs::remove_file(dir.join(name)).unwrap());
        fs::remove_dir_all(dir.join("catalog")).unwrap();
        fs::remove_dir_all(dir.join("journal")).unwrap();
    });
    assert_eq!(counts, [SAMPLES, SAMPLES, SAMPLES, SAMPLES, 0, 0], "{problems:?}");
}

#[test]
fn a_directory_of_the_last_format_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("catalog")).unwrap();
    fs::write(dir.path().join("catalog/conf"), "?").unwrap();
    let error = open(dir.path()).err().unwrap().to_string();
    assert!(error.contains("has format 3, this version knows 4"), "{error}");
}
