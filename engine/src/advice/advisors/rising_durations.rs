//! Boards whose tasks of the last week took longer than those of the three weeks before.

use std::collections::BTreeMap;

use super::super::counsel::{Confidence, Counsel, Effort, Expects, Measures, Worse, hourly_mean, named};
use super::super::history::{BoardName, DAY_MS, board_of};
use super::super::shift::{Shift, shift};
use super::super::{Finding, History, Horizon, Topic};
use super::Advisor;
use crate::experiment::Better;
use crate::model::TimestampMs;
use crate::rules::Severity;
use crate::store::StoreError;

pub(super) const ADVISOR: Advisor = Advisor {
    name: "duration_rising",
    about: "tasks take longer than in the weeks before",
    reads: &["taskmaster_task_execution_seconds"],
    horizon: Horizon::Month,
    assess,
    counsel: Counsel {
        matters: "The same number of tasks takes that much longer, and forecasts move away.",
        then: &[],
        effort: Effort::Days,
        confidence: Confidence::Low,
        refuted_by: "The tasks of the last week are larger ones than those before.",
        expects: Expects::GoesBack("time of a typical task"),
        measure: Measures::Query(Better::Lower, tasks),
        sibling: None,
        worse: Worse::More(0),
    },
};

/// The mean of the tasks that ended in each hour.
fn tasks(finding: &Finding) -> Option<String> {
    let (project, tag) = (named(&finding.query, "project")?, named(&finding.query, "tag")?);
    Some(hourly_mean("taskmaster_task_execution_seconds", &[("project", &project), ("tag", &tag)]))
}

fn assess(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    let mut boards: BTreeMap<BoardName, Vec<(TimestampMs, f64)>> = BTreeMap::new();
    for (id, labels) in history.series("taskmaster_task_execution_seconds") {
        boards.entry(board_of(&labels)).or_default().extend(history.values(id, 28 * DAY_MS)?);
    }
    let mut found = Vec::new();
    for ((project, tag), durations) in boards {
        let Some(shift) = shift(&durations, history.now).filter(Shift::rose) else { continue };
        found.push(Finding {
            id: format!("duration_rising:{project}:{tag}"),
            topic: Topic::Duration,
            title: format!("Tasks on {project}, {tag} take longer than they did"),
            why: format!("{} How complex tasks are is not taken into account.", shift.words("task")),
            action: "See whether the tasks are larger ones. If not, look at what the slow ones share: priority, review, a slow CI or a busy machine at the time."
                .to_owned(),
            severity: Severity::Notice,
            evidence: shift.evidence("tasks"),
            query: format!("taskmaster_task_execution_seconds{{project={project:?},tag={tag:?}}}"),
            start: history.now - 28 * DAY_MS,
            end: history.now,
            lasts_ms: 3 * DAY_MS,
        });
    }
    Ok(found)
}
