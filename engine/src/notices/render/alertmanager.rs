//! Alerts as Alertmanager's API, version 2, takes them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::webhook::generator_url;
use crate::model::{TimestampMs, is_plain_name, rfc3339};
use crate::notices::{Notice, NoticeAlert};

/// Alerts of one request.
const MAX_ALERTS: usize = 256;

/// The bodies of the requests that bring a notice to an Alertmanager. A firing alert ends by itself after `holds_ms`, should this
/// service be gone by then.
#[must_use]
pub fn alertmanager(notice: &Notice, external_url: &str, now: TimestampMs, holds_ms: i64) -> Vec<Value> {
    let one = |alert: &NoticeAlert| {
        json!({
            "labels": labels(alert),
            "annotations": named(&alert.annotations),
            "startsAt": rfc3339(alert.starts_at),
            "endsAt": rfc3339(alert.ends_at.unwrap_or_else(|| now.saturating_add(holds_ms))),
            "generatorURL": generator_url(alert, external_url),
        })
    };
    notice.alerts.chunks(MAX_ALERTS).map(|alerts| alerts.iter().map(one).collect()).collect()
}

/// The labels, with its metric as Prometheus' own alerts would have it.
fn labels(alert: &NoticeAlert) -> BTreeMap<String, &str> {
    named(&alert.labels)
}

/// Names as every version of Alertmanager takes them; it refuses a whole request for one other name. Empty values mean no label.
fn named(pairs: &BTreeMap<String, String>) -> BTreeMap<String, &str> {
    let plain = |name: &str| {
        if is_plain_name(name, false) {
            return name.to_owned();
        }
        let mut plain: String = name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).collect();
        if plain.is_empty() || plain.starts_with(|c: char| c.is_ascii_digit()) {
            plain.insert(0, '_');
        }
        plain
    };
    pairs.iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| (plain(name), value.as_str())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notices::alert::tests::{ended, firing};

    #[test]
    fn alerts_end_by_themselves_and_have_names_that_are_taken() {
        let mut alert = firing("cpu", "a", 1_000);
        alert.labels.extend([("k8s.pod".to_owned(), "x".to_owned()), ("9".to_owned(), "y".to_owned()), ("none".to_owned(), String::new())]);
        let over = ended(&firing("cpu", "b", 0), 5_000);
        let body = alertmanager(&Notice::new("am", "g", BTreeMap::new(), 0, vec![alert, over]), "http://h", 10_000, 240_000);
        assert_eq!(body.len(), 1);
        assert_eq!(
            body[0],
            json!([
                {"labels": {"_9": "y", "alertname": "cpu", "instance": "a", "k8s_pod": "x", "severity": "warning"},
                 "annotations": {"summary": "cpu on a"}, "startsAt": "1970-01-01T00:00:01Z", "endsAt": "1970-01-01T00:04:10Z",
                 "generatorURL": "http://h/#/alerts/cpu-a"},
                {"labels": {"alertname": "cpu", "instance": "b", "severity": "warning"},
                 "annotations": {"summary": "cpu on b"}, "startsAt": "1970-01-01T00:00:00Z", "endsAt": "1970-01-01T00:00:05Z",
                 "generatorURL": "http://h/#/alerts/cpu-b"},
            ])
        );
    }
}
