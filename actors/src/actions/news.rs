//! What the time line says of runs.

use serde_json::{Value, json};
use taskpulse_engine::action::{By, Run, State, Step};
use taskpulse_engine::event::Event;
use taskpulse_engine::model::TimestampMs;

/// How a run stood before something happened.
#[derive(Clone, Copy)]
pub(super) struct Before {
    state: Option<State>,
    steps: usize,
    seen: bool,
}

impl Before {
    /// It did not exist.
    pub(super) const NOTHING: Self = Self { state: None, steps: 0, seen: false };

    pub(super) fn of(run: &Run) -> Self {
        Self { state: Some(run.state), steps: run.steps.len(), seen: run.seen_at.is_some() }
    }

    /// Whether it came to a state since then.
    pub(super) fn became(self, run: &Run, state: State) -> bool {
        run.state == state && self.state != Some(state)
    }

    /// The events of what happened since then.
    pub(super) fn news(self, run: &Run, now: TimestampMs) -> Vec<Event> {
        let mut news = Vec::new();
        for report in run.steps.iter().skip(self.steps) {
            let (kind, what) = match report.step {
                Step::DryRun => ("dry_run", "dry run"),
                Step::Run => ("ran", "command"),
                Step::Undo => ("undo", "undo command"),
            };
            let data = json!({"step": report.step.name(), "exit": report.exit.text, "code": report.exit.code, "output": report.output});
            news.push(event(run, now, kind, &format!("the {what} ended with {}", report.exit.text), "info", data));
        }
        if self.state != Some(run.state) {
            news.extend(of_state(self.state, run, now));
        } else if run.state == State::Undone && run.seen_at.is_some() && !self.seen {
            news.push(event(run, now, "resolved", "a person has seen that it was undone", "info", Value::Null));
        }
        news
    }
}

fn of_state(before: Option<State>, run: &Run, now: TimestampMs) -> Option<Event> {
    let by = match run.by {
        By::Person => "a person",
        By::Service => "the service, as the settings allow",
    };
    let (kind, said, severity) = match run.state {
        State::Planned => ("planned", format!("planned by {by}"), "info"),
        // The event of the command says so.
        State::Running | State::Watching => return None,
        State::Undoing if before == Some(State::Watching) && run.reason.starts_with("The guard") => {
            ("guard_tripped", format!("{} It is undone.", run.reason), "warning")
        }
        State::Undoing => ("undoing", format!("{} It is undone.", run.reason), "warning"),
        State::Kept => ("kept", "kept: its guard held".to_owned(), "info"),
        State::Undone => ("undone", format!("undone. {}", run.reason), "warning"),
        State::Refused => ("failed", run.reason.clone(), "warning"),
        State::Failed => ("failed", run.reason.clone(), "error"),
        State::Resolved => ("resolved", "a person has seen to it".to_owned(), "info"),
    };
    Some(event(run, now, kind, &said, severity, Value::Null))
}

fn event(run: &Run, now: TimestampMs, kind: &str, said: &str, severity: &str, more: Value) -> Event {
    let mut data = json!({"run": run.id, "advisor": run.advisor, "recommendation": run.advice.id, "state": run.state.name()});
    for (key, value) in more.as_object().into_iter().flatten() {
        data[key] = value.clone();
    }
    let title = format!("Action for “{}”: {said}", run.advice.title);
    let mut event = Event::new(now, "advice", &format!("action_{kind}"), run.id.clone(), title).with_data(data);
    severity.clone_into(&mut event.severity);
    event
}
