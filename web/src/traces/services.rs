//! Figures of services from spans: requests, errors, durations, and who calls whom.

use std::ops::ControlFlow;

use actix_web::{HttpResponse, web};
use serde::Serialize;
use taskpulse_engine::logs::record::TimeNs;
use taskpulse_engine::model::rfc3339_nanos;
use taskpulse_engine::traces::figures::{Collector, Figures, Requests};
use taskpulse_engine::traces::traceql::{Scan, Source as _};
use utoipa::ToSchema;

use crate::envelope::ApiError;
use crate::logs::{LOG_END, LOG_START, times};
use crate::parameter::TIMEOUT;
use crate::params::Params;
use crate::route::{Route, Shape};
use crate::server::AppState;
use crate::trace_search::with_spans;

/// Spans that are counted at the most, the newest.
const MAX_SPANS: usize = 250_000;

pub(super) fn route() -> Route {
    Route::get("/api/v1/traces/services", services)
        .about("Requests, errors and durations of services, and who calls whom, counted from spans")
        .parameters(&[LOG_START, LOG_END, TIMEOUT])
        .answers(Shape::data::<ServiceMap>())
        .fails(&[422])
}

/// Services and the calls between them.
#[derive(Debug, Serialize, ToSchema)]
struct ServiceMap {
    /// From when on spans are counted: the start that was asked for, or later where there are too many spans.
    #[schema(format = "date-time")]
    since: String,
    /// By name.
    services: Vec<ServiceFigures>,
    /// By client and server.
    edges: Vec<Calls>,
    /// Spans that were counted.
    spans_read: usize,
    /// Whether there are older spans within the time, which are not counted.
    more: bool,
}

/// Figures of a service.
#[derive(Debug, Serialize, ToSchema)]
struct ServiceFigures {
    /// `service.name`; of what sends no spans itself, the name that its clients give it.
    service: String,
    /// Its spans; 0 where it is known from its clients alone, whose figures these are then.
    spans: u64,
    /// Spans with which it began to work for somebody.
    requests: u64,
    /// Those of them that failed.
    errors: u64,
    /// Requests a second.
    rate: Option<f64>,
    /// The share of requests that failed; null without requests.
    error_ratio: Option<f64>,
    /// Half of the requests took no longer.
    p50_seconds: Option<f64>,
    /// 95 % of the requests took no longer.
    p95_seconds: Option<f64>,
    /// 99 % of the requests took no longer.
    p99_seconds: Option<f64>,
}

/// Calls from one service to another.
#[derive(Debug, Serialize, ToSchema)]
struct Calls {
    /// Who calls.
    client: String,
    /// Who is called.
    server: String,
    /// How often.
    requests: u64,
    /// How many of the calls failed.
    errors: u64,
    /// 95 % of the calls took no longer.
    p95_seconds: Option<f64>,
}

impl ServiceFigures {
    fn of(service: &str, spans: u64, requests: &Requests, seconds: f64) -> Self {
        let quantile = |share| requests.quantile_seconds(share);
        Self {
            service: service.to_owned(),
            spans,
            requests: requests.count,
            errors: requests.errors,
            rate: (seconds > 0.0).then(|| requests.count as f64 / seconds),
            error_ratio: (requests.count > 0).then(|| requests.errors as f64 / requests.count as f64),
            p50_seconds: quantile(0.5),
            p95_seconds: quantile(0.95),
            p99_seconds: quantile(0.99),
        }
    }
}

impl ServiceMap {
    fn of(figures: &Figures, (since, end): (TimeNs, TimeNs), spans_read: usize, more: bool) -> Self {
        let seconds = end.saturating_sub(since) as f64 / 1e9;
        let services = figures.services.iter();
        let edges = figures.calls.iter().map(|((client, server), requests)| Calls {
            client: client.to_string(),
            server: server.to_string(),
            requests: requests.count,
            errors: requests.errors,
            p95_seconds: requests.quantile_seconds(0.95),
        });
        Self {
            since: rfc3339_nanos(since),
            services: services.map(|(name, service)| ServiceFigures::of(name, service.spans, &service.requests, seconds)).collect(),
            edges: edges.collect(),
            spans_read,
            more,
        }
    }
}

async fn services(state: web::Data<AppState>, params: Params) -> Result<HttpResponse, ApiError> {
    let (start, end) = times::range_of_query(&params)?;
    let map = with_spans(&state, &params, move |spans, _| {
        let (mut collector, mut oldest, mut more) = (Collector::default(), start, false);
        spans.scan(&Scan { start, end, services: None }, &mut |span| {
            if collector.len() == MAX_SPANS {
                more = true;
                return ControlFlow::Break(());
            }
            oldest = span.span.start;
            collector.add(span);
            ControlFlow::Continue(())
        })?;
        let since = if more { oldest } else { start };
        Ok(ServiceMap::of(&collector.figures(), (since, end), collector.len(), more))
    });
    state.answers.success(&map.await?)
}
