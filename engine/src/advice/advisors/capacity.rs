//! What will not suffice within a week: the CPU, and runners of CI. Of disks and memory `disk` and `out_of_memory` give the dates; how much
//! of them will be wanted is noted here as well.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::super::capacity::{CPU_LIMIT, Forecast, Resource, is_own, shortfall};
use super::super::counsel::{Confidence, Counsel, Effort, Expects, Measures, Worse, hourly_mean, named};
use super::super::history::{DAY_MS, HOUR_MS, approximate, host_of, named_on};
use super::super::{Evidence, Finding, History, Horizon, Topic};
use super::Advisor;
use crate::experiment::Better;
use crate::forecast::capacity::{Outlook, Range, Unknown, outlook};
use crate::forecast::memory::EXHAUSTED;
use crate::model::{Labels, NAME_LABEL, SeriesId, TimestampMs};
use crate::rules::Severity;
use crate::store::StoreError;
use crate::windows::{Level, WindowRow};
use crate::words::figure;

pub(super) const CPU: Advisor = Advisor {
    name: "cpu_capacity",
    about: "the CPU will not suffice within a week",
    reads: &["system_cpu_utilization_ratio"],
    horizon: Horizon::Month,
    needs_ms: 0,
    assess: cpu,
    counsel: Counsel {
        matters: "Once the CPU is used up, all that runs on the machine waits: builds, answers, and this service as well.",
        then: &["See whether the busiest hours of the next days stay below what there is."],
        effort: Effort::Days,
        confidence: Confidence::Medium,
        refuted_by: "What grew was work that is over, such as a migration.",
        expects: Expects::Unknown("how much less is used depends on what is moved"),
        measure: Measures::Series(Better::Lower),
        sibling: None,
        worse: Worse::More(0),
    },
};

pub(super) const RUNNERS: Advisor = Advisor {
    name: "ci_runners",
    about: "runs will wait for runners in the busiest hours of the next week",
    reads: &["github_actions_run_queue_seconds", "github_actions_run_duration_seconds"],
    horizon: Horizon::Month,
    needs_ms: 0,
    assess: runners,
    counsel: Counsel {
        matters: "In the busiest hours everyone waits for a runner before anything of theirs is tested.",
        then: &["Look at the same hours of the next week."],
        effort: Effort::Hours,
        confidence: Confidence::Medium,
        refuted_by: "Runs wait for each other (concurrency:), not for runners.",
        expects: Expects::Unknown("how long runs wait then depends on when they begin"),
        measure: Measures::Query(Better::Lower, |finding| {
            Some(hourly_mean("github_actions_run_queue_seconds", &[("repo", &named(&finding.query, "repo")?)]))
        }),
        sibling: None,
        worse: Worse::More(0),
    },
};

/// The past that is read, where so much is kept.
const KNOWN_MS: i64 = 56 * DAY_MS;
/// Machines whose CPU is forecast, and file systems, at the most: those with the highest figures.
const MOST: usize = 20;
/// A resource that is used less is not forecast further: it would have to be used up at once.
const LEAST: f64 = 0.4;
/// What is called lately.
const WEEK_MS: i64 = 7 * DAY_MS;
/// Waiting is averaged over so long.
const STEP_MS: i64 = 2 * HOUR_MS;
/// Reached within this time is a warning.
const SOON_MS: i64 = 2 * DAY_MS;
/// Runs of the last two weeks that a repository needs.
const MIN_RUNS: usize = 30;
/// The share of waits that is a runner's usual time to begin: no shortage.
const USUAL: f64 = 0.1;
/// So many runners at least are missing where it is worth advice.
const MISSING: f64 = 1.0;

/// Figures of hours by time.
fn figures(hours: &[WindowRow], figure: fn(&WindowRow) -> f64) -> Vec<(TimestampMs, f64)> {
    hours.iter().map(|row| (row.start, figure(row))).collect()
}

/// The highest figure since a time.
fn highest(rows: &[(TimestampMs, f64)], from: TimestampMs) -> f64 {
    rows.iter().filter(|(at, _)| *at >= from).map(|(_, figure)| *figure).fold(0.0, f64::max)
}

