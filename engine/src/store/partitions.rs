//! The partitions of a data directory: opened on demand, the least recently used closed first where too many files are open.
//!
//! A day of another data directory is set aside under `quarantine/` and the rest serves on. Retention takes a folder away whole.
//! What is in a partition is its own business.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use parking_lot::Mutex;

use super::error::StoreError;
use super::files;
use super::head::Head;
use super::identity::Identity;
use super::partition::{CREATING, Day, PARTITIONS, Partition, PartitionError};
use super::problems::Problems;
use super::resolve::DayPlace;
use crate::codec::CodecError;
use crate::model::{Labels, SeriesId, TimestampMs};

/// Memory for the indexes of open files.
const MAX_INDEX_BYTES: usize = 32 << 20;
/// Marks a folder that retention is taking away.
const REMOVING: &str = ".removing";

#[derive(Default)]
struct Slot {
    open: Option<Arc<Partition>>,
    used: u64,
}

/// All partitions of a data directory.
pub(super) struct Partitions {
    data_dir: PathBuf,
    dir: PathBuf,
    identity: Identity,
    max_files: usize,
    days: Mutex<(BTreeMap<Day, Slot>, u64)>,
    problems: Arc<Problems>,
    /// Days whose files were read whole, and days that were written anew because of damage, in this process.
    verified: Mutex<BTreeSet<Day>>,
    healed: Mutex<BTreeSet<Day>>,
    /// Times that a partition was wanted and open already, and times that it was not.
    pub(super) hits: std::sync::atomic::AtomicU64,
    pub(super) misses: std::sync::atomic::AtomicU64,
}

