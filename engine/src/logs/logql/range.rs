//! Range aggregations: `rate({app="web"} |= "error" [5m])`, worked out over a grid of instants while lines are read.
//!
//! Lines come in any order and are not kept. What is held is a value for each series and part of time that has lines ([`super::windows`]).

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use rustc_hash::FxHashMap;

use super::error::LogqlError;
use super::fields::{LEVEL, LineState};
use super::label_filter::LabelFilter;
use super::lines::Meter;
use super::metric::MetricRequest;
use super::parse::LineQuery;
use super::range_op::RangeOp;
use super::stages::is_of_series;
use super::windows::{Deviation, First, Last, Least, Mean, Most, Partial, Quantile, Sum, Variance, Windows};
use super::{Bounds, Read};
use crate::logs::record::{Severity, TimeNs};
use crate::logs::{Entry, Filter, Order, Parts, Source, units};
use crate::model::{Labels, MatchOp, Matcher};
use crate::promql::syntax::Grouping;
use crate::promql::{ABSENT, EvalError};

/// Memory of a series, and of a value of a part of time, beside what they hold.
const PER_SERIES: usize = 256;
const PER_PART: usize = 48;
const MS: i64 = 1_000_000;

/// A series with a value for each instant, or [`ABSENT`].
type Row = (Labels, Vec<f64>);

/// How the text of a label becomes a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Number,
    Seconds,
    Bytes,
}

/// The label whose values are aggregated.
#[derive(Debug)]
pub(super) struct Unwrap {
    pub(super) name: String,
    pub(super) unit: Unit,
    /// All must accept.
    pub(super) filters: Vec<LabelFilter>,
}

/// A range aggregation.
#[derive(Debug)]
pub(super) struct RangeAggregation {
    /// Where it begins in the query.
    pub(super) at: usize,
    pub(super) op: RangeOp,
    /// The quantile.
    pub(super) parameter: f64,
    pub(super) lines: LineQuery,
    pub(super) unwrap: Option<Unwrap>,
    pub(super) range_ms: i64,
    pub(super) offset_ms: i64,
    /// Which labels its series have; none for all.
    pub(super) grouping: Option<Grouping>,
}

impl RangeAggregation {
    /// Whether the labels of its series follow from the stream and the level of a line, so that no attributes are read.
    fn is_by_stream(&self, source: &dyn Source, filter: &Filter) -> Result<bool, LogqlError> {
        let Some(Grouping::By(names)) = &self.grouping else { return Ok(false) };
        if self.unwrap.is_some() || self.lines.leading() < self.lines.stages.len() {
            return Ok(false);
        }
        let of_streams: Vec<&String> = names.iter().filter(|name| *name != LEVEL).collect();
        if of_streams.is_empty() {
            return Ok(true);
        }
        let streams = source.streams(&filter.matchers, filter.start, filter.end)?;
        Ok(streams.iter().all(|labels| of_streams.iter().all(|name| labels.get(name).is_some())))
    }

    /// The labels of the series of a line.
    fn labels(&self, line: &LineState<'_>) -> Labels {
        let unwrapped = self.unwrap.as_ref().map_or("", |unwrap| unwrap.name.as_str());
        match &self.grouping {
            Some(Grouping::By(names)) => Labels::of(names.iter().map(|name| (name.as_str(), line.get(name))).collect()),
            Some(Grouping::Without(names)) => {
                let labels = line.labels(is_of_series);
                let dropped: Vec<&str> = names.iter().map(String::as_str).chain([unwrapped]).collect();
                labels.without(&dropped)
            }
            None => line.labels(is_of_series).without(&[unwrapped]),
        }
    }
}

/// Works a range aggregation out.
pub(super) fn evaluate(
    range: &RangeAggregation,
    request: &MetricRequest,
    bounds: &Bounds,
    source: &dyn Source,
    read: &mut Read,
) -> Result<Vec<Row>, LogqlError> {
    let collect = match range.op {
        RangeOp::Count | RangeOp::Rate | RangeOp::Bytes | RangeOp::BytesRate | RangeOp::Absent | RangeOp::Sum => collect::<Sum>,
        RangeOp::Avg => collect::<Mean>,
        RangeOp::Min => collect::<Least>,
        RangeOp::Max => collect::<Most>,
        RangeOp::Stdvar => collect::<Variance>,
        RangeOp::Stddev => collect::<Deviation>,
        RangeOp::Quantile => collect::<Quantile>,
        RangeOp::First => collect::<First>,
        RangeOp::Last => collect::<Last>,
    };
    let mut rows = collect(range, request, bounds, source, read)?;
    if range.op.is_per_second() {
        let seconds = range.range_ms as f64 / 1e3;
        rows.iter_mut().flat_map(|row| &mut row.1).filter(|v| v.to_bits() != ABSENT.to_bits()).for_each(|v| *v /= seconds);
    }
    if range.op == RangeOp::Absent {
        let there = |at: usize| rows.iter().any(|(_, values)| values[at].to_bits() != ABSENT.to_bits());
        let values = (0..request.count()).map(|at| if there(at) { ABSENT } else { 1.0 }).collect();
        rows = vec![(asked_labels(&range.lines.matchers), values)];
    }
    Ok(rows)
}

