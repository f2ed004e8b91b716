//! One look at a board: what of it is a move, and what a file that went to another past.
//!
//! A checkout changes the whole file at once, so what one task shows is evidence for the others. A look is at another past
//!
//! * for the whole file, where the time of any task shows it ([`Verdict::Elsewhere`]),
//! * for a tag that has tasks without a time, where the tag is as a whole what it was before, or where several of its tasks
//!   were reopened at once without a time.
//!
//! In such a look a change without a time is no move, nobody reopened anything, and what is newer than all that was seen
//! (work that came with the branch) is compared with the newest that was known, not with what the file showed before. So an
//! editor that takes back its only change without writing a time is not told from a checkout: that counts nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::{State, Verdict};
use super::parse::{Board, Subtask, Tag, Task};
use super::watch::{Execution, GoneTask, Observed, Outcome, OutcomeKind, Seen, SeenTag, SeenTask, Switched, Transition, seconds};
use super::{CANCELLED, DONE, is_reopening};

/// What a tag was as a whole is remembered of so many looks.
const MAX_WHOLES: usize = 256;
/// Of a tag that is gone.
const MAX_WHOLES_GONE: usize = 16;

/// One look in the making.
pub(super) struct Look {
    seen_at_ms: i64,
    last_look_ms: Option<i64>,
    /// The file is at another past.
    switched: bool,
    /// Tags that are, by evidence of their own.
    switched_tags: BTreeSet<String>,
    observed: Observed,
    outcomes: Vec<Outcome>,
}

/// What moved: its tag, task, subtask and priority.
#[derive(Clone, Copy)]
struct Subject<'a> {
    tag: &'a str,
    task: &'a str,
    subtask: Option<&'a str>,
    priority: &'a str,
}

/// What becomes of a task in a look.
enum Step {
    /// Its status is what it was.
    Stay,
    /// It is another past.
    Switch,
    /// It moved from this state.
    Move(State),
}

fn state_of(task: &Task) -> State {
    State { status: task.status.clone(), at_ms: task.updated_at_ms }
}

impl Look {
    /// A look at a board, which sees first whether the file is at another past.
    pub(super) fn new(seen_at_ms: i64, last_look_ms: Option<i64>, board: &Board, memory: &mut BTreeMap<String, SeenTag>) -> Self {
        let (observed, outcomes) = (Observed::default(), Vec::new());
        let mut look = Self { seen_at_ms, last_look_ms, switched: false, switched_tags: BTreeSet::new(), observed, outcomes };
        for (name, tag) in &board.tags {
            let Some(seen) = memory.get_mut(name) else { continue };
            let mut untimed_reopenings = 0;
            for (key, task) in tag.tasks.iter().filter_map(|task| Some((task.key()?, task))) {
                let Some(known) = seen.tasks.get_mut(&*key) else { continue };
                let before = known.seen.state();
                // A memory of an older form has no facts.
                if known.facts.is_empty() {
                    known.facts.add(&before);
                }
                match known.facts.judge(&before, &state_of(task), last_look_ms, seen_at_ms) {
                    Verdict::Elsewhere => look.switched = true,
                    Verdict::Untimed if is_reopening(&before.status, &task.status) => untimed_reopenings += 1,
                    _ => {}
                }
            }
            if seen.as_before(tag) || untimed_reopenings > 1 {
                look.switched_tags.insert(name.clone());
            }
        }
        look
    }

    /// What it showed.
    pub(super) fn end(self) -> (Observed, Vec<Outcome>) {
        (self.observed, self.outcomes)
    }

    pub(super) fn tag(&mut self, name: &str, tag: &Tag, memory: &mut SeenTag) {
        memory.gone_ms = None;
        if memory.wholes.is_empty() {
            memory.as_before(tag);
        }
        let mut before = std::mem::take(&mut memory.tasks);
        let mut switched = Vec::new();
        for task in &tag.tasks {
            let Some(key) = task.key() else { continue };
            let of = Subject { tag: name, task: &key, subtask: None, priority: &task.priority };
            let seen = match before.remove(&*key) {
                Some(seen) => self.followed(of, task, seen, memory, &mut switched),
                None => self.appeared(of, task, memory.gone_tasks.remove(&*key)),
            };
            memory.tasks.insert(key.into_owned(), seen);
        }
        if !switched.is_empty() {
            self.observed.switched.push(Switched { tag: name.to_owned(), task_ids: switched, at_ms: self.seen_at_ms });
        }
        self.removed(name, before, memory);
    }

    /// The board does not have the tag.
    pub(super) fn tag_gone(&mut self, name: &str, memory: &mut SeenTag) {
        let tasks = std::mem::take(&mut memory.tasks);
        self.removed(name, tasks, memory);
        let over = memory.wholes.len().saturating_sub(MAX_WHOLES_GONE);
        memory.wholes.drain(..over);
    }

