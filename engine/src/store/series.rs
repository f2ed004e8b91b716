//! Which series there are: labels to id, id to labels, and postings (label value to ids) for matchers.
//!
//! In memory; the catalog keeps what is needed to build it again. Live series have postings of their own; those that nobody
//! has written to for hours are in the dormant index, which is many times smaller and a little slower. All questions are
//! answered over both. Series that come in the order of the last time, as those of a scrape do, are found by one
//! comparison, without a hash.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hasher;
use std::ops::Bound;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use hashbrown::HashTable;
use roaring::RoaringBitmap;
use rustc_hash::{FxHashMap, FxHashSet, FxHasher};
use serde::Serialize;

use super::dormant::{DormantIndex, Merge};
use super::ids::IdTable;
use super::segment::{Segment, SegmentBuilder, ValueCursor};
use crate::model::{Labels, MatchOp, Matcher, NAME_LABEL, Pattern, SeriesId};

/// Names that a status lists.
const TOP: usize = 10;
/// How long values are matched while the index is held, and after how many the time is looked at.
const MATCHING_TIME: Duration = Duration::from_millis(1);
const MATCHED_AT_ONCE: usize = 16;

struct Live {
    labels: Labels,
    /// The place of the series that came after this one when it was last looked up.
    after: AtomicU32,
}

/// The live series with one label value; most values of a long list are those of one series.
enum Posting {
    One(u32),
    Many(Box<RoaringBitmap>),
}

impl Posting {
    fn insert(&mut self, id: u32) {
        match self {
            Self::One(only) if *only == id => {}
            Self::One(only) => *self = Self::Many(Box::new(RoaringBitmap::from_iter([*only, id]))),
            Self::Many(ids) => _ = ids.insert(id),
        }
    }

    /// False where nothing is left.
    fn remove(&mut self, id: u32) -> bool {
        match self {
            Self::One(only) => *only != id,
            Self::Many(ids) => {
                ids.remove(id);
                !ids.is_empty()
            }
        }
    }

    fn len(&self) -> u64 {
        match self {
            Self::One(_) => 1,
            Self::Many(ids) => ids.len(),
        }
    }

    fn meets(&self, within: &RoaringBitmap) -> bool {
        match self {
            Self::One(only) => within.contains(*only),
            Self::Many(ids) => !ids.is_disjoint(within),
        }
    }

    fn add_to(&self, out: &mut RoaringBitmap) {
        match self {
            Self::One(only) => _ = out.insert(*only),
            Self::Many(ids) => *out |= ids.as_ref(),
        }
    }

    fn take_from(&self, out: &mut RoaringBitmap) {
        match self {
            Self::One(only) => _ = out.remove(*only),
            Self::Many(ids) => *out -= ids.as_ref(),
        }
    }

    fn to_bitmap(&self) -> RoaringBitmap {
        match self {
            Self::One(only) => RoaringBitmap::from_iter([*only]),
            Self::Many(ids) => ids.as_ref().clone(),
        }
    }
}

/// The index of all series.
#[derive(Default)]
pub(super) struct SeriesIndex {
    /// The id that the next new series gets.
    next: u32,
    live: IdTable<Live>,
    /// The live series by the hash of their labels.
    ids: HashTable<u32>,
    /// Label, value, and where in `lists` the live series are that have it.
    postings: BTreeMap<Box<str>, BTreeMap<Box<str>, u32>>,
    lists: Vec<Posting>,
    /// Places in `lists` that are free.
    free: Vec<u32>,
    /// The series added last and where its lists are: its neighbour shares most of them.
    recent: Option<(Labels, Vec<u32>)>,
    /// All live series.
    all: RoaringBitmap,
    dormant: DormantIndex,
    /// Rises when series are removed.
    removals: u64,
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

fn hash_of(live: &IdTable<Live>, id: u32) -> u64 {
    live.get(SeriesId(id)).map_or(0, |series| hash(series.labels.pairs()))
}

/// A live series and its place, which the next look-up takes as a hint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) id: SeriesId,
    place: usize,
}

