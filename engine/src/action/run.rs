//! One run of a binding: what was done, how it stands, and what comes next.

use serde::{Deserialize, Serialize};

use super::{Binding, Guard};
use crate::model::TimestampMs;
use crate::store::DocumentChange;

/// So often an undo is begun anew after the service was killed during it.
const MAX_UNDOS: u32 = 3;

/// The recommendation that a run is for, as it was then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advice {
    /// Its id.
    pub id: String,
    /// What it is about.
    pub kind: String,
    /// One line.
    pub title: String,
    /// What was seen.
    pub why: String,
    /// What to do.
    pub action: String,
    /// How much it matters.
    pub severity: String,
    /// The series to look at.
    pub query: String,
    /// When it was first given.
    pub created: TimestampMs,
}

/// Who asked for a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// A person.
    Person,
    /// The service, as the settings allow.
    Service,
}

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The dry run is going on; nothing was changed.
    Planned,
    /// The command runs.
    Running,
    /// The command has run, and the guard is watched.
    Watching,
    /// The undo command runs.
    Undoing,
    /// The guard held to the end. Final.
    Kept,
    /// It was undone. Final.
    Undone,
    /// The command was not run. Final.
    Refused,
    /// It is neither kept nor undone: a person must see to it.
    Failed,
    /// A person has seen to it. Final.
    Resolved,
}

impl State {
    /// As documents, events and clients have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Running => "running",
            Self::Watching => "watching",
            Self::Undoing => "undoing",
            Self::Kept => "kept",
            Self::Undone => "undone",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Resolved => "resolved",
        }
    }

    /// Whether something of it goes on. Only one run is active at a time.
    #[must_use]
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Planned | Self::Running | Self::Watching | Self::Undoing)
    }
}

/// A command of a binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Says whether the command could run, and changes nothing.
    DryRun,
    /// Carries the advice out.
    Run,
    /// Takes that back.
    Undo,
}

impl Step {
    /// As documents, events and clients have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::DryRun => "dry_run",
            Self::Run => "run",
            Self::Undo => "undo",
        }
    }
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// Its exit code; none where it did not end by itself.
    pub code: Option<i32>,
    /// The same in words, such as why it was ended.
    pub text: String,
}

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Which.
    pub step: Step,
    /// When it began.
    pub started: TimestampMs,
    /// When it ended.
    pub ended: TimestampMs,
    /// How.
    pub exit: Exit,
    /// The last lines that it printed, without secrets.
    pub output: String,
}

impl Report {
    fn is_success(&self) -> bool {
        self.exit.code == Some(0)
    }
}

/// What the guard was.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct GuardValues {
    /// Before the command ran.
    pub baseline: Option<f64>,
    /// When it was last judged.
    pub last: Option<f64>,
    /// The worst since the command ran.
    pub worst: Option<f64>,
    /// The value beyond which it trips.
    pub bound: Option<f64>,
}

/// What a run needs next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Nothing more.
    Nothing,
    /// The dry run.
    DryRun,
    /// The value of its guard before the command.
    Measure,
    /// The command.
    Run,
    /// Its guard is judged until its time is over.
    Watch,
    /// The undo command.
    Undo,
}

/// A run of a binding. It is kept as a document, so fields are only ever added. Times are ms UTC.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Its id.
    pub id: String,
    /// The advisor whose binding it is.
    pub advisor: String,
    /// What it is for.
    pub advice: Advice,
    /// Who asked for it.
    pub by: By,
    /// How it stands.
    pub state: State,
    /// Why it stands so, as a sentence; empty while nothing is out of the way.
    pub reason: String,
    /// When somebody asked for it.
    pub planned_at: TimestampMs,
    /// When its command was to begin.
    pub began_at: Option<TimestampMs>,
    /// When its guard is watched no more.
    pub watch_until: Option<TimestampMs>,
    /// When it came to its last state.
    pub updated: TimestampMs,
    /// What its commands did.
    pub steps: Vec<Report>,
    /// What its guard was.
    pub guard: GuardValues,
    /// How often its undo was begun since somebody last asked for it.
    pub undos: u32,
    /// When a person saw that it was undone, or asked for that.
    #[serde(default)]
    pub seen_at: Option<TimestampMs>,
}

impl Run {
    /// What it needs next.
    #[must_use]
    pub fn next(&self) -> Next {
        match self.state {
            State::Planned if self.steps.is_empty() => Next::DryRun,
            State::Planned => Next::Measure,
            State::Running => Next::Run,
            State::Watching => Next::Watch,
            State::Undoing => Next::Undo,
            State::Kept | State::Undone | State::Refused | State::Failed | State::Resolved => Next::Nothing,
        }
    }

