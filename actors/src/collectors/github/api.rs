//! Requests to GitHub's REST interface, within the share of its hourly limit, and what a refusal means.

use std::time::Duration;

use jiff::Timestamp;
use parking_lot::Mutex;
use reqwest::header::HeaderMap;
use taskpulse_engine::ci::budget::{Budget, Limits, Purpose, Wait};
use taskpulse_engine::ci::parse;
use taskpulse_engine::model::TimestampMs;

use super::credentials::Credentials;
use crate::clock::now_ms;
use crate::collectors::fetch;
use crate::shared::Shared;

/// Longest time of one request.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Longest answer, after inflation. A page of a hundred runs has 1 to 2 MB.
const MAX_BYTES: usize = 32 << 20;
/// The version of the interface whose shapes are read.
const VERSION: &str = "2022-11-28";

/// An answer.
pub(super) enum Reply {
    /// The same as the last time; it cost nothing.
    Same,
    /// Its body, and by what to ask for a change of it.
    Body(Vec<u8>, Option<String>),
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It must wait.
    Wait(Wait),
    /// The token is wrong.
    Token(String),
    /// There is no such thing.
    Gone,
    /// GitHub does not want to.
    Refused(String),
    /// It may be better the next time.
    Failed(String),
}

impl Trouble {
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
            Self::Failed(why) => why.clone(),
        }
    }
}

fn clock(at: TimestampMs) -> String {
    Timestamp::from_millisecond(at).map(|t| t.strftime("%H:%M:%S UTC").to_string()).unwrap_or_default()
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
    pub(super) fn limits(&self) -> (Option<u64>, Option<u64>, u64, u64) {
        let budget = self.budget.lock();
        (budget.limit(), budget.remaining(), budget.spent(now_ms()), budget.allowed())
    }

    /// Asks for a path below the base.
    pub(super) async fn get(&self, path: &str, etag: Option<&str>, purpose: Purpose, shared: &Shared) -> Result<Reply, Trouble> {
        let token = self.credentials.token().await;
        {
            let mut budget = self.budget.lock();
            budget.carries_token(token.is_some());
            budget.check(now_ms(), purpose).map_err(Trouble::Wait)?;
        }
        let answer = self.send(path, etag, token.as_deref()).await.inspect_err(|_| shared.ci.count_request("failed"))?;
        let now = now_ms();
        let limits = limits(&answer.headers, now);
        // Without a token a 304 counts against the limit too.
        let free = answer.status == 304 && token.is_some();
        shared.ci.count_request(if answer.status == 304 { "unchanged" } else { "paid" });
        {
            let mut budget = self.budget.lock();
            budget.note(limits);
            if !free {
                budget.pay(now);
            }
        }
        let said = || {
            let said = parse::message(&answer.body).unwrap_or_else(|| fetch::beginning(&answer.body));
            format!("{} {said}", answer.status).trim().to_owned()
        };
        let limited = matches!(answer.status, 403 | 429)
            && (limits.retry_after.is_some() || limits.remaining == Some(0) || said().to_lowercase().contains("rate limit"));
        match answer.status {
            304 => Ok(Reply::Same),
            200 => {
                let etag = answer.headers.get("etag").and_then(|v| v.to_str().ok()).map(str::to_owned);
                Ok(Reply::Body(answer.body, etag))
            }
            _ if limited => Err(Trouble::Wait(self.budget.lock().refused(limits, now))),
            401 => {
                self.credentials.forget();
                Err(Trouble::Token(said()))
            }
            404 | 410 | 451 => Err(Trouble::Gone),
            400..=499 => Err(Trouble::Refused(said())),
            _ => Err(Trouble::Failed(format!("GitHub answers with status {}", said()))),
        }
    }

    async fn send(&self, path: &str, etag: Option<&str>, token: Option<&str>) -> Result<fetch::Answer, Trouble> {
        let url = format!("{}{path}", self.base);
        let mut request = fetch::client().await.map_err(Trouble::Failed)?.get(url).timeout(TIMEOUT);
        request = request.header("accept", "application/vnd.github+json").header("x-github-api-version", VERSION);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(etag) = etag {
            request = request.header("if-none-match", etag);
        }
        fetch::read(request, MAX_BYTES).await.map_err(|why| Trouble::Failed(format!("{}: {why}", self.base)))
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
        let Ok(answer) = self.send("/rate_limit", None, token.as_deref()).await else { return false };
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
        retry_after: number("retry-after").and_then(ms),
    }
}
