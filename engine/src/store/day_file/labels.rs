//! Labels of series in compressed blocks of bounded size.

use super::*;

/// Bytes of labels in one block before compression.
pub(super) const RUN_BYTES: usize = 32 << 10;
/// A block that states a larger size is damaged.
pub(super) const MAX_RUN_BYTES: usize = 4 << 20;

/// Collects labels in blocks.
#[derive(Default)]
pub(in crate::store) struct LabelRuns {
    run: Vec<u8>,
}

impl LabelRuns {
    /// Adds a series; returns the payload of a frame if a block is full.
    pub(in crate::store) fn add(&mut self, id: SeriesId, labels: &Labels) -> Option<Vec<u8>> {
        let bytes = labels.as_bytes();
        push_varint(&mut self.run, u64::from(id.0));
        push_varint(&mut self.run, bytes.len() as u64);
        self.run.extend_from_slice(bytes);
        if self.run.len() < RUN_BYTES { None } else { self.finish() }
    }

    /// The payload of the last frame; `None` if it would be empty.
    pub(in crate::store) fn finish(&mut self) -> Option<Vec<u8>> {
        let run = std::mem::take(&mut self.run);
        if run.is_empty() {
            return None;
        }
        // The compressor refuses only input that is larger than a block can be.
        snap::raw::Encoder::new().compress_vec(&run).inspect_err(|error| log::error!("cannot compress labels: {error}")).ok()
    }
}

/// Decodes the labels in the payload of a frame.
pub(in crate::store) fn read_labels(payload: &[u8]) -> Result<Vec<(SeriesId, Labels)>, CodecError> {
    const DAMAGED: CodecError = CodecError::Damaged("a run of labels");
    if snap::raw::decompress_len(payload).map_err(|_| DAMAGED)? > MAX_RUN_BYTES {
        return Err(DAMAGED);
    }
    let run = snap::raw::Decoder::new().decompress_vec(payload).map_err(|_| DAMAGED)?;
    let mut rest = run.as_slice();
    let mut found = Vec::new();
    while !rest.is_empty() {
        let id = u32::try_from(take_varint(&mut rest)?).map_err(|_| DAMAGED)?;
        let len = take_varint(&mut rest)? as usize;
        let (labels, tail) = rest.split_at_checked(len).ok_or(DAMAGED)?;
        rest = tail;
        found.push((SeriesId(id), Labels::from_bytes(labels).map_err(|_| DAMAGED)?));
    }
    Ok(found)
}
