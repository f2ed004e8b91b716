//! Boards against the recorded one, and against everything that a file can be.

mod figures;
mod odd;
mod properties;
mod recorded;
mod switching;
mod watching;

use serde_json::{Value, json};

use super::{Board, Figures, Observed, Watcher};

/// A board of one tag `master`, from the tasks that the file would have.
fn board(tasks: &Value) -> Board {
    Board::parse(json!({"master": {"tasks": tasks}}).to_string().as_bytes(), None).unwrap()
}

/// Tasks that have nothing but an id, a status and `updatedAt`, in seconds since 1970.
fn tasks(of: &[(&str, &str, Option<i64>)]) -> Value {
    let time = |s: i64| jiff::Timestamp::from_second(s).unwrap().to_string();
    of.iter().map(|(id, status, at)| json!({"id": id, "status": status, "updatedAt": at.map(time)})).collect()
}

/// Figures of a board in which each task depends on those named.
fn figures(of: &[(&str, &str, &[&str])]) -> Figures {
    let tasks: Value = of.iter().map(|(id, status, before)| json!({"id": id, "status": status, "dependencies": before})).collect();
    Figures::of(&board(&tasks).tags["master"])
}

/// One task's life: what it was at which second, by its `updatedAt` and the time of each observation, and what was observed.
fn life(watcher: &mut Watcher, observations: &[(i64, &str)]) -> Vec<Observed> {
    observations.iter().map(|(at, status)| watcher.observe(&board(&tasks(&[("1", status, Some(*at))])), at * 1000)).collect()
}
