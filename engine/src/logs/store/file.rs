//! A file of sealed lines: blocks of one day, and a directory of them.
//!
//! ```text
//! DAY/N.blocks   columns of blocks, one after the other · [table of traces] · directory, twice · trailer, twice
//! directory      a frame; zstd of: identity, day, number, last journal record, numbers that it was made of, streams, segments, blocks
//! trailer        a frame of a fixed length: where the two directories begin
//! ```
//!
//! A *segment* is what one seal wrote: its blocks have all streams of a stretch of time. Segments are kept apart when files are
//! merged, so that reading all streams by time never has more than one segment's text in memory, however many streams there are.
//!
//! A file is written under a temporary name, synced and renamed, and never changes (`write`). Opening it reads the directory alone.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::block::{Column, Entry, Wanted, decode};
use super::directory::Directory;
use super::kind::Kind;
use super::rows::Rows;
use crate::codec::CodecError;
use crate::logs::record::TimeNs;
use crate::span_store::columns;
use crate::span_store::table::{self, Table};
use crate::store::frame::HEADER;
use crate::store::identity::Identity;
use crate::store::page::{ByteSource, PageError};
use crate::store::partition::Day;
use crate::store::pread::Pread;
use crate::store::read_buffer::Bytes;

/// Ending of the names of files of blocks.
pub(crate) const BLOCKS: &str = "blocks";
/// Kinds of frames.
pub(super) const DIRECTORY: u8 = 1;
pub(super) const TRAILER: u8 = 2;
const TRAILER_BYTES: u64 = HEADER as u64 + 16;

/// What is known of a file without its directory.
#[derive(Debug, Clone, Default)]
pub(super) struct Summary {
    /// The last journal record whose lines of this day it and the files before it have.
    pub(super) through: u64,
    /// Files whose lines it has.
    pub(super) made_of: Vec<u64>,
    pub(super) rows: u64,
    pub(super) text: u64,
    pub(super) streams: usize,
    pub(super) blocks: usize,
    pub(super) first: TimeNs,
    pub(super) last: TimeNs,
    /// Which blocks have spans of a trace; lines have none.
    pub(super) table: Option<table::Place>,
}

/// An open file.
pub(super) struct BlocksFile {
    pub(super) path: PathBuf,
    pub(super) number: u64,
    /// Unlike the number never used twice by a process.
    pub(super) id: u64,
    pub(super) summary: Summary,
    kind: Kind,
    file: Pread,
    places: [u64; 2],
}

/// Why a file cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpenError {
    #[error("it belongs to {0}")]
    Foreign(&'static str),
    #[error(transparent)]
    Damaged(#[from] CodecError),
    #[error(transparent)]
    Io(std::io::Error),
}

impl From<PageError> for OpenError {
    fn from(error: PageError) -> Self {
        match error {
            PageError::Codec(error) => Self::Damaged(error),
            PageError::Io(error) => Self::Io(error),
        }
    }
}

impl From<OpenError> for PageError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Io(error) => Self::Io(error),
            OpenError::Damaged(error) => Self::Codec(error),
            OpenError::Foreign(_) => Self::Codec(CodecError::Damaged("another file is in its place")),
        }
    }
}

pub(super) fn file_name(number: u64) -> String {
    format!("{number}.{BLOCKS}")
}

pub(super) fn number_of(path: &Path) -> Option<u64> {
    path.file_name()?.to_str()?.strip_suffix(BLOCKS)?.strip_suffix('.')?.parse().ok()
}

impl BlocksFile {
    pub(super) fn open(path: PathBuf, identity: Identity, day: Day, kind: Kind) -> Result<Self, OpenError> {
        static IDS: AtomicU64 = AtomicU64::new(0);
        let number = number_of(&path).ok_or(OpenError::Foreign("nobody: its name has no number"))?;
        let file = Pread::open(&path).map_err(OpenError::Io)?;
        let places = places(&file)?;
        let mut opened = Self { path, number, id: IDS.fetch_add(1, Ordering::Relaxed), summary: Summary::default(), kind, file, places };
        let directory = opened.directory()?;
        if directory.identity != identity {
            return Err(OpenError::Foreign("another data directory"));
        }
        if (directory.day, directory.number) != (day, number) {
            return Err(OpenError::Foreign("another day or has another number"));
        }
        opened.summary = directory.summary();
        Ok(opened)
    }

    /// Reads the directory.
    pub(super) fn directory(&self) -> Result<Directory, PageError> {
        self.directory_at(self.places[0]).or_else(|_| self.directory_at(self.places[1]))
    }

