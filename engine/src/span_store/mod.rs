//! Spans in the data directory: `DATA_DIR/traces/`, made with the first one.
//!
//! A second store of the code that keeps log lines (`crate::logs::store`): journal, head, files of a day, seals, merges, retention,
//! snapshot and check are the same. What is a span's own is here:
//!
//! * `row`: a span as a row of the store; the stream is its service, the time is its start.
//! * `columns`, `column`: the columns of a block.
//! * `table`: which blocks of a file have spans of a trace.
//! * `reader`: the spans of a trace, the spans of a stretch of time.
//!
//! A span is known by its trace, its id, its service and its start: sent again it is kept once. A client and a server that share an id
//! (Zipkin) are two spans.

mod column;
pub(crate) mod columns;
mod reader;
mod row;
pub(crate) mod table;

pub(crate) use self::columns::{push_shared, take_shared};
pub use self::reader::{MAX_SPANS, Trace, TraceReader};
pub(crate) use self::row::{IDS, push_body, push_common, push_ids, severity_of};

#[cfg(test)]
mod tests;
