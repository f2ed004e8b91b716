use proptest::prelude::*;

use super::*;
use crate::model::SeriesId;

fn rows(of: &[(u32, i64, u64)]) -> Rows {
    let mut rows = Rows::default();
    of.iter().for_each(|&(id, t, bits)| rows.push(SeriesId(id), t, f64::from_bits(bits)));
    rows
}

const ME: Identity = Identity([7; Identity::LEN]);

fn replay_from(dir: &Path, sealed_through: u64) -> (Journal, Vec<(u64, usize)>, Vec<String>) {
    let (mut seen, problems) = (Vec::new(), Problems::default());
    let journal = Journal::open(SAMPLES, dir, ME, sealed_through, &problems, |number, record| {
        seen.push((number, if let Record::Rows(rows) = record { rows.len() } else { 0 }));
        Ok(())
    })
    .unwrap();
    (journal, seen, problems.list())
}

fn replay(dir: &Path) -> (Journal, Vec<(u64, usize)>, Vec<String>) {
    replay_from(dir, 0)
}

fn append(journal: &Journal, of: &[(u32, i64, u64)]) -> u64 {
    journal.append(&rows(of).encode(), |from| Ok((Vec::new(), from))).unwrap()
}

fn files(dir: &Path) -> Vec<PathBuf> {
    list(&dir.join("journal")).unwrap().into_iter().map(|(_, path)| path).collect()
}

proptest! {
    #[test]
    fn rows_come_back_as_written(of in prop::collection::vec((0u32..50, -100i64..100, any::<u64>()), 0..200)) {
        let written = rows(&of);
        let back = Rows::decode(&written.encode().bytes).unwrap();
        prop_assert_eq!((&back.ids, &back.times), (&written.ids, &written.times));
        prop_assert_eq!(back.values.iter().map(|v| v.to_bits()).collect::<Vec<_>>(), of.iter().map(|r| r.2).collect::<Vec<_>>());
    }

    #[test]
    fn any_bytes_are_read_or_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        let _ = Rows::decode(&bytes);
    }
}

#[test]
fn a_scrape_of_neighbours_costs_little_more_than_its_values() {
    let of: Vec<_> = (0..5_000).map(|i| (i, 1_795_000_000_000 + i64::from(i / 20) % 2, 7)).collect();
    assert!(rows(&of).encode().bytes.len() < 5_000 * 8 + 2_000);
}

#[test]
fn records_survive_rotation_and_an_unfinished_one_is_dropped_without_a_report() {
    let dir = tempfile::tempdir().unwrap();
    let durable = {
        let (journal, ..) = replay(dir.path());
        for n in 1..=2 {
            assert_eq!(append(&journal, &[(n, 1, 1)]), u64::from(n));
            if n == 1 {
                assert_eq!(journal.rotate(), 1);
            }
        }
        journal.sync().unwrap();
        let durable = fs::metadata(&files(dir.path())[1]).unwrap().len() as usize;
        assert_eq!(append(&journal, &[(3, 1, 1)]), 3);
        assert_eq!(journal.size().records, 3);
        durable
    };
    let newest = files(dir.path())[1].clone();
    let whole = fs::read(&newest).unwrap();
    for len in durable..whole.len() {
        fs::write(&newest, &whole[..len]).unwrap();
        let (_, seen, problems) = replay(dir.path());
        assert_eq!((seen, problems), (vec![(1, 1), (2, 1)], vec![]), "{len} bytes");
    }
    fs::write(&newest, &whole).unwrap();
    let (journal, seen, _) = replay(dir.path());
    assert_eq!(seen.len(), 3);
    journal.trim(1).unwrap();
    assert_eq!(append(&journal, &[(9, 1, 1)]), 4);
    drop(journal);
    assert_eq!(replay_from(dir.path(), 1).1, [(2, 1), (3, 1), (4, 1)]);
    assert_eq!(replay_from(dir.path(), 1).2, Vec::<String>::new());
}

