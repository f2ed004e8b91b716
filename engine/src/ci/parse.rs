//! Reads GitHub's REST answers and webhook deliveries.
//!
//! A field that is missing, null or of another type counts as absent. A run without a number, a time or a status is left out
//! and counted; unknown statuses and conclusions are kept as they are.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::COMPLETED;
use super::workflow::{WorkflowKey, is_path, without_ref};
use crate::model::TimestampMs;

/// Longest text kept of a field.
const MAX_TEXT: usize = 200;
/// Most labels of a runner that are read.
const MAX_LABELS: usize = 20;
/// Most pull requests of a run.
const MAX_PULLS: usize = 8;
/// Files of workflows at the most.
const MAX_FILES: usize = 1_000;
/// Valid times: 2008 to 2100. GitHub may write an unknown time as the year 1.
const TIMES: std::ops::Range<TimestampMs> = 1_199_145_600_000..4_102_444_800_000;

/// One attempt of a run of a workflow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkflowRun {
    /// GitHub's number of the run.
    pub id: u64,
    /// Its attempt, from 1.
    pub attempt: u32,
    /// GitHub's number of the workflow; 0 where it is unknown.
    #[serde(default)]
    pub workflow_id: u64,
    /// File of the workflow, without a branch; empty where it is unknown.
    #[serde(default)]
    pub path: String,
    /// Name of the workflow; none where GitHub has none, or only its file.
    #[serde(default)]
    pub name: Option<String>,
    /// GitHub's status; `completed` when it ended.
    pub status: String,
    /// How it ended; none before the end, or where GitHub does not say.
    pub conclusion: Option<String>,
    /// Branch of its head.
    pub branch: String,
    /// Commit of its head; empty where it is not known.
    pub sha: String,
    /// The event that triggered it.
    pub event: String,
    /// Its number among the runs of its workflow.
    pub number: u64,
    /// Its title.
    pub title: String,
    /// Its page.
    pub url: String,
    /// Its head is in another repository.
    pub fork: bool,
    /// When it was created.
    pub created: TimestampMs,
    /// When this attempt began.
    pub started: TimestampMs,
    /// Its last change: its end, where it ended.
    pub updated: Option<TimestampMs>,
    /// When its head was committed.
    pub committed: Option<TimestampMs>,
    /// Pull requests that GitHub names with it: open ones of its head.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pulls: Vec<u64>,
}

impl WorkflowRun {
    /// Whether this attempt ended.
    #[must_use]
    pub fn ended(&self) -> bool {
        self.status == COMPLETED
    }

    /// Seconds from its beginning to its end, where it ended after it began.
    #[must_use]
    pub fn duration(&self) -> Option<f64> {
        let ms = self.updated.filter(|_| self.ended())? - self.started;
        (ms >= 0).then_some(ms as f64 / 1e3)
    }

    /// How it ended, as a label value.
    #[must_use]
    pub fn outcome(&self) -> &str {
        self.conclusion.as_deref().unwrap_or("none")
    }

    /// The identity of its workflow.
    #[must_use]
    pub fn key(&self) -> WorkflowKey {
        WorkflowKey::new(self.workflow_id, &self.path, self.name.as_deref())
    }

    /// Its place in the order of the runs of its repository, the newest last.
    #[must_use]
    pub fn order(&self) -> (TimestampMs, u64, u32) {
        (self.created, self.id, self.attempt)
    }
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The items that could be read, in the order of the answer.
    pub items: Vec<T>,
    /// How many items all pages have, where GitHub says so.
    pub total: Option<u64>,
    /// Whether another page follows. The body does not say: see [`super::paging`].
    pub more: bool,
    /// The repository of the first item that names one.
    pub repo: Option<String>,
    /// How many items the page has.
    pub length: usize,
    /// How many of them could not be read.
    pub skipped: usize,
}

/// One job.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// GitHub's number of it.
    pub id: Option<u64>,
    /// Its name; empty where it has none.
    pub name: String,
    /// How it ended; empty where it has not, or where that is unknown.
    pub outcome: String,
    /// What it asked of its runner.
    pub labels: Vec<String>,
    /// The attempt that it belongs to.
    pub attempt: Option<u32>,
    /// It ended.
    pub ended: bool,
    /// It was skipped.
    pub skipped: bool,
    /// It was cancelled.
    pub cancelled: bool,
    /// When it began.
    pub started: Option<TimestampMs>,
    /// When it ended.
    pub completed: Option<TimestampMs>,
}

/// A workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workflow {
    /// GitHub's number of it; 0 where it is unknown.
    pub id: u64,
    /// Its file; empty where it is unknown.
    pub path: String,
    /// Its name; none where GitHub has none, or only its file.
    pub name: Option<String>,
    /// `active`, `disabled_manually`, …
    pub state: String,
    /// Its page.
    pub url: String,
}

