//! Spans: what they are, and how they come in. They are not kept yet, so no door takes them.
//!
//! * [`span`]: a span, and the spans of a request.
//! * [`figures`]: requests, errors and durations of services, and who calls whom.
//! * [`otlp`]: `ExportTraceServiceRequest` of OpenTelemetry, protobuf or JSON, to spans.

pub mod figures;
pub mod otlp;
pub mod span;

pub use self::span::{Event, FullSpan, Kind, Link, Span, Spans, Status};
