//! Spans to signals: how long tools waited for a person, and requests and tools where no log record says so.

use super::attributes::Attributes;
use super::clients::client_of;
use super::item::{Item, Kind, Outcome, Tokens};
use super::lines::{about, session_of};
use super::signal::{Fact, Signal, TaskRef, Way, identity, kept};
use crate::model::hex;
use crate::traces::{Span, Spans};

/// The signals of the spans of a request.
#[must_use]
pub fn spans(spans: &[Spans]) -> Vec<Signal> {
    let mut out = Vec::new();
    for group in spans {
        let Some(client) = client_of(&group.service, &group.scope.0) else { continue };
        let host = Attributes(&group.resource).get("host_name").unwrap_or("");
        for span in &group.spans {
            let attributes = Attributes(&span.attributes);
            let Some(session) = session_of(client, host, attributes) else { continue };
            let about = about(client, attributes);
            let at = span.end.div_euclid(1_000_000);
            let facts = facts(client.bare(&span.name), span, attributes, about.task.clone());
            out.extend(facts.map(|fact| Signal { session: session.clone(), at, way: Way::Span, about: about.clone(), fact }));
        }
    }
    out
}

fn facts(name: &str, span: &Span, from: Attributes<'_>, task: Option<TaskRef>) -> impl Iterator<Item = Fact> {
    let item = |kind| Item {
        kind,
        at: span.end.div_euclid(1_000_000),
        ways: Way::Span.bit(),
        model: from.get("model").map(kept),
        task: task.clone(),
        subagent: from.get("agent_id").map(kept),
        millis: from.count("duration_ms"),
        ..Item::default()
    };
    let counted = match name {
        "llm_request" if from.get("success") != Some("false") => from.get("request_id").map(|id| {
            let tokens = Tokens {
                input: from.count("input_tokens"),
                output: from.count("output_tokens"),
                cache_read: from.count("cache_read_tokens"),
                cache_creation: from.count("cache_creation_tokens"),
                reasoning: None,
            };
            let retries = from.count("attempt").map(|attempt| attempt.saturating_sub(1));
            Fact::counted(identity("request", &[id]), Item { tokens, retries, ..item(Kind::Request) })
        }),
        "tool.execution" => from.get("tool_use_id").map(|id| {
            let failed = from.get("success") == Some("false");
            let outcome = Some(if failed { Outcome::Failed } else { Outcome::Ok });
            Fact::counted(identity("tool", &[id]), Item { outcome, ..item(Kind::Tool) })
        }),
        // Around the execution, with the name of the tool.
        "tool" => from.get("tool_use_id").map(|id| {
            let name = from.get("tool_name").map(kept).unwrap_or_default();
            Fact::counted(identity("tool", &[id]), Item { name, millis: None, ..item(Kind::Tool) })
        }),
        "tool.blocked_on_user" => {
            let id = hex(&span.span);
            // What a rule decides takes no time of a person.
            let by_person = from.get("source").is_some_and(|source| source.starts_with("user"));
            by_person.then(|| Fact::counted(identity("wait", &[&hex(&span.trace), &id]), item(Kind::Wait)))
        }
        _ => None,
    };
    counted.into_iter()
}
