//! A time with the words that lead to it: `since Monday`, `in the last 3 hours`, `between 9 and 12`, `from 9 to 12`, `at 14:00`.

use super::calendar::Clock;
use super::pieces::{Piece, Relation, piece, time_of_day};
use crate::ask::text::Token;

/// What was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    /// A piece, and what it has to do with the question.
    One(Relation, Piece),
    /// From one to the other.
    Both(Piece, Piece),
}

const IN: [&str; 16] = [
    "in",
    "on",
    "at",
    "during",
    "over",
    "for",
    "within",
    "throughout",
    "through",
    "of",
    "from",
    "around",
    "about",
    "near",
    "circa",
    "across",
];
const TO: [&str; 7] = ["to", "until", "till", "and", "-", "–", "through"];

/// A time that begins with the first word, and how many words it has.
pub(crate) fn said(words: &[Token], clock: &Clock) -> Option<(usize, Said)> {
    let first = words.first().filter(|token| !token.quoted)?.text.as_str();
    match first {
        "between" => both(&words[1..], clock, true).map(|(taken, said)| (taken + 1, said)),
        "from" => both(&words[1..], clock, true)
            .map(|(taken, said)| (taken + 1, said))
            .or_else(|| onwards(words, clock))
            .or_else(|| led(words, clock)),
        "since" => led_by(words, Relation::Since, clock),
        "until" | "till" => led_by(words, Relation::Until, clock),
        "before" => led_by(words, Relation::Before, clock),
        "after" => led_by(words, Relation::After, clock),
        "up" if words.get(1).is_some_and(|t| t.text == "to") => {
            led_by(&words[1..], Relation::Until, clock).map(|(taken, said)| (taken + 1, said))
        }
        _ => span_of_hours(first).map(|said| (1, said)).or_else(|| both(words, clock, false)).or_else(|| led(words, clock)),
    }
}

/// `9-12`, `09:00–17:30`.
fn span_of_hours(word: &str) -> Option<Said> {
    let (from, to) = word.split_once(['-', '–'])?;
    let clock = |text: &str| {
        time_of_day(&[Token { text: text.to_owned(), written: String::new(), quoted: false }], true).map(|(_, at)| Piece::At(at))
    };
    // A date has two such signs.
    if to.contains('-') {
        return None;
    }
    Some(Said::Both(clock(from)?, clock(to)?))
}

/// How many words a piece has that may be a bare time of the day, and the piece.
fn end(words: &[Token], clock: &Clock, bare: bool) -> Option<(usize, Piece)> {
    let skip = usize::from(words.first().is_some_and(|t| t.text == "the"));
    let rest = words.get(skip..)?;
    let found = piece(rest, clock).or_else(|| time_of_day(rest, bare).map(|(taken, at)| (taken, Piece::At(at))))?;
    Some((found.0 + skip, found.1))
}

fn both(words: &[Token], clock: &Clock, led: bool) -> Option<(usize, Said)> {
    let (taken, from) = end(words, clock, led)?;
    let joint = words.get(taken).filter(|t| TO.contains(&t.text.as_str()) && (led || t.text != "and") && (led || t.text != "through"))?;
    let (more, to) = end(&words[taken + 1..], clock, true)?;
    let _ = joint;
    let fits = matches!((from, to), (Piece::At(_), Piece::At(_)) | (Piece::Day(_) | Piece::Days(..), Piece::Day(_) | Piece::Days(..)));
    fits.then_some((taken + 1 + more, Said::Both(from, to)))
}

/// `from Monday on`, `from Monday until now`.
fn onwards(words: &[Token], clock: &Clock) -> Option<(usize, Said)> {
    let (taken, from) = end(&words[1..], clock, true)?;
    let at = |at: usize| words.get(1 + taken + at).map_or("", |t| t.text.as_str());
    let more = match (at(0), at(1)) {
        ("on" | "onward" | "onwards", _) => 1,
        ("until" | "till" | "to", "now" | "today") => 2,
        _ => return None,
    };
    Some((1 + taken + more, Said::One(Relation::Since, from)))
}

fn led_by(words: &[Token], relation: Relation, clock: &Clock) -> Option<(usize, Said)> {
    let (taken, piece) = end(&words[1..], clock, true)?;
    Some((taken + 1, Said::One(relation, piece)))
}

/// A piece after `in the` and the like, or without anything before it.
fn led(words: &[Token], clock: &Clock) -> Option<(usize, Said)> {
    let text = |at: usize| words.get(at).filter(|t| !t.quoted).map_or("", |t| t.text.as_str());
    let mut skip = 0;
    if IN.contains(&text(0)) {
        skip = 1;
    }
    // "At around 14:00", "at about 3pm".
    if skip == 1 && matches!(text(1), "around" | "about" | "exactly") {
        skip = 2;
    }
    if matches!(text(skip), "the" | "early" | "late" | "all" | "whole" | "entire") && text(skip) == "the" {
        skip += 1;
    }
    let rest = words.get(skip..)?;
    let lead = text(0);
    let bare = matches!(lead, "at" | "around" | "about") && skip > 0;
    let found = piece(rest, clock).or_else(|| time_of_day(rest, bare).map(|(taken, at)| (taken, Piece::At(at))));
    let (taken, found) = found?;
    // "In 3 hours" is in the future, "for 3 hours" is how long something lasted, "of 3 hours" how long it is.
    let length = matches!(found, Piece::Back(_)) && !matches!(text(skip), "last" | "past" | "previous" | "recent" | "latest");
    if length && matches!(lead, "in" | "for" | "within" | "of" | "after") {
        return None;
    }
    // "Over 2 days" of something that takes long; "a number over 2026".
    if lead == "over" && matches!(found, Piece::At(_)) {
        return None;
    }
    Some((skip + taken, Said::One(Relation::In, found)))
}
