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
        self.all.len() as usize
    }

    /// The id that the next new series gets.
    pub(super) fn next_id(&self) -> SeriesId {
        SeriesId(self.labels.len() as u32)
    }

    /// The ids below are not given to new series.
    pub(super) fn reserve(&mut self, next: SeriesId) {
        while self.labels.len() < next.index() {
            self.after.push(AtomicU32::new(u32::MAX));
            self.labels.push(Labels::none());
            self.recent.clear();
        }
    }

    pub(super) fn contains(&self, id: SeriesId) -> bool {
        self.all.contains(id.0)
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
        self.labels.get(id.index()).filter(|_| self.contains(id))
    }

    /// The labels of the series whose ids were given from `first` on.
    pub(super) fn since(&self, first: SeriesId) -> Vec<(SeriesId, Labels)> {
        (first.0..self.next_id().0).map(SeriesId).filter_map(|id| Some((id, self.labels(id)?.clone()))).collect()
    }

    /// Adds a series that is not there yet; ids are given in order.
    pub(super) fn add(&mut self, labels: Labels) -> SeriesId {
        let id = self.next_id();
        self.insert(id, labels);
        id
    }

    /// Adds a series that is not there yet under the id that it has.
    pub(super) fn insert(&mut self, id: SeriesId, labels: Labels) {
        self.reserve(id);
        let last = id == self.next_id();
        let id = id.0;
        let before = self.labels.last().filter(|_| last).cloned();
        let mut neighbour = before.iter().flat_map(Labels::iter);
        let mut places = Vec::with_capacity(self.recent.len());
        for (at, (name, value)) in labels.iter().enumerate() {
            let place = match neighbour.next() {
                Some(pair) if pair == (name, value) && at < self.recent.len() => self.recent[at],
                _ => self.place(name, value),
            };
            self.bitmaps[place as usize].insert(id);
            places.push(place);
        }
        // A series in a gap has other neighbours than the one added last.
        self.recent = if last { places } else { Vec::new() };
        self.all.insert(id);
        let known = &self.labels;
        self.ids.insert_unique(hash(labels.pairs()), id, |&id| hash(known[id as usize].pairs()));
        // Most likely the next new one comes next.
        let after = AtomicU32::new(id.wrapping_add(1));
        if last {
            self.after.push(after);
            self.labels.push(labels);
        } else {
            self.after[id as usize] = after;
            self.labels[id as usize] = labels;
        }
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
    fn gaps_between_ids_are_no_series_and_can_be_filled() {
        let mut index = SeriesIndex::default();
        let labels = |n: u32| Labels::metric("m", &[("job", "a"), ("n", &n.to_string())]);
        index.add(labels(0));
        index.insert(SeriesId(3), labels(3));
        index.reserve(SeriesId(6));
        assert_eq!((index.len(), index.next_id()), (2, SeriesId(6)));
        assert_eq!((index.labels(SeriesId(1)), index.id(&Labels::none())), (None, None));
        index.insert(SeriesId(1), labels(1));
        assert_eq!(index.add(labels(6)), SeriesId(6));
        for n in [0, 1, 3, 6] {
            let pairs = labels(n);
            assert_eq!(index.find(Some(SeriesId(n.saturating_sub(1))), &pairs.pairs().collect::<Vec<_>>()), Some(SeriesId(n)));
        }
        assert_eq!(index.select(&Selector::parse(r#"m{job="a"}"#).unwrap().matchers).iter().collect::<Vec<_>>(), [0, 1, 3, 6]);
        assert_eq!(index.since(SeriesId(2)).iter().map(|(id, _)| id.0).collect::<Vec<_>>(), [3, 6]);
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
