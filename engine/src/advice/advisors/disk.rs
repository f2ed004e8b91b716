//! File systems that are full, or soon will be: of bytes, and of inodes.

use super::super::counsel::{Confidence, Counsel, Effort, Expects, Measures, Worse};
use super::super::dates::{evidence, range, times};
use super::super::history::{DAY_MS, HOUR_MS, approximate, named_on};
use super::super::levels::{self, INODES, Names, SPACE, Used};
use super::super::writers::{self, Growth};
use super::super::{Evidence, Finding, History, Horizon, Topic};
use super::Advisor;
use crate::experiment::Better;
use crate::forecast::fill::{self, Answer, FillDate};
use crate::forecast::record::Subject;
use crate::machine::OTHERS;
use crate::model::{Labels, Selector};
use crate::rules::Severity;
use crate::store::StoreError;
use crate::windows::{Level, WindowRow};
use crate::words::{date as day_and_time, figure};

pub(super) const BYTES: Advisor = Advisor {
    name: "disk_filling",
    about: "a file system is full or soon will be",
    reads: &["system_filesystem_utilization_ratio"],
    horizon: Horizon::Day,
    needs_ms: 0,
    assess: |history| assess(history, &OF_BYTES),
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

pub(super) const FILES: Advisor = Advisor {
    name: "inodes_filling",
    about: "a file system has no inodes left for new files, or soon will have none",
    reads: &["system_filesystem_inodes_utilization_ratio"],
    horizon: Horizon::Day,
    needs_ms: 0,
    assess: |history| assess(history, &OF_INODES),
    counsel: Counsel {
        matters: "Without a free inode no file can be made, though bytes are free: programs say that the disk is full, and df does not show it.",
        then: &["Keep the files from coming again: expire caches, sessions and mail queues by age."],
        effort: Effort::Hours,
        confidence: Confidence::Medium,
        refuted_by: "Something removes the files by itself before the inodes are used up.",
        expects: Expects::Unknown("how many files can be removed is not known"),
        measure: Measures::Series(Better::Lower),
        sibling: None,
        worse: Worse::Less(0),
    },
};

/// What of file systems is used up.
struct Kind {
    names: &'static Names,
    /// How the id of a finding begins, before the mount point.
    id: &'static str,
    /// The series that is written while a date is given.
    estimate: &'static str,
    /// The same by share of cases.
    bound: Option<&'static str>,
}

const OF_BYTES: Kind = Kind {
    names: &SPACE,
    id: "disk_filling:",
    estimate: "system_filesystem_time_to_full_seconds",
    bound: Some("system_filesystem_time_to_full_bound_seconds"),
};
const OF_INODES: Kind =
    Kind { names: &INODES, id: "inodes_filling:", estimate: "system_filesystem_inodes_time_to_full_seconds", bound: None };

/// A file system that is less full is not read further: it would have to be filled at once.
const LEAST: f64 = 0.4;
/// A level that is older is not the current one.
const CURRENT_MS: i64 = HOUR_MS;
/// Full within this time is an error.
const URGENT_HOURS: f64 = 24.0;
/// For how long advice on other machines stays: their figures have gaps.
const OTHERS_LAST_MS: i64 = HOUR_MS;

/// The evidence that says when.
const TIME: &str = "time until full";

impl Kind {
    fn counts_bytes(&self) -> bool {
        self.bound.is_some()
    }

    /// The id of a finding.
    fn id(&self, used: &Used) -> String {
        named_on(&format!("{}{}", self.id, used.labels.get("mountpoint").unwrap_or("?")), &used.host)
    }

    fn full(&self, named: &str, level: f64) -> (String, String) {
        let share = figure("_ratio", level);
        if self.counts_bytes() {
            return (format!("{named} is full"), format!("{share} of {named} are in use: whatever writes to it fails."));
        }
        (
            format!("{named} has no inodes left"),
            format!("{share} of the inodes of {named} are in use: no file can be made on it, however many bytes are free."),
        )
    }

    fn filling(&self, named: &str, level: f64, after: &str) -> (String, String) {
        let share = figure("_ratio", level);
        if self.counts_bytes() {
            return (format!("{named} will be full in about {after}"), format!("{share} of {named} are in use."));
        }
        (format!("{named} will have no inodes left in about {after}"), format!("{share} of the inodes of {named} are in use."))
    }

    fn action(&self, mount: &str) -> String {
        if self.counts_bytes() {
            return format!("Find what grows (du -xh {mount} | sort -h | tail), remove it or move it, or make the file system larger.");
        }
        format!(
            "Find the folders with the most files (du -x --inodes {mount} | sort -n | tail) and remove what nobody needs. Of ext4 the number of inodes is fixed \
             when it is made: mkfs.ext4 -N gives more."
        )
    }
}

fn assess(history: &History<'_>, kind: &Kind) -> Result<Vec<Finding>, StoreError> {
    let mut found = Vec::new();
    for used in levels::file_systems(history, kind.names)? {
        let day = used.windows(history, Level::M5, DAY_MS + HOUR_MS)?;
        let Some(newest) = day.last().filter(|row| row.last >= LEAST && history.now - row.start <= CURRENT_MS) else { continue };
        let mount = used.labels.get("mountpoint").unwrap_or("?");
        let past = used.known(history, &day, 1.0)?;
        let dated = if used.host.is_empty() {
            history.was_given(&Labels::metric(kind.estimate, &[("mountpoint", mount)]))?
        } else {
            history.stands(&kind.id(&used))
        };
        let answer = fill::forecast(&past.until_now(history.now, dated));
        if kind.counts_bytes() {
            history.note_undated(Subject::DiskFull, &used.labels, newest.last, &answer);
        }
        let date = match answer {
            Answer::Full => None,
            Answer::Date(date) => Some(date),
            Answer::MayNever { .. } | Answer::TooEarly { .. } => continue,
        };
        let mut finding = finding(history, kind, &used, newest.last, date);
        let (words, figures) = writers::during(history, &used, &growth(&day), kind.counts_bytes())?;
        finding.why = format!("{} {words}", finding.why);
        finding.evidence.extend(figures);
        found.push(finding);
    }
    Ok(found)
}

/// The newest rise of the last day: from its lowest level on.
fn growth(day: &[WindowRow]) -> Growth {
    let lowest = day.iter().rev().min_by(|a, b| a.min.total_cmp(&b.min));
    let newest = day.last().map_or(0.0, |row| row.last);
    lowest.map_or(Growth { since: 0, share: 0.0 }, |row| Growth { since: row.start, share: newest - row.min })
}

/// Without a date it is full.
fn finding(history: &History<'_>, kind: &Kind, used: &Used, level: f64, date: Option<FillDate>) -> Finding {
    let mount = used.labels.get("mountpoint").unwrap_or("?");
    let named = named_on(mount, &used.host);
    let (title, why) = date.map_or_else(|| kind.full(&named, level), |date| when(history, kind, &named, level, date));
    let level = Evidence::counted("full now", level, "ratio");
    let is_soon = date.is_none_or(|date| date.after < URGENT_HOURS);
    Finding {
        id: kind.id(used),
        topic: Topic::Disk,
        title,
        why,
        action: kind.action(mount),
        severity: if is_soon { Severity::Error } else { Severity::Warning },
        evidence: match date {
            Some(date) => evidence(TIME, date, level),
            None => vec![Evidence::estimated(TIME, 0.0, (0.0, 0.0), "seconds"), level],
        },
        query: used.query(),
        start: history.now - DAY_MS,
        end: history.now,
        lasts_ms: if used.host.is_empty() || date.is_none() { 0 } else { OTHERS_LAST_MS },
    }
}

/// Title and reason of a date.
fn when(history: &History<'_>, kind: &Kind, named: &str, level: f64, date: FillDate) -> (String, String) {
    let words = |hours: f64| approximate(hours * 3_600.0);
    let known = if date.days < 2.0 { words(date.days * 24.0) } else { format!("{:.0} days", date.days) };
    let after = words(date.after);
    let (title, so) = kind.filling(named, level, &after);
    let at = history.now.saturating_add((date.after * HOUR_MS as f64) as i64);
    let range = range(date);
    (title, format!("{so} If it grows as it did over the last {known}, that is in about {after} ({}), {range}.", day_and_time(at)))
}

/// When the file system of a finding will be full, as series and seconds: the estimate, and the times before which a share of cases
/// should come.
pub(in super::super) fn times_to_full(finding: &Finding) -> Vec<(Labels, f64)> {
    let of = [&OF_BYTES, &OF_INODES].into_iter().find_map(|kind| Some((kind, finding.id.strip_prefix(kind.id)?)));
    let Some((kind, mount)) = of else { return Vec::new() };
    // Those of other machines are theirs to forecast.
    let own = Selector::parse(&finding.query).is_ok_and(|s| s.matchers.iter().all(|m| !OTHERS.contains(&m.name.as_str())));
    let Some(estimate) = finding.evidence.iter().find(|evidence| own && evidence.name == TIME) else { return Vec::new() };
    let with = |metric: &str, more: &[(&str, &str)]| Labels::metric(metric, &[&[("mountpoint", mount)], more].concat());
    match kind.bound {
        Some(bound) => times(estimate, with, (kind.estimate, bound)),
        None => vec![(with(kind.estimate, &[]), estimate.value)],
    }
}
