//! New kinds of error lines that keep coming.

use super::super::counsel::{Confidence, Counsel, Effort, Expects, Measures, Worse};
use super::super::history::{DAY_MS, HOUR_MS};
use super::super::{Evidence, Finding, History, Horizon, Topic};
use super::Advisor;
use crate::logs::templates::{DOCUMENTS, Template};
use crate::model::{Labels, clipped, rfc3339};
use crate::rules::Severity;
use crate::store::StoreError;

pub(super) const ADVISOR: Advisor = Advisor {
    name: "log_errors",
    about: "a service says a new kind of error, again and again",
    reads: &["taskpulse_logs_templates"],
    horizon: Horizon::Day,
    needs_ms: 0,
    assess,
    counsel: Counsel {
        matters: "What a program never complained of before usually began with a change, which is easiest to find while it is young.",
        then: &["See whether the lines stop after the change."],
        effort: Effort::Hours,
        confidence: Confidence::High,
        refuted_by: "The text of the line changed and not what it is about, such as after an update.",
        expects: Expects::Unknown("how many lines stop depends on their cause"),
        measure: Measures::Nothing("a kind of line has no series; /api/v1/logs/templates counts it"),
        sibling: None,
        worse: Worse::More(0),
    },
};

/// Lines of a template at the least.
const LINES: u64 = 20;
/// Findings at the most: one cause has many symptoms.
const MOST: usize = 3;
/// Longest text of a template, in characters.
const MOST_CHARS: usize = 120;

fn assess(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    let is_found = |template: &Template| {
        template.is_news
            && template.level != "warn"
            && template.lines >= LINES
            && (0..DAY_MS).contains(&(history.now - template.first_seen))
            && (0..HOUR_MS).contains(&(history.now - template.last_seen))
    };
    let documents = history.documents(DOCUMENTS)?;
    let read = documents.iter().filter_map(|(_, bytes)| serde_json::from_slice::<Template>(bytes).ok());
    let mut found: Vec<Template> = read.filter(is_found).collect();
    found.sort_by_key(|template| std::cmp::Reverse(template.lines));
    found.truncate(MOST);
    Ok(found.iter().map(|template| finding(history, template)).collect())
}

fn finding(history: &History<'_>, template: &Template) -> Finding {
    let (service, text) = (clipped(&template.service, MOST_CHARS), clipped(&template.text(), MOST_CHARS));
    let since = rfc3339(template.first_seen - template.first_seen.rem_euclid(60_000)).replacen(":00Z", "Z", 1);
    let series = Labels::metric("taskpulse_logs_service_lines_total", &[("service", &template.service), ("level", &template.level)]);
    Finding {
        id: format!("log_errors:{}", template.id),
        topic: Topic::Unit,
        title: format!("A new kind of error in {service}"),
        why: format!("Since {since} {service} said it {} times, and never before: {text}", template.lines),
        action: format!(
            "Read the lines of {service} since then, and see what the time line has shortly before: a deployment, a change of settings, an alert."
        ),
        severity: Severity::Warning,
        evidence: vec![Evidence::counted("lines since then", template.lines as f64, "count")],
        query: series.to_string(),
        start: template.first_seen - HOUR_MS,
        end: history.now,
        lasts_ms: HOUR_MS,
    }
}
