//! What alerts of one moment have in common: series of the machine, events and earlier alerts are read once for all of them.

use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;
use taskpulse_engine::agent::Book;
use taskpulse_engine::event::Event;
use taskpulse_engine::explain::{LOOK_BACK_MS, Resource, Used};
use taskpulse_engine::model::{Columns, Labels, Matcher, NAME_LABEL, TimestampMs};
use taskpulse_engine::rules::Alert;
use taskpulse_engine::store::{Limits, StoreReader};

use super::{BEFORE_MS, window};
use crate::alert::HISTORY;

/// What one kind of series may cost.
const MAX_SAMPLES: usize = 500_000;
const MAX_TIME: Duration = Duration::from_millis(200);
/// The labels that say which machine a series is of: several may be in one store.
const MACHINE_LABELS: [&str; 3] = ["host", "instance", "job"];
/// Most events that are read.
const MOST_EVENTS: usize = 2_000;
/// What is still in progress began within this time.
const DAY_MS: i64 = 86_400_000;
/// Kinds of events that say what is in progress.
const OF_WORK: [&str; 4] = ["task_status", "task_removed", "run_started", "run_finished"];

/// Which machine a series is of.
pub(super) type Machine = [String; MACHINE_LABELS.len()];
type Series = Vec<(Labels, Columns)>;
/// Who used a resource, and how long that was seen, ms.
pub(super) type WhoUsed = (Vec<Used>, i64);

/// See the module.
pub(crate) struct Moment<'a> {
    pub(super) store: &'a StoreReader,
    /// From the first beginning to the last end of its alerts.
    from: TimestampMs,
    to: TimestampMs,
    series: FxHashMap<(String, Machine), Series>,
    pub(super) used: FxHashMap<(Resource, Machine, TimestampMs, TimestampMs), WhoUsed>,
    recent: Option<Vec<Event>>,
    of_work: Option<Vec<Event>>,
    sessions: Option<Book>,
    /// By the id of an alert: its newest document of the history, and how many there are.
    earlier: Option<FxHashMap<String, (Vec<u8>, usize)>>,
}

impl<'a> Moment<'a> {
    /// Of these alerts; nothing is read yet.
    pub(crate) fn new<'b>(store: &'a StoreReader, alerts: impl Iterator<Item = &'b Alert>) -> Self {
        let widest = |(from, to): (TimestampMs, TimestampMs), alert: &Alert| {
            let (begin, end) = window(alert);
            (from.min(begin), to.max(end))
        };
        let (from, to) = alerts.fold((TimestampMs::MAX, TimestampMs::MIN), widest);
        Self {
            store,
            from,
            to,
            series: FxHashMap::default(),
            used: FxHashMap::default(),
            recent: None,
            of_work: None,
            sessions: None,
            earlier: None,
        }
    }

    /// Samples within `[from, to]` of the series of a metric of the machine that `of` is of.
    pub(super) fn of_machine(&mut self, metric: &str, of: &Labels, from: TimestampMs, to: TimestampMs) -> Series {
        let key = (metric.to_owned(), machine(of));
        let (store, first, last) = (self.store, self.from - BEFORE_MS, self.to);
        let all = self.series.entry(key).or_insert_with_key(|(metric, machine)| read(store, metric, machine, first, last));
        let parts = all.iter().map(|(labels, columns)| (labels.clone(), within(columns, from, to)));
        parts.filter(|(_, columns)| !columns.times.is_empty()).collect()
    }

    /// Events from shortly before its alerts on.
    pub(super) fn recent(&mut self) -> &[Event] {
        let (store, from, to) = (self.store, self.from - LOOK_BACK_MS, self.to);
        self.recent.get_or_insert_with(|| events(store, from, to, |_| true))
    }

    /// Events of the last day that say what is in progress.
    pub(super) fn of_work(&mut self) -> &[Event] {
        let (store, to) = (self.store, self.to);
        self.of_work.get_or_insert_with(|| events(store, to - DAY_MS, to, |event| OF_WORK.contains(&event.kind.as_str())))
    }

    /// Sessions of coding agents.
    pub(super) fn sessions(&mut self) -> &Book {
        let store = self.store;
        self.sessions.get_or_insert_with(|| {
            Book::open(store).unwrap_or_else(|error| {
                log::warn!("alerts: sessions of agents cannot be read for an explanation: {error}");
                Book::default()
            })
        })
    }

    /// The last alert of the same rule and series that ended, and how many there were.
    pub(super) fn earlier(&mut self, id: &str) -> Option<(Alert, usize)> {
        let store = self.store;
        let earlier = self.earlier.get_or_insert_with(|| by_alert(store));
        let (bytes, count) = earlier.get(id)?;
        Some((serde_json::from_slice(bytes).ok()?, *count))
    }
}

/// Which machine a series is of.
pub(super) fn machine(of: &Labels) -> Machine {
    MACHINE_LABELS.map(|name| of.get(name).unwrap_or_default().to_owned())
}

/// The rows of columns within `[from, to]`.
pub(super) fn within(columns: &Columns, from: TimestampMs, to: TimestampMs) -> Columns {
    let begin = columns.times.partition_point(|t| *t < from);
    let end = columns.times.partition_point(|t| *t <= to).max(begin);
    Columns { times: columns.times[begin..end].to_vec(), values: columns.values[begin..end].to_vec() }
}

fn read(store: &StoreReader, metric: &str, machine: &Machine, from: TimestampMs, to: TimestampMs) -> Series {
    let mut matchers = vec![Matcher::equal(NAME_LABEL, metric)];
    matchers.extend(MACHINE_LABELS.iter().zip(machine).map(|(name, value)| Matcher::equal(name, value)));
    let ids = store.select(&matchers);
    let ids: Vec<_> = store.spans(&ids, from, to).into_iter().map(|(id, ..)| id).collect();
    let limits = Limits { max_samples: MAX_SAMPLES, deadline: Instant::now() + MAX_TIME };
    let mut found: Series = Vec::new();
    // What could not be read counts as not seen. A series comes day by day.
    for part in store.scan(&ids, from, to, limits).map_while(Result::ok) {
        match found.last_mut().filter(|(labels, _)| *labels == part.labels) {
            Some((_, columns)) => {
                columns.times.extend(part.columns.times);
                columns.values.extend(part.columns.values);
            }
            None => found.push((part.labels, part.columns)),
        }
    }
    found
}

/// Events within `[from, to]`, the newest first.
pub(super) fn events(store: &StoreReader, from: TimestampMs, to: TimestampMs, wanted: impl Fn(&Event) -> bool) -> Vec<Event> {
    match store.events(from, to, MOST_EVENTS, wanted) {
        Ok(events) => events.into_iter().map(|(_, event)| event).collect(),
        Err(error) => {
            log::warn!("alerts: events cannot be read for an explanation: {error}");
            Vec::new()
        }
    }
}

fn by_alert(store: &StoreReader) -> FxHashMap<String, (Vec<u8>, usize)> {
    let mut found: FxHashMap<String, (Vec<u8>, usize)> = FxHashMap::default();
    // Keys rise with time, and end with the alert.
    for (key, bytes) in store.documents(HISTORY).unwrap_or_default() {
        let Some((_, id)) = key.split_once('-') else { continue };
        let count = found.get(id).map_or(0, |(_, count)| *count);
        found.insert(id.to_owned(), (bytes, count + 1));
    }
    found
}
