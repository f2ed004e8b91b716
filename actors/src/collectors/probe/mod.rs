//! Probes: whether a target is up, its latency, and the end of its certificate.
//!
//! 1. checks each target at its own interval over HTTP, TCP or by a program, on a new connection each time,
//! 2. compares the answer with what the settings expect,
//! 3. gives metrics with the names of blackbox_exporter, and an event when a target goes down or comes back.
//!
//! The source of a target that is down works. It fails only if the check itself is impossible (a missing `ca_file`, a
//! program that is not installed); nothing is known of the target then.

mod connect;
mod cookies;
mod http;
mod plain;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use taskpulse_engine::event::Event;
use taskpulse_engine::model::{Batch, Labels, NAME_LABEL, TimestampMs};
use taskpulse_engine::probe::{Limits, TargetState};
use taskpulse_engine::re2::Regex;
use taskpulse_engine::store::Store;
use tokio::time::timeout;

use self::connect::Lookup;
pub use self::connect::Tls;
pub use self::http::HttpCheck;
use super::collector::{CollectFuture, Collection, Collector, Outcome, StalenessTracker};
use crate::clock::Clock;
use crate::redact;
use crate::standstill::{self, TRIES};
use crate::targets::TargetRegistry;
use crate::view::{Target, TargetKind, seconds};

/// Documents with the states of targets.
const STATES: &str = "probes";

/// A check over TCP.
#[derive(Debug, Clone)]
pub struct TcpCheck {
    /// A name or an address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// With TLS.
    pub tls: Option<Tls>,
    /// Text to send.
    pub send: Option<String>,
    /// Must match the first 4,096 bytes of the answer.
    pub expect: Option<Regex>,
}

/// How a target is checked.
#[derive(Debug, Clone)]
pub enum CheckKind {
    /// Over HTTP.
    Http(Box<HttpCheck>),
    /// Over TCP.
    Tcp(TcpCheck),
    /// By a program that ends with code 0 if the target is up.
    Command(Vec<String>),
}

/// One target and how it is checked.
#[derive(Debug, Clone)]
pub struct Check {
    /// The label `target`.
    pub name: String,
    /// What is asked.
    pub kind: CheckKind,
    /// Time between checks.
    pub interval: Duration,
    /// Longest time of one.
    pub timeout: Duration,
    /// Further labels.
    pub labels: BTreeMap<String, String>,
    /// Limits for any answer.
    pub limits: Limits,
    /// Variables of the service that a command gets all the same.
    pub pass_environment: Vec<String>,
}

impl Check {
    fn address(&self) -> String {
        match &self.kind {
            CheckKind::Http(check) => redact::address(check.url.as_str()),
            CheckKind::Tcp(check) => format!("{}:{}", check.host, check.port),
            CheckKind::Command(words) => redact::command(words),
        }
    }
}

/// A part of a check; the order is that of [`PHASES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Resolve,
    Connect,
    Tls,
    Processing,
    Transfer,
}

/// Values of the label `phase`, and what happens in each.
const PHASES: [(&str, &str); 5] = [
    ("resolve", "looking up its name"),
    ("connect", "connecting"),
    ("tls", "agreeing on TLS"),
    ("processing", "waiting for the answer"),
    ("transfer", "reading the answer"),
];

/// Results of a check so far.
#[derive(Debug, Default)]
struct Figures {
    phases: [Option<Duration>; PHASES.len()],
    during: Option<Phase>,
    http_status: Option<u16>,
    http_version: Option<f64>,
    content_length: Option<u64>,
    ssl: Option<bool>,
    redirects: u32,
    cert_expiry: Option<i64>,
    failed_due_to_regex: Option<bool>,
}

impl Figures {
    fn begin(&mut self, phase: Phase) -> (Phase, Instant) {
        self.during = Some(phase);
        (phase, Instant::now())
    }

    /// Adds the time of a phase to that of earlier redirects.
    fn end(&mut self, (phase, begun): (Phase, Instant)) {
        *self.phases[phase as usize].get_or_insert_default() += begun.elapsed();
    }
}

/// Why a check did not succeed.
#[derive(Debug)]
enum CheckError {
    /// The target is down, for this reason.
    Down(String),
    /// The check is impossible, for this reason.
    CannotCheck(String),
}

