//! Which rules made noise, and what would have halved it.

use serde::Serialize;
use taskpulse_engine::rules::{self, Halved};
use utoipa::ToSchema;

use super::{Severity, seconds};

/// `/api/v1/alerts/noise`
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct AlertNoise {
    /// From when on.
    pub start: f64,
    /// Until when.
    pub end: f64,
    /// The rules that fired, the loudest first.
    pub rules: Vec<RuleNoise>,
    /// The profile that would have halved the notices of a week; `null` where none would, or less than a week is kept.
    #[schema(required = true)]
    pub profile: Option<ProfileOffer>,
}

/// What a rule did.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct RuleNoise {
    /// Its name.
    #[schema(example = "high_cpu_usage")]
    pub rule: String,
    /// How bad its alerts were.
    pub severity: Severity,
    /// How often it fired.
    pub fired: usize,
    /// How many of these somebody acknowledged.
    pub acknowledged: usize,
    /// How many ended by themselves within a minute.
    pub ended_within_a_minute: usize,
    /// Notifications of it that channels other than console and file delivered.
    pub notifications: u64,
    /// The shortest `for`, seconds, that would have halved its firings without missing one that was acknowledged; `null` where none would, or
    /// it fired too seldom.
    #[schema(required = true)]
    pub halved_by_for: Option<HalvedBy>,
    /// The nearest limit that would have.
    #[schema(required = true)]
    pub halved_by_threshold: Option<HalvedBy>,
}

/// A change that would have halved the firings of a rule.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct HalvedBy {
    /// What is put in the place of what the rule says.
    #[schema(value_type = Option<f64>, required = true, example = 300.0)]
    pub value: f64,
    /// How often the rule fires on the kept samples as it is.
    pub fired: usize,
    /// How often with the change.
    pub fired_then: usize,
}

/// A profile that would have halved the notices.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ProfileOffer {
    /// `alerts.profile`
    #[schema(example = "workstation")]
    pub profile: String,
    /// Alerts of weight (notice and worse) that fired.
    pub fired: usize,
    /// How many would have with it.
    pub fired_then: usize,
    /// About how many notices these made for a channel, by `notify.group_interval`.
    pub notices: usize,
    /// How many there would have been with it.
    pub notices_then: usize,
}

impl AlertNoise {
    /// A report over a time, ms; `notifications` of each rule.
    #[must_use]
    pub fn new(
        (start, end): (i64, i64),
        found: Vec<rules::RuleNoise>,
        offer: Option<rules::ProfileOffer>,
        notifications: impl Fn(&str) -> u64,
    ) -> Self {
        let by = |value: f64, fired: usize, fired_then: usize| HalvedBy { value, fired, fired_then };
        let rule = |noise: rules::RuleNoise| RuleNoise {
            notifications: notifications(&noise.rule),
            rule: noise.rule,
            severity: noise.severity.into(),
            fired: noise.fired,
            acknowledged: noise.acknowledged,
            ended_within_a_minute: noise.short,
            halved_by_for: noise.hold.map(|Halved { to, fired, fired_then }| by(to.as_secs_f64(), fired, fired_then)),
            halved_by_threshold: noise.limit.map(|Halved { to, fired, fired_then }| by(to, fired, fired_then)),
        };
        let profile = offer.map(|offer| ProfileOffer {
            profile: offer.profile.to_string(),
            fired: offer.fired,
            fired_then: offer.fired_then,
            notices: offer.notices,
            notices_then: offer.notices_then,
        });
        Self { start: seconds(start), end: seconds(end), rules: found.into_iter().map(rule).collect(), profile }
    }
}
