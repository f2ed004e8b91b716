use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use taskpulse_engine::model::Labels;
use taskpulse_engine::rules;
use taskpulse_engine::windows::{Level, WindowRow};
use taskpulse_engine::{advice, event, explain, health};
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
        over_lines: false,
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
        source_reason: None,
        explanation: Some(kept_explanation().into()),
    }
}

fn kept_explanation() -> explain::Explanation {
    let used = |by, name: &str, processes| explain::Used {
        by,
        name: name.to_owned(),
        mean: 4.88,
        share: Some(0.61),
        cpu_seconds: Some(292.8),
        processes,
    };
    let happened =
        explain::Happened { at: 5_000, source: "github".to_owned(), kind: "run_started".to_owned(), title: "started".to_owned() };
    explain::Explanation {
        from: 1_764_000_000_500,
        to: 1_764_000_060_000,
        resource: Some(explain::Resource::Cpu),
        used: vec![used(explain::UsedBy::Process, "cargo", Some(3)), used(explain::UsedBy::Unseen, "", None)],
        seen_ms: 60_000,
        compared: Some(120),
        left_out: 4,
        moved_from: Some(1_763_999_990_000),
        moved_to: Some(1_764_000_060_000),
        moved: vec![explain::Moved {
            metric: Labels::metric("queue_depth", &[]),
            value: 40.0,
            low: 1.0,
            high: 3.0,
            z: 25.0,
            reached_by: 0,
            windows: 360,
            together: 0.97,
            score: 8.5,
        }],
        containers: vec![used(explain::UsedBy::Container, "session-3.scope", None)],
        in_progress: vec![explain::InProgress { what: "task 7 of app master".to_owned(), title: None, since: 1_000 }],
        before: vec![happened.clone()],
        last: Some(explain::Earlier {
            fired_at: 1_000,
            ended_at: 2_000,
            reason: None,
            busiest: vec!["cc 90 %".to_owned()],
            before_its_end: vec![happened],
            count: 2,
        }),
        agents: vec![explain::AgentAtWork {
            agent: "claude-code".to_owned(),
            id: "65bcf3fc".to_owned(),
            task: Some("7".to_owned()),
            folder: None,
            commit: None,
        }],
        said: vec![explain::Said { at: 1_764_000_059_000, text: "it broke".to_owned() }],
        lines: vec!["Most CPU over 1 min: cargo (3 processes) 61 %".to_owned()],
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
        seen: 1_764_000_000_000,
        lasts_ms: 0,
        expected: None,
        measure: None,
        life: advice::Life::default(),
    }
}

fn json_of(view: impl serde::Serialize) -> Value {
    serde_json::to_value(view).unwrap()
}

#[test]
fn an_explanation_has_its_texts_and_its_figures() {
    let shown = json_of(Explanation::from(&kept_explanation()));
    let used = json!({
        "kind": "process", "name": "cargo", "text": "cargo (3 processes) 61 %", "mean": 4.88, "share": 0.61, "cpu_seconds": 292.8, "processes": 3,
    });
    assert_eq!(shown["used"][0], used);
    assert_eq!((&shown["used"][1]["kind"], &shown["used"][1]["text"]), (&json!("unseen"), &json!("61 % not seen by name")));
    assert_eq!((&shown["from"], &shown["moved_from"], &shown["compared"]), (&json!(1_764_000_000.5), &json!(1_763_999_990.0), &json!(120)));
    assert_eq!(shown["moved"][0]["text"], "Queue depth 40, usually 1 to 3");
    assert_eq!((&shown["last"]["ended_at"], &shown["last"]["before_its_end"][0]["at"]), (&json!(2.0), &json!(5.0)));
}

#[test]
fn an_alert_has_the_documented_shape() {
    let alert = Alert::from(&kept_alert());
    let mut wanted = json!({
        "id": "3f2a", "rule": "high_cpu_usage", "severity": "warning", "state": "firing",
        "metric": {"__name__": "system_cpu_utilization_ratio", "cpu": "0"}, "value": null, "op": ">", "threshold": 0.8,
        "for_seconds": 60.0, "cooldown_seconds": 300.0, "pending_since": 1_764_000_000.5, "firing_since": 1_764_000_060.0,
        "resolved_at": null, "last_sample": 1_764_000_065.0, "summary": "CPU 87 %, above 80 %", "acked_at": null, "note": null, "reason": null, "source_reason": null,
        "busiest": ["cargo (3 processes) 61 %"], "explanation": json_of(Explanation::from(&kept_explanation())), "unknown_since": null, "group": "taskpulse", "remediation": ["see what runs"],
        "labels": {"alertname": "high_cpu_usage", "severity": "warning", "cpu": "0"}, "annotations": {
            "summary": "CPU 87 %, above 80 %", "explanation": "Most CPU over 1 min: cargo (3 processes) 61 %",
        },
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
    let explanation = Explanation::from(&kept_explanation());
    explanation.used.iter().chain(&explanation.containers).for_each(matches_its_schema);
    explanation.moved.iter().for_each(matches_its_schema);
    explanation.before.iter().for_each(matches_its_schema);
    explanation.in_progress.iter().for_each(matches_its_schema);
    explanation.agents.iter().for_each(matches_its_schema);
    explanation.last.iter().for_each(matches_its_schema);
    matches_its_schema(&explanation);
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
