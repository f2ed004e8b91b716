//! The decisions of Taskpulse: what a sample is, how it is kept, windowed, judged and turned into advice.
//!
//! Knows no actor, no HTTP and no clock: the time is always an argument (milliseconds, UTC), so every rule of the
//! product can be tested here. The store is the only part that touches files.

pub mod action;
pub mod advice;
pub mod agent;
pub mod anomaly;
pub mod ask;
pub mod board;
pub mod certificate;
pub mod cgroup;
pub mod ci;
pub mod codec;
pub mod confidence;
pub mod effect;
pub mod event;
pub mod exemplar;
pub mod experiment;
pub mod explain;
pub mod exposition;
pub mod forecast;
#[cfg(test)]
mod fuzz;
pub mod health;
pub mod heartbeat;
pub mod logs;
pub mod machine;
pub mod metrics;
pub mod model;
pub mod money;
pub mod notices;
pub mod otlp;
pub mod privacy;
pub mod probe;
pub mod promql;
pub mod re2;
pub mod relabel;
pub mod remote_write;
pub mod rules;
pub mod span;
pub mod span_store;
pub mod store;
pub mod template;
pub mod traces;
pub mod windows;
mod wire;
pub mod words;
pub mod yaml;
