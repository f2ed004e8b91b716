//! Damaged and missing files: what is intact is served, the rest is reported.

use super::*;

/// Opens the store again: it has no day to compact and no problem.
fn assert_nothing_is_left_to_do(dir: &TempDir, now: TimestampMs) {
    let store = StoreWriter::open(dir.path(), eager(), now).unwrap();
    assert_eq!(compact_all(&store, now), []);
    assert_eq!(store.problems(), Vec::<String>::new());
}

#[test]
fn damaged_progress_is_reported_and_loses_nothing() {
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
fn a_damaged_chunk_is_reported_and_the_rest_is_served() {
    let dir = tempfile::tempdir().unwrap();
    let now = T0 + 2 * 3_600_000;
    {
        let store = StoreWriter::open(dir.path(), eager(), now).unwrap();
        some_days(&store, 2);
        compact_all(&store, now);
    }
    let file = chunk_file(&dir, "2026-11-22");
    let whole = fs::read(&file).unwrap();
    // After headers and times come the values of the first series; some of these bytes have a second copy.
    let damaged = (110..170).find_map(|at| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        fs::write(&file, &bytes).unwrap();
        let store = StoreWriter::open(dir.path(), eager(), now).unwrap();
        (read(&store, "0").len() < 2 * 1_440).then_some(store)
    });
    let store = damaged.unwrap();
    let (first, second) = (read(&store, "0").len(), read(&store, "1").len());
    assert!(first >= 2 * 1_440 - 512 && second == 2 * 1_440, "{first} {second}");
    assert!(store.problems()[0].contains(r#"samples of load{cpu="0"} from 2026-11-22T"#), "{:?}", store.problems());
    drop(store);
    fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    let store = StoreWriter::open(dir.path(), eager(), now).unwrap();
    assert!(read(&store, "1").len() >= 1_440);
    assert!(store.problems().iter().any(|p| p.contains("partition 2026-11-22: ")), "{:?}", store.problems());
}

#[test]
fn damage_in_a_finished_day_is_found_by_the_compactor_and_the_day_is_rewritten() {
    let dir = tempfile::tempdir().unwrap();
    let now = T0 + 2 * 3_600_000;
    let before = {
        let store = StoreWriter::open(dir.path(), eager(), now).unwrap();
        some_days(&store, 2);
        compact_all(&store, now);
        hours(&store, "0")
    };
    let file = chunk_file(&dir, "2026-11-22");
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&file, &bytes).unwrap();
    let store = StoreWriter::open(dir.path(), eager(), now).unwrap();
    compact_all(&store, now);
    compact_all(&store, now);
    assert!(store.problems()[0].contains("are damaged"), "{:?}", store.problems());
    assert_ne!(chunk_file(&dir, "2026-11-22"), file);
    let kept = fs::read_dir(dir.path().join("quarantine")).unwrap().map(|e| fs::read(e.unwrap().path()).unwrap()).collect::<Vec<_>>();
    assert_eq!(kept, [bytes]);
    assert_eq!(hours(&store, "0"), before);
    drop(store);
    assert_nothing_is_left_to_do(&dir, now);
}

#[test]
fn a_day_with_a_damaged_seal_is_compacted_with_everything_intact() {
    let dir = tempfile::tempdir().unwrap();
    let now = T0 + 2 * 3_600_000;
    {
        let store = StoreWriter::open(dir.path(), eager(), now).unwrap();
        some_days(&store, 2);
    }
    let file = dir.path().join("partitions/2026-11-22/1.pages");
    let whole = fs::read(&file).unwrap();
    let damaged = (150..whole.len()).step_by(40).find_map(|at| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        fs::write(&file, &bytes).unwrap();
        let store = StoreWriter::open(dir.path(), eager(), now).unwrap();
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
    assert_nothing_is_left_to_do(&dir, now);
}

#[test]
fn a_day_without_manifests_is_restored_from_its_files() {
    let dir = tempfile::tempdir().unwrap();
    let now = T0 + 2 * 3_600_000;
    let before = {
        let store = StoreWriter::open(dir.path(), eager(), now).unwrap();
        some_days(&store, 2);
        compact_all(&store, now);
        (read(&store, "0"), hours(&store, "1"))
    };
    for name in ["manifest", "manifest.old"] {
        fs::remove_file(dir.path().join("partitions/2026-11-22").join(name)).unwrap();
    }
    let store = StoreWriter::open(dir.path(), eager(), now).unwrap();
    assert_eq!((read(&store, "0"), hours(&store, "1")), before);
    assert!(store.problems()[0].contains("its manifest is missing"), "{:?}", store.problems());
    drop(store);
    assert_eq!(StoreWriter::open(dir.path(), eager(), now).unwrap().problems(), Vec::<String>::new(), "it was written again");
}
