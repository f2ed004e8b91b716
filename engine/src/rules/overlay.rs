//! What a group has worked out at this instant, over what is stored: its later rules see it before it is written.

use std::time::Instant;

use rustc_hash::FxHashMap;

use crate::logs;
use crate::model::{Columns, Labels, Matcher, TimestampMs};
use crate::promql::{EvalError, HourSink, SeriesSink, Source};

/// See the module.
pub(super) struct Overlay<'a> {
    source: &'a dyn Source,
    /// By metric.
    rows: FxHashMap<String, Vec<(Labels, TimestampMs, f64)>>,
}

impl<'a> Overlay<'a> {
    pub(super) fn new(source: &'a dyn Source) -> Self {
        Self { source, rows: FxHashMap::default() }
    }

    /// What is stored.
    pub(super) fn source(&self) -> &'a dyn Source {
        self.source
    }

    pub(super) fn add(&mut self, rows: &[(Labels, TimestampMs, f64)]) {
        for row in rows {
            match self.rows.get_mut(row.0.name()) {
                Some(rows) => rows.push(row.clone()),
                None => _ = self.rows.insert(row.0.name().to_owned(), vec![row.clone()]),
            }
        }
    }

    /// Whether one of the metrics is among its rows; true where they are not known.
    pub(super) fn has(&self, metrics: Option<&[&str]>) -> bool {
        !self.rows.is_empty() && metrics.is_none_or(|metrics| metrics.iter().any(|name| self.rows.contains_key(*name)))
    }

    /// The rows that a selection finds.
    fn found(&self, matchers: &[Vec<Matcher>], start: TimestampMs, end: TimestampMs) -> FxHashMap<Labels, Columns> {
        let accepts = |list: &Vec<Matcher>, labels: &Labels| list.iter().all(|m| m.accepts(labels.get(&m.name).unwrap_or("")));
        let mut found: FxHashMap<Labels, Columns> = FxHashMap::default();
        for (labels, t, v) in self.rows.values().flatten() {
            if (start..=end).contains(t) && matchers.iter().any(|list| accepts(list, labels)) {
                let columns = found.entry(labels.clone()).or_default();
                columns.times.push(*t);
                columns.values.push(*v);
            }
        }
        found
    }
}

impl Source for Overlay<'_> {
    fn lines(&self, deadline: Instant) -> Option<Box<dyn logs::Source>> {
        self.source.lines(deadline)
    }

    fn resolve(&self, _: &mut [Vec<Matcher>], _: &dyn Fn() -> Result<(), EvalError>) -> Result<(), EvalError> {
        // The values that the source knows are not all that there are.
        Ok(())
    }

    fn read_hours(&self, matchers: &[Vec<Matcher>], start: TimestampMs, end: TimestampMs, sink: HourSink<'_>) -> Result<bool, EvalError> {
        if self.found(matchers, start, end).is_empty() { self.source.read_hours(matchers, start, end, sink) } else { Ok(false) }
    }

    fn read(&self, matchers: &[Vec<Matcher>], start: TimestampMs, end: TimestampMs, sink: &mut dyn SeriesSink) -> Result<(), EvalError> {
        let mut merged = Merged { more: self.found(matchers, start, end), sink, current: None, newest: TimestampMs::MIN };
        self.source.read(matchers, start, end, &mut merged)?;
        merged.finish()
    }
}

/// Adds rows to the end of the series that they belong to.
struct Merged<'a> {
    more: FxHashMap<Labels, Columns>,
    sink: &'a mut dyn SeriesSink,
    current: Option<Labels>,
    newest: TimestampMs,
}

impl Merged<'_> {
    fn end_series(&mut self) -> Result<(), EvalError> {
        let Some(more) = self.current.take().and_then(|labels| self.more.remove(&labels)) else { return Ok(()) };
        let later = more.iter().filter(|sample| sample.t > self.newest);
        let (times, values): (Vec<_>, Vec<_>) = later.map(|sample| (sample.t, sample.v)).unzip();
        if times.is_empty() { Ok(()) } else { self.sink.piece(&Columns { times, values }) }
    }

    fn finish(&mut self) -> Result<(), EvalError> {
        self.end_series()?;
        for (labels, columns) in std::mem::take(&mut self.more) {
            self.sink.begin(&labels)?;
            self.sink.piece(&columns)?;
        }
        Ok(())
    }
}

impl SeriesSink for Merged<'_> {
    fn begin(&mut self, labels: &Labels) -> Result<(), EvalError> {
        self.end_series()?;
        self.current = Some(labels.clone());
        self.newest = TimestampMs::MIN;
        self.sink.begin(labels)
    }

    fn piece(&mut self, columns: &Columns) -> Result<(), EvalError> {
        self.newest = columns.times.last().copied().unwrap_or(self.newest);
        self.sink.piece(columns)
    }
}
