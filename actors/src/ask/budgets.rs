//! Budgets as they stand, and what runs of CI cost.

use std::collections::BTreeMap;

use taskpulse_engine::ask::{Meaning, Range, Subject, Wanted};
use taskpulse_engine::words::money;

use super::draft::{Draft, figure, listed, ms, row, text_row};
use super::{AskError, Asker};
use crate::view::{Budget, BudgetPer};

const CI_COST: &str = "github_actions_run_cost";
const WEEK: i64 = 7 * 86_400_000;
/// Rows where the question says no number.
const ROWS: usize = 10;

impl Asker {
    /// How budgets stand in the periods that are under way.
    pub(super) fn budgets(&self, meaning: &Meaning) -> Draft {
        let all = self.views.budgets();
        if all.is_empty() {
            return Draft::missing("no budget is set: name one in the settings, `[costs.budgets.agents]`").page("tasks");
        }
        let of_topic = |budget: &&Budget| meaning.topic.is_none_or(|topic| budget.of.iter().any(|of| of == topic));
        let of_time =
            |budget: &&Budget| meaning.time.is_none_or(|range| budget.start.map(ms) == Some(range.start) && range.end == self.now());
        let found: Vec<&Budget> = all.iter().filter(of_topic).filter(of_time).collect();
        if found.is_empty() {
            let known: Vec<String> = all.iter().map(|budget| format!("{}, a {}", budget.name, per(budget.per))).collect();
            return Draft::missing(format!("no budget is of that, or of that time; budgets are {}", listed(&known))).page("tasks");
        }
        let parts: Vec<String> = found.iter().map(|budget| self.budget_said(budget, meaning.wanted == Wanted::Forecast)).collect();
        let rows = found.iter().map(|budget| {
            let text = match budget.used {
                Some(used) => format!("{} of {}", money(used, None), money(budget.limit, Some(&budget.currency))),
                None => format!("not known of {}", money(budget.limit, Some(&budget.currency))),
            };
            let mut one = text_row(budget.name.clone(), text, budget.crossed_at.map(ms));
            one.value = budget.used;
            one.compared = Some(budget.limit);
            one
        });
        let rows = rows.collect();
        let week = Range { start: self.now() - WEEK, end: self.now() };
        let mut draft =
            Draft::said(listed(&parts)).rows(rows).page("tasks").charted("taskpulse_budget_used", "taskpulse_budget_used", [week]);
        if found.iter().all(|budget| budget.used.is_none()) {
            draft.missing = Some(draft.sentence.clone());
        }
        draft
    }

    fn budget_said(&self, budget: &Budget, ahead: bool) -> String {
        let (name, limit) = (&budget.name, money(budget.limit, Some(&budget.currency)));
        let missing = budget.missing.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
        let Some(used) = budget.used else {
            return format!("Budget {name}: what is spent of {limit} a {} is not known{missing}", per(budget.per));
        };
        let since = budget.start.map(|start| format!(" since {}", self.at(ms(start)))).unwrap_or_default();
        let share = if budget.limit > 0.0 { format!(", {}", figure("share_ratio", used / budget.limit)) } else { String::new() };
        let stands = match budget.crossed_at {
            Some(at) => format!("over budget since {}", self.at(ms(at))),
            None if used > budget.limit => "over budget".to_owned(),
            None => format!("{} left", money((budget.limit - used).max(0.0), Some(&budget.currency))),
        };
        let end = match (budget.exhaustion.as_ref().and_then(|at| at.value), ahead && budget.crossed_at.is_none()) {
            (Some(at), true) => format!("; used up about {}", self.at(ms(at))),
            (None, true) => format!("; no date at which it is used up is forecast{missing}"),
            _ => String::new(),
        };
        let by = budget.subject.as_ref().map(|subject| format!(" by {} {subject}", per(budget.per))).unwrap_or_default();
        let others = match budget.over.len() {
            0 | 1 => String::new(),
            2 => "; 1 other is over it".to_owned(),
            more => format!("; {} others are over it", more - 1),
        };
        format!("Budget {name}: {} of {limit} spent{by}{since}{share}, {stands}{end}{others}", money(used, None))
    }

