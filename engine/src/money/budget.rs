//! Budgets: what of them is spent, and what the rest of the period brings.
//!
//! What agents spent is what their sessions say, each figure once; counters fill in only where no session says it. What each run of CI cost at
//! its end is read from samples. A part that is not known is named, not guessed; then nothing is forecast, because what is missing would be
//! missing there too.

use super::lasting;
use super::period::{Per, Period};
use super::spending::Spent;
use super::{Money, RUN_COST};
use crate::agent::TaskRef;
use crate::board::cost::steps;
use crate::forecast::spending::{self, MOST_DAYS, Outlook};
use crate::model::{Labels, Matcher, NAME_LABEL, TimestampMs};
use crate::store::{StoreError, StoreReader};
use crate::words::counted;

const DAY_MS: i64 = 86_400_000;
/// The currency of what sessions say.
pub const AGENT_CURRENCY: &str = "USD";

/// Since when spending is read for budgets of a day, a week or a month: the longest month, or what is forecast from.
pub(super) fn read_since(now: TimestampMs) -> TimestampMs {
    now - (MOST_DAYS as i64).max(32) * DAY_MS
}

/// What may be spent within a period, or on a task, a tag or a project.
#[derive(Debug, Clone, PartialEq)]
pub struct Budget {
    /// Its name.
    pub name: String,
    /// The most that is to be spent.
    pub amount: f64,
    /// ISO code.
    pub currency: String,
    /// Its period.
    pub per: Per,
    /// Whether what coding agents cost counts.
    pub agents: bool,
    /// Whether what CI costs counts.
    pub ci: bool,
    /// Only what agents spend on tasks of this project counts.
    pub project: Option<String>,
    /// Only what they spend on tasks of this tag counts.
    pub tag: Option<String>,
}

impl Default for Budget {
    fn default() -> Self {
        let currency = AGENT_CURRENCY.to_owned();
        Self { name: String::new(), amount: 1.0, currency, per: Per::Month, agents: true, ci: false, project: None, tag: None }
    }
}

impl Budget {
    /// What counts, as settings and clients have it.
    #[must_use]
    pub fn of(&self) -> Vec<&'static str> {
        [("agents", self.agents), ("ci", self.ci)].into_iter().filter_map(|(name, counts)| counts.then_some(name)).collect()
    }

    /// Whether only some tasks count.
    #[must_use]
    pub const fn is_of_tasks(&self) -> bool {
        self.per.lasts() || self.project.is_some() || self.tag.is_some()
    }

    /// Whether what is spent on a task counts.
    #[must_use]
    pub fn counts(&self, task: &TaskRef) -> bool {
        is_of(self.project.as_deref(), self.tag.as_deref(), task)
    }
}

/// Whether a task is of a project and a tag, as far as these are asked for.
#[must_use]
pub fn is_of(project: Option<&str>, tag: Option<&str>, task: &TaskRef) -> bool {
    project.is_none_or(|project| project == task.project) && tag.is_none_or(|tag| tag == task.tag)
}

/// How a budget stands.
#[derive(Debug, Clone, PartialEq)]
pub struct BudgetState {
    /// Which.
    pub budget: Budget,
    /// The period that is under way; none for times beyond all dates, and of a budget that lasts.
    pub period: Option<Period>,
    /// Of a budget that lasts: the task, tag or project that used most of it, and then those that used it up.
    pub parts: Vec<Part>,
    /// What was spent since it began; none where nothing is known. Of a budget that lasts: by the first of its parts.
    pub used: Option<f64>,
    /// When the amount was reached.
    pub crossed: Option<TimestampMs>,
    /// The rest of the period; none where it cannot be told.
    pub outlook: Option<Outlook>,
    /// What is not counted or not known, and why.
    pub missing: Option<String>,
}

impl BudgetState {
    /// A budget of which nothing is known.
    #[must_use]
    pub fn unknown(budget: &Budget, why: &str) -> Self {
        let missing = Some(why.to_owned());
        Self { budget: budget.clone(), period: None, parts: Vec::new(), used: None, crossed: None, outlook: None, missing }
    }
}

/// What one task, tag or project used of a budget.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// Its name: `project/tag/id`, `project/tag` or `project`, as far as they are known.
    pub name: String,
    /// When the first of it was spent.
    pub since: TimestampMs,
    /// How much.
    pub used: f64,
    /// When the amount was reached.
    pub crossed: Option<TimestampMs>,
}

