//! Memory that will run out: that of a unit or container with a limit, else that of the machine, and by which process.

use std::collections::BTreeMap;

use super::super::counsel::{Confidence, Counsel, Effort, Expects, Measures, Worse};
use super::super::dates::{evidence, range, times};
use super::super::history::{DAY_MS, HOUR_MS, approximate, host_of, named_on};
use super::super::levels::{self, Used};
use super::super::{Evidence, Finding, History, Horizon, Topic, WhyUndated};
use super::Advisor;
use crate::experiment::Better;
use crate::forecast::fill::{self, Answer, FillDate};
use crate::forecast::memory::{BOUND, ESTIMATE, EXHAUSTED, KINDS, Kind, MACHINE, UNIT};
use crate::forecast::record::Subject;
use crate::machine::OTHERS;
use crate::model::{Labels, MatchOp, Matcher, NAME_LABEL, Selector};
use crate::rules::Severity;
use crate::store::StoreError;
use crate::windows::Level;
use crate::words::figure;

pub(super) const ADVISOR: Advisor = Advisor {
    name: "memory_filling",
    about: "memory will run out",
    reads: &["system_memory_utilization_ratio"],
    horizon: Horizon::Day,
    needs_ms: 0,
    assess,
    counsel: Counsel {
        matters: "When it is used up the kernel ends a process, or the unit is ended at its limit.",
        then: &["If it grows again after a restart, look for the leak with a heap profiler."],
        effort: Effort::Hours,
        confidence: Confidence::Medium,
        refuted_by: "It levels off by itself, as caches do once they are full.",
        expects: Expects::Unknown("how much it keeps is not known"),
        measure: Measures::Series(Better::Lower),
        sibling: None,
        worse: Worse::Less(0),
    },
};

/// What uses less of what it may is not read further: that would have to come at once.
const LEAST: f64 = 0.4;
/// A level that is older is not the current one.
const CURRENT_MS: i64 = 5 * 60_000;
/// Out of memory within this time is an error.
const URGENT_HOURS: f64 = 4.0;
/// Levels that are read at each look, the fullest of a kind.
const MOST: usize = 20;

/// For how long advice on other machines stays: their figures have gaps.
const OTHERS_LAST_MS: i64 = HOUR_MS;

/// How the id of a finding begins, before its series.
const ID: &str = "memory_filling:";
/// The evidence that says when.
const TIME: &str = "time until it is used up";

/// What a machine has.
struct Machine {
    total: f64,
    /// Memory until it is used up.
    left: f64,
}

/// The machines of which it is known, by name; this one has none.
type Machines = BTreeMap<String, Machine>;

fn machines(history: &History<'_>) -> Result<Machines, StoreError> {
    let newest = |selector: &str| -> Result<BTreeMap<String, f64>, StoreError> {
        Ok(history.newest(selector, CURRENT_MS)?.into_iter().map(|(_, labels, bytes)| (host_of(&labels), bytes)).collect())
    };
    let available = newest("system_memory_usage_bytes{state=\"available\"}")?;
    let of = |(host, total): (String, f64)| {
        let left = available.get(&host)? - (1.0 - EXHAUSTED) * total;
        Some((host, Machine { total, left }))
    };
    Ok(newest("system_memory_limit_bytes")?.into_iter().filter_map(of).collect())
}

/// The fullest levels of a kind, and what each would have to reach.
fn fullest(history: &History<'_>, kind: &Kind, machines: &Machines) -> Result<Vec<(f64, f64, Used)>, StoreError> {
    let mut levels = Vec::new();
    if kind.level == MACHINE.level {
        for used in levels::memory(history)? {
            levels.extend(used.newest(history, CURRENT_MS)?.map(|level| (level / EXHAUSTED, EXHAUSTED, used)));
        }
    } else {
        for (id, labels, bytes) in history.newest(kind.level, CURRENT_MS)? {
            let host = host_of(&labels);
            let Some(whole) = whole(history, kind, &labels, bytes, machines.get(&host))?.filter(|whole| *whole > 0.0) else { continue };
            levels.push((bytes / whole, whole, Used { id, labels, host, total: None }));
        }
    }
    levels.retain(|(level, ..)| *level >= LEAST);
    levels.sort_by(|a, b| b.0.total_cmp(&a.0));
    levels.truncate(MOST);
    Ok(levels)
}

