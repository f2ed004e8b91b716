//! The samples of a project: figures of its tags, durations of finished tasks, and forecasts.

use std::collections::BTreeSet;
use std::time::Instant;

use taskpulse_engine::board::{CompletionHistory, Figures, Observed, STATUSES, is_finished};
use taskpulse_engine::model::{Batch, Labels, TimestampMs};

use super::Found;
use super::project::{Project, SHOW_AGAIN};

/// Most statuses of a tag, besides those of Task Master, that have samples.
const MAX_OTHER_STATUSES: usize = 20;
/// Most priorities of a project that have samples.
const MAX_PRIORITIES: usize = 20;

impl Project {
    /// Adds the figures of all tags and the durations of tasks that were just finished. Returns the statuses and priorities
    /// beyond the bounds, which have no samples.
    pub(super) fn measure(&mut self, now: TimestampMs, observed: &Observed, found: &mut Found) -> BTreeSet<String> {
        let mut beyond = BTreeSet::new();
        for (tag, figures) in &self.figures {
            self.tag_figures(now, tag, figures, &mut found.batch);
        }
        self.status_counts(now, &mut found.batch, &mut beyond);
        self.durations(observed, &mut found.durations, &mut beyond);
        self.forecasts(now, observed, &mut found.batch);
        beyond
    }

    fn tag_figures(&self, now: TimestampMs, tag: &str, figures: &Figures, batch: &mut Batch) {
        let labels = [("project", self.name.as_str()), ("tag", tag)];
        let mut push = |name: &str, v: f64| batch.push(Labels::metric(name, &labels), now, v);
        push("taskmaster_queue_depth", figures.queue_depth as f64);
        push("taskmaster_ready_tasks", figures.ready_tasks as f64);
        push("taskmaster_blocked_tasks", figures.blocked_tasks as f64);
        let counters = self.watcher.counters(tag);
        push("taskmaster_tasks_completed_total", counters.completed as f64);
        push("taskmaster_tasks_reopened_total", counters.reopened as f64);
        for (name, v) in [
            ("taskmaster_completion_ratio", figures.completion_ratio),
            ("taskmaster_failure_ratio", self.watcher.failure_ratio(tag, now)),
            ("taskmaster_failure_low_ratio", self.watcher.failure_low_ratio(tag, now)),
            ("taskmaster_critical_path_tasks", figures.critical_path_tasks.map(|n| n as f64)),
            ("taskmaster_throughput_tasks_per_day", self.with_history(tag, |history| history.throughput_per_day(now))),
            ("taskmaster_open_complexity", self.open_complexity(tag)),
        ] {
            v.into_iter().for_each(|v| push(name, v));
        }
        for blocker in &figures.blockers {
            let labels = [&labels[..], &[("task", blocker.id.as_str()), ("status", blocker.status.as_str())]].concat();
            batch.push(Labels::metric("taskmaster_task_dependents", &labels), now, blocker.dependents as f64);
            batch.push(Labels::metric("taskmaster_task_chain_tasks", &labels), now, blocker.chain as f64);
        }
    }

    /// Tasks and subtasks by status. A status that was seen once and is empty now has the value 0.
    fn status_counts(&mut self, now: TimestampMs, batch: &mut Batch, beyond: &mut BTreeSet<String>) {
        for (tag, figures) in &self.figures {
            for (name, counts) in [("taskmaster_tasks", &figures.tasks), ("taskmaster_subtasks", &figures.subtasks)] {
                let seen = self.seen.entry((name, tag.clone())).or_default();
                if !seen.is_empty() || !counts.is_empty() || name == "taskmaster_tasks" {
                    seen.extend(STATUSES.map(str::to_owned));
                }
                for status in counts.keys() {
                    if seen.contains(status) || seen.len() < STATUSES.len() + MAX_OTHER_STATUSES {
                        seen.insert(status.clone());
                    } else {
                        beyond.insert(status.clone());
                    }
                }
                for status in seen.iter() {
                    let labels = [("project", self.name.as_str()), ("tag", tag.as_str()), ("status", status.as_str())];
                    batch.push(Labels::metric(name, &labels), now, counts.get(status).copied().unwrap_or(0) as f64);
                }
            }
        }
    }

    fn durations(&mut self, observed: &Observed, durations: &mut Batch, beyond: &mut BTreeSet<String>) {
        let mut taken: BTreeSet<(&str, &str, TimestampMs)> = BTreeSet::new();
        for execution in &observed.executions {
            if !self.priorities.contains(&execution.priority) && self.priorities.len() >= MAX_PRIORITIES {
                beyond.insert(execution.priority.clone());
                continue;
            }
            self.priorities.insert(execution.priority.clone());
            let labels = [("project", self.name.as_str()), ("tag", execution.tag.as_str()), ("priority", execution.priority.as_str())];
            // Tasks that were finished at the same moment get times a millisecond apart: a series has one sample per time.
            let free = |at: &TimestampMs| taken.insert((&execution.tag, &execution.priority, *at));
            let at = (execution.at_ms..).find(free).unwrap_or(execution.at_ms);
            durations.push(Labels::metric("taskmaster_task_execution_seconds", &labels), at, execution.seconds);
            durations.push(Labels::metric("taskmaster_task_review_seconds", &labels), at, execution.review_seconds);
            let score = self.complexity.get(&execution.tag).and_then(|scores| scores.get(&execution.task_id));
            score.into_iter().for_each(|score| durations.push(Labels::metric("taskmaster_task_complexity", &labels), at, *score));
        }
    }

    /// Adds the forecasts; computes them again if a task moved or the last time is long ago.
    fn forecasts(&mut self, now: TimestampMs, observed: &Observed, batch: &mut Batch) {
        if self.forecast_at.is_none_or(|at| at.elapsed() >= SHOW_AGAIN) || !observed.transitions.is_empty() {
            self.forecast_at = Some(Instant::now());
            let forecast = |tag: &str, figures: &Figures| self.with_history(tag, |history| history.forecast(figures.open_tasks, now));
            self.forecasts = self.figures.iter().map(|(tag, figures)| (tag.clone(), forecast(tag, figures))).collect();
        }
        for (tag, forecast) in &self.forecasts {
            let Ok(forecast) = forecast else { continue };
            for (quantile, at) in [("0.5", forecast.p50_ms), ("0.85", forecast.p85_ms), ("0.95", forecast.p95_ms)] {
                let labels = [("project", self.name.as_str()), ("tag", tag.as_str()), ("quantile", quantile)];
                if let Some(at) = at {
                    batch.push(Labels::metric("taskmaster_forecast_done_timestamp_seconds", &labels), now, at as f64 / 1e3);
                }
            }
        }
    }

    /// Calls `f` with the completions of a tag.
    pub(super) fn with_history<T>(&self, tag: &str, f: impl FnOnce(CompletionHistory<'_>) -> T) -> T {
        let (watched_since_ms, completions_ms) = self.watcher.completions(tag);
        f(CompletionHistory { watched_since_ms, completions_ms: &completions_ms, scope: &self.watcher.scope(tag) })
    }

    /// The sum of the complexity scores of open tasks; none if the tag has no report.
    fn open_complexity(&self, tag: &str) -> Option<f64> {
        let (scores, tasks) = (self.complexity.get(tag)?, &self.board.as_ref()?.tags.get(tag)?.tasks);
        let open = tasks.iter().filter(|task| !is_finished(&task.status));
        // Not `sum`: that of nothing is -0.
        Some(open.filter_map(|task| scores.get(&task.id)).fold(0.0, |sum, score| sum + score))
    }
}
