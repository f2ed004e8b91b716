//! The pipeline: store, windows, alerts, optimizer, experiments, forecasts, actions, hub, batcher and collectors; started in this order, stopped in reverse.
//!
//! Threads: `store` (writing), `windows`, `pipeline` (batcher, alerts, notifier, optimizer, experiments, forecasts, actions), `hub`, `collectors`, and a pool for
//! work that waits for the disk. The HTTP server is not part of it: `service.rs` puts one in front.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use actix_rt::Arbiter;
use anyhow::Context;
use taskpulse_actors::actions::{ActionOutputs, ActionsActor};
use taskpulse_actors::agents::{AgentDoor, AgentOutputs, Agents, AgentsActor};
use taskpulse_actors::alert::{AlertActor, AlertOutputs, kept_alerts, reasons, with_given_rules};
use taskpulse_actors::batcher::{BatcherActor, BatcherOptions};
use taskpulse_actors::clock::Clock;
use taskpulse_actors::collectors::github::state::SharedWebhooks;
use taskpulse_actors::collectors::heartbeat::Heartbeats;
use taskpulse_actors::collectors::poller::Outputs;
use taskpulse_actors::experiments::{ExperimentOutputs, ExperimentsActor};
use taskpulse_actors::forecasts::ForecastsActor;
use taskpulse_actors::hub::HubActor;
use taskpulse_actors::log_templates::{LogTemplates, LogTemplatesActor};
use taskpulse_actors::logs::{LogDoor, LogListeners, LogStoreActor};
use taskpulse_actors::messages::{Advanced, ChangeDocuments, Finish, Flush, RecordEvents, StoredBatch};
use taskpulse_actors::notify::{AckKey, NotifierActor, NotifierOptions, NotifierOutputs};
use taskpulse_actors::optimizer::{OptimizerActor, OptimizerOutputs};
use taskpulse_actors::pipeline_stats::{FollowedWindows, PipelineStats};
use taskpulse_actors::published::Publishers;
use taskpulse_actors::rule_states::RuleStates;
use taskpulse_actors::status::Reporter;
use taskpulse_actors::store::{Listeners, StoreActor, StoreActorOptions};
use taskpulse_actors::supervisor::{ActorHandle, Mailbox, Policy, Registry, ServiceActor, start};
use taskpulse_actors::traces::{SharedSpanMetrics, SpanListeners, SpanStoreActor, TraceDoor};
use taskpulse_actors::window::{WindowAggregatorActor, WindowOutputs};
use taskpulse_engine::event::Event;
use taskpulse_engine::store::{StoreReader, StoreWriter};
use taskpulse_engine::windows::Level;

use crate::collectors;
use crate::options::{money, rule_book, rule_limits, scraped_by, store_options};
use crate::settings::changes::{self, InForce};
use crate::settings::{Settings, actions, notify};

/// Exit code when the store gave up: the init system should start the service again.
pub const EXIT_STORE: i32 = 70;
/// Longest time of each step of a stop; together well under ten seconds.
const STOP_STEP: Duration = Duration::from_secs(3);

/// Starts actors with the same policy and mailbox on their arbiters.
pub struct Starter<'a> {
    registry: Arc<Registry>,
    pub settings: &'a Settings,
    pub clock: Clock,
    policy: Policy,
}

impl Starter<'_> {
    pub fn start<A: ServiceActor>(&self, arbiter: &Arbiter, name: &str, make: impl Fn() -> A + Send + 'static) -> ActorHandle<A> {
        start(&arbiter.handle(), &self.registry, name, &self.policy, self.settings.pipeline.mailbox, make)
    }

    /// Starts an actor that the service cannot run without: the process ends if it is given up.
    fn start_essential<A: ServiceActor>(&self, arbiter: &Arbiter, name: &str, make: impl Fn() -> A + Send + 'static) -> ActorHandle<A> {
        let policy = Policy { on_give_up: Some(Arc::new(|| std::process::exit(EXIT_STORE))), ..self.policy.clone() };
        start(&arbiter.handle(), &self.registry, name, &policy, self.settings.pipeline.mailbox, make)
    }
}

/// The threads that actors share.
struct Arbiters {
    store: Arbiter,
    windows: Arbiter,
    pipeline: Arbiter,
    hub: Arbiter,
    collectors: Arbiter,
}

