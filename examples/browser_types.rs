//! Writes `web/dashboard/js/types.js`, the types of the dashboard, from the schemas of the OpenAPI document:
//! `cargo run --example browser_types`. `tests/openapi.rs` holds the file to it.

use std::fmt::Write;

use serde_json::{Map, Value};

/// Where the types are, below the folder of the project.
pub const FILE: &str = "web/dashboard/js/types.js";

#[allow(dead_code, reason = "the test uses the rest")]
fn main() -> std::io::Result<()> {
    std::fs::write(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE), types(&taskpulse_web::openapi_document()))
}

/// The named schemas of a document as JSDoc types.
pub fn types(document: &Value) -> String {
    let mut out = String::from(
        "/**\n * What the service answers, as JSDoc types. Nothing here runs, and no page loads this file.\n *\n \
         * Made from the schemas of the OpenAPI document: `cargo run --example browser_types`. Do not edit it.\n */\n",
    );
    for (name, schema) in document["components"]["schemas"].as_object().into_iter().flatten() {
        out.push_str("\n/**\n");
        for line in schema["description"].as_str().unwrap_or_default().lines() {
            let _ = writeln!(out, " * {line}");
        }
        match schema["properties"].as_object() {
            Some(properties) => {
                let _ = writeln!(out, " * @typedef {{object}} {name}");
                properties.iter().for_each(|(property, of)| push_property(&mut out, property, of, schema));
            }
            None => {
                let _ = writeln!(out, " * @typedef {{{}}} {name}", type_of(schema));
            }
        }
        out.push_str(" */\n");
    }
    out.push_str("\nexport {}\n");
    out
}

fn push_property(out: &mut String, name: &str, schema: &Value, object: &Value) {
    let required = is_required(name, object);
    let shown = if required { name.to_owned() } else { format!("[{name}]") };
    let about = schema["description"].as_str().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
    let _ = writeln!(out, "{}", format!(" * @property {{{}}} {shown}  {about}", type_of(schema)).trim_end());
}

fn is_required(name: &str, object: &Value) -> bool {
    object["required"].as_array().is_some_and(|required| required.iter().any(|other| other == name))
}

/// A schema as a type of TypeScript.
fn type_of(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str() {
        return name.rsplit('/').next().unwrap_or_default().to_owned();
    }
    if let Some(only) = schema.get("const") {
        return quoted(only);
    }
    if let Some(values) = schema["enum"].as_array() {
        return values.iter().map(quoted).collect::<Vec<_>>().join("|");
    }
    for (keyword, sign) in [("oneOf", "|"), ("anyOf", "|"), ("allOf", " & ")] {
        if let Some(parts) = schema[keyword].as_array() {
            return parts.iter().map(type_of).collect::<Vec<_>>().join(sign);
        }
    }
    match &schema["type"] {
        Value::Array(types) => types.iter().map(|one| typed(one.as_str().unwrap_or_default(), schema)).collect::<Vec<_>>().join("|"),
        one => typed(one.as_str().unwrap_or_default(), schema),
    }
}

fn quoted(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), |text| format!("'{text}'"))
}

fn typed(name: &str, schema: &Value) -> String {
    match name {
        "integer" | "number" => "number".to_owned(),
        "string" | "boolean" | "null" => name.to_owned(),
        "array" => list(schema),
        "object" => object(schema),
        _ => "any".to_owned(),
    }
}

fn list(schema: &Value) -> String {
    let items = &schema["items"];
    // `[number, string]`: as many items as there are types, in their order.
    if let Some(types) = items["type"].as_array()
        && schema["minItems"] == types.len()
        && schema["maxItems"] == types.len()
    {
        return format!("[{}]", types.iter().map(|one| typed(one.as_str().unwrap_or_default(), items)).collect::<Vec<_>>().join(", "));
    }
    let items = type_of(items);
    if items.chars().all(char::is_alphanumeric) { format!("{items}[]") } else { format!("Array<{items}>") }
}

fn object(schema: &Value) -> String {
    let empty = Map::new();
    let properties = schema["properties"].as_object().unwrap_or(&empty);
    if !properties.is_empty() {
        let property = |(name, of): (&String, &Value)| {
            let mark = if is_required(name, schema) { "" } else { "?" };
            format!("{name}{mark}: {}", type_of(of))
        };
        return format!("{{ {} }}", properties.iter().map(property).collect::<Vec<_>>().join(", "));
    }
    match &schema["additionalProperties"] {
        values @ Value::Object(_) => format!("Record<string, {}>", type_of(values)),
        _ => "any".to_owned(),
    }
}