    fn directory_at(&self, at: u64) -> Result<Directory, PageError> {
        let damaged = CodecError::Damaged("the directory");
        let header = self.file.header_at(at)?.filter(|header| header.kind == DIRECTORY && header.number == self.number).ok_or(damaged)?;
        let bytes = self.file.payload(at, &header)?;
        Ok(Directory::decode(&bytes)?)
    }

    /// Reads a column of a block.
    pub(super) fn column(&self, entry: &Entry, column: Column) -> Result<Bytes<'_>, PageError> {
        let (at, place) = entry.place(column);
        let bytes = self.file.read(at, place.bytes as usize)?;
        let found = crc32fast::hash(&bytes);
        if found == place.crc { Ok(bytes) } else { Err(CodecError::Checksum { found, expected: place.crc }.into()) }
    }

    pub(super) fn block(&self, entry: &Entry, wanted: Wanted) -> Result<Rows, PageError> {
        decode(self.kind, entry, wanted, |column| self.column(entry, column))
    }

    /// Adds the bodies of wanted rows to a block of spans that was read without them; `wanted` gets their details.
    pub(super) fn bodies(&self, entry: &Entry, mut rows: Rows, wanted: impl Fn(&[u8]) -> bool) -> Result<Rows, PageError> {
        let wanted: Vec<bool> = (0..rows.len()).map(|row| wanted(rows.details(row))).collect();
        columns::decode_bodies(&self.column(entry, Column::Bodies)?, &mut rows, |row| wanted.get(row).is_some_and(|wanted| *wanted))?;
        Ok(rows)
    }

    pub(super) fn len(&self) -> u64 {
        self.file.len()
    }

    /// Reads every byte, from a block on for as long as it `goes_on`; gives what is damaged, in words, and the block to go on with.
    pub(super) fn verify(&self, from: usize, mut goes_on: impl FnMut() -> bool) -> Result<(Vec<String>, Option<usize>), PageError> {
        let mut damage = Vec::new();
        let mut check = |what: String, read: Result<(), PageError>| match read {
            Ok(()) => Ok(()),
            Err(PageError::Codec(why)) => {
                damage.push(format!("{}: {what}: {why}", self.path.display()));
                Ok(())
            }
            Err(error) => Err(error),
        };
        if from == 0 {
            for (at, copy) in self.places.iter().zip(1..) {
                check(format!("copy {copy} of the directory"), self.directory_at(*at).map(drop))?;
            }
            for back in [1, 2] {
                let at = self.len().saturating_sub(back * TRAILER_BYTES);
                check(format!("trailer {back} from the end"), trailer_at(&self.file, at).map(drop))?;
            }
            if let Some(table) = self.table() {
                check("the table of traces".to_owned(), table.verify().map(drop))?;
            }
        }
        let directory = self.directory()?;
        for (at, entry) in directory.blocks.iter().enumerate().skip(from) {
            let number = at + 1;
            check(format!("the filter of block {number}"), self.column(entry, Column::Filter).map(drop))?;
            check(format!("block {number} with {} {}", entry.rows(), self.kind.holds()), self.block(entry, Wanted::ALL).map(drop))?;
            if !goes_on() && number < directory.blocks.len() {
                return Ok((damage, Some(number)));
            }
        }
        Ok((damage, None))
    }

    /// Which blocks have spans of a trace.
    pub(super) fn table(&self) -> Option<Table<'_, Pread>> {
        self.summary.table.map(|place| Table { source: &self.file, place })
    }

    /// Copies the columns of a block as they lie.
    pub(super) fn copy(&self, entry: &Entry, out: &mut impl Write) -> Result<(), PageError> {
        for column in Column::ALL {
            out.write_all(&self.column(entry, column)?)?;
        }
        Ok(())
    }
}

fn places(file: &Pread) -> Result<[u64; 2], PageError> {
    let mut damage = CodecError::Damaged("the trailer").into();
    for back in [1, 2] {
        let Some(at) = file.len().checked_sub(back * TRAILER_BYTES) else { break };
        match trailer_at(file, at) {
            Ok(places) => return Ok(places),
            Err(error) => damage = error,
        }
    }
    Err(damage)
}

fn trailer_at(file: &Pread, at: u64) -> Result<[u64; 2], PageError> {
    let damaged = CodecError::Damaged("the trailer");
    let header = file.header_at(at)?.filter(|header| header.kind == TRAILER && header.len == 16).ok_or(damaged)?;
    let bytes = file.payload(at, &header)?;
    let place = |from: usize| u64::from_le_bytes(std::array::from_fn(|i| bytes[from + i]));
    Ok([place(0), place(8)])
}
