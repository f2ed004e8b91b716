//! The texts of alerts: labels and annotations of a rule are templates, expanded for the series and the value of an alert.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Alert, Rule, RuleError};
use crate::model::{Labels, TimestampMs};
use crate::template::{self, Data, Expansion, Queries, Template};

/// Refuses a rule with a template that cannot be read.
///
/// # Errors
/// [`RuleError::Template`]
pub(super) fn check(rule: &str, key: &'static str, texts: &BTreeMap<String, String>) -> Result<(), RuleError> {
    for (name, text) in texts {
        if let Err(error) = Template::parse(text) {
            let (name, message) = (name.clone(), error.message);
            return Err(RuleError::Template { rule: rule.to_owned(), key, name, at: error.at, message });
        }
    }
    Ok(())
}

/// The labels that a rule adds to the alert of a series. Queries have no answer in labels: they would make its identity depend on
/// the time.
pub(super) fn labels(rule: &Rule, series: &Labels, value: f64) -> BTreeMap<String, String> {
    let mut refuse = |_: &str| Err("a label cannot depend on a query; use an annotation".to_owned());
    expanded(&rule.labels, rule, series, value, 0, &mut refuse)
}

/// The annotations of an alert of a rule, expanded.
pub fn annotations(rule: &Rule, alert: &Alert, now: TimestampMs, queries: Queries<'_>) -> BTreeMap<String, String> {
    expanded(&rule.spec.annotations, rule, &alert.metric, alert.value, now, queries)
}

fn expanded(
    texts: &BTreeMap<String, String>,
    rule: &Rule,
    series: &Labels,
    value: f64,
    now: TimestampMs,
    queries: Queries<'_>,
) -> BTreeMap<String, String> {
    if texts.values().all(|text| !text.contains("{{")) {
        return texts.clone();
    }
    let labels = Arc::new(series.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect());
    let data = Data { labels, value, ..Data::default() };
    let name = format!("__alert_{}", rule.name);
    let expand = |(key, text): (&String, &String)| {
        let text = match Template::parse(text) {
            Ok(template) => template.expand_or_error(Expansion { name: &name, data: data.clone(), now, queries: &mut *queries }),
            // Rules are checked when they are read.
            Err(error) => template::failed(error),
        };
        (key.clone(), text)
    };
    texts.iter().map(expand).collect()
}
