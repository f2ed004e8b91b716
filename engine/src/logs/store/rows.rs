//! Lines in columns, as they lie in memory: in the head, and in a block that was read.

use super::shared::Shared;
use crate::codec::{CodecError, push_varint, take_varint};
use crate::logs::record::{Record, Severity, TimeNs};
use crate::model::hex;

/// Bytes that a row takes beside its text.
pub(crate) const ROW_BYTES: usize = 8 + 1 + 4 + 4;
pub(crate) const HAS_TRACE: u8 = 1;
pub(crate) const HAS_SPAN: u8 = 2;
/// What is known of a line that has neither attributes nor trace nor span takes no bytes.
const NOTHING: &[u8] = &[];

/// Lines in the order in which they came, or by time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Rows {
    pub(crate) times: Vec<TimeNs>,
    pub(crate) severities: Vec<u8>,
    /// Where each body ends in `bodies`.
    pub(crate) body_ends: Vec<u32>,
    pub(crate) bodies: Vec<u8>,
    /// Bytes between two bodies.
    pub(crate) gap: u32,
    /// Where the details of each row end in `details`; shorter where the last rows have none.
    pub(crate) detail_ends: Vec<u32>,
    pub(crate) details: Vec<u8>,
    /// What several rows have in common.
    pub(crate) shared: Shared,
}

/// One line. `details` are attributes, trace and span, as [`push_details`] writes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row<'a> {
    pub(crate) time: TimeNs,
    pub(crate) severity: Severity,
    pub(crate) body: &'a [u8],
    pub(crate) details: &'a [u8],
    /// What it has in common with others of its stream; empty for lines.
    pub(crate) shared: &'a [u8],
}

/// Details in parts.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Details<'a> {
    pub(crate) trace: [u8; 16],
    pub(crate) span: [u8; 8],
    pub(crate) attributes: Vec<(&'a str, &'a str)>,
}

impl Rows {
    pub(crate) fn len(&self) -> usize {
        self.times.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// Bytes of bodies and details.
    pub(crate) fn text(&self) -> usize {
        self.bodies.len() + self.details.len() + self.shared.bytes()
    }

    /// Bytes of memory, about.
    pub(crate) fn memory(&self) -> usize {
        self.text() + self.len() * ROW_BYTES
    }

    pub(crate) fn push(&mut self, row: Row<'_>) {
        self.times.push(row.time);
        self.severities.push(row.severity.0);
        self.bodies.extend_from_slice(row.body);
        // A part is far below 4 GiB: the head is sealed long before, and a request is bounded.
        self.body_ends.push(self.bodies.len() as u32);
        if !row.details.is_empty() {
            self.detail_ends.resize(self.len() - 1, self.details.len() as u32);
            self.details.extend_from_slice(row.details);
            self.detail_ends.push(self.details.len() as u32);
        }
        self.shared.push(self.times.len() - 1, row.shared);
    }

    /// Gives back memory that no row uses.
    pub(crate) fn shrink(&mut self) {
        self.times.shrink_to_fit();
        self.severities.shrink_to_fit();
        self.body_ends.shrink_to_fit();
        self.bodies.shrink_to_fit();
        self.detail_ends.shrink_to_fit();
        self.details.shrink_to_fit();
        self.shared.shrink();
    }

    pub(crate) fn body(&self, row: usize) -> &[u8] {
        let end = self.body_ends.get(row).map_or(0, |end| *end as usize);
        let start = row.checked_sub(1).and_then(|before| self.body_ends.get(before)).map_or(0, |start| (*start + self.gap) as usize);
        self.bodies.get(start..end).unwrap_or(NOTHING)
    }

    pub(crate) fn details(&self, row: usize) -> &[u8] {
        let Some(end) = self.detail_ends.get(row) else { return NOTHING };
        let start = row.checked_sub(1).and_then(|before| self.detail_ends.get(before)).map_or(0, |start| *start as usize);
        self.details.get(start..*end as usize).unwrap_or(NOTHING)
    }

    pub(crate) fn row(&self, row: usize) -> Row<'_> {
        let severity = Severity(self.severities.get(row).copied().unwrap_or(0));
        Row { time: self.times[row], severity, body: self.body(row), details: self.details(row), shared: self.shared.of(row) }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Row<'_>> {
        (0..self.len()).map(|row| self.row(row))
    }

