use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use taskpulse_engine::model::Labels;
use taskpulse_engine::rules;
use taskpulse_engine::windows::{Level, WindowRow};
use taskpulse_engine::{advice, event, health};
use utoipa::ToSchema;
use utoipa::openapi::{RefOr, Schema};

use super::*;

fn kept_alert() -> rules::Alert {
    rules::Alert {
        id: "3f2a".to_owned(),
        rule: "high_cpu_usage".to_owned(),
        key: "high_cpu_usage".to_owned(),
        group: "taskpulse".to_owned(),
        expr: "system_cpu_utilization_ratio > 0.8".to_owned(),
        labels: BTreeMap::from([("severity".to_owned(), "warning".to_owned())]),
        annotations: BTreeMap::new(),
        remediation: vec!["see what runs".to_owned()],
        keep_firing_since: None,
        unknown_since: None,
        recent: 0,
        severity: rules::Severity::Warning,
        state: rules::AlertState::Firing,
        metric: Labels::metric("system_cpu_utilization_ratio", &[("cpu", "0")]),
        value: f64::INFINITY,
        op: Some(">".to_owned()),
        threshold: Some(0.8),
        hold_ms: 60_000,
        cooldown_ms: 300_000,
        pending_since: 1_764_000_000_500,
        firing_since: Some(1_764_000_060_000),
        resolved_at: None,
        last_sample: 1_764_000_065_000,
        summary: "CPU 87 %, above 80 %".to_owned(),
        acked_at: None,
        note: None,
        reason: None,
        busiest: vec!["cargo (3 processes) 61 %".to_owned()],
    }
}

fn kept_recommendation() -> advice::Recommendation {
    let evidence = |low| advice::Evidence { name: "slope".to_owned(), value: 0.62, low, high: None, unit: "ratio".to_owned() };
    advice::Recommendation {
        id: "cpu_saturated".to_owned(),
        kind: "cpu".to_owned(),
        title: "The CPU is the bottleneck".to_owned(),
        why: "it is busy".to_owned(),
        action: "add cores".to_owned(),
        severity: rules::Severity::Warning,
        status: advice::Status::Open,
        created: 1_764_000_000_000,
        updated: 1_764_000_000_000,
        evidence: vec![evidence(None), evidence(Some(f64::NAN))],
        query: "system_cpu_utilization_ratio".to_owned(),
        start: 1_763_996_400_000,
        end: 1_764_000_000_000,
    }
}

fn json_of(view: impl serde::Serialize) -> Value {
    serde_json::to_value(view).unwrap()
}

#[test]
fn an_alert_has_the_documented_shape() {
    let alert = Alert::from(&kept_alert());
    let mut wanted = json!({
        "id": "3f2a", "rule": "high_cpu_usage", "severity": "warning", "state": "firing",
        "metric": {"__name__": "system_cpu_utilization_ratio", "cpu": "0"}, "value": null, "op": ">", "threshold": 0.8,
        "for_seconds": 60.0, "cooldown_seconds": 300.0, "pending_since": 1_764_000_000.5, "firing_since": 1_764_000_060.0,
        "resolved_at": null, "last_sample": 1_764_000_065.0, "summary": "CPU 87 %, above 80 %", "acked_at": null, "note": null, "reason": null,
        "busiest": ["cargo (3 processes) 61 %"], "unknown_since": null, "group": "taskpulse", "remediation": ["see what runs"],
        "labels": {"alertname": "high_cpu_usage", "severity": "warning", "cpu": "0"}, "annotations": {"summary": "CPU 87 %, above 80 %"},
    });
    assert_eq!(json_of(&alert), wanted);
    // As Prometheus shows it, values are text, which has a word for infinity.
    wanted["value"] = json!("+Inf");
    wanted["activeAt"] = json!("2025-11-24T16:00:00.5Z");
    assert_eq!(json_of(PrometheusAlert::from(&alert)), wanted);
}

/// The properties of a schema, and which of them are always there; those of its parts among them.
fn properties(schema: &RefOr<Schema>, all: &[(String, RefOr<Schema>)]) -> (Map<String, Value>, Vec<String>) {
    let schema = match schema {
        RefOr::Ref(reference) => {
            let name = reference.ref_location.rsplit('/').next().unwrap_or_default();
            return properties(&all.iter().find(|(known, _)| known == name).unwrap().1, all);
        }
        RefOr::T(schema) => schema,
    };
    match schema {
        Schema::Object(object) => {
            let Value::Object(properties) = json_of(&object.properties) else { unreachable!("properties are a map") };
            (properties, object.required.clone())
        }
        Schema::AllOf(parts) => parts.items.iter().map(|part| properties(part, all)).fold(Default::default(), |mut sum, part| {
            sum.0.extend(part.0);
            sum.1.extend(part.1);
            sum
        }),
        other => panic!("{} is no object", json_of(other)),
    }
}

fn may_be_null(schema: &Value) -> bool {
    let types = &schema["type"];
    let of_one = schema["oneOf"].as_array().into_iter().flatten().any(|one| one["type"] == "null");
    of_one || types == "null" || types.as_array().is_some_and(|types| types.contains(&json!("null")))
}

/// Holds a view to its schema: the fields that the schema has, none missing that must be there, `null` only where it may be.
fn matches_its_schema<V: serde::Serialize + ToSchema>(view: &V) {
    let mut all = Vec::new();
    V::schemas(&mut all);
    let (properties, required) = properties(&V::schema(), &all);
    let Value::Object(fields) = json_of(view) else { panic!("{} is no object", V::name()) };
    for (name, value) in &fields {
        let schema = properties.get(name).unwrap_or_else(|| panic!("{}: {name} is not in its schema", V::name()));
        assert!(!value.is_null() || may_be_null(schema), "{}: {name} is null", V::name());
    }
    let missing: Vec<_> = required.iter().filter(|name| !fields.contains_key(*name)).collect();
    assert!(missing.is_empty(), "{}: {missing:?} are missing", V::name());
    let optional: Vec<_> = properties.keys().filter(|name| fields.contains_key(*name) && !required.contains(name)).collect();
    assert!(optional.is_empty(), "{}: {optional:?} are always there, and not required", V::name());
}

#[test]
fn views_match_their_schemas() {
    let alert = Alert::from(&kept_alert());
    matches_its_schema(&PrometheusAlert::from(&alert));
    matches_its_schema(&alert);
    let recommendation = Recommendation::from(&kept_recommendation());
    recommendation.evidence.iter().for_each(matches_its_schema);
    matches_its_schema(&recommendation);
    matches_its_schema(&Event::new("1", &event::Event::new(5, "service", "start", "taskpulse", "started")));
    let row = WindowRow::empty(60_000);
    matches_its_schema(&Window::new(Labels::metric("m", &[("a", "b")]), Level::M1, &row));
    matches_its_schema(&Health::from(health::assess(&health::Inputs::default())));
    matches_its_schema(&HealthCheck::from(Vec::new()));
    let source = |state| Source { source: "system".to_owned(), state, reason: None, hint: None, since: 1.0, last_sample: None, samples: 0 };
    matches_its_schema(&source(SourceState::Absent));
    assert_eq!(
        [SourceState::Up, SourceState::Failing, SourceState::Absent].map(|state| json_of(source(state))["up"].clone()),
        [json!(true), json!(false), Value::Null]
    );
}
