//! Boards with open tasks where nothing has moved for longer than is usual for them.
//!
//! Boards rest at night and over weekends. Days of the week on which a board never moved in the last weeks do not count, and a rest is
//! compared with the longest one that the board had before, and with how often it moves.

use std::collections::{BTreeMap, BTreeSet};

use super::super::counsel::{Confidence, Counsel, Effort, Expects, Measures, Worse};
use super::super::history::{BoardName, DAY_MS, HOUR_MS, approximate, board_of};
use super::super::{Evidence, Finding, History, Horizon, Topic};
use super::Advisor;
use crate::model::{Labels, SeriesId, TimestampMs};
use crate::rules::Severity;
use crate::store::StoreError;
use crate::windows::Level;

pub(super) const ADVISOR: Advisor = Advisor {
    name: "board_stalled",
    about: "nothing moves on a board with open tasks",
    reads: &["taskmaster_tasks"],
    horizon: Horizon::Month,
    needs_ms: 0,
    assess,
    counsel: Counsel {
        matters: "Tasks that nobody moves are late, or are not wanted any more: the board then says nothing true.",
        then: &[],
        effort: Effort::Minutes,
        confidence: Confidence::Low,
        refuted_by: "Nobody meant to work on this board in that time.",
        expects: Expects::Unknown("when something moves depends on who takes it up"),
        measure: Measures::Nothing("whether something moves is seen at once: the advice goes with it"),
        sibling: None,
        worse: Worse::More(0),
    },
};

/// A board that was watched for less than this, or moved less often, has no habits yet.
const LEARNED_MS: i64 = 14 * DAY_MS;
const LEARNED_MOVES: usize = 10;
/// Then this is a long rest: longer than a weekend.
const LONG_MS: i64 = 72 * HOUR_MS;
/// Otherwise what is longer by this factor than the longest rest before, and no less than a day.
const FACTOR: f64 = 1.5;
const SHORTEST_MS: i64 = DAY_MS;
/// And so long that so many hours with a move would be usual in it: a slow board rests for long by chance.
const USUAL_MOVES: f64 = 10.0;
/// Share of the hours of the rest that must have samples: what was not watched may have moved.
const WATCHED: f64 = 0.9;
/// What moves on a board, beside its tasks.
const MOVES: [&str; 3] = ["taskmaster_subtasks", "taskmaster_tasks_completed_total", "taskmaster_tasks_reopened_total"];
const SPAN_MS: i64 = 28 * DAY_MS;

/// What is known of a board.
#[derive(Default)]
struct Board {
    /// The newest count of tasks by status.
    counts: BTreeMap<String, f64>,
    /// Starts of the hours with samples, and of those in which something moved.
    watched: BTreeSet<TimestampMs>,
    moved: BTreeSet<TimestampMs>,
}

impl Board {
    fn count(&self, statuses: &[&str]) -> f64 {
        statuses.iter().filter_map(|status| self.counts.get(*status)).sum()
    }
}

fn assess(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    let mut boards: BTreeMap<BoardName, Board> = BTreeMap::new();
    for (id, labels) in history.series("taskmaster_tasks") {
        let board = boards.entry(board_of(&labels)).or_default();
        let newest = read(history, id, board)?;
        if let Some((status, newest)) = labels.get("status").zip(newest) {
            board.counts.insert(status.to_owned(), newest);
        }
    }
    for (id, labels) in MOVES.iter().flat_map(|metric| history.series(metric)) {
        if let Some(board) = boards.get_mut(&board_of(&labels)) {
            read(history, id, board)?;
        }
    }
    let mut found = Vec::new();
    for (name, board) in boards {
        if let Some(rest) = stalled(&board, history.now) {
            found.push(finding(history, name, &board, rest)?);
        }
    }
    Ok(found)
}

/// Notes the hours of a series; returns its newest value where it still has one.
fn read(history: &History<'_>, id: SeriesId, board: &mut Board) -> Result<Option<f64>, StoreError> {
    let mut before = None;
    let rows = history.windows(id, Level::H1, SPAN_MS)?;
    for row in &rows {
        board.watched.insert(row.start);
        if row.min != row.max || before.is_some_and(|before| before != row.first) {
            board.moved.insert(row.start);
        }
        before = Some(row.last);
    }
    Ok(rows.last().filter(|row| history.now - row.start < 3 * HOUR_MS).map(|row| row.last))
}

