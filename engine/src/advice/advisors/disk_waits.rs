//! Processes waited for disks for much of the last three hours.

use super::super::counsel::{Confidence, Counsel, Effort, Expects, Measures, Worse};
use super::super::history::{HOUR_MS, approximate, host_of, named_on, quarters, share};
use super::super::{Evidence, Finding, History, Horizon, Topic};
use super::Advisor;
use crate::experiment::Better;
use crate::rules::Severity;
use crate::store::StoreError;
use crate::windows::{Level, WindowRow};
use crate::words::figure;

pub(super) const ADVISOR: Advisor = Advisor {
    name: "disk_waits",
    about: "processes wait for disks",
    reads: &["system_pressure_ratio"],
    horizon: Horizon::Day,
    needs_ms: MIN_MINUTES as i64 * 60_000,
    assess,
    counsel: Counsel {
        matters: "While all processes wait for a disk, the machine does nothing else.",
        then: &["See whether a backup or another job of that hour can run at another time."],
        effort: Effort::Hours,
        confidence: Confidence::Medium,
        refuted_by: "The waiting is of one job that is meant to use the disk fully.",
        expects: Expects::Unknown("how much of the waiting goes depends on what is moved"),
        measure: Measures::Series(Better::Lower),
        sibling: None,
        worse: Worse::More(1),
    },
};

const SPAN_MS: i64 = 3 * HOUR_MS;
/// A minute in which all processes waited for disks for this share of the time counts: then the machine did nothing else.
const WAITING: f64 = 0.2;
/// The share of such minutes that is worth advice.
const SHARE: f64 = 0.33;
/// Minutes that must have been measured.
const MIN_MINUTES: usize = 60;

fn assess(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    let mut found = Vec::new();
    for (id, labels) in history.series("system_pressure_ratio") {
        if labels.get("resource") != Some("io") || labels.get("kind") != Some("full") {
            continue;
        }
        let rows = history.windows(id, Level::M1, SPAN_MS)?;
        let waits = |row: &WindowRow| row.avg() >= WAITING;
        let part = share(&rows, waits);
        if rows.len() < MIN_MINUTES || part < SHARE {
            continue;
        }
        let host = host_of(&labels);
        let minutes = rows.iter().filter(|row| waits(row)).count() as f64;
        let top = history.top_process("process_disk_io_bytes_per_second", &host, &quarters(rows.iter().filter(|row| waits(row))))?;
        let by = top.as_ref().map_or_else(String::new, |(process, bytes)| {
            format!(" Of the processes seen, {process} read or wrote most: {}.", figure("_bytes_per_second", *bytes))
        });
        let mut evidence = vec![
            Evidence::counted("time of waiting, last three hours", minutes * 60.0, "seconds"),
            Evidence::counted("share of the time measured", part, "ratio"),
        ];
        evidence.extend(top.iter().map(|(process, bytes)| Evidence::counted(format!("mean of {process}"), *bytes, "bytes_per_second")));
        found.push(Finding {
            id: named_on("disk_waits", &host),
            topic: Topic::Disk,
            title: named_on("Disks are the bottleneck", &host),
            why: format!(
                "For {} of the last three hours every process that had work waited for a disk a fifth of the time or more.{by}",
                approximate(minutes * 60.0)
            ),
            action: "Run less at once of what reads and writes, move it to another disk, or see whether the disk is failing (smartctl -a)."
                .to_owned(),
            severity: Severity::Warning,
            evidence,
            query: labels.to_string(),
            start: history.now - SPAN_MS,
            end: history.now,
            lasts_ms: 12 * HOUR_MS,
        });
    }
    Ok(found)
}
