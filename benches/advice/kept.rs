//! What is kept beside samples: runs of a workflow, moves of tasks, and alerts that ended.

use serde_json::{Value, json};
use taskpulse_engine::ci::tracker::DOCUMENTS as RUNS;
use taskpulse_engine::event::Event;
use taskpulse_engine::forecast::random::Random;
use taskpulse_engine::logs::templates::DOCUMENTS as TEMPLATES;
use taskpulse_engine::rules::ENDED;
use taskpulse_engine::store::{DocumentChange, StoreWriter};

use crate::world::{Bads, DAY, MINUTE, MONDAY};

const REPO: &str = "octo/site";

/// See the module.
#[derive(Default)]
pub struct Kept {
    runs: Vec<DocumentChange>,
    events: Vec<Event>,
    alerts: Vec<DocumentChange>,
    next_task: u64,
    templates: Vec<DocumentChange>,
    /// Tasks are worked on by day and night.
    all_day: bool,
}

/// A run that ended at a minute.
pub struct Run {
    pub minute: i64,
    pub seconds: f64,
    pub conclusion: &'static str,
}

impl Kept {
    /// Of a board on which work goes on by day and night, or in office hours.
    pub fn of(all_day: bool) -> Self {
        Self { all_day, ..Self::default() }
    }

