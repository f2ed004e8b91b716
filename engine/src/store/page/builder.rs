//! Builds pages.

use super::*;

/// Shorter chunks are stored without bounds: reading them costs less.
pub(super) const BOUNDS_ROWS: usize = 128;
/// Recent time columns that the next chunk may share.
pub(super) const REMEMBERED: usize = 4;

/// Collects chunks by rising series and kind.
pub(in crate::store) struct PageBuilder {
    effort: Effort,
    payload: Vec<u8>,
    times: Vec<Times>,
    recent: Vec<(usize, Vec<TimestampMs>)>,
    chunks: Vec<Chunk>,
}

impl PageBuilder {
    pub(in crate::store) fn new(effort: Effort) -> Self {
        Self { effort, payload: Vec::new(), times: Vec::new(), recent: Vec::new(), chunks: Vec::new() }
    }

    /// Number of chunks, and bytes without the directory.
    pub(in crate::store) fn size(&self) -> (usize, usize) {
        (self.chunks.len(), self.payload.len())
    }

    /// Series and kind of the first and the last chunk.
    pub(in crate::store) fn keys(&self) -> Option<[Key; 2]> {
        Some([self.chunks.first()?, self.chunks.last()?].map(Chunk::key))
    }

    /// The earliest and the latest time.
    pub(in crate::store) fn span(&self) -> Option<(TimestampMs, TimestampMs)> {
        Some((self.times.iter().map(|t| t.first).min()?, self.times.iter().map(|t| t.last).max()?))
    }

    /// Adds samples of a series; times must rise.
    pub(in crate::store) fn samples(&mut self, id: SeriesId, times: &[TimestampMs], values: &[f64]) -> Result<(), CodecError> {
        if times.len() != values.len() {
            return Err(CodecError::Shape);
        }
        let column = self.times(times)?;
        let offset = self.payload.len();
        codec::encode_values(values, self.effort, &mut self.payload)?;
        let bounds = (values.len() >= BOUNDS_ROWS).then(|| bounds(values)).flatten();
        let (len, spare) = self.end_piece(offset, Some((values.len(), Column::Values)));
        self.chunk(ChunkKind::Samples, id, (offset, len, spare), column, bounds);
        Ok(())
    }

    /// Adds windows of a series; starts must rise.
    pub(in crate::store) fn hours(&mut self, id: SeriesId, rows: &[WindowRow]) -> Result<(), CodecError> {
        let starts: Vec<TimestampMs> = rows.iter().map(|row| row.start).collect();
        let column = self.times(&starts)?;
        let offset = self.payload.len();
        hours::encode(rows, &mut self.payload);
        let (len, spare) = self.end_piece(offset, None);
        self.chunk(ChunkKind::Hours, id, (offset, len, spare), column, None);
        Ok(())
    }

    fn times(&mut self, times: &[TimestampMs]) -> Result<usize, CodecError> {
        if let Some((known, _)) = self.recent.iter().find(|(_, recent)| recent == times) {
            return Ok(*known);
        }
        let (Some(&first), Some(&last)) = (times.first(), times.last()) else { return Err(CodecError::Shape) };
        let offset = self.payload.len();
        codec::encode_times(times, self.effort, &mut self.payload)?;
        let (len, spare) = self.end_piece(offset, Some((times.len(), Column::Times)));
        let at = self.times.len();
        self.times.push(Times { offset: offset as u64, len, spare, copy: 0, rows: times.len() as u64, first, last });
        if self.recent.len() >= REMEMBERED {
            self.recent.rotate_left(1);
            self.recent.pop();
        }
        self.recent.push((at, times.to_vec()));
        Ok(at)
    }

    fn checksum(&mut self, from: usize) {
        let crc = crc32fast::hash(&self.payload[from..]);
        self.payload.extend_from_slice(&crc.to_le_bytes());
    }

