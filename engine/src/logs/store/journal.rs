//! The journal of lines: a request is one record, which names its streams by their labels.
//!
//! ```text
//! record   streams: labels · day · lines: times, severities, lengths of bodies, bodies, lengths of details, details
//!          of spans also: parts in common, which one each span has
//! ```
//!
//! Labels are in each record, other than those of series in the journal of samples: a record of lines is long beside them, and a damaged
//! one costs no other. Numbers are not packed: the journal is written once and, unless the process ends, never read.

use super::kind::Kind;
use super::rows::{Rows, push_bytes, take_bytes};
use crate::codec::{CodecError, push_signed, push_varint, take_signed, take_varint};
use crate::model::Labels;
use crate::span_store::{push_shared, take_shared};
use crate::store::partition::Day;

/// Lines of one stream and one day.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) labels: Labels,
    pub(super) day: Day,
    pub(super) rows: Rows,
}

pub(super) fn encode(kind: Kind, pieces: &[Piece]) -> Vec<u8> {
    let text: usize = pieces.iter().map(|piece| piece.rows.memory() + piece.labels.as_bytes().len() + 16).sum();
    let mut out = Vec::with_capacity(text);
    for Piece { labels, day, rows } in pieces {
        push_bytes(&mut out, labels.as_bytes());
        push_signed(&mut out, day.0);
        push_varint(&mut out, rows.len() as u64);
        let mut before = 0i64;
        for time in &rows.times {
            push_signed(&mut out, time.wrapping_sub(before));
            before = *time;
        }
        out.extend_from_slice(&rows.severities);
        (0..rows.len()).for_each(|row| push_varint(&mut out, rows.body(row).len() as u64));
        push_bytes(&mut out, &rows.bodies);
        push_varint(&mut out, rows.detail_ends.len() as u64);
        (0..rows.detail_ends.len()).for_each(|row| push_varint(&mut out, rows.details(row).len() as u64));
        push_bytes(&mut out, &rows.details);
        if kind == Kind::Spans {
            push_shared(&mut out, rows);
        }
    }
    out
}

/// Passes each piece of a record on.
pub(super) fn decode(kind: Kind, mut bytes: &[u8], mut each: impl FnMut(Piece)) -> Result<(), CodecError> {
    let rest = &mut bytes;
    while !rest.is_empty() {
        let labels = Labels::from_bytes(take_bytes(rest)?).map_err(|_| CodecError::Damaged("the labels of a stream"))?;
        let day = Day(take_signed(rest)?);
        let count = usize::try_from(take_varint(rest)?).unwrap_or(usize::MAX);
        if count > rest.len() {
            return Err(CodecError::Damaged("more lines than bytes"));
        }
        let mut rows = Rows::default();
        let mut time = 0i64;
        for _ in 0..count {
            time = time.wrapping_add(take_signed(rest)?);
            rows.times.push(time);
        }
        let (severities, after) = rest.split_at_checked(count).ok_or(CodecError::Damaged("too short"))?;
        rows.severities = severities.to_vec();
        *rest = after;
        (rows.body_ends, rows.bodies) = take_texts(rest, count)?;
        let details = usize::try_from(take_varint(rest)?).unwrap_or(usize::MAX);
        if details > count {
            return Err(CodecError::Damaged("more details than lines"));
        }
        (rows.detail_ends, rows.details) = take_texts(rest, details)?;
        if kind == Kind::Spans {
            rows.shared = take_shared(rest, count)?;
        }
        each(Piece { labels, day, rows });
    }
    Ok(())
}

fn take_texts(rest: &mut &[u8], count: usize) -> Result<(Vec<u32>, Vec<u8>), CodecError> {
    let (mut ends, mut end) = (Vec::with_capacity(count), 0u64);
    for _ in 0..count {
        end = end.saturating_add(take_varint(rest)?);
        ends.push(u32::try_from(end).map_err(|_| CodecError::Damaged("a text is longer than one may be"))?);
    }
    let texts = take_bytes(rest)?;
    if texts.len() as u64 == end { Ok((ends, texts.to_vec())) } else { Err(CodecError::Damaged("texts of another length")) }
}
