//! What programs say of their metrics: HELP texts as words of sentences.
//!
//! The only state of the module: sentences are built in many places that know of no source, and HELP comes from whoever sends samples. It is
//! bounded by who learns (`actors::metadata`).

use std::sync::{Arc, LazyLock};

use parking_lot::RwLock;
use rustc_hash::FxHashMap;

use crate::model::neutral;

/// Longest text that is used, in characters.
const MOST_CHARS: usize = 80;

static LEARNED: LazyLock<RwLock<FxHashMap<String, Arc<str>>>> = LazyLock::new(RwLock::default);

/// Takes note of the HELP text of a metric. One that does not fit into a sentence takes an earlier one away.
pub fn learn(metric: &str, help: &str) {
    match words_of(help) {
        Some(words) => _ = LEARNED.write().insert(metric.to_owned(), words.into()),
        None if LEARNED.read().contains_key(metric) => _ = LEARNED.write().remove(metric),
        None => {}
    }
}

/// The words of a metric, where its HELP text gives some.
pub(super) fn help(metric: &str) -> Option<Arc<str>> {
    LEARNED.read().get(metric).cloned()
}

/// The first sentence of a text, where it is short and plain enough to name something within another sentence.
fn words_of(help: &str) -> Option<String> {
    let first = help.trim().lines().next()?;
    // `e.g. ` ends none.
    let begins = |at: usize| first[at + 2..].starts_with(|c: char| c.is_uppercase());
    let end = first.match_indices(". ").map(|(at, _)| at).find(|at| begins(*at)).unwrap_or(first.len());
    let first = first[..end].trim().trim_end_matches(['.', ':', ';', ',']).trim_end();
    let fits = (3..=MOST_CHARS).contains(&first.chars().count()) && first.contains(' ');
    // Braces are places of values.
    let plain = neutral(first) == first && !first.contains(['{', '}', '\t']);
    let mut letters = first.chars();
    (fits && plain).then(|| letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_sentence_of_a_help_text_names_its_metric() {
        let long = format!("{} x", "y".repeat(MOST_CHARS));
        for (help, words) in [
            ("number of mails that wait.", Some("Number of mails that wait")),
            ("Mails that wait. Those that are sent do not count.", Some("Mails that wait")),
            ("Mails that wait\nand more", Some("Mails that wait")),
            ("  Free memory, e.g. for caches:  ", Some("Free memory, e.g. for caches")),
            ("", None),
            ("-", None),
            ("Gauge", None),
            ("a {value} b", None),
            ("gpj\u{202e} exe", None),
            (&long, None),
        ] {
            assert_eq!(words_of(help).as_deref(), words, "{help:?}");
        }
    }

    #[test]
    fn a_text_that_does_not_fit_takes_the_words_back() {
        learn("help_test_metric", "Mails that wait");
        assert_eq!(help("help_test_metric").as_deref(), Some("Mails that wait"));
        learn("help_test_metric", "");
        assert_eq!(help("help_test_metric"), None);
    }
}
