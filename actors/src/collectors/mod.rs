//! Collectors: each collects from one kind of source. [`poller::Poller`] runs them all.
//!
//! A source that is absent or failing has no samples; [`crate::sources::SourceRegistry`] says why.

pub mod anomaly;
pub mod cgroup;
mod coding;
pub mod collector;
pub mod command;
pub(crate) mod fetch;
pub mod github;
pub mod heartbeat;
pub mod poller;
pub mod probe;
pub(crate) mod program;
pub mod scrape;
pub mod self_metrics;
pub mod system;
pub mod taskmaster;
