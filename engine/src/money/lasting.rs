//! Budgets without a period: what each task, each tag or each project may cost in all.

use std::collections::BTreeMap;

use super::budget::{Budget, BudgetState, Part, Steps, crossed, usd};
use super::period::Per;
use super::spending::AgentSpending;
use crate::agent::TaskRef;
use crate::agent::costs::name_of;
use crate::forecast::spending;
use crate::model::TimestampMs;

/// How far ahead it is asked whether the amount will be reached.
const AHEAD_MS: i64 = 28 * 86_400_000;
/// Parts that used a budget up and are named.
const MOST_PARTS: usize = 50;
/// Why nothing is known.
pub(super) const UNKNOWN: &str = "coding agents: no session said what it cost";

/// What a task counts to.
#[must_use]
pub fn part_of(per: Per, task: &TaskRef) -> String {
    let wanted = match per {
        Per::Tag => TaskRef { id: String::new(), ..task.clone() },
        Per::Project => TaskRef { project: task.project.clone(), ..TaskRef::default() },
        _ => task.clone(),
    };
    name_of(&wanted)
}

/// How it stands: the part that used most of it, and those that used it up.
pub(super) fn state(budget: &Budget, agents: &AgentSpending, now: TimestampMs) -> BudgetState {
    if !agents.is_known() {
        return BudgetState::unknown(budget, UNKNOWN);
    }
    let mut by_part: BTreeMap<String, Steps> = BTreeMap::new();
    for spent in agents.spent.iter().filter(|spent| spent.at <= now) {
        let Some(task) = spent.task.as_ref().filter(|task| budget.counts(task)) else { continue };
        by_part.entry(part_of(budget.per, task)).or_default().push((spent.at, usd(spent)));
    }
    // Of tasks without a project nobody knows which tag or project they are of.
    by_part.remove("");
    by_part.values_mut().for_each(|steps| steps.sort_by_key(|(at, _)| *at));
    let mut parts: Vec<Part> = by_part.iter().map(|(name, steps)| part(name, steps, budget.amount)).collect();
    parts.sort_by(|a, b| b.used.total_cmp(&a.used));
    let mut state = BudgetState { missing: None, ..BudgetState::unknown(budget, "") };
    state.used = Some(parts.first().map_or(0.0, |worst| worst.used));
    if let Some(worst) = parts.first() {
        state.crossed = worst.crossed;
        let goes_on = agents.open.iter().any(|task| part_of(budget.per, task) == worst.name);
        if worst.crossed.is_none() && goes_on {
            look_ahead(&mut state, worst, &by_part[&worst.name], now);
        }
    }
    let mut place = 0;
    parts.retain(|part| {
        place += 1;
        place == 1 || part.crossed.is_some()
    });
    parts.truncate(MOST_PARTS);
    state.parts = parts;
    state
}

fn part(name: &str, steps: &Steps, amount: f64) -> Part {
    let since = steps.first().map_or(0, |(at, _)| *at);
    Part { name: name.to_owned(), since, used: steps.iter().map(|(_, step)| step).sum(), crossed: crossed(steps, since - 1, amount) }
}

