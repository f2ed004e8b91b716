//! Data points of metrics to signals: what fills in where a client sends no log records.
//!
//! Differences count once by their series and times. Totals count by their series and start: the highest one is the newest. A point
//! without the id of a session says nothing about one and is left to the series of its metric.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{AggregationTemporality, Metric, NumberDataPoint};

use super::attributes::{Attributes, micros};
use super::clients::{Client, client_of};
use super::item::{Item, Kind, Tokens};
use super::lines::{about, session_of};
use super::signal::{Fact, Signal, Way, identity};
use crate::otlp::attribute_text;

/// The signals of the data points of a request.
#[must_use]
pub fn points(request: &ExportMetricsServiceRequest) -> Vec<Signal> {
    let mut out = Vec::new();
    for resource in &request.resource_metrics {
        let shared = resource.resource.as_ref().map(|resource| pairs(&resource.attributes)).unwrap_or_default();
        let service = Attributes(&shared).get("service_name").unwrap_or("");
        for scope in &resource.scope_metrics {
            let name = scope.scope.as_ref().map_or("", |scope| scope.name.as_str());
            let Some(client) = client_of(service, name) else { continue };
            scope.metrics.iter().for_each(|metric| of_metric(client, metric, &shared, &mut out));
        }
    }
    out
}

fn pairs(attributes: &[KeyValue]) -> Vec<(String, String)> {
    attributes.iter().map(|kv| (kv.key.clone(), attribute_text(kv.value.as_ref()))).collect()
}

/// What a metric counts.
enum Counts {
    Sessions,
    Money { scale: f64 },
    Tokens,
    Seconds,
    Lines,
    PullRequests,
}

/// The metrics that are read, by the name without the client's prefix.
fn counts(name: &str) -> Option<Counts> {
    Some(match name {
        "session.count" => Counts::Sessions,
        "cost.usage" => Counts::Money { scale: 1.0 },
        "turn.cost_microusd" => Counts::Money { scale: 1e-6 },
        "token.usage" => Counts::Tokens,
        "active_time.total" => Counts::Seconds,
        "lines_of_code.count" | "lines.changed" => Counts::Lines,
        "pull_request.count" => Counts::PullRequests,
        _ => return None,
    })
}

fn of_metric(client: &'static Client, metric: &Metric, shared: &[(String, String)], out: &mut Vec<Signal>) {
    let (Some(counts), Some(Data::Sum(sum))) = (counts(client.bare(&metric.name)), &metric.data) else { return };
    let is_delta = sum.aggregation_temporality == AggregationTemporality::Delta as i32;
    for point in &sum.data_points {
        let own = pairs(&point.attributes);
        // What is of the point comes first: of one name it counts.
        let all: Vec<(String, String)> = own.iter().chain(shared).cloned().collect();
        let attributes = Attributes(&all);
        let Some(session) = session_of(client, "", attributes) else { continue };
        let about = about(client, attributes);
        let mut signal = |fact| {
            let at = i64::try_from(point.time_unix_nano / 1_000_000).unwrap_or(i64::MAX);
            out.push(Signal { session: session.clone(), at, way: Way::Point, about: about.clone(), fact });
        };
        if let Counts::Sessions = counts {
            signal(Fact::Started);
            continue;
        }
        if let Some((id, item)) = item(&metric.name, &counts, point, &own, is_delta) {
            let item = Item { model: about.model.clone(), task: about.task.clone(), branch: about.branch.clone(), ..item };
            signal(Fact::counted(id, item));
        }
    }
}

fn item(metric: &str, counts: &Counts, point: &NumberDataPoint, own: &[(String, String)], is_delta: bool) -> Option<(u64, Item)> {
    let value = match point.value? {
        Value::AsDouble(value) => value,
        Value::AsInt(value) => value as f64,
    };
    if !value.is_finite() || !(0.0..1e15).contains(&value) {
        return None;
    }
    let attributes = Attributes(own);
    let kind = attributes.get("type").or_else(|| attributes.get("token_type")).unwrap_or("");
    let whole = Some(value.round() as u64);
    // A total is at its start: all points of one series are one item, in one page.
    let nanos = if is_delta || point.start_time_unix_nano == 0 { point.time_unix_nano } else { point.start_time_unix_nano };
    let at = i64::try_from(nanos / 1_000_000).ok()?;
    let mut item = Item { kind: if is_delta { Kind::Delta } else { Kind::Total }, at, ways: Way::Point.bit(), ..Item::default() };
    match counts {
        Counts::Sessions => return None,
        Counts::Money { scale } => (item.name, item.micros) = ("cost".to_owned(), micros(value * scale)),
        Counts::Tokens => (item.name, item.tokens) = ("tokens".to_owned(), tokens(kind, whole)?),
        Counts::Seconds => (item.name, item.millis) = ("active".to_owned(), Some((value * 1e3).round() as u64)),
        Counts::Lines => (item.name, item.millis) = (format!("lines {kind}"), whole),
        Counts::PullRequests => (item.name, item.millis) = ("pull requests".to_owned(), whole),
    }
    if metric == "codex.turn.cost_microusd"
        && let Some(turn) = attributes.get("turn_id")
    {
        return Some((identity("turn cost", &[turn]), Item { kind: Kind::Delta, ..item }));
    }
    let mut sorted: Vec<&(String, String)> = own.iter().collect();
    sorted.sort();
    let (start, end) = (point.start_time_unix_nano.to_string(), point.time_unix_nano.to_string());
    let mut parts: Vec<&str> = sorted.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]).collect();
    parts.extend([metric, start.as_str()]);
    if is_delta {
        parts.push(end.as_str());
    }
    Some((identity("point", &parts), item))
}

fn tokens(kind: &str, count: Option<u64>) -> Option<Tokens> {
    let none = Tokens::default();
    Some(match kind {
        "input" => Tokens { input: count, ..none },
        "output" => Tokens { output: count, ..none },
        "cacheRead" | "cache" | "cached_input" => Tokens { cache_read: count, ..none },
        "cacheCreation" | "cache_write_input" => Tokens { cache_creation: count, ..none },
        "thought" | "reasoning_output" => Tokens { reasoning: count, ..none },
        // `tool` of Gemini is part of its input; `total` is the sum of the others.
        _ => return None,
    })
}
