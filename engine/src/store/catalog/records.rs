//! Keys of events and documents, and their changes as records of `catalog.log`.

use super::*;

/// Encodes the changes of a record.
pub(in crate::store) fn encode(changes: &[Change]) -> Vec<u8> {
    let mut out = Vec::new();
    for Change { key, value } in changes {
        push_varint(&mut out, key.len() as u64);
        out.extend_from_slice(key);
        push_varint(&mut out, value.as_ref().map_or(0, |value| value.len() as u64 + 1));
        out.extend_from_slice(value.as_deref().unwrap_or_default());
    }
    out
}

/// Decodes the changes of a record.
///
/// # Errors
/// [`CodecError`] if it is damaged.
pub(in crate::store) fn decode(mut payload: &[u8]) -> Result<Vec<Change>, CodecError> {
    let mut changes = Vec::new();
    let take = |rest: &mut &[u8], len: u64| -> Result<Vec<u8>, CodecError> {
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        let (bytes, tail) = rest.split_at_checked(len).ok_or(CodecError::Damaged("a change is cut short"))?;
        *rest = tail;
        Ok(bytes.to_vec())
    };
    while !payload.is_empty() {
        let len = take_varint(&mut payload)?;
        let key = take(&mut payload, len)?;
        if !matches!(key.first(), Some(&EVENT | &DOCUMENT)) {
            return Err(CodecError::Damaged("a change of neither an event nor a document"));
        }
        let len = take_varint(&mut payload)?;
        let value = if len == 0 { None } else { Some(take(&mut payload, len - 1)?) };
        changes.push(Change { key, value });
    }
    Ok(changes)
}

/// Lower bound of the keys of events at a time.
pub(super) fn event_key(at: TimestampMs) -> Vec<u8> {
    let mut key = vec![EVENT];
    key.extend_from_slice(&((at as u64) ^ (1 << 63)).to_be_bytes());
    key
}

pub(super) fn document_key(kind: &str, key: &str) -> Vec<u8> {
    let mut bytes = vec![DOCUMENT];
    bytes.extend_from_slice(kind.as_bytes());
    bytes.push(0);
    bytes.extend_from_slice(key.as_bytes());
    bytes
}