/// For how long nothing moved, where that is long for this board.
fn stalled(board: &Board, now: TimestampMs) -> Option<i64> {
    if board.count(&["pending", "in-progress", "review", "blocked"]) == 0.0 {
        return None;
    }
    let first = *board.watched.first()?;
    let learned = now - first >= LEARNED_MS && board.moved.len() >= LEARNED_MOVES;
    // Mondays began four days after 1970 did.
    let weekday = |t: TimestampMs| (t.div_euclid(DAY_MS) + 3).rem_euclid(7);
    let at_work: BTreeSet<i64> = board.moved.iter().map(|hour| weekday(*hour)).collect();
    let rest = |from: TimestampMs, to: TimestampMs| -> i64 {
        if !learned {
            return to - from;
        }
        (from.div_euclid(HOUR_MS)..to.div_euclid(HOUR_MS)).filter(|hour| at_work.contains(&weekday(hour * HOUR_MS))).count() as i64
            * HOUR_MS
    };
    // The hour after the last one in which something moved.
    let since = board.moved.last().map_or(first, |hour| hour + HOUR_MS);
    let hours: Vec<TimestampMs> = board.moved.iter().copied().collect();
    let longest = hours.windows(2).map(|pair| rest(pair[0] + HOUR_MS, pair[1])).max().unwrap_or(0);
    let limit = if learned { SHORTEST_MS.max((longest as f64 * FACTOR) as i64) } else { LONG_MS };
    let usual = board.moved.len() as f64 * rest(since, now) as f64 / rest(first, since).max(HOUR_MS) as f64;
    if learned && usual < USUAL_MOVES {
        return None;
    }
    let watched = board.watched.range(since..).count() as f64 * HOUR_MS as f64;
    (rest(since, now) >= limit && watched >= WATCHED * (now - since) as f64).then_some(now - since)
}

fn finding(history: &History<'_>, (project, tag): BoardName, board: &Board, rest: i64) -> Result<Finding, StoreError> {
    let labels = Labels::metric("taskmaster_ready_tasks", &[("project", &project), ("tag", &tag)]);
    let ready = history.latest(&labels, HOUR_MS)?;
    let (in_progress, review, blocked) = (board.count(&["in-progress"]), board.count(&["review"]), board.count(&["blocked"]));
    let waiting = board.count(&["pending"]);
    let action = if in_progress > 0.0 {
        "Look at the tasks in progress: finish them, split them into subtasks, or put them back.".to_owned()
    } else if review > 0.0 {
        format!("Review the {review:.0} that wait for it.")
    } else {
        match ready {
            Some(ready) if ready > 0.0 => format!("Start one of the {ready:.0} tasks that are ready."),
            Some(_) => "No task is ready: see what the others wait for, and whether it is still wanted.".to_owned(),
            None => "See what the open tasks wait for.".to_owned(),
        }
    };
    let seconds = rest as f64 / 1e3;
    let mut evidence = vec![Evidence::counted("time without a move", seconds, "seconds")];
    let counts = [("tasks in progress", in_progress), ("tasks in review", review), ("tasks pending", waiting), ("tasks blocked", blocked)];
    evidence.extend(counts.into_iter().filter(|(_, count)| *count > 0.0).map(|(name, count)| Evidence::counted(name, count, "count")));
    evidence.extend(ready.map(|ready| Evidence::counted("tasks ready", ready, "count")));
    Ok(Finding {
        id: format!("board_stalled:{project}:{tag}"),
        topic: Topic::Board,
        title: format!("Nothing has moved on {project}, {tag}"),
        why: format!("No task or subtask changed its status for {}, which is long for this board.", approximate(seconds)),
        action,
        severity: Severity::Notice,
        evidence,
        query: format!("taskmaster_tasks{{project={project:?},tag={tag:?}}}"),
        start: history.now - rest,
        end: history.now,
        lasts_ms: 0,
    })
}
