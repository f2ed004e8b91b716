//! Decodes OTLP/JSON: protobuf's JSON mapping with changes (opentelemetry.io, "JSON Protobuf Encoding").
//!
//! All numbers may be numbers or text; `"NaN"`, `"Infinity"` and `"-Infinity"` are numbers; `null` is the same as a missing field;
//! unknown fields are skipped without being buffered. The mapping of `opentelemetry-proto` refuses several of these
//! and buffers its input, so this module decodes into plain structs and converts them to the protobuf messages.

pub(super) mod fields;
pub(crate) mod logs;
pub(crate) mod loki;
pub(crate) mod spans;
pub(crate) mod values;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList, any_value};
use opentelemetry_proto::tonic::metrics::v1 as otlp;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{exemplar, exponential_histogram_data_point, number_data_point, summary_data_point};
use opentelemetry_proto::tonic::resource::v1::Resource;
use serde::de::{Deserialize, Deserializer, Error};

use self::fields::{ObjectOnly, messages, number, numbers, optional, parts, soft};
use super::decode::{DecodeError, MAX_PARTS};
use super::value::id_of_text;

/// Decodes a request.
pub(super) fn decode(bytes: &[u8]) -> Result<ExportMetricsServiceRequest, DecodeError> {
    if parts(bytes) > MAX_PARTS {
        return Err(DecodeError::TooManyParts);
    }
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return Err(DecodeError::Malformed("an object is expected, `{\"resourceMetrics\":[…]}`".to_owned()));
    }
    let request: Request = serde_json::from_slice(bytes).map_err(|error| DecodeError::malformed(&error))?;
    Ok(ExportMetricsServiceRequest { resource_metrics: all(request.resource_metrics) })
}

/// A temporality by number, or by name as in protobuf's mapping.
fn temporality<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i32, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    match value.as_str().and_then(otlp::AggregationTemporality::from_str_name) {
        Some(temporality) => Ok(temporality as i32),
        None => number(value).map_err(D::Error::custom),
    }
}

fn all<T, U: From<T>>(list: Vec<T>) -> Vec<U> {
    list.into_iter().map(U::from).collect()
}

