//! JSON in the place of a text: what a log shipper makes of a record with attributes.

use serde_json::{Map, Value};

use super::pass::{Fate, Of, Pass};

/// JSON without what is not kept; none where it is no JSON.
pub(super) fn filtered(pass: &mut Pass<'_>, text: &str) -> Option<Fate> {
    let mut value: Value = serde_json::from_str(text).ok()?;
    let changed = value_in(pass, &mut value);
    Some(if changed { Fate::Instead(value.to_string()) } else { Fate::Stays })
}

/// A value without a name of its own; whether it changed.
fn value_in(pass: &mut Pass<'_>, value: &mut Value) -> bool {
    match value {
        Value::String(text) => {
            let before = text.clone();
            // One that goes leaves an empty text.
            pass.text_in(text);
            *text != before
        }
        Value::Array(list) => list.iter_mut().fold(false, |changed, value| value_in(pass, value) | changed),
        Value::Object(fields) => object_in(pass, fields),
        _ => false,
    }
}

fn object_in(pass: &mut Pass<'_>, fields: &mut Map<String, Value>) -> bool {
    let names_tool = fields.iter().any(|(name, value)| value.is_string() && super::kinds::names_tool(name));
    let of = Of::Agent { tool: names_tool };
    // `{"key": "prompt", "value": {"stringValue": "…"}}`, as OTLP has attributes.
    let key = fields.get("key").and_then(Value::as_str).filter(|_| fields.contains_key("value")).map(str::to_owned);
    let mut changed = false;
    fields.retain(|name, value| {
        let name = match &key {
            Some(key) if name == "value" => key,
            Some(_) if name == "key" => return true,
            _ => name,
        };
        let (kept, other) = field_in(pass, name, value, of);
        changed |= other || !kept;
        kept
    });
    changed
}

/// Whether a field stays, and whether it is another then.
fn field_in(pass: &mut Pass<'_>, name: &str, value: &mut Value, of: Of) -> (bool, bool) {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Object(inner) if inner.len() == 1 && inner.get("stringValue").is_some_and(Value::is_string) => {
            inner.get("stringValue").and_then(Value::as_str).unwrap_or_default().to_owned()
        }
        Value::Array(_) | Value::Object(_) => {
            // The name of a list or an object counts, and of `body` and `attributes` what is in it.
            let container = matches!(name, "body" | "attributes" | "resource" | "resources" | "metadata" | "instrumentation_scope");
            let goes = !container && pass.fate(name, "x", of) == Fate::Goes;
            return if goes { (false, true) } else { (true, value_in(pass, value)) };
        }
        _ => return (true, false),
    };
    // The body of a record is a text without a name.
    let fate = if name == "body" { pass.text(&text) } else { pass.fate(name, &text, of) };
    match fate {
        Fate::Stays => (true, false),
        Fate::Goes => (false, true),
        Fate::Instead(other) => {
            match value {
                Value::Object(inner) => drop(inner.insert("stringValue".to_owned(), Value::String(other))),
                value => *value = Value::String(other),
            }
            (true, true)
        }
    }
}