/// Money that was spent: when, and how much.
pub(super) type Steps = Vec<(TimestampMs, f64)>;

/// What was spent lately.
struct Ledger {
    /// Of sessions of coding agents, and of counters that they do not cover, in US dollars; why it is not known otherwise.
    agents: Result<Steps, String>,
    /// Of all counters of coding agents, for budgets in another currency.
    counters: Result<Steps, String>,
    /// Of CI.
    ci: Result<Steps, String>,
}

impl Ledger {
    fn read(store: &StoreReader, money: &Money, now: TimestampMs) -> Result<Self, StoreError> {
        let from = read_since(now);
        let wanted = |part: fn(&Budget) -> bool| money.budgets.iter().any(part);
        let (mut agents, mut counters) = (Err(String::new()), Err(String::new()));
        if wanted(|budget| budget.agents) {
            let (all, uncovered) = read_counters(store, money, from, now)?;
            agents = of_agents(money, uncovered, (from, now));
            let why = || format!("coding agents: there are no samples of {}", money.agents.money.join(", "));
            counters = all.ok_or_else(why);
        }
        let ci = if wanted(|budget| budget.ci) { ci(store, money, from, now)? } else { Err(String::new()) };
        Ok(Self { agents, counters, ci })
    }
}

/// What counters rose by: all of them, and those that sessions do not cover; none where there are none.
type Counters = (Option<Steps>, Option<Steps>);

fn read_counters(store: &StoreReader, money: &Money, from: TimestampMs, now: TimestampMs) -> Result<Counters, StoreError> {
    let (mut all, mut uncovered) = (None, None);
    for metric in &money.agents.money {
        for id in store.select(&[Matcher::equal(NAME_LABEL, metric)]) {
            let rose = steps(store, id, from, now)?;
            if store.labels(id).is_none_or(|labels| !money.spending.covers(&labels)) {
                uncovered.get_or_insert_with(Steps::new).extend(&rose);
            }
            all.get_or_insert_with(Steps::new).extend(rose);
        }
    }
    Ok((all, uncovered))
}

/// What sessions say, and counters where no session says it.
fn of_agents(money: &Money, uncovered: Option<Steps>, (from, now): (TimestampMs, TimestampMs)) -> Result<Steps, String> {
    if uncovered.is_none() && !money.spending.is_known() {
        let metrics = money.agents.money.join(", ");
        return Err(format!("coding agents: no session said what it cost, and there are no samples of {metrics}"));
    }
    let within = money.spending.spent.iter().filter(|spent| spent.at > from && spent.at <= now);
    let mut steps: Steps = within.map(|spent| (spent.at, usd(spent))).collect();
    steps.extend(uncovered.unwrap_or_default());
    Ok(steps)
}

pub(super) fn usd(spent: &Spent) -> f64 {
    spent.micros as f64 / 1e6
}

/// What sessions spent on the tasks that a budget counts.
fn of_tasks(budget: &Budget, money: &Money) -> Result<Steps, String> {
    if !money.spending.is_known() {
        return Err(lasting::UNKNOWN.to_owned());
    }
    let counted = money.spending.spent.iter().filter(|spent| spent.task.as_ref().is_some_and(|task| budget.counts(task)));
    Ok(counted.map(|spent| (spent.at, usd(spent))).collect())
}

fn ci(store: &StoreReader, money: &Money, from: TimestampMs, now: TimestampMs) -> Result<Result<Steps, String>, StoreError> {
    let Some(currency) = money.prices.currency() else { return Ok(Err("CI: no prices are set ([costs.prices])".to_owned())) };
    let ids = store.select(&[Matcher::equal(NAME_LABEL, RUN_COST), Matcher::equal("currency", currency)]);
    if ids.is_empty() {
        return Ok(Err("CI: no run with a price is known".to_owned()));
    }
    let mut spent = Steps::new();
    for id in ids {
        let samples = store.samples(id, from, now)?;
        spent.extend(samples.iter().filter(|sample| sample.v.is_finite()).map(|sample| (sample.t, sample.v)));
    }
    Ok(Ok(spent))
}

