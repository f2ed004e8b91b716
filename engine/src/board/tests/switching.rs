//! Boards that go back and forth: branches, stashes, restored copies, clocks that differ.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{board, tasks};
use crate::board::watch::MAX_GONE_TASKS;
use crate::board::{Board, Counters, Observed, Watcher};

type Of<'a> = &'a [(&'a str, &'a str, Option<i64>)];

/// Observes boards one second after another, from the second 1,000 on; returns what each changed.
fn observe_all(watcher: &mut Watcher, boards: &[Of<'_>]) -> Vec<Observed> {
    boards.iter().zip(1_000i64..).map(|(of, at)| watcher.observe(&board(&tasks(of)), at * 1000)).collect()
}

fn counted(watcher: &Watcher) -> (u64, u64) {
    let Counters { completed, reopened } = watcher.counters("master");
    (completed, reopened)
}

/// Each row: its name, the boards that are seen, and what is counted then.
fn counts_as_expected(table: &[(&str, &[Of<'_>], (u64, u64))]) {
    for (name, boards, expected) in table {
        let mut watcher = Watcher::default();
        observe_all(&mut watcher, boards);
        assert_eq!(counted(&watcher), *expected, "{name}");
    }
}

#[test]
fn branches_that_are_switched_count_nothing_however_often() {
    let all = |status: &str, at: i64| -> Value { (1..=5).map(|id| json!({"id": id, "status": status, "updatedAt": at})).collect() };
    let mut watcher = Watcher::default();
    let mut now = 100_000;
    let mut observe = |watcher: &mut Watcher, tasks: &Value| {
        now += 1_000;
        // What is known survives being written and read back.
        *watcher = serde_json::from_slice(&serde_json::to_vec(&*watcher).unwrap()).unwrap();
        watcher.observe(&board(tasks), now)
    };
    observe(&mut watcher, &all("pending", 20));
    // The second change within one time, as a script makes it.
    observe(&mut watcher, &all("in-progress", 25));
    assert_eq!(observe(&mut watcher, &all("done", 25)).executions.len(), 5);
    for _ in 0..20 {
        let back = observe(&mut watcher, &all("pending", 20));
        assert_eq!((back.transitions.len(), back.switched[0].task_ids.len()), (0, 5));
        // A commit between the two.
        observe(&mut watcher, &all("in-progress", 25));
        let forth = observe(&mut watcher, &all("done", 25));
        assert_eq!((forth.transitions.len(), forth.executions.len()), (0, 0));
    }
    assert_eq!((counted(&watcher), watcher.failure_ratio("master", 200_000)), ((5, 0), Some(0.0)));
    assert_eq!(watcher.completions("master").1.len(), 5);
    // Real moves count once, from whichever branch they are made.
    observe(&mut watcher, &all("pending", 20));
    observe(&mut watcher, &all("in-progress", 90));
    observe(&mut watcher, &all("done", 91));
    assert_eq!(counted(&watcher), (10, 0));
    observe(&mut watcher, &all("done", 25));
    let reopened = observe(&mut watcher, &all("pending", 95));
    assert_eq!((counted(&watcher), reopened.transitions.len()), ((10, 5), 5));
}

#[test]
fn a_merge_of_branches_without_times_counts_each_task_once() {
    let of = |done: &[u8]| -> Value {
        (1..=6).map(|id: u8| json!({"id": id, "status": if done.contains(&id) { "done" } else { "pending" }})).collect()
    };
    let mut watcher = Watcher::default();
    // Two tasks are done on one branch, one on the other; then they are merged, and one more is done.
    for (at, done) in (1i64..).zip([&[][..], &[1, 2], &[], &[6], &[1, 2, 6], &[1, 2, 3, 6]]) {
        watcher.observe(&board(&of(done)), at * 10_000);
    }
    assert_eq!(counted(&watcher), (4, 0));
}

#[test]
fn what_is_seen_again_or_is_older_is_no_move() {
    let table: &[(&str, &[Of<'_>], (u64, u64))] = &[
        (
            "a move and its undoing by another time",
            &[&[("1", "pending", Some(1))], &[("1", "done", Some(2))], &[("1", "pending", Some(3))]],
            (1, 1),
        ),
        ("an older copy that was never seen", &[&[("1", "done", Some(9))], &[("1", "review", Some(5))], &[("1", "done", Some(7))]], (0, 0)),
        ("an older copy without times", &[&[("1", "done", Some(9))], &[("1", "pending", None)], &[("1", "done", Some(9))]], (0, 0)),
        (
            "a move after an older copy was restored",
            &[
                &[("1", "pending", Some(1))],
                &[("1", "done", Some(5))],
                &[("1", "pending", Some(1))],
                &[("1", "in-progress", Some(8))],
                &[("1", "done", Some(9))],
            ],
            (2, 0),
        ),
        (
            "a title that was changed on the other branch",
            &[
                &[("1", "pending", Some(1)), ("2", "pending", Some(1))],
                &[("1", "done", Some(5)), ("2", "done", Some(5))],
                &[("1", "pending", Some(1)), ("2", "pending", Some(1))],
                // 2 is back as it was known, so 1 comes with it: done since 5.
                &[("1", "done", Some(7)), ("2", "done", Some(5))],
            ],
            (2, 0),
        ),
        (
            "what only looks like a reopening, as its file went back",
            &[&[("1", "done", Some(5)), ("2", "done", Some(5))], &[("1", "pending", Some(6)), ("2", "pending", Some(3))]],
            (0, 0),
        ),
        (
            "work that came with a branch",
            &[&[("1", "pending", Some(2)), ("2", "pending", Some(2))], &[("1", "done", Some(6)), ("2", "pending", Some(1))]],
            (1, 0),
        ),
        (
            "a clock that is behind, and one that was ahead",
            &[
                &[("1", "in-progress", Some(10))],
                &[("1", "done", Some(9))],
                &[("1", "done", Some(9_000))],
                &[("1", "pending", Some(1_003))],
            ],
            (0, 1),
        ),
        (
            "a task that goes and comes back",
            &[
                &[("1", "pending", Some(1))],
                &[("1", "in-progress", Some(2))],
                &[],
                &[("1", "in-progress", Some(2))],
                &[("1", "done", Some(3))],
                &[],
                &[("1", "in-progress", Some(2))],
                &[("1", "done", Some(3))],
            ],
            (1, 0),
        ),
    ];
    counts_as_expected(table);
}

#[test]
fn a_board_without_times_counts_what_it_was_not_before() {
    let table: &[(&str, &[Of<'_>], (u64, u64))] = &[
        ("done once", &[&[("1", "pending", None)], &[("1", "in-progress", None)], &[("1", "done", None)]], (1, 0)),
        (
            "a branch and back, twice",
            &[
                &[("1", "pending", None), ("2", "pending", None)],
                &[("1", "done", None), ("2", "pending", None)],
                &[("1", "done", None), ("2", "done", None)],
                &[("1", "pending", None), ("2", "pending", None)],
                &[("1", "done", None), ("2", "done", None)],
                &[("1", "pending", None), ("2", "pending", None)],
                &[("1", "done", None), ("2", "pending", None)],
            ],
            (2, 0),
        ),
        ("one that is reopened", &[&[("1", "done", None)], &[("1", "in-progress", None)], &[("1", "review", None)]], (0, 1)),
        (
            "several at once, as a checkout of an older commit",
            &[&[("1", "done", None), ("2", "done", None)], &[("1", "pending", None), ("2", "pending", None)]],
            (0, 0),
        ),
        (
            "a change beside tasks that have times and went back",
            &[&[("1", "done", None), ("2", "done", Some(7))], &[("1", "pending", None), ("2", "pending", Some(3))]],
            (0, 0),
        ),
        // It cannot be told from a checkout.
        (
            "a change that is taken back",
            &[&[("1", "pending", None)], &[("1", "done", None)], &[("1", "pending", None)], &[("1", "done", None)]],
            (1, 0),
        ),
    ];
    counts_as_expected(table);
}

#[test]
fn time_goes_on_for_a_task_whose_branch_was_away() {
    let mut watcher = Watcher::default();
    let seen = observe_all(
        &mut watcher,
        &[
            &[("1", "pending", Some(900))],
            &[("1", "in-progress", Some(1_001))],
            &[("1", "pending", Some(900))],
            &[("1", "in-progress", Some(1_001))],
            &[("1", "done", Some(1_004))],
        ],
    );
    assert_eq!(seen[4].executions.iter().map(|e| e.seconds).collect::<Vec<_>>(), [3.0]);
    let work: Vec<_> = watcher.work().flat_map(|(_, _, work)| work.iter().copied()).collect();
    assert_eq!(work, [(1_001_000, Some(1_002_000)), (1_003_000, Some(1_004_000))], "only while the file showed it");
    // From another branch, no start was seen.
    let mut watcher = Watcher::default();
    let seen = observe_all(
        &mut watcher,
        &[
            &[("1", "in-progress", Some(900))],
            &[("1", "pending", Some(1_001))],
            &[("1", "in-progress", Some(1_002))],
            &[("1", "in-progress", Some(900))],
            &[("1", "done", Some(1_004))],
        ],
    );
    assert!(seen.iter().all(|observed| observed.executions.is_empty()));
    assert_eq!((counted(&watcher), watcher.in_progress_since("master", "1")), ((1, 0), None));
}

#[test]
fn time_in_progress_counts_from_when_it_was_first_seen_and_says_so() {
    let mut watcher = Watcher::default();
    observe_all(
        &mut watcher,
        &[&[("1", "in-progress", Some(5)), ("2", "pending", None)], &[("1", "in-progress", Some(5)), ("2", "in-progress", Some(1_001))]],
    );
    assert_eq!((watcher.work_since("master", "1"), watcher.work_since("master", "2")), (Some((1_000_000, false)), Some((1_001_000, true))));
    assert_eq!((watcher.in_progress_since("master", "1"), watcher.work_since("master", "3")), (None, None));
    // The memory of an older version has no such time: it counts from the first observation.
    let mut older = serde_json::to_value(&watcher).unwrap();
    let task = older["tags"]["master"]["tasks"]["1"].as_object_mut().unwrap();
    task.retain(|field, _| ["seen", "priority", "stopwatch", "last_execution_ms", "subtasks"].contains(&field.as_str()));
    let mut watcher: Watcher = serde_json::from_value(older).unwrap();
    watcher.observe(&board(&tasks(&[("1", "in-progress", Some(5))])), 2_000_000);
    assert_eq!(watcher.work_since("master", "1"), Some((2_000_000, false)));
    watcher.observe(&board(&tasks(&[("1", "done", Some(3))])), 2_001_000);
    assert_eq!(counted(&watcher), (0, 0), "its last state is known from the older form");
}

#[test]
fn twins_are_followed_as_long_as_they_are_as_many() {
    let twins =
        |of: &[&str]| -> Value { of.iter().zip(10..).map(|(status, at)| json!({"id": 1, "status": status, "updatedAt": at})).collect() };
    let mut watcher = Watcher::default();
    for (at, of) in [&["pending", "done"][..], &["done"], &["pending", "done"]].into_iter().enumerate() {
        watcher.observe(&board(&twins(of)), at as i64 * 1_000 + 100_000);
        assert_eq!(counted(&watcher), (0, 0), "{of:?}");
    }
    let one = json!([{"id": 1, "status": "done", "updatedAt": 50}, {"id": 1, "status": "done", "updatedAt": 11}]);
    let seen = watcher.observe(&board(&one), 200_000);
    assert_eq!((counted(&watcher), seen.transitions[0].task_id.as_str()), ((1, 0), "1 (1 of 2)"));
    let without = json!([{"title": "a", "status": "pending"}, {"title": "b", "status": "done"}]);
    watcher.observe(&board(&without), 300_000);
    let seen = watcher.observe(&board(&json!([{"title": "b", "status": "done"}])), 301_000);
    assert!(seen.transitions.is_empty(), "what has no id is not followed");
}

#[test]
fn what_is_remembered_of_tasks_that_are_gone_is_bounded() {
    let mut watcher = Watcher::default();
    for round in 0..6i64 {
        let tasks: Value = (0..1_000).map(|id| json!({"id": round * 1_000 + id, "status": "done", "updatedAt": 5})).collect();
        watcher.observe(&board(&tasks), round * 1_000);
        watcher.observe(&board(&json!([{"id": "x"}, {"id": round}])), round * 1_000 + 500);
    }
    let kept = serde_json::to_value(&watcher).unwrap();
    assert_eq!(kept["tags"]["master"]["gone_tasks"].as_object().unwrap().len(), MAX_GONE_TASKS);
    assert!(kept["tags"]["master"]["wholes"].as_array().unwrap().len() <= 256);
}

const STATUSES: [&str; 5] = ["pending", "in-progress", "review", "done", "cancelled"];

/// What happens to a board: a task is moved, a task is edited, a commit is made, or a commit is checked out.
#[derive(Debug, Clone)]
enum Deed {
    Move(u8, usize),
    Edit(u8),
    Commit,
    Checkout(prop::sample::Index),
    Restart,
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let deed = prop_oneof![
        6 => (0u8..4, 0..STATUSES.len()).prop_map(|(task, status)| Deed::Move(task, status)),
        2 => (0u8..4).prop_map(Deed::Edit),
        3 => Just(Deed::Commit),
        4 => any::<prop::sample::Index>().prop_map(Deed::Checkout),
        1 => Just(Deed::Restart),
    ];
    prop::collection::vec(deed, 1..60)
}

proptest! {
    /// Each deed is seen. A move counts where it was made, and nothing else does.
    #[test]
    fn counts_are_those_of_the_moves_that_were_made_whatever_is_checked_out(deeds in deeds(), never_touched in any::<bool>()) {
        let first = if never_touched { None } else { Some(1_000i64) };
        let mut files: BTreeMap<u8, (&str, Option<i64>)> = (0..4).map(|id| (id, ("pending", first))).collect();
        let mut commits = vec![files.clone()];
        let (mut watcher, mut now) = (Watcher::default(), 10_000i64);
        let (mut completed, mut reopened, mut outcomes) = (0u64, 0u64, 0u64);
        let read = |files: &BTreeMap<u8, (&str, Option<i64>)>| {
            let tasks: Value = files.iter().map(|(id, (status, at))| json!({"id": id, "status": status, "updatedAt": at.map(|ms| jiff::Timestamp::from_millisecond(ms).unwrap().to_string())})).collect();
            Board::parse(json!({"master": {"tasks": tasks}}).to_string().as_bytes(), None).unwrap()
        };
        watcher.observe(&read(&files), now);
        for deed in deeds {
            now += 1_000;
            match deed {
                Deed::Move(id, to) => {
                    let task = files.get_mut(&id).unwrap();
                    let (from, to) = (task.0, STATUSES[to]);
                    if from == to { continue }
                    *task = (to, Some(now - 100));
                    completed += u64::from(to == "done");
                    let again = ["done", "review"].contains(&from) && ["pending", "in-progress"].contains(&to);
                    reopened += u64::from(again);
                    outcomes += u64::from(to == "done" || to == "cancelled" || again);
                }
                Deed::Edit(id) => files.get_mut(&id).unwrap().1 = Some(now - 100),
                Deed::Commit => commits.push(files.clone()),
                Deed::Checkout(at) => files = commits[at.index(commits.len())].clone(),
                Deed::Restart => watcher = serde_json::from_slice(&serde_json::to_vec(&watcher).unwrap()).unwrap(),
            }
            watcher.observe(&read(&files), now);
            prop_assert_eq!(counted(&watcher), (completed, reopened));
        }
        let ratio = watcher.failure_ratio("master", now);
        prop_assert_eq!(ratio, (outcomes > 0).then(|| (outcomes - completed) as f64 / outcomes as f64));
        prop_assert_eq!(watcher.completions("master").1.len() as u64, completed);
    }

    /// Observations come at any time and commits come from elsewhere: nothing counts more often than it happened.
    #[test]
    fn what_was_missed_between_two_observations_is_never_counted_too_often(deeds in deeds(), observations in prop::collection::vec(any::<bool>(), 60)) {
        let mut files: BTreeMap<u8, (&str, Option<i64>)> = (0..4).map(|id| (id, ("pending", None))).collect();
        let mut commits = vec![files.clone()];
        let (mut watcher, mut now) = (Watcher::default(), 10_000i64);
        let mut done = BTreeSet::new();
        let read = |files: &BTreeMap<u8, (&str, Option<i64>)>| {
            let tasks: Value = files.iter().map(|(id, (status, at))| json!({"id": id, "status": status, "updatedAt": at.map(|ms| jiff::Timestamp::from_millisecond(ms).unwrap().to_string())})).collect();
            board(&tasks)
        };
        watcher.observe(&read(&files), now);
        for (deed, observes) in deeds.into_iter().zip(observations) {
            now += 1_000;
            match deed {
                Deed::Move(id, to) => {
                    let task = files.get_mut(&id).unwrap();
                    let to = STATUSES[to];
                    if task.0 == to { continue }
                    *task = (to, Some(now - 100));
                    if to == "done" { done.insert((id, now)); }
                }
                Deed::Edit(_) | Deed::Restart => {}
                Deed::Commit => commits.push(files.clone()),
                Deed::Checkout(at) => files = commits[at.index(commits.len())].clone(),
            }
            if observes {
                watcher.observe(&read(&files), now);
            }
        }
        let (completed, _) = counted(&watcher);
        prop_assert!(completed <= done.len() as u64, "{} of {}", completed, done.len());
    }
}