/// The busiest series of a metric, how busy each is now, and their hours.
fn busiest(history: &History<'_>, metric: &str, own: bool) -> Result<Vec<(Labels, f64, Vec<WindowRow>)>, StoreError> {
    let mut newest: Vec<(SeriesId, Labels, f64)> = history.newest(metric, HOUR_MS)?;
    newest.retain(|(_, labels, _)| !own || is_own(labels));
    newest.sort_by(|a, b| b.2.total_cmp(&a.2));
    newest.into_iter().take(MOST).map(|(id, labels, now)| Ok((labels, now, history.windows(id, Level::H1, KNOWN_MS)?))).collect()
}

fn cpu(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    for (metric, resource, limit) in
        [("system_memory_utilization_ratio", Resource::Memory, EXHAUSTED), ("system_filesystem_utilization_ratio", Resource::Disk, 1.0)]
    {
        for (labels, now, hours) in busiest(history, metric, true)? {
            if now >= LEAST {
                note(history, resource, &labels, limit, outlook(&figures(&hours, |row| row.max), history.now));
            }
        }
    }
    let mut found = Vec::new();
    for (labels, _, hours) in busiest(history, "system_cpu_utilization_ratio", false)? {
        let rows = figures(&hours, WindowRow::avg);
        let lately = highest(&rows, history.now - WEEK_MS);
        let expected = if lately >= CPU_LIMIT { Err(Unknown::AtLimit) } else { outlook(&rows, history.now) };
        // What was as busy before is no growth: a build machine is meant to be.
        if let Ok(outlook) = &expected
            && outlook.grows
            && highest(&rows, TimestampMs::MIN) < CPU_LIMIT
        {
            found.extend(cpu_short(history, &labels, outlook, lately));
        }
        if host_of(&labels).is_empty() {
            note(history, Resource::Cpu, &labels, CPU_LIMIT, expected);
        }
    }
    Ok(found)
}

fn note(history: &History<'_>, resource: Resource, labels: &Labels, limit: f64, outlook: Result<Outlook, Unknown>) {
    history.forecasts.borrow_mut().push(Forecast { resource, labels: labels.without(&[NAME_LABEL]), limit, outlook });
}

fn cpu_short(history: &History<'_>, labels: &Labels, outlook: &Outlook, before: f64) -> Option<Finding> {
    let [_, Some(at), latest] = outlook.reaches(CPU_LIMIT) else { return None };
    let host = host_of(labels);
    let short = shortfall(Resource::Cpu, outlook.highest(), CPU_LIMIT);
    let after = (at - history.now).max(0);
    let when = if after == 0 { "from today on".to_owned() } else { format!("in about {}", approximate(after as f64 / 1e3)) };
    let sure = if latest.is_some() { "" } else { "; it may also suffice" };
    Some(Finding {
        id: named_on(CPU.name, &host),
        topic: Topic::Cpu,
        title: format!("{} will not suffice {when}", named_on("The CPU", &host)),
        why: format!(
            "The busiest hours of the last week used {} of it, and they grow. If that goes on, those of the next week want {} more than there is (95 %: {} to {}){sure}.",
            figure("_ratio", before),
            figure("_ratio", short.estimate),
            figure("_ratio", short.low),
            figure("_ratio", short.high),
        ),
        action: "Find what grows (processes by CPU, this week and last), move what can run at other hours, or plan for more cores."
            .to_owned(),
        severity: if after < SOON_MS { Severity::Warning } else { Severity::Notice },
        evidence: vec![
            Evidence::estimated(
                "what is missing at the busiest hour of the next week, as a share of what there is",
                short.estimate,
                (short.low, short.high),
                "ratio",
            ),
            Evidence::counted("time until then", after as f64 / 1e3, "seconds"),
            Evidence::counted("busiest hour of the last week", before, "ratio"),
        ],
        query: labels.to_string(),
        start: history.now - 28 * DAY_MS,
        end: history.now,
        lasts_ms: DAY_MS,
    })
}

/// A run: when it began, and how long it had waited for a runner.
struct Wait {
    began: TimestampMs,
    seconds: f64,
}

fn runners(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    let mut found = Vec::new();
    for (repo, waits) in waits(history)? {
        let recent = waits.iter().filter(|wait| wait.began > history.now - 14 * DAY_MS).count();
        if recent < MIN_RUNS {
            continue;
        }
        let rows = waiting(&waits, history.now);
        let expected = outlook(&rows, history.now);
        if let Ok(outlook) = &expected {
            found.extend(runners_short(history, &repo, outlook.highest(), highest(&rows, history.now - WEEK_MS)));
        }
        let labels = Labels::metric("runners", &[("repo", &repo)]);
        note(history, Resource::Runners, &labels, 0.0, expected);
    }
    Ok(found)
}

