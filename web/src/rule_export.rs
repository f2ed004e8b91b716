//! All rules in force as a Prometheus rule file.

use actix_web::{HttpResponse, web};
use serde_json::json;
use taskpulse_engine::rules::files;

use crate::route::{Content, Route, Shape};
use crate::server::AppState;

const YAML: &str = "application/yaml";

pub(crate) fn routes() -> Vec<Route> {
    const FILE: &[Content] = &[(YAML, Shape::new(|| json!({"type": ["object", "string"], "description": "Groups of rules"})))];
    vec![Route::get("/api/v1/rules/export", export).about("All rules in force, as a Prometheus rule file").answers_with(
        200,
        "A rule file",
        FILE,
    )]
}

async fn export(state: web::Data<AppState>) -> HttpResponse {
    HttpResponse::Ok().content_type(YAML).body(files::export(&state.reporter.views.rules().set))
}
