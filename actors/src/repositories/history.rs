//! Commits and what is reachable from where.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::path::Path;

use gix_hash::ObjectId;
use gix_object::Find;
use taskpulse_engine::agent::{CommitLog, MIN_ID, SeenCommit};
use taskpulse_engine::model::TimestampMs;

use super::LogError;
use super::place::Place;
use super::reflog::{Step, is_id};
use crate::files::{self, MAX_SHORT, ReadError};

/// Most commits that are read.
const MAX_COMMITS: usize = 5_000;
/// Most memory of one object. Commits are small.
const MAX_OBJECT: usize = 16 << 20;
/// Most of a message that is searched.
const MAX_MESSAGE: usize = 1 << 16;
/// Most branches that are walked.
const MAX_BRANCHES: usize = 1_000;
/// Folders of branches within folders.
const MAX_DEPTH: usize = 8;
/// The file of packed branches.
const MAX_PACKED: u64 = 16 << 20;
/// A revert of a revert, and so on.
const MAX_REVERTS: usize = 20;

/// Reachable from any branch, from the default branch, from `HEAD`.
const ANY: u8 = 1;
const DEFAULT: u8 = 2;
const HEAD: u8 = 4;

/// Branches and where they point.
#[derive(Debug, Default)]
pub(super) struct Tips {
    /// The branch that is checked out; none where `HEAD` is detached.
    pub(super) branch: Option<String>,
    head: Option<ObjectId>,
    /// All branches, by their full names.
    all: BTreeMap<String, ObjectId>,
    default: Option<ObjectId>,
}

impl Tips {
    /// Reads the branches of a repository.
    pub(super) fn read(place: &Place) -> Result<Self, LogError> {
        let text = files::read_text(&place.own.join("HEAD"), MAX_SHORT)?;
        let mut tips = Self { branch: text.trim().strip_prefix("ref: refs/heads/").map(|name| name.trim().to_owned()), ..Self::default() };
        match files::read_text(&place.common.join("packed-refs"), MAX_PACKED) {
            Ok(packed) => {
                let pairs = packed.lines().filter_map(|line| line.split_once(' '));
                let heads = pairs.filter(|(_, name)| name.starts_with("refs/heads/") || name.starts_with("refs/remotes/"));
                tips.all.extend(heads.take(MAX_BRANCHES).filter_map(|(id, name)| Some((name.to_owned(), id_of(id)?))));
            }
            Err(error) if error.is_missing() => {}
            Err(error) => return Err(error.into()),
        }
        for folder in ["refs/heads", "refs/remotes"] {
            tips.read_folder(&place.common, folder, 0);
        }
        tips.head = match &tips.branch {
            Some(branch) => tips.all.get(&format!("refs/heads/{branch}")).copied(),
            None => id_of(text.trim()),
        };
        tips.default = tips.find_default(place)?;
        Ok(tips)
    }

    /// Loose branches are newer than packed ones. What cannot be read is left out.
    fn read_folder(&mut self, common: &Path, folder: &str, depth: usize) {
        let Ok(entries) = std::fs::read_dir(common.join(folder)) else { return };
        for entry in entries.flatten().take(MAX_BRANCHES) {
            let Some(name) = entry.file_name().to_str().map(|name| format!("{folder}/{name}")) else { continue };
            if self.all.len() >= 2 * MAX_BRANCHES {
                return;
            }
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && depth < MAX_DEPTH => self.read_folder(common, &name, depth + 1),
                Ok(kind) if kind.is_file() => {
                    let id = files::read_text(&entry.path(), MAX_SHORT).ok().and_then(|text| id_of(text.trim()));
                    self.all.extend(id.map(|id| (name, id)));
                }
                _ => {}
            }
        }
    }

    /// The default branch: the one that `origin` names, else `main` or `master`, at `origin` if it is there.
    fn find_default(&self, place: &Place) -> Result<Option<ObjectId>, ReadError> {
        let named = match files::read_text(&place.common.join("refs/remotes/origin/HEAD"), MAX_SHORT) {
            Ok(text) => text.trim().strip_prefix("ref: ").map(str::to_owned),
            Err(error) if error.is_missing() => None,
            Err(error) => return Err(error),
        };
        let names = ["refs/remotes/origin/main", "refs/remotes/origin/master", "refs/heads/main", "refs/heads/master"];
        Ok(named.into_iter().chain(names.map(str::to_owned)).find_map(|name| self.all.get(&name).copied()))
    }

    /// Whether a branch of this repository is there.
    fn has(&self, branch: Option<&str>) -> bool {
        branch.is_none_or(|branch| self.all.contains_key(&format!("refs/heads/{branch}")))
    }
}

