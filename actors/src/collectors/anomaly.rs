//! Anomaly detection as a source: judges the closed windows of chosen series, and keeps where each series is expected.
//!
//! 1. reads the windows of five minutes that closed since the last time,
//! 2. judges them in the order of time; an anomaly becomes a document and an event,
//! 3. gives samples of the newest score and of the expected band.
//!
//! State is made again from the kept history after a start, a few milliseconds a series. What was unusual then is history: it is learned,
//! and never reported anew.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use taskpulse_engine::anomaly::{Anomaly, LEVEL, Tuning, WatchedSeries};
use taskpulse_engine::event::Event;
use taskpulse_engine::model::{Batch, Labels, NAME_LABEL, Selector, SeriesId, TimestampMs};
use taskpulse_engine::relabel;
use taskpulse_engine::store::{StoreError, StoreReader};
use tokio::sync::watch;

use super::collector::{Carried, CollectFuture, Collection, Collector, Outcome, StalenessTracker};
use crate::view;

/// The name of this source, and of its section of settings.
pub const SOURCE: &str = "anomaly";
/// Documents of anomalies.
pub const KIND: &str = "anomalies";
/// Anomalies kept at the most.
const MAX_KEPT: usize = 2_000;
/// Time between collections.
const EVERY: Duration = Duration::from_secs(60);
/// Wait before the first one: the service has more urgent work at its start.
const FIRST_AFTER: Duration = Duration::from_secs(20);
/// Reading the history of many series takes longer than a usual collection.
const COLLECT_TIMEOUT: Duration = Duration::from_secs(120);
/// What of the history is learned after a start.
const HISTORY_MS: i64 = 14 * 86_400_000;
/// An anomaly that is older when it is found is history.
const NEWS_MS: i64 = 3_600_000;
/// A series without windows for this long is no longer watched.
const GONE_MS: i64 = 86_400_000;

/// What is watched, and how.
#[derive(Debug, Clone)]
pub struct AnomalyOptions {
    /// The series.
    pub series: Vec<Selector>,
    /// The most of them.
    pub max_series: usize,
    /// How much is reported.
    pub tuning: Tuning,
}

/// State between collections.
struct Watch {
    series: BTreeMap<SeriesId, WatchedSeries>,
    /// Score of the newest window of each.
    scores: BTreeMap<SeriesId, f64>,
    /// Keys of the kept anomalies, by time.
    kept: BTreeSet<String>,
    staleness: StalenessTracker,
}

/// See the module.
pub struct AnomalyCollector {
    options: Arc<AnomalyOptions>,
    store: StoreReader,
    watched: watch::Sender<Arc<Vec<view::WatchedSeries>>>,
    state: Carried<Watch>,
}

impl AnomalyCollector {
    /// A collector that judges the series of `options` and publishes which those are.
    #[must_use]
    pub fn new(options: Arc<AnomalyOptions>, store: StoreReader, watched: watch::Sender<Arc<Vec<view::WatchedSeries>>>) -> Self {
        Self { options, store, watched, state: Carried::default() }
    }
}

/// What one collection found.
struct Found {
    collection: Collection,
    watched: Vec<view::WatchedSeries>,
    /// Series that are selected, but too many.
    left_out: usize,
}

impl Watch {
    fn restore(store: &StoreReader) -> Self {
        let kept = store.documents(KIND).unwrap_or_default().into_iter().map(|(key, _)| key).collect();
        Self { series: BTreeMap::new(), scores: BTreeMap::new(), kept, staleness: StalenessTracker::default() }
    }

    fn collect(&mut self, store: &StoreReader, options: &AnomalyOptions, now: TimestampMs) -> Result<Found, StoreError> {
        let selected: BTreeSet<SeriesId> = options.series.iter().flat_map(|selector| store.select(&selector.matchers)).collect();
        let left_out = selected.len().saturating_sub(options.max_series);
        self.series.retain(|id, _| selected.contains(id));
        let mut anomalies = Vec::new();
        for id in selected.into_iter().take(options.max_series) {
            anomalies.extend(self.advance(store, options, id, now)?);
        }
        self.scores.retain(|id, _| self.series.contains_key(id));
        let mut collection = Collection::from(self.samples(now));
        self.report(anomalies, now, &mut collection);
        let watched = self.series.values().filter(|series| series.judged() > 0).map(view::WatchedSeries::from).collect();
        Ok(Found { collection, watched, left_out })
    }

