//! Calls of jobs that must come in, as a source: whether each comes in time.
//!
//! A call is a sample of its own, written by the HTTP layer, so it is as durable as all samples. This collector reads the newest one of
//! each job and judges it. It does not take calls.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use taskpulse_engine::heartbeat::{Calls, Expected, INTERVAL, LABEL, LAST_CALL, UP};
use taskpulse_engine::model::{Batch, Labels, Matcher, NAME_LABEL, TimestampMs};
use taskpulse_engine::store::{StoreError, StoreReader};

use super::collector::{CollectFuture, Collection, Collector, Outcome};
use crate::view;

/// The name of this source, and of its section of settings.
pub const SOURCE: &str = "heartbeats";
/// Time between collections.
const EVERY: Duration = Duration::from_secs(5);

/// A job whose calls are expected.
pub struct Job {
    expected: Expected,
    /// Since when its calls are watched, once that was read.
    began: Mutex<Option<TimestampMs>>,
}

impl Job {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.expected.name
    }

    /// When it called last, and since when its calls are watched.
    fn read(&self, store: &StoreReader, now: TimestampMs) -> Result<(Option<TimestampMs>, TimestampMs), StoreError> {
        let last = newest(store, LAST_CALL, &self.expected.name, now)?;
        let mut began = self.began.lock();
        let since = match *began {
            Some(since) => since,
            None => *began.insert(watched_since(store, &self.expected, now)?),
        };
        Ok((last, since))
    }

    /// How its calls are doing.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn view(&self, store: &StoreReader, now: TimestampMs) -> Result<view::Heartbeat, StoreError> {
        let (last, began) = self.read(store, now)?;
        Ok(view::Heartbeat::new(&self.expected, last, began, now))
    }
}

/// The jobs whose calls are expected. Shared by the collector and the HTTP layer.
pub struct Heartbeats(Vec<Job>);

impl Heartbeats {
    /// Those jobs.
    #[must_use]
    pub fn new(expected: Vec<Expected>) -> Self {
        Self(expected.into_iter().map(|expected| Job { expected, began: Mutex::default() }).collect())
    }

    /// All of them.
    #[must_use]
    pub fn jobs(&self) -> &[Job] {
        &self.0
    }

    /// The one of a name.
    #[must_use]
    pub fn job(&self, name: &str) -> Option<&Job> {
        self.0.iter().find(|job| job.expected.name == name)
    }
}

fn series(metric: &str, name: &str) -> Labels {
    Labels::metric(metric, &[(LABEL, name)])
}

/// The time of the newest sample of a metric of a job.
fn newest(store: &StoreReader, metric: &str, name: &str, now: TimestampMs) -> Result<Option<TimestampMs>, StoreError> {
    let ids = store.select(&[Matcher::equal(NAME_LABEL, metric), Matcher::equal(LABEL, name)]);
    let mut found = None;
    for id in ids {
        found = found.max(store.latest(id, i64::MIN, now)?.map(|sample| sample.t));
    }
    Ok(found)
}

/// Since when the calls of a job are watched: from the first sample of its interval, as far back as that matters.
fn watched_since(store: &StoreReader, expected: &Expected, now: TimestampMs) -> Result<TimestampMs, StoreError> {
    let from = now.saturating_sub(2 * (expected.every.ms() + expected.grace.ms()));
    let mut since = now;
    for id in store.select(&[Matcher::equal(NAME_LABEL, INTERVAL), Matcher::equal(LABEL, &expected.name)]) {
        since = since.min(store.samples(id, from, now)?.iter().next().map_or(now, |sample| sample.t));
    }
    Ok(since)
}

/// See the module.
pub struct HeartbeatCollector {
    heartbeats: Arc<Heartbeats>,
    store: StoreReader,
}

impl HeartbeatCollector {
    /// A collector that judges the calls of those jobs.
    #[must_use]
    pub fn new(heartbeats: Arc<Heartbeats>, store: StoreReader) -> Self {
        Self { heartbeats, store }
    }

    fn samples(&self, now: TimestampMs) -> Result<Batch, StoreError> {
        let mut batch = Batch::default();
        for job in self.heartbeats.jobs() {
            let (expected, (last, began)) = (&job.expected, job.read(&self.store, now)?);
            batch.push(series(INTERVAL, &expected.name), now, expected.every.as_secs_f64());
            match expected.judge(last, began, now) {
                // Nothing is known of a job that has not called yet.
                Calls::Awaited => {}
                Calls::Coming => batch.push(series(UP, &expected.name), now, 1.0),
                Calls::Late => batch.push(series(UP, &expected.name), now, 0.0),
            }
        }
        Ok(batch)
    }
}

/// The sample that a call leaves.
#[must_use]
pub fn call(name: &str, now: TimestampMs) -> Batch {
    let mut batch = Batch::default();
    batch.push(series(LAST_CALL, name), now, now as f64 / 1e3);
    batch
}

impl Collector for HeartbeatCollector {
    fn name(&self) -> String {
        SOURCE.to_owned()
    }

    fn every(&self) -> Duration {
        EVERY
    }

    fn collect(&mut self, now: TimestampMs) -> CollectFuture<'_> {
        Box::pin(async move {
            match self.samples(now) {
                Ok(batch) => Outcome::Complete(Collection::from(batch)),
                Err(error) => Outcome::failed(error),
            }
        })
    }
}
