//! Coding agents: sessions, their figures, and what they cost.

use std::collections::BTreeMap;

use serde::Serialize;
use taskpulse_engine::agent::costs::{By, How, Row, Rows, Work, tasks_of};
use taskpulse_engine::agent::{Book, Figures, Item, Kind, Outcome, Page, Session, Sum, TaskRef};
use taskpulse_engine::ci::commits::KnownCommits;
use taskpulse_engine::model::TimestampMs;
use utoipa::ToSchema;

use super::agent_commit::{AgentCommit, commits};
use super::{AgentState, seconds};

/// Calls and turns of an answer about a session.
const MAX_CALLS: usize = 200;

fn usd(micros: u64) -> f64 {
    micros as f64 / 1e6
}

/// `/api/v1/agents`
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Agents {
    /// Sessions, those that were heard of last first.
    pub sessions: Vec<AgentSession>,
    /// Why there are none, and how to connect an agent; `null` where there are some.
    #[schema(required = true)]
    pub missing: Option<String>,
}

/// Tokens by kind, as the client counts them. Codex and Gemini count cached ones within `input` too. What nobody said is absent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, ToSchema)]
pub struct AgentTokens {
    /// Sent to the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub input: Option<u64>,
    /// Answered by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub output: Option<u64>,
    /// Read from the cache of prompts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub cache_read: Option<u64>,
    /// Written to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub cache_creation: Option<u64>,
    /// Thought, where that is counted apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reasoning: Option<u64>,
}

impl From<Figures> for AgentTokens {
    fn from(figures: Figures) -> Self {
        Self {
            input: figures.input.known(),
            output: figures.output.known(),
            cache_read: figures.cache_read.known(),
            cache_creation: figures.cache_creation.known(),
            reasoning: figures.reasoning.known(),
        }
    }
}

/// The task of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AgentTask {
    /// The project; empty where the client did not say it and no board knows the task.
    pub project: String,
    /// Its tag; empty where it is not known.
    pub tag: String,
    /// Its id.
    #[schema(example = "7")]
    pub id: String,
    /// `exact`: the agent said it. `by_folder_and_time`: the session works in the folder of a board on which it is the only task in progress.
    /// `shared`: one of several in progress.
    #[schema(pattern = "^(exact|by_folder_and_time|shared)$", example = "exact")]
    pub how: &'static str,
}

impl AgentTask {
    fn of(task: &TaskRef, how: How) -> Self {
        Self { project: task.project.clone(), tag: task.tag.clone(), id: task.id.clone(), how: how.name() }
    }
}

/// Calls of one tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AgentTool {
    /// The tool; empty where nobody named it.
    #[schema(example = "Bash")]
    pub name: String,
    /// Calls that ended well.
    pub ok: u64,
    /// Calls that ended with an error.
    pub failed: u64,
    /// Calls that were not allowed.
    pub refused: u64,
}

/// A subagent of a session.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct AgentSubagent {
    /// Its id.
    pub id: String,
    /// Its kind.
    #[schema(required = true, example = "general-purpose")]
    pub kind: Option<String>,
    /// When it was first seen.
    pub started: f64,
    /// When it ended; `null` where that was not seen.
    #[schema(required = true)]
    pub ended: Option<f64>,
}

/// What is wrong with a session.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct AgentFinding {
    /// `waits`, `loop`, `errors`, `context`, `limit`, `stuck`, `no_progress`, `rewrites` or `cache`.
    #[schema(example = "waits")]
    pub kind: &'static str,
    /// In words.
    #[schema(example = "Waits for permission to use Bash for 3 min")]
    pub title: String,
    /// What to do.
    pub advice: &'static str,
    /// Since when.
    pub since: f64,
}

/// A limit of the plan.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct AgentLimit {
    /// Its name.
    #[schema(example = "five_hour")]
    pub name: String,
    /// The part that is used.
    pub used_ratio: f64,
    /// When it begins anew.
    #[schema(required = true)]
    pub resets_at: Option<f64>,
}

