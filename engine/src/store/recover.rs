//! Recovery at the start: the identity of the directory, unsealed samples, and the series.
//!
//! Journal rows that are in no chunk go into the head. Labels missing in series.log are taken from definitions in the journal and
//! from the days.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rustc_hash::{FxHashMap, FxHashSet};

use super::catalog::Catalog;
use super::error::StoreError;
use super::head::{Head, NEVER, Put, SeriesHead};
use super::identity::{self, FORMAT, Identity, Stated};
use super::journal::{self, Journal, Record, Rows};
use super::partition::Day;
use super::partitions::Partitions;
use super::series::SeriesIndex;
use super::{StoreOptions, files, log, partition, series_log};
use crate::model::{Labels, SeriesId, TimestampMs};

/// Determines the identity of a directory; the second value describes a problem of the identity file.
///
/// # Errors
/// [`StoreError`] if the directory has another format or cannot be read or written.
pub(super) fn identify(dir: &Path) -> Result<(Identity, Option<String>), StoreError> {
    let fail = |source| StoreError::DataDir { path: dir.to_owned(), source };
    let stated = identity::load(dir).map_err(fail)?;
    let why = match stated {
        Stated::Known(identity) => return Ok((identity, None)),
        Stated::OtherFormat(found) => return Err(StoreError::Format { path: dir.to_owned(), found, known: FORMAT }),
        Stated::Missing => "missing",
        Stated::Damaged => "damaged",
    };
    let from_logs = || ["series.log", "catalog.log"].iter().find_map(|name| log::identity_of(&dir.join(name)));
    let found = from_logs().or_else(|| journal::identity_of(dir)).or_else(|| partition::identity_of_days(dir));
    // Format 3 had no identity and kept everything but samples in one database.
    if found.is_none() && stated == Stated::Missing && ["db", "conf"].iter().any(|file| dir.join("catalog").join(file).exists()) {
        return Err(StoreError::Format { path: dir.to_owned(), found: 3, known: FORMAT });
    }
    let path = dir.join("identity");
    let identity = match found {
        Some(identity) => identity,
        None => Identity::random().map_err(fail)?,
    };
    let saved = identity::save(dir, identity);
    let problem = match (found, stated) {
        // A new directory.
        (None, Stated::Missing) => {
            saved.map_err(fail)?;
            return Ok((identity, None));
        }
        (None, _) => format!("{} is {why} and no other file has the identity: the directory got a new one", path.display()),
        (Some(_), _) => format!("{} is {why}; it was restored from the other files", path.display()),
    };
    Ok((identity, Some(saved.map_or_else(|error| format!("{problem}, which cannot be written: {error}"), |()| problem.clone()))))
}

/// Adds a series to the index under its id; false if the id or the labels are already used by another.
pub(super) fn define(index: &mut SeriesIndex, id: SeriesId, labels: Labels) -> bool {
    match index.id(&labels) {
        Some(known) => known == id,
        None if index.contains(id) => false,
        None => {
            index.insert(id, labels);
            true
        }
    }
}

/// Applies journal records during the start.
pub(super) struct Replay<'a> {
    partitions: &'a Partitions,
    catalog: &'a Catalog,
    options: &'a StoreOptions,
    series: &'a mut SeriesIndex,
    head: &'a mut Head,
    now: TimestampMs,
    /// Older samples would be removed at once.
    horizon: TimestampMs,
    sealed: FxHashMap<Day, u64>,
    replayed: Replayed,
}

/// Result of replaying the journal.
#[derive(Default)]
pub(super) struct Replayed {
    /// Rows that are in no chunk.
    pub(super) kept: u64,
    /// Series of rows without a definition before them.
    unknown: BTreeSet<SeriesId>,
    /// Some definitions contradict the series log or cannot be read.
    unclear: bool,
}

impl Replayed {
    /// Whether labels are needed that series.log and the journal do not have.
    pub(super) fn needs_recovery(&self) -> bool {
        self.unclear || !self.unknown.is_empty()
    }
}

impl<'a> Replay<'a> {
    pub(super) fn new(
        partitions: &'a Partitions,
        catalog: &'a Catalog,
        options: &'a StoreOptions,
        series: &'a mut SeriesIndex,
        head: &'a mut Head,
        (now, horizon): (TimestampMs, TimestampMs),
    ) -> Self {
        Self { partitions, catalog, options, series, head, now, horizon, sealed: FxHashMap::default(), replayed: Replayed::default() }
    }

    pub(super) fn finish(self) -> Replayed {
        self.replayed
    }

    pub(super) fn record(&mut self, number: u64, record: Record<'_>) -> Result<(), StoreError> {
        match record {
            Record::Rows(rows) => self.rows(number, &rows),
            Record::Lines(_) => {
                self.partitions.note(format!("the journal's record {number} is of log lines, which it does not hold; it is left out"));
                Ok(())
            }
            Record::Series(run) => {
                let read = series_log::decode_run(run, |id, labels| {
                    if !self.catalog.is_removed(id) {
                        self.replayed.unclear |= !define(self.series, id, labels);
                    }
                });
                if let Err(error) = read {
                    self.replayed.unclear = true;
                    self.partitions.note(format!("the journal's record {number} of new series cannot be read: {error}"));
                }
                Ok(())
            }
        }
    }

