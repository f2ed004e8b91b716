//! Writes a file of blocks.

use std::fs::{self, File};
use std::io::{BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use rustc_hash::FxHashMap;

use super::block::{Builder, Entry, Wanted};
use super::directory::Directory;
use super::file::{BlocksFile, DIRECTORY, TRAILER, file_name};
use super::kind::Kind;
use super::rows::{Row, Rows};
use crate::codec::CodecError;
use crate::model::Labels;
use crate::span_store::table;
use crate::store::files;
use crate::store::frame;
use crate::store::identity::Identity;
use crate::store::page::PageError;
use crate::store::partition::Day;

const BUFFER: usize = 256 << 10;

/// Writes a file; what was written is removed where it is not finished.
pub(super) struct Writer {
    kind: Kind,
    out: BufWriter<File>,
    path: PathBuf,
    temporary: PathBuf,
    at: u64,
    directory: Directory,
    streams: FxHashMap<Labels, u32>,
    builder: Builder,
    /// Blocks of the segments before.
    blocks_before: usize,
    buffer: Vec<u8>,
    /// The traces of blocks.
    traces: Vec<table::Pair>,
    finished: bool,
}

impl Writer {
    pub(super) fn create(folder: &Path, identity: Identity, day: Day, number: u64, kind: Kind) -> std::io::Result<Self> {
        let path = folder.join(file_name(number));
        let temporary = files::temporary_of(&path);
        Ok(Self {
            kind,
            out: BufWriter::with_capacity(BUFFER, File::create(&temporary)?),
            path,
            temporary,
            at: 0,
            directory: Directory::of(identity, day, number),
            streams: FxHashMap::default(),
            builder: Builder::new(kind)?,
            blocks_before: 0,
            buffer: Vec::new(),
            traces: Vec::new(),
            finished: false,
        })
    }

    fn stream(&mut self, labels: &Labels) -> u32 {
        if let Some(stream) = self.streams.get(labels) {
            return *stream;
        }
        let stream = self.directory.streams.len() as u32;
        self.directory.streams.push(labels.clone());
        self.streams.insert(labels.clone(), stream);
        stream
    }

    /// Adds the lines of a stream, by time; a stream comes once in a segment.
    pub(super) fn add<'a>(&mut self, labels: &Labels, text: usize, rows: impl Iterator<Item = Row<'a>>) -> Result<(), PageError> {
        let stream = self.stream(labels);
        if text.max(self.builder.text()) >= self.kind.own_block() {
            self.cut()?;
        }
        for row in rows {
            self.builder.push(stream, row);
            if self.builder.is_full() {
                self.cut()?;
            }
        }
        Ok(())
    }

    fn cut(&mut self) -> Result<(), PageError> {
        if self.builder.is_empty() {
            return Ok(());
        }
        fail::fail_point!("logs::seal::block", |_| Err(std::io::Error::from(ErrorKind::StorageFull).into()));
        self.buffer.clear();
        let block = self.directory.blocks.len() as u32;
        note_traces(&mut self.traces, self.kind, self.builder.rows(), block);
        let entry = self.builder.finish(self.at, &mut self.buffer)?;
        self.out.write_all(&self.buffer)?;
        self.at += self.buffer.len() as u64;
        self.directory.blocks.push(entry);
        Ok(())
    }

    /// Ends a segment.
    pub(super) fn end_segment(&mut self) -> Result<(), PageError> {
        self.cut()?;
        let blocks = self.directory.blocks.len() - self.blocks_before;
        if blocks > 0 {
            self.directory.segments.push(blocks as u32);
        }
        self.blocks_before = self.directory.blocks.len();
        Ok(())
    }

    /// Copies a block of another file as it lies.
    pub(super) fn copy_block(&mut self, from: &BlocksFile, directory: &Directory, entry: &Entry) -> Result<(), PageError> {
        self.buffer.clear();
        from.copy(entry, &mut self.buffer)?;
        if self.kind == Kind::Spans {
            let rows = from.block(entry, Wanted { bodies: false, details: true })?;
            note_traces(&mut self.traces, self.kind, &rows, self.directory.blocks.len() as u32);
        }
        let mut copied = entry.clone();
        copied.at = self.at;
        for run in &mut copied.runs {
            let labels = directory.streams.get(run.stream as usize).ok_or(CodecError::Damaged("an unknown stream"))?;
            run.stream = self.stream(labels);
        }
        self.out.write_all(&self.buffer)?;
        self.at += copied.bytes();
        self.directory.blocks.push(copied);
        Ok(())
    }

    fn write_table(&mut self) -> Result<(), PageError> {
        if self.kind == Kind::Spans {
            let pages = table::encode(&mut self.traces);
            self.directory.table = Some(table::Place { at: self.at, entries: self.traces.len() as u64 });
            self.out.write_all(&pages)?;
            self.at += pages.len() as u64;
        }
        Ok(())
    }

    /// Writes the directory, makes all durable, and puts the file in its place.
    pub(super) fn finish(mut self, through: u64, made_of: Vec<u64>) -> Result<BlocksFile, PageError> {
        self.end_segment()?;
        self.write_table()?;
        (self.directory.through, self.directory.made_of) = (through, made_of);
        let payload = self.directory.encode()?;
        let (number, mut tail, mut places) = (self.directory.number, Vec::new(), Vec::new());
        for _ in 0..2 {
            places.extend_from_slice(&(self.at + tail.len() as u64).to_le_bytes());
            if !frame::push(&mut tail, DIRECTORY, number, &payload) {
                return Err(CodecError::Shape.into());
            }
        }
        (0..2).for_each(|_| _ = frame::push(&mut tail, TRAILER, number, &places));
        self.out.write_all(&tail)?;
        self.out.flush()?;
        fail::fail_point!("logs::seal::sync", |_| Err(std::io::Error::from(ErrorKind::StorageFull).into()));
        self.out.get_ref().sync_all()?;
        fail::fail_point!("logs::seal::rename", |_| Err(std::io::Error::other("failpoint").into()));
        files::put_in_place(&self.temporary, &self.path)?;
        let opened = BlocksFile::open(self.path.clone(), self.directory.identity, self.directory.day, self.kind)?;
        self.finished = true;
        Ok(opened)
    }
}

/// Adds the traces of a block to those of the file.
fn note_traces(traces: &mut Vec<table::Pair>, kind: Kind, rows: &Rows, block: u32) {
    if kind == Kind::Lines {
        return;
    }
    let from = traces.len();
    traces.extend(rows.iter().filter_map(|row| Some((table::hash_of(row.details.first_chunk()?), block))));
    traces[from..].sort_unstable();
    let mut kept = from;
    for at in from..traces.len() {
        if at == from || traces[at] != traces[at - 1] {
            traces[kept] = traces[at];
            kept += 1;
        }
    }
    traces.truncate(kept);
}

impl Drop for Writer {
    fn drop(&mut self) {
        if self.finished {
            return;
        }
        // A file that was renamed and is not known to be durable is written again under another number: it must not be there twice.
        for path in [&self.temporary, &self.path] {
            if let Err(error) = fs::remove_file(path)
                && error.kind() != ErrorKind::NotFound
            {
                log::warn!("{} cannot be removed: {error}", path.display());
            }
        }
    }
}