/// A session of a coding agent. Figures that nobody said are `null`, never 0.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct AgentSession {
    /// The agent.
    #[schema(example = "claude-code")]
    pub agent: String,
    /// What the agent calls the session.
    pub id: String,
    /// The machine; `null` where nobody said it.
    #[schema(required = true)]
    pub host: Option<String>,
    /// `working`, `waiting`, `idle`, `ended`, or `lost`: no sign for so long that it may not live any more.
    #[schema(pattern = "^(working|waiting|idle|ended|lost)$", example = "waiting")]
    pub state: &'static str,
    /// Since when it is in this state.
    pub since: f64,
    /// Of a session that waits: `permission`, `answer` or `model`.
    #[schema(required = true, example = "permission")]
    pub waits_for: Option<&'static str>,
    /// The tool for which it needs permission.
    #[schema(required = true, example = "Bash")]
    pub tool: Option<String>,
    /// When it was first heard of.
    pub first_seen: f64,
    /// When it was last heard of.
    pub last_seen: f64,
    /// Its folder; only hooks and status lines say it.
    #[schema(required = true)]
    pub folder: Option<String>,
    /// Its repository.
    #[schema(required = true)]
    pub repository: Option<String>,
    /// Its branch.
    #[schema(required = true)]
    pub branch: Option<String>,
    /// The model that it used last.
    #[schema(required = true, example = "claude-opus-5-5")]
    pub model: Option<String>,
    /// The version of the agent.
    #[schema(required = true)]
    pub version: Option<String>,
    /// The tasks that it works on; several where no one can tell which.
    pub tasks: Vec<AgentTask>,
    /// The part of the context that is used; only status lines say it.
    #[schema(required = true, example = 0.42)]
    pub context_used_ratio: Option<f64>,
    /// What the agent said that it cost, in US dollars.
    #[schema(required = true, example = 1.25)]
    pub cost_usd: Option<f64>,
    /// Tokens.
    pub tokens: AgentTokens,
    /// Requests that the model answered; `null` where the agent sends no records of them.
    #[schema(required = true)]
    pub requests: Option<u64>,
    /// Requests that failed; `null` where the agent sends no records of them.
    #[schema(required = true)]
    pub errors: Option<u64>,
    /// Prompts; `null` where neither hooks nor records say them.
    #[schema(required = true)]
    pub prompts: Option<u64>,
    /// Seconds in which it was used.
    #[schema(required = true)]
    pub active_seconds: Option<f64>,
    /// Seconds that it waited for a person.
    #[schema(required = true)]
    pub waiting_seconds: Option<f64>,
    /// CPU seconds of its processes on this machine; `null` where they are not known to belong to it alone.
    #[schema(required = true)]
    pub cpu_seconds: Option<f64>,
    /// How often requests were tried again.
    #[schema(required = true)]
    pub retries: Option<u64>,
    /// Lines that it added.
    #[schema(required = true)]
    pub lines_added: Option<u64>,
    /// Lines that it removed.
    #[schema(required = true)]
    pub lines_removed: Option<u64>,
    /// Calls of tools.
    pub tools: Vec<AgentTool>,
    /// Its commits, by time.
    pub commits: Vec<AgentCommit>,
    /// Its subagents.
    pub subagents: Vec<AgentSubagent>,
    /// Limits of the plan.
    pub limits: Vec<AgentLimit>,
    /// What is wrong with it.
    pub findings: Vec<AgentFinding>,
}

