//! What is known about why an alert fired: who used its resource meanwhile, what else moved, what happened shortly before, and the last
//! alert like it.
//!
//! Nothing here is a cause. Who used a resource is counted; that two series moved together is a coincidence in time until somebody knows
//! better, and the sentences (`words::explained`) say so. Where nothing is found, that is said too.
//!
//! Pure: `actors::explain` reads the store and hands over columns, events and the alerts of the past.

mod agents;
mod before;
mod curve;
mod moved;
mod who;

use serde::{Deserialize, Serialize};

pub use self::agents::{AgentAtWork, agents_among, at_work};
pub use self::before::{Earlier, Happened, InProgress, LOOK_BACK_MS, happened, in_progress};
pub use self::curve::counts_up;
pub use self::moved::{Frame, MIN_SLOTS, Moved, Reference, SHORTEST_MS, judge, ranked};
pub use self::who::{Machine, Resource, Track, Used, UsedBy, used};
use crate::model::TimestampMs;

/// Most lines that are cited, and how much of each, in characters.
pub const MOST_SAID: usize = 3;
/// See [`MOST_SAID`].
pub const MAX_SAID: usize = 200;

/// A log line that is cited.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Said {
    /// When, ms UTC.
    pub at: TimestampMs,
    /// Its text, cut, with control characters escaped: see [`crate::logs::shown`].
    pub text: String,
}

/// What is known about why an alert fired. It is kept with the alert, so fields are only ever added. Times are ms UTC.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Explanation {
    /// Its beginning: when the condition began to hold, at most an hour before the end.
    pub from: TimestampMs,
    /// Its end: the sample with which it fired.
    pub to: TimestampMs,
    /// The resource of the machine that the alert is about.
    pub resource: Option<Resource>,
    /// Who used the resource, the most first; last what was not seen by name.
    pub used: Vec<Used>,
    /// How long that was, as far as there are samples, ms.
    pub seen_ms: i64,
    /// From when on other series were compared: when the alert's own series began to move.
    pub moved_from: Option<TimestampMs>,
    /// Up to when: an alert that fires at once is compared again after [`SHORTEST_MS`].
    pub moved_to: Option<TimestampMs>,
    /// How many other series were compared; none before they were.
    pub compared: Option<usize>,
    /// Series that were not compared: there was no time, or too little of their past.
    pub left_out: usize,
    /// What else moved, the most unusual first.
    pub moved: Vec<Moved>,
    /// Containers and units that used CPU, the most first.
    pub containers: Vec<Used>,
    /// Tasks and CI runs in progress.
    pub in_progress: Vec<InProgress>,
    /// Sessions of coding agents that are tied to it.
    pub agents: Vec<AgentAtWork>,
    /// What happened shortly before, the newest first.
    pub before: Vec<Happened>,
    /// The last alert of the same rule and series.
    pub last: Option<Earlier>,
    /// The newest lines that an alert over log lines counted, the newest first.
    pub said: Vec<Said>,
    /// At most three lines for people.
    pub lines: Vec<String>,
}
