//! File systems that will soon be full, by a line through the last day.

use super::super::history::{DAY_MS, approximate};
use super::super::{Evidence, Finding, History, Horizon};
use super::Advisor;
use crate::forecast::Line;
use crate::rules::Severity;
use crate::store::StoreError;
use crate::windows::Level;
use crate::words::figure;

pub(super) const ADVISOR: Advisor = Advisor { horizon: Horizon::Day, assess };

/// A file system that fills within this time is worth advice.
const HORIZON_MS: i64 = 7 * DAY_MS;

fn assess(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    let mut found = Vec::new();
    for (id, labels) in history.series("system_filesystem_utilization_ratio") {
        // A file system with `fstype` is on another machine, whose operator watches it.
        if labels.get("fstype").is_some() {
            continue;
        }
        let rows = history.windows(id, Level::M5, DAY_MS)?;
        // In days, so that the figures of the fit stay near one.
        let day = |t: i64| (t - history.now) as f64 / DAY_MS as f64;
        let points: Vec<(f64, f64)> = rows.iter().map(|r| (day(r.start), r.avg())).collect();
        let Some(line) = Line::fit(&points) else { continue };
        let Some(full) = line.rises_to(1.0, 0.0).filter(|full| full.after * DAY_MS as f64 <= HORIZON_MS as f64) else { continue };
        let seconds = |days: f64| days * 86_400.0;
        let words = |days: f64| approximate(seconds(days));
        let mount = labels.get("mountpoint").unwrap_or("?").to_owned();
        found.push(Finding {
            id: format!("disk_filling:{mount}"),
            kind: "disk",
            title: format!("{mount} will be full in {}", words(full.after)),
            why: format!(
                "{mount} grows by {} of its size a day; at that pace it is full in {} ({} to {}).",
                figure("_ratio", line.slope),
                words(full.after),
                words(full.earliest),
                words(full.latest)
            ),
            action: format!("Find what grows (du -xh {mount} | sort -h | tail), remove it or move it, or make the file system larger."),
            severity: if full.after < 1.0 { Severity::Error } else { Severity::Warning },
            evidence: vec![
                Evidence::estimated("time until full", seconds(full.after), (seconds(full.earliest), seconds(full.latest)), "seconds"),
                Evidence::estimated("growth, share of the size a day", line.slope, (line.slope_low, line.slope_high), "ratio"),
                Evidence::counted("full now", rows.last().map_or(f64::NAN, |r| r.last), "ratio"),
                Evidence::counted("windows of 5 m behind this", rows.len() as f64, "count"),
            ],
            query: labels.to_string(),
            start: history.now - DAY_MS,
            end: history.now,
        });
    }
    Ok(found)
}
