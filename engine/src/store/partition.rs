//! Partitions: one sled database a UTC day, holding that day's chunks.
//!
//! Opened on demand, at most a few at a time, the least recently used closed first. A partition that cannot be opened
//! is set aside under `quarantine/` and the rest serves on. Retention drops the folder whole.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;
use jiff::{Span as CivilSpan, ToSpan};
use parking_lot::Mutex;

use super::error::StoreError;
use crate::codec;
use crate::model::{SeriesId, TimestampMs};

/// Milliseconds of a day.
pub(super) const DAY_MS: i64 = 86_400_000;
/// Marks a folder that retention is taking away.
const REMOVING: &str = ".removing";
/// What a chunk holds: 0 is samples, 1 to 6 are windows of a level.
pub(super) type Kind = u8;

const SEALED_KEY: &[u8] = b"m/sealed";
const CHUNK_PREFIX: u8 = b'c';
const CHUNK_KEY_BYTES: usize = 1 + 1 + 4 + 8 + 8;

/// A UTC day, counted from the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Day(pub(super) i64);

impl Day {
    pub(super) fn of(t: TimestampMs) -> Self {
        Self(t.div_euclid(DAY_MS))
    }

    pub(super) fn end(self) -> TimestampMs {
        (self.0 + 1).saturating_mul(DAY_MS)
    }

    pub(super) fn name(self) -> String {
        let span: CivilSpan = self.0.clamp(-1_000_000, 1_000_000).days();
        EPOCH.saturating_add(span).to_string()
    }

    fn parse(name: &str) -> Option<Self> {
        let date: Date = name.parse().ok()?;
        Some(Self(i64::from(EPOCH.until(date).ok()?.get_days())))
    }
}

const EPOCH: Date = Date::constant(1970, 1, 1);

/// One open partition.
pub(super) struct Partition {
    db: sled::Db,
}

impl Partition {
    /// The last journal record whose rows of this day are in chunks.
    pub(super) fn sealed_through(&self) -> Result<u64, sled::Error> {
        let value = self.db.get(SEALED_KEY)?;
        Ok(value.and_then(|v| Some(u64::from_be_bytes(v.as_ref().try_into().ok()?))).unwrap_or(0))
    }

    /// Writes chunks (in key order) and the journal mark in one atomic batch, durably.
    pub(super) fn seal(&self, chunks: Vec<(SeriesId, Kind, TimestampMs, Vec<u8>)>, through: u64) -> Result<(), sled::Error> {
        let mut batch = sled::Batch::default();
        for (id, kind, start, bytes) in chunks {
            batch.insert(&chunk_key(kind, id, start, through)[..], bytes);
        }
        batch.insert(SEALED_KEY, &through.to_be_bytes()[..]);
        self.db.apply_batch(batch)?;
        self.db.flush()?;
        Ok(())
    }

    /// Chunks of a series that may hold rows within `[start, end]`, oldest seal first.
    pub(super) fn chunks(&self, kind: Kind, id: SeriesId, start: TimestampMs, end: TimestampMs) -> Result<Vec<sled::IVec>, StoreError> {
        let mut found: Vec<(u64, sled::IVec)> = Vec::new();
        for item in self.db.scan_prefix(&chunk_key(kind, id, 0, 0)[..6]) {
            let (key, value) = item.map_err(|source| StoreError::Database { place: "partition".to_owned(), source })?;
            let header =
                codec::header(&value).map_err(|source| StoreError::Damaged { place: format!("chunk of series {}", id.0), source })?;
            if header.first > end {
                break;
            }
            if header.last >= start {
                let seal: [u8; 8] = std::array::from_fn(|i| key.get(CHUNK_KEY_BYTES - 8 + i).copied().unwrap_or(0));
                found.push((u64::from_be_bytes(seal), value));
            }
        }
        found.sort_by_key(|(seal, _)| *seal);
        Ok(found.into_iter().map(|(_, value)| value).collect())
    }
}

