//! Journal records: batches of samples and of window rows, in the order they were accepted.
//!
//! A record is durable once the journal was flushed and lives until its rows are in chunks. Encoding, little-endian:
//! `kind u8 · rows u32 · columns`. Where records are kept and when they go is the store's business.

use crate::codec::CodecError;
use crate::model::{SeriesId, TimestampMs};
use crate::windows::{Level, WindowRow};

const SAMPLES: u8 = 1;
const WINDOWS: u8 = 2;
const SAMPLE_BYTES: usize = 4 + 8 + 8;
const WINDOW_BYTES: usize = 4 + 8 + 7 * 8;

/// One record, decoded.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Record {
    /// Samples: id, time, value.
    Samples(Vec<(SeriesId, TimestampMs, f64)>),
    /// Closed windows of one level.
    Windows(Level, Vec<(SeriesId, WindowRow)>),
}

pub(super) fn encode_samples(rows: &[(SeriesId, TimestampMs, f64)]) -> Vec<u8> {
    let mut out = Vec::with_capacity(5 + rows.len() * SAMPLE_BYTES);
    out.push(SAMPLES);
    out.extend_from_slice(&(rows.len() as u32).to_le_bytes());
    for (id, t, v) in rows {
        out.extend_from_slice(&id.0.to_le_bytes());
        out.extend_from_slice(&t.to_le_bytes());
        out.extend_from_slice(&v.to_bits().to_le_bytes());
    }
    out
}

pub(super) fn encode_windows(level: Level, rows: &[(SeriesId, WindowRow)]) -> Vec<u8> {
    let mut out = Vec::with_capacity(6 + rows.len() * WINDOW_BYTES);
    out.push(WINDOWS);
    out.extend_from_slice(&(rows.len() as u32).to_le_bytes());
    out.push(level.index() as u8);
    for (id, row) in rows {
        out.extend_from_slice(&id.0.to_le_bytes());
        out.extend_from_slice(&row.start.to_le_bytes());
        for value in figures(row) {
            out.extend_from_slice(&value.to_bits().to_le_bytes());
        }
    }
    out
}

/// The figures of a row in the order of journal and chunks.
pub(super) fn figures(row: &WindowRow) -> [f64; 7] {
    [row.count, row.sum, row.min, row.max, row.first, row.last, row.m2]
}

/// The row with these figures.
pub(super) fn row_of(start: TimestampMs, [count, sum, min, max, first, last, m2]: [f64; 7]) -> WindowRow {
    WindowRow { start, count, sum, min, max, first, last, m2 }
}

pub(super) fn decode(bytes: &[u8]) -> Result<Record, CodecError> {
    let damaged = CodecError::Damaged("journal record");
    let (&kind, rest) = bytes.split_first().ok_or(damaged.clone())?;
    let (count, rest) = rest.split_first_chunk::<4>().ok_or(damaged.clone())?;
    let count = u32::from_le_bytes(*count) as usize;
    let word = |row: &[u8], at: usize| -> [u8; 8] { std::array::from_fn(|i| row[at + i]) };
    let id = |row: &[u8]| SeriesId(u32::from_le_bytes(std::array::from_fn(|i| row[i])));
    match kind {
        SAMPLES if rest.len() == count * SAMPLE_BYTES => Ok(Record::Samples(
            rest.chunks_exact(SAMPLE_BYTES)
                .map(|row| (id(row), i64::from_le_bytes(word(row, 4)), f64::from_bits(u64::from_le_bytes(word(row, 12)))))
                .collect(),
        )),
        WINDOWS => {
            let (&level, rest) = rest.split_first().ok_or(damaged.clone())?;
            let level = *Level::ALL.get(usize::from(level)).ok_or(damaged.clone())?;
            if rest.len() != count * WINDOW_BYTES {
                return Err(damaged);
            }
            let row = |row: &[u8]| {
                let figures = std::array::from_fn(|i| f64::from_bits(u64::from_le_bytes(word(row, 12 + i * 8))));
                (id(row), row_of(i64::from_le_bytes(word(row, 4)), figures))
            };
            Ok(Record::Windows(level, rest.chunks_exact(WINDOW_BYTES).map(row).collect()))
        }
        _ => Err(damaged),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_as_written_and_damage_is_refused() {
        let samples = vec![(SeriesId(7), -5, f64::NAN.to_bits()), (SeriesId(8), 9, 1.5f64.to_bits())];
        let rows: Vec<_> = samples.iter().map(|&(id, t, bits)| (id, t, f64::from_bits(bits))).collect();
        let bytes = encode_samples(&rows);
        let Record::Samples(back) = decode(&bytes).unwrap() else { panic!("samples") };
        assert_eq!(back.iter().map(|&(id, t, v)| (id, t, v.to_bits())).collect::<Vec<_>>(), samples);
        let window = (SeriesId(3), row_of(60_000, [2.0, 3.0, 1.0, 2.0, 1.0, 2.0, 0.5]));
        assert_eq!(decode(&encode_windows(Level::H6, &[window])).unwrap(), Record::Windows(Level::H6, vec![window]));
        for end in 0..bytes.len() {
            assert!(decode(&bytes[..end]).is_err());
        }
    }
}