    /// What the runs of CI cost, by the prices of the settings: in all, or by workflow.
    pub(super) fn ci_cost(&self, meaning: &Meaning) -> Result<Draft, AskError> {
        let range = meaning.time.unwrap_or(Range { start: self.now() - WEEK, end: self.now() });
        let (selector, sums) = self.ci_costs(meaning, range)?;
        let during = self.during(range);
        if sums.is_empty() {
            let why = format!(
                "no cost of CI runs is known {during}: prices of runners are set in `[costs.prices]`, and only runs from then on have one"
            );
            return Ok(Draft { query: Some(selector), ..Draft::missing(why) }.page("ci"));
        }
        let mut by_workflow: Vec<_> = sums.iter().collect();
        by_workflow.sort_by(|a, b| b.1.0.total_cmp(&a.1.0));
        if meaning.wanted == Wanted::Least {
            by_workflow.reverse();
        }
        let said = |((name, currency), (sum, count)): &(&(String, String), &(f64, usize))| {
            (name.clone(), format!("{} ({count} runs)", money(*sum, Some(currency.as_str()))), *sum)
        };
        let lines: Vec<(String, String, f64)> = by_workflow.iter().map(said).take(meaning.limit.unwrap_or(ROWS)).collect();
        let parts: Vec<String> = lines.iter().map(|(name, text, _)| format!("{name} {text}")).collect();
        let mut totals: BTreeMap<&str, f64> = BTreeMap::new();
        sums.iter().for_each(|((_, currency), (sum, _))| *totals.entry(currency).or_default() += sum);
        let total: Vec<String> = totals.iter().map(|(currency, sum)| money(*sum, Some(*currency))).collect();
        let sentence = if matches!(meaning.wanted, Wanted::Most | Wanted::Least) {
            format!("{}, {during}", listed(&parts))
        } else {
            format!("CI runs cost {} {during}: {}", total.join(" and "), listed(&parts))
        };
        let rows = lines.into_iter().map(|(name, text, sum)| {
            let mut one = row(name, "", sum);
            one.text = text;
            one
        });
        let rows = rows.collect();
        let note = "Runs without a price of one of their runners are left out".to_owned();
        Ok(Draft::said(sentence).rows(rows).charted(&selector, &selector, [range]).page("ci").note(Some(note)))
    }

    /// The selector, and by workflow and currency the money with the number of runs.
    #[allow(clippy::type_complexity, reason = "two keys and two figures, used here alone")]
    fn ci_costs(&self, meaning: &Meaning, range: Range) -> Result<(String, BTreeMap<(String, String), (f64, usize)>), AskError> {
        let selector = self.selector(CI_COST, "", &meaning.names);
        let mut sums: BTreeMap<(String, String), (f64, usize)> = BTreeMap::new();
        for (labels, samples) in self.samples(&selector, range)? {
            let of = |label: &str| labels.get(label).unwrap_or_default().to_owned();
            let sum = sums.entry((of("workflow"), of("currency"))).or_default();
            *sum = (sum.0 + samples.iter().map(|(_, v)| v).sum::<f64>(), sum.1 + samples.len());
        }
        Ok((selector, sums))
    }

    /// What CI cost in a time, with its currency; none where nothing is known, or in several currencies.
    pub(super) fn ci_spent(&self, meaning: &Meaning, range: Range) -> Result<Option<(f64, String)>, AskError> {
        let (_, sums) = self.ci_costs(&Meaning { subject: Subject::CiCost, ..meaning.clone() }, range)?;
        let currencies: std::collections::BTreeSet<&String> = sums.keys().map(|(_, currency)| currency).collect();
        let (1, Some(currency)) = (currencies.len(), currencies.first()) else { return Ok(None) };
        Ok(Some((sums.values().map(|(sum, _)| sum).sum(), (*currency).clone())))
    }
}

fn per(per: BudgetPer) -> &'static str {
    match per {
        BudgetPer::Day => "day",
        BudgetPer::Week => "week",
        BudgetPer::Month => "month",
        BudgetPer::Task => "task",
        BudgetPer::Tag => "tag",
        BudgetPer::Project => "project",
    }
}
