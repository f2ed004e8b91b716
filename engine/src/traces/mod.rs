//! Spans: what they are, and how they come in. They are not kept yet, so no door takes them.
//!
//! * [`span`]: a span, and the spans of a request.
//! * [`otlp`]: `ExportTraceServiceRequest` of OpenTelemetry, protobuf or JSON, to spans.

pub mod otlp;
pub mod span;

pub use self::span::{Event, FullSpan, Kind, Link, Span, Spans, Status};
