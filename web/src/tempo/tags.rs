//! Names of attributes and their values, as Tempo answers them: what Grafana's editor offers while a query is written.

use std::collections::BTreeSet;

use actix_web::{HttpResponse, web};
use serde_json::{Value, json};
use taskpulse_engine::traces::traceql::{self, Field, INTRINSICS, Intrinsic, NamesRequest, Query, Scope};

use super::{Answered, ERRORS, Given};
use crate::envelope::ApiError;
use crate::logs::ask::State;
use crate::logs::{LOG_END, SEARCH_START, times};
use crate::parameter::{Parameter, TIMEOUT};
use crate::params::Params;
use crate::route::{Route, Shape};
use crate::trace_search::{traceql_schema, with_spans};

/// Names of each scope, or values, at the most.
const MAX_ITEMS: i64 = 5_000;
const SCOPES: [&str; 7] = ["none", "span", "resource", "event", "link", "instrumentation", "intrinsic"];

pub(super) fn routes() -> Vec<Route> {
    const SCOPE: Parameter =
        Parameter::query("scope", "of which attributes; of all by default", || json!({"type": "string", "enum": SCOPES}));
    const LIMIT: Parameter = Parameter::query(
        "limit",
        "names of each scope, or values, at the most; 5,000 are the most",
        || json!({"type": "integer", "format": "int64", "minimum": 0, "maximum": i64::MAX}),
    );
    const Q: Parameter = Parameter::query("q", "of spans that one pair of braces filters; any other text filters none", traceql_schema);
    const TAG: Parameter = Parameter::path("tag", "the name of the attribute", || json!({"type": "string", "minLength": 1}));
    const FIELD: Parameter = Parameter::path(
        "tag",
        "the field, as TraceQL has it",
        || json!({"type": "string", "format": "traceql-field", "examples": ["resource.service.name"]}),
    );
    let list = |name: &'static str| if name == "tagNames" { Shape::new(names_schema) } else { Shape::new(values_schema) };
    vec![
        Route::get("/api/search/tags", names)
            .about("Names of attributes, as Tempo answers them")
            .parameters(&[SCOPE, LIMIT, SEARCH_START, LOG_END, TIMEOUT])
            .answers(list("tagNames"))
            .fails_with(&[400, 422], ERRORS),
        Route::get("/api/v2/search/tags", names_v2)
            .about("Names of attributes by scope, as Tempo answers them")
            .parameters(&[SCOPE, Q, LIMIT, SEARCH_START, LOG_END, TIMEOUT])
            .answers(Shape::new(scopes_schema))
            .fails_with(&[400, 422], ERRORS),
        Route::get("/api/search/tag/{tag:.+}/values", values)
            .about("Values of an attribute of spans or resources, as Tempo answers them")
            .parameters(&[TAG, LIMIT, SEARCH_START, LOG_END, TIMEOUT])
            .answers(list("tagValues"))
            .fails_with(&[400, 422], ERRORS),
        Route::get("/api/v2/search/tag/{tag:.+}/values", values_v2)
            .about("Values of a field with their types, as Tempo answers them")
            .parameters(&[FIELD, Q, LIMIT, SEARCH_START, LOG_END, TIMEOUT])
            .answers(Shape::new(typed_schema))
            .fails_with(&[400, 422], ERRORS),
    ]
}

fn texts(name: &str) -> Value {
    json!({"type": "object", "properties": {name: {"type": "array", "items": {"type": "string"}}}, "required": [name]})
}

fn names_schema() -> Value {
    texts("tagNames")
}

fn values_schema() -> Value {
    texts("tagValues")
}

fn scopes_schema() -> Value {
    let scope = json!({
        "type": "object",
        "properties": {"name": {"type": "string"}, "tags": {"type": "array", "items": {"type": "string"}}},
        "required": ["name", "tags"],
    });
    json!({"type": "object", "properties": {"scopes": {"type": "array", "items": scope}}, "required": ["scopes"]})
}