/// The running pipeline.
pub struct Pipeline<'a> {
    pub reporter: Arc<Reporter>,
    pub store: ActorHandle<StoreActor>,
    logs: ActorHandle<LogStoreActor>,
    log_listeners: LogListeners,
    traces: ActorHandle<SpanStoreActor>,
    span_listeners: SpanListeners,
    log_templates: ActorHandle<LogTemplatesActor>,
    agents: ActorHandle<AgentsActor>,
    sessions: Agents,
    pub publishers: Publishers,
    /// Signs links that acknowledge alerts.
    pub ack_key: AckKey,
    pub hub: ActorHandle<HubActor>,
    pub alerts: ActorHandle<AlertActor>,
    pub optimizer: ActorHandle<OptimizerActor>,
    pub experiments: ActorHandle<ExperimentsActor>,
    pub forecasts: ActorHandle<ForecastsActor>,
    pub actions: ActorHandle<ActionsActor>,
    pub notifier: ActorHandle<NotifierActor>,
    batcher: ActorHandle<BatcherActor>,
    arbiters: Arbiters,
    starter: Starter<'a>,
}

impl<'a> Pipeline<'a> {
    /// Opens the store in `dir` and starts every actor except the collectors.
    pub fn start(settings: &'a Settings, dir: &Path) -> anyhow::Result<Self> {
        let clock = Clock::system();
        let writer = StoreWriter::open(dir, store_options(settings), clock.now_ms())?;
        let store = writer.reader();
        let (publishers, reporter) = reporter(settings, &store, &clock);
        publish_rules(settings, &store, &publishers)?;
        let policy = Policy {
            max_restarts: settings.supervision.max_restarts,
            window: settings.supervision.window.duration(),
            stuck_after: settings.supervision.stuck_after.duration(),
            on_give_up: None,
        };
        let starter = Starter { registry: Arc::clone(&reporter.registry), settings, clock, policy };
        let arbiters = Arbiters {
            store: Arbiter::new(),
            windows: Arbiter::new(),
            pipeline: Arbiter::new(),
            hub: Arbiter::new(),
            collectors: Arbiter::new(),
        };

        // The store first: every other actor sends to it. Its listeners are set once they exist.
        let listeners: Arc<OnceLock<Listeners>> = Arc::default();
        let log_listeners = LogListeners { templates: reporter.log_templates.clone(), ..LogListeners::default() };
        let lines = LogStoreActor::factory(starter.clock.clone(), writer.log_writer(), log_listeners.clone());
        let logs = starter.start_essential(&arbiters.store, "logs", lines);
        let span_listeners = SpanListeners::default();
        span_listeners.add(reporter.span_metrics.listener(starter.clock.clone()));
        let spans = SpanStoreActor::factory(starter.clock.clone(), writer.span_writer(), span_listeners.clone());
        let traces = starter.start_essential(&arbiters.store, "traces", spans);
        let store_actor = start_store(&starter, &arbiters.store, writer, &listeners);
        let log_templates = start_log_templates(&starter, &arbiters.pipeline, &reporter, &store_actor);
        let sessions = Agents::default();
        let agents = start_agents(&starter, &arbiters.pipeline, &reporter, &sessions, &store_actor);
        let followed = FollowedWindows::default();
        let hub = start_hub(&starter, &arbiters.hub, &reporter, (&followed, &sessions));
        let ack_key = AckKey::of(dir).context("random numbers")?;
        let links = (dir, &ack_key);
        let notifier = start_notifier(&starter, &arbiters.pipeline, &publishers, &reporter, &store_actor, links)?;
        let outputs = AlertOutputs {
            documents: store_actor.mailbox(),
            events: store_actor.mailbox(),
            append: store_actor.mailbox(),
            notifier: notifier.mailbox(),
            texts: notifier.mailbox(),
            hub: hub.mailbox(),
        };
        let alerts = start_alerts(&starter, &arbiters.pipeline, &publishers, &store, outputs);
        let experiments = start_experiments(&starter, &arbiters.pipeline, &publishers, &store, &store_actor);
        let optimizer = start_optimizer(&starter, &arbiters.pipeline, &publishers, (&store, &store_actor, &sessions), &experiments, &hub);
        let forecasts = start_forecasts(&starter, &arbiters.pipeline, &publishers, &store, &store_actor);
        let actions = start_actions(&starter, &arbiters.pipeline, &publishers, &reporter, &store_actor, &optimizer)?;
        let first_window = start_windows(&starter, &arbiters.windows, &reporter, &followed, &store_actor, &hub);
        // Set once, here; the store publishes nothing before.
        let _ = listeners.set(Listeners { batches: vec![first_window, alerts.mailbox(), hub.mailbox()], events: hub.mailbox() });
        let batcher = start_batcher(&starter, &arbiters.pipeline, &reporter, &store_actor);
        Ok(Self {
            reporter,
            publishers,
            ack_key,
            store: store_actor,
            logs,
            log_listeners,
            traces,
            span_listeners,
            log_templates,
            agents,
            sessions,
            hub,
            alerts,
            optimizer,
            experiments,
            forecasts,
            actions,
            notifier,
            batcher,
            arbiters,
            starter,
        })
    }

