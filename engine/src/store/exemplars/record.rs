//! Records of `exemplars.log`.
//!
//! ```text
//! record   id of the series varint · checksum of its labels u32 · time signed varint · value f64 · length varint · packed labels, repeated
//! ```
//!
//! After damage another series may get the id. Its checksum differs then, so that it does not get the exemplars of the first one.

use super::Named;
use crate::codec::{CodecError, push_signed, push_varint, take_signed, take_varint};
use crate::exemplar::Exemplar;
use crate::model::SeriesId;

pub(super) fn encode<'a>(list: impl IntoIterator<Item = (Named, &'a Exemplar)>) -> Vec<u8> {
    let mut out = Vec::new();
    for (of, exemplar) in list {
        push_varint(&mut out, u64::from(of.id.0));
        out.extend_from_slice(&of.check.to_le_bytes());
        push_signed(&mut out, exemplar.t);
        out.extend_from_slice(&exemplar.v.to_bits().to_le_bytes());
        push_varint(&mut out, exemplar.packed().len() as u64);
        out.extend_from_slice(exemplar.packed());
    }
    out
}

/// Passes each exemplar of a record on.
pub(in crate::store) fn decode(mut payload: &[u8], mut each: impl FnMut(Named, Exemplar)) -> Result<(), CodecError> {
    fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], CodecError> {
        let (bytes, tail) = rest.split_first_chunk().ok_or(CodecError::Damaged("an exemplar is cut short"))?;
        *rest = tail;
        Ok(*bytes)
    }
    let rest = &mut payload;
    while !rest.is_empty() {
        let id = u32::try_from(take_varint(rest)?).map_err(|_| CodecError::Damaged("the id of a series"))?;
        let of = Named { id: SeriesId(id), check: u32::from_le_bytes(take(rest)?) };
        let t = take_signed(rest)?;
        let v = f64::from_bits(u64::from_le_bytes(take(rest)?));
        let length = usize::try_from(take_varint(rest)?).unwrap_or(usize::MAX);
        let (labels, tail) = rest.split_at_checked(length).ok_or(CodecError::Damaged("an exemplar is cut short"))?;
        *rest = tail;
        each(of, Exemplar::from_packed(labels, t, v).ok_or(CodecError::Damaged("the labels of an exemplar"))?);
    }
    Ok(())
}
