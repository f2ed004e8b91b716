//! Records brought in as OTLP JSON lines: each line of text is a request of OTLP, kept by itself.

use actix_web::{HttpResponse, ResponseError};
use serde_json::json;

use crate::body::BodyLimits;
use crate::envelope::{ApiError, success};
use crate::record_ingest::Outcome;
use crate::route::{Body, Shape};

/// What answers with such lines are.
pub(crate) const KIND: &str = "application/x-ndjson";
/// Lines of a request that an answer names.
const MAX_NAMED: usize = 10;

/// The body of such a request.
pub(crate) const fn body(about: &'static str) -> Body {
    Body { content: &[("text/plain", Shape::TEXT)], required: false, about, limits: BodyLimits::SETTING }
}

/// Has the records of each line kept. A line that cannot be read does not hold up the others, and is named.
pub(crate) async fn import(
    body: &[u8],
    records: &str,
    keep: impl AsyncFn(&[u8]) -> Result<Outcome, ApiError>,
) -> Result<HttpResponse, ApiError> {
    let (mut kept, mut problems, mut gone) = (0u64, Vec::new(), 0u64);
    for (number, line) in (1..).zip(body.split(|byte| *byte == b'\n')) {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let why = match keep(line).await {
            Ok(outcome) => {
                kept += outcome.accepted;
                gone += outcome.rejected;
                outcome.message()
            }
            Err(error) if error.status_code().is_client_error() => {
                gone += 1;
                error.to_string()
            }
            // What was kept before is kept: to send it again does no harm.
            Err(error) => return Err(error),
        };
        if !why.is_empty() && problems.len() < MAX_NAMED {
            problems.push(format!("line {number}: {why}"));
        }
    }
    if gone > 0 {
        return Err(ApiError::bad_data(format!("{kept} {records} were kept, {gone} were not: {}", problems.join("; "))));
    }
    Ok(success(json!({"kept": kept})))
}