    /// Starts the collectors that the settings ask for.
    pub fn start_collectors(&self, webhooks: &SharedWebhooks, heartbeats: &Arc<Heartbeats>) {
        let outputs = Outputs {
            batcher: self.batcher.mailbox(),
            events: self.store.mailbox(),
            documents: self.store.mailbox(),
            sources: self.publishers.sources.clone(),
            stats: Arc::clone(&self.reporter.stats),
        };
        let context = collectors::Context {
            clock: self.starter.clock.clone(),
            reporter: Arc::clone(&self.reporter),
            publishers: self.publishers.clone(),
            outputs,
            append: self.store.mailbox(),
            webhooks: Arc::clone(webhooks),
            agents: self.sessions.clone(),
            heartbeats: Arc::clone(heartbeats),
        };
        collectors::start(&self.starter, &self.arbiters.collectors, &context);
    }

    /// The way to the store of log lines.
    pub fn log_door(&self) -> LogDoor {
        LogDoor::new(self.reporter.store.logs(), self.logs.mailbox(), self.log_listeners.clone())
    }

    /// The way to the store of spans.
    pub fn trace_door(&self) -> TraceDoor {
        TraceDoor::new(self.reporter.store.traces(), self.traces.mailbox(), self.span_listeners.clone())
    }

    /// The way to the sessions of coding agents.
    pub fn agent_door(&self) -> AgentDoor {
        AgentDoor::new(self.sessions.clone(), self.agents.mailbox())
    }

    /// Records an event about the service itself.
    pub fn record_event(&self, kind: &str, title: String) {
        let event = Event::new(self.starter.clock.now_ms(), "service", kind, self.reporter.version, title);
        if let Err(why) = self.store.mailbox::<RecordEvents>().try_send(RecordEvents(vec![event])) {
            log::warn!("the event is lost: the store: {why}");
        }
    }

    /// Records which settings changed since the last start, and keeps those of this one.
    pub fn record_settings(&self) {
        let now = InForce::new(self.starter.settings, &self.ack_key);
        let kept = self.reporter.store.documents(changes::KIND).unwrap_or_else(|error| {
            log::error!("the settings of the last start cannot be read: {error}");
            Vec::new()
        });
        let before = kept.iter().find(|(key, _)| key == changes::LAST_START);
        let before: Option<InForce> = before.and_then(|(_, bytes)| serde_json::from_slice(bytes).ok());
        if before.as_ref() == Some(&now) {
            return;
        }
        let keys = before.map(|before| now.changed_since(&before)).unwrap_or_default();
        if let Some(event) = changes::event(keys, self.reporter.version, self.starter.clock.now_ms()) {
            log::info!("{}", event.title);
            if let Err(why) = self.store.mailbox::<RecordEvents>().try_send(RecordEvents(vec![event])) {
                log::warn!("the event is lost: the store: {why}");
            }
        }
        let document = (changes::LAST_START.to_owned(), serde_json::to_vec(&now).ok());
        if let Err(why) = self.store.mailbox().try_send(ChangeDocuments { kind: changes::KIND, changes: vec![document] }) {
            log::warn!("the settings are not kept: the store: {why}");
        }
    }

