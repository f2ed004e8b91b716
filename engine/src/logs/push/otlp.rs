//! OpenTelemetry's log records to lines, by the rules of Loki's own receiver.
//!
//! * Labels of the stream are the attributes of the resource in [`STREAM_LABELS`], those that the settings add, and those that [`STREAM_HINT`] names.
//! * Everything else are attributes of the line: of the record, else of its scope, else of its resource; `scope_name`,
//!   `scope_version`, `severity_text`, `event_name`, `observed_timestamp` where it is not the time of the line, `flags`, and
//!   `dropped_attributes_count`.
//! * The text is the body; lists and maps are JSON. A record without one has an empty text: what happened is in its attributes.
//! * The time is that of the record, else when it was observed, else when it arrived.

use super::collect::{Bounded, Collector, Pairs, Taken};
use super::{PushError, level};
use crate::logs::record::{Record, Severity, TimeNs};
use crate::model::{Labels, MAX_LABEL_VALUE_BYTES, MAX_LABELS};
use crate::otlp::json::logs as json;
use crate::otlp::messages::{self, Attributed, LogRecord, Values};
use crate::otlp::value::{Any, Attribute, text};
use crate::otlp::{DecodeError, Encoding, label_name};
use crate::wire::{Malformed, Reader};

/// Attributes of a resource that are labels of its streams: of few values each. Pods, processes and instances come and go, so they
/// are attributes of the line, and so is all that names a person, a session or a prompt.
const STREAM_LABELS: [&str; 15] = [
    "service.name",
    "service.namespace",
    "deployment.environment",
    "deployment.environment.name",
    "host.name",
    "cloud.region",
    "cloud.availability_zone",
    "container.name",
    "k8s.cluster.name",
    "k8s.namespace.name",
    "k8s.container.name",
    "k8s.deployment.name",
    "k8s.statefulset.name",
    "k8s.daemonset.name",
    "k8s.cronjob.name",
];

/// An attribute of a resource that names further ones that are labels of its streams, with commas between; the OpenTelemetry Collector
/// has it from its exporter for Loki. It is no attribute of a line.
pub(in crate::logs) const STREAM_HINT: &str = "loki.resource.labels";

/// The attribute of a resource that becomes a label of a stream of this name: one of [`STREAM_LABELS`], or one of the name itself.
pub(in crate::logs) fn attribute_of(label: &str) -> &str {
    STREAM_LABELS.into_iter().find(|attribute| label_name(attribute) == label).unwrap_or(label)
}

/// The label of a stream whose resource has none of the others: what SDKs call a service without a name.
const UNKNOWN: (&str, &str) = ("service_name", "unknown_service");

const WHAT: &str = "ExportLogsServiceRequest";

/// Reads a request that arrived at a time. `more` are further attributes of the resource that are labels of its streams.
///
/// # Errors
/// [`PushError`] if it cannot be read.
pub fn take(encoding: Encoding, bytes: &[u8], more: &[String], arrived: TimeNs) -> Result<Taken, PushError> {
    let mut taker =
        Taker { more, arrived, collector: Collector::default(), place: None, resource: Bounded::default(), shared: Bounded::default() };
    match encoding {
        Encoding::Protobuf => taker.protobuf(Reader::new(bytes))?,
        Encoding::Json => taker.json(bytes)?,
    }
    Ok(taker.collector.finish())
}

struct Taker<'o> {
    more: &'o [String],
    arrived: TimeNs,
    collector: Collector,
    /// The stream of the current resource.
    place: Option<usize>,
    /// Attributes of the current resource that are no labels.
    resource: Bounded,
    /// Those, and those of the current scope.
    shared: Bounded,
}

impl From<Malformed> for PushError {
    fn from(error: Malformed) -> Self {
        Self::Malformed { what: WHAT, why: error.to_string() }
    }
}

impl From<DecodeError> for PushError {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::Malformed(why) => Self::Malformed { what: WHAT, why },
            DecodeError::TooManyParts => Self::TooLarge,
        }
    }
}

/// Attributes as pairs. One without a key or a value is none.
fn pairs(attributes: Vec<Attribute<'_>>) -> impl Iterator<Item = (String, String)> {
    let valued = attributes.into_iter().filter(|attribute| attribute.value != Any::None && !attribute.key.is_empty());
    valued.map(|Attribute { key, value }| (label_name(&String::from_utf8_lossy(&key)), value.into_text()))
}

