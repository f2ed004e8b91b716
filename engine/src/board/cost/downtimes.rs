//! When the service was not running, from the samples that it takes of itself.

use crate::model::{Matcher, NAME_LABEL, TimestampMs};
use crate::store::{Store, StoreError};

/// The service was down between samples of itself that are further apart. It takes one every ten seconds.
const MIN_DOWNTIME_MS: i64 = 60_000;
/// Downtimes that are remembered; the oldest are dropped first.
const MAX_DOWNTIMES: usize = 10_000;
/// A series that the service always collects of itself.
const SELF_METRIC: &str = "taskpulse_process_start_time_seconds";

/// The times during which the service was down.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Downtimes {
    /// By rising time, disjoint.
    gaps: Vec<(TimestampMs, TimestampMs)>,
    /// The newest sample that was read.
    newest: Option<TimestampMs>,
}

impl Downtimes {
    /// Reads the samples since the last call, from `from` on at the first.
    ///
    /// # Errors
    /// [`StoreError`] when samples cannot be read.
    pub fn update(&mut self, store: &Store, from: TimestampMs, now: TimestampMs) -> Result<(), StoreError> {
        let from = self.newest.map_or(from, |newest| newest.saturating_add(1));
        for id in store.select(&[Matcher::equal(NAME_LABEL, SELF_METRIC)]) {
            for at in store.samples(id, from, now)?.times {
                if let Some(before) = self.newest
                    && at - before > MIN_DOWNTIME_MS
                {
                    self.gaps.push((before, at));
                }
                self.newest = self.newest.max(Some(at));
            }
        }
        let over = self.gaps.len().saturating_sub(MAX_DOWNTIMES);
        self.gaps.drain(..over);
        Ok(())
    }

    /// Seconds of downtime within a range of time; none where there was none.
    #[must_use]
    pub fn within(&self, from: TimestampMs, to: TimestampMs) -> Option<f64> {
        let first = self.gaps.partition_point(|gap| gap.1 <= from);
        let parts = self.gaps[first..].iter().take_while(|gap| gap.0 < to).map(|gap| gap.1.min(to) - gap.0.max(from));
        let ms: i64 = parts.sum();
        (ms > 0).then_some(ms as f64 / 1e3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Batch, Labels};
    use crate::store::StoreOptions;

    const T0: i64 = 1_795_478_400_000;

    #[test]
    fn downtimes_are_known_from_the_services_own_samples() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), StoreOptions::default(), T0).unwrap();
        let mut downtimes = Downtimes::default();
        let append = |downtimes: &mut Downtimes, seconds: std::ops::Range<i64>| {
            let mut batch = Batch::default();
            let last = seconds.end;
            seconds.step_by(10).for_each(|s| batch.push(Labels::metric(SELF_METRIC, &[]), T0 + s * 1_000, 1.0));
            store.append(&batch, T0 + last * 1_000).unwrap();
            downtimes.update(&store, T0, T0 + last * 1_000).unwrap();
        };
        append(&mut downtimes, 0..101);
        assert_eq!(downtimes.within(T0, T0 + 200_000), None, "future samples are not missing yet");
        append(&mut downtimes, 400..501);
        append(&mut downtimes, 1_000..1_001);
        let within = |from: i64, to: i64| downtimes.within(T0 + from * 1_000, T0 + to * 1_000);
        assert_eq!((within(0, 1_000), within(200, 300), within(450, 600)), (Some(800.0), Some(100.0), Some(100.0)));
        assert_eq!((within(400, 500), within(1_000, 2_000)), (None, None));
    }
}
