//! The figures of one tag: counts, ratios, ready tasks and the critical path.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use super::blockers::{Blocker, blockers};
use super::parse::{Tag, Task};
use super::{BLOCKED, CANCELLED, DONE, PENDING, is_finished};

/// The figures of one tag.
///
/// ```text
/// completion_ratio    = done / (all − cancelled)
/// queue_depth         = pending
/// ready_tasks         = pending with every dependency done
/// blocked_tasks       = pending without being ready + blocked
/// open_tasks          = all − done − cancelled
/// critical_path_tasks = longest chain of unfinished tasks through dependencies
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Figures {
    /// Tasks by status. A status without tasks is absent.
    pub tasks: BTreeMap<String, u64>,
    /// Subtasks by status, apart from the tasks.
    pub subtasks: BTreeMap<String, u64>,
    /// 0 to 1; none where every task is cancelled.
    pub completion_ratio: Option<f64>,
    /// Pending tasks.
    pub queue_depth: u64,
    /// Pending tasks that could be started now.
    ///
    /// A dependency that is cancelled, or that the tag does not have, is not done: the task waits, as in Task Master itself, whose
    /// `next` never returns it.
    pub ready_tasks: u64,
    /// The ids of these, in the order of the file.
    pub ready_ids: Vec<String>,
    /// Pending tasks that wait for a dependency, and tasks whose status is blocked.
    pub blocked_tasks: u64,
    /// Tasks neither done nor cancelled.
    pub open_tasks: u64,
    /// Tasks on the longest chain of those neither done nor cancelled; 0 when all are, none while there is a cycle, and none
    /// where dependencies through subtasks form so many cycles that the chain is not computed.
    pub critical_path_tasks: Option<u64>,
    /// A cycle among unfinished tasks: each depends on the one after it, and the first stands again at the end.
    pub cycle: Option<Vec<String>>,
    /// The open tasks for which most others wait, three at the most; none where dependencies go around.
    pub blockers: Vec<Blocker>,
}

impl Figures {
    /// The figures of a tag. Takes time in proportion to its tasks, subtasks and dependencies.
    #[must_use]
    pub fn of(tag: &Tag) -> Self {
        let mut figures = Self::default();
        for task in &tag.tasks {
            count(&mut figures.tasks, &task.status);
            task.subtasks.iter().for_each(|subtask| count(&mut figures.subtasks, &subtask.status));
        }
        let with = |status: &str| figures.tasks.get(status).copied().unwrap_or(0);
        let base = tag.tasks.len() as u64 - with(CANCELLED);
        figures.completion_ratio = (base > 0).then(|| with(DONE) as f64 / base as f64);
        figures.queue_depth = with(PENDING);

        let index = Index::of(&tag.tasks);
        let is_ready = |task: &&Task| task.status == PENDING && task.dependencies.iter().all(|id| index.is_done(id));
        figures.ready_ids = tag.tasks.iter().filter(is_ready).map(|task| task.id.clone()).collect();
        figures.ready_tasks = figures.ready_ids.len() as u64;
        figures.blocked_tasks = figures.queue_depth - figures.ready_tasks + with(BLOCKED);
        figures.open_tasks = tag.tasks.iter().filter(|task| !is_finished(&task.status)).count() as u64;
        match longest_chain(&tag.tasks, &index) {
            Ok(length) => {
                figures.critical_path_tasks = length;
                figures.blockers = blockers(&tag.tasks, &index);
            }
            Err(cycle) => figures.cycle = Some(cycle),
        }
        figures
    }
}

fn count(counts: &mut BTreeMap<String, u64>, status: &str) {
    match counts.get_mut(status) {
        Some(count) => *count += 1,
        None => {
            counts.insert(status.to_owned(), 1);
        }
    }
}

/// What the ids that dependencies name stand for. Of tasks with the same id the first stands for it, and one that is done
/// is enough for what waits for it, as it is for Task Master.
pub(super) struct Index<'a> {
    tasks: &'a [Task],
    by_id: HashMap<&'a str, usize>,
    /// Status of a subtask, by the place of its task and its number.
    subtasks: HashMap<(usize, &'a str), &'a str>,
}

impl<'a> Index<'a> {
    fn of(tasks: &'a [Task]) -> Self {
        let (mut by_id, mut subtasks) = (HashMap::with_capacity(tasks.len()), HashMap::new());
        for (at, task) in tasks.iter().enumerate() {
            let first = *by_id.entry(task.id.as_str()).or_insert(at);
            if task.status == DONE && tasks[first].status != DONE {
                by_id.insert(&task.id, at);
            }
        }
        for (at, task) in tasks.iter().enumerate() {
            let of = by_id.get(task.id.as_str()).copied().unwrap_or(at);
            for subtask in &task.subtasks {
                let status = subtasks.entry((of, subtask.id.as_str())).or_insert(subtask.status.as_str());
                if subtask.status == DONE {
                    *status = DONE;
                }
            }
        }
        Self { tasks, by_id, subtasks }
    }

    /// The task that an id names or, for `3.1`, the task of that subtask; and the status of what is named.
    fn find(&self, id: &str) -> Option<(usize, &'a str)> {
        if let Some(&at) = self.by_id.get(id) {
            return Some((at, self.tasks[at].status.as_str()));
        }
        let (task, subtask) = id.rsplit_once('.')?;
        let at = *self.by_id.get(task)?;
        Some((at, self.subtasks.get(&(at, subtask)).copied()?))
    }

    fn is_done(&self, id: &str) -> bool {
        self.find(id).is_some_and(|(_, status)| status == DONE)
    }

