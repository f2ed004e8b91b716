//! Schemas of answers that are written piece by piece, and so are no types.

use serde_json::{Value, json};

use crate::route::{Schemas, Shape, envelope};

/// Schemas with a name: labels, and samples of a series.
pub(crate) fn collect(schemas: &mut Schemas) {
    let labels = json!({
        "type": "object",
        "description": "The labels of a series, `__name__` among them.",
        "additionalProperties": {"type": "string"},
    });
    let samples = json!({
        "type": "object",
        "description": "Samples of a series.",
        "properties": {"metric": metric(), "values": {"type": "array", "items": point()}},
        "required": ["metric", "values"],
        "additionalProperties": false,
    });
    schemas.extend([("Metric".to_owned(), labels), ("Matrix".to_owned(), samples)]);
}

/// What a query comes to.
pub(crate) const QUERY_RESULT: Shape = Shape::new(|| {
    let sample = json!({
        "type": "object",
        "properties": {"metric": metric(), "value": point()},
        "required": ["metric", "value"],
        "additionalProperties": false,
    });
    let one_of = [result("vector", list(sample)), result("matrix", list(matrix())), result("scalar", point()), result("string", point())];
    envelope(json!({"oneOf": one_of}))
});
/// What a query comes to over a range.
pub(crate) const RANGE_RESULT: Shape = Shape::new(|| envelope(result("matrix", list(matrix()))));
/// What a query comes to in buckets.
pub(crate) const BUCKETS: Shape = Shape::new(buckets);
/// What several queries come to in buckets: for each the whole answer, or the error.
pub(crate) const BUCKETS_EACH: Shape = Shape::new(|| {
    let error = json!({
        "type": "object",
        "properties": {"status": {"const": "error"}, "errorType": {"type": "string"}, "error": {"type": "string"}},
        "required": ["status", "errorType", "error"],
        "additionalProperties": false,
    });
    envelope(list(json!({"oneOf": [buckets(), error]})))
});
fn buckets() -> Value {
    let figures = || list(json!({"type": ["number", "string"]}));
    let series = json!({
        "type": "object",
        "description": "A series in columns: what each bucket ends at, and what it has.",
        "properties": {
            "metric": metric(), "t": list(json!({"type": "number"})),
            "min": figures(), "mean": figures(), "max": figures(), "last": figures(), "count": list(json!({"type": "number"})),
        },
        "required": ["metric", "t", "min", "mean", "max", "last", "count"],
        "additionalProperties": false,
    });
    envelope(json!({
        "type": "object",
        "properties": {
            "resultType": {"const": "buckets"},
            "step": {"type": "number"},
            "source": {"enum": ["samples", "1h", "expression"]},
            "inner_step": {"type": "number"},
            "total": {"type": "integer", "minimum": 0},
            "truncated": {"type": "boolean"},
            "result": list(series),
        },
        "required": ["resultType", "step", "source", "total", "truncated", "result"],
        "additionalProperties": false,
    }))
}
/// Label sets.
pub(crate) const LABEL_SETS: Shape = Shape::new(|| envelope(json!({"type": "array", "items": metric()})));
/// Names, or values.
pub(crate) const TEXTS: Shape = Shape::new(|| envelope(json!({"type": "array", "items": {"type": "string"}})));
/// One text.
pub(crate) const TEXT: Shape = Shape::new(|| envelope(json!({"type": "string"})));
/// The tree of a query.
pub(crate) const TREE: Shape =
    Shape::new(|| envelope(json!({"type": "object", "properties": {"type": {"type": "string"}}, "required": ["type"]})));
/// How many samples were kept.
pub(crate) const KEPT: Shape = Shape::new(|| {
    let kept = json!({"type": "integer", "minimum": 0});
    envelope(json!({"type": "object", "properties": {"kept": kept}, "required": ["kept"], "additionalProperties": false}))
});

fn metric() -> Value {
    json!({"$ref": "#/components/schemas/Metric"})
}

fn matrix() -> Value {
    json!({"$ref": "#/components/schemas/Matrix"})
}

/// A time in Unix seconds, and a value as text. Not `prefixItems`: tools that read OpenAPI know that less well.
fn point() -> Value {
    json!({"type": "array", "items": {"type": ["number", "string"]}, "minItems": 2, "maxItems": 2})
}

fn list(items: Value) -> Value {
    json!({"type": "array", "items": items})
}

fn result(kind: &str, result: Value) -> Value {
    json!({
        "type": "object",
        "properties": {"resultType": {"const": kind}, "result": result, "stats": {"type": "object"}},
        "required": ["resultType", "result"],
        "additionalProperties": false,
    })
}
