//! Probed targets that answer more slowly than in the same hours of the weeks before.

use crate::effect::change_point::change_point;
use super::super::counsel::{Confidence, Counsel, Effort, Expects, Measures, Worse};
use super::super::history::{DAY_MS, HOUR_MS};
use super::super::{Evidence, Finding, History, Horizon, Topic};
use super::Advisor;
use crate::effect::{self, Hours};
use crate::experiment::Better;
use crate::model::TimestampMs;
use crate::rules::Severity;
use crate::store::StoreError;
use crate::windows::{Level, WindowRow};
use crate::words::{date, figure};

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
/// Hours on each side of the moment at which it became slower.
const LEAST_HOURS: usize = 24;

/// When checks became slower, and between which moments that was, of 95 %. None where they did so slowly, or chance may have made it.
fn began(rows: &[WindowRow]) -> Option<(TimestampMs, (TimestampMs, TimestampMs))> {
    let rows: Vec<&WindowRow> = rows.iter().filter(|row| row.avg() > 0.0).collect();
    let logarithms: Vec<f64> = rows.iter().map(|row| row.avg().ln()).collect();
    // Hours of a workday and of the weekend each have a level of their own. Mondays began four days after 1970 did.
    let group = |start: i64| {
        usize::try_from(start.div_euclid(HOUR_MS).rem_euclid(24)).unwrap_or(0)
            + 24 * usize::from((start.div_euclid(DAY_MS) + 3).rem_euclid(7) >= 5)
    };
    let groups: Vec<usize> = rows.iter().map(|row| group(row.start)).collect();
    let step = change_point(&logarithms, &groups, LEAST_HOURS).filter(|step| step.by > 0.0 && step.is_rare)?;
    let (low, high) = step.bounds;
    // The hour in which it happened is of both levels: the one before the first, or the first.
    Some((rows[step.first].start, (rows[low - 1].start, rows[high].start + HOUR_MS)))
}

fn assess(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    let at = history.now - 7 * DAY_MS;
    let mut found = Vec::new();
    for (id, labels) in history.series("probe_duration_seconds") {
        let rows = history.windows(id, Level::H1, 28 * DAY_MS)?;
        let hours: Hours = rows.iter().map(|row| (effect::hour_ending(row.start + Level::H1.ms()), row.avg())).collect();
        let Ok(measured) = effect::measure(&hours, None, at, history.now) else { continue };
        let Some(ratio) = measured.ratio.filter(|ratio| ratio.low > RISE && measured.mean_after > FAST_SECONDS) else { continue };
        let target = labels.get("target").unwrap_or("?");
        let moment = began(&rows);
        let mut evidence = vec![
            Evidence::estimated("time now over time before", ratio.value, (ratio.low, ratio.high), "ratio"),
            Evidence::counted("mean of the last 7 days", measured.mean_after, "seconds"),
            Evidence::counted("mean of the week before", measured.mean_before, "seconds"),
        ];
        evidence.extend(moment.map(|(at, bounds)| Evidence::moment_between("begin of the first slower hour", at, bounds)));
        let since = moment.map_or_else(String::new, |(at, _)| format!(" It began about {}.", date(at)));
        found.push(Finding {
            id: format!("latency_shifted:{target}"),
            topic: Topic::Probe,
            title: format!("{target} answers more slowly than it did"),
            why: format!(
                "Checks took {} on average in the last 7 days and {} in the same hours of the week before.{since}",
                figure("_seconds", measured.mean_after),
                figure("_seconds", measured.mean_before)
            ),
            action: format!("See which phase became slower (the page Application), and what changed at {target} about then."),
            severity: Severity::Notice,
            evidence,
            query: labels.to_string(),
            start: history.now - 14 * DAY_MS,
            end: history.now,
            lasts_ms: 2 * DAY_MS,
        });
    }
    Ok(found)
}
