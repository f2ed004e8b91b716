//! What a WebSocket session sends.

use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// What a frame of a subscription is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum FrameKind {
    /// All there is.
    Snapshot,
    /// What is new.
    Update,
}

/// A frame of a subscription.
#[derive(Debug, Serialize, ToSchema)]
pub struct Frame<'a> {
    /// The client's number of the subscription.
    pub id: u64,
    /// What it is.
    #[serde(rename = "type")]
    pub kind: FrameKind,
    /// Its number in the subscription; a gap means that updates were left out.
    pub seq: u64,
    /// When.
    pub time: f64,
    /// What the topic is about, written once for all that get it.
    #[schema(value_type = Vec<Object>)]
    pub data: &'a RawValue,
}
