//! Log records to signals.
//!
//! An event that is not listed only says that its session lives, and makes none: Gemini's last record carries another id than all others.

use super::attributes::Attributes;
use super::changes::changes;
use super::clients::{CODEX, Client, GEMINI, client_of};
use super::item::{Item, Kind, Outcome, Tokens};
use super::signal::{About, Fact, SessionKey, Signal, TaskRef, Way, identity, kept};
use super::state::Wait;
use crate::logs::{Lines, Record};
use crate::model::{TimestampMs, fnv1a};

/// Attributes that tell records without an id apart; no texts, which may have been left out where lines come from an export.
const IDENTIFYING: [&str; 14] = [
    "event_name",
    "event_timestamp",
    "event_sequence",
    "prompt_id",
    "model",
    "role",
    "duration_ms",
    "input_token_count",
    "output_token_count",
    "function_name",
    "tool_name",
    "status_code",
    "attempt",
    "http_response_status_code",
];

/// The signals of the lines of a request.
#[must_use]
pub fn lines(lines: &Lines) -> Vec<Signal> {
    let mut out = Vec::new();
    for stream in lines {
        let service = stream.labels.get("service_name").unwrap_or("");
        let host = stream.labels.get("host_name").unwrap_or("");
        for record in &stream.records {
            let attributes = Attributes(&record.attributes);
            if let Some(client) = client_of(service, attributes.get("scope_name").unwrap_or("")) {
                Reader::new(client, host, attributes, record).read(&mut out);
            }
        }
    }
    out
}

/// What is said of a session in attributes of any signal.
pub(super) fn about(client: &Client, attributes: Attributes<'_>) -> About {
    let task = attributes.get("task_id").map(|id| TaskRef {
        project: attributes.get("task_project").map(kept).unwrap_or_default(),
        tag: attributes.get("task_tag").map(kept).unwrap_or_default(),
        id: kept(id),
    });
    About {
        folder: attributes.get("cwd").map(kept),
        task,
        branch: attributes.get("vcs_ref_head_name").map(kept),
        repository: attributes.get("vcs_repository_name").or_else(|| attributes.get("vcs_repository_url_full")).map(kept),
        model: attributes.get("model").map(kept),
        version: attributes.get("service_version").filter(|_| client.says_version).map(kept),
        is_elsewhere: false,
    }
}

/// The session of a record.
pub(super) fn session_of(client: &Client, host: &str, attributes: Attributes<'_>) -> Option<SessionKey> {
    let id = attributes.get(client.session)?;
    let host = if host.is_empty() { attributes.get("host_name").unwrap_or("") } else { host };
    Some(SessionKey { agent: client.name.to_owned(), id: kept(id), host: kept(host) })
}

struct Reader<'a> {
    client: &'static Client,
    host: &'a str,
    attributes: Attributes<'a>,
    record: &'a Record,
    at: TimestampMs,
}

impl<'a> Reader<'a> {
    fn new(client: &'static Client, host: &'a str, attributes: Attributes<'a>, record: &'a Record) -> Self {
        Self { client, host, attributes, record, at: record.time.div_euclid(1_000_000) }
    }

    fn read(&self, out: &mut Vec<Signal>) {
        let Some(session) = session_of(self.client, self.host, self.attributes) else { return };
        let about = about(self.client, self.attributes);
        let facts = self.facts(&about);
        out.extend(facts.into_iter().map(|fact| Signal {
            session: session.clone(),
            at: self.at,
            way: Way::Line,
            about: about.clone(),
            fact,
        }));
    }

