//! Which series live, are dormant, or leave.
//!
//! Months of processes, containers and sessions leave many series that nobody writes to any more. They move from the live
//! part of index and head to the dormant one, and leave altogether when no day holds anything of them. A dormant series that
//! gets a sample lives again, under the same id. Index and head may disagree for a while about who is dormant; each answers
//! for all series all the same.

use super::Store;
use super::error::StoreError;
use crate::model::{SeriesId, TimestampMs};

/// Series that move at a time, so that nobody waits for long.
const BATCH: usize = 4_096;
/// Fewer are not worth a segment of the dormant index.
const WORTH_A_SEGMENT: usize = 16;
/// Merges in one go; the rest is done the next time.
const MERGES: usize = 8;

impl Store {
    /// Lets series rest that are not expected to go on.
    pub(super) fn rest_silent_series(&self, now: TimestampMs) {
        let Some(_one_at_a_time) = self.resting.try_lock() else { return };
        let silent = self.head.read().silent(now);
        for batch in silent.chunks(BATCH) {
            self.head.write().rest(batch, now);
        }
        let live: Vec<SeriesId> = self.series.read().live_ids().collect();
        let silent: Vec<SeriesId> = {
            let head = self.head.read();
            live.into_iter().filter(|id| head.rests(*id)).collect()
        };
        if silent.len() >= WORTH_A_SEGMENT {
            for batch in silent.chunks(BATCH) {
                let segment = self.series.read().pack(batch).build();
                self.series.write().rest(segment);
            }
        }
        for _ in 0..MERGES {
            let Some(merge) = self.series.read().plan_merge() else { return };
            let merged = merge.run();
            self.series.write().finish_merge(&merge, merged);
        }
    }

