use super::*;

fn folder() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let from = dir.path().join("from");
    fs::create_dir_all(from.join("partitions/2026-11-24")).unwrap();
    fs::write(from.join("partitions/2026-11-24/1.pages"), [7; 300_000]).unwrap();
    fs::write(from.join("partitions/2026-11-24/2.chunks"), "linked").unwrap();
    fs::hard_link(from.join("partitions/2026-11-24/2.chunks"), dir.path().join("original")).unwrap();
    fs::write(from.join("identity"), "me").unwrap();
    SnapshotList::of(&from, || ()).unwrap().write(&from).unwrap();
    (dir, from)
}

#[test]
fn a_list_names_every_file_and_a_verified_copy_has_them_all() {
    let (dir, from) = folder();
    let list = SnapshotList::read(&from).unwrap();
    assert_eq!(list.files.keys().collect::<Vec<_>>(), ["identity", "partitions/2026-11-24/1.pages", "partitions/2026-11-24/2.chunks"]);
    assert_eq!(list.files["partitions/2026-11-24/2.chunks"], Entry { bytes: 6, crc: None });
    let to = dir.path().join("to");
    list.copy_to(&from, &to).unwrap();
    assert_eq!(fs::read(to.join("partitions/2026-11-24/1.pages")).unwrap(), [7; 300_000]);
    assert!(!SnapshotList::is_in(&to));
}

#[test]
fn files_that_differ_from_the_list_are_reported_and_refused() {
    type Change = fn(&Path);
    let cases: [(Change, &str); 6] = [
        (|at| fs::write(at.join("identity"), "us").unwrap(), "identity: is damaged"),
        (|at| fs::write(at.join("identity"), "more").unwrap(), "has 4 bytes, the list says 2"),
        (|at| fs::remove_file(at.join("partitions/2026-11-24/1.pages")).unwrap(), "1.pages: is missing"),
        (|at| fs::write(at.join("extra"), "").unwrap(), "extra: is not on the list"),
        (|at| std::os::unix::fs::symlink("/etc/passwd", at.join("extra")).unwrap(), "neither a file nor a folder"),
        (|at| fs::write(at.join("partitions/2026-11-24/2.chunks"), "short").unwrap(), "has 5 bytes"),
    ];
    for (change, expected) in cases {
        let (dir, from) = folder();
        let list = SnapshotList::read(&from).unwrap();
        change(&from);
        let text = list.copy_to(&from, &dir.path().join("to")).unwrap_err().to_string();
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn every_changed_byte_of_a_list_is_noticed() {
    let (_dir, from) = folder();
    let bytes = fs::read(from.join(LIST)).unwrap();
    for at in 0..bytes.len() - 1 {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1;
        fs::write(from.join(LIST), damaged).unwrap();
        assert!(SnapshotList::read(&from).is_err(), "byte {at}");
    }
    fs::write(from.join(LIST), &bytes[..bytes.len() / 2]).unwrap();
    assert!(SnapshotList::read(&from).is_err());
    fs::remove_file(from.join(LIST)).unwrap();
    assert!(SnapshotList::read(&from).unwrap_err().to_string().contains("not a finished snapshot"));
}
