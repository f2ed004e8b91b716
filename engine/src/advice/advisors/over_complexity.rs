//! Tasks in progress for far longer than done tasks of like complexity took, though not for longer than all others.
//!
//! The time of done tasks is a line over their complexity scores, in logarithms; how they scatter about it says what is far over. Few or other scores
//! say nothing.

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::super::counsel::{Confidence, Counsel, Effort, Expects, Measures, Worse};
use super::super::history::{BoardName, approximate};
use super::super::{Evidence, Finding, History, Horizon};
use super::Advisor;
use super::tasks::{self, NAMED, Open, SPAN_MS, Times, by_board};
use crate::store::StoreError;

pub(super) const ADVISOR: Advisor = Advisor {
    name: "task_over_complexity",
    about: "a task is in progress far longer than done tasks of like complexity took",
    reads: &["taskmaster_task_complexity"],
    horizon: Horizon::Month,
    needs_ms: 0,
    assess,
    counsel: Counsel {
        matters: "Its score is what forecasts and plans go by: a task that is larger than it says makes both too early.",
        then: &[],
        effort: Effort::Hours,
        confidence: Confidence::Medium,
        refuted_by: "Nobody works on it: it was left in progress.",
        expects: Expects::Unknown("how long it would still take is not known"),
        measure: Measures::Nothing("it is one task: the advice goes when it moves"),
        sibling: None,
        worse: Worse::More(0),
    },
};

/// Done tasks with a score, and their share of all done ones.
const LEAST_DONE: usize = 20;
const KNOWN: f64 = 0.8;
/// A task stays below the limit but for one in two thousand.
const SURE: f64 = 0.9995;
/// Worth advice: so many times what is typical, and so many hours at work.
const FACTOR: f64 = 3.0;
const LEAST_HOURS: f64 = 2.0;

/// How long tasks take by their complexity, in logarithms of hours at work.
pub(super) struct Line {
    count: f64,
    mean: (f64, f64),
    slope: f64,
    /// Sum of the squares of scores about their mean.
    squares: f64,
    /// The deviation of a task from the line.
    scatter: f64,
    /// The lowest and the highest score of a done task.
    scores: (f64, f64),
}

impl Line {
    pub(super) fn through(done: &[(f64, Option<f64>)]) -> Option<Self> {
        let scored: Vec<(f64, f64)> = done.iter().filter_map(|(hours, score)| Some(((*score)?, hours.ln()))).collect();
        if scored.len() < LEAST_DONE || (scored.len() as f64) < KNOWN * done.len() as f64 {
            return None;
        }
        let count = scored.len() as f64;
        let mean = (scored.iter().map(|one| one.0).sum::<f64>() / count, scored.iter().map(|one| one.1).sum::<f64>() / count);
        let sum = |of: &dyn Fn(f64, f64) -> f64| scored.iter().map(|(score, time)| of(score - mean.0, time - mean.1)).sum::<f64>();
        let (squares, products, all) = (sum(&|x, _| x * x), sum(&|x, y| x * y), sum(&|_, y| y * y));
        let slope = if squares > 1e-9 { products / squares } else { 0.0 };
        let scatter = ((all - slope * products).max(0.0) / (count - 2.0)).sqrt();
        let scores = scored.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), (score, _)| (low.min(*score), high.max(*score)));
        Some(Self { count, mean, slope, squares, scatter, scores })
    }

    /// What a task of a score typically takes, and what hardly any takes longer than; none where no task like it is done.
    pub(super) fn hours(&self, score: f64) -> Option<(f64, f64)> {
        if score < self.scores.0 - 0.5 || score > self.scores.1 + 0.5 {
            return None;
        }
        let student = StudentsT::new(0.0, 1.0, self.count - 2.0).ok()?;
        let away = score - self.mean.0;
        let of_line = 1.0 / self.count + if self.squares > 1e-9 { away * away / self.squares } else { 0.0 };
        let typical = self.mean.1 + self.slope * away;
        let margin = student.inverse_cdf(SURE) * self.scatter * (1.0 + of_line).sqrt();
        Some((typical.exp(), (typical + margin).exp()))
    }

    /// Whether the complexity of a task explains that it takes so long.
    pub(super) fn explains(&self, open: &Open<'_>) -> bool {
        open.score.and_then(|score| self.hours(score)).is_some_and(|(_, limit)| open.hours <= limit)
    }
}

/// A task far over its limit: its score, what is typical and the limit.
struct Over<'a> {
    open: &'a Open<'a>,
    score: f64,
    typical: f64,
    limit: f64,
}

fn assess(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    let moves = history.moves(SPAN_MS)?;
    let mut found = Vec::new();
    for (board, moves) in by_board(&moves) {
        let times = Times::of(&moves, history.now);
        let Some(line) = Line::through(&times.done) else { continue };
        // What is stuck beside all others has its own advice.
        let most = tasks::limit(&times.done).unwrap_or(f64::INFINITY);
        let over = |open: &'_ Open<'_>| -> Option<(f64, f64, f64)> {
            let (typical, limit) = line.hours(open.score?)?;
            let is_over = open.hours > limit && open.hours >= (FACTOR * typical).max(LEAST_HOURS) && open.hours <= most;
            is_over.then_some((open.score?, typical, limit))
        };
        let mut found_here: Vec<Over<'_>> =
            times.open.iter().filter_map(|open| over(open).map(|(score, typical, limit)| Over { open, score, typical, limit })).collect();
        found_here.sort_by(|a, b| (b.open.hours / b.limit).total_cmp(&(a.open.hours / a.limit)));
        if !found_here.is_empty() {
            found.push(finding(history, board, &found_here, times.done.len()));
        }
    }
    Ok(found)
}

fn finding(history: &History<'_>, board: &BoardName, over: &[Over<'_>], done: usize) -> Finding {
    let time = |hours: f64| approximate(hours * 3_600.0);
    let words = |one: &Over<'_>| {
        format!(
            "{} (complexity {}) has taken {}, where {} is typical and one in two thousand takes more than {}",
            one.open.task,
            one.score,
            time(one.open.hours),
            time(one.typical),
            time(one.limit)
        )
    };
    let mut evidence = Vec::new();
    for one in over.iter().take(NAMED) {
        let (task, seconds) = (one.open.task, |hours: f64| hours * 3_600.0);
        evidence.push(Evidence::counted(format!("time at work on task {task}"), seconds(one.open.hours), "seconds"));
        evidence.push(Evidence::counted(format!("typical time for complexity {}", one.score), seconds(one.typical), "seconds"));
        evidence.push(Evidence::counted(format!("time that hardly any of complexity {} takes", one.score), seconds(one.limit), "seconds"));
    }
    evidence.push(Evidence::counted("tasks done that this is drawn from", done as f64, "count"));
    let (project, tag) = board;
    let first = over.first().map_or("?", |one| one.open.task);
    let title = if over.len() == 1 {
        format!("Task {first} on {project}, {tag} takes far longer than its complexity suggests")
    } else {
        format!("{} tasks on {project}, {tag} take far longer than their complexity suggests", over.len())
    };
    Finding {
        title,
        why: format!(
            "By {done} tasks done in four weeks, in hours in which this board moves: {}.",
            over.iter().take(NAMED).map(words).collect::<Vec<_>>().join("; ")
        ),
        action: format!(
            "See what {first} holds that its score does not say: split it (task-master expand --id={first}), or have its complexity analysed again."
        ),
        evidence,
        ..tasks::finding(history, ADVISOR.name, board, "taskmaster_task_complexity", SPAN_MS)
    }
}
