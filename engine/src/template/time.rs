//! Times and durations as Go writes them, in UTC.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

const MONTHS: [&str; 12] =
    ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

pub(super) fn month_name(number: i64) -> &'static str {
    usize::try_from(number - 1).ok().and_then(|at| MONTHS.get(at).copied()).unwrap_or("")
}

pub(super) fn weekday_name(number: i64) -> &'static str {
    usize::try_from(number).ok().and_then(|at| DAYS.get(at).copied()).unwrap_or("")
}

/// A time in UTC. All that 64 bits of nanoseconds hold are within jiff's years.
pub(super) fn civil(nanos: i64) -> DateTime {
    Timestamp::from_nanosecond(i128::from(nanos)).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(TimeZone::UTC).datetime()
}

/// As Go's `Time.String` in UTC: `2006-01-02 15:04:05.5 +0000 UTC`.
pub(super) fn time_text(nanos: i64) -> String {
    formatted(nanos, "2006-01-02 15:04:05.999999999 -0700 MST")
}

/// As Go's `Duration.String`: `1h2m3.5s`.
pub(super) fn duration_text(nanos: i64) -> String {
    let size = nanos.unsigned_abs();
    let sign = if nanos < 0 { "-" } else { "" };
    let decimal = |unit: u64| {
        let text = format!("{}.{:0width$}", size / unit, size % unit, width = unit.ilog10() as usize);
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    match size {
        0 => "0s".to_owned(),
        1..1_000 => format!("{sign}{size}ns"),
        1_000..1_000_000 => format!("{sign}{}µs", decimal(1_000)),
        1_000_000..1_000_000_000 => format!("{sign}{}ms", decimal(1_000_000)),
        _ => {
            let (minutes, seconds) = (size / 60_000_000_000, size % 60_000_000_000);
            let text = format!("{}.{:09}", seconds / 1_000_000_000, seconds % 1_000_000_000);
            let seconds = text.trim_end_matches('0').trim_end_matches('.');
            match (minutes / 60, minutes % 60) {
                (0, 0) => format!("{sign}{seconds}s"),
                (0, minutes) => format!("{sign}{minutes}m{seconds}s"),
                (hours, minutes) => format!("{sign}{hours}h{minutes}m{seconds}s"),
            }
        }
    }
}

/// The parts of a layout, longer ones before their beginnings.
const PARTS: [&str; 33] = [
    "January",
    "Jan",
    "Monday",
    "Mon",
    "MST",
    "2006",
    "002",
    "__2",
    "_2006",
    "_2",
    "01",
    "02",
    "03",
    "04",
    "05",
    "06",
    "15",
    "PM",
    "pm",
    "Z070000",
    "Z07:00:00",
    "Z0700",
    "Z07:00",
    "Z07",
    "-070000",
    "-07:00:00",
    "-0700",
    "-07:00",
    "-07",
    "1",
    "2",
    "3",
    "4",
];

/// As Go's `Time.Format`.
pub(super) fn formatted(nanos: i64, layout: &str) -> String {
    let time = civil(nanos);
    let subsecond = format!("{:09}", time.subsec_nanosecond());
    let mut out = String::new();
    let mut rest = layout;
    while let Some(c) = rest.chars().next() {
        if let Some((text, after)) = fraction(rest, &subsecond) {
            out.push_str(&text);
            rest = after;
            continue;
        }
        let part = PARTS.iter().find(|part| rest.starts_with(**part) && !is_word_part(part, rest));
        if let Some(part) = part {
            push_part(&mut out, part, time);
            rest = &rest[part.len()..];
        } else if rest.starts_with('5') {
            out.push_str(&time.second().to_string());
            rest = &rest[1..];
        } else {
            out.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    out
}

/// `Jan` of `January` is a part, of `Janet` it is not: Go refuses short names before a small letter.
fn is_word_part(part: &str, rest: &str) -> bool {
    matches!(part, "Jan" | "Mon") && rest[3..].starts_with(|c: char| c.is_ascii_lowercase())
}

/// `.000` and `.999`, which stand for so many digits of the second; nines drop zeros at the end.
fn fraction<'l>(rest: &'l str, subsecond: &str) -> Option<(String, &'l str)> {
    let point = rest.chars().next().filter(|c| matches!(c, '.' | ','))?;
    let digit = rest[1..].chars().next().filter(|c| matches!(c, '0' | '9'))?;
    let count = rest[1..].chars().take_while(|c| *c == digit).count();
    let after = &rest[1 + count..];
    if after.starts_with(|c: char| c.is_ascii_digit()) || count > 9 {
        return None;
    }
    let digits = &subsecond[..count];
    let digits = if digit == '9' { digits.trim_end_matches('0') } else { digits };
    Some((if digits.is_empty() { String::new() } else { format!("{point}{digits}") }, after))
}

fn push_part(out: &mut String, part: &str, time: DateTime) {
    let month = month_name(i64::from(time.month()));
    let day = weekday_name(i64::from(time.date().weekday().to_sunday_zero_offset()));
    let hour = (time.hour() + 11) % 12 + 1;
    let text = match part {
        "January" => month.to_owned(),
        "Jan" => month[..3].to_owned(),
        "Monday" => day.to_owned(),
        "Mon" => day[..3].to_owned(),
        "MST" => "UTC".to_owned(),
        "2006" => format!("{:04}", time.year()),
        "_2006" => format!("_{:04}", time.year()),
        "06" => format!("{:02}", time.year().rem_euclid(100)),
        "01" => format!("{:02}", time.month()),
        "1" => time.month().to_string(),
        "02" => format!("{:02}", time.day()),
        "_2" => format!("{:2}", time.day()),
        "2" => time.day().to_string(),
        "002" => format!("{:03}", time.day_of_year()),
        "__2" => format!("{:3}", time.day_of_year()),
        "15" => format!("{:02}", time.hour()),
        "03" => format!("{hour:02}"),
        "3" => hour.to_string(),
        "04" => format!("{:02}", time.minute()),
        "4" => time.minute().to_string(),
        "05" => format!("{:02}", time.second()),
        "PM" => (if time.hour() < 12 { "AM" } else { "PM" }).to_owned(),
        "pm" => (if time.hour() < 12 { "am" } else { "pm" }).to_owned(),
        "-070000" => "+000000".to_owned(),
        "-07:00:00" => "+00:00:00".to_owned(),
        "-0700" => "+0000".to_owned(),
        "-07:00" => "+00:00".to_owned(),
        "-07" => "+00".to_owned(),
        _ => "Z".to_owned(),
    };
    out.push_str(&text);
}
