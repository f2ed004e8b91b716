//! `expr = "selector > number"`: each sample is compared with a fixed number.

use super::{ConditionError, Description, Evaluation, Evaluator, KindSettings, Limit, RegisteredKind, RuleKind, value};
use crate::model::{Comparison, Labels, MatchOp, NAME_LABEL, Selector, TimestampMs};
use crate::promql::Condition;
use crate::words::figure;

const EXPR: &str = "expr";

pub(super) const KIND: RegisteredKind = RegisteredKind { keys: &[EXPR], parse };

#[derive(Debug)]
struct Threshold {
    expr: String,
    selector: Selector,
    limit: Limit,
}

fn parse(settings: &KindSettings) -> Result<Box<dyn RuleKind>, ConditionError> {
    let expr: String = value(settings, EXPR)?;
    let Condition { selector, op, threshold } = Condition::parse(&expr).map_err(|source| ConditionError::Query { key: EXPR, source })?;
    Ok(Box::new(Threshold { expr, selector, limit: Limit { op, threshold } }))
}

impl RuleKind for Threshold {
    fn selector(&self) -> &Selector {
        &self.selector
    }

    fn is_urgent(&self, v: f64) -> bool {
        self.limit.op.holds(v, self.limit.threshold)
    }

    fn describe(&self) -> Description {
        Description { query: self.expr.clone(), metric: metric_of(&self.selector), limit: Some(self.limit) }
    }

    fn evaluator(&self) -> Box<dyn Evaluator> {
        Box::new(self.limit)
    }
}

/// The metric that a selector names.
fn metric_of(selector: &Selector) -> Option<String> {
    selector.matchers.iter().find_map(|matcher| match &matcher.op {
        MatchOp::Equal(name) if matcher.name == NAME_LABEL => Some(name.clone()),
        _ => None,
    })
}

impl Evaluator for Limit {
    fn evaluate(&mut self, _: &Labels, t: TimestampMs, v: f64) -> Option<Evaluation> {
        (!v.is_nan()).then(|| Evaluation { t, value: v, holds: self.op.holds(v, self.threshold) })
    }

    fn summary(&self, series: &Labels, evaluation: &Evaluation) -> String {
        let relation = match self.op {
            Comparison::Greater | Comparison::GreaterEqual => "above",
            Comparison::Less | Comparison::LessEqual => "below",
            Comparison::Equal => "equal to",
            Comparison::NotEqual => "other than",
        };
        let (name, no_longer) = (series.name(), if evaluation.holds { "" } else { "no longer " });
        format!("{series} is {}, {no_longer}{relation} {}", figure(name, evaluation.value), figure(name, self.threshold))
    }
}
