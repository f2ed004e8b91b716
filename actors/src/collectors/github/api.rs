//! Requests to GitHub's REST interface, within the share of its hourly limit, and what a refusal means.
//!
//! GitHub redirects requests for a repository that was renamed or transferred. Each redirect is a request that is paid for, and is followed
//! to the same host only: the token goes along.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use parking_lot::Mutex;
use reqwest::Url;
use reqwest::header::{HeaderMap, LOCATION};
use taskpulse_engine::ci::budget::{Budget, Limits, Purpose, Wait};
use taskpulse_engine::ci::parse;
use taskpulse_engine::model::TimestampMs;

use super::credentials::Credentials;
use crate::clock::now_ms;
use crate::collectors::fetch;
use crate::shared::Shared;
use crate::view::CiRequests;

/// Longest time of one request.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Longest answer, after inflation. A page of a hundred runs has 1 to 2 MB.
const MAX_BYTES: usize = 32 << 20;
/// The version of the interface whose shapes are read.
const VERSION: &str = "2022-11-28";
/// Redirects of one request that are followed.
const MAX_REDIRECTS: usize = 5;
/// What GitHub says where a limit of its own was met that no header tells.
const LIMIT_WORDS: [&str; 2] = ["rate limit", "abuse detection"];

/// An answer.
pub(super) enum Reply {
    /// The same as the last time; it cost nothing.
    Same,
    /// What was asked for.
    Found(Found),
}

/// What was asked for.
pub(super) struct Found {
    pub(super) body: Vec<u8>,
    /// By what to ask for a change of it.
    pub(super) etag: Option<String>,
    /// Its header `Link`.
    pub(super) link: Option<String>,
    /// GitHub has it in another place for good.
    pub(super) moved: bool,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum RequestError {
    /// It must wait.
    Wait(Wait),
    /// The token is wrong.
    Token(String),
    /// There is no such thing.
    Gone,
    /// It is the repository of this name, which is watched already.
    Watched(String),
    /// GitHub does not want to.
    Refused(String),
    /// It may be better the next time.
    Failed(String),
}

impl RequestError {
    /// In one line, with what to do.
    pub(super) fn explain(&self, repo: &str, api: &Api) -> String {
        match self {
            Self::Wait(Wait::Share(until)) => format!(
                "the {} requests an hour that it may use are used up until {}; {}raise github.share",
                api.allowed(),
                clock(*until),
                if api.credentials.known() { "" } else { "set github.token, or " }
            ),
            Self::Wait(Wait::Limit(until)) => {
                let right = if api.credentials.known() {
                    "other programs use the same token"
                } else {
                    "set github.token: it has a limit of its own"
                };
                format!("GitHub's rate limit is used up until {}; {right}", clock(*until))
            }
            Self::Wait(Wait::Pause(until)) => format!("GitHub asks to wait until {}", clock(*until)),
            Self::Token(said) => format!(
                "GitHub refuses the token ({}): {said}; set github.token to one that may read Actions of {repo}",
                api.credentials.origin()
            ),
            Self::Gone => format!(
                "{repo} is not at {}: renamed or gone, or {}; see github.repositories",
                api.base,
                if api.credentials.known() { "the token may not read it" } else { "private: set github.token" }
            ),
            Self::Refused(said) => format!("GitHub refuses {repo}: {said}; the token needs read access to its Actions"),
            Self::Watched(name) => format!("{repo} is now {name}, which is watched already"),
            Self::Failed(why) => why.clone(),
        }
    }
}

fn clock(at: TimestampMs) -> String {
    Timestamp::from_millisecond(at).map(|t| t.strftime("%H:%M:%S UTC").to_string()).unwrap_or_default()
}

/// Where a redirect of `from` leads.
///
/// # Errors
/// Why it is not followed.
fn redirect(from: &str, headers: &HeaderMap) -> Result<String, String> {
    let location = headers.get(LOCATION).and_then(|value| value.to_str().ok()).ok_or("it redirects, but does not say where to")?;
    let from = Url::parse(from).map_err(|error| error.to_string())?;
    let to = from.join(location.trim()).map_err(|error| format!("it redirects to no address: {error}"))?;
    // A server that leads from http to https is the same.
    let upgraded = from.scheme() == "http" && to.scheme() == "https" && to.port().is_none();
    let same = from.host() == to.host() && (from.origin() == to.origin() || upgraded);
    if !same {
        let origin = to.origin().ascii_serialization();
        return Err(format!("it redirects to {origin}, which is not followed: the token is for {}", from.origin().ascii_serialization()));
    }
    Ok(to.to_string())
}

/// See the module. One for all repositories: they share token and limit.
pub(super) struct Api {
    base: String,
    pub(super) credentials: Credentials,
    budget: Mutex<Budget>,
    /// When it was last asked whether the limit was lifted.
    asked_limit: Mutex<TimestampMs>,
}

impl Api {
    pub(super) fn new(base: &str, credentials: Credentials, share: f64) -> Self {
        let base = base.trim_end_matches('/').to_owned();
        Self { base, credentials, budget: Mutex::new(Budget::new(share)), asked_limit: Mutex::new(0) }
    }

