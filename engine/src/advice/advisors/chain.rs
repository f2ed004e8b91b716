//! Boards whose end is decided by one chain of tasks that wait for each other.

use super::super::counsel::{Confidence, Counsel, Effort, Expects, Measures, Worse, hourly_mean, named};
use super::super::history::{DAY_MS, HOUR_MS, board_of, mean};
use super::super::{Evidence, Finding, History, Horizon, Topic};
use super::Advisor;
use crate::experiment::Better;
use crate::model::Labels;
use crate::rules::Severity;
use crate::store::StoreError;
use crate::windows::Level;

pub(super) const ADVISOR: Advisor = Advisor {
    name: "one_chain",
    about: "most open tasks of a board wait in one chain",
    reads: &["taskmaster_critical_path_tasks"],
    horizon: Horizon::Month,
    needs_ms: 0,
    assess,
    counsel: Counsel {
        matters: "More people or agents do not help: each task has to wait for the one before it.",
        then: &["See whether more tasks are ready a day later."],
        effort: Effort::Hours,
        confidence: Confidence::Medium,
        refuted_by: "The dependencies are real, and the tasks of the chain are short.",
        expects: Expects::Unknown("how long the tasks of the chain take is not known"),
        measure: Measures::Query(Better::Lower, chain),
        sibling: None,
        worse: Worse::More(0),
    },
};

const SPAN_MS: i64 = 2 * DAY_MS;
/// Tasks on the chain, and their share of the open ones.
const LONG: f64 = 5.0;
const SHARE: f64 = 0.6;
/// Tasks that somebody could start, on average.
const READY: f64 = 1.5;
/// Hours that must have been measured.
const MIN_HOURS: usize = 24;

fn chain(finding: &Finding) -> Option<String> {
    let (project, tag) = (named(&finding.query, "project")?, named(&finding.query, "tag")?);
    Some(hourly_mean("taskmaster_critical_path_tasks", &[("project", &project), ("tag", &tag)]))
}

fn assess(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    let mut found = Vec::new();
    for (_, labels, chain) in history.newest("taskmaster_critical_path_tasks", HOUR_MS)? {
        let (project, tag) = board_of(&labels);
        let of = |metric: &str, more: &[(&str, &str)]| {
            Labels::metric(metric, &[&[("project", project.as_str()), ("tag", tag.as_str())], more].concat())
        };
        let newest = |status: &str| history.latest(&of("taskmaster_tasks", &[("status", status)]), HOUR_MS);
        let mut open = 0.0;
        for status in ["pending", "in-progress", "review", "blocked"] {
            open += newest(status)?.unwrap_or(0.0);
        }
        let Some(id) = history.store.series_id(&of("taskmaster_ready_tasks", &[])) else { continue };
        let rows = history.windows(id, Level::H1, SPAN_MS)?;
        if chain < LONG || chain < SHARE * open || rows.len() < MIN_HOURS || mean(&rows) >= READY {
            continue;
        }
        found.push(Finding {
            id: format!("one_chain:{project}:{tag}"),
            topic: Topic::Board,
            title: format!("One chain of tasks decides when {project}, {tag} is done"),
            why: format!("{chain:.0} of {open:.0} open tasks wait for each other in one chain, and hardly anything else could be started in the last two days."),
            action: "See the chain on the page Tasks: drop a dependency that is not needed, or split the first task of it so that the next can begin.".to_owned(),
            severity: Severity::Notice,
            evidence: vec![
                Evidence::counted("tasks on the longest chain", chain, "count"),
                Evidence::counted("open tasks", open, "count"),
                Evidence::counted("tasks ready to be started, mean of two days", mean(&rows), "count"),
            ],
            query: labels.to_string(),
            start: history.now - SPAN_MS,
            end: history.now,
            lasts_ms: 2 * DAY_MS,
        });
    }
    Ok(found)
}
