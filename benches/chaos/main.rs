//! Faults of every kind, seeded and bounded in time, and what they cost of what was acknowledged.
//!
//! ```sh
//! cargo bench --bench chaos                              # all of it at full length, about an hour
//! cargo bench --bench chaos -- --only kills --rounds 1000
//! cargo bench --bench chaos -- --seed 7                  # other moments, other bytes
//! cargo test --bench chaos -- --short                    # a part of it in under three minutes; ./test.sh runs this
//! ```
//!
//! Each kind of trouble keeps a truth of its own: what was acknowledged, sample by sample. Afterwards the service is asked for
//! everything, and what it gives is compared with that truth bit for bit. A figure that breaks a promise makes the exit code 1.
//! Filling a disk needs the right to mount a small file system; leaping clocks need Debian's package `faketime`. Where one is
//! missing the row says so, and with `CI` set that is a failure too.

#[path = "../client/mod.rs"]
mod client;
mod clock;
mod damage;
mod disk;
mod hostile;
mod kills;
#[path = "../process/mod.rs"]
mod process;
mod service;
mod truth;

use std::error::Error;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// How much of it, and with which seed.
#[derive(Clone, Copy)]
pub struct Plan {
    pub seed: u64,
    /// Rounds of one kind of trouble; none for its own number.
    pub rounds: Option<usize>,
    pub short: bool,
}

impl Plan {
    /// Rounds of a kind of trouble that has so many in a full and in a short run.
    pub fn rounds(&self, full: usize, short: usize) -> usize {
        self.rounds.unwrap_or(if self.short { short } else { full })
    }
}

/// What came of it: figures to read, and the promises that were broken.
#[derive(Default)]
pub struct Report {
    rows: Vec<(String, String)>,
    broken: Vec<String>,
}

impl Report {
    pub fn put(&mut self, name: &str, value: impl Into<String>) {
        let value = value.into();
        println!("  {name}: {value}");
        self.rows.push((name.to_owned(), value));
    }

    pub fn broken(&mut self, what: impl Into<String>) {
        let what = what.into();
        println!("  BROKEN: {what}");
        // Enough to see the kind.
        if self.broken.len() < 100 {
            self.broken.push(what);
        }
    }

    /// A part that cannot run here: a failure where all have to.
    pub fn skipped(&mut self, name: &str, why: &str) {
        self.put(name, format!("not run: {why}"));
        if std::env::var_os("CI").is_some() {
            self.broken(format!("{name} has to run in CI: {why}"));
        }
    }
}

type Trouble = (&'static str, fn(&Plan, &mut Report) -> Outcome<()>);

const TROUBLES: [Trouble; 5] =
    [("kills", kills::run), ("damage", damage::run), ("disk", disk::run), ("clock", clock::run), ("hostile", hostile::run)];

fn main() -> Outcome<()> {
    let args: Vec<String> = std::env::args().collect();
    let text = |key: &str| args.iter().position(|a| a == key).and_then(|at| args.get(at + 1)).cloned();
    let plan = Plan {
        seed: text("--seed").and_then(|t| t.parse().ok()).unwrap_or(1),
        rounds: text("--rounds").and_then(|t| t.parse().ok()),
        short: args.iter().any(|a| a == "--short"),
    };
    // `cargo test --all-targets` starts every benchmark once: without being asked for, nothing is run.
    if !plan.short && !args.iter().any(|a| a == "--bench") {
        println!("chaos: give --short, or start it with `cargo bench --bench chaos`");
        return Ok(());
    }
    let only = text("--only");
    let mut report = Report::default();
    for (name, run) in TROUBLES {
        if only.as_ref().is_some_and(|names| !names.split(',').any(|wanted| wanted == name)) {
            continue;
        }
        println!("== {name}");
        if let Err(error) = run(&plan, &mut report) {
            report.broken(format!("{name} could not go on: {error}"));
        }
    }
    println!("\n| | |\n|---|---|");
    for (name, value) in &report.rows {
        println!("| {name} | {value} |");
    }
    if !report.broken.is_empty() {
        println!("\n{} promises broken:", report.broken.len());
        report.broken.iter().for_each(|what| println!("- {what}"));
        std::process::exit(1);
    }
    Ok(())
}
