//! What a channel is: which notices it gets, and how it delivers one.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use taskpulse_engine::notices::{ChannelPlan, Digest, Failure, Notice, QueueLimits};

/// Why a notice was not delivered. The reason holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct DeliveryError {
    /// For a person.
    pub reason: String,
    /// What follows.
    pub failure: Failure,
}

impl DeliveryError {
    /// The channel does not work.
    pub(super) fn channel(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), failure: Failure::Channel { retry_after_ms: None } }
    }

    /// The same; the receiver asks for a wait.
    pub(super) fn later(reason: impl Into<String>, wait: Option<Duration>) -> Self {
        let retry_after_ms = wait.map(|wait| i64::try_from(wait.as_millis()).unwrap_or(i64::MAX));
        Self { reason: reason.into(), failure: Failure::Channel { retry_after_ms } }
    }

    /// The receiver refuses this notice.
    pub(super) fn notice(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), failure: Failure::Notice }
    }
}

/// A delivery on its way; it ends with the id of a message that can be edited.
pub type Delivery = LocalBoxFuture<'static, Result<Option<String>, DeliveryError>>;

/// How a notice is delivered.
pub trait Transport: Send + Sync + 'static {
    /// The kind of channel, as in the settings.
    fn kind(&self) -> &'static str;

    /// Where notices go, without secrets.
    fn target(&self) -> String;

    /// Whether its receiver lets messages be edited.
    fn can_edit(&self) -> bool {
        false
    }

    /// Delivers a notice within the channel's time limit: by an edit of the message `edits`, or as a new one. Answers with the id of the
    /// message, where it can be edited.
    fn deliver(&self, notice: &Notice, edits: Option<&str>) -> Delivery;
}

/// A channel of the settings.
#[derive(Clone)]
pub struct Channel {
    /// What it gets and how that is grouped.
    pub plan: ChannelPlan,
    /// How often and how long it is tried.
    pub limits: QueueLimits,
    /// How it delivers.
    pub transport: Arc<dyn Transport>,
    /// When it sends what has gathered; none for at once.
    pub digest: Option<Digest>,
    /// Whether it edits a message that it sent before, where only that has changed.
    pub edits: bool,
}

/// Where the service is reached, for links. Known once it listens.
pub type ExternalUrl = Arc<dyn Fn() -> String + Send + Sync>;
