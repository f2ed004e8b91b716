//! The words of the data model: labels, series ids, samples and batches.
//!
//! A series is a metric name and its labels; both are one [`Labels`] value, the name under `__name__`. This module
//! knows nothing of where samples come from or how they are kept.

pub(crate) use crate::promql::shown;
pub use crate::promql::{Budget, Comparison, MatchOp, Matcher, Pattern, PatternError, Selector};
use std::fmt::{self, Write};
use std::hash::BuildHasher;
use std::sync::Arc;

use rustc_hash::{FxBuildHasher, FxHashSet};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

/// Milliseconds since the Unix epoch, UTC.
pub type TimestampMs = i64;

/// The label that holds the metric name.
pub const NAME_LABEL: &str = "__name__";
/// Longest label name, in bytes.
pub const MAX_LABEL_NAME_BYTES: usize = 1_024;
/// Longest label value, in bytes.
pub const MAX_LABEL_VALUE_BYTES: usize = 16_384;
/// Most labels of one series.
pub const MAX_LABELS: usize = 64;

/// The bit pattern with which Prometheus marks the end of a series.
pub const STALE_NAN_BITS: u64 = 0x7ff0_0000_0000_0002;

/// Whether a value is Prometheus' stale marker (a particular NaN).
#[must_use]
pub fn is_stale_marker(value: f64) -> bool {
    value.to_bits() == STALE_NAN_BITS
}

/// A series' number in the catalog; dense, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SeriesId(pub u32);

impl SeriesId {
    /// The id as an index into dense tables.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// One measured value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// When it was measured, ms UTC.
    pub t: TimestampMs,
    /// The value, kept bit for bit.
    pub v: f64,
}

/// Why a set of labels is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// There is no `__name__`, or it is empty.
    #[error("a series needs a metric name: label `__name__` is missing or empty")]
    NoName,
    /// A label name that is empty or too long.
    #[error("label name `{0}…` is empty or longer than {MAX_LABEL_NAME_BYTES} bytes")]
    BadName(String),
    /// The same label twice.
    #[error("label `{0}` is given twice; give it once")]
    Duplicate(String),
    /// A value that is too long.
    #[error("the value of label `{name}` has {bytes} bytes; at most {MAX_LABEL_VALUE_BYTES} are kept")]
    ValueTooLong {
        /// The label.
        name: String,
        /// Its length.
        bytes: usize,
    },
    /// Too many labels.
    #[error("the series has {0} labels; at most {MAX_LABELS} are kept")]
    TooMany(usize),
    /// Bytes that are not packed labels.
    #[error("the packed labels are damaged")]
    Damaged,
}

/// The labels of one series, sorted by name, without empty values; cheap to clone, compare and hash.
///
/// Packed as `len(name) name len(value) value …` with 16-bit little-endian lengths, so that equality and hashing work on
/// one run of bytes.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Labels(Arc<[u8]>);

