//! What sessions of coding agents did when.

use serde::Serialize;
use taskpulse_engine::agent::{Book, Session};
use taskpulse_engine::model::TimestampMs;
use utoipa::ToSchema;

use super::seconds;

/// Most states of an answer.
const MAX_STATES: usize = 5_000;

/// A state of a session and the time in which it lasted.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct AgentState {
    /// The agent.
    #[schema(example = "claude-code")]
    pub agent: String,
    /// The session.
    pub id: String,
    /// `working`, `waiting`, `idle`, `ended`, or `lost`: no sign for so long that it may not live any more.
    #[schema(pattern = "^(working|waiting|idle|ended|lost)$", example = "waiting")]
    pub state: &'static str,
    /// Of a session that waits: `permission`, `answer` or `model`.
    #[schema(required = true, example = "permission")]
    pub waits_for: Option<&'static str>,
    /// The tool for which it needs permission.
    #[schema(required = true, example = "Bash")]
    pub tool: Option<String>,
    /// From.
    pub from: f64,
    /// To; `null` while it lasts.
    #[schema(required = true)]
    pub to: Option<f64>,
}

impl AgentState {
    /// All states of a session, the oldest first.
    #[must_use]
    pub fn of(session: &Session, now: TimestampMs) -> Vec<Self> {
        let view = |stay: taskpulse_engine::agent::Stay| Self {
            agent: session.key.agent.clone(),
            id: session.key.id.clone(),
            state: stay.state.word(),
            waits_for: stay.state.waits_for(),
            tool: stay.state.tool().map(str::to_owned),
            from: seconds(stay.from),
            to: stay.to.map(seconds),
        };
        session.stays(now).into_iter().map(view).collect()
    }

    /// The states of all sessions within a time, the oldest first. Of more than 5,000 the newest ones.
    #[must_use]
    pub fn between(book: &Book, (start, end): (TimestampMs, TimestampMs), now: TimestampMs) -> Vec<Self> {
        let (from, to) = (seconds(start), seconds(end));
        let mut out = Vec::new();
        for session in book.sessions().filter(|session| session.first_seen <= end) {
            out.extend(Self::of(session, now).into_iter().filter(|state| state.from <= to && state.to.is_none_or(|to| to > from)));
        }
        out.sort_by(|a, b| a.from.total_cmp(&b.from));
        out.split_off(out.len().saturating_sub(MAX_STATES))
    }
}
