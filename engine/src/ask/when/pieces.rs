//! The pieces of a time, each read from some words.

use jiff::ToSpan;
use jiff::civil::{Date, ISOWeekDate, Weekday};

use super::calendar::{Clock, next, plus_days};
use crate::ask::text::Token;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// What a time has to do with the question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Relation {
    /// Within it.
    In,
    /// From it until now.
    Since,
    /// Up to its beginning.
    Until,
    /// Before it.
    Before,
    /// After it.
    After,
}

/// A piece of a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece {
    /// One day.
    Day(Date),
    /// Several days, the last one not included.
    Days(Date, Date),
    /// Exactly this much before now, ms.
    Back(i64),
    /// An instant so long ago.
    Ago(i64),
    /// Minutes of the day; the end may be on the next day.
    Hours(u32, u32),
    /// A time of the day.
    At(u32),
    /// The night to today, or the one to the day of the other piece.
    Night,
}

/// A part of the day in minutes.
const PARTS: [(&str, Piece); 7] = [
    ("morning", Piece::Hours(6 * 60, 12 * 60)),
    ("forenoon", Piece::Hours(6 * 60, 12 * 60)),
    ("afternoon", Piece::Hours(12 * 60, 18 * 60)),
    ("evening", Piece::Hours(18 * 60, 24 * 60)),
    ("noon", Piece::At(12 * 60)),
    ("midday", Piece::At(12 * 60)),
    ("lunchtime", Piece::Hours(12 * 60, 13 * 60)),
];

const WEEKDAYS: [(&str, Weekday); 7] = [
    ("monday", Weekday::Monday),
    ("tuesday", Weekday::Tuesday),
    ("wednesday", Weekday::Wednesday),
    ("thursday", Weekday::Thursday),
    ("friday", Weekday::Friday),
    ("saturday", Weekday::Saturday),
    ("sunday", Weekday::Sunday),
];

pub(crate) const MONTHS: [&str; 12] =
    ["january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"];

/// Numbers in words.
const NUMBERS: [(&str, i64); 17] = [
    ("a", 1),
    ("an", 1),
    ("one", 1),
    ("two", 2),
    ("couple", 2),
    ("three", 3),
    ("four", 4),
    ("five", 5),
    ("six", 6),
    ("seven", 7),
    ("eight", 8),
    ("nine", 9),
    ("ten", 10),
    ("eleven", 11),
    ("twelve", 12),
    ("fourteen", 14),
    ("half", -2),
];

/// A number of things, as digits or in words.
pub(crate) fn number(text: &str) -> Option<i64> {
    let digits = || text.parse::<i64>().ok().filter(|n| (0..=100_000).contains(n));
    digits().or_else(|| NUMBERS.iter().find(|(word, n)| *word == text && *n > 0).map(|(_, n)| *n))
}

/// A unit of time in ms.
fn unit(text: &str) -> Option<i64> {
    Some(match text {
        "second" | "seconds" | "sec" | "secs" => 1_000,
        "minute" | "minutes" | "min" | "mins" => MINUTE,
        "hour" | "hours" | "hr" | "hrs" | "h" => HOUR,
        "day" | "days" | "d" => DAY,
        "week" | "weeks" => 7 * DAY,
        "fortnight" => 14 * DAY,
        "month" | "months" => 30 * DAY,
        "quarter" => 91 * DAY,
        "year" | "years" => 365 * DAY,
        _ => return None,
    })
}

/// `3h`, `30m`, `7d`, `2w`: a number with its unit.
fn compact(text: &str) -> Option<i64> {
    let at = text.find(|c: char| !c.is_ascii_digit()).filter(|at| *at > 0)?;
    let count: i64 = text[..at].parse().ok().filter(|n| (1..=100_000).contains(n))?;
    let unit = match &text[at..] {
        "s" | "sec" => 1_000,
        "m" | "min" => MINUTE,
        "h" | "hr" | "hrs" => HOUR,
        "d" => DAY,
        "w" => 7 * DAY,
        _ => return None,
    };
    Some(count * unit)
}

fn weekday(text: &str) -> Option<Weekday> {
    let is = |(name, _): &&(&str, Weekday)| {
        text == *name || (text.len() >= 3 && text.len() <= 5 && name.starts_with(text) && text != "sun" && text != "sat" && text != "wed")
    };
    let short = match text {
        "sat" => Some(Weekday::Saturday),
        "sun" => Some(Weekday::Sunday),
        "wed" => Some(Weekday::Wednesday),
        _ => None,
    };
    short.or_else(|| WEEKDAYS.iter().find(is).map(|(_, day)| *day))
}

