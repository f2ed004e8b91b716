//! Memory that will run out: that of a unit or container with a limit, else that of the machine, and by which process.

use super::super::counsel::{Confidence, Counsel, Effort, Expects, Measures, Worse};
use super::super::dates::{evidence, range, times};
use super::super::history::{DAY_MS, HOUR_MS, approximate};
use super::super::{Evidence, Finding, History, Horizon, Topic, WhyUndated};
use super::Advisor;
use crate::experiment::Better;
use crate::forecast::fill::{self, Answer, FillDate};
use crate::forecast::memory::{BOUND, ESTIMATE, EXHAUSTED, KINDS, Kind, MACHINE, UNIT};
use crate::forecast::record::Subject;
use crate::machine::is_own;
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

/// How the id of a finding begins, before its series.
const ID: &str = "memory_filling:";
/// The evidence that says when.
const TIME: &str = "time until it is used up";

/// What the machine has.
struct Machine {
    total: f64,
    /// Memory until it is used up.
    left: f64,
}

fn assess(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    let newest = |selector: &str| -> Result<Option<f64>, StoreError> {
        for (_, labels, bytes) in history.newest(selector, CURRENT_MS)? {
            if is_own(&labels) {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    };
    let total = newest("system_memory_limit_bytes")?;
    let available = newest("system_memory_usage_bytes{state=\"available\"}")?;
    let machine = total.zip(available).map(|(total, available)| Machine { total, left: available - (1.0 - EXHAUSTED) * total });
    let mut found = Vec::new();
    for kind in &KINDS {
        let mut levels = Vec::new();
        for (id, labels, used) in history.newest(kind.level, CURRENT_MS)?.into_iter().filter(|(_, labels, _)| is_own(labels)) {
            let Some(whole) = whole(history, kind, &labels, used, machine.as_ref())?.filter(|whole| *whole > 0.0) else { continue };
            levels.push((used / whole, whole, id, labels));
        }
        levels.retain(|(level, ..)| *level >= LEAST);
        levels.sort_by(|a, b| b.0.total_cmp(&a.0));
        for (level, whole, id, labels) in levels.into_iter().take(MOST) {
            let day = history.windows(id, Level::M5, DAY_MS + HOUR_MS)?;
            let known = history.level(id, &day, whole)?;
            let dated = history.was_given(&labels.with(NAME_LABEL, ESTIMATE))?;
            let answer = fill::forecast_of_runs(&known.until_now(history.now, dated));
            // Programs of a machine come and go, so its memory goes up and down: only what is beyond all that was before is growth.
            let higher = known
                .was_higher()
                .or_else(|| known.fell_back())
                .filter(|_| kind.level == MACHINE.level && matches!(answer, Answer::Date(_)));
            if let Some(highest) = higher {
                history.note_why(Subject::MemoryFull, &labels, level, WhyUndated::WasHigher { highest: highest * whole });
                continue;
            }
            history.note_undated(Subject::MemoryFull, &labels, level, &answer);
            if let Answer::Date(date) = answer {
                found.push(filling(history, &labels, level, date));
            }
        }
    }
    Ok(found)
}

/// What a series would have to reach: the limit of its unit, else what it has and the machine has left.
fn whole(history: &History<'_>, kind: &Kind, labels: &Labels, used: f64, machine: Option<&Machine>) -> Result<Option<f64>, StoreError> {
    if kind.level == MACHINE.level {
        return Ok(Some(EXHAUSTED));
    }
    if kind.level == UNIT.level {
        let limit = history.latest(&labels.with(NAME_LABEL, "container_memory_limit_bytes"), CURRENT_MS)?;
        if let Some(limit) = limit.filter(|limit| machine.is_none_or(|machine| *limit < machine.total)) {
            return Ok(Some(EXHAUSTED * limit));
        }
    }
    Ok(machine.map(|machine| used + machine.left.max(0.0)))
}

fn filling(history: &History<'_>, labels: &Labels, level: f64, date: FillDate) -> Finding {
    let of = ["unit", "container", "process"].iter().find_map(|name| labels.get(name));
    let who = of.map_or("The machine".to_owned(), str::to_owned);
    let words = |hours: f64| approximate(hours * 3_600.0);
    let of_what = if of.is_some() { "of what it may use, or what the machine has left, are in use" } else { "of the memory are in use" };
    Finding {
        id: format!("{ID}{labels}"),
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
        query: labels.to_string(),
        start: history.now - DAY_MS,
        end: history.now,
        lasts_ms: 0,
    }
}

/// When the memory of a finding will be used up, as series and seconds.
pub(in super::super) fn times_to_full(finding: &Finding) -> Vec<(Labels, f64)> {
    let estimate = finding.evidence.iter().find(|evidence| evidence.name == TIME).filter(|_| finding.id.starts_with(ID));
    let Some((estimate, selector)) = estimate.zip(Selector::parse(&finding.query).ok()) else { return Vec::new() };
    let pairs: Vec<(&str, &str)> = selector.matchers.iter().filter_map(equal).collect();
    let others: Vec<(&str, &str)> = pairs.into_iter().filter(|(name, _)| *name != NAME_LABEL).collect();
    times(estimate, |metric, more| Labels::metric(metric, &[others.as_slice(), more].concat()), (ESTIMATE, BOUND))
}

fn equal(matcher: &Matcher) -> Option<(&str, &str)> {
    match &matcher.op {
        MatchOp::Equal(value) => Some((&matcher.name, value)),
        _ => None,
    }
}
