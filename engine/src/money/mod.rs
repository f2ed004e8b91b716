//! Money: what jobs of CI cost by a dated table of prices, and how much of a budget is spent.
//!
//! * [`prices`] is the table: which price a runner has at a time;
//! * [`period`] cuts time into the days, weeks and months of budgets;
//! * [`spending`] is what sessions of coding agents spent;
//! * [`budget`] adds up what was spent, and forecasts the rest of the period; [`lasting`] is of budgets that are for a task, a tag or a project.
//!
//! Where no price holds, no money is said. Coding agents say themselves what they cost; their counters are named by settings.

pub mod budget;
pub mod lasting;
pub mod period;
pub mod prices;
pub mod spending;

use std::sync::Arc;

use jiff::tz::TimeZone;

use self::budget::Budget;
use self::prices::Prices;
use self::spending::AgentSpending;
use crate::board::cost::AgentMetrics;
use crate::model::TimestampMs;

/// The counter of money of Claude Code, which is read unless settings name others.
pub const AGENT_MONEY: &str = "claude_code_cost_usage_USD_total";
/// What a run of CI cost, one sample a run, at its end.
pub const RUN_COST: &str = "github_actions_run_cost";

/// What the settings say of money, and what agents spent.
#[derive(Debug, Clone, PartialEq)]
pub struct Money {
    /// Counters of coding agents.
    pub agents: AgentMetrics,
    /// Prices of CI.
    pub prices: Arc<Prices>,
    /// Budgets, by name.
    pub budgets: Vec<Budget>,
    /// Where days, weeks and months of budgets begin.
    pub zone: TimeZone,
    /// What sessions of coding agents spent; empty where nobody asked them.
    pub spending: Arc<AgentSpending>,
}

impl Money {
    /// Since when spending of sessions has to be known for the budgets; none where no budget counts it.
    #[must_use]
    pub fn spending_since(&self, now: TimestampMs) -> Option<TimestampMs> {
        let mut counted = self.budgets.iter().filter(|budget| budget.agents).peekable();
        counted.peek()?;
        Some(if counted.any(|budget| budget.per.lasts()) { 0 } else { budget::read_since(now) })
    }
}

impl Default for Money {
    fn default() -> Self {
        let agents = AgentMetrics { money: vec![AGENT_MONEY.to_owned()], ..AgentMetrics::default() };
        Self { agents, prices: Arc::default(), budgets: Vec::new(), zone: TimeZone::UTC, spending: Arc::default() }
    }
}