impl AgentSession {
    /// The view of a session at a time.
    #[must_use]
    pub fn of(book: &Book, session: &Session, work: &[Work], known_commits: &KnownCommits, now: TimestampMs) -> Self {
        let (state, since) = session.state(now);
        let mut figures = Figures::default();
        session.figures().for_each(|(_, of_model)| figures.add_all(&of_model));
        let known = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
        let ms = |ms: u64| ms as f64 / 1e3;
        Self {
            agent: session.key.agent.clone(),
            id: session.key.id.clone(),
            host: known(Some(session.host())),
            state: state.word(),
            since: seconds(since),
            waits_for: state.waits_for(),
            tool: state.tool().map(str::to_owned),
            first_seen: seconds(session.first_seen),
            last_seen: seconds(session.last_seen),
            folder: known(session.folder()),
            repository: known(session.repository()),
            branch: known(session.branch()),
            model: known(session.model()),
            version: known(session.version()),
            tasks: tasks(session, work, session.last_seen),
            context_used_ratio: session.context(),
            cost_usd: session.micros().map(usd),
            tokens: figures.into(),
            requests: (figures.requests > 0).then_some(figures.requests),
            errors: session.recorded.then_some(session.errors),
            // Hooks may name no prompt; none was counted then, though there was one.
            prompts: (session.recorded || session.prompts > 0).then_some(session.prompts),
            active_seconds: session.active_ms.known().map(ms),
            waiting_seconds: session.waited_ms(now).map(ms),
            cpu_seconds: session.cpu_ms.known().map(ms),
            retries: session.retries.known(),
            lines_added: session.lines_added.known(),
            lines_removed: session.lines_removed.known(),
            tools: tools(session),
            commits: commits(session, known_commits),
            subagents: subagents(session),
            limits: limits(session),
            findings: findings(book, session, work, now),
        }
    }
}

fn tools(session: &Session) -> Vec<AgentTool> {
    let view = |(name, counts): (&str, taskpulse_engine::agent::ToolCounts)| AgentTool {
        name: name.to_owned(),
        ok: counts.ok,
        failed: counts.failed,
        refused: counts.refused,
    };
    session.tools().map(view).collect()
}

fn subagents(session: &Session) -> Vec<AgentSubagent> {
    let view = |of: &taskpulse_engine::agent::Subagent| AgentSubagent {
        id: of.id.clone(),
        kind: of.kind.clone(),
        started: seconds(of.started),
        ended: of.ended.map(seconds),
    };
    session.subagents.iter().map(view).collect()
}

fn limits(session: &Session) -> Vec<AgentLimit> {
    let all = session.limits().iter();
    all.map(|limit| AgentLimit { name: limit.name.clone(), used_ratio: limit.used_ratio, resets_at: limit.resets_at.map(seconds) })
        .collect()
}

fn findings(book: &Book, session: &Session, work: &[Work], now: TimestampMs) -> Vec<AgentFinding> {
    let view = |finding: taskpulse_engine::agent::findings::Finding| AgentFinding {
        kind: finding.kind,
        title: finding.title,
        advice: finding.advice,
        since: seconds(finding.since),
    };
    book.findings(session, work, now).into_iter().map(view).collect()
}

/// The tasks that a session works on.
fn tasks(session: &Session, work: &[Work], at: TimestampMs) -> Vec<AgentTask> {
    let (tasks, how) = tasks_of(session, at, work);
    tasks.iter().map(|task| AgentTask::of(task, how)).collect()
}

/// A turn: from a prompt to its end.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct AgentTurn {
    /// What the agent calls the prompt; `null` for what belongs to none.
    #[schema(required = true)]
    pub prompt: Option<String>,
    /// When its first sign came.
    pub started: f64,
    /// When its last sign came.
    pub ended: f64,
    /// Requests that the model answered.
    pub requests: u64,
    /// What they cost, in US dollars.
    #[schema(required = true)]
    pub cost_usd: Option<f64>,
    /// Calls of tools that ended well.
    pub tools_ok: u64,
    /// Calls of tools that did not.
    pub tools_failed: u64,
}

/// A call of a tool.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct AgentCall {
    /// When it ended.
    pub at: f64,
    /// The tool.
    pub tool: String,
    /// `ok`, `failed` or `refused`.
    #[schema(pattern = "^(ok|failed|refused)$")]
    pub outcome: &'static str,
    /// How long it took.
    #[schema(required = true)]
    pub duration_seconds: Option<f64>,
    /// The subagent that called it.
    #[schema(required = true)]
    pub subagent: Option<String>,
}