messages! {
    Request { "soft" resource_metrics: Vec<ResourceMetrics>, }
    ResourceMetrics { "soft" resource: Attributed, "soft" scope_metrics: Vec<ScopeMetrics>, "soft" schema_url: String, }
    ScopeMetrics { "soft" scope: Attributed, "soft" metrics: Vec<Metric>, "soft" schema_url: String, }
    Attributed { "soft" name: String, "soft" version: String, "soft" attributes: Vec<Attribute>, }
    Attribute { "soft" key: String, "soft" value: Any, }
    Metric {
        "soft" name: String, "soft" description: String, "soft" unit: String,
        "soft" gauge: Option<Points<NumberPoint>>, "soft" sum: Option<Points<NumberPoint>>,
        "soft" histogram: Option<Points<HistogramPoint>>, "soft" exponential_histogram: Option<Points<ExponentialPoint>>,
        "soft" summary: Option<Points<SummaryPoint>>,
    }
    NumberPoint {
        "soft" attributes: Vec<Attribute>, "number" start_time_unix_nano: u64, "number" time_unix_nano: u64, "number" flags: u32,
        "optional" as_double: Option<f64>, "optional" as_int: Option<i64>, "exemplars" exemplars: Vec<Exemplar>,
    }
    Exemplar {
        "soft" filtered_attributes: Vec<Attribute>, "number" time_unix_nano: u64, "optional" as_double: Option<f64>,
        "optional" as_int: Option<i64>, "soft" span_id: String, "soft" trace_id: String,
    }
    HistogramPoint {
        "soft" attributes: Vec<Attribute>, "number" start_time_unix_nano: u64, "number" time_unix_nano: u64, "number" flags: u32,
        "number" count: u64, "optional" sum: Option<f64>, "numbers" bucket_counts: Vec<u64>, "numbers" explicit_bounds: Vec<f64>,
        "exemplars" exemplars: Vec<Exemplar>,
    }
    ExponentialPoint {
        "soft" attributes: Vec<Attribute>, "number" start_time_unix_nano: u64, "number" time_unix_nano: u64, "number" flags: u32,
        "number" count: u64, "optional" sum: Option<f64>, "number" scale: i32, "number" zero_count: u64, "number" zero_threshold: f64,
        "soft" positive: Option<Buckets>, "soft" negative: Option<Buckets>, "exemplars" exemplars: Vec<Exemplar>,
    }
    Buckets { "number" offset: i32, "numbers" bucket_counts: Vec<u64>, }
    SummaryPoint {
        "soft" attributes: Vec<Attribute>, "number" start_time_unix_nano: u64, "number" time_unix_nano: u64, "number" flags: u32,
        "number" count: u64, "number" sum: f64, "soft" quantile_values: Vec<Quantile>,
    }
    Quantile { "number" quantile: f64, "number" value: f64, }
    Any {
        "soft" string_value: Option<String>, "soft" bool_value: Option<bool>, "optional" int_value: Option<i64>,
        "optional" double_value: Option<f64>, "soft" array_value: Option<Box<Several<Any>>>, "soft" kvlist_value: Option<Box<Several<Attribute>>>,
        "soft" bytes_value: Option<String>,
    }
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase", default, bound = "P: Deserialize<'de>")]
struct Points<P> {
    #[serde(deserialize_with = "soft")]
    data_points: Vec<P>,
    #[serde(deserialize_with = "temporality")]
    aggregation_temporality: i32,
    #[serde(deserialize_with = "soft")]
    is_monotonic: bool,
}

impl<P> Default for Points<P> {
    fn default() -> Self {
        Self { data_points: Vec::new(), aggregation_temporality: 0, is_monotonic: false }
    }
}

#[derive(serde::Deserialize)]
#[serde(default, bound = "V: Deserialize<'de>")]
struct Several<V> {
    #[serde(deserialize_with = "soft")]
    values: Vec<V>,
}

impl<V> Default for Several<V> {
    fn default() -> Self {
        Self { values: Vec::new() }
    }
}

impl From<ResourceMetrics> for otlp::ResourceMetrics {
    fn from(from: ResourceMetrics) -> Self {
        let resource = Resource { attributes: all(from.resource.attributes), ..Resource::default() };
        Self { resource: Some(resource), scope_metrics: all(from.scope_metrics), schema_url: from.schema_url }
    }
}

impl From<ScopeMetrics> for otlp::ScopeMetrics {
    fn from(from: ScopeMetrics) -> Self {
        let Attributed { name, version, attributes } = from.scope;
        let scope = InstrumentationScope { name, version, attributes: all(attributes), dropped_attributes_count: 0 };
        Self { scope: Some(scope), metrics: all(from.metrics), schema_url: from.schema_url }
    }
}

impl From<Attribute> for KeyValue {
    fn from(from: Attribute) -> Self {
        Self { key: from.key, value: Some(from.value.into()), ..Self::default() }
    }
}

impl From<Any> for AnyValue {
    fn from(from: Any) -> Self {
        use any_value::Value;
        let list = |several: Box<Several<Any>>| Value::ArrayValue(ArrayValue { values: all(several.values) });
        let map = |several: Box<Several<Attribute>>| Value::KvlistValue(KeyValueList { values: all(several.values) });
        let value = from.string_value.map(Value::StringValue).or(from.bool_value.map(Value::BoolValue));
        let value = value.or(from.int_value.map(Value::IntValue)).or(from.double_value.map(Value::DoubleValue));
        // Bytes are base64 in JSON, and as a label too.
        let value = value.or(from.bytes_value.map(Value::StringValue));
        Self { value: value.or_else(|| from.array_value.map(list)).or_else(|| from.kvlist_value.map(map)) }
    }
}

impl From<Metric> for otlp::Metric {
    fn from(from: Metric) -> Self {
        let gauge = from.gauge.map(|p| Data::Gauge(otlp::Gauge { data_points: all(p.data_points) }));
        let sum = from.sum.map(|p| {
            let (aggregation_temporality, is_monotonic) = (p.aggregation_temporality, p.is_monotonic);
            Data::Sum(otlp::Sum { data_points: all(p.data_points), aggregation_temporality, is_monotonic })
        });
        let histogram = from.histogram.map(|p| {
            let aggregation_temporality = p.aggregation_temporality;
            Data::Histogram(otlp::Histogram { data_points: all(p.data_points), aggregation_temporality })
        });
        let exponential = from.exponential_histogram.map(|p| {
            let aggregation_temporality = p.aggregation_temporality;
            Data::ExponentialHistogram(otlp::ExponentialHistogram { data_points: all(p.data_points), aggregation_temporality })
        });
        let summary = from.summary.map(|p| Data::Summary(otlp::Summary { data_points: all(p.data_points) }));
        let data = gauge.or(sum).or(histogram).or(exponential).or(summary);
        Self { name: from.name, description: from.description, unit: from.unit, metadata: Vec::new(), data }
    }
}

impl From<NumberPoint> for otlp::NumberDataPoint {
    fn from(p: NumberPoint) -> Self {
        let value = p.as_int.map(number_data_point::Value::AsInt).or(p.as_double.map(number_data_point::Value::AsDouble));
        let NumberPoint { start_time_unix_nano, time_unix_nano, flags, .. } = p;
        Self { attributes: all(p.attributes), start_time_unix_nano, time_unix_nano, flags, value, exemplars: all(p.exemplars) }
    }
}

/// Reads exemplars. One that cannot be read has no value, which costs itself alone.
fn exemplars<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Exemplar>, D::Error> {
    let serde_json::Value::Array(list) = serde_json::Value::deserialize(deserializer)? else { return Ok(Vec::new()) };
    Ok(list.into_iter().map(|one| serde_json::from_value(one).unwrap_or_default()).collect())
}

impl From<Exemplar> for otlp::Exemplar {
    fn from(from: Exemplar) -> Self {
        let value = from.as_int.map(exemplar::Value::AsInt).or(from.as_double.map(exemplar::Value::AsDouble));
        Self {
            filtered_attributes: all(from.filtered_attributes),
            time_unix_nano: from.time_unix_nano,
            span_id: id_of_text::<8>(from.span_id.as_bytes()).map(Vec::from).unwrap_or_default(),
            trace_id: id_of_text::<16>(from.trace_id.as_bytes()).map(Vec::from).unwrap_or_default(),
            value,
        }
    }
}

impl From<HistogramPoint> for otlp::HistogramDataPoint {
    fn from(p: HistogramPoint) -> Self {
        let HistogramPoint { start_time_unix_nano, time_unix_nano, flags, count, sum, bucket_counts, explicit_bounds, .. } = p;
        let (attributes, exemplars) = (all(p.attributes), all(p.exemplars));
        Self {
            attributes,
            start_time_unix_nano,
            time_unix_nano,
            flags,
            count,
            sum,
            bucket_counts,
            explicit_bounds,
            exemplars,
            ..Self::default()
        }
    }
}

impl From<ExponentialPoint> for otlp::ExponentialHistogramDataPoint {
    fn from(p: ExponentialPoint) -> Self {
        let ExponentialPoint { start_time_unix_nano, time_unix_nano, flags, count, sum, scale, zero_count, zero_threshold, .. } = p;
        let buckets = |b: Buckets| exponential_histogram_data_point::Buckets { offset: b.offset, bucket_counts: b.bucket_counts };
        Self {
            attributes: all(p.attributes),
            positive: p.positive.map(buckets),
            negative: p.negative.map(buckets),
            exemplars: all(p.exemplars),
            start_time_unix_nano,
            time_unix_nano,
            flags,
            count,
            sum,
            scale,
            zero_count,
            zero_threshold,
            ..Self::default()
        }
    }
}

impl From<SummaryPoint> for otlp::SummaryDataPoint {
    fn from(p: SummaryPoint) -> Self {
        let quantile = |q: Quantile| summary_data_point::ValueAtQuantile { quantile: q.quantile, value: q.value };
        Self {
            attributes: all(p.attributes),
            start_time_unix_nano: p.start_time_unix_nano,
            time_unix_nano: p.time_unix_nano,
            flags: p.flags,
            count: p.count,
            sum: p.sum,
            quantile_values: p.quantile_values.into_iter().map(quantile).collect(),
        }
    }
}

#[cfg(test)]
mod tests;
