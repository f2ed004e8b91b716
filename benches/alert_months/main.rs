//! How often the shipped rules fire in generated months in which nothing is wrong, and how soon they fire when something is.
//!
//! `cargo bench --bench alert_months -- [machines] [shares] [weeks] [--count N] [--seed N]`. `machines`: months of CPU, load, pressure, memory and health of
//! machines that build, under both profiles, with the notices that a channel with the default settings would have sent. `shares`: months
//! of CI and boards whose true shares are known. `weeks`: weeks of a build machine, replayed from recorded builds, with real troubles in them.

#![allow(clippy::unwrap_used, reason = "a measurement that cannot go on ends")]

#[path = "../arguments/mod.rs"]
mod arguments;
mod machines;
mod notices;
mod samples;
mod shares;
mod week;

use arguments::Arguments;

/// What of the command line concerns a measurement.
pub struct Options {
    /// Workflows and boards of each kind.
    pub count: usize,
    /// Of the generators.
    pub seed: u64,
}

fn main() {
    let given = Arguments::read();
    let options = Options { count: usize::try_from(given.number("--count", 200)).unwrap(), seed: given.number("--seed", 0) };
    let all = !["machines", "shares", "weeks"].iter().any(|word| given.asked(word));
    if all || given.asked("machines") {
        machines::months(&options);
    }
    if all || given.asked("shares") {
        shares::months(&options);
    }
    if all || given.asked("weeks") {
        week::weeks(&options);
    }
}
