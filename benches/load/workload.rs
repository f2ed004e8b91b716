//! The workload: hosts whose series move as those of real machines, as remote-write requests. The same for every run and server.

use std::time::{Duration, Instant};

use crate::Outcome;
use crate::client::{Http, Random, packed, push_series};

pub const METRICS: usize = 20;
const PER_REQUEST: usize = 5_000;
pub const CONNECTIONS: usize = 2;

struct Host {
    random: Random,
    jitters: bool,
    state: [f64; METRICS],
    labels: Vec<Vec<u8>>,
}

impl Host {
    fn new(number: usize) -> Self {
        let mut random = Random((number as u64 + 1) << 32);
        let state = std::array::from_fn(|m| match m {
            0..8 => 100.0 * random.unit(),
            8..13 => (1e6 * random.unit()).round(),
            13..16 => (random.next() % 1_000_000) as f64 * 4_096.0,
            _ => (random.next() % 64) as f64,
        });
        Self { random, jitters: number % 2 == 1, state, labels: (0..METRICS).map(|m| labels(number, m)).collect() }
    }

    fn step(&mut self, m: usize) -> f64 {
        let random = &mut self.random;
        let state = &mut self.state[m];
        match m {
            0..8 => {
                *state = (*state + 0.03 * (40.0 - *state) + random.normal()).clamp(0.0, 100.0);
                (*state * 100.0).round() / 100.0
            }
            8..13 => {
                *state += (200.0 * m as f64 * (1.0 + 0.2 * random.normal())).max(0.0).round();
                *state
            }
            13..16 => {
                if random.unit() < 0.6 {
                    *state = (*state + (random.normal() * 60.0).round() * 4_096.0).max(4_096.0);
                }
                *state
            }
            16..18 => *state,
            _ => (0.5 * random.normal() - 3.0).exp(),
        }
    }
}

pub fn metric(m: usize) -> String {
    match m {
        0..8 => format!("load_usage_{m}_percent"),
        8..13 => format!("load_events_{m}_total"),
        13..16 => format!("load_memory_{m}_bytes"),
        16..18 => format!("load_limit_{m}"),
        _ => format!("load_latency_{m}_seconds"),
    }
}

/// The labels of a series, as they stand in a request.
fn labels(host: usize, m: usize) -> Vec<u8> {
    packed(&[
        ("__name__", &metric(m)),
        ("cluster", &format!("cluster-{}", host % 4)),
        ("host", &format!("host-{host:05}")),
        ("os", "linux"),
        ("role", ["web", "database", "queue"][host % 3]),
        ("version", &format!("1.{}.0", host % 7)),
    ])
}

#[derive(Clone)]
pub struct Shape {
    pub hosts: usize,
    pub interval_ms: i64,
    pub steps: i64,
    pub end_ms: i64,
}

impl Shape {
    pub fn samples(&self) -> f64 {
        (self.hosts * METRICS) as f64 * self.steps as f64
    }

    pub fn time(&self, step: i64) -> i64 {
        self.end_ms - (self.steps - 1 - step) * self.interval_ms
    }
}

/// Days before the workload in which dead series lie.
const DEAD_DAYS: i64 = 29;

/// Writes what months of normal life leave: so many new names a day, such as processes, of ten minutes each, on each of the 29 days
/// before the workload.
pub fn write_dead(port: u16, shape: &Shape, per_day: usize) -> Outcome<()> {
    const DAY_MS: i64 = 86_400_000;
    let mut http = Http::connect(port)?;
    let (mut request, mut count, mut number) = (Vec::new(), 0, 0);
    for day in (1..=DEAD_DAYS).rev() {
        for at in 0..per_day {
            let labels = packed(&[("__name__", "load_process"), ("process", &format!("build-{number:08}"))]);
            number += 1;
            let born = shape.end_ms - day * DAY_MS + at as i64 * (DAY_MS / per_day as i64);
            for minute in 0..10 {
                push_series(&mut request, &labels, born + minute * 60_000, minute as f64);
                count += 1;
            }
            if count >= PER_REQUEST {
                http.write(&request)?;
                request.clear();
                count = 0;
            }
        }
    }
    http.write(&request)
}

/// Writes the workload; for each connection the last step that was acknowledged. Ends early when the server does.
pub fn write(port: u16, shape: &Shape, samples_per_second: Option<f64>) -> Outcome<Vec<i64>> {
    let work = |connection: usize| -> Outcome<i64> {
        let mut http = Http::connect(port)?;
        let mut hosts: Vec<Host> = (0..shape.hosts).filter(|h| h % CONNECTIONS == connection).map(Host::new).collect();
        let (mut request, mut count, mut acked) = (Vec::new(), 0, -1);
        let (begun, mut sent) = (Instant::now(), 0.0);
        for step in 0..shape.steps {
            let base = shape.time(step);
            for host in &mut hosts {
                let t = if host.jitters { base + (host.random.next() % 31) as i64 - 15 } else { base };
                for m in 0..METRICS {
                    let v = host.step(m);
                    push_series(&mut request, &host.labels[m], t, v);
                }
                count += METRICS;
                if count >= PER_REQUEST {
                    if http.write(&request).is_err() && samples_per_second.is_some() {
                        return Ok(acked);
                    }
                    sent += count as f64;
                    request.clear();
                    count = 0;
                    if let Some(rate) = samples_per_second {
                        let due = Duration::from_secs_f64(sent * CONNECTIONS as f64 / rate);
                        std::thread::sleep(due.saturating_sub(begun.elapsed()));
                    }
                }
            }
            if count == 0 {
                acked = step;
            }
        }
        if count > 0 {
            http.write(&request)?;
        }
        Ok(shape.steps - 1)
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..CONNECTIONS).map(|c| scope.spawn(move || work(c))).collect();
        threads.into_iter().map(|t| t.join().map_err(|_| "a writer panicked")?).collect()
    })
}
