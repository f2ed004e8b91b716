//! A week of a busy build machine, replayed from recorded builds, with real troubles in it: notices against one for each threshold that
//! is crossed, and whether each trouble is announced.

use taskpulse_engine::forecast::random::Random;
use taskpulse_engine::rules::{Profile, shipped};

use crate::Options;
use crate::machines::{Machine, STEP, firings, scores};
use crate::notices::{Fired, sent};
use crate::samples::{DAY, Samples};

/// CPU, load over five minutes, pressure of CPU, I/O and memory, used memory: each 5 s of a machine with two cores on which several
/// agents built and tested Rust code. Recorded by this service.
const BUILDS: &str = include_str!("builds.csv");
const CORES: usize = 2;
const WEEK: i64 = 7 * DAY;
const MINUTE: i64 = 60_000 / STEP;
const HOUR: i64 = 60 * MINUTE;
const MIB: f64 = 1_048_576.0;

/// Columns of the recording.
#[derive(Clone, Copy)]
struct Row {
    cpu: f64,
    load: f64,
    waits_cpu: f64,
    waits_io: f64,
    waits_memory: f64,
    memory: f64,
}

/// One of them.
type Column = fn(&Row) -> f64;

/// A machine that rests.
const RESTS: Row = Row { cpu: 0.05, load: 0.2, waits_cpu: 0.01, waits_io: 0.0, waits_memory: 0.0, memory: 0.2 };

fn recorded() -> Vec<Row> {
    let row = |line: &str| {
        let figures: Vec<f64> = line.split(',').map(|figure| figure.parse().unwrap()).collect();
        let [cpu, load, waits_cpu, waits_io, waits_memory, memory] = figures.try_into().unwrap();
        Row { cpu, load, waits_cpu, waits_io, waits_memory, memory }
    };
    BUILDS.lines().skip(1).map(row).collect()
}

/// Agents work by day, on some nights and little at the weekend; a build is a piece of the recording of one to thirty minutes.
fn replayed(random: &mut Random) -> Vec<Row> {
    let recorded = recorded();
    let mut rows = Vec::with_capacity((WEEK / STEP) as usize);
    while rows.len() < (WEEK / STEP) as usize {
        let at = rows.len() as i64;
        let (hour, day) = (at % (24 * HOUR) / HOUR, at / (24 * HOUR));
        let per_hour = match (day, hour) {
            (0..5, 8..20) => 12.0,
            (0..5, 0..4) if day % 2 == 0 => 8.0,
            (5.., 10..16) => 2.0,
            _ => 0.1,
        };
        if random.unit() < per_hour / HOUR as f64 {
            let length = ((4 * MINUTE) as f64 * random.normal().exp()).clamp(MINUTE as f64, (30 * MINUTE) as f64) as usize;
            let length = length.min(recorded.len());
            let from = random.below(recorded.len() - length + 1);
            rows.extend_from_slice(&recorded[from..from + length]);
        } else {
            rows.push(Row { cpu: (RESTS.cpu + 0.02 * random.normal()).max(0.0), ..RESTS });
        }
    }
    rows.truncate((WEEK / STEP) as usize);
    rows
}

/// Values of what is good all week, but for the troubles.
struct Week {
    rows: Vec<Row>,
    swapped: Vec<f64>,
    kills: Vec<f64>,
    container_kills: Vec<f64>,
    disk: Vec<f64>,
    shop: Vec<f64>,
    database: Vec<f64>,
    exporter: Vec<f64>,
    github: Vec<f64>,
    certificate: Vec<f64>,
}

/// A real trouble: what happens for how long, and the rules of which one must announce it.
struct Trouble {
    what: &'static str,
    minutes: i64,
    rules: &'static [&'static str],
    happens: fn(&mut Week, usize, f64),
}

