//! Settings: typed, documented, validated. Defaults < `Settings.toml` < `TASKPULSE__SECTION__KEY` < flags.
//!
//! A setting is declared once, in [`sections`]; the structs, the defaults and the text of `Settings.toml` follow from it.

pub mod actions;
pub mod agents;
pub mod ask;
pub mod changes;
pub mod github;
pub mod heartbeats;
mod inhibit;
mod load;
pub mod mcp;
pub mod money;
pub mod notify;
mod place;
pub mod probes;
mod secret;
mod sections;
pub mod sources;

pub use self::load::{Loaded, load};
pub use self::sections::Settings;

/// The keys that a table may have, by what its reader says of one that it does not know.
#[cfg(test)]
fn keys<T: serde::de::DeserializeOwned>() -> Vec<String> {
    let error = toml::from_str::<T>("no_such_key = 1").err().map(|error| error.to_string()).unwrap_or_default();
    let expected = error.split_once("expected").map_or("", |(_, keys)| keys);
    expected.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}
