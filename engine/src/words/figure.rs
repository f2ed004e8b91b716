//! Figures with their unit, and lengths of time, as people write them.

use jiff::Timestamp;

use crate::metrics;

/// Most significant digits of a figure: so many tell neighbours apart.
const MOST_DIGITS: usize = 7;

/// A value of a metric: `87 %`, `1.2 GiB`, `7 min 10 s`, `2026-11-30 08:00 UTC`, by the metric's unit or that in its name.
#[must_use]
pub fn figure(metric: &str, v: f64) -> String {
    with_digits(metric, v, 3)
}

/// An amount of money: `4.10 USD`; without a currency the figure alone.
#[must_use]
pub fn money(amount: f64, currency: Option<&str>) -> String {
    let text = if amount.abs() < 0.01 && amount != 0.0 { figure("", amount) } else { format!("{amount:.2}") };
    currency.map_or(text.clone(), |currency| format!("{text} {currency}"))
}

/// A value and a limit, with as many digits as it takes to tell them apart: never "80 %, above 80 %".
pub(super) fn figure_beside(metric: &str, v: f64, limit: f64) -> (String, String) {
    let limit_text = figure(metric, limit);
    let apart = (3..=MOST_DIGITS).map(|digits| with_digits(metric, v, digits)).find(|text| v == limit || *text != limit_text);
    (apart.unwrap_or_else(|| format!("{v}")), limit_text)
}

