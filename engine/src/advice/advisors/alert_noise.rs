//! Alert rules that only made noise: fired often, ended by themselves, and nobody acknowledged any of it.

use super::super::counsel::{Confidence, Counsel, Effort, Expects, Measures, Worse};
use super::super::history::DAY_MS;
use super::super::{Evidence, Finding, History, Horizon, Topic};
use super::Advisor;
use crate::rules::{Severity, count_noise};
use crate::store::StoreError;
use crate::words::rule_name;

pub(super) const ADVISOR: Advisor = Advisor {
    name: "alert_noise",
    about: "an alert rule fires often, and nobody does anything about it",
    reads: &["taskpulse_alerts"],
    horizon: Horizon::Month,
    needs_ms: 0,
    assess,
    counsel: Counsel {
        matters: "Who is called for nothing twenty times does not look at the call that counts.",
        then: &["Look at the noise report again a week later."],
        effort: Effort::Minutes,
        confidence: Confidence::High,
        refuted_by: "Something acts on these alerts by itself, such as a webhook.",
        expects: Expects::Unknown("how many are left depends on the change; the noise report counts it"),
        measure: Measures::Nothing("how often it fires is in the noise report"),
        sibling: None,
        worse: Worse::More(0),
    },
};

const WEEK_MS: i64 = 7 * DAY_MS;
/// Firings of a week, and the share of them that ended by themselves within a minute.
const FIRED: usize = 20;
const SHORT: f64 = 0.8;

fn assess(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    let alerts = history.alerts(WEEK_MS)?;
    let mut found = Vec::new();
    for noise in count_noise(&alerts, (history.now - WEEK_MS, history.now)) {
        let short = noise.short as f64 / noise.fired.max(1) as f64;
        if noise.fired < FIRED || noise.acknowledged > 0 || short < SHORT {
            continue;
        }
        let name = rule_name(&noise.rule);
        found.push(Finding {
            id: format!("alert_noise:{}", noise.rule),
            topic: Topic::Service,
            title: format!("The alert rule {name} only makes noise"),
            why: format!(
                "It fired {} times in the last week; {} ended by themselves within a minute, and nobody acknowledged one.",
                noise.fired, noise.short
            ),
            action: "Give it a longer `for` or a limit further out; GET /api/v1/alerts/noise says what would have halved it. Or switch it off: an alert that nobody answers hides the others.".to_owned(),
            severity: Severity::Notice,
            evidence: vec![
                Evidence::counted("firings in the last week", noise.fired as f64, "count"),
                Evidence::counted("of these ended within a minute", noise.short as f64, "count"),
                Evidence::counted("of these acknowledged", noise.acknowledged as f64, "count"),
            ],
            query: format!("ALERTS{{alertname={:?}}}", noise.rule),
            start: history.now - WEEK_MS,
            end: history.now,
            lasts_ms: 2 * DAY_MS,
        });
    }
    Ok(found)
}
