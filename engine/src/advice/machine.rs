//! Advice on the machine: CPU, memory, file systems.

use super::{Evidence, Finding, History, mean, share};
use crate::forecast::Line;
use crate::metrics::quantity;
use crate::model::Labels;
use crate::rules::Severity;
use crate::span::Span;
use crate::store::StoreError;
use crate::windows::{Level, WindowRow};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Minutes of the last hour that must have been measured.
const MIN_MINUTES: usize = 30;
const CPU_BUSY: f64 = 0.8;
/// Share of the hour's minutes above [`CPU_BUSY`] that is worth advice.
const CPU_SHARE: f64 = 0.3;
const MEMORY_TIGHT: f64 = 0.85;
const MEMORY_SHARE: f64 = 0.5;
/// A file system that fills within this time is worth advice.
const DISK_HORIZON_MS: i64 = 7 * DAY_MS;

/// The CPU is busy for much of the hour.
pub(super) fn cpu(history: &History<'_>) -> Result<Option<Finding>, StoreError> {
    let metric = "system_cpu_utilization_ratio";
    let Some((rows, labels)) = hour_of(history, metric)? else { return Ok(None) };
    let busy = share(&rows, |r| r.avg() > CPU_BUSY);
    if busy < CPU_SHARE {
        return Ok(None);
    }
    let mut evidence = vec![
        Evidence::counted("minutes above 80 % in the last hour", busy, "ratio"),
        Evidence::counted("mean over the last hour", mean(&rows), "ratio"),
        Evidence::counted("minutes measured", rows.len() as f64, "count"),
    ];
    let top = top_process(history, "process_cpu_utilization_ratio")?;
    let by_whom = match &top {
        Some((process, cores)) => {
            evidence.push(Evidence::counted(format!("mean of {process}, in cores"), *cores, "ratio"));
            format!(" Most of it is {process} with {} of a core on average.", quantity("_ratio", *cores))
        }
        None => String::new(),
    };
    let action = match top {
        Some((process, _)) => format!(
            "Run fewer of {process} at once, give it a lower priority (nice, or CPUWeight= in its unit), or move it to another machine."
        ),
        None => "Find what uses the CPU (it is not among the processes seen), and run less of it at once.".to_owned(),
    };
    Ok(Some(Finding {
        id: "cpu_saturated".to_owned(),
        kind: "cpu",
        title: "The CPU is the bottleneck".to_owned(),
        why: format!("The CPU was above 80 % in {} of the minutes of the last hour.{by_whom}", quantity("_ratio", busy)),
        action,
        severity: if busy > 0.8 { Severity::Warning } else { Severity::Notice },
        evidence,
        query: labels.to_string(),
        start: history.now - HOUR_MS,
        end: history.now,
    }))
}

/// Memory is short for much of the hour.
pub(super) fn memory(history: &History<'_>) -> Result<Option<Finding>, StoreError> {
    let metric = "system_memory_utilization_ratio";
    let Some((rows, labels)) = hour_of(history, metric)? else { return Ok(None) };
    let tight = share(&rows, |r| r.avg() > MEMORY_TIGHT);
    if tight < MEMORY_SHARE {
        return Ok(None);
    }
    let mut evidence = vec![
        Evidence::counted("minutes above 85 % in the last hour", tight, "ratio"),
        Evidence::counted("highest in the last hour", rows.iter().map(|r| r.max).fold(0.0, f64::max), "ratio"),
        Evidence::counted("minutes measured", rows.len() as f64, "count"),
    ];
    let mut action =
        "Close what is not needed, or give the machine more memory; beyond this the system starts to kill processes.".to_owned();
    if let Some((process, bytes)) = top_process(history, "process_memory_usage_bytes")? {
        action = format!(
            "{process} holds {} on average: limit it (MemoryHigh= in its unit), restart it, or give the machine more memory.",
            quantity("_bytes", bytes)
        );
        evidence.push(Evidence::counted(format!("mean of {process}"), bytes, "bytes"));
    }
    Ok(Some(Finding {
        id: "memory_tight".to_owned(),
        kind: "memory",
        title: "Memory is short".to_owned(),
        why: format!("More than 85 % of the memory was in use in {} of the minutes of the last hour.", quantity("_ratio", tight)),
        action,
        severity: Severity::Warning,
        evidence,
        query: labels.to_string(),
        start: history.now - HOUR_MS,
        end: history.now,
    }))
}

/// File systems that will be full soon, by a line through the last day.
pub(super) fn disks(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    let mut found = Vec::new();
    for (id, labels) in history.series("system_filesystem_utilization_ratio") {
        // What is no disk of this machine is marked with its kind; whoever runs it looks after it.
        if labels.get("fstype").is_some() {
            continue;
        }
        let rows = history.windows(id, Level::M5, DAY_MS)?;
        // In days, so that the figures of the fit stay near one.
        let day = |t: i64| (t - history.now) as f64 / DAY_MS as f64;
        let points: Vec<(f64, f64)> = rows.iter().map(|r| (day(r.start), r.avg())).collect();
        let Some(line) = Line::fit(&points) else { continue };
        let Some(full) = line.rises_to(1.0, 0.0).filter(|full| full.after * DAY_MS as f64 <= DISK_HORIZON_MS as f64) else { continue };
        let seconds = |days: f64| days * 86_400.0;
        let words = |days: f64| rough(seconds(days));
        let mount = labels.get("mountpoint").unwrap_or("?").to_owned();
        found.push(Finding {
            id: format!("disk_filling:{mount}"),
            kind: "disk",
            title: format!("{mount} will be full in {}", words(full.after)),
            why: format!(
                "{mount} grows by {} of its size a day; at that pace it is full in {} ({} to {}).",
                quantity("_ratio", line.slope),
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

/// The last hour of a metric with one series, by minutes; none where too little was measured.
fn hour_of(history: &History<'_>, metric: &str) -> Result<Option<(Vec<WindowRow>, Labels)>, StoreError> {
    for (id, labels) in history.series(metric) {
        let rows = history.windows(id, Level::M1, HOUR_MS)?;
        if rows.len() >= MIN_MINUTES {
            return Ok(Some((rows, labels)));
        }
    }
    Ok(None)
}

/// The process with the highest mean over the last hour, a process that was not seen counting as nothing.
fn top_process(history: &History<'_>, metric: &str) -> Result<Option<(String, f64)>, StoreError> {
    let mut top: Option<(String, f64)> = None;
    for (id, labels) in history.series(metric) {
        let rows = history.windows(id, Level::M5, HOUR_MS)?;
        let total = rows.iter().map(WindowRow::avg).sum::<f64>() / 12.0;
        if total > top.as_ref().map_or(0.0, |(_, highest)| *highest)
            && let Some(process) = labels.get("process")
        {
            top = Some((process.to_owned(), total));
        }
    }
    Ok(top)
}

/// A length of time in one or two units.
pub(super) fn rough(seconds: f64) -> String {
    let unit = if seconds >= 86_400.0 {
        3_600
    } else if seconds >= 3_600.0 {
        60
    } else {
        1
    };
    let seconds = seconds.min(1e9) as i64;
    Span::secs(seconds - seconds % unit).to_string()
}
