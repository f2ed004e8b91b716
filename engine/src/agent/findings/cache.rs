//! Requests that should have read most of their prompt from the cache, and wrote it there again.

use super::Finding;
use super::progress::in_thousands;
use crate::agent::memory::Asked;
use crate::agent::session::Session;
use crate::model::TimestampMs;
use crate::words::{lasted, money};

/// Requests of before say nothing of now.
const WITHIN_MS: i64 = 3_600_000;
/// Less than this in the cache costs little.
const LEAST: u64 = 20_000;
/// From here on it is worth a word: the whole context of many models, written again. Writing to the cache costs more than reading from it,
/// at all providers that have one.
const LOST: u64 = 100_000;

/// A request that missed, and the one before it.
struct Miss<'a> {
    before: &'a Asked,
    at: &'a Asked,
    lost: u64,
}

/// The cached part falls to next to nothing, though as much is sent again: a conversation that was made shorter is none.
fn miss<'a>(before: &'a Asked, at: &'a Asked) -> Option<Miss<'a>> {
    let cached = before.read + before.written;
    let missed = cached >= LEAST && at.read <= cached / 5 && at.written >= cached / 2;
    missed.then(|| Miss { before, at, lost: (cached - at.read).min(at.written) })
}

pub(super) fn cache(session: &Session, now: TimestampMs) -> Option<Finding> {
    let asked = &session.memory.asked;
    let mut misses = Vec::new();
    for (place, at) in asked.iter().enumerate().filter(|(_, asked)| now - asked.at < WITHIN_MS) {
        let before = asked.iter().take(place).rev().find(|before| before.lane == at.lane);
        misses.extend(before.and_then(|before| miss(before, at)));
    }
    let lost: u64 = misses.iter().map(|miss| miss.lost).sum();
    let first = misses.first().filter(|_| lost >= LOST)?;
    let pause = misses.iter().map(|miss| miss.at.at - miss.before.at).max().unwrap_or(0);
    let cost = |of: fn(&Miss<'_>) -> Option<u64>| misses.iter().map(of).sum::<Option<u64>>();
    let (missed, before) = (cost(|miss| miss.at.micros), cost(|miss| miss.before.micros));
    let (which, said, those) = match misses.len() {
        1 => ("A request".to_owned(), "it cost", "the one before it"),
        count => (format!("{count} requests"), "they cost", "those before them"),
    };
    let usd = |micros: u64| money(micros as f64 / 1e6, Some("USD"));
    let cost = missed.zip(before).map(|(missed, before)| format!("; {said} {}, {those} {}", usd(missed), usd(before)));
    Some(Finding {
        kind: "cache",
        title: format!(
            "{which} within an hour found nothing in the cache, after a pause of up to {}: {} tokens were written to it again{}",
            lasted(pause),
            in_thousands(lost),
            cost.unwrap_or_default()
        ),
        advice: "A cache is kept for minutes, and lost when the model or the tools change. After a pause, begin anew with a summary.",
        since: first.at.at,
    })
}