fn assess(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    let machines = machines(history)?;
    let mut found = Vec::new();
    for kind in &KINDS {
        for (level, whole, used) in fullest(history, kind, &machines)? {
            let day = used.windows(history, Level::M5, DAY_MS + HOUR_MS)?;
            let known = used.known(history, &day, whole)?;
            let dated = if used.host.is_empty() {
                history.was_given(&used.labels.with(NAME_LABEL, ESTIMATE))?
            } else {
                history.stands(&id(&used.labels))
            };
            let answer = fill::forecast_of_runs(&known.until_now(history.now, dated));
            // Programs of a machine come and go, so its memory goes up and down: only what is beyond all that was before is growth.
            let higher = known
                .was_higher()
                .or_else(|| known.fell_back())
                .filter(|_| kind.level == MACHINE.level && matches!(answer, Answer::Date(_)));
            if let Some(highest) = higher {
                history.note_why(Subject::MemoryFull, &used.labels, level, WhyUndated::WasHigher { highest: highest * whole });
                continue;
            }
            history.note_undated(Subject::MemoryFull, &used.labels, level, &answer);
            if let Answer::Date(date) = answer {
                found.push(filling(history, &used, level, date));
            }
        }
    }
    Ok(found)
}

/// What a unit or process would have to reach: the limit of its unit, else what it has and its machine has left.
fn whole(history: &History<'_>, kind: &Kind, labels: &Labels, used: f64, machine: Option<&Machine>) -> Result<Option<f64>, StoreError> {
    if kind.level == UNIT.level {
        let limit = history.latest(&labels.with(NAME_LABEL, "container_memory_limit_bytes"), CURRENT_MS)?;
        if let Some(limit) = limit.filter(|limit| machine.is_none_or(|machine| *limit < machine.total)) {
            return Ok(Some(EXHAUSTED * limit));
        }
    }
    Ok(machine.map(|machine| used + machine.left.max(0.0)))
}

fn id(labels: &Labels) -> String {
    format!("{ID}{labels}")
}

fn filling(history: &History<'_>, used: &Used, level: f64, date: FillDate) -> Finding {
    let (labels, host) = (&used.labels, &used.host);
    let of = ["unit", "container", "process"].iter().find_map(|name| labels.get(name));
    let machine = if host.is_empty() { "The machine" } else { host };
    let who = of.map_or(machine.to_owned(), |of| named_on(of, host));
    let words = |hours: f64| approximate(hours * 3_600.0);
    let of_what = if of.is_some() { "of what it may use, or what the machine has left, are in use" } else { "of the memory are in use" };
    Finding {
        id: id(labels),
        topic: Topic::Memory,
        title: format!("{who} will be out of memory in about {}", words(date.after)),
        why: format!(
            "{} {of_what}. If it grows as it did over {}, restarts left out, it is used up in about {}, {}.",
            figure("_ratio", level),
            words(date.days * 24.0),
            words(date.after),
            range(date)
        ),
        action: format!("See what {who} keeps; restart it before then, or give it more memory."),
        severity: if date.after < URGENT_HOURS { Severity::Error } else { Severity::Warning },
        evidence: evidence(TIME, date, Evidence::counted("in use now", level, "ratio")),
        query: used.query(),
        start: history.now - DAY_MS,
        end: history.now,
        lasts_ms: if host.is_empty() { 0 } else { OTHERS_LAST_MS },
    }
}

/// When the memory of a finding will be used up, as series and seconds.
pub(in super::super) fn times_to_full(finding: &Finding) -> Vec<(Labels, f64)> {
    let estimate = finding.evidence.iter().find(|evidence| evidence.name == TIME).filter(|_| finding.id.starts_with(ID));
    let Some((estimate, selector)) = estimate.zip(Selector::parse(&finding.query).ok()) else { return Vec::new() };
    let pairs: Vec<(&str, &str)> = selector.matchers.iter().filter_map(equal).collect();
    // Those of other machines are theirs to forecast.
    if pairs.iter().any(|(name, _)| OTHERS.contains(name)) {
        return Vec::new();
    }
    let others: Vec<(&str, &str)> = pairs.into_iter().filter(|(name, _)| *name != NAME_LABEL).collect();
    times(estimate, |metric, more| Labels::metric(metric, &[others.as_slice(), more].concat()), (ESTIMATE, BOUND))
}

fn equal(matcher: &Matcher) -> Option<(&str, &str)> {
    match &matcher.op {
        MatchOp::Equal(value) => Some((&matcher.name, value)),
        _ => None,
    }
}
