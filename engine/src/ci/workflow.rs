//! The identity of a workflow, and its name.
//!
//! GitHub's number of a workflow (`workflow_id`) is its identity. Its name is not: several files may have the same name, a name may change,
//! and runs of a file that GitHub cannot read have the path of the file instead of a name.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::parse::{Workflow, WorkflowRun};
use crate::model::TimestampMs;

/// Workflows whose names are remembered; others are named after their files.
const MAX_NAMES: usize = 10_000;

/// GitHub's number of a workflow, else its file, else its name: the first that is known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WorkflowKey(String);

impl WorkflowKey {
    /// The identity by what is known; a number of 0 is none.
    #[must_use]
    pub fn new(id: u64, path: &str, name: Option<&str>) -> Self {
        Self(match (id, path) {
            (1.., _) => format!("#{id}"),
            (0, "") => format!("name {}", name.unwrap_or_default()),
            (0, path) => format!("path {path}"),
        })
    }

    /// The number in digits; empty where there is none.
    #[must_use]
    pub fn number(&self) -> &str {
        self.0.strip_prefix('#').unwrap_or_default()
    }
}

/// A path without the branch or tag that GitHub appends to it (`.github/workflows/ci.yml@main`).
#[must_use]
pub(super) fn without_ref(path: &str) -> &str {
    let end = [".yml@", ".yaml@"].iter().filter_map(|end| path.find(end).map(|at| at + end.len() - 1)).min();
    &path[..end.unwrap_or(path.len())]
}

/// Whether a name is only the path of a file, as GitHub names a workflow whose file has no name or cannot be read.
#[must_use]
pub(super) fn is_path(name: &str) -> bool {
    name.starts_with(".github/workflows/")
}

/// What is known of one workflow's name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Known {
    /// From the list of workflows.
    listed: Option<String>,
    /// From its newest run that has one, and when that was created.
    #[serde(rename = "told")]
    from_run: Option<(String, TimestampMs)>,
    /// Its file in the repository.
    path: String,
}

/// The names of a repository's workflows.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WorkflowNames(BTreeMap<WorkflowKey, Known>);

impl WorkflowNames {
    fn entry(&mut self, key: WorkflowKey) -> Option<&mut Known> {
        (self.0.len() < MAX_NAMES || self.0.contains_key(&key)).then(|| self.0.entry(key).or_default())
    }

    /// Applies what a run says of its workflow. Returns whether something changed.
    pub(super) fn observe_run(&mut self, run: &WorkflowRun) -> bool {
        let Some(known) = self.entry(run.key()) else { return false };
        let mut changed = known.path.is_empty() && !run.path.is_empty();
        if changed {
            known.path.clone_from(&run.path);
        }
        if let Some(name) = &run.name
            && known.from_run.as_ref().is_none_or(|(_, of)| *of <= run.created)
        {
            changed |= known.from_run.as_ref().is_none_or(|(before, _)| before != name);
            known.from_run = Some((name.clone(), run.created));
        }
        changed
    }

    /// Applies the list of workflows. Returns whether something changed. Its names are those of the default branch, which a run of another
    /// branch does not change.
    pub(super) fn observe_list(&mut self, workflows: &[Workflow]) -> bool {
        let before = self.clone();
        for workflow in workflows {
            let Some(known) = self.entry(workflow.key()) else { continue };
            if known.path.is_empty() {
                known.path.clone_from(&workflow.path);
            }
            // A file that can no longer be read keeps its name.
            if let Some(name) = &workflow.name {
                known.listed = Some(name.clone());
            }
        }
        *self != before
    }

    /// The name of a workflow: from the list, else from its runs, else its file.
    #[must_use]
    pub fn name<'a>(&'a self, key: &'a WorkflowKey) -> &'a str {
        let known = self.0.get(key);
        let name = known.and_then(|known| known.listed.as_deref().or(known.from_run.as_ref().map(|(name, _)| name.as_str())));
        name.unwrap_or_else(|| match self.path(key) {
            // Without a name or a file, GitHub's number is all there is.
            "" => key.0.split_once(' ').map_or(key.0.as_str(), |(_, text)| text),
            path if is_path(path) => path,
            path => path.rsplit('/').next().unwrap_or(path),
        })
    }

    /// The file of a workflow; empty where it is unknown.
    #[must_use]
    pub fn path(&self, key: &WorkflowKey) -> &str {
        self.0.get(key).map_or("", |known| known.path.as_str())
    }

    /// The names of the workflows of a file.
    pub fn of_file<'a>(&'a self, path: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(_, known)| known.path == path).map(|(key, _)| self.name(key))
    }

    /// Drops workflows that are neither listed nor in `held`.
    pub(super) fn retain(&mut self, held: &BTreeSet<WorkflowKey>) {
        self.0.retain(|key, known| known.listed.is_some() || held.contains(key));
    }
}
