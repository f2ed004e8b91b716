//! promtool's unit-test files.

use std::collections::BTreeMap;

use super::series::values;
use crate::model::{Labels, TimestampMs};
use crate::promql::syntax::parse_metric;
use crate::span::Span;
use crate::yaml::{self, Faults, Fields, Node, Place};

const FILE_KEYS: &[&str] = &["rule_files", "evaluation_interval", "group_eval_order", "tests", "fuzzy_compare"];
const TEST_KEYS: &[&str] =
    &["interval", "input_series", "alert_rule_test", "promql_expr_test", "external_labels", "external_url", "name", "start_timestamp"];

/// A unit-test file.
#[derive(Debug, Clone, Default)]
pub struct UnitTestFile {
    /// Patterns of rule files, relative to the file.
    pub rule_files: Vec<String>,
    /// Time between evaluations of all groups.
    pub interval: Span,
    /// The order in which groups are evaluated.
    pub group_order: Vec<String>,
    /// Whether values that differ by their last bit are equal.
    pub fuzzy: bool,
    /// Its tests.
    pub tests: Vec<UnitTest>,
}

/// Samples, and what rules and expressions make of them.
#[derive(Debug, Clone, Default)]
pub struct UnitTest {
    /// Its name.
    pub name: String,
    /// Time between samples.
    pub interval: Span,
    /// The time of the first sample and evaluation.
    pub start: TimestampMs,
    /// Labels and values of series.
    pub series: Vec<(Labels, Vec<Option<f64>>)>,
    /// `$externalLabels`
    pub external_labels: BTreeMap<String, String>,
    /// `$externalURL`
    pub external_url: String,
    /// Which alerts fire.
    pub alerts: Vec<AlertTest>,
    /// What expressions give.
    pub exprs: Vec<ExprTest>,
}

/// Which alerts of a name fire at a time.
#[derive(Debug, Clone)]
pub struct AlertTest {
    /// Where it stands in the file.
    pub place: Place,
    /// Time since the start.
    pub at: Span,
    /// The name of the alerts.
    pub name: String,
    /// Labels and annotations of each alert.
    pub expected: Vec<(BTreeMap<String, String>, BTreeMap<String, String>)>,
}

/// What an expression gives at a time.
#[derive(Debug, Clone)]
pub struct ExprTest {
    /// Where it stands in the file.
    pub place: Place,
    /// Time since the start.
    pub at: Span,
    /// The expression.
    pub expr: String,
    /// Labels and value of each result.
    pub expected: Vec<(Labels, f64)>,
}

/// Reads a unit-test file.
///
/// # Errors
/// [`Faults`] has all that is wrong.
pub fn parse(text: &str) -> Result<UnitTestFile, Faults> {
    let mut faults = Faults::default();
    let root = match yaml::parse(text) {
        Ok((root, _)) => root,
        Err(fault) => {
            faults.add(fault.place, fault.message);
            None
        }
    };
    let mut file = UnitTestFile { interval: Span::secs(60), ..UnitTestFile::default() };
    let Some(fields) = root.as_ref().and_then(|root| Fields::new(root, "a unit-test file", FILE_KEYS, &mut faults)) else {
        return faults.none_or(file);
    };
    file.rule_files = texts(&fields, "rule_files", &mut faults);
    file.group_order = texts(&fields, "group_eval_order", &mut faults);
    if let Some((repeated, _)) = file.group_order.iter().enumerate().find(|(at, name)| file.group_order[..*at].contains(name)) {
        let message = format!("group name repeated in evaluation order: {}", file.group_order[repeated]);
        faults.add(fields.place_of("group_eval_order"), message);
    }
    file.fuzzy = fields.truth("fuzzy_compare", &mut faults);
    file.interval = fields.duration("evaluation_interval", &mut faults).filter(|span| span.ms() > 0).unwrap_or(file.interval);
    for node in fields.list("tests", &mut faults) {
        file.tests.extend(test(node, file.interval, &mut faults));
    }
    faults.none_or(file)
}

fn texts(fields: &Fields<'_>, key: &str, faults: &mut Faults) -> Vec<String> {
    let mut texts = Vec::new();
    for node in fields.list(key, faults) {
        match node.text() {
            Some(text) => texts.push(text.to_owned()),
            None => faults.add(node.place, format!("an item of `{key}` should be a text")),
        }
    }
    texts
}

