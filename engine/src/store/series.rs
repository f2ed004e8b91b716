//! Which series there are: labels to id, id to labels, and postings (label value to ids) for matchers.
//!
//! In memory; the catalog keeps what is needed to build it again.

use std::collections::BTreeMap;

use roaring::RoaringBitmap;
use rustc_hash::FxHashMap;

use crate::model::{Labels, SeriesId};
use crate::promql::{MatchOp, Matcher};

/// The index of all series.
#[derive(Default)]
pub(super) struct SeriesIndex {
    ids: FxHashMap<Labels, SeriesId>,
    labels: Vec<Labels>,
    postings: BTreeMap<Box<str>, BTreeMap<Box<str>, RoaringBitmap>>,
    all: RoaringBitmap,
}

impl SeriesIndex {
    pub(super) fn len(&self) -> usize {
        self.labels.len()
    }

    pub(super) fn id(&self, labels: &Labels) -> Option<SeriesId> {
        self.ids.get(labels).copied()
    }

    pub(super) fn labels(&self, id: SeriesId) -> Option<&Labels> {
        self.labels.get(id.index())
    }

    /// Adds a series that is not there yet; ids are given in order.
    pub(super) fn add(&mut self, labels: Labels) -> SeriesId {
        let id = SeriesId(self.labels.len() as u32);
        for (name, value) in labels.iter() {
            if !self.postings.contains_key(name) {
                self.postings.insert(name.into(), BTreeMap::new());
            }
            if let Some(values) = self.postings.get_mut(name) {
                match values.get_mut(value) {
                    Some(bitmap) => {
                        bitmap.insert(id.0);
                    }
                    None => {
                        values.insert(value.into(), RoaringBitmap::from_iter([id.0]));
                    }
                }
            }
        }
        self.all.insert(id.0);
        self.ids.insert(labels.clone(), id);
        self.labels.push(labels);
        id
    }

    /// The series that all matchers accept.
    pub(super) fn select(&self, matchers: &[Matcher]) -> RoaringBitmap {
        let mut found: Option<RoaringBitmap> = None;
        // The narrow ones first: equality leaves little for the regular expressions to look at.
        let (equal, other): (Vec<_>, Vec<_>) = matchers.iter().partition(|m| matches!(m.op, MatchOp::Equal(_)));
        for matcher in equal.into_iter().chain(other) {
            let accepted = self.accepted(matcher);
            let narrowed = match found {
                Some(so_far) => so_far & accepted,
                None => accepted,
            };
            if narrowed.is_empty() {
                return narrowed;
            }
            found = Some(narrowed);
        }
        found.unwrap_or_else(|| self.all.clone())
    }

    fn accepted(&self, matcher: &Matcher) -> RoaringBitmap {
        let Some(values) = self.postings.get(matcher.name.as_str()) else {
            return if matcher.accepts("") { self.all.clone() } else { RoaringBitmap::new() };
        };
        if let MatchOp::Equal(value) = &matcher.op
            && !value.is_empty()
        {
            return values.get(value.as_str()).cloned().unwrap_or_default();
        }
        if matcher.accepts("") {
            // Series without the label are accepted too, so take away what is refused.
            let mut accepted = self.all.clone();
            values.iter().filter(|(value, _)| !matcher.accepts(value)).for_each(|(_, ids)| accepted -= ids);
            return accepted;
        }
        let mut accepted = RoaringBitmap::new();
        values.iter().filter(|(value, _)| matcher.accepts(value)).for_each(|(_, ids)| accepted |= ids);
        accepted
    }

    /// Label names of the given series, sorted.
    pub(super) fn label_names(&self, within: &RoaringBitmap) -> Vec<String> {
        let used = |values: &BTreeMap<Box<str>, RoaringBitmap>| values.values().any(|ids| !ids.is_disjoint(within));
        self.postings.iter().filter(|(_, values)| used(values)).map(|(name, _)| name.to_string()).collect()
    }

    /// Values of a label among the given series, sorted.
    pub(super) fn label_values(&self, name: &str, within: &RoaringBitmap) -> Vec<String> {
        let Some(values) = self.postings.get(name) else { return Vec::new() };
        values.iter().filter(|(_, ids)| !ids.is_disjoint(within)).map(|(value, _)| value.to_string()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::promql::Selector;

    #[test]
    fn matchers_find_the_series_that_their_selector_accepts() {
        let mut index = SeriesIndex::default();
        for (name, pairs) in
            [("up", vec![("job", "a")]), ("up", vec![("job", "b"), ("zone", "x")]), ("down", vec![("job", "a")]), ("up", vec![])]
        {
            index.add(Labels::metric(name, &pairs));
        }
        for query in [
            "up",
            r#"up{job="a"}"#,
            r#"up{job!="a"}"#,
            r#"up{job=~"a|b"}"#,
            r#"up{job=~".*"}"#,
            r#"up{job!~"a.*"}"#,
            r#"up{zone=""}"#,
            r#"up{zone!=""}"#,
            r#"up{none="x"}"#,
            r#"up{none!="x"}"#,
            r#"{__name__=~"up|down",job="a"}"#,
        ] {
            let selector = Selector::parse(query).unwrap();
            let expected: Vec<u32> = (0..4).filter(|&id| selector.accepts(index.labels(SeriesId(id)).unwrap())).collect();
            assert_eq!(index.select(&selector.matchers).iter().collect::<Vec<_>>(), expected, "{query}");
        }
        assert_eq!(index.label_names(&index.select(&[])), ["__name__", "job", "zone"]);
        assert_eq!(index.label_values("job", &index.select(&Selector::parse("up").unwrap().matchers)), ["a", "b"]);
    }
}
