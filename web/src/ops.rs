//! For those who run it: health, readiness, own metrics.

use std::fmt::Write;

use actix_web::{HttpResponse, web};
use serde_json::json;
use taskpulse_engine::metrics::{MetricType, describe};
use taskpulse_engine::model::{NAME_LABEL, format_value};

use crate::envelope::parts;
use crate::server::AppState;

fn verdict(failing: Vec<(String, String)>) -> HttpResponse {
    if failing.is_empty() {
        HttpResponse::Ok().json(json!({"status": "ok", "failing": []}))
    } else {
        HttpResponse::ServiceUnavailable().json(json!({"status": "failing", "failing": parts(failing)}))
    }
}

/// `GET /healthz`
pub(crate) async fn healthz(state: web::Data<AppState>) -> HttpResponse {
    verdict(state.reporter.failing())
}

/// `GET /readyz`
pub(crate) async fn readyz(state: web::Data<AppState>) -> HttpResponse {
    verdict(state.reporter.not_ready())
}

/// `GET /metrics`: OpenMetrics text, version 1.0.0.
pub(crate) async fn metrics(state: web::Data<AppState>) -> HttpResponse {
    let mut series = state.reporter.metrics();
    series.sort_by(|a, b| a.0.name().cmp(b.0.name()));
    let mut out = String::with_capacity(16_384);
    let mut family = String::new();
    for (labels, v) in series {
        let name = labels.name();
        if name != family {
            family = name.to_owned();
            if let Some(metric) = describe(name) {
                // OpenMetrics names a counter's family without `_total`, its sample with it.
                let (shown, kind) = match metric.kind {
                    MetricType::Counter => (name.trim_end_matches("_total"), "counter"),
                    MetricType::Gauge => (name, "gauge"),
                };
                let _ = writeln!(out, "# TYPE {shown} {kind}");
                if !metric.unit.is_empty() && shown.ends_with(metric.unit) {
                    let _ = writeln!(out, "# UNIT {shown} {}", metric.unit);
                }
                let _ = writeln!(out, "# HELP {shown} {}", metric.help);
            }
        }
        out.push_str(name);
        let mut open = false;
        for (label, value) in labels.iter().filter(|(label, _)| *label != NAME_LABEL) {
            out.push(if open { ',' } else { '{' });
            open = true;
            let _ = write!(out, "{label}=\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"));
        }
        if open {
            out.push('}');
        }
        let _ = writeln!(out, " {}", format_value(v));
    }
    out.push_str("# EOF\n");
    HttpResponse::Ok().content_type("application/openmetrics-text; version=1.0.0; charset=utf-8").body(out)
}