    /// Stops the collectors and makes everything durable that was collected.
    pub async fn drain(&self) {
        self.arbiters.collectors.stop();
        bounded("batcher", self.batcher.mailbox::<Flush>().send(Flush)).await;
        self.record_event("stop", format!("taskpulse {} stopped", self.reporter.version));
        bounded("logs", self.logs.mailbox::<Finish>().send(Finish)).await;
        bounded("traces", self.traces.mailbox::<Finish>().send(Finish)).await;
        bounded("agents", self.agents.mailbox::<Finish>().send(Finish)).await;
        bounded("templates", self.log_templates.mailbox::<Finish>().send(Finish)).await;
        bounded("store", self.store.mailbox::<Finish>().send(Finish)).await;
    }

    /// Stops the threads of all actors.
    pub fn stop(self) {
        let Arbiters { store, windows, pipeline, hub, collectors: _ } = self.arbiters;
        for arbiter in [pipeline, windows, hub, store] {
            arbiter.stop();
        }
    }
}

/// Waits for one step of a stop, up to its limit.
pub async fn bounded<T>(what: &str, step: impl Future<Output = T>) {
    if actix_rt::time::timeout(STOP_STEP, step).await.is_err() {
        log::warn!("{what} did not stop within {} s", STOP_STEP.as_secs());
    }
}

fn reporter(settings: &Settings, store: &StoreReader, clock: &Clock) -> (Publishers, Arc<Reporter>) {
    let (publishers, views) = Publishers::new();
    let stats = Arc::<PipelineStats>::default();
    let reporter = Reporter {
        registry: Arc::default(),
        views,
        stats,
        login: settings.server.token.is_some(),
        store: store.clone(),
        log_templates: LogTemplates::default(),
        span_metrics: SharedSpanMetrics::default(),
        stuck_after: settings.supervision.stuck_after.duration(),
        seal_interval: settings.store.seal_interval.duration(),
        started_at: clock.now_ms(),
        version: env!("CARGO_PKG_VERSION"),
        addresses: OnceLock::new(),
        ready: AtomicBool::new(false),
        stopping: AtomicBool::new(false),
    };
    (publishers, Arc::new(reporter))
}

fn start_store(
    starter: &Starter<'_>,
    arbiter: &Arbiter,
    writer: StoreWriter,
    listeners: &Arc<OnceLock<Listeners>>,
) -> ActorHandle<StoreActor> {
    let settings = &starter.settings.store;
    let options = StoreActorOptions {
        compaction_share: settings.compaction_share,
        seal_interval: settings.seal_interval.duration(),
        max_head_samples: settings.max_head_samples,
    };
    let make = StoreActor::factory(starter.clock.clone(), writer, options, Arc::clone(listeners));
    starter.start_essential(arbiter, "store", make)
}

fn start_log_templates(
    starter: &Starter<'_>,
    arbiter: &Arbiter,
    reporter: &Arc<Reporter>,
    store_actor: &ActorHandle<StoreActor>,
) -> ActorHandle<LogTemplatesActor> {
    let (clock, store, templates) = (starter.clock.clone(), reporter.store.clone(), reporter.log_templates.clone());
    let (documents, events) = (store_actor.mailbox(), store_actor.mailbox());
    starter.start(arbiter, "log templates", move || {
        LogTemplatesActor::new(clock.clone(), store.clone(), templates.clone(), documents.clone(), events.clone())
    })
}

fn start_agents(
    starter: &Starter<'_>,
    arbiter: &Arbiter,
    reporter: &Arc<Reporter>,
    sessions: &Agents,
    store_actor: &ActorHandle<StoreActor>,
) -> ActorHandle<AgentsActor> {
    let reads = starter.settings.agents.read_repositories;
    let (clock, store, sessions) = (starter.clock.clone(), reporter.store.clone(), sessions.clone());
    let views = reporter.views.clone();
    let outputs = AgentOutputs { documents: store_actor.mailbox(), events: store_actor.mailbox(), append: store_actor.mailbox() };
    starter.start(arbiter, "agents", move || {
        AgentsActor::new(clock.clone(), store.clone(), sessions.clone(), views.clone(), outputs.clone()).reading_repositories(reads)
    })
}

fn start_hub(
    starter: &Starter<'_>,
    arbiter: &Arbiter,
    reporter: &Arc<Reporter>,
    (followed, sessions): (&FollowedWindows, &Agents),
) -> ActorHandle<HubActor> {
    let (clock, reporter, followed, sessions) = (starter.clock.clone(), Arc::clone(reporter), followed.clone(), sessions.clone());
    let slow_after = starter.settings.server.slow_client_timeout.duration();
    starter.start(arbiter, "hub", move || {
        let (store, views, stats) = (reporter.store.clone(), reporter.views.clone(), Arc::clone(&reporter.stats));
        let status = Arc::clone(&reporter);
        HubActor::new(clock.clone(), store, views, Arc::new(move || status.status()), stats, followed.clone(), slow_after)
            .with_agents(sessions.clone())
    })
}

