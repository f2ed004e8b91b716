//! The WebSocket session: one actor a connection, between a client and the hub.
//!
//! Beside the live tail of log lines (`loki/tail.rs`) the only file that knows `actix-web-actors`. A client that takes nothing stops this
//! actor's stream from being polled, its mailbox fills, and the hub sees it; nothing queues without bound. What the hub has to say of such
//! a client (`DropSlow`) closes the connection with 1013, or, where not even that can be written, cuts the socket.

mod request;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, Handler, Message, Recipient, StreamHandler, WrapFuture};
use actix_web::{HttpRequest, HttpResponse, web};
use actix_web_actors::ws::{self, CloseCode, CloseReason, WebsocketContext};
use parking_lot::Mutex;
use serde_json::Value;
use taskpulse_actors::hub::{DropSlow, Filter, FrameKind, Push, SessionId, Subscribe, SubscribeError, Unsubscribe};
use taskpulse_actors::standstill;
use taskpulse_actors::view::{self, Frame, seconds};
use taskpulse_engine::model::{self, Budget, Selector};
use taskpulse_engine::promql::EvalError;

use self::request::{Reply, Request, RequestError, parse_topic};
use crate::access::Login;
use crate::connection::Link;
use crate::envelope::ApiError;
use crate::route::Route;
use crate::server::AppState;

/// Longest frame of a client, bytes.
const MAX_FRAME_BYTES: usize = 65_536;
/// Subscriptions of one session.
const MAX_SUBSCRIPTIONS: usize = 64;
/// Selectors of all subscriptions of one session.
const MAX_SESSION_SELECTORS: usize = 256;
/// How long a filter may take to be worked out.
const FILTER_TIME: Duration = Duration::from_secs(10);
/// Frames that may wait for a client; beyond, it gets the newest state instead.
const MAILBOX: usize = 128;
const PING_EVERY: Duration = Duration::from_secs(15);
const SILENT_FOR: Duration = Duration::from_secs(45);
/// How long a slow client has to take its close frame before the socket is cut.
const CLOSE_GRACE: Duration = Duration::from_secs(2);
/// How often the login of a session is checked.
const LOGIN_CHECK_EVERY: Duration = Duration::from_secs(1);
/// The code with which a session ends whose login has ended; of those that are free for applications.
const LOGIN_ENDED: CloseCode = CloseCode::Other(4401);

/// Closes a session.
#[derive(Message, Clone, Copy)]
#[rtype(result = "()")]
struct GoAway;

/// All sessions of the service.
#[derive(Default)]
pub struct Sessions {
    open: Mutex<BTreeMap<SessionId, Recipient<GoAway>>>,
    next: AtomicU64,
}

impl Sessions {
    /// Closes all with 1001.
    pub fn close_all(&self) {
        for session in self.open.lock().values() {
            let _ = session.try_send(GoAway);
        }
    }

    fn count(&self) -> usize {
        self.open.lock().len()
    }
}

struct SessionActor {
    number: SessionId,
    state: web::Data<AppState>,
    sessions: Arc<Sessions>,
    link: Option<Arc<Link>>,
    /// By which it was opened; none for a client that showed the token itself.
    login: Option<Login>,
    too_slow: Arc<AtomicBool>,
    heard: Instant,
    /// The subscriptions that live, by the client's number, and what each takes.
    subscriptions: BTreeMap<u64, Cost>,
}

/// What a subscription takes of what a session may have.
#[derive(Clone, Copy, Default)]
struct Cost {
    selectors: usize,
    /// Of patterns, compiled.
    bytes: usize,
    patterns: usize,
}

/// Compiles a filter. What it costs comes with it.
async fn filter(state: &AppState, patterns: Vec<String>, left: (usize, usize)) -> Result<(Filter, Cost), RequestError> {
    if patterns.is_empty() {
        return Ok((Filter::default(), Cost::default()));
    }
    let deadline = Instant::now() + FILTER_TIME;
    let busy = || RequestError::FiltersBusy;
    // Names and prefixes take no time; regular expressions are compiled one filter after the other.
    let _place = if patterns.iter().any(|pattern| pattern.contains('~')) {
        Some(actix_web::rt::time::timeout(FILTER_TIME, state.filter_places.acquire()).await.map_err(|_| busy())?.map_err(|_| busy())?)
    } else {
        None
    };
    let store = state.store.clone();
    let work = move || {
        let go_on = || if Instant::now() < deadline { Ok(()) } else { Err(EvalError::Deadline) };
        let mut budget = Budget::of(left.0, left.1);
        let parse = |pattern: &String| {
            go_on()?;
            Ok(Selector::parse_pattern_within(pattern, &mut budget)?)
        };
        let selectors = patterns.iter().map(parse).collect::<Result<Vec<_>, RequestError>>()?;
        let (bytes, of_patterns) = budget.left();
        let cost = Cost { selectors: selectors.len(), bytes: left.0 - bytes, patterns: left.1 - of_patterns };
        Ok((Filter::new(&store, selectors, &go_on)?, cost))
    };
    web::block(work).await?
}

