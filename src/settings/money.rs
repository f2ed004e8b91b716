//! `[costs.prices.NAME]` and `[costs.budgets.NAME]`: their keys, and what the engine gets of them.

use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use taskpulse_engine::money::Money;
use taskpulse_engine::money::budget::{AGENT_CURRENCY, Budget};
use taskpulse_engine::money::period::Per;
use taskpulse_engine::money::prices::{Price, Prices};

use super::sections::CostNames;
use super::sources::each;

/// Longest name: it is a label, and part of an id.
const MAX_NAME: usize = 100;
/// Longest pattern.
const MAX_PATTERN: usize = 200;
/// The most of a price or a budget: what is more is a mistake.
const MOST: f64 = 1e9;

/// `[costs.prices.NAME]`
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PriceSpec {
    pub from: Option<String>,
    pub runner: Option<String>,
    pub repository: Option<String>,
    pub per_minute: Option<f64>,
    pub whole_minutes: Option<bool>,
    pub currency: Option<String>,
}

/// `[costs.budgets.NAME]`
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BudgetSpec {
    pub amount: Option<f64>,
    pub currency: Option<String>,
    pub per: Option<String>,
    pub of: Option<Vec<String>>,
    pub project: Option<String>,
    pub tag: Option<String>,
}

fn check_name(name: &str) -> anyhow::Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    ensure!((1..=MAX_NAME).contains(&name.len()) && name.chars().all(plain), "a name has at most {MAX_NAME} letters, digits, - _ and .");
    Ok(())
}

fn currency(given: Option<&str>) -> anyhow::Result<String> {
    let code = given.context("needs currency = \"USD\"")?;
    ensure!(
        code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase()),
        "currency = {code:?}: must be three capital letters, such as USD"
    );
    Ok(code.to_owned())
}

fn pattern(key: &str, given: Option<&str>) -> anyhow::Result<String> {
    let pattern = given.unwrap_or("*");
    ensure!((1..=MAX_PATTERN).contains(&pattern.len()), "{key}: must have 1 to {MAX_PATTERN} characters");
    Ok(pattern.to_owned())
}

impl PriceSpec {
    fn price(&self, name: &str) -> anyhow::Result<Price> {
        self.read(name).with_context(|| format!("costs.prices.{name}"))
    }

    fn read(&self, name: &str) -> anyhow::Result<Price> {
        check_name(name)?;
        let from = self.from.as_deref().context("needs from = \"2026-01-01\", the first day on which it holds")?;
        let day: Date = from.parse().ok().with_context(|| format!("from = {from:?}: must be a day such as 2026-01-01"))?;
        let begin = day.to_zoned(TimeZone::UTC).with_context(|| format!("from = {from:?}"))?;
        let per_minute = self.per_minute.context("needs per_minute = 0.008, the price of a minute")?;
        ensure!((0.0..=MOST).contains(&per_minute), "per_minute = {per_minute}: must not be negative, and at most {MOST}");
        Ok(Price {
            name: name.to_owned(),
            from: begin.timestamp().as_millisecond(),
            runner: pattern("runner", self.runner.as_deref())?,
            repository: pattern("repository", self.repository.as_deref())?,
            per_minute,
            whole_minutes: self.whole_minutes.unwrap_or(true),
            currency: currency(self.currency.as_deref())?,
        })
    }
}

impl BudgetSpec {
    fn budget(&self, name: &str) -> anyhow::Result<Budget> {
        self.read(name).with_context(|| format!("costs.budgets.{name}"))
    }

    fn read(&self, name: &str) -> anyhow::Result<Budget> {
        check_name(name)?;
        let amount = self.amount.context("needs amount = 20, the most that is to be spent")?;
        ensure!(amount > 0.0 && amount <= MOST, "amount = {amount}: must be more than 0, and at most {MOST}");
        let per = self.per.as_deref().context("needs per = \"day\", \"week\", \"month\", \"task\", \"tag\" or \"project\"")?;
        let Some(per) = Per::ALL.into_iter().find(|known| known.name() == per) else {
            bail!("per = {per:?}: must be day, week, month, task, tag or project");
        };
        let of_tasks = per.lasts() || self.project.is_some() || self.tag.is_some();
        let parts: &[&str] = if of_tasks { &["agents"] } else { &["agents", "ci"] };
        let of = self.of.clone().unwrap_or_else(|| parts.iter().map(|&part| part.to_owned()).collect());
        let known = |part: &String| part == "agents" || part == "ci";
        ensure!(!of.is_empty() && of.iter().all(known), "of = {of:?}: must be [\"agents\"], [\"ci\"] or both");
        let counts = |part: &str| of.iter().any(|counted| counted == part);
        let currency = currency(self.currency.as_deref())?;
        if of_tasks {
            ensure!(!counts("ci"), "of = {of:?}: CI is not attributed to tasks; a budget of a task, a tag or a project is of [\"agents\"]");
            ensure!(
                currency == AGENT_CURRENCY,
                "currency = {currency:?}: sessions of agents say their money in {AGENT_CURRENCY}, and it is not converted"
            );
        }
        for (key, given) in [("project", &self.project), ("tag", &self.tag)] {
            let is_named = given.as_ref().is_none_or(|name| (1..=MAX_PATTERN).contains(&name.len()));
            ensure!(is_named, "{key} = {given:?}: must have 1 to {MAX_PATTERN} characters", given = given.as_deref().unwrap_or_default());
        }
        let (project, tag) = (self.project.clone(), self.tag.clone());
        Ok(Budget { name: name.to_owned(), amount, currency, per, agents: counts("agents"), ci: counts("ci"), project, tag })
    }
}

