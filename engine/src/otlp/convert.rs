//! Translates requests to rows: resources, scopes, metrics, and points with one number. Histograms are in [`super::histograms`].

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1 as otlp;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{AggregationTemporality, DataPointFlags};

use super::Options;
use super::attributes::{Pairs, Target, point_labels, scope_labels};
use super::clashes::Clashes;
use super::names::{InstrumentKind, metric_name, unit_name};
use super::refusal::{MAX_LABEL_BYTES, MAX_ROWS, PointError};
use super::rows::{Metric, Row, SeriesHistory, Translation};
use super::streams::{NANOS, Step, Steps, Streams, Total};
use crate::model::{Labels, NAME_LABEL, STALE_NAN_BITS, Sample, TimestampMs};
use crate::relabel;

/// Refusals with a reason; further ones are only counted.
const MAX_NAMED: usize = 5;
/// Longest part of a metric name in a refusal.
const MAX_SHOWN: usize = 64;
/// A start longer ago than this is not written as a sample.
const MAX_BEGINNING_MS: i64 = 3_600_000;

/// Start and time of a point, nanoseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub(super) start: u64,
    pub(super) at: u64,
}

impl Times {
    pub(super) fn at_ms(self) -> TimestampMs {
        (self.at / NANOS) as TimestampMs
    }

    /// The start of its total, if it is given and not long ago.
    fn beginning(self) -> Option<TimestampMs> {
        let start = (self.start / NANOS) as TimestampMs;
        (start > 0 && start < self.at_ms() && self.at_ms() - start <= MAX_BEGINNING_MS).then_some(start)
    }
}

/// The name of a metric and the labels of one of its points.
pub(super) struct Base<'a> {
    pub(super) name: &'a str,
    pub(super) pairs: Pairs,
}

impl Base<'_> {
    /// The labels of one series of the point. An attribute with the name of the `extra` label (`le`, `quantile`) is renamed.
    pub(super) fn series(&self, ending: &str, extra: Option<(&str, &str)>) -> Result<Labels, PointError> {
        let name = format!("{}{ending}", self.name);
        let of = |pairs: &[(String, String)], extra: Option<(&str, &str)>| -> Result<Labels, PointError> {
            let pairs = pairs.iter().map(|(n, v)| (n.as_str(), v.as_str()));
            Ok(Labels::new(pairs.chain(extra).chain([(NAME_LABEL, name.as_str())]))?)
        };
        match extra {
            Some(extra) if self.pairs.iter().any(|(n, _)| n == extra.0) => {
                let mut pairs = self.pairs.clone();
                relabel::attach(&mut pairs, &[extra], false);
                of(&pairs, None)
            }
            extra => of(&self.pairs, extra),
        }
    }

    fn bytes(&self) -> usize {
        self.pairs.iter().map(|(n, v)| n.len() + v.len() + 4).sum::<usize>() + self.name.len() + 64
    }
}

/// State of a translation.
pub(super) struct Conversion<'a> {
    pub(super) streams: &'a Streams,
    past: &'a dyn SeriesHistory,
    pub(super) out: Translation,
    label_bytes: usize,
    described_targets: bool,
    clashes: Clashes<'a>,
}

/// Translates a request. State of streams changes only by [`Streams::commit`].
#[must_use]
pub fn translate(request: &ExportMetricsServiceRequest, options: &Options, streams: &Streams, past: &dyn SeriesHistory) -> Translation {
    let mut conversion =
        Conversion { streams, past, out: Translation::default(), label_bytes: 0, described_targets: false, clashes: Clashes::default() };
    for of_resource in &request.resource_metrics {
        let attributes = of_resource.resource.as_ref().map_or(&[][..], |r| &r.attributes);
        let target = Target::of(attributes, options);
        let from = conversion.out.rows.len();
        for of_scope in &of_resource.scope_metrics {
            let scope = if options.scope_labels { scope_labels(of_scope.scope.as_ref(), &of_scope.schema_url) } else { Pairs::new() };
            of_scope.metrics.iter().for_each(|metric| conversion.metric(metric, &scope, &target));
        }
        conversion.target_info(target, from);
    }
    conversion.out
}

