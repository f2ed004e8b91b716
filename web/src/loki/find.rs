//! Which streams there are, what labels they have, and how much is said in them.

use std::collections::BTreeSet;

use actix_web::{HttpResponse, web};
use serde_json::{Value, json};
use taskpulse_engine::logs::logql::{self, Bounds, MetricRequest, Query, Read};
use taskpulse_engine::logs::record::TimeNs;
use taskpulse_engine::logs::{Direction, Source};
use taskpulse_engine::model::{Labels, MatchOp, Matcher};
use taskpulse_engine::promql::Answer;
use taskpulse_engine::promql::syntax::Grid;

use super::{Answered, ERRORS, Given, SINCE, success, texts};
use crate::answers::List;
use crate::envelope::ApiError;
use crate::logs::ask::{Ask, Found, State, logql_schema, with_source};
use crate::logs::{LOG_END, LOG_START, LOG_STEP, SEARCH_START, send_metric, times};
use crate::parameter::{self, Parameter, TIMEOUT};
use crate::params::Params;
use crate::route::{Route, Shape};

/// Selectors of one request.
const MAX_SELECTORS: usize = 100;
/// Series of a volume, and where a request says nothing.
const MAX_VOLUMES: i64 = 1_000;
const VOLUMES: i64 = 100;
const MS: i64 = 1_000_000;

pub(super) fn routes() -> Vec<Route> {
    const SELECTOR: Parameter = Parameter::query("query", "which streams: a selector such as {app=\"web\"}", logql_schema);
    const NAME: Parameter = Parameter::path("name", "the label", || json!({"type": "string", "minLength": 1}));
    const MATCH: Parameter = Parameter::query("match[]", "a selector of streams; may be repeated", parameter::texts);
    const TOP: Parameter = Parameter::query(
        "limit",
        "series at the most",
        || json!({"type": "integer", "minimum": 1, "maximum": MAX_VOLUMES, "default": VOLUMES}),
    );
    const TARGETS: Parameter =
        Parameter::query("targetLabels", "labels that streams are added up by, separated by commas", parameter::text);
    vec![
        Route::get_or_post("/loki/api/v1/labels", labels)
            .about("Names of the labels of streams")
            .parameters(&[SEARCH_START, LOG_END, SINCE, SELECTOR, TIMEOUT])
            .answers(Shape::new(texts))
            .fails_with(&[422], ERRORS),
        Route::get_or_post("/loki/api/v1/label/{name}/values", values)
            .about("Values of a label of streams")
            .parameters(&[NAME, SEARCH_START, LOG_END, SINCE, SELECTOR, TIMEOUT])
            .answers(Shape::new(texts))
            .fails_with(&[422], ERRORS),
        Route::get_or_post("/loki/api/v1/series", series)
            .about("The labels of streams")
            .parameters(&[MATCH, SEARCH_START, LOG_END, SINCE, TIMEOUT])
            .answers(Shape::new(|| success(json!({"type": "array", "items": {"type": "object"}}))))
            .fails_with(&[422], ERRORS),
        Route::get_or_post("/loki/api/v1/index/stats", stats)
            .about("How many streams, lines and bytes a selector finds")
            .parameters(&[SELECTOR.required(), LOG_START, LOG_END, SINCE, TIMEOUT])
            .answers(Shape::new(|| json!({"type": "object", "additionalProperties": {"type": "integer"}})))
            .fails_with(&[422], ERRORS),
        Route::get_or_post("/loki/api/v1/index/volume", volume)
            .about("How many bytes a selector finds, by labels")
            .parameters(&[SELECTOR.required(), LOG_START, LOG_END, SINCE, TOP, TARGETS, TIMEOUT])
            .answers(super::RESULT)
            .fails_with(&[422], ERRORS),
        Route::get_or_post("/loki/api/v1/index/volume_range", volume_range)
            .about("How many bytes a selector finds, by labels and time")
            .parameters(&[SELECTOR.required(), LOG_START, LOG_END, SINCE, LOG_STEP, TOP, TARGETS, TIMEOUT])
            .answers(super::RESULT)
            .fails_with(&[422], ERRORS),
    ]
}

/// The matchers of a selector; none for all streams.
fn matchers(text: Option<&str>) -> Result<Vec<Matcher>, ApiError> {
    // What some clients write for everything.
    match text.map(str::trim).filter(|text| *text != "{}") {
        Some(text) => Ok(logql::selector(text)?),
        None => Ok(Vec::new()),
    }
}

async fn streams_of(state: &State, params: &Params, selectors: Vec<String>) -> Result<Vec<Labels>, ApiError> {
    let (start, end) = times::range_of_search(params)?;
    let (found, _) = with_source(state, params, move |source, bounds| {
        let mut found = Vec::new();
        for selector in &selectors {
            bounds.check()?;
            let matchers = matchers(Some(selector))?;
            found.extend(source.streams(&matchers, start, end).map_err(logql::LogqlError::from)?);
        }
        found.sort_by(Labels::cmp_pairs);
        found.dedup();
        Ok(found)
    })
    .await?;
    Ok(found)
}

fn one_selector(params: &Params) -> Vec<String> {
    vec![params.get("query").unwrap_or("{}").to_owned()]
}