    fn appeared(&mut self, of: Subject<'_>, task: &Task, gone: Option<GoneTask>) -> SeenTask {
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
        self.appeared_as(of, &seen.seen);
        if let Some(GoneTask { task: mut known, .. }) = gone {
            if known.facts.has(&now) {
                // The same task: it came back with its branch.
                known.switch_to(now, self.seen_at_ms);
                known.seen.title.clone_from(&seen.seen.title);
                return SeenTask { priority: seen.priority, subtasks: seen.subtasks, ..known };
            }
            seen.facts = known.facts;
        }
        seen.facts.add(&now);
        seen.at_work(&now.status, self.seen_at_ms, false);
        seen
    }

    fn step(&self, tag: &str, seen: &SeenTask, now: &State) -> Step {
        let switched = self.switched || self.switched_tags.contains(tag);
        let before = seen.seen.state();
        let from = match seen.facts.judge(&before, now, self.last_look_ms, self.seen_at_ms) {
            Verdict::Same => return Step::Stay,
            Verdict::Elsewhere => return Step::Switch,
            Verdict::Untimed if switched => return Step::Switch,
            // A merge or a cherry-pick brings back what was left when the branch was switched.
            Verdict::Untimed if seen.parked.as_ref() == Some(now) => return Step::Switch,
            Verdict::Forward if switched => seen.facts.newest().unwrap_or_else(|| before.clone()),
            Verdict::Forward | Verdict::Untimed => before.clone(),
        };
        if from.status == now.status {
            return if before.status == now.status { Step::Stay } else { Step::Switch };
        }
        if switched && is_reopening(&from.status, &now.status) { Step::Switch } else { Step::Move(from) }
    }

    fn followed(&mut self, of: Subject<'_>, task: &Task, mut seen: SeenTask, counts: &mut SeenTag, switched: &mut Vec<String>) -> SeenTask {
        let now = state_of(task);
        let before = seen.seen.state();
        let step = self.step(of.tag, &seen, &now);
        let quiet = matches!(step, Step::Switch);
        seen.seen.title.clone_from(&task.title);
        match step {
            Step::Stay => {
                seen.seen.not_before_ms = seen.seen.not_before_ms.max(self.told(&seen.seen, now.at_ms));
                seen.seen.updated_at_ms = now.at_ms;
                seen.facts.add(&now);
                seen.at_work(&now.status, self.seen_at_ms, false);
            }
            Step::Switch => {
                if before.status != now.status {
                    switched.push(of.task.to_owned());
                }
                seen.switch_to(now, self.seen_at_ms);
            }
            Step::Move(from) => self.moved(of, task, &mut seen, from, now, counts),
        }
        seen.priority.clone_from(&task.priority);
        let quiet = quiet || self.switched || self.switched_tags.contains(of.tag);
        seen.subtasks = self.subtasks(of, &task.subtasks, seen.subtasks, quiet);
        seen
    }

    fn moved(&mut self, of: Subject<'_>, task: &Task, seen: &mut SeenTask, from: State, now: State, counts: &mut SeenTag) {
        let at_ms = self.told(&seen.seen, now.at_ms).unwrap_or(self.seen_at_ms);
        // The stopwatch belongs to the state that was left last; from any other one, no start was seen.
        if seen.parked.take().unwrap_or_else(|| seen.seen.state()) != from {
            seen.stopwatch = Default::default();
        }
        seen.facts.add(&now);
        (seen.seen.status, seen.seen.updated_at_ms, seen.seen.not_before_ms) = (now.status, now.at_ms, Some(at_ms));
        let to = task.status.as_str();
        let reopened = is_reopening(&from.status, to);
        let round = seen.stopwatch.change(&from.status, to, at_ms);
        seen.at_work(to, at_ms, true);
        if reopened {
            counts.reopened += 1;
            self.outcome(of, OutcomeKind::Reopened, at_ms);
        }
        if to == DONE {
            counts.completed += 1;
            self.outcome(of, OutcomeKind::Done, at_ms);
            seen.last_execution_ms = round.map(|round| round.worked_ms);
            self.observed.executions.extend(round.map(|round| Execution {
                tag: of.tag.to_owned(),
                task_id: of.task.to_owned(),
                priority: of.priority.to_owned(),
                seconds: seconds(round.worked_ms),
                review_seconds: seconds(round.reviewed_ms),
                at_ms,
            }));
        } else if to == CANCELLED {
            self.outcome(of, OutcomeKind::Cancelled, at_ms);
        }
        self.transition(of, &task.title, (Some(from.status), Some(to.to_owned())), at_ms, reopened);
    }

