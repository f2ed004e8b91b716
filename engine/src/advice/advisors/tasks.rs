//! Tasks by their moves: one that is in progress far longer than others took, those that come back, and reviews that take most of the time.
//!
//! Time is counted in the hours of the week in which the board moves: nights and weekends are nobody's delay.

use std::collections::{BTreeMap, BTreeSet};

use super::super::counsel::{Confidence, Counsel, Effort, Expects, Measures, Worse, hourly_mean, named};
use super::super::history::{BoardName, DAY_MS, HOUR_MS, approximate, board_of};
use super::super::records::Move;
use super::super::{Evidence, Finding, History, Horizon, Topic};
use super::Advisor;
use super::over_complexity::Line;
use crate::board::{DONE, IN_PROGRESS, is_work};
use crate::experiment::Better;
use crate::model::TimestampMs;
use crate::rules::Severity;
use crate::store::StoreError;
use crate::words::figure;

pub(super) const STUCK: Advisor = Advisor {
    name: "task_stuck",
    about: "a task is in progress far longer than others took",
    reads: &["taskmaster_tasks"],
    horizon: Horizon::Month,
    needs_ms: 0,
    assess: stuck,
    counsel: Counsel {
        matters: "What is in progress for long keeps others waiting, and makes the forecast later than it says.",
        then: &[],
        effort: Effort::Hours,
        confidence: Confidence::Medium,
        refuted_by: "The task is larger than all others, and it is known when it will be done.",
        expects: Expects::Unknown("how long it would still take is not known"),
        measure: Measures::Nothing("it is one task: the advice goes when it moves"),
        sibling: None,
        worse: Worse::More(0),
    },
};

pub(super) const BOUNCES: Advisor = Advisor {
    name: "task_bounces",
    about: "tasks come back after they were done or in review",
    reads: &["taskmaster_tasks_reopened_total"],
    horizon: Horizon::Month,
    needs_ms: 0,
    assess: bounces,
    counsel: Counsel {
        matters: "Each return costs the work of a round, and what was built on it may have to change.",
        then: &[],
        effort: Effort::Hours,
        confidence: Confidence::High,
        refuted_by: "The statuses were changed by a script or by mistake.",
        expects: Expects::Unknown("how many rounds it still takes is not known"),
        measure: Measures::Nothing("they are single tasks: the advice goes when two weeks are without returns"),
        sibling: None,
        worse: Worse::More(0),
    },
};

pub(super) const REVIEW: Advisor = Advisor {
    name: "review_waits",
    about: "tasks spend most of their time in review",
    reads: &["taskmaster_task_review_seconds"],
    horizon: Horizon::Month,
    needs_ms: 11 * DAY_MS,
    assess: review,
    counsel: Counsel {
        matters: "Finished work helps nobody before it is reviewed, and goes stale while it waits.",
        then: &["Compare the time in review two weeks later."],
        effort: Effort::Hours,
        confidence: Confidence::Medium,
        refuted_by: "The status review is also used for something else, such as waiting for a release.",
        expects: Expects::UpTo(1, "time of a typical task", "all of its typical wait for a review"),
        measure: Measures::Query(Better::Lower, reviews),
        sibling: None,
        worse: Worse::More(0),
    },
};

pub(super) const SPAN_MS: i64 = 28 * DAY_MS;
/// Done tasks that say how long one takes.
const LEAST_DONE: usize = 10;
/// Longer than nearly all of them by this factor is stuck, and no shorter than a day at work.
const FACTOR: f64 = 3.0;
const LEAST_HOURS: f64 = 8.0;
/// Tasks that are named.
pub(super) const NAMED: usize = 3;
/// A task that came back so often within two weeks bounces.
const BOUNCE_MS: i64 = 14 * DAY_MS;
const BOUNCED: usize = 3;
/// Reviews that are worth advice: this share of the time of tasks, and this long.
const REVIEW_SHARE: f64 = 0.5;
const REVIEW_SECONDS: f64 = 4.0 * 3_600.0;

/// The mean of the reviews that ended in each hour.
fn reviews(finding: &Finding) -> Option<String> {
    let (project, tag) = (named(&finding.query, "project")?, named(&finding.query, "tag")?);
    Some(hourly_mean("taskmaster_task_review_seconds", &[("project", &project), ("tag", &tag)]))
}

/// The hours of a week in which a board moves.
struct WorkingHours(BTreeSet<i64>);

impl WorkingHours {
    fn of(moves: &[&Move]) -> Self {
        Self(moves.iter().map(|one| hour_of_week(one.at)).collect())
    }

