//! Rules and alerts, as Prometheus shows them, with our own fields beside.

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use jiff::Timestamp;
use serde_json::{Value, json};
use taskpulse_actors::{view, wire};
use taskpulse_engine::model::{Labels, NAME_LABEL, Selector, TimestampMs, format_value};
use taskpulse_engine::rules::{Alert, AlertState, Rule};

use crate::envelope::ApiError;
use crate::parameter::{self, LIMIT, MATCH, Parameter, TIMEOUT};
use crate::params::Params;
use crate::query::{TRUNCATED, with_selectors};
use crate::route::{Route, Shape};
use crate::server::AppState;

/// All rules are in one group of one file.
const GROUP: &str = "taskpulse";
const FILE: &str = "Settings.toml";

pub(crate) fn routes() -> Vec<Route> {
    const TYPE: Parameter = Parameter::query("type", "which rules; there are no recording rules", || json!({"enum": ["alert", "record"]}));
    const NAME: Parameter = Parameter::query("rule_name[]", "this rule; may be repeated", parameter::texts);
    const GROUPS: Parameter = Parameter::query("rule_group[]", "rules of this group; may be repeated", parameter::texts);
    const FILES: Parameter = Parameter::query("file[]", "rules of this file; may be repeated", parameter::texts);
    const WITHOUT_ALERTS: Parameter = Parameter::query("exclude_alerts", "whether to leave the alerts out", || json!({"type": "boolean"}));
    const GROUP_LIMIT: Parameter = Parameter::query(
        "group_limit",
        "groups at the most; there is one",
        || json!({"type": "integer", "format": "int64", "minimum": 1, "maximum": i64::MAX}),
    );
    vec![
        Route::get("/api/v1/rules", rules)
            .about("Alert rules, as Prometheus answers them")
            .parameters(&[TYPE, NAME, GROUPS, FILES, MATCH, WITHOUT_ALERTS, LIMIT, GROUP_LIMIT, TIMEOUT])
            .answers(Shape::data::<view::Rules>())
            .fails(&[422]),
        Route::get("/api/v1/alerts", alerts)
            .about("Pending and firing alerts, as Prometheus answers them")
            .answers(Shape::data::<view::ActiveAlerts>()),
    ]
}

fn rfc3339(ms: TimestampMs) -> String {
    Timestamp::from_millisecond(ms).map(|t| t.to_string()).unwrap_or_default()
}

fn prometheus_alert(alert: &Alert) -> Value {
    let mut labels =
        serde_json::Map::from_iter([("alertname".to_owned(), json!(alert.rule)), ("severity".to_owned(), json!(alert.severity))]);
    labels.extend(alert.metric.iter().filter(|(name, _)| *name != NAME_LABEL).map(|(name, value)| (name.to_owned(), json!(value))));
    let mut shown = wire::alert(alert);
    if let Some(fields) = shown.as_object_mut() {
        fields.insert("labels".to_owned(), Value::Object(labels));
        fields.insert("annotations".to_owned(), json!({"summary": alert.summary}));
        fields.insert("activeAt".to_owned(), json!(rfc3339(alert.pending_since)));
        fields.insert("value".to_owned(), json!(format_value(alert.value)));
    }
    shown
}

async fn alerts(state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    let active = Arc::clone(&state.reporter.shared.alerts.read());
    state.answers.success(&json!({"alerts": active.iter().map(prometheus_alert).collect::<Vec<_>>()}))
}

/// Which rules are asked for, by Prometheus' parameters.
struct Asked {
    /// Alerting rules; there are no others.
    alerting: bool,
    names: Vec<String>,
    group: bool,
    file: bool,
    with_alerts: bool,
    limit: usize,
}

