use super::*;

const ME: Identity = Identity([7; Identity::LEN]);

fn open(dir: &Path) -> (Log, Vec<u8>, Option<String>) {
    let mut seen = Vec::new();
    let opened = Log::open(dir, "series", ME, |_, kind, payload| {
        assert_eq!(kind, 1);
        seen.extend_from_slice(payload);
        Ok(())
    })
    .unwrap();
    (opened.log, seen, opened.damage)
}

/// A log with the records 1, 2 and 3, and where each ends.
fn three(dir: &Path) -> Vec<u64> {
    let (mut log, seen, damage) = open(dir);
    assert_eq!((seen.len(), damage), (0, None));
    let ends = (1..=3).map(|n| {
        log.append(&[(1, vec![n])], 0).unwrap();
        log.len()
    });
    ends.collect()
}

#[test]
fn every_damaged_byte_costs_one_record_and_is_reported() {
    let dir = tempfile::tempdir().unwrap();
    let ends = three(dir.path());
    for name in ["series.log", "series.synced"] {
        let path = dir.path().join(name);
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x10;
            fs::write(&path, &bytes).unwrap();
            let (_, seen, damage) = open(dir.path());
            let hit = ends.iter().position(|end| (at as u64) < *end).filter(|_| name == "series.log");
            // The first part is the header and the first record.
            let left = match hit {
                Some(0) if at < 2 * HEADER + 20 => vec![1, 2, 3],
                Some(n) => [1, 2, 3].into_iter().filter(|r| *r != n as u8 + 1).collect(),
                None => vec![1, 2, 3],
            };
            if hit != Some(0) {
                assert_eq!(seen, left, "{name} byte {at}");
            } else {
                assert!(seen.ends_with(&[2, 3]), "{name} byte {at}");
            }
            assert!(damage.is_some(), "{name} byte {at} is not reported");
        }
        fs::write(&path, &whole).unwrap();
    }
    assert_eq!(open(dir.path()).2, None);
}

#[test]
fn truncation_below_the_mark_is_reported_and_above_it_is_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let ends = three(dir.path());
    let path = dir.path().join("series.log");
    let whole = fs::read(&path).unwrap();
    for len in 0..whole.len() {
        fs::write(&path, &whole[..len]).unwrap();
        let (_, seen, damage) = open(dir.path());
        assert_eq!(seen.len(), ends.iter().filter(|end| len as u64 >= **end).count());
        assert!(damage.is_some(), "{len} bytes are not reported");
    }
    // A fourth record after the marked length.
    let mut torn = whole.clone();
    frame::push(&mut torn, 1, 4, &[4]);
    let mark = fs::read(dir.path().join("series.synced")).unwrap();
    for len in whole.len()..torn.len() {
        fs::write(&path, &torn[..len]).unwrap();
        fs::write(dir.path().join("series.synced"), &mark).unwrap();
        let (mut log, seen, damage) = open(dir.path());
        assert_eq!((seen.as_slice(), damage), (&[1, 2, 3][..], None), "{len} bytes");
        log.append(&[(1, vec![9])], 0).unwrap();
        assert_eq!(open(dir.path()).1, [1, 2, 3, 9]);
        assert_eq!(open(dir.path()).2, None);
    }
}

#[test]
fn a_rewritten_log_holds_its_records_and_accepts_more() {
    let dir = tempfile::tempdir().unwrap();
    three(dir.path());
    let (mut log, ..) = open(dir.path());
    let failed = log.rewrite(0, |out| {
        out.push(1, &[8])?;
        Err(std::io::Error::other("no"))
    });
    assert!(failed.is_err());
    assert_eq!(open(dir.path()).1, [1, 2, 3]);
    log.rewrite(5, |out| out.push(1, &[2])).unwrap();
    log.append(&[(1, vec![4]), (1, vec![5])], 6).unwrap();
    let (_, seen, damage) = open(dir.path());
    assert_eq!((seen.as_slice(), damage), (&[2, 4, 5][..], None));
    let copy = dir.path().join("copy");
    fs::create_dir(&copy).unwrap();
    log.copy_to(&copy).unwrap();
    let (_, seen, damage) = open(&copy);
    assert_eq!((seen.as_slice(), damage), (&[2, 4, 5][..], None));
}

#[test]
fn a_log_of_another_directory_and_a_missing_log_are_reported() {
    let dir = tempfile::tempdir().unwrap();
    three(dir.path());
    let other = Identity([8; Identity::LEN]);
    assert_eq!(identity_of(&dir.path().join("series.log")), Some(ME));
    let opened = Log::open(dir.path(), "series", other, |_, _, _| Err(CodecError::Shape)).unwrap();
    assert!(opened.damage.unwrap().contains("another data directory"));
    assert!(dir.path().join("quarantine/series.log").exists());
    let (_, seen, damage) = open(dir.path());
    assert_eq!(seen.len(), 0);
    assert!(damage.unwrap().contains("missing or empty"));
}
