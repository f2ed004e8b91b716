//! File systems that are full, or soon will be.

use super::super::history::{DAY_MS, HOUR_MS, approximate};
use super::super::{Evidence, Finding, History, Horizon};
use super::Advisor;
use crate::forecast::fill::{self, Answer, FillDate, Hour, Past};
use crate::model::{Labels, SeriesId};
use crate::rules::Severity;
use crate::store::StoreError;
use crate::windows::{Level, WindowRow};
use crate::words::figure;

pub(super) const ADVISOR: Advisor = Advisor { horizon: Horizon::Day, assess };

/// Hours of the past that a date is made of.
const PAST_HOURS: usize = 28 * 24;
/// A file system that is less full is not read further: it would have to be filled at once.
const LEAST: f64 = 0.4;
/// A level that is older is not the current one.
const CURRENT_MS: i64 = HOUR_MS;
/// Full within this time is an error.
const URGENT_HOURS: f64 = 24.0;

const KIND: &str = "disk";
/// How the id of a finding begins, before the mount point.
const ID: &str = "disk_filling:";
/// The series that is written while a date is given.
const ESTIMATE: &str = "system_filesystem_time_to_full_seconds";
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
        let past = past(history, id, &day)?;
        // Mondays began four days after 1970 did, or three before.
        let hour_of_week = usize::try_from((history.now.div_euclid(HOUR_MS) + 3 * 24).rem_euclid(168)).unwrap_or(0);
        let dated = history.was_given(&Labels::metric(ESTIMATE, &[("mountpoint", labels.get("mountpoint").unwrap_or("?"))]))?;
        let answer = fill::forecast(&Past { hours: &past.0, recent: &past.1, hour_of_week, dated });
        found.extend(match answer {
            Answer::Full => Some(full(history, &labels, newest.last)),
            Answer::Date(date) => Some(filling(history, &labels, newest.last, date)),
            Answer::MayNever { .. } | Answer::TooEarly { .. } => None,
        });
    }
    Ok(found)
}

/// Hours up to now, and the last day in steps of five minutes.
fn past(history: &History<'_>, id: SeriesId, day: &[WindowRow]) -> Result<(Vec<Option<Hour>>, Vec<f64>), StoreError> {
    let mut hours: Vec<Option<Hour>> = vec![None; PAST_HOURS];
    let ago = |start: i64, length: i64, unit: i64| usize::try_from((history.now - start - length).max(0) / unit).unwrap_or(usize::MAX);
    // Hours of the clock; the last day exactly, from shorter windows.
    for row in history.store.windows(id, Level::H1, history.now - PAST_HOURS as i64 * HOUR_MS, history.now - DAY_MS)? {
        let back = ago(row.start, HOUR_MS / 2, HOUR_MS);
        if (24..PAST_HOURS).contains(&back) {
            hours[PAST_HOURS - 1 - back] = Some(Hour { max: row.max, last: row.last });
        }
    }
    let steps = (DAY_MS / Level::M5.ms()) as usize;
    let mut recent: Vec<Option<f64>> = vec![None; steps + 1];
    for row in day {
        let back = ago(row.start, Level::M5.ms(), Level::M5.ms());
        if let Some(place) = steps.checked_sub(back) {
            recent[place] = Some(row.last);
        }
        if let Some(hour) = (PAST_HOURS - 1).checked_sub(back / 12).filter(|_| back < 24 * 12) {
            let max = hours[hour].map_or(row.max, |known| known.max.max(row.max));
            hours[hour] = Some(Hour { max, last: row.last });
        }
    }
    let mut last = None;
    let carried = recent.into_iter().filter_map(|value| {
        last = value.or(last);
        last
    });
    Ok((hours, carried.collect()))
}

fn full(history: &History<'_>, labels: &Labels, level: f64) -> Finding {
    let mount = labels.get("mountpoint").unwrap_or("?").to_owned();
    Finding {
        id: format!("{ID}{mount}"),
        kind: KIND,
        title: format!("{mount} is full"),
        why: format!("{} of {mount} are in use: whatever writes to it fails.", figure("_ratio", level)),
        action: action(&mount),
        severity: Severity::Error,
        evidence: vec![Evidence::estimated(TIME, 0.0, (0.0, 0.0), "seconds"), Evidence::counted("full now", level, "ratio")],
        query: labels.to_string(),
        start: history.now - DAY_MS,
        end: history.now,
    }
}

fn filling(history: &History<'_>, labels: &Labels, level: f64, date: FillDate) -> Finding {
    let mount = labels.get("mountpoint").unwrap_or("?").to_owned();
    let seconds = |hours: f64| hours * 3_600.0;
    let words = |hours: f64| approximate(seconds(hours));
    let range = match date.latest {
        Some(latest) => format!("with 95 % confidence in {} to {}", words(date.earliest), words(latest)),
        None => format!("with 95 % confidence not before {}; it may also never be full", words(date.earliest)),
    };
    let known = if date.days < 2.0 { words(date.days * 24.0) } else { format!("{:.0} days", date.days) };
    Finding {
        id: format!("{ID}{mount}"),
        kind: KIND,
        title: format!("{mount} will be full in about {}", words(date.after)),
        why: format!(
            "{} of {mount} are in use. If it grows as it did over the last {known}, it is full in about {}, {range}.",
            figure("_ratio", level),
            words(date.after)
        ),
        action: action(&mount),
        severity: if date.after < URGENT_HOURS { Severity::Error } else { Severity::Warning },
        evidence: vec![
            Evidence {
                name: TIME.to_owned(),
                value: seconds(date.after),
                low: Some(seconds(date.earliest)),
                high: date.latest.map(seconds),
                unit: "seconds".to_owned(),
            },
            Evidence::counted("full now", level, "ratio"),
            Evidence::counted("time that this is drawn from", date.days * 86_400.0, "seconds"),
        ],
        query: labels.to_string(),
        start: history.now - DAY_MS,
        end: history.now,
    }
}

/// When the file system of a finding will be full, as series and seconds: the estimate, and the times before which a share of cases
/// should come.
pub(in super::super) fn times_to_full(finding: &Finding) -> Vec<(Labels, f64)> {
    let Some(mount) = finding.id.strip_prefix(ID).filter(|_| finding.kind == KIND) else { return Vec::new() };
    let Some(estimate) = finding.evidence.iter().find(|evidence| evidence.name == TIME) else { return Vec::new() };
    let mut times = vec![(Labels::metric(ESTIMATE, &[("mountpoint", mount)]), estimate.value)];
    // A disk that is full already is no forecast.
    if estimate.value > 0.0 {
        let bounds = [("0.025", estimate.low), ("0.5", Some(estimate.value)), ("0.975", estimate.high)];
        times.extend(bounds.into_iter().filter_map(|(share, seconds)| {
            let labels = [("mountpoint", mount), ("quantile", share)];
            Some((Labels::metric("system_filesystem_time_to_full_bound_seconds", &labels), seconds?))
        }));
    }
    times
}

fn action(mount: &str) -> String {
    format!("Find what grows (du -xh {mount} | sort -h | tail), remove it or move it, or make the file system larger.")
}
