//! The JSON that clients see, the same over REST and WebSocket. Shapes are those of `docs/API.md`.

use serde_json::{Value, json};
use taskpulse_engine::advice::Recommendation;
use taskpulse_engine::event::Event;
use taskpulse_engine::model::{Labels, TimestampMs};
use taskpulse_engine::rules::Alert;
use taskpulse_engine::windows::{Level, WindowRow};

/// Unix seconds of a time in milliseconds.
#[must_use]
pub fn seconds(ms: TimestampMs) -> f64 {
    ms as f64 / 1e3
}

/// A JSON number, or null where the figure is not finite.
#[must_use]
pub fn number(v: f64) -> Value {
    serde_json::Number::from_f64(v).map_or(Value::Null, Value::Number)
}

/// An alert.
#[must_use]
pub fn alert(a: &Alert) -> Value {
    json!({
        "id": a.id, "rule": a.rule, "severity": a.severity, "state": a.state, "metric": a.metric,
        "value": number(a.value), "op": a.op, "threshold": a.threshold.map_or(Value::Null, number),
        "for_seconds": seconds(a.hold_ms), "cooldown_seconds": seconds(a.cooldown_ms),
        "pending_since": seconds(a.pending_since), "firing_since": a.firing_since.map(seconds),
        "resolved_at": a.resolved_at.map(seconds), "last_sample": seconds(a.last_sample),
        "summary": a.summary, "acked_at": a.acked_at.map(seconds), "reason": a.reason, "busiest": a.busiest,
    })
}

/// A recommendation.
#[must_use]
pub fn recommendation(r: &Recommendation) -> Value {
    let evidence: Vec<Value> = r
        .evidence
        .iter()
        .map(|e| json!({"name": e.name, "value": number(e.value), "low": e.low.map(number), "high": e.high.map(number), "unit": e.unit}))
        .collect();
    json!({
        "id": r.id, "kind": r.kind, "title": r.title, "why": r.why, "action": r.action, "severity": r.severity,
        "status": r.status, "created": seconds(r.created), "updated": seconds(r.updated), "evidence": evidence,
        "query": r.query, "start": seconds(r.start), "end": seconds(r.end),
    })
}

/// An event with its id.
#[must_use]
pub fn event(id: &str, e: &Event) -> Value {
    json!({
        "id": id, "time": seconds(e.at), "source": e.source, "kind": e.kind, "severity": e.severity,
        "subject": e.subject, "title": e.title, "data": e.data,
    })
}

/// A closed window.
#[must_use]
pub fn window(labels: &Labels, level: Level, row: &WindowRow) -> Value {
    json!({
        "metric": labels, "window": level.name(), "start": seconds(row.start), "end": seconds(row.start + level.ms()),
        "count": number(row.count), "sum": number(row.sum), "min": number(row.min), "max": number(row.max),
        "avg": number(row.avg()), "first": number(row.first), "last": number(row.last), "stddev": number(row.stddev()),
    })
}