/// Two files with records 1 and 2, and 3 and 4, all durable.
fn two_files(dir: &Path) -> Vec<PathBuf> {
    let (journal, ..) = replay(dir);
    for n in 1..=4 {
        append(&journal, &[(n, 1, 1)]);
        if n == 2 {
            journal.rotate();
        }
    }
    journal.sync().unwrap();
    files(dir)
}

#[test]
fn every_damaged_durable_byte_is_reported_and_costs_one_record() {
    let dir = tempfile::tempdir().unwrap();
    let mut paths = two_files(dir.path());
    paths.push(dir.path().join("journal").join(SYNCED));
    for path in paths {
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x40;
            fs::write(&path, &bytes).unwrap();
            let (_, seen, problems) = replay(dir.path());
            assert!(seen.len() >= 3 && seen.iter().all(|(number, rows)| *number <= 4 && *rows == 1), "byte {at}: {seen:?}");
            assert_eq!(problems.len(), 1, "byte {at} of {}: {problems:?}", path.display());
            fs::write(&path, &whole).unwrap();
        }
    }
    assert_eq!(replay(dir.path()).2, Vec::<String>::new());
}

#[test]
fn every_truncated_and_every_missing_file_is_reported() {
    let dir = tempfile::tempdir().unwrap();
    for path in two_files(dir.path()) {
        let whole = fs::read(&path).unwrap();
        for len in 0..whole.len() {
            fs::write(&path, &whole[..len]).unwrap();
            let (journal, seen, problems) = replay(dir.path());
            assert!(seen.len() >= 2 && seen.len() < 4, "{len} bytes: {seen:?}");
            assert!(!problems.is_empty(), "{len} bytes of {} are not reported", path.display());
            assert!(append(&journal, &[(9, 1, 1)]) > 4, "numbers go on");
            drop(journal);
            fs::remove_file(files(dir.path()).last().unwrap()).unwrap();
            fs::write(&path, &whole).unwrap();
        }
        fs::remove_file(&path).unwrap();
        let problems = replay(dir.path()).2;
        assert!(problems.len() == 1 && problems[0].contains("are missing"), "{problems:?}");
        fs::write(&path, &whole).unwrap();
    }
    fs::remove_file(dir.path().join("journal").join(SYNCED)).unwrap();
    let (_, seen, problems) = replay(dir.path());
    assert_eq!((seen.len(), problems.len()), (4, 1), "{problems:?}");
    for path in files(dir.path()) {
        fs::remove_file(path).unwrap();
    }
    assert_eq!(replay_from(dir.path(), 4).2, Vec::<String>::new(), "all of them are in chunks");
}

#[test]
fn series_are_defined_again_after_a_failed_sync_until_the_series_log_has_them() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, ..) = replay(dir.path());
    let asked = |journal: &Journal| {
        let mut asked = 0;
        let define = |from| {
            asked = from;
            Ok((if from < 5 { vec![vec![1, 2, 3]] } else { Vec::new() }, 5))
        };
        journal.append(&rows(&[(1, 1, 1)]).encode(), define).unwrap();
        asked
    };
    assert_eq!([asked(&journal), asked(&journal)], [0, 5]);
    journal.series_kept(3);
    journal.state.lock().defined = 3; // as after a sync that failed
    assert_eq!([asked(&journal), asked(&journal)], [3, 5]);
    drop(journal);
    assert_eq!(replay(dir.path()).1, [(1, 0), (2, 1), (3, 1), (4, 0), (5, 1), (6, 1)]);
}

#[test]
fn files_of_another_directory_are_quarantined() {
    let dir = tempfile::tempdir().unwrap();
    two_files(dir.path());
    let problems = Problems::default();
    assert_eq!(identity_of(dir.path()), Some(ME));
    let other = Identity([8; Identity::LEN]);
    Journal::open(SAMPLES, dir.path(), other, 4, &problems, |_, _| Err(StoreError::Deadline)).unwrap();
    assert_eq!((files(dir.path()).len(), problems.list().len()), (0, 2), "{:?}", problems.list());
}