fn id_of(text: &str) -> Option<ObjectId> {
    is_id(text).then(|| ObjectId::from_hex(text.as_bytes()).ok()).flatten()
}

/// A commit, as far as it is needed.
#[derive(Debug, Clone)]
struct Commit {
    parents: Vec<ObjectId>,
    authored: TimestampMs,
    committed: TimestampMs,
    /// What identifies the change over amends and rebases: who wrote it, and when. Never kept.
    author: Vec<u8>,
    /// The commit that it says to revert.
    reverts: Option<ObjectId>,
}

/// See the module.
pub(super) struct History {
    objects: gix_odb::Handle,
    commits: BTreeMap<ObjectId, Option<Commit>>,
    flags: BTreeMap<ObjectId, u8>,
    has_default: bool,
    /// All that is reachable and young enough was read.
    is_whole: bool,
    reverted_by: BTreeMap<ObjectId, Vec<ObjectId>>,
}

impl History {
    pub(super) fn open(place: &Place) -> Result<Self, LogError> {
        let objects = place.common.join("objects");
        let options = gix_odb::store::init::Options { alloc_limit_bytes: Some(MAX_OBJECT), ..Default::default() };
        let handle = gix_odb::at_opts(&objects, gix_hash::Kind::Sha1, None, options);
        let mut objects = handle.map_err(|error| LogError::Objects(place.root.display().to_string(), error))?;
        // A commit that is missing (a shallow clone) must not make it look again each time.
        objects.refresh_never();
        Ok(Self {
            objects,
            commits: BTreeMap::new(),
            flags: BTreeMap::new(),
            has_default: false,
            is_whole: false,
            reverted_by: BTreeMap::new(),
        })
    }

    fn commit(&mut self, id: ObjectId) -> Option<&Commit> {
        if !self.commits.contains_key(&id) {
            if self.commits.len() >= MAX_COMMITS {
                return None;
            }
            let mut buffer = Vec::new();
            let read = match self.objects.try_find(&id, &mut buffer) {
                Ok(Some(data)) if data.kind == gix_object::Kind::Commit => parse(data.data),
                _ => None,
            };
            if let Some(reverted) = read.as_ref().and_then(|commit| commit.reverts) {
                self.reverted_by.entry(reverted).or_default().push(id);
            }
            self.commits.insert(id, read);
        }
        self.commits.get(&id)?.as_ref()
    }

    /// Marks what is reachable, the newest first, back to a time.
    pub(super) fn walk(&mut self, tips: &Tips, since: TimestampMs) {
        self.has_default = tips.default.is_some();
        let mut todo = BinaryHeap::new();
        let marked = tips.all.values().map(|id| (*id, ANY));
        let marked = marked.chain(tips.default.map(|id| (id, ANY | DEFAULT))).chain(tips.head.map(|id| (id, ANY | HEAD)));
        for (id, flags) in marked {
            self.mark(id, flags, &mut todo);
        }
        while let Some((committed, id)) = todo.pop() {
            if committed < since {
                continue;
            }
            let flags = self.flags.get(&id).copied().unwrap_or(0);
            let parents = self.commit(id).map(|commit| commit.parents.clone()).unwrap_or_default();
            for parent in parents {
                self.mark(parent, flags, &mut todo);
            }
        }
        self.is_whole = self.commits.len() < MAX_COMMITS;
    }

    fn mark(&mut self, id: ObjectId, flags: u8, todo: &mut BinaryHeap<(TimestampMs, ObjectId)>) {
        let Some(committed) = self.commit(id).map(|commit| commit.committed) else { return };
        let known = self.flags.entry(id).or_default();
        if *known | flags != *known {
            *known |= flags;
            todo.push((committed, id));
        }
    }

    fn is_reachable(&self, id: &ObjectId) -> bool {
        self.flags.get(id).is_some_and(|flags| flags & ANY != 0)
    }

    /// Which of the commits that were made are still there, and which were replaced.
    pub(super) fn sort_out(&mut self, tips: &Tips, made: &[Step], log: &mut CommitLog) {
        let mut newest: BTreeMap<ObjectId, &Step> = BTreeMap::new();
        let mut order = Vec::new();
        for step in made {
            let Some(id) = id_of(&step.new).filter(|id| self.commit(*id).is_some()) else { continue };
            if newest.insert(id, step).is_none() {
                order.push(id);
            }
        }
        let amended: BTreeSet<ObjectId> = made.iter().filter(|step| step.replaces()).filter_map(|step| id_of(&step.old)).collect();
        let author = |history: &Self, id: &ObjectId| history.commits.get(id).cloned().flatten().map(|commit| commit.author);
        for (at, id) in order.iter().enumerate() {
            let Some(step) = newest.get(id) else { continue };
            let gone = self.is_whole && !self.is_reachable(id);
            let again = order[at + 1..].iter().any(|later| author(self, later) == author(self, id) && self.is_reachable(later));
            if gone && (again || amended.contains(id)) {
                log.replaced.push(id.to_string());
            } else if !gone || !tips.has(step.branch.as_deref()) {
                log.made.push(self.seen(id, step.branch.clone(), Some(step)));
            }
        }
    }

