//! Events of hooks, as Claude Code sends them over HTTP and others through `taskpulse hook`.
//!
//! Hooks say where a session works and whom it waits for, at once. They carry prompts and inputs of tools: nothing of these is kept but a
//! hash of the input, by which a loop is found.

use serde::Deserialize;
use serde_json::Value;

use super::attributes::micros;
use super::changes::changes;
use super::clients::{CLAUDE, client_named};
use super::item::{Item, Kind, Outcome, Tokens};
use super::signal::{About, Fact, SessionKey, Signal, Way, identity, kept, on_machine};
use super::state::Wait;
use crate::board::mend_json;
use crate::model::{TimestampMs, fnv1a};

/// What is wrong with the body of a hook.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HookError {
    /// It is no JSON object.
    #[error("the body is not a JSON object: {0}")]
    Malformed(String),
    /// It does not say which session.
    #[error("the body has no `session_id`; a hook sends the JSON that the agent gives it")]
    NoSession,
}

/// What is read of a hook; each field may be missing.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Body {
    session_id: Value,
    hook_event_name: Value,
    cwd: Value,
    prompt_id: Value,
    tool_name: Value,
    tool_input: Value,
    tool_use_id: Value,
    tool_response: Value,
    timestamp: Value,
    agent_id: Value,
    agent_type: Value,
    notification_type: Value,
    message: Value,
    duration_ms: Value,
    model: Value,
    message_id: Value,
    cost_usd: Value,
    tokens: Value,
}

fn text(value: &Value) -> Option<&str> {
    value.as_str().filter(|text| !text.is_empty())
}

/// A JSON object. Agents cut texts, and leave half of a character where they do.
pub(super) fn object(body: &[u8]) -> Result<serde_json::Map<String, Value>, HookError> {
    let read = serde_json::from_slice(body).or_else(|error| serde_json::from_slice(&mend_json(body)).map_err(|_| error));
    read.map_err(|error| HookError::Malformed(error.to_string()))
}

/// What a hook says.
#[derive(Debug)]
pub struct Hook {
    /// The session.
    pub session: SessionKey,
    /// The event, as the agent names it.
    pub event: String,
    /// What it means.
    pub signals: Vec<Signal>,
}

/// Reads a hook that arrived at a time. `agent` is who sent it, Claude Code if it does not say.
///
/// # Errors
/// [`HookError`] where the body does not say which session it is about.
pub fn hook(agent: &str, body: &[u8], arrived: TimestampMs) -> Result<Hook, HookError> {
    let agent = if agent.is_empty() { CLAUDE } else { agent };
    let name = client_named(agent).map_or_else(|| kept(agent), |client| client.name.to_owned());
    let body = Body::deserialize(Value::Object(object(body)?)).map_err(|error| HookError::Malformed(error.to_string()))?;
    let id = text(&body.session_id).ok_or(HookError::NoSession)?;
    let session = SessionKey { agent: name, id: kept(id), host: String::new() };
    let model = text(&body.model).or_else(|| body.model.get("id").and_then(text));
    let about = About { folder: text(&body.cwd).map(kept), model: model.map(kept), ..About::default() };
    let signal = |fact| Signal { session: session.clone(), at: arrived, way: Way::Hook, about: about.clone(), fact };
    let signals = body.facts(arrived).into_iter().map(signal).collect();
    Ok(Hook { session, event: text(&body.hook_event_name).map(kept).unwrap_or_default(), signals })
}

impl Hook {
    /// With the machine where it happened; empty where that is not known.
    #[must_use]
    pub fn on_machine(mut self, host: &str) -> Self {
        self.session.host = kept(host);
        on_machine(&mut self.signals, host);
        self
    }
}

impl Body {
    fn facts(&self, at: TimestampMs) -> Vec<Fact> {
        // Names of Claude Code, then those of Gemini CLI and others for the same.
        match text(&self.hook_event_name).unwrap_or("") {
            "SessionStart" => vec![Fact::Started],
            "SessionEnd" => vec![Fact::Ended],
            "UserPromptSubmit" | "BeforeAgent" => match text(&self.prompt_id) {
                Some(id) => vec![self.counted("prompt", id, self.item(Kind::Prompt, at)), Fact::Works],
                None => vec![Fact::Works],
            },
            "PreToolUse" | "BeforeTool" => self.before_tool(),
            "PostToolUse" | "AfterTool" => self.after_tool(at, false),
            "PostToolUseFailure" => self.after_tool(at, true),
            "PermissionRequest" => vec![Fact::Waits(Wait::Permission { tool: text(&self.tool_name).map(kept) })],
            "Notification" => self.notification(),
            "SubagentStart" => self.subagent(false),
            "SubagentStop" => self.subagent(true),
            "Stop" | "StopFailure" | "Interrupt" | "AfterAgent" => vec![Fact::TurnEnded],
            "AssistantMessage" => self.answer(at),
            _ => vec![Fact::Seen],
        }
    }

