//! Exemplars in memory, and which of them stay where there are too many.
//!
//! An hour of a series has a bounded number: of two that are close to each other in time the later one goes, but never the highest value
//! of the hour, which is what people look for. Beyond the bound of all, the oldest go.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::{ExemplarOptions, Named};
use crate::exemplar::Exemplar;
use crate::model::{SeriesId, TimestampMs};

const HOUR_MS: i64 = 3_600_000;
/// What an exemplar takes in the log beside its labels, about.
const COST: usize = 20;

type Key = (SeriesId, TimestampMs);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Kept {
    all: BTreeMap<Key, (u32, Exemplar)>,
    /// About how many bytes they take in the log.
    bytes: u64,
}

fn cost(exemplar: &Exemplar) -> u64 {
    (exemplar.packed().len() + COST) as u64
}

impl Kept {
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether an exemplar is new: there is none of its series at its time, and the one before is another measurement.
    pub(super) fn is_new(&self, id: SeriesId, exemplar: &Exemplar) -> bool {
        let before = self.all.range((id, TimestampMs::MIN)..=(id, exemplar.t)).next_back();
        before.is_none_or(|((_, t), (_, last))| *t != exemplar.t && !last.is_same(exemplar))
    }

    /// Adds one if it is new, and lets others go where there are too many.
    pub(super) fn insert(&mut self, of: Named, exemplar: Exemplar, options: &ExemplarOptions) {
        if !self.is_new(of.id, &exemplar) {
            return;
        }
        let t = exemplar.t;
        self.bytes += cost(&exemplar);
        self.all.insert((of.id, t), (of.check, exemplar));
        self.thin_hour(of.id, t, options.per_hour);
        if self.all.len() > options.most {
            // A tenth more than needed, so that the next inserts remove none.
            self.remove_oldest(self.all.len() - options.most + options.most / 10);
        }
    }

    fn thin_hour(&mut self, id: SeriesId, t: TimestampMs, most: usize) {
        let from = t.div_euclid(HOUR_MS).saturating_mul(HOUR_MS);
        let hour = self.all.range((id, from)..=(id, from.saturating_add(HOUR_MS - 1)));
        if hour.clone().nth(most.max(2)).is_none() {
            return;
        }
        let hour: Vec<(TimestampMs, f64)> = hour.map(|((_, t), (_, e))| (*t, e.v)).collect();
        let highest = hour.iter().map(|(_, v)| *v).fold(f64::NEG_INFINITY, f64::max);
        let gap = |pair: &&[(TimestampMs, f64)]| pair[1].0 - pair[0].0;
        let close = hour.windows(2).filter(|pair| pair[1].1 < highest).min_by_key(gap);
        // All of them are the highest: the newest one goes.
        let gone = close.or_else(|| hour.windows(2).last()).map(|pair| pair[1].0);
        gone.into_iter().for_each(|t| self.remove((id, t)));
    }

    fn remove(&mut self, key: Key) {
        if let Some((_, gone)) = self.all.remove(&key) {
            self.bytes -= cost(&gone);
        }
    }

    fn remove_oldest(&mut self, count: usize) {
        let mut keys: Vec<(TimestampMs, SeriesId)> = self.all.keys().map(|(id, t)| (*t, *id)).collect();
        let count = count.min(keys.len());
        if count < keys.len() {
            keys.select_nth_unstable(count);
        }
        keys[..count].iter().for_each(|(t, id)| self.remove((*id, *t)));
    }

    /// Removes those that are not to stay; gives how many.
    pub(super) fn retain(&mut self, mut stays: impl FnMut(SeriesId, TimestampMs) -> bool) -> usize {
        let before = self.all.len();
        self.all.retain(|(id, t), _| stays(*id, *t));
        self.bytes = self.all.values().map(|(_, exemplar)| cost(exemplar)).sum();
        before - self.all.len()
    }