/// Checks one target.
pub struct ProbeCollector {
    check: Check,
    clock: Clock,
    targets: TargetRegistry,
    target_state: TargetState,
    staleness: StalenessTracker,
    lookup: Lookup,
}

/// Restores whether targets were up before a restart, and since when. Removes the states of targets that are no longer checked.
#[must_use]
pub fn restore(store: &Store, checks: &[Check]) -> BTreeMap<String, (bool, TimestampMs)> {
    let documents = store.documents(STATES).unwrap_or_else(|error| {
        log::error!("probes: kept states cannot be read: {error}");
        Vec::new()
    });
    let (kept, gone): (Vec<_>, Vec<_>) = documents.into_iter().partition(|(name, _)| checks.iter().any(|check| check.name == *name));
    if !gone.is_empty()
        && let Err(error) = store.change_documents(STATES, gone.into_iter().map(|(name, _)| (name, None)).collect())
    {
        log::warn!("probes: states of removed targets cannot be deleted: {error}");
    }
    kept.into_iter().filter_map(|(name, bytes)| Some((name, serde_json::from_slice(&bytes).ok()?))).collect()
}

impl ProbeCollector {
    /// A collector that checks a target; `known` is whether it was up before a restart, and since when.
    #[must_use]
    pub fn new(check: Check, clock: Clock, targets: TargetRegistry, known: Option<(bool, TimestampMs)>) -> Self {
        let (target_state, staleness) = (TargetState::new(known), StalenessTracker::default());
        let collector = Self { check, clock, targets, target_state, staleness, lookup: Lookup::default() };
        collector.publish(None, None, &Figures::default(), None);
        collector
    }

    async fn ask(&self, seen: &mut Figures) -> Result<(), CheckError> {
        match &self.check.kind {
            CheckKind::Http(check) => http::check(check, &self.lookup, seen).await,
            CheckKind::Tcp(check) => plain::tcp(check, &self.lookup, seen).await,
            CheckKind::Command(words) => plain::run(words, &self.check.pass_environment, self.check.timeout).await,
        }
    }

    /// Checks once: when that began, how long it took, its figures and its result. A check during which this machine stood
    /// still says nothing about the target and is repeated; none if it stood still each time.
    async fn attempt(&self, now: TimestampMs) -> Option<(TimestampMs, Duration, Figures, Result<(), CheckError>)> {
        let (limit, mut now) = (self.check.timeout, now);
        for _ in 0..TRIES {
            let begun = Instant::now();
            let mut seen = Figures::default();
            let outcome = match timeout(limit, self.ask(&mut seen)).await {
                Ok(outcome) => outcome,
                Err(_) => {
                    let during = seen.during.map(|phase| format!(", while {}", PHASES[phase as usize].1)).unwrap_or_default();
                    Err(CheckError::Down(format!("no answer within {} s{during}", limit.as_secs_f64())))
                }
            };
            let took = begun.elapsed();
            if !standstill::spoiled(begun) {
                return Some((now, took, seen, outcome));
            }
            now = self.clock.now_ms();
        }
        None
    }

    fn figures(&self, now: TimestampMs, up: bool, took: Duration, seen: &Figures) -> Batch {
        let mut batch = Batch::default();
        let mut push = |name: &str, phase: Option<&str>, v: f64| {
            let own = [(NAME_LABEL, name), ("target", self.check.name.as_str())].into_iter().chain(phase.map(|phase| ("phase", phase)));
            let others = self.check.labels.iter().map(|(n, v)| (n.as_str(), v.as_str()));
            // The labels were checked when the settings were read.
            if let Ok(labels) = Labels::new(own.chain(others)) {
                batch.push(labels, now, v);
            }
        };
        push("probe_success", None, f64::from(up));
        push("probe_duration_seconds", None, took.as_secs_f64());
        if let Some(took) = seen.phases[Phase::Resolve as usize] {
            push("probe_dns_lookup_time_seconds", None, took.as_secs_f64());
        }
        if let CheckKind::Http(check) = &self.check.kind {
            for ((phase, _), took) in PHASES.iter().zip(seen.phases) {
                took.into_iter().for_each(|took| push("probe_http_duration_seconds", Some(phase), took.as_secs_f64()));
            }
            if seen.http_status.is_some() && check.follow_redirects {
                push("probe_http_redirects", None, f64::from(seen.redirects));
            }
        }
        for (name, v) in [
            ("probe_http_status_code", seen.http_status.map(f64::from)),
            ("probe_http_version", seen.http_version),
            ("probe_http_content_length", seen.content_length.map(|bytes| bytes as f64)),
            ("probe_http_ssl", seen.ssl.map(f64::from)),
            ("probe_ssl_earliest_cert_expiry", seen.cert_expiry.map(|at| at as f64)),
            ("probe_failed_due_to_regex", seen.failed_due_to_regex.map(f64::from)),
        ] {
            v.into_iter().for_each(|v| push(name, None, v));
        }
        batch
    }

