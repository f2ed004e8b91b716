//! What readers and the writer of lines share, how it is opened, and how lines are appended.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use parking_lot::{Mutex, RwLock};
use rustc_hash::FxHashSet;

use super::accept::{self, Accepted, Appended, Span, accept};
use super::cache::Directories;
use super::days::{DayFiles, open_days};
use super::head::{DayHead, Head};
use super::journal::{self, Piece};
use super::kind::Kind;
use super::options::LogOptions;
use super::recent::Recent;
use super::status::LogCounters;
use crate::logs::record::{Lines, TimeNs};
use crate::model::{Labels, TimestampMs};
use crate::store::StoreError;
use crate::store::files;
use crate::store::identity::Identity;
use crate::store::journal::{Journal, Record};
use crate::store::mark::Mark;
use crate::store::partition::Day;
use crate::store::problems::Problems;

pub(super) const DAYS: &str = "days";
pub(super) const SEALED: &str = "sealed";
/// A head so many times over its bound takes no more lines: they come faster than they can be sealed, or sealing fails.
const BACKLOG: usize = 3;

/// Lines that are being sealed: still read from here until their file is there.
#[derive(Default)]
pub(super) struct Frozen {
    pub(super) days: BTreeMap<Day, Arc<DayHead>>,
    /// The last journal record with lines of them.
    pub(super) through: u64,
}

/// Where the lines are. A seal moves lines of a day from `frozen` to `days` in one step, so a reader finds them once.
#[derive(Default)]
pub(super) struct Places {
    pub(super) head: Head,
    pub(super) frozen: Frozen,
    pub(super) days: BTreeMap<Day, DayFiles>,
}

/// The files that there are once a line has come.
pub(super) struct Kept {
    pub(super) journal: Journal,
    /// The last journal record whose lines are all in files.
    pub(super) sealed: Mark,
}

/// The store of lines. Whoever appends is alone: the actor that owns the writer.
pub(crate) struct LogStore {
    pub(super) kind: Kind,
    pub(super) data_dir: PathBuf,
    pub(super) identity: Identity,
    pub(super) options: LogOptions,
    pub(super) problems: Arc<Problems>,
    kept: Mutex<Option<Arc<Kept>>>,
    pub(super) places: RwLock<Places>,
    /// Held by whoever appends or begins a seal.
    pub(super) turn: Mutex<()>,
    pub(super) sealing: Mutex<()>,
    pub(super) compacting: Mutex<()>,
    pub(super) directories: Directories,
    /// Spans that were sealed last, so that those sent again are noticed.
    pub(super) recent: Mutex<Recent>,
    /// Files that were there at the start and were not read whole since, with the block to go on with.
    pub(super) unverified: Mutex<Vec<(PathBuf, usize)>>,
    pub(crate) counters: LogCounters,
}

impl LogStore {
    /// Opens what there is of lines in a data directory; makes nothing where there is nothing.
    pub(crate) fn open(
        kind: Kind,
        data_dir: &Path,
        identity: Identity,
        options: LogOptions,
        problems: Arc<Problems>,
        trusted: TimestampMs,
    ) -> Result<Self, StoreError> {
        let store = Self {
            kind,
            data_dir: data_dir.to_owned(),
            identity,
            options,
            problems,
            kept: Mutex::default(),
            places: RwLock::default(),
            turn: Mutex::default(),
            sealing: Mutex::default(),
            compacting: Mutex::default(),
            directories: Directories::default(),
            recent: Mutex::default(),
            unverified: Mutex::default(),
            counters: LogCounters::default(),
        };
        if data_dir.join(kind.folder()).is_dir() {
            store.load(trusted)?;
        }
        Ok(store)
    }