    /// Series that have exemplars, by rising id.
    pub(super) fn series(&self) -> impl Iterator<Item = SeriesId> + '_ {
        let mut next = self.all.keys().next().map(|(id, _)| *id);
        std::iter::from_fn(move || {
            let id = next?;
            let after = id.0.checked_add(1).map(|id| (SeriesId(id), TimestampMs::MIN));
            next = after.and_then(|after| self.all.range(after..).next()).map(|((id, _), _)| *id);
            Some(id)
        })
    }

    /// The exemplars of a series whose labels have this checksum, by rising time.
    pub(super) fn of(&self, of: Named, range: RangeInclusive<TimestampMs>) -> impl Iterator<Item = &Exemplar> {
        let found = self.all.range((of.id, *range.start())..=(of.id, *range.end()));
        found.filter(move |(_, (check, _))| *check == of.check).map(|(_, (_, exemplar))| exemplar)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Named, &Exemplar)> {
        self.all.iter().map(|((id, _), (check, exemplar))| (Named { id: *id, check: *check }, exemplar))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: ExemplarOptions = ExemplarOptions { most: 100, per_hour: 4 };

    fn add(kept: &mut Kept, id: u32, t: TimestampMs, v: f64) {
        let exemplar = Exemplar::new([("trace_id", format!("{t:032x}").as_str())], t, v).unwrap();
        kept.insert(Named { id: SeriesId(id), check: 1 }, exemplar, &OPTIONS);
    }

    fn times(kept: &Kept, id: u32) -> Vec<TimestampMs> {
        kept.of(Named { id: SeriesId(id), check: 1 }, TimestampMs::MIN..=TimestampMs::MAX).map(|e| e.t).collect()
    }

    #[test]
    fn an_hour_of_a_series_keeps_its_highest_and_those_far_from_others() {
        let mut kept = Kept::default();
        for (t, v) in [(0, 1.0), (1_000_000, 1.0), (2_000_000, 1.0), (2_000_500, 9.0), (3_000_000, 1.0)] {
            add(&mut kept, 1, t, v);
        }
        // The highest stays though it is the closest to another; then the next closest goes.
        assert_eq!(times(&kept, 1), [0, 1_000_000, 2_000_000, 2_000_500]);
        add(&mut kept, 1, HOUR_MS, 1.0);
        add(&mut kept, 2, 1_000_000, 1.0);
        assert_eq!((times(&kept, 1).len(), times(&kept, 2).len()), (5, 1), "another hour, another series");
        (0..20).for_each(|n| add(&mut kept, 3, n, 5.0));
        assert_eq!(times(&kept, 3).len(), 4, "all alike");
    }

    #[test]
    fn one_measurement_is_kept_once_however_often_it_is_shown() {
        let mut kept = Kept::default();
        for t in [5, 15_000, 30_000] {
            let exemplar = Exemplar::new([("trace_id", "aa")], t, 1.0).unwrap();
            kept.insert(Named { id: SeriesId(1), check: 1 }, exemplar, &OPTIONS);
        }
        add(&mut kept, 1, 30_000, 2.0);
        add(&mut kept, 1, 30_000, 3.0);
        assert_eq!(times(&kept, 1), [5, 30_000]);
    }

    #[test]
    fn beyond_the_bound_the_oldest_go_and_bytes_are_counted() {
        let mut kept = Kept::default();
        (0..101).for_each(|n| add(&mut kept, n % 7, i64::from(n) * HOUR_MS, 1.0));
        assert_eq!(kept.len(), 90);
        assert!(kept.iter().all(|(_, e)| e.t >= 11 * HOUR_MS));
        assert_eq!(kept.series().collect::<Vec<_>>(), (0..7).map(SeriesId).collect::<Vec<_>>());
        assert_eq!(kept.retain(|id, _| id.0 == 3), 90 - times(&kept, 3).len());
        assert_eq!(kept.bytes(), kept.iter().map(|(_, e)| cost(e)).sum::<u64>());
        assert_eq!(kept.series().collect::<Vec<_>>(), [SeriesId(3)]);
        assert!(kept.of(Named { id: SeriesId(3), check: 2 }, 0..=i64::MAX).next().is_none(), "of another series with this id");
    }
}
