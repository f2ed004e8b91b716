//! Money of coding agents: a week out of line with those before, and a task out of line with the others.

use std::collections::{BTreeMap, BTreeSet};

use super::super::counsel::{Confidence, Counsel, Effort, Expects, Measures, Worse, hourly_rises};
use super::super::history::{BoardName, DAY_MS};
use super::super::records::Move;
use super::super::shift::shift;
use super::super::{Evidence, Finding, History, Horizon, Topic};
use super::Advisor;
use crate::board::IN_PROGRESS;
use crate::experiment::Better;
use crate::model::TimestampMs;
use crate::money::AGENT_MONEY;
use crate::rules::Severity;
use crate::store::StoreError;
use crate::windows::Level;
use crate::words::money;

pub(super) const WEEK: Advisor = Advisor {
    name: "week_cost",
    about: "agents cost more a day than in the weeks before",
    reads: &[AGENT_MONEY],
    horizon: Horizon::Month,
    needs_ms: 0,
    assess: week,
    counsel: Counsel {
        matters: "What a day costs adds up to the bill of the month.",
        then: &["Compare the cost of a day a week later."],
        effort: Effort::Hours,
        confidence: Confidence::Medium,
        refuted_by: "More was done in that week: the cost of a task is what it was.",
        expects: Expects::GoesBack("cost of a day on which agents worked"),
        measure: Measures::Query(Better::Lower, |finding| Some(hourly_rises(&finding.query))),
        sibling: None,
        worse: Worse::More(0),
    },
};

pub(super) const TASK: Advisor = Advisor {
    name: "task_cost",
    about: "a task costs far more than others did",
    reads: &[AGENT_MONEY, "taskmaster_tasks"],
    horizon: Horizon::Month,
    needs_ms: 0,
    assess: task,
    counsel: Counsel {
        matters: "An agent that goes round in circles spends money without a result.",
        then: &[],
        effort: Effort::Minutes,
        confidence: Confidence::Low,
        refuted_by: "The task is that much larger than the others, or agents worked on something else while it was in progress.",
        expects: Expects::Unknown("what it would have cost otherwise is not known"),
        measure: Measures::Nothing("it is one task: nothing of it can be compared"),
        sibling: None,
        worse: Worse::More(0),
    },
};

const SPAN_MS: i64 = 28 * DAY_MS;
const WEEK_MS: i64 = 7 * DAY_MS;
/// A smaller rise of the cost of a day is none.
const RISE: f64 = 1.5;
/// Tasks whose cost is known, before one is out of line.
const LEAST_TASKS: usize = 10;
/// Times the typical cost, deviations from it, and how small these are taken at the least.
const FACTOR: f64 = 4.0;
const DEVIATIONS: f64 = 3.5;
const LEAST_DEVIATION: f64 = 0.3;
/// Less is not worth advice, in the currency of the counters.
const LEAST: f64 = 1.0;

fn week(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    let mut days = [0.0; 28];
    for id in history.agent_money() {
        let mut before = None;
        for row in history.windows(id, Level::H1, SPAN_MS)? {
            let step = |from: f64, to: f64| if to >= from { to - from } else { to };
            let rose = before.map_or(0.0, |last| step(last, row.first)) + step(row.first, row.last);
            let back = usize::try_from((history.now - row.start - 1) / DAY_MS).unwrap_or(usize::MAX);
            days.get_mut(back).into_iter().for_each(|day| *day += rose);
            before = Some(row.last);
        }
    }
    let values: Vec<(TimestampMs, f64)> =
        days.iter().enumerate().map(|(back, money)| (history.now - back as i64 * DAY_MS - DAY_MS / 2, *money)).collect();
    let Some(shift) = shift(&values, history.now).filter(|shift| shift.rose()) else { return Ok(Vec::new()) };
    let (before, lately) = shift.typical();
    if lately < RISE * before || lately < LEAST {
        return Ok(Vec::new());
    }
    let sum: f64 = days[..7].iter().sum();
    let (currency, unit) = (history.money.agents.currency(), |name: &str| in_currency(history, name));
    Ok(vec![Finding {
        id: WEEK.name.to_owned(),
        topic: Topic::Board,
        title: "Coding agents cost more than they did".to_owned(),
        why: format!(
            "A typical day on which they worked cost {} in the last week and {} in the three weeks before; the week cost {}.",
            money(lately, currency),
            money(before, currency),
            money(sum, currency)
        ),
        action: "See on the page Tasks which tasks it went to, and which model and how much context they used.".to_owned(),
        severity: Severity::Notice,
        evidence: vec![
            shift.ratio("cost of a day now over before"),
            Evidence::counted(unit("typical day, last week"), lately, "count"),
            Evidence::counted(unit("typical day, three weeks before"), before, "count"),
            Evidence::counted(unit("last week"), sum, "count"),
        ],
        query: history.agent_money_query(),
        start: history.now - SPAN_MS,
        end: history.now,
        lasts_ms: 2 * DAY_MS,
    }])
}

