//! Loki's push requests in JSON: `{"streams":[{"stream":{"job":"x"},"values":[["1764000000000000000","a line",{"user":"7"}]]}]}`.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::fields::{Num, parts, soft};
use super::values::Text;
use crate::logs::push::PushError;
use crate::logs::record::TimeNs;
use crate::otlp::MAX_PARTS;
use crate::otlp::decode::shortened;

/// Names and values.
type Pairs<'a> = Vec<(Cow<'a, [u8]>, Cow<'a, [u8]>)>;

super::fields::borrowed_messages! {
    Request { "soft" streams: Vec<Stream<'a>>, }
    Stream { "soft" stream: Texts<'a>, "soft" values: Vec<Entry<'a>>, }
}

/// A line.
pub(crate) struct Entry<'a> {
    pub(crate) time: TimeNs,
    pub(crate) line: Cow<'a, [u8]>,
    pub(crate) metadata: Pairs<'a>,
}

/// An object of texts.
#[derive(Default)]
pub(crate) struct Texts<'a>(pub(crate) Pairs<'a>);

/// Decodes a request.
pub(crate) fn decode(bytes: &[u8]) -> Result<Vec<Stream<'_>>, PushError> {
    if parts(bytes) > MAX_PARTS {
        return Err(PushError::TooLarge);
    }
    let malformed = |why: String| PushError::Malformed { what: "push request of Loki", why };
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return Err(malformed("an object is expected, `{\"streams\":[…]}`".to_owned()));
    }
    let request: Request<'_> = serde_json::from_slice(bytes).map_err(|error| malformed(shortened(&error)))?;
    Ok(request.streams)
}

impl<'de: 'a, 'a> Deserialize<'de> for Texts<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Pairs<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of strings")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut out = Vec::new();
                while let Some((name, value)) = map.next_entry::<Text<'de>, Option<Text<'de>>>()? {
                    out.push((name.0, value.unwrap_or_default().0));
                }
                Ok(out)
            }
        }

        deserializer.deserialize_map(Object).map(Texts)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Entry<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;

        impl<'de> Visitor<'de> for List {
            type Value = Entry<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("[\"nanoseconds\", \"line\"] or [\"nanoseconds\", \"line\", {…}]")
            }

            fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<Self::Value, S::Error> {
                let time: Num<i64> = list.next_element()?.ok_or_else(|| S::Error::invalid_length(0, &self))?;
                let line: Text<'de> = list.next_element()?.ok_or_else(|| S::Error::invalid_length(1, &self))?;
                let metadata: Option<Option<Texts<'de>>> = list.next_element()?;
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Entry { time: time.0, line: line.0, metadata: metadata.flatten().unwrap_or_default().0 })
            }
        }

        deserializer.deserialize_seq(List)
    }
}
