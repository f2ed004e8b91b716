//! The arguments of tools: each tool lists its own once, and both its JSON schema and the check of a call are made of the list.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use taskpulse_engine::model::TimestampMs;
use taskpulse_engine::span::Span;

use super::protocol::shown;
use crate::params::parse_time;

/// What an argument may be.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// A text of so many characters at the most; an empty one counts as left out.
    Text(usize),
    /// A moment.
    Time,
    /// A whole number within bounds.
    Whole(i64, i64),
    /// One of some words.
    OneOf(&'static [&'static str]),
}

/// An argument of a tool.
#[derive(Debug, Clone, Copy)]
pub(super) struct Argument {
    name: &'static str,
    kind: Kind,
    about: &'static str,
    required: bool,
}

impl Argument {
    pub(super) const fn new(name: &'static str, kind: Kind, about: &'static str) -> Self {
        Self { name, kind, about, required: false }
    }

    pub(super) const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    #[cfg(test)]
    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    fn schema(&self) -> Value {
        let mut schema = match self.kind {
            Kind::Text(most) => json!({"type": "string", "maxLength": most}),
            Kind::Time => json!({"type": "string"}),
            Kind::Whole(least, most) => json!({"type": "integer", "minimum": least, "maximum": most}),
            Kind::OneOf(words) => json!({"type": "string", "enum": words}),
        };
        let when = if matches!(self.kind, Kind::Time) { ": RFC 3339, Unix seconds, `now`, or how long ago (`2h`)" } else { "" };
        schema["description"] = format!("{}{when}", self.about).into();
        schema
    }

    fn read(&self, value: &Value, now: TimestampMs) -> Result<Option<Given>, String> {
        let wrong = |what: String| format!("`{}` {what}", self.name);
        match (self.kind, value) {
            (Kind::Whole(least, most), Value::Number(number)) => {
                // A whole number may be written as `5.0`.
                let whole = number.as_i64().or_else(|| number.as_f64().filter(|n| n.fract() == 0.0 && n.abs() < 9e15).map(|n| n as i64));
                let whole = whole.filter(|n| (least..=most).contains(n));
                whole.map(|n| Some(Given::Whole(n))).ok_or_else(|| wrong(format!("must be a whole number from {least} to {most}")))
            }
            (Kind::Whole(least, most), _) => Err(wrong(format!("must be a whole number from {least} to {most}"))),
            (_, Value::String(text)) if text.trim().is_empty() && !self.required => Ok(None),
            (_, Value::String(text)) if text.trim().is_empty() => Err(wrong("must not be empty".to_owned())),
            (Kind::Text(most), Value::String(text)) if text.chars().count() > most => {
                Err(wrong(format!("has {} characters; use at most {most}", text.chars().count())))
            }
            (Kind::Text(_), Value::String(text)) => Ok(Some(Given::Text(text.trim().to_owned()))),
            (Kind::OneOf(words), Value::String(text)) => match words.iter().find(|word| *word == text) {
                Some(word) => Ok(Some(Given::Text((*word).to_owned()))),
                None => Err(wrong(format!("is {}; take one of {}", shown(text), words.join(", ")))),
            },
            (Kind::Time, Value::String(text)) => match moment(text.trim(), now) {
                Some(at) => Ok(Some(Given::Time(at))),
                None => Err(wrong(format!(
                    "is {}; write a time as 2026-11-24T10:00:00Z, 1764000000, now, or how long ago as 30m, 2h or 7d",
                    shown(text)
                ))),
            },
            _ => Err(wrong("must be a text".to_owned())),
        }
    }
}

/// A time as it is written; how long ago counts back from the whole second, so that answers show round times.
fn moment(text: &str, now: TimestampMs) -> Option<TimestampMs> {
    if text == "now" {
        return Some(now);
    }
    let second = now.div_euclid(1_000) * 1_000;
    parse_time("", text).ok().or_else(|| text.parse::<Span>().ok().map(|ago| second.saturating_sub(ago.ms())))
}

/// An argument that was given.
#[derive(Debug, Clone, PartialEq)]
enum Given {
    Text(String),
    Time(TimestampMs),
    Whole(i64),
}

/// The arguments of a call, which are all as their tool wants them.
#[derive(Debug, Clone, Default)]
pub(super) struct Arguments {
    given: BTreeMap<&'static str, Given>,
    /// The time of the call.
    pub(super) now: TimestampMs,
    /// What the client calls itself.
    pub(super) client: Option<String>,
}

