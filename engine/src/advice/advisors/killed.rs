//! Processes that the kernel ended for want of memory within the last day, and of which unit.

use std::collections::BTreeSet;

use super::super::counsel::{Confidence, Counsel, Effort, Expects, Measures, Worse};
use super::super::history::{DAY_MS, host_of, named_on};
use super::super::levels;
use super::super::{Evidence, Finding, History, Horizon, Topic};
use super::Advisor;
use crate::rules::Severity;
use crate::store::StoreError;

pub(super) const ADVISOR: Advisor = Advisor {
    name: "oom_killed",
    about: "the kernel ended processes for want of memory",
    reads: &["system_oom_kills_total"],
    horizon: Horizon::Day,
    needs_ms: 0,
    assess,
    counsel: Counsel {
        matters: "The kernel chooses what it ends: that may be what matters most, in the middle of a write.",
        then: &["See that nothing is ended in the next days under the same load."],
        effort: Effort::Hours,
        confidence: Confidence::High,
        refuted_by: "What was ended was meant to meet its limit, such as a test.",
        expects: Expects::Unknown("how often it happens again is not known"),
        measure: Measures::Nothing("such ends are too rare for weeks to be compared; the advice goes once a day is without one"),
        sibling: None,
        worse: Worse::More(0),
    },
};

/// What counts such ends on a machine: this service's name for it, and that of the node_exporter.
const OF_MACHINES: [&str; 2] = ["system_oom_kills_total", "node_vmstat_oom_kill"];

fn assess(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    let mut found = Vec::new();
    let mut said: BTreeSet<String> = BTreeSet::new();
    for (id, labels) in history.series("container_oom_kills_total") {
        let kills = history.rise(id, DAY_MS)?;
        if kills >= 1.0 {
            let of = ["unit", "container"].iter().find_map(|name| labels.get(name)).unwrap_or("a unit");
            let host = host_of(&labels);
            found.push(finding(history, &format!("oom_killed:{labels}"), &named_on(of, &host), &labels.to_string(), kills));
            said.insert(host);
        }
    }
    // What a unit already says is not said of its machine again.
    for (id, labels) in OF_MACHINES.iter().flat_map(|metric| history.series(metric)) {
        let (kills, host) = (history.rise(id, DAY_MS)?, host_of(&labels));
        if kills < 1.0 || levels::is_here(&host) || !said.insert(host.clone()) {
            continue;
        }
        let name = if host.is_empty() { "this machine".to_owned() } else { host.clone() };
        found.push(finding(history, &named_on("oom_killed", &host), &name, &labels.to_string(), kills));
    }
    Ok(found)
}

fn finding(history: &History<'_>, id: &str, name: &str, query: &str, kills: f64) -> Finding {
    let processes = if kills < 1.5 { "a process".to_owned() } else { format!("{kills:.0} processes") };
    Finding {
        id: id.to_owned(),
        topic: Topic::Memory,
        title: format!("The kernel ended processes of {name} for want of memory"),
        why: format!(
            "In the last day it ended {processes} of {name}. Work that they did is lost, and it happens again while nothing changes."
        ),
        action: format!("Find what uses the memory of {name} (journalctl -k --grep oom), limit it, or give it more."),
        severity: Severity::Error,
        evidence: vec![Evidence::counted("processes ended in the last day", kills, "count")],
        query: query.to_owned(),
        start: history.now - DAY_MS,
        end: history.now,
        lasts_ms: 0,
    }
}