/// What the engine gets of the section `[costs]`.
pub fn money(costs: &CostNames) -> anyhow::Result<Money> {
    let zone = match costs.timezone.as_deref() {
        None => TimeZone::system(),
        Some("UTC") => TimeZone::UTC,
        Some(name) => TimeZone::get(name).ok().with_context(|| format!("costs.timezone = {name:?}: no time zone has this name"))?,
    };
    let prices = Prices::new(each(&costs.prices, PriceSpec::price)?).context("costs.prices")?;
    let agents = costs.metrics();
    let budgets = each(&costs.budgets, BudgetSpec::budget)?;
    for budget in &budgets {
        let parts = [("coding agents", budget.agents, agents.currency()), ("CI", budget.ci, prices.currency())];
        for (part, _, other) in parts.into_iter().filter(|(_, counts, _)| *counts) {
            ensure!(
                other.is_none_or(|other| other == budget.currency),
                "costs.budgets.{}: currency = {:?}, but money of {part} is in {}; money is not converted",
                budget.name,
                budget.currency,
                other.unwrap_or_default()
            );
        }
    }
    Ok(Money { agents, prices: Arc::new(prices), budgets, zone, ..Money::default() })
}

#[cfg(test)]
mod tests {
    use super::super::keys;
    use super::*;

    fn read(toml: &str) -> anyhow::Result<Money> {
        money(&toml::from_str(toml)?)
    }

    const PRICE: &str = "[prices.linux]\nfrom = \"2026-01-01\"\nrunner = \"ubuntu-*\"\nper_minute = 0.008\ncurrency = \"USD\"\n";
    const BUDGET: &str = "[budgets.all]\namount = 20\ncurrency = \"USD\"\nper = \"day\"\n";

    #[test]
    fn prices_and_budgets_are_read() {
        let money = read(&format!("timezone = \"UTC\"\n{PRICE}{BUDGET}")).unwrap();
        assert_eq!(money.prices.currency(), Some("USD"));
        let budget = &money.budgets[0];
        assert_eq!((budget.amount, budget.per, budget.of()), (20.0, Per::Day, vec!["agents", "ci"]));
        let task = read("[budgets.each]\namount = 5\ncurrency = \"USD\"\nper = \"task\"\nproject = \"app\"\n").unwrap().budgets.remove(0);
        assert_eq!((task.per, task.of(), task.project.as_deref()), (Per::Task, vec!["agents"], Some("app")));
        let none = read("").unwrap();
        assert!(none.prices.is_empty() && none.budgets.is_empty());
    }

    #[test]
    fn mistakes_say_what_would_be_right() {
        for (from, to, part) in [
            ("from = \"2026-01-01\"\n", "", "costs.prices.linux: needs from = "),
            ("2026-01-01", "2026-02-30", "costs.prices.linux: from = \"2026-02-30\": must be a day such as 2026-01-01"),
            ("0.008", "-0.008", "costs.prices.linux: per_minute = -0.008: must not be negative"),
            ("per_minute = 0.008\n", "", "costs.prices.linux: needs per_minute"),
            ("currency = \"USD\"\n[b", "[b", "costs.prices.linux: needs currency"),
            ("\"USD\"\n[b", "\"dollars\"\n[b", "currency = \"dollars\": must be three capital letters"),
            ("\"USD\"\n[b", "\"EUR\"\n[b", "costs.budgets.all: currency = \"USD\", but money of CI is in EUR"),
            ("amount = 20\n", "", "costs.budgets.all: needs amount"),
            ("amount = 20", "amount = 0", "costs.budgets.all: amount = 0: must be more than 0"),
            ("\"day\"", "\"year\"", "costs.budgets.all: per = \"year\": must be day, week, month, task, tag or project"),
            ("per = \"day\"", "per = \"day\"\nof = [\"tokens\"]", "costs.budgets.all: of = [\"tokens\"]: must be"),
            ("per = \"day\"", "per = \"day\"\nof = []", "costs.budgets.all: of = []: must be"),
            ("per = \"day\"", "per = \"task\"\nof = [\"agents\", \"ci\"]", "CI is not attributed to tasks"),
            ("per = \"day\"", "per = \"day\"\ntag = \"\"", "costs.budgets.all: tag = \"\": must have 1 to 200 characters"),
            ("currency = \"USD\"\nper = \"day\"", "currency = \"EUR\"\nper = \"project\"", "currency = \"EUR\": sessions of agents say"),
            ("[budgets.all]", "[budgets.\"a b\"]", "a name has at most"),
            ("[prices.linux]", "timezone = \"Mars/Phobos\"\n[prices.linux]", "costs.timezone = \"Mars/Phobos\""),
            ("[b", &format!("{}[b", PRICE.replace("linux", "again")), "hold for the same runners"),
        ] {
            let text = format!("{PRICE}{BUDGET}");
            let changed = text.replacen(from, to, 1);
            assert_ne!(changed, text, "{from}");
            let error = format!("{:#}", read(&changed).unwrap_err());
            assert!(error.contains(part), "{from} → {to}: {error}");
        }
    }

    #[test]
    fn every_key_is_in_the_documentation() {
        let text = include_str!("../../docs/OPERATIONS.md");
        let price = keys::<PriceSpec>();
        let budget = keys::<BudgetSpec>();
        assert!(price.len() == 6 && budget.len() == 6, "{price:?} {budget:?}");
        for key in [price, budget].concat() {
            assert!(text.contains(&format!("| `{key}` |")), "docs/OPERATIONS.md lacks `{key}`");
        }
    }
}
