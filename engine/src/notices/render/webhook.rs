//! The body of Alertmanager's webhooks, version 4.

use crate::model::rfc3339;
use serde_json::{Value, json};

use crate::notices::{Notice, NoticeAlert};

/// The end of an alert that has none, as Go writes the zero time.
const NO_END: &str = "0001-01-01T00:00:00Z";

/// The body; `external_url` is where the service is reached.
#[must_use]
pub fn webhook(notice: &Notice, external_url: &str) -> Value {
    json!({
        "version": "4",
        "groupKey": notice.group,
        "truncatedAlerts": notice.more,
        "status": notice.status(),
        "receiver": notice.channel,
        "groupLabels": notice.labels,
        "commonLabels": notice.common(|alert| &alert.labels),
        "commonAnnotations": notice.common(|alert| &alert.annotations),
        "externalURL": external_url,
        "alerts": notice.alerts.iter().map(|alert| one(alert, external_url)).collect::<Vec<_>>(),
    })
}

fn one(alert: &NoticeAlert, external_url: &str) -> Value {
    json!({
        "status": if alert.is_over() { "resolved" } else { "firing" },
        "labels": alert.labels,
        "annotations": alert.annotations,
        "startsAt": rfc3339(alert.starts_at),
        "endsAt": alert.ends_at.map_or_else(|| NO_END.to_owned(), rfc3339),
        "generatorURL": generator_url(alert, external_url),
        "fingerprint": alert.id,
    })
}

/// Where the dashboard shows the alert.
#[must_use]
pub fn generator_url(alert: &NoticeAlert, external_url: &str) -> String {
    format!("{}/#/alerts/{}", external_url.trim_end_matches('/'), alert.id)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::notices::alert::tests::{ended, firing};

    #[test]
    fn the_body_is_that_of_alertmanager() {
        let (a, b) = (firing("cpu", "a", 1_000), ended(&firing("cpu", "b", 2_000), 5_500));
        let group = BTreeMap::from([("alertname".to_owned(), "cpu".to_owned())]);
        let body = webhook(&Notice::new("ops", "ops/1", group, 9, vec![a, b]), "http://host:8090/");
        assert_eq!(
            body,
            json!({
                "version": "4", "groupKey": "ops/1", "truncatedAlerts": 0, "status": "firing", "receiver": "ops",
                "groupLabels": {"alertname": "cpu"}, "commonLabels": {"alertname": "cpu", "severity": "warning"},
                "commonAnnotations": {}, "externalURL": "http://host:8090/",
                "alerts": [
                    {"status": "firing", "labels": {"alertname": "cpu", "instance": "a", "severity": "warning"},
                     "annotations": {"summary": "cpu on a"}, "startsAt": "1970-01-01T00:00:01Z", "endsAt": "0001-01-01T00:00:00Z",
                     "generatorURL": "http://host:8090/#/alerts/cpu-a", "fingerprint": "cpu-a"},
                    {"status": "resolved", "labels": {"alertname": "cpu", "instance": "b", "severity": "warning"},
                     "annotations": {"summary": "cpu on b"}, "startsAt": "1970-01-01T00:00:02Z", "endsAt": "1970-01-01T00:00:05.5Z",
                     "generatorURL": "http://host:8090/#/alerts/cpu-b", "fingerprint": "cpu-b"},
                ],
            })
        );
    }
}
