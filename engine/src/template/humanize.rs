//! Numbers for readers, as Prometheus writes them.

use super::number::general;

const SMALL: [&str; 8] = ["m", "u", "n", "p", "f", "a", "z", "y"];

/// Four significant digits.
fn four(v: f64) -> String {
    general(v, Some(4))
}

/// A number below 1 as thousandths, millionths and so on.
fn small(mut v: f64) -> (f64, &'static str) {
    let mut prefix = "";
    for next in SMALL {
        if v.abs() >= 1.0 {
            break;
        }
        prefix = next;
        v *= 1_000.0;
    }
    (v, prefix)
}

fn large(mut v: f64, step: f64, prefixes: [&'static str; 8]) -> String {
    let mut prefix = "";
    for next in prefixes {
        if v.abs() < step {
            break;
        }
        prefix = next;
        v /= step;
    }
    format!("{}{prefix}", four(v))
}

/// With metric prefixes: `1.235M`.
pub(super) fn decimal(v: f64) -> String {
    if v == 0.0 || !v.is_finite() {
        return four(v);
    }
    if v.abs() >= 1.0 {
        return large(v, 1_000.0, ["k", "M", "G", "T", "P", "E", "Z", "Y"]);
    }
    let (v, prefix) = small(v);
    format!("{}{prefix}", four(v))
}

/// With prefixes of 1024: `1.205Mi`.
pub(super) fn binary(v: f64) -> String {
    if v.abs() <= 1.0 || !v.is_finite() {
        return four(v);
    }
    large(v, 1_024.0, ["ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"])
}

/// Seconds as `1d 2h 3m 4s`, `56.78s`, `9.1ms`.
pub(super) fn duration(v: f64) -> String {
    if !v.is_finite() {
        return four(v);
    }
    if v == 0.0 {
        return format!("{}s", four(v));
    }
    if v.abs() < 1.0 {
        let (v, prefix) = small(v);
        return format!("{}{prefix}s", four(v));
    }
    let (sign, size) = (if v < 0.0 { "-" } else { "" }, v.abs());
    // Go's conversion of what 64 bits do not hold gives the smallest number.
    let whole = if size < 9_223_372_036_854_775_808.0 { size as i64 } else { i64::MIN };
    let (seconds, minutes, hours, days) = (whole % 60, whole / 60 % 60, whole / 3_600 % 24, whole / 86_400);
    if days != 0 {
        return format!("{sign}{days}d {hours}h {minutes}m {seconds}s");
    }
    if hours != 0 {
        return format!("{sign}{hours}h {minutes}m {seconds}s");
    }
    if minutes != 0 {
        return format!("{sign}{minutes}m {seconds}s");
    }
    format!("{sign}{}s", four(size))
}

/// A ratio as percent.
pub(super) fn percentage(v: f64) -> String {
    format!("{}%", four(v * 100.0))
}

/// A time in nanoseconds of seconds since 1970. None: it is no number.
pub(super) fn time(v: f64) -> Result<Option<i64>, String> {
    if !v.is_finite() {
        return Ok(None);
    }
    let nanos = v * 1e9;
    if nanos.abs() > 9_223_372_036_854_775_807.0 {
        return Err(format!("{} cannot be represented as a nanoseconds timestamp since it overflows int64", general(v, None)));
    }
    Ok(Some(nanos as i64))
}
