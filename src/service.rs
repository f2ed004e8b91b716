//! The service: opens the store, starts the actors, serves, and stops in order.
//!
//! Threads: `store` (writing), `windows`, `pipeline` (batcher, alerts, notifier, optimizer), `hub`, `collectors`, the
//! server's workers, and a pool for work that waits for the disk.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock, atomic::AtomicBool};
use std::time::{Duration, Instant};

use actix_rt::Arbiter;
use actix_rt::signal::unix::{SignalKind, signal};
use anyhow::Context;
use taskpulse_actors::alert::{AlertActor, AlertOutputs, kept_alerts};
use taskpulse_actors::batcher::{BatcherActor, BatcherOptions};
use taskpulse_actors::clock::now_ms;
use taskpulse_actors::collectors::collector::Outputs;
use taskpulse_actors::collectors::github::state::WebhookQueue;
use taskpulse_actors::hub::HubActor;
use taskpulse_actors::messages::{Advanced, Closed, Finish, Flush, RecordEvents, StoredBatch};
use taskpulse_actors::notifier::{Channels, NotifierActor};
use taskpulse_actors::optimizer::OptimizerActor;
use taskpulse_actors::shared::Shared;
use taskpulse_actors::standstill;
use taskpulse_actors::status::Reporter;
use taskpulse_actors::store::{Listeners, StoreActor, StoreActorOptions};
use taskpulse_actors::supervisor::{ActorHandle, ActorStats, Mailbox, Policy, Registry, Service, start};
use taskpulse_actors::window::{WindowAggregatorActor, WindowOutputs};
use taskpulse_engine::event::Event;
use taskpulse_engine::rules::RuleSet;
use taskpulse_engine::store::{Store, StoreOptions};
use taskpulse_engine::windows::Level;
use taskpulse_web::{
    Access, AccessOptions, Answers, AppState, INGEST_PLACES, MAX_CONNECTIONS, Otlp, Proxies, QueryOptions, ServerOptions, Sessions, serve,
};
use tokio::sync::Semaphore;

use crate::browser;
use crate::cli::Cli;
use crate::descriptors;
use crate::settings::Settings;
use crate::sources;
use crate::systemd;

/// Exit code when the store gave up: the init system should start the service again.
const EXIT_STORE: i32 = 70;
/// Longest way down of each step; together well under ten seconds.
const STOP_STEP: Duration = Duration::from_secs(3);
/// Longest way down of all.
const STOP_WITHIN: Duration = Duration::from_secs(10);
/// Ports of `server.split_ports`: WebSocket, API, analytics.
const SPLIT_PORTS: [u16; 3] = [8091, 8092, 8080];

/// The folder that Task Master keeps in a project.
const TASKMASTER: &str = ".taskmaster";

pub fn data_dir(settings: &Settings) -> PathBuf {
    settings.store.data_dir.clone().unwrap_or_else(|| {
        let taskmaster = Path::new(TASKMASTER);
        if taskmaster.is_dir() { taskmaster.join("taskpulse") } else { PathBuf::from("taskpulse-data") }
    })
}

fn alert_file(settings: &Settings, data_dir: &Path) -> Option<PathBuf> {
    let usual = || {
        let taskmaster = Path::new(TASKMASTER);
        if taskmaster.is_dir() { taskmaster.join("alerts.log") } else { data_dir.join("alerts.log") }
    };
    settings.alerts.file.then(|| settings.alerts.file_path.clone().unwrap_or_else(usual))
}

/// Chooses the TLS implementation of the HTTP client, once.
pub fn install_tls() {
    // A second call finds the first one's choice, which is the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// How often memory that is free goes back to the system.
const GIVE_BACK: Duration = Duration::from_secs(30);

/// Starts actors with the same policy and mailbox on their arbiters.
pub struct Starter<'a> {
    registry: Arc<Registry>,
    pub settings: &'a Settings,
    policy: Policy,
}

