//! Exemplars: single measurements behind a sample of a series, with labels that refer to more about it, mostly a trace.
//!
//! An exemplar that cannot be kept is dropped and counted by its [`Fault`]; its sample is kept all the same. Labels are packed: common
//! names take one byte, ids in hex half of their text.

use crate::codec::{push_varint, take_varint};
use crate::model::{TimestampMs, hex};

/// Most characters of the names and values of an exemplar's labels together, by OpenMetrics 1.0.
pub const MAX_CHARACTERS: usize = 128;
/// Most exemplars of one request; further ones are dropped.
pub const MAX_OF_REQUEST: usize = 10_000;

/// Names that take one byte. Packed labels are on the disk: new names go to the end.
const KNOWN: [&str; 6] = ["trace_id", "span_id", "traceID", "spanID", "TraceID", "SpanID"];

/// Why an exemplar is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It cannot be read, or has a label twice.
    Malformed,
    /// Its labels have more than [`MAX_CHARACTERS`].
    TooLong,
    /// Its value is NaN.
    NotANumber,
    /// Older than the retention of its series.
    TooOld,
    /// Further ahead of the clock than allowed.
    TooFarAhead,
    /// Its series is not known.
    NoSeries,
    /// Beyond what is taken of a request, or no exemplars are kept at all.
    TooMany,
    /// The disk did not take it.
    NotWritten,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Malformed,
        Self::TooLong,
        Self::NotANumber,
        Self::TooOld,
        Self::TooFarAhead,
        Self::NoSeries,
        Self::TooMany,
        Self::NotWritten,
    ];

    /// As a label value.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::TooLong => "too_long",
            Self::NotANumber => "not_a_number",
            Self::TooOld => "too_old",
            Self::TooFarAhead => "too_far_ahead",
            Self::NoSeries => "no_series",
            Self::TooMany => "too_many",
            Self::NotWritten => "not_written",
        }
    }
}

/// How many exemplars were dropped, by [`Fault::ALL`].
pub type Dropped = [u64; Fault::ALL.len()];

/// A measurement with its labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Exemplar {
    labels: Box<[u8]>,
    /// When it was measured, ms UTC.
    pub t: TimestampMs,
    /// What was measured.
    pub v: f64,
}

impl Exemplar {
    /// An exemplar with labels in any order. A label with an empty value is the same as none.
    ///
    /// # Errors
    /// The [`Fault`] that keeps it from being one.
    pub fn new<'a>(labels: impl IntoIterator<Item = (&'a str, &'a str)>, t: TimestampMs, v: f64) -> Result<Self, Fault> {
        if v.is_nan() {
            return Err(Fault::NotANumber);
        }
        let mut pairs: Vec<(&str, &str)> = labels.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        if characters(pairs.iter().copied()) > MAX_CHARACTERS {
            return Err(Fault::TooLong);
        }
        pairs.sort_unstable();
        if pairs.iter().any(|(name, _)| name.is_empty()) || pairs.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return Err(Fault::Malformed);
        }
        let mut packed = Vec::new();
        for (name, value) in pairs {
            push_name(&mut packed, name);
            push_value(&mut packed, value);
        }
        Ok(Self { labels: packed.into(), t, v })
    }

    /// Names and values of its labels, by name.
    #[must_use]
    pub fn labels(&self) -> Vec<(String, String)> {
        unpack(&self.labels).unwrap_or_default()
    }

    /// Its labels in packed form.
    pub(crate) fn packed(&self) -> &[u8] {
        &self.labels
    }

    /// An exemplar from packed labels; none where they are damaged.
    pub(crate) fn from_packed(labels: &[u8], t: TimestampMs, v: f64) -> Option<Self> {
        unpack(labels)?;
        Some(Self { labels: labels.into(), t, v })
    }

    /// Whether it is the same measurement as another one: a target repeats its newest exemplar at each scrape.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.v.to_bits() == other.v.to_bits() && self.labels == other.labels
    }
}

/// Characters of names and values together.
pub(crate) fn characters<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> usize {
    pairs.map(|(name, value)| name.chars().count() + value.chars().count()).sum()
}

fn push_name(out: &mut Vec<u8>, name: &str) {
    if let Some(known) = KNOWN.iter().position(|known| *known == name) {
        push_varint(out, known as u64);
    } else {
        // Room for further known names.
        push_varint(out, name.len() as u64 + 16);
        out.extend_from_slice(name.as_bytes());
    }
}

/// An id in hex is written as its bytes.
fn push_value(out: &mut Vec<u8>, value: &str) {
    let digit = |byte: u8| (byte as char).to_digit(16).filter(|_| !byte.is_ascii_uppercase()).and_then(|digit| u8::try_from(digit).ok());
    let pair = |pair: &[u8]| Some(digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?);
    match value.as_bytes().chunks(2).map(pair).collect::<Option<Vec<u8>>>() {
        Some(bytes) => {
            push_varint(out, (bytes.len() as u64) << 1 | 1);
            out.extend(bytes);
        }
        None => {
            push_varint(out, (value.len() as u64) << 1);
            out.extend_from_slice(value.as_bytes());
        }
    }
}

