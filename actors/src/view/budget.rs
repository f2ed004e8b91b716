//! Budgets: what of them is spent, and what comes.

use serde::Serialize;
use taskpulse_engine::money::budget::{BudgetState, Part};
use taskpulse_engine::money::period;
use utoipa::ToSchema;

use super::{CapacityExhaustion, Interval, seconds};

/// How long a budget is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BudgetPer {
    /// From midnight.
    Day,
    /// From Monday.
    Week,
    /// From the first.
    Month,
    /// No period: what each task costs in all.
    Task,
    /// What the tasks of each tag cost in all.
    Tag,
    /// What the tasks of each project cost in all.
    Project,
}

impl From<period::Per> for BudgetPer {
    fn from(per: period::Per) -> Self {
        match per {
            period::Per::Day => Self::Day,
            period::Per::Week => Self::Week,
            period::Per::Month => Self::Month,
            period::Per::Task => Self::Task,
            period::Per::Tag => Self::Tag,
            period::Per::Project => Self::Project,
        }
    }
}

/// A task, a tag or a project that used a budget up.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct BudgetPart {
    /// Its name: `project/tag/id`, `project/tag` or `project`.
    #[schema(example = "app/master/7")]
    pub name: String,
    /// When the first of it was spent.
    pub since: f64,
    /// What was spent.
    pub used: f64,
    /// When the limit was reached.
    pub crossed_at: f64,
}

impl BudgetPart {
    fn of(part: &Part) -> Option<Self> {
        let crossed_at = seconds(part.crossed?);
        Some(Self { name: part.name.clone(), since: seconds(part.since), used: part.used, crossed_at })
    }
}

/// A budget of the settings, and how it stands.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Budget {
    /// Its name.
    #[schema(example = "agents")]
    pub name: String,
    /// What counts: `agents`, `ci`.
    #[schema(example = json!(["agents"]))]
    pub of: Vec<String>,
    /// Its period, or what it is for.
    pub per: BudgetPer,
    /// Only what agents spend on tasks of this project counts; `null`: of all.
    #[schema(required = true)]
    pub project: Option<String>,
    /// Only what agents spend on tasks of this tag counts; `null`: of all.
    #[schema(required = true)]
    pub tag: Option<String>,
    /// Of a budget of each task, tag or project: the one that used most, which `used` and the dates are of.
    #[schema(required = true, example = "app/master/7")]
    pub subject: Option<String>,
    /// Of such a budget: all that used it up, the dearest first, at most 50.
    pub over: Vec<BudgetPart>,
    /// ISO code of all its amounts.
    #[schema(example = "USD")]
    pub currency: String,
    /// The most that is to be spent within the period, or by each task, tag or project.
    #[schema(example = 20)]
    pub limit: f64,
    /// When the period that is under way began, or when the first was spent; `null` where nothing is known yet.
    #[schema(required = true)]
    pub start: Option<f64>,
    /// When it ends; `null` where it has no end.
    #[schema(required = true)]
    pub end: Option<f64>,
    /// What was spent since it began; `null` where it is not known.
    #[schema(required = true, example = 4.1)]
    pub used: Option<f64>,
    /// When the limit was reached; `null` where it was not.
    #[schema(required = true)]
    pub crossed_at: Option<f64>,
    /// What is spent by the end of the period, with an interval of 95 %; `null` where that cannot be told, or there is no end.
    #[schema(required = true)]
    pub forecast: Option<Interval>,
    /// When the limit is reached; `null` where no date before the end is forecast, or it was reached already.
    #[schema(required = true)]
    pub exhaustion: Option<CapacityExhaustion>,
    /// What is not counted or cannot be told, and why; `null` where nothing is missing.
    #[schema(required = true)]
    pub missing: Option<String>,
}

impl From<&BudgetState> for Budget {
    fn from(state: &BudgetState) -> Self {
        let budget = &state.budget;
        let [low, value, high] =
            state.outlook.filter(|_| state.crossed.is_none()).map_or([None; 3], |outlook| outlook.crossing.map(|at| at.map(seconds)));
        Self {
            name: budget.name.clone(),
            of: budget.of().into_iter().map(str::to_owned).collect(),
            per: budget.per.into(),
            project: budget.project.clone(),
            tag: budget.tag.clone(),
            subject: state.parts.first().map(|part| part.name.clone()),
            over: state.parts.iter().filter_map(BudgetPart::of).collect(),
            currency: budget.currency.clone(),
            limit: budget.amount,
            start: state.period.map(|period| period.start).or_else(|| Some(state.parts.first()?.since)).map(seconds),
            end: state.period.map(|period| seconds(period.end)),
            used: state.used,
            crossed_at: state.crossed.map(seconds),
            forecast: state.outlook.filter(|_| !budget.per.lasts()).map(|outlook| Interval {
                value: outlook.total.estimate,
                low: outlook.total.low,
                high: outlook.total.high,
            }),
            exhaustion: low.or(value).or(high).map(|_| CapacityExhaustion { low, value, high }),
            missing: state.missing.clone(),
        }
    }
}
