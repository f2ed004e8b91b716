//! Answers to questions in plain words, from the store and the views. `taskpulse_engine::ask` understands them.
//!
//! An answer has no number that nothing was measured for: where something is missing, it says what and why. "Why" is answered with what
//! moved together, never with a cause.

mod agents;
mod alerts;
mod boards;
mod budgets;
mod calls;
mod changes;
mod ci;
mod compared;
mod costs;
mod draft;
mod figures;
mod forecasts;
mod happened;
mod limits;
mod model;
mod ranked;
mod reading;
mod sizes;
mod states;
mod translated;
mod trouble;
mod waiting;
mod why;

use std::sync::Arc;

use taskpulse_engine::agent::client_names;
use taskpulse_engine::ask::{Clock, Meaning, NameKind, Names, Range, Refusal, Subject, Wanted, nearest, understand};
use taskpulse_engine::board::cost::AgentMetrics;
use taskpulse_engine::model::{TimestampMs, clipped};
use taskpulse_engine::promql::EvalError;
use taskpulse_engine::rules::EvaluationLimits;
use taskpulse_engine::store::{StoreError, StoreReader};

use self::draft::Draft;
pub use self::model::{ApiKey, ModelError, ModelOptions, Translator};
use crate::agents::Agents;
use crate::collectors::heartbeat::Heartbeats;
use crate::published::Views;
use crate::view::{Answer, AnswerMeaning, AnswerName, seconds};

/// Characters of a question that are shown again.
const SHOWN_CHARS: usize = 300;

