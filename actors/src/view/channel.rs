//! Channels of notifications.

use serde::Serialize;
use taskpulse_engine::notices;
use utoipa::ToSchema;

use super::seconds;

/// How deliveries over a channel are doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryState {
    /// Nothing waits.
    Idle,
    /// Notices wait for their time: the rate limit, a digest, the disk.
    Waiting,
    /// The last try failed.
    Failing,
}

/// A channel that people are notified over.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Channel {
    /// Its name in the settings; `console` and `file` are built in.
    #[schema(example = "ops")]
    pub name: String,
    /// What it is.
    #[schema(example = "webhook")]
    pub kind: &'static str,
    /// Where notices go, without secrets.
    #[schema(example = "https://hooks.example/…")]
    pub target: String,
    /// How it is doing.
    pub state: DeliveryState,
    /// Notices that wait.
    pub waiting: usize,
    /// Since when the oldest of them waits.
    #[schema(required = true)]
    pub oldest: Option<f64>,
    /// Notices that were delivered since the start.
    pub sent: u64,
    /// Tries that failed since the start.
    pub failed: u64,
    /// Notices that were given up since the start, because they could not be delivered for too long.
    pub expired: u64,
    /// When the last one was delivered.
    #[schema(required = true)]
    pub last_sent: Option<f64>,
    /// Why the last try failed; none once a later one worked.
    #[schema(required = true, example = "status 500")]
    pub last_error: Option<String>,
    /// When that was.
    #[schema(required = true)]
    pub last_error_at: Option<f64>,
    /// When it is tried again.
    #[schema(required = true)]
    pub next_try: Option<f64>,
}

impl Channel {
    /// A channel with the state of its deliveries.
    #[must_use]
    pub fn new(name: &str, kind: &'static str, target: String, state: notices::ChannelState) -> Self {
        let delivery = match (&state.last_error, state.waiting) {
            (Some(_), _) => DeliveryState::Failing,
            (None, 0) => DeliveryState::Idle,
            (None, _) => DeliveryState::Waiting,
        };
        let (last_error_at, last_error) = state.last_error.map(|(at, why)| (seconds(at), why)).unzip();
        Self {
            name: name.to_owned(),
            kind,
            target,
            state: delivery,
            waiting: state.waiting,
            oldest: state.oldest.map(seconds),
            sent: state.sent,
            failed: state.failed,
            expired: state.expired,
            last_sent: state.last_sent.map(seconds),
            last_error,
            last_error_at,
            next_try: state.next_try.map(seconds),
        }
    }
}

/// The outcome of a test of a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ChannelTest {
    /// Whether the receiver took it.
    pub delivered: bool,
    /// Why not.
    #[schema(required = true, example = "status 404")]
    pub error: Option<String>,
}
