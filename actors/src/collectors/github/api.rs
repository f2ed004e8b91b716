//! Requests to GitHub's REST API within the share of its hourly rate limit, and the meaning of refusals.
//!
//! GitHub redirects requests for a repository that was renamed or transferred. Each redirect costs a request, and is
//! followed to the same host only because the token is sent along.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use parking_lot::Mutex;
use reqwest::Url;
use reqwest::header::{HeaderMap, LOCATION};
use taskpulse_engine::ci::budget::{Budget, Limits, Purpose, Wait};
use taskpulse_engine::ci::parse::{self, ParseError};
use taskpulse_engine::model::TimestampMs;

use super::credentials::Credentials;
use crate::clock::Clock;
use crate::collectors::collector::BlockingError;
use crate::collectors::fetch::{self, FetchError};
use crate::pipeline_stats::PipelineStats;
use crate::view::CiRequests;

/// Longest time of one request.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Longest answer in bytes, after inflation. A page of a hundred runs has 1 to 2 MB.
const MAX_BYTES: usize = 32 << 20;
/// The version of the API that is parsed.
const VERSION: &str = "2022-11-28";
/// Most redirects of one request.
const MAX_REDIRECTS: usize = 5;
/// Words in GitHub's answer after a rate limit that no header names.
const LIMIT_WORDS: [&str; 2] = ["rate limit", "abuse detection"];

/// An answer.
pub(super) enum Reply {
    /// Unchanged since the last request (304).
    Unchanged,
    /// The answer.
    Found(Found),
}

/// The body of an answer, and what its head says.
pub(super) struct Found {
    pub(super) body: Vec<u8>,
    /// For the next conditional request.
    pub(super) etag: Option<String>,
    /// The header `Link`.
    pub(super) link: Option<String>,
    /// It was redirected for good.
    pub(super) moved: bool,
}

