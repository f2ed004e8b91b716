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
use taskpulse_actors::alert::{AlertActor, AlertDoors, kept_alerts};
use taskpulse_actors::batcher::{Batcher, BatcherOptions};
use taskpulse_actors::clock::now_ms;
use taskpulse_actors::collectors::github::state::Hooks;
use taskpulse_actors::collectors::source::Doors;
use taskpulse_actors::hub::Hub;
use taskpulse_actors::messages::{Advanced, Closed, Finish, Flush, RecordEvents, StoredBatch};
use taskpulse_actors::notifier::{Channels, Notifier};
use taskpulse_actors::optimizer::Optimizer;
use taskpulse_actors::shared::Shared;
use taskpulse_actors::standstill;
use taskpulse_actors::status::Reporter;
use taskpulse_actors::store::{Listeners, StoreActor, StoreActorOptions};
use taskpulse_actors::supervisor::{Door, Policy, Post, Registry, Service, Vitals, start};
use taskpulse_actors::window::{WindowAggregator, WindowDoors};
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
    pub fn start<A: Service>(&self, arbiter: &Arbiter, name: &str, make: impl FnOnce(Arc<Vitals>) -> A + Send + 'static) -> Post<A> {
        start(&arbiter.handle(), &self.registry, name, &self.policy, self.settings.pipeline.mailbox, make)
    }

    /// For an actor without which the service cannot go on.
    fn start_vital<A: Service>(&self, arbiter: &Arbiter, name: &str, make: impl FnOnce(Arc<Vitals>) -> A + Send + 'static) -> Post<A> {
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
    let store_post = {
        let (store, listeners) = (Arc::clone(&store), Arc::clone(&listeners));
        let options = StoreActorOptions {
            compaction_share: settings.store.compaction_share,
            seal_interval: settings.store.seal_interval.duration(),
            max_head_samples: settings.store.max_head_samples,
        };
        starter.start_vital(&store_arbiter, "store", move |vitals| StoreActor::new(vitals, store, options, listeners))
    };
    let hub_post = {
        let (store, shared, reporter) = (Arc::clone(&store), Arc::clone(&shared), Arc::clone(&reporter));
        let slow_after = settings.server.slow_client_timeout.duration();
        let status = Arc::new(move || reporter.status());
        starter.start(&hub_arbiter, "hub", move |vitals| Hub::new(vitals, store, shared, status, slow_after))
    };
    let notifier_post = {
        let channels = Channels { console: settings.alerts.console, file: alert_file(&settings, &dir) };
        let shared = Arc::clone(&shared);
        starter.start(&pipeline, "notifier", move |vitals| Notifier::new(vitals, channels, shared))
    };
    let alert_post = {
        let (store, rules, shared) = (Arc::clone(&store), Arc::clone(&rules), Arc::clone(&shared));
        // Before the first request: an alert that fires does not seem to be over while the actor starts.
        *shared.alerts.write() = Arc::new(kept_alerts(&store, &rules));
        let doors =
            AlertDoors { documents: store_post.door(), events: store_post.door(), notifier: notifier_post.door(), hub: hub_post.door() };
        starter.start(&pipeline, "alerts", move |vitals| AlertActor::new(vitals, store, rules, shared, doors))
    };
    let optimizer_post = {
        let (store, shared) = (Arc::clone(&store), Arc::clone(&shared));
        let doors = (store_post.door(), store_post.door(), hub_post.door());
        let every = settings.optimizer.enabled.then(|| settings.optimizer.interval.duration());
        starter.start(&pipeline, "optimizer", move |vitals| Optimizer::new(vitals, store, shared, every, doors))
    };
    let first_window = start_windows(&starter, &windows_arbiter, &store, &shared, &hub_post.door());
    // Filled once, here; the store tells nobody before.
    let _ = listeners.set(Listeners { batches: vec![first_window, alert_post.door(), hub_post.door()], events: hub_post.door() });
    let batcher_post = {
        let (rules, shared, store) = (Arc::clone(&rules), Arc::clone(&shared), store_post.door());
        let options = BatcherOptions {
            batch_size: settings.pipeline.batch_size,
            flush_interval: settings.pipeline.flush_interval.duration(),
            backlog: settings.pipeline.backlog,
        };
        starter.start(&pipeline, "batcher", move |vitals| Batcher::new(vitals, options, store, rules, shared))
    };

    // The port before the sources: a start that is refused has measured nothing.
    let sessions: Arc<Sessions> = Arc::default();
    let hooks = Arc::new(Hooks::new(settings.github.webhook_secret.as_deref().map(str::to_owned).filter(|_| settings.github.enabled)));
    let state = AppState {
        reporter: Arc::clone(&reporter),
        store: Arc::clone(&store),
        rules,
        access: Access::new(access_options(&settings)),
        hooks: Arc::clone(&hooks),
        sessions: Arc::clone(&sessions),
        max_sessions: settings.server.max_sessions,
        append: store_post.door(),
        append_resolved: store_post.door(),
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
        subscribe: hub_post.door(),
        unsubscribe: hub_post.door(),
        acknowledge: alert_post.door(),
        decide: optimizer_post.door(),
    };
    let served = serve(state, &server_options(&settings))?;
    let addresses: Vec<String> = served.addresses.iter().map(|address| format!("http://{address}")).collect();
    let _ = reporter.addresses.set(addresses.clone());
    let server = served.server.handle();
    let serving = actix_rt::spawn(served.server);

    let doors = Doors { batcher: batcher_post.door(), events: store_post.door(), documents: store_post.door() };
    sources::start(&starter, &collectors, &reporter, &doors);
    sources::start_github(&starter, &collectors, &reporter, &doors, store_post.door(), &hooks);
    reporter.ready.store(true, Ordering::Relaxed);
    log::info!(
        "taskpulse {} on {}, history in {} ({} ms to start)",
        reporter.version,
        addresses.join(" "),
        dir.display(),
        began.elapsed().as_millis()
    );
    record(
        &store_post.door(),
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
    bounded("batcher", batcher_post.door::<Flush>().send(Flush)).await;
    record(
        &store_post.door(),
        Event::new(now_ms(), "service", "stop", reporter.version, format!("taskpulse {} stopped", reporter.version)),
    );
    bounded("store", store_post.door::<Finish>().send(Finish)).await;
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

fn record(store: &Door<RecordEvents>, event: Event) {
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
    hub: &Door<Closed>,
) -> Door<StoredBatch> {
    let idle_after = starter.settings.windows.idle_after.duration();
    let start_level = |level: Level, above: Option<Door<Advanced>>| {
        let doors = || WindowDoors { hub: hub.clone(), above: above.clone() };
        let (store, shared, doors) = (Arc::clone(store), Arc::clone(shared), doors());
        let name = format!("windows {}", level.name());
        starter.start(arbiter, &name, move |vitals| WindowAggregator::new(vitals, level, store, shared, idle_after, doors))
    };
    let longer = Level::ALL[1..].iter().rev().fold(None, |above, level| Some(start_level(*level, above).door::<Advanced>()));
    start_level(Level::M1, longer).door()
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
