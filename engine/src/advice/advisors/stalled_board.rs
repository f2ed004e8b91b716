//! Boards with open tasks where nothing changed for six hours.

use std::collections::BTreeMap;

use super::super::history::{BoardName, approximate, board_of};
use super::super::{Evidence, Finding, History, Horizon};
use super::Advisor;
use crate::model::{Labels, SeriesId, TimestampMs};
use crate::rules::Severity;
use crate::store::StoreError;
use crate::windows::{Level, WindowRow};

pub(super) const ADVISOR: Advisor = Advisor { horizon: Horizon::Day, assess };

/// A board with open tasks that did not change for this long is stalled.
const STALLED_MS: i64 = 6 * 3_600_000;
/// Share of the windows of [`STALLED_MS`] that must have samples.
const WATCHED: f64 = 0.9;

/// The newest counts of a board's tasks.
#[derive(Default)]
struct Counts {
    in_progress: f64,
    /// Pending, in review or blocked.
    open: f64,
    /// Windows with samples within [`STALLED_MS`].
    windows: usize,
}

fn assess(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    let mut boards: BTreeMap<BoardName, Vec<(SeriesId, Labels)>> = BTreeMap::new();
    for (id, labels) in history.series("taskmaster_tasks") {
        boards.entry(board_of(&labels)).or_default().push((id, labels));
    }
    let mut found = Vec::new();
    for (board, series) in boards {
        if let Some(counts) = stalled(history, series)? {
            found.push(finding(history, board, &counts)?);
        }
    }
    Ok(found)
}

/// The counts of a board with open tasks, where none of them changed and enough of the time was watched.
fn stalled(history: &History<'_>, series: Vec<(SeriesId, Labels)>) -> Result<Option<Counts>, StoreError> {
    let mut counts = Counts::default();
    let mut changed = false;
    for (id, labels) in series {
        let rows = history.windows(id, Level::M15, STALLED_MS + Level::M15.ms())?;
        let Some(last) = rows.last().filter(|row| history.now - row.start < 2 * Level::H1.ms()) else { continue };
        changed |= !rows.iter().all(|row| row.min == last.last && row.max == last.last);
        counts.windows = counts.windows.max(rows.len());
        match labels.get("status") {
            Some("in-progress") => counts.in_progress = last.last,
            Some("pending" | "review" | "blocked") => counts.open += last.last,
            _ => {}
        }
    }
    let needed = STALLED_MS as f64 / Level::M15.ms() as f64;
    let watched = counts.windows as f64 >= WATCHED * needed;
    Ok((!changed && watched && counts.open + counts.in_progress > 0.0).then_some(counts))
}

fn finding(history: &History<'_>, (project, tag): BoardName, counts: &Counts) -> Result<Finding, StoreError> {
    let Counts { in_progress, open, windows } = *counts;
    let ready = latest(history, "taskmaster_ready_tasks", &project, &tag)?;
    let action = match (in_progress > 0.0, ready) {
        (true, _) => "Look at the tasks in progress: finish them, split them into subtasks, or put them back.".to_owned(),
        (false, Some(ready)) if ready > 0.0 => format!("Start one of the {ready:.0} tasks that are ready."),
        _ => "No task is ready: finish or cancel what the others wait for.".to_owned(),
    };
    let watched_seconds = windows as f64 * Level::M15.ms() as f64 / 1e3;
    let mut evidence = vec![
        Evidence::counted("time without a move, watched", watched_seconds, "seconds"),
        Evidence::counted("tasks in progress", in_progress, "count"),
        Evidence::counted("tasks pending, in review or blocked", open, "count"),
    ];
    evidence.extend(ready.map(|ready| Evidence::counted("tasks ready", ready, "count")));
    Ok(Finding {
        id: format!("board_stalled:{project}:{tag}"),
        kind: "board",
        title: format!("Nothing has moved on {project}, {tag}"),
        why: format!(
            "No task changed its status for {} while {in_progress:.0} are in progress and {open:.0} wait.",
            approximate(watched_seconds)
        ),
        action,
        severity: Severity::Notice,
        evidence,
        query: format!("taskmaster_tasks{{project={project:?},tag={tag:?}}}"),
        start: history.now - STALLED_MS,
        end: history.now,
    })
}

/// The newest value within the last hour.
fn latest(history: &History<'_>, metric: &str, project: &str, tag: &str) -> Result<Option<f64>, StoreError> {
    let Some(id) = history.store.series_id(&Labels::metric(metric, &[("project", project), ("tag", tag)])) else { return Ok(None) };
    let since: TimestampMs = history.now - Level::H1.ms();
    let rows: Vec<WindowRow> = history.store.windows(id, Level::M1, since, history.now)?;
    Ok(rows.last().map(|row| row.last))
}
