use std::fs;

use proptest::prelude::*;

use super::*;

const ME: Identity = Identity([7; Identity::LEN]);

fn labels(n: u32) -> Labels {
    Labels::metric("m", &[("n", &n.to_string())])
}

fn named(ids: impl IntoIterator<Item = u32>) -> Vec<(SeriesId, Labels)> {
    ids.into_iter().map(|n| (SeriesId(n), labels(n))).collect()
}

fn open(dir: &Path) -> (SeriesLog, Vec<(SeriesId, Labels)>, Option<String>) {
    let mut seen = Vec::new();
    let loaded = SeriesLog::open(dir, ME, |id, labels| seen.push((id, labels))).unwrap();
    (loaded.log, seen, loaded.damage)
}

proptest! {
    #[test]
    fn blocks_of_definitions_are_restored(ids in prop::collection::btree_set(0u32..200_000, 0..300)) {
        let series = named(ids);
        let mut back = Vec::new();
        for run in encode_runs(&series).unwrap() {
            decode_run(&run, |id, labels| back.push((id, labels))).unwrap();
        }
        prop_assert_eq!(back, series);
    }

    #[test]
    fn any_bytes_are_read_or_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        let _ = decode_run(&bytes, |_, _| {});
        let _ = decode_ids(&bytes, |_| {});
    }
}

#[test]
fn ids_of_removed_series_are_never_reused() {
    let dir = tempfile::tempdir().unwrap();
    {
        let (mut log, ..) = open(dir.path());
        log.add(&named(0..10), 10).unwrap();
        log.remove(&[SeriesId(3), SeriesId(8), SeriesId(9), SeriesId(77)]).unwrap();
    }
    let (mut log, seen, damage) = open(dir.path());
    assert_eq!((seen, damage), (named((0..8).filter(|n| *n != 3)), None));
    assert_eq!((log.next(), log.is_removed(SeriesId(9))), (10, true));
    log.rewrite(10, named((0..8).filter(|n| *n != 3)).into_iter()).unwrap();
    let (log, seen, damage) = open(dir.path());
    assert_eq!((seen.len(), damage, log.next()), (7, None, 10));
}

#[test]
fn a_log_of_mostly_removed_series_shrinks() {
    let dir = tempfile::tempdir().unwrap();
    let count = 60_000;
    let (mut log, ..) = open(dir.path());
    log.add(&named(0..count), count).unwrap();
    let before = log.log.len();
    for from in (0..count - 100).step_by(10_000) {
        log.remove(&(from..(from + 10_000).min(count - 100)).map(SeriesId).collect::<Vec<_>>()).unwrap();
    }
    assert!(before > REWRITE_BYTES && log.log.len() < before / 2, "{before} to {}", log.log.len());
    log.add(&named([count]), count + 1).unwrap();
    let (log, seen, damage) = open(dir.path());
    assert_eq!((seen, damage, log.next()), (named(count - 100..=count), None, count + 1));
}

#[test]
fn damage_never_mixes_up_labels_or_reuses_an_id() {
    let dir = tempfile::tempdir().unwrap();
    {
        let (mut log, ..) = open(dir.path());
        for n in 0..4 {
            log.add(&named(n * 3..n * 3 + 3), n * 3 + 3).unwrap();
        }
        log.remove(&[SeriesId(11)]).unwrap();
    }
    let path = dir.path().join("series.log");
    let whole = fs::read(&path).unwrap();
    let check = |bytes: &[u8], what: String| {
        fs::write(&path, bytes).unwrap();
        let (log, seen, damage) = open(dir.path());
        assert!(seen.iter().all(|(id, found)| *found == labels(id.0)), "{what}: {seen:?}");
        assert!(damage.is_some() && log.next() == 12, "{what}: {damage:?}, next {}", log.next());
        seen.len()
    };
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        assert!(check(&bytes, format!("byte {at}")) >= 8, "one record is lost at the most");
        check(&whole[..at], format!("{at} bytes"));
    }
}