pub(crate) fn routes() -> Vec<Route> {
    vec![Route::socket("/ws", open)]
}

/// Opens a session.
pub(crate) async fn open(req: HttpRequest, stream: web::Payload, state: web::Data<AppState>) -> Result<HttpResponse, actix_web::Error> {
    if state.sessions.count() >= state.max_sessions {
        return Err(ApiError::unavailable(format!(
            "{} sessions are open, as many as server.max_sessions and the limit of open files allow",
            state.max_sessions
        ))
        .into());
    }
    let session = SessionActor {
        number: state.sessions.next.fetch_add(1, Ordering::Relaxed),
        sessions: Arc::clone(&state.sessions),
        link: req.conn_data::<Arc<Link>>().cloned(),
        login: state.access.login_of(&req),
        too_slow: Arc::default(),
        heard: Instant::now(),
        subscriptions: BTreeMap::new(),
        state,
    };
    if let Some(link) = &session.link {
        link.read_on();
    }
    ws::WsResponseBuilder::new(session, &req, stream).frame_size(MAX_FRAME_BYTES).start()
}

impl SessionActor {
    fn reply(ctx: &mut WebsocketContext<Self>, reply: &Reply) {
        match serde_json::to_string(reply) {
            Ok(text) => ctx.text(text),
            Err(error) => log::error!("session: a reply cannot be written: {error}"),
        }
    }

    fn refuse(ctx: &mut WebsocketContext<Self>, id: Option<u64>, error: &RequestError) {
        Self::reply(ctx, &Reply::Error { id, error: error.to_string() });
    }

    fn close(ctx: &mut WebsocketContext<Self>, code: CloseCode, why: &str) {
        ctx.close(Some(CloseReason { code, description: Some(why.to_owned()) }));
        ctx.stop();
    }

    fn handle_text(&mut self, text: &str, ctx: &mut WebsocketContext<Self>) {
        match serde_json::from_str::<Request>(text) {
            Ok(Request::Ping) => Self::reply(ctx, &Reply::Pong),
            Ok(Request::Unsubscribe { id }) => {
                // One that is not there, or was refused, is over already, and gives no place back.
                let lives = self.subscriptions.contains_key(&id);
                if lives && self.state.unsubscribe.try_send(Unsubscribe { session: self.number, id: Some(id) }).is_err() {
                    return Self::refuse(ctx, Some(id), &RequestError::HubBusy);
                }
                self.subscriptions.remove(&id);
                Self::reply(ctx, &Reply::Unsubscribed { id });
            }
            Ok(Request::Subscribe { id, topic, patterns, window }) => {
                if let Err(why) = self.subscribe(id, &topic, patterns, window.as_deref(), ctx) {
                    Self::refuse(ctx, Some(id), &why);
                }
            }
            Err(error) => {
                let id = serde_json::from_str::<Value>(text).ok().and_then(|v| v.get("id").and_then(Value::as_u64));
                Self::refuse(ctx, id, &RequestError::NotUnderstood(error));
            }
        }
    }

    fn subscribe(
        &mut self,
        id: u64,
        topic: &str,
        patterns: Vec<String>,
        window: Option<&str>,
        ctx: &mut WebsocketContext<Self>,
    ) -> Result<(), RequestError> {
        let topic = parse_topic(topic, &patterns, window)?;
        let left = self.check_limits(id, &patterns)?;
        let (state, session, to, drop_slow) = (self.state.clone(), self.number, ctx.address().recipient(), self.drop_slow());
        let asking = async move {
            let (filter, cost) = filter(&state, patterns.clone(), left).await?;
            state.subscribe.send(Subscribe { session, id, topic, patterns, filter, to, drop_slow }).await??;
            Ok(cost)
        };
        let done = asking.into_actor(self).map(move |answer: Result<Cost, RequestError>, this, ctx| match answer {
            Ok(cost) => {
                this.subscriptions.insert(id, cost);
            }
            Err(why) => Self::refuse(ctx, Some(id), &why),
        });
        // One after the other, so that what a client unsubscribes next is there.
        ctx.wait(done);
        Ok(())
    }

