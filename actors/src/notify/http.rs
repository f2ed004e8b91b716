//! Channels over HTTP: a body is posted to an address, and any status of success is a delivery.
//!
//! A message of Discord is edited by its id, which the answer to its post has; one that was deleted meanwhile is sent anew. A message of ntfy takes the
//! place of an earlier one by the id of that (`sequence_id`).

use std::time::Duration;

use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Method, RequestBuilder, Url};
use serde_json::Value;
use taskpulse_engine::notices::render::{self, Template};
use taskpulse_engine::notices::{Notice, NoticeAlert};

use super::ack_link::AckKey;
use super::channel::{Delivery, DeliveryError, ExternalUrl, Transport};
use crate::clock::Clock;
use crate::collectors::fetch::{self, Answer};

/// Bytes of an answer that are read: a reason, or a message with its id.
const MAX_ANSWER: usize = 1 << 20;
/// Longest id of a message.
const MAX_ID: usize = 64;

/// What is posted.
#[derive(Debug, Clone)]
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
        /// Signs the links of its button that acknowledges.
        key: AckKey,
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

    fn body(&self, notice: &Notice, edits: Option<&str>, external_url: &str) -> String {
        match self {
            Self::Webhook => render::webhook(notice, external_url).to_string(),
            Self::Slack => render::slack(notice, external_url).to_string(),
            Self::Discord => render::discord(notice, external_url).to_string(),
            Self::Teams => render::teams(notice, external_url).to_string(),
            Self::Ntfy { topic, key } => {
                let acknowledge = |alert: &NoticeAlert| key.address(alert, external_url, Clock::system().now_ms());
                render::ntfy(notice, topic, external_url, &acknowledge, edits).to_string()
            }
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

    fn can_edit(&self) -> bool {
        matches!(self.format, Format::Discord | Format::Ntfy { .. })
    }

    fn deliver(&self, notice: &Notice, edits: Option<&str>) -> Delivery {
        let body = self.format.body(notice, edits, &(self.external_url)());
        let message = Message { url: self.url.clone(), headers: self.headers.clone(), body, timeout: self.timeout };
        let (edits, only_edits) = (edits.map(str::to_owned), notice.only_edits);
        match self.format {
            Format::Discord => Box::pin(message.send_to_discord(edits, only_edits)),
            Format::Ntfy { .. } => Box::pin(async move { Ok(id_of(&message.post().await?, &["sequence_id", "id"])) }),
            _ => Box::pin(async move { message.post().await.map(|_| None) }),
        }
    }
}

/// A body on its way.
struct Message {
    url: String,
    headers: HeaderMap,
    body: String,
    timeout: Duration,
}

impl Message {
    async fn post(self) -> Result<Vec<u8>, DeliveryError> {
        post(&self.url, self.headers, self.body, self.timeout).await
    }

    /// Edits a message of a webhook of Discord, or posts a new one.
    async fn send_to_discord(mut self, edits: Option<String>, only_edits: bool) -> Result<Option<String>, DeliveryError> {
        if let Some(id) = edits {
            let url = discord_message(&self.url, &id)?;
            let answer = send(Method::PATCH, url.as_str(), self.headers.clone(), self.body.clone(), self.timeout).await?;
            match answer.status {
                // Somebody deleted it.
                404 if only_edits => return Ok(None),
                404 => {}
                _ => return taken(&answer).map(|()| Some(id)),
            }
        }
        self.url = discord_post(&self.url)?;
        Ok(id_of(&self.post().await?, &["id"]))
    }
}

fn parsed(url: &str) -> Result<Url, DeliveryError> {
    Url::parse(url).map_err(|error| DeliveryError::channel(format!("its url: {error}")))
}

/// Where a message is posted so that the answer has its id.
fn discord_post(url: &str) -> Result<String, DeliveryError> {
    let mut url = parsed(url)?;
    url.query_pairs_mut().append_pair("wait", "true");
    Ok(url.into())
}

/// The address of a message. A thread stays in the query.
fn discord_message(url: &str, id: &str) -> Result<Url, DeliveryError> {
    let mut url = parsed(url)?;
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().push("messages").push(id);
    }
    Ok(url)
}

/// The id of a message, from the first of the fields that the answer has. Receivers that only resemble the real one may have none.
fn id_of(answer: &[u8], fields: &[&str]) -> Option<String> {
    let answer: Value = serde_json::from_slice(answer).ok()?;
    let id = fields.iter().find_map(|field| answer.get(*field)?.as_str())?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    ((1..=MAX_ID).contains(&id.len()) && id.chars().all(plain)).then(|| id.to_owned())
}

/// Posts a body of JSON, or of what the headers say. Answers with what the receiver says.
pub(super) async fn post(url: &str, headers: HeaderMap, body: String, timeout: Duration) -> Result<Vec<u8>, DeliveryError> {
    let answer = send(Method::POST, url, headers, body, timeout).await?;
    taken(&answer).map(|()| answer.body)
}

async fn send(method: Method, url: &str, headers: HeaderMap, body: String, timeout: Duration) -> Result<Answer, DeliveryError> {
    // Redirects are not followed: what is sent is meant for the address of the settings.
    let client = fetch::client_without_redirects().await.map_err(|error| DeliveryError::channel(error.to_string()))?;
    let mut request = client.request(method, url).timeout(timeout).body(body);
    if !headers.contains_key(reqwest::header::CONTENT_TYPE) {
        request = request.header(reqwest::header::CONTENT_TYPE, "application/json");
    }
    answer(request.headers(headers)).await
}

/// Calls an address.
pub(super) async fn get(url: &str, timeout: Duration) -> Result<(), DeliveryError> {
    let client = fetch::client().await.map_err(|error| DeliveryError::channel(error.to_string()))?;
    taken(&answer(client.get(url).timeout(timeout)).await?)
}

async fn answer(request: RequestBuilder) -> Result<Answer, DeliveryError> {
    fetch::read(request, MAX_ANSWER).await.map_err(|error| DeliveryError::channel(error.to_string()))
}

/// Whether an answer says that a body was taken.
fn taken(answer: &Answer) -> Result<(), DeliveryError> {
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
    match Url::parse(url) {
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
    fn a_message_of_discord_has_an_address_and_an_id() {
        for (url, posted, message) in [
            ("https://d/api/webhooks/1/t", "https://d/api/webhooks/1/t?wait=true", "https://d/api/webhooks/1/t/messages/7"),
            (
                "https://d/api/webhooks/1/t/?thread_id=5",
                "https://d/api/webhooks/1/t/?thread_id=5&wait=true",
                "https://d/api/webhooks/1/t/messages/7?thread_id=5",
            ),
        ] {
            assert_eq!((discord_post(url).unwrap().as_str(), discord_message(url, "7").unwrap().as_str()), (posted, message));
        }
        for (answer, id) in [
            (r#"{"id": "7"}"#, Some("7")),
            (r#"{"id": "8", "sequence_id": "7"}"#, Some("7")),
            (r#"{"id": 7}"#, None),
            (r#"{"id": "../7"}"#, None),
            (r#"{"id": ""}"#, None),
            ("ok", None),
        ] {
            assert_eq!(id_of(answer.as_bytes(), &["sequence_id", "id"]).as_deref(), id, "{answer}");
        }
    }

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