    /// `quiet`: what changed came with another past.
    fn subtasks(&mut self, of: Subject<'_>, now: &[Subtask], mut before: BTreeMap<String, Seen>, quiet: bool) -> BTreeMap<String, Seen> {
        let mut after = BTreeMap::new();
        for subtask in now {
            let Some(key) = subtask.key() else { continue };
            let of = Subject { subtask: Some(&key), ..of };
            let seen = match before.remove(&*key) {
                Some(mut seen) => {
                    if let Some((from, at_ms)) = self.subtask_step(&mut seen, subtask)
                        && !quiet
                    {
                        self.transition(of, &subtask.title, (Some(from), Some(subtask.status.clone())), at_ms, false);
                    }
                    seen
                }
                None => {
                    let seen = self.first_seen(&subtask.status, &subtask.title, subtask.updated_at_ms);
                    if !quiet {
                        self.appeared_as(of, &seen);
                    }
                    seen
                }
            };
            after.insert(key.into_owned(), seen);
        }
        for (id, gone) in before.into_iter().filter(|_| !quiet) {
            self.transition(Subject { subtask: Some(&id), ..of }, &gone.title, (Some(gone.status), None), self.seen_at_ms, false);
        }
        after
    }

    fn removed(&mut self, tag: &str, gone: BTreeMap<String, SeenTask>, memory: &mut SeenTag) {
        for (id, mut task) in gone {
            let of = Subject { tag, task: &id, subtask: None, priority: &task.priority };
            self.transition(of, &task.seen.title, (Some(task.seen.status.clone()), None), self.seen_at_ms, false);
            if task.facts.is_empty() {
                // Without a time, one that comes back cannot be known to be the same.
                continue;
            }
            task.at_work("", self.seen_at_ms, false);
            task.subtasks.clear();
            memory.gone_tasks.insert(id, GoneTask { gone_ms: self.seen_at_ms, task });
        }
    }

    fn first_seen(&self, status: &str, title: &str, updated_at_ms: Option<i64>) -> Seen {
        let not_before_ms = updated_at_ms.filter(|at| *at <= self.seen_at_ms);
        Seen { status: status.to_owned(), title: title.to_owned(), updated_at_ms, not_before_ms }
    }

    fn appeared_as(&mut self, of: Subject<'_>, seen: &Seen) {
        let Some(last_look_ms) = self.last_look_ms else { return };
        // What came from another tag or file brings an `updatedAt` from long before it appeared here.
        let told = seen.updated_at_ms.filter(|at| *at > last_look_ms && *at <= self.seen_at_ms);
        self.transition(of, &seen.title, (None, Some(seen.status.clone())), told.unwrap_or(self.seen_at_ms), false);
    }

    /// The file's time of a change, where it moved and can be true.
    fn told(&self, seen: &Seen, updated_at_ms: Option<i64>) -> Option<i64> {
        let moved = updated_at_ms.filter(|_| seen.updated_at_ms != updated_at_ms);
        moved.filter(|at| *at <= self.seen_at_ms && seen.not_before_ms.is_none_or(|before| *at >= before))
    }

    /// Brings the memory of a subtask up to date; its status before and the time, where its status changed.
    fn subtask_step(&self, seen: &mut Seen, subtask: &Subtask) -> Option<(String, i64)> {
        seen.title.clone_from(&subtask.title);
        let told = self.told(seen, subtask.updated_at_ms);
        seen.updated_at_ms = subtask.updated_at_ms;
        if seen.status == subtask.status {
            seen.not_before_ms = seen.not_before_ms.max(told);
            return None;
        }
        let at_ms = told.unwrap_or(self.seen_at_ms);
        seen.not_before_ms = Some(at_ms);
        Some((std::mem::replace(&mut seen.status, subtask.status.clone()), at_ms))
    }

    fn outcome(&mut self, of: Subject<'_>, kind: OutcomeKind, at_ms: i64) {
        self.outcomes.push(Outcome { at_ms, tag: of.tag.to_owned(), kind });
    }

    fn transition(&mut self, of: Subject<'_>, title: &str, change: (Option<String>, Option<String>), at_ms: i64, reopened: bool) {
        self.observed.transitions.push(Transition {
            tag: of.tag.to_owned(),
            task_id: of.task.to_owned(),
            subtask: of.subtask.map(str::to_owned),
            title: title.to_owned(),
            priority: of.priority.to_owned(),
            from: change.0,
            to: change.1,
            at_ms,
            reopened,
        });
    }
}

impl SeenTag {
    /// Notes what the tag is as a whole; whether it changed to what it was once before. Where every task has a time, the
    /// times say more, and nothing is noted.
    fn as_before(&mut self, tag: &Tag) -> bool {
        if tag.tasks.iter().all(|task| task.updated_at_ms.is_some()) {
            return false;
        }
        let whole = whole(tag);
        if self.wholes.back() == Some(&whole) {
            return false;
        }
        let known = self.wholes.iter().position(|other| *other == whole);
        known.map(|at| self.wholes.remove(at));
        self.wholes.push_back(whole);
        if self.wholes.len() > MAX_WHOLES {
            self.wholes.pop_front();
        }
        known.is_some()
    }
}

/// FNV-1a (Fowler, Noll, Vo) of ids, statuses and times: the same in each version, as it is kept.
fn whole(tag: &Tag) -> u64 {
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
