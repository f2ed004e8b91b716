//! The labels of a series.

use std::fmt;
use std::hash::BuildHasher;
use std::sync::Arc;

use rustc_hash::FxBuildHasher;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::text::{go_quoted, is_plain_name};

/// The label that holds the metric name.
pub const NAME_LABEL: &str = "__name__";
/// Longest label name, in bytes.
pub const MAX_LABEL_NAME_BYTES: usize = 1_024;
/// Longest label value, in bytes.
pub const MAX_LABEL_VALUE_BYTES: usize = 16_384;
/// Most labels of one series.
pub const MAX_LABELS: usize = 64;

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
    /// A name or value that is not text.
    #[error("a label is not UTF-8")]
    NotUtf8,
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

    /// As [`Labels::new`], from the bytes of a request.
    ///
    /// # Errors
    /// [`LabelError`] says which label is wrong.
    pub fn from_pairs(pairs: &[(&[u8], &[u8])]) -> Result<Self, LabelError> {
        let text = |bytes| std::str::from_utf8(bytes).map_err(|_| LabelError::NotUtf8);
        let texts = pairs.iter().map(|(name, value)| Ok((text(name)?, text(value)?)));
        Self::new(texts.collect::<Result<Vec<_>, LabelError>>()?)
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
        // Also without a name: the result of a query has none.
        Ok(Self::of(map.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_without_a_name_are_read_back() {
        for labels in [Labels::none(), Labels::of(vec![("host", "a")]), Labels::metric("up", &[("cpu", "0")])] {
            let text = serde_json::to_string(&labels).unwrap();
            assert_eq!(serde_json::from_str::<Labels>(&text).unwrap(), labels, "{text}");
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
}
