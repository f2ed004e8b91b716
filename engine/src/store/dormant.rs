//! The index of dormant series: those that nobody has written to for hours. Most series of a long history are such.
//!
//! Their labels are in segments, which never change. A series that comes back to life or is removed is marked as gone from
//! its segment; merging segments leaves those out. Segments are merged when several are about equally large, so that there
//! are few of them and each series is rewritten a few times at the most.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use roaring::RoaringBitmap;
use rustc_hash::FxHashMap;

use super::segment::{Segment, SegmentBuilder, UsedValues, ValueCursor};
use crate::model::{Labels, Matcher, NAME_LABEL, SeriesId};

/// Segments of about one size that are merged.
const FAN_IN: usize = 4;
/// Series and bytes of a segment at the most, so that a merge takes a bounded time.
const MAX_SEGMENT: usize = 1 << 18;
const MAX_BYTES: usize = 64 << 20;

struct Part {
    segment: Arc<Segment>,
    /// Series of the segment that are not dormant any more.
    gone: RoaringBitmap,
}

impl Part {
    fn len(&self) -> usize {
        self.segment.len() - self.gone.len() as usize
    }

    fn has(&self, id: SeriesId) -> bool {
        !self.gone.contains(id.0) && self.segment.contains(id)
    }
}

/// See the module.
#[derive(Default)]
pub(super) struct DormantIndex {
    parts: Vec<Part>,
}

/// Segments that are to become one.
pub(super) struct Merge {
    segments: Vec<(Arc<Segment>, RoaringBitmap)>,
}

impl Merge {
    /// Does the work, which takes a while; needs no lock.
    pub(super) fn run(&self) -> Segment {
        let mut builder = SegmentBuilder::default();
        for (segment, gone) in &self.segments {
            segment.copy_to(&mut builder, |id| gone.contains(id.0));
        }
        builder.build()
    }
}

/// What the index of one kind of series knows of a label.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct LabelShare {
    pub(super) series: u64,
    pub(super) values: usize,
}

impl DormantIndex {
    pub(super) fn len(&self) -> usize {
        self.parts.iter().map(Part::len).sum()
    }

    /// Adds the series of a segment, but those that are gone already; none of them is here.
    pub(super) fn push(&mut self, segment: Segment, gone: RoaringBitmap) {
        if segment.len() > gone.len() as usize {
            self.parts.push(Part { segment: Arc::new(segment), gone });
        }
    }

    fn part_of(&self, id: SeriesId) -> Option<&Part> {
        self.parts.iter().find(|part| part.has(id))
    }

    pub(super) fn contains(&self, id: SeriesId) -> bool {
        self.part_of(id).is_some()
    }

    pub(super) fn labels(&self, id: SeriesId) -> Option<Labels> {
        self.part_of(id)?.segment.labels(id)
    }

    /// The series with these labels.
    pub(super) fn find(&self, labels: &Labels) -> Option<SeriesId> {
        self.parts.iter().find_map(|part| part.segment.find(labels).filter(|id| !part.gone.contains(id.0)))
    }

    /// Takes a series out: it lives again, or is no more. False where it is not here.
    pub(super) fn take_out(&mut self, id: SeriesId) -> bool {
        let Some(part) = self.parts.iter_mut().find(|part| part.has(id)) else { return false };
        part.gone.insert(id.0)
    }

    /// Adds all series to a bitmap.
    pub(super) fn all(&self, out: &mut RoaringBitmap) {
        self.collect(out, |segment, ids| ids.extend_from_slice(segment.ids()));
    }

    /// How many series have to be looked at for a selection.
    pub(super) fn work(&self, matchers: &[Matcher]) -> usize {
        self.parts.iter().map(|part| part.segment.work(matchers)).sum()
    }

    /// Adds the series that all matchers accept to a bitmap.
    pub(super) fn select(&self, matchers: &[Matcher], out: &mut RoaringBitmap) {
        self.collect(out, |segment, ids| segment.select(matchers, ids));
    }

    fn collect(&self, out: &mut RoaringBitmap, of: impl Fn(&Segment, &mut Vec<u32>)) {
        let mut ids = Vec::new();
        for part in &self.parts {
            ids.clear();
            of(&part.segment, &mut ids);
            ids.retain(|id| !part.gone.contains(*id));
            ids.sort_unstable();
            out.extend(ids.iter().copied());
        }
    }

