//! Carrying a step out: the command's environment, its run, and the report of it.

use std::time::Duration;

use taskpulse_engine::action::{Exit, Report, Run, Step};
use taskpulse_engine::model::TimestampMs;

use super::Commands;
use crate::collectors::program::{self, End, Input};
use crate::redact;

/// The variable that names the run: what a killed service left running is found by it.
pub(super) const MARK: &str = "TASKPULSE_ACTION_RUN";
/// Bytes of each output that are kept, and lines of both together.
const MAX_TAIL: usize = 4 << 10;
const MAX_LINES: usize = 20;
/// Longest line, in characters.
const MAX_LINE: usize = 300;
/// Longest variable, in bytes: the kernel takes 128 KiB.
const MAX_VARIABLE: usize = 96 << 10;

/// What a step needs, on its own: the actor does other things meanwhile.
pub(super) struct Order {
    command: Vec<String>,
    passed: Vec<String>,
    environment: Vec<(String, String)>,
    timeout: Duration,
    step: Step,
    started: TimestampMs,
}

impl Order {
    pub(super) fn new(commands: &Commands, run: &Run, step: Step, started: TimestampMs) -> Self {
        let command = match step {
            Step::DryRun => &commands.dry_run,
            Step::Run => &commands.command,
            Step::Undo => &commands.undo,
        };
        Self {
            command: command.clone(),
            passed: commands.pass_environment.clone(),
            environment: environment(run, step),
            timeout: commands.timeout,
            step,
            started,
        }
    }

    /// Runs the command to its end. `now` is asked when that has come.
    pub(super) async fn carry_out(self, now: impl FnOnce() -> TimestampMs) -> Report {
        let input = Input { passed: &self.passed, environment: &self.environment };
        let ended = program::run_for_tail(&self.command, input, self.timeout, MAX_TAIL).await;
        let exit = match ended.end {
            Ok(End::Code(code)) => Exit { code: Some(code), text: format!("code {code}") },
            Ok(end @ End::Signal) => Exit { code: None, text: end.to_string() },
            Err(error) => Exit { code: None, text: format!("no code: {error}") },
        };
        let secrets: Vec<String> = self.passed.iter().filter_map(|name| std::env::var(name).ok()).collect();
        let output = last_lines(&redact::output(&ended.tail, &secrets));
        Report { step: self.step, started: self.started, ended: now(), exit, output }
    }
}

fn environment(run: &Run, step: Step) -> Vec<(String, String)> {
    let advice = &run.advice;
    let fields = [
        (MARK, run.id.as_str()),
        ("TASKPULSE_ACTION_STEP", step.name()),
        ("TASKPULSE_ACTION_REASON", &run.reason),
        ("TASKPULSE_ADVISOR", &run.advisor),
        ("TASKPULSE_RECOMMENDATION_ID", &advice.id),
        ("TASKPULSE_RECOMMENDATION_KIND", &advice.kind),
        ("TASKPULSE_RECOMMENDATION_TITLE", &advice.title),
        ("TASKPULSE_RECOMMENDATION_WHY", &advice.why),
        ("TASKPULSE_RECOMMENDATION_ACTION", &advice.action),
        ("TASKPULSE_RECOMMENDATION_SEVERITY", &advice.severity),
        ("TASKPULSE_RECOMMENDATION_QUERY", &advice.query),
    ];
    // A NUL would end a variable. One that is too long is left out: half of it is none.
    let plain = fields.into_iter().filter(|(_, value)| value.len() <= MAX_VARIABLE);
    plain.map(|(name, value)| (name.to_owned(), value.replace('\0', "\u{fffd}"))).collect()
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    let last = lines.iter().skip(lines.len().saturating_sub(MAX_LINES));
    last.map(|line| line.chars().filter(|c| !c.is_control()).take(MAX_LINE).collect::<String>()).collect::<Vec<_>>().join("\n")
}