    /// As it is kept.
    #[must_use]
    pub fn document(&self) -> DocumentChange {
        (self.id.clone(), serde_json::to_vec(self).ok())
    }

    fn become_state(&mut self, state: State, reason: impl Into<String>, now: TimestampMs) {
        self.state = state;
        self.reason = reason.into();
        self.updated = now;
    }

    /// A command has ended.
    pub(super) fn ended(&mut self, report: Report, binding: &Binding, now: TimestampMs) {
        let (step, failed) = (report.step, !report.is_success());
        let how = format!("ended with {}", report.exit.text);
        self.steps.push(report);
        match (step, failed) {
            (Step::DryRun, false) => self.updated = now,
            (Step::DryRun, true) => self.become_state(State::Refused, format!("The dry run {how}, so the command was not run."), now),
            (Step::Run, false) => {
                self.become_state(State::Watching, "", now);
                self.watch_until = Some(now.saturating_add(binding.guard.watch_ms));
            }
            // It may have done half of its work.
            (Step::Run, true) => self.undo(format!("The command {how}."), now),
            (Step::Undo, false) => {
                let reason = std::mem::take(&mut self.reason);
                self.become_state(State::Undone, reason, now);
            }
            (Step::Undo, true) => {
                let reason = format!("{} The undo command {how}: see to it by hand.", self.reason).trim().to_owned();
                self.become_state(State::Failed, reason, now);
            }
        }
    }

    /// The guard was read before the command.
    pub(super) fn measured(&mut self, value: Result<f64, String>, guard: &Guard, now: TimestampMs) {
        match value {
            Ok(value) => {
                self.guard.baseline = Some(value);
                self.guard.bound = Some(guard.bound(value));
                self.become_state(State::Running, "", now);
                self.began_at = Some(now);
            }
            Err(why) => self.become_state(State::Refused, format!("The guard cannot be judged: {why}. The command was not run."), now),
        }
    }

    /// The guard was read after the command; `is_over` where that was the last time.
    pub(super) fn judged(&mut self, value: Result<f64, String>, guard: &Guard, is_over: bool, now: TimestampMs) {
        let baseline = self.guard.baseline.unwrap_or(f64::NAN);
        match value {
            Err(why) => self.undo(format!("The guard cannot be judged: {why}."), now),
            Ok(value) => {
                self.guard.last = Some(value);
                self.guard.worst = Some(self.guard.worst.map_or(value, |worst| guard.worst(worst, value)));
                if guard.trips(baseline, value) {
                    let bound = guard.bound(baseline);
                    self.undo(format!("The guard was {value}, beyond {bound}; before the command it was {baseline}."), now);
                } else if is_over {
                    self.become_state(State::Kept, "", now);
                }
            }
        }
    }

    /// Asks for the undo command.
    pub(super) fn undo(&mut self, reason: String, now: TimestampMs) {
        self.become_state(State::Undoing, reason, now);
        self.undos = 1;
    }

    /// The service has restarted, or the actor. Whether the binding is still there says whether anything can be undone.
    pub(super) fn restarted(&mut self, is_bound: bool, now: TimestampMs) {
        let ended = "The service ended in between";
        match self.state {
            State::Planned => self.become_state(State::Refused, format!("{ended}; the command was not run."), now),
            State::Running | State::Watching => self.undo(format!("{ended}."), now),
            State::Undoing => self.undos += 1,
            _ => return,
        }
        if self.state != State::Undoing {
            return;
        }
        if self.undos > MAX_UNDOS {
            let text = format!(
                "{} The undo command was begun {MAX_UNDOS} times, and the service ended each time: see to it by hand.",
                self.reason
            );
            self.become_state(State::Failed, text.trim(), now);
        } else if !is_bound {
            self.cannot_undo(now);
        }
    }

    /// Nothing runs that the settings do not name.
    fn cannot_undo(&mut self, now: TimestampMs) {
        let text = format!(
            "{} The settings name no binding of `{}` any more, so nothing was undone: see to it by hand.",
            self.reason, self.advisor
        );
        self.become_state(State::Failed, text.trim(), now);
    }

    /// It could not be kept. What has not begun does not begin; what has goes on, and is undone after a restart.
    pub(super) fn not_kept(&mut self, why: &str, now: TimestampMs) {
        if matches!(self.state, State::Planned | State::Running) {
            self.began_at = None;
            self.become_state(State::Refused, format!("It could not be kept: {why}. The command was not run."), now);
        }
    }

    /// A person has seen to it: what was undone stays so.
    pub(super) fn resolved(&mut self, now: TimestampMs) {
        self.seen_at = Some(now);
        if self.state == State::Failed {
            let reason = std::mem::take(&mut self.reason);
            self.become_state(State::Resolved, reason, now);
        }
    }
}
