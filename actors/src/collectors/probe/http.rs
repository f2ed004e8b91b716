//! Checks over HTTP: a new connection for each request, redirects one by one, the body read up to a bound. HTTP/1.1, no proxy.

use std::error::Error;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{
    ACCEPT, AUTHORIZATION, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, HeaderName, HeaderValue, LOCATION,
    SET_COOKIE, TRANSFER_ENCODING, USER_AGENT,
};
use hyper::{Method, Request, Response, Version};
use hyper_util::rt::TokioIo;
use reqwest::Url;
use taskpulse_engine::probe::Expected;
use tokio::task::{JoinHandle, spawn_blocking};

use super::connect::{Lookup, Tls, connect};
use super::cookies::Jar;
use super::{CheckError, Figures, Phase};
use crate::collectors::coding::Body;
use crate::redact;

/// Most redirects, as in curl.
const MAX_REDIRECTS: u32 = 50;
/// Most headers of an answer, and most bytes of its head: more than curl accepts.
const MAX_HEADERS: usize = 5_000;
const MAX_HEAD: usize = 512 << 10;

/// A check over HTTP.
#[derive(Debug, Clone)]
pub struct HttpCheck {
    /// The address.
    pub url: Url,
    /// The method.
    pub method: Method,
    /// Further headers.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body of the request.
    pub body: String,
    /// Follow redirects.
    pub follow_redirects: bool,
    /// What the answer must match.
    pub expected: Expected,
    /// TLS options.
    pub tls: Tls,
    /// Most bytes of the body that are read.
    pub max_bytes: usize,
}

/// The task of a connection; it ends with this.
struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The last cause of an error, which says most.
fn reason(error: &hyper::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = match error.downcast_ref::<std::io::Error>() {
            Some(error) => super::connect::plain(error),
            None => error.to_string(),
        };
        cause = error.source();
    }
    text.chars().take(300).collect()
}

/// Sends the request, follows redirects, and compares the answer with what is expected.
pub(super) async fn check(check: &HttpCheck, lookup: &Lookup, seen: &mut Figures) -> Result<(), CheckError> {
    let mut url = check.url.clone();
    let mut method = check.method.clone();
    let mut body = check.body.clone();
    let mut headers = check.headers.clone();
    let mut jar = Jar::default();
    loop {
        let (response, _driver) = send(check, &url, &method, &headers, &jar, &body, lookup, seen).await?;
        let status = response.status();
        seen.http_status = Some(status.as_u16());
        seen.ssl = Some(url.scheme() == "https");
        seen.http_version = Some(if response.version() == Version::HTTP_10 { 1.0 } else { 1.1 });
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        seen.content_length = header(CONTENT_LENGTH).and_then(|text| text.trim().parse::<u64>().ok());
        response.headers().get_all(SET_COOKIE).iter().for_each(|cookie| jar.set(&url, cookie));
        let location = if check.follow_redirects && status.is_redirection() && status.as_u16() != 304 {
            response.headers().get(LOCATION).map(address).filter(|location| !location.is_empty())
        } else {
            None
        };
        let Some(location) = location else { return read(check, &url, response, seen).await };
        if seen.redirects == MAX_REDIRECTS {
            return Err(CheckError::Down(format!("it redirects more than {MAX_REDIRECTS} times")));
        }
        seen.redirects += 1;
        let next = url.join(&location).ok().filter(|next| matches!(next.scheme(), "http" | "https") && next.host().is_some());
        let next = next.ok_or_else(|| {
            CheckError::Down(format!("it redirects to {:?}", redact::address(&location).chars().take(100).collect::<String>()))
        })?;
        if matches!(status.as_u16(), 301..=303) && method != Method::GET && method != Method::HEAD {
            (method, body) = (Method::GET, String::new());
        }
        // Credentials are for the first host only.
        if next.origin() != url.origin() {
            headers.retain(|(name, _)| ![AUTHORIZATION, COOKIE, HOST].contains(name));
        }
        url = next;
    }
}