/// The name of a metric, shortened for a message.
fn shortened(name: &str) -> String {
    let shown: String = name.chars().take(MAX_SHOWN).collect();
    if shown.len() < name.len() { format!("{shown}…") } else { shown }
}

fn is_delta(temporality: i32) -> Result<bool, PointError> {
    match AggregationTemporality::try_from(temporality) {
        Ok(AggregationTemporality::Delta) => Ok(true),
        Ok(AggregationTemporality::Cumulative) => Ok(false),
        _ => Err(PointError::Temporality(temporality)),
    }
}

/// Whether the flags of a point say that it has no value.
pub(super) fn nothing_recorded(flags: u32) -> bool {
    flags & DataPointFlags::NoRecordedValueMask as u32 != 0
}

pub(super) const STALE: f64 = f64::from_bits(STALE_NAN_BITS);

/// What the series of a metric are named by; `'a` is the lifetime of the request.
struct Naming<'a, 'b> {
    metric: &'a str,
    /// The name in Prometheus' words.
    name: &'b str,
    scope: &'b Pairs,
    target: &'b Target,
}

/// The type that selects the suffix of the name, and the Prometheus type.
fn types_of(data: &Data) -> (InstrumentKind, &'static str) {
    match data {
        Data::Gauge(_) => (InstrumentKind::Gauge, "gauge"),
        Data::Sum(sum) if sum.is_monotonic => (InstrumentKind::Counter, "counter"),
        Data::Sum(_) => (InstrumentKind::Other, "gauge"),
        Data::Histogram(_) | Data::ExponentialHistogram(_) => (InstrumentKind::Other, "histogram"),
        Data::Summary(_) => (InstrumentKind::Other, "summary"),
    }
}

/// What all data points have in common.
trait Point {
    fn attributes(&self) -> &[KeyValue];
    fn times(&self) -> Times;
}

macro_rules! points {
    ($($point:ty),*) => {$(
        impl Point for $point {
            fn attributes(&self) -> &[KeyValue] {
                &self.attributes
            }

            fn times(&self) -> Times {
                Times { start: self.start_time_unix_nano, at: self.time_unix_nano }
            }
        }
    )*};
}

points!(otlp::NumberDataPoint, otlp::HistogramDataPoint, otlp::ExponentialHistogramDataPoint, otlp::SummaryDataPoint);

impl<'a> Conversion<'a> {
    fn metric(&mut self, metric: &'a otlp::Metric, scope: &Pairs, target: &Target) {
        // Without data there are no points.
        let Some(data) = &metric.data else { return };
        let (suffix, kind) = types_of(data);
        let name = metric_name(&metric.name, &metric.unit, suffix);
        let (points, rows) = (self.out.points, self.out.rows.len());
        self.clashes.begin(&name, &metric.name, &self.out.rows);
        let of = Naming { metric: &metric.name, name: &name, scope, target };
        match data {
            Data::Gauge(gauge) => self.points(&of, &gauge.data_points, Self::gauge),
            Data::Sum(sum) => {
                let delta = is_delta(sum.aggregation_temporality);
                self.points(&of, &sum.data_points, |this, base, times, p| match (sum.is_monotonic, delta.clone()?) {
                    (false, false) => this.gauge(base, times, p),
                    (false, true) => Err(PointError::DeltaOfFallingSum),
                    (true, delta) => this.counter(base, times, p, delta),
                });
            }
            Data::Histogram(histogram) => {
                let delta = is_delta(histogram.aggregation_temporality);
                self.points(&of, &histogram.data_points, |this, base, times, p| this.histogram(base, times, p, delta.clone()?));
            }
            Data::ExponentialHistogram(histogram) => {
                let delta = is_delta(histogram.aggregation_temporality);
                self.points(&of, &histogram.data_points, |this, base, times, p| this.exponential(base, times, p, delta.clone()?));
            }
            Data::Summary(summary) => self.points(&of, &summary.data_points, Self::summary),
        }
        self.clashes.end(&name, rows..self.out.rows.len());
        if self.out.points > points {
            let unit = unit_name(&metric.unit);
            self.out.metrics.push(Metric { name, kind, help: metric.description.clone(), unit });
        }
    }

