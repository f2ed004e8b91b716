//! Problems of the store, for the log, health and the Status page.

use std::collections::BTreeSet;

use parking_lot::Mutex;

/// Problems that are listed; beyond that, only their number is kept.
const MAX_KEPT: usize = 20;

/// Problems since the start, shared by all parts of a store.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    list: Mutex<List>,
}

#[derive(Debug, Default)]
struct List {
    kept: BTreeSet<String>,
    more: u64,
}

impl Problems {
    /// Adds a problem, and logs it as an error the first time.
    pub(crate) fn note(&self, problem: impl Into<String>) {
        let problem = problem.into();
        let mut list = self.list.lock();
        if list.kept.contains(&problem) {
            return;
        }
        log::error!("{problem}");
        if list.kept.len() < MAX_KEPT {
            list.kept.insert(problem);
        } else {
            list.more += 1;
        }
    }

    /// All problems so far.
    pub(crate) fn list(&self) -> Vec<String> {
        let list = self.list.lock();
        let mut all: Vec<String> = list.kept.iter().cloned().collect();
        if list.more > 0 {
            all.push(format!("and {} more problems, which the log lists", list.more));
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_are_listed_once_and_their_number_is_bounded() {
        let problems = Problems::default();
        (0..MAX_KEPT + 5).for_each(|n| {
            problems.note(format!("problem {n}"));
            problems.note(format!("problem {}", n.min(3)));
        });
        let list = problems.list();
        assert_eq!((list.len(), list[MAX_KEPT].as_str()), (MAX_KEPT + 1, "and 5 more problems, which the log lists"));
    }
}