/// `/api/v1/agents/{agent}/{id}`
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct AgentSessionDetails {
    /// The session.
    pub session: AgentSession,
    /// Its turns, the newest first, at most 200.
    pub turns: Vec<AgentTurn>,
    /// Its calls of tools, the newest first, at most 200. What tools were given and what they answered is not kept.
    pub calls: Vec<AgentCall>,
    /// Its states, the oldest first: the newest 500 that lasted a second or longer.
    pub states: Vec<AgentState>,
}

impl AgentSessionDetails {
    /// From the view of a session and its pages.
    #[must_use]
    pub fn of(session: AgentSession, pages: &[Page], states: Vec<AgentState>) -> Self {
        let mut items: Vec<&Item> = pages.iter().flat_map(|page| page.items.values()).collect();
        items.sort_by_key(|item| item.at);
        let mut turns: BTreeMap<Option<&str>, (AgentTurn, u64, bool)> = BTreeMap::new();
        for item in items.iter().filter(|item| matches!(item.kind, Kind::Prompt | Kind::Request | Kind::Tool)) {
            let prompt = item.prompt.as_deref();
            let new = || AgentTurn {
                prompt: prompt.map(str::to_owned),
                started: seconds(item.at),
                ended: seconds(item.at),
                requests: 0,
                cost_usd: None,
                tools_ok: 0,
                tools_failed: 0,
            };
            let (turn, micros, has_cost) = turns.entry(prompt).or_insert_with(|| (new(), 0, false));
            turn.ended = seconds(item.at);
            turn.requests += u64::from(item.kind == Kind::Request);
            if let (Kind::Request, Some(cost)) = (item.kind, item.micros) {
                (*micros, *has_cost) = (*micros + cost, true);
            }
            match item.outcome.filter(|_| item.kind == Kind::Tool) {
                Some(Outcome::Ok) => turn.tools_ok += 1,
                Some(_) => turn.tools_failed += 1,
                None => {}
            }
        }
        let whole = turns.into_values().map(|(turn, micros, known)| AgentTurn { cost_usd: known.then(|| usd(micros)), ..turn });
        let mut turns: Vec<AgentTurn> = whole.collect();
        turns.sort_by(|a, b| b.started.total_cmp(&a.started));
        turns.truncate(MAX_CALLS);
        let calls = items.iter().rev().filter(|item| item.kind == Kind::Tool).filter_map(|item| call(item)).take(MAX_CALLS).collect();
        Self { session, turns, calls, states }
    }
}

fn call(item: &Item) -> Option<AgentCall> {
    let outcome = match item.outcome? {
        Outcome::Ok => "ok",
        Outcome::Failed => "failed",
        Outcome::Refused => "refused",
    };
    Some(AgentCall {
        at: seconds(item.at),
        tool: item.name.clone(),
        outcome,
        duration_seconds: item.millis.map(|ms| ms as f64 / 1e3),
        subagent: item.subagent.clone(),
    })
}

/// What agents cost, by what was asked for.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct AgentCosts {
    /// The dimensions of the rows.
    #[schema(example = json!(["task", "model"]))]
    pub by: Vec<&'static str>,
    /// The rows, the dearest first. They add up to `total`.
    pub rows: Vec<AgentCostRow>,
    /// All rows together.
    pub total: AgentCostRow,
}

