//! Reading: series by matchers, samples and windows by series and time.
//!
//! The head is looked at before the chunks: a seal that ends in between is then seen twice, never missed, and merging
//! lets the last write at one time win.

use std::collections::BTreeMap;
use std::time::Instant;

use roaring::RoaringBitmap;

use super::Store;
use super::error::StoreError;
use super::page::Wanted;
use super::partition::{Day, Partition, PartitionError};
use crate::model::{Columns, Comparison, Labels, Matcher, Sample, SeriesId, TimestampMs};

/// What a read may cost.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Samples at the most.
    pub max_samples: usize,
    /// When to stop.
    pub deadline: Instant,
}

/// The samples of one series.
#[derive(Debug, Clone)]
pub struct SeriesColumns {
    /// Which.
    pub id: SeriesId,
    /// Its labels.
    pub labels: Labels,
    /// Its samples within the range asked for.
    pub columns: Columns,
}

impl Store {
    /// The series that all matchers accept, by rising id.
    pub fn select(&self, matchers: &[Matcher]) -> Vec<SeriesId> {
        self.series.read().select(matchers).iter().map(SeriesId).collect()
    }

    /// Adds values of a label behind `after` that match; the last one that was looked at where there are more. The index is
    /// held for a moment only.
    pub fn matching_values(
        &self,
        name: &str,
        after: Option<&str>,
        matches: &dyn Fn(&str) -> bool,
        found: &mut Vec<Box<str>>,
    ) -> Option<Box<str>> {
        self.series.read().matching_values(name, after, matches, found)
    }

    /// How many series are known.
    pub fn series_count(&self) -> usize {
        self.series.read().len()
    }

    /// About how many series have to be looked at one by one to select.
    pub fn select_work(&self, matchers: &[Matcher]) -> usize {
        self.series.read().work(matchers)
    }

    /// Whether all days within `[start, end]` that exist are open, so that reading them waits for no opening.
    pub fn is_open_within(&self, start: TimestampMs, end: TimestampMs) -> bool {
        self.partitions.is_open_within(start, end)
    }

    /// The labels of a series.
    pub fn labels(&self, id: SeriesId) -> Option<Labels> {
        self.series.read().labels(id)
    }

    /// The id of a series, if it is known.
    pub fn series_id(&self, labels: &Labels) -> Option<SeriesId> {
        self.series.read().id(labels)
    }

    /// Names of the labels that the given series have, sorted.
    pub fn label_names(&self, within: &[SeriesId]) -> Vec<String> {
        self.series.read().label_names(&bitmap(within))
    }

    /// Values of a label among the given series, sorted.
    pub fn label_values(&self, name: &str, within: &[SeriesId]) -> Vec<String> {
        self.series.read().label_values(name, &bitmap(within))
    }

    /// Whether a series may have a sample from `start` on: false only when it surely has none.
    pub fn may_have(&self, id: SeriesId, start: TimestampMs) -> bool {
        self.head.read().progress(id).is_some_and(|p| p.newest >= start)
    }

    /// Whether a series has a sample within `[start, end]`. Reads samples only where neither the head nor the time of the newest
    /// one tells.
    ///
    /// # Errors
    /// [`StoreError`] when a chunk cannot be read.
    pub fn has_samples(&self, id: SeriesId, start: TimestampMs, end: TimestampMs) -> Result<bool, StoreError> {
        {
            let head = self.head.read();
            let Some(progress) = head.progress(id).filter(|p| p.newest >= start && p.born <= end) else { return Ok(false) };
            if progress.newest <= end || head.get(id).is_some_and(|entry| entry.extent(start, end).is_some()) {
                return Ok(true);
            }
        }
        for (from, to) in self.spans_of(id, start, end) {
            if !self.piece(id, from, to, None)?.times.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The time of the newest sample of a series.
    pub fn newest(&self, id: SeriesId) -> Option<TimestampMs> {
        self.head.read().progress(id).map(|p| p.newest)
    }

    /// Samples within `[start, end]`, series by series in the order asked for, each day by day: pieces of one series follow
    /// each other by rising time and do not overlap. Series without any are left out. Holds one day of one series in memory.
    pub fn scan<'a>(
        &'a self,
        ids: &'a [SeriesId],
        start: TimestampMs,
        end: TimestampMs,
        limits: Limits,
    ) -> impl Iterator<Item = Result<SeriesColumns, StoreError>> + 'a {
        self.scan_where(ids, start, end, None, limits)
    }