    /// Publishes the state of the target: up, down or unknown, and why.
    fn publish(&self, at: Option<(TimestampMs, Duration)>, up: Option<bool>, seen: &Figures, reason: Option<String>) {
        self.targets.report(Target {
            target: self.check.name.clone(),
            kind: match self.check.kind {
                CheckKind::Http(_) => TargetKind::Http,
                CheckKind::Tcp(_) => TargetKind::Tcp,
                CheckKind::Command(_) => TargetKind::Command,
            },
            address: self.check.address(),
            up,
            reason,
            since: self.target_state.state().filter(|_| up.is_some()).map(|(_, since)| seconds(since)),
            checked_at: at.map(|(at, _)| seconds(at)),
            interval_seconds: self.check.interval.as_secs_f64(),
            duration_seconds: at.filter(|_| up.is_some()).map(|(_, took)| took.as_secs_f64()),
            http_status: seen.http_status,
            certificate_expires: seen.cert_expiry,
        });
    }
}

impl Collector for ProbeCollector {
    fn name(&self) -> String {
        format!("probe {}", self.check.name)
    }

    fn every(&self) -> Duration {
        self.check.interval
    }

    fn timeout(&self) -> Duration {
        // The check has a time limit of its own, whose end is a result; it may be repeated.
        self.check.timeout * TRIES + Duration::from_secs(5)
    }

    fn collect(&mut self, now: TimestampMs) -> CollectFuture<'_> {
        Box::pin(async move {
            let Some((now, took, seen, result)) = self.attempt(now).await else {
                let why = format!("the machine stood still during each of {TRIES} checks; nothing is known of {}", self.check.name);
                return Outcome::Partial(why, Collection::default());
            };
            let failed = match result {
                Ok(()) => self.check.limits.judge(now, took.as_secs_f64(), seen.cert_expiry),
                Err(CheckError::Down(why)) => Some(why.replace(['\n', '\r'], " ")),
                Err(CheckError::CannotCheck(why)) => {
                    // The last state of the target is out of date.
                    let mut batch = Batch::default();
                    self.staleness.mark(&mut batch, now);
                    self.publish(Some((now, took)), None, &Figures::default(), Some(format!("it cannot be checked: {why}")));
                    return Outcome::Failed(why, Collection::from(batch));
                }
            };
            let found = self.conclude(now, took, &seen, failed.as_deref());
            match failed {
                None => Outcome::Complete(found),
                Some(why) => Outcome::Partial(format!("{} is down: {why}", self.check.name), found),
            }
        })
    }
}

impl ProbeCollector {
    /// Updates the state of the target by a check, and publishes it.
    fn conclude(&mut self, now: TimestampMs, took: Duration, seen: &Figures, failed: Option<&str>) -> Collection {
        let before = self.target_state.state();
        let events: Vec<Event> = self.target_state.observe(&self.check.name, now, failed).into_iter().collect();
        for event in &events {
            let level = if failed.is_some() { log::Level::Warn } else { log::Level::Info };
            log::log!(level, "probe: {}", event.title);
        }
        let mut batch = self.figures(now, failed.is_none(), took, seen);
        self.staleness.mark(&mut batch, now);
        self.publish(Some((now, took)), Some(failed.is_none()), seen, failed.map(str::to_owned));
        let state = self.target_state.state().filter(|state| before != Some(*state));
        let documents = state.map(|state| (STATES, vec![(self.check.name.clone(), serde_json::to_vec(&state).ok())]));
        Collection { batch, events, documents: documents.into_iter().collect(), ..Collection::default() }
    }
}
