//! Transitions on a project's boards as events of the time line.

use std::collections::BTreeMap;

use taskpulse_engine::board::{Observed, Switched, Transition};
use taskpulse_engine::event::Event;

use super::FEW;
use super::fetch::Scores;

/// Longest title in an event, in characters.
const MAX_TITLE: usize = 500;
/// Most events of one collection of a project.
const MAX_EVENTS: usize = 500;

/// The events of one collection of a project.
pub(super) fn events(project: &str, observed: &Observed, scores: &Scores) -> Vec<Event> {
    let mut events = events_of(project, &observed.transitions, scores);
    events.extend(observed.switched.iter().map(|switched| switched_event(project, switched)));
    bounded(project, events)
}

/// Keeps the first [`MAX_EVENTS`] events; one more says how many there were.
fn bounded(project: &str, mut events: Vec<Event>) -> Vec<Event> {
    if events.len() > MAX_EVENTS {
        let at = events.iter().map(|event| event.at).max().unwrap_or(0);
        let more = events.len() - MAX_EVENTS;
        events.truncate(MAX_EVENTS);
        let data = serde_json::json!({"project": project, "more": more});
        events.push(Event::new(at, "taskmaster", "tasks_moved", project, format!("{more} more tasks moved at once")).with_data(data));
    }
    events
}

fn events_of(project: &str, transitions: &[Transition], scores: &Scores) -> Vec<Event> {
    let mut events = Vec::new();
    for (added, verb) in [(true, "added"), (false, "removed")] {
        let all: Vec<&Transition> =
            transitions.iter().filter(|t| t.subtask.is_none() && (if added { t.from.is_none() } else { t.to.is_none() })).collect();
        let mut by_tag: BTreeMap<&str, Vec<&Transition>> = BTreeMap::new();
        all.into_iter().for_each(|t| by_tag.entry(&t.tag).or_default().push(t));
        for (tag, moved) in by_tag {
            let kind = format!("task_{verb}");
            if moved.len() > FEW {
                let at = moved.iter().map(|t| t.at_ms).max().unwrap_or(0);
                let data =
                    serde_json::json!({"project": project, "tag": tag, "tasks": moved.iter().map(|t| &t.task_id).collect::<Vec<_>>()});
                events.push(Event::new(at, "taskmaster", &kind, tag, format!("{} tasks {verb}, tag {tag}", moved.len())).with_data(data));
            } else {
                events.extend(moved.into_iter().map(|t| event(project, t, scores, &kind, format!("task {} {verb}", t.task_id))));
            }
        }
    }
    for t in transitions {
        if let (Some(from), Some(to)) = (&t.from, &t.to) {
            let (kind, subject) = match &t.subtask {
                Some(subtask) => ("subtask_status", format!("subtask {}.{subtask}", t.task_id)),
                None => ("task_status", format!("task {}", t.task_id)),
            };
            events.push(event(project, t, scores, kind, format!("{subject} {from} → {to}")));
        }
    }
    events
}

fn switched_event(project: &str, switched: &Switched) -> Event {
    let Switched { tag, task_ids, at_ms } = switched;
    let count = task_ids.len();
    let (tasks, are) = if count == 1 { ("task", "is") } else { ("tasks", "are") };
    let title = format!("{count} {tasks}, tag {tag}, {are} as at another time: a checkout or an older copy, counted as no move");
    let data = serde_json::json!({"project": project, "tag": tag, "tasks": task_ids});
    Event::new(*at_ms, "taskmaster", "tasks_switched", tag, title).with_data(data)
}

fn event(project: &str, t: &Transition, scores: &Scores, kind: &str, title: String) -> Event {
    let subject = t.subtask.as_ref().map_or_else(|| t.task_id.clone(), |subtask| format!("{}.{subtask}", t.task_id));
    let title_of_task: String = t.title.chars().take(MAX_TITLE).collect();
    let mut data =
        serde_json::json!({"project": project, "tag": t.tag, "title": title_of_task, "from": t.from, "to": t.to, "reopened": t.reopened});
    let score = scores.get(&t.tag).and_then(|scores| scores.get(&t.task_id)).filter(|_| t.subtask.is_none());
    if let Some(score) = score {
        data["complexity"] = serde_json::json!(score);
    }
    Event::new(t.at_ms, "taskmaster", kind, subject, title).with_data(data)
}
