//! Requests of clients to lines.
//!
//! Pure: bytes that are already inflated, the settings and the time of arrival in, lines and what could not be kept out. One request
//! that cannot be read is refused as a whole; a stream or a line that cannot be kept is refused alone and named.
//!
//! * [`otlp`]: `ExportLogsServiceRequest` of OpenTelemetry, protobuf or JSON.
//! * [`loki`]: `PushRequest` of Loki, protobuf or JSON.
//!
//! Labels of a stream have few values (a service, a host). Everything else is an attribute of the line, with `_` in the place of
//! what no label's name may have. Every attribute passes [`Collector`](collect::Collector), which bounds them: the place for what
//! must not be kept.

mod collect;
mod labels;
mod level;
pub mod loki;
pub mod otlp;
#[cfg(test)]
pub(crate) mod tests;

pub use self::collect::Taken;

/// A request that cannot be read; nothing of it may be kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// It is malformed.
    #[error("not a {what}: {why}")]
    Malformed {
        /// What it should be.
        what: &'static str,
        /// Why it is not.
        why: String,
    },
    /// Its lines take too much memory, or it has too many parts.
    #[error("the request has too many lines or attributes; send smaller batches")]
    TooLarge,
}