/// `happens` gets a step and how much of the trouble is over, 0 to 1.
const TROUBLES: &[Trouble] = &[
    Trouble {
        what: "memory runs out, and the kernel ends a process",
        minutes: 12,
        rules: &["oom_kill", "memory_pressure", "high_memory_usage"],
        happens: |week, at, over| {
            week.rows[at].memory = (0.6 + over).min(0.99);
            week.rows[at].waits_memory = if over > 0.4 { 0.5 } else { 0.02 };
            if over >= 1.0 {
                week.kills[at..].iter_mut().for_each(|kills| *kills += 1.0);
            }
        },
    },
    Trouble {
        what: "a container is ended for want of memory",
        minutes: 1,
        rules: &["container_oom_kill"],
        happens: |week, at, over| {
            if over >= 1.0 {
                week.container_kills[at..].iter_mut().for_each(|kills| *kills += 1.0);
            }
        },
    },
    Trouble {
        what: "the machine swaps",
        minutes: 25,
        rules: &["swapping", "memory_pressure", "high_memory_usage"],
        happens: |week, at, _| {
            week.rows[at].memory = 0.9;
            week.swapped[at..].iter_mut().for_each(|bytes| *bytes += 20.0 * MIB * STEP as f64 / 1_000.0);
        },
    },
    Trouble {
        what: "a disk is full",
        minutes: 180,
        rules: &["disk_full"],
        happens: |week, at, over| week.disk[at] = (0.7 + 2.0 * over).min(0.995),
    },
    Trouble { what: "the shop is down", minutes: 10, rules: &["probe_down"], happens: |week, at, _| week.shop[at] = 0.0 },
    Trouble {
        what: "the database is down six times",
        minutes: 30,
        rules: &["probe_down"],
        happens: |week, at, over| week.database[at] = f64::from((over * 12.0) as i64 % 2 == 1),
    },
    Trouble { what: "an exporter is gone", minutes: 20, rules: &["scrape_target_down"], happens: |week, at, _| week.exporter[at] = 0.0 },
    Trouble { what: "GitHub cannot be asked", minutes: 40, rules: &["source_failing"], happens: |week, at, _| week.github[at] = 0.0 },
    Trouble {
        what: "a process takes the machine from the builds",
        minutes: 60,
        rules: &["cpu_shortage", "high_cpu_usage", "critical_cpu_usage"],
        happens: |week, at, over| {
            let load = (60.0 * over).min(20.0);
            week.rows[at] = Row { cpu: 1.0, load: week.rows[at].load.max(load), waits_cpu: 0.98, ..week.rows[at] };
        },
    },
    Trouble {
        what: "a certificate ends in six days",
        minutes: 26 * 60,
        rules: &["certificate_ends"],
        happens: |week, at, _| week.certificate[at] = 6.0 * 86_400.0,
    },
];

impl Week {
    fn new(rows: Vec<Row>) -> Self {
        let all = |value: f64| vec![value; rows.len()];
        Self {
            swapped: all(0.0),
            kills: all(0.0),
            container_kills: all(0.0),
            disk: all(0.6),
            shop: all(1.0),
            database: all(1.0),
            exporter: all(1.0),
            github: all(1.0),
            certificate: all(60.0 * 86_400.0),
            rows,
        }
    }

    fn column(&self, of: Column) -> Vec<f64> {
        self.rows.iter().map(of).collect()
    }

    /// Thresholds that are crossed upwards, each a notice of a watcher that knows nothing else: those of the shipped rules.
    fn crossings(&self, scores: &[f64]) -> usize {
        let crossed = |values: &[f64], bad: fn(f64) -> bool| values.windows(2).filter(|pair| !bad(pair[0]) && bad(pair[1])).count();
        let steps = |values: &[f64]| values.windows(2).filter(|pair| pair[1] > pair[0]).count();
        let swaps: Vec<f64> = self.swapped.windows(2).map(|pair| (pair[1] - pair[0]) * 1_000.0 / STEP as f64).collect();
        let cpu = self.column(|row| row.cpu);
        crossed(&cpu, |v| v > 0.8)
            + crossed(&cpu, |v| v > 0.95)
            + crossed(&self.column(|row| row.memory), |v| v > 0.85)
            + crossed(&self.column(|row| row.waits_memory), |v| v > 0.1)
            + crossed(&swaps, |v| v > 4.0 * MIB)
            + crossed(&self.disk, |v| v > 0.98)
            + [&self.shop, &self.database, &self.exporter, &self.github].iter().map(|values| crossed(values, |v| v < 1.0)).sum::<usize>()
            + crossed(&self.certificate, |v| v < 604_800.0)
            + crossed(scores, |v| v < 70.0)
            + steps(&self.kills)
            + steps(&self.container_kills)
    }

