//! Webhooks: deliveries from GitHub, accepted only with a valid signature.
//!
//! The signature replaces the token of the service. A signed delivery of a watched repository goes to the collector. One that
//! came before, or that concerns nothing watched, is answered with 200 (GitHub would send it again) and counted.

use actix_web::http::header::HeaderMap;
use actix_web::{HttpRequest, HttpResponse, web};
use hmac::{Hmac, Mac};
use serde::Serialize;
use serde_json::json;
use sha2::Sha256;
use taskpulse_actors::collectors::github::state::Delivered;
use taskpulse_engine::ci::parse::{self, Delivery};
use utoipa::ToSchema;

use crate::body::{self, BodyLimits};
use crate::envelope::{ApiError, success};
use crate::parameter::Parameter;
use crate::route::{Body, Route, Shape};
use crate::server::AppState;

/// Where deliveries come.
pub(crate) const GITHUB: &str = "/hooks/github";
/// Longest number of a delivery.
const MAX_ID: usize = 100;

pub(crate) fn routes() -> Vec<Route> {
    const SIGNATURE: Parameter = Parameter::header(
        "X-Hub-Signature-256",
        "the body, signed with `github.webhook_secret`",
        || json!({"type": "string", "pattern": "^sha256=[0-9a-fA-F]{64}$"}),
    );
    const DELIVERY: Parameter =
        Parameter::header("X-GitHub-Delivery", "its number", || json!({"type": "string", "minLength": 1, "maxLength": MAX_ID}));
    const EVENT: Parameter = Parameter::header("X-GitHub-Event", "what it is about", || json!({"type": "string"}));
    const BODY: Body = Body {
        content: &[("application/json", Shape::new(|| json!({"type": "object"})))],
        required: true,
        about: "The delivery, as GitHub writes it",
        // The longest that GitHub sends.
        limits: BodyLimits { packed: Some(25 << 20), unpacked: None, unknown_sender: true },
    };
    vec![
        Route::post(GITHUB, github)
            .about("Webhook deliveries of GitHub; 404 while `github.webhook_secret` is unset")
            .parameters(&[SIGNATURE, DELIVERY, EVENT])
            .body(BODY)
            .answers(Shape::data::<Outcome>())
            .fails(&[401, 404]),
    ]
}

/// What became of a delivery.
#[derive(Debug, Serialize, ToSchema)]
struct Outcome {
    /// `accepted`, `ignored` (nobody watches what it is about) or `replayed` (it came before).
    #[schema(pattern = "^(accepted|ignored|replayed)$")]
    outcome: &'static str,
}

async fn github(req: HttpRequest, payload: web::Payload, state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    let Some(secret) = state.hooks.secret() else {
        return Err(ApiError::not_found("none are taken while github.webhook_secret is unset; set it to the secret of the webhook"));
    };
    let stats = &state.reporter.stats;
    let event = text(req.headers(), "x-github-event").unwrap_or("");
    let refused = |error: ApiError| {
        stats.count_webhook(event, "refused");
        error
    };
    let signature = signature(text(req.headers(), "x-hub-signature-256")).map_err(refused)?;
    let body = body::read(&req, payload).await.map_err(refused)?;
    verify(secret, &body, signature).map_err(refused)?;
    let Some(id) = text(req.headers(), "x-github-delivery").filter(|id| !id.is_empty() && id.len() <= MAX_ID) else {
        return Err(refused(ApiError::bad_data("the header X-GitHub-Delivery is missing or too long")));
    };
    let delivery = parse::delivery(event, &body).map_err(|error| refused(ApiError::bad_data(error.to_string())))?;
    let outcome = match delivery {
        Delivery::Ping => "accepted",
        Delivery::Other => "ignored",
        Delivery::Run { repo, run } => match state.hooks.take(id, signature, &repo, *run) {
            Delivered::Accepted => "accepted",
            Delivered::Replayed => "replayed",
            Delivered::NotWatched => "ignored",
            Delivered::Full => return Err(refused(ApiError::busy("too many deliveries wait"))),
        },
    };
    stats.count_webhook(event, outcome);
    Ok(success(Outcome { outcome }))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn wrong() -> ApiError {
    ApiError::unauthorized("the signature X-Hub-Signature-256 is missing or not made with github.webhook_secret")
}

/// The hexadecimal digits of a delivery's signature, in lower case alone: a replay is recognised by them, so one signature must have
/// one spelling. A delivery without one is refused before its body is read.
fn signature(given: Option<&str>) -> Result<&str, ApiError> {
    let hex = given.and_then(|given| given.strip_prefix("sha256="));
    hex.filter(|hex| hex.len() == 64 && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))).ok_or_else(wrong)
}

/// Verifies that a body is signed with the secret, in constant time.
fn verify(secret: &str, body: &[u8], hex: &str) -> Result<(), ApiError> {
    let tag: Vec<u8> = (0..hex.len() / 2).filter_map(|at| u8::from_str_radix(hex.get(2 * at..2 * at + 2)?, 16).ok()).collect();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).map_err(|error| ApiError::internal(error.to_string()))?;
    mac.update(body);
    mac.verify_slice(&tag).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_must_be_signed_with_the_secret() {
        // The example of GitHub's documentation.
        let (secret, body) = ("It's a Secret to Everybody", b"Hello, World!");
        let right = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let check = |secret, body, given| verify(secret, body, signature(given)?);
        assert!(check(secret, &body[..], Some(right)).is_ok());
        let upper = format!("sha256={}", right[7..].to_uppercase());
        assert!(check(secret, &body[..], Some(&upper)).is_err(), "another spelling would pass as another delivery");
        for wrong in
            [None, Some(""), Some("sha256="), Some(&right[..70]), Some(&right[7..]), Some("sha1=757107ea0eb2509fc211221cce984b8a37570b6d")]
        {
            assert!(check(secret, &body[..], wrong).is_err(), "{wrong:?}");
        }
        assert!(check(secret, &b"Hello, World"[..], Some(right)).is_err());
        assert!(check("another", &body[..], Some(right)).is_err());
    }
}
