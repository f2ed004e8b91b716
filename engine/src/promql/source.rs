//! The store as a source of samples for queries.
//!
//! Decoding is most of the work of a query over many series, so two threads share it where there is enough of it for a
//! thread, batch by batch; a range so long that not even two series fit in a batch is read one day of one series at a time.

use std::time::{Duration, Instant};

use super::eval::{EvalError, HourSink, SeriesSink, Source};
use super::selector::Matcher;
use crate::model::{SeriesId, TimestampMs};
use crate::store::{Limits, SeriesColumns, Store, StoreError};

/// What finding a series costs, in samples that could be decoded meanwhile.
const FINDING: i64 = 300;
/// Time between samples that is reckoned with.
const APART_MS: i64 = 10_000;
/// Work, in samples, that a thread is worth.
const WORTH_A_THREAD: i64 = 25_000;
/// Work that is held at the same time.
const HELD: i64 = 400_000;
/// Series that are held at the same time, at the most.
const MOST_HELD: i64 = 4_096;

type Pieces = Vec<Result<SeriesColumns, StoreError>>;

fn ids(store: &Store, matchers: &[Vec<Matcher>]) -> Vec<SeriesId> {
    let mut ids: Vec<SeriesId> = matchers.iter().flat_map(|list| store.select(list)).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

fn read_all(store: &Store, ids: &[SeriesId], start: TimestampMs, end: TimestampMs, limits: Limits) -> Pieces {
    store.scan(ids, start, end, limits).collect()
}

impl Source for Store {
    fn read_hours(&self, matchers: &[Vec<Matcher>], start: TimestampMs, end: TimestampMs, sink: HourSink<'_>) -> Result<bool, EvalError> {
        let mut parts = Vec::new();
        for id in ids(self, matchers) {
            parts.clear();
            let hours = self.hour_parts(id, start, end, &mut parts)?;
            if let Some(labels) = self.labels(id).filter(|_| !parts.is_empty()) {
                sink(&labels, &parts, hours)?;
            }
        }
        Ok(true)
    }

    fn read(&self, matchers: &[Vec<Matcher>], start: TimestampMs, end: TimestampMs, sink: &mut dyn SeriesSink) -> Result<(), EvalError> {
        let ids = ids(self, matchers);
        // The query has limits of its own and tells them better.
        let limits = Limits { max_samples: usize::MAX, deadline: Instant::now() + Duration::from_secs(86_400) };
        let mut current: Option<SeriesId> = None;
        let mut pass_on = |piece: Result<SeriesColumns, StoreError>| -> Result<(), EvalError> {
            let piece = piece?;
            if current != Some(piece.id) {
                current = Some(piece.id);
                sink.begin(&piece.labels)?;
            }
            sink.piece(&piece.columns)
        };
        let work_of_one = FINDING.saturating_add(end.saturating_sub(start) / APART_MS);
        let at_once = (HELD / work_of_one).min(MOST_HELD);
        if at_once < 2 || work_of_one.saturating_mul(ids.len() as i64) < WORTH_A_THREAD {
            return self.scan(&ids, start, end, limits).try_for_each(pass_on);
        }
        for batch in ids.chunks(at_once as usize) {
            let (here, there) = batch.split_at(batch.len() / 2);
            let (first, second) = std::thread::scope(|scope| {
                let other = scope.spawn(|| read_all(self, there, start, end, limits));
                (read_all(self, here, start, end, limits), other.join())
            });
            let Ok(second) = second else { return Err(EvalError::Execution("a reading thread ended unexpectedly".to_owned())) };
            first.into_iter().chain(second).try_for_each(&mut pass_on)?;
        }
        Ok(())
    }
}
