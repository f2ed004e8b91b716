//! Probes: what is expected of an answer, and when a target goes down or comes back.
//!
//! Pure: `actors::collectors::probe` makes the checks. A check that cannot be made (a file is missing, a setting is wrong) does not
//! come here, because it says nothing about its target.

use std::fmt;

use crate::event::Event;
use crate::model::TimestampMs;
use crate::re2::Regex;
use crate::span::Span;

/// The HTTP statuses that are accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statuses(Vec<(u16, u16)>);

impl Default for Statuses {
    fn default() -> Self {
        Self(vec![(200, 299)])
    }
}

/// Neither a status nor a range of statuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no status: write one from 100 to 999, or a range such as 200-299, or several with commas")]
pub struct StatusError(String);

impl Statuses {
    /// Reads `200`, `200-299`, `200-299, 301`.
    ///
    /// # Errors
    /// [`StatusError`] names the part that is no status.
    pub fn parse(text: &str) -> Result<Self, StatusError> {
        let one = |text: &str| text.trim().parse::<u16>().ok().filter(|status| (100..=999).contains(status));
        let range = |part: &str| {
            let (low, high) = part.split_once('-').unwrap_or((part, part));
            one(low).zip(one(high)).filter(|(low, high)| low <= high).ok_or_else(|| StatusError(part.trim().to_owned()))
        };
        text.split(',').map(range).collect::<Result<_, _>>().map(Self)
    }

    /// Whether a status is accepted.
    #[must_use]
    pub fn accept(&self, status: u16) -> bool {
        self.0.iter().any(|(low, high)| (*low..=*high).contains(&status))
    }
}

impl fmt::Display for Statuses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (low, high)) in self.0.iter().enumerate() {
            let before = if at == 0 { "" } else { ", " };
            if low == high { write!(f, "{before}{low}")? } else { write!(f, "{before}{low} to {high}")? }
        }
        Ok(())
    }
}

/// What is expected of an answer over HTTP.
#[derive(Debug, Clone, Default)]
pub struct Expected {
    /// Its status.
    pub statuses: Statuses,
    /// Its body must match each of these.
    pub matches: Vec<Regex>,
    /// Its body must match none of these.
    pub not_matches: Vec<Regex>,
}

/// Whether an answer is as expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the body failed its checks; none where it has none.
    pub failed_due_to_regex: Option<bool>,
    /// Why the answer failed, in one line.
    pub why: Option<String>,
}

impl Expected {
    /// Whether the body has to be read.
    #[must_use]
    pub fn wants_body(&self) -> bool {
        !self.matches.is_empty() || !self.not_matches.is_empty()
    }

    /// Checks an answer; `cut` says that the rest of its body was not read.
    #[must_use]
    pub fn judge(&self, status: u16, body: &[u8], cut: bool) -> Verdict {
        let status = (!self.statuses.accept(status)).then(|| format!("status {status}; expected {}", self.statuses));
        let within = if cut { format!(" within its first {} bytes", body.len()) } else { String::new() };
        let missing = self
            .matches
            .iter()
            .find(|regex| !regex.is_match_bytes(body))
            .map(|regex| format!("the body does not match `{}`{within}", regex.as_str()));
        let unwanted = || {
            self.not_matches.iter().find(|regex| regex.is_match_bytes(body)).map(|regex| format!("the body matches `{}`", regex.as_str()))
        };
        let body = missing.or_else(unwanted);
        Verdict { failed_due_to_regex: self.wants_body().then_some(body.is_some()), why: status.or(body) }
    }
}

/// Limits of any check.
#[derive(Debug, Clone, Copy, Default)]
pub struct Limits {
    /// A slower answer fails.
    pub max_latency: Option<Span>,
    /// A certificate that ends sooner fails.
    pub min_cert_lifetime: Option<Span>,
}

impl Limits {
    /// Why an answer fails that took `seconds`, over a connection whose certificate ends at `cert_expiry` (Unix seconds).
    #[must_use]
    pub fn judge(&self, now: TimestampMs, seconds: f64, cert_expiry: Option<i64>) -> Option<String> {
        if let Some(limit) = self.max_latency.filter(|limit| seconds > limit.as_secs_f64()) {
            return Some(format!("it took {} ms; max_latency is {limit}", (seconds * 1e3).round()));
        }
        let left = cert_expiry?.saturating_sub(now / 1_000);
        let wanted = self.min_cert_lifetime.filter(|wanted| (left as f64) < wanted.as_secs_f64())?;
        Some(format!("its certificate ends in {}; min_cert_lifetime is {wanted}", days(left)))
    }
}

/// Seconds as text: in days, or more exactly below two days.
#[must_use]
pub fn days(seconds: i64) -> String {
    if seconds.abs() < 2 * 86_400 { Span::secs(seconds.abs() / 60 * 60).to_string() } else { format!("{}d", seconds.abs() / 86_400) }
}

/// Whether a target is up, and since when.
#[derive(Debug, Clone, Default)]
pub struct TargetState {
    state: Option<(bool, TimestampMs)>,
}

