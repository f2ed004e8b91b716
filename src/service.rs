//! The service: starts the pipeline and the HTTP server in front of it, and stops both in order.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use actix_rt::signal::unix::{SignalKind, signal};
use actix_web::dev::ServerHandle;
use anyhow::Context;
use taskpulse_actors::ask::Translator;
use taskpulse_actors::collectors::github::state::{SharedWebhooks, WebhookQueue};
use taskpulse_actors::collectors::heartbeat::Heartbeats;
use taskpulse_actors::standstill;
use taskpulse_web::{
    Access, Answers, AppState, INGEST_PLACES, LOGS_SOURCE, LastReport, Mcp, OTLP_SOURCE, Otlp, Sessions, TRACES_SOURCE, logs_hint,
    otlp_hint, serve, traces_hint,
};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::cli::Cli;
use crate::options::{access_options, data_dir, money, query_options, rule_limits, server_options};
use crate::pipeline::{EXIT_STORE, Pipeline, bounded};
use crate::settings::heartbeats::HeartbeatSpec;
use crate::settings::sources::each;
use crate::settings::{Settings, agents, ask};
use crate::{browser, descriptors, git, memory, systemd};

/// Longest time of a stop.
const STOP_WITHIN: Duration = Duration::from_secs(10);
/// Longest time that a start waits for what its actors keep.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// How often memory that is free goes back to the system.
const TRIM_MEMORY_EVERY: Duration = Duration::from_secs(30);

