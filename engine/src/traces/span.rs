//! A span, and the spans of a request.

use std::sync::Arc;

use crate::logs::record::TimeNs;

/// Names and values, sorted by name, each name once. Names are as they came (`http.route`).
pub type Attributes = Vec<(String, String)>;

/// What part of a call a span is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Kind {
    /// It does not say.
    #[default]
    Unspecified,
    /// Within a program.
    Internal,
    /// A request that is answered.
    Server,
    /// A request to another.
    Client,
    /// A message that is sent.
    Producer,
    /// A message that is worked on.
    Consumer,
}

impl Kind {
    /// By OpenTelemetry's number; unknown ones are unspecified.
    #[must_use]
    pub const fn of(number: i32) -> Self {
        match number {
            1 => Self::Internal,
            2 => Self::Server,
            3 => Self::Client,
            4 => Self::Producer,
            5 => Self::Consumer,
            _ => Self::Unspecified,
        }
    }

    /// OpenTelemetry's number.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Unspecified => 0,
            Self::Internal => 1,
            Self::Server => 2,
            Self::Client => 3,
            Self::Producer => 4,
            Self::Consumer => 5,
        }
    }

    /// The word for it: `server`, `client` …
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::Internal => "internal",
            Self::Server => "server",
            Self::Client => "client",
            Self::Producer => "producer",
            Self::Consumer => "consumer",
        }
    }
}

/// How a span ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Status {
    /// It does not say.
    #[default]
    Unset,
    /// Well, by its author.
    Ok,
    /// With an error.
    Error,
}

impl Status {
    /// By OpenTelemetry's number; unknown ones are unset.
    #[must_use]
    pub const fn of(number: i32) -> Self {
        match number {
            1 => Self::Ok,
            2 => Self::Error,
            _ => Self::Unset,
        }
    }

    /// OpenTelemetry's number.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Unset => 0,
            Self::Ok => 1,
            Self::Error => 2,
        }
    }

    /// The word for it: `unset`, `ok` or `error`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unset => "unset",
            Self::Ok => "ok",
            Self::Error => "error",
        }
    }
}

/// Something that happened within a span.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Event {
    /// When.
    pub time: TimeNs,
    /// What.
    pub name: String,
    /// What else is known of it.
    pub attributes: Attributes,
}

/// Another span that this one has to do with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Link {
    /// The trace of the other.
    pub trace: [u8; 16],
    /// The other.
    pub span: [u8; 8],
    /// What is known of it.
    pub attributes: Attributes,
}

/// A span as it came.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Span {
    /// The trace that it belongs to; never zeros.
    pub trace: [u8; 16],
    /// Its id within the trace; never zeros.
    pub span: [u8; 8],
    /// The span that it is part of; zeros for none.
    pub parent: [u8; 8],
    /// What is done.
    pub name: String,
    /// What part of a call it is.
    pub kind: Kind,
    /// When it began.
    pub start: TimeNs,
    /// When it ended. As it came: a clock that was set back can put it before the start.
    pub end: TimeNs,
    /// How it ended.
    pub status: Status,
    /// What is said of that.
    pub message: String,
    /// What else is known of it.
    pub attributes: Attributes,
    /// What happened within it, in the order of the request.
    pub events: Vec<Event>,
    /// Other spans that it has to do with.
    pub links: Vec<Link>,
    /// Attributes, events and links that the sender or the bounds dropped.
    pub dropped: u64,
}

impl Span {
    /// From its start to its end, in nanoseconds; nothing where a clock was set back between.
    #[must_use]
    pub fn nanos(&self) -> i64 {
        self.end.saturating_sub(self.start).max(0)
    }

    /// Whether it is part of no other.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.parent == [0; 8]
    }
}

/// Spans of one scope of one resource.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Spans {
    /// The service: `service.name`, or `unknown_service`.
    pub service: String,
    /// What is known of the resource.
    pub resource: Attributes,
    /// Name and version of the library that made them; empty where it is not known.
    pub scope: (String, String),
    /// In the order of the request.
    pub spans: Vec<Span>,
}

/// A span with all that is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FullSpan {
    /// The service.
    pub service: Arc<str>,
    /// What is known of the resource.
    pub resource: Arc<Attributes>,
    /// Name and version of the library that made it.
    pub scope: Arc<(String, String)>,
    /// The span.
    pub span: Span,
}

impl Spans {
    /// Each span with what it shares with the others.
    pub fn full(self) -> impl Iterator<Item = FullSpan> {
        let (service, resource, scope) = (Arc::from(self.service), Arc::new(self.resource), Arc::new(self.scope));
        self.spans.into_iter().map(move |span| FullSpan {
            service: Arc::clone(&service),
            resource: Arc::clone(&resource),
            scope: Arc::clone(&scope),
            span,
        })
    }
}
