//! Processes waited for the CPU for much of the last day.
//!
//! A busy CPU alone is no trouble: a machine that compiles all day is meant to be busy. What counts is that something waits.

use super::super::counsel::{Confidence, Counsel, Effort, Expects, Measures, Worse, pressure_or};
use super::super::history::{DAY_MS, approximate, host_of, mean, named_on, quarters, share};
use super::super::{Evidence, Finding, History, Horizon, Topic};
use super::Advisor;
use crate::experiment::Better;
use crate::model::TimestampMs;
use crate::rules::Severity;
use crate::store::StoreError;
use crate::windows::{Level, WindowRow};
use crate::words::figure;
use std::collections::BTreeSet;

pub(super) const ADVISOR: Advisor = Advisor {
    name: "cpu_saturated",
    about: "processes wait for the CPU",
    reads: &["system_cpu_utilization_ratio"],
    horizon: Horizon::Day,
    needs_ms: MIN_MINUTES as i64 * 60_000,
    assess,
    counsel: Counsel {
        matters: "What waits for the CPU is late: builds, answers, and this service as well.",
        then: &["See over a day whether less waits at the same hours."],
        effort: Effort::Hours,
        confidence: Confidence::Medium,
        refuted_by: "What waits is meant to wait, such as work of low priority.",
        expects: Expects::Unknown("how long the others wait then depends on what they do"),
        measure: Measures::Query(Better::Lower, waiting),
        sibling: None,
        worse: Worse::More(1),
    },
};

/// A busier minute may count.
const BUSY: f64 = 0.9;
/// It counts where so many processes want each core.
const QUEUE: f64 = 2.0;
/// Or where some wait for so much of the time.
const WAITING: f64 = 0.8;
/// Where nothing says what waits, the CPU must have been this busy.
const FULL: f64 = 0.95;
/// The share of such minutes that is worth advice, and that where nothing says what waits.
const SHARE: f64 = 0.25;
/// See [`SHARE`].
const FULL_SHARE: f64 = 0.5;
/// A habit that was seen on one day of three is one.
const LASTS_MS: i64 = 3 * DAY_MS;
/// Minutes that must have been measured.
const MIN_MINUTES: usize = 180;

/// The pressure where the kernel says it, else the queue: a lower priority leaves the CPU as busy as it was.
fn waiting(finding: &Finding) -> Option<String> {
    Some(pressure_or(&finding.query, "cpu", "system_cpu_load_average_1m"))
}

fn assess(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    let mut found = Vec::new();
    for (id, labels) in history.series("system_cpu_utilization_ratio") {
        let rows = history.windows(id, Level::M1, DAY_MS)?;
        if rows.len() >= MIN_MINUTES {
            found.extend(saturated(history, &host_of(&labels), &labels.to_string(), &rows)?);
        }
    }
    Ok(found)
}

fn saturated(history: &History<'_>, host: &str, query: &str, rows: &[WindowRow]) -> Result<Option<Finding>, StoreError> {
    let cores =
        history.newest("system_cpu_core_utilization_ratio", DAY_MS)?.iter().filter(|(_, labels, _)| host_of(labels) == host).count();
    let queue = history.minutes("system_cpu_load_average_1m", host, None, DAY_MS)?;
    let pressure = history.minutes("system_pressure_ratio", host, Some(("resource", "cpu")), DAY_MS)?;
    let starts =
        |rows: &[WindowRow], least: f64| -> BTreeSet<TimestampMs> { rows.iter().filter(|r| r.avg() >= least).map(|r| r.start).collect() };
    let known = !pressure.is_empty() || (!queue.is_empty() && cores > 0);
    let (waited, words) = if !pressure.is_empty() {
        (starts(&pressure, WAITING), "some process waited for it")
    } else {
        (starts(&queue, QUEUE * cores as f64), "more than two processes wanted each core")
    };
    let counts = |row: &WindowRow| if known { row.avg() > BUSY && waited.contains(&row.start) } else { row.avg() > FULL };
    let part = share(rows, counts);
    if part < if known { SHARE } else { FULL_SHARE } {
        return Ok(None);
    }
    let minutes = rows.iter().filter(|row| counts(row)).count();
    let hot = quarters(rows.iter().filter(|row| counts(row)));
    let busy = mean(&rows.iter().filter(|row| counts(row)).copied().collect::<Vec<_>>());
    let top = history.top_process("process_cpu_utilization_ratio", host, &hot)?;
    let mut evidence = vec![
        Evidence::counted("time in which the CPU was short, last day", minutes as f64 * 60.0, "seconds"),
        Evidence::counted("share of the time measured", part, "ratio"),
        Evidence::counted("busy share of the CPU in that time", busy, "ratio"),
    ];
    evidence.extend(top.iter().map(|(process, used)| Evidence::counted(format!("mean of {process}, in cores"), *used, "count")));
    let so = if known { format!("above 90 % busy while {words}") } else { "above 95 % busy".to_owned() };
    Ok(Some(Finding {
        id: named_on("cpu_saturated", host),
        topic: Topic::Cpu,
        title: if host.is_empty() { "The CPU is the bottleneck".to_owned() } else { format!("The CPU of {host} is the bottleneck") },
        why: format!("For {} of the last day the CPU was {so}.{}", approximate(minutes as f64 * 60.0), by_whom(top.as_ref(), busy, cores)),
        action: what_to_do(top.as_ref(), busy, cores),
        severity: if part > 2.0 * SHARE { Severity::Warning } else { Severity::Notice },
        evidence,
        query: query.to_owned(),
        start: history.now - DAY_MS,
        end: history.now,
        lasts_ms: LASTS_MS,
    }))
}

/// Whether one process used more than half of what was busy; true where the number of cores is not known.
fn used_most(used: f64, busy: f64, cores: usize) -> bool {
    cores == 0 || used > busy * cores as f64 / 2.0
}

fn what_to_do(top: Option<&(String, f64)>, busy: f64, cores: usize) -> String {
    match top {
        Some((process, used)) if used_most(*used, busy, cores) => format!(
            "Run fewer of {process} at once, give it a lower priority (nice, or CPUWeight= in its unit), or move it to another machine."
        ),
        Some(_) => {
            "See which processes run at the same time, and run fewer of them at once: less of one alone would not suffice. Give what is \
                    not urgent a lower priority (nice, or CPUWeight= in its unit), or move some of it to another machine."
                .to_owned()
        }
        None => "Find what uses the CPU (it is not among the processes seen), and run less of it at once.".to_owned(),
    }
}

/// Who used it; "most" only of what was more than half.
fn by_whom(top: Option<&(String, f64)>, busy: f64, cores: usize) -> String {
    let Some((process, used)) = top else { return String::new() };
    let used_words = format!("{} cores on average", figure("", *used));
    if cores == 0 {
        return format!(" The most was used by {process}: {used_words}.");
    }
    let whole = busy * cores as f64;
    let most = if used_most(*used, busy, cores) {
        format!("Most of it was {process}")
    } else {
        format!("No one process used most of it; the most was used by {process}")
    };
    format!(" {most}: {used_words}, of {} that were busy.", figure("", whole))
}
