//! Coding agents: their hooks and status lines, their sessions, and what they cost.
//!
//! A hook is answered at once, and never with an error of this service that the agent would show: what it says is passed on without waiting
//! for the disk. Figures that must be exact come by telemetry, which is answered when they are durable.

mod told;

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};
use taskpulse_actors::clock::now_ms;
use taskpulse_actors::view::{AgentCosts, AgentSession, AgentSessionDetails, AgentState, Agents};
use taskpulse_engine::agent::costs::{By, Sources, add_runs, costs};
use taskpulse_engine::agent::effort::LONGEST_PAUSE_MS;
use taskpulse_engine::agent::{self, MAX_SESSIONS, Signal, State, pages_between};
use taskpulse_engine::model::TimestampMs;

use crate::body::{self, BodyLimits};
use crate::envelope::{ApiError, blocking};
use crate::parameter::{self, Parameter};
use crate::params::Params;
use crate::route::{Body, Route, Shape};
use crate::server::AppState;

/// Sessions of an answer where a request says nothing.
const DEFAULT: i64 = 200;
/// The time of an answer about states where a request says nothing.
const DAY_MS: i64 = 86_400_000;
/// Longest body of a hook that is read: tools may be given whole files.
const MAX_HOOK: usize = 8 << 20;

pub(crate) fn routes() -> Vec<Route> {
    const AGENT: Parameter =
        Parameter::query("agent", "which agent: `claude-code` if left out, `codex`, `gemini-cli`, `opencode`", parameter::text);
    const HOST: Parameter = Parameter::query(
        "host",
        "the machine where it happened, as the agent's telemetry names it (`host.name`); two machines may have sessions of one id",
        parameter::text,
    );
    const OF_HOST: Parameter = Parameter::query("host", "of this machine; the one that was heard of last if left out", parameter::text);
    const OF_AGENT: Parameter = Parameter::query("agent", "sessions of this agent", parameter::text);
    const STATE: Parameter = Parameter::query("state", "sessions in this state", || json!({"enum": State::WORDS}));
    const LIMIT: Parameter = Parameter::query(
        "limit",
        "sessions at the most, those that were heard of last",
        || json!({"type": "integer", "minimum": 1, "maximum": MAX_SESSIONS, "default": DEFAULT}),
    );
    const NAME: Parameter = Parameter::path("agent", "the agent", text);
    const ID: Parameter = Parameter::path("id", "the session", text);
    const HOOK: Body = Body {
        content: &[("application/json", Shape::new(said))],
        required: true,
        about: "The JSON that the agent gives its hook or its status line",
        limits: BodyLimits { packed: Some(MAX_HOOK), unpacked: None, unknown_sender: false },
    };
    const DONE: Shape = Shape::new(|| json!({"type": "object"}));
    vec![
        Route::post("/hooks/agent", hook)
            .about("An event of an agent's hook; answered at once with what the agent is to know, `{}` for nothing")
            .parameters(&[AGENT, HOST])
            .body(HOOK)
            .answers(DONE),
        Route::post("/hooks/agent/status", status_line)
            .about("What Claude Code gives its status line: context, money, limits")
            .parameters(&[HOST])
            .body(HOOK)
            .answers(DONE),
        Route::get("/api/v1/agents", list)
            .about("Sessions of coding agents, those that were heard of last first")
            .parameters(&[OF_AGENT, STATE, LIMIT])
            .answers(Shape::data::<Agents>()),
        Route::get("/api/v1/agents/states", states)
            .about("What sessions of coding agents did when, the oldest first: the newest 5,000 states")
            .parameters(&[parameter::START, parameter::END])
            .answers(Shape::list::<AgentState>()),
        Route::get("/api/v1/agents/{agent}/{id}", one)
            .about("A session with its turns and its newest calls of tools")
            .parameters(&[NAME, ID, OF_HOST])
            .answers(Shape::data::<AgentSessionDetails>())
            .fails(&[404]),
    ]
}

/// The dimensions of rows of costs.
pub(crate) const BY: Parameter = Parameter::query(
    "by",
    "what coding agents cost, with their time, errors and lines, grouped by these, with commas between: agent, model, task, tag, week, day, branch, repository, session, commit",
    || {
        let names = By::ALL.map(By::name).join("|");
        json!({"type": "string", "pattern": format!("^({names})(,({names}))*$")})
    },
);

/// The JSON of a hook or a status line, as far as it is needed.
fn said() -> Value {
    json!({"type": "object", "properties": {"session_id": text()}, "required": ["session_id"]})
}

fn text() -> Value {
    json!({"type": "string", "minLength": 1})
}

async fn hook(req: HttpRequest, payload: web::Payload, state: web::Data<AppState>, params: Params) -> Result<HttpResponse, ApiError> {
    let body = body::read(&req, payload).await?;
    let header = req.headers().get("x-agent").and_then(|value| value.to_str().ok());
    let agent = params.get("agent").or(header).unwrap_or("");
    let hook = agent::hook(agent, &body, now_ms()).map_err(|error| ApiError::bad_data(error.to_string()))?;
    let hook = hook.on_machine(params.get("host").unwrap_or(""));
    let answer = if state.tells_agents { told::of(&state, &hook) } else { None };
    pass_on(&state, from_where(&req, hook.signals));
    Ok(HttpResponse::Ok().json(answer.unwrap_or_else(|| json!({}))))
}

