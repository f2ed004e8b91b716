//! The server: sockets, routes, limits.

use std::future::ready;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_http::HttpService;
use actix_http::error::DispatchError;
use actix_service::{ServiceFactoryExt, fn_factory, map_config};
use actix_web::dev::{AppConfig, Server, ServiceFactory, ServiceRequest, ServiceResponse, fn_service};
use actix_web::middleware::{Compress, NormalizePath, from_fn};
use actix_web::rt::net::TcpStream;
use actix_web::{App, web};
use futures_util::FutureExt;
use taskpulse_actors::agents::AgentDoor;
use taskpulse_actors::ask::Translator;
use taskpulse_actors::collectors::github::state::SharedWebhooks;
use taskpulse_actors::collectors::heartbeat::Heartbeats;
use taskpulse_actors::hub::{Subscribe, Unsubscribe};
use taskpulse_actors::logs::LogDoor;
use taskpulse_actors::messages::{
    Acknowledge, Append, AppendResolved, ChangeAction, ChangeExperiment, ChangeMaintenance, ChangeRule, ChangeSilence, Decide,
    KeepForecasts, ReadNotices, TakeSnapshot, TestChannel,
};
use taskpulse_actors::metadata::MetadataRegistry;
use taskpulse_actors::sources::SourceRegistry;
use taskpulse_actors::status::Reporter;
use taskpulse_actors::supervisor::Mailbox;
use taskpulse_actors::traces::TraceDoor;
use taskpulse_engine::money::Money;
use taskpulse_engine::privacy::Kept;
use taskpulse_engine::rules::EvaluationLimits;
use taskpulse_engine::store::StoreReader;
use tokio::sync::{OnceCell, Semaphore};

use crate::access::Access;
use crate::answers::Answers;
use crate::body::Bodies;
use crate::connection::{Connection, Connections, Tracked};
use crate::export::{EXPORT_TURNS, MAX_EXPORTS};
use crate::guard::guard;
use crate::mcp::Mcp;
use crate::noise::LastReport;
use crate::session::Sessions;
use crate::{otlp, routes, upgrade};

/// Connections at the most beside those of sessions, each a small cost.
pub const MAX_CONNECTIONS: usize = 1_048;
/// Connections beyond the limit, for a moment.
const SPARE_CONNECTIONS: usize = 16;
/// How long a connection stays open with nothing to do.
const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// How long a connection that is to be closed waits for its client to do so.
const LINGER: Duration = Duration::from_secs(1);
/// Time for a client to send its request's head.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Requests with samples that may wait for the store at the same time.
pub const INGEST_PLACES: usize = 64;

/// How queries are worked out.
#[derive(Debug, Clone, Copy)]
pub struct QueryOptions {
    /// How old a sample may be to count at an instant, ms.
    pub lookback_ms: i64,
    /// Longest time of one.
    pub timeout: Duration,
    /// Samples that one may read.
    pub max_samples: usize,
    /// Memory that one may take while it is worked out, in bytes.
    pub max_bytes: usize,
    /// Metric names that functions take away go at the end only.
    pub delayed_names: bool,
}

