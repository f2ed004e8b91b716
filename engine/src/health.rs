//! The health score: 0 to 100, made of parts that anyone can check.
//!
//! ```text
//! score = 100 − Σ weight × (100 − part)      weight: 1 for the worst part, 0.1 for each of the others
//! ```
//!
//! The worst part decides, because nine things that work do not mend the tenth; the others lower the score a little. From 70 on all is
//! well or can wait, below 70 something is wrong, below 40 somebody should act now. What each part is worth follows from what a reader
//! would call bad: a CPU that is busy for a while is not, a disk that is full is, and a disk of any size that stays as it is is not.
//!
//! A part that cannot be measured is left out and named, never guessed. A source that ought to give it counts as failing.

use crate::rules::{CPU_RULES, Severity};

/// How much of its loss each part but the worst counts.
const OTHERS: f64 = 0.1;
/// Seconds of an hour, a day and a week.
const HOUR: f64 = 3_600.0;
const DAY: f64 = 24.0 * HOUR;
const WEEK: f64 = 7.0 * DAY;
/// With more than this free a file system is not full, whatever its share.
const ROOM_BYTES: f64 = 2.0 * 1024.0 * 1024.0 * 1024.0;

/// A file system of this machine.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Disk {
    /// Its mount point.
    pub mount: String,
    /// Its used share.
    pub used: f64,
    /// Bytes that are free; none where they are not known.
    pub free_bytes: Option<f64>,
    /// Seconds until it is full, where the forecast says that it will be.
    pub full_in: Option<f64>,
}

/// What the score is computed from. What is not known is `None`.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    /// Busy share of the CPU over the last ten minutes.
    pub cpu: Option<f64>,
    /// Share of memory not available.
    pub memory: Option<f64>,
    /// Share of the last ten seconds in which some processes waited for memory.
    pub memory_pressure: Option<f64>,
    /// Processes that the kernel ended for want of memory in the last ten minutes.
    pub oom_kills: f64,
    /// File systems.
    pub disks: Vec<Disk>,
    /// Severities of alerts that fire, or that fired and of which nothing is known since; of those that [`counts`].
    pub firing: Vec<Severity>,
    /// Sources that work, and names of those that fail, or send nothing although nothing is known to be wrong.
    pub sources: (usize, Vec<String>),
    /// Targets of probes that are up, and names of those that are down.
    pub targets: (usize, Vec<String>),
}

/// One part of the score.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// `cpu`, `memory`, `disk`, `alerts`, `sources`, `probes`.
    pub part: &'static str,
    /// 0 to 100.
    pub score: f64,
    /// How much of what it lacks is taken from the score.
    pub weight: f64,
    /// The figure behind it.
    pub why: String,
}

/// A part that could not be measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Missing {
    /// Which.
    pub part: &'static str,
    /// Why.
    pub why: String,
}

/// The score and its parts.
#[derive(Debug, Clone, PartialEq)]
pub struct Health {
    /// 0 to 100; none while nothing is measured.
    pub score: Option<f64>,
    /// What it is made of.
    pub parts: Vec<Part>,
    /// What is not in it.
    pub missing: Vec<Missing>,
}

/// Whether an alert counts. That on the score does not: it would never end. Nor do those of a busy CPU, which is the part `cpu`: a minute of
/// compiling is no full disk.
#[must_use]
pub fn counts(rule: &str, metric: &str) -> bool {
    metric != "taskpulse_health_score" && !CPU_RULES.contains(&rule)
}

/// The score of these inputs.
#[must_use]
pub fn assess(inputs: &Inputs) -> Health {
    let (mut parts, mut missing) = (Vec::new(), Vec::new());
    for (part, what, of) in
        [("cpu", "the CPU", cpu(inputs)), ("memory", "the memory", memory(inputs)), ("disk", "a file system", disk(&inputs.disks))]
    {
        match of {
            Some((score, why)) => parts.push(Part { part, score, weight: OTHERS, why }),
            None => missing.push(Missing { part, why: format!("no sample of {what} in the last minute") }),
        }
    }
    let shares =
        [("sources", share(&inputs.sources, 60.0, "all work", "failing")), ("probes", share(&inputs.targets, 40.0, "all up", "down"))];
    let measured = !parts.is_empty() || shares.iter().any(|(_, share)| share.is_some()) || !inputs.firing.is_empty();
    let (score, why) = alerts(&inputs.firing);
    parts.push(Part { part: "alerts", score, weight: OTHERS, why });
    for (part, of) in shares {
        parts.extend(of.map(|(score, why)| Part { part, score, weight: OTHERS, why }));
    }
    parts.iter_mut().for_each(|part| part.score = rounded(part.score));
    if let Some(worst) = parts.iter_mut().min_by(|a, b| a.score.total_cmp(&b.score)) {
        worst.weight = 1.0;
    }
    let lost: f64 = parts.iter().map(|part| part.weight * (100.0 - part.score)).sum();
    Health { score: measured.then(|| rounded((100.0 - lost).max(0.0))), parts, missing }
}

fn rounded(score: f64) -> f64 {
    (score * 10.0).round() / 10.0
}