/// A row of costs.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct AgentCostRow {
    /// One value for each of `by`; `null` for what nobody knows (not attributed).
    pub key: BTreeMap<&'static str, Option<String>>,
    /// In US dollars, as agents said it.
    #[schema(required = true, example = 4.2)]
    pub cost_usd: Option<f64>,
    /// The same in millionths of a dollar: these add up without rounding.
    #[schema(required = true)]
    pub cost_usd_micros: Option<u64>,
    /// Tokens.
    pub tokens: AgentTokens,
    /// Requests that models answered.
    pub requests: u64,
    /// Seconds in which agents were in use, as they say it.
    #[schema(required = true, example = 650.2)]
    pub active_seconds: Option<f64>,
    /// Seconds that they waited for a person.
    #[schema(required = true, example = 16.7)]
    pub waiting_seconds: Option<f64>,
    /// Seconds that turns lasted. Turns of a session that overlap count once; sessions beside each other count each.
    #[schema(required = true, example = 840)]
    pub wall_seconds: Option<f64>,
    /// CPU seconds of the agents' processes on this machine, where each is known to belong to one session.
    #[schema(required = true, example = 93.4)]
    pub cpu_seconds: Option<f64>,
    /// Seconds of CI jobs of its commits; `null` where no job's are known.
    #[schema(required = true)]
    pub ci_seconds: Option<f64>,
    /// What they cost by `[costs.prices]`, in US dollars; `null` where no price is known.
    #[schema(required = true)]
    pub ci_cost_usd: Option<f64>,
    /// How often requests were tried again.
    #[schema(required = true)]
    pub retries: Option<u64>,
    /// Requests that failed.
    #[schema(required = true)]
    pub errors: Option<u64>,
    /// Lines that were added.
    #[schema(required = true)]
    pub lines_added: Option<u64>,
    /// Lines that were removed.
    #[schema(required = true)]
    pub lines_removed: Option<u64>,
    /// How the task is known, from the best to the weakest; empty where no task was asked for or none is known.
    pub how: Vec<&'static str>,
    /// Of a task that is known by the times of a board: since when it counts.
    #[schema(required = true)]
    pub counted_from: Option<f64>,
    /// Whether it was in progress before that, so that what went on until then is not in the row.
    pub partial: bool,
}

impl AgentCostRow {
    fn of(key: BTreeMap<&'static str, Option<String>>, row: &Row) -> Self {
        let (figures, effort, micros) = (row.figures, row.effort, row.figures.micros.known());
        let in_seconds = |ms: Sum| ms.known().map(|ms| ms as f64 / 1e3);
        Self {
            key,
            cost_usd: micros.map(usd),
            cost_usd_micros: micros,
            tokens: figures.into(),
            requests: figures.requests,
            active_seconds: in_seconds(effort.active_ms),
            waiting_seconds: in_seconds(effort.waiting_ms),
            wall_seconds: in_seconds(effort.wall_ms),
            cpu_seconds: in_seconds(effort.cpu_ms),
            ci_seconds: in_seconds(row.ci.job_ms),
            ci_cost_usd: row.ci.micros.known().map(usd),
            retries: effort.retries.known(),
            errors: effort.errors.known(),
            lines_added: effort.lines_added.known(),
            lines_removed: effort.lines_removed.known(),
            how: row.how.iter().map(|how| how.name()).collect(),
            counted_from: row.counted.map(|(from, _)| seconds(from)),
            partial: row.counted.is_some_and(|(_, start_seen)| !start_seen),
        }
    }
}

impl AgentCosts {
    /// The view of rows.
    #[must_use]
    pub fn of(by: &[By], rows: Rows) -> Self {
        let names: Vec<&'static str> = by.iter().map(|by| by.name()).collect();
        let mut total = Row::default();
        let mut views = Vec::new();
        for (values, row) in rows {
            total.figures.add_all(&row.figures);
            total.effort.add_all(&row.effort);
            total.ci.add_all(&row.ci);
            views.push(AgentCostRow::of(names.iter().copied().zip(values).collect(), &row));
        }
        views.sort_by(|a, b| b.cost_usd_micros.cmp(&a.cost_usd_micros).then(b.requests.cmp(&a.requests)));
        Self { by: names, rows: views, total: AgentCostRow::of(BTreeMap::new(), &total) }
    }
}
