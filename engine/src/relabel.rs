//! Relabelling as in Prometheus' `metric_relabel_configs`: rules that keep, drop and change the labels of a series.
//!
//! Regular expressions are RE2's, anchored at both ends; `$1` and `${name}` in a replacement are capture groups. [`attach`] adds
//! the labels of a target or a program before any rule.

use serde::{Deserialize, Serialize};

use crate::model::MAX_LABELS;
use crate::re2::{Regex, RegexError, Scope};

/// What a rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Sets the target label if the regular expression matches.
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
    /// Copies labels whose names match to the name given by the replacement.
    LabelMap,
    /// Sets the target label to the source's text in lower case.
    Lowercase,
    /// Sets the target label to the source's text in upper case.
    Uppercase,
}

/// A rule as written in the settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RuleSpec {
    /// What it does.
    pub action: Action,
    /// Labels whose values are joined and matched.
    pub source_labels: Vec<String>,
    /// Separator of the joined values.
    pub separator: String,
    /// Regular expression for the joined values, or for names.
    pub regex: String,
    /// The label to set.
    pub target_label: String,
    /// Its new value.
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

/// Why a rule cannot be used or applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RelabelError {
    /// The regular expression is invalid.
    #[error("regex `{0}`: {1}")]
    Regex(String, String),
    /// The target label is missing.
    #[error("action {0} needs a target_label")]
    NoTarget(&'static str),
    /// The series has too many labels.
    #[error("the series has {0} labels; at most {MAX_WORKING_LABELS} are relabelled")]
    TooMany(usize),
}

/// A compiled rule.
#[derive(Debug, Clone)]
pub struct Rule {
    spec: RuleSpec,
    regex: Regex,
}

impl Rule {
    /// Compiles a rule.
    ///
    /// # Errors
    /// [`RelabelError`] if it is invalid.
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