    /// The earliest and the latest time; `None` without rows.
    pub(crate) fn span(&self) -> Option<(TimeNs, TimeNs)> {
        let first = self.times.iter().min()?;
        Some((*first, *self.times.iter().max()?))
    }
}

/// Appends what is known of a record beside time, severity and body.
pub(crate) fn push_details(out: &mut Vec<u8>, record: &Record) {
    let (trace, span) = (record.trace != [0; 16], record.span != [0; 8]);
    if !trace && !span && record.attributes.is_empty() {
        return;
    }
    out.push(u8::from(trace) * HAS_TRACE + u8::from(span) * HAS_SPAN);
    if trace {
        out.extend_from_slice(&record.trace);
    }
    if span {
        out.extend_from_slice(&record.span);
    }
    push_varint(out, record.attributes.len() as u64);
    for text in record.attributes.iter().flat_map(|(name, value)| [name, value]) {
        push_bytes(out, text.as_bytes());
    }
}

/// Reads what [`push_details`] wrote.
///
/// # Errors
/// [`CodecError`] for anything else.
pub(crate) fn read_details(bytes: &[u8]) -> Result<Details<'_>, CodecError> {
    let mut details = Details::default();
    let Some((&flags, mut rest)) = bytes.split_first() else { return Ok(details) };
    if flags & HAS_TRACE != 0 {
        details.trace = take_array(&mut rest)?;
    }
    if flags & HAS_SPAN != 0 {
        details.span = take_array(&mut rest)?;
    }
    let count = take_varint(&mut rest)? as usize;
    if count > rest.len() {
        return Err(CodecError::Damaged("more attributes than bytes"));
    }
    details.attributes.reserve(count);
    for _ in 0..count {
        let name = take_text(&mut rest)?;
        details.attributes.push((name, take_text(&mut rest)?));
    }
    if rest.is_empty() { Ok(details) } else { Err(CodecError::Damaged("bytes after the attributes")) }
}

/// Passes what the label `trace_id` of a line may be: its trace, and attributes that may be of that name.
///
/// # Errors
/// [`CodecError`] for anything that is no details.
pub(super) fn each_trace(bytes: &[u8], mut each: impl FnMut(&[u8])) -> Result<(), CodecError> {
    let Some((&flags, mut rest)) = bytes.split_first() else { return Ok(()) };
    if flags & HAS_TRACE != 0 {
        each(hex(&take_array::<16>(&mut rest)?).as_bytes());
    }
    if flags & HAS_SPAN != 0 {
        take_array::<8>(&mut rest)?;
    }
    for _ in 0..take_varint(&mut rest)? {
        let (name, value) = (take_bytes(&mut rest)?, take_bytes(&mut rest)?);
        // A query writes `trace_id` for `trace.id` and the like.
        if memchr::memmem::find(name, b"trace").is_some() {
            each(value);
        }
    }
    Ok(())
}

pub(crate) fn take_array<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], CodecError> {
    let (array, rest) = bytes.split_first_chunk().ok_or(CodecError::Damaged("too short"))?;
    *bytes = rest;
    Ok(*array)
}

/// Takes bytes with their length before them.
pub(crate) fn take_bytes<'a>(bytes: &mut &'a [u8]) -> Result<&'a [u8], CodecError> {
    let length = usize::try_from(take_varint(bytes)?).unwrap_or(usize::MAX);
    let (taken, rest) = bytes.split_at_checked(length).ok_or(CodecError::Damaged("too short"))?;
    *bytes = rest;
    Ok(taken)
}

/// Appends bytes with their length before them.
pub(crate) fn push_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    push_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn take_text<'a>(bytes: &mut &'a [u8]) -> Result<&'a str, CodecError> {
    std::str::from_utf8(take_bytes(bytes)?).map_err(|_| CodecError::Damaged("an attribute is not text"))
}