fn test(node: &Node, interval: Span, faults: &mut Faults) -> Option<UnitTest> {
    let fields = Fields::new(node, "a test", TEST_KEYS, faults)?;
    let external_labels = fields.texts("external_labels", faults).into_iter();
    let mut test = UnitTest {
        name: fields.text("name", faults).unwrap_or_default().to_owned(),
        interval: fields.duration("interval", faults).filter(|span| span.ms() > 0).unwrap_or(interval),
        start: fields.text("start_timestamp", faults).map_or(0, |text| timestamp(text, &fields, faults)),
        external_url: fields.text("external_url", faults).unwrap_or_default().to_owned(),
        external_labels: external_labels.map(|(name, (_, value))| (name.to_owned(), value.text().unwrap_or_default().to_owned())).collect(),
        ..UnitTest::default()
    };
    for node in fields.list("input_series", faults) {
        let Some(series) = Fields::new(node, "a series", &["series", "values"], faults) else { continue };
        let labels = metric(series.text("series", faults).unwrap_or_default(), series.place_of("series"), faults);
        match values(series.text("values", faults).unwrap_or_default()) {
            Ok(values) => test.series.push((labels, values)),
            Err(error) => faults.add(series.get("values").map_or(node.place, |node| node.place), error),
        }
    }
    for node in fields.list("alert_rule_test", faults) {
        test.alerts.extend(alert_test(node, faults));
    }
    for node in fields.list("promql_expr_test", faults) {
        test.exprs.extend(expr_test(node, faults));
    }
    Some(test)
}

/// A time as RFC 3339 or in seconds.
fn timestamp(text: &str, fields: &Fields<'_>, faults: &mut Faults) -> TimestampMs {
    let seconds = text.parse::<f64>().ok().filter(|seconds| seconds.abs() < 1e11).map(|seconds| (seconds * 1e3).round() as i64);
    match seconds.or_else(|| text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond)) {
        Some(time) => time,
        None => {
            let place = fields.get("start_timestamp").map_or(fields.place, |node| node.place);
            faults.add(place, "`start_timestamp` should be Unix seconds, or like 2026-01-31T12:00:00Z");
            0
        }
    }
}

fn metric(text: &str, place: Place, faults: &mut Faults) -> Labels {
    if text.trim().is_empty() {
        return Labels::none();
    }
    match parse_metric(text) {
        Ok(pairs) => Labels::of(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()),
        Err(error) => {
            faults.add(place, format!("no series: {error}"));
            Labels::none()
        }
    }
}

fn owned(texts: BTreeMap<&str, (&Node, &Node)>) -> BTreeMap<String, String> {
    texts.into_iter().map(|(name, (_, value))| (name.to_owned(), value.text().unwrap_or_default().to_owned())).collect()
}

fn alert_test(node: &Node, faults: &mut Faults) -> Option<AlertTest> {
    let fields = Fields::new(node, "an alert test", &["eval_time", "alertname", "exp_alerts"], faults)?;
    let at = fields.duration("eval_time", faults).unwrap_or(Span::secs(0));
    let name = fields.text("alertname", faults).unwrap_or_default().to_owned();
    if name.is_empty() {
        faults.add(node.place, "an item of `alert_rule_test` needs `alertname`");
    }
    let mut expected = Vec::new();
    for node in fields.list("exp_alerts", faults) {
        let Some(alert) = Fields::new(node, "an expected alert", &["exp_labels", "exp_annotations"], faults) else { continue };
        let mut labels = owned(alert.texts("exp_labels", faults));
        labels.insert("alertname".to_owned(), name.clone());
        expected.push((labels, owned(alert.texts("exp_annotations", faults))));
    }
    Some(AlertTest { place: node.place, at, name, expected })
}

fn expr_test(node: &Node, faults: &mut Faults) -> Option<ExprTest> {
    let fields = Fields::new(node, "an expression test", &["expr", "eval_time", "exp_samples"], faults)?;
    let at = fields.duration("eval_time", faults).unwrap_or(Span::secs(0));
    let expr = fields.text("expr", faults).unwrap_or_default().to_owned();
    let mut expected = Vec::new();
    for node in fields.list("exp_samples", faults) {
        let Some(sample) = Fields::new(node, "an expected sample", &["labels", "value", "histogram"], faults) else { continue };
        if sample.text("histogram", faults).is_some() {
            faults.add(sample.place_of("histogram"), "native histograms are not kept; expect the series of a classic one");
        }
        let labels = metric(sample.text("labels", faults).unwrap_or_default(), sample.place_of("labels"), faults);
        let value = sample.text("value", faults).map_or(Some(0.0), number);
        match value {
            Some(value) => expected.push((labels, value)),
            None => faults.add(sample.get("value").map_or(node.place, |node| node.place), "`value` should be a number, .inf or .nan"),
        }
    }
    Some(ExprTest { place: node.place, at, expr, expected })
}

/// A number as YAML has it.
fn number(text: &str) -> Option<f64> {
    match text {
        ".nan" | ".NaN" | ".NAN" => Some(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Some(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Some(f64::NEG_INFINITY),
        text if text.bytes().all(|b| b.is_ascii_digit() || b".eE+-_".contains(&b)) => text.replace('_', "").parse().ok(),
        _ => None,
    }
}
