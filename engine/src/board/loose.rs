//! Tolerant reading of JSON.
//!
//! Every field accepts every value and remembers its type, so that [`super::parse`] can report where a wrong one is; a derived `Deserialize` would stop with a line and a column. What is not needed (descriptions, details, metadata)
//! is skipped without being kept, at any depth.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A type that can be read from any JSON value. Unexpected types end in [`Loose::other`].
trait Loose<'de>: Sized {
    fn other(kind: &'static str) -> Self;

    fn null() -> Self {
        Self::other("null")
    }

    fn text(_: Cow<'de, str>) -> Self {
        Self::other("a text")
    }

    fn number(_: impl fmt::Display) -> Self {
        Self::other("a number")
    }

    fn items<A: SeqAccess<'de>>(mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self::other("an array"))
    }

    fn fields<A: MapAccess<'de>>(mut fields: A) -> Result<Self, A::Error> {
        while fields.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Self::other("an object"))
    }
}

struct Any<T>(PhantomData<T>);

impl<'de, T: Loose<'de>> Visitor<'de> for Any<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(T::null())
    }

    fn visit_bool<E>(self, _: bool) -> Result<T, E> {
        Ok(T::other("a boolean"))
    }

    fn visit_u64<E>(self, number: u64) -> Result<T, E> {
        Ok(T::number(number))
    }

    fn visit_i64<E>(self, number: i64) -> Result<T, E> {
        Ok(T::number(number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<T, E> {
        Ok(T::number(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<T, E> {
        Ok(T::text(Cow::Owned(text.to_owned())))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<T, E> {
        Ok(T::text(Cow::Borrowed(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<T, A::Error> {
        T::items(items)
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<T, A::Error> {
        T::fields(fields)
    }
}

macro_rules! accepts_anything {
    ($($type:ident $(<$inner:ident>)?),*) => {$(
        impl<'de $(, $inner: Fields<'de>)?> Deserialize<'de> for $type<'de $(, $inner)?> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(Any(PhantomData))
            }
        }
    )*};
}

accepts_anything!(Scalar, Scalars, Objects<T>, Object<T>, Top, Entry);

/// A text or a number; null is the same as absent.
#[derive(Default)]
pub(super) enum Scalar<'a> {
    #[default]
    Absent,
    Text(Cow<'a, str>),
    Number(String),
    Other(&'static str),
}

impl<'de> Loose<'de> for Scalar<'de> {
    fn other(kind: &'static str) -> Self {
        Self::Other(kind)
    }

    fn null() -> Self {
        Self::Absent
    }

    fn text(text: Cow<'de, str>) -> Self {
        Self::Text(text)
    }

    fn number(number: impl fmt::Display) -> Self {
        Self::Number(number.to_string())
    }
}

/// A list of texts and numbers. An empty text or object has none, as for JavaScript.
#[derive(Default)]
pub(super) enum Scalars<'a> {
    #[default]
    Absent,
    Items(Vec<Scalar<'a>>),
    /// One alone, without a list around it.
    One(Scalar<'a>),
    Other(&'static str),
}

impl<'de> Loose<'de> for Scalars<'de> {
    fn other(kind: &'static str) -> Self {
        Self::Other(kind)
    }

    fn null() -> Self {
        Self::Absent
    }

    fn text(text: Cow<'de, str>) -> Self {
        if text.trim().is_empty() { Self::Absent } else { Self::One(Scalar::Text(text)) }
    }

    fn number(number: impl fmt::Display) -> Self {
        Self::One(Scalar::Number(number.to_string()))
    }

    fn items<A: SeqAccess<'de>>(items: A) -> Result<Self, A::Error> {
        collect(items).map(Self::Items)
    }

    fn fields<A: MapAccess<'de>>(fields: A) -> Result<Self, A::Error> {
        Ok(if is_empty(fields)? { Self::Absent } else { Self::Other("an object") })
    }
}

/// An object of known fields; the rest of it is skipped. Of a field given twice the last counts, as in JavaScript.
pub(super) trait Fields<'de>: Default {
    /// Takes the value of a field, or leaves it and returns false.
    fn take<A: MapAccess<'de>>(&mut self, name: &str, fields: &mut A) -> Result<bool, A::Error>;
}

/// What should be an object.
pub(super) enum Object<'a, T> {
    Is(T),
    Text(Cow<'a, str>),
    Other(&'static str),
}

impl<'de, T: Fields<'de>> Loose<'de> for Object<'de, T> {
    fn other(kind: &'static str) -> Self {
        Self::Other(kind)
    }

    fn text(text: Cow<'de, str>) -> Self {
        Self::Text(text)
    }

    fn fields<A: MapAccess<'de>>(mut fields: A) -> Result<Self, A::Error> {
        let mut made = T::default();
        while let Some(name) = fields.next_key::<Scalar<'de>>()? {
            let name = if let Scalar::Text(name) = name { name } else { Cow::Borrowed("") };
            if !made.take(&name, &mut fields)? {
                fields.next_value::<IgnoredAny>()?;
            }
        }
        Ok(Self::Is(made))
    }
}

/// What should be a list of objects. An empty text or object has none, as for JavaScript.
#[derive(Default)]
pub(super) enum Objects<'a, T> {
    #[default]
    Absent,
    Items(Vec<Object<'a, T>>),
    Other(&'static str),
}

impl<'de, T: Fields<'de>> Loose<'de> for Objects<'de, T> {
    fn other(kind: &'static str) -> Self {
        Self::Other(kind)
    }

    fn null() -> Self {
        Self::Absent
    }

    fn items<A: SeqAccess<'de>>(items: A) -> Result<Self, A::Error> {
        collect(items).map(Self::Items)
    }

    fn text(text: Cow<'de, str>) -> Self {
        if text.trim().is_empty() { Self::Absent } else { Self::Other("a text") }
    }

    fn fields<A: MapAccess<'de>>(fields: A) -> Result<Self, A::Error> {
        Ok(if is_empty(fields)? { Self::Absent } else { Self::Other("an object") })
    }
}

/// Skips an object; whether it had no field.
fn is_empty<'de, A: MapAccess<'de>>(mut fields: A) -> Result<bool, A::Error> {
    let mut empty = true;
    while fields.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
        empty = false;
    }
    Ok(empty)
}

fn collect<'de, A: SeqAccess<'de>, T: Deserialize<'de>>(mut items: A) -> Result<Vec<T>, A::Error> {
    let mut all = Vec::new();
    while let Some(item) = items.next_element()? {
        all.push(item);
    }
    Ok(all)
}

macro_rules! fields {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty = $json:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Default)]
        pub(super) struct $name<'a> { $(pub(super) $field: $type),* }

        impl<'de> Fields<'de> for $name<'de> {
            fn take<A: MapAccess<'de>>(&mut self, name: &str, fields: &mut A) -> Result<bool, A::Error> {
                match name {
                    $($json => self.$field = fields.next_value()?,)*
                    _ => return Ok(false),
                }
                Ok(true)
            }
        }
    };
}

