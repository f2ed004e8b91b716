//! What the tasks of one tag add up to.

use std::collections::{BTreeMap, HashMap, VecDeque};

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
    /// 0 to 1; none when nothing is left to divide by.
    pub completion_ratio: Option<f64>,
    /// Pending tasks.
    pub queue_depth: u64,
    /// Pending tasks that could be taken up now.
    ///
    /// A dependency that is cancelled, or that the tag does not have, is not done: the task waits, as it does for
    /// Task Master itself. Counting it as ready would promise work that `next` never gives out.
    pub ready_tasks: u64,
    /// The ids of these, in the order of the file.
    pub ready_ids: Vec<String>,
    /// Pending tasks that wait for a dependency, and tasks whose status is blocked.
    pub blocked_tasks: u64,
    /// Tasks neither done nor cancelled.
    pub open_tasks: u64,
    /// Tasks on the longest chain of those neither done nor cancelled; 0 when all are, none while there is a cycle.
    pub critical_path_tasks: Option<u64>,
    /// A cycle among unfinished tasks: each depends on the one after it, and the first stands again at the end.
    pub cycle: Option<Vec<String>>,
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
            Ok(length) => figures.critical_path_tasks = Some(length),
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

/// What the ids that dependencies name stand for.
struct Index<'a> {
    tasks: &'a [Task],
    by_id: HashMap<&'a str, usize>,
    /// Status of a subtask, by the place of its task and its number.
    subtasks: HashMap<(usize, &'a str), &'a str>,
}

impl<'a> Index<'a> {
    fn of(tasks: &'a [Task]) -> Self {
        let by_id = tasks.iter().enumerate().map(|(at, task)| (task.id.as_str(), at)).collect();
        let subtasks = tasks.iter().enumerate();
        let subtasks = subtasks.flat_map(|(at, task)| task.subtasks.iter().map(move |s| ((at, s.id.as_str()), s.status.as_str())));
        Self { tasks, by_id, subtasks: subtasks.collect() }
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

    /// The unfinished tasks that a task still waits for.
    ///
    /// A dependency on an unfinished subtask stands for its task, because a chain is made of tasks; one on a subtask of
    /// the task itself is no edge.
    fn waits_for(&self, at: usize) -> Vec<usize> {
        let task = &self.tasks[at];
        let edge = |id: &String| {
            let (before, status) = self.find(id)?;
            let own_subtask = before == at && *id != task.id;
            (!is_finished(status) && !is_finished(&self.tasks[before].status) && !own_subtask).then_some(before)
        };
        task.dependencies.iter().filter_map(edge).collect()
    }
}

/// The number of unfinished tasks on the longest chain, or a cycle among them.
///
/// Kahn's order: a task is taken once all it waits for have been, so nothing recurses, and what can never be taken
/// waits for a cycle.
fn longest_chain(tasks: &[Task], index: &Index<'_>) -> Result<u64, Vec<String>> {
    let open = |at: &usize| !is_finished(&tasks[*at].status);
    let waits_for: Vec<Vec<usize>> = (0..tasks.len()).map(|at| if open(&at) { index.waits_for(at) } else { Vec::new() }).collect();
    let mut needed_by: Vec<Vec<usize>> = vec![Vec::new(); tasks.len()];
    for (at, before) in waits_for.iter().enumerate() {
        before.iter().for_each(|&b| needed_by[b].push(at));
    }
    let mut left: Vec<usize> = waits_for.iter().map(Vec::len).collect();
    let mut length: Vec<u64> = (0..tasks.len()).map(|at| u64::from(open(&at))).collect();
    let mut free: VecDeque<usize> = (0..tasks.len()).filter(|&at| left[at] == 0).collect();
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
    match left.iter().position(|&left| left > 0) {
        Some(start) if taken < tasks.len() => {
            Err(cycle_from(start, &waits_for, &left).into_iter().map(|at| tasks[at].id.clone()).collect())
        }
        _ => Ok(length.into_iter().max().unwrap_or(0)),
    }
}

/// Follows what was not taken until it comes around. Begins with the cycle's first task of the file, and ends with it.
fn cycle_from(start: usize, waits_for: &[Vec<usize>], left: &[usize]) -> Vec<usize> {
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
