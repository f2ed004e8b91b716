//! Relabelling, as Prometheus' `metric_relabel_configs`: rules that keep, drop and change the labels of a series.
//!
//! Regular expressions are RE2's, anchored at both ends; `$1` and `${name}` in a replacement stand for what they caught.

use serde::{Deserialize, Serialize};

use crate::model::MAX_LABELS;
use crate::re2::{Regex, RegexError, Scope};

/// What a rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Sets the target label where the regular expression matches.
    #[default]
    Replace,
    /// Drops series that do not match.
    Keep,
    /// Drops series that match.
    Drop,
    /// Removes labels whose names match.
    LabelDrop,
    /// Removes labels whose names do not match; the metric name stays.
    LabelKeep,
    /// Copies labels whose names match to the name that the replacement makes.
    LabelMap,
    /// Sets the target label to the source's text in lower case.
    Lowercase,
    /// Sets the target label to the source's text in upper case.
    Uppercase,
}

/// A rule as it is written in the settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RuleSpec {
    /// What it does.
    pub action: Action,
    /// Labels whose values, joined, are looked at.
    pub source_labels: Vec<String>,
    /// What joins them.
    pub separator: String,
    /// What they must be.
    pub regex: String,
    /// The label that is set.
    pub target_label: String,
    /// What it is set to.
    pub replacement: String,
}

impl Default for RuleSpec {
    fn default() -> Self {
        Self {
            action: Action::default(),
            source_labels: Vec::new(),
            separator: ";".to_owned(),
            regex: "(.*)".to_owned(),
            target_label: String::new(),
            replacement: "$1".to_owned(),
        }
    }
}

/// Why a rule cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RelabelError {
    /// The regular expression.
    #[error("regex `{0}`: {1}")]
    Regex(String, String),
    /// No target.
    #[error("action {0} needs a target_label")]
    NoTarget(&'static str),
}

/// A rule ready for use.
#[derive(Debug, Clone)]
pub struct Rule {
    spec: RuleSpec,
    regex: Regex,
}

impl Rule {
    /// Checks a rule.
    ///
    /// # Errors
    /// [`RelabelError`] says what is wrong with it.
    pub fn new(spec: &RuleSpec) -> Result<Self, RelabelError> {
        let wrong = |error: RegexError| RelabelError::Regex(spec.regex.clone(), error.to_string());
        let regex = Regex::new(&spec.regex, Scope::Wrapped).map_err(wrong)?;
        let name = match spec.action {
            Action::Replace => Some("replace"),
            Action::Lowercase => Some("lowercase"),
            Action::Uppercase => Some("uppercase"),
            _ => None,
        };
        match name {
            Some(name) if spec.target_label.is_empty() => Err(RelabelError::NoTarget(name)),
            _ => Ok(Self { spec: spec.clone(), regex }),
        }
    }

    /// Changes labels; false where the series is dropped.
    fn apply(&self, labels: &mut Vec<(String, String)>) -> bool {
        let spec = &self.spec;
        let value = |name: &str| labels.iter().find(|(n, _)| n == name).map_or("", |(_, v)| v.as_str());
        let source = || spec.source_labels.iter().map(|name| value(name)).collect::<Vec<_>>().join(&spec.separator);
        match spec.action {
            Action::Keep => return self.regex.is_match(&source()),
            Action::Drop => return !self.regex.is_match(&source()),
            Action::LabelDrop => labels.retain(|(name, _)| !self.regex.is_match(name)),
            Action::LabelKeep => labels.retain(|(name, _)| name == crate::model::NAME_LABEL || self.regex.is_match(name)),
            Action::LabelMap => {
                let mapped: Vec<(String, String)> = labels
                    .iter()
                    .filter_map(|(name, value)| {
                        let [target] = self.regex.expand(name, [&spec.replacement])?;
                        Some((target, value.clone()))
                    })
                    .collect();
                mapped.into_iter().for_each(|(name, value)| set(labels, &name, value));
            }
            Action::Lowercase => {
                let text = source().to_lowercase();
                set(labels, &spec.target_label, text);
            }
            Action::Uppercase => {
                let text = source().to_uppercase();
                set(labels, &spec.target_label, text);
            }
            Action::Replace => {
                let source = source();
                if let Some([target, text]) = self.regex.expand(&source, [&spec.target_label, &spec.replacement]) {
                    set(labels, &target, text);
                }
            }
        }
        true
    }
}