fn start_notifier(
    starter: &Starter<'_>,
    arbiter: &Arbiter,
    publishers: &Publishers,
    reporter: &Arc<Reporter>,
    store_actor: &ActorHandle<StoreActor>,
    (dir, ack_key): (&Path, &AckKey),
) -> anyhow::Result<ActorHandle<NotifierActor>> {
    let (address, works) = (Arc::clone(reporter), Arc::clone(reporter));
    let listening = move || address.addresses.get().and_then(|all| all.first()).cloned().unwrap_or_default();
    let options: NotifierOptions = notify::options(starter.settings, dir, Arc::new(listening), ack_key)?;
    let outputs = NotifierOutputs {
        store: reporter.store.clone(),
        documents: store_actor.mailbox(),
        sources: publishers.sources.clone(),
        alerts: publishers.alerts.subscribe(),
        channels: publishers.channels.clone(),
        stats: Arc::clone(&reporter.stats),
        works: Arc::new(move || works.failing().is_empty()),
    };
    let clock = starter.clock.clone();
    Ok(starter.start(arbiter, "notifier", move || NotifierActor::new(clock.clone(), options.clone(), outputs.clone())))
}

/// Publishes the rules of the settings, those of rule files and those that were given: batcher and alert actor take them from there.
fn publish_rules(settings: &Settings, store: &StoreReader, publishers: &Publishers) -> anyhow::Result<()> {
    let book = with_given_rules(rule_book(settings)?, store);
    let rules = book.rules()?;
    publishers.rules.send_replace(Arc::new(RuleStates::new(Arc::new(book), rules)));
    Ok(())
}

fn start_alerts(
    starter: &Starter<'_>,
    arbiter: &Arbiter,
    publishers: &Publishers,
    store: &StoreReader,
    outputs: AlertOutputs,
) -> ActorHandle<AlertActor> {
    let (clock, store, publishers, limits) = (starter.clock.clone(), store.clone(), publishers.clone(), rule_limits(starter.settings));
    let why_down = reasons(publishers.targets.subscribe(), publishers.sources.subscribe(), scraped_by(starter.settings));
    // Before the first request: a firing alert must not look resolved while the actor starts.
    let rules = Arc::clone(&publishers.rules.borrow().set);
    publishers.alerts.send_replace(Arc::new(kept_alerts(&store, &rules, clock.now_ms())));
    let make = move || {
        let (alerts, rules) = (publishers.alerts.clone(), publishers.rules.clone());
        AlertActor::new(clock.clone(), store.clone(), alerts, rules, Arc::clone(&why_down), limits.clone(), outputs.clone())
    };
    starter.start(arbiter, "alerts", make)
}

fn start_optimizer(
    starter: &Starter<'_>,
    arbiter: &Arbiter,
    publishers: &Publishers,
    (store, store_actor, agents): (&StoreReader, &ActorHandle<StoreActor>, &Agents),
    experiments: &ActorHandle<ExperimentsActor>,
    hub: &ActorHandle<HubActor>,
) -> ActorHandle<OptimizerActor> {
    let settings = &starter.settings.optimizer;
    let every = settings.enabled.then(|| settings.interval.duration());
    let (clock, store, current) = (starter.clock.clone(), store.clone(), publishers.recommendations.clone());
    let outputs = OptimizerOutputs {
        documents: store_actor.mailbox(),
        events: store_actor.mailbox(),
        append: store_actor.mailbox(),
        hub: hub.mailbox(),
        undated: publishers.undated.clone(),
        capacity: publishers.capacity.clone(),
        budgets: publishers.budgets.clone(),
        money: Arc::new(money(starter.settings)),
        agents: agents.clone(),
        work: publishers.work.subscribe(),
        experiments: experiments.mailbox(),
        verdicts: publishers.verdicts.subscribe(),
        limits: rule_limits(starter.settings),
    };
    let make = move || OptimizerActor::new(clock.clone(), store.clone(), current.clone(), every, outputs.clone());
    starter.start(arbiter, "optimizer", make)
}

