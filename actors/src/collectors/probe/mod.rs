//! Probes: whether what users need answers, how fast, and until when its certificate is good.
//!
//! 1. asks each target in its own time, over HTTP or TCP or by running a command, on a new connection each time,
//! 2. judges the answer by what is expected of it,
//! 3. tells figures as blackbox_exporter names them, and the time line when a target goes down or comes back.
//!
//! A target that is down is a finding: its source works. Only a check that cannot be made (a `ca_file` that is not there, a
//! program that is not installed) fails as a source, and says nothing of the target.

mod connect;
mod cookies;
mod http;
mod plain;

use std::collections::BTreeMap;
use std::sync::Arc;
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
use crate::clock::now_ms;
use crate::redact;
use crate::shared::Shared;
use crate::standstill::{self, TRIES};
use crate::view::{Target, TargetKind, seconds};

/// Documents with what targets were when they were last seen to change.
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
    /// What is sent.
    pub send: Option<String>,
    /// What must come within the first 4,096 bytes.
    pub expect: Option<Regex>,
}

/// What is asked.
#[derive(Debug, Clone)]
pub enum CheckKind {
    /// Over HTTP.
    Http(Box<HttpCheck>),
    /// Over TCP.
    Tcp(TcpCheck),
    /// A program that ends with code 0 where all is well.
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
    /// What holds for any answer.
    pub limits: Limits,
    /// Variables that a command gets although they are the service's own.
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

/// The label `phase`, and what goes on in it.
const PHASES: [(&str, &str); 5] = [
    ("resolve", "looking up its name"),
    ("connect", "connecting"),
    ("tls", "agreeing on TLS"),
    ("processing", "waiting for the answer"),
    ("transfer", "reading the answer"),
];

/// What was seen of a target so far.
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

    /// Phases of one kind add up over redirects.
    fn end(&mut self, (phase, begun): (Phase, Instant)) {
        *self.phases[phase as usize].get_or_insert_default() += begun.elapsed();
    }
}

/// Why a check has no good end.
#[derive(Debug)]
enum CheckError {
    /// The target is not as it should be.
    Down(String),
    /// Nothing is known of it.
    CannotCheck(String),
}

/// Checks one target.
pub struct ProbeCollector {
    check: Check,
    shared: Arc<Shared>,
    target_state: TargetState,
    staleness: StalenessTracker,
    lookup: Lookup,
}

/// Whether targets were up before a restart, and since when; forgets those that are no longer checked.
#[must_use]
pub fn take_up(store: &Store, checks: &[Check]) -> BTreeMap<String, (bool, TimestampMs)> {
    let documents = store.documents(STATES).unwrap_or_else(|error| {
        log::error!("probes: kept states cannot be read: {error}");
        Vec::new()
    });
    let (kept, gone): (Vec<_>, Vec<_>) = documents.into_iter().partition(|(name, _)| checks.iter().any(|check| check.name == *name));
    if !gone.is_empty()
        && let Err(error) = store.change_documents(STATES, gone.into_iter().map(|(name, _)| (name, None)).collect())
    {
        log::warn!("probes: states of targets that are gone stay: {error}");
    }
    kept.into_iter().filter_map(|(name, bytes)| Some((name, serde_json::from_slice(&bytes).ok()?))).collect()
}

impl ProbeCollector {
    /// A source that checks a target; `known` is whether it was up before a restart, and since when.
    #[must_use]
    pub fn new(check: Check, shared: Arc<Shared>, known: Option<(bool, TimestampMs)>) -> Self {
        let source =
            Self { check, shared, target_state: TargetState::new(known), staleness: StalenessTracker::default(), lookup: Arc::default() };
        source.tell(None, None, &Figures::default(), None);
        source
    }

    async fn ask(&self, seen: &mut Figures) -> Result<(), CheckError> {
        match &self.check.kind {
            CheckKind::Http(check) => http::ask(check, &self.lookup, seen).await,
            CheckKind::Tcp(check) => plain::tcp(check, &self.lookup, seen).await,
            CheckKind::Command(words) => plain::run(words, &self.check.pass_environment, self.check.timeout).await,
        }
    }

    /// Checks once: when that began, how long it took, what was seen and how it ended. A check during which this machine stood
    /// still says nothing of the target and is made anew; none where that came to nothing.
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
            now = now_ms();
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

    /// Shows the outcome of a check in status: up or down, or not known and why.
    fn tell(&self, at: Option<(TimestampMs, Duration)>, up: Option<bool>, seen: &Figures, reason: Option<String>) {
        self.shared.targets.report(Target {
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
        // The check has a limit of its own, after which there is still something to say; it may be made anew.
        self.check.timeout * TRIES + Duration::from_secs(5)
    }

    fn collect(&mut self, now: TimestampMs) -> CollectFuture<'_> {
        Box::pin(async move {
            let (now, took, seen, outcome) = match self.attempt(now).await {
                Some(attempt) => attempt,
                None => {
                    let why = format!("the machine stood still during each of {TRIES} checks; nothing is known of {}", self.check.name);
                    return Outcome::Partial(why, Collection::default());
                }
            };
            let failed = match outcome {
                Ok(()) => self.check.limits.judge(now, took.as_secs_f64(), seen.cert_expiry),
                Err(CheckError::Down(why)) => Some(why.replace(['\n', '\r'], " ")),
                Err(CheckError::CannotCheck(why)) => {
                    // What was known of the target is no longer.
                    let mut batch = Batch::default();
                    self.staleness.mark(&mut batch, now);
                    self.tell(Some((now, took)), None, &Figures::default(), Some(format!("it cannot be checked: {why}")));
                    return Outcome::Failed(why, Collection { batch, ..Collection::default() });
                }
            };
            let before = self.target_state.state();
            let events: Vec<Event> = self.target_state.observe(&self.check.name, now, failed.as_deref()).into_iter().collect();
            for event in &events {
                let level = if failed.is_some() { log::Level::Warn } else { log::Level::Info };
                log::log!(level, "probe: {}", event.title);
            }
            let mut batch = self.figures(now, failed.is_none(), took, &seen);
            self.staleness.mark(&mut batch, now);
            self.tell(Some((now, took)), Some(failed.is_none()), &seen, failed.clone());
            let state = self.target_state.state().filter(|state| before != Some(*state));
            let documents = state.map(|state| (STATES, vec![(self.check.name.clone(), serde_json::to_vec(&state).ok())]));
            let found = Collection { batch, events, documents: documents.into_iter().collect(), ..Collection::default() };
            match failed {
                None => Outcome::Complete(found),
                Some(why) => Outcome::Partial(format!("{} is down: {why}", self.check.name), found),
            }
        })
    }
}