/// A task of a board.
type Task = (BoardName, String);

/// What is known of the cost of a task.
#[derive(Debug, Clone, Copy, Default)]
struct Cost {
    /// Money while it was in progress, shared evenly with the others that were.
    money: f64,
    /// The part of it while no other was.
    alone: f64,
    /// How long it was in progress until the last of that, ms.
    time: i64,
}

/// What each task cost, as far as it was in progress while money was spent.
fn costs(spent: &[(TimestampMs, f64)], moves: &[Move]) -> BTreeMap<Task, Cost> {
    let mut costs: BTreeMap<Task, Cost> = BTreeMap::new();
    let (mut open, mut next) = (BTreeMap::<Task, TimestampMs>::new(), moves.iter().peekable());
    for (at, money) in spent {
        while let Some(one) = next.next_if(|one| one.at < *at) {
            let task = (one.board.clone(), one.task.clone());
            if one.to.as_deref() == Some(IN_PROGRESS) {
                open.entry(task).or_insert(one.at);
            } else {
                open.remove(&task);
            }
        }
        for (task, since) in &mut open {
            let cost = costs.entry(task.clone()).or_default();
            cost.time += *at - std::mem::replace(since, *at);
        }
        for task in open.keys() {
            if let Some(cost) = costs.get_mut(task) {
                cost.money += money / open.len() as f64;
                cost.alone += if open.len() == 1 { *money } else { 0.0 };
            }
        }
    }
    costs
}

fn task(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    let mut spent: Vec<(TimestampMs, f64)> = Vec::new();
    for id in history.agent_money() {
        let values = history.values(id, SPAN_MS)?;
        spent.extend(values.windows(2).map(|pair| (pair[1].0, if pair[1].1 >= pair[0].1 { pair[1].1 - pair[0].1 } else { pair[1].1 })));
    }
    spent.retain(|(_, money)| *money > 0.0);
    if spent.is_empty() {
        return Ok(Vec::new());
    }
    spent.sort_by_key(|(at, _)| *at);
    let moves = history.moves(SPAN_MS)?;
    let lately: BTreeSet<Task> =
        moves.iter().filter(|one| one.at > history.now - WEEK_MS).map(|one| (one.board.clone(), one.task.clone())).collect();
    let costs = costs(&spent, &moves);
    let mut known: Vec<f64> = costs.values().map(|cost| cost.money.ln()).collect();
    if known.len() < LEAST_TASKS {
        return Ok(Vec::new());
    }
    let median = |values: &mut Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let typical = median(&mut known);
    let deviation = (1.4826 * median(&mut known.iter().map(|v| (v - typical).abs()).collect())).max(LEAST_DEVIATION);
    let typical_time = median(&mut costs.values().map(|cost| cost.time as f64).collect());
    let far = |money: f64| money >= LEAST.max(FACTOR * typical.exp()) && (money.ln() - typical) / deviation >= DEVIATIONS;
    // What is in progress for long has its share of what others cost.
    let out = |(task, cost): &(Task, Cost)| {
        let longer = cost.time as f64 / typical_time.max(1.0);
        lately.contains(task) && (far(cost.alone) || (far(cost.money) && cost.money / typical.exp() >= FACTOR * longer))
    };
    let count = known.len();
    Ok(costs.into_iter().filter(out).map(|(task, cost)| of_task(history, &task, cost.money, typical.exp(), count)).collect())
}

/// The name of an amount, with its currency.
fn in_currency(history: &History<'_>, name: &str) -> String {
    history.money.agents.currency().map_or_else(|| name.to_owned(), |currency| format!("{name}, {currency}"))
}

fn of_task(history: &History<'_>, ((project, tag), task): &Task, cost: f64, typical: f64, count: usize) -> Finding {
    let currency = history.money.agents.currency();
    Finding {
        id: format!("task_cost:{project}:{tag}:{task}"),
        topic: Topic::Board,
        title: format!("Task {task} of {project}, {tag} costs far more than others"),
        why: format!(
            "While it was in progress agents spent {} on it; a typical task of the last four weeks cost {} ({count} tasks, shared evenly where several were in progress).",
            money(cost, currency),
            money(typical, currency)
        ),
        action: "See whether an agent goes round in circles on it: give it a smaller step, a better test, or do the hard part by hand."
            .to_owned(),
        severity: Severity::Notice,
        evidence: vec![
            Evidence::counted(in_currency(history, "cost of the task"), cost, "count"),
            Evidence::counted(in_currency(history, "typical cost of a task"), typical, "count"),
            Evidence::counted("tasks whose cost is known", count as f64, "count"),
        ],
        query: history.agent_money_query(),
        start: history.now - SPAN_MS,
        end: history.now,
        lasts_ms: 2 * DAY_MS,
    }
}
