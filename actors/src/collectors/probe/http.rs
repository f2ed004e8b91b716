//! Asking over HTTP as a probe does: a connection of its own for each request, redirects one by one, the body read no
//! further than it may be. HTTP/1.1; no proxy, whatever the environment says.

use std::error::Error;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONNECTION, CONTENT_LENGTH, COOKIE, HOST, HeaderName, HeaderValue, LOCATION, USER_AGENT};
use hyper::{Method, Request, Response, Version};
use hyper_util::rt::TokioIo;
use reqwest::Url;
use taskpulse_engine::probe::Expected;
use tokio::task::{JoinHandle, spawn_blocking};

use super::connect::{Lookup, Tls, connect};
use super::{Figures, Phase, Trouble};
use crate::redact;

/// Redirects that are followed.
const MAX_REDIRECTS: u32 = 10;

/// A check over HTTP.
#[derive(Debug, Clone)]
pub struct HttpCheck {
    /// What is asked for.
    pub url: Url,
    /// How.
    pub method: Method,
    /// Further headers.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// What is sent.
    pub body: String,
    /// Go where an answer points to.
    pub follow_redirects: bool,
    /// What the answer must be like.
    pub expected: Expected,
    /// How TLS is spoken.
    pub tls: Tls,
    /// Bytes of the body that are read.
    pub max_bytes: usize,
}

/// Ends the work behind a connection with it.
struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// An error with its last cause, which says most.
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

/// Asks, follows, reads, judges.
pub(super) async fn ask(check: &HttpCheck, lookup: &Lookup, seen: &mut Figures) -> Result<(), Trouble> {
    let mut url = check.url.clone();
    let mut method = check.method.clone();
    let mut body = check.body.clone();
    let mut headers = check.headers.clone();
    loop {
        let (response, _driver) = send(check, &url, &method, &headers, &body, lookup, seen).await?;
        let status = response.status();
        seen.http_status = Some(status.as_u16());
        seen.ssl = Some(url.scheme() == "https");
        seen.http_version = Some(if response.version() == Version::HTTP_10 { 1.0 } else { 1.1 });
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        seen.content_length = header(CONTENT_LENGTH).and_then(|text| text.trim().parse::<u64>().ok());
        let location = header(LOCATION).filter(|_| check.follow_redirects && matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308));
        let Some(location) = location else { return read(check, status.as_u16(), response.into_body(), seen).await };
        if seen.redirects == MAX_REDIRECTS {
            return Err(Trouble::Down(format!("it redirects more than {MAX_REDIRECTS} times")));
        }
        seen.redirects += 1;
        let next = url.join(location).ok().filter(|next| matches!(next.scheme(), "http" | "https") && next.host().is_some());
        let next = next.ok_or_else(|| {
            Trouble::Down(format!("it redirects to {:?}", redact::address(location).chars().take(100).collect::<String>()))
        })?;
        if matches!(status.as_u16(), 301..=303) && method != Method::GET && method != Method::HEAD {
            (method, body) = (Method::GET, String::new());
        }
        // What is meant for one host is no other's business.
        if next.origin() != url.origin() {
            headers.retain(|(name, _)| ![AUTHORIZATION, COOKIE, HOST].contains(name));
        }
        url = next;
    }
}

async fn send(
    check: &HttpCheck,
    url: &Url,
    method: &Method,
    headers: &[(HeaderName, HeaderValue)],
    body: &str,
    lookup: &Lookup,
    seen: &mut Figures,
) -> Result<(Response<Incoming>, Driver), Trouble> {
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let tls = (url.scheme() == "https").then_some(&check.tls);
    let stream = connect(host, url.port_or_known_default().unwrap_or(80), tls, &[b"http/1.1"], lookup, seen).await?;
    let step = seen.begin(Phase::Processing);
    let down = |error: &hyper::Error| Trouble::Down(reason(error));
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| down(&error))?;
    let driver = Driver(tokio::spawn(async move {
        // What goes wrong with the connection is told to whoever waits for the answer.
        let _ = connection.await;
    }));
    let path = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
    let host = url
        .port()
        .map_or_else(|| url.host_str().unwrap_or_default().to_owned(), |port| format!("{}:{port}", url.host_str().unwrap_or_default()));
    let mut request = Request::builder().method(method).uri(path).header(CONNECTION, "close");
    let given = |name: HeaderName| headers.iter().any(|(n, _)| *n == name);
    if !given(HOST) {
        request = request.header(HOST, host);
    }
    if !given(USER_AGENT) {
        request = request.header(USER_AGENT, concat!("taskpulse/", env!("CARGO_PKG_VERSION")));
    }
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let request = request.body(Full::new(Bytes::from(body.to_owned()))).map_err(|error| Trouble::CannotCheck(error.to_string()))?;
    let response = sender.send_request(request).await;
    seen.end(step);
    Ok((response.map_err(|error| down(&error))?, driver))
}

async fn read(check: &HttpCheck, status: u16, mut body: Incoming, seen: &mut Figures) -> Result<(), Trouble> {
    let step = seen.begin(Phase::Transfer);
    let mut bytes = Vec::new();
    let mut cut = false;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Trouble::Down(format!("status {status}, but its body is not whole: {}", reason(&error))))?;
        let Some(data) = frame.data_ref() else { continue };
        let room = check.max_bytes - bytes.len();
        bytes.extend_from_slice(&data[..data.len().min(room)]);
        if data.len() > room {
            cut = true;
            break;
        }
    }
    seen.end(step);
    let expected = check.expected.clone();
    // A large body and a regex are work for another thread.
    let verdict =
        spawn_blocking(move || expected.judge(status, &bytes, cut)).await.map_err(|error| Trouble::CannotCheck(error.to_string()))?;
    seen.failed_due_to_regex = verdict.failed_due_to_regex;
    verdict.why.map_or(Ok(()), |why| Err(Trouble::Down(why)))
}
