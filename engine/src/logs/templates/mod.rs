//! Error lines grouped by template: each kind of line once, with its count and the time of its first line.
//!
//! ```text
//! lines of a request ─ Notes::of (level warn and worse, cut) ─► Miner::observe ─► Template (text with <*> where lines differ)
//!                                                               Miner::tick    ─► News: a new template, a burst
//! ```
//!
//! A streaming miner after Drain (He et al., 2017): numbers, ids, paths and the like are masked first ([`text`]), then lines of the same service,
//! level, number of words and first word are compared word by word, and words that differ become wildcards. All is bounded: the templates
//! of a service, those of all services, what is kept of each. Pure: an actor passes notes in and keeps the documents.

mod burst;
mod kept;
mod miner;
mod note;
mod telling;
mod template;
#[cfg(test)]
mod tests;
pub mod text;

pub use self::burst::{FALSE_ALARM, Past, is_burst};
pub use self::miner::{Found, Miner, News, NewsKind};
pub use self::note::{Activity, Counted, Note, Notes, service_of};
pub use self::template::{Example, Template};

/// The kind of the documents that keep templates and services.
pub const DOCUMENTS: &str = "log_templates";
/// Templates of a service at the most.
pub const MAX_OF_SERVICE: usize = 2_000;
/// Templates of all services at the most.
pub const MAX_TEMPLATES: usize = 10_000;
/// Services at the most.
pub const MAX_SERVICES: usize = 500;
/// Minutes of which the lines of a template are counted.
pub const MINUTES: i64 = 6 * 60;
/// Events of a kind within an hour at the most.
pub const MAX_EVENTS: usize = 20;
/// How long a service must be known until a new template is news.
pub const LEARNING_MS: i64 = 3_600_000;