impl Labels {
    /// Labels from pairs in any order. A label with an empty value is the same as none.
    ///
    /// # Errors
    /// [`LabelError`] says which label is wrong.
    pub fn new<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, LabelError> {
        let mut sorted: Vec<(&str, &str)> = pairs.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        sorted.sort_unstable();
        if sorted.len() > MAX_LABELS {
            return Err(LabelError::TooMany(sorted.len()));
        }
        if !sorted.iter().any(|(name, _)| *name == NAME_LABEL) {
            return Err(LabelError::NoName);
        }
        if let Some(twice) = sorted.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(LabelError::Duplicate(twice[0].0.to_owned()));
        }
        let mut packed = Vec::with_capacity(sorted.iter().map(|(n, v)| n.len() + v.len() + 4).sum());
        for (name, value) in sorted {
            if name.is_empty() || name.len() > MAX_LABEL_NAME_BYTES {
                return Err(LabelError::BadName(name.chars().take(64).collect()));
            }
            if value.len() > MAX_LABEL_VALUE_BYTES {
                return Err(LabelError::ValueTooLong { name: name.to_owned(), bytes: value.len() });
            }
            for text in [name, value] {
                packed.extend_from_slice(&(text.len() as u16).to_le_bytes());
                packed.extend_from_slice(text.as_bytes());
            }
        }
        Ok(Self(packed.into()))
    }

    /// The labels of metric `name` with the given others. For names and labels that the caller wrote itself.
    ///
    /// Values longer than [`MAX_LABEL_VALUE_BYTES`] are cut, so that a long mount point costs its tail and not the sample. A hash of
    /// the whole takes the place of the tail: two values that begin alike stay two.
    #[must_use]
    pub fn metric(name: &str, others: &[(&str, &str)]) -> Self {
        let cut = |value: &str| -> String {
            if value.len() <= MAX_LABEL_VALUE_BYTES {
                return value.to_owned();
            }
            let tail = format!("…{:016x}", FxBuildHasher.hash_one(value));
            format!("{}{tail}", &value[..value.floor_char_boundary(MAX_LABEL_VALUE_BYTES - tail.len())])
        };
        let pairs: Vec<(&str, String)> =
            std::iter::once((NAME_LABEL, name.to_owned())).chain(others.iter().map(|(n, v)| (*n, cut(v)))).collect();
        Self::new(pairs.iter().map(|(n, v)| (*n, v.as_str()))).unwrap_or_else(|error| {
            log::error!("labels of {name}: {error}");
            Self(Arc::from([]))
        })
    }

    /// The labels from their packed form.
    ///
    /// # Errors
    /// [`LabelError::Damaged`] when the bytes are not what [`Labels::as_bytes`] gives.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, LabelError> {
        let mut rest = bytes;
        while !rest.is_empty() {
            for _ in 0..2 {
                let (text, tail) = take_text(rest).ok_or(LabelError::Damaged)?;
                std::str::from_utf8(text).map_err(|_| LabelError::Damaged)?;
                rest = tail;
            }
        }
        Ok(Self(bytes.into()))
    }

    /// The packed form, as kept in the catalog.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether others hold them too, such as the index: these take no memory of their own then.
    pub(crate) fn are_shared(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }

    /// No labels: what an aggregation over everything leaves.
    #[must_use]
    pub fn none() -> Self {
        Self(Arc::from([]))
    }

    /// Labels of an answer, which need no metric name; those with an empty value are left out.
    #[must_use]
    pub fn of(mut pairs: Vec<(&str, &str)>) -> Self {
        pairs.retain(|(_, value)| !value.is_empty());
        pairs.sort_unstable();
        let mut packed = Vec::with_capacity(pairs.iter().map(|(n, v)| n.len() + v.len() + 4).sum());
        for text in pairs.into_iter().flat_map(|(name, value)| [name, value]) {
            let mut end = text.len().min(usize::from(u16::MAX));
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            packed.extend_from_slice(&(end as u16).to_le_bytes());
            packed.extend_from_slice(&text.as_bytes()[..end]);
        }
        Self(packed.into())
    }

    /// Without some of them.
    #[must_use]
    pub fn without(&self, names: &[&str]) -> Self {
        if self.iter().any(|(name, _)| names.contains(&name)) {
            Self::of(self.iter().filter(|(name, _)| !names.contains(name)).collect())
        } else {
            self.clone()
        }
    }

    /// Only some of them.
    #[must_use]
    pub fn only(&self, names: &[&str]) -> Self {
        Self::of(self.iter().filter(|(name, _)| names.contains(name)).collect())
    }

    /// With a label set, or removed by an empty value.
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> Self {
        Self::of(self.iter().filter(|(n, _)| *n != name).chain([(name, value)]).collect())
    }

    /// The order of answers: label by label.
    #[must_use]
    pub fn cmp_pairs(&self, other: &Self) -> std::cmp::Ordering {
        self.pairs().cmp(other.pairs())
    }

    /// As `{a="b", c="d"}`, the metric name among them.
    #[must_use]
    pub fn in_braces(&self) -> String {
        let named = |name: &str| if is_plain_name(name, false) { name.to_owned() } else { go_quoted(name) };
        let pairs: Vec<String> = self.iter().map(|(name, value)| format!("{}={}", named(name), go_quoted(value))).collect();
        format!("{{{}}}", pairs.join(", "))
    }

    /// Name and value of each label, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut rest: &[u8] = &self.0;
        std::iter::from_fn(move || {
            let (name, tail) = take_text(rest)?;
            let (value, tail) = take_text(tail)?;
            rest = tail;
            Some((std::str::from_utf8(name).ok()?, std::str::from_utf8(value).ok()?))
        })
    }

    /// Name and value of each label as bytes, sorted by name.
    pub fn pairs(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut rest: &[u8] = &self.0;
        std::iter::from_fn(move || {
            let (name, tail) = take_text(rest)?;
            let (value, tail) = take_text(tail)?;
            rest = tail;
            Some((name, value))
        })
    }

    /// Whether these are the labels, given by rising name and without empty values.
    #[must_use]
    #[inline]
    pub fn are(&self, pairs: &[(&[u8], &[u8])]) -> bool {
        let mut rest: &[u8] = &self.0;
        for (name, value) in pairs {
            for text in [name, value] {
                let Some((own, tail)) = take_text(rest) else { return false };
                if own != *text {
                    return false;
                }
                rest = tail;
            }
        }
        rest.is_empty()
    }

    /// The value of a label.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(n, _)| *n == name).map(|(_, v)| v)
    }

    /// The metric name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.get(NAME_LABEL).unwrap_or("")
    }
}

