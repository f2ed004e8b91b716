//! Groups of rules: what is evaluated together, in order.

use std::collections::BTreeMap;
use std::ops::Range;

use super::RuleSpec;
use crate::model::{TimestampMs, fnv1a};
use crate::span::Span;

/// The group of the rules of the settings.
pub const SETTINGS_GROUP: &str = "taskpulse";
/// The file of the rules of the settings.
pub const SETTINGS_FILE: &str = "Settings.toml";

/// The group, and the file, of the rules that were given over REST.
pub const GIVEN_FILE: &str = "rest";

/// A group of rules as it is written.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct GroupSpec {
    /// Its name, unique within its file.
    pub name: String,
    /// The file that it comes from.
    pub file: String,
    /// Time between evaluations, where it is not the common one.
    pub interval: Option<Span>,
    /// How far in the past it is evaluated, so that late samples count.
    pub query_offset: Option<Span>,
    /// Most alerts, or recorded series, of one rule; 0 for no limit.
    pub limit: usize,
    /// Labels of all its rules; a rule's own win.
    pub labels: BTreeMap<String, String>,
    /// Its rules, by name and in order.
    pub rules: Vec<NamedRule>,
}

/// A rule with its name: of its alerts, or of its table in the settings.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedRule {
    /// The name.
    pub name: String,
    /// What is written.
    pub spec: RuleSpec,
}

impl GroupSpec {
    /// The group of the rules of the settings.
    #[must_use]
    pub fn of_settings(rules: &BTreeMap<String, RuleSpec>) -> Self {
        let rules = rules.iter().map(|(name, spec)| NamedRule { name: name.clone(), spec: spec.clone() }).collect();
        Self { name: SETTINGS_GROUP.to_owned(), file: SETTINGS_FILE.to_owned(), rules, ..Self::default() }
    }

    /// What names a rule of it among all rules: its name alone where it is of the settings, so that its alerts keep their ids.
    pub(super) fn key(&self, rule: &str) -> String {
        if [SETTINGS_FILE, GIVEN_FILE].contains(&self.file.as_str()) {
            rule.to_owned()
        } else {
            format!("{};{};{rule}", self.file, self.name)
        }
    }
}

/// A group of rules that can be evaluated.
#[derive(Debug, Clone)]
pub struct RuleGroup {
    /// Its name.
    pub name: String,
    /// The file that it comes from.
    pub file: String,
    /// Time between evaluations.
    pub interval: Span,
    /// How far in the past it is evaluated.
    pub query_offset: Span,
    /// Most results of one rule; 0 for no limit.
    pub limit: usize,
    /// The places of its rules in the set.
    pub rules: Range<usize>,
}

impl RuleGroup {
    /// The newest instant up to `now` at which it is evaluated. Instants are whole intervals; groups have different ones, so
    /// that not all are evaluated at the same time.
    #[must_use]
    pub fn instant(&self, now: TimestampMs) -> TimestampMs {
        let interval = self.interval.ms().max(1);
        let bytes = self.file.bytes().chain([0]).chain(self.name.bytes());
        let hash = fnv1a(bytes);
        let phase = (hash % interval.unsigned_abs()) as i64;
        now - (now - phase).rem_euclid(interval)
    }
}
