//! `[heartbeats.expect.NAME]`: its keys, and what the collector gets of them.

use anyhow::ensure;
use serde::{Deserialize, Serialize};
use taskpulse_engine::heartbeat::Expected;
use taskpulse_engine::span::Span;

const LEAST: Span = Span::secs(10);
const MOST: Span = Span::secs(366 * 86_400);
/// Longest name: it is a label, and part of an address.
const MAX_NAME: usize = 100;

/// `[heartbeats.expect.NAME]`
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HeartbeatSpec {
    pub every: Option<Span>,
    pub grace: Option<Span>,
}

impl HeartbeatSpec {
    /// What is expected of the job `name`.
    pub fn expected(&self, name: &str) -> anyhow::Result<Expected> {
        let at = format!("heartbeats.expect.{name}");
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        ensure!(
            (1..=MAX_NAME).contains(&name.len()) && name.chars().all(plain),
            "{at}: a name has at most {MAX_NAME} letters, digits, - _ and ."
        );
        let Some(every) = self.every else { anyhow::bail!("{at}: needs every = \"1d\", the time within which a call is expected") };
        ensure!((LEAST..=MOST).contains(&every), "{at}.every = {every}: must be {LEAST} to {MOST}");
        // A tenth, and no less than a minute: schedulers start jobs a little late.
        let grace = self.grace.unwrap_or_else(|| Span::millis(every.ms() / 10).max(Span::secs(60)));
        ensure!((Span::millis(0)..=MOST).contains(&grace), "{at}.grace = {grace}: must be 0s to {MOST}");
        Ok(Expected { name: name.to_owned(), every, grace })
    }
}
