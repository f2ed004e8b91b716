//! Points on the time line.

use serde::Serialize;
use serde_json::Value;
use taskpulse_engine::event;
use utoipa::ToSchema;

use super::{Severity, seconds};

/// A point on the time line.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Event {
    /// Its id.
    pub id: String,
    /// When it happened.
    pub time: f64,
    /// Who says so: `taskmaster`, `github`, `alert`, `anomaly`, `service`, `advice`, `probe`, `logs`, `note`.
    #[schema(example = "taskmaster")]
    pub source: String,
    /// What kind of thing happened.
    #[schema(example = "task_status")]
    pub kind: String,
    /// `info`, or the severity of an alert.
    #[schema(value_type = Severity)]
    pub severity: String,
    /// What it happened to, such as a task's id.
    #[schema(example = "7")]
    pub subject: String,
    /// One line for a person.
    #[schema(example = "task 7 pending → in-progress")]
    pub title: String,
    /// Particulars, by kind; `null` where there are none.
    #[schema(value_type = Option<Object>, required = true)]
    pub data: Value,
}

impl Event {
    /// A kept event with its id.
    #[must_use]
    pub fn new(id: impl Into<String>, event: &event::Event) -> Self {
        Self {
            id: id.into(),
            time: seconds(event.at),
            source: event.source.clone(),
            kind: event.kind.clone(),
            severity: event.severity.clone(),
            subject: event.subject.clone(),
            title: event.title.clone(),
            data: event.data.clone(),
        }
    }
}
