//! Whether the words that two lines share tell what kind they are: `error: <*>` may be anything.
//!
//! Lines that differ are of one kind where the rest says what happened. How much it must say depends on the place of the word that differs:
//! within a sentence it is a name (`job alpha failed`), at the end it may be the reason, and after a colon at the end it mostly is.

use super::text::ANY;

/// Words that say that something went wrong and not what, and words of grammar.
const EMPTY: [&str; 63] = [
    "a",
    "abort",
    "aborted",
    "an",
    "and",
    "at",
    "be",
    "been",
    "by",
    "can't",
    "cannot",
    "cause",
    "caused",
    "code",
    "could",
    "couldn't",
    "crit",
    "critical",
    "did",
    "does",
    "during",
    "err",
    "error",
    "errors",
    "exception",
    "fail",
    "failed",
    "failing",
    "fails",
    "failure",
    "fatal",
    "for",
    "from",
    "got",
    "had",
    "has",
    "have",
    "in",
    "internal",
    "invalid",
    "is",
    "no",
    "not",
    "of",
    "on",
    "or",
    "panic",
    "reason",
    "status",
    "that",
    "the",
    "to",
    "unable",
    "unexpected",
    "unknown",
    "warn",
    "warning",
    "was",
    "were",
    "when",
    "while",
    "with",
    "wrong",
];
/// Telling words that lines must share, by the place of the word that differs.
const WITHIN: usize = 1;
const AT_THE_END: usize = 2;
const AFTER_A_COLON: usize = 4;

/// Whether a word says what happened.
fn tells(word: &str) -> bool {
    let core = word.trim_matches(|c: char| !c.is_alphanumeric());
    core.chars().any(char::is_alphabetic) && !EMPTY.iter().any(|empty| core.eq_ignore_ascii_case(empty))
}

/// Whether the words that a template and a line of as many words share tell their kind, if one of them is more general. `true` where no word
/// differs.
pub(super) fn share_enough(template: &[String], line: &[String]) -> bool {
    let shared = |(own, word): &(&String, &String)| own == word && *own != ANY;
    let pairs = || template.iter().zip(line);
    let telling = pairs().filter(|pair| shared(pair) && tells(pair.0)).count();
    let differ = pairs().enumerate().filter(|(_, (own, word))| own != word).map(|(at, _)| at);
    let needed = differ.map(|at| {
        let goes_on = pairs().skip(at + 1).any(|pair| shared(&pair) && pair.0.chars().any(char::is_alphabetic));
        let after_a_colon = at > 0 && template[at - 1].ends_with([':', '=']);
        match (goes_on, after_a_colon) {
            (true, _) => WITHIN,
            (false, false) => AT_THE_END,
            (false, true) => AFTER_A_COLON,
        }
    });
    needed.max().is_none_or(|needed| telling >= needed)
}
