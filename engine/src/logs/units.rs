//! Numbers, lengths of time and sizes as people write them, in queries and in labels.

use crate::span::Span;

/// Units of time with their nanoseconds, as Go's `time.ParseDuration` has them.
const TIME: [(&str, f64); 9] = [
    ("ns", 1.0),
    ("us", 1e3),
    ("µs", 1e3),
    ("μs", 1e3),
    ("ms", 1e6),
    ("s", 1e9),
    ("m", 60e9),
    ("h", 3_600e9),
    // Not of Go, but of queries.
    ("d", 86_400e9),
];

/// Units of sizes with their bytes; read in any case.
const SIZE: [(&str, f64); 21] = [
    ("", 1.0),
    ("b", 1.0),
    ("kb", 1e3),
    ("mb", 1e6),
    ("gb", 1e9),
    ("tb", 1e12),
    ("pb", 1e15),
    ("eb", 1e18),
    ("kib", 1_024.0),
    ("mib", 1_048_576.0),
    ("gib", 1_073_741_824.0),
    ("tib", 1_099_511_627_776.0),
    ("pib", 1_125_899_906_842_624.0),
    ("eib", 1_152_921_504_606_846_976.0),
    ("k", 1e3),
    ("m", 1e6),
    ("g", 1e9),
    ("t", 1e12),
    ("ki", 1_024.0),
    ("mi", 1_048_576.0),
    ("gi", 1_073_741_824.0),
];

/// The number that a text begins with, and what follows.
fn split_number(text: &str) -> Option<(f64, &str)> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    Some((number.parse().ok()?, rest))
}

/// A length of time in seconds: `1h30m`, `1.5s`, `250ms`, with a sign; `0` needs no unit.
pub(crate) fn seconds(text: &str) -> Option<f64> {
    let text = text.trim();
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0.0);
    }
    let mut nanos = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let (number, behind) = split_number(rest)?;
        let end = behind.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(end);
        nanos += number * TIME.iter().find(|(name, _)| *name == unit)?.1;
        rest = behind;
    }
    Some(sign * nanos / 1e9)
}

/// A size in bytes: `20kB`, `1.5KiB`, `42`, in any case, with or without a blank before the unit.
pub(crate) fn bytes(text: &str) -> Option<f64> {
    let (number, unit) = split_number(text.trim())?;
    let unit = unit.trim();
    let (_, factor) = SIZE.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit))?;
    Some((number * factor).trunc())
}

/// A number, as Go's `strconv.ParseFloat` reads it.
pub(crate) fn number(text: &str) -> Option<f64> {
    text.parse().ok()
}

/// A length of time of a query in milliseconds: as PromQL has them, and fractions.
pub(crate) fn duration_ms(text: &str) -> Option<i64> {
    if let Ok(span) = text.parse::<Span>() {
        return Some(span.ms());
    }
    let ms = seconds(text)? * 1e3;
    (ms.abs() < 9e15).then_some(ms as i64)
}

/// What the value of a label filter is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Quantity {
    Number(f64),
    /// Seconds.
    Time(f64),
    Bytes(f64),
}

impl Quantity {
    /// As it is written in a query.
    pub(crate) fn of(text: &str) -> Option<Self> {
        if let Some(v) = number(text).filter(|_| !text.ends_with(|c: char| c.is_ascii_alphabetic())) {
            return Some(Self::Number(v));
        }
        // `5m` is five minutes, `5M` are bytes.
        seconds(text).or_else(|| text.parse::<Span>().ok().map(Span::as_secs_f64)).map(Self::Time).or_else(|| bytes(text).map(Self::Bytes))
    }

    /// The value of a label in the same unit.
    pub(crate) fn read(self, value: &str) -> Option<f64> {
        match self {
            Self::Number(_) => number(value),
            Self::Time(_) => seconds(value),
            Self::Bytes(_) => bytes(value),
        }
    }

    /// What its unit measures, in words.
    pub(crate) fn what(self) -> &'static str {
        match self {
            Self::Number(_) => "number",
            Self::Time(_) => "length of time",
            Self::Bytes(_) => "size",
        }
    }

    pub(crate) fn value(self) -> f64 {
        match self {
            Self::Number(v) | Self::Time(v) | Self::Bytes(v) => v,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_numbers_times_or_bytes() {
        for (text, wanted) in [
            ("5", Some(Quantity::Number(5.0))),
            ("-1.5e3", Some(Quantity::Number(-1_500.0))),
            ("5m", Some(Quantity::Time(300.0))),
            ("1h30m", Some(Quantity::Time(5_400.0))),
            ("1.5s", Some(Quantity::Time(1.5))),
            ("250ms", Some(Quantity::Time(0.25))),
            ("1w", Some(Quantity::Time(604_800.0))),
            ("20kB", Some(Quantity::Bytes(20_000.0))),
            ("1.5KiB", Some(Quantity::Bytes(1_536.0))),
            ("42B", Some(Quantity::Bytes(42.0))),
            ("5x", None),
            ("1..2", None),
            ("", None),
        ] {
            assert_eq!(Quantity::of(text), wanted, "{text}");
        }
        assert_eq!((seconds("-1m"), seconds("1"), seconds("0"), seconds("10 ms")), (Some(-60.0), None, Some(0.0), None));
        assert_eq!((bytes("10 MB"), bytes("x"), bytes("17"), bytes("1.5kb")), (Some(10e6), None, Some(17.0), Some(1_500.0)));
        assert_eq!(
            (duration_ms("5m"), duration_ms("1.5s"), duration_ms("1y"), duration_ms("")),
            (Some(300_000), Some(1_500), Some(31_536_000_000), None)
        );
    }
}
