//! Machines that get less CPU than they have: the host gives its time to others, or heat slows it down.

use super::super::counsel::{Confidence, Counsel, Effort, Expects, Measures, Worse, rise_of_machine};
use super::super::history::{DAY_MS, approximate, host_of, mean, named_on, share};
use super::super::{Evidence, Finding, History, Horizon, Topic};
use super::Advisor;
use crate::experiment::Better;
use crate::rules::Severity;
use crate::store::StoreError;
use crate::windows::{Level, WindowRow};
use crate::words::figure;

pub(super) const STOLEN: Advisor = Advisor {
    name: "cpu_stolen",
    about: "the host gives the CPU time of this machine to others",
    reads: &["system_cpu_steal_ratio"],
    horizon: Horizon::Day,
    needs_ms: MIN_MINUTES as i64 * 60_000,
    assess: stolen,
    counsel: Counsel {
        matters: "Everything on this machine takes longer, and no process of it can be blamed.",
        then: &["Compare the share a week after the move."],
        effort: Effort::Hours,
        confidence: Confidence::High,
        refuted_by: "The share is as high on other machines of yours that are fast.",
        expects: Expects::Unknown("how much another host would give is not known"),
        measure: Measures::Series(Better::Lower),
        sibling: None,
        worse: Worse::More(0),
    },
};

pub(super) const THROTTLED: Advisor = Advisor {
    name: "cpu_throttled",
    about: "heat slows the CPU down",
    reads: &["system_cpu_throttles_total"],
    horizon: Horizon::Day,
    needs_ms: 0,
    assess: throttled,
    counsel: Counsel {
        matters: "A CPU that is too hot works more slowly, and its fans and parts age faster.",
        then: &["See whether it stays below the limit under the same load."],
        effort: Effort::Hours,
        confidence: Confidence::High,
        refuted_by: "The counts rise while the machine is idle and cool: some firmware counts limits of power as well.",
        expects: Expects::Unknown("how much it is slowed down is not counted"),
        measure: Measures::Query(Better::Lower, throttles),
        sibling: None,
        worse: Worse::More(0),
    },
};

/// A minute in which so much of the CPU's time went to others counts.
const STOLEN_MINUTE: f64 = 0.1;
/// The share of such minutes that is worth advice.
const STOLEN_SHARE: f64 = 0.15;
/// Minutes that must have been measured.
const MIN_MINUTES: usize = 180;
/// Quarters of an hour of the last day in which the CPU was slowed down.
const HOT_QUARTERS: usize = 4;

/// What the counter of a machine rose by within each hour.
fn throttles(finding: &Finding) -> Option<String> {
    Some(rise_of_machine(&finding.query))
}

fn stolen(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    let mut found = Vec::new();
    for (id, labels) in history.series("system_cpu_steal_ratio") {
        let rows = history.windows(id, Level::M1, DAY_MS)?;
        let counts = |row: &WindowRow| row.avg() >= STOLEN_MINUTE;
        let part = share(&rows, counts);
        if rows.len() < MIN_MINUTES || part < STOLEN_SHARE {
            continue;
        }
        let of: Vec<WindowRow> = rows.iter().copied().filter(counts).collect();
        let (seconds, taken) = (of.len() as f64 * 60.0, mean(&of));
        let host = host_of(&labels);
        found.push(Finding {
            id: named_on("cpu_stolen", &host),
            topic: Topic::Cpu,
            title: if host.is_empty() { "Other machines take this one's CPU".to_owned() } else { format!("Other machines take the CPU of {host}") },
            why: format!(
                "For {} of the last day the host gave {} of the CPU's time to other machines while this one had work for it.",
                approximate(seconds),
                figure("_ratio", taken)
            ),
            action: "Ask the provider for a host that is less busy or for CPUs of your own, or do what is heavy at another time; on instances with credits see whether these are used up.".to_owned(),
            severity: Severity::Warning,
            evidence: vec![
                Evidence::counted("time in which a tenth or more was taken, last day", seconds, "seconds"),
                Evidence::counted("share taken in that time", taken, "ratio"),
            ],
            query: labels.to_string(),
            start: history.now - DAY_MS,
            end: history.now,
            lasts_ms: DAY_MS,
        });
    }
    Ok(found)
}

fn throttled(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    let mut found = Vec::new();
    for (id, labels) in history.series("system_cpu_throttles_total") {
        let rows = history.windows(id, Level::M15, DAY_MS)?;
        let mut before = None;
        let mut hot = Vec::new();
        for row in &rows {
            // A counter that fell began anew with the machine.
            if row.last > row.first || before.is_some_and(|last| row.first > last) {
                hot.push(row.start);
            }
            before = Some(row.last);
        }
        if hot.len() < HOT_QUARTERS {
            continue;
        }
        let host = host_of(&labels);
        let times = history.rise(id, DAY_MS)?;
        let evidence = vec![
            Evidence::counted("quarters of an hour with throttling, last day", hot.len() as f64, "count"),
            Evidence::counted("times that a core was slowed down", times, "count"),
        ];
        let hottest = hottest(history, &host)?;
        let at = hottest
            .map_or_else(String::new, |(sensor, celsius)| format!(" {sensor} was at {} at its hottest.", figure("_celsius", celsius)));
        found.push(Finding {
            id: named_on("cpu_throttled", &host),
            topic: Topic::Cpu,
            title: if host.is_empty() { "Heat slows the CPU down".to_owned() } else { format!("Heat slows the CPU of {host} down") },
            why: format!("In {} quarters of an hour of the last day the CPU slowed itself down because it was too hot.{at}", hot.len()),
            action: "Clean fans and filters and give it air; see whether a power profile or a BIOS setting limits it, and what else was busy at those times.".to_owned(),
            severity: Severity::Warning,
            evidence,
            query: labels.to_string(),
            start: history.now - DAY_MS,
            end: history.now,
            lasts_ms: DAY_MS,
        });
    }
    Ok(found)
}

/// The sensor of a machine with the highest temperature of the last day.
fn hottest(history: &History<'_>, host: &str) -> Result<Option<(String, f64)>, StoreError> {
    let mut top: Option<(String, f64)> = None;
    for (id, labels) in history.series("system_temperature_celsius").into_iter().filter(|(_, labels)| host_of(labels) == host) {
        let highest = history.windows(id, Level::M15, DAY_MS)?.iter().map(|row| row.max).reduce(f64::max);
        if let Some(celsius) = highest.filter(|celsius| top.as_ref().is_none_or(|(_, most)| celsius > most)) {
            top = Some((labels.get("sensor").or_else(|| labels.get("chip")).unwrap_or("a sensor").to_owned(), celsius));
        }
    }
    Ok(top)
}