/// The labels that a selector asks for by equality, each once.
fn asked_labels(matchers: &[Matcher]) -> Labels {
    let of_name = |name: &str| matchers.iter().filter(|matcher| matcher.name == name).count();
    let equal = matchers.iter().filter_map(|matcher| match &matcher.op {
        MatchOp::Equal(value) if of_name(&matcher.name) == 1 => Some((matcher.name.as_str(), value.as_str())),
        _ => None,
    });
    Labels::of(equal.collect())
}

/// A series while lines are read.
struct Series<P> {
    labels: Labels,
    /// The part of time that the last line was in: most lines follow each other.
    newest: (u64, P),
    parts: BTreeMap<u64, P>,
}

impl<P: Partial> Series<P> {
    /// Adds a line; whether that made another part.
    fn add(&mut self, part: u64, one: &P) -> bool {
        if self.newest.0 == part {
            self.newest.1.merge(one);
            return false;
        }
        let (number, before) = std::mem::replace(&mut self.newest, (part, one.clone()));
        self.put(number, before)
    }

    fn put(&mut self, number: u64, part: P) -> bool {
        match self.parts.get_mut(&number) {
            Some(there) => {
                there.merge(&part);
                false
            }
            None => {
                self.parts.insert(number, part);
                true
            }
        }
    }

    fn finish(mut self) -> (Labels, Vec<(u64, P)>) {
        let (number, part) = self.newest.clone();
        self.put(number, part);
        (self.labels, self.parts.into_iter().collect())
    }
}

struct Collector<'q, P> {
    range: &'q RangeAggregation,
    windows: Windows,
    offset: TimeNs,
    now: i64,
    /// Labels of series follow from streams alone.
    by_stream: bool,
    /// The stream and level of the last line, and its series.
    last: Option<(Labels, Severity, usize)>,
    places: FxHashMap<Labels, usize>,
    series: Vec<Series<P>>,
    meter: Meter<'q>,
}

fn collect<P: Partial>(
    range: &RangeAggregation,
    request: &MetricRequest,
    bounds: &Bounds,
    source: &dyn Source,
    read: &mut Read,
) -> Result<Vec<Row>, LogqlError> {
    let (length, offset) = (range.range_ms.saturating_mul(MS), range.offset_ms.saturating_mul(MS));
    let step = request.step_ms.saturating_mul(MS);
    let count = request.count();
    let last = request.start.saturating_add(step.saturating_mul(count as i64 - 1));
    let first = request.start.saturating_sub(length).saturating_add(1);
    let mut filter = range.lines.filter(first.saturating_sub(offset), last.saturating_sub(offset).saturating_add(1), Order::Any);
    let by_stream = range.is_by_stream(source, &filter)?;
    filter.bodies |= range.op.reads_bytes();
    filter.attributes =
        !by_stream && range.op != RangeOp::Absent || range.lines.leading() < range.lines.stages.len() || range.unwrap.is_some();
    let windows = Windows::new(request.start, step, count, length);
    let places = FxHashMap::default();
    let meter = Meter::new(bounds);
    let by_stream = by_stream || (range.op == RangeOp::Absent && !filter.attributes);
    let mut collector =
        Collector::<P> { range, windows, offset, now: request.now, by_stream, last: None, places, series: Vec::new(), meter };
    if collector.only_counts(&filter) {
        collector.tally(source, &filter)?;
    } else {
        source.read(&filter, &mut |entry| collector.line(entry))?;
    }
    collector.meter.finish()?;
    read.lines += collector.meter.read.lines;
    read.bytes += collector.meter.read.bytes;
    collector.rows()
}

