//! Budgets that are used up, or will be before their period ends.
//!
//! A period has one recommendation, whatever becomes of the forecast in between: it stays until the next period begins. A budget of each
//! task, tag or project has one for each that used it up, and for the worst where it will be within a week.

use super::super::counsel::{Confidence, Counsel, Effort, Expects, Measures, Worse};
use super::super::{Evidence, Finding, History, Horizon, Topic};
use super::Advisor;
use crate::forecast::spending::Outlook;
use crate::model::{TimestampMs, go_quoted};
use crate::money::budget::{BudgetState, Part, states};
use crate::money::period::Period;
use crate::rules::Severity;
use crate::store::StoreError;
use crate::words::{date, figure, money};

pub(super) const ADVISOR: Advisor = Advisor {
    name: "budget",
    about: "a budget of the settings is used up, or will be before its period ends",
    reads: &[],
    horizon: Horizon::Day,
    needs_ms: 0,
    assess,
    counsel: Counsel {
        matters: "What is spent beyond a budget was not meant to be spent.",
        then: &["Where the spending is meant, change the amount in the settings."],
        effort: Effort::Minutes,
        confidence: Confidence::Medium,
        refuted_by: "The spending so far was a piece of work that is over, so that the rest of the period costs less.",
        expects: Expects::Unknown("what is saved depends on what is stopped"),
        measure: Measures::Nothing("each period begins at zero: two of them cannot be compared hour by hour"),
        sibling: None,
        worse: Worse::More(0),
    },
};

/// The share of the trials that must cross the amount before that is advice.
const LIKELY: f64 = 0.65;
/// A budget without an end is spoken of where it is used up so soon.
const SOON_MS: i64 = 7 * 86_400_000;
/// Tasks, tags or projects that are named.
const MOST_PARTS: usize = 10;

fn assess(history: &History<'_>) -> Result<Vec<Finding>, StoreError> {
    let all = if history.money.budgets.is_empty() {
        Vec::new()
    } else {
        let workflows = history.workflows()?;
        let unpriced = |since: TimestampMs| workflows.iter().map(|workflow| workflow.unpriced_since(since)).sum();
        states(history.store, history.money, unpriced, history.now)?
    };
    let found = all.iter().filter_map(|state| finding(state, history.now)).chain(all.iter().flat_map(|state| of_parts(state, history.now)));
    let found = found.collect();
    history.budgets.replace(all);
    Ok(found)
}

fn finding(state: &BudgetState, now: TimestampMs) -> Option<Finding> {
    let (budget, period, used) = (&state.budget, state.period?, state.used?);
    let amount = |value: f64| money(value, Some(&budget.currency));
    let share = Evidence::counted("used, as a share of the budget", used / budget.amount, "ratio");
    let spent = format!("{} of {} were spent since {}", amount(used), amount(budget.amount), date(period.start));
    let (title, why, severity, evidence) = if let Some(at) = state.crossed {
        let rest = state.outlook.map(|outlook| format!(" {}", by_its_end(state, &outlook))).unwrap_or_default();
        let why = format!("{spent}; it was used up at {}.{rest}", date(at));
        let title = format!("The budget {} is used up for this {}", budget.name, budget.per.name());
        (title, why, Severity::Warning, vec![share, Evidence::moment("it was used up", at)])
    } else {
        let outlook = state.outlook.filter(|outlook| outlook.share >= LIKELY)?;
        let at = outlook.crossing[1]?;
        let why = format!(
            "{spent}. If it goes on as in the days before, it is used up about {} ({}). {}",
            date(at),
            interval(&outlook, period),
            by_its_end(state, &outlook)
        );
        let title = format!("The budget {} will be used up before this {} ends", budget.name, budget.per.name());
        let total = Evidence::estimated(
            format!("spent by the end of the {}, {}", budget.per.name(), budget.currency),
            outlook.total.estimate,
            (outlook.total.low, outlook.total.high),
            "count",
        );
        (title, why, Severity::Notice, vec![share, total, Evidence::moment("it is used up about", at)])
    };
    Some(Finding {
        id: format!("{}:{}:{}", ADVISOR.name, budget.name, period.first),
        topic: if budget.agents { Topic::Board } else { Topic::Ci },
        title,
        why,
        action: action(state),
        severity,
        evidence,
        query: format!("taskpulse_budget_used{{budget={}}}", go_quoted(&budget.name)),
        start: period.start,
        end: now,
        lasts_ms: period.end - now,
    })
}