    fn counts<'a>(&'a self, wanted: impl Fn(SeriesId) -> bool + 'a) -> impl Iterator<Item = (&'a Segment, Vec<u32>)> {
        self.parts.iter().map(move |part| {
            let counts = part.segment.counts(|id| !part.gone.contains(id.0) && wanted(id));
            (part.segment.as_ref(), counts)
        })
    }

    /// The values of a label behind `after`, in order, segment by segment; some may be of no series any more.
    pub(super) fn values_after(&self, name: &str, after: Option<&str>) -> Vec<ValueCursor<'_>> {
        self.parts.iter().map(|part| part.segment.values_after(name, after)).collect()
    }

    /// Adds the label names of the given series.
    pub(super) fn label_names(&self, within: &RoaringBitmap, out: &mut BTreeSet<String>) {
        for (segment, counts) in self.counts(|id| within.contains(id.0)) {
            let used = segment.names(&counts).filter(|(_, counts)| counts.iter().any(|count| *count > 0));
            out.extend(used.map(|(name, _)| name.to_owned()));
        }
    }

    /// Adds the values of a label among the given series.
    pub(super) fn label_values(&self, name: &str, within: &RoaringBitmap, out: &mut BTreeSet<String>) {
        for (segment, counts) in self.counts(|id| within.contains(id.0)) {
            let mut values = segment.used_values(name, &counts);
            while let Some(value) = values.current() {
                out.insert(String::from_utf8_lossy(value).into_owned());
                values.advance();
            }
        }
    }

    /// Adds the series of each metric to the given counts.
    pub(super) fn metrics(&self, out: &mut FxHashMap<String, u64>) {
        for (segment, counts) in self.counts(|_| true) {
            let mut values = segment.used_values(NAME_LABEL, &counts);
            let of_names = segment.names(&counts).find(|(name, _)| *name == NAME_LABEL).map_or(&[][..], |(_, counts)| counts);
            for count in of_names.iter().filter(|count| **count > 0) {
                if let Some(name) = values.current() {
                    *out.entry(String::from_utf8_lossy(name).into_owned()).or_default() += u64::from(*count);
                }
                values.advance();
            }
        }
    }

    /// Series and distinct values of each label, with those of the given sorted values counted too.
    pub(super) fn shares<'v, V: Iterator<Item = &'v str>>(&self, live: impl Fn(&str) -> Option<(u64, V)>) -> BTreeMap<String, LabelShare> {
        let counted: Vec<(&Segment, Vec<u32>)> = self.counts(|_| true).collect();
        let mut shares: BTreeMap<String, LabelShare> = BTreeMap::new();
        for (segment, counts) in &counted {
            for (name, counts) in segment.names(counts) {
                let series: u64 = counts.iter().map(|count| u64::from(*count)).sum();
                if series > 0 {
                    shares.entry(name.to_owned()).or_default().series += series;
                }
            }
        }
        for (name, share) in &mut shares {
            let mut sources: Vec<UsedValues<'_>> = counted.iter().map(|(segment, counts)| segment.used_values(name, counts)).collect();
            let (series, values) = live(name).unzip();
            share.series += series.unwrap_or(0);
            let mut values = values.into_iter().flatten().peekable();
            loop {
                let least = sources.iter().filter_map(UsedValues::current).chain(values.peek().map(|v| v.as_bytes())).min();
                let Some(least) = least.map(<[u8]>::to_vec) else { break };
                share.values += 1;
                values.next_if(|value| value.as_bytes() == least);
                sources.iter_mut().filter(|source| source.current() == Some(&least)).for_each(UsedValues::advance);
            }
        }
        shares
    }

    /// The segments that are worth merging, if there are any.
    pub(super) fn plan_merge(&self) -> Option<Merge> {
        let merge = |parts: &[&Part]| Merge { segments: parts.iter().map(|p| (Arc::clone(&p.segment), p.gone.clone())).collect() };
        // Most of it is gone: its memory is for nothing.
        if let Some(part) = self.parts.iter().find(|part| part.gone.len() as usize * 2 > part.segment.len()) {
            return Some(merge(&[part]));
        }
        let mut by_size: Vec<&Part> = self.parts.iter().collect();
        by_size.sort_by_key(|part| part.len());
        by_size.windows(FAN_IN).find_map(|parts| {
            let total: usize = parts.iter().map(|part| part.len()).sum();
            let largest = parts.last().map_or(0, |part| part.len());
            // Alike: the largest is no more than the others together.
            let bytes: usize = parts.iter().map(|part| part.segment.bytes()).sum();
            (largest * 2 <= total && total <= MAX_SEGMENT && bytes <= MAX_BYTES).then(|| merge(parts))
        })
    }

    /// Puts a merged segment in the place of those that it was made of.
    pub(super) fn finish_merge(&mut self, merge: &Merge, merged: Segment) {
        let is_old = |part: &Part| merge.segments.iter().find(|(segment, _)| Arc::ptr_eq(segment, &part.segment));
        let mut gone = RoaringBitmap::new();
        self.parts.retain(|part| match is_old(part) {
            Some((_, before)) => {
                // What has left since the merge began.
                gone |= &part.gone - before;
                false
            }
            None => true,
        });
        self.push(merged, gone);
    }
}