/// Sets a label; an empty value removes it.
pub fn set(labels: &mut Vec<(String, String)>, name: &str, value: String) {
    labels.retain(|(n, _)| n != name);
    if !value.is_empty() && !name.is_empty() && labels.len() <= MAX_LABELS {
        labels.push((name.to_owned(), value));
    }
}

/// Applies rules in their order; false where the series is dropped.
#[must_use]
pub fn apply(rules: &[Rule], labels: &mut Vec<(String, String)>) -> bool {
    rules.iter().all(|rule| rule.apply(labels))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_do_what_prometheus_does() {
        let base = [("__name__", "http_total"), ("job", "web"), ("path", "/a/b"), ("tmp_x", "1"), ("Case", "Mixed")];
        let rule = |toml: &str| Rule::new(&toml::from_str::<RuleSpec>(toml).unwrap()).unwrap();
        for (rules, expected) in [
            (
                vec!["action = 'keep'\nsource_labels = ['job']\nregex = 'we.'"],
                Some("Case=Mixed __name__=http_total job=web path=/a/b tmp_x=1"),
            ),
            (vec!["action = 'keep'\nsource_labels = ['job']\nregex = 'w'"], None),
            (vec!["action = 'drop'\nsource_labels = ['__name__', 'job']\nregex = 'http_.*;web'"], None),
            (vec!["action = 'labeldrop'\nregex = 'tmp_.*|Case'"], Some("__name__=http_total job=web path=/a/b")),
            (vec!["action = 'labelkeep'\nregex = 'job'"], Some("__name__=http_total job=web")),
            (vec!["action = 'labelmap'\nregex = 'tmp_(.*)'"], Some("Case=Mixed __name__=http_total job=web path=/a/b tmp_x=1 x=1")),
            (
                vec!["source_labels = ['path']\nregex = '/(\\w)/.*'\ntarget_label = 'first'", "action = 'labelkeep'\nregex = 'first'"],
                Some("__name__=http_total first=a"),
            ),
            (
                vec![
                    "source_labels = ['path']\nregex = '/(?P<one>[[]?\\w){1,255}/.*|/users/{id}'\ntarget_label = '${one}_$one'\nreplacement = '${one}x$1x$$'",
                    "action = 'labelkeep'\nregex = 'a_a'",
                ],
                Some("__name__=http_total a_a=ax$"),
            ),
            (vec!["target_label = 'job'\nreplacement = ''", "action = 'labelkeep'\nregex = 'job'"], Some("__name__=http_total")),
            (
                vec!["action = 'lowercase'\nsource_labels = ['Case']\ntarget_label = 'c'", "action = 'labelkeep'\nregex = 'c'"],
                Some("__name__=http_total c=mixed"),
            ),
            (
                vec!["source_labels = ['none']\nregex = '(.+)'\ntarget_label = 'job'", "action = 'labelkeep'\nregex = 'job'"],
                Some("__name__=http_total job=web"),
            ),
        ] {
            let rules: Vec<Rule> = rules.iter().map(|r| rule(r)).collect();
            let mut labels: Vec<(String, String)> = base.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect();
            let kept = apply(&rules, &mut labels);
            labels.sort();
            let text = labels.iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join(" ");
            assert_eq!(kept.then_some(text.as_str()), expected, "{rules:?}");
        }
    }

    #[test]
    fn wrong_rules_are_told() {
        let spec = RuleSpec { regex: "(".to_owned(), target_label: "x".to_owned(), ..RuleSpec::default() };
        assert!(Rule::new(&spec).unwrap_err().to_string().starts_with("regex `(`: error parsing regexp: missing closing )"));
        assert_eq!(Rule::new(&RuleSpec::default()).unwrap_err(), RelabelError::NoTarget("replace"));
    }
}
