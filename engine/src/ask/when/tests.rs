#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use super::*;
use crate::ask::tests::clock;
use crate::ask::text::tokens;

/// The range of a time that is all of a text.
fn range(text: &str) -> String {
    let (tokens, clock) = (tokens(text).unwrap(), clock());
    let (mut spoken, mut at) = (Spoken::default(), 0);
    while at < tokens.len() {
        let Some((taken, said)) = said(&tokens[at..], &clock) else { return format!("not read from `{}` on", tokens[at].text) };
        let fits = match said {
            Said::One(relation, piece) => spoken.add(relation, piece),
            Said::Both(from, to) => spoken.add_both(from, to),
        };
        if !fits {
            return "does not fit".to_owned();
        }
        at += taken;
    }
    spoken.range(&clock).map_or_else(|| "no range".to_owned(), |range| range.shown(&clock.zone))
}

#[test]
fn times_in_words_are_ranges_of_the_time_zone_of_who_asks() {
    // Friday, 27 November 2026, 11:30 in Berlin.
    for (text, expected) in [
        ("today", "2026-11-27 00:00..2026-11-28 00:00"),
        ("the day before yesterday", "2026-11-25 00:00..2026-11-26 00:00"),
        ("yesterday evening", "2026-11-26 18:00..2026-11-27 00:00"),
        ("last Tuesday", "2026-11-24 00:00..2026-11-25 00:00"),
        ("last Friday", "2026-11-20 00:00..2026-11-21 00:00"),
        ("since Monday", "2026-11-23 00:00..2026-11-27 11:30"),
        ("in the last 3 hours", "2026-11-27 08:30..2026-11-27 11:30"),
        ("past 7 days", "2026-11-20 11:30..2026-11-27 11:30"),
        ("3 days ago", "2026-11-24 00:00..2026-11-25 00:00"),
        ("this week", "2026-11-23 00:00..2026-11-30 00:00"),
        ("last month", "2026-10-01 00:00..2026-11-01 00:00"),
        ("between 9 and 12", "2026-11-27 09:00..2026-11-27 12:00"),
        ("between 13 and 15", "2026-11-26 13:00..2026-11-26 15:00"),
        ("between 9 and 12 yesterday", "2026-11-26 09:00..2026-11-26 12:00"),
        ("on Monday from 22:00 to 2:00", "2026-11-23 22:00..2026-11-24 02:00"),
        ("09:00-17:30 yesterday", "2026-11-26 09:00..2026-11-26 17:30"),
        ("at 8 this morning", "2026-11-27 07:45..2026-11-27 08:15"),
        ("yesterday evening at 9", "2026-11-26 20:45..2026-11-26 21:15"),
        ("at 3 last night", "2026-11-27 02:45..2026-11-27 03:15"),
        ("at 23:00 last night", "2026-11-26 22:45..2026-11-26 23:15"),
        ("at 3 this afternoon", "2026-11-26 14:45..2026-11-26 15:15"),
        ("at 8 this evening this morning", "does not fit"),
        ("at 13:00 this morning", "does not fit"),
        ("overnight", "2026-11-26 22:00..2026-11-27 06:00"),
        ("in October", "2026-10-01 00:00..2026-11-01 00:00"),
        ("in December", "2025-12-01 00:00..2026-01-01 00:00"),
        ("on 20 November", "2026-11-20 00:00..2026-11-21 00:00"),
        ("November 20th 2025", "2025-11-20 00:00..2025-11-21 00:00"),
        ("2026-11-20", "2026-11-20 00:00..2026-11-21 00:00"),
        ("20.11.", "2026-11-20 00:00..2026-11-21 00:00"),
        ("on the 3rd", "2026-11-03 00:00..2026-11-04 00:00"),
        ("at 14:00 yesterday", "2026-11-26 13:45..2026-11-26 14:15"),
        ("since 9", "2026-11-27 09:00..2026-11-27 11:30"),
        ("from Friday to Monday", "2026-11-20 00:00..2026-11-24 00:00"),
        ("last weekend", "2026-11-21 00:00..2026-11-23 00:00"),
        ("in week 47", "2026-11-16 00:00..2026-11-23 00:00"),
        // The clocks went back on 25 October: a day of 25 hours.
        ("on 25 October", "2026-10-25 00:00..2026-10-26 00:00"),
        ("in 3 hours", "not read from `in` on"),
        ("for 3 hours", "not read from `for` on"),
        ("on Mondays", "not read from `on` on"),
        ("today yesterday", "does not fit"),
    ] {
        assert_eq!(range(text), expected, "{text}");
    }
}
