//! Actions: what the settings bind to advice, and what became of it.

use serde::Serialize;
use taskpulse_engine::action::{self, Limit, Next};
use utoipa::ToSchema;

use super::seconds;

/// Who decides that a command runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActionMode {
    /// A person, each time.
    Ask,
    /// The service, once for each recommendation that is open for `after`.
    Auto,
}

/// Which way a guard becomes worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActionWorse {
    /// More of it is worse.
    Higher,
    /// Less of it is worse.
    Lower,
}

/// What must not become worse while a run is watched.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ActionGuard {
    /// PromQL that gives one value.
    pub query: String,
    /// Which way is worse.
    pub worse: ActionWorse,
    /// By which share of its value before the command it may become worse; `null` where `amount` says it.
    #[schema(required = true)]
    pub share: Option<f64>,
    /// By how much it may become worse, in its own unit; `null` where `share` says it.
    #[schema(required = true)]
    pub amount: Option<f64>,
    /// For how many seconds it is watched.
    pub watch: f64,
}

/// What the settings bind the recommendations of an advisor to. Arguments of commands are not shown.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ActionBinding {
    /// The advisor.
    #[schema(example = "disk_filling")]
    pub advisor: String,
    /// Who decides.
    pub mode: ActionMode,
    /// For how many seconds a recommendation must be open before it runs by itself; `null` in mode `ask`.
    #[schema(required = true)]
    pub after: Option<f64>,
    /// Says whether the command could run.
    #[schema(example = "/usr/local/bin/clean (2 arguments)")]
    pub dry_run: String,
    /// Carries the advice out.
    pub command: String,
    /// Takes that back.
    pub undo: String,
    /// Longest time of each of them, in seconds.
    pub timeout: f64,
    /// What must not become worse.
    pub guard: ActionGuard,
    /// Shortest time between two of its runs, in seconds.
    pub cooldown: f64,
    /// From when the cooldowns allow its next run; `null` where nothing ran.
    #[schema(required = true)]
    pub ready_at: Option<f64>,
    /// The run that it waits for: the one that is active, or its own that needs a person; `null` where there is none.
    #[schema(required = true)]
    pub waits_for: Option<String>,
}

/// Who asked for a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActionBy {
    /// A person.
    Person,
    /// The service, in mode `auto`.
    Service,
}

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActionState {
    /// The dry run is going on; nothing was changed.
    Planned,
    /// The command runs.
    Running,
    /// The command has run, and the guard is watched.
    Watching,
    /// The undo command runs.
    Undoing,
    /// The guard held to the end.
    Kept,
    /// It was undone; `reason` says why.
    Undone,
    /// The command was not run; `reason` says why.
    Refused,
    /// It is neither kept nor undone: a person must see to it.
    Failed,
    /// A person has seen to it.
    Resolved,
}

/// A command of a binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActionStep {
    /// Says whether the command could run, and changes nothing.
    DryRun,
    /// Carries the advice out.
    Run,
    /// Takes that back.
    Undo,
}

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ActionReport {
    /// Which.
    pub step: ActionStep,
    /// When it began.
    pub started: f64,
    /// When it ended.
    pub ended: f64,
    /// Its exit code; `null` where it did not end by itself.
    #[schema(required = true)]
    pub code: Option<i32>,
    /// How it ended, in words.
    #[schema(example = "code 0")]
    pub exit: String,
    /// The last lines that it printed, without what looks secret.
    pub output: String,
}

/// The values of a guard.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ActionGuardValues {
    /// Before the command ran; `null` where it was not read.
    #[schema(required = true)]
    pub baseline: Option<f64>,
    /// The value beyond which it trips.
    #[schema(required = true)]
    pub bound: Option<f64>,
    /// When it was last judged.
    #[schema(required = true)]
    pub last: Option<f64>,
    /// The worst since the command ran.
    #[schema(required = true)]
    pub worst: Option<f64>,
}

