//! Names and units by the OpenTelemetry-to-Prometheus rules.
//!
//! The compatibility specification, in the way in which Prometheus' own receiver reads it
//! (`UnderscoreEscapingWithSuffixes`): words of the name joined by underscores, then the unit in full, then `_total` or
//! `_ratio`. What is only annotated (`{request}`) is no unit.

/// What decides on the suffix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MetricType {
    Counter,
    Gauge,
    /// Sums that fall too, histograms, summaries.
    Other,
}

/// Units of UCUM that have a name in Prometheus; others stay as they are written.
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

/// The same after a stroke, where they stand in the singular.
const PER_UNITS: [(&str, &str); 7] =
    [("s", "second"), ("m", "minute"), ("h", "hour"), ("d", "day"), ("w", "week"), ("mo", "month"), ("y", "year")];

fn is_letter(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == ':'
}

/// The unit without what is annotated, before and after the stroke.
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

/// The unit as Prometheus writes it, empty where there is none: `seconds`, `bytes_per_second`.
pub(super) fn unit_name(unit: &str) -> String {
    let (main, per) = suffixes(unit);
    if main.is_empty() || per.is_empty() { format!("{main}{per}") } else { format!("{main}_{per}") }
}

fn suffixes(unit: &str) -> (String, String) {
    let (main, per) = parts(unit);
    let per = spelt(&per, &PER_UNITS);
    (spelt(&main, &UNITS), if per.is_empty() { per } else { format!("per_{per}") })
}

/// The metric's name; empty where nothing of it can stand in one.
pub(super) fn metric_name(name: &str, unit: &str, kind: MetricType) -> String {
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
        MetricType::Counter => Some("total"),
        // A counter of unit 1 counts things; only a gauge is a ratio.
        MetricType::Gauge if unit == "1" => Some("ratio"),
        MetricType::Gauge | MetricType::Other => None,
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

/// The label of an attribute; empty where the key is.
pub(super) fn label_name(key: &str) -> String {
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn metrics_are_named_by_the_rules() {
        use MetricType::{Counter, Gauge, Other};
        for (name, unit, kind, expected) in [
            ("claude_code.token.usage", "tokens", Counter, "claude_code_token_usage_tokens_total"),
            ("claude_code.cost.usage", "USD", Counter, "claude_code_cost_usage_USD_total"),
            ("claude_code.active_time.total", "s", Counter, "claude_code_active_time_seconds_total"),
            ("claude_code.session.count", "", Counter, "claude_code_session_count_total"),
            ("http.server.request.duration", "s", Other, "http_server_request_duration_seconds"),
            ("system.filesystem.usage", "By", Other, "system_filesystem_usage_bytes"),
            ("system.network.io", "By", Counter, "system_network_io_bytes_total"),
            ("system.network.dropped", "{packets}", Counter, "system_network_dropped_total"),
            ("system.network.dropped", "packets", Counter, "system_network_dropped_packets_total"),
            ("system.memory.utilization", "1", Gauge, "system_memory_utilization_ratio"),
            ("things", "1", Counter, "things_total"),
            ("things", "1", Other, "things"),
            ("ratio.of.x", "1", Gauge, "of_x_ratio"),
            ("astro.light.speed", "m/s", Gauge, "astro_light_speed_meters_per_second"),
            ("requests", "{request}/s", Gauge, "requests_per_second"),
            ("requests.per.second", "1/s", Gauge, "requests_per_second"),
            ("disk.speed", "MiBy/min", Gauge, "disk_speed_mebibytes_per_min"),
            ("latency_milliseconds", "ms", Other, "latency_milliseconds"),
            ("latency", "ms", Other, "latency_milliseconds"),
            ("cpu", "%", Gauge, "cpu_percent"),
            ("room", "By{free}", Gauge, "room_bytes"),
            ("(lambda).function.executions(#)", "", Other, "lambda_function_executions"),
            ("__a__b__", "", Other, "a_b"),
            ("2xx.count", "", Counter, "_2xx_count_total"),
            ("größe", "", Gauge, "gr_e"),
            ("total", "", Counter, "total"),
            ("a:b", "", Gauge, "a:b"),
            ("…", "s", Gauge, ""),
            ("", "s", Gauge, ""),
            ("odd", "°!/!", Gauge, "odd"),
            ("torque", "N.m", Gauge, "torque_N_m"),
        ] {
            assert_eq!(metric_name(name, unit, kind), expected, "{name} {unit} {kind:?}");
        }
    }

    #[test]
    fn units_are_spelt_out() {
        for (unit, expected) in [
            ("", ""),
            ("1", ""),
            ("s", "seconds"),
            ("By", "bytes"),
            ("By/s", "bytes_per_second"),
            ("{a}/h", "per_hour"),
            ("1/d", "per_day"),
            ("{x", ""),
            ("tokens", "tokens"),
        ] {
            assert_eq!(unit_name(unit), expected, "{unit}");
        }
    }

    #[test]
    fn labels_are_named_by_the_rules() {
        for (key, expected) in [
            ("http.request.method", "http_request_method"),
            ("a..b--c", "a_b_c"),
            ("__name__", "_name_"),
            ("1st", "key_1st"),
            ("_private", "_private"),
            ("ключ", "_"),
            ("", ""),
        ] {
            assert_eq!(label_name(key), expected, "{key}");
        }
    }

    proptest! {
        #[test]
        fn every_name_is_one_or_empty(name in ".{0,40}", unit in ".{0,12}") {
            for kind in [MetricType::Counter, MetricType::Gauge, MetricType::Other] {
                let made = metric_name(&name, &unit, kind);
                prop_assert!(made.chars().all(|c| is_letter(c) || c == '_') && !made.starts_with(|c: char| c.is_ascii_digit()), "{made}");
            }
            let label = label_name(&name);
            prop_assert!(label.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !label.contains("__"), "{label}");
        }
    }
}