fn look_ahead(state: &mut BudgetState, worst: &Part, steps: &Steps, now: TimestampMs) {
    let spent = spending::Spent { steps, since: worst.since, used: worst.used };
    match spending::outlook(&spent, state.budget.amount, now, now + AHEAD_MS) {
        Ok(outlook) => state.outlook = Some(outlook),
        Err(why) => state.missing = Some(format!("when it will be used up cannot be told yet: {why}")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use std::sync::Arc;

    use super::super::Money;
    use super::super::budget::{gauges, states};
    use super::super::spending::Spent;
    use super::*;
    use crate::agent::Book;
    use crate::model::{Batch, Labels};
    use crate::store::{StoreOptions, StoreWriter};

    const DAY: i64 = 86_400_000;
    /// A Monday, 0:00 UTC: 2026-11-23.
    const MONDAY: i64 = 1_795_392_000_000;

    fn task(project: &str, tag: &str, id: &str) -> TaskRef {
        TaskRef { project: project.to_owned(), tag: tag.to_owned(), id: id.to_owned() }
    }

    fn budget(per: Per, amount: f64) -> Budget {
        Budget { name: "b".to_owned(), amount, per, ..Budget::default() }
    }

    /// A session that said its money, so that spending is known.
    fn known(spent: Vec<Spent>, open: Vec<TaskRef>) -> AgentSpending {
        let mut book = Book::default();
        let status = br#"{"session_id":"s","cost":{"total_cost_usd":1}}"#;
        let hook = br#"{"session_id":"s","hook_event_name":"SessionStart"}"#;
        book.apply(crate::agent::hook("", hook, 0).unwrap().signals, &NoPages, 0);
        book.apply(crate::agent::status_line(status, 0).unwrap(), &NoPages, 0);
        let mut agents = AgentSpending::new((1, 2), &[], &book, &[]);
        (agents.spent, agents.open) = (spent, open.into_iter().collect());
        agents
    }

    struct NoPages;

    impl crate::agent::PageStore for NoPages {
        fn page(&self, _: &str) -> Option<Vec<u8>> {
            None
        }
    }

    fn spent(at: i64, usd: f64, task: Option<TaskRef>) -> Spent {
        Spent { at: MONDAY + at, micros: (usd * 1e6) as u64, task }
    }

    #[test]
    fn a_limit_holds_for_each_task_tag_or_project_and_the_worst_is_named() {
        let (one, two, other) = (task("app", "master", "1"), task("app", "master", "2"), task("shop", "v2", "1"));
        let all = vec![
            spent(0, 2.0, Some(one.clone())),
            spent(10, 3.5, Some(one)),
            spent(20, 6.0, Some(two)),
            spent(30, 4.0, Some(other)),
            spent(40, 99.0, None),
            spent(50, 1.0, Some(task("", "", "7"))),
        ];
        let agents = known(all, Vec::new());
        let told = |budget: &Budget| {
            let state = state(budget, &agents, MONDAY + DAY);
            let parts: Vec<_> = state.parts.iter().map(|part| (part.name.clone(), part.used, part.crossed.map(|at| at - MONDAY))).collect();
            (state.used.unwrap(), parts)
        };
        let of = |name: &str, used: f64, crossed: Option<i64>| (name.to_owned(), used, crossed);
        assert_eq!(told(&budget(Per::Task, 5.0)), (6.0, vec![of("app/master/2", 6.0, Some(20)), of("app/master/1", 5.5, Some(10))]));
        assert_eq!(told(&budget(Per::Task, 50.0)), (6.0, vec![of("app/master/2", 6.0, None)]), "only the worst is named");
        assert_eq!(told(&budget(Per::Tag, 10.0)), (11.5, vec![of("app/master", 11.5, Some(20))]));
        assert_eq!(told(&budget(Per::Project, 3.0)), (11.5, vec![of("app", 11.5, Some(10)), of("shop", 4.0, Some(30))]));
        let shop = Budget { project: Some("shop".to_owned()), ..budget(Per::Task, 3.0) };
        assert_eq!(told(&shop), (4.0, vec![of("shop/v2/1", 4.0, Some(30))]));
        let none = Budget { tag: Some("gone".to_owned()), ..budget(Per::Tag, 3.0) };
        assert_eq!(told(&none), (0.0, vec![]));
        assert_eq!(state(&budget(Per::Task, 5.0), &AgentSpending::default(), MONDAY).missing.as_deref(), Some(UNKNOWN));
    }

    #[test]
    fn the_day_on_which_a_task_uses_its_budget_up_has_an_interval_or_a_reason() {
        let one = task("app", "master", "1");
        let daily = |days: i64| (0..days).map(|day| spent(day * DAY + DAY / 2, 1.0, Some(one.clone()))).collect::<Vec<_>>();
        let now = MONDAY + 10 * DAY;
        let of = |days: i64, open: Vec<TaskRef>| state(&budget(Per::Task, 15.0), &known(daily(days), open), now);
        let found = of(10, vec![one.clone()]);
        let [low, at, high] = found.outlook.unwrap().crossing.map(Option::unwrap);
        assert!(
            low <= at && at <= high && (3 * DAY..8 * DAY).contains(&(at - now)),
            "five dollars are left, one is spent a day: {found:?}"
        );
        assert_eq!(of(10, Vec::new()).outlook, None, "a task that is over spends nothing");
        let late: Vec<Spent> = daily(10).split_off(7);
        let young = state(&budget(Per::Task, 15.0), &known(late, vec![one]), now);
        assert!(young.missing.unwrap().starts_with("when it will be used up cannot be told yet: 2 whole days"));
    }

    #[test]
    fn sessions_count_and_counters_fill_in_where_no_session_says_it() {
        let dir = tempfile::tempdir().unwrap();
        let store = StoreWriter::open(dir.path(), StoreOptions::default(), MONDAY).unwrap();
        let mut batch = Batch::default();
        for (name, session, total) in [
            ("claude_code_cost_usage_USD_total", "s", 100.0),
            ("claude_code_cost_usage_USD_total", "before", 7.0),
            ("own_cost_USD_total", "", 0.5),
        ] {
            let labels: &[(&str, &str)] = if session.is_empty() { &[] } else { &[("session_id", session)] };
            batch.push(Labels::metric(name, labels), MONDAY + 1_000, total);
        }
        batch.push(Labels::metric("claude_code_cost_usage_USD_total", &[]), MONDAY + 1_000, 50.0);
        store.append(&batch, MONDAY + 1_000).unwrap();
        let agents = crate::board::cost::AgentMetrics {
            money: vec!["claude_code_cost_usage_USD_total".to_owned(), "own_cost_USD_total".to_owned()],
            ..Default::default()
        };
        let of = |spending: AgentSpending, budget: Budget| {
            let money = Money { agents: agents.clone(), budgets: vec![budget], spending: Arc::new(spending), ..Money::default() };
            states(&store, &money, |_| 0, MONDAY + 60_000).unwrap().remove(0)
        };
        let said = || known(vec![spent(500, 1.25, Some(task("app", "master", "1"))), spent(600, 2.0, None)], Vec::new());
        assert_eq!(
            of(said(), budget(Per::Day, 20.0)).used,
            Some(3.25 + 7.0 + 0.5),
            "not what session s says itself, nor a sum of all sessions"
        );
        assert_eq!(of(AgentSpending::default(), budget(Per::Day, 20.0)).used, Some(157.5), "no session says any");
        let scoped = Budget { project: Some("app".to_owned()), ..budget(Per::Week, 20.0) };
        assert_eq!(of(said(), scoped.clone()).used, Some(1.25), "only what is attributed");
        assert_eq!(of(AgentSpending::default(), scoped).used, None);
        let state = of(said(), budget(Per::Task, 1.0));
        assert_eq!(gauges(&[state]).iter().map(|(_, value)| *value).collect::<Vec<_>>(), [1.0, 1.25], "one series each, of the worst");
    }
}
