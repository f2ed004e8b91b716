//! The rules in force and what became of them, as the alert actor publishes them.

use std::sync::Arc;

use taskpulse_engine::model::TimestampMs;
use taskpulse_engine::rules::{RuleBook, RuleSet};

/// All rules, and what became of each.
#[derive(Debug, Clone, Default)]
pub struct RuleStates {
    /// Where they come from.
    pub book: Arc<RuleBook>,
    /// Those that are switched on.
    pub set: Arc<RuleSet>,
    /// What became of each rule of the set.
    pub rules: Vec<RuleState>,
    /// What became of each group of the set.
    pub groups: Vec<GroupState>,
}

/// What became of a rule.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RuleState {
    /// When it was evaluated last, or judged a sample.
    pub evaluated_at: Option<TimestampMs>,
    /// How long that took.
    pub seconds: f64,
    /// Why it could not be evaluated.
    pub error: Option<String>,
    /// Which of its templates could not be expanded for the alert that changed last, and why.
    pub template_fault: Option<String>,
    /// What is worth knowing of it: nothing matches it, samples were not judged.
    pub notes: Vec<String>,
}

/// What became of a group.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GroupState {
    /// When it was evaluated last.
    pub evaluated_at: Option<TimestampMs>,
    /// How long that took.
    pub seconds: f64,
    /// Evaluations that were left out, because the one before was not done.
    pub missed: u64,
}

impl RuleStates {
    /// Rules of which nothing is known yet.
    #[must_use]
    pub fn new(book: Arc<RuleBook>, set: Arc<RuleSet>) -> Self {
        let (rules, groups) = (vec![RuleState::default(); set.rules().len()], vec![GroupState::default(); set.groups().len()]);
        Self { book, set, rules, groups }
    }
}
