//! What a WebSocket session sends.

use serde::Serialize;
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
#[derive(Debug, ToSchema)]
pub struct Frame<'a> {
    /// The client's number of the subscription.
    pub id: u64,
    /// What it is.
    #[schema(rename = "type")]
    pub kind: FrameKind,
    /// Its number in the subscription; a gap means that updates were left out.
    pub seq: u64,
    /// When.
    pub time: f64,
    /// What the topic is about, written once for all that get it.
    #[schema(value_type = Vec<Object>)]
    pub data: &'a str,
}

impl Frame<'_> {
    /// The text of the frame. It is put together here, since `data` is JSON already.
    #[must_use]
    pub fn to_json(&self) -> String {
        let kind = match self.kind {
            FrameKind::Snapshot => "snapshot",
            FrameKind::Update => "update",
        };
        let Self { id, seq, time, data, .. } = self;
        format!("{{\"id\":{id},\"type\":\"{kind}\",\"seq\":{seq},\"time\":{time},\"data\":{data}}}")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_frame_is_json_around_json() {
        let frame = Frame { id: 7, kind: FrameKind::Update, seq: 3, time: 1_764_000_000.25, data: r#"[{"title":"a \"b\""}]"# };
        let wanted = json!({"id": 7, "type": "update", "seq": 3, "time": 1_764_000_000.25, "data": [{"title": "a \"b\""}]});
        assert_eq!(serde_json::from_str::<Value>(&frame.to_json()).unwrap(), wanted);
    }
}