impl Arguments {
    /// Reads the arguments of a call; an error says what is wrong with the first one that is.
    pub(super) fn read(
        wanted: impl Iterator<Item = &'static Argument> + Clone,
        given: &Map<String, Value>,
        now: TimestampMs,
    ) -> Result<Self, String> {
        if let Some(unknown) = given.keys().find(|key| !wanted.clone().any(|argument| argument.name == *key)) {
            let names: Vec<&str> = wanted.map(|argument| argument.name).collect();
            return Err(format!("there is no argument {}; take {}", shown(unknown), names.join(", ")));
        }
        let mut out = Self { now, ..Self::default() };
        for argument in wanted {
            let value = given.get(argument.name).filter(|value| !value.is_null());
            if let Some(value) = value.map(|value| argument.read(value, now)).transpose()?.flatten() {
                out.given.insert(argument.name, value);
            } else if argument.required {
                return Err(format!("`{}` is missing: {}", argument.name, argument.about));
            }
        }
        Ok(out)
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        match self.given.get(name) {
            Some(Given::Text(text)) => Some(text),
            _ => None,
        }
    }

    pub(super) fn time(&self, name: &str) -> Option<TimestampMs> {
        match self.given.get(name) {
            Some(Given::Time(at)) => Some(*at),
            _ => None,
        }
    }

    pub(super) fn whole(&self, name: &str) -> Option<i64> {
        match self.given.get(name) {
            Some(Given::Whole(n)) => Some(*n),
            _ => None,
        }
    }
}

/// The JSON schema of arguments.
pub(super) fn schema(arguments: impl Iterator<Item = &'static Argument> + Clone) -> Value {
    let properties: Map<String, Value> = arguments.clone().map(|argument| (argument.name.to_owned(), argument.schema())).collect();
    let required: Vec<&str> = arguments.filter(|argument| argument.required).map(|argument| argument.name).collect();
    let mut schema = json!({"type": "object", "properties": properties, "additionalProperties": false});
    if !required.is_empty() {
        schema["required"] = required.into();
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    static WANTED: [Argument; 4] = [
        Argument::new("q", Kind::Text(5), "the question").required(),
        Argument::new("at", Kind::Time, "when"),
        Argument::new("n", Kind::Whole(1, 10), "how many"),
        Argument::new("by", Kind::OneOf(&["task", "week"]), "rows"),
    ];

    fn read(given: Value) -> Result<Arguments, String> {
        Arguments::read(WANTED.iter(), given.as_object().unwrap(), 10_000_500)
    }

    #[test]
    fn arguments_are_read_as_their_schema_says() {
        let given = read(json!({"q": " cpu ", "at": "1h", "n": 5.0, "by": "week"})).unwrap();
        assert_eq!((given.text("q"), given.time("at"), given.whole("n")), (Some("cpu"), Some(6_400_000), Some(5)));
        assert_eq!(given.text("by"), Some("week"));
        for (at, ms) in [("now", 10_000_500), ("1764000000", 1_764_000_000_000), ("2025-11-24T16:00:00Z", 1_764_000_000_000)] {
            assert_eq!(read(json!({"q": "x", "at": at})).unwrap().time("at"), Some(ms), "{at}");
        }
        // Models send nulls and empty texts for what they leave out.
        let left_out = read(json!({"q": "x", "at": null, "by": ""})).unwrap();
        assert_eq!((left_out.time("at"), left_out.text("by")), (None, None));
    }

    #[test]
    fn what_is_wrong_is_named_with_what_would_be_right() {
        for (given, part) in [
            (json!({}), "`q` is missing: the question"),
            (json!({"q": null}), "`q` is missing"),
            (json!({"q": ""}), "`q` must not be empty"),
            (json!({"q": 5}), "`q` must be a text"),
            (json!({"q": ["cpu"]}), "`q` must be a text"),
            (json!({"q": "ignore"}), "`q` has 6 characters; use at most 5"),
            (json!({"q": "x", "at": "yesterday"}), "`at` is `yesterday`; write a time as"),
            (json!({"q": "x", "at": 5}), "`at` must be a text"),
            (json!({"q": "x", "n": 0}), "`n` must be a whole number from 1 to 10"),
            (json!({"q": "x", "n": 1.5}), "`n` must be a whole number"),
            (json!({"q": "x", "n": 1e300}), "`n` must be a whole number"),
            (json!({"q": "x", "n": "5"}), "`n` must be a whole number"),
            (json!({"q": "x", "by": "day"}), "`by` is `day`; take one of task, week"),
            (json!({"q": "x", "sql": "drop"}), "there is no argument `sql`; take q, at, n, by"),
        ] {
            let error = read(given.clone()).unwrap_err();
            assert!(error.contains(part), "{given}: {error}");
        }
    }

    #[test]
    fn the_schema_takes_nothing_that_is_not_listed() {
        let schema = schema(WANTED.iter());
        assert_eq!((&schema["additionalProperties"], &schema["required"]), (&json!(false), &json!(["q"])));
        assert_eq!(schema["properties"]["by"]["enum"], json!(["task", "week"]));
        assert_eq!(schema["properties"]["n"]["maximum"], 10);
    }
}
