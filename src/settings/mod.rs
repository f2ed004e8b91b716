//! Settings: typed, documented, validated. Defaults < `Settings.toml` < `TASKPULSE__SECTION__KEY` < flags.
//!
//! A setting is declared once, in [`sections`]; the structs, the defaults and the text of `Settings.toml` follow from it.

pub mod actions;
pub mod ask;
pub mod changes;
pub mod github;
pub mod heartbeats;
mod inhibit;
mod load;
pub mod money;
pub mod notify;
mod place;
pub mod probes;
mod secret;
mod sections;
pub mod sources;

pub use self::load::{Loaded, load};
pub use self::sections::Settings;
