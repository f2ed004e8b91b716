//! How far every series has come, as of the last seal: one small file, replaced whole.
//!
//! Layout of `DATA_DIR/progress`: magic, crc32 of the rest, then varints: the last journal record that was sealed, how many
//! series, and for each the newest time and the mark of its closed windows, as differences from the series before.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use super::head::Head;
use super::partition::sync_dir;
use crate::codec::{CodecError, push_signed, push_varint, take_signed, take_varint};
use crate::model::{SeriesId, TimestampMs};

const NAME: &str = "progress";
const MAGIC: &[u8; 8] = b"TPPROG01";

/// The bytes of a head's progress.
pub(super) fn encode(head: &Head, sealed_through: u64) -> Vec<u8> {
    let mut body = Vec::with_capacity(64 + head.len() * 4);
    push_varint(&mut body, sealed_through);
    push_varint(&mut body, head.len() as u64);
    let mut before = (0i64, 0i64);
    for (_, series) in head.iter() {
        push_signed(&mut body, series.newest.wrapping_sub(before.0));
        push_signed(&mut body, series.closed_to.wrapping_sub(before.1));
        before = (series.newest, series.closed_to);
    }
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&crc32fast::hash(&body).to_le_bytes());
    bytes.extend_from_slice(&body);
    bytes
}

/// Replaces the file, durably.
pub(super) fn save(data_dir: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let temporary = data_dir.join(format!("{NAME}.tmp"));
    let mut file = File::create(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, data_dir.join(NAME))?;
    sync_dir(data_dir)
}

/// Puts the saved progress of the first `known` series into a head; gives the last journal record that was sealed. None where
/// there is no file.
pub(super) fn load(data_dir: &Path, head: &mut Head, known: usize, now: TimestampMs) -> std::io::Result<Option<Result<u64, CodecError>>> {
    match fs::read(data_dir.join(NAME)) {
        Ok(bytes) => Ok(Some(decode(&bytes, head, known, now))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn decode(bytes: &[u8], head: &mut Head, known: usize, now: TimestampMs) -> Result<u64, CodecError> {
    let rest = bytes.strip_prefix(MAGIC).ok_or(CodecError::Damaged("not a progress file"))?;
    let (crc, mut body) = rest.split_first_chunk::<4>().ok_or(CodecError::Damaged("too short"))?;
    let (found, expected) = (crc32fast::hash(body), u32::from_le_bytes(*crc));
    if found != expected {
        return Err(CodecError::Checksum { found, expected });
    }
    let sealed_through = take_varint(&mut body)?;
    let count = take_varint(&mut body)?;
    let mut before = (0i64, 0i64);
    for id in 0..count.min(known as u64) {
        before.0 = before.0.wrapping_add(take_signed(&mut body)?);
        before.1 = before.1.wrapping_add(take_signed(&mut body)?);
        let entry = head.entry(SeriesId(id as u32));
        entry.newest = before.0;
        // Everything that was known at the seal is in chunks.
        entry.sealed_to = before.0;
        entry.closed_to = before.1;
        // Who was silent while nobody listened is not silent yet.
        entry.touched = now;
    }
    Ok(sealed_through)
}

#[cfg(test)]
mod tests {
    use super::super::head::NEVER;
    use super::*;

    #[test]
    fn progress_comes_back_and_damage_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let mut head = Head::default();
        for id in [0, 2, 3] {
            let entry = head.entry(SeriesId(id));
            (entry.newest, entry.closed_to) = (1_795_000_000_123 + i64::from(id), 1_794_999_960_000);
        }
        let bytes = encode(&head, 42);
        save(dir.path(), &bytes).unwrap();
        let mut back = Head::default();
        assert_eq!(load(dir.path(), &mut back, 3, 7).unwrap(), Some(Ok(42)));
        let marks = |head: &Head| head.iter().map(|(_, h)| (h.newest, h.closed_to)).collect::<Vec<_>>();
        assert_eq!(marks(&back), marks(&head)[..3]);
        assert_eq!((back.get(SeriesId(1)).unwrap().newest, back.len()), (NEVER, 3));
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert!(decode(&damaged, &mut Head::default(), 3, 7).is_err(), "byte {at}");
        }
        assert_eq!(load(&dir.path().join("none"), &mut back, 3, 7).unwrap(), None);
    }
}
