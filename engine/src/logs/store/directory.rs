//! The directory of a file of blocks: what the file is, its streams, its blocks, and where the table of traces is.

use super::block::{Column, Entry, Place, Run};
use super::file::Summary;
use super::rows::{push_bytes, take_array, take_bytes};
use crate::codec::{CodecError, push_signed, push_varint, take_signed, take_varint};
use crate::model::Labels;
use crate::span_store::table;
use crate::store::identity::Identity;
use crate::store::partition::Day;

/// Version of the files of blocks, and of those with a table of traces behind them.
const FORMAT: u64 = 1;
const WITH_TABLE: u64 = 2;
/// A directory is never longer: ten thousand streams of long labels in each of a hundred segments are less.
const MOST_BYTES: usize = 256 << 20;
const LEVEL: i32 = 3;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Directory {
    pub(super) identity: Identity,
    pub(super) day: Day,
    pub(super) number: u64,
    /// The last journal record whose lines of this day are in this file or one before it.
    pub(super) through: u64,
    /// Numbers of the files whose lines it has.
    pub(super) made_of: Vec<u64>,
    pub(super) streams: Vec<Labels>,
    /// How many blocks each segment has.
    pub(super) segments: Vec<u32>,
    pub(super) blocks: Vec<Entry>,
    /// Which blocks have spans of a trace.
    pub(super) table: Option<table::Place>,
}

impl Directory {
    pub(super) fn of(identity: Identity, day: Day, number: u64) -> Self {
        let (made_of, streams, segments, blocks) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { identity, day, number, through: 0, made_of, streams, segments, blocks, table: None }
    }

    /// The blocks of each segment.
    pub(super) fn segments(&self) -> impl Iterator<Item = &[Entry]> {
        let mut rest = self.blocks.as_slice();
        self.segments.iter().map(move |count| {
            let (segment, after) = rest.split_at(rest.len().min(*count as usize));
            rest = after;
            segment
        })
    }

    pub(super) fn summary(&self) -> Summary {
        let runs = || self.blocks.iter().flat_map(|block| &block.runs);
        Summary {
            through: self.through,
            made_of: self.made_of.clone(),
            rows: self.blocks.iter().map(|block| block.rows() as u64).sum(),
            text: self.blocks.iter().map(|block| u64::from(block.weight)).sum(),
            streams: self.streams.len(),
            blocks: self.blocks.len(),
            first: runs().map(|run| run.first).min().unwrap_or(0),
            last: runs().map(|run| run.last).max().unwrap_or(0),
            table: self.table,
        }
    }

    /// Bytes of memory, about.
    pub(super) fn memory(&self) -> usize {
        let labels: usize = self.streams.iter().map(|labels| labels.as_bytes().len() + 48).sum();
        let runs: usize = self.blocks.iter().map(|block| block.runs.len() * size_of::<Run>() + size_of::<Entry>()).sum();
        labels + runs
    }

    pub(super) fn encode(&self) -> Result<Vec<u8>, CodecError> {
        let mut out = Vec::new();
        push_varint(&mut out, if self.table.is_some() { WITH_TABLE } else { FORMAT });
        out.extend_from_slice(&self.identity.0);
        push_signed(&mut out, self.day.0);
        push_varint(&mut out, self.number);
        push_varint(&mut out, self.through);
        push_varint(&mut out, self.made_of.len() as u64);
        self.made_of.iter().for_each(|number| push_varint(&mut out, *number));
        push_varint(&mut out, self.streams.len() as u64);
        self.streams.iter().for_each(|labels| push_bytes(&mut out, labels.as_bytes()));
        push_varint(&mut out, self.segments.len() as u64);
        self.segments.iter().for_each(|blocks| push_varint(&mut out, u64::from(*blocks)));
        push_varint(&mut out, self.blocks.len() as u64);
        for block in &self.blocks {
            for number in [block.at, u64::from(block.text), u64::from(block.weight), block.runs.len() as u64] {
                push_varint(&mut out, number);
            }
            for run in &block.runs {
                push_varint(&mut out, u64::from(run.stream));
                push_varint(&mut out, u64::from(run.rows));
                push_signed(&mut out, run.first);
                push_signed(&mut out, run.last.wrapping_sub(run.first));
            }
            for column in &block.columns {
                push_varint(&mut out, u64::from(column.bytes));
                out.extend_from_slice(&column.crc.to_le_bytes());
            }
        }
        if let Some(table) = self.table {
            push_varint(&mut out, table.at);
            push_varint(&mut out, table.entries);
        }
        let mut framed = Vec::new();
        push_varint(&mut framed, out.len() as u64);
        let compressed = zstd::bulk::compress(&out, LEVEL).map_err(|error| CodecError::Compression(error.to_string()))?;
        framed.extend_from_slice(&compressed);
        Ok(framed)
    }

