//! From a request to rows: resources, scopes, metrics, and points of one number. Histograms are in [`super::histograms`].

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
use super::streams::{Changes, NANOS, Step, Steps, Streams, Total};
use crate::model::{Labels, NAME_LABEL, STALE_NAN_BITS, Sample, TimestampMs};
use crate::relabel;

/// Refusals that are named; the rest is counted.
const MAX_NAMED: usize = 5;
/// Of a metric's name in a refusal.
const MAX_SHOWN: usize = 64;
/// Rows of one request at the most.
const MAX_ROWS: usize = 500_000;
/// Bytes of labels of one request at the most: each series of a histogram has all labels of its point.
const MAX_LABEL_BYTES: usize = 64 << 20;
/// A beginning longer ago than this is not written down.
const MAX_BEGINNING_MS: i64 = 3_600_000;

/// What is known of series so far.
pub trait SeriesHistory {
    /// The time of the newest sample.
    fn newest(&self, labels: &Labels) -> Option<TimestampMs>;
    /// The newest sample that has a value.
    fn latest(&self, labels: &Labels) -> Option<Sample>;
}

/// A sample to keep.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its series.
    pub labels: Labels,
    /// Its time.
    pub t: TimestampMs,
    /// Its value.
    pub v: f64,
    /// The data point that it is part of; none for what was added (beginnings, `target_info`).
    pub point: Option<usize>,
}

/// What is told of a metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metric {
    /// Its name, without the endings of a histogram's series.
    pub name: String,
    /// `counter`, `gauge`, `histogram`, `summary`.
    pub kind: &'static str,
    /// Its description.
    pub help: String,
    /// Its unit in Prometheus' words.
    pub unit: String,
}

/// What a request comes to.
#[derive(Debug, Default)]
pub struct Translation {
    /// Samples, those of one series by rising time.
    pub rows: Vec<Row>,
    /// Points that are in the rows.
    pub points: usize,
    /// Points that were refused.
    pub refused: u64,
    /// Why, the first few.
    pub reasons: Vec<String>,
    /// What was not kept beside points.
    pub warnings: Vec<String>,
    /// Metrics that are in the rows.
    pub metrics: Vec<Metric>,
    /// To be given to [`Streams::commit`] or [`Streams::forget`].
    pub changes: Changes,
}

/// A point's times, nanoseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub(super) start: u64,
    pub(super) at: u64,
}

impl Times {
    pub(super) fn at_ms(self) -> TimestampMs {
        (self.at / NANOS) as TimestampMs
    }

    /// When its total began, where that is told and not long ago.
    fn beginning(self) -> Option<TimestampMs> {
        let start = (self.start / NANOS) as TimestampMs;
        (start > 0 && start < self.at_ms() && self.at_ms() - start <= MAX_BEGINNING_MS).then_some(start)
    }
}

/// A metric's name and the labels of one of its points.
pub(super) struct Base<'a> {
    pub(super) name: &'a str,
    pub(super) pairs: Pairs,
}

