//! Machines whose figures came regularly, and come no more. What is scraped has `up`, and `target_down` says that.

use std::collections::{BTreeMap, BTreeSet};

use super::super::counsel::{Confidence, Counsel, Effort, Expects, Measures, Worse};
use super::super::history::{DAY_MS, HOUR_MS, approximate, host_of};
use super::super::{Evidence, Finding, History, Horizon, Topic};
use super::Advisor;
use crate::model::Labels;
use crate::rules::Severity;
use crate::store::StoreError;
use crate::windows::Level;

pub(super) const ADVISOR: Advisor = Advisor {
    name: "host_silent",
    about: "a machine that sent figures regularly sends none",
    reads: &["system_memory_utilization_ratio"],
    horizon: Horizon::Day,
    needs_ms: LEAST_MS,
    assess,
    counsel: Counsel {
        matters: "What happens on that machine is not seen, and no rule on its figures fires.",
        then: &[],
        effort: Effort::Minutes,
        confidence: Confidence::Medium,
        refuted_by: "It was switched off or renamed on purpose.",
        expects: Expects::Unknown("it either sends or not"),
        measure: Measures::Nothing("whether it sends again is seen at once: the advice goes with it"),
        sibling: None,
        worse: Worse::More(0),
    },
};

/// What every machine sends.
const SENT: [&str; 3] = ["system_cpu_utilization_ratio", "system_memory_utilization_ratio", "system_uptime_seconds"];
/// For how long nothing came.
const SILENT_MS: i64 = 30 * 60_000;
/// Share of the minutes between the first and the last sample of the day that had one, and how long that must have been.
const REGULAR: f64 = 0.9;
const LEAST_MS: i64 = 6 * HOUR_MS;

/// The minutes of the last day with samples of a machine.
type Minutes = BTreeSet<i64>;

fn assess(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    let scraped: BTreeSet<String> =
        history.series("up").iter().filter_map(|(_, labels)| labels.get("instance").map(str::to_owned)).collect();
    let mut hosts: BTreeMap<String, (Minutes, Labels)> = BTreeMap::new();
    for (id, labels) in SENT.iter().flat_map(|metric| history.series(metric)) {
        let host = host_of(&labels);
        if host.is_empty() || labels.get("instance").is_some_and(|instance| scraped.contains(instance)) {
            continue;
        }
        let minutes = history.windows(id, Level::M1, DAY_MS)?.into_iter().map(|row| row.start / 60_000);
        hosts.entry(host).or_insert_with(|| (Minutes::new(), labels)).0.extend(minutes);
    }
    let mut found = Vec::new();
    for (host, (minutes, labels)) in hosts {
        let (Some(first), Some(last)) = (minutes.first(), minutes.last()) else { continue };
        let span = last - first + 1;
        let silent = history.now - (last + 1) * 60_000;
        if silent < SILENT_MS || span * 60_000 < LEAST_MS || (minutes.len() as f64) < REGULAR * span as f64 {
            continue;
        }
        let seconds = silent as f64 / 1e3;
        found.push(Finding {
            id: format!("host_silent:{host}"),
            topic: Topic::Source,
            title: format!("{host} sends nothing any more"),
            why: format!("The last figures of {host} came {} ago; until then they came regularly.", approximate(seconds)),
            action: format!("See whether {host} runs and reaches this service, and what sends its figures. What was taken out of service needs nothing: this ends within a day."),
            severity: Severity::Warning,
            evidence: vec![
                Evidence::counted("time since its last figures", seconds, "seconds"),
                Evidence::counted("minutes with figures, of the last day", minutes.len() as f64, "count"),
            ],
            query: labels.to_string(),
            start: history.now - DAY_MS,
            end: history.now,
            lasts_ms: 0,
        });
    }
    Ok(found)
}
