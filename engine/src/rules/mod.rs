//! Rules: what is worth an alert, and what is worth recording as a series of its own.
//!
//! ```text
//! RuleSpec in a GroupSpec (settings, REST, rule files) ─► RuleSet of Rule
//!     each sample ───────────────► AlertTracker: pending, firing, unknown, resolved
//!     GroupInstant (queries) ─────►      and what is to be written: recorded series, ALERTS
//! ```
//!
//! [`AlertTracker`] keeps the alerts of all rules and series. Pure: actors publish and keep alerts.

mod alert;
mod book;
mod condition;
mod evaluate;
pub mod files;
mod group;
mod index;
mod lines;
mod noise;
mod notices;
mod overlay;
mod preview;
mod profile_offer;
mod rule;
mod set;
mod severity;
mod shipped;
mod spec;
mod texts;
mod tracker;
pub mod unit_tests;

pub use self::alert::{ALERTS, ALERTS_FOR_STATE, Alert, AlertState, ENDED, EXPLANATION};
pub use self::book::{ChangeError, GivenRule, KnownRule, RuleBook};
pub use self::condition::{ClearQuery, Condition, ConditionError, Limit, QueryCondition, SampleCondition};
pub use self::evaluate::{EvaluationLimits, GroupInstant, GroupOutcome, Recorded, RuleReport, RuleRow, result_at};
pub use self::group::{GIVEN_FILE, GroupSpec, NamedRule, RuleGroup, SETTINGS_FILE, SETTINGS_GROUP};
pub use self::lines::{LinesCondition, check_lines};
pub use self::noise::{Halved, Kept, RuleNoise, count_noise};
pub use self::notices::notices_of;
pub use self::preview::{Firing, MAX_FIRINGS, Preview, PreviewError, preview};
pub use self::profile_offer::ProfileOffer;
pub use self::rule::{Rule, RuleError};
pub use self::set::{MAX_RULES, RuleOptions, RuleSet};
pub use self::severity::Severity;
pub use self::shipped::{CPU_RULES, CPU_SHORTAGE, Profile, ProfileError, shipped};
pub use self::spec::{Clear, Count, CountError, RuleSpec};
pub use self::texts::annotations;
pub use self::tracker::{Absence, AlertTracker, Counts, Judge, Missing, Reasons};