fn unpack(mut packed: &[u8]) -> Option<Vec<(String, String)>> {
    let rest = &mut packed;
    let mut pairs = Vec::new();
    while !rest.is_empty() {
        let name = match take_varint(rest).ok()? {
            known @ 0..16 => (*KNOWN.get(usize::try_from(known).ok()?)?).to_owned(),
            length => take_text(rest, length - 16)?,
        };
        let length = take_varint(rest).ok()?;
        let value = if length & 1 == 1 { hex(take_bytes(rest, length >> 1)?) } else { take_text(rest, length >> 1)? };
        pairs.push((name, value));
    }
    Some(pairs)
}

fn take_bytes<'a>(rest: &mut &'a [u8], length: u64) -> Option<&'a [u8]> {
    let (bytes, tail) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    *rest = tail;
    Some(bytes)
}

fn take_text(rest: &mut &[u8], length: u64) -> Option<String> {
    take_bytes(rest, length).and_then(|bytes| String::from_utf8(bytes.to_vec()).ok())
}

/// Exemplars on their way to the store, each with what names its series, and how many were dropped so far.
#[derive(Debug, Clone)]
pub struct ExemplarBatch<S> {
    /// Those to keep.
    pub list: Vec<(S, Exemplar)>,
    /// Those that were dropped.
    pub dropped: Dropped,
}

impl<S> Default for ExemplarBatch<S> {
    fn default() -> Self {
        Self { list: Vec::new(), dropped: Dropped::default() }
    }
}

impl<S> ExemplarBatch<S> {
    /// Adds one of a series, or counts why there is none.
    pub fn push(&mut self, series: S, exemplar: Result<Exemplar, Fault>) {
        match exemplar {
            Ok(_) if self.list.len() >= MAX_OF_REQUEST => self.drop_one(Fault::TooMany),
            Ok(exemplar) => self.list.push((series, exemplar)),
            Err(fault) => self.drop_one(fault),
        }
    }

    /// Counts one that is not kept.
    pub fn drop_one(&mut self, fault: Fault) {
        self.dropped[fault as usize] += 1;
    }

    /// Adds those of another batch.
    pub fn extend(&mut self, other: Self) {
        other.list.into_iter().for_each(|(series, exemplar)| self.push(series, Ok(exemplar)));
        self.dropped.iter_mut().zip(other.dropped).for_each(|(count, more)| *count += more);
    }

    /// Whether there is none, and none was dropped.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty() && self.dropped == Dropped::default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn labels_are_bounded_and_unique_and_values_are_numbers() {
        let long = "é".repeat(MAX_CHARACTERS - 8);
        for (labels, v, outcome) in [
            (vec![("trace_id", "0af7651916cd43dd8448eb211c80319c")], 0.5, None),
            (vec![], -1.0, None),
            (vec![("a", ""), ("a", "1")], f64::INFINITY, None),
            (vec![("trace_id", long.as_str())], 1.0, None),
            (vec![("trace_id", long.as_str()), ("b", "1")], 1.0, Some(Fault::TooLong)),
            (vec![("a", "2"), ("a", "1")], 1.0, Some(Fault::Malformed)),
            (vec![("", "2")], 1.0, Some(Fault::Malformed)),
            (vec![("a", "1")], f64::NAN, Some(Fault::NotANumber)),
        ] {
            assert_eq!(Exemplar::new(labels.clone(), 7, v).err(), outcome, "{labels:?}");
        }
    }

    #[test]
    fn ids_take_half_of_their_text_and_each_value_stays_as_it_is() {
        let labels = [("span_id", "b7ad6b7169203331"), ("trace_id", "0af7651916cd43dd8448eb211c80319c")];
        let exemplar = Exemplar::new(labels, 7, 0.5).unwrap();
        assert_eq!(exemplar.packed().len(), 2 + 8 + 2 + 16);
        assert_eq!(exemplar.labels(), labels.map(|(name, value)| (name.to_owned(), value.to_owned())));
        for value in ["ABCD", "abc", "0g", "", "ünï", "00", "deadbeef "] {
            let exemplar = Exemplar::new([("x", value)], 7, 0.5).unwrap();
            let expected: Vec<_> = [("x".to_owned(), value.to_owned())].into_iter().filter(|(_, value)| !value.is_empty()).collect();
            assert_eq!(exemplar.labels(), expected);
        }
    }

    proptest! {
        #[test]
        fn packed_labels_come_back_and_any_bytes_are_read_without_a_panic(
            pairs in prop::collection::btree_map("[a-zA-Z_é]{1,12}", "[0-9a-fA-F ü]{1,20}", 0..3),
            bytes in prop::collection::vec(any::<u8>(), 0..60),
        ) {
            let exemplar = Exemplar::new(pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())), 1, 2.0).unwrap();
            prop_assert_eq!(exemplar.labels(), pairs.into_iter().collect::<Vec<_>>());
            prop_assert_eq!(Exemplar::from_packed(exemplar.packed(), 1, 2.0), Some(exemplar));
            let _ = Exemplar::from_packed(&bytes, 0, 0.0);
        }
    }
}
