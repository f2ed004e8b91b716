//! Which rules judge the samples of a series, among many thousands.

use rustc_hash::FxHashMap;

use super::Rule;
use super::condition::{Condition, SampleCondition};
use crate::model::{Labels, MatchOp, NAME_LABEL};

/// Rules by the name of their metric, and by one more label where they name one.
#[derive(Debug, Clone, Default)]
pub(super) struct RuleIndex {
    by_name: FxHashMap<String, Named>,
    /// Rules that do not name their metric.
    unnamed: Vec<usize>,
}

/// The rules of one metric.
#[derive(Debug, Clone, Default)]
struct Named {
    /// By a label, and by its value.
    by_label: FxHashMap<String, FxHashMap<String, Vec<usize>>>,
    /// The others.
    any: Vec<usize>,
}

impl RuleIndex {
    pub(super) fn new(rules: &[Rule]) -> Self {
        let mut index = Self::default();
        for (at, rule) in rules.iter().enumerate() {
            if let Condition::Sample(condition) = &rule.condition {
                index.add(at, condition);
            }
        }
        index
    }

    fn add(&mut self, at: usize, condition: &SampleCondition) {
        let mut equal = condition.selector.matchers.iter().filter_map(|matcher| match &matcher.op {
            MatchOp::Equal(value) if !value.is_empty() => Some((matcher.name.as_str(), value.as_str())),
            _ => None,
        });
        let Some((_, name)) = equal.clone().find(|(name, _)| *name == NAME_LABEL) else { return self.unnamed.push(at) };
        let named = self.by_name.entry(name.to_owned()).or_default();
        match equal.find(|(name, _)| *name != NAME_LABEL) {
            Some((label, value)) => named.by_label.entry(label.to_owned()).or_default().entry(value.to_owned()).or_default().push(at),
            None => named.any.push(at),
        }
    }

    /// The rules that may judge a series, in no order; each still has to be asked. Called for each sample: it makes nothing.
    pub(super) fn candidates<'a>(&'a self, labels: &'a Labels) -> impl Iterator<Item = usize> + 'a {
        let named = self.by_name.get(labels.name());
        let by_label = named.filter(|named| !named.by_label.is_empty()).into_iter();
        let by_label = by_label.flat_map(|named| labels.iter().filter_map(|(name, value)| named.by_label.get(name)?.get(value)));
        self.unnamed.iter().chain(named.into_iter().flat_map(|named| &named.any)).chain(by_label.flatten()).copied()
    }
}
