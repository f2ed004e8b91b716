//! The identity of a data directory: a random number that every file of its days repeats.
//!
//! A series id is meaningful only together with the catalog that assigned it. A day copied from another directory would show its
//! samples under the wrong series; the identity distinguishes them.

use std::fmt;
use std::io::{ErrorKind, Read};
use std::path::Path;

use super::files;

/// Version of the on-disk format; a directory with another version is refused.
pub const FORMAT: u32 = 4;

pub(crate) const FILE: &str = "identity";

/// The identity of a data directory: 128 random bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Identity(pub(crate) [u8; 16]);

impl Identity {
    /// Bytes of an identity.
    pub(crate) const LEN: usize = 16;

    /// Creates a random identity.
    ///
    /// # Errors
    /// The I/O error if the system has no random bytes.
    pub(crate) fn random() -> std::io::Result<Self> {
        let mut bytes = [0; Self::LEN];
        std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// The first 32 bits.
    pub(crate) fn first_word(self) -> u32 {
        u32::from_le_bytes(std::array::from_fn(|i| self.0[i]))
    }

    /// Parses its text form.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.as_bytes();
        if text.len() != 2 * Self::LEN || !text.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        let digit = |at: usize| (text[at] as char).to_digit(16).unwrap_or(0) as u8;
        Some(Self(std::array::from_fn(|i| digit(2 * i) << 4 | digit(2 * i + 1))))
    }
}

/// Content of the `identity` file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Stated {
    /// The identity of the directory.
    Known(Identity),
    /// The file states another format version.
    OtherFormat(u32),
    /// There is no such file.
    Missing,
    /// The file is damaged.
    Damaged,
}

/// Reads the identity of a data directory.
///
/// # Errors
/// An I/O error other than a missing file.
pub(crate) fn load(data_dir: &Path) -> std::io::Result<Stated> {
    match std::fs::read(data_dir.join(FILE)) {
        Ok(bytes) => Ok(read(&bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Stated::Missing),
        Err(error) => Err(error),
    }
}

/// Writes the identity of a data directory, durably.
///
/// # Errors
/// Any I/O error.
pub(crate) fn save(data_dir: &Path, identity: Identity) -> std::io::Result<()> {
    files::replace(&data_dir.join(FILE), text(FORMAT, identity).as_bytes())
}

pub(crate) fn text(format: u32, identity: Identity) -> String {
    let body = format!("taskpulse data directory\nformat {format}\nidentity {identity}\n");
    format!("{body}checksum {:08x}\n", crc32fast::hash(body.as_bytes()))
}

pub(crate) fn read(bytes: &[u8]) -> Stated {
    let parse = || {
        let whole = std::str::from_utf8(bytes).ok()?;
        let (body, checksum) = whole.split_once("checksum ")?;
        let crc = u32::from_str_radix(checksum.strip_suffix('\n')?, 16).ok()?;
        let sound = crc == crc32fast::hash(body.as_bytes()) && checksum.len() == 9;
        let mut lines = body.lines().skip(1);
        let format: u32 = lines.next()?.strip_prefix("format ")?.parse().ok()?;
        // Another version may write the rest differently.
        if sound && format != FORMAT {
            return Some(Stated::OtherFormat(format));
        }
        let identity = Identity::parse(lines.next()?.strip_prefix("identity ")?)?;
        (whole == text(FORMAT, identity)).then_some(Stated::Known(identity))
    };
    parse().unwrap_or(Stated::Damaged)
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_reads_as_it_is_written_and_no_two_are_equal() {
        let (one, other) = (Identity::random().unwrap(), Identity::random().unwrap());
        assert_ne!(one, other);
        assert_eq!(Identity::parse(&one.to_string()), Some(one));
        for text in ["", "00", "zz112233445566778899aabbccddeeff", "é0112233445566778899aabbccddeef"] {
            assert_eq!(Identity::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_file_is_read_back_another_format_is_named_and_every_damaged_byte_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(load(dir.path()).unwrap(), Stated::Missing);
        let identity = Identity::random().unwrap();
        save(dir.path(), identity).unwrap();
        assert_eq!(load(dir.path()).unwrap(), Stated::Known(identity));
        assert_eq!(read(text(7, identity).as_bytes()), Stated::OtherFormat(7));
        let whole = text(FORMAT, identity).into_bytes();
        for at in 0..whole.len() {
            for bit in 0..8 {
                let mut bytes = whole.clone();
                bytes[at] ^= 1 << bit;
                assert_eq!(read(&bytes), Stated::Damaged, "byte {at}, bit {bit}");
            }
            assert_eq!(read(&whole[..at]), Stated::Damaged, "{at} bytes");
        }
    }
}
