//! Units and containers that start over and over: their CPU time begins at zero at each start.

use super::super::counsel::{Confidence, Counsel, Effort, Expects, Measures, Worse};
use super::super::history::{HOUR_MS, host_of, named_on};
use super::super::{Evidence, Finding, History, Horizon, Topic};
use super::Advisor;
use crate::rules::Severity;
use crate::store::StoreError;
use crate::windows::Level;

pub(super) const ADVISOR: Advisor = Advisor {
    name: "restart_loop",
    about: "a unit starts over and over",
    reads: &["container_cpu_time_seconds_total"],
    horizon: Horizon::Day,
    needs_ms: 0,
    assess,
    counsel: Counsel {
        matters: "What starts over and over does not work for whoever needs it, and each start costs time of the CPU.",
        then: &[],
        effort: Effort::Hours,
        confidence: Confidence::High,
        refuted_by: "It is meant to end and to be started again, as some jobs are.",
        expects: Expects::Unknown("it either stays up or not"),
        measure: Measures::Nothing("whether it stays up is seen within two hours: the advice goes with it"),
        sibling: None,
        worse: Worse::More(0),
    },
};

const SPAN_MS: i64 = 2 * HOUR_MS;
/// Starts within that time that are a loop. Two in a minute count as one.
const LOOP: usize = 5;

fn assess(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    let mut found = Vec::new();
    for (id, labels) in history.series("container_cpu_time_seconds_total") {
        let rows = history.windows(id, Level::M1, SPAN_MS)?;
        let within = rows.iter().filter(|row| row.last < row.first || row.min < row.first).count();
        let between = rows.windows(2).filter(|pair| pair[1].first < pair[0].last).count();
        let starts = within + between;
        if starts < LOOP {
            continue;
        }
        let of = ["unit", "container"].iter().find_map(|name| labels.get(name)).unwrap_or("a unit");
        let name = named_on(of, &host_of(&labels));
        found.push(Finding {
            id: format!("restart_loop:{labels}"),
            topic: Topic::Unit,
            title: format!("{name} starts over and over"),
            why: format!("It was started {starts} times or more in the last two hours."),
            action: format!("See how it ends (journalctl -u {of}, or the log of its container), and stop it until that is mended."),
            severity: Severity::Error,
            evidence: vec![Evidence::counted("starts seen in the last two hours", starts as f64, "count")],
            query: labels.to_string(),
            start: history.now - SPAN_MS,
            end: history.now,
            lasts_ms: HOUR_MS,
        });
    }
    Ok(found)
}
