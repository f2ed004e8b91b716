//! What actors say to each other.

use std::sync::Arc;

use actix::Message;
use taskpulse_engine::event::Event;
use taskpulse_engine::model::{Batch, SeriesId};
use taskpulse_engine::rules::Alert;
use taskpulse_engine::store::{DocumentChange, Resolved, Span, Stored};
use taskpulse_engine::windows::{Level, WindowRow};

use crate::view;

/// Collector → batcher: what was collected from a source.
#[derive(Message, Debug, Clone)]
#[rtype(result = "()")]
pub struct Collected {
    /// The samples.
    pub batch: Batch,
}

/// Batcher → itself on a timer, or the service while it stops: send what waits.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct Flush;

/// Why a batch was not kept.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AppendError {
    /// No room on the disk.
    #[error("{0}")]
    Full(String),
    /// The store failed.
    #[error("{0}")]
    Failed(String),
}

/// Anyone → store: keep a batch. Answered when it is durable.
#[derive(Message, Debug, Clone)]
#[rtype(result = "Result<Arc<Stored>, AppendError>")]
pub struct Append(pub Arc<Batch>);

/// HTTP → store: keep samples whose series are resolved. Answered when they are durable.
#[derive(Message, Debug)]
#[rtype(result = "Result<Arc<Stored>, AppendError>")]
pub struct AppendResolved(pub Resolved);

/// Anyone → store: keep events, then publish them to the hub.
#[derive(Message, Debug, Clone)]
#[rtype(result = "()")]
pub struct RecordEvents(pub Vec<Event>);

/// Anyone → store: change documents of a kind in one step. Answered when they are durable.
#[derive(Message, Debug, Clone)]
#[rtype(result = "Result<(), AppendError>")]
pub struct ChangeDocuments {
    /// Their kind.
    pub kind: &'static str,
    /// The changes.
    pub changes: Vec<DocumentChange>,
}

/// The service → store: make everything durable; the last message before the end.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct Finish;

/// Store → first windows, alerts, hub: a batch is durable.
#[derive(Message, Debug, Clone)]
#[rtype(result = "()")]
pub struct StoredBatch(pub Arc<Stored>);

/// Windows → longer windows: windows were closed.
#[derive(Message, Debug, Clone)]
#[rtype(result = "()")]
pub struct Advanced(pub Arc<Vec<Span>>);

/// Windows → hub: the rows of windows that were closed.
#[derive(Message, Debug, Clone)]
#[rtype(result = "()")]
pub struct Closed {
    /// Their length.
    pub level: Level,
    /// Series and row.
    pub rows: Arc<Vec<(SeriesId, WindowRow)>>,
}

/// Alerts → notifier: an alert fired or was resolved.
#[derive(Message, Debug, Clone)]
#[rtype(result = "()")]
pub struct Notify(pub Alert);

/// HTTP → alerts: someone has seen it. Answered when that is durable; none for an alert that is not active.
#[derive(Message, Debug)]
#[rtype(result = "Result<Option<view::Alert>, AppendError>")]
pub struct Acknowledge {
    /// The alert.
    pub id: String,
}

/// HTTP → optimizer: what someone decided. Answered when that is durable; none for an unknown recommendation.
#[derive(Message, Debug)]
#[rtype(result = "Result<Option<view::Recommendation>, AppendError>")]
pub struct Decide {
    /// The recommendation.
    pub id: String,
    /// The decision.
    pub status: taskpulse_engine::advice::Status,
}

/// Owner → hub: views that changed, for the sessions.
#[derive(Message, Debug, Clone)]
#[rtype(result = "()")]
pub enum Publish {
    /// Alerts that changed.
    Alerts(Vec<view::Alert>),
    /// Recommendations that changed.
    Recommendations(Vec<view::Recommendation>),
    /// New events.
    Events(Vec<view::Event>),
}
