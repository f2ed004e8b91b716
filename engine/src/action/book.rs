//! All runs: which may begin, and what becomes of those that a restart found under way.

use std::collections::BTreeMap;

use super::{Advice, Binding, By, GuardValues, Mode, Next, Report, Run, State};
use crate::model::{TimestampMs, fnv1a};
use crate::span::Span;

/// Runs that are kept, beside the one that is active and those that wait for a person.
pub const MAX_RUNS: usize = 200;

/// Why something is not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActionError {
    /// All of it is off.
    #[error("actions are off: {0}")]
    Off(&'static str),
    /// There is no such recommendation.
    #[error("no recommendation has the id `{0}`; /api/v1/recommendations lists them")]
    NoRecommendation(String),
    /// Nothing runs that the settings do not name.
    #[error("the settings bind no action to `{0}`; [actions.bind.ADVISOR] in Settings.toml does")]
    NotBound(String),
    /// Somebody decided on it already.
    #[error("`{0}` is not open or accepted")]
    NotOpen(String),
    /// One at a time.
    #[error("the run `{0}` is not over, and one runs at a time")]
    Busy(String),
    /// A run of it is neither kept nor undone.
    #[error("the run `{0}` is neither kept nor undone; undo it, or see to it by hand and post to …/resolve")]
    Unresolved(String),
    /// It, or another, ran a short time ago.
    #[error("the last run was {ago} ago; the next one may be {cooldown} after it")]
    Cooldown {
        /// How long ago.
        ago: Span,
        /// How long it keeps the next one away.
        cooldown: Span,
    },
    /// There is no such run.
    #[error("no run has the id `{0}`; /api/v1/actions lists them")]
    NoRun(String),
    /// It cannot be undone as it stands.
    #[error("the run `{id}` is {state}, so there is nothing to {verb}")]
    Nothing {
        /// Which.
        id: String,
        /// How it stands.
        state: &'static str,
        /// `undo` or `resolve`.
        verb: &'static str,
    },
}

/// All runs by id, and what the settings bind.
#[derive(Debug, Default)]
pub struct ActionBook {
    bindings: BTreeMap<String, Binding>,
    runs: BTreeMap<String, Run>,
    /// Shortest time between two runs of any binding, in ms.
    cooldown_ms: i64,
    /// Why nothing runs.
    off: Option<&'static str>,
}

impl ActionBook {
    /// Goes on with kept documents. `off` says why nothing runs, if nothing does.
    #[must_use]
    pub fn new(bindings: Vec<Binding>, cooldown_ms: i64, off: Option<&'static str>, documents: &[(String, Vec<u8>)]) -> Self {
        let kept = documents.iter().filter_map(|(id, bytes)| Some((id.clone(), serde_json::from_slice(bytes).ok()?)));
        let bindings = bindings.into_iter().map(|binding| (binding.advisor.clone(), binding)).collect();
        Self { bindings, runs: kept.collect(), cooldown_ms, off }
    }

    /// What the settings bind, by advisor.
    pub fn bindings(&self) -> impl Iterator<Item = &Binding> {
        self.bindings.values()
    }

