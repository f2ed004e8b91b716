//! The health score: 0 to 100, made of parts that anyone can check.
//!
//! A part that cannot be measured is left out and named, never guessed. Score = half the weighted mean of the parts plus
//! half the worst of them, so that one bad part cannot hide behind the others. The parts:
//! head-room of CPU, memory and the fullest file system (100 below a knee, falling in a line to 0 when full), alerts
//! (100 less 15 for each firing warning, 30 for an error, 50 for a critical one), sources (the share that works), and probes
//! (the share of targets that are up).

use crate::rules::Severity;

/// What the score is computed from. An unknown ratio is `None`.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    /// Busy share of the CPU over the last minute.
    pub cpu: Option<f64>,
    /// Share of memory not available.
    pub memory: Option<f64>,
    /// The fullest file system and its used share.
    pub disk: Option<(String, f64)>,
    /// Severities of firing alerts.
    pub firing: Vec<Severity>,
    /// Sources that work, and names of those that fail.
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
    /// How much it counts in the mean.
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
    /// 0 to 100; none while no resource is measured.
    pub score: Option<f64>,
    /// What it is made of.
    pub parts: Vec<Part>,
    /// What is not in it.
    pub missing: Vec<Missing>,
}

fn head_room(used: f64, knee: f64) -> f64 {
    (100.0 * (1.0 - used) / (1.0 - knee)).clamp(0.0, 100.0)
}

/// The score of these inputs.
#[must_use]
pub fn assess(inputs: &Inputs) -> Health {
    let (mut parts, missing) = resources(inputs);
    let measured = !parts.is_empty();
    parts.push(alerts(&inputs.firing));
    parts.extend(share("sources", &inputs.sources, "all work", "failing"));
    parts.extend(share("probes", &inputs.targets, "all up", "down"));
    let weights: f64 = parts.iter().map(|p| p.weight).sum();
    let mean = parts.iter().map(|p| p.weight * p.score).sum::<f64>() / weights;
    let worst = parts.iter().map(|p| p.score).fold(100.0, f64::min);
    let score = measured.then(|| (10.0 * (0.5 * mean + 0.5 * worst)).round() / 10.0);
    parts.iter_mut().for_each(|p| p.score = (p.score * 10.0).round() / 10.0);
    Health { score, parts, missing }
}

/// The parts of CPU, memory and the fullest file system, and those of them that are not measured.
fn resources(inputs: &Inputs) -> (Vec<Part>, Vec<Missing>) {
    let mut parts = Vec::new();
    let mut missing = Vec::new();
    let percent = |ratio: f64| format!("{:.0} %", ratio * 100.0);
    match inputs.cpu {
        Some(used) => parts.push(Part {
            part: "cpu",
            score: head_room(used, 0.7),
            weight: 1.0,
            why: format!("{} busy over the last minute", percent(used)),
        }),
        None => missing.push(Missing { part: "cpu", why: "no sample of the CPU in the last minute".to_owned() }),
    }
    match inputs.memory {
        Some(used) => {
            parts.push(Part { part: "memory", score: head_room(used, 0.75), weight: 1.0, why: format!("{} used", percent(used)) })
        }
        None => missing.push(Missing { part: "memory", why: "no sample of the memory in the last minute".to_owned() }),
    }
    match &inputs.disk {
        Some((mount, used)) => {
            parts.push(Part { part: "disk", score: head_room(*used, 0.8), weight: 1.0, why: format!("{mount} is {} full", percent(*used)) })
        }
        None => missing.push(Missing { part: "disk", why: "no sample of a file system in the last minute".to_owned() }),
    }
    (parts, missing)
}

fn alerts(firing: &[Severity]) -> Part {
    let loss: f64 = firing
        .iter()
        .map(|severity| match severity {
            Severity::Critical => 50.0,
            Severity::Error => 30.0,
            Severity::Warning => 15.0,
            Severity::Notice | Severity::Info | Severity::Debug => 0.0,
        })
        .sum();
    let why = match firing.len() {
        0 => "none firing".to_owned(),
        n => format!("{n} firing"),
    };
    Part { part: "alerts", score: (100.0 - loss).max(0.0), weight: 1.0, why }
}

/// The share of sources or targets that work; none where there are none.
fn share(part: &'static str, (good, bad): &(usize, Vec<String>), all_good: &str, some_bad: &str) -> Option<Part> {
    let all = good + bad.len();
    let why = if bad.is_empty() { all_good.to_owned() } else { format!("{some_bad}: {}", bad.join(", ")) };
    (all > 0).then(|| Part { part, score: 100.0 * *good as f64 / all as f64, weight: 1.0, why })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_score_is_half_the_mean_and_half_the_worst() {
        let good = Inputs {
            cpu: Some(0.2),
            memory: Some(0.5),
            disk: Some(("/".into(), 0.4)),
            firing: vec![],
            sources: (2, vec![]),
            ..Inputs::default()
        };
        assert_eq!(assess(&good).score, Some(100.0));
        // disk: 100 × 0.1 / 0.2 = 50; mean of 100 100 50 100 100 = 90.
        let full = Inputs { disk: Some(("/data".into(), 0.9)), ..good.clone() };
        assert_eq!(assess(&full).score, Some(70.0));
        let alarmed = Inputs { firing: vec![Severity::Critical, Severity::Warning], ..good };
        assert_eq!(assess(&alarmed).parts.iter().find(|p| p.part == "alerts").unwrap().score, 35.0);
    }

    #[test]
    fn targets_that_are_down_are_named_and_lower_the_score() {
        let good = Inputs { cpu: Some(0.2), memory: Some(0.5), disk: Some(("/".into(), 0.4)), ..Inputs::default() };
        assert!(assess(&good).parts.iter().all(|p| p.part != "probes"), "no probes, no part");
        let health = assess(&Inputs { targets: (1, vec!["shop".into()]), ..good });
        // probes 50; mean of 100 100 100 100 50 = 90.
        assert_eq!(health.score, Some(70.0));
        assert_eq!(health.parts.last().map(|p| (p.part, p.score, p.why.as_str())), Some(("probes", 50.0, "down: shop")));
    }

    #[test]
    fn what_is_not_measured_is_named_and_not_counted() {
        let health = assess(&Inputs { cpu: Some(1.0), sources: (1, vec!["taskmaster".into()]), ..Inputs::default() });
        assert_eq!(health.missing.iter().map(|m| m.part).collect::<Vec<_>>(), ["memory", "disk"]);
        // cpu 0, alerts 100, sources 50: mean 50, worst 0.
        assert_eq!(health.score, Some(25.0));
        assert_eq!(assess(&Inputs::default()).score, None);
    }
}
