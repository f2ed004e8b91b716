//! The series log: which id has which labels. The index of series is loaded from it.
//!
//! Ids rise and are never reused, not even those of removed series: samples under an id can belong to one series only. The journal
//! holds the same blocks of definitions, before the first rows that use their series.

use std::path::Path;

use roaring::RoaringBitmap;

use super::identity::Identity;
use super::log::{Log, Rewrite};
use crate::codec::{CodecError, push_varint, take_varint};
use crate::model::{Labels, SeriesId};

/// Series with consecutive ids: [`decode_run`].
const DEFINED: u8 = 1;
/// Removed ids.
const REMOVED: u8 = 2;
/// The next id, if the last ones were removed.
const NEXT: u8 = 3;

/// Bytes of a block of definitions before compression.
const RUN_BYTES: usize = 64 << 10;
/// Most bytes of a block after decompression; the labels of one series take at most about 1.1 MiB.
const MAX_RUN_BYTES: usize = 4 << 20;
/// The log is rewritten when it is longer and more than half of it is removed series.
const REWRITE_BYTES: u64 = 256 << 10;

/// The open series log.
#[derive(Debug)]
pub(super) struct SeriesLog {
    log: Log,
    /// All ids below this are in the log, or were never given to a series with samples.
    next: u32,
    /// Series that are defined and not removed.
    live: u64,
    removed: RoaringBitmap,
}

/// Result of [`SeriesLog::open`].
pub(super) struct Loaded {
    pub(super) log: SeriesLog,
    /// Describes what is damaged or missing; the labels may be known from elsewhere.
    pub(super) damage: Option<String>,
}

impl SeriesLog {
    /// Opens the log and passes its series to `series`, by rising id as far as they were written in order.
    ///
    /// # Errors
    /// An I/O error other than a missing file.
    pub(super) fn open(data_dir: &Path, identity: Identity, mut series: impl FnMut(SeriesId, Labels)) -> std::io::Result<Loaded> {
        let (mut next, mut live, mut removed) = (0u32, 0, RoaringBitmap::new());
        // Removals follow their definitions, so collect the definitions first.
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
        // The mark has the next id even if the end of the log is lost.
        let next = next.max(u32::try_from(opened.note).unwrap_or(0));
        Ok(Loaded { log: Self { log: opened.log, next, live, removed }, damage: opened.damage })
    }

    /// The first id that is not in the log yet.
    pub(super) fn next(&self) -> u32 {
        self.next
    }

    pub(super) fn is_removed(&self, id: SeriesId) -> bool {
        self.removed.contains(id.0)
    }

    /// Adds new series durably, by rising id; `next` is the id after the last one.
    ///
    /// # Errors
    /// Any I/O error; the log is unchanged then.
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

    /// Removes series permanently and durably. Their ids are never reused.
    ///
    /// # Errors
    /// Any I/O error; the log is unchanged then.
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
            // Not fatal: the log is only larger than it needs to be.
            log::warn!("cannot rewrite {}: {error}", self.log.path().display());
        }
        Ok(())
    }

    /// Rewrites the log without the removed series.
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
                // Damage was reported when the log was opened.
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

    /// Rewrites the log with the given series, by rising id.
    ///
    /// # Errors
    /// Any I/O error; the log is unchanged then.
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

    /// Whether the file was removed while the log was open.
    pub(super) fn is_gone(&self) -> bool {
        self.log.is_gone()
    }

    pub(super) fn path(&self) -> &Path {
        self.log.path()
    }

    /// Copies the log into another folder.
    ///
    /// # Errors
    /// Any I/O error.
    pub(super) fn copy_to(&self, folder: &Path) -> std::io::Result<()> {
        self.log.copy_to(folder)
    }
}

fn next_payload(next: u32) -> Vec<u8> {
    let mut payload = Vec::new();
    push_varint(&mut payload, next.into());
    payload
}

/// Encodes definitions of series by rising id, in blocks of bounded size.
///
/// # Errors
/// If a block is too long for the compressor, which cannot happen with bounded labels.
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

/// Decodes a block of definitions.
///
/// # Errors
/// [`CodecError`] if it is damaged; what precedes the damage was passed on.
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
        // The highest id is reserved for an unknown series.
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