    /// Applies the rule; false if the series is dropped.
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
                let mut mapped: Vec<(&str, String, String)> = labels
                    .iter()
                    .filter_map(|(name, value)| {
                        let [target] = self.regex.expand(name, [&spec.replacement])?;
                        Some((name.as_str(), target, value.clone()))
                    })
                    .collect();
                // If several labels map to one name, the last by name counts, independent of the order in the input.
                mapped.sort_unstable();
                let mapped: Vec<(String, String)> = mapped.into_iter().map(|(_, target, value)| (target, value)).collect();
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
fn set(labels: &mut Vec<(String, String)>, name: &str, value: String) {
    labels.retain(|(n, _)| n != name);
    if !value.is_empty() && !name.is_empty() {
        labels.push((name.to_owned(), value));
    }
}

/// Most labels that rules are applied to. It is higher than the limit of a stored series because rules may drop labels; a rule
/// takes time in the square of their number.
const MAX_WORKING_LABELS: usize = 16 * MAX_LABELS;

/// Applies rules in order; false if the series is dropped.
///
/// # Errors
/// If there are too many labels.
pub fn apply(rules: &[Rule], labels: &mut Vec<(String, String)>) -> Result<bool, RelabelError> {
    for rule in rules {
        if labels.len() > MAX_WORKING_LABELS {
            return Err(RelabelError::TooMany(labels.len()));
        }
        if !rule.apply(labels) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Adds the labels of a source to those of a series, which may have some of the same names.
///
/// With `honor` the series keeps its own labels, even empty ones, which mean that it has no such label. Without, its own are
/// renamed as in Prometheus: `exported_` is prepended until the name is free, shortest names first. So no label replaces another,
/// and two series never become one.
pub fn attach(labels: &mut Vec<(String, String)>, source: &[(&str, &str)], honor: bool) {
    let source = || source.iter().filter(|(_, value)| !value.is_empty());
    if honor {
        let missing = source().filter(|(name, _)| !labels.iter().any(|(n, _)| n == name));
        let missing: Vec<(String, String)> = missing.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        labels.extend(missing);
        return;
    }
    labels.retain(|(_, value)| !value.is_empty());
    let mut moved = Vec::new();
    for (name, value) in source() {
        match labels.iter_mut().find(|(n, _)| n == name) {
            Some((_, there)) => moved.push((*name, std::mem::replace(there, (*value).to_owned()))),
            None => labels.push(((*name).to_owned(), (*value).to_owned())),
        }
    }
    moved.sort_by_key(|(name, _)| name.len());
    for (name, value) in moved {
        let mut free = format!("exported_{name}");
        while labels.iter().any(|(n, _)| *n == free) {
            free.insert_str(0, "exported_");
        }
        labels.push((free, value));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn rule(toml: &str) -> Rule {
        Rule::new(&toml::from_str::<RuleSpec>(toml).unwrap()).unwrap()
    }

    #[test]
    fn rules_do_what_prometheus_does() {
        let base = [("__name__", "http_total"), ("job", "web"), ("path", "/a/b"), ("tmp_x", "1"), ("Case", "Mixed")];
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
            let kept = apply(&rules, &mut labels).unwrap();
            labels.sort();
            let text = labels.iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join(" ");
            assert_eq!(kept.then_some(text.as_str()), expected, "{rules:?}");
        }
    }

    fn attached(own: &[(&str, &str)], source: &[(&str, &str)], honor: bool) -> String {
        let mut labels: Vec<(String, String)> = own.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect();
        attach(&mut labels, source, honor);
        labels.sort();
        labels.iter().filter(|(_, v)| !v.is_empty()).map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn labels_of_a_source_replace_no_other_label() {
        for (own, source, expected) in [
            (&[("job", "x"), ("exported_job", "1")][..], &[("job", "t")][..], "exported_exported_job=x exported_job=1 job=t"),
            (&[("foo", "c")], &[("foo", "a"), ("exported_foo", "b")], "exported_exported_foo=c exported_foo=b foo=a"),
            (
                &[("foo", "c"), ("exported_foo", "d")],
                &[("foo", "a"), ("exported_foo", "b")],
                "exported_exported_exported_foo=d exported_exported_foo=c exported_foo=b foo=a",
            ),
            (&[("job", ""), ("exported_job", "")], &[("job", "t")], "job=t"),
            (&[("job", ""), ("job", "x")], &[("job", "t")], "exported_job=x job=t"),
            (&[("job", "x")], &[("job", "")], "job=x"),
            (&[("a", "1")], &[], "a=1"),
        ] {
            assert_eq!(attached(own, source, false), expected, "{own:?} {source:?}");
        }
    }

    #[test]
    fn a_series_whose_labels_are_honored_keeps_them_even_an_empty_one() {
        for (own, expected) in [
            (&[("job", "x")][..], "instance=i job=x"),
            (&[("job", ""), ("instance", "")], ""),
            (&[("exported_job", "1")], "exported_job=1 instance=i job=t"),
        ] {
            assert_eq!(attached(own, &[("job", "t"), ("instance", "i")], true), expected, "{own:?}");
        }
    }

    proptest! {
        #[test]
        fn attach_loses_no_label_of_series_or_source(
            own in prop::collection::btree_map("(exported_){0,3}[ab]", "[xy]", 0..5),
            source in prop::collection::btree_map("(exported_){0,3}[ab]", "[tu]", 0..5),
        ) {
            fn pairs(map: &BTreeMap<String, String>) -> Vec<(&str, &str)> {
                map.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect()
            }
            let text = attached(&pairs(&own), &pairs(&source), false);
            let labels: BTreeMap<&str, &str> = text.split(' ').filter_map(|pair| pair.split_once('=')).collect();
            prop_assert_eq!(labels.len(), own.len() + source.len());
            prop_assert!(source.iter().all(|(n, v)| labels.get(n.as_str()) == Some(&v.as_str())), "{}", text);
        }
    }

    #[test]
    fn what_labelmap_makes_does_not_depend_on_the_order_of_labels() {
        let rules = [rule("action = 'labelmap'\nregex = 'x_.'\nreplacement = 'x'")];
        for order in [["x_1", "x_2", "x"], ["x_2", "x", "x_1"], ["x", "x_2", "x_1"]] {
            let mut labels: Vec<(String, String)> = order.iter().map(|n| (n.to_string(), format!("of {n}"))).collect();
            assert_eq!(apply(&rules, &mut labels), Ok(true));
            assert_eq!(labels.iter().find(|(n, _)| n == "x").map(|(_, v)| v.as_str()), Some("of x_2"), "{order:?}");
        }
    }

    #[test]
    fn the_label_limit_applies_after_rules_have_dropped_labels() {
        let mut labels: Vec<(String, String)> = (0..100).map(|n| (format!("drop_{n}"), "v".to_owned())).collect();
        let rules = [rule("replacement = 'x'\ntarget_label = 'kept'"), rule("action = 'labeldrop'\nregex = 'drop_.*'")];
        assert_eq!(apply(&rules, &mut labels), Ok(true));
        assert_eq!(labels, [("kept".to_owned(), "x".to_owned())]);
        let mut labels: Vec<(String, String)> = (0..2_000).map(|n| (format!("l{n}"), "v".to_owned())).collect();
        assert_eq!(apply(&rules, &mut labels), Err(RelabelError::TooMany(2_000)));
    }

    #[test]
    fn invalid_rules_are_reported() {
        let spec = RuleSpec { regex: "(".to_owned(), target_label: "x".to_owned(), ..RuleSpec::default() };
        assert!(Rule::new(&spec).unwrap_err().to_string().starts_with("regex `(`: error parsing regexp: missing closing )"));
        assert_eq!(Rule::new(&RuleSpec::default()).unwrap_err(), RelabelError::NoTarget("replace"));
    }
}
