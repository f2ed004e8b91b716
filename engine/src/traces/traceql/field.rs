//! What of a span a query names: attributes by scope, and what every span has.

use std::borrow::Cow;

use super::trace::TraceView;
use crate::model::hex;
use crate::traces::span::{Attributes, FullSpan, Kind, Status};

/// Where an attribute belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// `.name`: of the span, or else of its resource.
    Either,
    /// `span.name`
    Span,
    /// `resource.name`
    Resource,
    /// `event.name`: of any event of the span.
    Event,
    /// `link.name`: of any link of the span.
    Link,
}

/// What every span has, or what its trace says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Intrinsic {
    /// The span's name.
    Name,
    /// How it ended.
    Status,
    /// What is said of that.
    StatusMessage,
    /// What part of a call it is.
    Kind,
    /// From its start to its end.
    Duration,
    /// From the first start of the trace to its last end.
    TraceDuration,
    /// The name of the root span.
    RootName,
    /// The service of the root span.
    RootService,
    /// The trace's id.
    TraceId,
    /// The span's id.
    SpanId,
    /// The id of the span that it is part of.
    ParentId,
    /// How many spans are part of it directly.
    ChildCount,
    /// Below zero for a root span, above for others.
    NestedSetParent,
    /// The names of its events.
    EventName,
    /// How long after its start its events happened.
    EventTime,
    /// The traces of its links.
    LinkTraceId,
    /// The spans of its links.
    LinkSpanId,
    /// The library that made it.
    ScopeName,
    /// The version of that.
    ScopeVersion,
}

/// The names of intrinsics; the first one of each is what answers call it. With whether tag names offer it.
pub const INTRINSICS: &[(&str, Intrinsic, bool)] = &[
    ("duration", Intrinsic::Duration, true),
    ("span:duration", Intrinsic::Duration, true),
    ("name", Intrinsic::Name, true),
    ("span:name", Intrinsic::Name, true),
    ("status", Intrinsic::Status, true),
    ("span:status", Intrinsic::Status, true),
    ("statusMessage", Intrinsic::StatusMessage, true),
    ("span:statusMessage", Intrinsic::StatusMessage, true),
    ("kind", Intrinsic::Kind, true),
    ("span:kind", Intrinsic::Kind, true),
    ("rootName", Intrinsic::RootName, true),
    ("trace:rootName", Intrinsic::RootName, true),
    ("rootServiceName", Intrinsic::RootService, true),
    ("trace:rootService", Intrinsic::RootService, true),
    ("traceDuration", Intrinsic::TraceDuration, true),
    ("trace:duration", Intrinsic::TraceDuration, true),
    ("trace:id", Intrinsic::TraceId, true),
    ("span:id", Intrinsic::SpanId, true),
    ("span:parentID", Intrinsic::ParentId, true),
    ("span:childCount", Intrinsic::ChildCount, true),
    ("nestedSetParent", Intrinsic::NestedSetParent, false),
    ("event:name", Intrinsic::EventName, true),
    ("event:timeSinceStart", Intrinsic::EventTime, true),
    ("link:traceID", Intrinsic::LinkTraceId, true),
    ("link:spanID", Intrinsic::LinkSpanId, true),
    ("instrumentation:name", Intrinsic::ScopeName, true),
    ("instrumentation:version", Intrinsic::ScopeVersion, true),
];

/// What a query asks a span for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Field {
    /// An attribute.
    Attribute(Scope, Box<str>),
    /// Something that every span has.
    Intrinsic(Intrinsic),
}

/// What the values of a field are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    /// Texts that may stand for numbers, lengths of time or truth.
    Attribute,
    Text,
    /// Hexadecimal digits, so many.
    Id(usize),
    Nanos,
    Count,
    Status,
    Kind,
    /// Only whether it is a root is known.
    Root,
}

/// A value of a field.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value<'a> {
    Text(Cow<'a, str>),
    Nanos(i64),
    Count(i64),
    Status(Status),
    Kind(Kind),
}

impl Value<'_> {
    /// As answers have it.
    pub(super) fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Nanos(n) | Self::Count(n) => Cow::Owned(n.to_string()),
            Self::Status(status) => Cow::Borrowed(status.word()),
            Self::Kind(kind) => Cow::Borrowed(kind.word()),
        }
    }
}

fn attribute<'a>(attributes: &'a Attributes, name: &str) -> Option<Value<'a>> {
    let at = attributes.binary_search_by(|(other, _)| other.as_str().cmp(name)).ok()?;
    Some(Value::Text(Cow::Borrowed(&attributes[at].1)))
}

/// A span without `service.name` is of `unknown_service`, here as everywhere.
fn of_resource<'a>(span: &'a FullSpan, name: &str) -> Option<Value<'a>> {
    if name == "service.name" { Some(Value::Text(Cow::Borrowed(&span.service))) } else { attribute(&span.resource, name) }
}

fn id<'a>(id: &[u8]) -> Option<Value<'a>> {
    id.iter().any(|byte| *byte != 0).then(|| Value::Text(Cow::Owned(hex(id))))
}

