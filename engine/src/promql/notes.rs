//! Warnings and infos of an answer, in Prometheus' words (prometheus/prometheus, util/annotations).
//!
//! Numbers and names are printed as Go prints them, so that the texts are equal to the letter.

use super::error::EvalError;
use super::eval::Evaluator;
use super::syntax::TextRange;
use super::value::is_absent;
use crate::model::{Labels, go_quoted};

/// How the names of counters end.
const OF_COUNTERS: [&str; 4] = ["_total", "_sum", "_count", "_bucket"];

/// A number as Go prints it with `%g`.
pub(super) fn number(v: f64) -> String {
    if v.is_nan() {
        return "NaN".to_owned();
    }
    if v.is_infinite() {
        return if v > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{v:e}");
    let Some((digits, exponent)) = scientific.split_once('e') else { return scientific };
    match exponent.parse::<i32>() {
        Ok(exponent) if !(-4..6).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.abs())
        }
        _ => format!("{v}"),
    }
}

/// A number as Go prints it with `%f`.
pub(super) fn fixed(v: f64) -> String {
    if v.is_finite() { format!("{v:.6}") } else { number(v) }
}

/// A number as a label of OpenMetrics: whole numbers have a point too.
pub(super) fn label_number(v: f64) -> String {
    let text = number(v);
    if v.is_finite() && !text.contains(['.', 'e']) { format!("{text}.0") } else { text }
}

fn for_metric(name: &str) -> String {
    if name.is_empty() { String::new() } else { format!(" for metric name {}", go_quoted(name)) }
}

/// Warns of a quantile that is out of range.
pub(super) fn check_quantile(ev: &Evaluator<'_>, about: TextRange, q: f64) -> Result<(), EvalError> {
    if (0.0..=1.0).contains(&q) {
        return Ok(());
    }
    ev.note(about, format!("PromQL warning: quantile value should be between 0 and 1, got {}", number(q)))
}

/// Warns of a ratio that is taken as 1 or -1.
pub(super) fn capped_ratio(ev: &Evaluator<'_>, about: TextRange, ratio: f64, to: f64) -> Result<(), EvalError> {
    ev.note(about, format!("PromQL warning: ratio value should be between -1 and 1, got {}, capping to {}", number(ratio), number(to)))
}

/// Warns of a bucket whose upper bound is not a number.
pub(super) fn bad_bucket(ev: &Evaluator<'_>, about: TextRange, metric: &str, bound: &str) -> Result<(), EvalError> {
    let (bound, metric) = (go_quoted(bound), for_metric(metric));
    ev.note(about, format!("PromQL warning: bucket label \"le\" is missing or has a malformed value of {bound}{metric}"))
}

/// Reports buckets that were less than lower ones.
pub(super) fn lifted_buckets(ev: &Evaluator<'_>, about: TextRange, metric: &str) -> Result<(), EvalError> {
    ev.note(
        about,
        format!(
            "PromQL info: input to histogram_quantile needed to be fixed for monotonicity \
         (see https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile){}",
            for_metric(metric)
        ),
    )
}

/// Reports a metric that is not named like a counter, if a function of counters has a value for it.
pub(super) fn check_counter(ev: &Evaluator<'_>, about: TextRange, labels: &Labels, values: &[f64]) -> Result<(), EvalError> {
    let metric = labels.name();
    if metric.is_empty() || OF_COUNTERS.iter().any(|suffix| metric.ends_with(suffix)) || values.iter().all(|v| is_absent(*v)) {
        return Ok(());
    }
    let metric = go_quoted(metric);
    ev.note(about, format!("PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: {metric}"))
}

/// Reports an operator that has no meaning for two floats.
pub(super) fn incompatible_floats(ev: &Evaluator<'_>, about: TextRange, op: &str) -> Result<(), EvalError> {
    let quoted = go_quoted(op);
    ev.note(about, format!("PromQL info: incompatible sample types encountered for binary operator {quoted}: float {op} float"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_printed_as_go_does() {
        for (v, text) in [
            (1.1, "1.1"),
            (-2.0, "-2"),
            (1e6, "1e+06"),
            (123_456.0, "123456"),
            (12_345_678.0, "1.2345678e+07"),
            (0.000_1, "0.0001"),
            (0.000_01, "1e-05"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert_eq!(number(v), text);
        }
        assert_eq!((label_number(1.0), label_number(0.5), label_number(f64::INFINITY)), ("1.0".into(), "0.5".into(), "+Inf".into()));
    }
}
