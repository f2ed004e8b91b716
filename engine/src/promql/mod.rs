//! The query language. For now plain selectors; what else PromQL has is refused by name, never answered wrongly.

mod selector;

pub use selector::{Comparison, Condition, MatchOp, Matcher, QueryError, Selector};
