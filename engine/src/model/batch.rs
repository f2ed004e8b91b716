//! Samples in columns.

use rustc_hash::FxHashSet;

use super::{Labels, Sample, TimestampMs};
use crate::exemplar::ExemplarBatch;

/// Samples on their way to the store, in columns: row `i` is `labels[i]`, `times[i]`, `values[i]`.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// The series of each row.
    pub labels: Vec<Labels>,
    /// The time of each row, ms UTC.
    pub times: Vec<TimestampMs>,
    /// The value of each row.
    pub values: Vec<f64>,
    /// Exemplars of series that have a row here.
    pub exemplars: ExemplarBatch<Labels>,
}

impl Batch {
    /// Adds one sample.
    pub fn push(&mut self, labels: Labels, t: TimestampMs, v: f64) {
        self.labels.push(labels);
        self.times.push(t);
        self.values.push(v);
    }

    /// How many samples there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether there is no sample.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// Takes the rows of another batch.
    pub fn extend(&mut self, other: Self) {
        self.labels.extend(other.labels);
        self.times.extend(other.times);
        self.values.extend(other.values);
        self.exemplars.extend(other.exemplars);
    }

    /// Drops each row whose series has an earlier row with the same time: nothing says which of the two is right. Gives how many
    /// those were, and the series of the first.
    pub fn drop_repeated(&mut self) -> Option<(usize, Labels)> {
        let mut seen: FxHashSet<(&[u8], TimestampMs)> = FxHashSet::default();
        seen.reserve(self.len());
        let fresh: Vec<bool> = self.labels.iter().zip(&self.times).map(|(labels, t)| seen.insert((labels.as_bytes(), *t))).collect();
        let first = self.labels.get(fresh.iter().position(|fresh| !fresh)?)?.clone();
        let before = self.len();
        let mut keep = fresh.iter();
        self.labels.retain(|_| keep.next() == Some(&true));
        let mut keep = fresh.iter();
        self.times.retain(|_| keep.next() == Some(&true));
        let mut keep = fresh.iter();
        self.values.retain(|_| keep.next() == Some(&true));
        Some((before - self.len(), first))
    }

    /// The rows as labels and sample.
    pub fn rows(&self) -> impl Iterator<Item = (&Labels, Sample)> {
        self.labels.iter().zip(self.times.iter().zip(&self.values)).map(|(l, (&t, &v))| (l, Sample { t, v }))
    }
}

/// The samples of one series, by rising time; `times` and `values` have the same length.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Columns {
    /// Times, ms UTC, strictly rising.
    pub times: Vec<TimestampMs>,
    /// Values.
    pub values: Vec<f64>,
}

impl Columns {
    /// The rows.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Sample> + '_ {
        self.times.iter().zip(&self.values).map(|(&t, &v)| Sample { t, v })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_has_one_row_of_a_time_and_the_first_one_stays() {
        let mut batch = Batch::default();
        let series = |name| Labels::metric(name, &[("a", "b")]);
        for (name, t, v) in [("x", 1, 1.0), ("y", 1, 2.0), ("x", 2, 3.0)] {
            batch.push(series(name), t, v);
        }
        assert_eq!(batch.drop_repeated(), None);
        batch.push(series("x"), 1, 9.0);
        batch.push(series("y"), 1, 2.0);
        assert_eq!(batch.drop_repeated(), Some((2, series("x"))));
        assert_eq!((batch.times.as_slice(), batch.values.as_slice()), ([1, 1, 2].as_slice(), [1.0, 2.0, 3.0].as_slice()));
        assert_eq!(batch.labels.len(), 3);
    }
}