    /// Puts all into a store.
    pub fn store(mut self, store: &StoreWriter) {
        self.runs.push((
            REPO.to_owned(),
            Some(br##"{"format": 2, "names": {"#1": {"listed": "test", "path": ".github/workflows/test.yml"}}}"##.to_vec()),
        ));
        store.change_documents(RUNS, self.runs).unwrap();
        store.change_documents(ENDED, self.alerts).unwrap();
        store.change_documents(TEMPLATES, self.templates).unwrap();
        self.events.sort_by_key(|event| event.at);
        for part in self.events.chunks(1_000) {
            store.add_events(part).unwrap();
        }
    }

    /// Keeps a run: six in ten are of the main branch, each of a commit of its own.
    pub fn run(&mut self, run: &Run, bad: &Bads<'_>, random: &mut Random) {
        let number = self.runs.len() as u64 + 1;
        let main = random.unit() < 0.6;
        let branch = if main { "main".to_owned() } else { format!("idea-{}", number / 9) };
        let jobs: [(&str, f64); 4] = match bad("ci_one_job", 7 * DAY) {
            Some(bad) => [("e2e", 0.85 + 0.1 * bad.badness), ("build", 0.3), ("unit", 0.25), ("lint", 0.1)],
            None => [("build", 0.5), ("unit", 0.45), ("e2e", 0.4 + 0.2 * random.unit()), ("lint", 0.1)],
        };
        self.run_of(number, run, &branch, &jobs);
        // Somebody pushes again while it runs.
        if bad("ci_superseded", 7 * DAY).is_some_and(|bad| random.unit() < 0.5 + 0.3 * bad.badness) {
            let branch = format!("again-{number}");
            for later in [0, 1] {
                let again = Run { minute: run.minute + later, seconds: run.seconds, conclusion: "success" };
                self.run_of(number + 1 + later as u64, &again, &branch, &jobs);
            }
        }
    }

    fn run_of(&mut self, number: u64, run: &Run, branch: &str, jobs: &[(&str, f64)]) {
        let end = MONDAY + run.minute * MINUTE;
        let begin = end - (run.seconds * 1e3) as i64;
        let event = if branch == "main" { "push" } else { "pull_request" };
        let times: Vec<Value> = jobs
            .iter()
            .map(|(name, part)| json!({"name": name, "outcome": run.conclusion, "count": 1, "seconds": part * run.seconds}))
            .collect();
        let record = json!({
            "id": number, "attempt": 1, "workflow_id": 1, "path": ".github/workflows/test.yml", "name": "test", "status": "completed",
            "conclusion": run.conclusion, "branch": branch, "sha": format!("{number:08x}c0ffee"), "event": event, "number": number,
            "title": format!("Change {number}"), "url": "", "fork": false, "created": begin, "started": begin, "updated": end,
            "committed": null, "at": end, "live": true, "jobs_known": true, "queue": null,
            "job_seconds": run.seconds * jobs.iter().map(|(_, part)| part).sum::<f64>(), "jobs": times
        });
        self.runs.push((format!("{REPO}/{number:020}.1"), Some(record.to_string().into_bytes())));
    }

    fn moved(&mut self, minute: f64, task: &str, from: &str, to: &str, reopened: bool) {
        self.scored(minute, task, (from, to), reopened, None);
    }

    fn scored(&mut self, minute: f64, task: &str, (from, to): (&str, &str), reopened: bool, score: Option<f64>) {
        let mut data = json!({"project": "app", "tag": "master", "title": "", "from": from, "to": to, "reopened": reopened});
        if let Some(score) = score {
            data["complexity"] = json!(score);
        }
        let at = MONDAY + (minute * MINUTE as f64) as i64;
        self.events.push(Event::new(at, "taskmaster", "task_status", task, format!("task {task} {from} → {to}")).with_data(data));
    }

    /// A task of a complexity that was done at a minute after so many seconds. One in twelve was reopened once.
    pub fn done(&mut self, minute: i64, seconds: f64, score: f64, random: &mut Random) {
        self.next_task += 1;
        let (task, minute, score) = (self.next_task.to_string(), minute as f64, Some(score));
        let begin = minute - seconds / 60.0;
        self.scored(begin, &task, ("pending", "in-progress"), false, score);
        if random.unit() < 0.08 {
            self.scored(begin + 0.6 * (minute - begin), &task, ("in-progress", "review"), false, score);
            self.scored(begin + 0.8 * (minute - begin), &task, ("review", "in-progress"), true, score);
        }
        self.scored(minute, &task, ("in-progress", "done"), false, score);
    }

    /// A kind of line that a service says, as it is kept.
    fn template(&mut self, id: u64, level: &str, lines: u64, (since, until): (i64, i64), is_news: bool) {
        let at = |minute: i64| MONDAY + minute * MINUTE;
        let template = json!({
            "id": format!("{id:016x}"), "service": "web", "level": level, "words": ["request", "<*>", "failed", id.to_string()], "lines": lines,
            "first_seen": at(since), "last_seen": at(until), "example": {"at": at(until), "text": "request 1 failed"}, "minutes": [], "is_news": is_news
        });
        self.templates.push((format!("{id:016x}"), Some(template.to_string().into_bytes())));
    }

    /// The kinds of lines at the end of the time: old errors that go on, warnings, and a new error that was said a few times.
    fn lines(&mut self, minute: i64, bad: &Bads<'_>) {
        self.template(1, "error", 4_000, (DAY, minute), true);
        self.template(2, "warn", 900, (minute - 400, minute), true);
        self.template(3, "error", 7, (minute - 300, minute), true);
        if let Some(bad) = bad("log_errors", 1_000) {
            let since = minute - 60 - (900.0 * bad.badness) as i64;
            self.template(
                5,
                if bad.badness < 0.5 { "error" } else { "fatal" },
                30 + (3_000.0 * bad.badness) as u64,
                (since, minute - (40.0 * bad.badness) as i64),
                true,
            );
        }
    }

    /// What happens at a minute whatever else does.
    pub fn at(&mut self, minute: i64, left: i64, bad: &Bads<'_>) {
        if left == 6 * DAY - 600 && bad("task_stuck", 6 * DAY).is_some() {
            self.moved(minute as f64, "stuck", "pending", "in-progress", false);
        }
        if let Some(bad) = bad("task_bounces", 10 * DAY).filter(|_| left == 9 * DAY) {
            for time in 0..3 + (4.0 * bad.badness) as i64 {
                let at = (minute + time * 1_200) as f64;
                self.moved(at, "bounces", "in-progress", "review", false);
                self.moved(at + 60.0, "bounces", "review", "in-progress", true);
            }
            self.moved((minute + 8 * DAY) as f64, "bounces", "in-progress", "done", false);
        }
        // Within a day at work: Friday, or the last hours where work goes on by day and night.
        let begins = if self.all_day { 1 } else { 2 * DAY + 360 };
        if let Some(bad) = bad("task_over_complexity", 3 * DAY) {
            let hours = 4.0 + 3.0 * bad.badness;
            if left == begins + (hours * 60.0) as i64 {
                self.scored(minute as f64, "over", ("pending", "in-progress"), false, Some(3.0));
            }
        }
        if left == 1 {
            self.lines(minute, bad);
        }
        if left == 5 * DAY - 800 && bad("task_cost", 6 * DAY).is_some() {
            self.moved((minute - 180) as f64, "costly", "pending", "in-progress", false);
            self.moved((minute + 1) as f64, "costly", "in-progress", "done", false);
        }
        // Somebody answers one in four of the few alerts of a healthy week.
        let noisy = bad("alert_noise", 7 * DAY);
        let every = noisy.map_or(2_000, |bad| 400 - (200.0 * bad.badness) as i64);
        if minute % every == 0 {
            let from = MONDAY + minute * MINUTE;
            let lasted = if noisy.is_some() { 40_000 } else { 1_800_000 };
            let alert = json!({
                "id": format!("{minute}"), "rule": "hot_disk", "severity": "warning", "state": "resolved", "metric": {"__name__": "heat"},
                "value": 1.0, "op": ">", "threshold": 0.0, "hold_ms": 0, "cooldown_ms": 0, "pending_since": from, "firing_since": from,
                "resolved_at": from + lasted, "last_sample": from + lasted, "summary": "",
                "acked_at": (noisy.is_none() && minute % 8_000 == 0).then_some(from), "reason": null
            });
            self.alerts.push((format!("{minute:020}"), Some(alert.to_string().into_bytes())));
        }
    }
}