async fn status_line(
    req: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
    params: Params,
) -> Result<HttpResponse, ApiError> {
    let body = body::read(&req, payload).await?;
    let mut signals = agent::status_line(&body, now_ms()).map_err(|error| ApiError::bad_data(error.to_string()))?;
    agent::on_machine(&mut signals, params.get("host").unwrap_or(""));
    pass_on(&state, from_where(&req, signals));
    Ok(HttpResponse::Ok().json(json!({})))
}

/// Signals, with whether another machine sent them: its folders are not those of this one.
fn from_where(req: &HttpRequest, mut signals: Vec<Signal>) -> Vec<Signal> {
    let is_elsewhere = req.peer_addr().is_some_and(|peer| !peer.ip().to_canonical().is_loopback());
    signals.iter_mut().for_each(|signal| signal.about.is_elsewhere |= is_elsewhere);
    signals
}

fn pass_on(state: &AppState, signals: Vec<Signal>) {
    if !state.agents.pass_on(signals) {
        log::debug!("agents: too busy for a hook");
    }
}

async fn list(state: web::Data<AppState>, params: Params) -> Result<HttpResponse, ApiError> {
    let limit = params.number_within("limit", DEFAULT, 1..=MAX_SESSIONS as i64)? as usize;
    let (agent, wanted) = (params.get("agent"), params.get("state"));
    if let Some(word) = wanted.filter(|word| !State::WORDS.contains(word)) {
        let words = State::WORDS.join(", ");
        return Err(ApiError::bad_data(format!("parameter `state`: `{word}` is no state; take one of {words}")));
    }
    let (now, work, commits) = (now_ms(), state.reporter.views.work(), state.reporter.views.commits());
    let answer = state.agents.read(|book| {
        let fits = |session: &&agent::Session| {
            agent.is_none_or(|agent| session.key.agent == agent) && wanted.is_none_or(|word| session.state(now).0.word() == word)
        };
        let mut found: Vec<&agent::Session> = book.sessions().filter(fits).collect();
        found.sort_by_key(|session| std::cmp::Reverse(session.last_seen));
        found.truncate(limit);
        let sessions = found.into_iter().map(|session| AgentSession::of(book, session, &work, &commits, now)).collect();
        Agents { sessions, missing: book.is_empty().then(|| missing(&state)) }
    });
    state.answers.success(&answer)
}

fn missing(state: &AppState) -> String {
    let address = state.reporter.addresses.get().and_then(|all| all.first()).map_or("", String::as_str);
    format!(
        "No coding agent was seen yet. `taskpulse connect claude --write` sets Claude Code up to send what it does to {address}; \
         `codex`, `gemini` and `opencode` likewise. See docs/AGENTS.md"
    )
}

async fn one(state: web::Data<AppState>, path: web::Path<(String, String)>, params: Params) -> Result<HttpResponse, ApiError> {
    let (agent, id) = path.into_inner();
    let host = params.get("host").unwrap_or("");
    let (now, work, commits) = (now_ms(), state.reporter.views.work(), state.reporter.views.commits());
    let found = state.agents.read(|book| {
        let newest = if host.is_empty() { book.newest(&agent, &id) } else { book.named(&agent, &id).find(|one| one.host() == host) }?;
        let view = AgentSession::of(book, newest, &work, &commits, now);
        Some((newest.key.clone(), newest.first_seen, newest.last_seen, view, AgentState::of(newest, now)))
    });
    let Some((key, first, last, view, states)) = found else {
        return Err(ApiError::not_found(format!("no session {id} of {agent} is known; see /api/v1/agents")));
    };
    let store = state.store.clone();
    let pages = blocking(move || Ok(pages_between(&store, first, last.max(now))?)).await?;
    let pages: Vec<_> = pages.into_iter().filter(|page| page.session.as_ref() == Some(&key)).collect();
    state.answers.success(&AgentSessionDetails::of(view, &pages, states))
}

async fn states(state: web::Data<AppState>, params: Params) -> Result<HttpResponse, ApiError> {
    let now = now_ms();
    let end = params.time("end")?.unwrap_or(now);
    let range = params.range(end.saturating_sub(DAY_MS), end)?;
    state.answers.success(&state.agents.read(|book| AgentState::between(book, range, now)))
}

/// What agents cost in a range of time.
pub(crate) async fn costs_of(
    state: &web::Data<AppState>,
    by: Vec<By>,
    start: TimestampMs,
    end: TimestampMs,
) -> Result<AgentCosts, ApiError> {
    let (work, commits) = (state.reporter.views.work(), state.reporter.views.commits());
    let (store, state) = (state.store.clone(), state.clone());
    blocking(move || {
        let pages = pages_between(&store, start.saturating_sub(LONGEST_PAUSE_MS), end.saturating_add(LONGEST_PAUSE_MS))?;
        let now = now_ms();
        let rows = state.agents.read(|book| {
            let sources = Sources { pages: &pages, book, work: &work, now };
            let mut rows = costs(&by, (start, end), sources);
            add_runs(&by, (start, end), sources, &commits, &mut rows);
            rows
        });
        Ok(AgentCosts::of(&by, rows))
    })
    .await
}

/// The dimensions that a request asks for.
pub(crate) fn asked(text: &str) -> Result<Vec<By>, ApiError> {
    let mut by = Vec::new();
    for name in text.split(',').map(str::trim) {
        let one = By::named(name).ok_or_else(|| {
            let names = By::ALL.map(By::name).join(", ");
            ApiError::bad_data(format!("parameter `by`: `{name}` is not known; take some of {names}"))
        })?;
        if !by.contains(&one) {
            by.push(one);
        }
    }
    Ok(by)
}