fn take_text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))
}

/// Whether a name may stand without quotes; in the name of a metric, colons may too.
#[must_use]
pub fn is_plain_name(name: &str, colons: bool) -> bool {
    let first = |b: u8| b.is_ascii_alphabetic() || b == b'_' || (colons && b == b':');
    name.bytes().next().is_some_and(first) && name.bytes().all(|b| first(b) || b.is_ascii_digit())
}

/// Text in double quotes as Go's `%q` has it.
#[must_use]
pub fn go_quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\x07' => out.push_str("\\a"),
            '\x08' => out.push_str("\\b"),
            '\x0b' => out.push_str("\\v"),
            '\x0c' => out.push_str("\\f"),
            c if u32::from(c) < 0x20 || u32::from(c) == 0x7f => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// As a selector that finds just this series: `name{a="b"}`, or `{"a name",a="b"}`.
impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name();
        let plain = name.is_empty() || is_plain_name(name, true);
        let quoted = (!plain).then(|| go_quoted(name));
        f.write_str(if plain { name } else { "" })?;
        let others = self.iter().filter(|(n, _)| *n != NAME_LABEL).map(|(name, value)| {
            let name = if is_plain_name(name, false) { name.to_owned() } else { go_quoted(name) };
            format!("{name}={}", go_quoted(value))
        });
        let inside: Vec<String> = quoted.into_iter().chain(others).collect();
        if inside.is_empty() { Ok(()) } else { write!(f, "{{{}}}", inside.join(",")) }
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Labels {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in self.iter() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de> serde::Deserialize<'de> for Labels {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let map = std::collections::BTreeMap::<String, String>::deserialize(deserializer)?;
        Self::new(map.iter().map(|(n, v)| (n.as_str(), v.as_str()))).map_err(serde::de::Error::custom)
    }
}

/// Samples on their way to the store, in columns: row `i` is `labels[i]`, `times[i]`, `values[i]`.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// The series of each row.
    pub labels: Vec<Labels>,
    /// The time of each row, ms UTC.
    pub times: Vec<TimestampMs>,
    /// The value of each row.
    pub values: Vec<f64>,
}

impl Batch {
    /// Adds one sample.
    pub fn push(&mut self, labels: Labels, t: TimestampMs, v: f64) {
        self.labels.push(labels);
        self.times.push(t);
        self.values.push(v);
    }