/// How all budgets stand. `unpriced` counts the runs that ended since a time and whose jobs have no price.
///
/// # Errors
/// [`StoreError`] when samples cannot be read.
pub fn states(
    store: &StoreReader,
    money: &Money,
    unpriced: impl Fn(TimestampMs) -> usize,
    now: TimestampMs,
) -> Result<Vec<BudgetState>, StoreError> {
    if money.budgets.is_empty() {
        return Ok(Vec::new());
    }
    let ledger = Ledger::read(store, money, now)?;
    let state = |budget: &Budget| match Period::of(budget.per, now, &money.zone) {
        _ if budget.per.lasts() => lasting::state(budget, &money.spending, now),
        Some(period) => state(budget, money, &ledger, period, &unpriced, now),
        None => BudgetState::unknown(budget, "the clock is beyond all dates"),
    };
    Ok(money.budgets.iter().map(state).collect())
}

fn state(
    budget: &Budget,
    money: &Money,
    ledger: &Ledger,
    period: Period,
    unpriced: impl Fn(TimestampMs) -> usize,
    now: TimestampMs,
) -> BudgetState {
    let (mut spent, mut missing, mut known) = (Steps::new(), Vec::new(), false);
    let of_tasks = budget.is_of_tasks().then(|| of_tasks(budget, money));
    let all = if budget.currency == AGENT_CURRENCY { &ledger.agents } else { &ledger.counters };
    let agents = of_tasks.as_ref().unwrap_or(all);
    for (_, part) in [(budget.agents, agents), (budget.ci, &ledger.ci)].into_iter().filter(|(counts, _)| *counts) {
        match part {
            Ok(steps) => {
                known = true;
                spent.extend(steps);
            }
            Err(why) => missing.push(why.clone()),
        }
    }
    if budget.ci && ledger.ci.is_ok() {
        let runs = unpriced(period.start);
        if runs > 0 {
            missing.push(format!("CI: {}", counted(runs, "run has no price and is not counted", "runs have no price and are not counted")));
        }
    }
    spent.sort_by_key(|(at, _)| *at);
    let used: f64 = spent.iter().filter(|(at, _)| *at > period.start).map(|(_, amount)| amount).sum();
    let mut state = BudgetState { used: known.then_some(used), period: Some(period), ..BudgetState::unknown(budget, "") };
    state.crossed = crossed(&spent, period.start, budget.amount);
    if missing.is_empty() {
        // Spending that was never seen has no past.
        let since = spent.first().map_or(now, |(at, _)| *at);
        match spending::outlook(&spending::Spent { steps: &spent, since, used }, budget.amount, now, period.end) {
            Ok(outlook) => state.outlook = Some(outlook),
            Err(why) => missing.push(format!("the rest of the {} cannot be told yet: {why}", budget.per.name())),
        }
    }
    state.missing = (!missing.is_empty()).then(|| missing.join("; "));
    state
}

/// When an amount was spent since a time.
pub(super) fn crossed(spent: &[(TimestampMs, f64)], since: TimestampMs, amount: f64) -> Option<TimestampMs> {
    let mut sum = 0.0;
    spent.iter().filter(|(at, _)| *at > since).find_map(|(at, step)| {
        sum += step;
        (sum >= amount).then_some(*at)
    })
}