    fn load(&self, trusted: TimestampMs) -> Result<(), StoreError> {
        let days = open_days(&self.data_dir, self.identity, self.kind, &self.problems)?;
        let (sealed, found) = Mark::open(&self.folder().join(SEALED));
        let sealed_through = found.numbers().map_or(0, |[through, ..]| through);
        let newest = days.values().map(DayFiles::through).max().unwrap_or(0).max(sealed_through);
        let (mut head, oldest) = (Head::default(), Day::of(trusted.saturating_sub(self.options.retention_ms)));
        let journal =
            Journal::open(self.kind.journal(), &self.data_dir, self.identity, sealed_through, &self.problems, |number, record| {
                let Record::Lines(bytes) = record else {
                    self.problems.note(format!("the journal's record {number} is not of {}; it is left out", self.kind.holds()));
                    return Ok(());
                };
                let read = journal::decode(self.kind, bytes, |piece| {
                    let through = days.get(&piece.day).map_or(0, DayFiles::through).max(sealed_through);
                    if number > through && piece.day >= oldest {
                        head.add(self.kind, &piece, |_| ());
                    }
                });
                if let Err(error) = read {
                    self.problems.note(format!("record {number} of the journal of {} cannot be read: {error}", self.kind.holds()));
                }
                Ok(())
            })?;
        // Numbers go on, so that a new record is never taken for a sealed one.
        journal.begin_after(newest);
        // The newest are read first: they are asked for most.
        *self.unverified.lock() = days.values().flat_map(|day| day.files.iter().map(|file| (file.path.clone(), 0))).collect();
        *self.places.write() = Places { head, frozen: Frozen::default(), days };
        *self.kept.lock() = Some(Arc::new(Kept { journal, sealed }));
        Ok(())
    }

    pub(super) fn folder(&self) -> PathBuf {
        self.data_dir.join(self.kind.folder())
    }

    /// The journal, where a line has come.
    pub(super) fn kept(&self) -> Option<Arc<Kept>> {
        self.kept.lock().clone()
    }

    /// Whether no line was ever kept.
    pub(crate) fn is_unused(&self) -> bool {
        self.kept.lock().is_none()
    }

    fn kept_or_made(&self) -> Result<Arc<Kept>, StoreError> {
        let mut kept = self.kept.lock();
        if let Some(kept) = &*kept {
            return Ok(Arc::clone(kept));
        }
        let folder = self.folder();
        files::create_private_dir(&folder.join(DAYS)).map_err(|error| StoreError::io(&folder, error))?;
        let (sealed, _) = Mark::open(&folder.join(SEALED));
        let journal = Journal::open(self.kind.journal(), &self.data_dir, self.identity, 0, &self.problems, |_, _| Ok(()))?;
        crate::store::partition::sync_dir(&self.data_dir).map_err(|error| StoreError::io(&folder, error))?;
        crate::store::partition::sync_dir(&folder).map_err(|error| StoreError::io(&folder, error))?;
        Ok(Arc::clone(kept.insert(Arc::new(Kept { journal, sealed }))))
    }

    /// Appends lines to journal and head. Durable, and to be acknowledged, after the next [`LogStore::commit`]. Gives as well which of them
    /// are new, in their order.
    pub(crate) fn append(&self, lines: Lines, now: TimestampMs) -> Result<(Appended, Vec<bool>), StoreError> {
        fail::fail_point!("logs::append");
        let span = self.reach(now);
        let _turn = self.turn.lock();
        self.check_head()?;
        let mut streams = Streams { store: self, known: None };
        let Accepted { pieces, numbers, mut done, lines } = accept(lines, span, |day, labels| streams.of(day, labels));
        let mut new = vec![false; lines];
        numbers.iter().flatten().for_each(|number| new[*number] = true);
        done.duplicates = self.keep(&pieces, |piece, row| new[numbers[piece][row]] = false)?;
        self.counters.add(&done);
        Ok((done, new))
    }

    /// Times that are accepted.
    pub(super) fn reach(&self, now: TimestampMs) -> Span {
        let reach = self.options.retention_ms;
        let ns = |ms: TimestampMs| -> TimeNs { ms.saturating_mul(1_000_000) };
        Span { from: ns(Day::of(now.saturating_sub(reach)).start()), to: ns(now.saturating_add(reach)) }
    }

    /// Writes pieces to the journal and adds them to the head; gives how many of their rows were there already, and passes each of
    /// these with its piece.
    pub(super) fn keep(&self, pieces: &[Piece], mut twice: impl FnMut(usize, usize)) -> Result<u64, StoreError> {
        if pieces.is_empty() {
            return Ok(0);
        }
        let written = self.kept_or_made()?.journal.append_lines(&journal::encode(self.kind, pieces));
        written.map_err(|error| StoreError::io(&self.folder(), error))?;
        let head = &mut self.places.write().head;
        Ok(pieces.iter().enumerate().map(|(at, piece)| head.add(self.kind, piece, |row| twice(at, row))).sum())
    }

