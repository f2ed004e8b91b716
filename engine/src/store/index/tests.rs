use std::fs;

use super::super::identity::Identity;
use super::*;

const ME: Identity = Identity([7; Identity::LEN]);
const ALL: Limit = Limit { entries: 100, bytes: 1 << 20, last_first: false };

fn change(key: &str, value: Option<&str>) -> Change {
    Change { key: key.into(), value: value.map(Into::into) }
}

fn everything() -> Range {
    (Bound::Included(b"d".to_vec()), Bound::Excluded(b"f".to_vec()))
}

#[test]
fn a_database_and_memory_hold_the_same_and_add_up_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let (mut disk, mut memory) = (Index::Disk(DiskIndex::open(dir.path(), 1 << 20, ME).unwrap()), Index::Memory(MemoryIndex::default()));
    let steps = [
        vec![change("e1", Some("a")), change("e2", Some("b")), change("dx", Some("c"))],
        vec![change("e1", Some("z")), change("e1", Some("y")), change("e3", None)],
        vec![change("e2", None), change("e4", Some("q")), change("e4", None)],
    ];
    for (at, changes) in steps.into_iter().enumerate() {
        for index in [&mut disk, &mut memory] {
            index.apply(changes.clone(), (1, at as u64)).unwrap();
        }
        assert_eq!(disk.tally(), memory.tally());
        assert_eq!(disk.page(everything(), ALL).unwrap(), memory.page(everything(), ALL).unwrap());
    }
    assert_eq!((disk.tally().count, disk.tally().events, disk.tally().bytes), (2, 1, 6));
    let one = Limit { entries: 1, last_first: true, ..ALL };
    assert_eq!(disk.page(everything(), one).unwrap(), [(b"e1".to_vec(), b"y".to_vec())]);
    assert_eq!(memory.page(everything(), one).unwrap(), [(b"e1".to_vec(), b"y".to_vec())]);
    let tally = disk.tally();
    drop(disk);
    let disk = DiskIndex::open(dir.path(), 1 << 20, ME).unwrap();
    assert_eq!(disk.tally(), tally);
    disk.check().unwrap();
    drop(disk);
    assert!(matches!(DiskIndex::open(dir.path(), 1 << 20, Identity([8; 16])), Err(IndexError::Wrong)), "another directory's");
}

#[test]
fn entries_that_are_missing_are_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let mut disk = DiskIndex::open(dir.path(), 1 << 20, ME).unwrap();
    disk.apply(vec![change("e1", Some("a")), change("e2", Some("b"))], (1, 1)).unwrap();
    disk.ask(|disk| Ok(disk.db.remove("e1").map(drop)?)).unwrap();
    disk.begin_check();
    assert!(matches!(disk.page(everything(), ALL), Err(IndexError::Wrong)));
}

#[test]
fn a_panic_of_the_database_and_an_unfinished_snapshot_end_nothing() {
    let dir = tempfile::tempdir().unwrap();
    {
        let mut disk = DiskIndex::open(dir.path(), 1 << 20, ME).unwrap();
        disk.apply(vec![change("e1", Some("a"))], (1, 1)).unwrap();
        disk.flush().unwrap();
        #[allow(clippy::panic, reason = "the case that is tested")]
        let panicked: Result<(), _> = disk.ask(|_| panic!("as sled does over damage"));
        assert!(matches!(panicked, Err(IndexError::Panicked)));
        assert!(matches!(disk.flush(), Err(IndexError::Panicked)));
    }
    for name in ["snap.0000000000000001.generating", "snap.000000000000FFFF", "snap.000000000000FFFF.generating"] {
        fs::write(dir.path().join(name), "").unwrap();
    }
    assert_eq!(DiskIndex::open(dir.path(), 1 << 20, ME).unwrap().page(everything(), ALL).unwrap().len(), 1);
}