/// Why a request failed that may succeed the next time.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// There is no answer.
    #[error("{base}: {error}")]
    Fetch {
        /// The address of the API.
        base: String,
        /// Why.
        error: FetchError,
    },
    /// There are too many redirects.
    #[error("{0}: it redirects more than {MAX_REDIRECTS} times")]
    Redirects(String),
    /// The status is an error of the server; with what it says.
    #[error("GitHub answers with status {0}")]
    Status(String),
    /// GitHub answers 304 to a request that was not conditional.
    #[error("GitHub answers 304 (unchanged) to a request that was not conditional")]
    Unchanged,
    /// The body cannot be parsed.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// Work on what was collected failed.
    #[error(transparent)]
    Blocking(#[from] BlockingError),
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum RequestError {
    /// A limit is reached.
    Wait(Wait),
    /// GitHub refuses the token.
    Token(String),
    /// GitHub does not know the repository or the run.
    Gone,
    /// It is the same repository as the one of this name, which is watched already.
    Watched(String),
    /// GitHub refuses the request.
    Refused(String),
    /// It may succeed the next time.
    Failed(Failure),
}

impl From<Failure> for RequestError {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<ParseError> for RequestError {
    fn from(error: ParseError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<BlockingError> for RequestError {
    fn from(error: BlockingError) -> Self {
        Self::Failed(error.into())
    }
}

impl RequestError {
    /// The reason in one line, with what to do about it.
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
            Self::Failed(failure) => failure.to_string(),
        }
    }
}

fn clock(at: TimestampMs) -> String {
    Timestamp::from_millisecond(at).map(|t| t.strftime("%H:%M:%S UTC").to_string()).unwrap_or_default()
}

/// Why a redirect is not followed.
#[derive(Debug, thiserror::Error)]
enum RedirectError {
    #[error("it redirects, but does not say where to")]
    NoLocation,
    #[error("it redirects to no address: {0}")]
    NoAddress(String),
    #[error("it redirects to {to}, which is not followed: the token is for {from}")]
    OtherHost { from: String, to: String },
}

/// The target of a redirect of `from`.
///
/// # Errors
/// [`RedirectError`]
fn redirect(from: &str, headers: &HeaderMap) -> Result<String, RedirectError> {
    let location = headers.get(LOCATION).and_then(|value| value.to_str().ok()).ok_or(RedirectError::NoLocation)?;
    let from = Url::parse(from).map_err(|error| RedirectError::NoAddress(error.to_string()))?;
    let to = from.join(location.trim()).map_err(|error| RedirectError::NoAddress(error.to_string()))?;
    // A redirect from http to https leads to the same server.
    let upgraded = from.scheme() == "http" && to.scheme() == "https" && to.port().is_none();
    let same = from.host() == to.host() && (from.origin() == to.origin() || upgraded);
    if !same {
        return Err(RedirectError::OtherHost { from: from.origin().ascii_serialization(), to: to.origin().ascii_serialization() });
    }
    Ok(to.to_string())
}

/// See the module. One for all repositories: they share token and rate limit.
pub(super) struct Api {
    base: String,
    pub(super) credentials: Credentials,
    clock: Clock,
    budget: Mutex<Budget>,
    /// When the state of the rate limit was last asked for.
    asked_limit: Mutex<TimestampMs>,
}

impl Api {
    pub(super) fn new(base: &str, credentials: Credentials, share: f64, clock: Clock) -> Self {
        let base = base.trim_end_matches('/').to_owned();
        Self { base, credentials, clock, budget: Mutex::new(Budget::new(share)), asked_limit: Mutex::new(0) }
    }

    /// Requests per hour that may be used.
    pub(super) fn allowed(&self) -> u64 {
        self.budget.lock().allowed()
    }

    /// The hourly limit, its rest, the requests used in the last hour, and those that may be used.
    pub(super) fn limits(&self) -> CiRequests {
        let budget = self.budget.lock();
        CiRequests {
            limit: budget.limit(),
            remaining: budget.remaining(),
            spent_last_hour: budget.spent(self.clock.now_ms()),
            allowed_an_hour: budget.allowed(),
        }
    }

    /// Requests a path below the base.
    pub(super) async fn get(&self, path: &str, etag: Option<&str>, purpose: Purpose, stats: &PipelineStats) -> Result<Reply, RequestError> {
        let token = self.credentials.token().await;
        let mut url = format!("{}{path}", self.base);
        let mut moved = false;
        for _ in 0..=MAX_REDIRECTS {
            {
                let mut budget = self.budget.lock();
                budget.carries_token(token.is_some());
                budget.check(self.clock.now_ms(), purpose).map_err(RequestError::Wait)?;
            }
            let answer = self.send(&url, etag, token.as_deref()).await.inspect_err(|_| stats.github_requests.add("failed", 1))?;
            let now = self.clock.now_ms();
            let limits = limits(&answer.headers, now);
            // Without a token, a 304 counts against the limit too.
            let free = answer.status == 304 && token.is_some();
            stats.github_requests.add(if answer.status == 304 { "unchanged" } else { "paid" }, 1);
            {
                let mut budget = self.budget.lock();
                budget.note(limits);
                if !free {
                    budget.pay(now);
                }
            }
            if !matches!(answer.status, 301 | 302 | 307 | 308) {
                return self.interpret(answer, limits, moved);
            }
            url = redirect(&url, &answer.headers).map_err(|error| RequestError::Refused(error.to_string()))?;
            moved |= matches!(answer.status, 301 | 308);
        }
        Err(Failure::Redirects(self.base.clone()).into())
    }

    fn interpret(&self, answer: fetch::Answer, limits: Limits, moved: bool) -> Result<Reply, RequestError> {
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
            304 => Ok(Reply::Unchanged),
            200 => {
                let header = |name: &str| answer.headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
                Ok(Reply::Found(Found { etag: header("etag"), link: header("link"), moved, body: answer.body }))
            }
            _ if limited => Err(RequestError::Wait(self.budget.lock().refused(limits, self.clock.now_ms()))),
            401 => {
                self.credentials.forget();
                Err(RequestError::Token(said()))
            }
            404 | 410 | 451 => Err(RequestError::Gone),
            400..=499 => Err(RequestError::Refused(said())),
            _ => Err(Failure::Status(said()).into()),
        }
    }

    async fn send(&self, url: &str, etag: Option<&str>, token: Option<&str>) -> Result<fetch::Answer, RequestError> {
        let failed = |error| RequestError::Failed(Failure::Fetch { base: self.base.clone(), error });
        let mut request = fetch::client_without_redirects().await.map_err(failed)?.get(url).timeout(TIMEOUT);
        request = request.header("accept", "application/vnd.github+json").header("x-github-api-version", VERSION);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(etag) = etag {
            request = request.header("if-none-match", etag);
        }
        fetch::read(request, MAX_BYTES).await.map_err(failed)
    }

    /// Asks GitHub, at most once in `every`, whether the hourly limit was lifted early. The request is free.
    pub(super) async fn is_limit_lifted(&self, every: Duration) -> bool {
        let now = self.clock.now_ms();
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
        // The limit ends with the second that is named, by GitHub's clock.
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
                (Err(why), Err(part)) => assert!(why.to_string().contains(part), "{why}"),
                (other, _) => panic!("{from} to {location}: {other:?}"),
            }
        }
        assert!(matches!(redirect("https://api.github.com/x", &HeaderMap::new()), Err(RedirectError::NoLocation)));
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
