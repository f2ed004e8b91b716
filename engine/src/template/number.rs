//! Numbers in templates: constants as Go reads them, and floats as Go writes them.

/// A constant of a template.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Constant {
    Int(i64),
    Float(f64),
}

/// Reads `1`, `-1.5e3`, `0x1F`, `1_000`. None: it is no number, or one that 64 bits do not hold.
pub(super) fn constant(text: &str) -> Option<Constant> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, body) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', b'o', ..] => (8, &lower[2..]),
        [b'0', b'0'..=b'9' | b'_', ..] if !lower.contains(['.', 'e']) => (8, &lower[1..]),
        _ => (10, &*lower),
    };
    let underscores = body.starts_with('_') && radix == 10 || body.ends_with('_') || body.contains("__");
    let plain = body.replace('_', "");
    if underscores || plain.is_empty() || plain.starts_with(['+', '-']) {
        return None;
    }
    if plain.chars().all(|c| c.is_digit(radix)) {
        let value = i128::from_str_radix(&plain, radix).ok()?;
        return i64::try_from(if negative { -value } else { value }).ok().map(Constant::Int);
    }
    // `inf` and `nan` are words.
    if radix != 10 || plain.contains(|c: char| !c.is_ascii_digit() && !".e+-".contains(c)) {
        return None;
    }
    let value: f64 = plain.parse().ok().filter(|v: &f64| v.is_finite())?;
    Some(Constant::Float(if negative { -value } else { value }))
}

/// Digits of a finite number and where its point is: 0.DIGITS × 10^point.
struct Decimal {
    digits: Vec<u8>,
    point: i32,
}

/// The shortest digits that read back as the number, or so many significant ones.
fn decimal(v: f64, significant: Option<usize>) -> Decimal {
    let text = match significant {
        Some(count) => format!("{:.*e}", count.max(1) - 1, v.abs()),
        None => format!("{:e}", v.abs()),
    };
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let mut digits: Vec<u8> = digits.bytes().filter(u8::is_ascii_digit).collect();
    let zeros = digits.iter().rev().take_while(|digit| **digit == b'0').count();
    digits.truncate(digits.len() - zeros);
    let point = if digits.is_empty() { 0 } else { exponent.parse::<i32>().unwrap_or(0) + 1 };
    Decimal { digits, point }
}

/// `NaN`, `+Inf` and `-Inf`, which Go writes without regard to the verb.
pub(super) fn not_finite(v: f64) -> Option<&'static str> {
    match v {
        v if v.is_nan() => Some("NaN"),
        f64::INFINITY => Some("+Inf"),
        f64::NEG_INFINITY => Some("-Inf"),
        _ => None,
    }
}

/// Go's `FormatFloat(v, 'g', precision, 64)`; none is the shortest that reads back.
pub(super) fn general(v: f64, precision: Option<usize>) -> String {
    general_padded(v, precision, false)
}

/// As [`general`]; `zeros` keeps trailing zeros, which is the flag `#`.
pub(super) fn general_padded(v: f64, precision: Option<usize>, zeros: bool) -> String {
    if let Some(text) = not_finite(v) {
        return text.to_owned();
    }
    let precision = precision.map(|count| count.max(1));
    let Decimal { digits, point } = decimal(v, precision);
    let count = digits.len() as i32;
    let width = if zeros { precision.unwrap_or(6) as i32 } else { count };
    let limit = match precision {
        None => 6,
        Some(precision) if precision as i32 > count && count >= point => count,
        Some(precision) => precision as i32,
    };
    let exponent = point - 1;
    if !digits.is_empty() && (exponent < -4 || exponent >= limit) {
        return scientific(v, Some((width - 1).max(0) as usize));
    }
    fixed(v, Some((width - point).max(0) as usize))
}

/// Go's `FormatFloat(v, 'f', precision, 64)`.
pub(super) fn fixed(v: f64, precision: Option<usize>) -> String {
    match (not_finite(v), precision) {
        (Some(text), _) => text.to_owned(),
        (None, Some(places)) => format!("{v:.places$}"),
        (None, None) => format!("{v}"),
    }
}

/// Go's `FormatFloat(v, 'e', precision, 64)`.
pub(super) fn scientific(v: f64, precision: Option<usize>) -> String {
    if let Some(text) = not_finite(v) {
        return text.to_owned();
    }
    let text = match precision {
        Some(places) => format!("{v:.places$e}"),
        None => format!("{v:e}"),
    };
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |digits| ('-', digits));
    format!("{digits}e{sign}{exponent:0>2}")
}