/// What requests are answered from.
pub struct AppState {
    /// Status, health, metrics, views.
    pub reporter: Arc<Reporter>,
    /// Where the source of OpenTelemetry metrics is reported.
    pub sources: SourceRegistry,
    /// Where metadata of metrics is recorded.
    pub metadata: MetadataRegistry,
    /// The store, for reading.
    pub store: StoreReader,
    /// Changes rules.
    pub change_rule: Mailbox<ChangeRule>,
    /// What a preview of a rule may cost.
    pub rule_limits: EvaluationLimits,
    /// Shortest time between two notices of a rule, ms, where no channel says otherwise.
    pub notice_interval: i64,
    /// The noise report that was made last.
    pub noise: LastReport,
    /// What the settings say of money, and of the metrics of coding agents.
    pub money: Arc<Money>,
    /// Whether advice is given.
    pub advises: bool,
    /// The model that may translate questions.
    pub translator: Option<Translator>,
    /// Who may use it.
    pub access: Access,
    /// Jobs whose calls are expected.
    pub heartbeats: Arc<Heartbeats>,
    /// The way of webhook deliveries to the collector.
    pub hooks: SharedWebhooks,
    /// The sessions.
    pub sessions: Arc<Sessions>,
    /// Sessions at the most.
    pub max_sessions: usize,
    /// To the store.
    pub append: Mailbox<Append>,
    /// Takes samples whose series are known.
    pub append_resolved: Mailbox<AppendResolved>,
    /// The store of log lines: reads it, and has lines kept.
    pub logs: LogDoor,
    /// The store of spans: reads it, and has spans kept.
    pub traces: TraceDoor,
    /// Sessions of coding agents: reads them, and has what they say kept.
    pub agents: AgentDoor,
    /// Whether hooks are answered with what went wrong.
    pub tells_agents: bool,
    /// Makes copies of the data directory.
    pub snapshot: Mailbox<TakeSnapshot>,
    /// What is remembered of those who send OpenTelemetry metrics.
    pub otlp: otlp::Otlp,
    /// What is kept of what coding agents send.
    pub kept: Kept,
    /// How many requests may wait for the store; further ones are refused with `Retry-After`.
    pub ingest_places: Semaphore,
    /// Queries that may be worked out at the same time; others wait.
    pub query_places: Semaphore,
    /// How queries are worked out.
    pub queries: QueryOptions,
    /// Answers that wait for their clients.
    pub answers: Answers,
    /// Requests about selectors, as `/series` and `/labels`, that may be worked out at the same time.
    pub selector_places: Semaphore,
    /// Filters of sessions that may be compiled at the same time.
    pub filter_places: Semaphore,
    /// To the hub.
    pub subscribe: Mailbox<Subscribe>,
    /// To the hub.
    pub unsubscribe: Mailbox<Unsubscribe>,
    /// The server of the Model Context Protocol.
    pub mcp: Mcp,
    /// To the alert actor.
    pub acknowledge: Mailbox<Acknowledge>,
    /// To the optimizer.
    pub decide: Mailbox<Decide>,
    /// To the actions actor.
    pub change_action: Mailbox<ChangeAction>,
    /// To the experiments actor.
    pub change_experiment: Mailbox<ChangeExperiment>,
    /// To the forecasts actor.
    pub keep_forecasts: Mailbox<KeepForecasts>,
    /// To the notifier.
    pub test_channel: Mailbox<TestChannel>,
    /// To the notifier.
    pub read_notices: Mailbox<ReadNotices>,
    /// To the notifier.
    pub change_silence: Mailbox<ChangeSilence>,
    /// To the notifier.
    pub change_maintenance: Mailbox<ChangeMaintenance>,
}

/// What clients share: memory for bodies, exports.
pub(crate) struct Resources {
    pub(crate) bodies: Bodies,
    /// Exports that may run at the same time.
    pub(crate) exports: Arc<Semaphore>,
    /// Exports that may read at the same time.
    pub(crate) export_turns: Semaphore,
}

/// Where and how to listen.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// The address.
    pub listen: IpAddr,
    /// The port; 0 for any free one.
    pub port: u16,
    /// Further ports with the same routes.
    pub more_ports: Vec<u16>,
    /// Ports where `/` is the WebSocket too.
    pub socket_ports: Vec<u16>,
    /// Largest body of a request, bytes.
    pub max_body_bytes: usize,
    /// Threads that serve.
    pub workers: usize,
    /// A client that keeps the service waiting for so long is cut off.
    pub patience: Duration,
    /// Connections at the most.
    pub max_connections: usize,
}

/// A server that listens; it runs while [`Served::server`] is awaited.
pub struct Served {
    /// To be awaited.
    pub server: Server,
    /// Where it listens, the main one first.
    pub addresses: Vec<SocketAddr>,
}

