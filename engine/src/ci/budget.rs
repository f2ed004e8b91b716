//! How many requests may be sent: a share of the hourly limit, and none while GitHub asks to wait.
//!
//! All repositories with the same token share one budget. Requests for the history leave a part of it to requests for the current state.

use std::collections::VecDeque;

use crate::model::TimestampMs;

const HOUR_MS: i64 = 3_600_000;
const MINUTE_MS: i64 = 60_000;
/// The limits of github.com, used until GitHub names one (Enterprise has none by default).
const LIMIT_WITH_TOKEN: u64 = 5_000;
const LIMIT_WITHOUT: u64 = 60;
/// The part of the share that requests for the history may use.
const HISTORY: f64 = 0.95;
/// The wait that GitHub advises where it names none.
const SECONDARY_MS: i64 = 60_000;
/// Longest wait that is accepted.
const MAX_WAIT_MS: i64 = 2 * HOUR_MS;

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The current state.
    Now,
    /// Runs of the past.
    History,
}

/// Why a request must wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// The share is used up until this time.
    Share(TimestampMs),
    /// GitHub's hourly limit is used up until this time.
    Limit(TimestampMs),
    /// GitHub asked for a pause until this time.
    Pause(TimestampMs),
}

impl Wait {
    /// When the wait ends.
    #[must_use]
    pub fn until(self) -> TimestampMs {
        match self {
            Self::Share(until) | Self::Limit(until) | Self::Pause(until) => until,
        }
    }
}

/// The limits in an answer's headers.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Limits {
    /// `X-RateLimit-Limit`
    pub limit: Option<u64>,
    /// `X-RateLimit-Remaining`
    pub remaining: Option<u64>,
    /// `X-RateLimit-Reset`, ms
    pub reset: Option<TimestampMs>,
    /// `Retry-After`, ms
    pub retry_after: Option<i64>,
}

/// The budget of all requests with one token.
#[derive(Debug, Clone)]
pub struct Budget {
    share: f64,
    with_token: bool,
    limit: Option<u64>,
    remaining: Option<u64>,
    /// Requests of the last hour that counted against the limit, by minute.
    paid: VecDeque<(TimestampMs, u64)>,
    wait: Option<Wait>,
}

impl Budget {
    /// A budget of a share (0 to 1) of the hourly limit.
    #[must_use]
    pub fn new(share: f64) -> Self {
        Self { share, with_token: false, limit: None, remaining: None, paid: VecDeque::new(), wait: None }
    }

    /// The hourly limit, once GitHub has named it.
    #[must_use]
    pub fn limit(&self) -> Option<u64> {
        self.limit
    }

    /// The requests that GitHub has left for this hour.
    #[must_use]
    pub fn remaining(&self) -> Option<u64> {
        self.remaining
    }

    /// Requests that may be sent in an hour.
    #[must_use]
    pub fn allowed(&self) -> u64 {
        let default = if self.with_token { LIMIT_WITH_TOKEN } else { LIMIT_WITHOUT };
        ((self.limit.unwrap_or(default) as f64 * self.share) as u64).max(1)
    }

    /// Sets whether requests carry a token.
    pub fn carries_token(&mut self, with_token: bool) {
        self.with_token = with_token;
    }

    /// Requests of the last hour that counted against the limit.
    #[must_use]
    pub fn spent(&self, now: TimestampMs) -> u64 {
        self.paid.iter().filter(|(at, _)| *at > now - HOUR_MS).map(|(_, n)| n).sum()
    }

    /// Whether a request may be sent now.
    ///
    /// # Errors
    /// Why and until when it must wait.
    pub fn check(&mut self, now: TimestampMs, purpose: Purpose) -> Result<(), Wait> {
        // A clock that was set back must not block all requests.
        self.wait = self.wait.filter(|wait| wait.until() > now && wait.until() <= now + MAX_WAIT_MS);
        if let Some(wait) = self.wait {
            return Err(wait);
        }
        self.paid.retain(|(at, _)| *at > now - HOUR_MS && *at <= now + MINUTE_MS);
        let allowed = match purpose {
            Purpose::Now => self.allowed(),
            Purpose::History => ((self.allowed() as f64 * HISTORY) as u64).max(1),
        };
        if self.spent(now) < allowed {
            return Ok(());
        }
        Err(Wait::Share(self.paid.front().map_or(now + MINUTE_MS, |(at, _)| at + HOUR_MS)))
    }

