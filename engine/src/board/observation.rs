//! One observation of a board: which differences are changes, and which come from another version of the file.
//!
//! A checkout changes the whole file at once, so one task is evidence for the others. The file is switched to another version
//!
//! * as a whole, where the time of any task shows it ([`Verdict::Switched`]),
//! * for a tag that has tasks without a time, where the whole tag is as it was once before, or where several of its tasks were
//!   reopened at once without a time.
//!
//! Then a difference without a time is not a change, nothing counts as reopened, and a state newer than all known ones (work that came
//! with the branch) is compared with the newest known state, not with the one that the file had before. So an editor that reverts
//! its only change without writing a time looks like a checkout and counts nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::{State, Verdict};
use super::parse::{Board, Subtask, Tag, Task};
use super::watch::{Execution, GoneTask, Observed, Outcome, OutcomeKind, Seen, SeenTag, SeenTask, Switched, Transition, seconds};
use super::{CANCELLED, DONE, is_reopening};

/// Versions of a tag that are remembered.
const MAX_VERSIONS: usize = 256;
/// Versions of a removed tag that are remembered.
const MAX_VERSIONS_GONE: usize = 16;

/// Collects the result of one observation.
pub(super) struct Observation {
    seen_at_ms: i64,
    last_observed_ms: Option<i64>,
    /// The file switched to another version.
    switched: bool,
    /// Tags that switched, by evidence of their own.
    switched_tags: BTreeSet<String>,
    observed: Observed,
    outcomes: Vec<Outcome>,
}

/// The task or subtask that a change is about.
#[derive(Clone, Copy)]
struct Subject<'a> {
    tag: &'a str,
    task: &'a str,
    subtask: Option<&'a str>,
    priority: &'a str,
}

/// What an observation shows of a task.
enum Step {
    /// Its status did not change.
    Stay,
    /// It comes from another version of the file.
    Switch,
    /// It changed from this state.
    Change(State),
}

fn state_of(task: &Task) -> State {
    State { status: task.status.clone(), at_ms: task.updated_at_ms }
}

impl Observation {
    /// Starts the observation of a board: decides first whether the file switched to another version.
    pub(super) fn new(seen_at_ms: i64, last_observed_ms: Option<i64>, board: &Board, memory: &mut BTreeMap<String, SeenTag>) -> Self {
        let (observed, outcomes) = (Observed::default(), Vec::new());
        let mut observation = Self { seen_at_ms, last_observed_ms, switched: false, switched_tags: BTreeSet::new(), observed, outcomes };
        for (name, tag) in &board.tags {
            let Some(seen) = memory.get_mut(name) else { continue };
            let mut untimed_reopenings = 0;
            for (key, task) in tag.tasks.iter().filter_map(|task| Some((task.key()?, task))) {
                let Some(known) = seen.tasks.get_mut(&*key) else { continue };
                let before = known.seen.state();
                // The memory of an older version of the service has no facts.
                if known.facts.is_empty() {
                    known.facts.add(&before);
                }
                match known.facts.classify(&before, &state_of(task), last_observed_ms, seen_at_ms) {
                    Verdict::Switched => observation.switched = true,
                    Verdict::Untimed if is_reopening(&before.status, &task.status) => untimed_reopenings += 1,
                    _ => {}
                }
            }
            if seen.returns_to_version(tag) || untimed_reopenings > 1 {
                observation.switched_tags.insert(name.clone());
            }
        }
        observation
    }

    /// The result.
    pub(super) fn end(self) -> (Observed, Vec<Outcome>) {
        (self.observed, self.outcomes)
    }

