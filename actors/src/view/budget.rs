//! Budgets: what of them is spent, and what the rest of their period brings.

use serde::Serialize;
use taskpulse_engine::money::budget::BudgetState;
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
}

impl From<period::Per> for BudgetPer {
    fn from(per: period::Per) -> Self {
        match per {
            period::Per::Day => Self::Day,
            period::Per::Week => Self::Week,
            period::Per::Month => Self::Month,
        }
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
    /// Its period.
    pub per: BudgetPer,
    /// ISO code of all its amounts.
    #[schema(example = "USD")]
    pub currency: String,
    /// The most that is to be spent within the period.
    #[schema(example = 20)]
    pub limit: f64,
    /// When the period that is under way began; `null` where nothing is known yet.
    #[schema(required = true)]
    pub start: Option<f64>,
    /// When it ends.
    #[schema(required = true)]
    pub end: Option<f64>,
    /// What was spent since it began; `null` where it is not known.
    #[schema(required = true, example = 4.1)]
    pub used: Option<f64>,
    /// When the limit was reached; `null` where it was not.
    #[schema(required = true)]
    pub crossed_at: Option<f64>,
    /// What is spent by the end of the period, with an interval of 95 %; `null` where that cannot be told.
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
            currency: budget.currency.clone(),
            limit: budget.amount,
            start: state.period.map(|period| seconds(period.start)),
            end: state.period.map(|period| seconds(period.end)),
            used: state.used,
            crossed_at: state.crossed.map(seconds),
            forecast: state.outlook.map(|outlook| Interval {
                value: outlook.total.estimate,
                low: outlook.total.low,
                high: outlook.total.high,
            }),
            exhaustion: low.or(value).or(high).map(|_| CapacityExhaustion { low, value, high }),
            missing: state.missing.clone(),
        }
    }
}
