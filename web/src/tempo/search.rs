//! Searches as Tempo answers them: by TraceQL, or by tags and durations.

use actix_web::HttpResponse;
use serde_json::{Map, Value, json};
use taskpulse_engine::model::hex;
use taskpulse_engine::traces::traceql::{Found, Matched, SearchAnswer, SearchRequest};

use super::{Answered, ERRORS, Given};
use crate::envelope::ApiError;
use crate::form::quoted_text;
use crate::logs::ask::State;
use crate::logs::{LOG_END, LOG_START, times};
use crate::parameter::{Parameter, TIMEOUT};
use crate::params::Params;
use crate::route::{Route, Shape};
use crate::trace_search::{found, limit, limit_schema, traceql_schema};

/// Spans of each trace, where a request says nothing, and at the most.
const SPANS: i64 = 3;
const MAX_SPANS: i64 = 100;
/// Tags of one search.
const MAX_TAGS: usize = 50;

pub(super) fn routes() -> Vec<Route> {
    const Q: Parameter = Parameter::query("q", "TraceQL: docs/TRACES.md", traceql_schema);
    const TAGS: Parameter = Parameter::query(
        "tags",
        "attributes and parts of their values, as logfmt; in place of `q`",
        || json!({"type": "string", "format": "logfmt", "examples": ["service.name=web http.status_code=500"]}),
    );
    const MIN: Parameter = Parameter::query("minDuration", "the least duration of a trace, such as 100ms", times::span);
    const MAX: Parameter = Parameter::query("maxDuration", "the longest duration of a trace", times::span);
    const LIMIT: Parameter = Parameter::query("limit", "traces at the most", limit_schema);
    const SPSS: Parameter = Parameter::query(
        "spss",
        "matched spans of each trace at the most",
        || json!({"type": "integer", "minimum": 0, "maximum": MAX_SPANS, "default": SPANS}),
    );
    vec![
        Route::get("/api/search", search)
            .about("Traces that a query finds, as Tempo answers them")
            .parameters(&[Q, TAGS, MIN, MAX, LIMIT, SPSS, LOG_START, LOG_END, TIMEOUT])
            .answers(Shape::new(answer_schema))
            .fails_with(&[400, 422], ERRORS),
    ]
}

fn answer_schema() -> Value {
    json!({
        "type": "object",
        "properties": {"traces": {"type": "array", "items": {"type": "object"}}, "metrics": {"type": "object"}},
        "required": ["traces"],
    })
}

async fn search(state: State, params: Given) -> Answered {
    let params = params?;
    let (start, end) = times::range_of_query(&params)?;
    let spans = params.whole_number("spss")?.unwrap_or(SPANS);
    if !(0..=MAX_SPANS).contains(&spans) {
        return Err(ApiError::bad_data(format!("invalid parameter \"spss\": {spans} is not within 0 and {MAX_SPANS}")).into());
    }
    // As in Tempo, nothing stands for the default.
    let spans = if spans == 0 { SPANS } else { spans };
    let request = SearchRequest { start, end, limit: limit(&params)?, spans: spans as usize };
    let text = match (params.get("q"), params.get("tags")) {
        (Some(_), Some(_)) => return Err(ApiError::bad_data("`q` and `tags` do not go together; ask with one of them").into()),
        (Some(q), None) if params.get("minDuration").is_none() && params.get("maxDuration").is_none() => q.to_owned(),
        (Some(_), None) => {
            return Err(ApiError::bad_data("`minDuration` and `maxDuration` go with `tags`; in `q` write { traceDuration > 1s }").into());
        }
        (None, tags) => by_tags(tags.unwrap_or(""), &params)?,
    };
    let answer = found(&state, &params, text, request).await?;
    Ok(HttpResponse::Ok().json(answer_of(&answer)))
}

/// The query of a search by tags.
fn by_tags(tags: &str, params: &Params) -> Result<String, ApiError> {
    let mut conditions = Vec::new();
    let tags = logfmt(tags)?;
    for (at, (name, value)) in tags.iter().enumerate() {
        if tags[..at].iter().any(|(other, _)| other == name) {
            return Err(ApiError::bad_data(format!("invalid tags: `{name}` comes twice")));
        }
        let quoted = name.replace('\\', "\\\\").replace('"', "\\\"");
        conditions.push(match (name.as_str(), value.as_str()) {
            ("error", "true") => "status = error".to_owned(),
            ("status.code", "unset" | "ok" | "error") => format!("status = {value}"),
            ("name", value) => format!("name =~ {}", part(value)),
            ("root.name", value) => format!("rootName =~ {}", part(value)),
            ("root.service.name", value) => format!("rootServiceName =~ {}", part(value)),
            (_, value) => format!(".\"{quoted}\" =~ {}", part(value)),
        });
    }
    let mut nanos = Vec::new();
    for (parameter, op) in [("minDuration", ">="), ("maxDuration", "<=")] {
        if let Some(length) = times::length(params, parameter)? {
            conditions.push(format!("traceDuration {op} {length}"));
            nanos.push(length);
        }
    }
    if let [least, most] = nanos.as_slice()
        && least > most
    {
        return Err(ApiError::bad_data("invalid maxDuration: it is less than minDuration"));
    }
    Ok(format!("{{ {} }}", if conditions.is_empty() { "true".to_owned() } else { conditions.join(" && ") }))
}

