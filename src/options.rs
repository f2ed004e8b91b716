//! The options of each part of the service, from the settings.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use taskpulse_actors::alert::ScrapedBy;
use taskpulse_actors::notify::AckKey;
use taskpulse_engine::logs::store::LogOptions;
use taskpulse_engine::money::Money;
use taskpulse_engine::rules::{EvaluationLimits, GroupSpec, RuleBook, RuleOptions, RuleSet};
use taskpulse_engine::store::{ExemplarOptions, StoreOptions};
use taskpulse_web::{AccessOptions, MAX_CONNECTIONS, Proxies, QueryOptions, ServerOptions};

use crate::descriptors;
use crate::rule_files;
use crate::settings::Settings;
use crate::settings::sources::{ScrapeTarget, each};

/// Ports of `server.split_ports`: WebSocket, API, analytics.
const SPLIT_PORTS: [u16; 3] = [8091, 8092, 8080];
/// Longest time of the evaluation of one rule.
const RULE_TIMEOUT: Duration = Duration::from_secs(10);
/// The folder that Task Master keeps in a project.
pub const TASKMASTER: &str = ".taskmaster";

/// Where the history is kept: beside the board if there is one.
pub fn data_dir(settings: &Settings) -> PathBuf {
    settings.store.data_dir.clone().unwrap_or_else(|| {
        let taskmaster = Path::new(TASKMASTER);
        if taskmaster.is_dir() { taskmaster.join("taskpulse") } else { PathBuf::from("taskpulse-data") }
    })
}

/// What all rules have in common.
pub fn rule_options(settings: &Settings) -> RuleOptions {
    RuleOptions { retention: settings.store.retention, evaluation_interval: settings.alerts.evaluation_interval, ..RuleOptions::default() }
}

/// What the evaluation of a rule may cost.
pub fn rule_limits(settings: &Settings) -> EvaluationLimits {
    let query = &settings.query;
    EvaluationLimits {
        lookback: query.lookback.ms(),
        delayed_names: query.delayed_name_removal,
        max_samples: query.max_samples,
        max_bytes: query.max_bytes,
        timeout: query.timeout.duration().min(RULE_TIMEOUT),
        cancelled: Arc::default(),
    }
}

/// The names of scrape targets, by the labels of their series.
pub fn scraped_by(settings: &Settings) -> ScrapedBy {
    // The settings were checked when they were read.
    let targets = each(&settings.scrape.targets, ScrapeTarget::targets).unwrap_or_default();
    targets.into_iter().flatten().map(|target| ((target.job, target.instance), target.name)).collect()
}

/// All rules: those of the settings, then those of rule files.
///
/// # Errors
/// What is wrong with one, with its place where it is in a file.
pub fn rule_book(settings: &Settings) -> anyhow::Result<RuleBook> {
    let mut groups = vec![GroupSpec::of_settings(&settings.alerts.rules)];
    // Alone first, so that an error says where the rule is.
    RuleSet::new(&groups, rule_options(settings)).context("alerts.rules")?;
    groups.extend(rule_files::groups(&settings.alerts.rule_files).context("alerts.rule_files")?);
    let mut book = RuleBook::new(groups, rule_options(settings));
    book.read().context("alerts.rule_files")?;
    Ok(book)
}

/// Options of the store.
pub fn store_options(settings: &Settings) -> StoreOptions {
    let store = &settings.store;
    StoreOptions {
        retention_ms: store.retention.ms(),
        retention_overrides: store.overrides(),
        windows_retention_ms: store.windows_retention.ms(),
        max_bytes: store.max_bytes,
        quiet: store.compact_after.duration(),
        out_of_order_ms: store.out_of_order.ms(),
        max_ahead_ms: store.max_ahead.ms(),
        allowed_lateness_ms: settings.windows.allowed_lateness.ms(),
        max_series: store.max_series,
        max_open_files: descriptors::for_files(store.max_open_files),
        max_waiting: store.max_head_samples.saturating_mul(16),
        cache_bytes: store.cache_bytes,
        exemplars: ExemplarOptions { most: store.max_exemplars, per_hour: store.exemplars_per_hour },
        logs: log_options(settings),
        traces: trace_options(settings),
    }
}

fn log_options(settings: &Settings) -> LogOptions {
    let logs = &settings.logs;
    LogOptions {
        retention_ms: logs.retention.ms(),
        max_bytes: logs.max_bytes,
        seal_interval: logs.seal_interval.duration(),
        max_head_bytes: logs.max_head_bytes,
        max_streams: logs.max_streams,
    }
}

fn trace_options(settings: &Settings) -> LogOptions {
    let traces = &settings.traces;
    LogOptions {
        retention_ms: traces.retention.ms(),
        max_bytes: traces.max_bytes,
        seal_interval: traces.seal_interval.duration(),
        max_head_bytes: traces.max_head_bytes,
        max_streams: traces.max_services,
    }
}

/// What the settings say of money.
pub fn money(settings: &Settings) -> Money {
    // The settings were checked when they were read.
    crate::settings::money::money(&settings.costs).unwrap_or_default()
}

/// Who may use the server.
pub fn access_options(settings: &Settings, ack_key: AckKey) -> AccessOptions {
    let server = &settings.server;
    AccessOptions {
        listen: server.listen,
        token: server.token.as_deref().map(str::to_owned),
        // The settings were checked when they were read.
        mcp_tokens: crate::settings::mcp::tokens(settings).unwrap_or_default(),
        allowed_hosts: server.allowed_hosts.clone(),
        // The settings were checked when they were read.
        proxies: Proxies::parse(&server.trusted_proxies).unwrap_or_default(),
        session_lifetime: server.session_lifetime.duration(),
        ack_key,
    }
}

/// Where the server listens, and its limits.
pub fn server_options(settings: &Settings) -> ServerOptions {
    let split = settings.server.split_ports;
    ServerOptions {
        listen: settings.server.listen,
        port: settings.server.port,
        more_ports: if split { SPLIT_PORTS.to_vec() } else { Vec::new() },
        socket_ports: if split { vec![SPLIT_PORTS[0]] } else { Vec::new() },
        max_body_bytes: settings.server.max_body_bytes,
        workers: settings.pipeline.workers,
        patience: settings.server.slow_client_timeout.duration(),
        max_connections: descriptors::for_connections(
            settings.server.max_sessions + MAX_CONNECTIONS,
            descriptors::for_files(settings.store.max_open_files),
        ),
    }
}

/// Options of queries.
pub fn query_options(settings: &Settings) -> QueryOptions {
    QueryOptions {
        lookback_ms: settings.query.lookback.ms(),
        timeout: settings.query.timeout.duration(),
        max_samples: settings.query.max_samples,
        max_bytes: settings.query.max_bytes,
        delayed_names: settings.query.delayed_name_removal,
    }
}