    fn rows(&mut self, number: u64, rows: &Rows) -> Result<(), StoreError> {
        let horizon = self.horizon;
        for (id, t, v) in rows.iter().filter(|(_, t, _)| *t >= horizon) {
            if !self.series.contains(id) {
                if self.catalog.is_removed(id) {
                    continue;
                }
                self.replayed.unknown.insert(id);
            }
            let unsealed = number > self.sealed_through(Day::of(t))?;
            let entry = self.head.entry(id);
            entry.notice(t);
            entry.touched = self.now;
            entry.close_behind(t, self.options.allowed_lateness_ms);
            if !unsealed {
                entry.sealed_to = entry.sealed_to.max(t);
            } else if entry.put(t, v) == Put::New {
                self.replayed.kept += 1;
            }
        }
        Ok(())
    }

    fn sealed_through(&mut self, day: Day) -> Result<u64, StoreError> {
        if let Some(&through) = self.sealed.get(&day) {
            return Ok(through);
        }
        let through = self.partitions.get(day, false)?.map_or(0, |partition| partition.sealed_through());
        self.sealed.insert(day, through);
        Ok(through)
    }
}

/// Rebuilds the index of series from all sources, and series.log from the index. Samples of series that are known nowhere are
/// removed from the head; returns their number. Their ids are not reused.
#[allow(clippy::too_many_arguments, reason = "the parts of a store that is not one yet")]
pub(super) fn series(
    dir: &Path,
    damage: Option<String>,
    progress_lost: bool,
    replayed: &Replayed,
    partitions: &Partitions,
    catalog: &Catalog,
    journal: &Journal,
    index: &mut SeriesIndex,
    head: &mut Head,
) -> u64 {
    let Known { labels, next, found } = known_series(replayed, partitions, catalog, index, head);
    if progress_lost && let Some(day) = partitions.days().last() {
        for id in &found {
            let entry = head.entry(*id);
            if entry.newest == NEVER {
                (entry.newest, entry.sealed_to, entry.closed_to) = (day.end() - 1, day.end() - 1, day.end());
            }
        }
    }
    let found = found.len();
    *index = SeriesIndex::default();
    for (id, labels) in labels {
        index.insert(id, labels);
    }
    index.reserve(SeriesId(next));
    let log = dir.join("series.log");
    if let Some(damage) = damage {
        let kept = catalog.keep_damaged_series();
        partitions.note(format!(
            "{} was damaged ({damage}); {kept}; it was rewritten, {found} series were taken from the files of days",
            log.display()
        ));
    }
    if let Err(error) = catalog.rewrite_series(next, index.since(SeriesId(0)).into_iter()) {
        partitions.note(format!("cannot rewrite {}: {error}", log.display()));
    }
    drop_unknown_series(dir, replayed, partitions, journal, index, head)
}

/// The series of all sources.
struct Known {
    /// Labels by id, each set once.
    labels: BTreeMap<SeriesId, Labels>,
    /// This id and all higher ones were never used.
    next: u32,
    /// Series that only the files of days have.
    found: Vec<SeriesId>,
}

/// Collects the series of the index, the journal and the days.
fn known_series(replayed: &Replayed, partitions: &Partitions, catalog: &Catalog, index: &SeriesIndex, head: &Head) -> Known {
    let mut labels: BTreeMap<SeriesId, Labels> = index.since(SeriesId(0)).into_iter().collect();
    let mut next = index.next_id().0.max(head.next_id().0);
    next = next.max(replayed.unknown.last().map_or(0, |id| id.0.saturating_add(1)));
    let mut found = Vec::new();
    let read = partitions.for_each_labels(|id, set| {
        next = next.max(id.0.saturating_add(1));
        if !catalog.is_removed(id) {
            labels.entry(id).or_insert_with(|| {
                found.push(id);
                set
            });
        }
    });
    if let Err(error) = read {
        partitions.note(format!("the labels of some days cannot be read, their series may be missing: {error}"));
    }
    // If two ids have the same labels, the series was removed and created again: the later id is in use.
    let mut seen = FxHashSet::default();
    let mut doubled = Vec::new();
    for (id, set) in labels.iter().rev() {
        if !seen.insert(set.clone()) {
            doubled.push(*id);
        }
    }
    doubled.iter().for_each(|id| _ = labels.remove(id));
    Known { labels, next, found }
}

/// Removes samples of series without labels from the head, and copies the journal to quarantine first; returns their number.
fn drop_unknown_series(
    dir: &Path,
    replayed: &Replayed,
    partitions: &Partitions,
    journal: &Journal,
    index: &SeriesIndex,
    head: &mut Head,
) -> u64 {
    let mut lost = 0;
    let nameless: Vec<SeriesId> = replayed.unknown.iter().copied().filter(|id| !index.contains(*id)).collect();
    for id in &nameless {
        let entry = head.entry(*id);
        lost += entry.len() as u64;
        *entry = SeriesHead::default();
    }
    if lost > 0 {
        for file in journal.files() {
            let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if let Err(error) = files::copy_aside(dir, &file, &format!("journal-{name}")) {
                partitions.note(format!("cannot copy {} to quarantine: {error}", file.display()));
            }
        }
        partitions.note(format!(
            "{lost} samples in the journal are of {} series whose labels are damaged everywhere; they are left out, and the journal's files \
             were copied to {}",
            nameless.len(),
            dir.join("quarantine").display()
        ));
    }
    lost
}