fn start_experiments(
    starter: &Starter<'_>,
    arbiter: &Arbiter,
    publishers: &Publishers,
    store: &StoreReader,
    store_actor: &ActorHandle<StoreActor>,
) -> ActorHandle<ExperimentsActor> {
    let (clock, store, current) = (starter.clock.clone(), store.clone(), publishers.experiments.clone());
    let limits = rule_limits(starter.settings);
    let outputs =
        ExperimentOutputs { documents: store_actor.mailbox(), events: store_actor.mailbox(), verdicts: publishers.verdicts.clone() };
    let make = move || ExperimentsActor::new(clock.clone(), store.clone(), current.clone(), limits.clone(), outputs.clone());
    starter.start(arbiter, "experiments", make)
}

fn start_forecasts(
    starter: &Starter<'_>,
    arbiter: &Arbiter,
    publishers: &Publishers,
    store: &StoreReader,
    store_actor: &ActorHandle<StoreActor>,
) -> ActorHandle<ForecastsActor> {
    let (clock, store, current) = (starter.clock.clone(), store.clone(), publishers.forecasts.clone());
    let (limits, documents) = (rule_limits(starter.settings), store_actor.mailbox());
    let make = move || ForecastsActor::new(clock.clone(), store.clone(), current.clone(), limits.clone(), documents.clone());
    starter.start(arbiter, "forecasts", make)
}

fn start_actions(
    starter: &Starter<'_>,
    arbiter: &Arbiter,
    publishers: &Publishers,
    reporter: &Arc<Reporter>,
    store_actor: &ActorHandle<StoreActor>,
    optimizer: &ActorHandle<OptimizerActor>,
) -> anyhow::Result<ActorHandle<ActionsActor>> {
    let (clock, reporter, current) = (starter.clock.clone(), Arc::clone(reporter), publishers.actions.clone());
    let (limits, options) = (rule_limits(starter.settings), actions::options(starter.settings)?);
    let outputs = ActionOutputs { documents: store_actor.mailbox(), events: store_actor.mailbox(), decide: optimizer.mailbox() };
    let make = move || {
        let published = (current.clone(), reporter.views.clone());
        ActionsActor::new(clock.clone(), reporter.store.clone(), published, limits.clone(), options.clone(), outputs.clone())
    };
    Ok(starter.start(arbiter, "actions", make))
}

/// Starts the aggregators from the longest to the shortest. Each publishes to the next longer one and to the hub.
fn start_windows(
    starter: &Starter<'_>,
    arbiter: &Arbiter,
    reporter: &Arc<Reporter>,
    followed: &FollowedWindows,
    store_actor: &ActorHandle<StoreActor>,
    hub: &ActorHandle<HubActor>,
) -> Mailbox<StoredBatch> {
    let idle_after = starter.settings.windows.idle_after.duration();
    let start_level = |level: Level, above: Option<Mailbox<Advanced>>| {
        let store = (level == Level::M1).then(|| store_actor.mailbox());
        let outputs = WindowOutputs { hub: hub.mailbox(), above, store };
        let (reporter, followed) = (Arc::clone(reporter), followed.clone());
        let make = move || {
            let (store, stats) = (reporter.store.clone(), Arc::clone(&reporter.stats));
            WindowAggregatorActor::new(level, store, stats, followed.clone(), idle_after, outputs.clone())
        };
        starter.start(arbiter, &format!("windows {}", level.name()), make)
    };
    let longer = Level::ALL[1..].iter().rev().fold(None, |above, level| Some(start_level(*level, above).mailbox::<Advanced>()));
    start_level(Level::M1, longer).mailbox()
}

fn start_batcher(
    starter: &Starter<'_>,
    arbiter: &Arbiter,
    reporter: &Arc<Reporter>,
    store_actor: &ActorHandle<StoreActor>,
) -> ActorHandle<BatcherActor> {
    let settings = &starter.settings.pipeline;
    let options =
        BatcherOptions { batch_size: settings.batch_size, flush_interval: settings.flush_interval.duration(), backlog: settings.backlog };
    let (views, stats, store) = (reporter.views.clone(), Arc::clone(&reporter.stats), store_actor.mailbox());
    let make = move || BatcherActor::new(options.clone(), store.clone(), views.clone(), Arc::clone(&stats));
    starter.start(arbiter, "batcher", make)
}
