//! The log of series: which id has which labels, from which the index is loaded.
//!
//! Ids rise and are never given again, those of removed series included: samples under an id can only be of one series.
//! The same runs of definitions stand in the journal, before the first rows that name their series.

use std::path::Path;

use roaring::RoaringBitmap;

use super::identity::Identity;
use super::log::{Log, Rewrite};
use crate::codec::{CodecError, push_varint, take_varint};
use crate::model::{Labels, SeriesId};

/// Series that follow each other: [`decode_run`].
const DEFINED: u8 = 1;
/// Ids that were removed.
const REMOVED: u8 = 2;
/// The next id, where the last ones were removed.
const NEXT: u8 = 3;

/// Bytes of a run of definitions before compression.
const RUN_BYTES: usize = 64 << 10;
/// A run is never longer after decompression; the labels of one series are at most about 1.1 MiB.
const MAX_RUN_BYTES: usize = 4 << 20;
/// The log is written anew when more than half of it is removed series, and it is longer.
const REWRITE_BYTES: u64 = 256 << 10;

/// The log of series, open.
#[derive(Debug)]
pub(super) struct SeriesLog {
    log: Log,
    /// All ids below are in the log, or were never given to a series that has samples.
    next: u32,
    /// Series that the log defines and that were not removed.
    live: u64,
    removed: RoaringBitmap,
}

/// What a log of series holds.
pub(super) struct Loaded {
    pub(super) log: SeriesLog,
    /// What is damaged or missing; the labels may be known elsewhere.
    pub(super) damage: Option<String>,
}

impl SeriesLog {
    /// Opens the log and passes its series on, by rising id as far as they were written so.
    ///
    /// # Errors
    /// The system's, where there is a file that cannot be read.
    pub(super) fn open(data_dir: &Path, identity: Identity, mut series: impl FnMut(SeriesId, Labels)) -> std::io::Result<Loaded> {
        let (mut next, mut live, mut removed) = (0u32, 0, RoaringBitmap::new());
        // Removals come after their definitions, so those are known before the series are passed on.
        let mut defined: Vec<(SeriesId, Labels)> = Vec::new();
        let opened = Log::open(data_dir, "series", identity, |_, kind, mut payload| {
            match kind {
                DEFINED => decode_run(payload, |id, labels| {
                    next = next.max(id.0.saturating_add(1));
                    defined.push((id, labels));
                })?,
                REMOVED => decode_ids(payload, |id| {
                    next = next.max(id.0.saturating_add(1));
                    removed.insert(id.0);
                })?,
                NEXT => next = next.max(u32::try_from(take_varint(&mut payload)?).map_err(|_| CodecError::Damaged("impossible id"))?),
                _ => return Err(CodecError::Damaged("an unknown kind of record")),
            }
            Ok(())
        })?;
        for (id, labels) in defined {
            if !removed.contains(id.0) {
                live += 1;
                series(id, labels);
            }
        }
        // The mark knows the next id even where the end of the log is gone.
        let next = next.max(u32::try_from(opened.note).unwrap_or(0));
        Ok(Loaded { log: Self { log: opened.log, next, live, removed }, damage: opened.damage })
    }

    /// The first id that is not in the log yet.
    pub(super) fn next(&self) -> u32 {
        self.next
    }

    /// Whether a series was removed.
    pub(super) fn is_removed(&self, id: SeriesId) -> bool {
        self.removed.contains(id.0)
    }

    /// Makes new series durable, by rising id; `next` is the first id that is not among them.
    ///
    /// # Errors
    /// The system's; the log is as it was then.
    pub(super) fn add(&mut self, new: &[(SeriesId, Labels)], next: u32) -> std::io::Result<()> {
        let mut records: Vec<(u8, Vec<u8>)> = encode_runs(new)?.into_iter().map(|run| (DEFINED, run)).collect();
        if new.last().is_none_or(|(id, _)| id.0.saturating_add(1) < next) {
            records.push((NEXT, next_payload(next)));
        }
        self.log.append(&records, next.into())?;
        self.next = self.next.max(next);
        self.live += new.len() as u64;
        Ok(())
    }

    /// Removes series for good, durably. Their ids are never given again.
    ///
    /// # Errors
    /// The system's; the log is as it was then.
    pub(super) fn remove(&mut self, ids: &[SeriesId]) -> std::io::Result<()> {
        let gone: RoaringBitmap = ids.iter().map(|id| id.0).filter(|id| *id < self.next && !self.removed.contains(*id)).collect();
        if gone.is_empty() {
            return Ok(());
        }
        self.log.append(&[(REMOVED, encode_ids(&gone))], self.next.into())?;
        self.live = self.live.saturating_sub(gone.len());
        self.removed |= gone;
        if self.log.len() > REWRITE_BYTES
            && self.removed.len() > self.live
            && let Err(error) = self.compact()
        {
            // The log is larger than it needs to be, no more.
            log::warn!("{} cannot be written anew: {error}", self.log.path().display());
        }
        Ok(())
    }

