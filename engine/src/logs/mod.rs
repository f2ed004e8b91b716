//! Log lines: what they are, how they come in, how they are kept, how they are asked for.
//!
//! A line belongs to a stream, a set of labels of few values (the service, the file, the level of a job). Everything else that is known
//! of it (attributes, trace, severity) stays with the line. Times are nanoseconds, as senders give them.
//!
//! * [`record`]: a line, the lines of a request, and what a reader gets.
//! * [`push`]: the requests of clients (Loki, OTLP) to lines.
//! * `otlp_lines`: lines as OTLP JSON, for export and import.
//! * [`store`]: lines in the data directory, durable, in blocks of a stream and a day.
//! * [`templates`]: error lines grouped by template.
//! * `logql`: the query language: pipelines over lines, metrics over them.

pub mod logql;
pub(crate) mod otlp_lines;
pub mod push;
pub mod record;
mod shown;
pub mod store;
pub mod templates;
pub(crate) mod units;

pub use self::record::{Direction, Entry, Filter, Lines, Order, Parts, Record, Severity, Source, SourceError, StreamLines, Tally};
pub use self::shown::shown;
