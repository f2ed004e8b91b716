//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::connect::Agent;

/// Watches an AI-driven project as a whole: the machine, the Task Master board, CI and the application.
#[derive(Debug, Parser)]
#[command(name = "taskpulse", version)]
pub struct Cli {
    /// Port to listen on [default: 8090, see server.port]
    #[arg(long, value_name = "PORT", global = true)]
    pub port: Option<u16>,

    /// Settings file [default: Settings.toml in the working directory, if there is one]
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,

    /// Data directory [default: .taskmaster/taskpulse where there is a .taskmaster, else ./taskpulse-data]
    #[arg(long, value_name = "DIR", global = true)]
    pub data_dir: Option<PathBuf>,

    /// Leave out anomaly detectors, forecasts and the optimizer
    #[arg(long)]
    pub no_advanced: bool,

    /// Do not open a browser
    #[arg(long)]
    pub no_browser: bool,

    /// Check the health of a running service: exit code 0 or 1, the reasons printed
    #[arg(long, conflicts_with = "status")]
    pub health_check: bool,

    /// Print the state of a running service
    #[arg(long)]
    pub status: bool,

    /// With --status: as JSON
    #[arg(long, requires = "status")]
    pub json: bool,

    /// Print all settings with their defaults and exit
    #[arg(long)]
    pub print_settings: bool,

    /// Run a command instead of the service
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to do instead of running the service.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Export history of a running service to a file
    Export {
        /// A selector, with or without a comparison: `system_*`, `up{job="a"}`, `system_cpu_utilization_ratio > 0.9`; repeatable
        #[arg(long = "match", value_name = "SELECTOR", required = true)]
        matchers: Vec<String>,

        /// Start of the range, Unix seconds or RFC 3339 [default: the beginning]
        #[arg(long)]
        start: Option<String>,

        /// End of the range [default: now]
        #[arg(long)]
        end: Option<String>,

        /// jsonl or csv
        #[arg(long, default_value = "jsonl")]
        format: String,

        /// File to write [default: standard output]
        #[arg(long, short)]
        output: Option<PathBuf>,
    },

    /// Import history into a running service
    Import {
        /// File to read, or - for standard input
        file: PathBuf,

        /// jsonl, csv, openmetrics or prometheus (with times) [default: by the name of the file]
        #[arg(long)]
        format: Option<String>,
    },

    /// Check the data directory of a stopped service: exit code 0 sound, 1 damaged, 2 it cannot be checked
    Check {
        /// Repair as a start of the service does: rebuild what can be rebuilt, move what cannot be read to quarantine
        #[arg(long)]
        repair: bool,

        /// Print the report as JSON
        #[arg(long)]
        json: bool,
    },

    /// Check Prometheus rule files: exit code 0 valid, 1 not; every fault is printed with file, line and column
    CheckRules {
        /// Rule files
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
    },

    /// Run promtool's unit-test files of rules: exit code 0 all pass, 1 not
    TestRules {
        /// Unit-test files
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
    },

    /// Print an anomaly score in [0, 1] for each row `timestamp,value` of standard input; 0.5 and more is an anomaly
    Detect {
        /// Print beside the score: the expected band, in how many of the blocks of 48 samples before it was as unusual, and what is
        #[arg(long, conflicts_with = "zscore")]
        explain: bool,

        /// Use the distance from the mean of the last WINDOW samples instead; 0.5 at three standard deviations
        #[arg(long, value_name = "WINDOW", value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
        zscore: Option<u32>,
    },

    /// Forecast the next values of the rows `timestamp,value` on standard input; prints `timestamp,low,mean,high`
    Forecast {
        /// How many steps; a step is the median time between rows
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
        horizon: u32,

        /// Share of the values that the interval from low to high is to hold
        #[arg(long, value_name = "SHARE", default_value = "0.8", value_parser = share)]
        level: f64,
    },

    /// Pass the hook of a coding agent on to a running service: its JSON on standard input, the answer on standard output; the exit code
    /// is always 0
    Hook {
        /// The agent: claude-code, codex, gemini-cli, opencode or another name
        #[arg(long, value_name = "NAME", default_value = "claude-code")]
        agent: String,

        /// Address of the service [default: by its settings]
        #[arg(long, value_name = "URL")]
        url: Option<String>,

        /// Say on standard error what went wrong
        #[arg(long, short)]
        verbose: bool,
    },

    /// Status line of Claude Code: keeps the JSON on standard input in a running service, and prints one line of it
    Statusline {
        /// Address of the service [default: by its settings]
        #[arg(long, value_name = "URL")]
        url: Option<String>,
    },

    /// Connect a coding agent to a running service: print the settings that it needs, or merge them into its own. Exit code 1 where a
    /// setting of the user is in the way and was left
    Connect {
        /// The agent
        agent: Agent,

        /// Merge the settings into those of the agent; what was there is kept beside
        #[arg(long, conflicts_with = "undo")]
        write: bool,

        /// Take the entries of taskpulse out of the settings of the agent again
        #[arg(long)]
        undo: bool,

        /// The settings of the project in the working directory, not of the user
        #[arg(long)]
        project: bool,

        /// Address of the service [default: by its settings]
        #[arg(long, value_name = "URL")]
        url: Option<String>,
    },

    /// Restore a data directory from a snapshot (`POST /api/v1/admin/snapshot` makes one)
    Restore {
        /// Folder of the snapshot
        #[arg(value_name = "SNAPSHOT")]
        snapshot: PathBuf,

        /// Move an existing data directory out of the way; it is kept beside the new one
        #[arg(long)]
        replace: bool,
    },
}

impl Command {
    /// Whether it reads standard input alone, so that no settings can be wrong.
    #[must_use]
    pub fn works_alone(&self) -> bool {
        matches!(self, Self::CheckRules { .. } | Self::Detect { .. } | Self::Forecast { .. } | Self::TestRules { .. })
    }
}

/// The command line of this process. A wrong one ends the process; not with an error where an agent runs it, which may take exit code 2
/// as a veto.
#[must_use]
pub fn parse() -> Cli {
    Cli::try_parse().unwrap_or_else(|error| {
        if error.use_stderr() && std::env::args_os().any(|word| word == "hook" || word == "statusline") {
            let _ = error.print();
            std::process::exit(0);
        }
        error.exit()
    })
}

/// A share that an interval can hold.
fn share(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|share| (0.01..=0.99).contains(share))
        .ok_or_else(|| "write a number from 0.01 to 0.99, such as 0.8".to_owned())
}