    /// Leaves out what was removed.
    fn compact(&mut self) -> std::io::Result<()> {
        let mut runs = Vec::new();
        self.log.read_from(0, |_, kind, payload| {
            if kind == DEFINED {
                runs.push(payload.to_vec());
            }
        })?;
        let (removed, next) = (&self.removed, self.next);
        self.log.rewrite(next.into(), |out: &mut Rewrite| -> std::io::Result<()> {
            for run in runs {
                let mut left = Vec::new();
                // What cannot be read was told when the log was opened.
                let _ = decode_run(&run, |id, labels| {
                    if !removed.contains(id.0) {
                        left.push((id, labels));
                    }
                });
                encode_runs(&left)?.iter().try_for_each(|run| out.push(DEFINED, run))?;
            }
            out.push(NEXT, &next_payload(next))
        })?;
        self.removed.clear();
        Ok(())
    }

    /// Writes the log anew, with the series that there are, by rising id.
    ///
    /// # Errors
    /// The system's; the log is as it was then.
    pub(super) fn rewrite(&mut self, next: u32, series: impl Iterator<Item = (SeriesId, Labels)>) -> std::io::Result<()> {
        let next = next.max(self.next);
        let mut live = 0;
        self.log.rewrite(next.into(), |out: &mut Rewrite| {
            let (mut part, mut bytes) = (Vec::new(), 0);
            for (id, labels) in series {
                live += 1;
                bytes += labels.as_bytes().len();
                part.push((id, labels));
                if bytes > RUN_BYTES {
                    encode_runs(&part)?.iter().try_for_each(|run| out.push(DEFINED, run))?;
                    part.clear();
                    bytes = 0;
                }
            }
            encode_runs(&part)?.iter().try_for_each(|run| out.push(DEFINED, run))?;
            out.push(NEXT, &next_payload(next))
        })?;
        (self.next, self.live) = (next, live);
        self.removed.clear();
        Ok(())
    }

    /// Whether the file was removed behind the back of the log.
    pub(super) fn is_gone(&self) -> bool {
        self.log.is_gone()
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        self.log.path()
    }

    /// Copies the log into another folder.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn copy_to(&self, folder: &Path) -> std::io::Result<()> {
        self.log.copy_to(folder)
    }
}

fn next_payload(next: u32) -> Vec<u8> {
    let mut payload = Vec::new();
    push_varint(&mut payload, next.into());
    payload
}

/// Definitions of series by rising id, in runs of bounded size.
///
/// # Errors
/// Where a run is too long for the compressor, which bounded labels are not.
pub(super) fn encode_runs(series: &[(SeriesId, Labels)]) -> std::io::Result<Vec<Vec<u8>>> {
    let mut runs = Vec::new();
    let mut run = Vec::new();
    let mut before = None;
    for (id, labels) in series {
        let follows = before.is_some_and(|before: SeriesId| before.0.checked_add(1) == Some(id.0));
        if !run.is_empty() && (!follows || run.len() + labels.as_bytes().len() > RUN_BYTES) {
            runs.push(compressed(&run)?);
            run.clear();
        }
        if run.is_empty() {
            push_varint(&mut run, id.0.into());
        }
        push_varint(&mut run, labels.as_bytes().len() as u64);
        run.extend_from_slice(labels.as_bytes());
        before = Some(*id);
    }
    if !run.is_empty() {
        runs.push(compressed(&run)?);
    }
    Ok(runs)
}

fn compressed(run: &[u8]) -> std::io::Result<Vec<u8>> {
    snap::raw::Encoder::new().compress_vec(run).map_err(std::io::Error::other)
}

/// Reads a run of definitions.
///
/// # Errors
/// [`CodecError`] where it is not one; what came before the damage was passed on.
pub(super) fn decode_run(payload: &[u8], mut series: impl FnMut(SeriesId, Labels)) -> Result<(), CodecError> {
    let damaged = |_| CodecError::Damaged("a run of series");
    if snap::raw::decompress_len(payload).map_err(damaged)? > MAX_RUN_BYTES {
        return Err(CodecError::Damaged("a run of series is too long"));
    }
    let run = snap::raw::Decoder::new().decompress_vec(payload).map_err(damaged)?;
    let mut rest = run.as_slice();
    let mut id = u32::try_from(take_varint(&mut rest)?).map_err(|_| CodecError::Damaged("impossible id"))?;
    while !rest.is_empty() {
        let length = usize::try_from(take_varint(&mut rest)?).unwrap_or(usize::MAX);
        let (labels, tail) = rest.split_at_checked(length).ok_or(CodecError::Damaged("labels are cut short"))?;
        rest = tail;
        let labels = Labels::from_bytes(labels).map_err(|_| CodecError::Damaged("labels"))?;
        // The last id of all stands for a series that is not known.
        let next = id.checked_add(1).ok_or(CodecError::Damaged("impossible id"))?;
        series(SeriesId(id), labels);
        id = next;
    }
    Ok(())
}

fn encode_ids(ids: &RoaringBitmap) -> Vec<u8> {
    let mut payload = Vec::new();
    let mut before = 0;
    for id in ids {
        push_varint(&mut payload, u64::from(id - before));
        before = id;
    }
    payload
}

fn decode_ids(mut payload: &[u8], mut each: impl FnMut(SeriesId)) -> Result<(), CodecError> {
    let mut id = 0u32;
    while !payload.is_empty() {
        let step = u32::try_from(take_varint(&mut payload)?).ok();
        id = step.and_then(|step| id.checked_add(step)).ok_or(CodecError::Damaged("impossible id"))?;
        each(SeriesId(id));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
