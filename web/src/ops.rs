//! For those who run it: health, readiness, own metrics.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use taskpulse_actors::view::{FailingPart, HealthCheck};

use crate::exposition::Format;
use crate::route::{Content, Route, Shape};
use crate::server::AppState;

pub(crate) fn routes() -> Vec<Route> {
    const TEXT: &[Content] = &[("text/plain", Shape::TEXT)];
    const VERDICT: &[Content] = &[("application/json", Shape::of::<HealthCheck>())];
    const METRICS: &[Content] = &[("text/plain", Shape::TEXT), ("application/openmetrics-text", Shape::TEXT)];
    let verdict = |route: Route, about, content: &[Content]| {
        route.about(about).answers_with(200, "It is", content).answers_with(503, "It is not, and why", content)
    };
    vec![
        Route::get("/metrics", metrics)
            .about("The service's own metrics: Prometheus' text 0.0.4, or OpenMetrics where `Accept` prefers it")
            .answers_with(200, "Metrics", METRICS),
        verdict(Route::get("/healthz", healthz), "Whether it is well", VERDICT),
        verdict(Route::get("/readyz", readyz), "Whether it is ready: neither starting nor stopping nor failing", VERDICT),
        verdict(Route::get("/-/healthy", healthy), "As /healthz, in Prometheus' words", TEXT),
        verdict(Route::get("/-/ready", ready), "As /readyz, in Prometheus' words", TEXT),
    ]
}

fn verdict(failing: Vec<FailingPart>) -> HttpResponse {
    let mut answer = if failing.is_empty() { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    answer.json(HealthCheck::from(failing))
}

async fn healthz(state: web::Data<AppState>) -> HttpResponse {
    verdict(state.reporter.failing())
}

async fn readyz(state: web::Data<AppState>) -> HttpResponse {
    verdict(state.reporter.not_ready())
}

/// Health in Prometheus' words, for `promtool check healthy` and probes of containers.
async fn healthy(state: web::Data<AppState>) -> HttpResponse {
    said("Healthy", state.reporter.failing())
}

async fn ready(state: web::Data<AppState>) -> HttpResponse {
    said("Ready", state.reporter.not_ready())
}

fn said(what: &str, failing: Vec<FailingPart>) -> HttpResponse {
    let lines: String = failing.iter().map(|failing| format!("{}: {}\n", failing.part, failing.reason)).collect();
    let mut answer = if failing.is_empty() { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    let not = if failing.is_empty() { "" } else { "not " };
    answer.content_type("text/plain; charset=utf-8").body(format!("Taskpulse is {not}{what}.\n{lines}"))
}

async fn metrics(req: HttpRequest, state: web::Data<AppState>) -> HttpResponse {
    let accept: Vec<&str> = req.headers().get_all(header::ACCEPT).filter_map(|value| value.to_str().ok()).collect();
    let format = Format::accepted(&accept.join(","));
    HttpResponse::Ok()
        .insert_header((header::VARY, "Accept"))
        .content_type(format.content_type())
        .body(format.write(state.reporter.metrics()))
}
