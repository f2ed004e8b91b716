//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// Watches an AI-driven project as a whole: the machine, the Task Master board, CI and the application.
#[derive(Debug, Parser)]
#[command(name = "taskpulse", version)]
pub struct Cli {
    /// Port to listen on [default: 8090, see server.port]
    #[arg(long, value_name = "PORT", global = true)]
    pub port: Option<u16>,

    /// Settings file [default: Settings.toml in the working directory, where there is one]
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,

    /// Where history is kept [default: .taskmaster/taskpulse where there is a .taskmaster, else ./taskpulse-data]
    #[arg(long, value_name = "DIR", global = true)]
    pub data_dir: Option<PathBuf>,

    /// Leave out anomaly detectors, forecasts and the optimizer
    #[arg(long)]
    pub no_advanced: bool,

    /// Do not open a browser
    #[arg(long)]
    pub no_browser: bool,

    /// Ask a running service whether it is well: exit code 0 or 1, the reasons printed
    #[arg(long, conflicts_with = "status")]
    pub health_check: bool,

    /// Print the state of a running service
    #[arg(long)]
    pub status: bool,

    /// With --status: as JSON
    #[arg(long, requires = "status")]
    pub json: bool,

    /// Print all settings with their defaults and end
    #[arg(long)]
    pub print_settings: bool,

    /// Something other than running the service
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What can be done instead of running the service.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write history of a running service to a file
    Export {
        /// A selector, with or without a comparison: `system_*`, `up{job="a"}`, `system_cpu_utilization_ratio > 0.9`; repeatable
        #[arg(long = "match", value_name = "SELECTOR", required = true)]
        matchers: Vec<String>,

        /// From when, Unix seconds or RFC 3339 [default: the beginning]
        #[arg(long)]
        start: Option<String>,

        /// To when [default: now]
        #[arg(long)]
        end: Option<String>,

        /// jsonl or csv
        #[arg(long, default_value = "jsonl")]
        format: String,

        /// The file [default: standard output]
        #[arg(long, short)]
        output: Option<PathBuf>,
    },

    /// Bring history into a running service
    Import {
        /// The file, or - for standard input
        file: PathBuf,

        /// jsonl, csv, openmetrics or prometheus (with times) [default: by the file's name]
        #[arg(long)]
        format: Option<String>,
    },

    /// Examine the data directory of a service that is stopped: exit code 0 sound, 1 damaged, 2 it cannot be examined
    Check {
        /// Do what a start of the service would do about it: rebuild what can be rebuilt, set aside what cannot be read
        #[arg(long)]
        repair: bool,

        /// Print the report as JSON
        #[arg(long)]
        json: bool,
    },

    /// Make a data directory from a snapshot (`POST /api/v1/admin/snapshot` makes one)
    Restore {
        /// The snapshot's folder
        #[arg(value_name = "SNAPSHOT")]
        snapshot: PathBuf,

        /// Move a data directory that exists out of the way; it is kept beside the new one
        #[arg(long)]
        replace: bool,
    },
}
