//! How often the shipped rules fire in generated months in which nothing is wrong, and how soon they fire when something is.
//!
//! `cargo bench --bench alert_months -- [machines] [shares] [--count N] [--seed N]`. `machines`: months of CPU, load, pressure, memory and health of
//! machines that build, under both profiles, with the notices that a channel with the default settings would have sent. `shares`: months
//! of CI and boards whose true shares are known.

#![allow(clippy::unwrap_used, reason = "a measurement that cannot go on ends")]

mod machines;
mod notices;
mod samples;
mod shares;

/// What of the command line concerns a measurement.
pub struct Options {
    /// Workflows and boards of each kind.
    pub count: usize,
    /// Of the generators.
    pub seed: u64,
}

fn main() {
    let given: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let after = |name: &str| given.iter().position(|arg| arg == name).and_then(|at| given.get(at + 1));
    let number = |name: &str, default: u64| after(name).map_or(default, |text| text.parse().unwrap());
    let options = Options { count: usize::try_from(number("--count", 200)).unwrap(), seed: number("--seed", 0) };
    let asked = |name: &str| given.iter().any(|arg| arg == name);
    let all = !asked("machines") && !asked("shares");
    if all || asked("machines") {
        machines::months(&options);
    }
    if all || asked("shares") {
        shares::months(&options);
    }
}
