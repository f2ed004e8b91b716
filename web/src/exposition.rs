//! Own metrics as text: Prometheus' format 0.0.4, or OpenMetrics where that is accepted.

use std::fmt::Write;

use taskpulse_engine::metrics::{MetricType, describe};
use taskpulse_engine::model::{Labels, NAME_LABEL, format_value};

/// How metrics are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// `text/plain; version=0.0.4`
    Text,
    /// `application/openmetrics-text`, of this version.
    OpenMetrics(&'static str),
}

impl Format {
    /// The format that a client likes best, by its `Accept`: the highest `q`, of equal ones the first. Text where it names none, or
    /// none that is written here.
    pub(crate) fn accepted(accept: &str) -> Self {
        let mut best: Option<(f64, Self)> = None;
        for range in accept.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
            let (mut q, mut version) = (1.0, "");
            for (name, value) in parts.filter_map(|part| part.split_once('=')) {
                match name.trim().to_ascii_lowercase().as_str() {
                    "q" => q = value.trim().parse::<f64>().ok().filter(|q| (0.0..=1.0).contains(q)).unwrap_or(0.0),
                    "version" => version = value.trim().trim_matches('"'),
                    _ => {}
                }
            }
            let format = match (kind.as_str(), version) {
                ("application/openmetrics-text", "" | "1.0.0") => Self::OpenMetrics("1.0.0"),
                ("application/openmetrics-text", "0.0.1") => Self::OpenMetrics("0.0.1"),
                ("text/plain", "" | "0.0.4") => Self::Text,
                _ => continue,
            };
            if q > 0.0 && best.is_none_or(|(so_far, _)| q > so_far) {
                best = Some((q, format));
            }
        }
        best.map_or(Self::Text, |(_, format)| format)
    }

    pub(crate) fn content_type(self) -> String {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8".to_owned(),
            Self::OpenMetrics(version) => format!("application/openmetrics-text; version={version}; charset=utf-8"),
        }
    }

    /// Writes series with their values, those of one metric beside each other.
    pub(crate) fn write(self, mut series: Vec<(Labels, f64)>) -> String {
        series.sort_by(|a, b| a.0.name().cmp(b.0.name()));
        let mut out = String::with_capacity(16_384);
        let mut family = String::new();
        for (labels, v) in series {
            let name = labels.name();
            if name != family {
                family = name.to_owned();
                self.write_head(&mut out, name);
            }
            out.push_str(name);
            let mut open = false;
            for (label, value) in labels.iter().filter(|(label, _)| *label != NAME_LABEL) {
                out.push(if open { ',' } else { '{' });
                open = true;
                let _ = write!(out, "{label}=\"{}\"", escaped(value, true));
            }
            if open {
                out.push('}');
            }
            let _ = writeln!(out, " {}", format_value(v));
        }
        if matches!(self, Self::OpenMetrics(_)) {
            out.push_str("# EOF\n");
        }
        out
    }

    fn write_head(self, out: &mut String, name: &str) {
        let Some(metric) = describe(name) else { return };
        let kind = metric.kind.name();
        if self == Self::Text {
            let _ = write!(out, "# HELP {name} {}\n# TYPE {name} {kind}\n", escaped(metric.help, false));
            return;
        }
        // OpenMetrics names a counter's family without `_total`, its sample with it.
        let family = if metric.kind == MetricType::Counter { name.strip_suffix("_total").unwrap_or(name) } else { name };
        let _ = writeln!(out, "# TYPE {family} {kind}");
        if !metric.unit.is_empty() && family.strip_suffix(metric.unit).is_some_and(|rest| rest.ends_with('_')) {
            let _ = writeln!(out, "# UNIT {family} {}", metric.unit);
        }
        let _ = writeln!(out, "# HELP {family} {}", escaped(metric.help, true));
    }
}

/// Escaped text: quotes are escaped in values of labels, and in OpenMetrics' help texts.
fn escaped(text: &str, quotes: bool) -> String {
    let text = text.replace('\\', "\\\\").replace('\n', "\\n");
    if quotes { text.replace('"', "\\\"") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_the_one_that_is_liked_best() {
        const OPEN: Format = Format::OpenMetrics("1.0.0");
        let prometheus_2 = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        let prometheus_3 = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        let protobuf = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.7,application/openmetrics-text;version=1.0.0;q=0.6,text/plain;q=0.5";
        for (accept, format) in [
            ("", Format::Text),
            ("*/*", Format::Text),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Format::Text),
            ("text/plain", Format::Text),
            // vmagent, then Prometheus with `scrape_protocols: [PrometheusText0.0.4]`.
            ("text/plain;version=0.0.4;q=1,*/*;q=0.1", Format::Text),
            ("text/plain;version=0.0.4;q=0.5,*/*;q=0.2", Format::Text),
            (prometheus_2, OPEN),
            (prometheus_3, OPEN),
            (protobuf, OPEN),
            ("application/openmetrics-text", OPEN),
            ("APPLICATION/OpenMetrics-Text; Version=\"1.0.0\" ; Q=0.2", OPEN),
            ("application/openmetrics-text;version=0.0.1", Format::OpenMetrics("0.0.1")),
            ("application/openmetrics-text;version=2.0.0", Format::Text),
            ("application/openmetrics-text;q=0", Format::Text),
            ("application/openmetrics-text;q=x", Format::Text),
            ("application/openmetrics-text;q=0.5, text/plain;q=0.9", Format::Text),
            ("text/plain;q=0.5, application/openmetrics-text;q=0.9", OPEN),
            ("text/plain, application/openmetrics-text", Format::Text),
            (",;=,;q", Format::Text),
        ] {
            assert_eq!(Format::accepted(accept), format, "{accept}");
        }
    }

    #[test]
    fn each_format_has_its_own_names_help_and_escapes() {
        let series = || {
            vec![
                (Labels::metric("taskpulse_store_seal_seconds_total", &[]), 1.5),
                (Labels::metric("taskpulse_source_up", &[("source", "a\\b\"c\nd")]), 1.0),
                (Labels::metric("taskpulse_source_up", &[("source", "x")]), f64::NAN),
            ]
        };
        let samples = "taskpulse_source_up{source=\"a\\\\b\\\"c\\nd\"} 1\ntaskpulse_source_up{source=\"x\"} NaN\n";
        let text = Format::Text.write(series());
        assert!(text.contains(&format!("# TYPE taskpulse_source_up gauge\n{samples}")), "{text}");
        assert!(text.contains("# TYPE taskpulse_store_seal_seconds_total counter\ntaskpulse_store_seal_seconds_total 1.5\n"), "{text}");
        assert!(
            text.contains("# HELP taskpulse_store_seal_seconds_total ") && !text.contains("# EOF") && !text.contains("# UNIT"),
            "{text}"
        );
        let open = Format::OpenMetrics("1.0.0").write(series());
        assert!(open.contains(
            "# TYPE taskpulse_store_seal_seconds counter\n# UNIT taskpulse_store_seal_seconds seconds\n# HELP taskpulse_store_seal_seconds "
        ));
        assert!(open.contains(samples) && open.ends_with("taskpulse_store_seal_seconds_total 1.5\n# EOF\n"), "{open}");
        assert_eq!((escaped("a\"b\\c\nd", false), escaped("a\"b", true)), ("a\"b\\\\c\\nd".to_owned(), "a\\\"b".to_owned()));
    }
}