    /// Requests of an hour that may be paid for.
    pub(super) fn allowed(&self) -> u64 {
        self.budget.lock().allowed()
    }

    /// The limit, what is left of it, and what was paid in the last hour.
    pub(super) fn limits(&self) -> CiRequests {
        let budget = self.budget.lock();
        CiRequests {
            limit: budget.limit(),
            remaining: budget.remaining(),
            spent_last_hour: budget.spent(now_ms()),
            allowed_an_hour: budget.allowed(),
        }
    }

    /// Asks for a path below the base.
    pub(super) async fn get(&self, path: &str, etag: Option<&str>, purpose: Purpose, shared: &Shared) -> Result<Reply, RequestError> {
        let token = self.credentials.token().await;
        let mut url = format!("{}{path}", self.base);
        let mut moved = false;
        for _ in 0..=MAX_REDIRECTS {
            {
                let mut budget = self.budget.lock();
                budget.carries_token(token.is_some());
                budget.check(now_ms(), purpose).map_err(RequestError::Wait)?;
            }
            let answer = self.send(&url, etag, token.as_deref()).await.inspect_err(|_| shared.stats.github_requests.add("failed", 1))?;
            let now = now_ms();
            let limits = limits(&answer.headers, now);
            // Without a token a 304 counts against the limit too.
            let free = answer.status == 304 && token.is_some();
            shared.stats.github_requests.add(if answer.status == 304 { "unchanged" } else { "paid" }, 1);
            {
                let mut budget = self.budget.lock();
                budget.note(limits);
                if !free {
                    budget.pay(now);
                }
            }
            if !matches!(answer.status, 301 | 302 | 307 | 308) {
                return self.judge(answer, limits, moved);
            }
            url = redirect(&url, &answer.headers).map_err(RequestError::Refused)?;
            moved |= matches!(answer.status, 301 | 308);
        }
        Err(RequestError::Failed(format!("{}: it redirects more than {MAX_REDIRECTS} times", self.base)))
    }

    fn judge(&self, answer: fetch::Answer, limits: Limits, moved: bool) -> Result<Reply, RequestError> {
        let said = || {
            let said = parse::message(&answer.body).unwrap_or_else(|| fetch::beginning(&answer.body));
            format!("{} {said}", answer.status).trim().to_owned()
        };
        let limited = match answer.status {
            429 => true,
            403 => {
                let said = said().to_lowercase();
                limits.retry_after.is_some() || limits.remaining == Some(0) || LIMIT_WORDS.iter().any(|words| said.contains(words))
            }
            503 => limits.retry_after.is_some(),
            _ => false,
        };
        match answer.status {
            304 => Ok(Reply::Same),
            200 => {
                let header = |name: &str| answer.headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
                Ok(Reply::Found(Found { etag: header("etag"), link: header("link"), moved, body: answer.body }))
            }
            _ if limited => Err(RequestError::Wait(self.budget.lock().refused(limits, now_ms()))),
            401 => {
                self.credentials.forget();
                Err(RequestError::Token(said()))
            }
            404 | 410 | 451 => Err(RequestError::Gone),
            400..=499 => Err(RequestError::Refused(said())),
            _ => Err(RequestError::Failed(format!("GitHub answers with status {}", said()))),
        }
    }

