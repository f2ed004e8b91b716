//! Why an alert fired, as far as that is known.

use serde::Serialize;
use taskpulse_engine::explain::{self, Resource};
use taskpulse_engine::model::Labels;
use taskpulse_engine::words;
use utoipa::ToSchema;

use super::seconds;

/// What is known about why an alert fired. Nothing in it is a cause.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Explanation {
    /// At most three lines for people.
    pub lines: Vec<String>,
    /// When the condition began to hold; at most an hour before it fired.
    pub from: f64,
    /// When it fired.
    pub to: f64,
    /// Who used the resource of the machine that the alert is about, the most first; last what was not seen by name.
    pub used: Vec<Usage>,
    /// The time that samples of processes stand for.
    pub seen_seconds: f64,
    /// How many other series were compared; `null` until they are.
    #[schema(required = true)]
    pub compared: Option<usize>,
    /// Series that were not compared: there was no time, or too little of their past.
    pub left_out: usize,
    /// From when on they were compared: when the alert's own series began to move.
    #[schema(required = true)]
    pub moved_from: Option<f64>,
    /// Up to when. An alert that fires at once is compared again when a minute of it has been seen.
    #[schema(required = true)]
    pub moved_to: Option<f64>,
    /// What else moved, the most unusual first.
    pub moved: Vec<MovedSeries>,
    /// Units and containers that used CPU, for an alert on the machine's CPU.
    pub containers: Vec<Usage>,
    /// Tasks and CI runs in progress.
    pub in_progress: Vec<WorkInProgress>,
    /// Sessions of coding agents that worked then: processes of their agent are among those that used most, or a run that failed was of
    /// their commit.
    pub agents: Vec<AgentAtWork>,
    /// What happened shortly before it and while its condition began to hold, the newest first.
    pub before: Vec<Happened>,
    /// The last alert of the same rule and series.
    #[schema(required = true)]
    pub last: Option<EarlierAlert>,
    /// The newest log lines that an alert over lines is about, the newest first; at most three.
    pub said: Vec<SaidLine>,
}

/// A session of a coding agent that worked while the condition of an alert began to hold.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct AgentAtWork {
    /// The agent.
    #[schema(example = "claude-code")]
    pub agent: String,
    /// The session.
    pub id: String,
    /// The task that it said it worked on.
    #[schema(required = true, example = "7")]
    pub task: Option<String>,
    /// Its folder.
    #[schema(required = true)]
    pub folder: Option<String>,
    /// The commit of the failed run; `null` where processes of the agent are what ties it to the alert.
    #[schema(required = true)]
    pub commit: Option<String>,
}

impl From<&explain::AgentAtWork> for AgentAtWork {
    fn from(session: &explain::AgentAtWork) -> Self {
        let explain::AgentAtWork { agent, id, task, folder, commit } = session.clone();
        Self { agent, id, task, folder, commit }
    }
}

/// A log line that is cited.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SaidLine {
    /// Its time.
    pub at: f64,
    /// Its text, at most 200 characters, with control characters escaped.
    #[schema(example = "connection to db refused")]
    pub text: String,
}

/// What kind of user of a resource something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum UsageKind {
    /// The processes of a name.
    Process,
    /// Processes that ended before they had a sample, started by those of a name.
    Children,
    /// A unit or a container.
    Container,
    /// Nobody that a sample names.
    Unseen,
}

/// How much of a resource one of its users took.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Usage {
    /// What it is.
    pub kind: UsageKind,
    /// Its name; empty for what was not seen by name.
    #[schema(example = "rustc")]
    pub name: String,
    /// As it is said.
    #[schema(example = "rustc (12 processes) 71 %")]
    pub text: String,
    /// The mean over the time that was seen: cores, bytes, or bytes per second.
    pub mean: f64,
    /// The mean as a share of the machine's cores.
    #[schema(required = true)]
    pub share: Option<f64>,
    /// CPU time.
    #[schema(required = true)]
    pub cpu_seconds: Option<f64>,
    /// Most processes of the name at the same time.
    #[schema(required = true)]
    pub processes: Option<u64>,
}