    /// Converts the points of a metric with `add`; refused ones are reported.
    fn points<P: Point>(
        &mut self,
        of: &Naming<'a, '_>,
        points: &[P],
        add: impl Fn(&mut Self, &Base<'_>, Times, &P) -> Result<(), PointError>,
    ) {
        for (at, point) in points.iter().enumerate() {
            let rows = self.out.rows.len();
            match self.base(of, point).and_then(|base| add(self, &base, point.times(), point)) {
                Ok(()) if self.out.rows.len() > rows => self.out.points += 1,
                Ok(()) => {}
                Err(why) => self.refuse(of.metric, at, &why),
            }
        }
    }

    /// The name and labels of a point, unless another metric has its series.
    fn base<'b>(&mut self, of: &Naming<'a, 'b>, point: &impl Point) -> Result<Base<'b>, PointError> {
        if of.name.is_empty() {
            return Err(PointError::NoName);
        }
        let pairs = point_labels(point.attributes(), of.scope, of.target)?;
        let claimed = self.clashes.claim(of.name, of.metric, &pairs);
        claimed.map_err(|other| PointError::NameClash { other: shortened(other), name: of.name.to_owned() })?;
        if point.times().at_ms() == 0 {
            return Err(PointError::NoTime);
        }
        Ok(Base { name: of.name, pairs })
    }

    /// Reserves rows and bytes for the series of a point, or refuses it.
    pub(super) fn room(&mut self, base: &Base<'_>, series: usize) -> Result<(), PointError> {
        let bytes = base.bytes().saturating_mul(series);
        // Each series may need a start sample as well.
        if self.out.rows.len() + 2 * series > MAX_ROWS || self.label_bytes.saturating_add(bytes) > MAX_LABEL_BYTES {
            return Err(PointError::TooLarge);
        }
        self.label_bytes += bytes;
        Ok(())
    }

    fn refuse(&mut self, metric: &str, at: usize, why: &PointError) {
        self.out.refused += 1;
        if self.out.reasons.len() < MAX_NAMED {
            self.out.reasons.push(format!("metric `{}`, data point {at}: {why}", shortened(metric)));
        }
    }

    /// Adds a sample of the current point.
    pub(super) fn sample(&mut self, labels: Labels, t: TimestampMs, v: f64) {
        let point = Some(self.out.points);
        self.out.rows.push(Row { labels, t, v, point });
    }

    /// Adds a sample that belongs to no point.
    pub(super) fn beside(&mut self, labels: Labels, t: TimestampMs, v: f64) {
        self.out.rows.push(Row { labels, t, v, point: None });
    }

    pub(super) fn latest(&self, labels: &Labels) -> Option<Sample> {
        self.past.latest(labels)
    }

    pub(super) fn newest(&self, labels: &Labels) -> Option<TimestampMs> {
        self.past.newest(labels)
    }

    /// Adds a sample of a rising value, and a start sample if the start is new.
    pub(super) fn rising(&mut self, labels: Labels, times: Times, v: f64) {
        if let Some(start) = times.beginning()
            && self.newest(&labels).is_none_or(|newest| newest < start)
        {
            self.beside(labels.clone(), start, 0.0);
        }
        self.sample(labels, times.at_ms(), v);
    }

    /// The running total of a series before the request; `None` if there is none.
    fn total(&self, labels: &Labels) -> Option<Total> {
        self.streams.total(labels).or_else(|| {
            let last = self.past.latest(labels)?;
            Some(Total { value: last.v, steps: Steps::kept(last.t) })
        })
    }

    /// Whether a difference is new to the total of a series. Several of one request with the same time all count.
    pub(super) fn judge(&self, labels: &Labels, times: Times) -> Step {
        self.total(labels).map_or(Step::New, |total| total.steps.judge(times.at))
    }

    /// Writes a total again: a sender that repeats a difference did not get an acknowledgement.
    pub(super) fn again(&mut self, labels: Labels) {
        if let Some(total) = self.total(&labels) {
            self.sample(labels, (total.steps.newest / NANOS) as TimestampMs, total.value);
        }
    }

    /// Adds a difference to the total of a series. A late one counts from the newest sample on; earlier samples are not rewritten.
    pub(super) fn add(&mut self, labels: Labels, times: Times, difference: f64) {
        let known = self.out.changes.totals.get(&labels).map(|change| change.0).or_else(|| self.total(&labels));
        let mut total = known.unwrap_or(Total { value: 0.0, steps: Steps::default() });
        total.value += difference;
        total.steps.note(times.at);
        if known.is_some() {
            self.sample(labels.clone(), (total.steps.newest / NANOS) as TimestampMs, total.value);
        } else {
            self.anew(labels.clone(), times, difference);
        }
        let row = self.out.rows.len() - 1;
        self.out.changes.totals.insert(labels, (total, row));
    }

    /// Adds a sample of a total that starts at zero, with a sample at its start or after the newest one of its series.
    pub(super) fn anew(&mut self, labels: Labels, times: Times, v: f64) {
        let after = self.newest(&labels).map_or(0, |newest| newest.saturating_add(1));
        if let Some(start) = times.beginning().map(|start| start.max(after)).filter(|start| *start < times.at_ms()) {
            self.beside(labels.clone(), start, 0.0);
        }
        self.sample(labels, times.at_ms(), v);
    }

    fn gauge(&mut self, base: &Base<'_>, times: Times, point: &otlp::NumberDataPoint) -> Result<(), PointError> {
        let value = value(point)?;
        self.room(base, 1)?;
        let labels = base.series("", None)?;
        self.exemplars(&labels, times, &point.exemplars);
        self.sample(labels, times.at_ms(), value);
        Ok(())
    }

    fn counter(&mut self, base: &Base<'_>, times: Times, point: &otlp::NumberDataPoint, delta: bool) -> Result<(), PointError> {
        let value = value(point)?;
        self.room(base, 1)?;
        let labels = base.series("", None)?;
        let series = (!point.exemplars.is_empty()).then(|| labels.clone());
        if nothing_recorded(point.flags) {
            self.sample(labels, times.at_ms(), STALE);
        } else if !delta {
            self.rising(labels, times, value);
        } else if value.is_nan() || value < 0.0 {
            return Err(PointError::NegativeDelta(value));
        } else {
            match self.judge(&labels, times) {
                Step::New => self.add(labels, times, value),
                Step::Again => self.again(labels),
                Step::TooLate => return Err(PointError::TooLate),
            }
        }
        series.into_iter().for_each(|labels| self.exemplars(&labels, times, &point.exemplars));
        Ok(())
    }

    fn target_info(&mut self, target: Target, from: usize) {
        self.out.warnings.extend(target.warning);
        let rows = &self.out.rows[from..];
        let Some(newest) = rows.iter().filter(|row| row.point.is_some()).map(|row| row.t).max() else { return };
        let Some(info) = target.info else { return };
        match (Base { name: "target_info", pairs: info }).series("", None) {
            Ok(labels) => {
                self.beside(labels, newest, 1.0);
                if !std::mem::replace(&mut self.described_targets, true) {
                    let help = "Attributes of the resource that sent metrics".to_owned();
                    self.out.metrics.push(Metric { name: "target_info".to_owned(), kind: "gauge", help, unit: String::new() });
                }
            }
            Err(why) => self.out.warnings.push(format!("target_info was left out: {why}")),
        }
    }
}

fn value(point: &otlp::NumberDataPoint) -> Result<f64, PointError> {
    match point.value {
        _ if nothing_recorded(point.flags) => Ok(STALE),
        Some(Value::AsDouble(v)) => Ok(v),
        Some(Value::AsInt(v)) => Ok(v as f64),
        None => Err(PointError::NoValue),
    }
}