/// A run of a binding.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ActionRun {
    /// Its id.
    #[schema(example = "9f86d081884c7d65")]
    pub id: String,
    /// The advisor whose binding it is.
    pub advisor: String,
    /// The id of the recommendation.
    pub recommendation: String,
    /// The title of the recommendation.
    pub title: String,
    /// Who asked for it.
    pub by: ActionBy,
    /// How it stands.
    pub state: ActionState,
    /// Why it stands so, as a sentence; empty while nothing is out of the way.
    pub reason: String,
    /// When somebody asked for it.
    pub planned_at: f64,
    /// When its command was to begin; `null` where it did not.
    #[schema(required = true)]
    pub began_at: Option<f64>,
    /// Until when its guard is watched.
    #[schema(required = true)]
    pub watch_until: Option<f64>,
    /// When it came to this state.
    pub updated: f64,
    /// What its commands did, in their order.
    pub steps: Vec<ActionReport>,
    /// What its guard was.
    pub guard: ActionGuardValues,
    /// Whether anything of it goes on or is to come.
    pub is_active: bool,
    /// Whether a person should look at it: it is neither kept nor undone, or was undone by itself and nobody has seen that.
    pub needs_person: bool,
}

/// Actions: what the settings bind, and what became of it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, ToSchema)]
pub struct Actions {
    /// Why nothing runs; `null` where actions are on.
    #[schema(required = true)]
    pub off: Option<String>,
    /// What the settings bind, by advisor.
    pub bindings: Vec<ActionBinding>,
    /// Runs, the newest first; the newest 200 that are over are kept.
    pub runs: Vec<ActionRun>,
}

impl From<&action::Guard> for ActionGuard {
    fn from(guard: &action::Guard) -> Self {
        let (share, amount) = match guard.limit {
            Limit::Share(share) => (Some(share), None),
            Limit::Amount(amount) => (None, Some(amount)),
        };
        let worse = match guard.worse {
            action::Worse::Higher => ActionWorse::Higher,
            action::Worse::Lower => ActionWorse::Lower,
        };
        Self { query: guard.query.clone(), worse, share, amount, watch: seconds(guard.watch_ms) }
    }
}

impl From<action::State> for ActionState {
    fn from(state: action::State) -> Self {
        match state {
            action::State::Planned => Self::Planned,
            action::State::Running => Self::Running,
            action::State::Watching => Self::Watching,
            action::State::Undoing => Self::Undoing,
            action::State::Kept => Self::Kept,
            action::State::Undone => Self::Undone,
            action::State::Refused => Self::Refused,
            action::State::Failed => Self::Failed,
            action::State::Resolved => Self::Resolved,
        }
    }
}

impl From<&action::Report> for ActionReport {
    fn from(report: &action::Report) -> Self {
        let step = match report.step {
            action::Step::DryRun => ActionStep::DryRun,
            action::Step::Run => ActionStep::Run,
            action::Step::Undo => ActionStep::Undo,
        };
        Self {
            step,
            started: seconds(report.started),
            ended: seconds(report.ended),
            code: report.exit.code,
            exit: report.exit.text.clone(),
            output: report.output.clone(),
        }
    }
}

impl ActionRun {
    /// A run, and whether a person should look at it.
    #[must_use]
    pub fn new(run: &action::Run, needs_person: bool) -> Self {
        let action::GuardValues { baseline, last, worst, bound } = run.guard;
        let by = match run.by {
            action::By::Person => ActionBy::Person,
            action::By::Service => ActionBy::Service,
        };
        Self {
            id: run.id.clone(),
            advisor: run.advisor.clone(),
            recommendation: run.advice.id.clone(),
            title: run.advice.title.clone(),
            by,
            state: run.state.into(),
            reason: run.reason.clone(),
            planned_at: seconds(run.planned_at),
            began_at: run.began_at.map(seconds),
            watch_until: run.watch_until.map(seconds),
            updated: seconds(run.updated),
            steps: run.steps.iter().map(Into::into).collect(),
            guard: ActionGuardValues { baseline, bound, last, worst },
            is_active: run.next() != Next::Nothing,
            needs_person,
        }
    }
}
