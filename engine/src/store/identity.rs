//! Who a data directory is: a number of its own that every file of its days carries.
//!
//! A series has a small id that means something only together with the catalog that gave it. A day that was brought from
//! another directory would show its samples under names of this one; the identity is what tells them apart.

use std::fmt;
use std::io::Read;

/// The identity of a data directory: 128 random bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Identity(pub(super) [u8; 16]);

impl Identity {
    /// Bytes of an identity.
    pub(super) const LEN: usize = 16;

    /// A new one.
    ///
    /// # Errors
    /// The system's, where it gives no random bits.
    pub(super) fn random() -> std::io::Result<Self> {
        let mut bytes = [0; Self::LEN];
        std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// From its text.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.as_bytes();
        if text.len() != 2 * Self::LEN || !text.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        let digit = |at: usize| (text[at] as char).to_digit(16).unwrap_or(0) as u8;
        Some(Self(std::array::from_fn(|i| digit(2 * i) << 4 | digit(2 * i + 1))))
    }
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
}