/// Chooses the TLS implementation of the HTTP client, once.
pub fn install_tls() {
    // A second call finds the first one's choice, which is the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Runs the service until a signal stops it.
pub async fn run(settings: Settings, cli: &Cli) -> anyhow::Result<()> {
    #[cfg(feature = "failpoints")]
    let _scenario = fail::FailScenario::setup();
    install_tls();
    descriptors::raise_limit();
    standstill::watch();
    let began = Instant::now();
    let dir = data_dir(&settings);
    let pipeline = Pipeline::start(&settings, &dir)?;
    git::hide(&settings, &dir);
    wait_for_actors(&pipeline).await;
    // The port before the collectors: a start that is refused has measured nothing.
    let webhooks = webhook_queue(&settings);
    let heartbeats = Arc::new(Heartbeats::new(each(&settings.heartbeats.expect, HeartbeatSpec::expected)?));
    let server = Server::start(&pipeline, &settings, &webhooks, &heartbeats)?;
    let address = server.addresses.first().map_or("", String::as_str);
    pipeline.publishers.sources.absent(OTLP_SOURCE, "nothing was sent to /v1/metrics yet", otlp_hint(address));
    pipeline.publishers.sources.absent(LOGS_SOURCE, "nothing was sent to /v1/logs or /loki/api/v1/push yet", logs_hint(address));
    pipeline.publishers.sources.absent(TRACES_SOURCE, "nothing was sent to /v1/traces yet", traces_hint(address));
    pipeline.start_collectors(&webhooks, &heartbeats);
    pipeline.reporter.ready.store(true, Ordering::Relaxed);
    announce(&pipeline, &server.addresses, &dir, began, cli);
    actix_rt::spawn(trim_memory());

    let signal = stop_signal().await?;
    log::info!("{signal}: stopping");
    pipeline.reporter.stopping.store(true, Ordering::Relaxed);
    systemd::stopping();
    bound_the_stop();
    pipeline.drain().await;
    server.stop().await;
    pipeline.stop();
    log::info!("stopped");
    Ok(())
}

/// Waits until the actors have read what they keep, so that no answer lacks it; not for ever, since a disk may hang.
async fn wait_for_actors(pipeline: &Pipeline<'_>) {
    let began = Instant::now();
    while !pipeline.reporter.registry.have_begun() && began.elapsed() < LONGEST_WAIT {
        actix_rt::time::sleep(Duration::from_millis(1)).await;
    }
}

fn webhook_queue(settings: &Settings) -> SharedWebhooks {
    let secret = settings.github.webhook_secret.as_deref().map(str::to_owned);
    Arc::new(WebhookQueue::new(secret.filter(|_| settings.github.enabled)))
}

/// The HTTP server.
struct Server {
    addresses: Vec<String>,
    sessions: Arc<Sessions>,
    handle: ServerHandle,
    serving: JoinHandle<std::io::Result<()>>,
}

impl Server {
    fn start(
        pipeline: &Pipeline<'_>,
        settings: &Settings,
        webhooks: &SharedWebhooks,
        heartbeats: &Arc<Heartbeats>,
    ) -> anyhow::Result<Self> {
        let sessions: Arc<Sessions> = Arc::default();
        let state = AppState {
            reporter: Arc::clone(&pipeline.reporter),
            store: pipeline.reporter.store.clone(),
            change_rule: pipeline.alerts.mailbox(),
            rule_limits: rule_limits(settings),
            notice_interval: settings.notify.group_interval.ms(),
            noise: LastReport::default(),
            money: Arc::new(money(settings)),
            advises: settings.optimizer.enabled,
            translator: ask::options(&settings.ask)?.map(Translator::new),
            access: Access::new(access_options(settings, pipeline.ack_key.clone())),
            heartbeats: Arc::clone(heartbeats),
            hooks: Arc::clone(webhooks),
            sessions: Arc::clone(&sessions),
            max_sessions: settings.server.max_sessions,
            append: pipeline.store.mailbox(),
            logs: pipeline.log_door(),
            traces: pipeline.trace_door(),
            agents: pipeline.agent_door(),
            tells_agents: settings.agents.tell,
            append_resolved: pipeline.store.mailbox(),
            snapshot: pipeline.store.mailbox(),
            otlp: Otlp::new(settings.otlp.options()),
            kept: agents::kept(&settings.agents, agents::digest_by(&pipeline.ack_key))?,
            ingest_places: Semaphore::new(INGEST_PLACES),
            query_places: Semaphore::new(settings.pipeline.workers),
            sources: pipeline.publishers.sources.clone(),
            metadata: pipeline.publishers.metadata.clone(),
            answers: Answers::default(),
            selector_places: Semaphore::new(settings.pipeline.workers),
            filter_places: Semaphore::new(1),
            queries: query_options(settings),
            subscribe: pipeline.hub.mailbox(),
            unsubscribe: pipeline.hub.mailbox(),
            mcp: Mcp::new(settings.mcp.enabled, settings.mcp.write, !settings.mcp.tokens.is_empty(), pipeline.store.mailbox()),
            acknowledge: pipeline.alerts.mailbox(),
            decide: pipeline.optimizer.mailbox(),
            change_experiment: pipeline.experiments.mailbox(),
            keep_forecasts: pipeline.forecasts.mailbox(),
            change_action: pipeline.actions.mailbox(),
            test_channel: pipeline.notifier.mailbox(),
            read_notices: pipeline.notifier.mailbox(),
            change_silence: pipeline.notifier.mailbox(),
            change_maintenance: pipeline.notifier.mailbox(),
        };
        let served = serve(state, &server_options(settings))?;
        let addresses: Vec<String> = served.addresses.iter().map(|address| format!("http://{address}")).collect();
        let _ = pipeline.reporter.addresses.set(addresses.clone());
        Ok(Self { addresses, sessions, handle: served.server.handle(), serving: actix_rt::spawn(served.server) })
    }

    async fn stop(self) {
        self.sessions.close_all();
        bounded("server", self.handle.stop(true)).await;
        self.serving.abort();
    }
}

/// Says where the service is: to the log, the time line, systemd and the browser.
fn announce(pipeline: &Pipeline<'_>, addresses: &[String], dir: &Path, began: Instant, cli: &Cli) {
    let version = pipeline.reporter.version;
    let (history, took) = (dir.display(), began.elapsed().as_millis());
    log::info!("taskpulse {version} on {}, history in {history} ({took} ms to start)", addresses.join(" "));
    pipeline.record_event("start", format!("taskpulse {version} started"));
    pipeline.record_settings();
    systemd::ready(addresses);
    systemd::watchdog(Arc::clone(&pipeline.reporter));
    let url = addresses.first().map(|first| first.replace("127.0.0.1", "localhost")).unwrap_or_default();
    match browser::why_not(cli.no_browser) {
        None => browser::open(&url),
        Some(why) => log::info!("open {url} in a browser (not opened here: {why})"),
    }
}

async fn trim_memory() {
    let mut every = actix_rt::time::interval(TRIM_MEMORY_EVERY);
    loop {
        every.tick().await;
        memory::give_back();
    }
}

/// Ends the process when it has not ended by itself: a thread that waits for a disk that hangs cannot be stopped.
fn bound_the_stop() {
    let ending = std::thread::Builder::new().name("stop".to_owned()).spawn(|| {
        std::thread::sleep(STOP_WITHIN);
        log::error!(
            "not stopped within {} s, the disk may hang; ending all the same: what was acknowledged is kept",
            STOP_WITHIN.as_secs()
        );
        std::process::exit(EXIT_STORE);
    });
    if let Err(error) = ending {
        log::warn!("no thread to bound the stop: {error}");
    }
}

async fn stop_signal() -> anyhow::Result<&'static str> {
    let mut term = signal(SignalKind::terminate()).context("SIGTERM cannot be handled")?;
    let mut int = signal(SignalKind::interrupt()).context("SIGINT cannot be handled")?;
    Ok(tokio::select! {
        _ = term.recv() => "SIGTERM",
        _ = int.recv() => "SIGINT",
    })
}
