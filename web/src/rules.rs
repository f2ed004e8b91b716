//! Rules and alerts, as Prometheus shows them, with our own fields beside.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, web};
use serde::Serialize;
use serde_json::json;
use taskpulse_actors::rule_states::RuleStates;
use taskpulse_actors::view::{ActiveAlerts, Alert, Rule, RuleGroup, Rules};
use taskpulse_engine::model::{Labels, Selector, fnv1a};
use taskpulse_engine::rules;

use crate::envelope::ApiError;
use crate::parameter::{self, LIMIT, MATCH, Parameter, TIMEOUT};
use crate::params::Params;
use crate::query::{TRUNCATED, with_selectors};
use crate::route::{Route, Shape};
use crate::server::AppState;

pub(crate) fn routes() -> Vec<Route> {
    const TYPE: Parameter = Parameter::query("type", "which rules", || json!({"enum": ["alert", "record"]}));
    const NAME: Parameter = Parameter::query("rule_name[]", "this rule; may be repeated", parameter::texts);
    const GROUPS: Parameter = Parameter::query("rule_group[]", "rules of this group; may be repeated", parameter::texts);
    const FILES: Parameter = Parameter::query("file[]", "rules of this file; may be repeated", parameter::texts);
    const WITHOUT_ALERTS: Parameter = Parameter::query("exclude_alerts", "whether to leave the alerts out", || json!({"type": "boolean"}));
    const GROUP_LIMIT: Parameter = Parameter::query(
        "group_limit",
        "groups at the most; `groupNextToken` says where the next answer goes on",
        || json!({"type": "integer", "format": "int64", "minimum": 1, "maximum": i64::MAX}),
    );
    const NEXT: Parameter = Parameter::query("group_next_token", "`groupNextToken` of the answer before", parameter::text);
    vec![
        Route::get("/api/v1/rules", rules)
            .about("Rules, as Prometheus answers them")
            .parameters(&[TYPE, NAME, GROUPS, FILES, MATCH, WITHOUT_ALERTS, LIMIT, GROUP_LIMIT, NEXT, TIMEOUT])
            .answers(Shape::data::<Rules>())
            .fails(&[422]),
        Route::get("/api/v1/alerts", alerts)
            .about("Alerts that are not resolved, as Prometheus answers them")
            .answers(Shape::data::<ActiveAlerts>()),
    ]
}

async fn alerts(state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    let alerts = state.reporter.views.alerts().iter().map(Into::into).collect();
    state.answers.success(&ActiveAlerts { alerts })
}

/// Which rules are asked for, by Prometheus' parameters.
struct Asked {
    alerting: bool,
    recording: bool,
    names: Vec<String>,
    groups: Vec<String>,
    files: Vec<String>,
    with_alerts: bool,
    limit: usize,
    group_limit: usize,
    next: Option<String>,
}

impl Asked {
    fn of(params: &Params) -> Result<Self, ApiError> {
        params.whole()?;
        let wrong = |name: &str, why: String| ApiError::bad_data(format!("invalid parameter \"{name}\": {why}"));
        let (alerting, recording) = match params.get("type").map(str::to_ascii_lowercase).as_deref() {
            None => (true, true),
            Some("alert") => (true, false),
            Some("record") => (false, true),
            Some(other) => return Err(wrong("type", format!("not supported value {other:?}; take alert or record"))),
        };
        let with_alerts = match params.get("exclude_alerts").map(str::to_ascii_lowercase).as_deref() {
            None | Some("0" | "f" | "false") => true,
            Some("1" | "t" | "true") => false,
            Some(other) => return Err(wrong("exclude_alerts", format!("{other:?} is neither true nor false"))),
        };
        let all = |name: &str| params.all(name).into_iter().map(str::to_owned).collect();
        let next = params.get("group_next_token").map(str::to_owned);
        let group_limit = match (params.whole_number("group_limit")?, &next) {
            (Some(limit), _) if limit <= 0 => return Err(wrong("group_limit", "group_limit needs to be greater than 0".to_owned())),
            (None, Some(_)) => return Err(wrong("group_next_token", "group_limit needs to be present in order to paginate".to_owned())),
            (limit, _) => limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX),
        };
        Ok(Self {
            alerting,
            recording,
            names: all("rule_name[]"),
            groups: all("rule_group[]"),
            files: all("file[]"),
            with_alerts,
            limit: params.limit()?,
            group_limit,
            next,
        })
    }

    fn wants_group(&self, group: &rules::RuleGroup) -> bool {
        let one_of = |wanted: &[String], value: &String| wanted.is_empty() || wanted.contains(value);
        one_of(&self.groups, &group.name) && one_of(&self.files, &group.file)
    }

    fn wants(&self, rule: &rules::Rule, selectors: &[Selector]) -> bool {
        let labels = || Labels::of(rule.labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect());
        (if rule.is_recording() { self.recording } else { self.alerting })
            && (self.names.is_empty() || self.names.contains(&rule.name))
            && (selectors.is_empty() || selectors.iter().any(|selector| selector.accepts(&labels())))
    }

    /// The groups with the rules that are asked for, and whether the limit left rules out.
    fn answer(&self, states: &RuleStates, active: &[Alert], selectors: &[Selector]) -> Result<(Rules, bool), ApiError> {
        let mut by_rule: BTreeMap<(&str, &str), Vec<&Alert>> = BTreeMap::new();
        for alert in active {
            by_rule.entry((&alert.details.group, &alert.details.rule)).or_default().push(alert);
        }
        let first = match &self.next {
            None => 0,
            Some(token) => states.set.groups().iter().position(|group| token_of(group) == *token).ok_or_else(|| {
                ApiError::bad_data(format!("invalid parameter \"group_next_token\": {token:?} names no group; were rules changed?"))
            })?,
        };
        let (mut groups, mut left, mut cut, mut next) = (Vec::new(), self.limit, false, None);
        for (group, state) in states.set.groups().iter().zip(&states.groups).skip(first).filter(|(group, _)| self.wants_group(group)) {
            let mut rules = Vec::new();
            for at in group.rules.clone() {
                let rule = &states.set.rules()[at];
                if !self.wants(rule, selectors) {
                    continue;
                }
                if left == 0 {
                    cut = true;
                    break;
                }
                left -= 1;
                let alerts = by_rule.get(&(group.name.as_str(), rule.name.as_str())).map_or(&[][..], Vec::as_slice);
                rules.push(Rule::new(rule, &states.rules[at], alerts, self.with_alerts));
            }
            if rules.is_empty() {
                continue;
            }
            if groups.len() == self.group_limit {
                next = Some(token_of(group));
                break;
            }
            groups.push(RuleGroup::new(group, state, rules));
        }
        Ok((Rules { groups, next }, cut))
    }
}

/// Names a group in an address.
fn token_of(group: &rules::RuleGroup) -> String {
    let bytes = group.file.bytes().chain([b';']).chain(group.name.bytes());
    format!("{:016x}", fnv1a(bytes))
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
    let views = &state.reporter.views;
    let (data, cut) = asked.answer(&views.rules(), &views.alerts(), &selectors)?;
    let warnings = if cut { vec![TRUNCATED] } else { Vec::new() };
    let answer = Answer { status: "success", data, warnings };
    state.answers.send_text(serde_json::to_string(&answer).map_err(|error| ApiError::internal(error.to_string()))?)
}
