//! Single words: numbers with units, parts of words, slips, and what is said of those that are not known.

use super::Quantity;
use crate::ask::lexicon::{self, Atom, Mark};
use crate::ask::names::Names;
use crate::ask::text::Token;
use crate::ask::{Refusal, spelling, when};

/// A number with a unit.
pub(super) fn quantity(words: &[Token]) -> Option<(usize, Quantity)> {
    let skip = usize::from(words.first().is_some_and(|t| matches!(t.text.as_str(), "of" | "than" | "the" | "to")));
    let first = words.get(skip)?.text.as_str();
    let at = first.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ',').unwrap_or(first.len());
    let value: f64 = first[..at].replace(',', "").parse().ok().filter(|v: &f64| v.is_finite())?;
    let next = words.get(skip + 1).map_or("", |t| t.text.as_str());
    let (unit, taken) = if at < first.len() { (&first[at..], 1) } else { (next, 2) };
    let scaled = match unit {
        "%" | "percent" | "pct" => Quantity::Percent(value),
        "°" | "°c" | "c" | "celsius" | "degrees" | "degree" => {
            let more = usize::from(words.get(skip + taken).is_some_and(|t| matches!(t.text.as_str(), "c" | "celsius" | "°")));
            return Some((skip + taken + more, Quantity::Degrees(value)));
        }
        "b" | "bytes" => Quantity::Bytes(value),
        "kb" | "kib" | "k" => Quantity::Bytes(value * 1024.0),
        "mb" | "mib" | "megabytes" => Quantity::Bytes(value * 1024f64.powi(2)),
        "gb" | "gib" | "g" | "gigabytes" | "gigs" => Quantity::Bytes(value * 1024f64.powi(3)),
        "tb" | "tib" | "terabytes" => Quantity::Bytes(value * 1024f64.powi(4)),
        "ms" | "milliseconds" | "millis" => Quantity::Seconds(value / 1e3),
        "s" | "sec" | "secs" | "seconds" | "second" => Quantity::Seconds(value),
        "min" | "mins" | "minutes" | "minute" => Quantity::Seconds(value * 60.0),
        "h" | "hours" | "hour" | "hrs" => Quantity::Seconds(value * 3_600.0),
        "d" | "days" | "day" => Quantity::Seconds(value * 86_400.0),
        _ if at < first.len() => return None,
        _ => return Some((skip + 1, Quantity::Plain(value))),
    };
    Some((skip + taken, scaled))
}

/// Parts of a word with hyphens or a slash, where it is understood in parts only.
pub(super) fn split(token: &Token) -> Option<Vec<Token>> {
    if token.quoted || !token.text.contains(['-', '/', '–', '—']) {
        return None;
    }
    // "Top -5": a sign is no hyphen.
    let mut chars = token.text.chars();
    if matches!(chars.next(), Some('-' | '–' | '—')) && chars.next().is_some_and(|c| c.is_ascii_digit()) {
        return None;
    }
    let parts = token.text.split(['-', '/', '–', '—']).filter(|part| !part.is_empty());
    let parts: Vec<Token> = parts.map(|part| Token { text: part.to_owned(), written: token.written.clone(), quoted: false }).collect();
    // A path is a name that is not known.
    (!token.text.starts_with('/')).then_some(parts)
}

pub(super) fn corrected(token: &Token, names: &Names) -> Option<String> {
    if token.quoted {
        return None;
    }
    let own: Vec<&str> = lexicon::words().chain(when::words()).collect();
    let found = spelling::nearest(&token.text, own.into_iter().chain(names.words()));
    let (first, others) = found.split_first()?;
    // Two words that do the same are as good as one.
    let same = others.iter().all(|other| other == first || (marks_of(first).is_some() && marks_of(first) == marks_of(other)));
    same.then(|| (*first).to_owned())
}

fn marks_of(word: &str) -> Option<&'static [Mark]> {
    lexicon::phrase(&[Token { text: word.to_owned(), written: String::new(), quoted: false }]).map(|(_, marks)| marks)
}

pub(super) fn unknown(token: &Token) -> Refusal {
    let word = &token.written;
    let metric = token.text.contains('_') || token.text.contains(':');
    let why = if token.quoted {
        format!("Nothing is known that is called `{word}`")
    } else if metric {
        format!("There is no metric and nothing else called `{word}`")
    } else if token.text.starts_with('/') {
        format!("No disk is known that is mounted at `{word}`")
    } else {
        format!("`{word}` is no word that is understood, and nothing known is called so")
    };
    Refusal::of(word, why)
}

/// Words that are rather not names.
pub(super) const COMMON: [&str; 12] =
    ["up", "down", "disk", "memory", "cpu", "network", "load", "tasks", "task", "alerts", "all", "system"];

/// Whether words begin with a notion: "deploy duration" is about the workflow, "deploy the app" a command.
pub(super) fn is_notion(words: &[Token]) -> bool {
    lexicon::phrase(words).is_some_and(|(_, marks)| marks.iter().any(|mark| matches!(mark, Mark::Is(_))))
}

/// Whether a word asks for a state: "is node up" is about a scraped target of that name, "load of the node" about the machine.
pub(super) fn is_state(word: &Token) -> bool {
    const STATES: [Atom; 6] = [Atom::Up, Atom::Down, Atom::Ok, Atom::Scrape, Atom::Target, Atom::Availability];
    lexicon::phrase(std::slice::from_ref(word))
        .is_some_and(|(_, marks)| marks.iter().any(|mark| matches!(mark, Mark::Is(atom) if STATES.contains(atom))))
}
