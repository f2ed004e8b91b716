//! What things cost.

use serde_json::{Value, json};
use taskpulse_actors::view::{AgentCostRow, Cost, Spent, seconds};
use taskpulse_engine::agent::costs::By;
use taskpulse_engine::board::cost::measure;

use super::super::arguments::{Argument, Arguments, Kind};
use super::super::page::Answer;
use super::{State, at, row};
use crate::agents;
use crate::envelope::{ApiError, blocking};

const DAY_MS: i64 = 86_400_000;
const MAX_DAYS: i64 = 31;

pub(super) const COSTS: &[Argument] = &[
    Argument::new(
        "by",
        Kind::OneOf(&["task", "week", "budget", "agent", "model", "session", "branch", "repository", "commit"]),
        "what a row is of; `task` where it is left out. From `agent` on: what agents said that their requests cost, in the time asked for, with a row for what nobody can attribute",
    ),
    Argument::new("start", Kind::Time, "of `total`: from when; a day before `end` where it is left out, 31 days at the most"),
    Argument::new("end", Kind::Time, "of `total`: until when; now where it is left out"),
];

/// What was used in a range of time, and the costs of tasks, weeks or budgets.
pub(super) async fn costs(state: State, arguments: Arguments) -> Result<Answer, ApiError> {
    let end = arguments.time("end").unwrap_or(arguments.now);
    let start = arguments.time("start").unwrap_or(end - DAY_MS);
    if end < start || end - start > MAX_DAYS * DAY_MS {
        return Err(ApiError::bad_data("`start` must be before `end`, by 31 days at the most"));
    }
    let total = total(&state, start, end).await?;
    let by = arguments.text("by").unwrap_or("task");
    if let Some(of) = By::named(by).filter(|of| !matches!(of, By::Task | By::Week)) {
        let costs = agents::costs_of(&state, vec![of], start, end).await?;
        let rows: Vec<Value> = costs.rows.iter().map(|found| of_agents(by, found)).collect();
        let missing = rows.is_empty().then_some("no agent said anything in that time; see docs/AGENTS.md");
        return Ok(Answer::new().with("total", total).with("missing", missing).rows(rows));
    }
    let (rows, missing, about) = match by {
        "budget" => (budgets(&state), "no budget is set: [costs.budgets] of the settings", Value::Null),
        "week" => (weeks(&state), "no board has costs yet", json!("rows: all that went on while tasks were in progress, by ISO week")),
        _ => (
            tasks(&state),
            "no task has costs yet: none was seen in progress",
            json!("rows: each task since `since`, in `total` or not; shared time is divided evenly"),
        ),
    };
    Ok(Answer::new()
        .with("total", total)
        .with("about", if rows.is_empty() { Value::Null } else { about })
        .with("missing", rows.is_empty().then_some(missing))
        .rows(rows))
}

async fn total(state: &State, start: i64, end: i64) -> Result<Value, ApiError> {
    let (store, names) = (state.store.clone(), state.money.agents.clone());
    let spent = blocking(move || Ok(Spent::new(measure(&store, start, end, &names, None)?, names.currency().map(str::to_owned)))).await?;
    Ok(row([
        ("start", at(seconds(start))),
        ("end", at(seconds(end))),
        ("money", json!(spent.money)),
        ("currency", json!(spent.currency)),
        ("tokens", json!(spent.tokens)),
        ("agent_active_seconds", json!(spent.active_seconds)),
        ("cpu_seconds", json!(spent.cpu_seconds)),
        ("cpu_covered_seconds", json!(spent.cpu_covered_seconds)),
    ]))
}

fn of_agents(by: &str, found: &AgentCostRow) -> Value {
    row([
        ("of", json!(found.key.get(by).cloned().flatten().unwrap_or_else(|| "not attributed".to_owned()))),
        ("cost_usd", json!(found.cost_usd)),
        ("requests", json!(found.requests)),
        ("tokens", json!(found.tokens)),
        ("active_seconds", json!(found.active_seconds)),
        ("waiting_seconds", json!(found.waiting_seconds)),
        ("wall_seconds", json!(found.wall_seconds)),
        ("cpu_seconds", json!(found.cpu_seconds)),
        ("retries", json!(found.retries)),
        ("errors", json!(found.errors)),
        ("lines_added", json!(found.lines_added)),
        ("lines_removed", json!(found.lines_removed)),
        ("ci_seconds", json!(found.ci_seconds)),
        ("ci_cost_usd", json!(found.ci_cost_usd)),
    ])
}

fn tasks(state: &State) -> Vec<Value> {
    let boards = state.reporter.views.boards();
    let all = boards.iter().flat_map(|board| board.items.iter().filter_map(move |task| Some((board, task, task.cost.as_ref()?))));
    let mut costs: Vec<_> = all.collect();
    let key = |cost: &Cost| (cost.money.unwrap_or(-1.0), cost.since.unwrap_or(0.0));
    costs.sort_by(|a, b| key(b.2).partial_cmp(&key(a.2)).unwrap_or(std::cmp::Ordering::Equal));
    costs
        .iter()
        .map(|(board, task, cost)| of_cost(&format!("{} {} {}", board.project, board.tag, task.id), Some(&task.title), cost))
        .collect()
}

fn weeks(state: &State) -> Vec<Value> {
    let boards = state.reporter.views.boards();
    let rows = boards.iter().flat_map(|board| board.cost_by_week.iter().map(move |(week, cost)| (week, board, cost)));
    let mut rows: Vec<_> = rows.collect();
    rows.sort_by(|a, b| b.0.cmp(a.0));
    rows.iter().map(|(week, board, cost)| of_cost(&format!("{week} {} {}", board.project, board.tag), None, cost)).collect()
}

fn of_cost(of: &str, title: Option<&str>, cost: &Cost) -> Value {
    row([
        ("of", json!(of)),
        ("title", json!(title)),
        ("money", json!(cost.money)),
        ("tokens", json!(cost.tokens)),
        ("agent_active_seconds", json!(cost.active_seconds)),
        ("wall_seconds", json!(cost.wall_seconds)),
        ("shared_seconds", if cost.shared_seconds > 0.0 { json!(cost.shared_seconds) } else { Value::Null }),
        ("unwatched_seconds", json!(cost.unwatched_seconds)),
        ("cpu_seconds", json!(cost.cpu_seconds)),
        ("ci_runs", json!(cost.ci_runs)),
        ("ci_job_seconds", json!(cost.ci_job_seconds)),
        ("since", at(cost.since)),
        ("start_seen", json!(cost.start_seen)),
    ])
}

fn budgets(state: &State) -> Vec<Value> {
    let budgets = state.reporter.views.budgets();
    let one = |budget: &taskpulse_actors::view::Budget| {
        row([
            ("budget", json!(budget.name)),
            ("of", json!(budget.of)),
            ("per", json!(budget.per)),
            ("project", json!(budget.project)),
            ("tag", json!(budget.tag)),
            ("subject", json!(budget.subject)),
            ("over", if budget.over.is_empty() { Value::Null } else { json!(budget.over) }),
            ("currency", json!(budget.currency)),
            ("limit", json!(budget.limit)),
            ("used", json!(budget.used)),
            ("start", at(budget.start)),
            ("end", at(budget.end)),
            ("crossed", at(budget.crossed_at)),
            ("forecast", json!(budget.forecast)),
            ("reached", at(budget.exhaustion.and_then(|reached| reached.value))),
            ("missing", json!(budget.missing)),
        ])
    };
    budgets.iter().map(one).collect()
}