    /// The commits of `HEAD` that were written since a time.
    pub(super) fn of_head(&self, since: TimestampMs) -> Vec<ObjectId> {
        let young = |id: &ObjectId| self.commits.get(id).and_then(Option::as_ref).is_some_and(|commit| commit.authored >= since);
        let of_head = self.flags.iter().filter(|(id, flags)| **flags & HEAD != 0 && young(id));
        of_head.map(|(id, _)| *id).take(super::MAX_MADE).collect()
    }

    /// The commit of an id, which may be cut.
    pub(super) fn named(&self, id: &str) -> Option<ObjectId> {
        let id = id.to_ascii_lowercase();
        if id.len() < MIN_ID {
            return None;
        }
        let mut all = self.flags.keys().filter(|known| known.to_string().starts_with(&id));
        let first = *all.next()?;
        all.next().is_none().then_some(first)
    }

    /// What is known of a commit. One that was amended is as new as its amend.
    pub(super) fn seen(&self, id: &ObjectId, branch: Option<String>, step: Option<&Step>) -> SeenCommit {
        let commit = self.commits.get(id).and_then(Option::as_ref);
        let authored = commit.map_or(0, |commit| commit.authored);
        let on_default = self.flags.get(id).is_some_and(|flags| flags & DEFAULT != 0);
        SeenCommit {
            id: id.to_string(),
            at: step.filter(|step| step.replaces()).map_or(authored, |step| step.at.max(authored)),
            authored,
            branch,
            parents: commit.map(|commit| commit.parents.iter().map(ToString::to_string).collect()).unwrap_or_default(),
            merged: (self.has_default && (on_default || self.is_whole)).then_some(on_default),
            reverted: self.is_reverted(id, 0),
        }
    }

    /// Whether a commit that is reachable reverts it, and is not reverted itself.
    fn is_reverted(&self, id: &ObjectId, depth: usize) -> bool {
        let by = self.reverted_by.get(id).into_iter().flatten();
        depth < MAX_REVERTS && by.into_iter().any(|by| self.is_reachable(by) && !self.is_reverted(by, depth + 1))
    }
}

/// Reads a commit: headers, an empty line, the message.
fn parse(bytes: &[u8]) -> Option<Commit> {
    let end = bytes.windows(2).position(|two| two == b"\n\n").unwrap_or(bytes.len());
    let (head, message) = bytes.split_at(end);
    let mut commit = Commit { parents: Vec::new(), authored: 0, committed: 0, author: Vec::new(), reverts: reverted(message) };
    let (mut has_author, mut has_committer) = (false, false);
    for line in head.split(|byte| *byte == b'\n') {
        if let Some(id) = line.strip_prefix(b"parent ") {
            commit.parents.extend(std::str::from_utf8(id).ok().and_then(id_of));
        } else if let (false, Some(author)) = (has_author, line.strip_prefix(b"author ")) {
            commit.authored = time_of(author)?;
            commit.author = author.to_vec();
            has_author = true;
        } else if let (false, Some(committer)) = (has_committer, line.strip_prefix(b"committer ")) {
            commit.committed = time_of(committer)?;
            has_committer = true;
        }
    }
    (has_author && has_committer).then_some(commit)
}

/// `NAME <MAIL> SECONDS ZONE`
fn time_of(signature: &[u8]) -> Option<TimestampMs> {
    let end = signature.iter().rposition(|byte| *byte == b'>')?;
    let seconds = std::str::from_utf8(&signature[end + 1..]).ok()?.split_whitespace().next()?.parse::<i64>().ok()?;
    seconds.checked_mul(1_000)
}

/// The commit that a message says to revert, in the words of `git revert`.
fn reverted(message: &[u8]) -> Option<ObjectId> {
    const WORDS: &str = "This reverts commit ";
    let text = String::from_utf8_lossy(&message[..message.len().min(MAX_MESSAGE)]);
    let rest = &text[text.find(WORDS)? + WORDS.len()..];
    id_of(rest.get(..40)?)
}
