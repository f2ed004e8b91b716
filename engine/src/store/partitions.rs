//! The partitions of a data directory: opened on demand, at most a few at a time, the least recently used closed first.
//!
//! A partition that cannot be opened is set aside under `quarantine/` and the rest serves on. Retention takes a folder away whole.
//! What is in a partition is its own business.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::error::StoreError;
use super::head::Head;
use super::partition::{Day, Partition, PartitionError, is_damage};
use super::problems::Problems;
use crate::model::{Labels, SeriesId, TimestampMs};

/// Marks a folder that retention is taking away.
const REMOVING: &str = ".removing";

#[derive(Default)]
struct Slot {
    open: Option<Arc<Partition>>,
    /// Closed here, but somebody may still be at it: it cannot be opened afresh before.
    closing: Weak<Partition>,
    used: u64,
}

/// All partitions of a data directory.
pub(super) struct Partitions {
    data_dir: PathBuf,
    dir: PathBuf,
    max_open: usize,
    cache_bytes: u64,
    days: Mutex<(BTreeMap<Day, Slot>, u64)>,
    problems: Arc<Problems>,
    /// Times that a partition was wanted and open already, and times that it was not.
    pub(super) hits: std::sync::atomic::AtomicU64,
    pub(super) misses: std::sync::atomic::AtomicU64,
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
            data_dir: data_dir.to_owned(),
            dir,
            max_open: max_open.max(1),
            cache_bytes,
            days: Mutex::new((days, 0)),
            problems: Arc::default(),
            hits: 0.into(),
            misses: 0.into(),
        })
    }

    /// The days that exist within `[start, end]`.
    pub(super) fn days_within(&self, start: TimestampMs, end: TimestampMs) -> Vec<Day> {
        if start > end {
            return Vec::new();
        }
        self.days.lock().0.range(Day::of(start)..=Day::of(end)).map(|(day, _)| *day).collect()
    }

    /// Whether the days that exist within `[start, end]` are all open.
    pub(super) fn is_open_within(&self, start: TimestampMs, end: TimestampMs) -> bool {
        start > end || self.days.lock().0.range(Day::of(start)..=Day::of(end)).all(|(_, slot)| slot.open.is_some())
    }

    /// Whether there is such a day.
    pub(super) fn has(&self, day: Day) -> bool {
        self.days.lock().0.contains_key(&day)
    }

    /// All days, the oldest first.
    pub(super) fn days(&self) -> Vec<Day> {
        self.days.lock().0.keys().copied().collect()
    }

    /// How many are open.
    pub(super) fn open_count(&self) -> usize {
        self.days.lock().0.values().filter(|slot| slot.open.is_some()).count()
    }

    /// What was set aside or is damaged, and why.
    pub(super) fn problems(&self) -> Vec<String> {
        self.problems.list()
    }

    /// Notes that something is wrong.
    pub(super) fn note(&self, problem: String) {
        self.problems.note(problem);
    }

    /// The list of problems, which other parts of the store write to as well.
    pub(super) fn shared_problems(&self) -> Arc<Problems> {
        Arc::clone(&self.problems)
    }

    /// An error of a partition, as the store tells it.
    pub(super) fn error(&self, day: Day, error: PartitionError) -> StoreError {
        let place = format!("partition {}", day.name());
        match error {
            PartitionError::Io(error) => StoreError::io(&self.dir.join(day.name()), error),
            PartitionError::Database(source) => StoreError::database(place, &self.data_dir, source),
            PartitionError::Codec(source) => StoreError::Damaged { place, source },
        }
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
        let open = slot.open.clone().or_else(|| slot.closing.upgrade());
        if let Some(open) = open {
            self.hits.fetch_add(1, Relaxed);
            return Ok(Some(open));
        }
        self.misses.fetch_add(1, Relaxed);
        self.close_idle(days, day);
        let path = self.dir.join(day.name());
        let partition = match Partition::open(&path, self.cache_bytes).map_err(|error| self.error(day, error)) {
            Ok(partition) => partition,
            Err(error) if is_damage(&error) => {
                self.set_aside(day, &error)?;
                if !create {
                    days.remove(&day);
                    return Ok(None);
                }
                Partition::open(&path, self.cache_bytes).map_err(|error| self.error(day, error))?
            }
            // The disk is full, the system will not open any more files, another still has it: nothing is wrong with the data.
            Err(error) => return Err(error),
        };
        let partition = Arc::new(partition);
        if let Some(slot) = days.get_mut(&day) {
            slot.open = Some(Arc::clone(&partition));
        }
        Ok(Some(partition))
    }

    /// Does without saved progress: every series may have samples up to the end of the newest day. Gives the last journal
    /// record that any day holds.
    pub(super) fn sealed_through_of_all(&self, head: &mut Head, known: usize) -> Result<u64, StoreError> {
        let days = self.days();
        if let Some(newest) = days.last() {
            for id in 0..known {
                let entry = head.entry(SeriesId(id as u32));
                (entry.newest, entry.sealed_to, entry.closed_to) = (newest.end() - 1, newest.end() - 1, newest.end());
            }
        }
        let through = |day: Day| Ok(self.get(day, false)?.map_or(0, |partition| partition.sealed_through()));
        days.into_iter().map(through).try_fold(0, |most, one| Ok(most.max(one?)))
    }

    /// The folder of a day that was removed behind the back of the store.
    pub(super) fn missing_folder(&self) -> Option<PathBuf> {
        // With the lock held: retention renames a folder and forgets it in one step.
        let days = self.days.lock();
        days.0.keys().map(|day| self.dir.join(day.name())).find(|path| !path.exists())
    }

    /// Forgets days whose folders were removed behind the back of the store; gives their names.
    pub(super) fn forget_missing(&self) -> Vec<String> {
        let mut days = self.days.lock();
        let gone: Vec<Day> = days.0.keys().copied().filter(|day| !self.dir.join(day.name()).exists()).collect();
        gone.iter().for_each(|day| _ = days.0.remove(day));
        gone.into_iter().map(Day::name).collect()
    }

    /// The labels of the series that any day has, by id.
    pub(super) fn for_each_labels(&self, _labels: impl FnMut(SeriesId, Labels)) -> Result<(), StoreError> {
        Ok(())
    }

    /// Closes a partition, so that the next use opens it afresh: a database that met a write error has to be.
    pub(super) fn close(&self, day: Day) {
        let open = self.days.lock().0.get_mut(&day).and_then(|slot| {
            let open = slot.open.take()?;
            slot.closing = Arc::downgrade(&open);
            Some(open)
        });
        // Dropped with the lock given back: closing a database takes a while.
        drop(open);
    }

    fn set_aside(&self, day: Day, error: &StoreError) -> Result<(), StoreError> {
        let name = day.name();
        let quarantine = self.data_dir.join("quarantine");
        let to =
            (0..).map(|n| quarantine.join(format!("{name}-{n}"))).find(|path| !path.exists()).unwrap_or_else(|| quarantine.join(&name));
        let moved = fs::create_dir_all(&quarantine).and_then(|()| fs::rename(self.dir.join(&name), &to));
        moved.map_err(|source| StoreError::DataDir { path: to.clone(), source })?;
        self.note(format!("partition {name} is damaged and was set aside in {}: {error}", to.display()));
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

    /// Removes the oldest day if `wanted` says so; gives its name.
    pub(super) fn drop_oldest(&self, wanted: impl FnOnce(Day) -> bool) -> std::io::Result<Option<String>> {
        // What an earlier removal could not take away.
        for entry in fs::read_dir(&self.dir)?.flatten() {
            if entry.file_name().to_string_lossy().ends_with(REMOVING) {
                fs::remove_dir_all(entry.path())?;
            }
        }
        let mut guard = self.days.lock();
        let Some((&day, _)) = guard.0.iter().next() else { return Ok(None) };
        if !wanted(day) {
            return Ok(None);
        }
        let path = self.dir.join(day.name());
        let leaving = self.dir.join(format!("{}{REMOVING}", day.name()));
        fs::rename(&path, &leaving)?;
        guard.0.remove(&day);
        drop(guard);
        fail::fail_point!("store::retention", |_| Err(std::io::Error::other("failpoint")));
        fs::remove_dir_all(&leaving)?;
        Ok(Some(day.name()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::hot::NewPage;
    use crate::store::partition::DAY_MS;

    fn page(id: u32, t: TimestampMs) -> NewPage {
        let mut builder = super::super::page::PageBuilder::new(crate::codec::Effort::Quick);
        builder.samples(SeriesId(id), &[t], &[1.0]).unwrap();
        NewPage { ids: [SeriesId(id); 2], span: (t, t), bytes: builder.finish() }
    }

    fn read(partition: &Partition, id: u32) -> usize {
        let mut out = Vec::new();
        partition.samples(SeriesId(id), i64::MIN, i64::MAX, None, &mut out).unwrap();
        out.len()
    }

    #[test]
    fn few_partitions_stay_open_and_all_can_be_read() {
        let dir = tempfile::tempdir().unwrap();
        let partitions = Partitions::open(dir.path(), 2, 1 << 20).unwrap();
        for day in 0..5 {
            let partition = partitions.get(Day(day), true).unwrap().unwrap();
            partition.seal(vec![page(1, day * DAY_MS)], day as u64 + 1).unwrap();
        }
        assert!(partitions.open_count() <= 2);
        for day in partitions.days_within(0, i64::MAX) {
            let partition = partitions.get(day, false).unwrap().unwrap();
            assert_eq!((read(&partition, 1), read(&partition, 2)), (1, 0));
            assert_eq!(partition.sealed_through(), day.0 as u64 + 1);
        }
        let gone = std::iter::from_fn(|| partitions.drop_oldest(|day| day.0 < 2).unwrap()).collect::<Vec<_>>();
        assert_eq!(gone, ["1970-01-01", "1970-01-02"]);
        assert_eq!(partitions.days().len(), 3);
    }

    #[test]
    fn a_partition_that_cannot_be_opened_is_set_aside() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("partitions/2026-11-24")).unwrap();
        fs::write(dir.path().join("partitions/2026-11-24/manifest"), "{").unwrap();
        let partitions = Partitions::open(dir.path(), 2, 1 << 20).unwrap();
        let day = Day::parse("2026-11-24").unwrap();
        assert!(partitions.get(day, false).unwrap().is_none());
        assert!(partitions.problems()[0].contains("2026-11-24 is damaged"), "{:?}", partitions.problems());
        assert!(dir.path().join("quarantine/2026-11-24-0/manifest").exists());
        assert!(partitions.get(day, true).unwrap().is_some());
    }

    #[test]
    fn what_the_manifest_does_not_name_goes() {
        let dir = tempfile::tempdir().unwrap();
        let day = Day(20_000);
        let open = || Partitions::open(dir.path(), 2, 1 << 20).unwrap().get(day, true).unwrap().unwrap();
        open().seal(vec![page(1, day.0 * DAY_MS)], 5).unwrap();
        let at = dir.path().join("partitions").join(day.name());
        fs::write(at.join("9.chunks"), "left by a crash").unwrap();
        fs::create_dir_all(at.join("hot-9")).unwrap();
        let partition = open();
        assert!(!at.join("9.chunks").exists() && !at.join("hot-9").exists());
        assert_eq!((read(&partition, 1), partition.sealed_through()), (1, 5));
    }
}
