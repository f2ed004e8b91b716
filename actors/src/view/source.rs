//! Sources.

use serde::{Serialize, Serializer};
use utoipa::ToSchema;

/// How a source is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceState {
    /// It works.
    Up,
    /// It cannot be read.
    Failing,
    /// There is nothing to read.
    Absent,
}

impl Serialize for SourceState {
    /// `true`, `false`, or `null` where there is nothing to read.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let up = match self {
            Self::Up => Some(true),
            Self::Failing => Some(false),
            Self::Absent => None,
        };
        up.serialize(serializer)
    }
}

/// A source.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Source {
    /// Its name.
    #[schema(example = "system")]
    pub source: String,
    /// `true` where it works, `false` where it cannot be read, `null` where there is nothing to read.
    #[serde(rename = "up")]
    #[schema(value_type = Option<bool>, required = true)]
    pub state: SourceState,
    /// Why it cannot be read; or, where it works, what of it is wrong.
    #[schema(required = true)]
    pub reason: Option<String>,
    /// What would make an absent source work.
    #[schema(required = true)]
    pub hint: Option<String>,
    /// Since when it is as it is.
    pub since: f64,
    /// Time of its newest sample.
    #[schema(required = true)]
    pub last_sample: Option<f64>,
    /// Samples so far.
    pub samples: u64,
}
