//! Staleness of the series of boards.

use std::collections::{BTreeMap, BTreeSet};

use taskpulse_engine::model::{Batch, Labels, STALE_NAN_BITS, Selector, TimestampMs, is_stale_marker};
use taskpulse_engine::store::StoreReader;

use super::Found;
use crate::collectors::collector::StalenessTracker;

/// Series whose samples have times of their own: most collections have none of them, and they end with their tag.
const DURATIONS: [&str; 3] = ["taskmaster_task_execution_seconds", "taskmaster_task_review_seconds", "taskmaster_task_complexity"];
/// A series whose newest sample is older answers no query; it needs no marker.
const LOOKBACK_MS: i64 = 5 * 60 * 1000;

/// See the module.
#[derive(Default)]
pub(super) struct BoardSeries {
    current: StalenessTracker,
    /// The newest sample of each series of durations.
    durations: BTreeMap<Vec<u8>, TimestampMs>,
}

impl BoardSeries {
    /// The series of an earlier run of the service that still answer queries. Blocking.
    pub(super) fn restore(store: &StoreReader, now: TimestampMs) -> Self {
        let mut series = Self::default();
        let Ok(selector) = Selector::parse("{__name__=~\"taskmaster_.+\"}") else { return series };
        for id in store.select(&selector.matchers) {
            let Ok(Some(newest)) = store.latest(id, now - LOOKBACK_MS, now) else { continue };
            match store.labels(id) {
                Some(labels) if is_stale_marker(newest.v) => drop(labels),
                Some(labels) if DURATIONS.contains(&labels.name()) => {
                    series.durations.insert(labels.as_bytes().to_vec(), newest.t);
                }
                Some(labels) => series.current.expect(&labels),
                None => {}
            }
        }
        series
    }

    /// Adds a stale marker for each series whose project or tag this collection lacks.
    pub(super) fn end_missing(&mut self, found: &mut Found, now: TimestampMs) {
        let subject = |labels: &Labels| -> (String, String) {
            let of = |name| labels.get(name).unwrap_or_default().to_owned();
            (of("project"), of("tag"))
        };
        let there: BTreeSet<(String, String)> = found.batch.labels.iter().map(subject).collect();
        self.current.mark(&mut found.batch, now);
        for (labels, at) in newest(&found.durations) {
            let newest = self.durations.entry(labels).or_insert(at);
            *newest = at.max(*newest);
        }
        self.durations.retain(|bytes, at| {
            let gone = Labels::from_bytes(bytes).ok().filter(|labels| !there.contains(&subject(labels)));
            if let Some(labels) = &gone
                && *at > now - LOOKBACK_MS
            {
                found.durations.push(labels.clone(), now, f64::from_bits(STALE_NAN_BITS));
            }
            gone.is_none() && *at > now - LOOKBACK_MS
        });
    }
}

fn newest(batch: &Batch) -> impl Iterator<Item = (Vec<u8>, TimestampMs)> {
    batch.labels.iter().zip(&batch.times).map(|(labels, at)| (labels.as_bytes().to_vec(), *at))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    fn labels(name: &str, tag: &str) -> Labels {
        Labels::metric(name, &[("project", "app"), ("tag", tag)])
    }

    fn collect(
        board_series: &mut BoardSeries,
        now: TimestampMs,
        tags: &[&str],
        durations: &[(&str, TimestampMs)],
    ) -> Vec<(String, String, TimestampMs)> {
        let mut found = Found::default();
        tags.iter().for_each(|tag| found.batch.push(labels("taskmaster_queue_depth", tag), now, 1.0));
        durations.iter().for_each(|(tag, at)| found.durations.push(labels(DURATIONS[0], tag), *at, 7.0));
        board_series.end_missing(&mut found, now);
        let of = |batch: &Batch| -> Vec<_> {
            let rows = batch.labels.iter().zip(batch.times.iter().zip(&batch.values));
            let ended = rows.filter(|(_, (_, v))| is_stale_marker(**v));
            ended.map(|(l, (t, _))| (l.name().to_owned(), l.get("tag").unwrap().to_owned(), *t)).collect()
        };
        let mut ended = of(&found.batch);
        ended.extend(of(&found.durations));
        ended
    }

    #[test]
    fn each_series_of_a_removed_tag_ends_once_and_in_the_same_collection() {
        let mut series = BoardSeries::default();
        assert_eq!(collect(&mut series, 1_000_000, &["a", "b"], &[("a", 999_000), ("b", 400_000)]), []);
        let name = |name: &str, at| (name.to_owned(), "a".to_owned(), at);
        assert_eq!(
            collect(&mut series, 1_005_000, &["b"], &[]),
            [name("taskmaster_queue_depth", 1_005_000), name(DURATIONS[0], 1_005_000)]
        );
        assert_eq!(collect(&mut series, 1_010_000, &["b"], &[]), []);
        // An old duration answers no query and needs no marker.
        assert_eq!(collect(&mut series, 1_015_000, &[], &[]), [("taskmaster_queue_depth".to_owned(), "b".to_owned(), 1_015_000)]);
        assert!(series.durations.is_empty());
    }
}