fn month(text: &str) -> Option<i8> {
    let at = MONTHS
        .iter()
        .position(|name| *name == text || (text == "sept" && *name == "september") || (text.len() == 3 && name.starts_with(text)))?;
    i8::try_from(at + 1).ok()
}

/// A time of the day in minutes: `9`, `9:30`, `9am`, `14:00`, `9.30pm`, `14h`. Bare numbers count where `bare` says so.
pub(crate) fn time_of_day(words: &[Token], bare: bool) -> Option<(usize, u32)> {
    let text = words.first()?.text.as_str();
    let next = words.get(1).map_or("", |t| t.text.as_str());
    match text {
        "noon" | "midday" => return Some((1, 12 * 60)),
        "midnight" => return Some((1, 24 * 60)),
        _ => {}
    }
    let (digits, half) = match text.find(|c: char| !c.is_ascii_digit() && c != ':' && c != '.') {
        None => (text, ""),
        Some(at) => text.split_at(at),
    };
    let (hours, minutes) = match digits.split_once([':', '.']) {
        Some((h, m)) if m.len() == 2 => (h.parse::<u32>().ok()?, m.parse::<u32>().ok()?),
        Some(_) => return None,
        None => (digits.parse::<u32>().ok()?, 0),
    };
    let (half, taken) = match (half, next) {
        ("", "am" | "pm") => (next, 2),
        ("", "o'clock" | "oclock") => ("h", 2),
        ("am" | "pm" | "h" | "", _) => (half, 1),
        _ => return None,
    };
    let hours = match half {
        "am" if (1..=12).contains(&hours) => hours % 12,
        "pm" if (1..=12).contains(&hours) => hours % 12 + 12,
        "am" | "pm" => return None,
        "" if !bare && !digits.contains(':') => return None,
        _ => hours,
    };
    ((hours < 24 || (hours == 24 && minutes == 0)) && minutes < 60).then_some((taken, hours * 60 + minutes))
}

/// The piece that begins with the first word, and how many words it has. Words such as `in` and `the` before it are not part of it.
pub(crate) fn piece(words: &[Token], clock: &Clock) -> Option<(usize, Piece)> {
    if words.first()?.quoted {
        return None;
    }
    let word = |at: usize| words.get(at).filter(|t| !t.quoted).map_or("", |t| t.text.as_str());
    named(&word, clock)
        .or_else(|| last_units(&word, clock))
        .or_else(|| dated(&word, clock))
        .or_else(|| time_of_day(words, false).map(|(taken, at)| (taken, Piece::At(at))))
        .or_else(|| PARTS.iter().find(|(name, _)| *name == word(0)).map(|(_, piece)| (1, *piece)))
}

