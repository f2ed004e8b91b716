//! Questions that are understood, near one that is not.

use rustc_hash::FxHashSet;

use super::names::{NameKind, Names};
use super::{MAX_CHARS, spelling};

/// How many are shown.
const SHOWN: usize = 3;

/// Questions that are understood wherever what they are about is watched; `{workflow}` and the like stand for a name.
pub(super) const EXAMPLES: &[&str] = &[
    "How busy is the CPU?",
    "What was the highest CPU yesterday?",
    "CPU yesterday evening",
    "When was the CPU above 90 % today?",
    "Is the CPU higher than yesterday?",
    "Why was the CPU high yesterday?",
    "How much memory is free?",
    "Which process uses most memory?",
    "Which process uses most CPU?",
    "How full is the disk?",
    "When will the disk be full?",
    "Which disk is fullest?",
    "How much was downloaded today?",
    "How long has the machine been up?",
    "What is the highest temperature today?",
    "How long does CI take?",
    "Slowest workflows last week",
    "Is CI slower than last week?",
    "Why is CI slower than last month?",
    "How flaky is the build?",
    "How many builds failed yesterday?",
    "Is the build green?",
    "Which workflow fails most?",
    "Which job takes longest?",
    "How much CI time was wasted last week?",
    "How long do runs wait for a runner?",
    "How many tasks are done?",
    "How many tasks were done last week?",
    "Which tasks are blocked?",
    "Which tasks are ready?",
    "When will the board be done?",
    "How long do tasks take?",
    "What did task 7 cost?",
    "What is the status of task 7?",
    "Which task was most expensive?",
    "How much did we spend this week?",
    "How many tokens were used today?",
    "Which agents are waiting?",
    "Which session costs most?",
    "How much of the budget is used?",
    "What does CI cost?",
    "Which commit broke CI?",
    "What blocks task 7?",
    "Did it help?",
    "Is {probe} up?",
    "How long was {probe} down yesterday?",
    "How fast does {probe} answer?",
    "When does the certificate of {probe} expire?",
    "When did {heartbeat} last run?",
    "Is everything ok?",
    "What is down?",
    "Which alerts are firing?",
    "How many alerts fired yesterday?",
    "What changed before the CPU alert yesterday?",
    "What happened last night?",
    "Was anything unusual today?",
    "What should I do?",
    "How healthy is the machine?",
    "How many series are there?",
];

/// The questions that are nearest to a text: those with most words in common, slips included.
#[must_use]
pub fn nearest(question: &str, names: &Names) -> Vec<String> {
    let text: String = question.chars().take(MAX_CHARS).collect::<String>().to_lowercase();
    let words = |text: &str| -> Vec<String> {
        let parts = text.split(|c: char| !c.is_alphanumeric()).filter(|word| word.len() > 1);
        parts.map(|word| word.strip_suffix('s').filter(|stem| stem.len() > 2).unwrap_or(word).to_owned()).collect()
    };
    let asked: FxHashSet<String> = words(&text).into_iter().collect();
    let known: Vec<String> = EXAMPLES.iter().filter_map(|example| filled(example, names)).collect();
    let mut scored: Vec<(f64, usize, &String)> = Vec::new();
    for (at, example) in known.iter().enumerate() {
        let own = words(&example.to_lowercase());
        let weight = |word: &String| if COMMON.contains(&word.as_str()) { 0.2 } else { 1.0 };
        let hit = |word: &String| {
            asked.contains(word) || asked.iter().any(|other| spelling::nearest(other, std::iter::once(word.as_str())).len() == 1)
        };
        let common: f64 = own.iter().filter(|word| hit(word)).map(weight).sum();
        scored.push((common / (own.len() as f64).sqrt(), at, example));
    }
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    scored.into_iter().take(SHOWN).map(|(_, _, example)| example.clone()).collect()
}

const COMMON: [&str; 30] = [
    "the",
    "is",
    "was",
    "how",
    "what",
    "which",
    "when",
    "many",
    "much",
    "did",
    "do",
    "does",
    "of",
    "are",
    "were",
    "will",
    "be",
    "long",
    "has",
    "in",
    "have",
    "today",
    "yesterday",
    "last",
    "week",
    "most",
    "than",
    "been",
    "before",
    "why",
];

/// An example with a name that is known; none where no such name is.
fn filled(example: &str, names: &Names) -> Option<String> {
    for (place, kind) in [("{probe}", NameKind::Target), ("{heartbeat}", NameKind::Heartbeat)] {
        if example.contains(place) {
            return names.example(kind).map(|name| example.replace(place, name));
        }
    }
    Some(example.to_owned())
}