/// The runs of each repository. A run has a sample of each metric at its end.
fn waits(history: &History<'_>) -> Result<BTreeMap<String, Vec<Wait>>, StoreError> {
    let mut durations: FxHashMap<(Labels, TimestampMs), f64> = FxHashMap::default();
    for (id, labels) in history.series("github_actions_run_duration_seconds") {
        let labels = labels.without(&[NAME_LABEL]);
        durations.extend(history.values(id, KNOWN_MS)?.into_iter().map(|(at, seconds)| ((labels.clone(), at), seconds)));
    }
    let mut found: BTreeMap<String, Vec<Wait>> = BTreeMap::new();
    for (id, labels) in history.series("github_actions_run_queue_seconds") {
        let (of, repo) = (labels.without(&[NAME_LABEL]), labels.get("repo").unwrap_or_default().to_owned());
        for (at, seconds) in history.values(id, KNOWN_MS)? {
            if let Some(duration) = durations.get(&(of.clone(), at)) {
                let began = at - (duration * 1e3).clamp(0.0, 1e12) as i64;
                found.entry(repo.clone()).or_default().push(Wait { began, seconds });
            }
        }
    }
    Ok(found)
}

/// How many runs waited on average in each two hours, by Little's law: the waits that ended in them, less what a runner usually takes to
/// begin, over their length. Two hours without runs, of the time that is known, have none that waited.
fn waiting(waits: &[Wait], now: TimestampMs) -> Vec<(TimestampMs, f64)> {
    let mut sorted: Vec<f64> = waits.iter().map(|wait| wait.seconds).collect();
    sorted.sort_by(f64::total_cmp);
    let usual = sorted.get((sorted.len() as f64 * USUAL) as usize).copied().unwrap_or(0.0);
    let start_of = |at: TimestampMs| at.div_euclid(STEP_MS) * STEP_MS;
    let Some(first) = waits.iter().map(|wait| start_of(wait.began.max(now - KNOWN_MS))).min() else { return Vec::new() };
    let steps = usize::try_from((now - first) / STEP_MS + 1).unwrap_or(0);
    let mut found: BTreeMap<TimestampMs, f64> = (0..steps).map(|step| (first + step as i64 * STEP_MS, 0.0)).collect();
    for wait in waits {
        if let Some(sum) = found.get_mut(&start_of(wait.began)) {
            *sum += (wait.seconds - usual).max(0.0) * 1e3 / STEP_MS as f64;
        }
    }
    found.into_iter().collect()
}

fn runners_short(history: &History<'_>, repo: &str, highest: Range, before: f64) -> Option<Finding> {
    let short = shortfall(Resource::Runners, highest, 0.0);
    if short.estimate < MISSING || before < MISSING {
        return None;
    }
    Some(Finding {
        id: format!("{}:{repo}", RUNNERS.name),
        topic: Topic::Ci,
        title: format!("{repo} is short of about {} in its busiest hours", runners_of(short.estimate)),
        why: format!(
            "In the busiest two hours of the last week {} runs waited for a runner on average. In those of the next week it will be {} (95 %: {} to {}), if it goes on as it did; each would need a runner of its own.",
            figure("", before),
            figure("", short.estimate),
            figure("", short.low),
            figure("", short.high),
        ),
        action: "Add runners for those hours, let scheduled runs begin at others, or run fewer jobs for each push (paths:, concurrency: with cancel-in-progress).".to_owned(),
        severity: Severity::Notice,
        evidence: vec![
            Evidence::estimated("runs that wait at the busiest time of the next week", short.estimate, (short.low, short.high), "count"),
            Evidence::counted("runs that waited at the busiest time of the last week", before, "count"),
        ],
        query: format!("github_actions_run_queue_seconds{{repo={repo:?}}}"),
        start: history.now - 28 * DAY_MS,
        end: history.now,
        lasts_ms: DAY_MS,
    })
}

fn runners_of(count: f64) -> String {
    let count = count.round().max(1.0);
    if count < 2.0 { "one runner".to_owned() } else { format!("{count} runners") }
}
