//! The three APIs that agents speak with their models, as far as the agents need them.

use serde_json::{Value, json};

use super::model::{Answer, Conversation, Message, Tokens};
use crate::common::http::Asked;

/// An API of a provider.
#[derive(Clone, Copy, PartialEq)]
pub enum Api {
    /// Anthropic's Messages: Claude Code.
    Messages,
    /// OpenAI's Responses: Codex.
    Responses,
    /// Google's generateContent: Gemini CLI.
    Generate,
}

/// The API of a request for an answer.
pub fn of(asked: &Asked) -> Option<Api> {
    let path = asked.path.split('?').next().unwrap_or_default();
    match path {
        _ if asked.method != "POST" => None,
        "/v1/messages" => Some(Api::Messages),
        "/v1/responses" => Some(Api::Responses),
        _ if path.starts_with("/v1beta/models/") && (path.ends_with("enerateContent")) => Some(Api::Generate),
        _ => None,
    }
}

/// All elements of a list, or the thing itself.
fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_else(|| vec![value.clone()])
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn event(stream: &mut String, name: &str, mut data: Value) {
    data["type"] = json!(name);
    stream.push_str(&format!("event: {name}\ndata: {data}\n\n"));
}

impl Api {
    pub fn conversation(self, asked: &Asked, body: &Value) -> Conversation {
        match self {
            Self::Messages => messages(asked, body),
            Self::Responses => responses(asked, body),
            Self::Generate => generate(asked, body),
        }
    }

    /// What a failure says.
    pub fn failure(self, status: u16) -> Value {
        match self {
            Self::Messages => json!({"type": "error", "error": {"type": "api_error", "message": "not now"}}),
            Self::Responses => json!({"error": {"type": "server_error", "message": "not now"}}),
            Self::Generate => json!({"error": {"code": status, "status": "INTERNAL", "message": "not now"}}),
        }
    }

    /// The type of the n-th answer and its bytes.
    pub fn answer(self, n: u64, asked: &Asked, body: &Value, model: &str, answer: &Answer<'_>, tokens: Tokens) -> (&'static str, String) {
        match self {
            Self::Messages => message(n, body, model, answer, tokens),
            Self::Responses => ("text/event-stream", response(n, model, answer, tokens)),
            Self::Generate => generated(n, asked, body, model, answer, tokens),
        }
    }
}

fn messages(asked: &Asked, body: &Value) -> Conversation {
    let mut said = Vec::new();
    for message in list(&body["messages"]).iter().filter(|message| message["role"] == "user") {
        for part in list(&message["content"]) {
            match part["type"].as_str() {
                Some("tool_result") => said.push(Message::Result(text_of(&part["content"]))),
                Some("text") => said.push(Message::Text(text_of(&part["text"]))),
                _ => said.push(Message::Text(text_of(&part))),
            }
        }
    }
    let tools = list(&body["tools"]).iter().filter_map(|tool| tool["name"].as_str().map(str::to_owned)).collect();
    let session = asked.headers.get("x-claude-code-session-id").cloned();
    Conversation { session, model: text_of(&body["model"]), messages: said, tools }
}

fn message(n: u64, body: &Value, model: &str, answer: &Answer<'_>, tokens: Tokens) -> (&'static str, String) {
    let usage = json!({
        "input_tokens": tokens.input, "output_tokens": tokens.output,
        "cache_read_input_tokens": tokens.read, "cache_creation_input_tokens": tokens.written,
    });
    let (block, empty, delta, stop) = match answer {
        Answer::Text(text) => (
            json!({"type": "text", "text": text}),
            json!({"type": "text", "text": ""}),
            json!({"type": "text_delta", "text": text}),
            "end_turn",
        ),
        Answer::Call(tool, input) => {
            let id = format!("toolu_{n:04}");
            let empty = json!({"type": "tool_use", "id": id, "name": tool, "input": {}});
            let delta = json!({"type": "input_json_delta", "partial_json": input.to_string()});
            (json!({"type": "tool_use", "id": id, "name": tool, "input": input}), empty, delta, "tool_use")
        }
    };
    let whole = json!({
        "id": format!("msg_{n:04}"), "type": "message", "role": "assistant", "model": model, "content": [block],
        "stop_reason": stop, "stop_sequence": null, "usage": usage,
    });
    if body["stream"] != true {
        return ("application/json", whole.to_string());
    }
    let mut begun = whole;
    begun["content"] = json!([]);
    begun["stop_reason"] = Value::Null;
    let mut out = String::new();
    event(&mut out, "message_start", json!({"message": begun}));
    event(&mut out, "content_block_start", json!({"index": 0, "content_block": empty}));
    event(&mut out, "content_block_delta", json!({"index": 0, "delta": delta}));
    event(&mut out, "content_block_stop", json!({"index": 0}));
    let usage = json!({"output_tokens": tokens.output});
    event(&mut out, "message_delta", json!({"delta": {"stop_reason": stop, "stop_sequence": null}, "usage": usage}));
    event(&mut out, "message_stop", json!({}));
    ("text/event-stream", out)
}