    pub(super) fn check_head(&self) -> Result<(), StoreError> {
        let places = self.places.read();
        let waiting = places.head.memory() + places.frozen.days.values().map(|day| day.memory()).sum::<usize>();
        if waiting > self.options.max_head_bytes.saturating_mul(BACKLOG) {
            let waiting = places.head.rows() + places.frozen.days.values().map(|day| day.rows).sum::<u64>();
            return Err(StoreError::Backlog { waiting, what: self.kind.holds() });
        }
        Ok(())
    }

    /// Makes all lines that were appended before this call durable.
    pub(crate) fn commit(&self) -> Result<(), StoreError> {
        self.counters.commits.fetch_add(1, Ordering::Relaxed);
        fail::fail_point!("logs::commit");
        let Some(kept) = self.kept() else { return Ok(()) };
        kept.journal.sync().map_err(|error| StoreError::io(&self.folder(), error))
    }

    /// Longest time between seals.
    pub(crate) fn seal_interval(&self) -> std::time::Duration {
        self.options.seal_interval
    }

    /// Whether a seal is due for the memory that lines take.
    pub(crate) fn head_is_over(&self) -> bool {
        self.places.read().head.memory() >= self.options.max_head_bytes
    }

    /// A part of the folder that was removed while it was in use.
    pub(crate) fn missing(&self) -> Option<PathBuf> {
        let kept = self.kept()?;
        let days = self.folder().join(DAYS);
        kept.journal.missing_file().or_else(|| (!days.is_dir()).then_some(days))
    }
}

/// Decides under which labels lines are kept, so that a day has no more streams than it may.
pub(super) struct Streams<'a> {
    pub(super) store: &'a LogStore,
    /// The streams of a day, once it may have too many.
    pub(super) known: Option<(Day, FxHashSet<Labels>)>,
}

impl Streams<'_> {
    pub(super) fn of(&mut self, day: Day, labels: &Labels) -> Labels {
        let most = self.store.options.max_streams;
        if self.known.as_ref().is_none_or(|(known, _)| *known != day) {
            let places = self.store.places.read();
            let head = places.head.days.get(&day).map_or(0, |head| head.streams.len());
            let frozen = places.frozen.days.get(&day).map_or(0, |head| head.streams.len());
            let sealed = places.days.get(&day).map_or(0, DayFiles::streams);
            let is_known = places.head.days.get(&day).is_some_and(|head| head.streams.contains_key(labels));
            // Counted more than once where a stream is in several places: counted exactly only near the bound.
            if is_known || head + frozen + sealed < most / 2 {
                return labels.clone();
            }
            drop(places);
            self.known = Some((day, self.store.streams_of(day)));
        }
        let Some((_, known)) = &mut self.known else { return labels.clone() };
        if known.contains(labels) {
            return labels.clone();
        }
        if known.len() < most {
            known.insert(labels.clone());
            return labels.clone();
        }
        let of_service = accept::overflow_of(labels);
        // Services are bounded as well, by as many again.
        if known.contains(&of_service) || known.len() < 2 * most {
            known.insert(of_service.clone());
            return of_service;
        }
        accept::overflow_of(&Labels::none())
    }
}

impl LogStore {
    /// The streams of a day, those of files that can be read.
    fn streams_of(&self, day: Day) -> FxHashSet<Labels> {
        let (mut streams, files) = {
            let places = self.places.read();
            let mut streams = FxHashSet::default();
            streams.extend(places.head.days.get(&day).into_iter().flat_map(|head| head.streams.keys().cloned()));
            streams.extend(places.frozen.days.get(&day).into_iter().flat_map(|head| head.streams.keys().cloned()));
            (streams, places.days.get(&day).map_or_else(Vec::new, |day| day.files.clone()))
        };
        for file in files {
            match self.directories.get(&file) {
                Ok(directory) => streams.extend(directory.streams.iter().cloned()),
                Err(error) => self.problems.note(format!("{}: {error}", file.path.display())),
            }
        }
        streams
    }
}