/// Why a question has no answer: it cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// A query.
    #[error(transparent)]
    Eval(#[from] EvalError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What questions are answered from.
pub struct Asker {
    /// The newest views.
    pub views: Views,
    /// The history.
    pub store: StoreReader,
    /// Sessions of coding agents.
    pub agents: Agents,
    /// The metrics of coding agents.
    pub agent_metrics: AgentMetrics,
    /// The jobs whose calls are expected.
    pub heartbeats: Arc<Heartbeats>,
    /// Whether advice is given; `--no-advanced` and settings switch it off.
    pub advises: bool,
    /// What a query may cost.
    pub limits: EvaluationLimits,
    /// Now, and the time zone of who asks.
    pub clock: Clock,
}

impl Asker {
    /// All names that questions may have.
    #[must_use]
    pub fn names(&self) -> Names {
        let mut names = Names::of_store(&self.store);
        self.views.targets().iter().for_each(|target| names.add(NameKind::Target, &target.target));
        self.heartbeats.jobs().iter().for_each(|job| names.add(NameKind::Heartbeat, job.name()));
        for board in self.views.boards() {
            names.add(NameKind::Project, &board.project);
            names.add(NameKind::Tag, &board.tag);
        }
        // Those that nobody uses too: of them nothing can be said, and a figure of all agents is none of theirs.
        client_names().for_each(|name| names.add_once(NameKind::Agent, name));
        self.agents.read(|book| book.sessions().for_each(|session| names.add_once(NameKind::Agent, &session.key.agent)));
        for repository in self.views.repositories() {
            names.add(NameKind::Repo, &repository.repo);
            repository.workflows.iter().for_each(|workflow| names.add(NameKind::Workflow, &workflow.workflow));
        }
        for workflows in self.views.jobs().values() {
            let jobs = workflows.iter().flat_map(|workflow| &workflow.runs).flat_map(|run| run.jobs.iter());
            let jobs: std::collections::BTreeSet<&str> = jobs.map(|job| job.name.as_str()).collect();
            jobs.into_iter().for_each(|job| names.add(NameKind::Job, job));
        }
        names
    }

    /// What a question means.
    ///
    /// # Errors
    /// [`Refusal`] where it is not understood.
    pub fn understand(&self, question: &str, names: &Names) -> Result<Meaning, Refusal> {
        understand(question, names, &self.clock)
    }

    /// The answer to a question that is understood.
    ///
    /// # Errors
    /// [`AskError`] where the history cannot be read.
    pub fn answer(&self, question: &str, meaning: &Meaning) -> Result<Answer, AskError> {
        let mut draft = self.draft(meaning)?;
        for (written, word) in &meaning.corrections {
            draft.notes.insert(0, format!("`{written}` was read as `{word}`"));
        }
        Ok(draft.answer(question_shown(question), self.shown(meaning)))
    }

    /// What is said of a question that is not understood.
    #[must_use]
    pub fn refusal(&self, question: &str, refusal: &Refusal, names: &Names) -> Answer {
        Answer {
            question: question_shown(question),
            understood: false,
            understood_as: None,
            sentence: format!("Not understood: {}", refusal.why),
            meaning: None,
            notes: Vec::new(),
            missing: None,
            refused_word: refusal.word.as_deref().map(|word| clipped(word, 60)),
            query: None,
            charts: Vec::new(),
            rows: Vec::new(),
            nearest: nearest(question, names),
            page: None,
        }
    }

    fn draft(&self, meaning: &Meaning) -> Result<Draft, AskError> {
        match (meaning.wanted, meaning.subject) {
            (Wanted::Help, _) => Ok(self.help()),
            (Wanted::Why(_), Subject::AgentSessions) => Ok(self.why_agents_wait(meaning)),
            (_, Subject::AgentSessions) => Ok(self.agent_sessions(meaning)),
            (_, Subject::AgentWaiting) => Ok(self.agents_waited(meaning)),
            (Wanted::Value(_) | Wanted::Most | Wanted::Least, Subject::Cost | Subject::Tokens)
                if meaning.topic.is_some() || meaning.name(NameKind::Agent).is_some() =>
            {
                self.agent_costs(meaning)
            }
            (_, Subject::Budget) => Ok(self.budgets(meaning)),
            (_, Subject::CiCost) if meaning.compared.is_none() => self.ci_cost(meaning),
            (_, Subject::CiBroken | Subject::CiShifted) => Ok(self.since_commit(meaning)),
            (_, Subject::Verdicts) => Ok(self.verdicts()),
            (_, Subject::Slower) => self.slower(meaning),
            (_, Subject::Runners) => Ok(self.runners(meaning)),
            (_, Subject::HostState) => self.host_state(meaning),
            (_, Subject::Dependents | Subject::Dependencies) => Ok(self.waiting(meaning)),
            (Wanted::Growth, _) => self.growth(meaning),
            (Wanted::State(_), Subject::Cpu | Subject::Load | Subject::Memory | Subject::Disk) => self.level_state(meaning),
            (Wanted::BeforeAlert, _) => self.before_alert(meaning),
            (Wanted::Why(_), _) => self.why(meaning),
            (Wanted::Forecast, _) | (_, Subject::Certificate) => self.forecast(meaning),
            (Wanted::Compared(_), _) => self.compared(meaning),
            (_, Subject::Alerts) => self.alerts(meaning),
            (_, Subject::Events) => self.events(meaning),
            (_, Subject::Anomalies) => self.anomalies(meaning),
            (_, Subject::Advice) => Ok(self.advice(meaning)),
            (_, Subject::Task) => Ok(self.one_task(meaning)),
            (_, Subject::Cost | Subject::Tokens | Subject::AgentTime) => self.cost(meaning),
            (_, Subject::TaskTime | Subject::ReviewTime)
                if meaning.task.is_some() || meaning.wanted == Wanted::Most || meaning.wanted == Wanted::Least =>
            {
                Ok(self.task_times(meaning))
            }
            (Wanted::Count | Wanted::List, Subject::Tasks | Subject::Subtasks) => Ok(self.tasks(meaning)),
            (Wanted::List, Subject::Completed) => self.completed(meaning),
            (_, Subject::CiState) => self.ci_state(meaning),
            (_, Subject::CiJobs | Subject::CiJobFailures) => Ok(self.jobs(meaning)),
            (
                _,
                Subject::CiFailures
                | Subject::CiSuccesses
                | Subject::CiRuns
                | Subject::CiCancelled
                | Subject::CiSuccess
                | Subject::CiFailure,
            ) => self.ci_runs(meaning),
            (
                Wanted::State(_) | Wanted::Count | Wanted::Downtime | Wanted::LastTime,
                Subject::Probe | Subject::Heartbeat | Subject::Scraped,
            ) => self.state(meaning),
            (_, Subject::Everything) => self.everything(meaning),
            (_, Subject::Sources) => Ok(self.sources(meaning)),
            (_, Subject::UnitState) => self.unit_state(meaning),
            (Wanted::Most | Wanted::Least, _) => self.ranked(meaning),
            _ => self.figure(meaning),
        }
    }

    fn help(&self) -> Draft {
        let examples = nearest("what how which when is cpu disk ci tasks alerts cost", &self.names());
        Draft::said(format!(
            "Ask for figures, times, comparisons, states and costs of what is watched, such as: {}. All of the grammar is in docs/ASK.md",
            examples.join(" · ")
        ))
    }

    fn shown(&self, meaning: &Meaning) -> AnswerMeaning {
        let edge = |range: Option<Range>, end: bool| range.map(|range| seconds(if end { range.end } else { range.start }));
        AnswerMeaning {
            wanted: meaning.wanted.to_string(),
            subject: meaning.metric.clone().unwrap_or_else(|| meaning.subject.id().to_owned()),
            names: meaning.names.iter().map(|name| AnswerName { kind: name.kind.id().to_owned(), name: name.value.clone() }).collect(),
            start: edge(meaning.time, false),
            end: edge(meaning.time, true),
            compared_start: edge(meaning.compared, false),
            compared_end: edge(meaning.compared, true),
            text: meaning.shown(&self.clock.zone),
        }
    }

    fn now(&self) -> TimestampMs {
        self.clock.now
    }
}

fn question_shown(question: &str) -> String {
    clipped(question, SHOWN_CHARS)
}
