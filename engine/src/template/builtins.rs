//! Functions that Go's `text/template` has of itself.

use super::functions::Env;
use super::print::{bounded, sprint, sprintf, sprintln};
use super::value::Value;
use crate::model::is_printable;

type Done = Result<Value, String>;

/// What `and` and `or` come to where no argument decided.
pub(super) fn last(_: &mut Env<'_>, args: &[Value]) -> Done {
    Ok(args.last().cloned().unwrap_or(Value::Nil))
}

pub(super) fn not(_: &mut Env<'_>, args: &[Value]) -> Done {
    Ok(Value::Bool(!args[0].truth()))
}

pub(super) fn len(_: &mut Env<'_>, args: &[Value]) -> Done {
    let length = match &args[0] {
        Value::Text(text) | Value::Html(text) => text.len(),
        Value::Labels(map) => map.len(),
        Value::Args(map) => map.len(),
        Value::Samples(samples) => samples.len(),
        Value::Nil => return Err("len of nil pointer".to_owned()),
        other => return Err(format!("len of type {}", other.type_name().trim_start_matches('*'))),
    };
    Ok(Value::Int(length as i64))
}

/// A place in something of a length, as `index` and `slice` take it.
fn place(value: &Value, most: usize) -> Result<usize, String> {
    let place = match value {
        Value::Nil => return Err("cannot index slice/array with nil".to_owned()),
        other => other.as_int().ok_or_else(|| format!("cannot index slice/array with type {}", other.type_name()))?,
    };
    usize::try_from(place).ok().filter(|place| *place <= most).ok_or_else(|| format!("index out of range: {place}"))
}

fn key(value: &Value) -> Result<&str, String> {
    match value {
        Value::Text(text) => Ok(text),
        Value::Nil => Err("value is nil; should be of type string".to_owned()),
        other => Err(format!("value has type {}; should be string", other.type_name())),
    }
}

pub(super) fn index(_: &mut Env<'_>, args: &[Value]) -> Done {
    let mut item = args[0].clone();
    if matches!(item, Value::Nil) {
        return Err("index of untyped nil".to_owned());
    }
    for index in &args[1..] {
        item = match &item {
            Value::Labels(map) => Value::text(map.get(key(index)?).map_or("", |value| value)),
            Value::Args(map) => map.get(key(index)?).cloned().unwrap_or(Value::Nil),
            Value::Samples(samples) => match samples.get(place(index, samples.len())?) {
                Some(sample) => Value::Sample(sample.clone()),
                None => return Err(format!("index out of range: {}", samples.len())),
            },
            Value::Text(text) | Value::Html(text) => match text.as_bytes().get(place(index, text.len())?) {
                Some(byte) => Value::Int(i64::from(*byte)),
                None => return Err(format!("index out of range: {}", text.len())),
            },
            Value::Nil => return Err("index of nil pointer".to_owned()),
            other => return Err(format!("can't index item of type {}", other.type_name().trim_start_matches('*'))),
        };
    }
    Ok(item)
}

pub(super) fn slice(_: &mut Env<'_>, args: &[Value]) -> Done {
    let (length, most_places) = match &args[0] {
        Value::Text(text) => (text.len(), 2),
        Value::Samples(samples) => (samples.len(), 3),
        Value::Nil => return Err("slice of untyped nil".to_owned()),
        other => return Err(format!("can't slice item of type {}", other.type_name())),
    };
    if args.len() - 1 > 3 {
        return Err(format!("too many slice indexes: {}", args.len() - 1));
    }
    if args.len() - 1 > most_places {
        return Err("cannot 3-index slice a string".to_owned());
    }
    let mut places = [0, length, length];
    for (at, arg) in args[1..].iter().enumerate() {
        places[at] = place(arg, length)?;
    }
    let [from, to, cap] = places;
    if from > to {
        return Err(format!("invalid slice index: {from} > {to}"));
    }
    if to > cap {
        return Err(format!("invalid slice index: {to} > {cap}"));
    }
    Ok(match &args[0] {
        Value::Samples(samples) => Value::Samples(samples[from..to].to_vec().into()),
        Value::Text(text) => Value::text(String::from_utf8_lossy(&text.as_bytes()[from..to])),
        _ => Value::Nil,
    })
}

pub(super) fn print(_: &mut Env<'_>, args: &[Value]) -> Done {
    sprint(args).map(Value::text)
}

pub(super) fn println(_: &mut Env<'_>, args: &[Value]) -> Done {
    sprintln(args).map(Value::text)
}

pub(super) fn printf(_: &mut Env<'_>, args: &[Value]) -> Done {
    let format = args[0].as_text().cloned().unwrap_or_default();
    sprintf(&format, &args[1..]).map(Value::text)
}

/// The text that is escaped: a single text as it is, anything else as it prints.
fn joined(args: &[Value]) -> Result<String, String> {
    match args {
        [Value::Text(text)] => Ok(text.to_string()),
        args => sprint(args),
    }
}

pub(super) fn html(_: &mut Env<'_>, args: &[Value]) -> Done {
    let mut out = String::new();
    for c in joined(args)?.chars() {
        match c {
            '\0' => out.push('\u{fffd}'),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c => out.push(c),
        }
    }
    bounded(&out).map(|()| Value::text(out))
}

pub(super) fn js(_: &mut Env<'_>, args: &[Value]) -> Done {
    let mut out = String::new();
    for c in joined(args)?.chars() {
        match c {
            '\\' | '\'' | '"' => out.extend(['\\', c]),
            '<' | '>' | '&' | '=' | '\0'..' ' => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c if c.is_ascii() || is_printable(c) => out.push(c),
            c => out.push_str(&format!("\\u{:04X}", u32::from(c))),
        }
    }
    bounded(&out).map(|()| Value::text(out))
}

pub(super) fn urlquery(_: &mut Env<'_>, args: &[Value]) -> Done {
    let out = super::links::query_escaped(&joined(args)?);
    bounded(&out).map(|()| Value::text(out))
}
