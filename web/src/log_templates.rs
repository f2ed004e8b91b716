//! Error lines grouped by template.

use actix_web::HttpResponse;
use serde::Serialize;
use serde_json::json;
use taskpulse_actors::clock::now_ms;
use taskpulse_engine::logs::templates::{Found, MAX_TEMPLATES};
use taskpulse_engine::model::rfc3339;
use utoipa::ToSchema;

use crate::envelope::ApiError;
use crate::logs::ask::State;
use crate::logs::times;
use crate::logs::{LOG_END, LOG_START};
use crate::parameter::{self, Parameter};
use crate::params::Params;
use crate::route::{Route, Shape};

/// Templates of an answer where a request says nothing.
const DEFAULT: i64 = 100;
const MS: i64 = 1_000_000;

pub(crate) fn routes() -> Vec<Route> {
    const SERVICE: Parameter = Parameter::query("service", "of this service; of all by default", parameter::text);
    const LIMIT: Parameter = Parameter::query(
        "limit",
        "templates at the most, those with most lines",
        || json!({"type": "integer", "minimum": 1, "maximum": MAX_TEMPLATES, "default": DEFAULT}),
    );
    vec![
        Route::get("/api/v1/logs/templates", templates)
            .about("Kinds of error lines, those with most lines first")
            .parameters(&[SERVICE, LOG_START, LOG_END, LIMIT])
            .answers(Shape::data::<LogTemplates>()),
    ]
}

/// Kinds of error lines.
#[derive(Debug, Serialize, ToSchema)]
struct LogTemplates {
    /// Those with lines within the time, those with most lines first.
    templates: Vec<LogTemplate>,
    /// Lines that were not grouped since the start of the service, since too many came at once.
    dropped: u64,
}

/// A kind of lines of level `warn` or worse.
#[derive(Debug, Serialize, ToSchema)]
struct LogTemplate {
    /// The same as long as the template is known, also after a restart.
    #[schema(example = "9f3c5a1e7b2d4c60")]
    id: String,
    /// The service, by the labels of the stream.
    #[schema(example = "web")]
    service: String,
    /// `warn`, `error` or `fatal`.
    level: String,
    /// What the lines have in common; `<*>` where they differ.
    #[schema(example = "connection to <*> refused")]
    template: String,
    /// Lines within the time, by whole minutes; the last six hours are counted.
    count: u64,
    /// The time of its first line.
    #[schema(format = "date-time")]
    first_seen: String,
    /// The time of its newest line.
    #[schema(format = "date-time")]
    last_seen: String,
    /// One of its newest lines.
    example: LogExample,
    /// Whether it is not an hour old, and its service was known before.
    new: bool,
    /// Whether far more of its lines come than usual.
    burst: bool,
}

/// A line of a template.
#[derive(Debug, Serialize, ToSchema)]
struct LogExample {
    /// Its time.
    #[schema(format = "date-time")]
    time: String,
    /// Its text, at most 200 characters, with control characters escaped.
    text: String,
}

impl LogTemplate {
    fn of(Found { template, count }: Found, now: i64) -> Self {
        Self {
            template: template.text(),
            new: template.is_new(now),
            burst: template.burst.is_some(),
            first_seen: rfc3339(template.first_seen),
            last_seen: rfc3339(template.last_seen),
            example: LogExample { time: rfc3339(template.example.at), text: template.example.text },
            id: template.id,
            service: template.service,
            level: template.level,
            count,
        }
    }
}

async fn templates(state: State, params: Params) -> Result<HttpResponse, ApiError> {
    let (start, end) = times::range_of_query(&params)?;
    let limit = params.number_within("limit", DEFAULT, 1..=MAX_TEMPLATES as i64)? as usize;
    let range = (start.div_euclid(MS), end.div_euclid(MS));
    let kept = state.logs.templates();
    let found = kept.read(|miner| miner.list(params.get("service"), range, limit));
    let now = now_ms();
    let templates = found.into_iter().map(|found| LogTemplate::of(found, now)).collect();
    state.answers.success(&LogTemplates { templates, dropped: kept.dropped() })
}
