//! File systems that are full, or soon will be.

use super::super::counsel::{Confidence, Counsel, Effort, Expects, Measures, Worse};
use super::super::dates::{evidence, range, times};
use super::super::history::{DAY_MS, HOUR_MS, approximate, host_of, named_on};
use super::super::{Evidence, Finding, History, Horizon, Topic};
use super::Advisor;
use crate::experiment::Better;
use crate::forecast::fill::{self, Answer, FillDate};
use crate::forecast::record::Subject;
use crate::machine::OTHERS;
use crate::model::{Labels, Selector};
use crate::rules::Severity;
use crate::store::StoreError;
use crate::windows::Level;
use crate::words::figure;

pub(super) const ADVISOR: Advisor = Advisor {
    name: "disk_filling",
    about: "a file system is full or soon will be",
    reads: &["system_filesystem_utilization_ratio"],
    horizon: Horizon::Day,
    needs_ms: 0,
    assess,
    counsel: Counsel {
        matters: "On a full file system writes fail: databases stop, logs are lost, builds break.",
        then: &["Keep it from growing again: rotate, expire or move what you found."],
        effort: Effort::Hours,
        confidence: Confidence::Medium,
        refuted_by: "Something clears it by itself before it is full.",
        expects: Expects::Unknown("how much can be removed is not known"),
        measure: Measures::Series(Better::Lower),
        sibling: None,
        worse: Worse::Less(0),
    },
};

/// A file system that is less full is not read further: it would have to be filled at once.
const LEAST: f64 = 0.4;
/// A level that is older is not the current one.
const CURRENT_MS: i64 = HOUR_MS;
/// Full within this time is an error.
const URGENT_HOURS: f64 = 24.0;

/// How the id of a finding begins, before the mount point.
const ID: &str = "disk_filling:";
/// The series that is written while a date is given.
const ESTIMATE: &str = "system_filesystem_time_to_full_seconds";
/// The same by share of cases.
const BOUND: &str = "system_filesystem_time_to_full_bound_seconds";
/// The evidence that says when.
const TIME: &str = "time until full";

fn assess(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    let mut found = Vec::new();
    for (id, labels) in history.series("system_filesystem_utilization_ratio") {
        // A file system with `fstype` is on another machine, whose operator watches it.
        if labels.get("fstype").is_some() {
            continue;
        }
        let day = history.windows(id, Level::M5, DAY_MS + HOUR_MS)?;
        let Some(newest) = day.last().filter(|row| row.last >= LEAST && history.now - row.start <= CURRENT_MS) else { continue };
        let past = history.level(id, &day, 1.0)?;
        let dated = host_of(&labels).is_empty()
            && history.was_given(&Labels::metric(ESTIMATE, &[("mountpoint", labels.get("mountpoint").unwrap_or("?"))]))?;
        let answer = fill::forecast(&past.until_now(history.now, dated));
        history.note_undated(Subject::DiskFull, &labels, newest.last, &answer);
        found.extend(match answer {
            Answer::Full => Some(full(history, &labels, newest.last)),
            Answer::Date(date) => Some(filling(history, &labels, newest.last, date)),
            Answer::MayNever { .. } | Answer::TooEarly { .. } => None,
        });
    }
    Ok(found)
}

fn full(history: &History<'_>, labels: &Labels, level: f64) -> Finding {
    let mount = labels.get("mountpoint").unwrap_or("?");
    let host = host_of(labels);
    let named = named_on(mount, &host);
    Finding {
        id: named_on(&format!("{ID}{mount}"), &host),
        topic: Topic::Disk,
        title: format!("{named} is full"),
        why: format!("{} of {named} are in use: whatever writes to it fails.", figure("_ratio", level)),
        action: action(mount),
        severity: Severity::Error,
        evidence: vec![Evidence::estimated(TIME, 0.0, (0.0, 0.0), "seconds"), Evidence::counted("full now", level, "ratio")],
        query: labels.to_string(),
        start: history.now - DAY_MS,
        end: history.now,
        lasts_ms: 0,
    }
}

fn filling(history: &History<'_>, labels: &Labels, level: f64, date: FillDate) -> Finding {
    let mount = labels.get("mountpoint").unwrap_or("?");
    let host = host_of(labels);
    let named = named_on(mount, &host);
    let words = |hours: f64| approximate(hours * 3_600.0);
    let range = range(date);
    let known = if date.days < 2.0 { words(date.days * 24.0) } else { format!("{:.0} days", date.days) };
    Finding {
        id: named_on(&format!("{ID}{mount}"), &host),
        topic: Topic::Disk,
        title: format!("{named} will be full in about {}", words(date.after)),
        why: format!(
            "{} of {named} are in use. If it grows as it did over the last {known}, it is full in about {}, {range}.",
            figure("_ratio", level),
            words(date.after)
        ),
        action: action(mount),
        severity: if date.after < URGENT_HOURS { Severity::Error } else { Severity::Warning },
        evidence: evidence(TIME, date, Evidence::counted("full now", level, "ratio")),
        query: labels.to_string(),
        start: history.now - DAY_MS,
        end: history.now,
        lasts_ms: 0,
    }
}

/// When the file system of a finding will be full, as series and seconds: the estimate, and the times before which a share of cases
/// should come.
pub(in super::super) fn times_to_full(finding: &Finding) -> Vec<(Labels, f64)> {
    let Some(mount) = finding.id.strip_prefix(ID) else { return Vec::new() };
    // Those of other machines are theirs to forecast.
    let own = Selector::parse(&finding.query).is_ok_and(|s| s.matchers.iter().all(|m| !OTHERS.contains(&m.name.as_str())));
    let Some(estimate) = finding.evidence.iter().find(|evidence| own && evidence.name == TIME) else { return Vec::new() };
    let with = |metric: &str, more: &[(&str, &str)]| Labels::metric(metric, &[&[("mountpoint", mount)], more].concat());
    times(estimate, with, (ESTIMATE, BOUND))
}

fn action(mount: &str) -> String {
    format!("Find what grows (du -xh {mount} | sort -h | tail), remove it or move it, or make the file system larger.")
}
