//! Advice on the task board: a board that stands still, tasks that take longer than they did.

use std::collections::BTreeMap;

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::machine::rough;
use super::{Evidence, Finding, History};
use crate::metrics::quantity;
use crate::model::{Labels, SeriesId, TimestampMs};
use crate::rules::Severity;
use crate::store::StoreError;
use crate::windows::{Level, WindowRow};

const DAY_MS: i64 = 86_400_000;
/// A board that had work and did not move for this long stands still.
const STILL_MS: i64 = 6 * 3_600_000;
/// Share of the hours of [`STILL_MS`] that must have been watched.
const WATCHED: f64 = 0.9;
/// Tasks needed in each half of the comparison of durations.
const MIN_TASKS: usize = 5;
/// A rise smaller than this, at the lower end of its interval, is not worth advice.
const RISE: f64 = 1.1;

/// Boards with work on them where nothing moved for six hours that were watched.
pub(super) fn stalled(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    let mut boards: BTreeMap<(String, String), Vec<(SeriesId, Labels)>> = BTreeMap::new();
    for (id, labels) in history.series("taskmaster_tasks") {
        boards.entry(board_of(&labels)).or_default().push((id, labels));
    }
    let mut found = Vec::new();
    for ((project, tag), series) in boards {
        let mut still = true;
        let mut watched = 0usize;
        let mut open = 0.0;
        let mut in_progress = 0.0;
        for (id, labels) in series {
            let rows = history.windows(id, Level::M15, STILL_MS + Level::M15.ms())?;
            let Some(last) = rows.last().filter(|row| history.now - row.start < 2 * Level::H1.ms()) else { continue };
            still &= rows.iter().all(|row| row.min == last.last && row.max == last.last);
            watched = watched.max(rows.len());
            match labels.get("status") {
                Some("in-progress") => in_progress = last.last,
                Some("pending" | "review" | "blocked") => open += last.last,
                _ => {}
            }
        }
        let needed = STILL_MS as f64 / Level::M15.ms() as f64;
        if !still || (watched as f64) < WATCHED * needed || open + in_progress == 0.0 {
            continue;
        }
        let ready = latest(history, "taskmaster_ready_tasks", &project, &tag)?;
        let action = match (in_progress > 0.0, ready) {
            (true, _) => "Look at the tasks in progress: finish them, split them into subtasks, or put them back.".to_owned(),
            (false, Some(ready)) if ready > 0.0 => format!("Start one of the {ready:.0} tasks that are ready."),
            _ => "No task is ready: finish or cancel what the others wait for.".to_owned(),
        };
        let mut evidence = vec![
            Evidence::counted("time without a move, watched", watched as f64 * Level::M15.ms() as f64 / 1e3, "seconds"),
            Evidence::counted("tasks in progress", in_progress, "count"),
            Evidence::counted("tasks pending, in review or blocked", open, "count"),
        ];
        evidence.extend(ready.map(|ready| Evidence::counted("tasks ready", ready, "count")));
        found.push(Finding {
            id: format!("board_stalled:{project}:{tag}"),
            kind: "board",
            title: format!("Nothing has moved on {project}, {tag}"),
            why: format!(
                "No task changed its status for {} while {:.0} are in progress and {open:.0} wait.",
                rough(watched as f64 * 900.0),
                in_progress
            ),
            action,
            severity: Severity::Notice,
            evidence,
            query: format!("taskmaster_tasks{{project={project:?},tag={tag:?}}}"),
            start: history.now - STILL_MS,
            end: history.now,
        });
    }
    Ok(found)
}

/// Boards whose tasks of the last week took longer than those of the three weeks before: the ratio of the geometric
/// means with Welch's interval on the logarithms (Welch 1947, "The generalization of Student's problem").
pub(super) fn rising_durations(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    let mut boards: BTreeMap<(String, String), (Vec<f64>, Vec<f64>)> = BTreeMap::new();
    for (id, labels) in history.series("taskmaster_task_execution_seconds") {
        let samples = history.store.samples(id, history.now - 28 * DAY_MS, history.now)?;
        let (before, lately) = boards.entry(board_of(&labels)).or_default();
        for sample in samples.iter().filter(|s| s.v > 0.0 && s.v.is_finite()) {
            let half = if sample.t < history.now - 7 * DAY_MS { &mut *before } else { &mut *lately };
            half.push(sample.v.ln());
        }
    }
    let mut found = Vec::new();
    for ((project, tag), (before, lately)) in boards {
        let Some((ratio, low, high)) = ratio_of_means(&lately, &before).filter(|(_, low, _)| *low > RISE) else { continue };
        let typical = |logs: &[f64]| (logs.iter().sum::<f64>() / logs.len() as f64).exp();
        found.push(Finding {
            id: format!("duration_rising:{project}:{tag}"),
            kind: "duration",
            title: format!("Tasks on {project}, {tag} take longer than they did"),
            why: format!(
                "A typical task took {} in the last 7 days and {} in the 21 days before: {} as long.",
                rough(typical(&lately)),
                rough(typical(&before)),
                quantity("_ratio", ratio)
            ),
            action: "Split large tasks, and look at what the slow ones share: priority, review, a slow CI or a busy machine at the time."
                .to_owned(),
            severity: Severity::Notice,
            evidence: vec![
                Evidence::estimated("duration now over duration before", ratio, (low, high), "ratio"),
                Evidence::counted("typical duration, last 7 days", typical(&lately), "seconds"),
                Evidence::counted("typical duration, 21 days before", typical(&before), "seconds"),
                Evidence::counted("tasks, last 7 days", lately.len() as f64, "count"),
                Evidence::counted("tasks, 21 days before", before.len() as f64, "count"),
            ],
            query: format!("taskmaster_task_execution_seconds{{project={project:?},tag={tag:?}}}"),
            start: history.now - 28 * DAY_MS,
            end: history.now,
        });
    }
    Ok(found)
}

/// exp of the difference of two means with its 95 % interval; none with too few values or without any scatter.
pub(super) fn ratio_of_means(a: &[f64], b: &[f64]) -> Option<(f64, f64, f64)> {
    if a.len() < MIN_TASKS || b.len() < MIN_TASKS {
        return None;
    }
    let moments = |x: &[f64]| {
        let n = x.len() as f64;
        let mean = x.iter().sum::<f64>() / n;
        let variance = x.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
        (mean, variance / n, n)
    };
    let ((mean_a, error_a, n_a), (mean_b, error_b, n_b)) = (moments(a), moments(b));
    let error = error_a + error_b;
    if error <= 0.0 {
        return None;
    }
    let freedom = error.powi(2) / (error_a.powi(2) / (n_a - 1.0) + error_b.powi(2) / (n_b - 1.0));
    let t = StudentsT::new(0.0, 1.0, freedom).ok()?.inverse_cdf(0.975);
    let (difference, margin) = (mean_a - mean_b, t * error.sqrt());
    Some((difference.exp(), (difference - margin).exp(), (difference + margin).exp()))
}

fn board_of(labels: &Labels) -> (String, String) {
    let part = |name| labels.get(name).unwrap_or("").to_owned();
    (part("project"), part("tag"))
}

fn latest(history: &History<'_>, metric: &str, project: &str, tag: &str) -> Result<Option<f64>, StoreError> {
    let Some(id) = history.store.series_id(&Labels::metric(metric, &[("project", project), ("tag", tag)])) else { return Ok(None) };
    let since: TimestampMs = history.now - Level::H1.ms();
    let rows: Vec<WindowRow> = history.store.windows(id, Level::M1, since, history.now)?;
    Ok(rows.last().map(|row| row.last))
}
