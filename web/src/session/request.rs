//! What clients ask of a session, what they are answered beside frames, and why a request is refused.

use serde::{Deserialize, Serialize};
use taskpulse_actors::hub::{SubscribeError, Topic};
use taskpulse_engine::promql::{EvalError, QueryError};
use taskpulse_engine::windows::Level;

use super::{MAX_SESSION_SELECTORS, MAX_SUBSCRIPTIONS};

/// What a client asks for.
#[derive(Debug, Deserialize)]
#[serde(tag = "op", rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum Request {
    Subscribe {
        id: u64,
        topic: String,
        #[serde(default, rename = "match")]
        patterns: Vec<String>,
        #[serde(default)]
        window: Option<String>,
    },
    Unsubscribe {
        id: u64,
    },
    Ping,
}

/// What a client is answered beside frames.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(super) enum Reply {
    Pong,
    Unsubscribed { id: u64 },
    Error { id: Option<u64>, error: String },
}

/// Why a request of a client is refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum RequestError {
    #[error(
        r#"not understood: {0}; send {{"op":"subscribe","id":1,"topic":"samples","match":["system_*"]}}, {{"op":"unsubscribe","id":1}} or {{"op":"ping"}}"#
    )]
    NotUnderstood(serde_json::Error),
    #[error("binary frames are not understood; send text frames of JSON")]
    Binary,
    #[error("fragmented frames are not understood; send one frame a message")]
    Fragmented,
    #[error("topic `{0}` is not one of samples, windows, alerts, recommendations, events, status, agents")]
    UnknownTopic(String),
    #[error("window `{0}` is not kept; take one of 1m 5m 15m 1h 6h 24h")]
    UnknownWindow(String),
    #[error("`{parameter}` goes with {topics} only, not with {topic}")]
    WrongTopic { parameter: &'static str, topics: &'static str, topic: String },
    #[error(transparent)]
    Refused(#[from] SubscribeError),
    #[error("a connection has at most {MAX_SUBSCRIPTIONS} subscriptions; unsubscribe one first")]
    TooManySubscriptions,
    #[error(
        "the subscriptions of a connection have at most {MAX_SESSION_SELECTORS} selectors, with this one {0}; \
         take fewer and wider ones, such as system_*"
    )]
    TooManySelectors(usize),
    #[error("filters of other subscriptions are being compiled; try again")]
    FiltersBusy,
    #[error("{0}")]
    Selector(#[from] QueryError),
    #[error("{0}")]
    Filter(#[from] EvalError),
    #[error("the filter was not compiled: {0}")]
    Cancelled(#[from] actix_web::error::BlockingError),
    #[error("the hub is busy; try again")]
    HubBusy,
    #[error("the hub does not answer: {0}; try again")]
    NoAnswer(#[from] actix::MailboxError),
}

/// The topic of a subscription, with its parameters.
pub(super) fn parse_topic(topic: &str, patterns: &[String], window: Option<&str>) -> Result<Topic, RequestError> {
    let level = |name: &str| Level::from_name(name).ok_or_else(|| RequestError::UnknownWindow(name.to_owned()));
    let level = window.map(level).transpose()?;
    let parsed = match topic {
        "samples" => Topic::Samples,
        "windows" => Topic::Windows(level),
        "alerts" => Topic::Alerts,
        "recommendations" => Topic::Recommendations,
        "events" => Topic::Events,
        "status" => Topic::Status,
        "agents" => Topic::Agents,
        other => return Err(RequestError::UnknownTopic(other.to_owned())),
    };
    let wrong = |parameter, topics| Err(RequestError::WrongTopic { parameter, topics, topic: topic.to_owned() });
    if !patterns.is_empty() && !matches!(parsed, Topic::Samples | Topic::Windows(_)) {
        return wrong("match", "samples and windows");
    }
    if level.is_some() && !matches!(parsed, Topic::Windows(_)) {
        return wrong("window", "windows");
    }
    Ok(parsed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_say_what_they_take() {
        let patterns = vec!["a".to_owned()];
        assert_eq!(parse_topic("samples", &patterns, None).unwrap(), Topic::Samples);
        assert_eq!(parse_topic("windows", &patterns, Some("5m")).unwrap(), Topic::Windows(Some(Level::M5)));
        for (topic, patterns, window, part) in [
            ("sample", &[][..], None, "topic `sample`"),
            ("alerts", &patterns[..], None, "`match` goes with"),
            ("samples", &[][..], Some("1m"), "`window` goes with"),
            ("windows", &[][..], Some("2m"), "window `2m`"),
        ] {
            let error = parse_topic(topic, patterns, window).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
