//! Metric names and units by the OpenTelemetry-to-Prometheus rules.
//!
//! Follows the compatibility specification as implemented by Prometheus' receiver (`UnderscoreEscapingWithSuffixes`): words of the
//! name joined by underscores, then the unit in full, then `_total` or `_ratio`. Annotations such as `{request}` are not units.

/// Selects the suffix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InstrumentKind {
    Counter,
    Gauge,
    /// Sums that may fall, histograms, summaries.
    Other,
}

/// UCUM units with a name in Prometheus; others are kept as written.
const UNITS: [(&str, &str); 25] = [
    ("d", "days"),
    ("h", "hours"),
    ("min", "minutes"),
    ("s", "seconds"),
    ("ms", "milliseconds"),
    ("us", "microseconds"),
    ("ns", "nanoseconds"),
    ("By", "bytes"),
    ("KiBy", "kibibytes"),
    ("MiBy", "mebibytes"),
    ("GiBy", "gibibytes"),
    ("TiBy", "tebibytes"),
    ("kBy", "kilobytes"),
    ("KBy", "kilobytes"),
    ("MBy", "megabytes"),
    ("GBy", "gigabytes"),
    ("TBy", "terabytes"),
    ("m", "meters"),
    ("V", "volts"),
    ("A", "amperes"),
    ("J", "joules"),
    ("W", "watts"),
    ("g", "grams"),
    ("Cel", "celsius"),
    ("Hz", "hertz"),
];

/// The same after a slash, in the singular.
const PER_UNITS: [(&str, &str); 7] =
    [("s", "second"), ("m", "minute"), ("h", "hour"), ("d", "day"), ("w", "week"), ("mo", "month"), ("y", "year")];

fn is_letter(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == ':'
}

/// The unit without annotations, before and after the slash.
fn parts(unit: &str) -> (String, String) {
    let mut depth = 0usize;
    let bare: String = unit
        .chars()
        .filter(|c| match c {
            '{' => {
                depth += 1;
                false
            }
            '}' => {
                depth = depth.saturating_sub(1);
                false
            }
            _ => depth == 0,
        })
        .collect();
    let (main, per) = bare.split_once('/').unwrap_or((&bare, ""));
    (main.trim().to_owned(), per.trim().to_owned())
}

fn spelt(part: &str, table: &[(&str, &str)]) -> String {
    let known = table.iter().find(|(short, _)| *short == part).map(|(_, long)| *long);
    let text = match part {
        "1" => "",
        "%" => "percent",
        other => known.unwrap_or(other),
    };
    text.split(|c| !is_letter(c)).filter(|word| !word.is_empty()).collect::<Vec<_>>().join("_")
}

/// The unit as Prometheus writes it, empty if there is none: `seconds`, `bytes_per_second`.
pub(super) fn unit_name(unit: &str) -> String {
    let (main, per) = suffixes(unit);
    if main.is_empty() || per.is_empty() { format!("{main}{per}") } else { format!("{main}_{per}") }
}

fn suffixes(unit: &str) -> (String, String) {
    let (main, per) = parts(unit);
    let per = spelt(&per, &PER_UNITS);
    (spelt(&main, &UNITS), if per.is_empty() { per } else { format!("per_{per}") })
}

/// The Prometheus name; empty if no character of it is allowed.
pub(super) fn metric_name(name: &str, unit: &str, kind: InstrumentKind) -> String {
    let mut words: Vec<String> = name.split(|c| !is_letter(c)).filter(|word| !word.is_empty()).map(str::to_owned).collect();
    if words.is_empty() {
        return String::new();
    }
    let (main, per) = suffixes(unit);
    for suffix in [main, per] {
        let said: Vec<&str> = suffix.split('_').filter(|word| !word.is_empty()).collect();
        if !said.is_empty() && !words.windows(said.len()).any(|there| there == said) {
            words.extend(said.into_iter().map(str::to_owned));
        }
    }
    let ending = match kind {
        InstrumentKind::Counter => Some("total"),
        // A counter of unit 1 counts things; only a gauge can be a ratio.
        InstrumentKind::Gauge if unit == "1" => Some("ratio"),
        InstrumentKind::Gauge | InstrumentKind::Other => None,
    };
    if let Some(ending) = ending {
        words.retain(|word| word != ending);
        words.push(ending.to_owned());
    }
    let mut out = words.join("_");
    if out.starts_with(|c: char| c.is_ascii_digit()) {
        out.insert(0, '_');
    }
    out
}

/// The label of an attribute; empty for an empty key.
pub(crate) fn label_name(key: &str) -> String {
    let mut out = String::with_capacity(key.len());
    for c in key.chars() {
        if c.is_ascii_alphanumeric() {
            out.push(c);
        } else if !out.ends_with('_') {
            out.push('_');
        }
    }
    if out.starts_with(|c: char| c.is_ascii_digit()) {
        out.insert_str(0, "key_");
    }
    out
}

#[cfg(test)]
mod tests;
