//! Channels over HTTP: a body is posted to an address, and any status of success is a delivery.

use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use reqwest::RequestBuilder;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use taskpulse_engine::notices::Notice;
use taskpulse_engine::notices::render::{self, Template};

use super::channel::{DeliveryError, ExternalUrl, Transport};
use crate::collectors::fetch;

/// Bytes of an answer that are read; they are of use for a reason only.
const MAX_ANSWER: usize = 64 << 10;

/// What is posted.
#[derive(Debug, Clone, PartialEq)]
pub enum Format {
    /// Alertmanager's webhook, version 4.
    Webhook,
    /// A message for Slack.
    Slack,
    /// A message for Discord.
    Discord,
    /// An Adaptive Card for Microsoft Teams.
    Teams,
    /// A message for ntfy.
    Ntfy {
        /// Its topic.
        topic: String,
        /// Whether it has a button that acknowledges.
        may_acknowledge: bool,
    },
    /// A text of one's own.
    Template(Template),
}

impl Format {
    /// As in the settings.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Slack => "slack",
            Self::Discord => "discord",
            Self::Teams => "teams",
            Self::Ntfy { .. } => "ntfy",
            Self::Template(_) => "template",
        }
    }

    fn body(&self, notice: &Notice, external_url: &str) -> String {
        match self {
            Self::Webhook => render::webhook(notice, external_url).to_string(),
            Self::Slack => render::slack(notice, external_url).to_string(),
            Self::Discord => render::discord(notice, external_url).to_string(),
            Self::Teams => render::teams(notice, external_url).to_string(),
            Self::Ntfy { topic, may_acknowledge } => render::ntfy(notice, topic, external_url, *may_acknowledge).to_string(),
            Self::Template(template) => template.render(notice, external_url),
        }
    }
}

/// A channel that posts.
pub struct HttpChannel {
    /// What is posted.
    pub format: Format,
    /// Where to; may hold a secret.
    pub url: String,
    /// Further headers; may hold a secret.
    pub headers: HeaderMap,
    /// Longest time of a delivery.
    pub timeout: Duration,
    /// For links.
    pub external_url: ExternalUrl,
}

impl Transport for HttpChannel {
    fn kind(&self) -> &'static str {
        self.format.kind()
    }

    fn target(&self) -> String {
        place(&self.url)
    }

    fn deliver(&self, notice: &Notice) -> LocalBoxFuture<'static, Result<(), DeliveryError>> {
        let body = self.format.body(notice, &(self.external_url)());
        let (url, headers, timeout) = (self.url.clone(), self.headers.clone(), self.timeout);
        Box::pin(async move { post(&url, headers, body, timeout).await })
    }
}

/// Posts a body of JSON, or of what the headers say.
pub(super) async fn post(url: &str, headers: HeaderMap, body: String, timeout: Duration) -> Result<(), DeliveryError> {
    // Redirects are not followed: what is sent is meant for the address of the settings.
    let client = fetch::client_without_redirects().await.map_err(|error| DeliveryError::channel(error.to_string()))?;
    let mut request = client.post(url).timeout(timeout).body(body);
    if !headers.contains_key(reqwest::header::CONTENT_TYPE) {
        request = request.header(reqwest::header::CONTENT_TYPE, "application/json");
    }
    outcome(request.headers(headers)).await
}

/// Calls an address.
pub(super) async fn get(url: &str, timeout: Duration) -> Result<(), DeliveryError> {
    let client = fetch::client().await.map_err(|error| DeliveryError::channel(error.to_string()))?;
    outcome(client.get(url).timeout(timeout)).await
}

async fn outcome(request: RequestBuilder) -> Result<(), DeliveryError> {
    let answer = fetch::read(request, MAX_ANSWER).await.map_err(|error| DeliveryError::channel(error.to_string()))?;
    let beginning = fetch::beginning(&answer.body);
    let said = if beginning.is_empty() { String::new() } else { format!(": {beginning}") };
    let reason = format!("status {}{said}", answer.status);
    match answer.status {
        200..=299 => Ok(()),
        300..=399 => Err(DeliveryError::channel(format!("{reason}; it redirects, and redirects are not followed"))),
        // What is wrong with one body is not wrong with the next.
        400 | 413 | 415 | 422 => Err(DeliveryError::notice(reason)),
        _ => Err(DeliveryError::later(reason, retry_after(&answer.headers))),
    }
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

/// The host of an address. Paths of webhooks are secrets.
#[must_use]
pub fn place(url: &str) -> String {
    match reqwest::Url::parse(url) {
        Ok(parsed) => {
            let host = parsed.host_str().unwrap_or_default();
            let port = parsed.port().map(|port| format!(":{port}")).unwrap_or_default();
            format!("{}://{host}{port}/…", parsed.scheme())
        }
        Err(_) => "…".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_by_its_host() {
        for (url, shown) in [
            ("https://hooks.slack.com/services/T0/B0/s3cret", "https://hooks.slack.com/…"),
            ("http://me:s3cret@[::1]:8080/x?key=s3cret", "http://[::1]:8080/…"),
            ("s3cret", "…"),
        ] {
            assert_eq!(place(url), shown);
        }
    }
}