    /// Hours at work between two times.
    fn between(&self, from: TimestampMs, to: TimestampMs) -> f64 {
        let mut hours = 0.0;
        for hour in from.div_euclid(HOUR_MS)..=to.div_euclid(HOUR_MS) {
            let start = hour * HOUR_MS;
            if self.0.contains(&hour_of_week(start)) {
                hours += (to.min(start + HOUR_MS) - from.max(start)).max(0) as f64 / HOUR_MS as f64;
            }
        }
        hours
    }
}

fn hour_of_week(at: TimestampMs) -> i64 {
    at.div_euclid(HOUR_MS).rem_euclid(168)
}

pub(super) fn by_board(moves: &[Move]) -> BTreeMap<&BoardName, Vec<&Move>> {
    let mut boards: BTreeMap<&BoardName, Vec<&Move>> = BTreeMap::new();
    moves.iter().for_each(|one| boards.entry(&one.board).or_default().push(one));
    boards
}

/// What all findings of a board have.
pub(super) fn finding(history: &History<'_>, kind: &str, (project, tag): &BoardName, metric: &str, span_ms: i64) -> Finding {
    Finding {
        id: format!("{kind}:{project}:{tag}"),
        topic: Topic::Board,
        title: String::new(),
        why: String::new(),
        action: String::new(),
        severity: Severity::Notice,
        evidence: Vec::new(),
        query: format!("{metric}{{project={project:?},tag={tag:?}}}"),
        start: history.now - span_ms,
        end: history.now,
        lasts_ms: DAY_MS,
    }
}

/// A task in progress: hours at work on it, and its complexity where that is known.
pub(super) struct Open<'a> {
    pub(super) task: &'a str,
    pub(super) hours: f64,
    pub(super) score: Option<f64>,
}

/// Hours at work of tasks of a board.
pub(super) struct Times<'a> {
    /// Of each task that was done, with its complexity where that is known.
    pub(super) done: Vec<(f64, Option<f64>)>,
    /// Of those that are in progress.
    pub(super) open: Vec<Open<'a>>,
}

/// What is known of a task while its moves are read.
#[derive(Default)]
struct Since {
    from: Option<TimestampMs>,
    hours: f64,
    seen: bool,
    score: Option<f64>,
}

