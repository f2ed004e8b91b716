//! Schemas of answers that are written piece by piece, and so are no types.

use serde_json::{Value, json};

use crate::route::{Shape, envelope};

/// What a query comes to.
pub(crate) const QUERY_RESULT: Shape = Shape::new(|| {
    let one_of = [
        result("vector", list(json!({"metric": labels(), "value": point()}))),
        result("matrix", list(json!({"metric": labels(), "values": {"type": "array", "items": point()}}))),
        result("scalar", point()),
        result("string", point()),
    ];
    envelope(json!({"oneOf": one_of}))
});
/// What a query comes to over a range.
pub(crate) const RANGE_RESULT: Shape =
    Shape::new(|| envelope(result("matrix", list(json!({"metric": labels(), "values": {"type": "array", "items": point()}})))));
/// Label sets.
pub(crate) const LABEL_SETS: Shape = Shape::new(|| envelope(json!({"type": "array", "items": labels()})));
/// Names, or values.
pub(crate) const TEXTS: Shape = Shape::new(|| envelope(json!({"type": "array", "items": {"type": "string"}})));
/// One text.
pub(crate) const TEXT: Shape = Shape::new(|| envelope(json!({"type": "string"})));
/// A list that has no items.
pub(crate) const NOTHING: Shape = Shape::new(|| envelope(json!({"type": "array", "maxItems": 0})));
/// The tree of a query.
pub(crate) const TREE: Shape =
    Shape::new(|| envelope(json!({"type": "object", "properties": {"type": {"type": "string"}}, "required": ["type"]})));
/// How many samples were kept.
pub(crate) const KEPT: Shape = Shape::new(|| {
    let kept = json!({"type": "integer", "minimum": 0});
    envelope(json!({"type": "object", "properties": {"kept": kept}, "required": ["kept"], "additionalProperties": false}))
});

/// Labels, `__name__` among them.
fn labels() -> Value {
    json!({"type": "object", "additionalProperties": {"type": "string"}})
}

/// A time in Unix seconds, and a value as text. Not `prefixItems`: tools that read OpenAPI know that less well.
fn point() -> Value {
    json!({"type": "array", "items": {"type": ["number", "string"]}, "minItems": 2, "maxItems": 2})
}

fn list(properties: Value) -> Value {
    let required: Vec<&String> = properties.as_object().into_iter().flatten().map(|(name, _)| name).collect();
    json!({"type": "array", "items": {"type": "object", "required": required, "properties": properties, "additionalProperties": false}})
}

fn result(kind: &str, result: Value) -> Value {
    json!({
        "type": "object",
        "properties": {"resultType": {"const": kind}, "result": result, "stats": {"type": "object"}},
        "required": ["resultType", "result"],
        "additionalProperties": false,
    })
}