    /// How many samples there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether there is no sample.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// Takes the rows of another batch.
    pub fn extend(&mut self, other: Self) {
        self.labels.extend(other.labels);
        self.times.extend(other.times);
        self.values.extend(other.values);
    }

    /// Leaves out each row whose series has a row of the same time before it: which of the two is right nobody knows. Gives
    /// how many those were, and the series of the first.
    pub fn drop_repeated(&mut self) -> Option<(usize, Labels)> {
        let mut seen: FxHashSet<(&[u8], TimestampMs)> = FxHashSet::default();
        seen.reserve(self.len());
        let fresh: Vec<bool> = self.labels.iter().zip(&self.times).map(|(labels, t)| seen.insert((labels.as_bytes(), *t))).collect();
        let first = self.labels.get(fresh.iter().position(|fresh| !fresh)?)?.clone();
        let before = self.len();
        let mut keep = fresh.iter();
        self.labels.retain(|_| keep.next() == Some(&true));
        let mut keep = fresh.iter();
        self.times.retain(|_| keep.next() == Some(&true));
        let mut keep = fresh.iter();
        self.values.retain(|_| keep.next() == Some(&true));
        Some((before - self.len(), first))
    }

    /// The rows as labels and sample.
    pub fn rows(&self) -> impl Iterator<Item = (&Labels, Sample)> {
        self.labels.iter().zip(self.times.iter().zip(&self.values)).map(|(l, (&t, &v))| (l, Sample { t, v }))
    }
}

/// The samples of one series, by rising time; `times` and `values` have the same length.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Columns {
    /// Times, ms UTC, strictly rising.
    pub times: Vec<TimestampMs>,
    /// Values.
    pub values: Vec<f64>,
}

impl Columns {
    /// The rows.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Sample> + '_ {
        self.times.iter().zip(&self.values).map(|(&t, &v)| Sample { t, v })
    }
}

/// A float as Prometheus writes it in JSON and in its text format: shortest form, `NaN`, `+Inf`, `-Inf`.
#[must_use]
pub fn format_value(v: f64) -> String {
    let mut out = String::new();
    push_value(&mut out, v);
    out
}

