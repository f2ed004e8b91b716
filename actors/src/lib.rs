//! The actors: each a thin shell around the engine, supervised, with a bounded mailbox.
//!
//! Know messages and the engine, never HTTP. Who talks to whom is decided where they are started.

pub mod actions;
pub mod agents;
pub mod alert;
pub mod ask;
pub mod batcher;
pub mod clock;
pub mod collectors;
mod crew;
pub mod experiments;
mod explain;
pub mod files;
pub mod forecasts;
pub mod hub;
pub mod log_followers;
pub mod log_templates;
pub mod logs;
pub mod messages;
pub mod metadata;
pub mod notify;
pub mod optimizer;
pub mod pipeline_stats;
pub mod published;
pub mod records;
pub mod redact;
mod repositories;
pub mod rule_states;
mod series_cache;
pub mod sources;
pub mod standstill;
pub mod status;
pub mod store;
pub mod supervisor;
pub mod targets;
#[cfg(test)]
mod testing;
pub mod traces;
pub mod view;
pub mod window;
