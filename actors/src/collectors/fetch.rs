//! HTTP as collectors use it: one client, answers read no further than they may be.

use std::sync::OnceLock;
use std::time::Duration;

use reqwest::header::{ACCEPT_ENCODING, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap, HeaderValue, TRANSFER_ENCODING};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response, Version};
use tokio::task::spawn_blocking;

use super::coding::Body;

/// Longest time to reach a program; what a request may take in all is its own affair.
const CONNECT: Duration = Duration::from_secs(10);
/// Longest reason that is told of a failure.
const MAX_REASON: usize = 300;

/// An answer's head and as much of its body as was allowed.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    /// Nothing said how long the body is, so one that was cut off looks like a whole one.
    pub(crate) until_close: bool,
}

static CLIENT: OnceLock<Result<Client, String>> = OnceLock::new();
static CLIENT_WITHOUT_REDIRECTS: OnceLock<Result<Client, String>> = OnceLock::new();

/// The client of all collectors: the authorities that it trusts are read once, which takes some milliseconds and is done off
/// the arbiter. Made when it is first asked for.
///
/// # Errors
/// When TLS cannot be set up.
pub(crate) async fn client() -> Result<&'static Client, String> {
    made_once(&CLIENT, || make(Policy::default())).await
}

/// The same for callers that follow redirects themselves.
///
/// # Errors
/// When TLS cannot be set up.
pub(crate) async fn client_without_redirects() -> Result<&'static Client, String> {
    made_once(&CLIENT_WITHOUT_REDIRECTS, || make(Policy::none())).await
}

async fn made_once(
    client: &'static OnceLock<Result<Client, String>>,
    make: fn() -> Result<Client, String>,
) -> Result<&'static Client, String> {
    if client.get().is_none() {
        spawn_blocking(move || client.get_or_init(make).is_ok()).await.map_err(|error| error.to_string())?;
    }
    client.get_or_init(make).as_ref().map_err(Clone::clone)
}

fn make(redirects: Policy) -> Result<Client, String> {
    let agent = concat!("taskpulse/", env!("CARGO_PKG_VERSION"));
    let builder = Client::builder().user_agent(agent).connect_timeout(CONNECT).pool_max_idle_per_host(2).redirect(redirects);
    // Heads that other clients take: what is odd in a line costs that line alone.
    let builder = builder
        .http1_ignore_invalid_headers_in_responses(true)
        .http1_allow_spaces_after_header_name_in_responses(true)
        .http1_allow_obsolete_multiline_headers_in_responses(true);
    // Bodies are unpacked here: the client's own decoder ends with the first of several gzip streams.
    let packed = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static("gzip"))]);
    let builder = builder.no_gzip().default_headers(packed);
    builder.pool_idle_timeout(Duration::from_secs(120)).build().map_err(|error| reason(&error))
}

/// Sends a request and reads its body, up to so many bytes (after inflation).
///
/// # Errors
/// One line that says why there is no answer, or that it is too long.
pub(crate) async fn read(request: RequestBuilder, max_bytes: usize) -> Result<Answer, String> {
    let mut response: Response = request.send().await.map_err(|error| reason(&error))?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let until_close = is_until_close(response.version(), &headers);
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| reason(&error))? {
        if body.len() + chunk.len() > max_bytes {
            return Err(format!("the answer is longer than {max_bytes} bytes; it was left unread"));
        }
        body.extend_from_slice(&chunk);
    }
    let codings: Vec<&str> = headers.get_all(CONTENT_ENCODING).iter().filter_map(|value| value.to_str().ok()).collect();
    let body = Body { bytes: body, cut: false }.decode(&codings.join(","), max_bytes)?;
    if body.cut {
        return Err(format!("the answer is longer than {max_bytes} bytes; it was left unread"));
    }
    Ok(Answer { status, headers, body: body.bytes, until_close })
}

/// Whether the end of the connection is what ends a body.
fn is_until_close(version: Version, headers: &HeaderMap) -> bool {
    let closes = headers.get(CONNECTION).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"close"));
    let framed = headers.contains_key(CONTENT_LENGTH) || headers.contains_key(TRANSFER_ENCODING);
    !framed && (version <= Version::HTTP_10 || (version == Version::HTTP_11 && closes))
}

/// An error with its causes, in one line and without the address (which may hold a secret).
pub(crate) fn reason(error: &reqwest::Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut source: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(cause) = source {
        let text = cause.to_string();
        if !parts.contains(&text) {
            parts.push(text);
        }
        source = cause.source();
    }
    // The last cause says most.
    let text = match parts.pop() {
        _ if error.is_timeout() => "no answer in time".to_owned(),
        Some(last) => last,
        None if error.is_redirect() => "it redirects too often".to_owned(),
        None => "the request failed".to_owned(),
    };
    let text = text.replace(['\n', '\r'], " ");
    match text.char_indices().nth(MAX_REASON) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// The beginning of a body as one line of text, for a reason.
pub(crate) fn beginning(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(200)]);
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(100).collect()
}
