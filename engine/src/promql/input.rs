//! What an evaluation is given: instants, limits, and a source of samples.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use super::error::EvalError;
use crate::logs;
use crate::model::{Columns, Labels, Matcher, TimestampMs};
use crate::store::HourPart;

/// Where samples come from.
pub trait Source {
    /// Passes on each series that one of the lists of matchers accepts, with its samples within `[start, end]`. A series
    /// comes in pieces that follow each other by rising time; `begin` is called before its first.
    ///
    /// # Errors
    /// Its own, and those of the callbacks.
    fn read(&self, matchers: &[Vec<Matcher>], start: TimestampMs, end: TimestampMs, sink: &mut dyn SeriesSink) -> Result<(), EvalError>;

    /// Passes on each series with what it has within `(start, end]`, both on the hour, with whole hours instead of their
    /// samples where those are kept; and how many hours that were. False if no hours are kept at all.
    ///
    /// # Errors
    /// Its own, and those of the callback.
    fn read_hours(&self, _: &[Vec<Matcher>], _: TimestampMs, _: TimestampMs, _: HourSink<'_>) -> Result<bool, EvalError> {
        Ok(false)
    }

    /// Replaces patterns that take time to match by the values that they accept, if the source knows all values; `go_on` is
    /// asked now and then.
    ///
    /// # Errors
    /// Its own, and those of the callback.
    fn resolve(&self, _: &mut [Vec<Matcher>], _: &dyn Fn() -> Result<(), EvalError>) -> Result<(), EvalError> {
        Ok(())
    }

    /// The log lines that are kept beside the samples, for rules over lines; reads of them end at a time. None where there are none.
    fn lines(&self, _: Instant) -> Option<Box<dyn logs::Source>> {
        None
    }

    /// Whether the thread that reads may take the time to compile patterns.
    fn may_compile(&self) -> bool {
        true
    }
}

/// Takes a series with its parts and how many of them are hours.
pub type HourSink<'a> = &'a mut dyn FnMut(&Labels, &[HourPart], usize) -> Result<(), EvalError>;

/// Takes series from a [`Source`].
pub trait SeriesSink {
    /// The pieces that follow are of this series.
    ///
    /// # Errors
    /// When the query has to end.
    fn begin(&mut self, labels: &Labels) -> Result<(), EvalError>;
    /// The next samples of the series begun last.
    ///
    /// # Errors
    /// When the query has to end.
    fn piece(&mut self, columns: &Columns) -> Result<(), EvalError>;
}

/// When and how a query is evaluated.
#[derive(Debug, Clone)]
pub struct Params {
    /// First instant.
    pub start: TimestampMs,
    /// Last instant; equal to `start` for an instant query.
    pub end: TimestampMs,
    /// Between instants, ms; at least 1.
    pub step: i64,
    /// How old a sample may be to count at an instant.
    pub lookback: i64,
    /// Step of subqueries without one.
    pub default_step: i64,
    /// Drop metric names at the end of evaluation, so that label_replace() and `by (__name__)` still see them: Prometheus'
    /// feature `promql-delayed-name-removal`.
    pub delayed_names: bool,
    /// Whether kept hours may be read instead of their samples.
    pub use_windows: bool,
    /// Maximum number of samples.
    pub max_samples: usize,
    /// Memory that the evaluation may take, in bytes.
    pub max_bytes: usize,
    /// When to stop.
    pub deadline: Instant,
    /// Set when nobody waits for the answer any more.
    pub cancelled: Arc<AtomicBool>,
}
