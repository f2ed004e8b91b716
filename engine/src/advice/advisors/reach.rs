//! What else was affected when something went down: other targets, calls of jobs, and alerts, by their samples.
//!
//! That they began at the same time is what is said; what caused what is not known from that.

use std::collections::BTreeSet;

use super::super::history::{DAY_MS, History, named_on};
use super::super::{Evidence, TimestampMs};
use crate::heartbeat;
use crate::model::Labels;
use crate::store::StoreError;
use crate::windows::{Level, WindowRow};

/// What begins so long before or after is at the same time.
const SAME_TIME_MS: i64 = 10 * 60_000;
/// What is down for a shorter time was one failed check.
const LEAST_MS: i64 = 5 * 60_000;
/// A row without samples for so long: an alert that fired, ended and fired again.
const GAP_MS: i64 = 5 * 60_000;
/// So many are named.
const NAMED: usize = 3;

/// What is asked or asks regularly, and the label that names it.
const WATCHED: [(&str, &str); 3] = [("probe_success", "target"), ("up", "job"), (heartbeat::UP, heartbeat::LABEL)];

/// Since when what is watched is down, by its minutes; none where it is up.
pub(super) fn down_since(rows: &[WindowRow]) -> Option<TimestampMs> {
    rows.iter().rev().take_while(|row| row.max == 0.0).last().map(|row| row.start)
}

/// What went down at the same time as a series did, as sentences and as figures.
pub(super) fn beside(history: &History<'_>, own: &Labels, since: TimestampMs) -> Result<(String, Vec<Evidence>), StoreError> {
    let (watched, down) = others(history, own, since)?;
    let alerts = alerts(history, own, since, &down)?;
    let mut words = String::new();
    if watched > 0 {
        let what = if watched == 1 {
            "The other target or job that is watched".to_owned()
        } else {
            format!("Of the {watched} other targets and jobs that are watched")
        };
        words = match down.as_slice() {
            [] if watched == 1 => format!(" {what} did not go down at the same time."),
            [] => format!(" {what} none went down at the same time."),
            [one] if watched == 1 => format!(" {what}, {one}, went down within ten minutes of it."),
            _ => format!(" {what} {} went down within ten minutes of it: {}. What they share may be the cause.", down.len(), listed(&down)),
        };
    }
    if !alerts.is_empty() {
        words.push_str(&format!(" Alerts of other things that began since then: {}.", listed(&alerts)));
    }
    let mut evidence = Vec::new();
    if watched > 0 {
        evidence.push(Evidence::counted("others watched", watched as f64, "count"));
        evidence.push(Evidence::counted("of these went down at the same time", down.len() as f64, "count"));
    }
    evidence.push(Evidence::counted("alerts of other things since then", alerts.len() as f64, "count"));
    Ok((words, evidence))
}

/// How many others are watched now, and the names of those that went down at the same time.
fn others(history: &History<'_>, own: &Labels, since: TimestampMs) -> Result<(usize, Vec<String>), StoreError> {
    let (mut watched, mut down) = (BTreeSet::new(), BTreeSet::new());
    for (metric, label) in WATCHED {
        for (id, labels) in history.series(metric).into_iter().filter(|(_, labels)| labels != own) {
            let rows = history.windows(id, Level::M1, DAY_MS)?;
            if rows.last().is_none_or(|row| history.now - row.start > LEAST_MS) {
                continue;
            }
            let name = named(labels.get(label).unwrap_or("?"), &labels);
            let is_same = |at: &TimestampMs| (*at - since).abs() <= SAME_TIME_MS && history.now - *at >= LEAST_MS;
            if down_since(&rows).is_some_and(|at| is_same(&at)) {
                down.insert(name.clone());
            }
            watched.insert(name);
        }
    }
    Ok((watched.len(), down.into_iter().collect()))
}

/// The rules of alerts that began to fire since shortly before then and do still, but for those of the same thing, and of what went down with it.
fn alerts(history: &History<'_>, own: &Labels, since: TimestampMs, down: &[String]) -> Result<Vec<String>, StoreError> {
    let is_same = |labels: &Labels| {
        let of_own = WATCHED.iter().all(|(_, label)| own.get(label) == labels.get(label)) && own.get("instance") == labels.get("instance");
        of_own || WATCHED.iter().any(|(_, label)| labels.get(label).is_some_and(|name| down.contains(&named(name, labels))))
    };
    let mut found = BTreeSet::new();
    for (id, labels) in history.series("ALERTS{alertstate=\"firing\"}").into_iter().filter(|(_, labels)| !is_same(labels)) {
        let rows = history.windows(id, Level::M1, DAY_MS)?;
        let Some(newest) = rows.last().filter(|row| history.now - row.start <= GAP_MS) else { continue };
        let gap = rows.windows(2).rev().find(|pair| pair[1].start - pair[0].start > GAP_MS);
        let first = gap.map_or_else(|| rows.first().map_or(newest.start, |row| row.start), |pair| pair[1].start);
        if first >= since - SAME_TIME_MS
            && let Some(rule) = labels.get("alertname")
        {
            found.insert(rule.to_owned());
        }
    }
    Ok(found.into_iter().collect())
}

fn named(name: &str, labels: &Labels) -> String {
    named_on(name, labels.get("instance").unwrap_or_default())
}

fn listed(names: &[String]) -> String {
    let named = names.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}
