//! Bytes that were read: a slice of memory, or a buffer that the next read on the same thread reuses.

use std::cell::RefCell;
use std::ops::Deref;

/// Buffers kept per thread.
const KEPT: usize = 3;
/// A larger buffer is freed.
const KEPT_BYTES: usize = 64 << 10;

thread_local! {
    static BUFFERS: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// Borrowed or read bytes.
pub(crate) enum Bytes<'a> {
    There(&'a [u8]),
    Read(Buffer),
}

impl Deref for Bytes<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::There(bytes) => bytes,
            Self::Read(buffer) => buffer.0.get(..buffer.1).unwrap_or_default(),
        }
    }
}

/// A buffer, and how much of it is used.
pub(crate) struct Buffer(Vec<u8>, usize);

impl Buffer {
    /// A buffer of a length, filled by `fill`.
    pub(crate) fn filled<E>(len: usize, fill: impl FnOnce(&mut [u8]) -> Result<(), E>) -> Result<Self, E> {
        let mut buffer = Self(BUFFERS.with_borrow_mut(Vec::pop).unwrap_or_default(), len);
        if buffer.0.len() < len {
            buffer.0.resize(len, 0);
        }
        fill(&mut buffer.0[..len])?;
        Ok(buffer)
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.0);
        if buffer.len() > KEPT_BYTES {
            return;
        }
        // Fails only while the thread ends.
        let _ = BUFFERS.try_with(|buffers| {
            let mut buffers = buffers.borrow_mut();
            if buffers.len() < KEPT {
                buffers.push(buffer);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_used_again_and_shows_only_what_was_read() {
        let read = |len: usize, byte: u8| {
            let fill = |buffer: &mut [u8]| {
                buffer.fill(byte);
                Ok::<(), ()>(())
            };
            Buffer::filled(len, fill).map(Bytes::Read).unwrap()
        };
        let long = read(100, 1);
        let other = read(10, 2);
        assert_eq!((&*long, &*other), (&[1; 100][..], &[2; 10][..]), "two at the same time are apart");
        drop((long, other));
        for len in [5, 100, 0] {
            assert_eq!(&*read(len, 3), &vec![3; len][..]);
        }
        assert!(Buffer::filled(8, |_| Err("no")).is_err());
    }
}