/// As [`format_value`], behind what there is.
pub fn push_value(out: &mut String, v: f64) {
    let size = v.abs();
    if v.is_nan() {
        out.push_str("NaN");
    } else if v.is_infinite() {
        out.push_str(if v > 0.0 { "+Inf" } else { "-Inf" });
    } else if v == 0.0 || (1e-5..1e15).contains(&size) {
        // Here it writes no exponent.
        let mut buffer = zmij::Buffer::new();
        let text = buffer.format_finite(v);
        out.push_str(text.strip_suffix(".0").unwrap_or(text));
    } else if (1e-6..1e21).contains(&size) {
        // Writing into a string cannot fail.
        let _ = write!(out, "{v}");
    } else {
        // As Go writes it: a sign, and two digits at the least.
        let text = format!("{v:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |e| ('-', e));
        let _ = write!(out, "{digits}e{sign}{exponent:0>2}");
    }
}

/// A sample as the JSON of the Prometheus interface has it: `[1764000000.5,"0.61"]`.
pub fn push_point(out: &mut String, t: TimestampMs, v: f64) {
    out.push('[');
    push_seconds(out, t);
    out.push_str(",\"");
    push_value(out, v);
    out.push_str("\"]");
}

/// A time as Unix seconds with as many decimals as it needs.
pub fn push_seconds(out: &mut String, t: TimestampMs) {
    let (whole, part) = (t.unsigned_abs() / 1_000, t.unsigned_abs() % 1_000);
    let sign = if t < 0 { "-" } else { "" };
    let _ = write!(out, "{sign}{whole}");
    if part > 0 {
        let decimals = format!("{part:03}");
        let _ = write!(out, ".{}", decimals.trim_end_matches('0'));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_series_has_one_row_of_a_time_and_the_first_one_stays() {
        let mut batch = Batch::default();
        let series = |name| Labels::metric(name, &[("a", "b")]);
        for (name, t, v) in [("x", 1, 1.0), ("y", 1, 2.0), ("x", 2, 3.0)] {
            batch.push(series(name), t, v);
        }
        assert_eq!(batch.drop_repeated(), None);
        batch.push(series("x"), 1, 9.0);
        batch.push(series("y"), 1, 2.0);
        assert_eq!(batch.drop_repeated(), Some((2, series("x"))));
        assert_eq!((batch.times.as_slice(), batch.values.as_slice()), ([1, 1, 2].as_slice(), [1.0, 2.0, 3.0].as_slice()));
        assert_eq!(batch.labels.len(), 3);
    }

    proptest! {
        #[test]
        fn a_value_is_written_in_its_shortest_form_and_read_back_bit_for_bit(bits in any::<u64>(), decimal in -1e9..1e9f64, places in 0..7i32) {
            let rounded = (decimal * 10f64.powi(places)).round() / 10f64.powi(places);
            for v in [f64::from_bits(bits), decimal, rounded] {
                let text = format_value(v);
                if v.is_nan() {
                    prop_assert_eq!(text, "NaN");
                    continue;
                }
                prop_assert_eq!(text.parse::<f64>().unwrap().to_bits(), v.to_bits());
                if v == 0.0 || (1e-6..1e21).contains(&v.abs()) {
                    prop_assert_eq!(text, format!("{v}"));
                }
            }
        }

        #[test]
        fn a_time_is_written_as_the_float_of_its_seconds(t in -9_000_000_000_000..9_000_000_000_000i64) {
            let mut text = String::new();
            push_seconds(&mut text, t);
            prop_assert_eq!(text, format!("{}", t as f64 / 1e3));
        }
    }

    #[test]
    fn labels_are_equal_whatever_the_order_and_show_as_a_selector() {
        let a = Labels::new([("cpu", "0"), ("__name__", "up"), ("empty", "")]).unwrap();
        let b = Labels::new([("__name__", "up"), ("cpu", "0")]).unwrap();
        assert_eq!(a, b);
        assert_eq!(a.to_string(), r#"up{cpu="0"}"#);
        assert_eq!(Labels::from_bytes(a.as_bytes()).unwrap(), a);
        assert_eq!(serde_json::to_string(&a).unwrap(), r#"{"__name__":"up","cpu":"0"}"#);
    }

    #[test]
    fn bad_labels_say_which_and_why() {
        let long = "x".repeat(MAX_LABEL_VALUE_BYTES + 1);
        for (pairs, part) in [
            (vec![("a", "b")], "metric name"),
            (vec![("__name__", "m"), ("a", "1"), ("a", "2")], "`a` is given twice"),
            (vec![("__name__", "m"), ("a", &long)], "label `a` has 16385 bytes"),
        ] {
            let error = Labels::new(pairs).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
        assert_eq!(Labels::from_bytes(&[9, 0, b'x']), Err(LabelError::Damaged));
    }

    #[test]
    fn a_long_value_is_cut_at_a_character_and_stays_another_than_one_that_begins_alike() {
        let of = |tail: &str| Labels::metric("m", &[("path", &format!("{}{tail}", "é".repeat(MAX_LABEL_VALUE_BYTES)))]);
        let (a, b) = (of("a"), of("b"));
        assert!(a.get("path").is_some_and(|path| path.starts_with("éé") && path.len() > MAX_LABEL_VALUE_BYTES - 3), "{a}");
        assert!(a != b && a == of("a"));
    }

    #[test]
    fn values_are_written_as_prometheus_does() {
        for (v, text) in [
            (0.61, "0.61"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Inf"),
            (3.0, "3"),
            (1e-7, "1e-07"),
            (1.5e21, "1.5e+21"),
            (1e-300, "1e-300"),
        ] {
            assert_eq!(format_value(v), text);
        }
    }
}
