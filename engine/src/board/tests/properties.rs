//! What holds for any input.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::board;
use crate::board::{Board, Figures, Watcher, is_finished, parse_state};

const WORDS: [&str; 16] = [
    "tasks",
    "metadata",
    "id",
    "title",
    "status",
    "priority",
    "dependencies",
    "subtasks",
    "updatedAt",
    "master",
    "pending",
    "done",
    "completed",
    "1",
    "1.1",
    "2026-11-23T21:07:42.821Z",
];

fn word() -> impl Strategy<Value = String> {
    prop_oneof![4 => prop::sample::select(&WORDS[..]).prop_map(str::to_owned), 1 => any::<String>()]
}

/// JSON of any shape, with the words of a board often at the right place.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (0u8..4).prop_map(Value::from),
        word().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 6, |inner| {
        let list = prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from);
        let map = prop::collection::vec((word(), inner), 0..6).prop_map(|fields| Value::Object(fields.into_iter().collect()));
        prop_oneof![list, map]
    })
}

/// A board's tasks: status and dependencies of each id.
fn any_tasks() -> impl Strategy<Value = BTreeMap<u8, (&'static str, Vec<u8>)>> {
    let statuses = ["pending", "in-progress", "review", "done", "completed", "deferred", "cancelled", "blocked", "odd"];
    prop::collection::btree_map(0u8..8, (prop::sample::select(statuses.to_vec()), prop::collection::vec(0u8..9, 0..3)), 0..8)
}

fn file(tasks: &BTreeMap<u8, (&'static str, Vec<u8>)>) -> Value {
    tasks.iter().map(|(id, (status, before))| json!({"id": id, "status": status, "dependencies": before})).collect()
}

/// The longest chain from a task, by trying them all; none where that comes around.
fn chain(tasks: &BTreeMap<u8, (&'static str, Vec<u8>)>, at: u8, path: &mut Vec<u8>) -> Option<u64> {
    let Some((_, before)) = tasks.get(&at).filter(|(status, _)| !is_finished(status) && *status != "completed") else {
        return Some(0);
    };
    if path.contains(&at) {
        return None;
    }
    path.push(at);
    let longest = before.iter().map(|before| chain(tasks, *before, path)).try_fold(0, |longest, one| Some(longest.max(one?)));
    path.pop();
    Some(longest? + 1)
}

fn look_at_everything(board: &Board) {
    let mut watcher = Watcher::default();
    for at in [0, i64::MAX, i64::MIN, 5] {
        watcher.observe(board, at);
        watcher.observe(&Board::default(), at);
    }
    for (name, tag) in &board.tags {
        let figures = Figures::of(tag);
        assert_eq!(figures.tasks.values().sum::<u64>(), tag.tasks.len() as u64);
        assert_eq!(figures.subtasks.values().sum::<u64>(), tag.tasks.iter().map(|t| t.subtasks.len() as u64).sum::<u64>());
        assert!(watcher.failure_ratio(name, i64::MIN).is_none());
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Board::parse(&bytes, None);
        let _ = parse_state(&bytes);
    }

    #[test]
    fn no_damage_to_a_file_makes_it_panic(at in any::<prop::sample::Index>(), byte in any::<u8>(), tasks in any_tasks()) {
        let mut bytes = json!({"master": {"tasks": file(&tasks)}}).to_string().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(board) = Board::parse(&bytes, None) {
            look_at_everything(&board);
        }
    }

    #[test]
    fn no_json_makes_it_panic_and_its_counts_add_up(value in any_json(), field in word()) {
        for value in [json!({"tasks": [value]}), json!({"m": {"tasks": [{"id": 1, &*field: value}]}}), value] {
            if let Ok(board) = Board::parse(value.to_string().as_bytes(), None) {
                look_at_everything(&board);
            }
            let _ = parse_state(value.to_string().as_bytes());
        }
    }

    #[test]
    fn figures_agree_with_trying_everything(tasks in any_tasks()) {
        let figures = Figures::of(&board(&file(&tasks)).tags["master"]);
        prop_assert_eq!(figures.tasks.values().sum::<u64>(), tasks.len() as u64);
        prop_assert!(figures.ready_tasks <= figures.queue_depth);
        prop_assert!(figures.completion_ratio.is_none_or(|ratio| (0.0..=1.0).contains(&ratio)));
        let longest = tasks.keys().map(|id| chain(&tasks, *id, &mut Vec::new())).try_fold(0, |longest, one| Some(longest.max(one?)));
        prop_assert_eq!(figures.critical_path_tasks, longest);
        prop_assert_eq!(figures.cycle.is_some(), longest.is_none());
        for pair in figures.cycle.iter().flat_map(|cycle| cycle.windows(2)) {
            let of: u8 = pair[0].parse().unwrap();
            prop_assert!(tasks[&of].1.iter().any(|before| before.to_string() == pair[1]), "{:?}", pair);
        }
    }

    #[test]
    fn a_restart_after_any_observation_changes_nothing(observations in prop::collection::vec((any_tasks(), 0i64..90_000_000), 1..8), restart in any::<u8>()) {
        let (mut stayed, mut restarted) = (Watcher::default(), Watcher::default());
        let mut now = 0;
        let mut counted = (0, 0);
        for (round, (tasks, after)) in observations.iter().enumerate() {
            now += after;
            if restart & (1 << round) != 0 {
                restarted = serde_json::from_str(&serde_json::to_string(&restarted).unwrap()).unwrap();
            }
            let board = board(&file(tasks));
            let observed = stayed.observe(&board, now);
            prop_assert_eq!(&observed, &restarted.observe(&board, now));
            prop_assert!(round > 0 || observed.transitions.is_empty());
            prop_assert!(observed.executions.iter().all(|e| e.seconds >= 0.0 && e.at_ms <= now));
            let counters = stayed.counters("master");
            prop_assert!(counters.completed >= counted.0 && counters.reopened >= counted.1);
            counted = (counters.completed, counters.reopened);
            prop_assert!(stayed.failure_ratio("master", now).is_none_or(|ratio| (0.0..=1.0).contains(&ratio)));
            // The same board again shows nothing new.
            let again = stayed.observe(&board, now);
            prop_assert!(again.transitions.is_empty() && again.executions.is_empty());
        }
        prop_assert_eq!(&stayed, &restarted);
    }
}
