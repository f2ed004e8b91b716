//! Memory is short for much of the last hour.

use super::super::history::{HOUR_MS, share};
use super::super::{Evidence, Finding, History, Horizon};
use super::Advisor;
use crate::rules::Severity;
use crate::store::StoreError;
use crate::words::figure;

pub(super) const ADVISOR: Advisor = Advisor { horizon: Horizon::Day, assess };

/// A minute with more memory in use counts.
const TIGHT: f64 = 0.85;
/// The share of such minutes that is worth advice.
const TIGHT_SHARE: f64 = 0.5;

fn assess(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    let metric = "system_memory_utilization_ratio";
    let Some((rows, labels)) = history.last_hour(metric)? else { return Ok(Vec::new()) };
    let tight = share(&rows, |r| r.avg() > TIGHT);
    if tight < TIGHT_SHARE {
        return Ok(Vec::new());
    }
    let mut evidence = vec![
        Evidence::counted("minutes above 85 % in the last hour", tight, "ratio"),
        Evidence::counted("highest in the last hour", rows.iter().map(|r| r.max).fold(0.0, f64::max), "ratio"),
        Evidence::counted("minutes measured", rows.len() as f64, "count"),
    ];
    let mut action =
        "Close what is not needed, or give the machine more memory; beyond this the system starts to kill processes.".to_owned();
    if let Some((process, bytes)) = history.top_process("process_memory_usage_bytes")? {
        action = format!(
            "{process} holds {} on average: limit it (MemoryHigh= in its unit), restart it, or give the machine more memory.",
            figure("_bytes", bytes)
        );
        evidence.push(Evidence::counted(format!("mean of {process}"), bytes, "bytes"));
    }
    Ok(vec![Finding {
        id: "memory_tight".to_owned(),
        kind: "memory",
        title: "Memory is short".to_owned(),
        why: format!("More than 85 % of the memory was in use in {} of the minutes of the last hour.", figure("_ratio", tight)),
        action,
        severity: Severity::Warning,
        evidence,
        query: labels.to_string(),
        start: history.now - HOUR_MS,
        end: history.now,
    }])
}
