//! The messages of MCP: of which era a request is, whether its headers are true, and what it asks for. Pure.
//!
//! Revision 2026-07-28 is stateless: each request names its version and the client's capabilities in `_meta`, and says the same in
//! headers. The revisions before it shake hands first. Both are read at one address; a request shows by itself which one it is of.

use serde_json::{Map, Value, json};

use super::json::{self, Unread};

/// The stateless revision.
pub(super) const MODERN: &str = "2026-07-28";
/// Revisions with a handshake, the newest first.
pub(super) const LEGACY: [&str; 3] = ["2025-11-25", "2025-06-18", "2025-03-26"];

const META_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
const META_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
const META_CLIENT: &str = "io.modelcontextprotocol/clientInfo";
pub(super) const META_SERVER: &str = "io.modelcontextprotocol/serverInfo";

const PARSE_ERROR: i64 = -32_700;
pub(super) const INVALID_REQUEST: i64 = -32_600;
const METHOD_NOT_FOUND: i64 = -32_601;
pub(super) const INVALID_PARAMS: i64 = -32_602;
const HEADER_MISMATCH: i64 = -32_020;
const UNSUPPORTED_VERSION: i64 = -32_022;

/// Longest id of a request, and the most of a given text that is said again.
const MAX_ID: usize = 1_000;
const MAX_SHOWN: usize = 80;
/// How a header begins and ends whose value is in Base64.
const BASE64: (&str, &str) = ("=?base64?", "?=");

/// By which rules a request is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Era {
    /// Stateless.
    Modern,
    /// After a handshake.
    Legacy,
}

/// What a header says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Header {
    /// It is not there.
    #[default]
    Absent,
    /// It is there once.
    Given(String),
    /// It is there several times, or holds what a header may not.
    Unreadable,
}

/// The headers that must agree with the body.
#[derive(Debug, Clone, Default)]
pub(super) struct Headers {
    pub(super) version: Header,
    pub(super) method: Header,
    pub(super) name: Header,
}

/// What a message asks for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Call {
    Discover,
    /// With the version that the client would like.
    Initialize(String),
    Ping,
    ListTools,
    /// Calls a tool.
    Tool {
        name: String,
        arguments: Map<String, Value>,
        /// What the client calls itself.
        client: Option<String>,
    },
}

/// A request that is to be answered.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Request {
    pub(super) id: Value,
    pub(super) era: Era,
    pub(super) call: Call,
}

/// A message.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Message {
    Request(Request),
    /// It is taken and not answered.
    Notification,
}

/// Why a message is refused.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Refusal {
    /// The status of HTTP.
    pub(super) status: u16,
    code: i64,
    message: String,
    data: Option<Value>,
    /// The id of the request, where it could be read.
    id: Option<Value>,
}

impl Refusal {
    pub(super) fn new(status: u16, code: i64, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), data: None, id: None }
    }

    fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, INVALID_REQUEST, message)
    }

    fn mismatch(message: impl Into<String>) -> Self {
        Self::new(400, HEADER_MISMATCH, format!("header mismatch: {}", message.into()))
    }

    fn unsupported(requested: &str) -> Self {
        let supported: Vec<&str> = std::iter::once(MODERN).chain(LEGACY).collect();
        let refusal = Self::new(400, UNSUPPORTED_VERSION, format!("protocol version {} is not supported", shown(requested)));
        Self { data: Some(json!({"supported": supported, "requested": requested})), ..refusal }
    }

    /// Wrong parameters. Clients of the handshake take any status but 200 for a broken connection.
    pub(super) fn params(era: Era, message: impl Into<String>) -> Self {
        Self::new(if era == Era::Modern { 400 } else { 200 }, INVALID_PARAMS, message)
    }

    fn no_method(era: Era, method: &str) -> Self {
        let status = if era == Era::Modern { 404 } else { 200 };
        Self::new(status, METHOD_NOT_FOUND, format!("there is no method {}", shown(method)))
    }

    fn of(self, id: &Value) -> Self {
        Self { id: Some(id.clone()), ..self }
    }

    /// The body of the answer.
    pub(super) fn body(&self) -> Value {
        let mut error = json!({"code": self.code, "message": self.message});
        if let Some(data) = &self.data {
            error["data"] = data.clone();
        }
        match &self.id {
            Some(id) => json!({"jsonrpc": "2.0", "id": id, "error": error}),
            None => json!({"jsonrpc": "2.0", "error": error}),
        }
    }
}

/// A text of a client as it is said again: short, in backquotes.
pub(super) fn shown(text: &str) -> String {
    let short: String = text.chars().take(MAX_SHOWN).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let more = if text.chars().nth(MAX_SHOWN).is_some() { "…" } else { "" };
    format!("`{short}{more}`")
}