/// The address in a `Location` header. Bytes beyond ASCII are percent-encoded: browsers and curl accept UTF-8 and Latin-1 there.
fn address(location: &HeaderValue) -> String {
    let mut text = String::new();
    for byte in location.as_bytes().trim_ascii() {
        match byte {
            0..0x80 => text.push(char::from(*byte)),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

#[allow(clippy::too_many_arguments, reason = "what changes from one request to the next of a check")]
async fn send(
    check: &HttpCheck,
    url: &Url,
    method: &Method,
    headers: &[(HeaderName, HeaderValue)],
    jar: &Jar,
    body: &str,
    lookup: &Lookup,
    seen: &mut Figures,
) -> Result<(Response<Incoming>, Driver), CheckError> {
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let tls = (url.scheme() == "https").then_some(&check.tls);
    let stream = connect(host, url.port_or_known_default().unwrap_or(80), tls, &[b"http/1.1"], lookup, seen).await?;
    let step = seen.begin(Phase::Processing);
    let down = |error: &hyper::Error| CheckError::Down(reason(error));
    let mut client = http1::Builder::new();
    // Browsers accept such heads too.
    client.allow_spaces_after_header_name_in_responses(true).allow_obsolete_multiline_headers_in_responses(true);
    client.ignore_invalid_headers_in_responses(true).max_headers(MAX_HEADERS).max_buf_size(MAX_HEAD);
    // Some small servers accept `Host` but not `host`.
    client.title_case_headers(true);
    let (mut sender, connection) = client.handshake(TokioIo::new(stream)).await.map_err(|error| down(&error))?;
    let driver = Driver(tokio::spawn(async move {
        // Errors of the connection reach whoever waits for the answer.
        let _ = connection.await;
    }));
    let path = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
    let host = url
        .port()
        .map_or_else(|| url.host_str().unwrap_or_default().to_owned(), |port| format!("{}:{port}", url.host_str().unwrap_or_default()));
    let mut request = Request::builder().method(method).uri(path);
    let given = |name: &HeaderName| headers.iter().any(|(n, _)| n == name);
    let agent = concat!("taskpulse/", env!("CARGO_PKG_VERSION"));
    for (name, value) in [(HOST, host.as_str()), (USER_AGENT, agent), (ACCEPT, "*/*"), (CONNECTION, "close")] {
        if !given(&name) {
            request = request.header(name, value);
        }
    }
    for (name, value) in headers.iter().filter(|(name, _)| *name != COOKIE) {
        request = request.header(name, value);
    }
    let own = headers.iter().find(|(name, _)| *name == COOKIE).map(|(_, value)| value);
    if let Some(cookies) = jar.header(url, own) {
        request = request.header(COOKIE, cookies);
    }
    let request = request.body(Full::new(Bytes::from(body.to_owned()))).map_err(|error| CheckError::CannotCheck(error.to_string()))?;
    let response = sender.send_request(request).await;
    seen.end(step);
    Ok((response.map_err(|error| down(&error))?, driver))
}

/// Whether an error is the end of a connection. Many servers close TLS without a close message.
fn is_end_of_connection(error: &hyper::Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        if error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::UnexpectedEof) {
            return true;
        }
        cause = error.source();
    }
    false
}

async fn read(check: &HttpCheck, url: &Url, response: Response<Incoming>, seen: &mut Figures) -> Result<(), CheckError> {
    let step = seen.begin(Phase::Transfer);
    let (head, mut body) = response.into_parts();
    let status = head.status.as_u16();
    let has_end = head.headers.contains_key(CONTENT_LENGTH) || head.headers.contains_key(TRANSFER_ENCODING);
    let mut bytes = Vec::new();
    let mut cut = false;
    while let Some(frame) = body.frame().await {
        let frame = match frame {
            Ok(frame) => frame,
            Err(error) if url.scheme() == "https" && !has_end && is_end_of_connection(&error) => break,
            Err(error) => return Err(CheckError::Down(format!("status {status}, but its body is not whole: {}", reason(&error)))),
        };
        let Some(data) = frame.data_ref() else { continue };
        let room = check.max_bytes - bytes.len();
        bytes.extend_from_slice(&data[..data.len().min(room)]);
        if data.len() > room {
            cut = true;
            break;
        }
    }
    seen.end(step);
    let codings: Vec<String> =
        head.headers.get_all(CONTENT_ENCODING).iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect();
    let kind = head.headers.get(CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).unwrap_or_default();
    let (expected, max_bytes) = (check.expected.clone(), check.max_bytes);
    // A large body and a regex may take long.
    let judge = move || {
        let body = Body { bytes, cut };
        let body =
            if expected.wants_body() { body.decode(&codings.join(","), max_bytes).map(|body| body.into_utf8(&kind)) } else { Ok(body) };
        body.map(|body| expected.judge(status, &body.bytes, body.cut))
    };
    let verdict = spawn_blocking(judge).await.map_err(|error| CheckError::CannotCheck(error.to_string()))?;
    let verdict = verdict.map_err(|why| CheckError::Down(format!("status {status}, but {why}")))?;
    seen.failed_due_to_regex = verdict.failed_due_to_regex;
    verdict.why.map_or(Ok(()), |why| Err(CheckError::Down(why)))
}