fn chunk_key(kind: Kind, id: SeriesId, start: TimestampMs, seal: u64) -> [u8; CHUNK_KEY_BYTES] {
    let mut key = [0; CHUNK_KEY_BYTES];
    key[0] = CHUNK_PREFIX;
    key[1] = kind;
    key[2..6].copy_from_slice(&id.0.to_be_bytes());
    // The sign bit flipped, so that times before 1970 sort first.
    key[6..14].copy_from_slice(&((start as u64) ^ (1 << 63)).to_be_bytes());
    key[14..22].copy_from_slice(&seal.to_be_bytes());
    key
}

#[derive(Default)]
struct Slot {
    open: Option<Arc<Partition>>,
    used: u64,
}

/// All partitions of a data directory.
pub(super) struct Partitions {
    dir: PathBuf,
    quarantine: PathBuf,
    max_open: usize,
    cache_bytes: u64,
    days: Mutex<(BTreeMap<Day, Slot>, u64)>,
    problems: Mutex<Vec<String>>,
}

impl Partitions {
    /// Lists what is there and finishes removals that a crash interrupted.
    pub(super) fn open(data_dir: &Path, max_open: usize, cache_bytes: u64) -> std::io::Result<Self> {
        let dir = data_dir.join("partitions");
        fs::create_dir_all(&dir)?;
        let mut days = BTreeMap::new();
        for entry in fs::read_dir(&dir)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.ends_with(REMOVING) {
                fs::remove_dir_all(entry.path())?;
            } else if let Some(day) = Day::parse(&name) {
                days.insert(day, Slot::default());
            }
        }
        Ok(Self {
            dir,
            quarantine: data_dir.join("quarantine"),
            max_open: max_open.max(1),
            cache_bytes,
            days: Mutex::new((days, 0)),
            problems: Mutex::default(),
        })
    }

    /// The days that exist within `[start, end]`.
    pub(super) fn days_within(&self, start: TimestampMs, end: TimestampMs) -> Vec<Day> {
        if start > end {
            return Vec::new();
        }
        self.days.lock().0.range(Day::of(start)..=Day::of(end)).map(|(day, _)| *day).collect()
    }

    /// All days, as folder names.
    pub(super) fn names(&self) -> Vec<String> {
        self.days.lock().0.keys().map(|day| day.name()).collect()
    }

    /// What was set aside and why.
    pub(super) fn problems(&self) -> Vec<String> {
        self.problems.lock().clone()
    }

    /// The partition of a day; made when `create`, else none where there is none.
    pub(super) fn get(&self, day: Day, create: bool) -> Result<Option<Arc<Partition>>, StoreError> {
        let mut guard = self.days.lock();
        let (days, clock) = &mut *guard;
        *clock += 1;
        let now = *clock;
        if !create && !days.contains_key(&day) {
            return Ok(None);
        }
        let slot = days.entry(day).or_default();
        slot.used = now;
        if let Some(open) = &slot.open {
            return Ok(Some(Arc::clone(open)));
        }
        self.close_idle(days, day);
        let partition = match self.open_day(day) {
            Ok(partition) => partition,
            Err(StoreError::DiskFull { path }) => return Err(StoreError::DiskFull { path }),
            Err(error) => {
                self.set_aside(day, &error)?;
                if !create {
                    days.remove(&day);
                    return Ok(None);
                }
                self.open_day(day)?
            }
        };
        let partition = Arc::new(partition);
        if let Some(slot) = days.get_mut(&day) {
            slot.open = Some(Arc::clone(&partition));
        }
        Ok(Some(partition))
    }

    fn open_day(&self, day: Day) -> Result<Partition, StoreError> {
        let path = self.dir.join(day.name());
        let open = || open_db(&path, self.cache_bytes);
        let mut result = open();
        // A database that was just closed holds its lock until its last thread is gone.
        for _ in 0..50 {
            match &result {
                Err(sled::Error::Io(io)) if io.kind() == std::io::ErrorKind::WouldBlock || io.to_string().contains("lock") => {
                    std::thread::sleep(Duration::from_millis(20));
                    result = open();
                }
                _ => break,
            }
        }
        let db = result.map_err(|source| StoreError::database(format!("partition {}", day.name()), &self.dir, source))?;
        Ok(Partition { db })
    }

    fn set_aside(&self, day: Day, error: &StoreError) -> Result<(), StoreError> {
        let name = day.name();
        let to = (0..)
            .map(|n| self.quarantine.join(format!("{name}-{n}")))
            .find(|path| !path.exists())
            .unwrap_or_else(|| self.quarantine.join(&name));
        let moved = fs::create_dir_all(&self.quarantine).and_then(|()| fs::rename(self.dir.join(&name), &to));
        moved.map_err(|source| StoreError::DataDir { path: to.clone(), source })?;
        let text = format!("partition {name} is damaged and was set aside in {}: {error}", to.display());
        log::error!("{text}");
        self.problems.lock().push(text);
        Ok(())
    }

    fn close_idle(&self, days: &mut BTreeMap<Day, Slot>, except: Day) {
        loop {
            let open = days.values().filter(|slot| slot.open.is_some()).count();
            if open < self.max_open {
                return;
            }
            let idle = days
                .iter_mut()
                .filter(|(day, slot)| **day != except && slot.open.as_ref().is_some_and(|p| Arc::strong_count(p) == 1))
                .min_by_key(|(_, slot)| slot.used);
            match idle {
                Some((_, slot)) => slot.open = None,
                // All are being read right now; the bound is passed rather than a reader disturbed.
                None => return,
            }
        }
    }

    /// Removes the days that ended before `horizon`; gives their names.
    pub(super) fn drop_before(&self, horizon: TimestampMs) -> std::io::Result<Vec<String>> {
        let mut gone = Vec::new();
        loop {
            let mut guard = self.days.lock();
            let Some((&day, _)) = guard.0.iter().next().filter(|(day, _)| day.end() <= horizon) else { return Ok(gone) };
            let path = self.dir.join(day.name());
            let leaving = self.dir.join(format!("{}{REMOVING}", day.name()));
            fs::rename(&path, &leaving)?;
            guard.0.remove(&day);
            drop(guard);
            fs::remove_dir_all(&leaving)?;
            gone.push(day.name());
        }
    }
}

