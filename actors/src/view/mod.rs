//! What clients see, over REST and WebSocket alike: one serde struct a subject, with units and a schema.
//!
//! An actor builds the views of the state that it owns. OpenAPI and the dashboard's types are made from these structs, so a field
//! that is added here is documented there. Shapes in words are in `docs/API.md`.
//!
//! Times are Unix seconds. A figure that nobody knows, or that is not finite, is `null`; a missing figure is never 0. serde_json
//! writes what is not finite as `null`, so such figures are plain `f64` here whose schema says that they may be `null`.

mod action;
mod actor;
mod agent;
mod agent_commit;
mod agent_state;
mod alert;
mod alertmanager;
mod anomaly;
mod answer;
mod board;
mod budget;
mod capacity;
mod channel;
mod ci;
mod ci_jobs;
mod effect;
mod event;
mod exemplar;
mod experiment;
mod explanation;
mod forecast;
mod frame;
mod health;
mod heartbeat;
mod metric;
mod noise;
mod recommendation;
mod rule;
mod series_forecast;
mod source;
mod status;
mod store;
mod target;
mod window;

pub use self::action::{
    ActionBinding, ActionBy, ActionGuard, ActionGuardValues, ActionMode, ActionReport, ActionRun, ActionState, ActionStep, ActionWorse,
    Actions,
};
pub use self::actor::{Actor, ActorState, LastPanic};
pub use self::agent::{
    AgentCall, AgentCostRow, AgentCosts, AgentFinding, AgentLimit, AgentSession, AgentSessionDetails, AgentSubagent, AgentTask,
    AgentTokens, AgentTool, AgentTurn, Agents,
};
pub use self::agent_commit::{AgentCommit, AgentCommitCi, AgentPullRequest};
pub use self::agent_state::AgentState;
pub use self::alert::{ActiveAlerts, Alert, AlertDetails, AlertState, PrometheusAlert, Severity};
pub use self::alertmanager::{
    AlertGroup, AlertStatus, GettableAlert, GettableSilence, Maintenance, Notices, Receiver, SilenceMatcher, SilenceStatus,
};
pub use self::anomaly::{Anomalies, Anomaly, WatchedSeries};
pub use self::answer::{Answer, AnswerChart, AnswerMeaning, AnswerName, AnswerRow};
pub use self::board::{Board, BoardFinding, Cost, Costs, Forecast, Spent, Task, Tasks};
pub use self::budget::{Budget, BudgetPart, BudgetPer};
pub use self::capacity::{Capacity, CapacityExhaustion, CapacityResource};
pub use self::channel::{Channel, ChannelTest, DeliveryState};
pub use self::ci::{Ci, CiRepository, CiRequests, CiRun, CiWebhooks, CiWorkflow};
pub use self::ci_jobs::{CiJob, CiJobs, CiRepositoryJobs};
pub use self::effect::{EffectDirection, EffectPair, Interval, SeriesEffect, Side};
pub use self::event::Event;
pub use self::exemplar::{Exemplar, SeriesExemplars};
pub use self::experiment::{Better, Experiment, ExperimentState, OtherChange};
pub use self::explanation::{AgentAtWork, EarlierAlert, Explanation, Happened, MovedSeries, SaidLine, Usage, UsageKind, WorkInProgress};
pub use self::forecast::{ForecastBound, ForecastRecord, ForecastScore, ForecastSubject, Forecasts, NoDate, UndatedForecast};
pub use self::frame::{Frame, FrameKind};
pub use self::health::{FailingPart, Health, HealthCheck, HealthPart, HealthVerdict, UnmeasuredPart};
pub use self::heartbeat::{Heartbeat, HeartbeatState};
pub use self::metric::MetricMetadata;
pub use self::noise::{AlertNoise, HalvedBy, ProfileOffer, RuleNoise};
pub use self::recommendation::{
    Advisor, Attempt, Baseline, Confidence, Effort, Evidence, Expected, Measure, Outcome, Recommendation, RecommendationStatus,
    SeemsApplied, Verdict,
};
pub use self::rule::{NamedRule, Rule, RuleFiring, RuleGroup, RulePreview, RuleState, Rules};
pub use self::series_forecast::{ForecastMethod, SeriesForecast, SeriesForecastRecord, SeriesForecasts};
pub use self::source::{Source, SourceState};
pub use self::status::{Pipeline, ServiceState, Status, WindowCounts};
pub use self::store::{Journal, Records, Share, Store};
pub use self::target::{Target, TargetKind};
pub use self::window::Window;

use jiff::Timestamp;
use taskpulse_engine::model::TimestampMs;

/// Unix seconds of a time in milliseconds.
#[must_use]
pub fn seconds(ms: TimestampMs) -> f64 {
    ms as f64 / 1e3
}

/// A time of a view as RFC 3339.
pub(crate) fn rfc3339(seconds: f64) -> String {
    Timestamp::from_millisecond((seconds * 1e3).round() as i64).map(|t| t.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
