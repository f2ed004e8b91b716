//! The store as a source of samples for queries.

use super::eval::{EvalError, SeriesSink, Source};
use super::selector::Matcher;
use crate::model::{SeriesId, TimestampMs};
use crate::store::{Limits, Store};

impl Source for Store {
    fn read(&self, matchers: &[Vec<Matcher>], start: TimestampMs, end: TimestampMs, sink: &mut dyn SeriesSink) -> Result<(), EvalError> {
        let mut ids: Vec<SeriesId> = matchers.iter().flat_map(|list| self.select(list)).collect();
        ids.sort_unstable();
        ids.dedup();
        // The query has limits of its own and tells them better.
        let limits = Limits { max_samples: usize::MAX, deadline: far_away() };
        let mut current: Option<SeriesId> = None;
        for piece in self.scan(&ids, start, end, limits) {
            let piece = piece?;
            if current != Some(piece.id) {
                current = Some(piece.id);
                sink.begin(&piece.labels)?;
            }
            sink.piece(&piece.columns)?;
        }
        Ok(())
    }
}

fn far_away() -> std::time::Instant {
    std::time::Instant::now() + std::time::Duration::from_secs(86_400)
}
