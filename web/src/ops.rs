//! For those who run it: health, readiness, own metrics.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use taskpulse_actors::view::{FailingPart, HealthCheck};

use crate::exposition::Format;
use crate::server::AppState;

fn verdict(failing: Vec<FailingPart>) -> HttpResponse {
    let mut answer = if failing.is_empty() { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    answer.json(HealthCheck::from(failing))
}

/// `GET /healthz`
pub(crate) async fn healthz(state: web::Data<AppState>) -> HttpResponse {
    verdict(state.reporter.failing())
}

/// `GET /readyz`
pub(crate) async fn readyz(state: web::Data<AppState>) -> HttpResponse {
    verdict(state.reporter.not_ready())
}

/// `GET /-/healthy`: health in Prometheus' words, for `promtool check healthy` and probes of containers.
pub(crate) async fn healthy(state: web::Data<AppState>) -> HttpResponse {
    said("Healthy", state.reporter.failing())
}

/// `GET /-/ready`
pub(crate) async fn ready(state: web::Data<AppState>) -> HttpResponse {
    said("Ready", state.reporter.not_ready())
}

fn said(what: &str, failing: Vec<FailingPart>) -> HttpResponse {
    let lines: String = failing.iter().map(|failing| format!("{}: {}\n", failing.part, failing.reason)).collect();
    let mut answer = if failing.is_empty() { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    let not = if failing.is_empty() { "" } else { "not " };
    answer.content_type("text/plain; charset=utf-8").body(format!("Taskpulse is {not}{what}.\n{lines}"))
}

/// `GET /metrics`
pub(crate) async fn metrics(req: HttpRequest, state: web::Data<AppState>) -> HttpResponse {
    let accept: Vec<&str> = req.headers().get_all(header::ACCEPT).filter_map(|value| value.to_str().ok()).collect();
    let format = Format::accepted(&accept.join(","));
    HttpResponse::Ok()
        .insert_header((header::VARY, "Accept"))
        .content_type(format.content_type())
        .body(format.write(state.reporter.metrics()))
}
