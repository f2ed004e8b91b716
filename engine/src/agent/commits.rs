//! Which commits belong to which session, by the log of the repository in which it works.
//!
//! An agent may name its commits (`exact`). Those that it does not name are found in the log: written in the worktree of its folder, at a time at
//! which the session lived; where several did, the commit is `shared`. A commit that was amended or moved is replaced by its successor.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::book::Book;
use super::costs::How;
use super::item::Item;
use super::session::{MAX_NAMED, Session};
use super::signal::SessionKey;
use crate::model::TimestampMs;

/// A commit may be written so long after the last sign of its session.
const AFTER_MS: i64 = 60_000;
/// Logs know seconds only.
const SECOND_MS: i64 = 1_000;
/// Ids of commits that were replaced and are remembered.
const MAX_REPLACED: usize = 200;
/// Shortest beginning of an id that says which commit is meant.
pub const MIN_ID: usize = 7;

/// A commit of a session.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Commit {
    /// Its id.
    pub id: String,
    /// When it was made; of those that the log says, to the second.
    pub at: TimestampMs,
    /// The branch, where it is known.
    pub branch: Option<String>,
    /// How it is known that the session made it.
    #[serde(default)]
    pub how: How,
    /// Its parents, where the log was read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parents: Vec<String>,
    /// Whether it is part of the default branch of the repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged: Option<bool>,
    /// Whether a later commit reverts it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reverted: bool,
    /// The worktree in whose log it was found.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub root: String,
}

impl Commit {
    /// What was done up to here may be in it.
    #[must_use]
    pub fn until(&self) -> TimestampMs {
        if self.how == How::Exact { self.at } else { self.at + SECOND_MS - 1 }
    }
}

/// A commit of a log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SeenCommit {
    /// Its id.
    pub id: String,
    /// When it was made, or amended.
    pub at: TimestampMs,
    /// When its author wrote it.
    pub authored: TimestampMs,
    /// The branch on which it was made; none where that is not known.
    pub branch: Option<String>,
    /// Its parents.
    pub parents: Vec<String>,
    /// Whether it is part of the default branch; none where that is not known.
    pub merged: Option<bool>,
    /// Whether a later commit reverts it.
    pub reverted: bool,
}

/// What the log of a worktree says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CommitLog {
    /// Commits that were made in this worktree and are still there.
    pub made: Vec<SeenCommit>,
    /// Ids of those that were replaced.
    pub replaced: Vec<String>,
    /// Those that were asked for by their ids, wherever they were made.
    pub asked: Vec<SeenCommit>,
}

/// Whether one of two ids of a commit is the other, or its beginning.
#[must_use]
pub fn is_same_commit(a: &str, b: &str) -> bool {
    a.len().min(b.len()) >= MIN_ID && (a.starts_with(b) || b.starts_with(a))
}

impl Book {
    /// Takes in the log of a worktree in which these sessions work. Whether anything changed.
    pub fn take_log(&mut self, root: &str, sessions: &[SessionKey], log: &CommitLog, now: TimestampMs) -> bool {
        let all = self.sessions().flat_map(|session| session.commits.iter().filter(|commit| commit.how == How::Exact));
        let named: BTreeSet<String> = all.map(|commit| commit.id.clone()).collect();
        let is_named = |id: &str| {
            // Names may be cut, and sort right before or within what they begin.
            named.contains(id) || (MIN_ID..id.len()).any(|end| id.get(..end).is_some_and(|start| named.contains(start)))
        };
        let spans: Vec<_> = sessions.iter().filter_map(|key| Some((key, self.session(key)?.span(now)))).collect();
        let here =
            |authored: TimestampMs| spans.iter().filter(move |(_, (from, to))| (*from..*to).contains(&authored)).map(|(key, _)| *key);
        let mut found: Vec<(&SessionKey, Commit)> = Vec::new();
        for seen in log.made.iter().filter(|seen| !is_named(&seen.id)) {
            let how = if here(seen.authored).nth(1).is_some() { How::Shared } else { How::ByFolderAndTime };
            found.extend(here(seen.authored).map(|key| (key, seen.commit(how, root))));
        }
        let mut changed = false;
        for key in sessions {
            let commits = found.iter().filter(|(of, _)| *of == key).map(|(_, commit)| commit.clone()).collect();
            changed |= self.change(key, |session| session.take_log(root, commits, log));
        }
        changed
    }
}

impl SeenCommit {
    fn commit(&self, how: How, root: &str) -> Commit {
        Commit {
            id: self.id.clone(),
            at: self.at,
            branch: self.branch.clone(),
            how,
            parents: self.parents.clone(),
            merged: self.merged,
            reverted: self.reverted,
            root: root.to_owned(),
        }
    }
}

impl Session {
    /// When it may have made a commit: from its first sign to a little after its last one; one that lives may go on.
    fn span(&self, now: TimestampMs) -> (TimestampMs, TimestampMs) {
        let end = if self.state(now).0.is_over() { self.last_seen } else { self.last_seen.max(now) };
        (self.first_seen - SECOND_MS, end + AFTER_MS)
    }

    /// Takes a commit in that the agent named, or out again.
    pub(super) fn commit(&mut self, item: &Item, is_new: bool) {
        let id = &item.name;
        if !is_new {
            self.commits.retain(|commit| commit.how != How::Exact || !is_same_commit(&commit.id, id));
            return;
        }
        if self.replaced.iter().any(|replaced| is_same_commit(replaced, id)) {
            return;
        }
        let known = self.commits.iter().position(|commit| is_same_commit(&commit.id, id) || commit.id == *id);
        let known = known.map(|at| self.commits.remove(at)).unwrap_or_default();
        // The longer of two ids says more.
        let id = if known.id.len() > id.len() { known.id.clone() } else { id.clone() };
        let branch = item.branch.clone().or_else(|| known.branch.clone());
        self.insert(Commit { id, at: item.at, branch, how: How::Exact, ..known });
    }

    fn insert(&mut self, commit: Commit) {
        if self.commits.len() < MAX_NAMED {
            let place = self.commits.partition_point(|other| other.at <= commit.at);
            self.commits.insert(place, commit);
        }
        self.most_commits = self.most_commits.max(self.commits.len() as u64);
    }

    /// Takes in what the log of a worktree says. Whether anything changed.
    fn take_log(&mut self, root: &str, found: Vec<Commit>, log: &CommitLog) -> bool {
        let before = self.commits.clone();
        for id in &log.replaced {
            let is_ours = self.commits.iter().any(|commit| is_same_commit(&commit.id, id));
            if is_ours && self.replaced.len() < MAX_REPLACED {
                self.replaced.push(id.clone());
            }
        }
        let (replaced, commits) = (&self.replaced, &mut self.commits);
        commits.retain(|commit| {
            let is_replaced = || replaced.iter().any(|id| is_same_commit(id, &commit.id));
            if commit.how == How::Exact { !is_replaced() } else { commit.root != root }
        });
        for commit in found {
            self.insert(commit);
        }
        for commit in self.commits.iter_mut().filter(|commit| commit.how == How::Exact) {
            let Some(seen) = log.made.iter().chain(&log.asked).find(|seen| is_same_commit(&seen.id, &commit.id)) else { continue };
            (commit.merged, commit.reverted, commit.parents) = (seen.merged, seen.reverted, seen.parents.clone());
            commit.branch = commit.branch.take().or_else(|| seen.branch.clone());
            if seen.id.len() > commit.id.len() {
                commit.id.clone_from(&seen.id);
            }
        }
        let changed = self.commits != before;
        self.revision += u64::from(changed);
        changed
    }
}