/// Reads a message; `is_tool` says which tools there are.
pub(super) fn read(bytes: &[u8], headers: &Headers, is_tool: impl Fn(&str) -> bool) -> Result<Message, Refusal> {
    let message = match json::read(bytes) {
        Ok(Value::Object(message)) => message,
        Ok(Value::Array(_)) => return Err(Refusal::invalid("batches are not taken: send each message in a POST of its own")),
        Ok(_) => return Err(Refusal::invalid("a message is a JSON object")),
        Err(Unread::Syntax(why)) => return Err(Refusal::new(400, PARSE_ERROR, format!("not JSON: {why}"))),
        Err(Unread::Repeated(why)) => return Err(Refusal::invalid(why)),
    };
    let id = match message.get("id") {
        None => None,
        Some(Value::String(id)) if id.len() <= MAX_ID => Some(json!(id)),
        Some(Value::Number(id)) if id.is_i64() || id.is_u64() => Some(json!(id)),
        Some(_) => return Err(Refusal::invalid("`id` must be a whole number, or a text of at most 1,000 bytes")),
    };
    let read = request(&message, headers, id.as_ref(), is_tool);
    match &id {
        Some(id) => read.map_err(|refusal| refusal.of(id)),
        None => read,
    }
}

fn request(
    message: &Map<String, Value>,
    headers: &Headers,
    id: Option<&Value>,
    is_tool: impl Fn(&str) -> bool,
) -> Result<Message, Refusal> {
    if message.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return Err(Refusal::invalid("`jsonrpc` must be \"2.0\""));
    }
    let method = match message.get("method") {
        Some(Value::String(method)) => method.as_str(),
        None if message.contains_key("result") || message.contains_key("error") => {
            return Err(Refusal::invalid("responses are not taken: this server asks its clients nothing"));
        }
        _ => return Err(Refusal::invalid("`method` must be a text")),
    };
    let nothing = Map::new();
    let params = match message.get("params") {
        None => &nothing,
        Some(Value::Object(params)) => params,
        Some(_) => return Err(Refusal::new(400, INVALID_PARAMS, "`params` must be an object")),
    };
    let Some(id) = id else {
        if !method.starts_with("notifications/") {
            return Err(Refusal::invalid(format!("{} needs an `id`", shown(method))));
        }
        agrees("Mcp-Method", &headers.method, method)?;
        return Ok(Message::Notification);
    };
    let era = era(method, params, headers)?;
    // What a gateway goes by must be what is done, in both eras.
    check_method(era, headers, method)?;
    let call = match (era, method) {
        (Era::Modern, "server/discover") => Call::Discover,
        (Era::Legacy, "initialize") => match params.get("protocolVersion") {
            Some(Value::String(version)) => Call::Initialize(version.clone()),
            _ => return Err(Refusal::params(era, "`protocolVersion` must be a text")),
        },
        (Era::Legacy, "ping") => Call::Ping,
        (_, "tools/list") => match params.get("cursor") {
            None | Some(Value::Null) => Call::ListTools,
            Some(_) => return Err(Refusal::params(era, "`cursor` is none of this server: all tools come in one answer")),
        },
        (_, "tools/call") => call_tool(era, params, headers, is_tool)?,
        _ => return Err(Refusal::no_method(era, method)),
    };
    Ok(Message::Request(Request { id: id.clone(), era, call }))
}

/// The era of a request; an error where what says so is missing or contradicts itself.
fn era(method: &str, params: &Map<String, Value>, headers: &Headers) -> Result<Era, Refusal> {
    let meta = match params.get("_meta") {
        None => None,
        Some(Value::Object(meta)) => Some(meta),
        Some(_) => return Err(Refusal::new(400, INVALID_PARAMS, "`_meta` must be an object")),
    };
    let version = match meta.and_then(|meta| meta.get(META_VERSION)) {
        None => None,
        Some(Value::String(version)) => Some(version.as_str()),
        Some(_) => return Err(Refusal::new(400, INVALID_PARAMS, format!("`{META_VERSION}` in `_meta` must be a text"))),
    };
    let header = match &headers.version {
        Header::Absent => None,
        Header::Given(version) => Some(version.as_str()),
        Header::Unreadable => return Err(unreadable("MCP-Protocol-Version")),
    };
    match (header, version) {
        (Some(header), Some(version)) if header != version => {
            Err(Refusal::mismatch(format!("MCP-Protocol-Version is {}, and `{META_VERSION}` is {}", shown(header), shown(version))))
        }
        (_, Some(version)) if LEGACY.contains(&version) => Ok(Era::Legacy),
        (None, Some(_)) => Err(Refusal::mismatch(format!("MCP-Protocol-Version is missing; send what `{META_VERSION}` says"))),
        (Some(_), Some(version)) if version != MODERN => Err(Refusal::unsupported(version)),
        (Some(_), Some(_)) => meta.map_or(Ok(()), check_meta).map(|()| Era::Modern),
        (None, None) if method == "server/discover" => Err(Refusal::mismatch("MCP-Protocol-Version is missing")),
        (None, None) => Ok(Era::Legacy),
        (Some(header), None) if LEGACY.contains(&header) && method != "server/discover" => Ok(Era::Legacy),
        // A handshake is about the version; a client may name one that it hopes for.
        (Some(MODERN), None) if method == "initialize" => Ok(Era::Legacy),
        (Some(MODERN), None) => Err(Refusal::new(400, INVALID_PARAMS, format!("`{META_VERSION}` is missing in `_meta` of `params`"))),
        (Some(header), None) => Err(Refusal::unsupported(header)),
    }
}

