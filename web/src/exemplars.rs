//! Exemplars of the series that a query reads, as Prometheus answers them.

use std::time::Instant;

use actix_web::{HttpResponse, web};
use serde_json::json;
use taskpulse_actors::view::SeriesExemplars;
use taskpulse_engine::model::Selector;
use taskpulse_engine::promql::syntax::Grid;
use taskpulse_engine::promql::{self, Query};

use crate::answers::List;
use crate::envelope::{ApiError, blocking};
use crate::parameter::{Parameter, QUERY, TIMEOUT, search_time};
use crate::params::Params;
use crate::query::{QueryGuard, TRUNCATED, place, timeout};
use crate::route::{Route, Shape};
use crate::server::AppState;

pub(crate) fn routes() -> Vec<Route> {
    const FROM: Parameter =
        Parameter::query("start", "the first time of an exemplar; the first there is where it is left out", search_time);
    const TO: Parameter = Parameter::query("end", "the last one", search_time);
    const MOST: Parameter = Parameter::query(
        "limit",
        "exemplars at the most, the highest of as many equal parts of their time; 0 for all",
        || json!({"type": "integer", "minimum": 0, "maximum": i64::MAX}),
    );
    vec![
        Route::get_or_post("/api/v1/query_exemplars", exemplars)
            .about("Exemplars of all series that a query reads")
            .parameters(&[QUERY, FROM, TO, MOST, TIMEOUT])
            .answers(Shape::list::<SeriesExemplars>())
            .fails(&[422]),
    ]
}

async fn exemplars(state: web::Data<AppState>, params: Params) -> Result<HttpResponse, ApiError> {
    let (start, end) = params.search_range()?;
    if end < start {
        return Err(ApiError::bad_data("end timestamp must not be before start timestamp"));
    }
    let limit = params.limit()?;
    let text = params.required("query")?.to_owned();
    let deadline = Instant::now() + timeout(&params, state.queries.timeout)?;
    let (_waiting, guard) = QueryGuard::until(deadline);
    let _place = place(&state.selector_places, deadline).await?;
    let store = state.store.clone();
    let answer = blocking(move || {
        let query = Query { expr: promql::parse_expr(&text)?, text, grid: Grid::default() };
        // What the labels of info() match has exemplars of its own, which are not those of the query.
        let selectors: Vec<Selector> = promql::selectors(&query)?;
        if selectors.is_empty() || store.exemplar_count() == 0 {
            return Ok(List::new().finish());
        }
        let mut ids = store.select_while(&selectors, &|| guard.check())?;
        ids.sort_unstable();
        let (mut found, cut) = store.exemplars_within(&ids, start, end, limit);
        found.sort_by(|a, b| a.labels.cmp_pairs(&b.labels));
        let mut list = List::new();
        for of in found {
            list.push(&SeriesExemplars::from(of))?;
        }
        Ok(list.finish_with(if cut { &[TRUNCATED] } else { &[] }))
    });
    state.answers.send_text(answer.await?)
}
