//! A fault at each step that keeps log lines or spans: what was acknowledged is there once, right after and after a restart, and in a
//! snapshot.

use std::path::Path;

use taskpulse_engine::store::{StoreError, StoreOptions, StoreWriter};

pub const NOW: i64 = 1_795_485_600_000; // 2026-11-24T02:00:00Z
pub const DAY: i64 = 86_400_000;

pub type Step<W> = fn(&W) -> Result<(), StoreError>;

/// What is kept.
pub struct Part<W, R> {
    /// What writes it.
    pub writer: fn(&StoreWriter) -> W,
    /// Keeps 60 records of three streams on two days, and again until they are durable, as a client does.
    pub keep: fn(&W, i64) -> Result<(), StoreError>,
    pub seal: Step<W>,
    /// Merges files until there is nothing to merge.
    pub compact: Step<W>,
    /// All that is there, sorted. It ends the test where two ways of reading differ.
    pub all: fn(&StoreWriter) -> Vec<R>,
}

fn open(dir: &Path) -> StoreWriter {
    StoreWriter::open(dir, StoreOptions::default(), NOW).unwrap()
}

impl<W, R: Ord> Part<W, R> {
    /// Fails `step` once at `point`, then continues in the same process or in a new one. The step's own records are there once at the end.
    fn survives(&self, point: &str, step: impl Fn(&W) -> Result<(), StoreError>, own: usize) {
        let Self { writer, keep, seal, all, .. } = self;
        for restart in [true, false] {
            let dir = tempfile::tempdir().unwrap();
            let mut store = open(dir.path());
            for round in 0..3 {
                keep(&writer(&store), round * 1_000).unwrap();
                seal(&writer(&store)).unwrap();
            }
            keep(&writer(&store), 5_000).unwrap();
            let before = all(&store);
            assert_eq!(before.len(), 240);
            fail::cfg(point, "1*return").unwrap();
            let failed = step(&writer(&store));
            fail::remove(point);
            assert!(failed.is_err(), "{point}: the fault was not met");
            let there = |now: Vec<R>, what: &str| {
                assert!(before.iter().all(|record| now.binary_search(record).is_ok()), "{point}: {what}: records are gone");
                assert!(now.windows(2).all(|pair| pair[0] != pair[1]), "{point}: {what}: records are there twice");
            };
            there(all(&store), "right after");
            if restart {
                drop(store);
                store = open(dir.path());
                there(all(&store), "after a start");
            }
            step(&writer(&store)).unwrap();
            keep(&writer(&store), 6_000).unwrap();
            assert_eq!(all(&store).len(), 300 + own, "{point}: the step again");
            seal(&writer(&store)).unwrap();
            let copy = dir.path().join("copy");
            store.snapshot(&copy).unwrap();
            drop(store);
            for dir in [dir.path(), &copy] {
                let store = open(dir);
                assert_eq!(all(&store).len(), 300 + own, "{point}: after a start, in {}", dir.display());
                store.read_all_days().unwrap();
                assert_eq!(store.problems(), Vec::<String>::new(), "{point}");
            }
        }
    }

    pub fn is_kept_once_through_any_fault(&self) {
        let _scenario = fail::FailScenario::setup();
        for point in ["logs::seal::block", "logs::seal::sync", "logs::seal::rename", "logs::seal::trim"] {
            self.survives(point, self.seal, 0);
        }
        for point in ["logs::seal::block", "logs::seal::sync", "logs::seal::rename", "logs::compact::remove"] {
            self.survives(point, self.compact, 0);
        }
        for point in ["store::journal::write", "store::journal::sync"] {
            self.survives(point, |writer| (self.keep)(writer, 8_000), 60);
        }
    }
}
