//! A column of a shape: values of one place of all its spans.
//!
//! ```text
//! 0   value                        all the same
//! 1   count · values · a byte each a few values
//! 2   values one after the other   texts with their lengths before them, numbers as varints, ids as they are
//! ```

use rustc_hash::FxHashMap;

use super::columns::DAMAGED;
use super::row::IDS;
use crate::codec::{CodecError, push_varint, take_varint};
use crate::logs::store::rows::{push_bytes, take_array, take_bytes};

const SAME: u8 = 0;
const FEW: u8 = 1;
const MANY: u8 = 2;
/// Most values of a column of few.
const MOST_FEW: usize = 255;

/// What values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Text,
    /// A varint.
    Number,
    /// Ids of a span of another trace.
    Link,
}

/// Collects the values of a column.
pub(super) struct Column {
    class: Class,
    bytes: Vec<u8>,
    ends: Vec<u32>,
}

impl Column {
    pub(super) fn new(class: Class) -> Self {
        Self { class, bytes: Vec::new(), ends: Vec::new() }
    }

    pub(super) fn push(&mut self, value: &[u8]) {
        self.bytes.extend_from_slice(value);
        self.ends.push(self.bytes.len() as u32);
    }

    fn values(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| self.bytes.get(start as usize..*end as usize).unwrap_or_default())
    }

    pub(super) fn finish(self, out: &mut Vec<u8>) {
        let Some((list, numbers)) = self.few() else {
            out.push(MANY);
            self.values().for_each(|value| push_value(out, self.class, value));
            return;
        };
        out.push(if list.len() == 1 { SAME } else { FEW });
        if list.len() > 1 {
            push_varint(out, list.len() as u64);
        }
        list.iter().for_each(|value| push_value(out, self.class, value));
        if list.len() > 1 {
            out.extend_from_slice(&numbers);
        }
    }

    /// The different values, and which one each row has, where that is shorter.
    fn few(&self) -> Option<(Vec<&[u8]>, Vec<u8>)> {
        let most = MOST_FEW.min(self.ends.len().div_ceil(2));
        let (mut known, mut list) = (FxHashMap::<&[u8], u8>::default(), Vec::new());
        let mut numbers = Vec::with_capacity(self.ends.len());
        for value in self.values() {
            let number = match known.get(value) {
                Some(number) => *number,
                None if list.len() >= most => return None,
                None => {
                    let number = list.len() as u8;
                    known.insert(value, number);
                    list.push(value);
                    number
                }
            };
            numbers.push(number);
        }
        Some((list, numbers))
    }
}

fn push_value(out: &mut Vec<u8>, class: Class, value: &[u8]) {
    match class {
        Class::Text => push_bytes(out, value),
        Class::Number | Class::Link => out.extend_from_slice(value),
    }
}

fn take_value<'a>(rest: &mut &'a [u8], class: Class) -> Result<&'a [u8], CodecError> {
    match class {
        Class::Text => take_bytes(rest),
        Class::Number => {
            let before = *rest;
            take_varint(rest)?;
            Ok(&before[..before.len() - rest.len()])
        }
        Class::Link => {
            let (ids, after) = rest.split_at_checked(IDS).ok_or(DAMAGED)?;
            *rest = after;
            Ok(ids)
        }
    }
}

/// Reads the values of a column one after the other.
pub(super) enum Reader<'a> {
    Same(&'a [u8]),
    Few { list: Vec<&'a [u8]>, numbers: std::slice::Iter<'a, u8> },
    Many { class: Class, rest: &'a [u8] },
}

impl<'a> Reader<'a> {
    /// Takes the column of `rows` rows.
    pub(super) fn take(rest: &mut &'a [u8], class: Class, rows: usize) -> Result<Self, CodecError> {
        let [kind] = take_array(rest)?;
        match kind {
            SAME => Ok(Self::Same(take_value(rest, class)?)),
            FEW => {
                let mut list = Vec::new();
                for _ in 0..take_varint(rest)? {
                    list.push(take_value(rest, class)?);
                }
                let (numbers, after) = rest.split_at_checked(rows).ok_or(DAMAGED)?;
                *rest = after;
                Ok(Self::Few { list, numbers: numbers.iter() })
            }
            MANY => {
                let whole = *rest;
                for _ in 0..rows {
                    take_value(rest, class)?;
                }
                Ok(Self::Many { class, rest: &whole[..whole.len() - rest.len()] })
            }
            _ => Err(DAMAGED),
        }
    }

    pub(super) fn next(&mut self) -> Result<&'a [u8], CodecError> {
        match self {
            Self::Same(value) => Ok(value),
            Self::Few { list, numbers } => list.get(usize::from(*numbers.next().ok_or(DAMAGED)?)).copied().ok_or(DAMAGED),
            Self::Many { class, rest } => take_value(rest, *class),
        }
    }

    /// Passes values over.
    pub(super) fn skip(&mut self, values: usize) -> Result<(), CodecError> {
        match self {
            Self::Same(_) => {}
            Self::Few { numbers, .. } => {
                if let Some(last) = values.checked_sub(1) {
                    numbers.nth(last);
                }
            }
            Self::Many { class, rest } => (0..values).try_for_each(|_| take_value(rest, *class).map(drop))?,
        }
        Ok(())
    }
}
