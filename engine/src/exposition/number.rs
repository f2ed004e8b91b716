//! Numbers as text: what Prometheus' formats accept, and a form that keeps every bit.

use std::fmt::Write;

use crate::model::{STALE_NAN_BITS, push_value};

/// Parses a number like Prometheus, which uses Go's `ParseFloat`: `1`, `.5`, `5.`, `1e5`, and in any case `NaN`, `Inf`, `Infinity`,
/// the latter two with a sign. Hexadecimal digits, `_` and numbers too large for a float are rejected.
#[must_use]
pub fn parse_number(text: &str) -> Option<f64> {
    // Rust accepts more words than the formats.
    if text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E')) {
        return text.parse().ok().filter(|v: &f64| v.is_finite());
    }
    if text.eq_ignore_ascii_case("nan") {
        return Some(f64::NAN);
    }
    let (size, word) = match text.as_bytes() {
        [b'-', ..] => (f64::NEG_INFINITY, &text[1..]),
        [b'+', ..] => (f64::INFINITY, &text[1..]),
        _ => (f64::INFINITY, text),
    };
    (word.eq_ignore_ascii_case("inf") || word.eq_ignore_ascii_case("infinity")).then_some(size)
}

/// Words for NaN values whose bits matter: the common one, the one of Go and thus Prometheus, and the stale marker. Other readers
/// parse the first two as NaN.
const NANS: [(&str, u64); 3] = [("NaN", 0x7ff8_0000_0000_0000), ("nan", 0x7ff8_0000_0000_0001), ("StaleNaN", STALE_NAN_BITS)];

/// Parses what [`push_exact`] writes: a number, a word for a NaN, or its bits.
#[must_use]
pub fn parse_exact(text: &str) -> Option<f64> {
    if let Some((_, bits)) = NANS.iter().find(|(word, _)| *word == text) {
        return Some(f64::from_bits(*bits));
    }
    parse_number(text).or_else(|| {
        let digits = text.strip_prefix("NaN(0x")?.strip_suffix(')')?;
        let bits = u64::from_str_radix(digits, 16).ok().filter(|_| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
        Some(f64::from_bits(bits)).filter(|v| v.is_nan())
    })
}

/// Writes a value so that [`parse_exact`] restores every bit: NaN values by word, or as `NaN(0x…)`.
pub fn push_exact(out: &mut String, v: f64) {
    let bits = v.to_bits();
    if !v.is_nan() {
        push_value(out, v);
    } else if let Some((word, _)) = NANS.iter().find(|(_, there)| *there == bits) {
        out.push_str(word);
    } else {
        // Writing into a string cannot fail.
        let _ = write!(out, "NaN(0x{bits:016x})");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_those_of_prometheus() {
        // Each was tried with Prometheus 2.42.
        for (text, expected) in [
            ("Infinity", f64::INFINITY),
            ("-Infinity", f64::NEG_INFINITY),
            ("+Infinity", f64::INFINITY),
            ("inf", f64::INFINITY),
            ("-inf", f64::NEG_INFINITY),
            ("INF", f64::INFINITY),
            ("iNfInItY", f64::INFINITY),
            ("1e5", 1e5),
            ("1E5", 1e5),
            (".5", 0.5),
            ("5.", 5.0),
            ("+1", 1.0),
            ("00012", 12.0),
            ("+.5e-3", 5e-4),
            ("1e-999", 0.0),
        ] {
            assert_eq!(parse_number(text), Some(expected), "{text}");
        }
        assert_eq!(parse_number("-0").map(f64::to_bits), Some((-0.0f64).to_bits()));
        for text in ["nan", "NAN", "NaN"] {
            assert!(parse_number(text).is_some_and(f64::is_nan), "{text}");
        }
        for text in [
            "",
            "+",
            "-",
            ".",
            "1e",
            "e5",
            "--1",
            "+nan",
            "-nan",
            "+-inf",
            "infinit",
            "infinityx",
            "0x10",
            "0x1p-2",
            "1_000",
            "1e999",
            "-1e999",
            "0b1",
            "1f",
            "１",
            "1 ",
            "StaleNaN",
            "NaN(0x7ff8000000000000)",
            "null",
        ] {
            assert_eq!(parse_number(text), None, "{text}");
        }
    }

    #[test]
    fn only_a_nan_is_written_by_its_bits() {
        for text in ["NaN(0x1)", "NaN(0x7ff0000000000000)", "NaN(0x+7ff8000000000000)", "NaN(0x)", "NaN(0x7ff80000000000000)", "stalenan"] {
            assert_eq!(parse_exact(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_bit_of_a_value_survives_its_text(bits: u64, payload in 1u64..1 << 52, sign: bool) {
            let nan = payload | 0x7ff0_0000_0000_0000 | u64::from(sign) << 63;
            for bits in [bits, nan, STALE_NAN_BITS, 0x7ff8_0000_0000_0001, f64::NAN.to_bits(), bits & 0x800f_ffff_ffff_ffff] {
                let mut text = String::new();
                push_exact(&mut text, f64::from_bits(bits));
                prop_assert_eq!(parse_exact(&text).map(f64::to_bits), Some(bits), "{}", text);
            }
        }
    }
}
