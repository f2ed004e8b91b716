//! Probed targets that fail more often than they used to, though they answer in between.

use super::super::counsel::{Confidence, Counsel, Effort, Expects, Measures, Worse};
use super::super::history::DAY_MS;
use super::super::{Evidence, Finding, History, Horizon, Topic};
use super::Advisor;
use crate::experiment::Better;
use crate::rules::Severity;
use crate::store::StoreError;
use crate::windows::Level;
use crate::words::figure;

pub(super) const ADVISOR: Advisor = Advisor {
    name: "failures_risen",
    about: "checks of a target fail more often than in the weeks before",
    reads: &["probe_success"],
    horizon: Horizon::Month,
    assess,
    counsel: Counsel {
        matters: "Each failed check stands for visitors whose requests failed as well.",
        then: &["See whether the share goes back within two days."],
        effort: Effort::Hours,
        confidence: Confidence::Medium,
        refuted_by: "Other targets fail as often since then: it is the network or this machine.",
        expects: Expects::Unknown("how often it fails afterwards depends on the cause"),
        measure: Measures::Series(Better::Higher),
        sibling: Some("target"),
        worse: Worse::More(0),
    },
};

/// Newest days that are compared with those before; each must be worse than all of these.
const LATELY: usize = 2;
const MIN_BEFORE: usize = 10;
/// The share of failed checks that is worth advice, and by how much it must have grown.
const FAILED: f64 = 0.02;
const FACTOR: f64 = 3.0;
/// Checks that failed, at the least.
const MIN_FAILED: f64 = 10.0;
/// What is down most of the time is no matter of how often.
const DOWN: f64 = 0.9;

fn assess(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    let mut found = Vec::new();
    for (id, labels) in history.series("probe_success") {
        let mut days = [(0.0, 0.0); 28];
        for row in history.windows(id, Level::H1, 28 * DAY_MS)? {
            let back = usize::try_from((history.now - row.start - 1) / DAY_MS).unwrap_or(usize::MAX);
            if let Some((failed, count)) = days.get_mut(back) {
                (*failed, *count) = (*failed + row.count - row.sum, *count + row.count);
            }
        }
        let share = |(failed, count): &(f64, f64)| (*count > 0.0).then(|| failed / count);
        let (lately, before) = days.split_at(LATELY);
        let known: Vec<f64> = before.iter().filter_map(share).collect();
        let newest: Vec<f64> = lately.iter().filter_map(share).collect();
        let all = |part: &[(f64, f64)]| part.iter().fold((0.0, 0.0), |sum: (f64, f64), day| (sum.0 + day.0, sum.1 + day.1));
        let (now, then) = (all(lately), all(before));
        let (Some(now_share), Some(then_share)) = (share(&now), share(&then)) else { continue };
        let worst = known.iter().copied().fold(0.0, f64::max);
        let worse = newest.len() == LATELY && known.len() >= MIN_BEFORE && newest.iter().all(|v| *v > worst && *v < DOWN);
        if !worse || now_share < FAILED.max(FACTOR * then_share) || now.0 < MIN_FAILED {
            continue;
        }
        let target = labels.get("target").unwrap_or("?");
        found.push(Finding {
            id: format!("failures_risen:{target}"),
            topic: Topic::Probe,
            title: format!("Checks of {target} fail more often than they did"),
            why: format!(
                "{} of the checks of the last two days failed, and {} of those of the weeks before; no day of these was as bad.",
                figure("_ratio", now_share),
                figure("_ratio", then_share)
            ),
            action: format!(
                "See on the page Application with what they fail and at which times, and what changed at {target} two days ago."
            ),
            severity: Severity::Warning,
            evidence: vec![
                Evidence::counted("share that failed, last two days", now_share, "ratio"),
                Evidence::counted("share that failed before", then_share, "ratio"),
                Evidence::counted("worst day before", worst, "ratio"),
                Evidence::counted("checks of the last two days", now.1, "count"),
            ],
            query: labels.to_string(),
            start: history.now - 28 * DAY_MS,
            end: history.now,
            lasts_ms: 2 * DAY_MS,
        });
    }
    Ok(found)
}
