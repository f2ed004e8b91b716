//! Taskpulse: watches an AI-driven project as a whole. This crate connects the others: the command line, the settings, and which
//! actor sends to which.

mod browser;
mod check;
mod cli;
mod client;
mod collectors;
mod connect;
mod console;
mod descriptors;
mod detect;
mod forecast;
mod git;
mod hook;
mod memory;
mod options;
mod pipeline;
mod restore;
mod rows;
mod rule_files;
mod service;
mod settings;
mod statusline;
mod systemd;
mod transfer;

use std::process::ExitCode;

/// Exit code for a start that was refused: settings, port, data directory.
const EXIT_REFUSED: u8 = 2;
/// Exit code where damage was found in a snapshot or a data directory, a fault in a rule file, or a test of rules fails.
const EXIT_DAMAGED: u8 = 1;

fn main() -> ExitCode {
    // Files are readable by this user alone: the data directory, its copies, the file of alerts.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let cli = cli::parse();
    // What an agent runs reads settings by itself: wrong ones must not stop the agent.
    let cli = match for_agents(cli) {
        Ok(code) => return code,
        Err(cli) => *cli,
    };
    if cli.print_settings {
        return match console::print(&settings::Settings::documented()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => refused(&error.into()),
        };
    }
    let loaded = match &cli.command {
        Some(command) if command.works_alone() => Ok(settings::Loaded { settings: settings::Settings::default(), warnings: Vec::new() }),
        _ => settings::load(&cli),
    };
    let settings::Loaded { settings, warnings } = match loaded {
        Ok(loaded) => loaded,
        Err(error) => return refused(&error),
    };
    if cli.health_check || cli.status {
        return client::ask(&cli, &settings);
    }
    start_log(&settings);
    if let Some(command) = &cli.command {
        return match run_command(command, &settings) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::from(EXIT_DAMAGED),
            Err(error) => refused(&error),
        };
    }
    warnings.iter().for_each(|warning| log::warn!("{warning}"));
    memory::prepare();
    taskpulse_actors::supervisor::install_panic_hook();
    match actix_rt::System::new().block_on(service::run(settings, &cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => refused(&error),
    }
}

/// Runs a command that belongs to an agent; gives the command line back where there is none.
fn for_agents(mut cli: cli::Cli) -> Result<ExitCode, Box<cli::Cli>> {
    match cli.command.take() {
        Some(cli::Command::Hook { agent, url, verbose }) => hook::run(cli, agent, url, verbose),
        Some(cli::Command::Statusline { url }) => statusline::run(cli, url),
        command => return Err(Box::new(cli::Cli { command, ..cli })),
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns false where damage or a fault was found, which is printed.
fn run_command(command: &cli::Command, settings: &settings::Settings) -> anyhow::Result<bool> {
    match command {
        cli::Command::Check { repair, json } => check::check(settings, *repair, *json),
        cli::Command::Detect { explain, zscore } => {
            let detector = zscore
                .map_or(detect::Detector::Ensemble { explain: *explain }, |window| detect::Detector::ZScore { window: window as usize });
            detect::run(&detector).map(|()| true)
        }
        cli::Command::Forecast { horizon, level } => forecast::run(*horizon as usize, *level).map(|()| true),
        cli::Command::CheckRules { files } => rule_files::check(files),
        cli::Command::TestRules { files } => rule_files::test(files),
        cli::Command::Connect { agent, write, undo, project, url } => {
            let mode = match (write, undo) {
                (true, _) => connect::Mode::Write,
                (_, true) => connect::Mode::Undo,
                _ => connect::Mode::Print,
            };
            connect::run(settings, *agent, mode, *project, url.as_deref())
        }
        // They have run, see `for_agents`.
        cli::Command::Hook { .. } | cli::Command::Statusline { .. } => Ok(true),
        cli::Command::Restore { snapshot, replace } => restore::restore(snapshot, settings, *replace),
        cli::Command::Export { matchers, start, end, format, output } => {
            let (start, end, output) = (start.as_deref(), end.as_deref(), output.as_deref());
            transfer::export(settings, &transfer::ExportRequest { matchers, start, end, format, output }).map(|()| true)
        }
        cli::Command::Import { file, format } => transfer::import(settings, file, format.as_deref()).map(|()| true),
    }
}

fn refused(error: &anyhow::Error) -> ExitCode {
    console::print_error(&format!("taskpulse: {error:#}\n"));
    ExitCode::from(EXIT_REFUSED)
}

/// To standard error; level from the settings, or by module from `RUST_LOG`.
fn start_log(settings: &settings::Settings) {
    let default = format!("{},actix_server=warn,sled=warn", settings.log.level);
    let mut builder = env_logger::Builder::from_env(env_logger::Env::default().default_filter_or(default));
    builder.format_timestamp_millis().format_target(false).init();
}
