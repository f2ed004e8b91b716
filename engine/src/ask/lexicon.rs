//! The words of the grammar, and what each does to the meaning.

mod more;
mod table;

use std::sync::OnceLock;

use rustc_hash::FxHashMap;

use super::meaning::{Stat, Trend};
use super::text::Token;

macro_rules! atoms {
    ($($name:ident),* $(,)?) => {
        /// A notion that a subject is made of.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(super) enum Atom {
            $($name),*
        }

        /// All of them, to go through a set.
        pub(super) const ATOMS: &[Atom] = &[$(Atom::$name),*];
    };
}

atoms! {
    Cpu, Core, Load, Memory, Swap, Disk, Io, Read, Write, Network, Receive, Send, Temperature, Pressure, Uptime, Machine, Process, Unit, Oom,
    Ci, Workflow, Run, Job, Duration, Slow, Queue, Fail, Success, Flaky, Waste, Active, Cancelled, Green, Red, JobTime,
    Task, Subtask, Board, Done, Open, Pending, InProgress, Blocked, Ready, Review, Reopen, Deferred, Throughput, CriticalPath, Complexity, Progress, End,
    Cost, Tokens, Agent, Probe, StatusCode, Certificate, Expire, Availability, Heartbeat, Scrape, Target,
    Alert, Fire, Noise, Anomaly, Event, Happen, Advice, Health, Source, Service, Series, Samples, Store, Size,
    Full, Free, Used, Use, Busy, Total, Up, Down, Ok, Wrong, Anything, Everything, Exist, Commit, Moved, Left, Last, Next, Idle, Stable, Owner, Grammar, Named, Number, Usage, Share,
    Budget, Runner, Helped, Depend, Dismissed, Accepted, Applied,
}

/// What is asked with a word such as "how many".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    HowMany,
    HowMuch,
    HowLong,
    HowOften,
    HowFast,
    How,
    When,
    Why,
    Which,
    What,
    Who,
    Where,
    Yes,
    Show,
    Compare,
}

/// What a word does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Mark {
    /// It changes nothing.
    Skip,
    /// It says no: what is left of the question would be another one.
    Not,
    /// It is understood and nothing is known about it.
    Never(&'static str),
    /// The question word.
    Ask(Ask),
    /// A notion.
    Is(Atom),
    /// The most (true), or the least.
    Extreme(bool),
    /// A figure.
    Stat(Stat),
    /// More, or less.
    Trend(Trend),
    /// What follows is compared with.
    Than,
    /// A comparison with the time before.
    Before,
    /// A limit follows: above (true) or below.
    Limit(bool),
    /// Of the past.
    Was,
    /// Of the future.
    Will,
    /// At this moment.
    Now,
    /// Of the last while.
    Lately,
    /// "before", "prior to": what happened until then.
    Prior,
    /// Of the present and the past.
    Ever,
    /// From when on something is as it is.
    Since,
    /// Better (true) or worse than before: more or less of it, by what it is.
    Better(bool),
}

/// The words of a phrase, and what it does.
type Phrase = (Vec<&'static str>, &'static [Mark]);

/// Phrases by their first word, the longest first.
struct Index {
    phrases: FxHashMap<&'static str, Vec<Phrase>>,
    words: Vec<&'static str>,
}

/// All lines of the tables.
fn lines() -> impl Iterator<Item = &'static (&'static str, &'static [Mark])> {
    table::LEXICON.iter().chain(more::LEXICON)
}

fn index() -> &'static Index {
    static INDEX: OnceLock<Index> = OnceLock::new();
    INDEX.get_or_init(|| {
        let mut phrases: FxHashMap<&'static str, Vec<Phrase>> = FxHashMap::default();
        let mut words = Vec::new();
        for (line, marks) in lines() {
            for phrase in line.split('|') {
                let parts: Vec<&'static str> = phrase.split(' ').collect();
                words.extend(parts.iter().copied().filter(|word| word.len() >= 4));
                let Some(first) = parts.first().copied() else { continue };
                let known = phrases.entry(first).or_default();
                if !known.iter().any(|(other, _)| *other == parts) {
                    known.push((parts, marks));
                }
            }
        }
        phrases.values_mut().for_each(|known| known.sort_by_key(|(parts, _)| std::cmp::Reverse(parts.len())));
        words.sort_unstable();
        words.dedup();
        Index { phrases, words }
    })
}

/// The longest phrase that words begin with: how many words, and what it does.
pub(super) fn phrase(words: &[Token]) -> Option<(usize, &'static [Mark])> {
    let first = words.first().filter(|token| !token.quoted)?;
    let known = index().phrases.get(first.text.as_str())?;
    let fits =
        |parts: &[&str]| parts.len() <= words.len() && parts.iter().zip(words).all(|(part, token)| *part == token.text && !token.quoted);
    known.iter().find(|(parts, _)| fits(parts)).map(|(parts, marks)| (parts.len(), *marks))
}

/// All words of the grammar, for slips.
pub(super) fn words() -> impl Iterator<Item = &'static str> {
    index().words.iter().copied()
}

/// Whether a word is one that every question has, so that it names nothing unless that is said.
pub(super) fn is_function_word(token: &Token) -> bool {
    phrase(std::slice::from_ref(token)).is_some_and(|(_, marks)| !marks.iter().any(|mark| matches!(mark, Mark::Is(_))))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic, reason = "a test that cannot go on fails")]

    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn no_phrase_stands_in_two_lines() {
        let mut known: BTreeMap<&str, usize> = BTreeMap::new();
        for (line, (phrases, _)) in lines().enumerate() {
            for phrase in phrases.split('|') {
                if let Some(other) = known.insert(phrase, line) {
                    panic!("`{phrase}` stands in the lines {other} and {line}");
                }
            }
        }
    }
}
