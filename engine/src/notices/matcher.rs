//! Matchers of alerts, as Alertmanager writes them: `name="value"`, `!=`, `=~`, `!~`.

use serde::{Deserialize, Serialize};

use super::NoticeAlert;
use crate::model::{Budget, MatchOp, Matcher, PatternError};

/// Why a matcher cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MatcherError {
    /// Not the text of one.
    #[error("`{0}` is not a matcher; write it like alertname=\"high_cpu_usage\" or severity=~\"error|critical\"")]
    Text(String),
    /// Its regular expression cannot be used.
    #[error(transparent)]
    Pattern(#[from] PatternError),
}

/// One condition on one label, in the shape of Alertmanager's API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MatcherSpec {
    /// The label's name.
    pub name: String,
    /// What its value is compared with.
    pub value: String,
    /// Whether `value` is a regular expression, anchored at both ends.
    pub is_regex: bool,
    /// `false`: the value must differ.
    #[serde(default = "yes")]
    pub is_equal: bool,
}

const fn yes() -> bool {
    true
}

impl MatcherSpec {
    /// Reads `name="value"`; the quotes may be left out.
    ///
    /// # Errors
    /// [`MatcherError::Text`]
    pub fn parse(text: &str) -> Result<Self, MatcherError> {
        let fail = || MatcherError::Text(text.chars().take(100).collect());
        let text = text.trim();
        let at = text.find(['=', '!']).ok_or_else(fail)?;
        let (name, rest) = text.split_at(at);
        let (operator, is_regex, is_equal) = [("=~", true, true), ("!~", true, false), ("!=", false, false), ("=", false, true)]
            .into_iter()
            .find(|op| rest.starts_with(op.0))
            .ok_or_else(fail)?;
        let value = rest[operator.len()..].trim();
        let value = match value.strip_prefix('"') {
            Some(_) => serde_json::from_str(value).map_err(|_| fail())?,
            None => value.to_owned(),
        };
        let name = name.trim().trim_matches('"').to_owned();
        if name.is_empty() { Err(fail()) } else { Ok(Self { name, value, is_regex, is_equal }) }
    }

    /// The matcher, its regular expression paid from a budget.
    ///
    /// # Errors
    /// [`MatcherError::Pattern`]
    pub fn compile(&self, budget: &mut Budget) -> Result<Matcher, MatcherError> {
        let op = match (self.is_regex, self.is_equal) {
            (false, true) => MatchOp::Equal(self.value.clone()),
            (false, false) => MatchOp::NotEqual(self.value.clone()),
            (true, true) => MatchOp::Matches(budget.pattern(&self.value)?),
            (true, false) => MatchOp::NotMatches(budget.pattern(&self.value)?),
        };
        Ok(Matcher { name: self.name.clone(), op })
    }

    /// Reads and compiles a list of matchers.
    ///
    /// # Errors
    /// [`MatcherError`] of the first that cannot be used.
    pub fn compile_all(texts: &[String]) -> Result<Vec<Matcher>, MatcherError> {
        let mut budget = Budget::default();
        texts.iter().map(|text| Self::parse(text)?.compile(&mut budget)).collect()
    }
}

/// Whether all matchers accept an alert.
pub(super) fn all_accept(matchers: &[Matcher], alert: &NoticeAlert) -> bool {
    matchers.iter().all(|matcher| matcher.accepts(alert.label(&matcher.name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notices::alert::tests::firing;

    #[test]
    fn matchers_are_read_as_alertmanager_writes_them() {
        for (text, accepted) in [
            ("alertname=\"cpu\"", true),
            ("alertname=cpu", true),
            (" alertname = \"cpu\" ", true),
            ("alertname!=\"cpu\"", false),
            ("instance=~\"a|b\"", true),
            ("instance=~\"a.*\"", true),
            ("instance!~\"a.*\"", false),
            ("missing=\"\"", true),
            ("source=system", true),
            ("__name__=~system_.*", true),
            ("instance=\"a\\\"\"", false),
        ] {
            let matchers = MatcherSpec::compile_all(&[text.to_owned()]).unwrap();
            assert_eq!(all_accept(&matchers, &firing("cpu", "a", 0)), accepted, "{text}");
        }
        for text in ["", "alertname", "=x", "a=\"", "a!x"] {
            assert!(matches!(MatcherSpec::parse(text), Err(MatcherError::Text(_))), "{text}");
        }
        assert!(matches!(MatcherSpec::compile_all(&["a=~\"(\"".to_owned()]), Err(MatcherError::Pattern(_))));
    }
}