/// Binds all ports, then gives the server.
///
/// # Errors
/// A message that names the address that cannot be had and why.
pub fn serve(mut state: AppState, options: &ServerOptions) -> io::Result<Served> {
    // Sessions stay; there must be connections for others.
    state.max_sessions = state.max_sessions.min(options.max_connections / 4 * 3);
    let state = web::Data::new(state);
    let mut listeners = Vec::new();
    for port in std::iter::once(options.port).chain(options.more_ports.iter().copied()) {
        listeners.push(bind(SocketAddr::new(options.listen, port))?);
    }
    let addresses = listeners.iter().map(TcpListener::local_addr).collect::<io::Result<Vec<_>>>()?;
    let resources = web::Data::new(Resources {
        bodies: Bodies::new(options.max_body_bytes, options.patience),
        exports: Arc::new(Semaphore::new(MAX_EXPORTS)),
        export_turns: Semaphore::new(EXPORT_TURNS),
    });
    let max_connections = options.max_connections;
    let connections = Arc::new(Connections::new(max_connections, options.patience));
    let mut server = Server::build()
        .workers(options.workers)
        // Those beyond the limit are taken in for a moment: to make room, or to be refused with an answer.
        .max_concurrent_connections((max_connections + SPARE_CONNECTIONS).div_ceil(options.workers))
        .shutdown_timeout(5)
        .disable_signals();
    let stopping = server.graceful_shutdown_signal();
    for listener in listeners {
        let (state, resources, connections) = (state.clone(), resources.clone(), Arc::clone(&connections));
        let (socket_ports, stopping) = (options.socket_ports.clone(), stopping.clone());
        let address = listener.local_addr()?;
        server = server.listen(format!("http {address}"), listener, move || {
            let (connections, stopping) = (Arc::clone(&connections), stopping.clone());
            let app = map_config(app(state.clone(), resources.clone(), socket_ports.clone()), |_| AppConfig::default());
            // One application a thread, for requests and for those that become WebSockets.
            let app = Rc::new((app, OnceCell::new()));
            let shared_app = move || {
                let app = Rc::clone(&app);
                async move { app.1.get_or_try_init(|| async { app.0.new_service(()).await.map(Rc::new) }).await.map(Rc::clone) }
            };
            let for_sockets = shared_app.clone();
            let sockets = move || {
                let app = for_sockets.clone();
                async move {
                    let app = app().await?;
                    Ok::<_, ()>(fn_service(move |(request, framed)| upgrade::serve(Rc::clone(&app), request, framed, LINGER).boxed_local()))
                }
            };
            let http = HttpService::build()
                .graceful_shutdown_signal(move || {
                    let stopping = stopping.clone();
                    async move { stopping.notified().await }
                })
                .keep_alive(KEEP_ALIVE)
                .client_request_timeout(REQUEST_TIMEOUT)
                .client_disconnect_timeout(LINGER)
                // A client that hangs up is gone: what it asked for is not worked out to its end.
                .h1_allow_half_closed(false)
                .local_addr(address)
                .on_connect_ext(|connection: &Connection, data| {
                    data.insert(connection.link());
                })
                .upgrade(fn_factory(sockets))
                .h1(fn_factory(shared_app));
            fn_service(move |socket: TcpStream| {
                let connection = connections.admit(socket).map(|connection| {
                    let peer = connection.peer();
                    (connection, peer)
                });
                ready(connection.ok_or(DispatchError::DisconnectTimeout))
            })
            .and_then(http)
        })?;
    }
    Ok(Served { server: server.run(), addresses })
}

fn app(
    state: web::Data<AppState>,
    resources: web::Data<Resources>,
    socket_ports: Vec<u16>,
) -> App<impl ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse<Tracked>, Error = actix_web::Error, InitError = ()>> {
    App::new()
        .app_data(state)
        .app_data(resources)
        .wrap(Compress::default())
        .wrap(from_fn(guard))
        // Before the guard, which goes by paths: a slash more or less changes nothing.
        .wrap(NormalizePath::trim())
        .configure(move |config| routes::register(config, &socket_ports))
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).map_err(|error| {
        let right = match error.kind() {
            io::ErrorKind::AddrInUse => "; another program has it: stop that one, or choose another with --port",
            io::ErrorKind::PermissionDenied => "; ports below 1024 need rights: choose another with --port",
            io::ErrorKind::AddrNotAvailable => "; the machine has no such address: see server.listen",
            _ => "",
        };
        io::Error::new(error.kind(), format!("cannot listen on {address}: {error}{right}"))
    })
}
