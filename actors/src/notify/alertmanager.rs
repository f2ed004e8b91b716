//! Alerts to an Alertmanager, which groups, silences and notifies by itself.
//!
//! It takes silence for an end, so all that was announced is sent again every minute, with an end that lies four minutes ahead.

use std::time::Duration;

use reqwest::header::HeaderMap;
use taskpulse_engine::notices::{Notice, render};

use super::channel::{Delivery, ExternalUrl, Transport};
use super::http::{place, post};
use crate::clock::Clock;

/// How often everything is sent again.
pub const RESEND_MS: i64 = 60_000;
/// For how long a firing alert holds without being sent again.
const HOLDS_MS: i64 = 4 * RESEND_MS;

/// A channel to an Alertmanager.
pub struct AlertmanagerChannel {
    /// Its address, with the path of its API: `http://host:9093/api/v2/alerts`.
    pub url: String,
    /// Further headers; may hold a secret.
    pub headers: HeaderMap,
    /// Longest time of a request.
    pub timeout: Duration,
    /// For links.
    pub external_url: ExternalUrl,
}

impl Transport for AlertmanagerChannel {
    fn kind(&self) -> &'static str {
        "alertmanager"
    }

    fn target(&self) -> String {
        place(&self.url)
    }

    fn deliver(&self, notice: &Notice, _: Option<&str>) -> Delivery {
        let bodies = render::alertmanager(notice, &(self.external_url)(), Clock::system().now_ms(), HOLDS_MS);
        let (url, headers, timeout) = (self.url.clone(), self.headers.clone(), self.timeout);
        Box::pin(async move {
            for body in bodies {
                post(&url, headers.clone(), body.to_string(), timeout).await?;
            }
            Ok(None)
        })
    }
}
