//! What actors say to each other.

use std::path::PathBuf;
use std::sync::Arc;

use actix::{MailboxError, Message};
use taskpulse_engine::action::ActionError;
use taskpulse_engine::advice::{DecideError, Decision};
use taskpulse_engine::event::Event;
use taskpulse_engine::experiment::{Draft, ExperimentError};
use taskpulse_engine::logs::Lines;
use taskpulse_engine::logs::store::Appended;
use taskpulse_engine::model::{Batch, SeriesId};
use taskpulse_engine::notices::{MaintenanceError, MaintenanceSpec, SilenceDraft, SilenceError};
use taskpulse_engine::rules::{Alert, ChangeError, GivenRule, RuleSpec};
use taskpulse_engine::store::{ClosedSpan, DocumentChange, ResolvedBatch, StoreError, Stored};
use taskpulse_engine::traces::Spans;
use taskpulse_engine::windows::{Level, WindowRow};

use crate::notify::{DeliveryError, KnownNotices};
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

/// Why the store actor did not write something.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AppendError {
    /// The store refused it, or the disk did. Many batches may share one flush, and so its error.
    #[error(transparent)]
    Store(#[from] Arc<StoreError>),
    /// As many batches wait for the disk as may.
    #[error("the disk does not answer; too many batches wait for it")]
    DiskHangs,
    /// The actor panicked while the batch waited for its flush.
    #[error("the store restarted before the batch was durable")]
    Restarted,
    /// The actor is down, or panicked on the message.
    #[error("the store did not answer: {0}")]
    NoAnswer(#[from] MailboxError),
}

impl AppendError {
    /// Whether the disk has no room: the same may be sent again once it has.
    #[must_use]
    pub fn is_disk_full(&self) -> bool {
        matches!(self, Self::Store(error) if matches!(**error, StoreError::DiskFull { .. }))
    }
}

impl From<StoreError> for AppendError {
    fn from(error: StoreError) -> Self {
        Self::Store(Arc::new(error))
    }
}

/// Anyone → store: keep a batch. Answered when it is durable.
#[derive(Message, Debug, Clone)]
#[rtype(result = "Result<Arc<Stored>, AppendError>")]
pub struct Append(pub Arc<Batch>);

/// HTTP → store: keep samples whose series are resolved. Answered when they are durable.
#[derive(Message, Debug)]
#[rtype(result = "Result<Arc<Stored>, AppendError>")]
pub struct AppendResolved(pub ResolvedBatch);

/// HTTP → log store: keep log lines. Answered when they are durable, with what was refused, cut or there already.
#[derive(Message, Debug)]
#[rtype(result = "Result<Appended, AppendError>")]
pub struct AppendLines {
    /// The lines.
    pub lines: Lines,
}

/// HTTP → span store: keep spans. Answered when they are durable, with what was refused or there already.
#[derive(Message, Debug)]
#[rtype(result = "Result<Appended, AppendError>")]
pub struct AppendSpans {
    /// The spans, by resource and scope.
    pub spans: Vec<Spans>,
}

/// Anyone → store: keep events, then publish them to the hub.
#[derive(Message, Debug, Clone)]
#[rtype(result = "()")]
pub struct RecordEvents(pub Vec<Event>);

/// HTTP → forecasts: forecasts of series that were made for somebody. They are kept, and judged once they are over.
#[derive(Message, Debug, Clone)]
#[rtype(result = "()")]
pub struct KeepForecasts(pub Vec<taskpulse_engine::forecast::log::Made>);

/// Anyone → store: change documents of a kind in one step. Answered when they are durable.
#[derive(Message, Debug, Clone)]
#[rtype(result = "Result<(), AppendError>")]
pub struct ChangeDocuments {
    /// Their kind.
    pub kind: &'static str,
    /// The changes.
    pub changes: Vec<DocumentChange>,
}

/// First windows → store: close the windows of series that were silent for so long. Answered with what was closed.
#[derive(Message, Debug, Clone, Copy)]
#[rtype(result = "Vec<ClosedSpan>")]
pub struct CloseSilent {
    /// How long, ms.
    pub idle_after_ms: i64,
}

/// HTTP → store: copy everything that was accepted to a new folder. Answered when the copy is whole.
#[derive(Message, Debug, Clone)]
#[rtype(result = "Result<(), StoreError>")]
pub struct TakeSnapshot {
    /// The folder.
    pub to: PathBuf,
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
pub struct Advanced(pub Arc<Vec<ClosedSpan>>);

/// Windows → hub: the rows of windows that were closed.
#[derive(Message, Debug, Clone)]
#[rtype(result = "()")]
pub struct Closed {
    /// Their length.
    pub level: Level,
    /// Series and row.
    pub rows: Arc<Vec<(SeriesId, WindowRow)>>,
}

/// Alerts → notifier: alerts that fired or were resolved, of one moment together.
#[derive(Message, Debug, Clone)]
#[rtype(result = "()")]
pub struct Notify(pub Vec<Alert>);

/// Alerts → notifier: newer texts of an alert that fires, which are no news.
#[derive(Message, Debug, Clone)]
#[rtype(result = "()")]
pub struct Describe(pub Alert);

/// HTTP → notifier: send a test over a channel. Answered with the outcome; none for an unknown channel.
#[derive(Message, Debug, Clone)]
#[rtype(result = "Option<Result<(), DeliveryError>>")]
pub struct TestChannel {
    /// The channel.
    pub name: String,
}

/// HTTP → notifier: what it knows now, to be worked out by who asks.
#[derive(Message, Debug, Clone, Copy)]
#[rtype(result = "KnownNotices")]
pub struct ReadNotices;

/// HTTP → notifier: make, change or end a silence. Answered with its id when that is durable.
#[derive(Message, Debug, Clone)]
#[rtype(result = "Result<Result<String, SilenceError>, AppendError>")]
pub enum ChangeSilence {
    /// Make or change one.
    Set(SilenceDraft),
    /// End the one of this id.
    Expire(String),
}

/// HTTP → notifier: make, replace or remove a maintenance window. Answered when that is durable.
#[derive(Message, Debug, Clone)]
#[rtype(result = "Result<Result<(), MaintenanceError>, AppendError>")]
pub struct ChangeMaintenance {
    /// Its name.
    pub name: String,
    /// The window; none to remove it.
    pub spec: Option<MaintenanceSpec>,
}

/// What someone says of an alert.
#[derive(Debug)]
pub enum Acknowledgement {
    /// They have seen it.
    Seen {
        /// What they noted.
        note: Option<String>,
    },
    /// It is to be as if nobody had seen it.
    TakenBack,
}

/// HTTP → alerts: someone has seen it, or takes that back. Answered when that is durable; none for an alert that is not active.
#[derive(Message, Debug)]
#[rtype(result = "Result<Option<view::Alert>, AppendError>")]
pub struct Acknowledge {
    /// The alert.
    pub id: String,
    /// What is said of it.
    pub acknowledgement: Acknowledgement,
}

/// HTTP → alerts: a rule is given, or taken back. Answered when that is durable, with the rule as it is kept.
#[derive(Message, Debug)]
#[rtype(result = "Result<Option<GivenRule>, ChangeRuleError>")]
pub struct ChangeRule {
    /// Its name.
    pub name: String,
    /// What it says; none to take it back.
    pub spec: Option<RuleSpec>,
    /// The version that is changed, where that matters.
    pub version: Option<u64>,
}

/// Why a rule was not changed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ChangeRuleError {
    /// It cannot be.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// It could not be kept.
    #[error(transparent)]
    Append(#[from] AppendError),
}

/// HTTP → optimizer: what someone decided. Answered when that is durable.
#[derive(Message, Debug)]
#[rtype(result = "Result<Result<view::Recommendation, DecideError>, AppendError>")]
pub struct Decide {
    /// The recommendation.
    pub id: String,
    /// The decision.
    pub decision: Decision,
}

/// HTTP → actions: begin, undo or resolve a run. Answered when that is durable, before any command has run.
#[derive(Message, Debug, Clone)]
#[rtype(result = "Result<Result<view::ActionRun, ActionError>, AppendError>")]
pub enum ChangeAction {
    /// Run the command that the settings bind to the recommendation of this id.
    Run(String),
    /// Undo the run of this id.
    Undo(String),
    /// A person has seen to the run of this id, which is neither kept nor undone.
    Resolve(String),
}

/// HTTP → experiments: make, remove or restore one. Answered when that is durable, with its judgment unless that takes long.
#[derive(Message, Debug, Clone)]
#[rtype(result = "Result<Result<view::Experiment, ExperimentError>, AppendError>")]
pub enum ChangeExperiment {
    /// Make one.
    Make(Draft),
    /// Remove the one of this id.
    Remove(String),
    /// Restore the one of this id, which was removed.
    Restore(String),
}

impl ChangeExperiment {
    /// The id of the experiment.
    #[must_use]
    pub fn id(&self) -> String {
        match self {
            Self::Make(draft) => draft.id(),
            Self::Remove(id) | Self::Restore(id) => id.clone(),
        }
    }
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
