//! Folds samples into buckets as they are read, so that no more than one bucket of them is held.

use super::{Bucket, BucketSeries, hold};
use crate::model::{Columns, Labels, TimestampMs, is_stale_marker};
use crate::promql::error::EvalError;
use crate::promql::eval::Evaluator;
use crate::promql::input::SeriesSink;
use crate::promql::reading::first_after;
use crate::promql::value::Grid;

/// Takes series from a source and makes buckets of them.
pub(super) struct Fold<'e, 'a> {
    ev: &'e Evaluator<'a>,
    grid: Grid,
    found: Vec<BucketSeries>,
    /// The series that goes on.
    labels: Option<Labels>,
    buckets: Vec<Bucket>,
    /// The bucket that the next piece may go on with, and its values so far.
    open: usize,
    values: Vec<f64>,
    /// Memory that the values are counted with.
    held: usize,
}

impl<'e, 'a> Fold<'e, 'a> {
    pub(super) fn new(ev: &'e Evaluator<'a>, grid: Grid) -> Self {
        Self { ev, grid, found: Vec::new(), labels: None, buckets: Vec::new(), open: 0, values: Vec::new(), held: 0 }
    }

    /// All series.
    pub(super) fn finish(mut self) -> Result<Vec<BucketSeries>, EvalError> {
        self.end_series()?;
        Ok(self.found)
    }

    /// Which bucket covers a time that the grid covers.
    fn bucket_at(&self, t: TimestampMs) -> usize {
        let after = self.grid.start.saturating_sub(self.grid.step);
        usize::try_from((t - after - 1) / self.grid.step).unwrap_or(0)
    }

    /// Keeps values of the open bucket, without stale markers.
    fn keep(&mut self, values: &[f64]) -> Result<(), EvalError> {
        // A vector that grows takes up to twice what it has.
        let bytes = 2 * size_of_val(values);
        self.held += bytes;
        self.ev.memory.hold(bytes)?;
        self.values.extend(values.iter().filter(|v| !is_stale_marker(**v)));
        Ok(())
    }

    fn close(&mut self) {
        if !self.values.is_empty() {
            self.buckets.push(Bucket::of(self.grid.time(self.open), &self.values));
            self.values.clear();
        }
        self.ev.memory.release(std::mem::take(&mut self.held));
    }

    fn end_series(&mut self) -> Result<(), EvalError> {
        let Some(labels) = self.labels.take() else { return Ok(()) };
        self.close();
        let mut buckets = std::mem::take(&mut self.buckets);
        hold(self.ev, &labels, &mut buckets)?;
        self.found.push(BucketSeries { labels, buckets });
        Ok(())
    }
}

impl SeriesSink for Fold<'_, '_> {
    fn begin(&mut self, labels: &Labels) -> Result<(), EvalError> {
        self.end_series()?;
        self.labels = Some(labels.clone());
        self.ev.check()
    }

    fn piece(&mut self, columns: &Columns) -> Result<(), EvalError> {
        let (times, mut from) = (&columns.times, 0);
        self.ev.count(times.len())?;
        while let Some(&t) = times.get(from) {
            let at = self.bucket_at(t);
            if at != self.open {
                self.close();
                self.open = at;
            }
            let end = self.grid.time(at);
            let to = first_after(times, from, end);
            let values = &columns.values[from..to];
            if to == times.len() || !self.values.is_empty() || values.iter().any(|v| is_stale_marker(*v)) {
                self.keep(values)?;
            } else {
                self.buckets.push(Bucket::of(end, values));
            }
            from = to;
        }
        Ok(())
    }
}