/// Days and periods by their names.
fn named<'a>(word: &impl Fn(usize) -> &'a str, clock: &Clock) -> Option<(usize, Piece)> {
    let today = clock.today();
    let weekend = |back: i64| {
        let monday = clock.monday(back);
        Piece::Days(plus_days(monday, 5), plus_days(monday, 7))
    };
    // Of the weekend that is, or the newest one.
    let this_weekend = if today >= plus_days(clock.monday(0), 5) { 0 } else { 1 };
    Some(match (word(0), word(1)) {
        ("today", _) => (1, Piece::Day(today)),
        ("yesterday", "night") => (2, Piece::Night),
        ("yesterday", _) => (1, Piece::Day(plus_days(today, -1))),
        ("day", "before") if word(2) == "yesterday" => (3, Piece::Day(plus_days(today, -2))),
        ("tomorrow", _) => (1, Piece::Day(next(today))),
        ("overnight", _) => (1, Piece::Night),
        ("last" | "past" | "previous", "night") => (2, Piece::Night),
        ("this", "night") => (2, Piece::Night),
        ("tonight", _) => (1, Piece::Hours(18 * 60, 24 * 60)),
        ("night", _) => (1, Piece::Night),
        ("this", "morning" | "afternoon" | "evening") => {
            let (_, piece) = PARTS.iter().find(|(name, _)| *name == word(1))?;
            (2, *piece)
        }
        ("this" | "current", "week") => (2, Piece::Days(clock.monday(0), plus_days(clock.monday(0), 7))),
        ("last" | "previous" | "prior", "week") => (2, Piece::Days(clock.monday(1), clock.monday(0))),
        ("week", "before") if word(2) == "last" => (3, Piece::Days(clock.monday(2), clock.monday(1))),
        ("this" | "current", "month") => (2, Piece::Days(clock.month(0), clock.month(-1))),
        ("last" | "previous" | "prior", "month") => (2, Piece::Days(clock.month(1), clock.month(0))),
        ("month", "before") if word(2) == "last" => (3, Piece::Days(clock.month(2), clock.month(1))),
        ("this" | "current", "quarter") => (2, quarter(clock, 0)),
        ("last" | "previous", "quarter") => (2, quarter(clock, 1)),
        ("this" | "current", "year") => (2, Piece::Days(year(today.year())?, year(today.year() + 1)?)),
        ("last" | "previous", "year") => (2, Piece::Days(year(today.year() - 1)?, year(today.year())?)),
        ("last" | "past" | "previous", "weekend") => (2, weekend(1)),
        ("this", "weekend") => (2, weekend(this_weekend)),
        ("weekend", _) => (1, weekend(this_weekend)),
        ("last" | "past" | "previous", other) if weekday(other).is_some() => {
            let day = clock.newest(weekday(other)?);
            // The one before today.
            (2, Piece::Day(if day == today { plus_days(day, -7) } else { day }))
        }
        ("this", other) if weekday(other).is_some() => (2, Piece::Day(clock.newest(weekday(other)?))),
        (first, _) if weekday(first).is_some() => (1, Piece::Day(clock.newest(weekday(first)?))),
        ("week" | "kw", count) => {
            let week: i8 = count.parse().ok()?;
            let year = if i16::from(week) > i16::from(today.iso_week_date().week()) { today.year() - 1 } else { today.year() };
            let monday = ISOWeekDate::new(year, week, Weekday::Monday).ok()?.date();
            (2, Piece::Days(monday, plus_days(monday, 7)))
        }
        _ => return None,
    })
}

fn year(year: i16) -> Option<Date> {
    Date::new(year, 1, 1).ok()
}

fn quarter(clock: &Clock, back: i64) -> Piece {
    let this = clock.month(i64::from((clock.today().month() - 1) % 3));
    let first = this.checked_sub((3 * back).months()).unwrap_or(this);
    Piece::Days(first, first.checked_add(3.months()).unwrap_or(first))
}

/// `last 3 hours`, `past day`, `3 hours ago`, `an hour ago`, `last hour`, `24h`, `a week ago`.
fn last_units<'a>(word: &impl Fn(usize) -> &'a str, clock: &Clock) -> Option<(usize, Piece)> {
    let leads = usize::from(matches!(word(0), "last" | "past" | "previous" | "recent" | "latest"));
    let few = |at: usize| matches!(word(at), "couple") && word(at + 1) == "of";
    // How many words, and how long.
    let measured = |at: usize| -> Option<(usize, i64)> {
        if let Some(ms) = compact(word(at)) {
            return Some((1, ms));
        }
        if (word(at), word(at + 1)) == ("half", "an") || (word(at), word(at + 1)) == ("half", "a") {
            return unit(word(at + 2)).map(|ms| (3, ms / 2));
        }
        if few(at) {
            return unit(word(at + 2)).map(|ms| (3, 2 * ms));
        }
        if word(at) == "a" && few(at + 1) {
            return unit(word(at + 3)).map(|ms| (4, 2 * ms));
        }
        let count = number(word(at))?;
        Some((2, count.checked_mul(unit(word(at + 1))?)?)).filter(|(_, ms)| *ms > 0)
    };
    if let Some((taken, ms)) = measured(leads) {
        if leads == 0 && matches!(word(taken), "ago" | "earlier" | "back") {
            let day = |date: Date| (taken + 1, Piece::Day(date));
            // Three days ago is a day, three hours ago an instant.
            return Some(match ms % DAY {
                0 if ms % (7 * DAY) != 0 || word(0) == "7" => day(plus_days(clock.today(), -(ms / DAY))),
                0 => day(plus_days(clock.today(), -(ms / DAY))),
                _ => (taken + 1, Piece::Ago(ms)),
            });
        }
        // "For 3 hours" says how long something lasted, "in 3 hours" is in the future: without "last", only `24h` and whole days count.
        let said = leads == 1 || taken == 1 || (ms >= DAY && !matches!(word(0), "a" | "an" | "one"));
        return said.then_some((leads + taken, Piece::Back(ms)));
    }
    // "last hour", "past day", "past week".
    if leads == 1
        && let Some(ms) = unit(word(1)).filter(|_| word(1) != "quarter")
    {
        return Some((2, Piece::Back(ms)));
    }
    None
}

