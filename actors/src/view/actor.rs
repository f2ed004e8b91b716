//! Actors.

use std::fmt;

use serde::Serialize;
use utoipa::ToSchema;

/// Where an actor stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum ActorState {
    /// It works.
    Running,
    /// It panicked and waits for its restart.
    Restarting,
    /// It makes no progress.
    Stuck,
    /// It panicked too often and stays down.
    Down,
    /// It was told to stop.
    Stopped,
}

impl fmt::Display for ActorState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Running => "running",
            Self::Restarting => "restarting",
            Self::Stuck => "stuck",
            Self::Down => "down",
            Self::Stopped => "stopped",
        })
    }
}

/// How an actor last panicked.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LastPanic {
    /// When, Unix seconds.
    pub time: f64,
    /// What it was doing: the name of a message or timer.
    #[schema(example = "Append")]
    pub during: String,
    /// What the panic said, with its place.
    pub message: String,
}

/// An actor.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Actor {
    /// Its name.
    #[schema(example = "store")]
    pub name: String,
    /// Where it stands.
    pub state: ActorState,
    /// Restarts since the service started.
    pub restarts: u64,
    /// Messages that wait.
    pub mailbox: u64,
    /// Messages handled.
    pub handled: u64,
    /// How long its oldest work has taken so far.
    #[schema(required = true)]
    pub busy_seconds: Option<f64>,
    /// How long it has held its thread in all since the service started.
    pub held_seconds: f64,
    /// The longest that it held its thread at a time; all others on that thread waited.
    pub longest_hold_seconds: f64,
    /// The last panic.
    #[schema(required = true)]
    pub last_panic: Option<LastPanic>,
    /// Why it is not running.
    #[schema(required = true)]
    pub reason: Option<String>,
}
