//! Boards whose tasks of the last week took longer than those of the three weeks before.

use std::collections::BTreeMap;

use super::super::history::{BoardName, DAY_MS, approximate, board_of};
use super::super::shift::shift;
use super::super::{Evidence, Finding, History, Horizon, Topic};
use super::Advisor;
use crate::model::TimestampMs;
use crate::rules::Severity;
use crate::store::StoreError;
use crate::words::figure;

pub(super) const ADVISOR: Advisor = Advisor {
    name: "duration_rising",
    about: "tasks take longer than in the weeks before",
    reads: &["taskmaster_task_execution_seconds"],
    horizon: Horizon::Month,
    assess,
};

/// A rise whose lower bound is smaller than this is not worth advice.
const RISE: f64 = 1.1;

fn assess(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    let mut boards: BTreeMap<BoardName, Vec<(TimestampMs, f64)>> = BTreeMap::new();
    for (id, labels) in history.series("taskmaster_task_execution_seconds") {
        boards.entry(board_of(&labels)).or_default().extend(history.values(id, 28 * DAY_MS)?);
    }
    let mut found = Vec::new();
    for ((project, tag), durations) in boards {
        let Some(shift) = shift(&durations, history.now).filter(|shift| shift.least > 1.0 && shift.interval.0 > RISE) else { continue };
        found.push(Finding {
            id: format!("duration_rising:{project}:{tag}"),
            topic: Topic::Duration,
            title: format!("Tasks on {project}, {tag} take longer than they did"),
            why: format!(
                "A typical task took {} in the last 7 days and {} in the 21 days before: {} as long. How complex tasks are is not taken into account.",
                approximate(shift.lately),
                approximate(shift.before),
                figure("_ratio", shift.ratio)
            ),
            action: "See whether the tasks are larger ones. If not, look at what the slow ones share: priority, review, a slow CI or a busy machine at the time."
                .to_owned(),
            severity: Severity::Notice,
            evidence: vec![
                Evidence::estimated("duration now over duration before", shift.ratio, shift.interval, "ratio"),
                Evidence::counted("typical duration, last 7 days", shift.lately, "seconds"),
                Evidence::counted("typical duration, 21 days before", shift.before, "seconds"),
                Evidence::counted("tasks, last 7 days", shift.counts.0 as f64, "count"),
                Evidence::counted("tasks, 21 days before", shift.counts.1 as f64, "count"),
            ],
            query: format!("taskmaster_task_execution_seconds{{project={project:?},tag={tag:?}}}"),
            start: history.now - 28 * DAY_MS,
            end: history.now,
            lasts_ms: 3 * DAY_MS,
        });
    }
    Ok(found)
}
