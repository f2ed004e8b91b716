//! The series that boards have given, and their ends.

use std::collections::{BTreeMap, BTreeSet};

use taskpulse_engine::model::{Batch, Labels, STALE_NAN_BITS, Selector, TimestampMs, is_stale_marker};
use taskpulse_engine::store::Store;

use super::Looked;
use crate::collectors::collector::StalenessTracker;

/// Series whose samples have times of their own: they have none in most looks, and end with their tag.
const DURATIONS: [&str; 2] = ["taskmaster_task_execution_seconds", "taskmaster_task_review_seconds"];
/// A series without a sample for so long answers no more; there is nothing to end.
const LOOKBACK_MS: i64 = 5 * 60 * 1000;

/// See the module.
#[derive(Default)]
pub(super) struct Given {
    now: StalenessTracker,
    /// The newest sample of each series of durations.
    durations: BTreeMap<Vec<u8>, TimestampMs>,
}

impl Given {
    /// What an earlier run of the service gave, as far as it still answers. Blocking.
    pub(super) fn of_the_store(store: &Store, now: TimestampMs) -> Self {
        let mut given = Self::default();
        let Ok(selector) = Selector::parse("{__name__=~\"taskmaster_.+\"}") else { return given };
        for id in store.select(&selector.matchers) {
            let Ok(Some(newest)) = store.latest(id, now - LOOKBACK_MS, now) else { continue };
            match store.labels(id) {
                Some(labels) if is_stale_marker(newest.v) => drop(labels),
                Some(labels) if DURATIONS.contains(&labels.name()) => {
                    given.durations.insert(labels.as_bytes().to_vec(), newest.t);
                }
                Some(labels) => given.now.expect(&labels),
                None => {}
            }
        }
        given
    }

    /// Adds a stale marker for each series whose subject the look does not have any more.
    pub(super) fn end_what_is_gone(&mut self, looked: &mut Looked, now: TimestampMs) {
        let subject = |labels: &Labels| -> (String, String) {
            let of = |name| labels.get(name).unwrap_or_default().to_owned();
            (of("project"), of("tag"))
        };
        let there: BTreeSet<(String, String)> = looked.batch.labels.iter().map(subject).collect();
        self.now.mark(&mut looked.batch, now);
        for (labels, at) in newest(&looked.durations) {
            let newest = self.durations.entry(labels).or_insert(at);
            *newest = at.max(*newest);
        }
        self.durations.retain(|bytes, at| {
            let gone = Labels::from_bytes(bytes).ok().filter(|labels| !there.contains(&subject(labels)));
            if let Some(labels) = &gone
                && *at > now - LOOKBACK_MS
            {
                looked.durations.push(labels.clone(), now, f64::from_bits(STALE_NAN_BITS));
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

    fn series(name: &str, tag: &str) -> Labels {
        Labels::metric(name, &[("project", "app"), ("tag", tag)])
    }

    fn look(given: &mut Given, now: TimestampMs, tags: &[&str], durations: &[(&str, TimestampMs)]) -> Vec<(String, String, TimestampMs)> {
        let mut looked = Looked::default();
        tags.iter().for_each(|tag| looked.batch.push(series("taskmaster_queue_depth", tag), now, 1.0));
        durations.iter().for_each(|(tag, at)| looked.durations.push(series(DURATIONS[0], tag), *at, 7.0));
        given.end_what_is_gone(&mut looked, now);
        let of = |batch: &Batch| -> Vec<_> {
            let rows = batch.labels.iter().zip(batch.times.iter().zip(&batch.values));
            let ended = rows.filter(|(_, (_, v))| is_stale_marker(**v));
            ended.map(|(l, (t, _))| (l.name().to_owned(), l.get("tag").unwrap().to_owned(), *t)).collect()
        };
        let mut ended = of(&looked.batch);
        ended.extend(of(&looked.durations));
        ended
    }

    #[test]
    fn each_series_of_a_tag_that_is_gone_ends_once_and_in_the_same_look() {
        let mut given = Given::default();
        assert_eq!(look(&mut given, 1_000_000, &["a", "b"], &[("a", 999_000), ("b", 400_000)]), []);
        let name = |name: &str, at| (name.to_owned(), "a".to_owned(), at);
        assert_eq!(look(&mut given, 1_005_000, &["b"], &[]), [name("taskmaster_queue_depth", 1_005_000), name(DURATIONS[0], 1_005_000)]);
        assert_eq!(look(&mut given, 1_010_000, &["b"], &[]), []);
        // A duration of long ago answers no more, so that there is nothing to end.
        assert_eq!(look(&mut given, 1_015_000, &[], &[]), [("taskmaster_queue_depth".to_owned(), "b".to_owned(), 1_015_000)]);
        assert!(given.durations.is_empty());
    }
}
