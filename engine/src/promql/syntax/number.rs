//! Values of number and duration literals (`0x1f`, `1_000`, `1e3`, `1h30m`) and their printed forms.

use super::text::quoted;

/// Longest duration in nanoseconds, as in Go.
const MAX_NANOS: u64 = i64::MAX as u64;

/// Units in the order in which they must appear.
const UNITS: [(&str, u64); 7] = [
    ("y", 365 * 86_400_000_000_000),
    ("w", 7 * 86_400_000_000_000),
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
];

/// The value of a number token.
pub(super) fn number(text: &str) -> Result<f64, String> {
    if let Some(whole) = whole(text) {
        return Ok(whole as f64);
    }
    let refused = |why: &str| format!("error parsing number: strconv.ParseFloat: parsing {}: {why}", quoted(text));
    if !underscores_separate(text) || text.starts_with("0x") || text.starts_with("0X") {
        return Err(refused("invalid syntax"));
    }
    let value: f64 = text.replace('_', "").parse().map_err(|_| refused("invalid syntax"))?;
    if value.is_infinite() && !text.eq_ignore_ascii_case("inf") { Err(refused("value out of range")) } else { Ok(value) }
}

/// An integer: decimal, octal with a leading zero, hexadecimal with `0x`.
fn whole(text: &str) -> Option<i64> {
    let (digits, base) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None if text.len() > 1 && text.starts_with('0') => (&text[1..], 8),
        None => (text, 10),
    };
    // Checked here because `from_str_radix` accepts a sign.
    let plain = digits.replace('_', "");
    let is_number = underscores_separate(text) && !plain.is_empty() && plain.chars().all(|c| c.is_digit(base));
    is_number.then(|| i64::from_str_radix(&plain, base).ok()).flatten()
}

/// Whether each `_` is between digits, or between `0x` and a digit.
fn underscores_separate(text: &str) -> bool {
    let hex = text.starts_with("0x") || text.starts_with("0X");
    let (mut before, rest) = if hex { ('0', &text[2..]) } else { ('^', text) };
    for c in rest.chars() {
        let class = match c {
            c if c.is_ascii_digit() || (hex && c.is_ascii_hexdigit()) => '0',
            '_' => '_',
            _ => '!',
        };
        if (class == '_' && before != '0') || (class == '!' && before == '_') {
            return false;
        }
        before = class;
    }
    before != '_'
}

/// The value of a duration token, in seconds.
pub(super) fn duration(text: &str) -> Result<f64, String> {
    let not_valid = || format!("not a valid duration string: {}", quoted(text));
    let (mut total, mut rest, mut first_allowed) = (0u64, text, 0);
    while !rest.is_empty() {
        let (digits, behind) = rest.split_at(rest.bytes().take_while(u8::is_ascii_digit).count());
        let value: u64 = digits.parse().map_err(|_| not_valid())?;
        let (unit, behind) = behind.split_at(behind.bytes().take_while(|b| !b.is_ascii_digit()).count());
        if unit.is_empty() {
            return Err(not_valid());
        }
        let Some(place) = UNITS.iter().position(|(known, _)| *known == unit) else {
            return Err(format!("unknown unit {} in duration {}", quoted(unit), quoted(text)));
        };
        if place < first_allowed {
            return Err(not_valid());
        }
        first_allowed = place + 1;
        let nanos = value.checked_mul(UNITS[place].1).and_then(|nanos| total.checked_add(nanos));
        total = nanos.filter(|nanos| *nanos <= MAX_NANOS).ok_or("duration out of range")?;
        rest = behind;
    }
    // As Go's `Duration.Seconds` does, for the same last bits.
    Ok((total / 1_000_000_000) as f64 + (total % 1_000_000_000) as f64 / 1e9)
}

/// Prints milliseconds as a Prometheus duration: `1h30m`. Years and weeks only appear if nothing is left over.
pub(super) fn duration_text(ms: i64) -> String {
    if ms == 0 {
        return "0s".to_owned();
    }
    let mut out = String::from(if ms < 0 { "-" } else { "" });
    let mut left = ms.unsigned_abs();
    for (unit, nanos) in UNITS {
        let length = nanos / 1_000_000;
        if matches!(unit, "y" | "w") && !left.is_multiple_of(length) {
            continue;
        }
        if left >= length {
            out.push_str(&format!("{}{unit}", left / length));
            left %= length;
        }
    }
    out
}

/// A number as Go prints it with `%v`.
pub(super) fn short(value: f64) -> String {
    if !value.is_finite() || value == 0.0 {
        return decimal(value);
    }
    let scientific = format!("{value:e}");
    match scientific.split_once('e').and_then(|(digits, exponent)| Some((digits, exponent.parse::<i32>().ok()?))) {
        Some((digits, exponent)) if !(-4..21).contains(&exponent) => {
            format!("{digits}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
        }
        _ => decimal(value),
    }
}

/// A number as Go's `FormatFloat(v, 'f', -1, 64)` prints it.
pub(super) fn decimal(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf".to_owned() } else { "-Inf".to_owned() }
    } else {
        value.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_go_reads_them() {
        for (text, wanted) in [
            ("1", Some(1.0)),
            ("0755", Some(493.0)),
            ("08", Some(8.0)),
            ("0x8f", Some(143.0)),
            ("0X_1f", Some(31.0)),
            ("1_2.3_4e5_6", Some(12.34e56)),
            ("1__0", None),
            (".5", Some(0.5)),
            ("5.", Some(5.0)),
            ("NaN", None),
            ("9223372036854775808", Some(9_223_372_036_854_775_808.0)),
            ("0x", None),
            ("1e400", None),
            ("0.5.5", None),
            ("Inf", Some(f64::INFINITY)),
        ] {
            let value = number(text);
            match wanted {
                Some(wanted) => assert_eq!(value, Ok(wanted), "{text}"),
                None if text == "NaN" => assert!(value.unwrap().is_nan()),
                None => assert!(value.is_err(), "{text}"),
            }
        }
    }

    #[test]
    fn durations_are_written_as_they_are_read() {
        for (text, seconds, written) in [
            ("5m", 300.0, "5m"),
            ("90s", 90.0, "1m30s"),
            ("7d", 604_800.0, "1w"),
            ("8d", 691_200.0, "8d"),
            ("1y", 31_536_000.0, "1y"),
            ("1y1d", 31_622_400.0, "366d"),
            ("1h0m5ms", 3_600.005, "1h5ms"),
            ("0s", 0.0, "0s"),
        ] {
            assert_eq!(duration(text), Ok(seconds), "{text}");
            assert_eq!(duration_text((seconds * 1e3).round() as i64), written);
        }
        assert_eq!(duration_text(-90_000), "-1m30s");
        for text in ["5m1h", "5m5m", "5hs", "5", "293y", "99999999999999999999s"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn fills_are_written_as_go_writes_numbers() {
        for (value, text) in [(0.0, "0"), (1e20, "100000000000000000000"), (1e21, "1e+21"), (0.00001, "1e-05"), (-1.5, "-1.5")] {
            assert_eq!(short(value), text);
        }
    }
}