    /// The unfinished tasks that a task still waits for, and whether that is for a subtask of theirs.
    ///
    /// A dependency on an unfinished subtask stands for its task, because a chain is made of tasks; one on a subtask of
    /// the task itself is no edge.
    pub(super) fn waits_for(&self, at: usize) -> Vec<(usize, bool)> {
        let task = &self.tasks[at];
        let edge = |id: &String| {
            let (before, status) = self.find(id)?;
            let subtask = *id != self.tasks[before].id;
            let over = is_finished(status) || is_finished(&self.tasks[before].status);
            let own = before == at && subtask;
            (!over && !own).then_some((before, subtask))
        };
        task.dependencies.iter().filter_map(edge).collect()
    }
}

/// The number of unfinished tasks on the longest chain, or a cycle among them.
///
/// 1 that waits for the subtask 2.1 and 2 that waits for 1.1 are no cycle: the subtasks can be done first. Where edges
/// through subtasks go around, each of those counts the task of its subtask and ends there.
fn longest_chain(tasks: &[Task], index: &Index<'_>) -> Result<Option<u64>, Vec<String>> {
    let open: Vec<bool> = tasks.iter().map(|task| !is_finished(&task.status)).collect();
    let waits_for: Vec<Vec<(usize, bool)>> = (0..tasks.len()).map(|at| if open[at] { index.waits_for(at) } else { Vec::new() }).collect();
    let all: Edges = waits_for.iter().map(|edges| edges.iter().map(|edge| edge.0).collect()).collect();
    let mut least: Vec<u64> = open.iter().map(|open| u64::from(*open)).collect();
    let left = match in_order(&all, &least) {
        Ok(length) => return Ok(Some(length)),
        Err(left) => left,
    };
    let direct: Edges =
        waits_for.iter().map(|edges| edges.iter().filter(|(_, subtask)| !subtask).map(|(before, _)| *before).collect()).collect();
    if let Err(left) = in_order(&direct, &least) {
        let start = left.iter().position(|left| *left > 0).unwrap_or(0);
        return Err(cycle_from(start, &direct, &left).into_iter().map(|at| tasks[at].id.clone()).collect());
    }
    let mut budget = MAX_STEPS;
    let mut kept = direct.clone();
    for (at, edges) in waits_for.iter().enumerate() {
        for &(before, _) in edges.iter().filter(|(_, subtask)| *subtask) {
            let around = left[at] > 0 && left[before] > 0;
            let Some(around) = (if around { reaches(before, at, &all, &mut budget) } else { Some(false) }) else { return Ok(None) };
            if !around {
                kept[at].push(before);
                continue;
            }
            // A task that waits for this one anyway is on the chain already.
            match reaches(before, at, &direct, &mut budget) {
                Some(true) => {}
                Some(false) => least[at] = 2,
                None => return Ok(None),
            }
        }
    }
    Ok(in_order(&kept, &least).ok())
}

/// The tasks that each task waits for.
pub(super) type Edges = Vec<Vec<usize>>;

/// Steps from task to task that are taken to see which edges go around.
pub(super) const MAX_STEPS: usize = 1_000_000;

/// Kahn's order: a task is taken once all it waits for have been, so nothing recurses, and what can never be taken waits
/// for a cycle. The longest chain, where that of each task is its `least` at least; or for how many others each task still
/// waits.
fn in_order(waits_for: &Edges, least: &[u64]) -> Result<u64, Vec<usize>> {
    let mut needed_by: Edges = vec![Vec::new(); waits_for.len()];
    for (at, before) in waits_for.iter().enumerate() {
        before.iter().for_each(|&b| needed_by[b].push(at));
    }
    let mut left: Vec<usize> = waits_for.iter().map(Vec::len).collect();
    let mut length = least.to_vec();
    let mut free: VecDeque<usize> = (0..waits_for.len()).filter(|&at| left[at] == 0).collect();
    let mut taken = 0;
    while let Some(at) = free.pop_front() {
        taken += 1;
        for &after in &needed_by[at] {
            length[after] = length[after].max(length[at] + 1);
            left[after] -= 1;
            if left[after] == 0 {
                free.push_back(after);
            }
        }
    }
    if taken < waits_for.len() { Err(left) } else { Ok(length.into_iter().max().unwrap_or(0)) }
}

/// Whether one task waits for another, over any number of others; none once the steps are used up.
fn reaches(from: usize, to: usize, waits_for: &Edges, budget: &mut usize) -> Option<bool> {
    let (mut seen, mut open) = (HashSet::from([from]), vec![from]);
    while let Some(at) = open.pop() {
        if at == to {
            return Some(true);
        }
        *budget = budget.checked_sub(waits_for[at].len() + 1)?;
        open.extend(waits_for[at].iter().filter(|before| seen.insert(**before)));
    }
    Some(false)
}

/// Follows what was not taken until it comes around. Begins with the cycle's first task of the file, and ends with it.
fn cycle_from(start: usize, waits_for: &Edges, left: &[usize]) -> Vec<usize> {
    let mut step_of: Vec<Option<usize>> = vec![None; left.len()];
    let mut path = Vec::new();
    let mut at = start;
    while step_of[at].is_none() {
        step_of[at] = Some(path.len());
        path.push(at);
        // Whatever was not taken waits for something that was not taken either.
        at = waits_for[at].iter().copied().find(|&before| left[before] > 0).unwrap_or(at);
    }
    let mut cycle = path.split_off(step_of[at].unwrap_or(0));
    let first = cycle.iter().enumerate().min_by_key(|(_, at)| **at).map_or(0, |(place, _)| place);
    cycle.rotate_left(first);
    cycle.extend(cycle.first().copied());
    cycle
}
