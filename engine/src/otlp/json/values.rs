//! Values, attributes, resources and scopes of OTLP/JSON, borrowed from the request.
//!
//! Text is read as bytes: invalid UTF-8 and halves of surrogate pairs, which real clients send where they cut a text, cost no request.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use super::fields::{Num, soft};
use crate::otlp::messages::Attributed;
use crate::otlp::value::{Any, Attribute, from_base64, id_of_text};

/// A text, as bytes.
#[derive(Default)]
pub(crate) struct Text<'a>(pub(crate) Cow<'a, [u8]>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;

        impl<'de> Visitor<'de> for Bytes {
            type Value = Cow<'de, [u8]>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_bytes<E: Error>(self, bytes: &'de [u8]) -> Result<Self::Value, E> {
                Ok(Cow::Borrowed(bytes))
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
                Ok(Cow::Owned(bytes.to_vec()))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                self.visit_bytes(text.as_bytes())
            }
        }

        deserializer.deserialize_bytes(Bytes).map(Text)
    }
}

/// Reads a text; `null` is an empty one.
pub(crate) fn text<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'a, [u8]>, D::Error> {
    Ok(soft::<D, Text<'a>>(deserializer)?.0)
}

/// Reads an id, hex or base64; what is neither is none.
pub(crate) fn id<'de, D: Deserializer<'de>, const N: usize>(deserializer: D) -> Result<Option<[u8; N]>, D::Error> {
    Ok(id_of_text(&text(deserializer)?))
}

#[derive(serde::Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum Kind {
    StringValue,
    BoolValue,
    IntValue,
    DoubleValue,
    ArrayValue,
    KvlistValue,
    BytesValue,
    #[serde(other)]
    Other,
}

/// A list within an object.
struct Several<T>(Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Several<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(field_identifier, rename_all = "camelCase")]
        enum Field {
            Values,
            #[serde(other)]
            Other,
        }

        struct Object<T>(std::marker::PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Object<T> {
            type Value = Vec<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with `values`")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Vec<T>, M::Error> {
                let mut out = Vec::new();
                while let Some(field) = map.next_key()? {
                    match field {
                        Field::Values => out = map.next_value::<Option<Vec<T>>>()?.unwrap_or_default(),
                        Field::Other => _ = map.next_value::<IgnoredAny>()?,
                    }
                }
                Ok(out)
            }
        }

        deserializer.deserialize_map(Object(std::marker::PhantomData)).map(Several)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Any<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Any<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value, as {\"stringValue\":\"…\"}")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Any<'de>, M::Error> {
                let mut out = Any::None;
                while let Some(kind) = map.next_key()? {
                    let read = match kind {
                        Kind::StringValue => map.next_value::<Option<Text<'de>>>()?.map(|text| Any::Text(text.0)),
                        Kind::BoolValue => map.next_value::<Option<bool>>()?.map(Any::Bool),
                        Kind::IntValue => map.next_value::<Option<Num<i64>>>()?.map(|n| Any::Int(n.0)),
                        Kind::DoubleValue => map.next_value::<Option<Num<f64>>>()?.map(|n| Any::Double(n.0)),
                        Kind::ArrayValue => map.next_value::<Option<Several<Any<'de>>>>()?.map(|list| Any::List(list.0)),
                        Kind::KvlistValue => map.next_value::<Option<Several<Attribute<'de>>>>()?.map(|map| Any::Map(map.0)),
                        // What is no base64 stays as it came.
                        Kind::BytesValue => map.next_value::<Option<Text<'de>>>()?.map(|text| match from_base64(&text.0) {
                            Some(bytes) => Any::Bytes(Cow::Owned(bytes)),
                            None => Any::Text(text.0),
                        }),
                        Kind::Other => {
                            map.next_value::<IgnoredAny>()?;
                            None
                        }
                    };
                    out = read.unwrap_or(out);
                }
                Ok(out)
            }
        }

        deserializer.deserialize_map(Object)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Attribute<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(field_identifier, rename_all = "camelCase")]
        enum Field {
            Key,
            Value,
            #[serde(other)]
            Other,
        }

        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Attribute<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an attribute, as {\"key\":\"…\",\"value\":{…}}")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Attribute<'de>, M::Error> {
                let mut out = Attribute::default();
                while let Some(field) = map.next_key()? {
                    match field {
                        Field::Key => out.key = map.next_value::<Option<Text<'de>>>()?.unwrap_or_default().0,
                        Field::Value => out.value = map.next_value::<Option<Any<'de>>>()?.unwrap_or_default(),
                        Field::Other => _ = map.next_value::<IgnoredAny>()?,
                    }
                }
                Ok(out)
            }
        }

        deserializer.deserialize_map(Object)
    }
}

super::fields::borrowed_messages! {
    Described { "text" name: Cow<'a, [u8]>, "text" version: Cow<'a, [u8]>, "soft" attributes: Vec<Attribute<'a>>, }
}

/// Reads a resource or a scope.
pub(crate) fn attributed<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Attributed<'a>, D::Error> {
    let Described { name, version, attributes } = soft(deserializer)?;
    Ok(Attributed { name, version, attributes })
}