fn typed_schema() -> Value {
    let value = json!({"type": "object", "properties": {"type": {"type": "string"}, "value": {"type": "string"}}});
    json!({"type": "object", "properties": {"tagValues": {"type": "array", "items": value}}, "required": ["tagValues"]})
}

fn limit(params: &Params) -> Result<usize, ApiError> {
    match params.whole_number("limit")? {
        None | Some(0) => Ok(MAX_ITEMS as usize),
        Some(given @ 1..) => Ok(given.min(MAX_ITEMS) as usize),
        Some(given) => Err(ApiError::bad_data(format!("invalid parameter \"limit\": {given} is less than nothing"))),
    }
}

/// Which scope is asked for; none for all.
fn scope(params: &Params) -> Result<Option<&str>, ApiError> {
    match params.get("scope") {
        None | Some("none") => Ok(None),
        Some(scope) if SCOPES.contains(&scope) => Ok(Some(scope)),
        Some(other) => Err(ApiError::bad_data(format!("invalid scope: {other}; there are {}", SCOPES.join(", ")))),
    }
}

/// As Tempo has it, a filter that is not whole yet filters nothing: it is being written.
fn filter(params: &Params) -> Option<Query> {
    params.get("q").and_then(|text| Query::parse(text).ok())
}

/// The names of each scope, that of intrinsics last.
async fn scopes(state: &State, params: &Params) -> Result<(Vec<(&'static str, BTreeSet<String>)>, u64), ApiError> {
    let (start, end) = times::range_of_search(params)?;
    let (limit, query) = (limit(params)?, filter(params));
    let wanted = scope(params)?.map(str::to_owned);
    let is_wanted = move |name: &str| wanted.as_ref().is_none_or(|wanted| wanted == name);
    let mut scopes = Vec::new();
    let mut read = 0;
    if SCOPES[1..5].iter().any(|name| is_wanted(name)) {
        let found = with_spans(state, params, move |spans, bounds| {
            let filter = query.as_ref().and_then(Query::only_filter);
            Ok(traceql::names(&NamesRequest { start, end, filter, limit }, bounds, spans)?)
        })
        .await?;
        read = found.spans_read;
        let by_scope = found.by_scope().into_iter().filter(|(name, _, names)| is_wanted(name) && !names.is_empty());
        scopes.extend(by_scope.map(|(name, _, names)| (name, names.clone())));
    }
    if is_wanted("intrinsic") {
        scopes.push(("intrinsic", INTRINSICS.iter().filter(|(_, _, offered)| *offered).map(|(name, _, _)| (*name).to_owned()).collect()));
    }
    Ok((scopes, read))
}

fn metrics(read: u64) -> Value {
    json!({"inspectedSpans": read.to_string(), "completedJobs": 1, "totalJobs": 1})
}

async fn names(state: State, params: Given) -> Answered {
    let params = params?;
    let of_all = scope(&params)?.is_none();
    let (scopes, read) = scopes(&state, &params).await?;
    // Intrinsics come only where they are asked for.
    let names: BTreeSet<String> =
        scopes.into_iter().filter(|(name, _)| !of_all || matches!(*name, "span" | "resource")).flat_map(|(_, names)| names).collect();
    Ok(HttpResponse::Ok().json(json!({"tagNames": names, "metrics": metrics(read)})))
}

async fn names_v2(state: State, params: Given) -> Answered {
    let (scopes, read) = scopes(&state, &params?).await?;
    let scopes: Vec<Value> = scopes.into_iter().map(|(name, tags)| json!({"name": name, "tags": tags})).collect();
    Ok(HttpResponse::Ok().json(json!({"scopes": scopes, "metrics": metrics(read)})))
}

/// What clients escape twice, since proxies take it for a part of the path.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let escape = tail
            .get(..2)
            .filter(|digits| byte == b'%' && digits.iter().all(u8::is_ascii_hexdigit))
            .and_then(|digits| std::str::from_utf8(digits).ok());
        match escape.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(decoded) => {
                bytes.push(decoded);
                rest = &tail[2..];
            }
            None => {
                bytes.push(byte);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

async fn read_values(state: &State, params: &Params, field: Field) -> Result<(BTreeSet<String>, u64), ApiError> {
    let (start, end) = times::range_of_search(params)?;
    let (limit, query) = (limit(params)?, filter(params));
    with_spans(state, params, move |spans, bounds| {
        let filter = query.as_ref().and_then(Query::only_filter);
        Ok(traceql::values(&field, &NamesRequest { start, end, filter, limit }, bounds, spans)?)
    })
    .await
}

async fn values(state: State, tag: web::Path<String>, params: Given) -> Answered {
    let (params, tag) = (params?, unescaped(&tag));
    let keywords = |values: &[&str]| json!({"tagValues": values, "metrics": metrics(0)});
    let field = match tag.as_str() {
        "error" => return Ok(HttpResponse::Ok().json(keywords(&["true"]))),
        "status.code" => return Ok(HttpResponse::Ok().json(keywords(&["unset", "ok", "error"]))),
        "name" => Field::Intrinsic(Intrinsic::Name),
        "root.name" => Field::Intrinsic(Intrinsic::RootName),
        "root.service.name" => Field::Intrinsic(Intrinsic::RootService),
        name => Field::Attribute(Scope::Either, name.into()),
    };
    let (values, read) = read_values(&state, &params, field).await?;
    Ok(HttpResponse::Ok().json(json!({"tagValues": values, "metrics": metrics(read)})))
}

/// What a value is, by its text: all are kept as texts, and TraceQL compares `200` and `"200"` with the same ones.
fn type_of(text: &str) -> &'static str {
    let same = |written: Option<String>| written.is_some_and(|written| written == text);
    if matches!(text, "true" | "false") {
        "bool"
    } else if same(text.parse::<i64>().ok().map(|v| v.to_string())) {
        "int"
    } else if same(text.parse::<f64>().ok().filter(|v| v.is_finite()).map(|v| v.to_string())) {
        "float"
    } else {
        "string"
    }
}

async fn values_v2(state: State, tag: web::Path<String>, params: Given) -> Answered {
    let params = params?;
    let field = traceql::field(&unescaped(&tag)).map_err(ApiError::from)?;
    if let Field::Intrinsic(intrinsic) = field {
        let keywords = intrinsic.keywords().or_else(|| intrinsic.is_endless().then(Vec::new));
        if let Some(words) = keywords {
            let words: Vec<Value> = words.into_iter().map(|word| json!({"type": "keyword", "value": word})).collect();
            return Ok(HttpResponse::Ok().json(json!({"tagValues": words, "metrics": metrics(0)})));
        }
    }
    let is_attribute = matches!(field, Field::Attribute(..));
    let (values, read) = read_values(&state, &params, field).await?;
    let typed = |text: &String| json!({"type": if is_attribute { type_of(text) } else { "string" }, "value": text});
    let values: Vec<Value> = values.iter().map(typed).collect();
    Ok(HttpResponse::Ok().json(json!({"tagValues": values, "metrics": metrics(read)})))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_the_type_that_their_text_has() {
        for (text, wanted) in [
            ("200", "int"),
            ("-5", "int"),
            ("007", "string"),
            ("1.5", "float"),
            ("1.10", "string"),
            ("true", "bool"),
            ("", "string"),
            ("NaN", "string"),
            ("9223372036854775808", "string"),
        ] {
            assert_eq!(type_of(text), wanted, "{text}");
        }
        for (text, wanted) in [("span.a%2Fb", "span.a/b"), ("a%", "a%"), ("a%2", "a%2"), ("%ff", "%ff"), ("%C3%A9", "é"), ("%+1", "%+1")] {
            assert_eq!(unescaped(text), wanted);
        }
    }
}
