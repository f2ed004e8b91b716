//! How long a task usually takes: the median of those that were seen from their start until they were done.

/// Tasks that say what is usual.
const LEAST: usize = 5;
/// Tasks whose complexity differs by no more are alike.
const ALIKE: f64 = 1.0;

/// How long tasks like one take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usual {
    /// Milliseconds in progress and in review.
    pub ms: i64,
    /// How many tasks say so.
    pub tasks: usize,
    /// Whether only those of about the same complexity were taken.
    pub by_complexity: bool,
}

/// Tasks that were done: their complexity, where it is known, and how long they took.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Usuals(pub Vec<(Option<f64>, i64)>);

impl Usuals {
    /// What is usual for a task: by tasks of about its complexity where there are enough of them, else by all.
    #[must_use]
    pub fn of(&self, complexity: Option<f64>) -> Option<Usual> {
        let is_alike = |other: Option<f64>| other.zip(complexity).is_some_and(|(a, b)| (a - b).abs() <= ALIKE);
        let alike: Vec<i64> = self.0.iter().filter(|(other, _)| is_alike(*other)).map(|(_, ms)| *ms).collect();
        median(alike, true).or_else(|| median(self.0.iter().map(|(_, ms)| *ms).collect(), false))
    }
}

fn median(mut all: Vec<i64>, by_complexity: bool) -> Option<Usual> {
    all.sort_unstable();
    let middle = all.get(all.len() / 2).copied();
    middle.filter(|_| all.len() >= LEAST).map(|ms| Usual { ms, tasks: all.len(), by_complexity })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_usual_comes_from_tasks_alike_where_there_are_enough() {
        let simple = [10, 20, 30, 40, 50].map(|ms| (Some(2.0), ms));
        let hard = [500, 600].map(|ms| (Some(8.0), ms));
        let all = Usuals(simple.into_iter().chain(hard).collect());
        assert_eq!(all.of(Some(3.0)), Some(Usual { ms: 30, tasks: 5, by_complexity: true }));
        assert_eq!(all.of(Some(8.0)), Some(Usual { ms: 40, tasks: 7, by_complexity: false }));
        assert_eq!(all.of(None).map(|usual| usual.by_complexity), Some(false));
        assert_eq!(Usuals(hard.to_vec()).of(Some(8.0)), None);
    }
}
