//! The header of a file of a day: where it belongs, and what it was made of.

use super::*;

/// The two kinds of files of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::store) enum FileKind {
    /// Written once by the compactor.
    Chunks = 0,
    /// Appended to by seals.
    Pages = 1,
}

/// What a file is and what it replaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) struct FileHeader {
    pub(in crate::store) kind: FileKind,
    pub(in crate::store) identity: Identity,
    pub(in crate::store) day: Day,
    pub(in crate::store) number: u64,
    /// The files it was made of, each with its length at that time.
    pub(in crate::store) sources: Vec<(u64, u64)>,
    /// The last journal record in it when it was made.
    pub(in crate::store) through: u64,
    /// It holds the whole day, with hours.
    pub(in crate::store) finished: bool,
    /// Samples of series with a retention of at most this were removed, ms.
    pub(in crate::store) thinned_ms: i64,
}

impl FileHeader {
    /// The header of a pages file.
    pub(in crate::store) fn of_pages(identity: Identity, day: Day, number: u64) -> Self {
        Self { kind: FileKind::Pages, identity, day, number, sources: Vec::new(), through: 0, finished: false, thinned_ms: 0 }
    }

    pub(in crate::store) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.identity.0);
        push_varint(out, self.kind as u64);
        push_signed(out, self.day.0);
        push_varint(out, self.number);
        push_varint(out, self.through);
        push_varint(out, u64::from(self.finished));
        push_signed(out, self.thinned_ms);
        push_varint(out, self.sources.len() as u64);
        for (number, len) in &self.sources {
            push_varint(out, *number);
            push_varint(out, *len);
        }
    }

    /// Decodes a header from the beginning of some bytes.
    pub(in crate::store) fn decode(bytes: &mut &[u8]) -> Result<Self, CodecError> {
        let (identity, rest) = bytes.split_first_chunk::<{ Identity::LEN }>().ok_or(CodecError::Damaged("too short"))?;
        *bytes = rest;
        let kind = match take_varint(bytes)? {
            0 => FileKind::Chunks,
            1 => FileKind::Pages,
            _ => return Err(CodecError::Damaged("unknown kind of file")),
        };
        let (day, number, through) = (Day(take_signed(bytes)?), take_varint(bytes)?, take_varint(bytes)?);
        let (finished, thinned_ms) = (take_varint(bytes)? == 1, take_signed(bytes)?);
        let sources = (0..take_varint(bytes)?).map(|_| Ok((take_varint(bytes)?, take_varint(bytes)?)));
        let sources = sources.collect::<Result<_, CodecError>>()?;
        Ok(Self { kind, identity: Identity(*identity), day, number, sources, through, finished, thinned_ms })
    }

    /// Decodes a header from a whole payload.
    pub(in crate::store) fn of_payload(mut bytes: &[u8]) -> Result<Self, CodecError> {
        let header = Self::decode(&mut bytes)?;
        if bytes.is_empty() { Ok(header) } else { Err(CodecError::Damaged("a file's header")) }
    }
}

/// The first intact header of a file.
pub(in crate::store) fn header_of(file: &Pread) -> Option<FileHeader> {
    for stretch in file.frames(0) {
        if let Stretch::Frame { at, header } = stretch.ok()?
            && matches!(header.kind, HEADER | SEAL)
            && let Ok(payload) = file.payload(at, &header)
            && let Ok(header) = FileHeader::decode(&mut &*payload)
        {
            return Some(header);
        }
    }
    None
}

/// The file that is expected under a name.
#[derive(Clone)]
pub(in crate::store) struct Expected {
    pub(in crate::store) identity: Identity,
    pub(in crate::store) day: Day,
    pub(in crate::store) number: u64,
    pub(in crate::store) kind: FileKind,
}

impl Expected {
    /// Checks that a header belongs to the expected file.
    pub(in crate::store) fn check(&self, header: &FileHeader) -> Result<(), OpenError> {
        if header.identity != self.identity {
            return Err(OpenError::Foreign(header.identity));
        }
        if (header.day, header.number, header.kind) != (self.day, self.number, self.kind) {
            return Err(OpenError::Misplaced { day: header.day, number: header.number });
        }
        Ok(())
    }
}

/// Why a file of a day cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(in crate::store) enum OpenError {
    #[error("it belongs to the data directory {0}")]
    Foreign(Identity),
    #[error("it states that it is file {number} of {}", .day.name())]
    Misplaced { day: Day, number: u64 },
    #[error(transparent)]
    Damaged(#[from] CodecError),
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl From<PageError> for OpenError {
    fn from(error: PageError) -> Self {
        match error {
            PageError::Codec(error) => Self::Damaged(error),
            PageError::Io(error) => Self::Io(error),
        }
    }
}
