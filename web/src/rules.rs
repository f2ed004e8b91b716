//! Rules and alerts, as Prometheus shows them, with our own fields beside.

use actix_web::{HttpResponse, web};
use serde::Serialize;
use serde_json::json;
use taskpulse_actors::view::{ActiveAlerts, FILE, GROUP, Rule, RuleGroup, Rules};
use taskpulse_engine::model::{Labels, Selector};
use taskpulse_engine::rules;

use crate::envelope::ApiError;
use crate::parameter::{self, LIMIT, MATCH, Parameter, TIMEOUT};
use crate::params::Params;
use crate::query::{TRUNCATED, with_selectors};
use crate::route::{Route, Shape};
use crate::server::AppState;

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
            .answers(Shape::data::<Rules>())
            .fails(&[422]),
        Route::get("/api/v1/alerts", alerts)
            .about("Pending and firing alerts, as Prometheus answers them")
            .answers(Shape::data::<ActiveAlerts>()),
    ]
}

async fn alerts(state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    let alerts = state.reporter.views.alerts().iter().map(Into::into).collect();
    state.answers.success(&ActiveAlerts { alerts })
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

    fn wants(&self, rule: &rules::Rule, selectors: &[Selector]) -> bool {
        let labels = Labels::of(vec![("severity", &rule.severity.to_string())]);
        self.alerting
            && self.group
            && self.file
            && (self.names.is_empty() || self.names.contains(&rule.name))
            && (selectors.is_empty() || selectors.iter().any(|selector| selector.accepts(&labels)))
    }
}

/// An answer of rules, as Prometheus gives it.
#[derive(Serialize)]
struct Answer {
    status: &'static str,
    data: Rules,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<&'static str>,
}

async fn rules(state: web::Data<AppState>, params: Params) -> Result<HttpResponse, ApiError> {
    let asked = Asked::of(&params)?;
    let selectors = with_selectors(&state, &params, |_, selectors, _| Ok(selectors.to_vec())).await?;
    let active = state.reporter.views.alerts();
    let wanted = state.rules.rules().iter().filter(|rule| asked.wants(rule, &selectors));
    let mut rules: Vec<Rule> = wanted.map(|rule| Rule::new(rule, &active, asked.with_alerts)).collect();
    let warnings = if rules.len() > asked.limit { vec![TRUNCATED] } else { Vec::new() };
    rules.truncate(asked.limit);
    let groups = if rules.is_empty() { Vec::new() } else { vec![RuleGroup::new(state.reporter.started_at, rules)] };
    let answer = Answer { status: "success", data: Rules { groups }, warnings };
    state.answers.send_text(serde_json::to_string(&answer).map_err(|error| ApiError::internal(error.to_string()))?)
}