impl Base<'_> {
    /// One of the point's series. An attribute that has the name of what tells them apart (`le`, `quantile`) stands beside it.
    pub(super) fn series(&self, ending: &str, extra: Option<(&str, &str)>) -> Result<Labels, String> {
        let name = format!("{}{ending}", self.name);
        let of = |pairs: &[(String, String)], extra: Option<(&str, &str)>| {
            let pairs = pairs.iter().map(|(n, v)| (n.as_str(), v.as_str()));
            Labels::new(pairs.chain(extra).chain([(NAME_LABEL, name.as_str())])).map_err(|error| error.to_string())
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

/// Why a difference is refused.
pub(super) const TOO_LATE: &str = "it is a difference from before the last ones; whether it was added up already is not known";

/// A request on its way to rows.
pub(super) struct Conversion<'a> {
    pub(super) streams: &'a Streams,
    past: &'a dyn SeriesHistory,
    pub(super) out: Translation,
    label_bytes: usize,
    told_of_targets: bool,
    clashes: Clashes<'a>,
}

/// Takes a request apart. Nothing is remembered before [`Streams::commit`].
#[must_use]
pub fn translate(request: &ExportMetricsServiceRequest, options: &Options, streams: &Streams, past: &dyn SeriesHistory) -> Translation {
    let mut conversion =
        Conversion { streams, past, out: Translation::default(), label_bytes: 0, told_of_targets: false, clashes: Clashes::default() };
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

/// A metric's name as it is shown in a refusal.
fn shortened(name: &str) -> String {
    let shown: String = name.chars().take(MAX_SHOWN).collect();
    if shown.len() < name.len() { format!("{shown}…") } else { shown }
}

fn is_delta(temporality: i32) -> Result<bool, String> {
    match AggregationTemporality::try_from(temporality) {
        Ok(AggregationTemporality::Delta) => Ok(true),
        Ok(AggregationTemporality::Cumulative) => Ok(false),
        _ => Err(format!("its aggregation temporality {temporality} is neither 1 (delta) nor 2 (cumulative)")),
    }
}

/// Whether a point's flags say that there is no value.
pub(super) fn nothing_recorded(flags: u32) -> bool {
    flags & DataPointFlags::NoRecordedValueMask as u32 != 0
}

pub(super) const STALE: f64 = f64::from_bits(STALE_NAN_BITS);

impl<'a> Conversion<'a> {
    fn metric(&mut self, metric: &'a otlp::Metric, scope: &Pairs, target: &Target) {
        let (kind, word) = match &metric.data {
            Some(Data::Gauge(_)) => (InstrumentKind::Gauge, "gauge"),
            Some(Data::Sum(sum)) if sum.is_monotonic => (InstrumentKind::Counter, "counter"),
            Some(Data::Sum(_)) => (InstrumentKind::Other, "gauge"),
            Some(Data::Histogram(_) | Data::ExponentialHistogram(_)) => (InstrumentKind::Other, "histogram"),
            Some(Data::Summary(_)) => (InstrumentKind::Other, "summary"),
            // Without data there are no points.
            None => return,
        };
        let name = metric_name(&metric.name, &metric.unit, kind);
        let before = self.out.points;
        let rows = self.out.rows.len();
        self.clashes.begin(&name, &metric.name, &self.out.rows);
        let mut at = 0;
        let mut one = |this: &mut Self,
                       attributes: &[KeyValue],
                       times: Times,
                       take: &mut dyn FnMut(&mut Self, &Base<'_>, Times) -> Result<(), String>| {
            let taken = if name.is_empty() {
                Err("its name has no letter or digit that a metric's name may have".to_owned())
            } else {
                point_labels(attributes, scope, target).and_then(|pairs| {
                    this.clashes
                        .claim(&name, &metric.name, &pairs)
                        .map_err(|other| format!("its series would be one of metric `{}`: both names become `{name}`", shortened(other)))?;
                    this.point(&Base { name: &name, pairs }, times, take)
                })
            };
            if let Err(why) = taken {
                this.refuse(&metric.name, at, &why);
            }
            at += 1;
        };
        macro_rules! points {
            ($data:expr, $take:expr) => {
                for p in &$data.data_points {
                    let times = Times { start: p.start_time_unix_nano, at: p.time_unix_nano };
                    one(self, &p.attributes, times, &mut |this, base, times| $take(this, base, times, p));
                }
            };
        }
        match &metric.data {
            None => {}
            Some(Data::Gauge(gauge)) => points!(gauge, |this: &mut Self, base, times, p| this.gauge(base, times, p)),
            Some(Data::Sum(sum)) => {
                let delta = is_delta(sum.aggregation_temporality);
                points!(sum, |this: &mut Self, base, times, p| match (sum.is_monotonic, delta.clone()?) {
                    (false, false) => this.gauge(base, times, p),
                    (false, true) => Err("differences of a sum that may fall have no total; send such sums as cumulative".to_owned()),
                    (true, delta) => this.counter(base, times, p, delta),
                });
            }
            Some(Data::Histogram(histogram)) => {
                let delta = is_delta(histogram.aggregation_temporality);
                points!(histogram, |this: &mut Self, base, times, p| this.histogram(base, times, p, delta.clone()?));
            }
            Some(Data::ExponentialHistogram(histogram)) => {
                let delta = is_delta(histogram.aggregation_temporality);
                points!(histogram, |this: &mut Self, base, times, p| this.exponential(base, times, p, delta.clone()?));
            }
            Some(Data::Summary(summary)) => points!(summary, |this: &mut Self, base, times, p| this.summary(base, times, p)),
        }
        self.clashes.end(&name, rows..self.out.rows.len());
        if self.out.points > before {
            let unit = unit_name(&metric.unit);
            self.out.metrics.push(Metric { name, kind: word, help: metric.description.clone(), unit });
        }
    }

    /// One point; nothing of it stays where it is refused.
    fn point(
        &mut self,
        base: &Base<'_>,
        times: Times,
        take: &mut dyn FnMut(&mut Self, &Base<'_>, Times) -> Result<(), String>,
    ) -> Result<(), String> {
        if times.at_ms() == 0 {
            return Err("it has no time (timeUnixNano)".to_owned());
        }
        let rows = self.out.rows.len();
        take(self, base, times)?;
        if self.out.rows.len() > rows {
            self.out.points += 1;
        }
        Ok(())
    }

    /// Room for the series of a point, or none of it is taken.
    pub(super) fn room(&mut self, base: &Base<'_>, series: usize) -> Result<(), String> {
        let bytes = base.bytes().saturating_mul(series);
        // Each may come with a beginning.
        if self.out.rows.len() + 2 * series > MAX_ROWS || self.label_bytes.saturating_add(bytes) > MAX_LABEL_BYTES {
            return Err(format!(
                "the request has more than {MAX_ROWS} samples, or {} MiB of labels; send smaller batches",
                MAX_LABEL_BYTES >> 20
            ));
        }
        self.label_bytes += bytes;
        Ok(())
    }

    fn refuse(&mut self, metric: &str, at: usize, why: &str) {
        self.out.refused += 1;
        if self.out.reasons.len() < MAX_NAMED {
            self.out.reasons.push(format!("metric `{}`, data point {at}: {why}", shortened(metric)));
        }
    }

    /// A sample of the point at hand.
    pub(super) fn sample(&mut self, labels: Labels, t: TimestampMs, v: f64) {
        let point = Some(self.out.points);
        self.out.rows.push(Row { labels, t, v, point });
    }

    /// A sample that no point is to blame for.
    pub(super) fn beside(&mut self, labels: Labels, t: TimestampMs, v: f64) {
        self.out.rows.push(Row { labels, t, v, point: None });
    }

    pub(super) fn latest(&self, labels: &Labels) -> Option<Sample> {
        self.past.latest(labels)
    }

    pub(super) fn newest(&self, labels: &Labels) -> Option<TimestampMs> {
        self.past.newest(labels)
    }

    /// A sample of something that only rises, and its beginning where that is news.
    pub(super) fn rising(&mut self, labels: Labels, times: Times, v: f64) {
        if let Some(start) = times.beginning()
            && self.newest(&labels).is_none_or(|newest| newest < start)
        {
            self.beside(labels.clone(), start, 0.0);
        }
        self.sample(labels, times.at_ms(), v);
    }

    /// The running total of a series as it was before the request; none where it begins now.
    fn total(&self, labels: &Labels) -> Option<Total> {
        self.streams.total(labels).or_else(|| {
            let last = self.past.latest(labels)?;
            Some(Total { value: last.v, steps: Steps::kept(last.t) })
        })
    }

    /// Whether a difference is new to the total of a series. Several of one request at one time are parts of it.
    pub(super) fn judge(&self, labels: &Labels, times: Times) -> Step {
        self.total(labels).map_or(Step::New, |total| total.steps.judge(times.at))
    }

    /// Writes a total again: whoever sends a difference again was not told that it is durable.
    pub(super) fn again(&mut self, labels: Labels) {
        if let Some(total) = self.total(&labels) {
            self.sample(labels, (total.steps.newest / NANOS) as TimestampMs, total.value);
        }
    }

    /// Adds a difference to the total of a series. A late one counts from the newest on: what was before is not rewritten.
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

    /// A sample of a total that begins at zero: at its start, or behind what there is of its series.
    pub(super) fn anew(&mut self, labels: Labels, times: Times, v: f64) {
        let after = self.newest(&labels).map_or(0, |newest| newest.saturating_add(1));
        if let Some(start) = times.beginning().map(|start| start.max(after)).filter(|start| *start < times.at_ms()) {
            self.beside(labels.clone(), start, 0.0);
        }
        self.sample(labels, times.at_ms(), v);
    }

    fn gauge(&mut self, base: &Base<'_>, times: Times, point: &otlp::NumberDataPoint) -> Result<(), String> {
        let value = value(point)?;
        self.room(base, 1)?;
        self.sample(base.series("", None)?, times.at_ms(), value);
        Ok(())
    }

    fn counter(&mut self, base: &Base<'_>, times: Times, point: &otlp::NumberDataPoint, delta: bool) -> Result<(), String> {
        let value = value(point)?;
        self.room(base, 1)?;
        let labels = base.series("", None)?;
        if nothing_recorded(point.flags) {
            self.sample(labels, times.at_ms(), STALE);
        } else if !delta {
            self.rising(labels, times, value);
        } else if value.is_nan() || value < 0.0 {
            return Err(format!("{value} is no difference of a sum that only rises"));
        } else {
            match self.judge(&labels, times) {
                Step::New => self.add(labels, times, value),
                Step::Again => self.again(labels),
                Step::TooLate => return Err(TOO_LATE.to_owned()),
            }
        }
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
                if !std::mem::replace(&mut self.told_of_targets, true) {
                    let help = "Attributes of the resource that sent metrics".to_owned();
                    self.out.metrics.push(Metric { name: "target_info".to_owned(), kind: "gauge", help, unit: String::new() });
                }
            }
            Err(why) => self.out.warnings.push(format!("target_info was left out: {why}")),
        }
    }
}

fn value(point: &otlp::NumberDataPoint) -> Result<f64, String> {
    match point.value {
        _ if nothing_recorded(point.flags) => Ok(STALE),
        Some(Value::AsDouble(v)) => Ok(v),
        Some(Value::AsInt(v)) => Ok(v as f64),
        None => Err("it has no value (asDouble, asInt)".to_owned()),
    }
}