    /// Judges the windows of a series that closed since the last time.
    fn advance(
        &mut self,
        store: &StoreReader,
        options: &AnomalyOptions,
        id: SeriesId,
        now: TimestampMs,
    ) -> Result<Vec<Anomaly>, StoreError> {
        let series = match self.series.entry(id) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let Some(labels) = store.labels(id) else { return Ok(Vec::new()) };
                entry.insert(WatchedSeries::new(labels, options.tuning))
            }
        };
        let mut anomalies = Vec::new();
        for row in store.windows(id, LEVEL, series.newest().max(now - HISTORY_MS), now)? {
            if let Some(judged) = series.observe(&row) {
                self.scores.insert(id, judged.score);
                anomalies.extend(judged.anomaly);
            }
        }
        Ok(anomalies)
    }

    /// The newest score of each series and where it is expected now.
    fn samples(&mut self, now: TimestampMs) -> Batch {
        let mut batch = Batch::default();
        for (id, series) in self.series.iter().filter(|(_, series)| series.newest() > now - GONE_MS && !series.is_learning()) {
            if let Some(score) = self.scores.get(id) {
                batch.push(about(series.labels(), "taskpulse_anomaly_score"), now, *score);
            }
            if let Some(band) = series.expected(now) {
                batch.push(about(series.labels(), "taskpulse_expected_low"), now, band.low);
                batch.push(about(series.labels(), "taskpulse_expected_high"), now, band.high);
            }
        }
        self.staleness.mark(&mut batch, now);
        batch
    }

    /// Keeps what is news, and drops the oldest that are too many.
    fn report(&mut self, anomalies: Vec<Anomaly>, now: TimestampMs, collection: &mut Collection) {
        let mut changes = Vec::new();
        for anomaly in anomalies.into_iter().filter(|anomaly| anomaly.at > now - NEWS_MS) {
            let key = format!("{:020}-{}", anomaly.at, anomaly.metric);
            if self.kept.insert(key.clone()) {
                collection.events.push(event_of(&anomaly));
                changes.push((key, serde_json::to_vec(&anomaly).ok()));
            }
        }
        while self.kept.len() > MAX_KEPT {
            changes.extend(self.kept.pop_first().map(|oldest| (oldest, None)));
        }
        if !changes.is_empty() {
            collection.documents.push((KIND, changes));
        }
    }
}

/// The labels of a metric about a series: those of the series, and its name as `metric`.
fn about(series: &Labels, metric: &str) -> Labels {
    let others = series.iter().filter(|(name, _)| *name != NAME_LABEL);
    let mut pairs: Vec<(String, String)> = others.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    relabel::attach(&mut pairs, &[("metric", series.name())], false);
    let named = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).chain([(NAME_LABEL, metric)]);
    Labels::of(named.collect())
}

fn event_of(anomaly: &Anomaly) -> Event {
    let event = Event::new(anomaly.at, SOURCE, "anomaly", anomaly.metric.name(), anomaly.summary.clone());
    event.with_data(
        serde_json::json!({"metric": anomaly.metric, "value": anomaly.value, "expected": anomaly.expected, "unusual": anomaly.unusual}),
    )
}

impl Collector for AnomalyCollector {
    fn name(&self) -> String {
        SOURCE.to_owned()
    }

    fn every(&self) -> Duration {
        EVERY
    }

    fn first_after(&self) -> Duration {
        FIRST_AFTER
    }

    fn timeout(&self) -> Duration {
        COLLECT_TIMEOUT
    }

    fn is_source(&self) -> bool {
        false
    }