    pub(super) fn decode(mut bytes: &[u8]) -> Result<Self, CodecError> {
        let length = usize::try_from(take_varint(&mut bytes)?).ok().filter(|length| *length <= MOST_BYTES);
        let length = length.ok_or(CodecError::Damaged("a directory is longer than one may be"))?;
        let plain = zstd::bulk::decompress(bytes, length).map_err(|error| CodecError::Compression(error.to_string()))?;
        let rest = &mut plain.as_slice();
        let format = take_varint(rest)?;
        if ![FORMAT, WITH_TABLE].contains(&format) {
            return Err(CodecError::Damaged("a format that this version does not know"));
        }
        let identity = Identity(take_array(rest)?);
        let mut directory = Self::of(identity, Day(take_signed(rest)?), take_varint(rest)?);
        directory.through = take_varint(rest)?;
        for _ in 0..take_varint(rest)? {
            directory.made_of.push(take_varint(rest)?);
        }
        for _ in 0..take_varint(rest)? {
            let labels = Labels::from_bytes(take_bytes(rest)?).map_err(|_| CodecError::Damaged("the labels of a stream"))?;
            directory.streams.push(labels);
        }
        for _ in 0..take_varint(rest)? {
            directory.segments.push(take_u32(rest)?);
        }
        for _ in 0..take_varint(rest)? {
            directory.blocks.push(take_entry(rest, directory.streams.len())?);
        }
        if format == WITH_TABLE {
            directory.table = Some(table::Place { at: take_varint(rest)?, entries: take_varint(rest)? });
        }
        let blocks: u64 = directory.segments.iter().map(|blocks| u64::from(*blocks)).sum();
        let whole = rest.is_empty() && blocks == directory.blocks.len() as u64;
        if whole { Ok(directory) } else { Err(CodecError::Damaged("a directory has another length")) }
    }
}

fn take_u32(rest: &mut &[u8]) -> Result<u32, CodecError> {
    u32::try_from(take_varint(rest)?).map_err(|_| CodecError::Damaged("a number is too large"))
}

fn take_entry(rest: &mut &[u8], streams: usize) -> Result<Entry, CodecError> {
    let (at, text, weight) = (take_varint(rest)?, take_u32(rest)?, take_u32(rest)?);
    let mut runs = Vec::new();
    for _ in 0..take_varint(rest)? {
        let (stream, rows, first) = (take_u32(rest)?, take_u32(rest)?, take_signed(rest)?);
        if stream as usize >= streams {
            return Err(CodecError::Damaged("a stream that the file does not have"));
        }
        runs.push(Run { stream, rows, first, last: first.wrapping_add(take_signed(rest)?) });
    }
    let mut columns = [Place::default(); Column::ALL.len()];
    for column in &mut columns {
        *column = Place { bytes: take_u32(rest)?, crc: u32::from_le_bytes(take_array(rest)?) };
    }
    Ok(Entry { at, text, weight, runs, columns })
}
