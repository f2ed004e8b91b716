//! A file for concurrent positioned reads.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use super::frame::{self, Header};
use super::page::{ByteSource, PageError};
use super::read_buffer::{Buffer, Bytes};
use crate::codec::CodecError;

/// Bytes read at a time while searching for a whole frame.
const WINDOW: usize = 64 << 10;
/// Disks lose whole sectors of this size.
const SECTOR: u64 = 512;

/// An open file, and how far it may be read.
pub(crate) struct Pread {
    pub(crate) file: File,
    len: AtomicU64,
}

impl ByteSource for Pread {
    fn read(&self, offset: u64, len: usize) -> Result<Bytes<'_>, PageError> {
        if offset.checked_add(len as u64).is_none_or(|end| end > self.len()) {
            return Err(CodecError::Damaged("a place is past the end").into());
        }
        Ok(Bytes::Read(Buffer::filled(len, |buffer| self.file.read_exact_at(buffer, offset)).map_err(damage_of)?))
    }
}

/// Whether the disk could not read its own data (EIO).
pub(crate) fn is_bad_sector(error: &std::io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error())
}

/// A sector that cannot be read, or a truncated file, is damage; any other error may be temporary.
fn damage_of(error: std::io::Error) -> PageError {
    if is_bad_sector(&error) {
        return CodecError::Damaged("the disk cannot read it").into();
    }
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => CodecError::Damaged("the file was cut short").into(),
        _ => error.into(),
    }
}

/// A range of a file of frames. Payloads are not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stretch {
    /// A frame with an intact header.
    Frame { at: u64, header: Header },
    /// Bytes `[from, to)` without a frame header.
    Damage { from: u64, to: u64 },
}

impl Pread {
    pub(crate) fn open(path: &Path) -> std::io::Result<Self> {
        Self::of(File::open(path)?)
    }

    pub(crate) fn of(file: File) -> std::io::Result<Self> {
        let len = file.metadata()?.len();
        Ok(Self { file, len: len.into() })
    }

    pub(crate) fn len(&self) -> u64 {
        self.len.load(Ordering::Acquire)
    }

    pub(crate) fn set_len(&self, len: u64) {
        self.len.store(len, Ordering::Release);
    }

    /// Reads the header of the frame at a position; `None` if it is damaged or the frame would end past the file.
    pub(crate) fn header_at(&self, at: u64) -> Result<Option<Header>, PageError> {
        if at.saturating_add(frame::HEADER as u64) > self.len() {
            return Ok(None);
        }
        match self.read(at, frame::HEADER) {
            Ok(bytes) => Ok(Header::read(&bytes).filter(|header| at + header.frame_len() as u64 <= self.len())),
            Err(PageError::Codec(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads the payload of the frame at a position and checks it.
    pub(crate) fn payload(&self, at: u64, header: &Header) -> Result<Bytes<'_>, PageError> {
        let bytes = self.read(at + frame::HEADER as u64, header.len as usize)?;
        header.check(&bytes)?;
        Ok(bytes)
    }

    /// The frames from a position on. Reads only headers, unless one is damaged.
    pub(crate) fn frames(&self, from: u64) -> impl Iterator<Item = Result<Stretch, PageError>> + '_ {
        let mut at = from;
        std::iter::from_fn(move || {
            if at >= self.len() {
                return None;
            }
            let from = at;
            let found = self.header_at(from).and_then(|header| match header {
                Some(header) => {
                    at += header.frame_len() as u64;
                    Ok(Stretch::Frame { at: from, header })
                }
                None => {
                    at = self.next_header(from + 1)?;
                    Ok(Stretch::Damage { from, to: at })
                }
            });
            if found.is_err() {
                at = self.len();
            }
            Some(found)
        })
    }

    /// Position of the next intact header at or after `from`; the end of the file if there is none.
    fn next_header(&self, from: u64) -> Result<u64, PageError> {
        let mut at = from;
        while at + frame::HEADER as u64 <= self.len() {
            let len = (self.len() - at).min(WINDOW as u64) as usize;
            let places = len - frame::HEADER + 1;
            let bytes = match self.read(at, len) {
                Ok(bytes) => bytes,
                Err(PageError::Codec(_)) => {
                    // Part of it cannot be read: skip this sector.
                    at += SECTOR;
                    continue;
                }
                Err(error) => return Err(error),
            };
            let sound = |skip: &usize| {
                let header = Header::read(&bytes[*skip..]);
                header.is_some_and(|header| at + (*skip + header.frame_len()) as u64 <= self.len())
            };
            if let Some(skip) = (0..places).find(sound) {
                return Ok(at + skip as u64);
            }
            at += places as u64;
        }
        Ok(self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_found_behind_damage_that_is_longer_than_a_window() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        let mut bytes = Vec::new();
        frame::push(&mut bytes, 1, 7, b"first");
        let damage = bytes.len();
        bytes.resize(damage + 2 * WINDOW + 11, b'T');
        let second = bytes.len();
        frame::push(&mut bytes, 2, 8, b"second");
        std::fs::write(&path, &bytes).unwrap();
        let file = Pread::open(&path).unwrap();
        let found: Vec<Stretch> = file.frames(0).map(Result::unwrap).collect();
        let [Stretch::Frame { at: 0, .. }, Stretch::Damage { from, to }, Stretch::Frame { at, header }] = found[..] else {
            panic!("{found:?}")
        };
        assert_eq!((from, to, at), (damage as u64, second as u64, second as u64));
        assert_eq!(&*file.payload(at, &header).unwrap(), b"second");
    }
}