impl SeriesIndex {
    pub(super) fn len(&self) -> usize {
        self.live.len() + self.dormant.len()
    }

    /// How many of them live.
    pub(super) fn live(&self) -> usize {
        self.live.len()
    }

    /// The ids of those that live, rising.
    pub(super) fn live_ids(&self) -> impl Iterator<Item = SeriesId> + '_ {
        self.live.ids()
    }

    /// How many of them are dormant.
    pub(super) fn dormant(&self) -> usize {
        self.dormant.len()
    }

    /// The id that the next new series gets.
    pub(super) fn next_id(&self) -> SeriesId {
        SeriesId(self.next)
    }

    /// The ids below are not given to new series.
    pub(super) fn reserve(&mut self, next: SeriesId) {
        self.next = self.next.max(next.0);
    }

    /// Rises when series are removed.
    pub(super) fn removals(&self) -> u64 {
        self.removals
    }

    /// The series with these labels.
    pub(super) fn id(&self, labels: &Labels) -> Option<SeriesId> {
        self.live_id(labels).or_else(|| self.dormant.find(labels))
    }

    /// The series with these labels, if it lives.
    pub(super) fn live_id(&self, labels: &Labels) -> Option<SeriesId> {
        let same = |&id: &u32| self.live.get(SeriesId(id)).is_some_and(|series| series.labels == *labels);
        self.ids.find(hash(labels.pairs()), same).map(|id| SeriesId(*id))
    }

    /// The live series with these labels, looked for first where it was the last time: after `before`.
    #[inline]
    pub(super) fn find(&self, before: Option<Found>, pairs: &Pairs<'_>) -> Option<Found> {
        let hint = before.and_then(|before| self.live.at(before.place)).map(|(_, series)| &series.after);
        if let Some(place) = hint.map(|hint| hint.load(Ordering::Relaxed) as usize)
            && let Some((id, series)) = self.live.at(place)
            && series.labels.are(pairs)
        {
            return Some(Found { id: *id, place });
        }
        let same = |&id: &u32| self.live.get(SeriesId(id)).is_some_and(|series| series.labels.are(pairs));
        let id = SeriesId(*self.ids.find(hash(pairs.iter().copied()), same)?);
        let place = self.live.place(id)?;
        if let Some(hint) = hint {
            hint.store(place as u32, Ordering::Relaxed);
        }
        Some(Found { id, place })
    }

    pub(super) fn contains(&self, id: SeriesId) -> bool {
        self.live.get(id).is_some() || self.dormant.contains(id)
    }

    pub(super) fn labels(&self, id: SeriesId) -> Option<Labels> {
        match self.live.get(id) {
            Some(series) => Some(series.labels.clone()),
            None => self.dormant.labels(id),
        }
    }

    /// The labels of the series whose ids were given from `first` on.
    pub(super) fn since(&self, first: SeriesId) -> Vec<(SeriesId, Labels)> {
        (first.0..self.next).map(SeriesId).filter_map(|id| Some((id, self.labels(id)?))).collect()
    }

    /// Adds a series that is not there yet; ids are given in order.
    pub(super) fn add(&mut self, labels: Labels) -> SeriesId {
        let id = SeriesId(self.next);
        self.insert(id, labels);
        id
    }

    /// Adds a series that is not there yet under the id that it has.
    pub(super) fn insert(&mut self, id: SeriesId, labels: Labels) {
        self.next = self.next.max(id.0.saturating_add(1));
        let (before, known) = self.recent.take().unzip();
        let mut neighbour = before.iter().flat_map(Labels::iter).zip(known.into_iter().flatten());
        let mut places = Vec::new();
        for (name, value) in labels.iter() {
            let place = match neighbour.next() {
                Some((pair, place)) if pair == (name, value) => {
                    self.lists[place as usize].insert(id.0);
                    place
                }
                _ => self.insert_value(name, value, id.0),
            };
            places.push(place);
        }
        self.all.insert(id.0);
        let place = self.live.len() as u32;
        self.recent = Some((labels.clone(), places));
        // Most likely the next new one comes next.
        self.live.entry(id, || Live { labels: labels.clone(), after: AtomicU32::new(place.wrapping_add(1)) });
        let live = &self.live;
        self.ids.insert_unique(hash(labels.pairs()), id.0, |&id| hash_of(live, id));
    }

    /// Adds a series to the list of a label's value, made where needed; gives its place.
    fn insert_value(&mut self, name: &str, value: &str, id: u32) -> u32 {
        if !self.postings.contains_key(name) {
            self.postings.insert(name.into(), BTreeMap::new());
        }
        let next = self.free.last().copied().unwrap_or(self.lists.len() as u32);
        let Some(values) = self.postings.get_mut(name) else { return next };
        if let Some(&place) = values.get(value) {
            self.lists[place as usize].insert(id);
            return place;
        }
        values.insert(value.into(), next);
        match self.free.pop() {
            Some(free) => self.lists[free as usize] = Posting::One(id),
            None => self.lists.push(Posting::One(id)),
        }
        next
    }

    /// Takes a live series out; gives its labels.
    fn take_out(&mut self, id: SeriesId) -> Option<Labels> {
        let labels = self.live.get(id)?.labels.clone();
        let live = &self.live;
        if let Ok(entry) = self.ids.find_entry(hash_of(live, id.0), |&there| there == id.0) {
            entry.remove();
        }
        self.live.remove(id);
        self.all.remove(id.0);
        self.recent = None;
        for (name, value) in labels.iter() {
            let Some(values) = self.postings.get_mut(name) else { continue };
            let Some(&place) = values.get(value) else { continue };
            let list = &mut self.lists[place as usize];
            if !list.remove(id.0) {
                // Small until it is used again.
                *list = Posting::One(id.0);
                self.free.push(place);
                values.remove(value);
                if values.is_empty() {
                    self.postings.remove(name);
                }
            }
        }
        Some(labels)
    }

    /// The labels of live series, packed for [`SeriesIndex::rest`].
    pub(super) fn pack(&self, ids: &[SeriesId]) -> SegmentBuilder {
        let mut builder = SegmentBuilder::default();
        for id in ids {
            if builder.is_full() {
                break;
            }
            if let Some(series) = self.live.get(*id) {
                builder.add(*id, series.labels.as_bytes());
            }
        }
        builder
    }

    /// The live series of a segment become dormant.
    pub(super) fn rest(&mut self, segment: Segment) {
        let mut gone = RoaringBitmap::new();
        for &id in segment.ids() {
            if self.take_out(SeriesId(id)).is_none() {
                gone.insert(id);
            }
        }
        self.dormant.push(segment, gone);
        self.live.shrink();
        let live = &self.live;
        if self.ids.capacity() > 4_096 && self.ids.capacity() / 4 > self.ids.len() {
            self.ids.shrink_to(self.ids.len() * 2, |&id| hash_of(live, id));
        }
        if self.free.len() > 1_024 && self.free.len() > self.lists.len() / 2 {
            self.close_gaps();
        }
    }

    /// Moves the lists together, so that none is free.
    fn close_gaps(&mut self) {
        let mut lists = Vec::with_capacity(self.lists.len() - self.free.len());
        for place in self.postings.values_mut().flat_map(BTreeMap::values_mut) {
            let list = std::mem::replace(&mut self.lists[*place as usize], Posting::One(0));
            *place = lists.len() as u32;
            lists.push(list);
        }
        self.lists = lists;
        self.free = Vec::new();
        self.recent = None;
    }

    /// The id of a series that is live or that lives again by this.
    pub(super) fn wake(&mut self, labels: &Labels) -> Option<SeriesId> {
        if let Some(id) = self.live_id(labels) {
            return Some(id);
        }
        let id = self.dormant.find(labels)?;
        self.dormant.take_out(id);
        self.insert(id, labels.clone());
        Some(id)
    }

    #[cfg(test)]
    pub(super) fn is_dormant(&self, id: SeriesId) -> bool {
        self.dormant.contains(id)
    }

    /// Forgets series for good.
    pub(super) fn remove(&mut self, ids: &[SeriesId]) {
        ids.iter().for_each(|id| _ = self.dormant.take_out(*id) || self.take_out(*id).is_some());
        self.removals += u64::from(!ids.is_empty());
    }

    /// The dormant segments that are worth merging, if there are any.
    pub(super) fn plan_merge(&self) -> Option<Merge> {
        self.dormant.plan_merge()
    }

    pub(super) fn finish_merge(&mut self, merge: &Merge, merged: Segment) {
        self.dormant.finish_merge(merge, merged);
    }

    fn list(&self, place: u32) -> &Posting {
        &self.lists[place as usize]
    }

    /// The metrics with the most series.
    pub(super) fn top_metrics(&self) -> Vec<Share> {
        let live = self.postings.get(NAME_LABEL).into_iter().flatten();
        let mut series: FxHashMap<String, u64> = live.map(|(name, ids)| (name.to_string(), self.list(*ids).len())).collect();
        self.dormant.metrics(&mut series);
        top(series.into_iter().map(|(name, series)| Share { name, series, values: None }), |share| share.series)
    }

    /// The labels with the most values.
    pub(super) fn top_labels(&self) -> Vec<Share> {
        let live = |name: &str| {
            let values = self.postings.get(name)?;
            Some((values.values().map(|ids| self.list(*ids).len()).sum::<u64>(), values))
        };
        let mut shares: BTreeMap<String, (u64, usize)> = BTreeMap::new();
        for (name, share) in self.dormant.shares(|name| live(name).map(|(series, values)| (series, values.keys().map(AsRef::as_ref)))) {
            shares.insert(name, (share.series, share.values));
        }
        for (name, values) in &self.postings {
            if !shares.contains_key(name.as_ref()) {
                shares.insert(name.to_string(), (live(name).map_or(0, |(series, _)| series), values.len()));
            }
        }
        shares.remove(NAME_LABEL);
        top(shares.into_iter().map(|(name, (series, values))| Share { name, series, values: Some(values) }), |share| {
            share.values.unwrap_or(0) as u64
        })
    }

    /// About how many series have to be looked at one by one for a selection.
    pub(super) fn work(&self, matchers: &[Matcher]) -> usize {
        self.live.len() + self.dormant.work(matchers)
    }

    /// The series that all matchers accept.
    pub(super) fn select(&self, matchers: &[Matcher]) -> RoaringBitmap {
        let mut found = self.select_live(matchers);
        self.dormant.select(matchers, &mut found);
        found
    }

    fn select_live(&self, matchers: &[Matcher]) -> RoaringBitmap {
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
            return values.get(value.as_str()).map(|ids| self.list(*ids).to_bitmap()).unwrap_or_default();
        }
        // The series of a few words, rather than those of all values.
        let of_words = |pattern: &Pattern| {
            let mut ids = RoaringBitmap::new();
            pattern.as_words()?.filter_map(|word| values.get(word)).for_each(|place| self.list(*place).add_to(&mut ids));
            Some(ids)
        };
        match &matcher.op {
            MatchOp::Matches(pattern) if !pattern.is_match("") => {
                if let Some(ids) = of_words(pattern) {
                    return ids;
                }
            }
            MatchOp::NotMatches(pattern) if !pattern.is_match("") => {
                if let Some(ids) = of_words(pattern) {
                    return &self.all - ids;
                }
            }
            _ => {}
        }
        if matcher.accepts("") {
            // Series without the label are accepted too, so take away what is refused.
            let mut accepted = self.all.clone();
            values.iter().filter(|(value, _)| !matcher.accepts(value)).for_each(|(_, ids)| self.list(*ids).take_from(&mut accepted));
            return accepted;
        }
        let mut accepted = RoaringBitmap::new();
        values.iter().filter(|(value, _)| matcher.accepts(value)).for_each(|(_, ids)| self.list(*ids).add_to(&mut accepted));
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
        let live = self.postings.get(name).map(|values| values.range::<str, _>((from, Bound::Unbounded)));
        let mut live = live.into_iter().flatten().map(|(value, _)| value.as_bytes()).peekable();
        let mut dormant = self.dormant.values_after(name, after);
        let mut value = Vec::new();
        for at in 1.. {
            let least = dormant.iter().filter_map(ValueCursor::value).chain(live.peek().copied()).min()?;
            value.clear();
            value.extend_from_slice(least);
            live.next_if(|there| *there == value);
            dormant.iter_mut().filter(|cursor| cursor.value() == Some(&value)).for_each(ValueCursor::advance);
            let Ok(text) = std::str::from_utf8(&value) else { continue };
            if matches(text) {
                found.push(text.into());
            }
            if at % MATCHED_AT_ONCE == 0 && begun.elapsed() > MATCHING_TIME {
                return Some(text.into());
            }
        }
        None
    }

    /// Label names of the given series, sorted.
    pub(super) fn label_names(&self, within: &RoaringBitmap) -> Vec<String> {
        let used = |values: &BTreeMap<Box<str>, u32>| values.values().any(|ids| self.list(*ids).meets(within));
        let mut names: BTreeSet<String> =
            self.postings.iter().filter(|(_, values)| used(values)).map(|(name, _)| name.to_string()).collect();
        self.dormant.label_names(within, &mut names);
        names.into_iter().collect()
    }

    /// Values of a label among the given series, sorted.
    pub(super) fn label_values(&self, name: &str, within: &RoaringBitmap) -> Vec<String> {
        let live = self.postings.get(name).into_iter().flatten();
        let mut values: BTreeSet<String> =
            live.filter(|(_, ids)| self.list(**ids).meets(within)).map(|(value, _)| value.to_string()).collect();
        self.dormant.label_values(name, within, &mut values);
        values.into_iter().collect()
    }

    /// All series.
    pub(super) fn all(&self) -> RoaringBitmap {
        let mut all = self.all.clone();
        self.dormant.all(&mut all);
        all
    }
}

