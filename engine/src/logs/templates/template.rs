//! A template: the words that lines of a kind share.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::MINUTES;
use super::burst::{Past, WINDOW};
use super::telling::share_enough;
use super::text::ANY;
use crate::logs::record::Severity;
use crate::model::{TimestampMs, fnv1a};

/// Most windows of the past that are compared.
const PAST_WINDOWS: i64 = MINUTES / WINDOW - 1;
pub(super) const MINUTE_MS: i64 = 60_000;

/// A line of a template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Example {
    /// Its time, ms.
    pub at: TimestampMs,
    /// Its text, cut, with control characters escaped.
    pub text: String,
}

/// A template. It is kept as a document, so fields are only ever added.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Template {
    /// A hash of its service, level and words when it was found; it stays when it becomes more general.
    pub id: String,
    /// The service.
    pub service: String,
    /// `warn`, `error` or `fatal`.
    pub level: String,
    /// Its words; `<*>` where lines differ.
    pub words: Vec<String>,
    /// Lines, since it was found.
    pub lines: u64,
    /// The time of its first line, ms.
    pub first_seen: TimestampMs,
    /// The time of its newest line, ms.
    pub last_seen: TimestampMs,
    /// Its newest line when it was kept.
    pub example: Example,
    /// Lines by minute since 1970, the oldest first; the last hours only.
    pub minutes: VecDeque<(i64, u32)>,
    /// Whether it was found after its service was known.
    #[serde(default)]
    pub is_news: bool,
    /// While a burst goes on: when it began, and how many lines of five minutes end it.
    #[serde(default)]
    pub burst: Option<(TimestampMs, u32)>,
}

/// The id of a template that is born with these words.
pub(super) fn id_of(service: &str, level: Severity, words: &[String]) -> String {
    let parts = [service, level.word()].into_iter().chain(words.iter().map(String::as_str));
    format!("{:016x}", fnv1a(parts.flat_map(|part| part.bytes().chain([0]))))
}

impl Template {
    /// Its words as one text.
    #[must_use]
    pub fn text(&self) -> String {
        self.words.join(" ")
    }

    /// Lines within `[start, end]` ms, by whole minutes.
    #[must_use]
    pub fn count(&self, start: TimestampMs, end: TimestampMs) -> u64 {
        let (first, last) = (start.div_euclid(MINUTE_MS), end.div_euclid(MINUTE_MS));
        self.minutes.iter().filter(|(minute, _)| (first..=last).contains(minute)).map(|(_, count)| u64::from(*count)).sum()
    }

    /// Whether it is not an hour old and its service was known before.
    #[must_use]
    pub fn is_new(&self, now: TimestampMs) -> bool {
        self.is_news && now - self.first_seen < super::LEARNING_MS
    }

    /// Counts a line.
    pub(super) fn add(&mut self, at: TimestampMs, now: TimestampMs) {
        self.lines += 1;
        self.first_seen = self.first_seen.min(at);
        self.last_seen = self.last_seen.max(at);
        let (minute, present) = (at.div_euclid(MINUTE_MS), now.div_euclid(MINUTE_MS));
        if minute <= present - MINUTES || minute > present + 1 {
            return;
        }
        let place = self.minutes.iter().rposition(|(known, _)| *known <= minute);
        match place {
            Some(place) if self.minutes[place].0 == minute => self.minutes[place].1 = self.minutes[place].1.saturating_add(1),
            Some(place) => self.minutes.insert(place + 1, (minute, 1)),
            None => self.minutes.push_front((minute, 1)),
        }
        self.forget(present);
    }

    /// Drops minutes that are too old.
    pub(super) fn forget(&mut self, present: i64) {
        while self.minutes.front().is_some_and(|(minute, _)| *minute <= present - MINUTES) {
            self.minutes.pop_front();
        }
    }

    /// How many of these words differ; `None` where too many do.
    pub(super) fn differs(&self, words: &[String]) -> Option<usize> {
        let (mut same, mut different) = (0_usize, 0_usize);
        for (own, word) in self.words.iter().zip(words) {
            if own == word {
                same += 1;
            } else if own != ANY {
                // A wildcard matches every word.
                different += 1;
            }
        }
        // A quarter of the fixed words may differ, and half of all words must stay: of short lines each word matters.
        let fixed = same + different;
        (different <= fixed / 4 && 2 * same >= self.words.len() && share_enough(&self.words, words)).then_some(different)
    }

    /// Replaces the words that differ by wildcards.
    pub(super) fn generalise(&mut self, words: &[String]) {
        for (own, word) in self.words.iter_mut().zip(words) {
            if own != word {
                ANY.clone_into(own);
            }
        }
    }

    /// The lines of the last five minutes, and what was usual before; `since` is the time of the oldest line of its service.
    pub(super) fn windows(&self, now: TimestampMs, since: TimestampMs) -> (u32, Past) {
        let present = now.div_euclid(MINUTE_MS);
        // The window that goes on ends with the present minute; those before it are whole.
        let place = |minute: i64| (present - minute).div_euclid(WINDOW);
        let windows = ((present - since.div_euclid(MINUTE_MS)).div_euclid(WINDOW) - 1).clamp(0, PAST_WINDOWS);
        let (mut current, mut past) = (0_u32, vec![0_u32; windows as usize]);
        for (minute, count) in &self.minutes {
            match place(*minute) {
                ..=0 => current = current.saturating_add(*count),
                at => {
                    if let Some(window) = past.get_mut((at - 1) as usize) {
                        *window = window.saturating_add(*count);
                    }
                }
            }
        }
        (current, Past::of(&past))
    }
}
