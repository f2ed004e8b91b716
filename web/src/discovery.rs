//! What there is: series, names and values of labels, what metrics mean, as Prometheus answers it.
//!
//! A series is listed when it has a sample within `start` and `end`. That is exact, where Prometheus goes by chunks and blocks.

use actix_web::{HttpResponse, web};
use serde::Serialize;
use serde_json::{Map, Value, json};
use taskpulse_actors::view::MetricMetadata;
use taskpulse_engine::metrics::METRICS;
use taskpulse_engine::model::{Selector, SeriesId, TimestampMs};
use taskpulse_engine::store::StoreReader;

use crate::answers::List;
use crate::envelope::ApiError;
use crate::parameter::{self, LIMIT, MATCH, Parameter, SEARCH_END, SEARCH_START, TIMEOUT};
use crate::params::Params;
use crate::query::{QueryGuard, TRUNCATED, need_match, with_selectors};
use crate::route::{Route, Shape};
use crate::server::AppState;
use crate::shapes;

pub(crate) const METRIC: Parameter = Parameter::query("metric", "this metric alone", parameter::text);
/// How escaped names of labels begin.
const ESCAPED: &str = "U__";
/// Digits of the largest character.
const MAX_HEX_DIGITS: usize = 6;

pub(crate) fn routes() -> Vec<Route> {
    const NAME: Parameter = Parameter::path(
        "name",
        "the label; it may be escaped: `U__k8s_2e_name` is `k8s.name`",
        || json!({"type": "string", "minLength": 1}),
    );
    const METRIC_LIMIT: Parameter =
        Parameter::query("limit", "metrics at the most; none where it is 0, all where it is negative", parameter::integer);
    const LIMIT_PER_METRIC: Parameter =
        Parameter::query("limit_per_metric", "entries of a metric at the most; each has one", parameter::integer);
    vec![
        Route::get_or_post("/api/v1/series", series)
            .about("Label sets of the series that are selected")
            .parameters(&[MATCH.required(), SEARCH_START, SEARCH_END, LIMIT, TIMEOUT])
            .answers(shapes::LABEL_SETS)
            .fails(&[422]),
        Route::get_or_post("/api/v1/labels", labels)
            .about("Names of labels")
            .parameters(&[MATCH, SEARCH_START, SEARCH_END, LIMIT, TIMEOUT])
            .answers(shapes::TEXTS)
            .fails(&[422]),
        Route::get("/api/v1/label/{name}/values", label_values)
            .about("Values of a label")
            .parameters(&[NAME, MATCH, SEARCH_START, SEARCH_END, LIMIT, TIMEOUT])
            .answers(shapes::TEXTS)
            .fails(&[404, 422]),
        Route::get("/api/v1/metadata", metadata)
            .about("Type, help and unit of metrics")
            .parameters(&[METRIC, METRIC_LIMIT, LIMIT_PER_METRIC])
            .answers(Shape::lists_by_name::<MetricMetadata>()),
    ]
}

/// A search: which series, and how many items of the answer.
struct Search {
    range: (TimestampMs, TimestampMs),
    limit: usize,
}

impl Search {
    fn of(params: &Params) -> Result<Self, ApiError> {
        Ok(Self { limit: params.limit()?, range: params.search_range()? })
    }

    fn matched<'a>(
        &'a self,
        store: &'a StoreReader,
        selectors: &[Selector],
        query_guard: &'a QueryGuard,
    ) -> Result<impl Iterator<Item = Result<SeriesId, ApiError>> + 'a, ApiError> {
        let (start, end) = self.range;
        let ids = store.select_while(selectors, &|| query_guard.check())?;
        Ok(ids.into_iter().filter_map(move |id| {
            let there = query_guard.check().map_err(ApiError::from).and_then(|()| Ok(store.has_samples(id, start, end)?));
            there.map(|there| there.then_some(id)).transpose()
        }))
    }

    fn ids(&self, store: &StoreReader, selectors: &[Selector], query_guard: &QueryGuard) -> Result<Vec<SeriesId>, ApiError> {
        self.matched(store, selectors, query_guard)?.collect()
    }

    /// The items as an answer, as many as are wanted.
    fn list<T: Serialize>(&self, items: impl IntoIterator<Item = Result<T, ApiError>>) -> Result<String, ApiError> {
        let mut list = List::new();
        for (count, item) in items.into_iter().enumerate() {
            let item = item?;
            if count == self.limit {
                return Ok(list.finish_with(&[TRUNCATED]));
            }
            list.push(&item)?;
        }
        Ok(list.finish())
    }
}

