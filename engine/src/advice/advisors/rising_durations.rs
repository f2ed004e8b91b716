//! Boards whose tasks of the last week took longer than those of the three weeks before.

use std::collections::BTreeMap;

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::super::history::{BoardName, DAY_MS, approximate, board_of};
use super::super::{Evidence, Finding, History, Horizon};
use super::Advisor;
use crate::rules::Severity;
use crate::store::StoreError;
use crate::words::figure;

pub(super) const ADVISOR: Advisor = Advisor { horizon: Horizon::Month, assess };

/// Tasks needed in each of the two periods.
const MIN_TASKS: usize = 5;
/// A rise whose lower bound is smaller than this is not worth advice.
const RISE: f64 = 1.1;

/// Boards whose tasks of the last week took longer than those of the three weeks before: the ratio of the geometric
/// means with Welch's interval on the logarithms (Welch 1947, "The generalization of Student's problem").
fn assess(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    let mut boards: BTreeMap<BoardName, (Vec<f64>, Vec<f64>)> = BTreeMap::new();
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
                approximate(typical(&lately)),
                approximate(typical(&before)),
                figure("_ratio", ratio)
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
pub(in crate::advice) fn ratio_of_means(a: &[f64], b: &[f64]) -> Option<(f64, f64, f64)> {
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