impl TargetState {
    /// Continues with the state from before a restart.
    #[must_use]
    pub fn new(state: Option<(bool, TimestampMs)>) -> Self {
        Self { state }
    }

    /// Whether the target is up, and since when; none before its first check.
    #[must_use]
    pub fn state(&self) -> Option<(bool, TimestampMs)> {
        self.state
    }

    /// Applies a check at `now`, with the reason where it failed. Returns the event of a change. A target that is up at its first
    /// check gives none.
    pub fn observe(&mut self, target: &str, now: TimestampMs, failed: Option<&str>) -> Option<Event> {
        let up = failed.is_none();
        let before = self.state;
        if before.is_some_and(|(was, _)| was == up) {
            return None;
        }
        self.state = Some((up, now));
        match (failed, before) {
            (Some(why), _) => {
                let mut event = Event::new(now, "probe", "probe_down", target, format!("{target} is down: {why}"));
                event.severity = "error".to_owned();
                Some(event)
            }
            (None, Some((_, since))) => {
                let down = Span::secs((now - since).max(0) / 1_000);
                Some(Event::new(now, "probe", "probe_up", target, format!("{target} is up again after {down}")))
            }
            (None, None) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::re2::Scope;

    #[test]
    fn statuses_are_written_as_lists_and_ranges() {
        for (text, accepted, refused, shown) in
            [("200", 200, 201, "200"), ("200-299", 299, 300, "200 to 299"), ("200-299, 301,404", 404, 302, "200 to 299, 301, 404")]
        {
            let statuses = Statuses::parse(text).unwrap();
            assert!(statuses.accept(accepted) && !statuses.accept(refused), "{text}");
            assert_eq!(statuses.to_string(), shown);
        }
        for text in ["", "2xx", "99", "1000", "300-200", "200,", "-"] {
            assert!(Statuses::parse(text).unwrap_err().to_string().contains("is no status: write one from 100 to 999"), "{text}");
        }
    }

    #[test]
    fn an_answer_is_checked_by_status_and_body() {
        let regex = |text: &str| vec![Regex::new(text, Scope::Anywhere).unwrap()];
        let plain = Expected::default();
        let wanting = Expected { matches: regex("^ok$"), ..Expected::default() };
        let refusing = Expected { not_matches: regex("(?i)error"), ..Expected::default() };
        for (expected, status, body, cut, failed, why) in [
            (&plain, 204, "", false, None, None),
            (&plain, 500, "", false, None, Some("status 500; expected 200 to 299")),
            (&wanting, 200, "ok", false, Some(false), None),
            (&wanting, 200, "no", false, Some(true), Some("the body does not match `^ok$`")),
            (&wanting, 200, "no", true, Some(true), Some("the body does not match `^ok$` within its first 2 bytes")),
            (&wanting, 404, "ok", false, Some(false), Some("status 404; expected 200 to 299")),
            (&refusing, 200, "an Error", false, Some(true), Some("the body matches `(?i)error`")),
            (&refusing, 200, "fine", false, Some(false), None),
        ] {
            let verdict = expected.judge(status, body.as_bytes(), cut);
            assert_eq!((verdict.failed_due_to_regex, verdict.why.as_deref()), (failed, why), "{status} {body}");
        }
    }

    #[test]
    fn latency_and_the_life_of_certificates_have_limits() {
        let limits = Limits { max_latency: Some(Span::millis(500)), min_cert_lifetime: Some(Span::secs(14 * 86_400)) };
        let judge = |seconds, expiry| limits.judge(1_000_000, seconds, expiry);
        assert_eq!(judge(0.5, None), None);
        assert_eq!(judge(0.5012, None).as_deref(), Some("it took 501 ms; max_latency is 500ms"));
        assert_eq!(judge(0.1, Some(1_000 + 14 * 86_400)), None);
        assert_eq!(judge(0.1, Some(1_000 + 13 * 86_400)).as_deref(), Some("its certificate ends in 13d; min_cert_lifetime is 14d"));
        assert_eq!(Limits::default().judge(0, 1e9, Some(0)), None);
    }

    #[test]
    fn only_changes_are_events() {
        let mut target_state = TargetState::default();
        let mut events = Vec::new();
        for (second, failed) in [(0, None), (1, Some("refused")), (2, Some("status 500")), (301, None), (302, None), (303, Some("x"))] {
            events.extend(target_state.observe("shop", second * 1_000, failed).map(|event| (second, event.kind, event.title)));
        }
        let expected = [
            (1, "probe_down", "shop is down: refused"),
            (301, "probe_up", "shop is up again after 5m"),
            (303, "probe_down", "shop is down: x"),
        ];
        assert_eq!(events, expected.map(|(second, kind, title)| (second, kind.to_owned(), title.to_owned())));
        assert_eq!(target_state.state(), Some((false, 303_000)));
        assert!(TargetState::new(Some((false, 7))).observe("shop", 9, Some("still")).is_none(), "known from before a restart");
        assert!(TargetState::default().observe("shop", 9, Some("refused")).is_some(), "down when first seen");
    }
}
