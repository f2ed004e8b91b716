//! Probed targets that answer more slowly than in the same hours of the weeks before.

use super::super::counsel::{Confidence, Counsel, Effort, Expects, Measures, Worse};
use super::super::history::DAY_MS;
use super::super::{Evidence, Finding, History, Horizon, Topic};
use super::Advisor;
use crate::effect::{self, Hours};
use crate::experiment::Better;
use crate::rules::Severity;
use crate::store::StoreError;
use crate::windows::Level;
use crate::words::figure;

pub(super) const ADVISOR: Advisor = Advisor {
    name: "latency_shifted",
    about: "a probed target answers more slowly than in the weeks before",
    reads: &["probe_duration_seconds"],
    horizon: Horizon::Month,
    assess,
    counsel: Counsel {
        matters: "Everyone who uses the target waits that much longer.",
        then: &[],
        effort: Effort::Hours,
        confidence: Confidence::Medium,
        refuted_by: "Other targets beside it became slower at the same time: then it is the network or this machine.",
        expects: Expects::GoesBack("time of a check"),
        measure: Measures::Series(Better::Lower),
        sibling: Some("target"),
        worse: Worse::More(0),
    },
};

/// A rise whose lower bound is smaller than this is not worth advice: it is asked every hour, and nobody feels less.
const RISE: f64 = 1.2;
/// What is faster than this is fast enough.
const FAST_SECONDS: f64 = 0.05;

fn assess(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    let at = history.now - 7 * DAY_MS;
    let mut found = Vec::new();
    for (id, labels) in history.series("probe_duration_seconds") {
        let rows = history.windows(id, Level::H1, 15 * DAY_MS)?;
        let hours: Hours = rows.iter().map(|row| (effect::hour_ending(row.start + Level::H1.ms()), row.avg())).collect();
        let Ok(measured) = effect::measure(&hours, None, at, history.now) else { continue };
        let Some(ratio) = measured.ratio.filter(|ratio| ratio.low > RISE && measured.mean_after > FAST_SECONDS) else { continue };
        let target = labels.get("target").unwrap_or("?");
        found.push(Finding {
            id: format!("latency_shifted:{target}"),
            topic: Topic::Probe,
            title: format!("{target} answers more slowly than it did"),
            why: format!(
                "Checks took {} on average in the last 7 days and {} in the same hours of the week before.",
                figure("_seconds", measured.mean_after),
                figure("_seconds", measured.mean_before)
            ),
            action: format!("See which phase became slower (the page Application), and what changed at {target} about then."),
            severity: Severity::Notice,
            evidence: vec![
                Evidence::estimated("time now over time before", ratio.value, (ratio.low, ratio.high), "ratio"),
                Evidence::counted("mean of the last 7 days", measured.mean_after, "seconds"),
                Evidence::counted("mean of the week before", measured.mean_before, "seconds"),
            ],
            query: labels.to_string(),
            start: history.now - 14 * DAY_MS,
            end: history.now,
            lasts_ms: 2 * DAY_MS,
        });
    }
    Ok(found)
}
