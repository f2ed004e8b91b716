//! The files of workflows on the default branch: whether they changed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::RunTracker;
use crate::ci::WORKFLOW_CHANGED;
use crate::event::Event;
use crate::model::TimestampMs;

impl RunTracker {
    /// Whether the files of workflows may have changed: they were never read, or a commit has had its first run since this was last asked.
    pub fn take_new_commit(&mut self) -> bool {
        std::mem::take(&mut self.has_new_commit) || self.state.files.is_none()
    }

    /// Applies the list of the files of workflows. Those that changed since the last one are events; of the first list nothing is known to
    /// have changed.
    pub fn observe_files(&mut self, files: BTreeMap<String, String>, now: TimestampMs) {
        let before = self.state.files.replace(files);
        let Some(files) = self.state.files.as_ref().filter(|files| before.as_ref() != Some(*files)) else { return };
        self.state_changed = true;
        let Some(before) = before else { return };
        let paths: BTreeSet<&String> = before.keys().chain(files.keys()).collect();
        let changed = paths.into_iter().filter(|path| before.get(*path) != files.get(*path));
        let events: Vec<Event> = changed.flat_map(|path| self.file_events(path, before.get(path), files.get(path), now)).collect();
        self.pending.events.extend(events);
    }

    /// An event for each workflow of a file.
    fn file_events(&self, path: &str, before: Option<&String>, after: Option<&String>, now: TimestampMs) -> Vec<Event> {
        let change = match (before, after) {
            (None, _) => "added",
            (_, None) => "removed",
            _ => "changed",
        };
        let mut names: Vec<&str> = self.state.names.of_file(path).collect();
        if names.is_empty() {
            // No run of it is known.
            names.push("");
        }
        let of = |workflow: &str| {
            let title = format!("{path} of {} was {change} on the default branch", self.repo);
            let data = json!({"repo": self.repo, "workflow": workflow, "workflow_path": path, "change": change, "blob": after});
            Event::new(now, "github", WORKFLOW_CHANGED, path, title).with_data(data)
        };
        names.into_iter().map(of).collect()
    }
}