    /// Removes the series whose last sample is older than every day that there is.
    pub(super) fn remove_ended_series(&self) -> Result<(), StoreError> {
        let Some(oldest) = self.partitions.days().first().copied() else { return Ok(()) };
        let ended = self.head.read().ended_before(oldest.start());
        for batch in ended.chunks(BATCH) {
            // Nobody appends meanwhile or looks a series up: it must not get a sample between one step and the next.
            let _turn = self.turn.lock();
            let mut index = self.series.write();
            let mut head = self.head.write();
            let batch: Vec<SeriesId> = batch.iter().copied().filter(|id| head.rests(*id)).collect();
            self.catalog.remove_series(&batch)?;
            index.remove(&batch);
            head.remove(&batch);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::{Duration, Instant};

    use proptest::prelude::*;
    use tempfile::TempDir;

    use super::*;
    use crate::model::Labels;
    use crate::model::Selector;
    use crate::store::partition::DAY_MS;
    use crate::store::{Limits, StoreOptions};

    const T0: TimestampMs = 1_795_478_400_000; // 2026-11-24T00:00:00Z
    const HOUR: i64 = 3_600_000;

    fn open(dir: &TempDir, now: TimestampMs) -> Store {
        let options = StoreOptions { quiet: Duration::ZERO, windows_retention_ms: 30 * DAY_MS, ..StoreOptions::default() };
        Store::open(dir.path(), options, now).unwrap()
    }

    fn proc(n: usize) -> Labels {
        Labels::metric("proc", &[("process", &format!("build-{n:05}"))])
    }

    /// Appends rows of any time; each is kept.
    fn append(store: &Store, rows: impl IntoIterator<Item = (Labels, TimestampMs, f64)>, now: TimestampMs) {
        let mut intake = store.intake(now);
        intake.accept_any_order();
        for (labels, t, v) in rows {
            if !intake.begin(&labels.pairs().collect::<Vec<_>>()) {
                intake.begin_new(labels);
            }
            assert!(intake.push(t, v));
        }
        assert_eq!(store.append_resolved(intake.finish(), now).unwrap().rejected, [0; 4]);
        store.commit().unwrap();
    }

    fn times(store: &Store, labels: &Labels) -> Vec<TimestampMs> {
        store.samples(store.series_id(labels).unwrap(), i64::MIN, i64::MAX).unwrap().times
    }

    fn ids(store: &Store, query: &str) -> Vec<u32> {
        store.select(&Selector::parse(query).unwrap().matchers).into_iter().map(|id| id.0).collect()
    }

    #[test]
    fn a_series_that_comes_back_has_its_id_and_its_history() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(&dir, T0);
        append(&store, (0..100).map(|n| (proc(n), T0, n as f64)), T0);
        store.seal().unwrap();
        store.measure(T0 + HOUR);
        assert_eq!(store.status().dormant_series, 0);
        store.measure(T0 + 7 * HOUR);
        assert_eq!((store.status().dormant_series, store.series_count()), (100, 100));
        let (id, late) = (store.series_id(&proc(17)), T0 + 8 * HOUR);
        assert_eq!((id.map(|id| id.0), times(&store, &proc(17))), (Some(17), vec![T0]));
        append(&store, [(proc(17), late, 1.0), (proc(100), late, 2.0)], late);
        assert_eq!((store.status().dormant_series, store.series_count()), (99, 101));
        assert_eq!((store.series_id(&proc(17)), times(&store, &proc(17))), (id, vec![T0, late]));
        assert_eq!(ids(&store, "proc"), (0..=100).collect::<Vec<_>>());
        assert_eq!(ids(&store, r#"proc{process=~"build-0001.|build-00100"}"#), (10..20).chain([100]).collect::<Vec<_>>());
        // One that was found before it became dormant is kept all the same.
        let mut intake = store.intake(late);
        assert!(intake.begin(&proc(17).pairs().collect::<Vec<_>>()) && intake.push(late + 1, 3.0));
        let resolved = intake.finish();
        store.seal().unwrap();
        append(&store, (200..300).map(|n| (proc(n), late, 0.0)), late);
        store.seal().unwrap();
        store.measure(late + 7 * HOUR);
        assert_eq!(store.status().dormant_series, store.series_count());
        store.append_resolved(resolved, late).unwrap();
        assert_eq!(times(&store, &proc(17)), [T0, late, late + 1]);
    }

    #[test]
    fn after_a_restart_series_that_ended_long_ago_are_dormant_and_the_others_live() {
        let dir = tempfile::tempdir().unwrap();
        {
            let store = open(&dir, T0);
            append(&store, (0..50).map(|n| (proc(n), T0 - DAY_MS, 0.0)), T0);
            append(&store, (50..60).map(|n| (proc(n), T0, 0.0)), T0);
            store.seal().unwrap();
        }
        // However long the service was off.
        let store = open(&dir, T0 + 5 * DAY_MS);
        assert_eq!((store.status().dormant_series, store.series_count()), (50, 60));
        assert_eq!((times(&store, &proc(3)), times(&store, &proc(53))), (vec![T0 - DAY_MS], vec![T0]));
        assert_eq!(ids(&store, "proc"), (0..60).collect::<Vec<_>>());
    }

    #[test]
    fn windows_of_a_dormant_series_close_with_its_day() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(&dir, T0);
        append(&store, (0..20).map(|n| (proc(n), T0 + HOUR, 1.0)), T0 + HOUR);
        store.seal().unwrap();
        store.measure(T0 + 8 * HOUR);
        assert_eq!(store.status().dormant_series, 20);
        let closed = |now: TimestampMs| store.close_silent(now, 300_000).into_iter().map(|span| span.2).max();
        assert_eq!(closed(T0 + 8 * HOUR + 60_000), None, "nobody knows yet for how long it was silent");
        assert_eq!(closed(T0 + 9 * HOUR), Some(T0 + 9 * HOUR - 60_000));
        assert_eq!(closed(T0 + 40 * HOUR), Some(T0 + DAY_MS));
        assert_eq!(closed(T0 + 41 * HOUR), None);
    }

    #[test]
    fn series_leave_with_the_last_day_and_their_ids_are_not_given_again() {
        let dir = tempfile::tempdir().unwrap();
        let later = T0 + 31 * DAY_MS;
        {
            let store = open(&dir, T0);
            append(&store, (0..100).map(|n| (proc(n), T0, 0.0)), T0);
            store.seal().unwrap();
            store.measure(T0 + 7 * HOUR);
            append(&store, [(proc(100), later, 0.0), (proc(7), later, 0.0)], later);
            store.seal().unwrap();
            let mut intake = store.intake(later);
            intake.begin_new(proc(8));
            assert!(intake.push(later, 0.0));
            let resolved = intake.finish();
            store.measure(later + 60_000);
            assert_eq!(store.apply_retention(later + DAY_MS).unwrap().len(), 1);
            assert_eq!(ids(&store, "proc"), [7, 100]);
            assert!(matches!(store.append_resolved(resolved, later), Err(StoreError::Removed)));
            assert_eq!(store.series_id(&proc(3)), None);
            append(&store, [(proc(3), later, 5.0)], later);
            assert_eq!((ids(&store, "proc"), times(&store, &proc(3))), (vec![7, 100, 101], vec![later]));
        }
        let store = open(&dir, later);
        assert_eq!((ids(&store, "proc"), times(&store, &proc(3)), times(&store, &proc(7))), (vec![7, 100, 101], vec![later], vec![later]));
        append(&store, [(proc(4), later, 1.0)], later);
        assert_eq!(ids(&store, "proc"), [7, 100, 101, 102]);
    }

    #[derive(Debug, Clone)]
    enum Step {
        /// Rows of a series, a day, a minute.
        Append(Vec<(u8, u8, u16)>),
        Seal,
        Rest,
        Compact,
        Restart,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            6 => prop::collection::vec((0u8..30, 0u8..6, 0u16..1_440), 1..60).prop_map(Step::Append),
            2 => Just(Step::Seal),
            2 => Just(Step::Rest),
            1 => Just(Step::Compact),
            1 => Just(Step::Restart),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]
        #[test]
        fn no_sample_is_passed_over_however_late_it_came(steps in prop::collection::vec(step(), 1..24)) {
            let dir = tempfile::tempdir().unwrap();
            let mut now = T0;
            let mut store = open(&dir, now);
            let mut model: Vec<BTreeMap<TimestampMs, u64>> = vec![BTreeMap::new(); 30];
            for step in steps {
                now += 60_000;
                match step {
                    Step::Append(rows) => {
                        let row = |(n, day, minute): (u8, u8, u16)| {
                            let (t, v) = (T0 - (i64::from(day) * 1_440 + i64::from(minute)) * 60_000, f64::from(minute));
                            model[usize::from(n)].insert(t, v.to_bits());
                            (proc(usize::from(n)), t, v)
                        };
                        append(&store, rows.into_iter().map(row).collect::<Vec<_>>(), now);
                    }
                    Step::Seal => _ = store.seal().unwrap(),
                    Step::Rest => {
                        now += 7 * HOUR;
                        store.measure(now);
                    }
                    Step::Compact => while store.compact(now, 1.0).unwrap().is_some() {},
                    Step::Restart => {
                        drop(store);
                        store = open(&dir, now);
                    }
                }
                let rows = model.iter().enumerate().flat_map(|(n, rows)| rows.iter().map(move |(t, bits)| (proc(n), *t, *bits)));
                let expected: Vec<(Labels, TimestampMs, u64)> = rows.collect();
                let ids = store.select(&[]);
                let limits = Limits { max_samples: usize::MAX, deadline: Instant::now() + Duration::from_secs(60) };
                for (from, to) in [(i64::MIN, i64::MAX), (T0 - 3 * DAY_MS - 5 * HOUR, T0 - DAY_MS - HOUR)] {
                    let one_by_one: Vec<_> = store.scan(&ids, from, to, limits).map(Result::unwrap).collect();
                    for pieces in [one_by_one, store.scan_together(&ids, from, to, limits).unwrap()] {
                        let found = pieces.iter().flat_map(|p| p.columns.iter().map(|s| (p.labels.clone(), s.t, s.v.to_bits())));
                        let mut found: Vec<_> = found.collect();
                        found.sort_by(|a, b| a.0.cmp_pairs(&b.0).then(a.1.cmp(&b.1)));
                        let wanted: Vec<_> = expected.iter().filter(|row| row.1 >= from && row.1 <= to).cloned().collect();
                        prop_assert_eq!(found, wanted);
                    }
                }
            }
        }
    }
}