    fn samples(&self) -> Samples {
        let mut samples = Samples::default();
        let mut add = |name: &str, labels: &[(&str, &str)], values: Vec<f64>| samples.add(name, labels, STEP, values);
        add("system_cpu_utilization_ratio", &[], self.column(|row| row.cpu));
        add("system_cpu_load_average_5m", &[], self.column(|row| row.load));
        let pressures: [(&str, Column); 3] = [("cpu", |row| row.waits_cpu), ("io", |row| row.waits_io), ("memory", |row| row.waits_memory)];
        for (resource, of) in pressures {
            add("system_pressure_ratio", &[("resource", resource), ("kind", "some")], self.column(of));
        }
        add("system_memory_utilization_ratio", &[], self.column(|row| row.memory));
        add("system_paging_io_bytes_total", &[("direction", "in")], self.swapped.clone());
        add("system_oom_kills_total", &[], self.kills.clone());
        add("container_oom_kills_total", &[("container", "web")], self.container_kills.clone());
        add("system_filesystem_utilization_ratio", &[("mountpoint", "/"), ("device", "sda1")], self.disk.clone());
        add("probe_success", &[("target", "shop")], self.shop.clone());
        add("probe_success", &[("target", "database")], self.database.clone());
        add("up", &[("instance", "db:9187"), ("job", "postgres")], self.exporter.clone());
        add("taskpulse_source_up", &[("source", "github")], self.github.clone());
        let ends = |(at, left): (usize, &f64)| at as f64 * STEP as f64 / 1_000.0 + left;
        add("probe_ssl_earliest_cert_expiry", &[("target", "shop")], self.certificate.iter().enumerate().map(ends).collect());
        for core in 0..CORES {
            samples.add("system_cpu_core_utilization_ratio", &[("cpu", &core.to_string())], 120_000, vec![0.5; (WEEK / 120_000) as usize]);
        }
        samples
    }

    fn machine(&self) -> Machine {
        Machine { cpu: self.column(|row| row.cpu), memory: self.column(|row| row.memory), ..Machine::default() }
    }
}

/// Puts each trouble somewhere into its own part of the week, so that none hides another; when they begin and end.
fn seeded(week: &mut Week, random: &mut Random) -> Vec<(i64, i64)> {
    let part = week.rows.len() as i64 / TROUBLES.len() as i64;
    let place = |(number, trouble): (usize, &Trouble)| {
        let length = trouble.minutes * MINUTE;
        let room = (part - length).max(1) as usize;
        let from = (number as i64 * part + random.below(room) as i64).min(week.rows.len() as i64 - length - 1);
        for step in 0..=length {
            (trouble.happens)(week, (from + step) as usize, step as f64 / length as f64);
        }
        (from * STEP, (from + length) * STEP)
    };
    TROUBLES.iter().enumerate().map(place).collect()
}

/// Notices of a week, for each profile.
pub fn weeks(options: &Options) {
    println!(
        "{:<6} {:<12} {:>9} {:>8} {:>6}  announced; not announced; notices by rule",
        "week", "profile", "crossings", "notices", "ratio"
    );
    for number in 0..options.count as u64 {
        let random = &mut Random::new(options.seed * 7_919 + number * 977 + 17);
        let mut week = Week::new(replayed(random));
        let spans = seeded(&mut week, random);
        let (samples, machine) = (week.samples(), week.machine());
        for profile in [Profile::Server, Profile::Workstation] {
            let rules = shipped(profile);
            let of_samples = rules.iter().filter(|(name, _)| name.as_str() != "degraded_performance");
            let mut fired: Vec<Fired> = of_samples.flat_map(|(name, spec)| firings(&samples, name, spec, WEEK)).collect();
            let scores = scores(&machine, &fired);
            let crossings = week.crossings(&scores);
            let mut health = Samples::default();
            health.add("taskpulse_health_score", &[], 30_000, scores);
            fired.extend(firings(&health, "degraded_performance", &rules["degraded_performance"], WEEK));
            let notices = sent(&fired, profile, WEEK);
            let announced = |(trouble, (from, to)): &(&Trouble, (i64, i64))| {
                let names =
                    |alert: &taskpulse_engine::notices::NoticeAlert| trouble.rules.contains(&alert.rule.as_str()) && !alert.is_over();
                notices.iter().any(|notice| (*from..*to + 600_000).contains(&notice.at) && notice.alerts.iter().any(names))
            };
            let troubles: Vec<(&Trouble, (i64, i64))> = TROUBLES.iter().zip(spans.iter().copied()).collect();
            let missed: Vec<&str> = troubles.iter().filter(|one| !announced(one)).map(|(trouble, _)| trouble.what).collect();
            let by_rule: Vec<String> = rules
                .keys()
                .map(|rule| (rule, notices.iter().filter(|notice| notice.alerts.iter().any(|alert| alert.rule == *rule)).count()))
                .filter(|(_, count)| *count > 0)
                .map(|(rule, count)| format!("{rule} {count}"))
                .collect();
            println!(
                "{number:<6} {profile:<12} {crossings:>9} {:>8} {:>6.1}  {} of {}; {}; {}",
                notices.len(),
                crossings as f64 / notices.len() as f64,
                TROUBLES.len() - missed.len(),
                TROUBLES.len(),
                if missed.is_empty() { "-".to_owned() } else { missed.join(", ") },
                by_rule.join(", ")
            );
        }
    }
}