/// `20 November`, `November 20th 2026`, `2026-11-20`, `20.11.`, `the 20th`, `October`, `in 2025`.
fn dated<'a>(word: &impl Fn(usize) -> &'a str, clock: &Clock) -> Option<(usize, Piece)> {
    if let Ok(date) = word(0).parse::<Date>() {
        return word(0).contains('-').then_some((1, Piece::Day(date)));
    }
    if let Some(found) = points(word(0), clock) {
        return Some((1, found));
    }
    let full_year = |at: usize| word(at).parse::<i16>().ok().filter(|year| (1970..=2200).contains(year));
    let ordinal = |text: &str| ["st", "nd", "rd", "th"].iter().find_map(|end| text.strip_suffix(end)?.parse::<i8>().ok());
    let day_of = |text: &str| ordinal(text).or_else(|| text.parse::<i8>().ok()).filter(|day| (1..=31).contains(day));
    // "20 November", "20th of November", "November 20".
    let of = usize::from(word(1) == "of");
    let day_first = day_of(word(0)).zip(month(word(1 + of))).map(|(day, month)| (2 + of, day, month));
    let month_first = month(word(0)).zip(day_of(word(1))).map(|(month, day)| (2, day, month));
    if let Some((taken, day, month)) = day_first.or(month_first) {
        return match full_year(taken) {
            Some(year) => Some((taken + 1, Piece::Day(Date::new(year, month, day).ok()?))),
            None => Some((taken, Piece::Day(newest_date(clock, month, day)?))),
        };
    }
    if let Some(first) = month(word(0)).filter(|_| word(0) != "may" || full_year(1).is_some() || word(1).is_empty()) {
        let (taken, year) = match full_year(1) {
            Some(year) => (2, year),
            None => (1, clock.today().year() - i16::from(first > clock.today().month())),
        };
        let first = Date::new(year, first, 1).ok()?;
        return Some((taken, Piece::Days(first, first.checked_add(1.month()).ok()?)));
    }
    if let Some(day) = ordinal(word(0)).filter(|day| (1..=31).contains(day)) {
        // The newest such day: of this month, or of one before.
        let months = (0..12).map(|back| clock.month(back));
        let found = months.filter_map(|first| Date::new(first.year(), first.month(), day).ok()).find(|date| *date <= clock.today())?;
        return Some((1, Piece::Day(found)));
    }
    full_year(0).filter(|_| word(0).len() == 4).and_then(|number| Some((1, Piece::Days(year(number)?, year(number + 1)?))))
}

/// `20.11.` and `20.11.2026`, as much of Europe writes it.
fn points(text: &str, clock: &Clock) -> Option<Piece> {
    let parts: Vec<&str> = text.split('.').filter(|part| !part.is_empty()).collect();
    let (day, month) = (parts.first()?.parse::<i8>().ok()?, parts.get(1)?.parse::<i8>().ok()?);
    match parts.len() {
        3 => Some(Piece::Day(Date::new(parts[2].parse().ok().filter(|year| *year > 1_969)?, month, day).ok()?)),
        // "9.30" is a time of the day; "20.11." has lost its last point.
        2 if day > 23 || (parts[1].len() == 2 && month <= 12 && day > 12) => newest_date(clock, month, day).map(Piece::Day),
        _ => None,
    }
}

/// The newest day of that date which has begun.
fn newest_date(clock: &Clock, month: i8, day: i8) -> Option<Date> {
    let year = clock.today().year();
    let dates = [year, year - 1].map(|year| Date::new(year, month, day).ok());
    dates.into_iter().flatten().find(|date| *date <= clock.today())
}

/// Words of times, for slips.
pub(crate) fn words() -> impl Iterator<Item = &'static str> {
    const OTHERS: [&str; 21] = [
        "today",
        "yesterday",
        "tomorrow",
        "tonight",
        "overnight",
        "night",
        "morning",
        "afternoon",
        "evening",
        "week",
        "weekend",
        "month",
        "quarter",
        "year",
        "hour",
        "hours",
        "minutes",
        "days",
        "weeks",
        "months",
        "since",
    ];
    MONTHS.into_iter().chain(WEEKDAYS.into_iter().map(|(day, _)| day)).chain(OTHERS)
}