/// Opens a sled database for callers that flush themselves.
pub(super) fn open_db(path: &Path, cache_bytes: u64) -> Result<sled::Db, sled::Error> {
    sled::Config::new().path(path).cache_capacity(cache_bytes).flush_every_ms(None).open()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_the_names_of_their_dates() {
        for (t, name) in [(0, "1970-01-01"), (-1, "1969-12-31"), (1_795_500_000_000, "2026-11-24")] {
            assert_eq!(Day::of(t).name(), name);
            assert_eq!(Day::parse(name), Some(Day::of(t)));
        }
        assert_eq!(Day::parse("2026-13-01"), None);
    }

    #[test]
    fn few_partitions_stay_open_and_all_can_be_read() {
        let dir = tempfile::tempdir().unwrap();
        let partitions = Partitions::open(dir.path(), 2, 1 << 20).unwrap();
        for day in 0..5 {
            let chunk = codec::encode(&[day * DAY_MS], &[&[1.0]]).unwrap();
            let partition = partitions.get(Day(day), true).unwrap().unwrap();
            partition.seal(vec![(SeriesId(1), 0, day * DAY_MS, chunk)], day as u64 + 1).unwrap();
        }
        assert!(partitions.days.lock().0.values().filter(|s| s.open.is_some()).count() <= 2);
        for day in partitions.days_within(0, i64::MAX) {
            let partition = partitions.get(day, false).unwrap().unwrap();
            assert_eq!(partition.chunks(0, SeriesId(1), 0, i64::MAX).unwrap().len(), 1);
            assert_eq!(partition.sealed_through().unwrap(), day.0 as u64 + 1);
        }
        assert_eq!(partitions.drop_before(2 * DAY_MS).unwrap(), ["1970-01-01", "1970-01-02"]);
        assert_eq!(partitions.names().len(), 3);
    }

    #[test]
    fn a_partition_that_cannot_be_opened_is_set_aside() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("partitions/2026-11-24/db")).unwrap();
        let partitions = Partitions::open(dir.path(), 2, 1 << 20).unwrap();
        let day = Day::parse("2026-11-24").unwrap();
        assert!(partitions.get(day, false).unwrap().is_none());
        assert!(partitions.problems()[0].contains("2026-11-24 is damaged"), "{:?}", partitions.problems());
        assert!(dir.path().join("quarantine/2026-11-24-0").exists());
        assert!(partitions.get(day, true).unwrap().is_some());
    }
}
