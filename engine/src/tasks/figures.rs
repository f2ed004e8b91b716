//! What a tag's tasks add up to.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::is_finished;
use super::parse::Tag;

/// The figures of one tag. Subtasks are counted apart, never mixed into tasks.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Figures {
    /// Tasks by status.
    pub tasks: BTreeMap<String, u64>,
    /// Subtasks by status.
    pub subtasks: BTreeMap<String, u64>,
    /// done / (all − cancelled); none when there is nothing to divide by.
    pub completion_ratio: Option<f64>,
    /// Tasks pending.
    pub queue_depth: u64,
    /// Ids of pending tasks with every dependency done. One on a task that does not exist is not done, as for Task Master.
    pub ready: Vec<String>,
    /// Unfinished tasks on the longest chain of dependencies; none where they form a cycle.
    pub critical_path_tasks: Option<u64>,
    /// A cycle of dependencies, its first task again at its end.
    pub cycle: Option<Vec<String>>,
}

impl Figures {
    /// The figures of a tag.
    #[must_use]
    pub fn of(tag: &Tag) -> Self {
        let mut figures = Self::default();
        let mut status_of: HashMap<String, &str> = HashMap::new();
        for task in &tag.tasks {
            *figures.tasks.entry(task.status.clone()).or_default() += 1;
            status_of.insert(task.id.clone(), &task.status);
            for subtask in &task.subtasks {
                *figures.subtasks.entry(subtask.status.clone()).or_default() += 1;
                status_of.insert(format!("{}.{}", task.id, subtask.id), &subtask.status);
            }
        }
        let count = |status: &str| figures.tasks.get(status).copied().unwrap_or(0);
        let base = tag.tasks.len() as u64 - count("cancelled");
        figures.completion_ratio = (base > 0).then(|| count("done") as f64 / base as f64);
        figures.queue_depth = count("pending");
        let done = |id: &String| status_of.get(id).is_some_and(|status| *status == "done");
        let ready = tag.tasks.iter().filter(|t| t.status == "pending" && t.dependencies.iter().all(done));
        figures.ready = ready.map(|t| t.id.clone()).collect();
        match longest_chain(tag) {
            Ok(length) => figures.critical_path_tasks = Some(length),
            Err(cycle) => figures.cycle = Some(cycle),
        }
        figures
    }
}

/// The number of unfinished tasks on the longest chain, or a cycle. A dependency on a subtask counts as one on its task.
fn longest_chain(tag: &Tag) -> Result<u64, Vec<String>> {
    let open: Vec<_> = tag.tasks.iter().filter(|t| !is_finished(&t.status)).collect();
    let place: HashMap<&str, usize> = open.iter().enumerate().map(|(at, task)| (task.id.as_str(), at)).collect();
    let mut needs: Vec<Vec<usize>> = Vec::with_capacity(open.len());
    for task in &open {
        let find = |id: &String| place.get(id.as_str()).or_else(|| place.get(id.split_once('.')?.0)).copied();
        let mut before: Vec<usize> = task.dependencies.iter().filter_map(find).collect();
        before.sort_unstable();
        before.dedup();
        needs.push(before);
    }
    let mut needed_by: Vec<Vec<usize>> = vec![Vec::new(); open.len()];
    for (at, before) in needs.iter().enumerate() {
        before.iter().for_each(|&b| needed_by[b].push(at));
    }
    let mut left: Vec<usize> = needs.iter().map(Vec::len).collect();
    let mut length = vec![1u64; open.len()];
    let mut free: VecDeque<usize> = (0..open.len()).filter(|&at| left[at] == 0).collect();
    let mut seen = 0;
    while let Some(at) = free.pop_front() {
        seen += 1;
        for &after in &needed_by[at] {
            length[after] = length[after].max(length[at] + 1);
            left[after] -= 1;
            if left[after] == 0 {
                free.push_back(after);
            }
        }
    }
    if seen == open.len() {
        return Ok(length.into_iter().max().unwrap_or(0));
    }
    // What is left all waits for something that is left: going back along it must come around.
    let mut path: Vec<usize> = Vec::new();
    let mut at = (0..open.len()).find(|&at| left[at] > 0).unwrap_or(0);
    loop {
        if let Some(start) = path.iter().position(|&p| p == at) {
            let mut cycle: Vec<String> = path[start..].iter().map(|&p| open[p].id.clone()).collect();
            cycle.push(open[at].id.clone());
            return Err(cycle);
        }
        path.push(at);
        match needs[at].iter().find(|&&b| left[b] > 0) {
            Some(&before) => at = before,
            None => return Err(vec![open[at].id.clone()]),
        }
    }
}