fields! {
    /// A subtask as the file has it.
    RawSubtask { id: Scalar<'a> = "id", title: Scalar<'a> = "title", status: Scalar<'a> = "status", updated_at: Scalar<'a> = "updatedAt" }
}

fields! {
    /// A task as the file has it.
    RawTask {
        id: Scalar<'a> = "id",
        title: Scalar<'a> = "title",
        status: Scalar<'a> = "status",
        priority: Scalar<'a> = "priority",
        updated_at: Scalar<'a> = "updatedAt",
        dependencies: Scalars<'a> = "dependencies",
        subtasks: Objects<'a, RawSubtask<'a>> = "subtasks",
    }
}

/// The value of a top-level key.
pub(super) enum Entry<'a> {
    /// A bare list of tasks, the older format's.
    Tasks(Vec<Object<'a, RawTask<'a>>>),
    /// An object: its `tasks`, and whether it has `metadata` as a tag has.
    Tag(Option<Objects<'a, RawTask<'a>>>, bool),
    Other(&'static str),
}

impl<'de> Loose<'de> for Entry<'de> {
    fn other(kind: &'static str) -> Self {
        Self::Other(kind)
    }

    fn items<A: SeqAccess<'de>>(items: A) -> Result<Self, A::Error> {
        collect(items).map(Self::Tasks)
    }

    fn fields<A: MapAccess<'de>>(mut fields: A) -> Result<Self, A::Error> {
        let (mut tasks, mut metadata) = (None, false);
        while let Some(name) = fields.next_key::<Scalar<'de>>()? {
            let name = if let Scalar::Text(name) = name { name } else { Cow::Borrowed("") };
            if name == "tasks" {
                tasks = Some(fields.next_value()?);
            } else {
                metadata |= name == "metadata";
                fields.next_value::<IgnoredAny>()?;
            }
        }
        Ok(Self::Tag(tasks, metadata))
    }
}

/// The whole file.
pub(super) enum Top<'a> {
    Entries(Vec<(String, Entry<'a>)>),
    Other(&'static str),
}

impl<'de> Loose<'de> for Top<'de> {
    fn other(kind: &'static str) -> Self {
        Self::Other(kind)
    }

    fn fields<A: MapAccess<'de>>(mut fields: A) -> Result<Self, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = fields.next_entry()? {
            entries.push(entry);
        }
        Ok(Self::Entries(entries))
    }
}
