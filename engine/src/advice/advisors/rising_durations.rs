//! Boards whose tasks of the last week took longer than those of the three weeks before, beyond what their complexity explains.

use std::collections::BTreeMap;

use super::super::counsel::{Confidence, Counsel, Effort, Expects, Measures, Worse, hourly_mean, named};
use super::super::history::{BoardName, DAY_MS, board_of};
use super::super::shift::{Shift, shift, shift_explained};
use super::super::{Finding, History, Horizon, Topic};
use super::Advisor;
use crate::experiment::Better;
use crate::model::{NAME_LABEL, TimestampMs};
use crate::rules::Severity;
use crate::store::StoreError;

pub(super) const ADVISOR: Advisor = Advisor {
    name: "duration_rising",
    about: "tasks take longer than in the weeks before",
    reads: &["taskmaster_task_execution_seconds"],
    horizon: Horizon::Month,
    needs_ms: 11 * DAY_MS,
    assess,
    counsel: Counsel {
        matters: "The same number of tasks takes that much longer, and forecasts move away.",
        then: &[],
        effort: Effort::Days,
        confidence: Confidence::Low,
        refuted_by: "The tasks of the last week are larger ones than those before, in a way that no score of theirs shows.",
        expects: Expects::GoesBack("time of a typical task"),
        measure: Measures::Query(Better::Lower, tasks),
        sibling: None,
        worse: Worse::More(0),
    },
};

/// Share of the tasks whose complexity must be known for it to be taken into account.
const KNOWN: f64 = 0.8;
/// A smaller rise of the duration of tasks is none: they differ too much by themselves.
const RISE: f64 = 1.3;

/// What is known of the tasks of a board that were done: when, how long each took, and how complex it was.
type Done = Vec<(TimestampMs, f64, Option<f64>)>;

/// The mean of the tasks that ended in each hour.
fn tasks(finding: &Finding) -> Option<String> {
    let (project, tag) = (named(&finding.query, "project")?, named(&finding.query, "tag")?);
    Some(hourly_mean("taskmaster_task_execution_seconds", &[("project", &project), ("tag", &tag)]))
}

fn assess(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    let mut boards: BTreeMap<BoardName, Done> = BTreeMap::new();
    for (id, labels) in history.series("taskmaster_task_execution_seconds") {
        let scores = match history.store.series_id(&labels.with(NAME_LABEL, "taskmaster_task_complexity")) {
            Some(id) => history.values(id, 28 * DAY_MS)?.into_iter().collect(),
            None => BTreeMap::new(),
        };
        let durations = history.values(id, 28 * DAY_MS)?;
        boards
            .entry(board_of(&labels))
            .or_default()
            .extend(durations.into_iter().map(|(t, seconds)| (t, seconds, scores.get(&t).copied())));
    }
    let mut found = Vec::new();
    for ((project, tag), done) in boards {
        let scored: Vec<(TimestampMs, f64, f64)> = done.iter().filter_map(|(t, seconds, score)| Some((*t, *seconds, (*score)?))).collect();
        let explained = scored.len() as f64 >= KNOWN * done.len() as f64;
        let compared = if explained {
            shift_explained(&scored, history.now)
        } else {
            shift(&done.iter().map(|(t, seconds, _)| (*t, *seconds)).collect::<Vec<_>>(), history.now)
        };
        let rose = |shift: &Shift| {
            let (before, lately) = shift.typical();
            shift.rose() && lately >= RISE * before
        };
        let Some(shift) = compared.filter(rose) else { continue };
        let (words, action) = if explained {
            (
                "What their complexity explains is left out: the times are those of tasks of average complexity.",
                "Look at what the slow ones share: priority, review, a slow CI or a busy machine at the time.",
            )
        } else {
            (
                "How complex they were is not known.",
                "See whether the tasks are larger ones (`task-master analyze-complexity` says how complex each is). If not, look at what the slow ones share: priority, review, a slow CI or a busy machine at the time.",
            )
        };
        found.push(Finding {
            id: format!("duration_rising:{project}:{tag}"),
            topic: Topic::Duration,
            title: format!("Tasks on {project}, {tag} take longer than they did"),
            why: format!("{} {words}", shift.words("task")),
            action: action.to_owned(),
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