    /// Counts a request that counts against the limit.
    pub fn pay(&mut self, now: TimestampMs) {
        match self.paid.back_mut() {
            Some((at, n)) if now - *at < MINUTE_MS => *n += 1,
            _ => self.paid.push_back((now, 1)),
        }
    }

    /// Applies the limits of an answer. After the last request of the hour, the next one waits without a refusal first.
    pub fn note(&mut self, limits: Limits) {
        if limits.remaining == Some(0)
            && let Some(reset) = limits.reset
        {
            self.wait = Some(Wait::Limit(reset));
        }
        self.limit = limits.limit.or(self.limit);
        self.remaining = limits.remaining.or(self.remaining);
    }

    /// GitHub refused a request because of a limit.
    pub fn refused(&mut self, limits: Limits, now: TimestampMs) -> Wait {
        self.note(limits);
        let bound = |until: TimestampMs| until.clamp(now + 1_000, now + MAX_WAIT_MS);
        let wait = match (limits.retry_after, limits.remaining, limits.reset) {
            (Some(after), ..) => Wait::Pause(bound(now.saturating_add(after))),
            (None, Some(0), Some(reset)) => Wait::Limit(bound(reset)),
            _ => Wait::Pause(bound(now + SECONDARY_MS)),
        };
        self.wait = Some(wait);
        wait
    }

    /// The hourly limit was found to have requests left.
    pub fn lifted(&mut self, remaining: u64) {
        self.remaining = Some(remaining);
        if remaining > 0 && matches!(self.wait, Some(Wait::Limit(_))) {
            self.wait = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_keep_to_the_share_of_the_hourly_limit() {
        let mut budget = Budget::new(0.1);
        assert_eq!(budget.allowed(), 6, "without a word of GitHub's: that of a client without a token");
        budget.carries_token(true);
        assert_eq!(budget.allowed(), 500, "and of one with a token");
        budget.note(Limits { limit: Some(5_000), remaining: Some(4_999), ..Limits::default() });
        let mut sent = 0;
        while budget.check(sent * 1_000, Purpose::History).is_ok() {
            budget.pay(sent * 1_000);
            sent += 1;
        }
        assert_eq!(sent, 475);
        while budget.check(sent * 1_000, Purpose::Now).is_ok() {
            budget.pay(sent * 1_000);
            sent += 1;
        }
        assert_eq!((sent, budget.spent(sent * 1_000)), (500, 500));
        assert_eq!(budget.check(sent * 1_000, Purpose::Now), Err(Wait::Share(HOUR_MS)));
        assert_eq!(budget.check(HOUR_MS + 60_000, Purpose::Now), Ok(()), "the oldest are an hour ago");
    }

    #[test]
    fn what_github_says_of_waiting_is_obeyed() {
        let said = |remaining, reset, retry_after| Limits { limit: Some(5_000), remaining, reset, retry_after };
        for (limits, expected) in [
            (said(Some(4_000), Some(9_000_000), Some(2_000)), Wait::Pause(1_002_000)),
            (said(Some(0), Some(2_800_000), None), Wait::Limit(2_800_000)),
            (said(Some(40), Some(2_800_000), None), Wait::Pause(1_060_000)),
            (said(None, None, None), Wait::Pause(1_060_000)),
            (said(None, None, Some(i64::MAX)), Wait::Pause(1_000_000 + MAX_WAIT_MS)),
            (said(Some(0), Some(5), None), Wait::Limit(1_001_000)),
        ] {
            let mut budget = Budget::new(0.1);
            assert_eq!(budget.refused(limits, 1_000_000), expected);
            assert_eq!(budget.check(1_000_500, Purpose::Now), Err(expected));
            assert_eq!(budget.check(expected.until(), Purpose::Now), Ok(()));
        }
        let mut budget = Budget::new(0.1);
        budget.note(said(Some(1), Some(2_800_000), None));
        assert!(budget.check(1_000_500, Purpose::Now).is_ok());
        budget.note(said(Some(0), Some(2_800_000), None));
        assert_eq!(budget.check(1_000_500, Purpose::Now), Err(Wait::Limit(2_800_000)), "the last one was answered");
        budget.lifted(0);
        assert!(budget.check(1_000_500, Purpose::Now).is_err());
        budget.lifted(10);
        assert!(budget.check(1_000_500, Purpose::Now).is_ok());
    }
}
