//! Which series there are: labels to id, id to labels, and postings (label value to ids) for matchers.
//!
//! In memory; the catalog keeps what is needed to build it again. Series that come in the order of the last time, as those
//! of a scrape do, are found by one comparison, without a hash.

use std::collections::BTreeMap;
use std::hash::Hasher;
use std::ops::Bound;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use hashbrown::HashTable;
use roaring::{MultiOps, RoaringBitmap};
use rustc_hash::FxHasher;
use serde::Serialize;

use crate::model::{Labels, SeriesId};
use crate::promql::{MatchOp, Matcher};

/// Names that a status lists.
const TOP: usize = 10;
/// How long values are matched while the index is held, and after how many the time is looked at.
const MATCHING_TIME: Duration = Duration::from_millis(1);
const MATCHED_AT_ONCE: usize = 16;

/// The index of all series.
#[derive(Default)]
pub(super) struct SeriesIndex {
    ids: HashTable<u32>,
    labels: Vec<Labels>,
    /// The series that came after each when it was last looked up.
    after: Vec<AtomicU32>,
    /// Label, value, and where in `bitmaps` the series are that have it.
    postings: BTreeMap<Box<str>, BTreeMap<Box<str>, u32>>,
    bitmaps: Vec<RoaringBitmap>,
    /// Where those of the series added last are: its neighbour shares most of them.
    recent: Vec<u32>,
    all: RoaringBitmap,
}

/// A name and how many series have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Share {
    /// A metric, or a label.
    pub name: String,
    /// Series with it.
    pub series: u64,
    /// Values of the label; none for a metric.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values: Option<usize>,
}

/// Label names and values as bytes, sorted by name, none empty.
pub(super) type Pairs<'a> = [(&'a [u8], &'a [u8])];

fn hash<'a>(pairs: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> u64 {
    let mut hasher = FxHasher::default();
    for (name, value) in pairs {
        hasher.write(name);
        hasher.write(value);
    }
    hasher.finish()
}

impl SeriesIndex {
    pub(super) fn len(&self) -> usize {
        self.labels.len()
    }

    pub(super) fn id(&self, labels: &Labels) -> Option<SeriesId> {
        self.ids.find(hash(labels.pairs()), |&id| self.labels[id as usize] == *labels).map(|id| SeriesId(*id))
    }

    /// The series with these labels, looked for first where it was the last time: after `before`.
    #[inline]
    pub(super) fn find(&self, before: Option<SeriesId>, pairs: &Pairs<'_>) -> Option<SeriesId> {
        let hint = before.and_then(|before| self.after.get(before.index()));
        if let Some(guess) = hint.map(|hint| hint.load(Ordering::Relaxed))
            && self.labels.get(guess as usize).is_some_and(|labels| labels.are(pairs))
        {
            return Some(SeriesId(guess));
        }
        let id = *self.ids.find(hash(pairs.iter().copied()), |&id| self.labels[id as usize].are(pairs))?;
        if let Some(hint) = hint {
            hint.store(id, Ordering::Relaxed);
        }
        Some(SeriesId(id))
    }

    pub(super) fn labels(&self, id: SeriesId) -> Option<&Labels> {
        self.labels.get(id.index())
    }

    /// The labels of all series from `first` on.
    pub(super) fn since(&self, first: usize) -> &[Labels] {
        self.labels.get(first..).unwrap_or_default()
    }

    /// Adds a series that is not there yet; ids are given in order.
    pub(super) fn add(&mut self, labels: Labels) -> SeriesId {
        let id = self.labels.len() as u32;
        let before = self.labels.last().cloned();
        let mut neighbour = before.iter().flat_map(Labels::iter);
        let mut places = Vec::with_capacity(self.recent.len());
        for (at, (name, value)) in labels.iter().enumerate() {
            let place = match neighbour.next() {
                Some(pair) if pair == (name, value) => self.recent[at],
                _ => self.place(name, value),
            };
            self.bitmaps[place as usize].insert(id);
            places.push(place);
        }
        self.recent = places;
        self.all.insert(id);
        let known = &self.labels;
        self.ids.insert_unique(hash(labels.pairs()), id, |&id| hash(known[id as usize].pairs()));
        // Most likely the next new one comes next.
        self.after.push(AtomicU32::new(id.wrapping_add(1)));
        self.labels.push(labels);
        SeriesId(id)
    }

    /// Where the bitmap of a label's value is, made where needed.
    fn place(&mut self, name: &str, value: &str) -> u32 {
        if !self.postings.contains_key(name) {
            self.postings.insert(name.into(), BTreeMap::new());
        }
        let next = self.bitmaps.len() as u32;
        let Some(values) = self.postings.get_mut(name) else { return next };
        if let Some(&place) = values.get(value) {
            return place;
        }
        values.insert(value.into(), next);
        self.bitmaps.push(RoaringBitmap::new());
        next
    }

    fn bitmap(&self, place: u32) -> &RoaringBitmap {
        &self.bitmaps[place as usize]
    }