    /// Ends the piece that begins at `offset`: adds its checksum, and a spare if it is a column of several blocks. Returns the
    /// lengths of piece and spare.
    fn end_piece(&mut self, offset: usize, column: Option<(usize, Column)>) -> (u64, u64) {
        let len = self.payload.len() - offset;
        self.checksum(offset);
        let runs = column.and_then(|(rows, column)| codec::runs(&self.payload[offset..offset + len], rows, column));
        let Some((runs, head)) = runs.filter(|runs| runs.len() > 1).map(|runs| (runs.clone(), runs[0].start)) else {
            return (len as u64, 0);
        };
        let at = self.payload.len();
        push_varint(&mut self.payload, head as u64);
        self.payload.extend_from_within(offset..offset + head);
        for run in runs {
            let crc = crc32fast::hash(&self.payload[offset + run.start..offset + run.end]);
            self.payload.extend_from_slice(&crc.to_le_bytes());
        }
        let spare = self.payload.len() - at;
        self.checksum(at);
        (len as u64, spare as u64)
    }

    fn chunk(&mut self, kind: ChunkKind, id: SeriesId, (offset, len, spare): (usize, u64, u64), times: usize, bounds: Option<(f64, f64)>) {
        let Times { rows, first, last, .. } = self.times[times];
        self.chunks.push(Chunk { kind, id, offset: offset as u64, len, spare, times, rows: rows as usize, first, last, bounds });
    }

    /// Writes second copies of time columns that several chunks share.
    fn copy_shared_times(&mut self) {
        let mut users = vec![0u32; self.times.len()];
        self.chunks.iter().for_each(|chunk| users[chunk.times] += 1);
        for (times, _) in self.times.iter_mut().zip(users).filter(|(_, users)| *users > 1) {
            times.copy = self.payload.len() as u64;
            let from = times.offset as usize;
            self.payload.extend_from_within(from..from + times.len as usize + CRC);
        }
    }

    /// Returns the bytes of the page and empties the builder.
    pub(in crate::store) fn finish(&mut self) -> Vec<u8> {
        self.copy_shared_times();
        let mut page = std::mem::take(&mut self.payload);
        let start = page.len();
        push_varint(&mut page, self.times.len() as u64);
        for times in &self.times {
            push_varint(&mut page, times.offset);
            push_varint(&mut page, times.len);
            push_varint(&mut page, times.spare);
            push_varint(&mut page, times.copy);
            push_varint(&mut page, times.rows);
            push_signed(&mut page, times.first);
            push_varint(&mut page, times.last.wrapping_sub(times.first) as u64);
        }
        push_varint(&mut page, self.chunks.len() as u64);
        let mut before = 0u32;
        for chunk in &self.chunks {
            let flag = |flag: u64, set: bool| if set { flag } else { 0 };
            push_varint(&mut page, chunk.kind as u64 | flag(HAS_SPARE, chunk.spare > 0) | flag(HAS_BOUNDS, chunk.bounds.is_some()));
            push_signed(&mut page, i64::from(chunk.id.0) - i64::from(before));
            before = chunk.id.0;
            push_varint(&mut page, chunk.times as u64);
            push_varint(&mut page, chunk.offset);
            push_varint(&mut page, chunk.len);
            if chunk.spare > 0 {
                push_varint(&mut page, chunk.spare);
            }
            if let Some((min, max)) = chunk.bounds {
                page.extend_from_slice(&min.to_le_bytes());
                page.extend_from_slice(&max.to_le_bytes());
            }
        }
        let crc = crc32fast::hash(&page[start..]);
        page.extend_from_slice(&crc.to_le_bytes());
        let end = page.len();
        page.extend_from_within(start..end);
        for _ in 0..2 {
            page.extend_from_slice(&((end - start) as u32).to_le_bytes());
        }
        self.times.clear();
        self.recent.clear();
        self.chunks.clear();
        page
    }
}

pub(super) fn bounds(values: &[f64]) -> Option<(f64, f64)> {
    let seen = |(min, max): (f64, f64), v: &f64| (min.min(*v), max.max(*v));
    let (min, max) = values.iter().filter(|v| !v.is_nan()).fold((f64::INFINITY, f64::NEG_INFINITY), seen);
    (min <= max).then_some((min, max))
}