async fn series(state: web::Data<AppState>, params: Params) -> Result<HttpResponse, ApiError> {
    params.whole()?;
    need_match(&params)?;
    let search = Search::of(&params)?;
    let text = with_selectors(&state, &params, move |store, selectors, query_guard| {
        let found = search.matched(store, selectors, query_guard)?;
        search.list(found.filter_map(|id| id.map(|id| store.labels(id)).transpose()))
    });
    state.answers.send_text(text.await?)
}

async fn labels(state: web::Data<AppState>, params: Params) -> Result<HttpResponse, ApiError> {
    let search = Search::of(&params)?;
    let text = with_selectors(&state, &params, move |store, selectors, query_guard| {
        search.list(store.label_names(&search.ids(store, selectors, query_guard)?).into_iter().map(Ok))
    });
    state.answers.send_text(text.await?)
}

async fn label_values(state: web::Data<AppState>, name: web::Path<String>, params: Params) -> Result<HttpResponse, ApiError> {
    let name = unescaped(&name);
    if name.is_empty() {
        return Err(ApiError::bad_data("invalid label name: \"\""));
    }
    let search = Search::of(&params)?;
    let text = with_selectors(&state, &params, move |store, selectors, query_guard| {
        search.list(store.label_values(&name, &search.ids(store, selectors, query_guard)?).into_iter().map(Ok))
    });
    state.answers.send_text(text.await?)
}

/// A label's name that a client escaped since it is no plain name: `U__k8s_2e_name` is `k8s.name`. What is no such text is a name
/// itself.
fn unescaped(name: &str) -> String {
    name.strip_prefix(ESCAPED).and_then(decoded).unwrap_or_else(|| name.to_owned())
}

fn decoded(escaped: &str) -> Option<String> {
    let mut out = String::with_capacity(escaped.len());
    let mut rest = escaped;
    while let Some((plain, code)) = rest.split_once('_') {
        out.push_str(plain);
        let (code, after) = code.split_once('_')?;
        match code {
            "" => out.push('_'),
            hex if hex.len() <= MAX_HEX_DIGITS && hex.bytes().all(|b| b.is_ascii_hexdigit()) => {
                out.push(char::from_u32(u32::from_str_radix(hex, 16).ok()?)?);
            }
            _ => return None,
        }
        rest = after;
    }
    out.push_str(rest);
    Some(out)
}

/// `limit` is the number of metrics; none where it is 0, as in Prometheus.
async fn metadata(state: web::Data<AppState>, params: Params) -> Result<HttpResponse, ApiError> {
    let limit = params.whole_number("limit")?.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
    // Each metric has one entry: there is nothing to cut.
    params.whole_number("limit_per_metric")?;
    let wanted = params.get("metric");
    let mut all: Map<String, Value> = METRICS
        .iter()
        .filter(|m| wanted.is_none_or(|name| name == m.family()))
        .map(|m| (m.family().to_owned(), json!([{"type": m.kind.name(), "help": m.help, "unit": m.unit}])))
        .collect();
    for (name, meta) in state.reporter.views.metadata() {
        if wanted.is_none_or(|wanted| wanted == name) && !all.contains_key(&name) {
            all.insert(name, json!([meta]));
        }
    }
    let cut = all.len() > limit;
    let data: Map<String, Value> = all.into_iter().take(limit).collect();
    let mut answer = json!({"status": "success", "data": data});
    if cut {
        answer["warnings"] = json!([TRUNCATED]);
    }
    state.answers.send_text(answer.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_names_are_read_by_prometheus_rules() {
        for (name, meant) in [
            ("job", "job"),
            ("U__k8s_2e_namespace_2e_name", "k8s.namespace.name"),
            ("U__a__b", "a_b"),
            ("U__http_2E_status__code", "http.status_code"),
            ("U___1f600_", "😀"),
            ("U__a_10ffff_b", "a\u{10ffff}b"),
            ("U__", ""),
            ("U_a_2e_b", "U_a_2e_b"),
            // No such text: a name of its own.
            ("U__a_2e", "U__a_2e"),
            ("U__a_", "U__a_"),
            ("U__a_xy_b", "U__a_xy_b"),
            ("U__a_+2e_b", "U__a_+2e_b"),
            ("U__a_d800_b", "U__a_d800_b"),
            ("U__a_00000e1_b", "U__a_00000e1_b"),
        ] {
            assert_eq!(unescaped(name), meant, "{name}");
        }
    }
}