impl<P: Partial> Collector<'_, P> {
    /// Whether lines are counted by their streams and levels, whatever they say.
    fn only_counts(&self, filter: &Filter) -> bool {
        let counts = matches!(self.range.op, RangeOp::Count | RangeOp::Rate | RangeOp::Absent) && self.range.unwrap.is_none();
        counts && self.by_stream && self.range.lines.stages.is_empty() && !filter.bodies
    }

    fn tally(&mut self, source: &dyn Source, filter: &Filter) -> Result<(), LogqlError> {
        let (windows, offset) = (self.windows, self.offset);
        let part = move |time: TimeNs| windows.part(time.saturating_add(offset));
        let levels = matches!(&self.range.grouping, Some(Grouping::By(names)) if names.iter().any(|name| name == LEVEL));
        source.tally(filter, Parts { of: &part, levels }, &mut |tally| {
            self.meter.count_lines(tally.lines)?;
            let place = self.place_of_stream(tally.labels, tally.severity)?;
            // The time of a line does not matter where lines are counted.
            self.add(place, tally.part, 0, tally.lines as f64)
        })?;
        Ok(())
    }

    fn line(&mut self, entry: &Entry<'_>) -> ControlFlow<()> {
        self.meter.count(entry)?;
        let Some(part) = self.windows.part(entry.time.saturating_add(self.offset)) else { return ControlFlow::Continue(()) };
        if self.by_stream {
            if !self.range.lines.leading_accept(entry.body) {
                return ControlFlow::Continue(());
            }
            let v = if self.range.op.reads_bytes() { entry.body.len() as f64 } else { 1.0 };
            let place = self.place_of_stream(entry.labels, entry.severity)?;
            return self.add(place, part, entry.time, v);
        }
        let Some(mut line) = self.range.lines.run(entry, self.now) else { return ControlFlow::Continue(()) };
        let v = match &self.range.unwrap {
            None if self.range.op.reads_bytes() => line.body.len() as f64,
            None => 1.0,
            Some(unwrap) => match unwrapped(unwrap, &mut line) {
                Some(v) => v,
                None => return ControlFlow::Continue(()),
            },
        };
        if let Some(failure) = &line.failure {
            let labels = line.labels(|_| true).in_braces();
            return self.meter.stop(LogqlError::Pipeline { error: failure.kind.to_owned(), labels });
        }
        let labels = self.range.labels(&line);
        let place = self.place(labels)?;
        self.add(place, part, entry.time, v)
    }

    /// The series of a line whose stream and level say which it is.
    fn place_of_stream(&mut self, labels: &Labels, severity: Severity) -> ControlFlow<(), usize> {
        if let Some((stream, of_last, place)) = &self.last
            && *of_last == severity
            && std::ptr::eq(stream.as_bytes(), labels.as_bytes())
        {
            return ControlFlow::Continue(*place);
        }
        let names: &[String] = if let Some(Grouping::By(names)) = &self.range.grouping { names } else { &[] };
        let value = |name: &str| labels.get(name).unwrap_or(if name == LEVEL { severity.word() } else { "" }).to_owned();
        let pairs: Vec<(&str, String)> = names.iter().map(|name| (name.as_str(), value(name))).collect();
        let place = self.place(Labels::of(pairs.iter().map(|(name, value)| (*name, value.as_str())).collect()))?;
        self.last = Some((labels.clone(), severity, place));
        ControlFlow::Continue(place)
    }

    fn place(&mut self, labels: Labels) -> ControlFlow<(), usize> {
        if let Some(place) = self.places.get(&labels) {
            return ControlFlow::Continue(*place);
        }
        let place = self.places.len();
        if place >= self.meter.bounds.max_series {
            self.meter.stop(LogqlError::TooManySeries(self.meter.bounds.max_series))?;
        }
        self.meter.hold(PER_SERIES + labels.as_bytes().len())?;
        self.places.insert(labels, place);
        ControlFlow::Continue(place)
    }

    fn add(&mut self, place: usize, part: u64, time: TimeNs, v: f64) -> ControlFlow<()> {
        let one = P::of(time, v, self.range.parameter);
        let grew = match self.series.get_mut(place) {
            Some(series) => series.add(part, &one),
            None => {
                // Places are given in order, each followed by its first line.
                self.series.push(Series { labels: Labels::none(), newest: (part, one), parts: BTreeMap::new() });
                true
            }
        };
        let bytes = P::bytes_per_line() + if grew { size_of::<P>() + PER_PART } else { 0 };
        if bytes > 0 { self.meter.hold(bytes) } else { ControlFlow::Continue(()) }
    }

    fn rows(mut self) -> Result<Vec<Row>, LogqlError> {
        for (labels, place) in self.places {
            if let Some(series) = self.series.get_mut(place) {
                series.labels = labels;
            }
        }
        let (windows, bounds) = (self.windows, self.meter.bounds);
        let values = self.series.len().saturating_mul(windows.count).saturating_mul(size_of::<f64>());
        if values > bounds.max_bytes {
            return Err(EvalError::TooMuchMemory(bounds.max_bytes).into());
        }
        let row = |series: Series<P>| {
            bounds.check()?;
            let (labels, parts) = series.finish();
            Ok((labels, windows.values(&parts, ABSENT)))
        };
        self.series.into_iter().map(row).collect()
    }
}

/// The number of a label of a line; none where the line has no such label, or a filter does not accept it.
fn unwrapped(unwrap: &Unwrap, line: &mut LineState<'_>) -> Option<f64> {
    let text = line.get(&unwrap.name);
    if text.is_empty() {
        return None;
    }
    let v = match unwrap.unit {
        Unit::Number => units::number(text),
        Unit::Seconds => units::seconds(text),
        Unit::Bytes => units::bytes(text),
    };
    if v.is_none() {
        let details = format!("the value {text:?} of `{}` is no number", unwrap.name);
        line.fail("SampleExtractionErr", details);
    }
    unwrap.filters.iter().all(|filter| filter.accepts(line)).then(|| v.unwrap_or(0.0))
}