    pub(super) fn tag(&mut self, name: &str, tag: &Tag, memory: &mut SeenTag) {
        memory.gone_ms = None;
        if memory.versions.is_empty() {
            memory.returns_to_version(tag);
        }
        let mut before = std::mem::take(&mut memory.tasks);
        let mut switched = Vec::new();
        for task in &tag.tasks {
            let Some(key) = task.key() else { continue };
            let subject = Subject { tag: name, task: &key, subtask: None, priority: &task.priority };
            let seen = match before.remove(&*key) {
                Some(seen) => self.update(subject, task, seen, memory, &mut switched),
                None => self.appeared(subject, task, memory.gone_tasks.remove(&*key)),
            };
            memory.tasks.insert(key.into_owned(), seen);
        }
        if !switched.is_empty() {
            self.observed.switched.push(Switched { tag: name.to_owned(), task_ids: switched, at_ms: self.seen_at_ms });
        }
        self.removed(name, before, memory);
    }

    /// The board does not have the tag any more.
    pub(super) fn tag_gone(&mut self, name: &str, memory: &mut SeenTag) {
        let tasks = std::mem::take(&mut memory.tasks);
        self.removed(name, tasks, memory);
        let over = memory.versions.len().saturating_sub(MAX_VERSIONS_GONE);
        memory.versions.drain(..over);
    }

    fn appeared(&mut self, subject: Subject<'_>, task: &Task, gone: Option<GoneTask>) -> SeenTask {
        let now = state_of(task);
        let subtasks =
            task.subtasks.iter().filter_map(|s| Some((s.key()?.into_owned(), self.first_seen(&s.status, &s.title, s.updated_at_ms))));
        let subtasks = subtasks.collect();
        let mut seen = SeenTask {
            seen: self.first_seen(&task.status, &task.title, task.updated_at_ms),
            priority: task.priority.clone(),
            subtasks,
            ..SeenTask::default()
        };
        self.appeared_as(subject, &seen.seen);
        if let Some(GoneTask { task: mut known, .. }) = gone {
            if known.facts.has(&now) {
                // The same task: it returned with its branch.
                known.switch_to(now, self.seen_at_ms);
                known.seen.title.clone_from(&seen.seen.title);
                return SeenTask { priority: seen.priority, subtasks: seen.subtasks, ..known };
            }
            seen.facts = known.facts;
        }
        seen.facts.add(&now);
        seen.record_work(&now.status, self.seen_at_ms, false);
        seen
    }

    fn step(&self, tag: &str, seen: &SeenTask, now: &State) -> Step {
        let switched = self.switched || self.switched_tags.contains(tag);
        let before = seen.seen.state();
        let from = match seen.facts.classify(&before, now, self.last_observed_ms, self.seen_at_ms) {
            Verdict::Same => return Step::Stay,
            Verdict::Switched => return Step::Switch,
            Verdict::Untimed if switched => return Step::Switch,
            // A merge or a cherry-pick restores the state that was left when the branch was switched.
            Verdict::Untimed if seen.parked.as_ref() == Some(now) => return Step::Switch,
            Verdict::Forward if switched => seen.facts.newest().unwrap_or_else(|| before.clone()),
            Verdict::Forward | Verdict::Untimed => before.clone(),
        };
        if from.status == now.status {
            return if before.status == now.status { Step::Stay } else { Step::Switch };
        }
        if switched && is_reopening(&from.status, &now.status) { Step::Switch } else { Step::Change(from) }
    }

    fn update(
        &mut self,
        subject: Subject<'_>,
        task: &Task,
        mut seen: SeenTask,
        counts: &mut SeenTag,
        switched: &mut Vec<String>,
    ) -> SeenTask {
        let now = state_of(task);
        let before = seen.seen.state();
        let step = self.step(subject.tag, &seen, &now);
        let quiet = matches!(step, Step::Switch);
        seen.seen.title.clone_from(&task.title);
        match step {
            Step::Stay => {
                seen.seen.not_before_ms = seen.seen.not_before_ms.max(self.plausible_time(&seen.seen, now.at_ms));
                seen.seen.updated_at_ms = now.at_ms;
                seen.facts.add(&now);
                seen.record_work(&now.status, self.seen_at_ms, false);
            }
            Step::Switch => {
                if before.status != now.status {
                    switched.push(subject.task.to_owned());
                }
                seen.switch_to(now, self.seen_at_ms);
            }
            Step::Change(from) => self.change(subject, task, &mut seen, from, now, counts),
        }
        seen.priority.clone_from(&task.priority);
        let quiet = quiet || self.switched || self.switched_tags.contains(subject.tag);
        seen.subtasks = self.subtasks(subject, &task.subtasks, seen.subtasks, quiet);
        seen
    }

