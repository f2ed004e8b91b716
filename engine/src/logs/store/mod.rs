//! The store of log lines: durable, compressed, found again by stream, time and text. A part of the data directory.
//!
//! ```text
//! DATA_DIR/logs/                     made with the first line
//! DATA_DIR/logs/journal/             requests as they came, until their lines are in files (`journal`)
//! DATA_DIR/logs/sealed               the last journal record whose lines are all in files
//! DATA_DIR/logs/days/2026-11-27/     files of blocks: what seals wrote, later merged (`file`, `block`)
//! ```
//!
//! A request is bounded (`accept`), written to the journal and added to the head (`head`, memory). It is acknowledged once the journal
//! is durable; all requests that wait share one flush. Every half hour, or at 32 MiB, the head is sealed: each of its days becomes a
//! file (`seal`). Small files of a day are merged (`compact`). A read (`read`) sees the head, what is being sealed, and the files, each
//! line once.
//!
//! A day is the day of the line, not of its arrival, so lines of any age within the retention are taken, in any order, from the future
//! as well. Retention removes whole days.
//!
//! The same code keeps spans in `DATA_DIR/traces/` (`kind`, `spans`): other columns in a block, and a table of traces behind the blocks.
//!
//! What is different from the store of samples, and why:
//!
//! * Streams have no ids that last: a file has its own list, a record of the journal names them in full. Lines are long beside labels,
//!   and nothing that one file says depends on another one.
//! * A day has no manifest. A file says what it was made of, which is all that a crash needs; that a file was taken away by hand is not
//!   noticed.
//! * Lines that are there already are noticed while the first ones are in the head: clients send again within seconds. Later ones are
//!   kept twice.

mod accept;
mod ahead;
mod block;
mod cache;
mod compact;
mod days;
mod directory;
mod file;
mod filter;
#[cfg(test)]
pub(crate) mod fuzz;
mod head;
mod journal;
mod keep;
mod kind;
mod options;
mod picks;
mod read;
mod recent;
pub(crate) mod rows;
mod seal;
mod search;
pub(crate) mod shared;
pub(crate) mod spans;
mod state;
mod status;
mod tally;
mod write;

pub use self::accept::{Appended, OVERFLOW};
pub(crate) use self::file::BLOCKS;
pub(crate) use self::kind::Kind;
pub use self::options::LogOptions;
pub use self::read::LogReader;
pub(crate) use self::state::LogStore;
pub use self::status::{LogCounters, LogStatus};

#[cfg(test)]
mod tests;
