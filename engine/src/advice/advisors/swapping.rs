//! Memory that is read back from swap all the time: what is moved out is needed again at once.

use super::super::counsel::{Confidence, Counsel, Effort, Expects, Measures, Worse, rise_of_machine};
use super::super::history::{HOUR_MS, approximate, host_of, named_on, quarters};
use super::super::{Evidence, Finding, History, Horizon, Topic};
use super::Advisor;
use crate::experiment::Better;
use crate::rules::Severity;
use crate::store::StoreError;
use crate::windows::{Level, WindowRow};
use crate::words::figure;

pub(super) const ADVISOR: Advisor = Advisor {
    name: "swapping",
    about: "memory is read back from swap all the time",
    reads: &["system_paging_io_bytes_total"],
    horizon: Horizon::Day,
    needs_ms: MIN_MINUTES as i64 * 60_000,
    assess,
    counsel: Counsel {
        matters: "Each read from swap is a wait for a disk where there should be memory; programs stall for no reason that they show.",
        then: &["See whether what is read back goes down at the same hours."],
        effort: Effort::Hours,
        confidence: Confidence::High,
        refuted_by: "It was a single large program that is over, such as an import.",
        expects: Expects::Unknown("how much memory it takes to end it is not known"),
        measure: Measures::Query(Better::Lower, read_back),
        sibling: None,
        worse: Worse::More(1),
    },
};

const SPAN_MS: i64 = 3 * HOUR_MS;
/// A minute in which so many bytes came back counts: a megabyte a second.
const BYTES: f64 = 60e6;
/// The share of such minutes that is worth advice.
const SHARE: f64 = 0.25;
/// Minutes that must have been measured.
const MIN_MINUTES: usize = 60;

/// What came back within each hour.
fn read_back(finding: &Finding) -> Option<String> {
    Some(rise_of_machine(&finding.query))
}

fn assess(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    let mut found = Vec::new();
    for (id, labels) in history.series("system_paging_io_bytes_total") {
        if labels.get("direction") != Some("in") {
            continue;
        }
        let rows = history.windows(id, Level::M1, SPAN_MS)?;
        let busy: Vec<(&WindowRow, f64)> = rows.windows(2).filter_map(|pair| Some((&pair[1], came(&pair[0], &pair[1])?))).collect();
        let busy: Vec<(&WindowRow, f64)> = busy.into_iter().filter(|(_, bytes)| *bytes >= BYTES).collect();
        if rows.len() < MIN_MINUTES || (busy.len() as f64) < SHARE * rows.len() as f64 {
            continue;
        }
        let host = host_of(&labels);
        let (seconds, a_second) = (busy.len() as f64 * 60.0, busy.iter().map(|(_, bytes)| bytes).sum::<f64>() / (busy.len() as f64 * 60.0));
        let top = history.top_process("process_memory_usage_bytes", &host, &quarters(busy.iter().map(|(row, _)| *row)))?;
        let mut evidence = vec![
            Evidence::counted("time with reads from swap, last three hours", seconds, "seconds"),
            Evidence::counted("read back a second in that time", a_second, "bytes_per_second"),
        ];
        evidence.extend(top.iter().map(|(process, bytes)| Evidence::counted(format!("mean of {process}"), *bytes, "bytes")));
        found.push(Finding {
            id: named_on("swapping", &host),
            topic: Topic::Memory,
            title: if host.is_empty() { "Memory goes to swap and back".to_owned() } else { format!("Memory of {host} goes to swap and back") },
            why: format!(
                "For {} of the last three hours {} came back from swap: what was moved there was needed again, and each time something waited.",
                approximate(seconds),
                figure("_bytes_per_second", a_second)
            ),
            action: top.map_or_else(
                || "Run less at once, or give the machine more memory.".to_owned(),
                |(process, bytes)| format!("{process} held most of the memory ({} on average): limit it, run less beside it, or give the machine more memory.", figure("_bytes", bytes)),
            ),
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

/// What came back in a minute, by the end of the one before; none where a minute is missing or the machine started anew.
fn came(before: &WindowRow, row: &WindowRow) -> Option<f64> {
    (row.start - before.start <= 60_000 && row.last >= before.last).then_some(row.last - before.last)
}