fn list<T: serde::Serialize>(state: &State, items: impl IntoIterator<Item = T>) -> Answered {
    let mut list = List::new();
    for item in items {
        list.push(&item)?;
    }
    Ok(state.answers.send_text(list.finish())?)
}

async fn labels(state: State, params: Given) -> Answered {
    let params = params?;
    let found = streams_of(&state, &params, one_selector(&params)).await?;
    let names: BTreeSet<&str> = found.iter().flat_map(|labels| labels.iter().map(|(name, _)| name)).collect();
    list(&state, names)
}

async fn values(state: State, name: web::Path<String>, params: Given) -> Answered {
    let params = params?;
    let found = streams_of(&state, &params, one_selector(&params)).await?;
    let values: BTreeSet<&str> = found.iter().filter_map(|labels| labels.get(&name)).collect();
    list(&state, values)
}

async fn series(state: State, params: Given) -> Answered {
    let params = params?;
    params.whole()?;
    let mut selectors: Vec<String> = [params.all("match[]"), params.all("match")].concat().into_iter().map(str::to_owned).collect();
    if selectors.len() > MAX_SELECTORS {
        return Err(
            ApiError::bad_data(format!("there are {} `match[]`; at most {MAX_SELECTORS} are answered at once", selectors.len())).into()
        );
    }
    if selectors.is_empty() {
        selectors.push("{}".to_owned());
    }
    let found = streams_of(&state, &params, selectors).await?;
    list(&state, found)
}

/// The one value of a query at the end of a range that is as long as what it counts.
fn value_of(text: &str, end: TimeNs, bounds: &Bounds, source: &dyn Source) -> Result<(f64, Read), ApiError> {
    let Query::Metric(query) = Query::parse(text, Grid::default())? else { return Ok((0.0, Read::default())) };
    let request = MetricRequest { start: end, end, step_ms: 1, now: times::now() / MS };
    let (answer, _, read) = logql::metric(&query, &request, bounds, source)?;
    let value = match answer {
        Answer::Vector(rows) => rows.first().and_then(|row| row.values.first().copied()).unwrap_or(0.0),
        _ => 0.0,
    };
    Ok((value, read))
}

/// The length of a range in milliseconds, at least one.
fn range_ms(start: TimeNs, end: TimeNs) -> i64 {
    ((end - start) / MS).max(1)
}

async fn stats(state: State, params: Given) -> Answered {
    let params = params?;
    let text = params.required("query")?.to_owned();
    let (start, end) = times::range_of_query(&params)?;
    let (found, _) = with_source(&state, &params, move |source, bounds| {
        let matchers = logql::selector(&text)?;
        let streams = source.streams(&matchers, start, end).map_err(logql::LogqlError::from)?.len();
        let (bytes, read) = value_of(&format!("sum(bytes_over_time({text}\n[{}ms]))", range_ms(start, end)), end, bounds, source)?;
        // Blocks of files are no chunks of Loki's; none are counted.
        Ok(json!({"streams": streams, "chunks": 0, "entries": read.lines, "bytes": bytes as u64}))
    })
    .await?;
    Ok(HttpResponse::Ok().json(found))
}

/// The query of a volume: bytes by the labels that are asked for, or those of the selector.
fn volume_text(params: &Params, range_ms: i64) -> Result<String, ApiError> {
    let text = params.required("query")?;
    let matchers = logql::selector(text)?;
    let top = params.number_within("limit", VOLUMES, 1..=MAX_VOLUMES)?;
    let plain = |name: &&str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') && !name.is_empty();
    let targets: Vec<&str> = match params.get("targetLabels") {
        Some(given) => given.split(',').map(str::trim).filter(plain).collect(),
        None => {
            let positive = matchers.iter().filter(|matcher| matches!(matcher.op, MatchOp::Equal(_) | MatchOp::Matches(_)));
            positive.map(|matcher| matcher.name.as_str()).filter(plain).collect()
        }
    };
    Ok(format!("topk({top}, sum by ({}) (bytes_over_time({text}\n[{range_ms}ms])))", targets.join(",")))
}

async fn volume(state: State, params: Given) -> Answered {
    let params = params?;
    let (start, end) = times::range_of_query(&params)?;
    let text = volume_text(&params, range_ms(start, end))?;
    let ask = Ask { text, start, end: end.saturating_add(1), step_ms: None, limit: 1, direction: Direction::Backward, interval: 0 };
    send(state, &params, ask).await
}

async fn volume_range(state: State, params: Given) -> Answered {
    let params = params?;
    let (start, end) = times::range_of_query(&params)?;
    let step_ms = times::step_ms(&params, start, end)?;
    let text = volume_text(&params, step_ms)?;
    let ask = Ask { text, start, end, step_ms: Some(step_ms), limit: 1, direction: Direction::Backward, interval: 0 };
    send(state, &params, ask).await
}

async fn send(state: State, params: &Params, ask: Ask) -> Answered {
    let (ask, found, cost) = ask.answer(&state, params).await?;
    match found {
        Found::Metric { answer, .. } => {
            let stats: Value = cost.stats(0);
            Ok(send_metric(&state, &ask, answer, format!(",\"stats\":{stats}}}}}"))?)
        }
        Found::Lines(_) => Err(ApiError::bad_data("a volume is of streams, not of lines").into()),
    }
}