/// Fills an index from the catalog; series at rest go straight to the dormant part.
#[derive(Default)]
pub(super) struct IndexLoader {
    index: SeriesIndex,
    resting: SegmentBuilder,
    ids: RoaringBitmap,
    /// Hashes of labels: only where one comes again can the labels be there.
    labels: FxHashSet<u64>,
}

impl IndexLoader {
    /// Adds a series; false where its id or its labels were there.
    pub(super) fn add(&mut self, id: SeriesId, labels: Labels, rests: bool) -> bool {
        if !self.ids.insert(id.0) {
            return false;
        }
        if !self.labels.insert(hash(labels.pairs())) {
            self.turn();
            if self.index.id(&labels).is_some() {
                return false;
            }
        }
        if !rests {
            self.index.insert(id, labels);
            return true;
        }
        self.resting.add(id, labels.as_bytes());
        self.index.reserve(SeriesId(id.0.saturating_add(1)));
        if self.resting.is_full() {
            self.turn();
        }
        true
    }

    fn turn(&mut self) {
        self.index.dormant.push(std::mem::take(&mut self.resting).build(), RoaringBitmap::new());
    }

    /// The index; new series get ids from `next` on, or later.
    pub(super) fn finish(mut self, next: SeriesId) -> SeriesIndex {
        self.turn();
        self.index.reserve(next);
        self.index
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
    use proptest::prelude::*;

    use super::*;
    use crate::model::Selector;

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
            let expected: Vec<u32> = (0..4).filter(|&id| selector.accepts(&index.labels(SeriesId(id)).unwrap())).collect();
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
            assert_eq!(index.find(None, &pairs.pairs().collect::<Vec<_>>()).map(|found| found.id), Some(SeriesId(n)));
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
                before = index.find(before, &pairs);
                assert_eq!(before.map(|found| found.id), Some(SeriesId(at as u32)));
                assert_eq!(index.id(&labels[at]), Some(SeriesId(at as u32)));
            }
        }
        let unknown = Labels::metric("m", &[("n", "500")]);
        assert_eq!(index.find(None, &unknown.pairs().collect::<Vec<_>>()), None);
        assert_eq!(index.top_metrics(), [Share { name: "m".into(), series: 500, values: None }]);
        assert_eq!(index.top_labels(), [Share { name: "n".into(), series: 500, values: Some(500) }]);
    }

    /// What happens to an index.
    #[derive(Debug, Clone)]
    enum Step {
        /// Series come, new or known.
        Come(Vec<(u8, u8, u16)>),
        /// Live series become dormant: every so many-th.
        Rest(usize),
        /// Dormant series are removed: every so many-th.
        Remove(usize),
        /// Segments are merged; some series come meanwhile.
        Merge(Vec<(u8, u8, u16)>),
    }

    fn step() -> impl Strategy<Value = Step> {
        let series = || prop::collection::vec((0u8..4, 0u8..6, 0u16..400), 1..60);
        prop_oneof![
            3 => series().prop_map(Step::Come),
            2 => (1usize..4).prop_map(Step::Rest),
            1 => (1usize..5).prop_map(Step::Remove),
            1 => series().prop_map(Step::Merge),
        ]
    }

    fn labels((name, zone, n): (u8, u8, u16)) -> Labels {
        let zone = ["", "a", "ab", "b", "é", "zone-with-a-long-name"][usize::from(zone)];
        // A name that sorts before `__name__`.
        let host = if name == 3 { format!("host-{n:04}") } else { String::new() };
        Labels::metric(["up", "proc", "x", "process_cpu"][usize::from(name)], &[("zone", zone), ("Host", &host), ("n", &n.to_string())])
    }

    const QUERIES: [&str; 16] = [
        "up",
        r#"proc{zone="ab"}"#,
        r#"proc{zone!="ab"}"#,
        r#"{zone=~"a.*"}"#,
        r#"{zone=~".*b"}"#,
        r#"{zone!~"a.*", __name__!="x", n=~".+"}"#,
        r#"up{zone=""}"#,
        r#"up{zone!=""}"#,
        r#"{n="17"}"#,
        r#"up{n=~"1.?"}"#,
        r#"{n=~"1.?|3..", zone="é"}"#,
        r#"{Host!="", __name__=~".+"}"#,
        r#"process_cpu{Host="host-0017"}"#,
        r#"{__name__=~"process_cpu|up", Host=~"|host-00.*"}"#,
        r#"up{none="x"}"#,
        r#"up{none!="x"}"#,
    ];

    fn check(index: &SeriesIndex, naive: &BTreeMap<u32, Labels>) {
        assert_eq!(index.len(), naive.len());
        for (&id, labels) in naive {
            assert_eq!((index.id(labels), index.labels(SeriesId(id)).as_ref()), (Some(SeriesId(id)), Some(labels)));
            assert!(index.contains(SeriesId(id)));
            let live = index.find(None, &labels.pairs().collect::<Vec<_>>()).map(|found| found.id);
            assert_eq!(live, (!index.is_dormant(SeriesId(id))).then_some(SeriesId(id)));
        }
        let select =
            |accepts: &dyn Fn(&Labels) -> bool| -> Vec<u32> { naive.iter().filter(|(_, l)| accepts(l)).map(|(id, _)| *id).collect() };
        assert_eq!(index.all().iter().collect::<Vec<_>>(), select(&|_| true));
        for query in QUERIES {
            let selector = Selector::parse(query).unwrap();
            let expected = select(&|l| selector.accepts(l));
            let found = index.select(&selector.matchers);
            assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{query}");
            let of = |name: &str| expected.iter().filter_map(|id| naive[id].get(name).map(str::to_owned)).collect::<BTreeSet<String>>();
            let names: BTreeSet<String> = expected.iter().flat_map(|id| naive[id].iter().map(|(name, _)| name.to_owned())).collect();
            assert_eq!(index.label_names(&found), names.iter().cloned().collect::<Vec<_>>(), "{query}");
            for name in ["__name__", "zone", "n", "Host", "none"] {
                assert_eq!(index.label_values(name, &found), of(name).into_iter().collect::<Vec<_>>(), "{query} {name}");
            }
        }
        let mut metrics: BTreeMap<&str, u64> = BTreeMap::new();
        let mut values: BTreeMap<&str, (u64, BTreeSet<&str>)> = BTreeMap::new();
        for labels in naive.values() {
            *metrics.entry(labels.name()).or_default() += 1;
            for (name, value) in labels.iter().filter(|(name, _)| *name != NAME_LABEL) {
                let share = values.entry(name).or_default();
                share.0 += 1;
                share.1.insert(value);
            }
        }
        let shares = metrics.into_iter().map(|(name, series)| Share { name: name.to_owned(), series, values: None });
        assert_eq!(index.top_metrics(), top(shares, |share| share.series));
        let shares = values.into_iter().map(|(name, (series, v))| Share { name: name.to_owned(), series, values: Some(v.len()) });
        assert_eq!(index.top_labels(), top(shares, |share| share.values.unwrap_or(0) as u64));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 1 } else { 48 }))]
        #[test]
        fn live_dormant_revived_and_removed_series_answer_as_a_plain_list_does(steps in prop::collection::vec(step(), 1..14)) {
            let mut index = SeriesIndex::default();
            let mut naive: BTreeMap<u32, Labels> = BTreeMap::new();
            let come = |index: &mut SeriesIndex, naive: &mut BTreeMap<u32, Labels>, series: Vec<(u8, u8, u16)>| {
                for labels in series.into_iter().map(labels) {
                    let known = naive.iter().find(|(_, l)| **l == labels).map(|(id, _)| SeriesId(*id));
                    assert_eq!(index.wake(&labels), known);
                    if known.is_none() {
                        let next = index.next_id();
                        let id = index.add(labels.clone());
                        assert_eq!(id, next);
                        assert!(naive.insert(id.0, labels).is_none(), "an id was given twice");
                    }
                }
            };
            for step in steps {
                match step {
                    Step::Come(series) => come(&mut index, &mut naive, series),
                    Step::Rest(every) => {
                        let ids: Vec<SeriesId> = index.live_ids().step_by(every).collect();
                        let segment = index.pack(&ids).build();
                        index.rest(segment);
                    }
                    Step::Remove(every) => {
                        let ids: Vec<SeriesId> =
                            naive.keys().map(|id| SeriesId(*id)).filter(|id| index.is_dormant(*id)).step_by(every).collect();
                        index.remove(&ids);
                        ids.iter().for_each(|id| assert!(naive.remove(&id.0).is_some()));
                    }
                    Step::Merge(meanwhile) => {
                        if let Some(merge) = index.plan_merge() {
                            let merged = merge.run();
                            come(&mut index, &mut naive, meanwhile);
                            index.finish_merge(&merge, merged);
                        }
                    }
                }
                check(&index, &naive);
            }
            // As it is loaded from the catalog.
            let mut loader = IndexLoader::default();
            for (id, labels) in &naive {
                assert!(loader.add(SeriesId(*id), labels.clone(), id % 3 > 0));
            }
            let loaded = loader.finish(index.next_id());
            assert_eq!(loaded.next_id(), index.next_id());
            check(&loaded, &naive);
        }
    }
}