impl Workflow {
    /// Its identity.
    #[must_use]
    pub fn key(&self) -> WorkflowKey {
        WorkflowKey::new(self.id, &self.path, self.name.as_deref())
    }
}

/// Why an answer cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Not JSON.
    #[error("the answer is not JSON ({0}); is the address of the API right?")]
    NotJson(String),
    /// JSON without a field that is needed.
    #[error("the answer has no `{0}`; is the address of the API right?")]
    Missing(&'static str),
}

pub(super) fn json(bytes: &[u8]) -> Result<Value, ParseError> {
    serde_json::from_slice(bytes).map_err(|error| ParseError::NotJson(error.to_string()))
}

pub(super) fn text(value: &Value) -> Option<String> {
    value.as_str().map(|text| text.trim().chars().take(MAX_TEXT).collect()).filter(|text: &String| !text.is_empty())
}

pub(super) fn time(value: &Value) -> Option<TimestampMs> {
    let at = value.as_str()?.parse::<jiff::Timestamp>().ok()?.as_millisecond();
    TIMES.contains(&at).then_some(at)
}

pub(super) fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// A web address, the only kind that is linked to.
pub(super) fn link(value: &Value) -> String {
    text(value).filter(|url| url.starts_with("https://") || url.starts_with("http://")).unwrap_or_default()
}

/// A list under `key`.
fn page<T>(bytes: &[u8], key: &'static str, read: impl Fn(&Value) -> Option<T>) -> Result<Page<T>, ParseError> {
    let answer = json(bytes)?;
    let list = answer.get(key).and_then(Value::as_array).ok_or(ParseError::Missing(key))?;
    let items: Vec<T> = list.iter().filter_map(read).collect();
    let repo = list.iter().find_map(|item| text(&item["repository"]["full_name"]));
    Ok(Page { skipped: list.len() - items.len(), length: list.len(), total: number(&answer["total_count"]), more: false, repo, items })
}

/// The answer of `…/actions/runs`.
///
/// # Errors
/// [`ParseError`] when it is not such an answer.
pub fn runs(bytes: &[u8]) -> Result<Page<WorkflowRun>, ParseError> {
    page(bytes, "workflow_runs", read_run)
}

/// The answer of `…/actions/runs/{id}`.
///
/// # Errors
/// [`ParseError`] when it is not such an answer.
pub fn run(bytes: &[u8]) -> Result<WorkflowRun, ParseError> {
    read_run(&json(bytes)?).ok_or(ParseError::Missing("id"))
}

/// The answer of `…/jobs`.
///
/// # Errors
/// [`ParseError`] when it is not such an answer.
pub fn jobs(bytes: &[u8]) -> Result<Page<Job>, ParseError> {
    page(bytes, "jobs", |job| {
        job.is_object().then(|| Job {
            id: number(&job["id"]),
            name: text(&job["name"]).unwrap_or_default(),
            outcome: text(&job["conclusion"]).unwrap_or_default(),
            labels: job["labels"].as_array().into_iter().flatten().take(MAX_LABELS).filter_map(text).collect(),
            attempt: attempt(job),
            ended: job["status"].as_str() == Some(COMPLETED),
            skipped: job["conclusion"].as_str() == Some("skipped"),
            cancelled: job["conclusion"].as_str() == Some("cancelled"),
            started: time(&job["started_at"]),
            completed: time(&job["completed_at"]),
        })
    })
}

/// The answer of `…/actions/workflows`.
///
/// # Errors
/// [`ParseError`] when it is not such an answer.
pub fn workflows(bytes: &[u8]) -> Result<Page<Workflow>, ParseError> {
    page(bytes, "workflows", |workflow| {
        let (path, name) = path_and_name(workflow);
        let id = number(&workflow["id"]).unwrap_or(0);
        (id > 0 || !path.is_empty() || name.is_some()).then(|| Workflow {
            id,
            path,
            name,
            state: text(&workflow["state"]).unwrap_or_default(),
            url: link(&workflow["html_url"]),
        })
    })
}

/// The answer of `…/contents/.github/workflows`: the fingerprint of each file that may be of a workflow, by its path.
///
/// # Errors
/// [`ParseError`] when it is not such an answer.
pub fn workflow_files(bytes: &[u8]) -> Result<BTreeMap<String, String>, ParseError> {
    let answer = json(bytes)?;
    let list = answer.as_array().ok_or(ParseError::Missing("a list of files"))?;
    let is_workflow = |path: &String| [".yml", ".yaml"].iter().any(|end| path.ends_with(end));
    let file = |file: &Value| Some((text(&file["path"]).filter(is_workflow)?, text(&file["sha"])?));
    Ok(list.iter().filter(|file| file["type"] == "file").take(MAX_FILES).filter_map(file).collect())
}