/// A series that moved while the alert began. Values of a counter are rates per second.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct MovedSeries {
    /// Its labels, `__name__` among them.
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    pub metric: Labels,
    /// As it is said.
    #[schema(example = "Load over 1 minute 12, usually 1 to 2")]
    pub text: String,
    /// Its mean within the window.
    pub value: f64,
    /// Where nine in ten of its means were before.
    pub low: f64,
    /// The upper end of that.
    pub high: f64,
    /// How far it is from what is usual, in robust standard deviations; at most 1000.
    pub z: f64,
    /// In how many of the windows before it was as far away.
    pub reached_by: usize,
    /// How many windows before were compared.
    pub windows: usize,
    /// How closely it followed the alert's own course, -1 to 1.
    pub together: f64,
    /// By what it is ranked.
    pub score: f64,
}

/// A task or a CI run in progress.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct WorkInProgress {
    /// Which.
    #[schema(example = "task 7 of app master")]
    pub what: String,
    /// Its title.
    #[schema(required = true)]
    pub title: Option<String>,
    /// Since when.
    pub since: f64,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Happened {
    /// When.
    pub at: f64,
    /// Who says so.
    #[schema(example = "github")]
    pub source: String,
    /// What kind of thing it was.
    #[schema(example = "run_started")]
    pub kind: String,
    /// One line.
    pub title: String,
}

/// The last alert of the same rule and series.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct EarlierAlert {
    /// When it fired.
    pub fired_at: f64,
    /// When it ended.
    pub ended_at: f64,
    /// Why it ended, where it was not by its value.
    #[schema(required = true)]
    pub reason: Option<String>,
    /// Who used most then.
    pub busiest: Vec<String>,
    /// What happened within the two minutes before its end, the newest first.
    pub before_its_end: Vec<Happened>,
    /// How many there are in the history.
    pub count: usize,
}

impl From<&explain::Explanation> for Explanation {
    fn from(e: &explain::Explanation) -> Self {
        let usage = |resource: Resource| move |used: &explain::Used| Usage::new(resource, used);
        Self {
            lines: e.lines.clone(),
            from: seconds(e.from),
            to: seconds(e.to),
            used: e.resource.map(|resource| e.used.iter().map(usage(resource)).collect()).unwrap_or_default(),
            seen_seconds: seconds(e.seen_ms),
            compared: e.compared,
            left_out: e.left_out,
            moved_from: e.moved_from.map(seconds),
            moved_to: e.moved_to.map(seconds),
            moved: e.moved.iter().map(MovedSeries::from).collect(),
            containers: e.containers.iter().map(usage(Resource::Cpu)).collect(),
            in_progress: e.in_progress.iter().map(WorkInProgress::from).collect(),
            agents: e.agents.iter().map(AgentAtWork::from).collect(),
            before: e.before.iter().map(Happened::from).collect(),
            last: e.last.as_ref().map(EarlierAlert::from),
            said: e.said.iter().map(|said| SaidLine { at: seconds(said.at), text: said.text.clone() }).collect(),
        }
    }
}

impl Usage {
    fn new(resource: Resource, used: &explain::Used) -> Self {
        Self {
            kind: match used.by {
                explain::UsedBy::Process => UsageKind::Process,
                explain::UsedBy::Children => UsageKind::Children,
                explain::UsedBy::Container => UsageKind::Container,
                explain::UsedBy::Unseen => UsageKind::Unseen,
            },
            name: used.name.clone(),
            text: words::used(resource, used),
            mean: used.mean,
            share: used.share,
            cpu_seconds: used.cpu_seconds,
            processes: used.processes,
        }
    }
}

impl From<&explain::Moved> for MovedSeries {
    fn from(m: &explain::Moved) -> Self {
        Self {
            metric: m.metric.clone(),
            text: words::moved(m),
            value: m.value,
            low: m.low,
            high: m.high,
            z: m.z,
            reached_by: m.reached_by,
            windows: m.windows,
            together: m.together,
            score: m.score,
        }
    }
}

impl From<&explain::InProgress> for WorkInProgress {
    fn from(progress: &explain::InProgress) -> Self {
        Self { what: progress.what.clone(), title: progress.title.clone(), since: seconds(progress.since) }
    }
}

impl From<&explain::Happened> for Happened {
    fn from(happened: &explain::Happened) -> Self {
        let explain::Happened { at, source, kind, title } = happened.clone();
        Self { at: seconds(at), source, kind, title }
    }
}

impl From<&explain::Earlier> for EarlierAlert {
    fn from(last: &explain::Earlier) -> Self {
        Self {
            fired_at: seconds(last.fired_at),
            ended_at: seconds(last.ended_at),
            reason: last.reason.clone(),
            busiest: last.busiest.clone(),
            before_its_end: last.before_its_end.iter().map(Happened::from).collect(),
            count: last.count,
        }
    }
}
