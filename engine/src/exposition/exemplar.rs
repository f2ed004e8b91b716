//! Exemplars of OpenMetrics: `# {trace_id="0af7…"} 0.67 1520879607.789` behind a sample.

use super::series::series_end;
use super::{Format, parse_labels, parse_number, skip_blanks, time, word};
use crate::exemplar::{Exemplar, Fault};
use crate::model::TimestampMs;

/// Reads the exemplar of a line; one without a time of its own has that of the sample.
///
/// # Errors
/// The [`Fault`] that keeps it from being one.
pub fn parse_exemplar(text: &str, sample_time: TimestampMs) -> Result<Exemplar, Fault> {
    let text = skip_blanks(text);
    let inner = text.strip_prefix('{').ok_or(Fault::Malformed)?;
    let (labels, rest) = inner.split_at(series_end(text).map_err(|_| Fault::Malformed)? - 1);
    let (value, rest) = word(rest);
    let (at, rest) = word(rest);
    if !skip_blanks(rest).is_empty() {
        return Err(Fault::Malformed);
    }
    let value = parse_number(value).ok_or(Fault::Malformed)?;
    let t = if at.is_empty() { sample_time } else { time(at, Format::OpenMetrics).ok_or(Fault::Malformed)? };
    // With a name they are the labels of a series.
    let series = format!("exemplar{{{labels}");
    let pairs = parse_labels(&series).map_err(|_| Fault::Malformed)?;
    Exemplar::new(pairs.iter().skip(1).map(|(name, value)| (name.as_ref(), value.as_ref())), t, value)
}

#[cfg(test)]
mod tests {
    use super::super::{Line, lines};
    use super::*;

    #[test]
    fn exemplars_are_read_as_openmetrics_defines_them() {
        let of = |labels: &[(&str, &str)], t, v| Exemplar::new(labels.iter().copied(), t, v);
        let long = format!("{{t=\"{}\"}} 1", "x".repeat(128));
        for (text, expected) in [
            (" {trace_id=\"KOO5S4vxi0o\"} 0.67", of(&[("trace_id", "KOO5S4vxi0o")], 5, 0.67)),
            (" {trace_id=\"a\"} 9.8 1520879607.789", of(&[("trace_id", "a")], 1_520_879_607_789, 9.8)),
            ("{} 1", of(&[], 5, 1.0)),
            (" { a=\"1\" , b=\"}\\\"\" }\t-Inf  7 ", of(&[("a", "1"), ("b", "}\"")], 7_000, f64::NEG_INFINITY)),
            ("{\"k8s.pod\"=\"x\"} 1", of(&[("k8s.pod", "x")], 5, 1.0)),
            (&long, Err(Fault::TooLong)),
            ("{a=\"1\"} NaN", Err(Fault::NotANumber)),
            ("{a=\"1\",a=\"2\"} 1", Err(Fault::Malformed)),
            ("{\"alone\"} 1", Err(Fault::Malformed)),
            ("{__name__=\"x\"} 1", Err(Fault::Malformed)),
            ("{a=\"1\"}", Err(Fault::Malformed)),
            ("{a=\"1\"} x", Err(Fault::Malformed)),
            ("{a=\"1\"} 1 x", Err(Fault::Malformed)),
            ("{a=\"1\"} 1 2 3", Err(Fault::Malformed)),
            ("{a=\"1\" 1", Err(Fault::Malformed)),
            ("a 1", Err(Fault::Malformed)),
            ("", Err(Fault::Malformed)),
        ] {
            assert_eq!(parse_exemplar(text, 5), expected, "{text}");
        }
    }

    #[test]
    fn a_line_has_its_exemplar_in_openmetrics_alone() {
        let text = "a_bucket{le=\"1\"} 3 # {t=\"x\"} 0.5\nb_total 3 17.5 # {} 1 2\nc 1\nd 1 2 #\n# EOF\n";
        let exemplars = |format: Format| -> Vec<Option<String>> {
            let lines = lines(text, format).map(|line| match line.unwrap() {
                Line::Sample { exemplar, .. } => exemplar.map(str::to_owned),
                other => panic!("{other:?}"),
            });
            lines.collect()
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(exemplars(Format::OpenMetrics), [some(" {t=\"x\"} 0.5"), some(" {} 1 2"), None, some("")]);
        let plain = text.replace("17.5", "17");
        assert!(lines(&plain, Format::Prometheus).all(|line| matches!(line, Ok(Line::Sample { exemplar: None, .. }))));
    }
}