    /// Why nothing runs.
    #[must_use]
    pub fn why_off(&self) -> Option<&'static str> {
        self.off
    }

    /// All runs, the newest first.
    #[must_use]
    pub fn runs(&self) -> Vec<&Run> {
        let mut runs: Vec<&Run> = self.runs.values().collect();
        runs.sort_by(|a, b| (b.planned_at, &a.id).cmp(&(a.planned_at, &b.id)));
        runs
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Run> {
        self.runs.get(id)
    }

    /// The run that is not over, if there is one.
    #[must_use]
    pub fn active(&self) -> Option<&Run> {
        self.runs.values().filter(|run| run.state.is_active()).min_by_key(|run| (run.planned_at, run.id.clone()))
    }

    /// What the active run needs next; nothing while all of it is off.
    #[must_use]
    pub fn next(&self) -> Next {
        self.active().filter(|_| self.off.is_none()).map_or(Next::Nothing, Run::next)
    }

    /// After a start: what was under way is undone, one run after the other. Gives the runs that changed. While all of it is off they
    /// stay as they are.
    pub fn restarted(&mut self, now: TimestampMs) -> Vec<Run> {
        if self.off.is_some() {
            return Vec::new();
        }
        let mut changed = Vec::new();
        for run in self.runs.values_mut().filter(|run| run.state.is_active()) {
            run.restarted(self.bindings.contains_key(&run.advisor), now);
            changed.push(run.clone());
        }
        changed
    }

    /// The run that a binding waits for: the active one, or its own that needs a person.
    #[must_use]
    pub fn waits_for(&self, advisor: &str) -> Option<&Run> {
        let unresolved = |run: &&Run| run.advisor == advisor && run.state == State::Failed;
        self.active().or_else(|| self.runs.values().find(unresolved))
    }

    /// When the run before was, of this binding or of any, and how long it keeps others away.
    fn cooldowns(&self, binding: &Binding, now: TimestampMs) -> impl Iterator<Item = (TimestampMs, i64)> {
        let newest = |own: bool| {
            let counted = self.runs.values().filter(|run| !own || run.advisor == binding.advisor);
            // A clock that was set back leaves times that are ahead; they count by how far away they are.
            counted.filter_map(|run| run.began_at).min_by_key(|began| now.saturating_sub(*began).unsigned_abs())
        };
        let both = [(newest(true), binding.cooldown_ms), (newest(false), self.cooldown_ms)];
        both.into_iter().filter_map(|(began, cooldown)| Some((began?, cooldown)))
    }

    /// When the cooldowns allow the next run of a binding; none where nothing ran.
    #[must_use]
    pub fn ready_at(&self, binding: &Binding, now: TimestampMs) -> Option<TimestampMs> {
        self.cooldowns(binding, now).map(|(began, cooldown)| began.saturating_add(cooldown)).max()
    }

    /// Why a binding may not run now.
    fn check(&self, binding: &Binding, now: TimestampMs) -> Result<(), ActionError> {
        match self.waits_for(&binding.advisor) {
            Some(run) if run.state == State::Failed => return Err(ActionError::Unresolved(run.id.clone())),
            Some(run) => return Err(ActionError::Busy(run.id.clone())),
            None => {}
        }
        for (began, cooldown) in self.cooldowns(binding, now) {
            let ago = now.saturating_sub(began).saturating_abs();
            if ago < cooldown {
                return Err(ActionError::Cooldown { ago: Span::millis(ago), cooldown: Span::millis(cooldown) });
            }
        }
        Ok(())
    }

    /// Begins a run for a recommendation.
    ///
    /// # Errors
    /// [`ActionError`]: why it does not begin.
    pub fn plan(&mut self, advisor: &str, advice: Advice, by: By, now: TimestampMs) -> Result<&Run, ActionError> {
        if let Some(why) = self.off {
            return Err(ActionError::Off(why));
        }
        let Some(binding) = self.bindings.get(advisor) else { return Err(ActionError::NotBound(advisor.to_owned())) };
        self.check(binding, now)?;
        let id_of = |number: usize| format!("{:016x}", fnv1a(format!("{}\0{now}\0{number}", advice.id).bytes()));
        let id = (0..).map(id_of).find(|id| !self.runs.contains_key(id)).unwrap_or_default();
        let run = Run {
            id: id.clone(),
            advisor: advisor.to_owned(),
            advice,
            by,
            state: State::Planned,
            reason: String::new(),
            planned_at: now,
            began_at: None,
            watch_until: None,
            updated: now,
            steps: Vec::new(),
            guard: GuardValues::default(),
            undos: 0,
            seen_at: None,
        };
        Ok(self.runs.entry(id).or_insert(run))
    }

    /// Which of the open recommendations, given with their advisors, runs by itself now. Each does so once: what was undone or failed is
    /// not tried again without a person.
    #[must_use]
    pub fn due<'a>(&self, open: impl IntoIterator<Item = (&'a str, Advice)>, now: TimestampMs) -> Option<(&'a str, Advice)> {
        open.into_iter().find(|(advisor, advice)| {
            let Some(binding) = self.bindings.get(*advisor).filter(|_| self.off.is_none()) else { return false };
            let Mode::Auto { after_ms } = binding.mode else { return false };
            let tried = self.runs.values().any(|run| run.advice.id == advice.id && run.advice.created == advice.created);
            !tried && now.saturating_sub(advice.created) >= after_ms && self.check(binding, now).is_ok()
        })
    }

    /// Changes a run together with its binding; gives it as it is then.
    fn change(&mut self, id: &str, change: impl FnOnce(&mut Run, Option<&Binding>)) -> Option<&Run> {
        let run = self.runs.get_mut(id)?;
        change(run, self.bindings.get(&run.advisor));
        Some(run)
    }

    /// A command of a run has ended.
    pub fn ended(&mut self, id: &str, report: Report, now: TimestampMs) -> Option<&Run> {
        self.change(id, |run, binding| {
            if let Some(binding) = binding {
                run.ended(report, binding, now);
            }
        })
    }

    /// The guard of a run was read before its command.
    pub fn measured(&mut self, id: &str, value: Result<f64, String>, now: TimestampMs) -> Option<&Run> {
        self.change(id, |run, binding| {
            if let Some(binding) = binding.filter(|_| run.next() == Next::Measure) {
                run.measured(value, &binding.guard, now);
            }
        })
    }

    /// The guard of a run was read after its command; `is_over` where its time to be watched is over.
    pub fn judged(&mut self, id: &str, value: Result<f64, String>, is_over: bool, now: TimestampMs) -> Option<&Run> {
        self.change(id, |run, binding| {
            if let Some(binding) = binding.filter(|_| run.state == State::Watching) {
                run.judged(value, &binding.guard, is_over, now);
            }
        })
    }

    /// A run could not be kept.
    pub fn not_kept(&mut self, id: &str, why: &str, now: TimestampMs) -> Option<&Run> {
        self.change(id, |run, _| run.not_kept(why, now))
    }

    /// A person wants a run undone: one that is watched, was kept, or whose undo failed.
    ///
    /// # Errors
    /// [`ActionError`]
    pub fn undo(&mut self, id: &str, now: TimestampMs) -> Result<&Run, ActionError> {
        let active = self.active().map(|run| run.id.clone());
        let Some(run) = self.runs.get_mut(id) else { return Err(ActionError::NoRun(id.to_owned())) };
        if let Some(why) = self.off {
            return Err(ActionError::Off(why));
        }
        if !matches!(run.state, State::Watching | State::Kept | State::Failed) {
            return Err(ActionError::Nothing { id: id.to_owned(), state: run.state.name(), verb: "undo" });
        }
        if !self.bindings.contains_key(&run.advisor) {
            return Err(ActionError::NotBound(run.advisor.clone()));
        }
        if let Some(other) = active.filter(|active| active != id) {
            return Err(ActionError::Busy(other));
        }
        run.undo("A person asked for it.".to_owned(), now);
        run.seen_at = Some(now);
        Ok(run)
    }

    /// Whether a person should look at a run: it is neither kept nor undone, or was undone by itself, nobody has seen that, and no later
    /// run for the same advice was kept.
    #[must_use]
    pub fn needs_person(&self, run: &Run) -> bool {
        let kept_since = || {
            self.runs
                .values()
                .any(|other| other.advice.id == run.advice.id && other.planned_at > run.planned_at && other.state == State::Kept)
        };
        match run.state {
            State::Failed => true,
            State::Undone => run.seen_at.is_none() && !kept_since(),
            _ => false,
        }
    }

    /// A person has seen to a run that is neither kept nor undone, or has seen that it was undone.
    ///
    /// # Errors
    /// [`ActionError`]
    pub fn resolve(&mut self, id: &str, now: TimestampMs) -> Result<&Run, ActionError> {
        let Some(run) = self.runs.get_mut(id) else { return Err(ActionError::NoRun(id.to_owned())) };
        let is_new = run.state == State::Failed || (run.state == State::Undone && run.seen_at.is_none());
        if !is_new {
            return Err(ActionError::Nothing { id: id.to_owned(), state: run.state.name(), verb: "resolve" });
        }
        run.resolved(now);
        Ok(run)
    }

    /// Forgets the oldest runs beyond [`MAX_RUNS`]; gives their ids.
    pub fn forget_oldest(&mut self) -> Vec<String> {
        let mut over: Vec<(TimestampMs, String)> = self
            .runs
            .values()
            .filter(|run| !run.state.is_active() && run.state != State::Failed)
            .map(|run| (run.planned_at, run.id.clone()))
            .collect();
        over.sort_unstable();
        let count = over.len().saturating_sub(MAX_RUNS);
        over.into_iter().take(count).map(|(_, id)| id).inspect(|id| drop(self.runs.remove(id))).collect()
    }
}
