//! What sessions and hub send each other.

use std::sync::Arc;

use actix::{Message, Recipient};
use taskpulse_engine::model::TimestampMs;
use taskpulse_engine::windows::Level;

use super::Filter;

/// A session's number.
pub type SessionId = u64;

/// What a session can follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    /// Samples as they are stored.
    Samples,
    /// Windows as they close; those of all lengths, or of one.
    Windows(Option<Level>),
    /// Alerts as they change.
    Alerts,
    /// Recommendations as they change.
    Recommendations,
    /// Points on the time line.
    Events,
    /// The service's status.
    Status,
    /// Sessions of coding agents as they change.
    Agents,
}

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameKind {
    /// All there is.
    Snapshot,
    /// What is new.
    Update,
    /// The hub started over; the session closes so that its client connects again.
    Reset,
}

/// Hub → session: the content of one frame.
#[derive(Message, Debug, Clone)]
#[rtype(result = "()")]
pub struct Push {
    /// The client's number of the subscription.
    pub id: u64,
    /// What it is.
    pub kind: FrameKind,
    /// Its number in the subscription.
    pub seq: u64,
    /// When, ms UTC.
    pub time: TimestampMs,
    /// The JSON of `data`, shared by all that get it.
    pub data: Arc<str>,
}

/// Session → hub: follow a topic.
#[derive(Message, Debug)]
#[rtype(result = "Result<(), SubscribeError>")]
pub struct Subscribe {
    /// The session.
    pub session: SessionId,
    /// The client's number of the subscription.
    pub id: u64,
    /// What it follows.
    pub topic: Topic,
    /// Which series; as written, so that equal filters are one group.
    pub patterns: Vec<String>,
    /// The same, ready for use.
    pub filter: Filter,
    /// Where frames go.
    pub to: Recipient<Push>,
    /// What to do when the client takes nothing for too long.
    pub drop_slow: DropSlow,
}

/// Why a subscription is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubscribeError {
    /// Its number is taken.
    #[error("id {0} is in use by another subscription of this connection; unsubscribe it first or take another number")]
    IdInUse(u64),
    /// There is no room for another filter.
    #[error(
        "all subscriptions together have at most {} different filters of {} selectors and {} bytes; \
         unsubscribe some, take fewer and wider selectors (system_*), or try again later",
        super::MAX_GROUPS,
        super::MAX_SELECTORS,
        super::MAX_FILTER_BYTES
    )]
    TooManyFilters,
}

/// Ends a session from outside, whatever its client does.
#[derive(Clone)]
pub struct DropSlow(pub Arc<dyn Fn() + Send + Sync>);

impl std::fmt::Debug for DropSlow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DropSlow")
    }
}

/// Session → hub: end a subscription, or all of a session.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct Unsubscribe {
    /// The session.
    pub session: SessionId,
    /// The subscription; none for all.
    pub id: Option<u64>,
}
