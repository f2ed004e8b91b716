//! The head: lines in memory that are in no file yet, by day and stream.
//!
//! The lines of a stream are in parts that readers hold while they read, so that a read costs the appends nothing: a part that nobody
//! reads grows, one that is read is left as it is and the next one begins.
//!
//! A line that was sent again (a client that got no answer tries again) is kept once as long as the first one is in the head. Lines
//! that come by time need no search for that.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use hashbrown::HashTable;
use rustc_hash::FxHashMap;

use super::journal::Piece;
use super::kind::Kind;
use super::rows::{Row, Rows};
use crate::logs::record::{Severity, TimeNs};
use crate::model::Labels;
use crate::store::partition::Day;

/// A part with more text gets no more lines.
const PART_TEXT: usize = 256 << 10;
/// Lines of the newest time that are compared one by one with a new one.
const COMPARED: usize = 64;
/// Memory of a stream beside its lines, about.
const STREAM_BYTES: usize = 512;

/// The lines of a stream.
#[derive(Default)]
pub(super) struct StreamHead {
    parts: Vec<Arc<Rows>>,
    newest: TimeNs,
    /// The lines by their hash, once one came that was not the newest.
    seen: Option<Seen>,
}

#[derive(Default)]
struct Seen {
    hasher: RandomState,
    /// Part and row.
    rows: HashTable<(u32, u32)>,
}

/// The lines of a day.
#[derive(Default)]
pub(super) struct DayHead {
    pub(super) streams: FxHashMap<Labels, StreamHead>,
    pub(super) rows: u64,
    memory: usize,
}

/// All lines.
#[derive(Default)]
pub(super) struct Head {
    pub(super) days: BTreeMap<Day, DayHead>,
}

impl Head {
    pub(super) fn memory(&self) -> usize {
        self.days.values().map(DayHead::memory).sum()
    }

    pub(super) fn rows(&self) -> u64 {
        self.days.values().map(|day| day.rows).sum()
    }

    /// Adds lines of one day; gives how many of them were there already, and passes each of these.
    pub(super) fn add(&mut self, kind: Kind, piece: &Piece, twice: impl FnMut(usize)) -> u64 {
        self.days.entry(piece.day).or_default().add(kind, &piece.labels, &piece.rows, twice)
    }
}

impl DayHead {
    /// Bytes of memory, about.
    pub(super) fn memory(&self) -> usize {
        self.memory + self.streams.len() * STREAM_BYTES
    }

    pub(super) fn add(&mut self, kind: Kind, labels: &Labels, rows: &Rows, mut twice: impl FnMut(usize)) -> u64 {
        let stream = match self.streams.get_mut(labels) {
            Some(stream) => stream,
            None => self.streams.entry(labels.clone()).or_default(),
        };
        let mut duplicates = 0;
        for (at, row) in rows.iter().enumerate() {
            if stream.push(kind, row) {
                self.rows += 1;
                self.memory += row.body.len() + row.details.len() + super::rows::ROW_BYTES;
            } else {
                duplicates += 1;
                twice(at);
            }
        }
        duplicates
    }

    /// Streams by their labels, as they lie in a file.
    pub(super) fn sorted(&self) -> Vec<(&Labels, &StreamHead)> {
        let mut streams: Vec<(&Labels, &StreamHead)> = self.streams.iter().collect();
        streams.sort_unstable_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
        streams
    }
}

impl StreamHead {
    pub(super) fn parts(&self) -> &[Arc<Rows>] {
        &self.parts
    }

    pub(super) fn text(&self) -> usize {
        self.parts.iter().map(|part| part.text()).sum()
    }

    /// Adds a line unless it is there; gives whether it was added.
    fn push(&mut self, kind: Kind, row: Row<'_>) -> bool {
        let late = !self.parts.is_empty() && row.time <= self.newest;
        if late && self.holds(kind, row) {
            return false;
        }
        self.newest = if self.parts.is_empty() { row.time } else { self.newest.max(row.time) };
        let fits = self.parts.last_mut().and_then(Arc::get_mut).filter(|part| part.text() < PART_TEXT);
        match fits {
            Some(part) => part.push(row),
            None => {
                // The part before is full, and keeps no room for more.
                self.parts.last_mut().and_then(Arc::get_mut).into_iter().for_each(Rows::shrink);
                let mut part = Rows::default();
                part.push(row);
                self.parts.push(Arc::new(part));
            }
        }
        if let Some(seen) = &mut self.seen {
            let at = (self.parts.len() as u32 - 1, self.parts.last().map_or(0, |part| part.len() as u32 - 1));
            seen.insert(kind, &self.parts, at);
        }
        true
    }

    fn holds(&mut self, kind: Kind, row: Row<'_>) -> bool {
        let row = identity_of(kind, row);
        if self.seen.is_none() && row.time == self.newest {
            // Lines of one time that follow each other are common.
            let newest = self.parts.iter().rev().flat_map(|part| (0..part.len()).rev().map(|at| part.row(at)));
            let mut compared = 0;
            for there in newest.take_while(|there| there.time == row.time).take(COMPARED) {
                if identity_of(kind, there) == row {
                    return true;
                }
                compared += 1;
            }
            if compared < COMPARED {
                return false;
            }
        }
        let parts = &self.parts;
        self.seen.get_or_insert_with(|| Seen::of(kind, parts)).holds(kind, parts, row)
    }
}

impl Seen {
    fn of(kind: Kind, parts: &[Arc<Rows>]) -> Self {
        let mut seen = Self::default();
        for (part, rows) in parts.iter().enumerate() {
            (0..rows.len()).for_each(|row| seen.insert(kind, parts, (part as u32, row as u32)));
        }
        seen
    }

    fn insert(&mut self, kind: Kind, parts: &[Arc<Rows>], at: (u32, u32)) {
        let Self { hasher, rows } = self;
        let hash = |at: &(u32, u32)| hash_of(hasher, identity_of(kind, row_at(parts, *at)));
        rows.insert_unique(hash(&at), at, hash);
    }

    /// Whether a row is there; `row` is its identity.
    fn holds(&self, kind: Kind, parts: &[Arc<Rows>], row: Row<'_>) -> bool {
        self.rows.find(hash_of(&self.hasher, row), |at| identity_of(kind, row_at(parts, *at)) == row).is_some()
    }
}

/// What makes two rows of a stream the same: of spans their time and ids, of lines everything.
fn identity_of(kind: Kind, row: Row<'_>) -> Row<'_> {
    match kind {
        Kind::Lines => row,
        Kind::Spans => Row { severity: Severity::default(), body: &[], shared: &[], ..row },
    }
}

fn row_at(parts: &[Arc<Rows>], (part, row): (u32, u32)) -> Row<'_> {
    parts[part as usize].row(row as usize)
}

fn hash_of(hasher: &RandomState, row: Row<'_>) -> u64 {
    hasher.hash_one((row.time, row.severity, row.body, row.details))
}