    /// Bytes and number of compiled patterns that a further subscription may take.
    fn check_limits(&self, id: u64, patterns: &[String]) -> Result<(usize, usize), RequestError> {
        if self.subscriptions.contains_key(&id) {
            return Err(SubscribeError::IdInUse(id).into());
        }
        if self.subscriptions.len() >= MAX_SUBSCRIPTIONS {
            return Err(RequestError::TooManySubscriptions);
        }
        let used = |of: fn(&Cost) -> usize| self.subscriptions.values().map(of).sum::<usize>();
        let selectors = used(|cost| cost.selectors) + patterns.len();
        if selectors > MAX_SESSION_SELECTORS {
            return Err(RequestError::TooManySelectors(selectors));
        }
        Ok((
            model::REQUEST_BYTES.saturating_sub(used(|cost| cost.bytes)),
            model::REQUEST_PATTERNS.saturating_sub(used(|cost| cost.patterns)),
        ))
    }

    fn drop_slow(&self) -> DropSlow {
        let (flag, link) = (Arc::clone(&self.too_slow), self.link.clone());
        DropSlow(Arc::new(move || {
            flag.store(true, Ordering::Relaxed);
            if let Some(link) = link.clone() {
                actix::spawn(async move {
                    actix_web::rt::time::sleep(CLOSE_GRACE).await;
                    link.cut();
                });
            }
        }))
    }
}

impl Actor for SessionActor {
    type Context = WebsocketContext<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        self.sessions.open.lock().insert(self.number, ctx.address().recipient());
        self.state.reporter.stats.sessions.store(self.sessions.count(), Ordering::Relaxed);
        ctx.run_interval(PING_EVERY, |this, ctx| {
            // While the service stood still nobody could be heard.
            if this.heard.elapsed().min(standstill::awake_for()) > SILENT_FOR {
                ctx.stop();
            } else {
                ctx.ping(b"");
            }
        });
        if self.login.is_some() {
            ctx.run_interval(LOGIN_CHECK_EVERY, |this, ctx| {
                if this.login.as_ref().is_some_and(|login| !this.state.access.lives(login)) {
                    Self::close(ctx, LOGIN_ENDED, "the login has ended; log in again");
                }
            });
        }
    }

    fn stopped(&mut self, _: &mut Self::Context) {
        self.sessions.open.lock().remove(&self.number);
        self.state.reporter.stats.sessions.store(self.sessions.count(), Ordering::Relaxed);
        // A full mailbox: the hub finds the address closed with the next update.
        let _ = self.state.unsubscribe.try_send(Unsubscribe { session: self.number, id: None });
    }
}

impl Handler<Push> for SessionActor {
    type Result = ();

    fn handle(&mut self, push: Push, ctx: &mut Self::Context) {
        if self.too_slow.load(Ordering::Relaxed) {
            return Self::close(ctx, CloseCode::Again, "too slow: updates were not taken in time");
        }
        let kind = match push.kind {
            FrameKind::Snapshot => view::FrameKind::Snapshot,
            FrameKind::Update => view::FrameKind::Update,
            FrameKind::Reset => return Self::close(ctx, CloseCode::Restart, "the hub started over; connect again"),
        };
        ctx.text(Frame { id: push.id, kind, seq: push.seq, time: seconds(push.time), data: &push.data }.to_json());
    }
}

impl Handler<GoAway> for SessionActor {
    type Result = ();

    fn handle(&mut self, _: GoAway, ctx: &mut Self::Context) {
        Self::close(ctx, CloseCode::Away, "the service is stopping");
    }
}

impl StreamHandler<Result<ws::Message, ws::ProtocolError>> for SessionActor {
    fn handle(&mut self, message: Result<ws::Message, ws::ProtocolError>, ctx: &mut Self::Context) {
        self.heard = Instant::now();
        match message {
            Ok(ws::Message::Text(text)) => self.handle_text(&text, ctx),
            Ok(ws::Message::Ping(bytes)) => ctx.pong(&bytes),
            Ok(ws::Message::Pong(_) | ws::Message::Nop) => {}
            Ok(ws::Message::Close(reason)) => {
                ctx.close(reason);
                ctx.stop();
            }
            Ok(ws::Message::Binary(_)) => Self::refuse(ctx, None, &RequestError::Binary),
            Ok(ws::Message::Continuation(_)) => Self::refuse(ctx, None, &RequestError::Fragmented),
            Err(ws::ProtocolError::Overflow) => {
                Self::close(ctx, CloseCode::Size, &format!("a frame has at most {MAX_FRAME_BYTES} bytes"));
            }
            Err(error) => Self::close(ctx, CloseCode::Protocol, &error.to_string()),
        }
    }
}
