//! Rules: what is worth an alert, and what is worth recording as a series of its own.
//!
//! ```text
//! RuleSpec in a GroupSpec (settings, REST, rule files) ─► RuleSet of Rule ─► AlertTracker: pending, firing, resolved
//! ```
//!
//! [`AlertTracker`] keeps the alerts of all rules and series. Pure: actors publish and keep alerts.

mod alert;
mod condition;
pub mod files;
mod group;
mod index;
mod rule;
mod set;
mod severity;
mod shipped;
mod spec;
mod tracker;
pub mod unit_tests;

pub use self::alert::{Alert, AlertState};
pub use self::condition::{ClearQuery, Condition, ConditionError, Limit, QueryCondition, SampleCondition};
pub use self::group::{GroupSpec, NamedRule, RuleGroup, SETTINGS_FILE, SETTINGS_GROUP};
pub use self::rule::{Rule, RuleError};
pub use self::set::{MAX_RULES, RuleOptions, RuleSet};
pub use self::severity::Severity;
pub use self::shipped::shipped;
pub use self::spec::{Clear, Count, CountError, RuleSpec};
pub use self::tracker::AlertTracker;
