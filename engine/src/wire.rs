//! Protobuf as it is on the wire: fields one by one, nothing copied.

/// The bytes are no message of protobuf.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{reason} at byte {at}")]
pub struct Malformed {
    reason: &'static str,
    at: usize,
}

/// Skipping such a field could merge two things or turn a value into 0.
pub(crate) const WRONG_TYPE: &str = "a field has another wire type than its own";

/// Reads the fields of a message.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    /// What is left of it.
    pub(crate) bytes: &'a [u8],
    at: usize,
}

/// The value of a field.
pub(crate) enum Value<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(Reader<'a>),
    Fixed32(u32),
}

impl<'a> Reader<'a> {
    /// Of a whole message.
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// An error at this place.
    pub(crate) fn fail<T>(&self, reason: &'static str) -> Result<T, Malformed> {
        Err(Malformed { reason, at: self.at })
    }

    #[inline]
    fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        match self.bytes.split_at_checked(count) {
            Some((head, tail)) => {
                self.bytes = tail;
                self.at += count;
                Ok(head)
            }
            None => self.fail("it ends early"),
        }
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, Malformed> {
        if let Some((&byte, tail)) = self.bytes.split_first()
            && byte < 0x80
        {
            self.bytes = tail;
            self.at += 1;
            return Ok(u64::from(byte));
        }
        self.long_varint()
    }

    fn long_varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        self.fail("a number has more than 64 bits")
    }

    /// Number and value of the next field; `None` at the end.
    #[inline]
    pub(crate) fn field(&mut self) -> Result<Option<(u64, Value<'a>)>, Malformed> {
        if self.bytes.is_empty() {
            return Ok(None);
        }
        let key = self.varint()?;
        let value = match key & 7 {
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed64(u64::from_le_bytes(self.take(8)?.try_into().unwrap_or([0; 8]))),
            2 => {
                let length = self.varint()?;
                let at = self.at;
                let Ok(length) = usize::try_from(length) else { return self.fail("a length is impossible") };
                Value::Bytes(Reader { bytes: self.take(length)?, at })
            }
            5 => Value::Fixed32(u32::from_le_bytes(self.take(4)?.try_into().unwrap_or([0; 4]))),
            _ => return self.fail("a field has an unknown wire type"),
        };
        Ok(Some((key >> 3, value)))
    }
}

/// Writes messages, for tests.
#[cfg(test)]
pub(crate) mod build {
    pub(crate) fn varint(mut value: u64) -> Vec<u8> {
        let mut out = Vec::new();
        while value >= 0x80 {
            out.push(value as u8 | 0x80);
            value >>= 7;
        }
        out.push(value as u8);
        out
    }

    pub(crate) fn number(field: u64, value: u64) -> Vec<u8> {
        [varint(field << 3), varint(value)].concat()
    }

    pub(crate) fn fixed64(field: u64, value: u64) -> Vec<u8> {
        [varint(field << 3 | 1), value.to_le_bytes().to_vec()].concat()
    }

    pub(crate) fn fixed32(field: u64, value: u32) -> Vec<u8> {
        [varint(field << 3 | 5), value.to_le_bytes().to_vec()].concat()
    }

    pub(crate) fn bytes(field: u64, content: impl AsRef<[u8]>) -> Vec<u8> {
        [varint(field << 3 | 2), varint(content.as_ref().len() as u64), content.as_ref().to_vec()].concat()
    }
}
