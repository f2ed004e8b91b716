//! A rule as written in the settings. The keys of its kind are beside those that every rule has.

use std::fmt;

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::Severity;
use super::kinds::KindSettings;
use crate::span::Span;

/// A rule as written in the settings.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RuleSpec {
    /// The keys of its kind, not yet read.
    #[serde(flatten)]
    pub condition: KindSettings,
    /// How long the condition must hold before the alert fires.
    #[serde(rename = "for")]
    pub hold: Span,
    /// Shortest time between two firings for the same series.
    pub cooldown: Span,
    /// How bad it is.
    pub severity: Severity,
    /// `false` switches it off.
    pub enabled: bool,
}

impl RuleSpec {
    /// A rule that compares each sample with a number: `selector > number`.
    #[must_use]
    pub fn threshold(expr: &str, severity: Severity) -> Self {
        let condition = KindSettings::from([("expr".to_owned(), Value::from(expr))]);
        Self { condition, hold: Span::secs(0), cooldown: Span::secs(0), severity, enabled: true }
    }
}

impl<'de> Deserialize<'de> for RuleSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(SpecVisitor)
    }
}

/// Reads the common keys by their types and leaves the others to the kind. `#[serde(flatten)]` would read all of them without
/// their types, and `enabled = "false"` of an environment variable would be refused.
struct SpecVisitor;

impl<'de> Visitor<'de> for SpecVisitor {
    type Value = RuleSpec;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the settings of a rule")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<RuleSpec, M::Error> {
        let (mut hold, mut cooldown, mut severity, mut enabled) = (Span::secs(0), Span::secs(0), None, true);
        let mut condition = KindSettings::new();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "for" => hold = map.next_value()?,
                "cooldown" => cooldown = map.next_value()?,
                "severity" => severity = Some(map.next_value()?),
                "enabled" => enabled = map.next_value()?,
                _ => {
                    condition.insert(key, map.next_value()?);
                }
            }
        }
        let severity = severity.ok_or_else(|| M::Error::missing_field("severity"))?;
        Ok(RuleSpec { condition, hold, cooldown, severity, enabled })
    }
}