fn with_digits(metric: &str, v: f64, digits: usize) -> String {
    if v.is_nan() {
        return "no number".to_owned();
    }
    if v.is_infinite() {
        return if v > 0.0 { "infinite" } else { "minus infinite" }.to_owned();
    }
    let unit = unit_of(metric);
    match unit {
        Unit::Date => date(v),
        Unit::Ratio => format!("{} %", significant(v * 100.0, digits)),
        Unit::Bytes => bytes(v, digits),
        Unit::BytesPerSecond => format!("{}/s", bytes(v, digits)),
        Unit::Seconds => seconds(v, digits),
        Unit::Celsius => format!("{} °C", significant(v, digits)),
        Unit::Cores => cores(&significant(v, digits)),
        Unit::None => significant(v, digits),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Date,
    Ratio,
    Bytes,
    BytesPerSecond,
    Seconds,
    Celsius,
    Cores,
    None,
}

/// The unit of the table of metrics; of a metric of others, the one that its name ends in.
fn unit_of(metric: &str) -> Unit {
    if metric.ends_with("_timestamp_seconds")
        || metric.ends_with("_time_seconds") && metric.contains("start")
        || metric.ends_with("_cert_expiry")
    {
        return Unit::Date;
    }
    // The CPU of a process is of one core, that of the machine of all of them: a share would say two things.
    if matches!(metric, "process_cpu_utilization_ratio" | "process_children_cpu_utilization_ratio") {
        return Unit::Cores;
    }
    let known = metrics::describe(metric).map(|metric| metric.unit);
    let base = metric.strip_suffix("_total").unwrap_or(metric);
    let ends = |unit: &str| known.map_or_else(|| base.ends_with(&format!("_{unit}")), |known| known == unit);
    if ends("bytes_per_second") {
        Unit::BytesPerSecond
    } else if ends("bytes") {
        Unit::Bytes
    } else if ends("ratio") {
        Unit::Ratio
    } else if ends("seconds") {
        Unit::Seconds
    } else if ends("celsius") {
        Unit::Celsius
    } else {
        Unit::None
    }
}

/// `0.5 cores`, `1 core`.
pub(super) fn cores(figure: &str) -> String {
    format!("{figure} {}", if figure == "1" { "core" } else { "cores" })
}

pub(super) fn date(v: f64) -> String {
    // Infinite and far-away times are cut by the cast, and then refused.
    Timestamp::from_second(v as i64).map_or_else(|_| "beyond all dates".to_owned(), |at| at.strftime("%Y-%m-%d %H:%M UTC").to_string())
}

fn bytes(v: f64, digits: usize) -> String {
    let mut scaled = v;
    for unit in ["B", "KiB", "MiB", "GiB", "TiB"] {
        // 1,023.7 KiB would be rounded to four digits.
        if scaled.abs() < 999.5 {
            return format!("{} {unit}", significant(scaled, digits));
        }
        scaled /= 1024.0;
    }
    format!("{} PiB", significant(scaled, digits))
}

fn seconds(v: f64, digits: usize) -> String {
    let size = v.abs();
    let sign = if v < 0.0 { "-" } else { "" };
    if size == 0.0 {
        "0 s".to_owned()
    } else if size < 0.001 {
        format!("{} µs", significant(v * 1e6, digits))
    } else if size < 1.0 {
        format!("{} ms", significant(v * 1e3, digits))
    } else if size < 60.0 || digits > 3 {
        format!("{} s", significant(v, digits))
    } else {
        format!("{sign}{}", lasted((size * 1e3) as i64))
    }
}

/// So many of something: `1 task`, `3 tasks`.
pub fn counted<N: Copy + PartialEq + From<u8> + std::fmt::Display>(count: N, one: &str, many: &str) -> String {
    if count == N::from(1) { format!("1 {one}") } else { format!("{count} {many}") }
}

/// A length of time in its two largest parts: `4 min`, `1 h 10 min`, `3 d 4 h`.
#[must_use]
pub fn lasted(ms: i64) -> String {
    let s = (ms.max(0) + 500) / 1_000;
    let parts = [(s / 86_400, "d"), (s / 3_600 % 24, "h"), (s / 60 % 60, "min"), (s % 60, "s")];
    let Some(first) = parts.iter().position(|(n, _)| *n > 0) else { return "0 s".to_owned() };
    let two = parts[first..].iter().take(2).filter(|(n, _)| *n > 0);
    two.map(|(n, unit)| format!("{n} {unit}")).collect::<Vec<_>>().join(" ")
}

/// At most so many significant digits; whole numbers above them stay whole. Tiny and huge ones have an exponent.
fn significant(v: f64, digits: usize) -> String {
    let size = v.abs();
    if size != 0.0 && !(1e-9..1e15).contains(&size) {
        return format!("{v:.*e}", digits.saturating_sub(1));
    }
    let whole = if size == 0.0 { 0 } else { size.log10().floor() as i32 + 1 };
    let decimals = usize::try_from(i32::try_from(digits).unwrap_or(3) - whole).unwrap_or(0).min(14);
    let text = format!("{v:.decimals$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_as_people_write_them() {
        for (metric, v, text) in [
            ("a_ratio", 0.8712, "87.1 %"),
            ("a_ratio", 1.0, "100 %"),
            ("a_ratio", 0.0, "0 %"),
            ("a_bytes", 1.5 * 1024.0 * 1024.0 * 1024.0, "1.5 GiB"),
            ("a_bytes", 1023.9 * 1024.0, "1 MiB"),
            ("a_bytes_total", 12.0, "12 B"),
            ("a_bytes_per_second", 2048.0, "2 KiB/s"),
            ("a_seconds", 430.0, "7 min 10 s"),
            ("a_seconds", 0.212, "212 ms"),
            ("a_seconds", 0.000_012, "12 µs"),
            ("a_seconds", 12.34, "12.3 s"),
            ("a_seconds", -90.0, "-1 min 30 s"),
            ("a_timestamp_seconds", 1_796_025_600.0, "2026-11-30 08:00 UTC"),
            ("probe_ssl_earliest_cert_expiry", 1_796_025_600.0, "2026-11-30 08:00 UTC"),
            ("a_timestamp_seconds", 1e300, "beyond all dates"),
            ("system_temperature_celsius", 71.25, "71.2 °C"),
            ("a", 12345.6, "12346"),
            ("a", 0.000_001_2, "0.0000012"),
            ("a", 1.5e-12, "1.50e-12"),
            ("a", -0.000_000_000_000_1, "-1.00e-13"),
            ("a", f64::INFINITY, "infinite"),
            ("a", f64::NAN, "no number"),
        ] {
            assert_eq!(figure(metric, v), text, "{metric} {v}");
        }
    }

    #[test]
    fn a_value_never_reads_like_the_limit_that_it_passed() {
        for (metric, v, limit, texts) in [
            ("a_ratio", 0.800_04, 0.8, ("80.004 %", "80 %")),
            ("a_ratio", 0.87, 0.8, ("87 %", "80 %")),
            ("a", 0.0, 0.0, ("0", "0")),
            ("a_seconds", 60.02, 60.0, ("60.02 s", "1 min")),
            ("a", 80.000_000_000_1, 80.0, ("80.0000000001", "80")),
        ] {
            let found = figure_beside(metric, v, limit);
            assert_eq!((found.0.as_str(), found.1.as_str()), texts, "{metric} {v} {limit}");
        }
    }

    #[test]
    fn lengths_of_time_have_their_two_largest_parts() {
        for (ms, text) in [
            (0, "0 s"),
            (-5, "0 s"),
            (240_000, "4 min"),
            (4_200_000, "1 h 10 min"),
            (3_600_000, "1 h"),
            (273_660_000, "3 d 4 h"),
            (999, "1 s"),
        ] {
            assert_eq!(lasted(ms), text, "{ms}");
        }
    }
}