    fn change(&mut self, subject: Subject<'_>, task: &Task, seen: &mut SeenTask, from: State, now: State, counts: &mut SeenTag) {
        let at_ms = self.plausible_time(&seen.seen, now.at_ms).unwrap_or(self.seen_at_ms);
        // The stopwatch belongs to the state that was left last. From any other state, no start was observed.
        if seen.parked.take().unwrap_or_else(|| seen.seen.state()) != from {
            seen.stopwatch = Default::default();
        }
        seen.facts.add(&now);
        (seen.seen.status, seen.seen.updated_at_ms, seen.seen.not_before_ms) = (now.status, now.at_ms, Some(at_ms));
        let to = task.status.as_str();
        let reopened = is_reopening(&from.status, to);
        let round = seen.stopwatch.change(&from.status, to, at_ms);
        seen.record_work(to, at_ms, true);
        if reopened {
            counts.reopened += 1;
            self.outcome(subject, OutcomeKind::Reopened, at_ms);
        }
        if to == DONE {
            counts.completed += 1;
            self.outcome(subject, OutcomeKind::Done, at_ms);
            seen.last_execution_ms = round.map(|round| round.worked_ms);
            self.observed.executions.extend(round.map(|round| Execution {
                tag: subject.tag.to_owned(),
                task_id: subject.task.to_owned(),
                priority: subject.priority.to_owned(),
                seconds: seconds(round.worked_ms),
                review_seconds: seconds(round.reviewed_ms),
                at_ms,
            }));
        } else if to == CANCELLED {
            self.outcome(subject, OutcomeKind::Cancelled, at_ms);
        }
        self.transition(subject, &task.title, (Some(from.status), Some(to.to_owned())), at_ms, reopened);
    }

    /// `quiet`: the differences come from another version of the file.
    fn subtasks(
        &mut self,
        subject: Subject<'_>,
        now: &[Subtask],
        mut before: BTreeMap<String, Seen>,
        quiet: bool,
    ) -> BTreeMap<String, Seen> {
        let mut after = BTreeMap::new();
        for subtask in now {
            let Some(key) = subtask.key() else { continue };
            let subject = Subject { subtask: Some(&key), ..subject };
            let seen = match before.remove(&*key) {
                Some(mut seen) => {
                    if let Some((from, at_ms)) = self.update_subtask(&mut seen, subtask)
                        && !quiet
                    {
                        self.transition(subject, &subtask.title, (Some(from), Some(subtask.status.clone())), at_ms, false);
                    }
                    seen
                }
                None => {
                    let seen = self.first_seen(&subtask.status, &subtask.title, subtask.updated_at_ms);
                    if !quiet {
                        self.appeared_as(subject, &seen);
                    }
                    seen
                }
            };
            after.insert(key.into_owned(), seen);
        }
        for (id, gone) in before.into_iter().filter(|_| !quiet) {
            self.transition(Subject { subtask: Some(&id), ..subject }, &gone.title, (Some(gone.status), None), self.seen_at_ms, false);
        }
        after
    }

    fn removed(&mut self, tag: &str, gone: BTreeMap<String, SeenTask>, memory: &mut SeenTag) {
        for (id, mut task) in gone {
            let subject = Subject { tag, task: &id, subtask: None, priority: &task.priority };
            self.transition(subject, &task.seen.title, (Some(task.seen.status.clone()), None), self.seen_at_ms, false);
            if task.facts.is_empty() {
                // Without a time, a task that returns cannot be recognised.
                continue;
            }
            task.record_work("", self.seen_at_ms, false);
            task.subtasks.clear();
            memory.gone_tasks.insert(id, GoneTask { gone_ms: self.seen_at_ms, task });
        }
    }