fn responses(asked: &Asked, body: &Value) -> Conversation {
    let (mut said, mut offered) = (Vec::new(), list(&body["tools"]));
    for item in list(&body["input"]) {
        let kind = item["type"].as_str().unwrap_or("message");
        if kind.ends_with("_output") {
            said.push(Message::Result(text_of(&item["output"])));
        } else if kind == "additional_tools" {
            offered.extend(list(&item["tools"]));
        } else if item["role"] == "user" {
            list(&item["content"]).iter().for_each(|part| said.push(Message::Text(text_of(&part["text"]))));
        }
    }
    let tools = offered.iter().filter_map(|tool| tool["name"].as_str().map(str::to_owned)).collect();
    let session = asked.headers.get("session-id").or_else(|| asked.headers.get("session_id")).cloned();
    Conversation { session, model: text_of(&body["model"]), messages: said, tools }
}

fn response(n: u64, model: &str, answer: &Answer<'_>, tokens: Tokens) -> String {
    let item = match answer {
        Answer::Text(text) => json!({
            "type": "message", "id": format!("msg_{n:04}"), "role": "assistant", "status": "completed",
            "content": [{"type": "output_text", "text": text, "annotations": []}],
        }),
        Answer::Call(tool, input) => json!({
            "type": "function_call", "id": format!("fc_{n:04}"), "call_id": format!("call_{n:04}"), "name": tool, "status": "completed",
            "arguments": input.to_string(),
        }),
    };
    let input = tokens.input + tokens.read;
    let usage = json!({
        "input_tokens": input, "input_tokens_details": {"cached_tokens": tokens.read},
        "output_tokens": tokens.output, "output_tokens_details": {"reasoning_tokens": tokens.reasoning},
        "total_tokens": input + tokens.output,
    });
    let whole = |status: &str, output: Value, usage: Value| json!({"id": format!("resp_{n:04}"), "object": "response", "model": model, "status": status, "output": output, "usage": usage});
    let mut out = String::new();
    event(&mut out, "response.created", json!({"response": whole("in_progress", json!([]), Value::Null)}));
    event(&mut out, "response.output_item.added", json!({"output_index": 0, "item": item}));
    event(&mut out, "response.output_item.done", json!({"output_index": 0, "item": item}));
    event(&mut out, "response.completed", json!({"response": whole("completed", json!([item]), usage)}));
    out
}

fn generate(asked: &Asked, body: &Value) -> Conversation {
    let mut said = Vec::new();
    for content in list(&body["contents"]).iter().filter(|content| content["role"] != "model") {
        for part in list(&content["parts"]) {
            if let Some(result) = part.get("functionResponse") {
                said.push(Message::Result(result["response"].to_string()));
            } else {
                said.push(Message::Text(text_of(&part["text"])));
            }
        }
    }
    let declared = list(&body["tools"]).into_iter().flat_map(|tool| list(&tool["functionDeclarations"]));
    let tools = declared.filter_map(|tool| tool["name"].as_str().map(str::to_owned)).collect();
    let model = asked.path.split("models/").nth(1).and_then(|rest| rest.split(':').next()).unwrap_or_default();
    Conversation { session: None, model: model.to_owned(), messages: said, tools }
}

/// A value that a schema allows, for the small questions of the agent itself.
fn any_of(schema: &Value) -> Value {
    if let Some(values) = schema["enum"].as_array() {
        return values[0].clone();
    }
    match schema["type"].as_str().unwrap_or("object").to_ascii_lowercase().as_str() {
        "object" => {
            let fields = schema["properties"].as_object().cloned().unwrap_or_default();
            fields.iter().map(|(name, schema)| (name.clone(), any_of(schema))).collect::<serde_json::Map<_, _>>().into()
        }
        "array" => json!([]),
        "boolean" => json!(false),
        "number" | "integer" => json!(1),
        _ => json!("so"),
    }
}

fn generated(n: u64, asked: &Asked, body: &Value, model: &str, answer: &Answer<'_>, tokens: Tokens) -> (&'static str, String) {
    let wanted = ["responseJsonSchema", "responseSchema"].map(|key| &body["generationConfig"][key]);
    let part = match (wanted.iter().find(|schema| !schema.is_null()), answer) {
        (Some(schema), _) => json!({"text": any_of(schema).to_string()}),
        (None, Answer::Text(text)) => json!({"text": text}),
        (None, Answer::Call(tool, input)) => json!({"functionCall": {"name": tool, "args": input}}),
    };
    let input = tokens.input + tokens.read;
    let whole = json!({
        "candidates": [{"index": 0, "finishReason": "STOP", "content": {"role": "model", "parts": [part]}}],
        "usageMetadata": {
            "promptTokenCount": input, "cachedContentTokenCount": tokens.read, "candidatesTokenCount": tokens.output,
            "thoughtsTokenCount": tokens.reasoning, "totalTokenCount": input + tokens.output + tokens.reasoning,
        },
        "modelVersion": model, "responseId": format!("resp_{n:04}"),
    });
    if asked.path.contains(":streamGenerateContent") {
        ("text/event-stream", format!("data: {whole}\r\n\r\n"))
    } else {
        ("application/json", whole.to_string())
    }
}