/// What is known as series: no sample where it is not.
#[must_use]
pub fn gauges(states: &[BudgetState]) -> Vec<(Labels, f64)> {
    let mut found = Vec::new();
    for state in states {
        let labels = [("budget", state.budget.name.as_str()), ("currency", state.budget.currency.as_str())];
        found.push((Labels::metric("taskpulse_budget_limit", &labels), state.budget.amount));
        found.extend(state.used.map(|used| (Labels::metric("taskpulse_budget_used", &labels), used)));
    }
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use std::sync::Arc;

    use super::super::prices::{Price, Prices};
    use super::*;
    use crate::model::Batch;
    use crate::store::{StoreOptions, StoreWriter};

    /// A Monday, 0:00 UTC: 2026-11-23.
    const MONDAY: TimestampMs = 1_795_392_000_000;
    const HOUR_MS: i64 = 3_600_000;

    fn budget(per: Per, agents: bool, ci: bool) -> Budget {
        Budget { name: per.name().to_owned(), amount: 20.0, per, agents, ci, ..Budget::default() }
    }

    fn money(budgets: Vec<Budget>, priced: bool) -> Money {
        let price = Price {
            name: "all".to_owned(),
            from: 0,
            runner: "*".to_owned(),
            repository: "*".to_owned(),
            per_minute: 0.01,
            whole_minutes: true,
            currency: "USD".to_owned(),
        };
        let prices = Arc::new(Prices::new(if priced { vec![price] } else { Vec::new() }).unwrap());
        Money { budgets, prices, ..Money::default() }
    }

    /// An agent that spends a dollar an hour from 12 to 20 each day, and a run for two dollars at 6.
    fn kept(days: i64, ci: bool) -> (tempfile::TempDir, StoreWriter) {
        let dir = tempfile::tempdir().unwrap();
        let options = StoreOptions { out_of_order_ms: i64::MAX / 4, ..StoreOptions::default() };
        let store = StoreWriter::open(dir.path(), options, MONDAY).unwrap();
        let (mut batch, mut total) = (Batch::default(), 0.0);
        for hour in 0..days * 24 {
            let at = MONDAY + hour * HOUR_MS + HOUR_MS / 2;
            if (12..20).contains(&(hour % 24)) {
                total += 1.0;
                batch.push(Labels::metric(super::super::AGENT_MONEY, &[("session", "a")]), at, total);
            }
            if ci && hour % 24 == 6 {
                batch.push(Labels::metric(RUN_COST, &[("repo", "o/r"), ("currency", "USD")]), at, 2.0);
            }
        }
        store.append(&batch, MONDAY + days * DAY_MS).unwrap();
        (dir, store)
    }

    #[test]
    fn what_was_spent_since_the_period_began_is_added_up_by_its_parts() {
        let (_dir, store) = kept(10, true);
        let budgets = vec![budget(Per::Day, true, false), budget(Per::Week, true, true), budget(Per::Month, false, true)];
        // Wednesday of the second week, 15:00.
        let states = states(&store, &money(budgets, true), |_| 0, MONDAY + 9 * DAY_MS + 15 * HOUR_MS).unwrap();
        let used: Vec<Option<f64>> = states.iter().map(|state| state.used).collect();
        // Three hours of today; two days and three hours with three runs; two runs of December.
        assert_eq!(used, [Some(3.0), Some(25.0), Some(4.0)]);
        // 20 are spent with the step of Tuesday at 18:30: 8 and a run on Monday, a run and 7 on Tuesday are 19, 8 are 20.
        assert_eq!(states[1].crossed, Some(MONDAY + 8 * DAY_MS + 19 * HOUR_MS + HOUR_MS / 2));
        assert_eq!((states[0].crossed, &states[0].missing), (None, &None));
        let outlook = states[0].outlook.unwrap();
        // Five hours are left.
        assert!((outlook.total.estimate - 8.0).abs() < 0.5 && outlook.share < 0.05, "{outlook:?}");
        let gauges: Vec<String> = gauges(&states[..1]).iter().map(|(labels, value)| format!("{labels} {value}")).collect();
        assert_eq!(
            gauges,
            ["taskpulse_budget_limit{budget=\"day\",currency=\"USD\"} 20", "taskpulse_budget_used{budget=\"day\",currency=\"USD\"} 3"]
        );
    }

    #[test]
    fn what_is_not_known_is_said_and_not_guessed() {
        let (_dir, store) = kept(3, false);
        let now = MONDAY + 2 * DAY_MS + 15 * HOUR_MS;
        let of = |budget: Budget, priced: bool, unpriced: usize| {
            states(&store, &money(vec![budget], priced), |_| unpriced, now).unwrap().remove(0)
        };
        for (state, used, missing) in [
            (
                of(budget(Per::Week, true, false), false, 0),
                Some(19.0),
                "the rest of the week cannot be told yet: 2 whole days of spending are known, and 7 are needed",
            ),
            (of(budget(Per::Week, false, true), false, 0), None, "CI: no prices are set ([costs.prices])"),
            (of(budget(Per::Week, true, true), true, 0), Some(19.0), "CI: no run with a price is known"),
        ] {
            assert_eq!((state.used, state.missing.as_deref(), state.outlook), (used, Some(missing), None));
        }
        let (_dir, store) = kept(10, true);
        let now = MONDAY + 9 * DAY_MS;
        let state = states(&store, &money(vec![budget(Per::Week, false, true)], true), |_| 3, now).unwrap().remove(0);
        assert_eq!(state.missing.as_deref(), Some("CI: 3 runs have no price and are not counted"));
        let empty = tempfile::tempdir().unwrap();
        let store = StoreWriter::open(empty.path(), StoreOptions::default(), MONDAY).unwrap();
        let state = states(&store, &money(vec![budget(Per::Day, true, false)], false), |_| 0, now).unwrap().remove(0);
        assert_eq!(
            state.missing.as_deref(),
            Some("coding agents: no session said what it cost, and there are no samples of claude_code_cost_usage_USD_total")
        );
        assert_eq!(gauges(&[state]).len(), 1, "the limit alone");
    }
}
