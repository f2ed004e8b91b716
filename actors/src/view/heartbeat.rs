//! Calls that must come in.

use serde::Serialize;
use taskpulse_engine::heartbeat::{Calls, Expected};
use taskpulse_engine::model::TimestampMs;
use utoipa::ToSchema;

use super::seconds;

/// How the calls of a job are doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum HeartbeatState {
    /// No call came yet, and none is late.
    Awaited,
    /// Calls come in time.
    Coming,
    /// A call is late.
    Late,
}

/// A job whose calls are expected.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Heartbeat {
    /// Its name in the settings.
    #[schema(example = "backup")]
    pub name: String,
    /// Seconds within which a call is expected.
    pub every: f64,
    /// Seconds by which a call may be late.
    pub grace: f64,
    /// How calls are doing.
    pub state: HeartbeatState,
    /// When the last call came; `null` if none is kept.
    #[schema(required = true)]
    pub last_call: Option<f64>,
    /// When the next call is late.
    pub due: f64,
}

impl Heartbeat {
    /// What is known of a heartbeat at a time; `began` is since when its calls are watched.
    #[must_use]
    pub fn new(expected: &Expected, last: Option<TimestampMs>, began: TimestampMs, now: TimestampMs) -> Self {
        Self {
            name: expected.name.clone(),
            every: expected.every.as_secs_f64(),
            grace: expected.grace.as_secs_f64(),
            state: match expected.judge(last, began, now) {
                Calls::Awaited => HeartbeatState::Awaited,
                Calls::Coming => HeartbeatState::Coming,
                Calls::Late => HeartbeatState::Late,
            },
            last_call: last.map(seconds),
            due: seconds(expected.due(last, began)),
        }
    }
}