/// The expression of a value that has a part, in any case.
fn part(value: &str) -> String {
    let mut out = String::from("\"(?i).*");
    for c in value.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            '\\' => out.push_str("\\\\\\\\"),
            c if c.is_ascii_punctuation() && c != '_' => {
                out.push_str("\\\\");
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out.push_str(".*\"");
    out
}

/// Pairs such as `a=b c="d e"`.
fn logfmt(text: &str) -> Result<Vec<(String, String)>, ApiError> {
    let wrong = || ApiError::bad_data("invalid tags: write pairs such as service.name=web http.method=\"GET\"");
    let (mut pairs, mut rest) = (Vec::new(), text.trim_start());
    while !rest.is_empty() {
        let end = rest.find(|c: char| c == '=' || c.is_whitespace()).ok_or_else(wrong)?;
        let (name, behind) = rest.split_at(end);
        let behind = behind.strip_prefix('=').filter(|_| !name.is_empty() && !name.contains('"')).ok_or_else(wrong)?;
        let (value, after) = match behind.strip_prefix('"') {
            Some(quoted) => quoted_text(quoted).ok_or_else(wrong)?,
            None => {
                let (value, after) = behind.split_at(behind.find(char::is_whitespace).unwrap_or(behind.len()));
                (value.to_owned(), after)
            }
        };
        if !after.is_empty() && !after.starts_with(char::is_whitespace) {
            return Err(wrong());
        }
        pairs.push((name.to_owned(), value));
        if pairs.len() > MAX_TAGS {
            return Err(ApiError::bad_data(format!("invalid tags: a search has at most {MAX_TAGS}")));
        }
        rest = after.trim_start();
    }
    Ok(pairs)
}

fn answer_of(answer: &SearchAnswer) -> Value {
    let traces: Vec<Value> = answer.traces.iter().map(trace).collect();
    json!({"traces": traces, "metrics": {"inspectedSpans": answer.spans_read.to_string(), "completedJobs": 1, "totalJobs": 1}})
}

fn trace(found: &Found) -> Value {
    let service = |count: &taskpulse_engine::traces::traceql::ServiceCount| {
        (count.service.to_string(), json!({"spanCount": count.spans, "errorCount": count.errors}))
    };
    let services: Map<String, Value> = found.services.iter().map(service).collect();
    let (root_service, root_name) =
        if found.root { (found.service.as_ref(), found.name.as_str()) } else { ("<root span not yet received>", "") };
    let spans: Vec<Value> = found.first.iter().map(span).collect();
    let set = json!({"spans": spans, "matched": found.matched});
    json!({
        "traceID": hex(&found.trace),
        "rootServiceName": root_service,
        "rootTraceName": root_name,
        "startTimeUnixNano": found.start.to_string(),
        "durationMs": found.nanos / 1_000_000,
        "spanSet": set,
        "spanSets": [set],
        "serviceStats": services,
    })
}

fn span(span: &Matched) -> Value {
    let attributes: Vec<Value> =
        span.attributes.iter().map(|(name, value)| json!({"key": name, "value": {"stringValue": value}})).collect();
    json!({
        "spanID": hex(&span.span),
        "name": span.name,
        "startTimeUnixNano": span.start.to_string(),
        "durationNanos": span.nanos.to_string(),
        "attributes": attributes,
    })
}

#[cfg(test)]
mod tests {
    use taskpulse_engine::traces::traceql::Query;

    use super::*;

    #[test]
    fn tags_are_a_query() {
        for (tags, query) in [
            ("", "{ true }"),
            ("service.name=web", r#"{ ."service.name" =~ "(?i).*web.*" }"#),
            (r#"a="b \"c" error=true"#, r#"{ ."a" =~ "(?i).*b \"c.*" && status = error }"#),
            ("http.url=a/b.c", r#"{ ."http.url" =~ "(?i).*a\\/b\\.c.*" }"#),
            ("status.code=ok name=x", r#"{ status = ok && name =~ "(?i).*x.*" }"#),
        ] {
            let made = by_tags(tags, &Params::of_text("")).unwrap();
            Query::parse(&made).unwrap_or_else(|error| panic!("{made}: {error}"));
            assert_eq!(made, query, "{tags}");
        }
        let between = by_tags("", &Params::of_text("minDuration=100ms&maxDuration=1s")).unwrap();
        assert_eq!(between, "{ traceDuration >= 100000000 && traceDuration <= 1000000000 }");
        for wrong in ["a", "=b", "a=b a=c", "a=\"b", "a=\"b\"c", "\"a\"=b"] {
            assert!(by_tags(wrong, &Params::of_text("")).is_err(), "{wrong}");
        }
        assert!(by_tags("", &Params::of_text("minDuration=2s&maxDuration=1s")).is_err());
        for odd in ["a=(((", "a=[\\", "a=\u{0}", "a=\\Q", "a.\"b=c\\d", "a=é\u{7f}"] {
            if let Ok(made) = by_tags(odd, &Params::of_text("")) {
                Query::parse(&made).unwrap_or_else(|error| panic!("{odd} {made}: {error}"));
            }
        }
    }
}