    fn first_seen(&self, status: &str, title: &str, updated_at_ms: Option<i64>) -> Seen {
        let not_before_ms = updated_at_ms.filter(|at| *at <= self.seen_at_ms);
        Seen { status: status.to_owned(), title: title.to_owned(), updated_at_ms, not_before_ms }
    }

    fn appeared_as(&mut self, subject: Subject<'_>, seen: &Seen) {
        let Some(last_observed_ms) = self.last_observed_ms else { return };
        // A task from another tag or file has an `updatedAt` from long before it appeared here.
        let time = seen.updated_at_ms.filter(|at| *at > last_observed_ms && *at <= self.seen_at_ms);
        self.transition(subject, &seen.title, (None, Some(seen.status.clone())), time.unwrap_or(self.seen_at_ms), false);
    }

    /// The file's time of a change, where it is new and plausible.
    fn plausible_time(&self, seen: &Seen, updated_at_ms: Option<i64>) -> Option<i64> {
        let new = updated_at_ms.filter(|_| seen.updated_at_ms != updated_at_ms);
        new.filter(|at| *at <= self.seen_at_ms && seen.not_before_ms.is_none_or(|before| *at >= before))
    }

    /// Updates the memory of a subtask. Returns its previous status and the time where the status changed.
    fn update_subtask(&self, seen: &mut Seen, subtask: &Subtask) -> Option<(String, i64)> {
        seen.title.clone_from(&subtask.title);
        let time = self.plausible_time(seen, subtask.updated_at_ms);
        seen.updated_at_ms = subtask.updated_at_ms;
        if seen.status == subtask.status {
            seen.not_before_ms = seen.not_before_ms.max(time);
            return None;
        }
        let at_ms = time.unwrap_or(self.seen_at_ms);
        seen.not_before_ms = Some(at_ms);
        Some((std::mem::replace(&mut seen.status, subtask.status.clone()), at_ms))
    }

    fn outcome(&mut self, subject: Subject<'_>, kind: OutcomeKind, at_ms: i64) {
        self.outcomes.push(Outcome { at_ms, tag: subject.tag.to_owned(), kind });
    }

    fn transition(&mut self, subject: Subject<'_>, title: &str, change: (Option<String>, Option<String>), at_ms: i64, reopened: bool) {
        self.observed.transitions.push(Transition {
            tag: subject.tag.to_owned(),
            task_id: subject.task.to_owned(),
            subtask: subject.subtask.map(str::to_owned),
            title: title.to_owned(),
            priority: subject.priority.to_owned(),
            from: change.0,
            to: change.1,
            at_ms,
            reopened,
        });
    }
}

impl SeenTag {
    /// Remembers the version of the tag. Returns whether it changed back to an earlier one. Where every task has a time, the times
    /// say more, and nothing is remembered.
    fn returns_to_version(&mut self, tag: &Tag) -> bool {
        if tag.tasks.iter().all(|task| task.updated_at_ms.is_some()) {
            return false;
        }
        let version = version_of(tag);
        if self.versions.back() == Some(&version) {
            return false;
        }
        let known = self.versions.iter().position(|other| *other == version);
        known.map(|at| self.versions.remove(at));
        self.versions.push_back(version);
        if self.versions.len() > MAX_VERSIONS {
            self.versions.pop_front();
        }
        known.is_some()
    }
}

/// FNV-1a (Fowler, Noll, Vo) of ids, statuses and times: the same in each version, as it is kept.
fn version_of(tag: &Tag) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    let mut add = |id: &str, status: &str, at_ms: Option<i64>| {
        let time = at_ms.map_or([0xff; 8], i64::to_le_bytes);
        for byte in id.bytes().chain([0xff]).chain(status.bytes()).chain([0xff]).chain(time) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    for task in &tag.tasks {
        add(&task.id, &task.status, task.updated_at_ms);
        task.subtasks.iter().for_each(|subtask| add(&subtask.id, &subtask.status, subtask.updated_at_ms));
    }
    hash
}
