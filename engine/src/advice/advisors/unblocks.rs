//! The open task for which most others wait, while other work is done.

use std::collections::BTreeMap;

use super::super::counsel::{Confidence, Counsel, Effort, Expects, Measures, Worse};
use super::super::history::{BoardName, DAY_MS, HOUR_MS, board_of};
use super::super::{Evidence, Finding, History, Horizon, Topic};
use super::Advisor;
use crate::board::{BLOCKED, IN_PROGRESS, PENDING, REVIEW};
use crate::model::{Labels, NAME_LABEL, SeriesId};
use crate::rules::Severity;
use crate::store::StoreError;
use crate::windows::Level;

pub(super) const ADVISOR: Advisor = Advisor {
    name: "unblocks_most",
    about: "a large part of a board waits for a task that nobody works on",
    reads: &["taskmaster_task_dependents"],
    horizon: Horizon::Month,
    needs_ms: LEAST_HOURS as i64 * HOUR_MS,
    assess,
    counsel: Counsel {
        matters: "What waits for it cannot begin, however many people or agents are free.",
        then: &["See whether more tasks are ready once it is done."],
        effort: Effort::Hours,
        confidence: Confidence::Medium,
        refuted_by: "What waits for it is not wanted before other work, or the dependencies are not real.",
        expects: Expects::Unknown("how long it takes is not known"),
        measure: Measures::Nothing("it is one task: the advice goes when somebody works on it"),
        sibling: None,
        worse: Worse::More(1),
    },
};

/// Tasks that wait for it at the least, and their share of the open ones.
const LEAST: f64 = 5.0;
const SHARE: f64 = 0.4;
/// Hours of the last day in which it was as it is.
const LEAST_HOURS: usize = 20;
/// A figure that is older is not the current one.
const CURRENT_MS: i64 = HOUR_MS;

/// What waits for a task: the series, its labels, how many tasks.
type Blocker = (SeriesId, Labels, f64);

fn assess(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    let mut first: BTreeMap<BoardName, Blocker> = BTreeMap::new();
    for one in history.newest("taskmaster_task_dependents", CURRENT_MS)? {
        let known = first.get(&board_of(&one.1));
        if known.is_none_or(|known| one.2 > known.2) {
            first.insert(board_of(&one.1), one);
        }
    }
    let mut found = Vec::new();
    for (board, blocker) in first {
        found.extend(unblocks(history, &board, &blocker)?);
    }
    Ok(found)
}

fn unblocks(history: &History<'_>, (project, tag): &BoardName, (id, labels, waiting): &Blocker) -> Result<Option<Finding>, StoreError> {
    let of = |metric: &str, more: &[(&str, &str)]| {
        Labels::metric(metric, &[&[("project", project.as_str()), ("tag", tag.as_str())], more].concat())
    };
    let mut open = 0.0;
    let mut at_work = 0.0;
    for status in [PENDING, IN_PROGRESS, REVIEW, BLOCKED] {
        let count = history.latest(&of("taskmaster_tasks", &[("status", status)]), CURRENT_MS)?.unwrap_or(0.0);
        open += count;
        at_work += if status == IN_PROGRESS { count } else { 0.0 };
    }
    let (task, status) = (labels.get("task").unwrap_or("?"), labels.get("status").unwrap_or_default());
    let hours = history.windows(*id, Level::H1, DAY_MS)?.iter().filter(|row| row.min >= LEAST).count();
    // Where nobody works on anything, a stalled board has its own advice.
    if *waiting < LEAST || *waiting < SHARE * open || status == IN_PROGRESS || at_work < 1.0 || hours < LEAST_HOURS {
        return Ok(None);
    }
    let chain = history.latest(&labels.with(NAME_LABEL, "taskmaster_task_chain_tasks"), CURRENT_MS)?;
    let longest = history.latest(&of("taskmaster_critical_path_tasks", &[]), CURRENT_MS)?;
    let critical = match chain.zip(longest) {
        Some((chain, longest)) if chain >= longest => format!(" The longest chain of the board, {chain:.0} tasks, begins with it."),
        _ => String::new(),
    };
    let action = match status {
        REVIEW => format!("Review {task} first."),
        BLOCKED => format!("Clear what {task} is blocked by, or take it out of what does not need it."),
        _ => format!("Start {task} next, or drop dependencies on it that are not needed."),
    };
    let counts =
        [("open tasks that wait for it", Some(*waiting)), ("open tasks", Some(open)), ("tasks on the longest chain from it", chain)];
    Ok(Some(Finding {
        id: format!("{}:{project}:{tag}", ADVISOR.name),
        topic: Topic::Board,
        title: format!("{waiting:.0} tasks of {project}, {tag} wait for task {task}"),
        why: format!(
            "{waiting:.0} of {open:.0} open tasks wait for {task}, directly or through others, more than for any other. It waits for none and has been {status} for a day, while {at_work:.0} others are in progress.{critical}"
        ),
        action,
        severity: Severity::Notice,
        evidence: counts.into_iter().filter_map(|(name, count)| Some(Evidence::counted(name, count?, "count"))).collect(),
        query: labels.to_string(),
        start: history.now - 2 * DAY_MS,
        end: history.now,
        lasts_ms: 0,
    }))
}