impl Field {
    /// As answers call it.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Attribute(_, name) => name,
            Self::Intrinsic(intrinsic) => INTRINSICS.iter().find(|(_, other, _)| other == intrinsic).map_or("", |(name, _, _)| name),
        }
    }

    pub(super) fn value_type(&self) -> Type {
        let Self::Intrinsic(intrinsic) = self else { return Type::Attribute };
        match intrinsic {
            Intrinsic::Status => Type::Status,
            Intrinsic::Kind => Type::Kind,
            Intrinsic::Duration | Intrinsic::TraceDuration | Intrinsic::EventTime => Type::Nanos,
            Intrinsic::ChildCount => Type::Count,
            Intrinsic::NestedSetParent => Type::Root,
            Intrinsic::TraceId | Intrinsic::LinkTraceId => Type::Id(32),
            Intrinsic::SpanId | Intrinsic::ParentId | Intrinsic::LinkSpanId => Type::Id(16),
            _ => Type::Text,
        }
    }

    /// Whether only the whole trace says it.
    pub(super) fn needs_trace(&self) -> bool {
        use Intrinsic::{ChildCount, RootName, RootService, TraceDuration};
        matches!(self, Self::Intrinsic(TraceDuration | RootName | RootService | ChildCount))
    }

    /// Whether answers say it beside what they say of each span and trace anyway.
    pub(super) fn is_told(&self) -> bool {
        use Intrinsic::{Duration, Name, NestedSetParent, RootName, RootService, SpanId, TraceDuration, TraceId};
        !matches!(self, Self::Intrinsic(Name | Duration | TraceDuration | RootService | RootName | TraceId | SpanId | NestedSetParent))
    }

    /// Whether a span may have several values of it.
    pub(super) fn is_plural(&self) -> bool {
        match self {
            Self::Attribute(scope, _) => matches!(scope, Scope::Event | Scope::Link),
            Self::Intrinsic(intrinsic) => {
                matches!(intrinsic, Intrinsic::EventName | Intrinsic::EventTime | Intrinsic::LinkTraceId | Intrinsic::LinkSpanId)
            }
        }
    }

    /// The first value that a span has of it.
    pub(super) fn value<'a>(&self, span: &'a FullSpan, trace: Option<(&'a TraceView, usize)>) -> Option<Value<'a>> {
        match self {
            Self::Attribute(Scope::Either, name) => attribute(&span.span.attributes, name).or_else(|| of_resource(span, name)),
            Self::Attribute(Scope::Span, name) => attribute(&span.span.attributes, name),
            Self::Attribute(Scope::Resource, name) => of_resource(span, name),
            Self::Attribute(Scope::Event, name) => span.span.events.iter().find_map(|event| attribute(&event.attributes, name)),
            Self::Attribute(Scope::Link, name) => span.span.links.iter().find_map(|link| attribute(&link.attributes, name)),
            Self::Intrinsic(intrinsic) => intrinsic.value(span, trace),
        }
    }

    /// All values that a span has of a field that may have several.
    pub(super) fn values<'a>(&self, span: &'a FullSpan) -> Vec<Value<'a>> {
        let (events, links) = (&span.span.events, &span.span.links);
        match self {
            Self::Attribute(Scope::Event, name) => events.iter().filter_map(|event| attribute(&event.attributes, name)).collect(),
            Self::Attribute(Scope::Link, name) => links.iter().filter_map(|link| attribute(&link.attributes, name)).collect(),
            Self::Intrinsic(Intrinsic::EventName) => events.iter().map(|event| Value::Text(Cow::Borrowed(&event.name))).collect(),
            Self::Intrinsic(Intrinsic::EventTime) => {
                events.iter().map(|event| Value::Nanos(event.time.saturating_sub(span.span.start))).collect()
            }
            Self::Intrinsic(Intrinsic::LinkTraceId) => links.iter().filter_map(|link| id(&link.trace)).collect(),
            Self::Intrinsic(Intrinsic::LinkSpanId) => links.iter().filter_map(|link| id(&link.span)).collect(),
            _ => self.value(span, None).into_iter().collect(),
        }
    }
}

impl Intrinsic {
    fn value<'a>(self, of: &'a FullSpan, trace: Option<(&'a TraceView, usize)>) -> Option<Value<'a>> {
        let text = |text: &'a str| Some(Value::Text(Cow::Borrowed(text)));
        let span = &of.span;
        match self {
            Self::Name => text(&span.name),
            Self::Status => Some(Value::Status(span.status)),
            Self::StatusMessage => text(&span.message),
            Self::Kind => Some(Value::Kind(span.kind)),
            Self::Duration => Some(Value::Nanos(span.nanos())),
            Self::TraceId => id(&span.trace),
            Self::SpanId => id(&span.span),
            Self::ParentId => id(&span.parent),
            Self::NestedSetParent => Some(Value::Count(if span.is_root() { -1 } else { 1 })),
            Self::EventName => span.events.first().and_then(|event| text(&event.name)),
            Self::EventTime => span.events.first().map(|event| Value::Nanos(event.time.saturating_sub(span.start))),
            Self::LinkTraceId => span.links.first().and_then(|link| id(&link.trace)),
            Self::LinkSpanId => span.links.first().and_then(|link| id(&link.span)),
            Self::ScopeName => text(&of.scope.0).filter(|_| !of.scope.0.is_empty()),
            Self::ScopeVersion => text(&of.scope.1).filter(|_| !of.scope.1.is_empty()),
            Self::TraceDuration => trace.map(|(trace, _)| Value::Nanos(trace.nanos())),
            Self::RootName => trace.and_then(|(trace, _)| trace.root()).and_then(|root| text(&root.span.name)),
            Self::RootService => trace.and_then(|(trace, _)| trace.root()).and_then(|root| text(&root.service)),
            Self::ChildCount => trace.map(|(trace, at)| Value::Count(trace.children(at))),
        }
    }
}
