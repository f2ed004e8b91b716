//! Months of machines that build, and on which nothing is wrong.

use taskpulse_engine::forecast::random::Random;
use taskpulse_engine::health::{Disk, Inputs, assess, counts};
use taskpulse_engine::rules::{Firing, Profile, RuleSpec, Severity, shipped};
use taskpulse_engine::span::Span;

use crate::Options;
use crate::notices::{Fired, sent};
use crate::samples::{MONTH, Samples};

/// Between two samples.
pub const STEP: i64 = 5_000;
const HOUR: i64 = 3_600_000 / STEP;
const DAY: i64 = 24 * HOUR;
const CORES: f64 = 16.0;
const EVERY: Span = Span::secs(15);

/// When builds begin, and how many an hour; they last lognormally around 40 s.
#[derive(Clone, Copy)]
enum Work {
    Laptop,
    TwoAgents,
    CompileServer,
    NightlyBackup,
    Idle,
    /// Really too much: another process takes the cores for an hour each working day, and work waits.
    Starved,
}

const KINDS: [(&str, Work); 6] = [
    ("laptop, agents build 8 times an office hour", Work::Laptop),
    ("two agents day and night, 20 builds an hour", Work::TwoAgents),
    ("compile server, 92 % in office hours", Work::CompileServer),
    ("backup each night, 100 % for 40 min", Work::NightlyBackup),
    ("idle server", Work::Idle),
    ("laptop, starved for an hour a working day", Work::Starved),
];

/// A machine by steps: busy share, tasks that want to run, share of time in which one of them waits, used share of memory.
#[derive(Default)]
pub struct Machine {
    pub cpu: Vec<f64>,
    pub runnable: Vec<f64>,
    pub waiting: Vec<f64>,
    pub memory: Vec<f64>,
}

fn generated(work: Work, random: &mut Random) -> Machine {
    let steps = (MONTH / STEP) as usize;
    let mut machine = Machine {
        cpu: Vec::with_capacity(steps),
        runnable: Vec::with_capacity(steps),
        waiting: Vec::with_capacity(steps),
        memory: Vec::with_capacity(steps),
    };
    let (mut builds, mut noise): (Vec<(i64, f64)>, f64) = (Vec::new(), 0.0);
    for at in 0..steps as i64 {
        let (hour, day) = ((at % DAY) as f64 / HOUR as f64, at / DAY % 7);
        let office = day < 5 && (9.0..18.0).contains(&hour);
        noise = 0.8 * noise + 0.6 * random.normal();
        let (per_hour, most) = match work {
            Work::Laptop | Work::Starved if office => (8.0, 1),
            Work::TwoAgents => (20.0, 2),
            _ => (0.0, 0),
        };
        builds.retain(|(end, _)| *end > at);
        if builds.len() < most && random.unit() < per_hour / HOUR as f64 {
            let length = (40_000.0 / STEP as f64 * (1.1 * random.normal()).exp()) as i64 + 1;
            builds.push((at + length, 0.2 + 0.5 * random.unit()));
        }
        let (idle, spread) = if matches!(work, Work::TwoAgents) { (0.2, 0.08) } else { (0.12, 0.06) };
        let building = !builds.is_empty();
        let waits: f64 = builds.iter().map(|(_, waits)| waits).sum();
        let (cpu, runnable, waiting) = match work {
            Work::CompileServer if office => (0.92 + 0.08 * noise, 16.0 + 2.0 * noise, 0.4 + 0.1 * noise),
            Work::NightlyBackup if (2.0..2.67).contains(&hour) => (0.995 + 0.01 * noise, 17.0, 0.3 + 0.05 * noise),
            Work::Starved if office && (14.0..15.0).contains(&hour) => (0.99 + 0.005 * noise, 90.0 + 3.0 * noise, 0.98),
            _ if building => (0.97 + 0.02 * noise, builds.len() as f64 * (17.0 + noise), waits + 0.05 * noise),
            Work::Idle => (0.06 + 0.03 * noise, 0.4, 0.01),
            _ => (idle + spread * noise, 1.5 + 0.5 * noise, 0.02),
        };
        machine.cpu.push(cpu.clamp(0.0, 1.0));
        machine.runnable.push(runnable.max(0.0));
        machine.waiting.push(waiting.clamp(0.0, 1.0));
        machine.memory.push((0.55 + 0.08 * builds.len() as f64 + 0.01 * noise).clamp(0.0, 1.0));
    }
    machine
}