    fn item(&self, kind: Kind, at: TimestampMs) -> Item {
        Item {
            kind,
            at,
            ways: Way::Hook.bit(),
            name: text(&self.tool_name).map(kept).unwrap_or_default(),
            prompt: text(&self.prompt_id).map(kept),
            subagent: text(&self.agent_id).map(kept),
            ..Item::default()
        }
    }

    fn counted(&self, kind: &str, id: &str, item: Item) -> Fact {
        Fact::counted(identity(kind, &[id]), item)
    }

    /// OpenCode's plug-in says what an answer of the model cost.
    fn answer(&self, at: TimestampMs) -> Vec<Fact> {
        let Some(id) = text(&self.message_id) else { return vec![Fact::Works] };
        let of = |name: &str| self.tokens.get(name).and_then(Value::as_u64);
        let tokens = Tokens {
            input: of("input"),
            output: of("output"),
            cache_read: of("cache_read"),
            cache_creation: of("cache_creation"),
            reasoning: of("reasoning"),
        };
        let item = Item {
            name: String::new(),
            model: text(&self.model).map(kept),
            micros: self.cost_usd.as_f64().and_then(micros),
            tokens,
            ..self.item(Kind::Request, at)
        };
        vec![self.counted("request", id, item), Fact::Works]
    }

    /// A question to the person is a tool too.
    fn before_tool(&self) -> Vec<Fact> {
        match text(&self.tool_name) {
            Some("AskUserQuestion" | "ExitPlanMode" | "ask_user") => vec![Fact::Waits(Wait::Answer)],
            _ => vec![Fact::Works],
        }
    }

    fn after_tool(&self, at: TimestampMs, failed: bool) -> Vec<Fact> {
        let tool = text(&self.tool_name).map(kept).unwrap_or_default();
        let input = (!self.tool_input.is_null()).then(|| fnv1a(self.tool_input.to_string().bytes()));
        let failed = failed || self.response_failed();
        let mut facts = vec![Fact::Works];
        let outcome = Some(if failed { Outcome::Failed } else { Outcome::Ok });
        let item = |kind| Item { outcome, millis: self.duration_ms.as_u64(), ..self.item(kind, at) };
        if let Some(id) = text(&self.tool_use_id) {
            facts.push(self.counted("tool", id, item(Kind::Tool)));
        } else if let Some(time) = text(&self.timestamp) {
            // One that is sent again says the same.
            let parts = [time, &tool, &input.unwrap_or(0).to_string()];
            facts.push(Fact::counted(identity("tool heard", &parts), item(Kind::ToolHeard)));
        }
        facts.extend(changes(&tool, &self.tool_input, failed));
        facts.extend(input.map(|input| Fact::Called { tool, input, failed }));
        facts
    }

    /// Gemini CLI says how a command ended in lines behind its output, for the model to read.
    fn response_failed(&self) -> bool {
        if !self.tool_response["error"].is_null() {
            return true;
        }
        let said = self.tool_response["llmContent"].as_str().unwrap_or("");
        let of_command =
            |line: &&str| ["Signal: ", "Background PIDs: ", "Process Group PGID: ", "</"].iter().any(|word| line.starts_with(word));
        let mut ends = said.lines().rev().take_while(|line| of_command(line) || line.starts_with("Exit Code: "));
        ends.any(|line| line.starts_with("Exit Code: ") || line.starts_with("Signal: "))
    }

    fn notification(&self) -> Vec<Fact> {
        match text(&self.notification_type) {
            Some("permission_prompt" | "ToolPermission") => vec![Fact::Waits(Wait::Permission { tool: None })],
            Some("elicitation_dialog") => vec![Fact::Waits(Wait::Answer)],
            Some("idle_prompt") => vec![Fact::TurnEnded],
            Some("retry") => vec![Fact::Waits(Wait::Model)],
            // Versions before types: by the words that they used.
            None if text(&self.message).is_some_and(|said| said.contains("permission")) => {
                vec![Fact::Waits(Wait::Permission { tool: None })]
            }
            _ => vec![Fact::Seen],
        }
    }

    fn subagent(&self, ended: bool) -> Vec<Fact> {
        match text(&self.agent_id) {
            Some(id) => vec![Fact::Subagent { id: kept(id), kind: text(&self.agent_type).map(kept), ended }],
            None => vec![Fact::Seen],
        }
    }
}