/// Of a budget of each task, tag or project: those that used it up, else the worst where it soon will.
fn of_parts(state: &BudgetState, now: TimestampMs) -> Vec<Finding> {
    let over: Vec<&Part> = state.parts.iter().filter(|part| part.crossed.is_some()).take(MOST_PARTS).collect();
    if !over.is_empty() {
        return over.into_iter().filter_map(|part| Some(of_part(state, part, part.crossed?, now))).collect();
    }
    let soon = state.outlook.filter(|outlook| outlook.share >= LIKELY).and_then(|outlook| outlook.crossing[1]);
    let soon = soon.filter(|at| *at < now + SOON_MS).zip(state.parts.first());
    soon.map(|(at, part)| of_part(state, part, at, now)).into_iter().collect()
}

/// A part that used it up at a time, or will.
fn of_part(state: &BudgetState, part: &Part, at: TimestampMs, now: TimestampMs) -> Finding {
    let budget = &state.budget;
    let amount = |value: f64| money(value, Some(&budget.currency));
    let spent = format!("{} of {} were spent since {}", amount(part.used), amount(budget.amount), date(part.since));
    let share = Evidence::counted("used, as a share of the budget", part.used / budget.amount, "ratio");
    let subject = format!("{} {}", budget.per.name(), part.name);
    let (title, why, severity, when) = if part.crossed.is_some() {
        let why = format!("{spent}; it was used up at {}.", date(at));
        (format!("The budget {} is used up by {subject}", budget.name), why, Severity::Warning, "it was used up")
    } else {
        let ends = state.outlook.map_or([None; 3], |outlook| outlook.crossing);
        let from = ends[0].map_or_else(|| "not before now".to_owned(), date);
        let to = ends[2].map_or_else(|| "or not within four weeks".to_owned(), |latest| format!("to {}", date(latest)));
        let why = format!("{spent}. If it goes on as in the days before, it is used up about {} (95 %: {from} {to}).", date(at));
        (format!("The budget {} will be used up by {subject}", budget.name), why, Severity::Notice, "it is used up about")
    };
    Finding {
        id: format!("{}:{}:{}", ADVISOR.name, budget.name, part.name),
        topic: Topic::Board,
        title,
        why,
        action: "See on the page Agents which sessions it goes to; split the task, stop what can wait, or take a smaller model.".to_owned(),
        severity,
        evidence: vec![share, Evidence::moment(when, at)],
        query: format!("taskpulse_budget_used{{budget={}}}", go_quoted(&budget.name)),
        start: part.since,
        end: now,
        lasts_ms: 0,
    }
}

/// What the whole period comes to.
fn by_its_end(state: &BudgetState, outlook: &Outlook) -> String {
    let (budget, total) = (&state.budget, outlook.total);
    format!(
        "By the end of the {}, {} {} will be spent (95 %: {} to {}).",
        budget.per.name(),
        figure("", total.estimate),
        budget.currency,
        figure("", total.low),
        figure("", total.high)
    )
}

/// When it is used up, with 95 % confidence.
fn interval(outlook: &Outlook, period: Period) -> String {
    let [earliest, _, latest] = outlook.crossing;
    let from = earliest.map_or_else(|| "not before now".to_owned(), date);
    match latest {
        Some(latest) => format!("95 %: {from} to {}", date(latest)),
        None => format!("95 %: {from}, or not before it ends on {}", date(period.end)),
    }
}

fn action(state: &BudgetState) -> String {
    match (state.budget.agents, state.budget.ci) {
        (true, false) => "See on the page Tasks which tasks it goes to, and stop what can wait or needs a smaller model.".to_owned(),
        (false, _) => "See on the page CI which workflows it goes to, and run fewer of them for each push.".to_owned(),
        (true, true) => "See on the pages Tasks and CI what it goes to, and stop what can wait.".to_owned(),
    }
}