    fn event(&self) -> &'a str {
        let named = self.attributes.get("event_name").or_else(|| std::str::from_utf8(&self.record.body).ok()).unwrap_or("");
        self.client.bare(named)
    }

    fn facts(&self, about: &About) -> Vec<Fact> {
        let event = self.event();
        match (self.client.name, event) {
            (_, "user_prompt") => vec![self.prompt(), Fact::Works],
            (_, "conversation_starts") => vec![Fact::Started],
            (CODEX, "sse_event") => self.codex_response(about),
            (CODEX, "api_request") => self.codex_request(about),
            (CODEX, "turn_cost") => self.codex_cost(about),
            (CODEX, "tool_result") => self.codex_tool(about),
            (GEMINI, "api_response") => vec![self.counted(self.gemini_response(about)), Fact::Works],
            (GEMINI, "tool_call") => self.gemini_tool(about),
            (GEMINI, "api_request") => vec![Fact::Works],
            (_, "api_request") => vec![self.counted(self.claude_request(about)), Fact::Works],
            (_, "api_error") => self.error(about),
            (_, "tool_result") => self.claude_tool(about),
            (_, "tool_decision") => self.decision(about),
            (_, "subagent_completed") => self.subagent(),
            _ => vec![Fact::Seen],
        }
    }

    fn item(&self, kind: Kind, about: &About) -> Item {
        let attributes = self.attributes;
        Item {
            kind,
            at: self.at,
            ways: Way::Line.bit(),
            model: about.model.clone(),
            retries: self.retries(),
            task: about.task.clone(),
            branch: about.branch.clone(),
            prompt: attributes.get("prompt_id").map(kept),
            subagent: attributes.get("agent_id").map(kept),
            millis: attributes.count("duration_ms"),
            ..Item::default()
        }
    }

    /// How often a request was tried again: Claude Code says at its end how many attempts it took, Codex numbers each of them from 0.
    fn retries(&self) -> Option<u64> {
        let attempt = self.attributes.count("attempt")?;
        Some(if self.client.name == CODEX { attempt.min(1) } else { attempt.saturating_sub(1) })
    }

    /// Counted by an id that the client gives, else by its time and [`IDENTIFYING`]: one that is sent again says the same.
    fn counted(&self, (id, item): (Option<&str>, Item)) -> Fact {
        let kind = match item.kind {
            Kind::Request => "request",
            Kind::Error => "error",
            Kind::Tool => "tool",
            Kind::Decision => "decision",
            Kind::Prompt => "prompt",
            Kind::Attempt => "attempt",
            _ => "other",
        };
        if let Some(id) = id {
            return Fact::counted(identity(kind, &[id]), item);
        }
        let time = self.record.time.to_string();
        let mut parts: Vec<&str> = IDENTIFYING.iter().map(|name| self.attributes.get(name).unwrap_or("")).collect();
        parts.push(&time);
        Fact::counted(identity(kind, &parts), item)
    }

    fn prompt(&self) -> Fact {
        let id = self.attributes.get("prompt_id");
        self.counted((id, self.item(Kind::Prompt, &about(self.client, self.attributes))))
    }

    fn claude_request(&self, about: &About) -> (Option<&'a str>, Item) {
        let from = self.attributes;
        let mut item = self.item(Kind::Request, about);
        item.micros = from.count("cost_usd_micros").or_else(|| from.micros("cost_usd"));
        item.tokens = Tokens {
            input: from.count("input_tokens"),
            output: from.count("output_tokens"),
            cache_read: from.count("cache_read_tokens"),
            cache_creation: from.count("cache_creation_tokens"),
            reasoning: None,
        };
        (from.get("request_id"), item)
    }

    /// The event comes twice; one of them has tokens.
    fn codex_response(&self, about: &About) -> Vec<Fact> {
        let from = self.attributes;
        if from.get("event_kind") != Some("response.completed") || from.get("input_token_count").is_none() {
            return vec![Fact::Seen];
        }
        let mut item = self.item(Kind::Request, about);
        item.tokens = Tokens {
            input: from.count("input_token_count"),
            output: from.count("output_token_count"),
            cache_read: from.count("cached_token_count"),
            cache_creation: from.count("cache_write_token_count"),
            reasoning: from.count("reasoning_token_count"),
        };
        vec![self.counted((None, item)), Fact::Works]
    }

    /// Only attempts, and what failed: an answer is counted with its tokens.
    fn codex_request(&self, about: &About) -> Vec<Fact> {
        let status = self.attributes.count("http_response_status_code");
        if status.is_some_and(|status| status < 400) && self.attributes.get("error_message").is_none() {
            return vec![self.counted((None, self.item(Kind::Attempt, about))), Fact::Works];
        }
        self.error(about)
    }

    /// The metric has the same turn: its id is the identity.
    fn codex_cost(&self, about: &About) -> Vec<Fact> {
        let Some(turn) = self.attributes.get("turn_id") else { return vec![Fact::Seen] };
        let mut item = self.item(Kind::Delta, about);
        (item.name, item.micros) = ("cost".to_owned(), self.attributes.micros("usage_estimated_usd"));
        vec![Fact::counted(identity("turn cost", &[turn]), item)]
    }

    fn gemini_response(&self, about: &About) -> (Option<&'a str>, Item) {
        let from = self.attributes;
        let mut item = self.item(Kind::Request, about);
        item.tokens = Tokens {
            input: from.count("input_token_count"),
            output: from.count("output_token_count"),
            cache_read: from.count("cached_content_token_count"),
            cache_creation: None,
            reasoning: from.count("thoughts_token_count"),
        };
        (None, item)
    }

    fn error(&self, about: &About) -> Vec<Fact> {
        let status = self.attributes.count("status_code").or_else(|| self.attributes.count("http_response_status_code"));
        let mut item = self.item(Kind::Error, about);
        item.name = status.map(|status| status.to_string()).unwrap_or_default();
        // 429 and 529: the limit of the plan, or the model has too much to do. The client tries again.
        let next = if matches!(status, Some(429 | 503 | 529)) { Fact::Waits(Wait::Model) } else { Fact::Works };
        vec![self.counted((None, item)), next]
    }

    fn tool(&self, about: &About, name: Option<&str>, outcome: Outcome) -> Item {
        Item { name: name.map(kept).unwrap_or_default(), outcome: Some(outcome), ..self.item(Kind::Tool, about) }
    }

    fn claude_tool(&self, about: &About) -> Vec<Fact> {
        let from = self.attributes;
        let failed = from.get("success") == Some("false");
        let item = self.tool(about, from.get("tool_name"), if failed { Outcome::Failed } else { Outcome::Ok });
        let mut facts = vec![self.counted((from.get("tool_use_id"), item)), self.called(failed, "tool_name", "tool_input"), Fact::Works];
        facts.extend(self.changed(failed, "tool_name", "tool_input"));
        let said = from.get("tool_parameters").and_then(|text| serde_json::from_str::<serde_json::Value>(text).ok());
        let commit = said.as_ref().and_then(|said| said.get("git_commit_id")).and_then(serde_json::Value::as_str);
        if let Some(commit) = commit.filter(|_| !failed) {
            let id = kept(commit);
            let item = Item { name: id.clone(), millis: None, ..self.item(Kind::Commit, about) };
            facts.push(Fact::counted(identity("commit", &[&id]), item));
        }
        facts
    }

    /// `success` is true for a command that exits with 1: the code is in the text. In code mode each command comes twice; the one around it
    /// has no decision of its own.
    fn codex_tool(&self, about: &About) -> Vec<Fact> {
        let from = self.attributes;
        let name = from.get("tool_name");
        if name == Some("exec") {
            return vec![Fact::Works];
        }
        let code = from.get("output").and_then(|text| text.split("Process exited with code ").nth(1));
        let exited = code.map(|rest| rest.chars().take_while(char::is_ascii_digit).collect::<String>());
        let failed = exited.is_some_and(|code| code != "0");
        let outcome = match from.get("success") {
            _ if failed => Outcome::Failed,
            Some("false") => Outcome::Refused,
            _ => Outcome::Ok,
        };
        let item = self.tool(about, name, outcome);
        let mut facts = vec![self.counted((from.get("call_id"), item)), self.called(failed, "tool_name", "arguments"), Fact::Works];
        facts.extend(self.changed(outcome != Outcome::Ok, "tool_name", "arguments"));
        facts
    }

    fn gemini_tool(&self, about: &About) -> Vec<Fact> {
        let from = self.attributes;
        let metadata = from.get("metadata").and_then(|text| serde_json::from_str::<serde_json::Value>(text).ok());
        let code = metadata.as_ref().and_then(|data| data.get("exitCode")).and_then(serde_json::Value::as_i64);
        let outcome = match (from.get("success"), from.get("decision")) {
            (_, Some("reject")) => Outcome::Refused,
            (Some("false"), _) => Outcome::Failed,
            _ if code.is_some_and(|code| code != 0) => Outcome::Failed,
            _ => Outcome::Ok,
        };
        let item = self.tool(about, from.get("function_name"), outcome);
        let failed = outcome == Outcome::Failed;
        let mut facts = vec![self.counted((None, item)), self.called(failed, "function_name", "function_args"), Fact::Works];
        facts.extend(self.changed(outcome != Outcome::Ok, "function_name", "function_args"));
        facts
    }

    fn changed(&self, failed: bool, tool: &str, input: &str) -> Option<Fact> {
        let input = self.attributes.get(input).and_then(|text| serde_json::from_str(text).ok());
        changes(self.attributes.get(tool).unwrap_or(""), &input.unwrap_or_default(), failed)
    }

    fn called(&self, failed: bool, tool: &str, input: &str) -> Fact {
        let tool = self.attributes.get(tool).map(kept).unwrap_or_default();
        match self.attributes.get(input) {
            Some(input) => Fact::Called { tool, input: fnv1a(input.bytes()), failed },
            None => Fact::Seen,
        }
    }

    fn decision(&self, about: &About) -> Vec<Fact> {
        let from = self.attributes;
        let is_allowed = matches!(from.get("decision"), Some("accept" | "approved" | "approved_for_session"));
        let id = from.get("tool_use_id").or_else(|| from.get("call_id"));
        let mut item = self.item(Kind::Decision, about);
        item.name = from.get("tool_name").map(kept).unwrap_or_default();
        item.outcome = Some(if is_allowed { Outcome::Ok } else { Outcome::Refused });
        vec![self.counted((id, item)), Fact::Works]
    }

    fn subagent(&self) -> Vec<Fact> {
        let Some(id) = self.attributes.get("agent_id") else { return vec![Fact::Seen] };
        vec![Fact::Subagent { id: kept(id), kind: self.attributes.get("agent_type").map(kept), ended: true }]
    }
}