/// The kernel's average of load over five minutes.
fn load(runnable: &[f64]) -> Vec<f64> {
    let keep = (-(STEP as f64) / 300_000.0).exp();
    let mut load = 0.0;
    runnable
        .iter()
        .map(|n| {
            load = keep * load + (1.0 - keep) * n;
            load
        })
        .collect()
}

/// The health score each 30 s, with the alerts that fire then.
pub fn scores(machine: &Machine, fired: &[Fired]) -> Vec<f64> {
    let mut sum = 0.0;
    let window = 120;
    let score = |at: usize| {
        sum += machine.cpu[at];
        if at >= window {
            sum -= machine.cpu[at - window];
        }
        if !at.is_multiple_of(6) {
            return None;
        }
        let t = at as i64 * STEP;
        let firing = fired
            .iter()
            .filter(|one| counts(&one.rule, "") && one.from <= t && one.to.is_none_or(|end| end > t))
            .map(|one| one.severity)
            .collect();
        let inputs = Inputs {
            cpu: Some(sum / (at + 1).min(window) as f64),
            memory: Some(machine.memory[at]),
            disks: vec![Disk { mount: "/".to_owned(), used: 0.6, free_bytes: Some(2e11), full_in: None }],
            firing,
            sources: (4, Vec::new()),
            targets: (1, Vec::new()),
            ..Inputs::default()
        };
        assess(&inputs).score
    };
    (0..machine.cpu.len()).filter_map(score).collect()
}

/// The firings of a rule until `end`.
pub fn firings(samples: &Samples, name: &str, spec: &RuleSpec, end: i64) -> Vec<Fired> {
    let severity = spec.severity.unwrap_or(Severity::Warning);
    let of =
        |firing: Firing| Fired { rule: name.to_owned(), severity, series: firing.labels, from: firing.fired_at, to: firing.resolved_at };
    samples.firings(name, spec, EVERY, end).into_iter().map(of).collect()
}

/// Firings and notices of a month, for each kind of machine and each profile.
pub fn months(options: &Options) {
    println!("{:<46} {:<12} {:>8} {:>8}  firings by rule", "machine, 30 days", "profile", "firings", "notices");
    for (number, (name, work)) in KINDS.into_iter().enumerate() {
        let machine = generated(work, &mut Random::new(options.seed * 7_919 + number as u64 * 977 + 3));
        let mut samples = Samples::default();
        samples.add("system_cpu_utilization_ratio", &[], STEP, machine.cpu.clone());
        samples.add("system_cpu_load_average_5m", &[], STEP, load(&machine.runnable));
        samples.add("system_pressure_ratio", &[("resource", "cpu"), ("kind", "some")], STEP, machine.waiting.clone());
        samples.add("system_memory_utilization_ratio", &[], STEP, machine.memory.clone());
        samples.add("probe_success", &[("target", "shop")], 30_000, vec![1.0; (MONTH / 30_000) as usize]);
        for core in 0..CORES as usize {
            samples.add("system_cpu_core_utilization_ratio", &[("cpu", &core.to_string())], 120_000, vec![0.5; (MONTH / 120_000) as usize]);
        }
        for profile in [Profile::Server, Profile::Workstation] {
            month(name, profile, &machine, &samples);
        }
    }
}

fn month(name: &str, profile: Profile, machine: &Machine, samples: &Samples) {
    let rules = shipped(profile);
    let on_machine = ["critical_cpu_usage", "high_cpu_usage", "high_memory_usage", "cpu_shortage"];
    let of_machine = rules.iter().filter(|(name, _)| on_machine.contains(&name.as_str()));
    let mut fired: Vec<Fired> = of_machine.flat_map(|(name, spec)| firings(samples, name, spec, MONTH)).collect();
    let mut health = Samples::default();
    health.add("taskpulse_health_score", &[], 30_000, scores(machine, &fired));
    fired.extend(firings(&health, "degraded_performance", &rules["degraded_performance"], MONTH));
    let by_rule: Vec<String> = rules
        .keys()
        .map(|rule| (rule, fired.iter().filter(|one| one.rule == *rule).count()))
        .filter(|(_, count)| *count > 0)
        .map(|(rule, count)| format!("{rule} {count}"))
        .collect();
    println!("{name:<46} {profile:<12} {:>8} {:>8}  {}", fired.len(), sent(&fired, profile, MONTH).len(), by_rule.join(", "));
}