impl<'a> Times<'a> {
    pub(super) fn of(moves: &[&'a Move], now: TimestampMs) -> Self {
        let at_work = WorkingHours::of(moves);
        let mut since: BTreeMap<&str, Since> = BTreeMap::new();
        let mut done = Vec::new();
        for one in moves {
            // A start that was not seen makes no time.
            let known = since.entry(&one.task).or_default();
            let to = one.to.as_deref().unwrap_or_default();
            known.score = one.complexity.or(known.score);
            if let Some(from) = known.from.take() {
                known.hours += at_work.between(from, one.at);
            }
            known.seen |= to == IN_PROGRESS;
            if is_work(to) && known.seen {
                known.from = Some(one.at);
            } else if to == DONE {
                done.extend((known.hours > 0.0).then_some((known.hours, known.score)));
                (known.hours, known.seen) = (0.0, false);
            } else if one.to.is_none() {
                since.remove(one.task.as_str());
            }
        }
        let open = |(task, known): (&'a str, Since)| {
            Some(Open { task, hours: known.hours + at_work.between(known.from?, now), score: known.score })
        };
        Self { done, open: since.into_iter().filter_map(open).collect() }
    }
}

/// What 95 % of done tasks stayed below; none of too few.
fn usual(done: &[(f64, Option<f64>)]) -> Option<f64> {
    let mut hours: Vec<f64> = done.iter().map(|(hours, _)| *hours).collect();
    hours.sort_by(f64::total_cmp);
    hours.get((hours.len() as f64 * 0.95) as usize).copied().filter(|_| hours.len() >= LEAST_DONE)
}

/// Beyond so many hours a task is stuck.
pub(super) fn limit(done: &[(f64, Option<f64>)]) -> Option<f64> {
    usual(done).map(|long| (FACTOR * long).max(LEAST_HOURS))
}

fn stuck(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    let moves = history.moves(SPAN_MS)?;
    let mut found = Vec::new();
    for (board, moves) in by_board(&moves) {
        let Times { done, mut open } = Times::of(&moves, history.now);
        let Some((long, limit)) = usual(&done).zip(limit(&done)) else { continue };
        let line = Line::through(&done);
        // A task that is as complex as it is long is not stuck.
        open.retain(|one| one.hours > limit && line.as_ref().is_none_or(|line| !line.explains(one)));
        open.sort_by(|a, b| b.hours.total_cmp(&a.hours));
        if open.is_empty() {
            continue;
        }
        let named: Vec<String> =
            open.iter().take(NAMED).map(|one| format!("{} ({})", one.task, approximate(one.hours * 3_600.0))).collect();
        let mut evidence: Vec<Evidence> = open
            .iter()
            .take(NAMED)
            .map(|one| Evidence::counted(format!("time at work on task {}", one.task), one.hours * 3_600.0, "seconds"))
            .collect();
        evidence.push(Evidence::counted("time at work that 95 % of done tasks stayed below", long * 3_600.0, "seconds"));
        evidence.push(Evidence::counted("tasks done that this is drawn from", done.len() as f64, "count"));
        let (project, tag) = board;
        let (subject, verb) = if open.len() == 1 { ("task", "is") } else { ("tasks", "are") };
        found.push(Finding {
            title: format!("{} {subject} on {project}, {tag} {verb} in progress for unusually long", open.len()),
            why: format!(
                "In progress for far longer than others took, in hours in which this board moves: {}. Of {} tasks done in four weeks, 95 % took {} or less.",
                named.join(", "),
                done.len(),
                approximate(long * 3_600.0)
            ),
            action: "Ask what it waits for: split it, hand it over, or put it back to pending, so that the board says what is so.".to_owned(),
            evidence,
            ..finding(history, STUCK.name, board, "taskmaster_tasks", SPAN_MS)
        });
    }
    Ok(found)
}

fn bounces(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    let moves = history.moves(BOUNCE_MS)?;
    let mut found = Vec::new();
    for (board, moves) in by_board(&moves) {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for one in moves.iter().filter(|one| one.reopened) {
            *counts.entry(&one.task).or_default() += 1;
        }
        let mut often: Vec<(&str, usize)> = counts.into_iter().filter(|(_, count)| *count >= BOUNCED).collect();
        often.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let Some((first, _)) = often.first() else { continue };
        let named: Vec<String> = often.iter().take(NAMED).map(|(task, count)| format!("{task} ({count} times)")).collect();
        let (project, tag) = board;
        let title = if often.len() == 1 {
            format!("Task {first} of {project}, {tag} keeps coming back")
        } else {
            format!("{} tasks of {project}, {tag} keep coming back", often.len())
        };
        found.push(Finding {
            title,
            why: format!("After they were done or in review, these came back within two weeks: {}.", named.join(", ")),
            action: "Write down what done means for it before it is started again (its test strategy), or split off what keeps failing."
                .to_owned(),
            evidence: often
                .iter()
                .take(NAMED)
                .map(|(task, count)| Evidence::counted(format!("times that task {task} came back"), *count as f64, "count"))
                .collect(),
            ..finding(history, BOUNCES.name, board, "taskmaster_tasks_reopened_total", BOUNCE_MS)
        });
    }
    Ok(found)
}

fn review(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    let mut boards: BTreeMap<BoardName, (Vec<f64>, f64)> = BTreeMap::new();
    for (metric, of_review) in [("taskmaster_task_review_seconds", true), ("taskmaster_task_execution_seconds", false)] {
        for (id, labels) in history.series(metric) {
            let board = boards.entry(board_of(&labels)).or_default();
            for (_, seconds) in history.values(id, SPAN_MS)? {
                if of_review {
                    board.0.push(seconds);
                } else {
                    board.1 += seconds;
                }
            }
        }
    }
    let mut found = Vec::new();
    for (board, (mut reviews, all)) in boards {
        reviews.sort_by(f64::total_cmp);
        let (sum, typical) = (reviews.iter().sum::<f64>(), reviews.get(reviews.len() / 2).copied().unwrap_or(0.0));
        if reviews.len() < LEAST_DONE || sum < REVIEW_SHARE * all || typical < REVIEW_SECONDS {
            continue;
        }
        let (project, tag) = &board;
        found.push(Finding {
            title: format!("Tasks on {project}, {tag} wait for their review"),
            why: format!(
                "Of the time of {} tasks done in four weeks, {} was review; half of them waited {} or more for it.",
                reviews.len(),
                figure("_ratio", sum / all),
                approximate(typical)
            ),
            action: "Review before starting anything new, keep what is reviewed small, or agree on a time of the day for it.".to_owned(),
            evidence: vec![
                Evidence::counted("share of the time that was review", sum / all, "ratio"),
                Evidence::counted("typical time in review", typical, "seconds"),
                Evidence::counted("tasks done in four weeks", reviews.len() as f64, "count"),
            ],
            lasts_ms: 3 * DAY_MS,
            ..finding(history, REVIEW.name, &board, "taskmaster_task_review_seconds", SPAN_MS)
        });
    }
    Ok(found)
}