impl Partitions {
    /// Lists what is there and finishes removals that a crash interrupted.
    pub(super) fn open(data_dir: &Path, identity: Identity, max_files: usize) -> std::io::Result<Self> {
        let dir = data_dir.join(PARTITIONS);
        fs::create_dir_all(&dir)?;
        let problems = Arc::<Problems>::default();
        let mut days = BTreeMap::new();
        for entry in fs::read_dir(&dir)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.ends_with(REMOVING) || name.ends_with(CREATING) {
                // On a disk that cannot be written it stays.
                if let Err(error) = fs::remove_dir_all(entry.path()) {
                    log::warn!("{} cannot be removed yet: {error}", entry.path().display());
                }
            } else if let Some(day) = Day::parse(&name).filter(|_| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
                days.insert(day, Slot::default());
            } else {
                set_aside(data_dir, &entry.path(), "nothing explains why it is among the days", &problems);
            }
        }
        Ok(Self {
            data_dir: data_dir.to_owned(),
            dir,
            identity,
            max_files: max_files.max(1),
            days: Mutex::new((days, 0)),
            problems,
            verified: Mutex::default(),
            healed: Mutex::default(),
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
            PartitionError::Codec(source) => StoreError::Damaged { place, source },
            PartitionError::Foreign(_) => StoreError::Damaged { place, source: CodecError::Damaged("it is of another data directory") },
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
        if let Some(open) = &slot.open {
            self.hits.fetch_add(1, Relaxed);
            return Ok(Some(Arc::clone(open)));
        }
        self.misses.fetch_add(1, Relaxed);
        self.close_idle(days, day);
        let partition = match self.open_day(day, create) {
            Ok(Some(partition)) => Arc::new(partition),
            Ok(None) => {
                days.remove(&day);
                return Ok(None);
            }
            // The disk is full, the system will not open any more files: nothing is wrong with the data.
            Err(error) => return Err(self.error(day, error)),
        };
        if let Some(slot) = days.get_mut(&day) {
            slot.open = Some(Arc::clone(&partition));
        }
        Ok(Some(partition))
    }

    /// Opens a day; none where there is none any more. One of another data directory is set aside whole.
    fn open_day(&self, day: Day, create: bool) -> Result<Option<Partition>, PartitionError> {
        let dir = self.dir.join(day.name());
        let problems = Arc::clone(&self.problems);
        let place = DayPlace { data_dir: self.data_dir.clone(), dir, identity: self.identity, day, problems };
        let mut foreign = false;
        if place.dir.exists() {
            match Partition::open(&place) {
                Err(PartitionError::Foreign(other)) => {
                    let why = PartitionError::Foreign(other);
                    if !set_aside(&self.data_dir, &place.dir, &why.to_string(), &self.problems) && create {
                        return Err(why);
                    }
                    foreign = true;
                }
                opened => return opened.map(Some),
            }
        }
        if !create {
            // It is known and not there: removed behind the back of the store, or moved away with all the rest.
            return if foreign { Ok(None) } else { Err(std::io::Error::from(std::io::ErrorKind::NotFound).into()) };
        }
        Partition::create(&place)?;
        Partition::open(&place).map(Some)
    }

    /// Passes the labels of all series of all days on, some more than once. What is damaged is told and left out, as is a day
    /// that cannot be read.
    ///
    /// # Errors
    /// [`StoreError`] where a day cannot be read for the moment.
    pub(super) fn for_each_labels(&self, mut each: impl FnMut(SeriesId, Labels)) -> Result<(), StoreError> {
        for day in self.days() {
            if let Some(partition) = self.get(day, false)? {
                partition.for_each_labels(&mut each).map_err(|error| self.error(day, error))?;
            }
        }
        Ok(())
    }

    /// Does without saved progress: every series may have samples up to the end of the newest day. Gives the last journal
    /// record that any day holds.
    pub(super) fn sealed_through_of_all(&self, head: &mut Head, known: impl Iterator<Item = SeriesId>) -> Result<u64, StoreError> {
        let days = self.days();
        if let Some(newest) = days.last() {
            for id in known {
                let entry = head.entry(id);
                entry.born = TimestampMs::MIN;
                (entry.newest, entry.sealed_to, entry.closed_to) = (newest.end() - 1, newest.end() - 1, newest.end());
            }
        }
        let through = |day: Day| Ok(self.get(day, false)?.map_or(0, |partition| partition.last_record()));
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

    /// Closes days until another one fits: an open day costs the descriptors of its files and their indexes.
    fn close_idle(&self, days: &mut BTreeMap<Day, Slot>, except: Day) {
        let open = days.values().filter_map(|slot| slot.open.as_ref());
        let (mut files, mut bytes) = open.map(|p| p.parts().weight()).fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        while files >= self.max_files || bytes >= MAX_INDEX_BYTES {
            let idle = days
                .iter_mut()
                .filter(|(day, slot)| **day != except && slot.open.as_ref().is_some_and(|p| Arc::strong_count(p) == 1))
                .min_by_key(|(_, slot)| slot.used);
            // Where all are being read right now, the bound is passed rather than a reader disturbed.
            let Some(closed) = idle.and_then(|(_, slot)| slot.open.take()) else { return };
            let weight = closed.parts().weight();
            (files, bytes) = (files.saturating_sub(weight.0), bytes.saturating_sub(weight.1));
            if weight == (0, 0) && files == 0 {
                return;
            }
        }
    }

    /// Reads the files of a day whole, once in the life of the process, and tells what is damaged.
    pub(super) fn verify_once(&self, day: Day, partition: &Partition, pause: impl FnMut()) -> Result<(), StoreError> {
        if self.verified.lock().contains(&day) {
            return Ok(());
        }
        partition.verify(pause).map_err(|error| self.error(day, error))?;
        self.verified.lock().insert(day);
        Ok(())
    }

    /// Whether a damaged day may be written anew: once in the life of the process, lest a bad disk never comes to rest.
    pub(super) fn may_heal(&self, day: Day) -> bool {
        !self.healed.lock().contains(&day)
    }

    /// A damaged day is written anew.
    pub(super) fn note_healing(&self, day: Day) {
        self.healed.lock().insert(day);
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
        self.verified.lock().remove(&day);
        self.healed.lock().remove(&day);
        fail::fail_point!("store::retention", |_| Err(std::io::Error::other("failpoint")));
        fs::remove_dir_all(&leaving)?;
        Ok(Some(day.name()))
    }
}

/// Moves something that is among the days into quarantine and tells why; false where it has to stay.
fn set_aside(data_dir: &Path, path: &Path, why: &str, problems: &Problems) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    match files::set_aside(data_dir, path, &name) {
        Ok(to) => {
            problems.note(format!("{PARTITIONS}/{name}: {why}; it was set aside as {}", to.display()));
            true
        }
        Err(error) => {
            problems.note(format!("{PARTITIONS}/{name}: {why}; it is not used and cannot be set aside: {error}"));
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::pages_file::{Named, NewPage};
    use crate::store::partition::DAY_MS;

    const IDENTITY: Identity = Identity([9; 16]);

    fn open(dir: &Path) -> Partitions {
        Partitions::open(dir, IDENTITY, 2).unwrap()
    }

    fn page(id: u32, t: TimestampMs) -> NewPage {
        let mut builder = super::super::page::PageBuilder::new(crate::codec::Effort::Quick);
        builder.samples(SeriesId(id), &[t], &[1.0]).unwrap();
        NewPage { ids: [SeriesId(id); 2], span: (t, t), bytes: builder.finish() }
    }

    fn seal(partition: &Partition, id: u32, t: TimestampMs, through: u64) {
        let labels = |id: SeriesId| Some(Labels::metric("load", &[("n", &id.0.to_string())]));
        partition.seal(vec![page(id, t)], &Named { ids: &[SeriesId(id)], labels: &labels }, through).unwrap();
    }

    fn read(partition: &Partition, id: u32) -> usize {
        let mut out = Vec::new();
        partition.samples(SeriesId(id), i64::MIN, i64::MAX, None, &mut out).unwrap();
        out.len()
    }

    #[test]
    fn few_partitions_stay_open_and_all_can_be_read() {
        let dir = tempfile::tempdir().unwrap();
        let partitions = open(dir.path());
        for day in 0..5 {
            let partition = partitions.get(Day(day), true).unwrap().unwrap();
            seal(&partition, 1, day * DAY_MS, day as u64 + 1);
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
        let mut named = Vec::new();
        partitions.for_each_labels(|id, labels| named.push((id, labels.to_string()))).unwrap();
        assert_eq!(named, vec![(SeriesId(1), r#"load{n="1"}"#.to_owned()); 3]);
        assert_eq!(partitions.problems(), Vec::<String>::new());
    }

    #[test]
    fn a_day_of_another_directory_is_set_aside_and_what_nothing_explains_too() {
        let dir = tempfile::tempdir().unwrap();
        let day = Day(20_000);
        seal(&Partitions::open(dir.path(), Identity([8; 16]), 2).unwrap().get(day, true).unwrap().unwrap(), 1, day.start(), 5);
        fs::write(dir.path().join("partitions/notes.txt"), "mine").unwrap();
        let partitions = open(dir.path());
        assert!(partitions.get(day, false).unwrap().is_none());
        let problems = partitions.problems();
        assert!(problems[0].contains("it belongs to the data directory 0808"), "{problems:?}");
        assert!(problems[1].contains("notes.txt: nothing explains"), "{problems:?}");
        let quarantine = dir.path().join("quarantine");
        assert!(quarantine.join(day.name()).join("1.pages").exists() && quarantine.join("notes.txt").exists());
        seal(&partitions.get(day, true).unwrap().unwrap(), 2, day.start(), 1);
        assert_eq!(read(&open(dir.path()).get(day, false).unwrap().unwrap(), 2), 1);
    }

    #[test]
    fn a_file_that_nothing_explains_is_kept_and_told() {
        let dir = tempfile::tempdir().unwrap();
        let day = Day(20_000);
        seal(&open(dir.path()).get(day, true).unwrap().unwrap(), 1, day.start(), 5);
        let at = dir.path().join("partitions").join(day.name());
        fs::write(at.join("9.chunks"), "what is this").unwrap();
        fs::create_dir_all(at.join("hot-9")).unwrap();
        fs::write(at.join("8.chunks.tmp"), "left by a crash").unwrap();
        let partitions = open(dir.path());
        let partition = partitions.get(day, false).unwrap().unwrap();
        assert_eq!((read(&partition, 1), partition.sealed_through()), (1, 0), "the journal may have what was in it");
        assert_eq!(partition.last_record(), 5);
        assert_eq!(partitions.problems().len(), 2, "{:?}", partitions.problems());
        let quarantine = dir.path().join("quarantine");
        assert_eq!(fs::read(quarantine.join(format!("{}-9.chunks", day.name()))).unwrap(), b"what is this");
        assert!(quarantine.join(format!("{}-hot-9", day.name())).exists());
        assert_eq!(fs::read_dir(&at).unwrap().count(), 3, "1.pages and two manifests");
    }
}
