//! The actors: each a thin shell around the engine, supervised, with a bounded mailbox.
//!
//! Know messages and the engine, never HTTP. Who talks to whom is decided where they are started.

pub mod alert;
pub mod batcher;
mod busiest;
pub mod clock;
pub mod collectors;
mod crew;
pub mod files;
pub mod hub;
pub mod messages;
pub mod notifier;
pub mod optimizer;
pub mod redact;
pub mod shared;
pub mod standstill;
pub mod status;
pub mod store;
pub mod supervisor;
#[cfg(test)]
mod testing;
pub mod view;
pub mod window;
pub mod wire;
