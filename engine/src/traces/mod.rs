//! Spans: what they are, how they come in, how they are asked for. `span_store` keeps them.
//!
//! * [`span`]: a span, and the spans of a request.
//! * [`span_metrics`]: series of calls, errors and durations, counted as spans come in.
//! * [`export`]: spans as OTLP JSON lines.
//! * [`figures`]: requests, errors and durations of services, and who calls whom.
//! * [`messages`]: a trace as OpenTelemetry's messages again.
//! * [`otlp`]: `ExportTraceServiceRequest` of OpenTelemetry, protobuf or JSON, to spans.
//! * [`traceql`]: the query language over traces.

pub mod export;
pub mod figures;
pub mod messages;
pub mod otlp;
pub mod span;
pub mod span_metrics;
pub mod traceql;

pub use self::span::{Event, FullSpan, Kind, Link, Span, Spans, Status};
