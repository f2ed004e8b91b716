//! What Claude Code gives the command of its status line: the context that is used, money so far, limits of the plan.

use serde_json::Value;

use super::attributes::micros;
use super::clients::CLAUDE;
use super::hook::{HookError, object};
use super::session::Limit;
use super::signal::{About, Fact, SessionKey, Signal, Way, kept};
use crate::model::TimestampMs;

/// Limits that are kept.
const MAX_LIMITS: usize = 8;

/// The signals of a status line that arrived at a time. Whatever is missing is not said.
///
/// # Errors
/// [`HookError`] where it does not say which session it is about.
pub fn status_line(body: &[u8], arrived: TimestampMs) -> Result<Vec<Signal>, HookError> {
    let said = Value::Object(object(body)?);
    let text = |path: &str| said.pointer(path).and_then(Value::as_str).filter(|text| !text.is_empty());
    let number = |path: &str| said.pointer(path).and_then(Value::as_f64);
    let id = text("/session_id").ok_or(HookError::NoSession)?;
    let session = SessionKey { agent: CLAUDE.to_owned(), id: kept(id), host: String::new() };
    let about = About {
        folder: text("/cwd").map(kept),
        model: text("/model/id").map(kept),
        version: text("/version").map(kept),
        ..About::default()
    };
    let mut facts = vec![Fact::Seen];
    if let Some(percent) = number("/context_window/used_percentage") {
        facts.push(Fact::Context((percent / 100.0).clamp(0.0, 1.0)));
    }
    facts.extend(number("/cost/total_cost_usd").and_then(micros).map(Fact::CostSoFar));
    let limits: Vec<Limit> = said.get("rate_limits").and_then(Value::as_object).map(limits).unwrap_or_default();
    if !limits.is_empty() {
        facts.push(Fact::Limits(limits));
    }
    let signal = |fact| Signal { session: session.clone(), at: arrived, way: Way::StatusLine, about: about.clone(), fact };
    Ok(facts.into_iter().map(signal).collect())
}

fn limits(said: &serde_json::Map<String, Value>) -> Vec<Limit> {
    let read = |(name, limit): (&String, &Value)| {
        let percent = limit.get("used_percentage").or_else(|| limit.get("utilization"))?.as_f64()?;
        let resets = limit.get("resets_at").and_then(Value::as_f64).map(|at| (at * 1e3) as TimestampMs);
        Some(Limit { name: kept(name), used_ratio: (percent / 100.0).max(0.0), resets_at: resets })
    };
    said.iter().filter_map(read).take(MAX_LIMITS).collect()
}