impl Asked {
    fn of(params: &Params) -> Result<Self, ApiError> {
        params.whole()?;
        let wrong = |name: &str, why: String| ApiError::bad_data(format!("invalid parameter \"{name}\": {why}"));
        let alerting = match params.get("type").map(str::to_ascii_lowercase).as_deref() {
            None | Some("alert") => true,
            Some("record") => false,
            Some(other) => return Err(wrong("type", format!("not supported value {other:?}; take alert or record"))),
        };
        let with_alerts = match params.get("exclude_alerts").map(str::to_ascii_lowercase).as_deref() {
            None | Some("0" | "f" | "false") => true,
            Some("1" | "t" | "true") => false,
            Some(other) => return Err(wrong("exclude_alerts", format!("{other:?} is neither true nor false"))),
        };
        let one_of = |name: &str, value: &str| {
            let wanted = params.all(name);
            wanted.is_empty() || wanted.contains(&value)
        };
        match (params.whole_number("group_limit")?, params.get("group_next_token")) {
            (Some(limit), _) if limit <= 0 => return Err(wrong("group_limit", "group_limit needs to be greater than 0".to_owned())),
            (None, Some(_)) => return Err(wrong("group_next_token", "group_limit needs to be present in order to paginate".to_owned())),
            // No answer has ever named one: there is one group.
            (Some(_), Some(token)) => return Err(wrong("group_next_token", format!("{token:?} names no group"))),
            _ => {}
        }
        Ok(Self {
            alerting,
            names: params.all("rule_name[]").into_iter().map(str::to_owned).collect(),
            group: one_of("rule_group[]", GROUP),
            file: one_of("file[]", FILE),
            with_alerts,
            limit: params.limit()?,
        })
    }

    fn wants(&self, rule: &Rule, selectors: &[Selector]) -> bool {
        let labels = Labels::of(vec![("severity", &rule.spec.severity.to_string())]);
        self.alerting
            && self.group
            && self.file
            && (self.names.is_empty() || self.names.contains(&rule.name))
            && (selectors.is_empty() || selectors.iter().any(|selector| selector.accepts(&labels)))
    }
}

async fn rules(state: web::Data<AppState>, params: Params) -> Result<HttpResponse, ApiError> {
    let asked = Asked::of(&params)?;
    let selectors = with_selectors(&state, &params, |_, selectors, _| Ok(selectors.to_vec())).await?;
    let active = Arc::clone(&state.reporter.shared.alerts.read());
    let mut rules: Vec<Value> = state
        .rules
        .rules()
        .iter()
        .filter(|rule| asked.wants(rule, &selectors))
        .map(|rule| shown(rule, &active, asked.with_alerts))
        .collect();
    let cut = rules.len() > asked.limit;
    rules.truncate(asked.limit);
    let group = json!({
        "name": GROUP, "file": FILE, "interval": 0, "limit": 0, "evaluationTime": 0, "lastEvaluation": rfc3339(state.reporter.started_at),
        "rules": rules,
    });
    let groups = if rules.is_empty() { json!([]) } else { json!([group]) };
    let mut answer = json!({"status": "success", "data": {"groups": groups}});
    if cut {
        answer["warnings"] = json!([TRUNCATED]);
    }
    state.answers.send_text(answer.to_string())
}

fn shown(rule: &Rule, active: &[Alert], with_alerts: bool) -> Value {
    let alerts: Vec<&Alert> = active.iter().filter(|a| a.rule == rule.name).collect();
    let worst = if alerts.iter().any(|a| a.state == AlertState::Firing) {
        "firing"
    } else if alerts.is_empty() {
        "inactive"
    } else {
        "pending"
    };
    let alerts: Vec<Value> = alerts.into_iter().filter(|_| with_alerts).map(prometheus_alert).collect();
    let condition = rule.condition.describe();
    json!({
        "type": "alerting", "name": rule.name, "query": condition.query, "state": worst, "health": "ok",
        "duration": rule.spec.hold.as_secs_f64(), "keepFiringFor": 0, "cooldown": rule.spec.cooldown.as_secs_f64(),
        "labels": {"severity": rule.spec.severity}, "annotations": {},
        "metric": condition.metric, "op": condition.limit.map(|limit| limit.op.to_string()),
        "threshold": condition.limit.map_or(Value::Null, |limit| wire::number(limit.threshold)),
        "alerts": alerts,
    })
}