    /// As [`Store::scan`], with the samples alone whose values are wanted; chunks that surely have none are not read.
    pub fn scan_where<'a>(
        &'a self,
        ids: &'a [SeriesId],
        start: TimestampMs,
        end: TimestampMs,
        wanted: Option<(Comparison, f64)>,
        limits: Limits,
    ) -> impl Iterator<Item = Result<SeriesColumns, StoreError>> + 'a {
        let mut left = limits.max_samples;
        let mut failed = false;
        let pieces = ids.iter().flat_map(move |&id| self.spans_of(id, start, end).into_iter().map(move |(from, to)| (id, from, to)));
        pieces.filter_map(move |(id, from, to)| {
            if failed {
                return None;
            }
            let mut read = || -> Result<Option<SeriesColumns>, StoreError> {
                if Instant::now() >= limits.deadline {
                    return Err(StoreError::Deadline);
                }
                let columns = self.piece(id, from, to, wanted)?;
                left = left.checked_sub(columns.times.len()).ok_or(StoreError::TooManySamples(limits.max_samples))?;
                let labels = self.labels(id);
                Ok(labels.filter(|_| !columns.times.is_empty()).map(|labels| SeriesColumns { id, labels, columns }))
            };
            let result = read();
            failed = result.is_err();
            result.transpose()
        })
    }

    /// Samples of one series within `[start, end]`.
    ///
    /// # Errors
    /// [`StoreError`] when a chunk cannot be read.
    pub fn samples(&self, id: SeriesId, start: TimestampMs, end: TimestampMs) -> Result<Columns, StoreError> {
        let mut out = Columns::default();
        for (from, to) in self.spans_of(id, start, end) {
            let piece = self.piece(id, from, to, None)?;
            out.times.extend(piece.times);
            out.values.extend(piece.values);
        }
        Ok(out)
    }

    /// Those of the series that may have samples within `[start, end]`, each with the part of the range where they may be.
    pub fn spans(&self, ids: &[SeriesId], start: TimestampMs, end: TimestampMs) -> Vec<(SeriesId, TimestampMs, TimestampMs)> {
        let head = self.head.read();
        let span = |&id: &SeriesId| {
            let progress = head.progress(id)?;
            let (from, to) = (start.max(progress.born), end.min(progress.newest));
            (from <= to).then_some((id, from, to))
        };
        ids.iter().filter_map(span).collect()
    }

    /// As [`Store::scan`], for a few series that are held at the same time: read day by day, so that what neighbours share is
    /// read once.
    ///
    /// # Errors
    /// As [`Store::scan`] has them.
    pub fn scan_together(
        &self,
        ids: &[SeriesId],
        start: TimestampMs,
        end: TimestampMs,
        limits: Limits,
    ) -> Result<Vec<SeriesColumns>, StoreError> {
        let mut days: BTreeMap<Day, Vec<usize>> = BTreeMap::new();
        for (at, &id) in ids.iter().enumerate() {
            self.days_of(id, start, end).into_iter().for_each(|day| days.entry(day).or_default().push(at));
        }
        let mut left = limits.max_samples;
        let mut pieces: Vec<Vec<Columns>> = vec![Vec::new(); ids.len()];
        for (day, places) in days {
            let (from, to) = (start.max(day.start()), end.min(day.end() - 1));
            for at in places {
                if Instant::now() >= limits.deadline {
                    return Err(StoreError::Deadline);
                }
                let columns = self.piece(ids[at], from, to, None)?;
                left = left.checked_sub(columns.times.len()).ok_or(StoreError::TooManySamples(limits.max_samples))?;
                if !columns.times.is_empty() {
                    pieces[at].push(columns);
                }
            }
        }
        let mut found = Vec::new();
        for (&id, pieces) in ids.iter().zip(pieces) {
            if let Some(labels) = self.labels(id).filter(|_| !pieces.is_empty()) {
                found.extend(pieces.into_iter().map(|columns| SeriesColumns { id, labels: labels.clone(), columns }));
            }
        }
        Ok(found)
    }

    /// The range cut at the days, as far as the series may have samples there.
    fn spans_of(&self, id: SeriesId, start: TimestampMs, end: TimestampMs) -> Vec<(TimestampMs, TimestampMs)> {
        self.days_of(id, start, end).into_iter().map(|day| (start.max(day.start()), end.min(day.end() - 1))).collect()
    }

    /// The days within a range that may have samples of a series.
    pub(super) fn days_of(&self, id: SeriesId, start: TimestampMs, end: TimestampMs) -> Vec<Day> {
        let mut days = Vec::new();
        {
            let head = self.head.read();
            let Some(progress) = head.progress(id) else { return days };
            // Neither before the series began nor after it ended.
            let (start, end) = (start.max(progress.born), end.min(progress.newest));
            if let Some((first, last)) = head.get(id).and_then(|h| h.extent(start, end)) {
                days.extend((Day::of(first).0..=Day::of(last).0).map(Day));
            }
            days.extend(self.partitions.days_within(start, end));
        }
        days.sort_unstable();
        days.dedup();
        days
    }

    /// Samples of one series within `[start, end]`, which lies within one day.
    fn piece(&self, id: SeriesId, start: TimestampMs, end: TimestampMs, wanted: Wanted) -> Result<Columns, StoreError> {
        let (recent, sealed_to) = {
            let head = self.head.read();
            let Some(progress) = head.progress(id) else { return Ok(Columns::default()) };
            // While a seal runs, its rows may be in chunks already; they are in the head's copy too.
            (head.get(id).map_or([None, None], |entry| entry.samples(start, end)), progress.sealed_to)
        };
        let mut runs: Vec<Columns> = Vec::new();
        if sealed_to >= start {
            let day = Day::of(start);
            let prune = wanted.filter(|_| recent.iter().all(Option::is_none));
            self.with_partition(day, id, |partition| partition.samples(id, start, end, prune, &mut runs))?;
        }
        runs.retain(|run| !run.times.is_empty());
        runs.extend(recent.into_iter().flatten());
        let mut columns = merge(runs);
        if let Some((op, threshold)) = wanted {
            let rows: Vec<Sample> = columns.iter().filter(|s| op.holds(s.v, threshold)).collect();
            columns = Columns { times: rows.iter().map(|s| s.t).collect(), values: rows.iter().map(|s| s.v).collect() };
        }
        Ok(columns)
    }

    /// Reads from a partition. A damaged chunk is told and passed over: what else there is serves on.
    pub(super) fn with_partition<T>(
        &self,
        day: Day,
        id: SeriesId,
        read: impl FnOnce(&Partition) -> Result<T, PartitionError>,
    ) -> Result<Option<T>, StoreError> {
        let Some(partition) = self.partitions.get(day, false)? else { return Ok(None) };
        match read(&partition) {
            Ok(found) => Ok(Some(found)),
            Err(PartitionError::Codec(error)) => {
                let labels = self.labels(id).map(|l| l.to_string()).unwrap_or_default();
                self.partitions.note(format!("partition {}: a chunk of {labels} cannot be read and is left out: {error}", day.name()));
                Ok(None)
            }
            Err(error) => Err(self.partitions.error(day, error)),
        }
    }

    /// The newest sample of a series within `[not_before, not_after]`.
    ///
    /// # Errors
    /// [`StoreError`] when a chunk cannot be read.
    pub fn latest(&self, id: SeriesId, not_before: TimestampMs, not_after: TimestampMs) -> Result<Option<Sample>, StoreError> {
        {
            let head = self.head.read();
            let Some(progress) = head.progress(id).filter(|p| p.newest >= not_before) else { return Ok(None) };
            if let Some((t, v)) = head.get(id).and_then(|entry| entry.last())
                && t == progress.newest
                && t <= not_after
            {
                return Ok(Some(Sample { t, v }));
            }
        }
        Ok(self.samples(id, not_before, not_after)?.iter().next_back())
    }
}

