//! HTTP for collectors: one client, and answers that are read up to a bound.

use std::sync::OnceLock;
use std::time::Duration;

use reqwest::header::{ACCEPT_ENCODING, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap, HeaderValue, TRANSFER_ENCODING};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response, Version};
use tokio::task::{JoinError, spawn_blocking};

use super::coding::{Body, CodingError};

/// Longest time to connect. A request sets its own time limit.
const CONNECT: Duration = Duration::from_secs(10);
/// Longest reason of a failure, in characters.
const MAX_REASON: usize = 300;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    /// TLS or the client cannot be set up.
    #[error("{0}")]
    Client(String),
    /// Setting up the client panicked.
    #[error("setting up the HTTP client panicked: {0}")]
    Panicked(#[from] JoinError),
    /// The request failed, for this reason.
    #[error("{0}")]
    Request(String),
    /// The body is longer than is read.
    #[error("the answer is longer than {0} bytes; it was left unread")]
    TooLong(usize),
    /// The body cannot be decoded.
    #[error(transparent)]
    Coding(#[from] CodingError),
}

impl From<reqwest::Error> for FetchError {
    fn from(error: reqwest::Error) -> Self {
        Self::Request(reason(&error))
    }
}

/// Head and body of an answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    /// The head does not tell the length of the body: one that was cut off looks complete.
    pub(crate) until_close: bool,
}

static CLIENT: OnceLock<Result<Client, String>> = OnceLock::new();
static CLIENT_WITHOUT_REDIRECTS: OnceLock<Result<Client, String>> = OnceLock::new();

/// The client of all collectors, made at the first call. It reads the trusted authorities, which takes some milliseconds, on the
/// blocking pool.
///
/// # Errors
/// [`FetchError`] if TLS cannot be set up.
pub(crate) async fn client() -> Result<&'static Client, FetchError> {
    made_once(&CLIENT, || make(Policy::default())).await
}

/// The same for callers that follow redirects themselves.
///
/// # Errors
/// [`FetchError`] if TLS cannot be set up.
pub(crate) async fn client_without_redirects() -> Result<&'static Client, FetchError> {
    made_once(&CLIENT_WITHOUT_REDIRECTS, || make(Policy::none())).await
}

async fn made_once(
    client: &'static OnceLock<Result<Client, String>>,
    make: fn() -> Result<Client, String>,
) -> Result<&'static Client, FetchError> {
    if client.get().is_none() {
        spawn_blocking(move || client.get_or_init(make).is_ok()).await?;
    }
    client.get_or_init(make).as_ref().map_err(|why| FetchError::Client(why.clone()))
}

fn make(redirects: Policy) -> Result<Client, String> {
    let agent = concat!("taskpulse/", env!("CARGO_PKG_VERSION"));
    let builder = Client::builder().user_agent(agent).connect_timeout(CONNECT).pool_max_idle_per_host(2).redirect(redirects);
    // As other clients do: a header that breaks the rules costs that header alone.
    let builder = builder
        .http1_ignore_invalid_headers_in_responses(true)
        .http1_allow_spaces_after_header_name_in_responses(true)
        .http1_allow_obsolete_multiline_headers_in_responses(true);
    // Bodies are decoded here: the client's own decoder stops after the first of several gzip streams.
    let packed = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static("gzip"))]);
    let builder = builder.no_gzip().default_headers(packed);
    builder.pool_idle_timeout(Duration::from_secs(120)).build().map_err(|error| reason(&error))
}

/// Sends a request and reads its body, up to `max_bytes` after inflation.
///
/// # Errors
/// [`FetchError`]
pub(crate) async fn read(request: RequestBuilder, max_bytes: usize) -> Result<Answer, FetchError> {
    let mut response: Response = request.send().await?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let until_close = is_until_close(response.version(), &headers);
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > max_bytes {
            return Err(FetchError::TooLong(max_bytes));
        }
        body.extend_from_slice(&chunk);
    }
    let codings: Vec<&str> = headers.get_all(CONTENT_ENCODING).iter().filter_map(|value| value.to_str().ok()).collect();
    let body = Body { bytes: body, cut: false }.decode(&codings.join(","), max_bytes)?;
    if body.cut {
        return Err(FetchError::TooLong(max_bytes));
    }
    Ok(Answer { status, headers, body: body.bytes, until_close })
}

/// Whether only the end of the connection ends the body.
fn is_until_close(version: Version, headers: &HeaderMap) -> bool {
    let closes = headers.get(CONNECTION).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"close"));
    let framed = headers.contains_key(CONTENT_LENGTH) || headers.contains_key(TRANSFER_ENCODING);
    !framed && (version <= Version::HTTP_10 || (version == Version::HTTP_11 && closes))
}

/// The last cause of an error, in one line and without the address (which may hold a secret).
fn reason(error: &reqwest::Error) -> String {
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
