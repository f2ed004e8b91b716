//! Memory was short for much of the last day.
//!
//! Memory in use is no trouble by itself: caches and heaps fill what there is. What counts is that processes wait for it, or that next to
//! nothing is left.

use super::super::counsel::{Confidence, Counsel, Effort, Expects, Measures, Worse, pressure_or};
use super::super::history::{DAY_MS, approximate, named_on, quarters, share};
use super::super::levels;
use super::super::{Evidence, Finding, History, Horizon, Topic};
use super::Advisor;
use crate::experiment::Better;
use crate::rules::Severity;
use crate::store::StoreError;
use crate::windows::{Level, WindowRow};
use crate::words::figure;

pub(super) const ADVISOR: Advisor = Advisor {
    name: "memory_tight",
    about: "processes wait for memory, or next to none is left",
    reads: &["system_memory_utilization_ratio"],
    horizon: Horizon::Day,
    needs_ms: MIN_MINUTES as i64 * 60_000,
    assess,
    counsel: Counsel {
        matters: "Short memory makes everything slow first, and then the kernel ends a process of its choice.",
        then: &[],
        effort: Effort::Hours,
        confidence: Confidence::Medium,
        refuted_by: "What fills the memory gives it back under pressure, and nothing waits.",
        expects: Expects::Unknown("how much is freed depends on what is limited"),
        measure: Measures::Query(Better::Lower, short),
        sibling: None,
        worse: Worse::More(0),
    },
};

/// A minute with more memory in use counts.
const TIGHT: f64 = 0.95;
/// A minute in which processes waited for memory this share of the time counts.
const WAITING: f64 = 0.1;
/// The share of such minutes that is worth advice.
const SHARE: f64 = 0.15;
/// Minutes that must have been measured.
const MIN_MINUTES: usize = 60;

/// The pressure where the kernel says it, else the share in use.
fn short(finding: &Finding) -> Option<String> {
    // What another exporter says of a machine is a query, and its pressure has another name.
    let is_ours = finding.query.starts_with("system_");
    Some(if is_ours { pressure_or(&finding.query, "memory", "system_memory_utilization_ratio") } else { finding.query.clone() })
}

fn assess(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    let mut found = Vec::new();
    for used in levels::memory(history)? {
        let (rows, host) = (used.windows(history, Level::M1, DAY_MS)?, &used.host);
        let pressure = history.minutes("system_pressure_ratio", host, Some(("resource", "memory")), DAY_MS)?;
        let full = |row: &WindowRow| row.avg() > TIGHT;
        let waits = |row: &WindowRow| row.avg() > WAITING;
        let (of_full, of_waits) = (share(&rows, full), share(&pressure, waits));
        if rows.len() < MIN_MINUTES || of_full.max(of_waits) < SHARE {
            continue;
        }
        let waiting = of_waits >= SHARE;
        let counted: Vec<&WindowRow> =
            if waiting { pressure.iter().filter(|r| waits(r)).collect() } else { rows.iter().filter(|r| full(r)).collect() };
        let top = history.top_process("process_memory_usage_bytes", host, &quarters(counted.iter().copied()))?;
        found.push(finding(history, host, &used.query(), (counted.len(), of_full, of_waits), top));
    }
    Ok(found)
}

fn finding(
    history: &History<'_>,
    host: &str,
    query: &str,
    (minutes, full, waits): (usize, f64, f64),
    top: Option<(String, f64)>,
) -> Finding {
    let seconds = minutes as f64 * 60.0;
    let so = if waits >= SHARE {
        "processes waited for memory for more than a tenth of the time"
    } else {
        "more than 95 % of the memory was in use"
    };
    let mut evidence = vec![
        Evidence::counted("time in which memory was short, last day", seconds, "seconds"),
        Evidence::counted("share of the time above 95 % in use", full, "ratio"),
        Evidence::counted("share of the time in which processes waited", waits, "ratio"),
    ];
    evidence.extend(top.iter().map(|(process, bytes)| Evidence::counted(format!("mean of {process}"), *bytes, "bytes")));
    Finding {
        id: named_on("memory_tight", host),
        topic: Topic::Memory,
        title: if host.is_empty() { "Memory is short".to_owned() } else { format!("Memory of {host} is short") },
        why: format!("For {} of the last day {so}.", approximate(seconds)),
        action: match top {
            Some((process, bytes)) => format!(
                "{process} held {} on average in that time: limit it (MemoryHigh= in its unit), restart it, or give the machine more memory.",
                figure("_bytes", bytes)
            ),
            None => "Close what is not needed, or give the machine more memory; beyond this the system ends processes.".to_owned(),
        },
        severity: Severity::Warning,
        evidence,
        query: query.to_owned(),
        start: history.now - DAY_MS,
        end: history.now,
        lasts_ms: DAY_MS,
    }
}