    async fn send(&self, url: &str, etag: Option<&str>, token: Option<&str>) -> Result<fetch::Answer, RequestError> {
        let mut request = fetch::client_without_redirects().await.map_err(RequestError::Failed)?.get(url).timeout(TIMEOUT);
        request = request.header("accept", "application/vnd.github+json").header("x-github-api-version", VERSION);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(etag) = etag {
            request = request.header("if-none-match", etag);
        }
        fetch::read(request, MAX_BYTES).await.map_err(|why| RequestError::Failed(format!("{}: {why}", self.base)))
    }

    /// While the hourly limit holds: whether it was lifted before its time. GitHub answers that without cost.
    pub(super) async fn lifted(&self, every: Duration) -> bool {
        let now = now_ms();
        {
            let mut asked = self.asked_limit.lock();
            if now - *asked < i64::try_from(every.as_millis()).unwrap_or(i64::MAX) {
                return false;
            }
            *asked = now;
        }
        let token = self.credentials.token().await;
        let Ok(answer) = self.send(&format!("{}/rate_limit", self.base), None, token.as_deref()).await else { return false };
        let Some(remaining) = parse::remaining(&answer.body).filter(|_| answer.status == 200) else { return false };
        self.budget.lock().lifted(remaining);
        remaining > 0
    }
}

fn limits(headers: &HeaderMap, now: TimestampMs) -> Limits {
    let number = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).and_then(|v| v.trim().parse::<u64>().ok());
    let ms = |seconds: u64| i64::try_from(seconds).ok().and_then(|s| s.checked_mul(1_000));
    Limits {
        limit: number("x-ratelimit-limit"),
        remaining: number("x-ratelimit-remaining"),
        // The limit is lifted with the second that is named, by GitHub's clock.
        reset: number("x-ratelimit-reset").and_then(ms).map(|at| at.max(now) + 1_000),
        retry_after: number("retry-after").and_then(ms).or_else(|| {
            let date = headers.get("retry-after")?.to_str().ok()?;
            let at = rfc2822::DateTimeParser::new().parse_timestamp(date.trim()).ok()?;
            Some((at.as_millisecond() - now).max(0))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_is_followed_to_the_same_host_only() {
        for (from, location, expected) in [
            (
                "https://api.github.com/repos/o/r/x?a=1",
                "https://api.github.com/repositories/7/x?a=1",
                Ok("https://api.github.com/repositories/7/x?a=1"),
            ),
            ("https://ghe.example/api/v3/repos/o/r", "/api/v3/repositories/7", Ok("https://ghe.example/api/v3/repositories/7")),
            ("http://ghe.example/api/v3/x", "https://ghe.example/api/v3/x", Ok("https://ghe.example/api/v3/x")),
            ("https://api.github.com/x", "http://api.github.com/x", Err("http://api.github.com, which is not followed")),
            (
                "https://api.github.com/x",
                "https://api.github.com.evil.example/x",
                Err("not followed: the token is for https://api.github.com"),
            ),
            ("https://api.github.com/x", "//evil.example/x", Err("https://evil.example, which is not followed")),
            ("http://127.0.0.1:1/x", "http://127.0.0.1:2/x", Err("not followed")),
            ("http://127.0.0.1:1/x", "https://127.0.0.1:2/x", Err("not followed")),
            ("https://api.github.com/x", "http://[", Err("no address")),
        ] {
            let headers = HeaderMap::from_iter([(LOCATION, location.parse().unwrap())]);
            match (redirect(from, &headers), expected) {
                (Ok(to), Ok(expected)) => assert_eq!(to, expected),
                (Err(why), Err(part)) => assert!(why.contains(part), "{why}"),
                (other, _) => panic!("{from} to {location}: {other:?}"),
            }
        }
        assert!(redirect("https://api.github.com/x", &HeaderMap::new()).unwrap_err().contains("does not say where to"));
    }

    #[test]
    fn a_wait_is_read_as_seconds_or_as_a_date() {
        let now = 1_795_478_400_000;
        for (text, expected) in [
            ("60", Some(60_000)),
            ("Tue, 24 Nov 2026 00:01:30 GMT", Some(90_000)),
            ("Tue, 24 Nov 2020 00:00:00 GMT", Some(0)),
            ("soon", None),
        ] {
            let headers = HeaderMap::from_iter([(reqwest::header::RETRY_AFTER, text.parse().unwrap())]);
            assert_eq!(limits(&headers, now).retry_after, expected, "{text}");
        }
    }
}
