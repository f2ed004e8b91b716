//! Boards whose forecast slips, and boards with too much in progress for what gets done.

use super::super::counsel::{Confidence, Counsel, Effort, Expects, Measures, Worse};
use super::super::history::{BoardName, DAY_MS, HOUR_MS, approximate, board_of, mean};
use super::super::{Evidence, Finding, History, Horizon, Topic};
use super::Advisor;
use crate::experiment::Better;
use crate::model::{Labels, TimestampMs};
use crate::rules::Severity;
use crate::store::StoreError;
use crate::windows::Level;
use crate::words::figure;

pub(super) const SLIPPING: Advisor = Advisor {
    name: "forecast_slips",
    about: "the forecast end of a board is later than a week ago, by more than its interval",
    reads: &["taskmaster_forecast_done_timestamp_seconds"],
    horizon: Horizon::Month,
    needs_ms: 0,
    assess: slipping,
    counsel: Counsel {
        matters: "Who waits for the end of the board plans with a date that no longer holds.",
        then: &["Tell those who wait for it the new range of dates."],
        effort: Effort::Hours,
        confidence: Confidence::Medium,
        refuted_by: "The forecast of the coming week is no later than that of today although nothing was dropped.",
        expects: Expects::Unknown("how much earlier it ends depends on what is dropped"),
        measure: Measures::Nothing("a forecast end is a date: it moves with each task that is added or done"),
        sibling: None,
        worse: Worse::More(0),
    },
};

pub(super) const WIDE: Advisor = Advisor {
    name: "too_much_in_progress",
    about: "more tasks are in progress than get done in a week",
    reads: &["taskmaster_tasks", "taskmaster_throughput_tasks_per_day"],
    horizon: Horizon::Month,
    needs_ms: 0,
    assess: wide,
    counsel: Counsel {
        matters: "The more is in progress at once, the longer each task takes, and the later its faults are found.",
        then: &["Agree on a limit of tasks in progress, and pull a new one only when one is done."],
        effort: Effort::Minutes,
        confidence: Confidence::Medium,
        refuted_by: "Fewer tasks are in progress for two weeks and each still stays as long.",
        expects: Expects::Unknown("Little's law holds on average and gives no range"),
        measure: Measures::Series(Better::Lower),
        sibling: None,
        worse: Worse::More(0),
    },
};

const WEEK_MS: i64 = 7 * DAY_MS;
/// A smaller slip is none.
const SLIP_SECONDS: f64 = 2.0 * 86_400.0;
/// So many tasks in progress, for so many days each, are too many.
const MANY: f64 = 5.0;
const LONG_DAYS: f64 = 7.0;

fn slipping(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    let metric = "taskmaster_forecast_done_timestamp_seconds";
    let mut found = Vec::new();
    for (_, labels, ends) in history.newest(metric, HOUR_MS)? {
        let (project, tag) = board_of(&labels);
        if labels.get("quantile") != Some("0.5") {
            continue;
        }
        // What the forecast of a week ago said: half of the cases, and nearly all.
        let then = |share: &str| at(history, &labels.with("quantile", share), history.now - WEEK_MS);
        let (Some(half), Some(most)) = (then("0.5")?, then("0.95")?) else { continue };
        let slip = ends - half;
        if ends <= most || slip < SLIP_SECONDS {
            continue;
        }
        let open = at(history, &Labels::metric("taskmaster_queue_depth", &[("project", &project), ("tag", &tag)]), history.now)?;
        let mut evidence = vec![
            Evidence::counted("slip of the forecast within a week", slip, "seconds"),
            Evidence::counted("slip beyond what nearly all cases allowed", ends - most, "seconds"),
        ];
        evidence.extend(open.map(|open| Evidence::counted("tasks pending", open, "count")));
        found.push(Finding {
            id: format!("forecast_slips:{project}:{tag}"),
            topic: Topic::Board,
            title: format!("The end of {project}, {tag} moves away"),
            why: format!(
                "A week ago half of the cases were done by {}, and 95 % by {}; now half are done by {}.",
                figure(metric, half),
                figure(metric, most),
                figure(metric, ends)
            ),
            action: "See whether tasks were added or less was done (the burn-up on the page Tasks), and drop or defer what is not needed by then.".to_owned(),
            severity: Severity::Notice,
            evidence,
            query: format!("{metric}{{project={project:?},tag={tag:?}}}"),
            start: history.now - 2 * WEEK_MS,
            end: history.now,
            lasts_ms: 2 * DAY_MS,
        });
    }
    Ok(found)
}

/// The value of a series at a time, where it had one in the hour before.
fn at(history: &History<'_>, labels: &Labels, time: TimestampMs) -> Result<Option<f64>, StoreError> {
    let Some(id) = history.store.series_id(labels) else { return Ok(None) };
    Ok(history.store.latest(id, time - HOUR_MS, time)?.map(|sample| sample.v).filter(|v| v.is_finite()))
}

fn wide(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    let mut found = Vec::new();
    for (id, labels) in history.series("taskmaster_tasks") {
        if labels.get("status") != Some("in-progress") {
            continue;
        }
        let rows = history.windows(id, Level::H1, WEEK_MS)?;
        let (project, tag): BoardName = board_of(&labels);
        let done =
            at(history, &Labels::metric("taskmaster_throughput_tasks_per_day", &[("project", &project), ("tag", &tag)]), history.now)?;
        let Some(done) = done.filter(|done| *done > 0.0 && rows.len() >= 100) else { continue };
        let open = mean(&rows);
        let days = open / done;
        if open < MANY || days < LONG_DAYS {
            continue;
        }
        found.push(Finding {
            id: format!("too_much_in_progress:{project}:{tag}"),
            topic: Topic::Board,
            title: format!("Too much is in progress on {project}, {tag}"),
            why: format!(
                "{} tasks were in progress on average over the last week while {} a day got done, so each stays for about {} (Little's law).",
                figure("", open),
                figure("", done),
                approximate(days * 86_400.0)
            ),
            action: "Finish what is in progress before starting more: with half as many at once each is done in half the time.".to_owned(),
            severity: Severity::Notice,
            evidence: vec![
                Evidence::counted("tasks in progress, mean of the last week", open, "count"),
                Evidence::counted("tasks done a day", done, "per_day"),
                Evidence::counted("time that a task stays in progress", days * 86_400.0, "seconds"),
            ],
            query: labels.to_string(),
            start: history.now - WEEK_MS,
            end: history.now,
            lasts_ms: 2 * DAY_MS,
        });
    }
    Ok(found)
}
