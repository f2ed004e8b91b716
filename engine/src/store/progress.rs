//! The progress of every series as of the last seal: one small file, replaced as a whole.
//!
//! Layout of `DATA_DIR/progress`: magic, crc32 of the rest, then varints: number of the last sealed journal record, number of
//! series, and for each its id, newest time and closed-windows mark, as differences from the series before, and the first day with
//! samples of it, 0 if unknown.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use super::head::{Head, Progress};
use super::partition::{Day, sync_dir};
use crate::codec::{CodecError, push_signed, push_varint, take_signed, take_varint};
use crate::model::{SeriesId, TimestampMs};

const NAME: &str = "progress";
const MAGIC: &[u8; 8] = b"TPPROG02";

/// Encodes the progress of all series of a head.
pub(super) fn encode(head: &Head, sealed_through: u64) -> Vec<u8> {
    let (mut rows, mut count) = (Vec::new(), 0);
    let mut before = (0u32, 0i64, 0i64);
    for (id, series) in head.all_progress() {
        push_varint(&mut rows, u64::from(id.0 - before.0));
        push_signed(&mut rows, series.newest.wrapping_sub(before.1));
        push_signed(&mut rows, series.closed_to.wrapping_sub(before.2));
        push_varint(&mut rows, u64::try_from(Day::of(series.born).0).unwrap_or(0));
        before = (id.0, series.newest, series.closed_to);
        count += 1;
    }
    let mut body = Vec::with_capacity(32 + rows.len());
    push_varint(&mut body, sealed_through);
    push_varint(&mut body, count);
    body.extend_from_slice(&rows);
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&crc32fast::hash(&body).to_le_bytes());
    bytes.extend_from_slice(&body);
    bytes
}

/// Replaces the file durably.
pub(super) fn save(data_dir: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let temporary = data_dir.join(format!("{NAME}.tmp"));
    let mut file = File::create(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, data_dir.join(NAME))?;
    sync_dir(data_dir)
}

/// Content of the file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Saved {
    /// By rising id.
    pub(super) series: Vec<(SeriesId, Progress)>,
    /// Number of the last sealed journal record.
    pub(super) sealed_through: u64,
}

/// Reads the file; `None` if there is none.
pub(super) fn load(data_dir: &Path) -> std::io::Result<Option<Result<Saved, CodecError>>> {
    match fs::read(data_dir.join(NAME)) {
        Ok(bytes) => Ok(Some(decode(&bytes))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn decode(bytes: &[u8]) -> Result<Saved, CodecError> {
    let rest = bytes.strip_prefix(MAGIC).ok_or(CodecError::Damaged("not a progress file"))?;
    let (crc, mut body) = rest.split_first_chunk::<4>().ok_or(CodecError::Damaged("too short"))?;
    let (found, expected) = (crc32fast::hash(body), u32::from_le_bytes(*crc));
    if found != expected {
        return Err(CodecError::Checksum { found, expected });
    }
    let mut saved = Saved { sealed_through: take_varint(&mut body)?, series: Vec::new() };
    let count = take_varint(&mut body)?;
    let mut before = (0u64, 0i64, 0i64);
    for _ in 0..count {
        before.0 = before.0.saturating_add(take_varint(&mut body)?);
        before.1 = before.1.wrapping_add(take_signed(&mut body)?);
        before.2 = before.2.wrapping_add(take_signed(&mut body)?);
        let born = match take_varint(&mut body)? {
            0 => TimestampMs::MIN,
            day => Day(i64::try_from(day).unwrap_or(0)).start(),
        };
        let id = u32::try_from(before.0).map_err(|_| CodecError::Damaged("impossible series"))?;
        // Everything known at the seal is in chunks.
        let progress = Progress { newest: before.1, sealed_to: before.1, closed_to: before.2, born };
        saved.series.push((SeriesId(id), progress));
    }
    Ok(saved)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_comes_back_and_damage_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let mut head = Head::default();
        for id in [0, 2, 3, 70_000] {
            let entry = head.entry(SeriesId(id));
            entry.notice(1_795_000_000_123 + i64::from(id));
            entry.closed_to = 1_794_999_960_000;
        }
        head.entry(SeriesId(3)).born = TimestampMs::MIN;
        let bytes = encode(&head, 42);
        save(dir.path(), &bytes).unwrap();
        let back = load(dir.path()).unwrap().unwrap().unwrap();
        let expected = head.all_progress().map(|(id, p)| (id, Progress { sealed_to: p.newest, ..p }));
        assert_eq!(back, Saved { series: expected.collect(), sealed_through: 42 });
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert!(decode(&damaged).is_err(), "byte {at}");
        }
        assert_eq!(load(&dir.path().join("none")).unwrap(), None);
    }
}
