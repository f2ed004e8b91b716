//! The samples of one journal record, and how they are encoded.

use crate::codec::{CodecError, push_signed, push_varint, take_signed, take_varint};
use crate::model::{SeriesId, TimestampMs};

/// Most rows of one record; a damaged count cannot ask for more memory.
pub(super) const MAX_RECORD_ROWS: u64 = 1 << 24;

/// Samples in columns of equal length.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Rows {
    pub(in crate::store) ids: Vec<SeriesId>,
    pub(in crate::store) times: Vec<TimestampMs>,
    pub(in crate::store) values: Vec<f64>,
}

impl Rows {
    pub(in crate::store) fn len(&self) -> usize {
        self.ids.len()
    }

    pub(in crate::store) fn push(&mut self, id: SeriesId, t: TimestampMs, v: f64) {
        self.ids.push(id);
        self.times.push(t);
        self.values.push(v);
    }

    /// Removes the rows at these positions, which must rise.
    pub(in crate::store) fn remove(&mut self, places: &[usize]) {
        if places.is_empty() {
            return;
        }
        let mut gone = places.iter().peekable();
        let mut to = 0;
        for from in 0..self.len() {
            if gone.next_if_eq(&&from).is_some() {
                continue;
            }
            self.ids[to] = self.ids[from];
            self.times[to] = self.times[from];
            self.values[to] = self.values[from];
            to += 1;
        }
        self.ids.truncate(to);
        self.times.truncate(to);
        self.values.truncate(to);
    }

    pub(in crate::store) fn iter(&self) -> impl Iterator<Item = (SeriesId, TimestampMs, f64)> + '_ {
        self.ids.iter().zip(self.times.iter().zip(&self.values)).map(|(&id, (&t, &v))| (id, t, v))
    }

    /// Encodes the rows of a record. Done before the append lock is taken, so that other appends do not wait for it.
    pub(in crate::store) fn encode(&self) -> Encoded {
        let mut bytes = Vec::with_capacity(64 + self.len() * 9);
        push_varint(&mut bytes, self.len() as u64);
        push_runs(&mut bytes, self.ids.iter().map(|id| i64::from(id.0)));
        push_runs(&mut bytes, self.times.iter().copied());
        for value in &self.values {
            bytes.extend_from_slice(&value.to_bits().to_le_bytes());
        }
        Encoded { crc: crc32fast::hash(&bytes), bytes }
    }

    pub(in crate::store) fn decode(mut bytes: &[u8]) -> Result<Self, CodecError> {
        let count = take_varint(&mut bytes)?;
        if count > MAX_RECORD_ROWS {
            return Err(CodecError::Damaged("impossible count"));
        }
        let count = count as usize;
        let series = |id: i64| u32::try_from(id).map(SeriesId).map_err(|_| CodecError::Damaged("impossible series"));
        let ids = take_runs(&mut bytes, count)?.into_iter().map(series).collect::<Result<_, _>>()?;
        let times = take_runs(&mut bytes, count)?;
        if bytes.len() != count * 8 {
            return Err(CodecError::Damaged("values are missing"));
        }
        let values = bytes.chunks_exact(8).map(|b| f64::from_bits(u64::from_le_bytes(std::array::from_fn(|i| b[i])))).collect();
        Ok(Self { ids, times, values })
    }
}

/// Encodes numbers as differences, each with the number of its repetitions.
pub(super) fn push_runs(out: &mut Vec<u8>, numbers: impl Iterator<Item = i64>) {
    let (mut before, mut difference, mut run) = (0i64, 0i64, 0u64);
    for number in numbers {
        let next = number.wrapping_sub(before);
        before = number;
        if run > 0 && next == difference {
            run += 1;
            continue;
        }
        if run > 0 {
            push_signed(out, difference);
            push_varint(out, run);
        }
        (difference, run) = (next, 1);
    }
    if run > 0 {
        push_signed(out, difference);
        push_varint(out, run);
    }
}

pub(super) fn take_runs(bytes: &mut &[u8], count: usize) -> Result<Vec<i64>, CodecError> {
    let mut numbers = Vec::with_capacity(count.min(bytes.len().saturating_mul(64)));
    let mut before = 0i64;
    while numbers.len() < count {
        let (difference, run) = (take_signed(bytes)?, take_varint(bytes)?);
        if run == 0 || run > (count - numbers.len()) as u64 {
            return Err(CodecError::Damaged("impossible run"));
        }
        for _ in 0..run {
            before = before.wrapping_add(difference);
            numbers.push(before);
        }
    }
    Ok(numbers)
}

/// Encoded rows of a record.
#[derive(Debug)]
pub(in crate::store) struct Encoded {
    pub(super) bytes: Vec<u8>,
    pub(super) crc: u32,
}

#[cfg(test)]
impl Encoded {
    pub(in crate::store) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}
