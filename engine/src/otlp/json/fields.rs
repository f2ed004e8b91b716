//! Reading fields of OTLP/JSON: numbers that may be text, `null` that is a missing field, objects that are no lists.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};

use crate::exposition;

/// Counts objects and lists by their brackets outside of text.
pub(super) fn parts(bytes: &[u8]) -> usize {
    let (mut count, mut in_text, mut escaped) = (0, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'{' | b'[' if !in_text => count += 1,
            _ => {}
        }
    }
    count
}

/// Visits a number, written as a number or as text.
struct Number<T>(PhantomData<T>);

impl<T: Numeric> Visitor<'_> for Number<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::WHAT)
    }

    fn visit_u64<E: Error>(self, v: u64) -> Result<T, E> {
        T::of_integer(i128::from(v)).ok_or_else(|| E::invalid_value(Unexpected::Unsigned(v), &self))
    }

    fn visit_i64<E: Error>(self, v: i64) -> Result<T, E> {
        T::of_integer(i128::from(v)).ok_or_else(|| E::invalid_value(Unexpected::Signed(v), &self))
    }

    fn visit_f64<E: Error>(self, v: f64) -> Result<T, E> {
        T::of_float(v).ok_or_else(|| E::invalid_value(Unexpected::Float(v), &self))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        let integer = || text.parse::<i128>().ok().and_then(T::of_integer);
        let float = || exposition::parse_number(text).and_then(T::of_float);
        integer().or_else(float).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}

pub(crate) trait Numeric: Sized {
    const WHAT: &'static str;
    fn of_integer(v: i128) -> Option<Self>;
    fn of_float(v: f64) -> Option<Self>;
}

macro_rules! integers {
    ($($type:ident $what:literal),*) => {$(
        impl Numeric for $type {
            const WHAT: &'static str = $what;
            fn of_integer(v: i128) -> Option<Self> {
                v.try_into().ok()
            }
            /// `1e3` and `5.0` are whole numbers too.
            fn of_float(v: f64) -> Option<Self> {
                (v.fract() == 0.0 && v.abs() < 9e18).then_some(v as i128).and_then(Self::of_integer)
            }
        }
    )*};
}

integers! { i32 "a whole number of 32 bits", u32 "a whole number of 32 bits, not below 0", i64 "a whole number of 64 bits", u64 "a whole number of 64 bits, not below 0" }

impl Numeric for f64 {
    const WHAT: &'static str = "a number, \"NaN\", \"Infinity\" or \"-Infinity\"";
    fn of_integer(v: i128) -> Option<Self> {
        Some(v as Self)
    }
    fn of_float(v: f64) -> Option<Self> {
        Some(v)
    }
}

/// A number in a list or alone.
pub(crate) struct Num<T>(pub(crate) T);

impl<'de, T: Numeric> Deserialize<'de> for Num<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Number(PhantomData)).map(Num)
    }
}

/// Reads `null` as the default.
pub(crate) fn soft<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// Reads a number; `null` is 0.
pub(crate) fn number<'de, D: Deserializer<'de>, T: Numeric + Default>(deserializer: D) -> Result<T, D::Error> {
    Ok(optional(deserializer)?.unwrap_or_default())
}

/// Reads a number that may be missing.
pub(crate) fn optional<'de, D: Deserializer<'de>, T: Numeric>(deserializer: D) -> Result<Option<T>, D::Error> {
    Ok(Option::<Num<T>>::deserialize(deserializer)?.map(|n| n.0))
}

/// Reads a list of numbers.
pub(crate) fn numbers<'de, D: Deserializer<'de>, T: Numeric>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Ok(Option::<Vec<Num<T>>>::deserialize(deserializer)?.unwrap_or_default().into_iter().map(|n| n.0).collect())
}

/// Reads a message from an object alone: serde would take a list of its fields as well.
pub(crate) struct ObjectOnly<D>(pub(crate) D);

impl<'de, D: Deserializer<'de>> Deserializer<'de> for ObjectOnly<D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_map(visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct seq
        tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// Declares the messages: each field with the function that reads it.
macro_rules! messages {
    ($($name:ident { $($with:literal $field:ident: $type:ty,)* })*) => {$(
        #[derive(Default, serde::Deserialize)]
        #[serde(rename_all = "camelCase", default, remote = "Self")]
        struct $name { $(#[serde(deserialize_with = $with)] $field: $type,)* }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::deserialize(ObjectOnly(deserializer))
            }
        }
    )*};
}

/// Declares messages whose texts are borrowed from the request, with the lifetime `'a`.
macro_rules! borrowed_messages {
    ($($name:ident { $($with:literal $field:ident: $type:ty,)* })*) => {$(
        #[derive(Default, serde::Deserialize)]
        #[serde(rename_all = "camelCase", default, remote = "Self", bound(deserialize = "'de: 'a"))]
        pub(crate) struct $name<'a> { $(#[serde(deserialize_with = $with)] pub(crate) $field: $type,)* }

        impl<'de: 'a, 'a> Deserialize<'de> for $name<'a> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::deserialize($crate::otlp::json::fields::ObjectOnly(deserializer))
            }
        }
    )*};
}

pub(crate) use {borrowed_messages, messages};