impl Starter<'_> {
    pub fn start<A: Service>(
        &self,
        arbiter: &Arbiter,
        name: &str,
        make: impl FnOnce(Arc<ActorStats>) -> A + Send + 'static,
    ) -> ActorHandle<A> {
        start(&arbiter.handle(), &self.registry, name, &self.policy, self.settings.pipeline.mailbox, make)
    }

    /// For an actor without which the service cannot go on.
    fn start_essential<A: Service>(
        &self,
        arbiter: &Arbiter,
        name: &str,
        make: impl FnOnce(Arc<ActorStats>) -> A + Send + 'static,
    ) -> ActorHandle<A> {
        let policy = Policy { on_give_up: Some(Arc::new(|| std::process::exit(EXIT_STORE))), ..self.policy.clone() };
        start(&arbiter.handle(), &self.registry, name, &policy, self.settings.pipeline.mailbox, make)
    }
}

/// Runs the service until it is told to stop.
pub async fn run(settings: Settings, cli: &Cli) -> anyhow::Result<()> {
    #[cfg(feature = "failpoints")]
    let _scenario = fail::FailScenario::setup();
    install_tls();
    descriptors::raise_limit();
    standstill::watch();
    let began = Instant::now();
    let rules = Arc::new(RuleSet::new(&settings.alerts.rules, settings.store.retention)?);
    let dir = data_dir(&settings);
    let store = Arc::new(Store::open(&dir, store_options(&settings), now_ms())?);
    let shared = Arc::new(Shared::default());
    shared.login.store(settings.server.token.is_some(), Ordering::Relaxed);
    let reporter = Arc::new(Reporter {
        registry: Arc::default(),
        shared: Arc::clone(&shared),
        store: Arc::clone(&store),
        stuck_after: settings.supervision.stuck_after.duration(),
        seal_interval: settings.store.seal_interval.duration(),
        started_at: now_ms(),
        version: env!("CARGO_PKG_VERSION"),
        addresses: OnceLock::new(),
        ready: AtomicBool::new(false),
        stopping: AtomicBool::new(false),
    });
    let starter = Starter {
        registry: Arc::clone(&reporter.registry),
        settings: &settings,
        policy: Policy {
            max_restarts: settings.supervision.max_restarts,
            window: settings.supervision.window.duration(),
            stuck_after: settings.supervision.stuck_after.duration(),
            on_give_up: None,
        },
    };

    // The store first: everything else leads to it. Its listeners come when they exist.
    let listeners: Arc<OnceLock<Listeners>> = Arc::default();
    let (store_arbiter, windows_arbiter, pipeline, hub_arbiter, collectors) =
        (Arbiter::new(), Arbiter::new(), Arbiter::new(), Arbiter::new(), Arbiter::new());
    let store_handle = {
        let (store, listeners) = (Arc::clone(&store), Arc::clone(&listeners));
        let options = StoreActorOptions {
            compaction_share: settings.store.compaction_share,
            seal_interval: settings.store.seal_interval.duration(),
            max_head_samples: settings.store.max_head_samples,
        };
        starter.start_essential(&store_arbiter, "store", move |stats| StoreActor::new(stats, store, options, listeners))
    };
    let hub_handle = {
        let (store, shared, reporter) = (Arc::clone(&store), Arc::clone(&shared), Arc::clone(&reporter));
        let slow_after = settings.server.slow_client_timeout.duration();
        let status = Arc::new(move || reporter.status());
        starter.start(&hub_arbiter, "hub", move |stats| HubActor::new(stats, store, shared, status, slow_after))
    };
    let notifier_handle = {
        let channels = Channels { console: settings.alerts.console, file: alert_file(&settings, &dir) };
        let shared = Arc::clone(&shared);
        starter.start(&pipeline, "notifier", move |stats| NotifierActor::new(stats, channels, shared))
    };
    let alert_handle = {
        let (store, rules, shared) = (Arc::clone(&store), Arc::clone(&rules), Arc::clone(&shared));
        // Before the first request: an alert that fires does not seem to be over while the actor starts.
        *shared.alerts.write() = Arc::new(kept_alerts(&store, &rules));
        let outputs = AlertOutputs {
            documents: store_handle.mailbox(),
            events: store_handle.mailbox(),
            notifier: notifier_handle.mailbox(),
            hub: hub_handle.mailbox(),
        };
        starter.start(&pipeline, "alerts", move |stats| AlertActor::new(stats, store, rules, shared, outputs))
    };
    let optimizer_handle = {
        let (store, shared) = (Arc::clone(&store), Arc::clone(&shared));
        let outputs = (store_handle.mailbox(), store_handle.mailbox(), hub_handle.mailbox());
        let every = settings.optimizer.enabled.then(|| settings.optimizer.interval.duration());
        starter.start(&pipeline, "optimizer", move |stats| OptimizerActor::new(stats, store, shared, every, outputs))
    };
    let first_window = start_windows(&starter, &windows_arbiter, &store, &shared, &hub_handle.mailbox());
    // Filled once, here; the store tells nobody before.
    let _ = listeners
        .set(Listeners { batches: vec![first_window, alert_handle.mailbox(), hub_handle.mailbox()], events: hub_handle.mailbox() });
    let batcher_handle = {
        let (rules, shared, store) = (Arc::clone(&rules), Arc::clone(&shared), store_handle.mailbox());
        let options = BatcherOptions {
            batch_size: settings.pipeline.batch_size,
            flush_interval: settings.pipeline.flush_interval.duration(),
            backlog: settings.pipeline.backlog,
        };
        starter.start(&pipeline, "batcher", move |stats| BatcherActor::new(stats, options, store, rules, shared))
    };

    // The port before the sources: a start that is refused has measured nothing.
    let sessions: Arc<Sessions> = Arc::default();
    let hooks =
        Arc::new(WebhookQueue::new(settings.github.webhook_secret.as_deref().map(str::to_owned).filter(|_| settings.github.enabled)));
    let state = AppState {
        reporter: Arc::clone(&reporter),
        store: Arc::clone(&store),
        rules,
        access: Access::new(access_options(&settings)),
        hooks: Arc::clone(&hooks),
        sessions: Arc::clone(&sessions),
        max_sessions: settings.server.max_sessions,
        append: store_handle.mailbox(),
        append_resolved: store_handle.mailbox(),
        otlp: Otlp::new(settings.otlp.options()),
        ingest_places: Semaphore::new(INGEST_PLACES),
        query_places: Semaphore::new(settings.pipeline.workers),
        answers: Answers::default(),
        selector_places: Semaphore::new(settings.pipeline.workers),
        filter_places: Semaphore::new(1),
        queries: QueryOptions {
            lookback_ms: settings.query.lookback.ms(),
            timeout: settings.query.timeout.duration(),
            max_samples: settings.query.max_samples,
            max_bytes: settings.query.max_bytes,
            delayed_names: settings.query.delayed_name_removal,
        },
        subscribe: hub_handle.mailbox(),
        unsubscribe: hub_handle.mailbox(),
        acknowledge: alert_handle.mailbox(),
        decide: optimizer_handle.mailbox(),
    };
    let served = serve(state, &server_options(&settings))?;
    let addresses: Vec<String> = served.addresses.iter().map(|address| format!("http://{address}")).collect();
    let _ = reporter.addresses.set(addresses.clone());
    let server = served.server.handle();
    let serving = actix_rt::spawn(served.server);

    let outputs = Outputs { batcher: batcher_handle.mailbox(), events: store_handle.mailbox(), documents: store_handle.mailbox() };
    sources::start(&starter, &collectors, &reporter, &outputs);
    sources::start_github(&starter, &collectors, &reporter, &outputs, store_handle.mailbox(), &hooks);
    reporter.ready.store(true, Ordering::Relaxed);
    log::info!(
        "taskpulse {} on {}, history in {} ({} ms to start)",
        reporter.version,
        addresses.join(" "),
        dir.display(),
        began.elapsed().as_millis()
    );
    record(
        &store_handle.mailbox(),
        Event::new(now_ms(), "service", "start", reporter.version, format!("taskpulse {} started", reporter.version)),
    );
    systemd::ready(&addresses);
    systemd::watchdog(Arc::clone(&reporter));
    let url = addresses.first().map(|first| first.replace("127.0.0.1", "localhost")).unwrap_or_default();
    match browser::why_not(cli.no_browser) {
        None => browser::open(&url),
        Some(why) => log::info!("open {url} in a browser (not opened here: {why})"),
    }

    actix_rt::spawn(async {
        let mut every = actix_rt::time::interval(GIVE_BACK);
        loop {
            every.tick().await;
            crate::memory::give_back();
        }
    });
    let signal = stop_signal().await?;
    log::info!("{signal}: stopping");
    reporter.stopping.store(true, Ordering::Relaxed);
    systemd::stopping();
    bound_the_stop();
    // In order: no more samples, those that wait to the store, the store durable, the sessions, the server.
    collectors.stop();
    bounded("batcher", batcher_handle.mailbox::<Flush>().send(Flush)).await;
    record(
        &store_handle.mailbox(),
        Event::new(now_ms(), "service", "stop", reporter.version, format!("taskpulse {} stopped", reporter.version)),
    );
    bounded("store", store_handle.mailbox::<Finish>().send(Finish)).await;
    sessions.close_all();
    bounded("server", server.stop(true)).await;
    serving.abort();
    for arbiter in [pipeline, windows_arbiter, hub_arbiter, store_arbiter] {
        arbiter.stop();
    }
    log::info!("stopped");
    Ok(())
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

async fn bounded<T>(what: &str, step: impl Future<Output = T>) {
    if actix_rt::time::timeout(STOP_STEP, step).await.is_err() {
        log::warn!("{what} did not stop within {} s", STOP_STEP.as_secs());
    }
}

fn record(store: &Mailbox<RecordEvents>, event: Event) {
    if let Err(why) = store.try_send(RecordEvents(vec![event])) {
        log::warn!("event not kept: the store: {why}");
    }
}

/// Starts the aggregators from the longest to the shortest, each telling the one before it and the hub.
fn start_windows(
    starter: &Starter<'_>,
    arbiter: &Arbiter,
    store: &Arc<Store>,
    shared: &Arc<Shared>,
    hub: &Mailbox<Closed>,
) -> Mailbox<StoredBatch> {
    let idle_after = starter.settings.windows.idle_after.duration();
    let start_level = |level: Level, above: Option<Mailbox<Advanced>>| {
        let outputs = || WindowOutputs { hub: hub.clone(), above: above.clone() };
        let (store, shared, outputs) = (Arc::clone(store), Arc::clone(shared), outputs());
        let name = format!("windows {}", level.name());
        starter.start(arbiter, &name, move |stats| WindowAggregatorActor::new(stats, level, store, shared, idle_after, outputs))
    };
    let longer = Level::ALL[1..].iter().rev().fold(None, |above, level| Some(start_level(*level, above).mailbox::<Advanced>()));
    start_level(Level::M1, longer).mailbox()
}

/// The store's options as the settings have them.
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
    }
}

fn access_options(settings: &Settings) -> AccessOptions {
    let server = &settings.server;
    AccessOptions {
        listen: server.listen,
        token: server.token.as_deref().map(str::to_owned),
        allowed_hosts: server.allowed_hosts.clone(),
        // The settings were checked when they were read.
        proxies: Proxies::parse(&server.trusted_proxies).unwrap_or_default(),
        session_lifetime: server.session_lifetime.duration(),
    }
}

fn server_options(settings: &Settings) -> ServerOptions {
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

async fn stop_signal() -> anyhow::Result<&'static str> {
    let mut term = signal(SignalKind::terminate()).context("SIGTERM cannot be handled")?;
    let mut int = signal(SignalKind::interrupt()).context("SIGINT cannot be handled")?;
    Ok(tokio::select! {
        _ = term.recv() => "SIGTERM",
        _ = int.recv() => "SIGINT",
    })
}