fn bitmap(ids: &[SeriesId]) -> RoaringBitmap {
    ids.iter().map(|id| id.0).collect()
}

/// Merges runs, each in rising time; where times are equal the later run wins.
pub(super) fn merge(runs: Vec<Columns>) -> Columns {
    let mut runs = runs.into_iter();
    let mut out = runs.next().unwrap_or_default();
    let mut in_order = true;
    for run in runs {
        in_order &= match (out.times.last(), run.times.first()) {
            (Some(last), Some(first)) => last < first,
            _ => true,
        };
        out.times.extend(run.times);
        out.values.extend(run.values);
    }
    if in_order {
        return out;
    }
    let mut order: Vec<usize> = (0..out.times.len()).collect();
    order.sort_by_key(|&at| out.times[at]);
    let mut merged = Columns { times: Vec::with_capacity(order.len()), values: Vec::with_capacity(order.len()) };
    for at in order {
        if merged.times.last() == Some(&out.times[at]) {
            merged.times.pop();
            merged.values.pop();
        }
        merged.times.push(out.times[at]);
        merged.values.push(out.values[at]);
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merging_keeps_the_later_run_where_times_are_equal() {
        let run = |rows: &[(i64, f64)]| Columns { times: rows.iter().map(|r| r.0).collect(), values: rows.iter().map(|r| r.1).collect() };
        let merged = merge(vec![run(&[(1, 1.0), (3, 3.0), (5, 5.0)]), run(&[(3, 9.0), (4, 4.0)]), run(&[(6, 6.0)])]);
        assert_eq!(merged, run(&[(1, 1.0), (3, 9.0), (4, 4.0), (5, 5.0), (6, 6.0)]));
    }
}
