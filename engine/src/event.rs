//! Events: points on the time line, such as a task that moved, an alert that fired, a start of the service.
//!
//! What is kept of them and how many is the store's business.

use serde::{Deserialize, Serialize};

use crate::model::TimestampMs;

/// One point on the time line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When it happened, ms UTC.
    pub at: TimestampMs,
    /// Who says so: `taskmaster`, `alert`, `anomaly`, `service`, `advice`, `note`.
    pub source: String,
    /// What kind of thing happened, such as `task_status`.
    pub kind: String,
    /// `info`, or the severity of an alert.
    pub severity: String,
    /// What it happened to, such as a task's id.
    pub subject: String,
    /// One line for a person.
    pub title: String,
    /// Particulars, by kind.
    #[serde(default)]
    pub data: serde_json::Value,
}

impl Event {
    /// An event without particulars.
    #[must_use]
    pub fn new(at: TimestampMs, source: &str, kind: &str, subject: impl Into<String>, title: impl Into<String>) -> Self {
        Self {
            at,
            source: source.to_owned(),
            kind: kind.to_owned(),
            severity: "info".to_owned(),
            subject: subject.into(),
            title: title.into(),
            data: serde_json::Value::Null,
        }
    }

    /// The same event with particulars.
    #[must_use]
    pub fn with_data(mut self, data: serde_json::Value) -> Self {
        self.data = data;
        self
    }
}
