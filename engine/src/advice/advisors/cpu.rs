//! The CPU is busy for much of the last hour.

use super::super::history::{HOUR_MS, mean, share};
use super::super::{Evidence, Finding, History, Horizon};
use super::Advisor;
use crate::rules::Severity;
use crate::store::StoreError;
use crate::words::figure;

pub(super) const ADVISOR: Advisor = Advisor { horizon: Horizon::Day, assess };

/// A busier minute counts.
const BUSY: f64 = 0.8;
/// The share of such minutes that is worth advice.
const BUSY_SHARE: f64 = 0.3;

fn assess(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    let metric = "system_cpu_utilization_ratio";
    let Some((rows, labels)) = history.last_hour(metric)? else { return Ok(Vec::new()) };
    let busy = share(&rows, |r| r.avg() > BUSY);
    if busy < BUSY_SHARE {
        return Ok(Vec::new());
    }
    let mut evidence = vec![
        Evidence::counted("minutes above 80 % in the last hour", busy, "ratio"),
        Evidence::counted("mean over the last hour", mean(&rows), "ratio"),
        Evidence::counted("minutes measured", rows.len() as f64, "count"),
    ];
    let top = history.top_process("process_cpu_utilization_ratio")?;
    let by_whom = match &top {
        Some((process, cores)) => {
            evidence.push(Evidence::counted(format!("mean of {process}, in cores"), *cores, "ratio"));
            format!(" Most of it is {process} with {} of a core on average.", figure("_ratio", *cores))
        }
        None => String::new(),
    };
    let action = match top {
        Some((process, _)) => format!(
            "Run fewer of {process} at once, give it a lower priority (nice, or CPUWeight= in its unit), or move it to another machine."
        ),
        None => "Find what uses the CPU (it is not among the processes seen), and run less of it at once.".to_owned(),
    };
    Ok(vec![Finding {
        id: "cpu_saturated".to_owned(),
        kind: "cpu",
        title: "The CPU is the bottleneck".to_owned(),
        why: format!("The CPU was above 80 % in {} of the minutes of the last hour.{by_whom}", figure("_ratio", busy)),
        action,
        severity: if busy > 0.8 { Severity::Warning } else { Severity::Notice },
        evidence,
        query: labels.to_string(),
        start: history.now - HOUR_MS,
        end: history.now,
    }])
}