/// The `message` of an error.
#[must_use]
pub fn message(bytes: &[u8]) -> Option<String> {
    text(&json(bytes).ok()?["message"]).map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// The name of the repository in the answer of `/repos/{owner}/{name}`.
#[must_use]
pub fn repository(bytes: &[u8]) -> Option<String> {
    text(&json(bytes).ok()?["full_name"])
}

/// The requests that are left, in the answer of `/rate_limit`.
#[must_use]
pub fn remaining(bytes: &[u8]) -> Option<u64> {
    number(&json(bytes).ok()?["resources"]["core"]["remaining"])
}

fn attempt(value: &Value) -> Option<u32> {
    number(&value["run_attempt"]).and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0)
}

/// The file of a workflow, and its name where that is more than its file.
fn path_and_name(value: &Value) -> (String, Option<String>) {
    let path = text(&value["path"]).map(|path| without_ref(&path).to_owned());
    let name = text(&value["name"]);
    let is_file = name.as_deref().is_some_and(|name| is_path(name) || path.as_deref() == Some(without_ref(name)));
    let path = path.or_else(|| name.clone().filter(|_| is_file));
    (path.unwrap_or_default(), name.filter(|_| !is_file))
}

fn read_run(run: &Value) -> Option<WorkflowRun> {
    let (created, started, updated) = (time(&run["created_at"]), time(&run["run_started_at"]), time(&run["updated_at"]));
    let created = created.or(started).or(updated)?;
    let conclusion = text(&run["conclusion"]);
    // A run with a conclusion has ended.
    let status = text(&run["status"]).or_else(|| conclusion.as_ref().map(|_| COMPLETED.to_owned()))?;
    let ((path, name), workflow_id) = (path_and_name(run), number(&run["workflow_id"]).unwrap_or(0));
    if workflow_id == 0 && path.is_empty() && name.is_none() {
        return None;
    }
    let (repository, head) = (text(&run["repository"]["full_name"]), text(&run["head_repository"]["full_name"]));
    Some(WorkflowRun {
        id: number(&run["id"])?,
        attempt: attempt(run).unwrap_or(1),
        workflow_id,
        path,
        name,
        conclusion: conclusion.filter(|_| status == COMPLETED),
        status,
        branch: text(&run["head_branch"]).unwrap_or_default(),
        sha: text(&run["head_sha"]).unwrap_or_default(),
        event: text(&run["event"]).unwrap_or_default(),
        number: number(&run["run_number"]).unwrap_or(0),
        title: text(&run["display_title"]).unwrap_or_default(),
        url: link(&run["html_url"]),
        fork: repository.is_some() && head.is_some() && repository != head,
        created,
        started: started.unwrap_or(created),
        updated,
        committed: time(&run["head_commit"]["timestamp"]),
        pulls: run["pull_requests"].as_array().into_iter().flatten().take(MAX_PULLS).filter_map(|pull| number(&pull["number"])).collect(),
    })
}

/// A webhook delivery.
#[derive(Debug, Clone, PartialEq)]
pub enum Delivery {
    /// GitHub tests the webhook.
    Ping,
    /// A run of `repo` changed.
    Run {
        /// `owner/name`.
        repo: String,
        /// The run.
        run: Box<WorkflowRun>,
    },
    /// An event that is ignored.
    Other,
}

/// Why a delivery cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryError {
    /// Not JSON.
    #[error("the body is not JSON ({0}); set the webhook's content type to application/json")]
    NotJson(String),
    /// It does not name its repository.
    #[error("the delivery has no `repository.full_name`")]
    NoRepository,
    /// Its run lacks what is needed.
    #[error("the delivery's `workflow_run` has no id, time or status")]
    NoRun,
}

fn delivered_json(body: &[u8]) -> Result<Value, DeliveryError> {
    serde_json::from_slice(body).map_err(|error| DeliveryError::NotJson(error.to_string()))
}

/// Reads the body of a delivery of an event.
///
/// # Errors
/// [`DeliveryError`] where it cannot be read.
pub fn delivery(event: &str, body: &[u8]) -> Result<Delivery, DeliveryError> {
    match event {
        "ping" => delivered_json(body).map(|_| Delivery::Ping),
        "workflow_run" => {
            let body = delivered_json(body)?;
            let repo = text(&body["repository"]["full_name"]).ok_or(DeliveryError::NoRepository)?;
            let run = read_run(&body["workflow_run"]).ok_or(DeliveryError::NoRun)?;
            Ok(Delivery::Run { repo, run: Box::new(run) })
        }
        _ => Ok(Delivery::Other),
    }
}