impl Taker<'_> {
    fn protobuf(&mut self, mut request: Reader<'_>) -> Result<(), PushError> {
        while let Some((field, value)) = request.field()? {
            if field == 1 {
                self.resource_logs(messages::message(&value, &request)?)?;
            }
        }
        Ok(())
    }

    fn resource_logs(&mut self, whole: Reader<'_>) -> Result<(), PushError> {
        // A sender may put the resource after its records.
        let (mut resource, mut fields) = (Attributed::default(), whole);
        while let Some((field, value)) = fields.field()? {
            if field == 1 {
                resource = Values::default().attributed(messages::message(&value, &fields)?, 1)?;
            }
        }
        self.resource(resource)?;
        let mut fields = whole;
        while let Some((field, value)) = fields.field()? {
            if field == 2 {
                self.scope_logs(messages::message(&value, &fields)?)?;
            }
        }
        Ok(())
    }

    fn scope_logs(&mut self, whole: Reader<'_>) -> Result<(), PushError> {
        let (mut scope, mut fields) = (Attributed::default(), whole);
        while let Some((field, value)) = fields.field()? {
            if field == 1 {
                scope = Values::default().attributed(messages::message(&value, &fields)?, 3)?;
            }
        }
        self.scope(scope);
        let mut fields = whole;
        while let Some((field, value)) = fields.field()? {
            if field == 2 {
                self.record(LogRecord::read(messages::message(&value, &fields)?)?)?;
            }
        }
        Ok(())
    }

    fn json(&mut self, bytes: &[u8]) -> Result<(), PushError> {
        for resource in json::decode(bytes)? {
            self.resource(resource.resource)?;
            for scope in resource.scope_logs {
                self.scope(scope.scope);
                for record in scope.log_records {
                    self.record(record.into())?;
                }
            }
        }
        Ok(())
    }

    /// The records that follow are of this resource.
    fn resource(&mut self, resource: Attributed<'_>) -> Result<(), PushError> {
        let is_hint = |attribute: &Attribute<'_>| attribute.key.as_ref() == STREAM_HINT.as_bytes();
        let (hints, attributes): (Vec<_>, Vec<_>) = resource.attributes.into_iter().partition(is_hint);
        let hints: Vec<String> = hints.into_iter().map(|hint| hint.value.into_text()).collect();
        let hinted: Vec<&str> = hints.iter().flat_map(|hint| hint.split(',')).map(str::trim).collect();
        let is_label = |attribute: &Attribute<'_>| {
            let is = |name: &str| name.as_bytes() == attribute.key.as_ref();
            STREAM_LABELS.into_iter().any(is) || self.more.iter().any(|name| is(name)) || hinted.iter().any(|name| is(name))
        };
        let mut room = MAX_LABELS;
        let (labels, rest): (Vec<_>, Vec<_>) = attributes.into_iter().partition(|attribute| {
            let taken = room > 0 && is_label(attribute);
            room -= usize::from(taken);
            taken
        });
        let mut labels: Pairs = pairs(labels).collect();
        labels.sort_by(|a, b| a.0.cmp(&b.0));
        labels.dedup_by(|later, first| later.0 == first.0);
        labels.iter_mut().for_each(|(_, value)| value.truncate(value.floor_char_boundary(MAX_LABEL_VALUE_BYTES)));
        labels.retain(|(_, value)| !value.is_empty());
        let labels = match labels.as_slice() {
            [] => Labels::of(vec![UNKNOWN]),
            pairs => Labels::of(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()),
        };
        self.place = Some(self.collector.stream(labels)?);
        self.resource = self.collector.bounded(pairs(rest).collect(), &Bounded::default());
        Ok(())
    }

    /// The records that follow are of this scope.
    fn scope(&mut self, scope: Attributed<'_>) {
        let named = [("scope_name", scope.name), ("scope_version", scope.version)];
        let named = named.into_iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| (name.to_owned(), text(value)));
        let own = named.chain(pairs(scope.attributes)).collect();
        self.shared = self.collector.bounded(own, &self.resource);
    }

    fn record(&mut self, record: LogRecord<'_>) -> Result<(), PushError> {
        let Some(place) = self.place else { return Ok(()) };
        let Ok(time) = self.time_of(&record) else {
            self.collector.refuse(1, || format!("the time {} is after the year 2262", record.time.max(record.observed)));
            return Ok(());
        };
        let mut attributes: Pairs = pairs(record.attributes).collect();
        // What the field calls the event may be a place in a program; an attribute is what its author named it.
        if !record.event_name.is_empty() && !attributes.iter().any(|(name, _)| name == "event_name") {
            attributes.push(("event_name".to_owned(), text(record.event_name)));
        }
        let known = u8::try_from(record.severity).ok().filter(|number| (1..=24).contains(number));
        let mut note = |name: &str, value: String| attributes.push((name.to_owned(), value));
        if record.observed != 0 && record.observed != time.cast_unsigned() {
            note("observed_timestamp", record.observed.to_string());
        }
        if record.flags != 0 {
            note("flags", record.flags.to_string());
        }
        if known.is_none() && record.severity != 0 {
            note("severity_number", record.severity.to_string());
        }
        let said = text(record.severity_text);
        let body = record.body.into_bytes();
        let severity = known.map(Severity).or_else(|| Some(Severity::from_word(&said)).filter(|found| *found != Severity::default()));
        let severity = severity.unwrap_or_else(|| level::detect(&body));
        if !said.is_empty() {
            note("severity_text", said);
        }
        let (trace, span) = (record.trace.unwrap_or_default(), record.span.unwrap_or_default());
        let line = Record { time, severity, body: Vec::new(), attributes, trace, span };
        self.collector.line(place, line, body, &self.shared, record.dropped)
    }

    fn time_of(&self, record: &LogRecord<'_>) -> Result<TimeNs, std::num::TryFromIntError> {
        match (record.time, record.observed) {
            (0, 0) => Ok(self.arrived),
            (0, observed) => observed.try_into(),
            (time, _) => time.try_into(),
        }
    }
}
