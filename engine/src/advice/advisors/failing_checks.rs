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
    needs_ms: (LATELY.0 + MIN_BEFORE) as i64 * DAY_MS,
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

/// Newest days that are compared with those before, at the least and at the most; each must be worse than all of these.
const LATELY: (usize, usize) = (2, 28);
const MIN_BEFORE: usize = 10;
/// One in so many of the newest days may be no worse.
const SPARED: usize = 4;
const SPAN_DAYS: usize = 42;
/// The share of failed checks that is worth advice, and by how much it must have grown.
const FAILED: f64 = 0.02;
const FACTOR: f64 = 3.0;
/// Checks that failed, at the least.
const MIN_FAILED: f64 = 10.0;
/// What is down most of the time is no matter of how often.
const DOWN: f64 = 0.9;

/// Checks of a day: how many failed, and how many there were.
type Day = (f64, f64);

/// How often checks fail in the newest days and before.
struct Risen {
    days: usize,
    lately: f64,
    before: f64,
    worst: f64,
    checks: f64,
}

fn share((failed, count): &Day) -> Option<f64> {
    (*count > 0.0).then(|| failed / count)
}

/// The most of the newest days that are worse than all before them; `days` has the newest first.
fn risen(days: &[Day]) -> Option<Risen> {
    (LATELY.0..=LATELY.1).rev().find_map(|count| {
        let (lately, before) = days.split_at_checked(count)?;
        let known: Vec<f64> = before.iter().filter_map(share).collect();
        let newest: Vec<f64> = lately.iter().filter_map(share).collect();
        let all = |part: &[Day]| part.iter().fold((0.0, 0.0), |sum: Day, day| (sum.0 + day.0, sum.1 + day.1));
        let (now, then) = (all(lately), all(before));
        let worst = known.iter().copied().fold(0.0, f64::max);
        let worse = newest.iter().filter(|share| **share > worst && **share < DOWN).count();
        // It is over where neither of the newest two days is worse, and began later where the oldest of these days is not.
        let goes_on = newest.iter().take(LATELY.0).any(|share| *share > worst) && newest.last().is_some_and(|share| *share > worst);
        let holds = newest.len() >= LATELY.0 && worse + newest.len() / SPARED >= newest.len() && known.len() >= MIN_BEFORE && goes_on;
        let found = Risen { days: count, lately: share(&now)?, before: share(&then)?, worst, checks: now.1 };
        let counts = found.lately >= FAILED.max(FACTOR * found.before) && now.0 >= MIN_FAILED;
        (holds && counts).then_some(found)
    })
}

fn assess(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    let mut found = Vec::new();
    for (id, labels) in history.series("probe_success") {
        let mut days = [(0.0, 0.0); SPAN_DAYS];
        for row in history.windows(id, Level::H1, SPAN_DAYS as i64 * DAY_MS)? {
            let back = usize::try_from((history.now - row.start - 1) / DAY_MS).unwrap_or(usize::MAX);
            if let Some((failed, count)) = days.get_mut(back) {
                (*failed, *count) = (*failed + row.count - row.sum, *count + row.count);
            }
        }
        let Some(risen) = risen(&days) else { continue };
        let lately = format!("last {} days", risen.days);
        let target = labels.get("target").unwrap_or("?");
        found.push(Finding {
            id: format!("failures_risen:{target}"),
            topic: Topic::Probe,
            title: format!("Checks of {target} fail more often than they did"),
            why: format!(
                "{} of the checks of the {lately} failed, and {} of those of the weeks before; no day of these was as bad.",
                figure("_ratio", risen.lately),
                figure("_ratio", risen.before)
            ),
            action: format!(
                "See on the page Application with what they fail and at which times, and what changed at {target} {} days ago.",
                risen.days
            ),
            severity: Severity::Warning,
            evidence: vec![
                Evidence::counted("share that failed since then", risen.lately, "ratio"),
                Evidence::counted("share that failed before", risen.before, "ratio"),
                Evidence::counted("worst day before", risen.worst, "ratio"),
                Evidence::counted("checks since then", risen.checks, "count"),
            ],
            query: labels.to_string(),
            start: history.now - SPAN_DAYS as i64 * DAY_MS,
            end: history.now,
            lasts_ms: 2 * DAY_MS,
        });
    }
    Ok(found)
}