    fn collect(&mut self, now: TimestampMs) -> CollectFuture<'_> {
        Box::pin(async move {
            let (store, options, kept) = (self.store.clone(), Arc::clone(&self.options), self.store.clone());
            let found = self.state.run_or_else(move || Watch::restore(&kept), move |watch| watch.collect(&store, &options, now)).await;
            match found {
                Ok(Ok(found)) => {
                    self.watched.send_replace(Arc::new(found.watched));
                    if found.left_out == 0 {
                        return Outcome::Complete(found.collection);
                    }
                    let most = self.options.max_series;
                    let why = format!("{} series more than anomaly.max_series = {most} are selected and not judged", found.left_out);
                    Outcome::Partial(why, found.collection)
                }
                Ok(Err(error)) => Outcome::failed(error),
                Err(error) => Outcome::failed(error),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use taskpulse_engine::store::StoreOptions;

    use super::*;
    use crate::testing::{NOON, on_stage_with};

    const MINUTE_MS: i64 = 60_000;

    async fn complete(collector: &mut AnomalyCollector, now: TimestampMs) -> Collection {
        match collector.collect(now).await {
            Outcome::Complete(found) => found,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_spike_in_the_newest_minutes_is_an_event_and_the_band_has_samples() {
        let options = StoreOptions { out_of_order_ms: 3 * 86_400_000, ..StoreOptions::default() };
        on_stage_with(options, async |stage| {
            let cpu = Labels::metric("system_cpu_utilization_ratio", &[]);
            let mut batch = Batch::default();
            for minute in 0..2_880 {
                let spike = if (2_860..2_870).contains(&minute) { 0.7 } else { 0.0 };
                batch.push(cpu.clone(), NOON + (minute - 2_880) * MINUTE_MS, 0.2 + 0.01 * (minute % 7) as f64 + spike);
            }
            stage.writer().append(&batch, NOON).unwrap();
            stage.writer().commit().unwrap();
            let series = vec![Selector::parse("system_cpu_utilization_ratio").unwrap()];
            let options = AnomalyOptions { series, max_series: 10, tuning: Tuning::default() };
            let mut collector = AnomalyCollector::new(Arc::new(options), stage.store.clone(), stage.publishers.watched.clone());
            let found = complete(&mut collector, NOON).await;
            let titles: Vec<&str> = found.events.iter().map(|event| event.title.as_str()).collect();
            assert!(titles.len() == 1 && titles[0].starts_with("CPU 9") && titles[0].contains(" is unusual: 2"), "{titles:?}");
            let names: Vec<&str> = found.batch.labels.iter().map(Labels::name).collect();
            assert_eq!(names, ["taskpulse_anomaly_score", "taskpulse_expected_low", "taskpulse_expected_high"]);
            assert_eq!(found.documents[0].1.len(), 1);
            let watched = stage.views.watched();
            assert!(watched.len() == 1 && watched[0].judged > 500 && !watched[0].learning, "{watched:?}");
            assert!(complete(&mut collector, NOON + MINUTE_MS).await.events.is_empty(), "it is reported once");
        });
    }

    #[test]
    fn a_metric_about_a_series_keeps_its_labels() {
        for (labels, text) in [
            (Labels::metric("cpu", &[("host", "a")]), r#"taskpulse_anomaly_score{host="a",metric="cpu"}"#),
            (Labels::metric("cpu", &[("metric", "b")]), r#"taskpulse_anomaly_score{exported_metric="b",metric="cpu"}"#),
            (
                Labels::metric("cpu", &[("metric", "b"), ("exported_metric", "c")]),
                r#"taskpulse_anomaly_score{exported_exported_metric="b",exported_metric="c",metric="cpu"}"#,
            ),
        ] {
            assert_eq!(about(&labels, "taskpulse_anomaly_score").to_string(), text);
        }
    }

    #[test]
    fn an_anomaly_is_reported_once_and_never_from_history() {
        let mut watch =
            Watch { series: BTreeMap::new(), scores: BTreeMap::new(), kept: BTreeSet::new(), staleness: StalenessTracker::default() };
        let now = 100 * NEWS_MS;
        let at = |at| Anomaly {
            at,
            metric: Labels::metric("cpu", &[]),
            value: 1.0,
            expected: None,
            excess: 0.0,
            score: 0.9,
            reached_by: 0,
            stretches: 9,
            stretch_ms: 1,
            unusual: "value".to_owned(),
            summary: "CPU 1 is unusual".to_owned(),
        };
        for (found, events) in [(vec![at(now - 1), at(now - NEWS_MS)], 1), (vec![at(now - 1)], 0)] {
            let mut collection = Collection::default();
            watch.report(found, now, &mut collection);
            assert_eq!(collection.events.len(), events);
        }
        let mut collection = Collection::default();
        watch.report((1..=2_100).map(|n| at(now + n)).collect(), now, &mut collection);
        let dropped = collection.documents[0].1.iter().filter(|(_, bytes)| bytes.is_none()).count();
        assert_eq!((watch.kept.len(), dropped), (MAX_KEPT, 101));
    }
}