    /// The metrics with the most series.
    pub(super) fn top_metrics(&self) -> Vec<Share> {
        let Some(values) = self.postings.get(crate::model::NAME_LABEL) else { return Vec::new() };
        top(values.iter().map(|(name, ids)| Share { name: name.to_string(), series: self.bitmap(*ids).len(), values: None }), |share| {
            share.series
        })
    }

    /// The labels with the most values.
    pub(super) fn top_labels(&self) -> Vec<Share> {
        let shares = self.postings.iter().filter(|(name, _)| name.as_ref() != crate::model::NAME_LABEL).map(|(name, values)| {
            let series = values.values().map(|ids| self.bitmap(*ids).len()).sum();
            Share { name: name.to_string(), series, values: Some(values.len()) }
        });
        top(shares, |share| share.values.unwrap_or(0) as u64)
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
            return values.get(value.as_str()).map(|ids| self.bitmap(*ids).clone()).unwrap_or_default();
        }
        match &matcher.op {
            MatchOp::Matches(pattern) if !pattern.is_match("") => {
                if let Some(words) = pattern.as_words() {
                    return words.filter_map(|word| values.get(word)).map(|ids| self.bitmap(*ids)).union();
                }
            }
            MatchOp::NotMatches(pattern) if !pattern.is_match("") => {
                if let Some(words) = pattern.as_words() {
                    return &self.all - words.filter_map(|word| values.get(word)).map(|ids| self.bitmap(*ids)).union();
                }
            }
            _ => {}
        }
        if matcher.accepts("") {
            // Series without the label are accepted too, so take away what is refused.
            let mut accepted = self.all.clone();
            values.iter().filter(|(value, _)| !matcher.accepts(value)).for_each(|(_, ids)| accepted -= self.bitmap(*ids));
            return accepted;
        }
        let mut accepted = RoaringBitmap::new();
        values.iter().filter(|(value, _)| matcher.accepts(value)).for_each(|(_, ids)| accepted |= self.bitmap(*ids));
        accepted
    }

    /// Adds the values of a label behind `after` that match, as many as there is time for; the last one that was looked at
    /// where there are more.
    pub(super) fn matching_values(
        &self,
        name: &str,
        after: Option<&str>,
        matches: &dyn Fn(&str) -> bool,
        found: &mut Vec<Box<str>>,
    ) -> Option<Box<str>> {
        let begun = Instant::now();
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        for (at, (value, _)) in self.postings.get(name)?.range::<str, _>((from, Bound::Unbounded)).enumerate() {
            if matches(value) {
                found.push(value.clone());
            }
            if at % MATCHED_AT_ONCE == MATCHED_AT_ONCE - 1 && begun.elapsed() > MATCHING_TIME {
                return Some(value.clone());
            }
        }
        None
    }

    /// Label names of the given series, sorted.
    pub(super) fn label_names(&self, within: &RoaringBitmap) -> Vec<String> {
        let used = |values: &BTreeMap<Box<str>, u32>| values.values().any(|ids| !self.bitmap(*ids).is_disjoint(within));
        self.postings.iter().filter(|(_, values)| used(values)).map(|(name, _)| name.to_string()).collect()
    }

    /// Values of a label among the given series, sorted.
    pub(super) fn label_values(&self, name: &str, within: &RoaringBitmap) -> Vec<String> {
        let Some(values) = self.postings.get(name) else { return Vec::new() };
        values.iter().filter(|(_, ids)| !self.bitmap(**ids).is_disjoint(within)).map(|(value, _)| value.to_string()).collect()
    }
}

fn top(shares: impl Iterator<Item = Share>, weight: impl Fn(&Share) -> u64) -> Vec<Share> {
    let mut shares: Vec<Share> = shares.collect();
    shares.sort_by(|a, b| weight(b).cmp(&weight(a)).then_with(|| a.name.cmp(&b.name)));
    shares.truncate(TOP);
    shares
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

    #[test]
    fn series_are_found_in_any_order_with_or_without_a_hint() {
        let mut index = SeriesIndex::default();
        let labels: Vec<Labels> = (0..500).map(|n| Labels::metric("m", &[("n", &n.to_string())])).collect();
        labels.iter().for_each(|l| {
            index.add(l.clone());
        });
        for step in [1, 7, 499] {
            let mut before = None;
            for at in (0..1_000).map(|i| i * step % 500) {
                let pairs: Vec<_> = labels[at].pairs().collect();
                let found = index.find(before, &pairs);
                assert_eq!(found, Some(SeriesId(at as u32)));
                assert_eq!(index.id(&labels[at]), found);
                before = found;
            }
        }
        let unknown = Labels::metric("m", &[("n", "500")]);
        assert_eq!(index.find(Some(SeriesId(0)), &unknown.pairs().collect::<Vec<_>>()), None);
        assert_eq!(index.top_metrics(), [Share { name: "m".into(), series: 500, values: None }]);
        assert_eq!(index.top_labels(), [Share { name: "n".into(), series: 500, values: Some(500) }]);
    }
}