/// What a stateless request must say of its client.
fn check_meta(meta: &Map<String, Value>) -> Result<(), Refusal> {
    let wrong = |what: &str| Err(Refusal::new(400, INVALID_PARAMS, what));
    match meta.get(META_CAPABILITIES) {
        Some(Value::Object(_)) => {}
        _ => return wrong("`io.modelcontextprotocol/clientCapabilities` must be an object in `_meta`; `{}` where there are none"),
    }
    match meta.get(META_CLIENT) {
        None => Ok(()),
        Some(client) if ["name", "version"].iter().all(|key| client.get(key).is_some_and(Value::is_string)) => Ok(()),
        Some(_) => wrong("`io.modelcontextprotocol/clientInfo` in `_meta` must have a `name` and a `version`"),
    }
}

fn check_method(era: Era, headers: &Headers, method: &str) -> Result<(), Refusal> {
    if era == Era::Modern && headers.method == Header::Absent {
        return Err(Refusal::mismatch("Mcp-Method is missing; send the `method`"));
    }
    agrees("Mcp-Method", &headers.method, method)
}

fn call_tool(era: Era, params: &Map<String, Value>, headers: &Headers, is_tool: impl Fn(&str) -> bool) -> Result<Call, Refusal> {
    let Some(Value::String(name)) = params.get("name") else {
        return Err(Refusal::params(era, "`name` must be the name of a tool"));
    };
    if era == Era::Modern && headers.name == Header::Absent {
        return Err(Refusal::mismatch("Mcp-Name is missing; send the `name` of the tool"));
    }
    agrees("Mcp-Name", &headers.name, name)?;
    if !is_tool(name) {
        return Err(Refusal::params(era, format!("there is no tool {}; tools/list names those that there are", shown(name))));
    }
    let arguments = match params.get("arguments") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(arguments)) => arguments.clone(),
        Some(_) => return Err(Refusal::params(era, "`arguments` must be an object")),
    };
    let client = params.get("_meta").and_then(|meta| meta.get(META_CLIENT)).and_then(|client| client.get("name"));
    Ok(Call::Tool { name: name.clone(), arguments, client: client.and_then(Value::as_str).map(str::to_owned) })
}

fn unreadable(name: &str) -> Refusal {
    Refusal::mismatch(format!("{name} must be there once, and in printable ASCII"))
}

/// Whether a header, where it is there, says what the body does.
fn agrees(name: &str, header: &Header, body: &str) -> Result<(), Refusal> {
    let given = match header {
        Header::Absent => return Ok(()),
        Header::Given(given) => given,
        Header::Unreadable => return Err(unreadable(name)),
    };
    let packed = given.strip_prefix(BASE64.0).and_then(|rest| rest.strip_suffix(BASE64.1));
    let decoded = match packed {
        None => given.clone(),
        Some(text) => base64(text)
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .ok_or_else(|| Refusal::mismatch(format!("{name} is no text in Base64: {}", shown(given))))?,
    };
    if decoded == body {
        return Ok(());
    }
    Err(Refusal::mismatch(format!("{name} is {}, and the body says {}", shown(&decoded), shown(body))))
}

/// The bytes of standard Base64 with its padding.
fn base64(text: &str) -> Option<Vec<u8>> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let digits = text.trim_end_matches('=');
    if text.len() - digits.len() > 2 {
        return None;
    }
    let (mut out, mut held, mut bits) = (Vec::with_capacity(text.len() / 4 * 3), 0_u32, 0);
    for digit in digits.bytes() {
        let value = ALPHABET.iter().position(|known| *known == digit)?;
        held = (held << 6 | u32::try_from(value).ok()?) & 0xFFFF;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push((held >> bits) as u8);
        }
    }
    Some(out)
}

/// What a server says of itself.
pub(super) fn server_info() -> Value {
    json!({"name": "taskpulse", "title": "Taskpulse", "version": env!("CARGO_PKG_VERSION")})
}

/// The answer to a request.
pub(super) fn answer(request: &Request, mut result: Map<String, Value>) -> Value {
    if request.era == Era::Modern {
        result.insert("resultType".to_owned(), json!("complete"));
        result.insert("_meta".to_owned(), json!({META_SERVER: server_info()}));
    }
    json!({"jsonrpc": "2.0", "id": request.id, "result": result})
}

#[cfg(test)]
mod tests;