fn percent(ratio: f64) -> String {
    format!("{:.0} %", ratio * 100.0)
}

/// Falls in a line from `(from, high)` to `(to, low)`; flat outside.
fn line(v: f64, (from, high): (f64, f64), (to, low): (f64, f64)) -> f64 {
    let along = ((v - from) / (to - from)).clamp(0.0, 1.0);
    high + along * (low - high)
}

/// A busy CPU is worth a look at the most: whatever suffers from it shows in another part.
fn cpu(inputs: &Inputs) -> Option<(f64, String)> {
    let used = inputs.cpu?;
    Some((line(used, (0.8, 100.0), (1.0, 75.0)), format!("{} busy over the last ten minutes", percent(used))))
}

/// Memory that is in use is used well; processes that wait for it, or that were ended for want of it, are trouble.
fn memory(inputs: &Inputs) -> Option<(f64, String)> {
    let used = inputs.memory?;
    let mut found = (line(used, (0.85, 100.0), (1.0, 60.0)), format!("{} used", percent(used)));
    if let Some(waiting) = inputs.memory_pressure.filter(|waiting| *waiting > 0.05) {
        found =
            worse(found, (line(waiting, (0.05, 90.0), (0.6, 20.0)), format!("processes wait for memory {} of the time", percent(waiting))));
    }
    if inputs.oom_kills >= 1.0 {
        let killed = format!("{:.0} processes were ended for want of memory in the last ten minutes", inputs.oom_kills);
        found = worse(
            found,
            (
                30.0,
                if inputs.oom_kills < 2.0 { "a process was ended for want of memory in the last ten minutes".to_owned() } else { killed },
            ),
        );
    }
    Some(found)
}

fn worse(a: (f64, String), b: (f64, String)) -> (f64, String) {
    if b.0 < a.0 { b } else { a }
}

/// The file system that is worst off: full, or full soon. How much of it is in use is no trouble by itself.
fn disk(disks: &[Disk]) -> Option<(f64, String)> {
    let fullest = disks.iter().max_by(|a, b| a.used.total_cmp(&b.used))?;
    let calm = (100.0, format!("{} is {} full, the most of all; none will be full soon", fullest.mount, percent(fullest.used)));
    Some(disks.iter().filter_map(trouble).fold(calm, worse))
}

fn trouble(disk: &Disk) -> Option<(f64, String)> {
    let full = (disk.used > 0.98 && disk.free_bytes.is_none_or(|free| free < ROOM_BYTES))
        .then(|| (line(disk.used, (0.98, 60.0), (1.0, 0.0)), format!("{} is {} full", disk.mount, percent(disk.used))));
    let filling = disk.full_in.filter(|seconds| *seconds < WEEK).map(|seconds| {
        let score = if seconds < HOUR {
            10.0
        } else if seconds < DAY {
            line(seconds, (HOUR, 20.0), (DAY, 50.0))
        } else {
            line(seconds, (DAY, 70.0), (WEEK, 90.0))
        };
        let ends = crate::words::lasted((seconds * 1e3) as i64);
        (score, format!("{} is {} full, and will be full in {ends}", disk.mount, percent(disk.used)))
    });
    full.into_iter().chain(filling).reduce(worse)
}

/// The worst alert decides; more of its kind lower it further.
fn alerts(firing: &[Severity]) -> (f64, String) {
    let count = |severity| firing.iter().filter(|other| **other == severity).count() as f64;
    let critical = count(Severity::Critical);
    let error = count(Severity::Error);
    let warning = count(Severity::Warning);
    let kinds = [(critical, 30.0, 10.0, 0.0), (error, 50.0, 5.0, 30.0), (warning, 80.0, 3.0, 50.0)];
    let of = |(n, first, more, least): (f64, f64, f64, f64)| if n > 0.0 { (first - (n - 1.0) * more).max(least) } else { 100.0 };
    let score = kinds.into_iter().map(of).fold(100.0, f64::min);
    let named = [(critical, "critical"), (error, "error"), (warning, "warning")].into_iter().filter(|(n, _)| *n > 0.0);
    let named: Vec<String> = named.map(|(n, severity)| format!("{n} {severity}")).collect();
    let why = match (firing.len(), named.is_empty()) {
        (0, _) => "none firing".to_owned(),
        (n, true) => format!("{n} firing, none of them a warning or worse"),
        (n, false) => format!("{n} firing: {}", named.join(", ")),
    };
    (score, why)
}

/// One that does not work is bad however many do; `one` is what that is worth, and 0 where none does. None where there are none.
fn share((good, bad): &(usize, Vec<String>), one: f64, all_good: &str, some_bad: &str) -> Option<(f64, String)> {
    let all = good + bad.len();
    match (all, bad.len()) {
        (0, _) => None,
        (_, 0) => Some((100.0, all_good.to_owned())),
        // The first of many is worth `one`, the last of all 0.
        _ => Some((if *good == 0 { 0.0 } else { one * *good as f64 / (all - 1) as f64 }, format!("{some_bad}: {}", bad.join(", ")))),
    }
}

#[cfg(test)]
mod tests;
