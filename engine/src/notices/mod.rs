//! Notices: what people are notified of, on which channel, and when.
//!
//! ```text
//! alerts ─► NoticeBook: groups by channel and labels ─► Notice ─► Queue: retries, back-off, rate ─► a channel
//! ```
//!
//! [`NoticeBook`] decides which alerts go together in one [`Notice`] and when it is due; [`Queue`] keeps the notices of each channel
//! until they are delivered; [`Messages`] says which of them edit a message that was sent before; [`Suppressors`] hold some back; [`render`] makes the bodies that channels send. Pure: the time and the outcome of a delivery are
//! arguments, and both give the documents by which they survive a restart. What is suppressed here is never suppressed in the
//! evaluation of rules, in the state of an alert or in its history.

mod alert;
mod book;
mod channel;
mod flap;
mod inhibit;
mod maintenance;
mod matcher;
mod messages;
mod notice;
mod queue;
pub mod render;
mod schedule;
mod silence;
mod suppress;

pub use self::alert::NoticeAlert;
pub use self::book::NoticeBook;
pub use self::channel::{ChannelPlan, Filter, Grouping};
pub use self::flap::FlapLimits;
pub use self::inhibit::InhibitRule;
pub use self::maintenance::{MaintenanceError, MaintenanceSpec, MaintenanceWindow, MaintenanceWindows};
pub use self::matcher::{MatcherError, MatcherSpec};
pub use self::messages::{Messages, Sending};
pub use self::notice::{MAX_ALERTS, Notice};
pub use self::queue::{ChannelState, Failure, Queue, QueueLimits, Waiting};
pub use self::schedule::{Digest, Schedule, ScheduleError};
pub use self::silence::{Silence, SilenceDraft, SilenceError, SilenceState, Silences};
pub use self::suppress::{Dependency, Reasons, Suppressing, Suppressors, shipped_inhibitions};
