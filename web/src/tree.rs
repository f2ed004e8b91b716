//! A query as a tree, as Prometheus shows it: `/api/v1/parse_query`.

use actix_web::HttpResponse;
use serde_json::{Map, Value, json};
use taskpulse_engine::model::NAME_LABEL;
use taskpulse_engine::promql::{self, Expr};

use crate::envelope::{ApiError, blocking, success};
use crate::parameter::QUERY;
use crate::params::Params;
use crate::route::Route;
use crate::shapes;

/// Functions that stand for the words behind a range in what the parser reads.
const RANGE_WORDS: [(&str, &str); 3] = [("__anchored__", "anchored"), ("__smoothed__", "smoothed"), ("__smoothed_instant__", "smoothed")];

/// A matcher that nobody wrote: the parser refuses the second argument of `info()` without one.
const INFO_MATCHER: &str = "__info__";

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::get_or_post("/api/v1/parse_query", parse_query)
            .about("A query as a tree")
            .parameters(&[QUERY])
            .answers(shapes::TREE)
            .fails(&[422]),
    ]
}

async fn parse_query(params: Params) -> Result<HttpResponse, ApiError> {
    let query = params.required("query")?.to_owned();
    Ok(success(blocking(move || tree(&promql::parse_expr(&query).map_err(ApiError::from)?)).await?))
}

fn tree(expr: &Expr) -> Result<Value, ApiError> {
    let mut tree = serde_json::to_value(expr).map_err(|error| ApiError::internal(error.to_string()))?;
    complete(&mut tree);
    Ok(tree)
}

/// Adds what the parser's own tree leaves out or has in another shape. As deep as the query is, which is bounded.
fn complete(node: &mut Value) {
    if let Some((word, selector)) = range_word(node) {
        *node = selector;
        complete(node);
        node[word] = json!(true);
        return;
    }
    let Some(fields) = node.as_object_mut() else { return };
    match fields.get("type").and_then(Value::as_str) {
        Some("vectorSelector" | "matrixSelector") => complete_selector(fields),
        Some("subquery") if fields.get("step").is_some_and(Value::is_null) => {
            fields.insert("step".to_owned(), json!(0));
        }
        Some("binaryExpr") => complete_matching(fields),
        _ => {}
    }
    if let Some(matching) = fields.get_mut("matching").and_then(Value::as_object_mut)
        && let Some((card, include)) = matching.get("card").and_then(Value::as_object).and_then(|card| card.iter().next())
    {
        let (card, include) = (json!(card), include.clone());
        matching.insert("card".to_owned(), card);
        matching.insert("include".to_owned(), include);
    }
    for below in ["expr", "param", "lhs", "rhs"] {
        if let Some(below) = fields.get_mut(below) {
            complete(below);
        }
    }
    fields.get_mut("args").and_then(Value::as_array_mut).into_iter().flatten().for_each(complete);
}

/// Two vectors are always matched, anything else never.
fn complete_matching(fields: &mut Map<String, Value>) {
    let both = ["lhs", "rhs"].iter().all(|side| fields.get(*side).is_some_and(is_vector));
    let set = fields.get("op").and_then(Value::as_str).is_some_and(|op| ["and", "or", "unless"].contains(&op));
    if !both {
        fields.insert("matching".to_owned(), Value::Null);
    } else if fields.get("matching").is_none_or(Value::is_null) {
        let card = if set { "many-to-many" } else { "one-to-one" };
        let matching = json!({"card": card, "labels": [], "on": false, "include": [], "fillValues": {"lhs": null, "rhs": null}});
        fields.insert("matching".to_owned(), matching);
    }
}

fn is_vector(node: &Value) -> bool {
    match node["type"].as_str() {
        Some("numberLiteral" | "stringLiteral") => false,
        Some("parenExpr" | "unaryExpr") => is_vector(&node["expr"]),
        Some("binaryExpr") => is_vector(&node["lhs"]) || is_vector(&node["rhs"]),
        Some("call") => node.pointer("/func/returnType").is_some_and(|kind| kind == "vector"),
        _ => true,
    }
}

/// The word behind a range, and its selector, of a function that stands for it.
fn range_word(node: &mut Value) -> Option<(&'static str, Value)> {
    let name = node.pointer("/func/name")?.as_str()?;
    let (_, word) = RANGE_WORDS.iter().find(|(function, _)| *function == name)?;
    Some((word, node.pointer_mut("/args/0")?.take()))
}

fn complete_selector(fields: &mut Map<String, Value>) {
    let name = fields.get("name").cloned().filter(|name| name.as_str().is_some_and(|name| !name.is_empty()));
    if let Some(matchers) = fields.get_mut("matchers").and_then(Value::as_array_mut) {
        matchers.retain(|matcher| matcher["name"] != INFO_MATCHER);
        matchers.extend(name.map(|name| json!({"name": NAME_LABEL, "type": "=", "value": name})));
    }
    for word in ["anchored", "smoothed"] {
        fields.insert(word.to_owned(), json!(false));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_has_the_shape_of_prometheus() {
        let name = |name: &str| json!({"name": "__name__", "type": "=", "value": name});
        let of = |query: &str, pointer: &str| {
            let tree = tree(&promql::parse_expr(query).unwrap()).unwrap();
            tree.pointer(pointer).cloned().unwrap_or_else(|| panic!("{query}: {tree}"))
        };
        for (query, pointer, expected) in [
            ("x{a=\"b\"}", "/matchers", json!([{"name": "a", "type": "=", "value": "b"}, name("x")])),
            ("{a=\"b\"}", "/matchers", json!([{"name": "a", "type": "=", "value": "b"}])),
            ("sum by (a) (rate(x[5m] offset 1m))", "/expr/args/0/matchers", json!([name("x")])),
            ("a + on (x) group_left (y) b", "/matching/card", json!("many-to-one")),
            ("a + on (x) group_left (y) b", "/matching/include", json!(["y"])),
            ("a + on (x) group_right b", "/matching/card", json!("one-to-many")),
            ("a + b", "/matching/card", json!("one-to-one")),
            ("a or b", "/rhs/matchers", json!([name("b")])),
            ("a or b", "/matching/card", json!("many-to-many")),
            ("a == bool 1", "/matching", json!(null)),
            ("time() + (a * 2)", "/matching", json!(null)),
            ("vector(1) + -(a * 2)", "/matching/card", json!("one-to-one")),
            ("topk(3, x)", "/param/val", json!("3")),
            ("x[5m:]", "/step", json!(0)),
            ("x[5m:1m]", "/step", json!(60_000)),
            ("rate(x[5m] smoothed)", "/args/0/smoothed", json!(true)),
            ("rate(x[5m] anchored)", "/args/0/anchored", json!(true)),
            ("x smoothed", "/smoothed", json!(true)),
            ("info(x, {a=\"b\"})", "/args/1/matchers", json!([{"name": "a", "type": "=", "value": "b"}])),
            ("rate(x[5m] anchored)", "/args/0/type", json!("matrixSelector")),
            ("rate(x[5m])", "/args/0/smoothed", json!(false)),
            ("-(x)", "/expr/expr/name", json!("x")),
        ] {
            assert_eq!(of(query, pointer), expected, "{query}");
        }
    }
}
