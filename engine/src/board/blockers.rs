//! The open tasks for which most others wait.

use std::collections::VecDeque;

use super::figures::{Edges, Index, MAX_STEPS};
use super::is_finished;
use super::parse::Task;

/// An open task that waits for no other, and for which others wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocker {
    /// Its id.
    pub id: String,
    /// Its status.
    pub status: String,
    /// Open tasks that wait for it, directly or through others.
    pub dependents: u64,
    /// Tasks on the longest chain that begins with it, itself among them.
    pub chain: u64,
}

/// So many are kept.
const MOST: usize = 3;

/// Those with most dependents, the most first; none where dependencies go around, or are too many to be followed.
pub(super) fn blockers(tasks: &[Task], index: &Index<'_>) -> Vec<Blocker> {
    let open: Vec<bool> = tasks.iter().map(|task| !is_finished(&task.status)).collect();
    let mut waits_for: Edges = vec![Vec::new(); tasks.len()];
    let mut needed_by: Edges = vec![Vec::new(); tasks.len()];
    for at in (0..tasks.len()).filter(|at| open[*at]) {
        let mut before: Vec<usize> = index.waits_for(at).into_iter().map(|(before, _)| before).collect();
        before.sort_unstable();
        before.dedup();
        before.iter().for_each(|before| needed_by[*before].push(at));
        waits_for[at] = before;
    }
    let Some(chains) = chains(&waits_for, &needed_by) else { return Vec::new() };
    let (mut found, mut budget) = (Vec::new(), MAX_STEPS);
    for at in (0..tasks.len()).filter(|at| open[*at] && waits_for[*at].is_empty() && !needed_by[*at].is_empty()) {
        let Some(dependents) = dependents(at, &needed_by, &mut budget) else { return Vec::new() };
        found.push(Blocker { id: tasks[at].id.clone(), status: tasks[at].status.clone(), dependents, chain: chains[at] });
    }
    found.sort_by_key(|one| (std::cmp::Reverse(one.dependents), std::cmp::Reverse(one.chain)));
    found.truncate(MOST);
    found
}

/// The longest chain that begins with each task; none where one goes around.
fn chains(waits_for: &Edges, needed_by: &Edges) -> Option<Vec<u64>> {
    // From the last tasks of the chains to the first: a task is taken once all that wait for it have been.
    let mut left: Vec<usize> = needed_by.iter().map(Vec::len).collect();
    let mut chains = vec![1_u64; waits_for.len()];
    let mut free: VecDeque<usize> = (0..left.len()).filter(|at| left[*at] == 0).collect();
    let mut taken = 0;
    while let Some(at) = free.pop_front() {
        taken += 1;
        for &before in &waits_for[at] {
            chains[before] = chains[before].max(chains[at] + 1);
            left[before] -= 1;
            if left[before] == 0 {
                free.push_back(before);
            }
        }
    }
    (taken == waits_for.len()).then_some(chains)
}

/// How many tasks wait for one, directly or through others; none once the steps are used up.
fn dependents(from: usize, needed_by: &Edges, budget: &mut usize) -> Option<u64> {
    let (mut seen, mut open) = (std::collections::HashSet::from([from]), vec![from]);
    while let Some(at) = open.pop() {
        *budget = budget.checked_sub(needed_by[at].len() + 1)?;
        open.extend(needed_by[at].iter().filter(|after| seen.insert(**after)));
    }
    Some(seen.len() as u64 - 1)
}
