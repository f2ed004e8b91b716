//! What coding agents used: money, tokens, time; in a time, or by task.

use std::sync::Arc;

use taskpulse_engine::ask::{Meaning, Range, Subject, Wanted};
use taskpulse_engine::board::cost::measure;
use taskpulse_engine::words::{figure, lasted, money};

use super::draft::{Draft, listed, ms, row};
use super::{AskError, Asker};
use crate::view::{Board, Cost, Task};

const DAY: i64 = 86_400_000;

impl Asker {
    pub(super) fn cost(&self, meaning: &Meaning) -> Result<Draft, AskError> {
        if meaning.task.is_some() {
            return Ok(self.task_cost(meaning));
        }
        if matches!(meaning.wanted, Wanted::Most | Wanted::Least) {
            return Ok(self.dearest(meaning));
        }
        let range = meaning.time.unwrap_or(Range { start: self.now() - DAY, end: self.now() });
        let (value, metric) = self.used(meaning.subject, range)?;
        let during = self.during(range);
        let Some(value) = value else {
            let why = format!("no {} of coding agents can be said {during}: there are no samples of that time", measured(meaning.subject));
            return Ok(Draft { query: Some(self.cost_metrics(meaning.subject).join(" or ")), ..Draft::missing(why) });
        };
        let said = self.cost_said(meaning.subject, value);
        let draft =
            Draft::said(format!("Coding agents: {said} {during}")).rows(vec![row(meaning.subject.id(), metric, value)]).page("tasks");
        let query =
            self.cost_metrics(meaning.subject).iter().map(|metric| format!("increase({metric}[1h])")).collect::<Vec<_>>().join(" or ");
        Ok(if query.is_empty() { draft } else { draft.charted(&query, &query, [range]) })
    }

    /// What was used in a time; none where nothing says it.
    pub(super) fn used(&self, subject: Subject, range: Range) -> Result<(Option<f64>, &'static str), AskError> {
        let spent = measure(&self.store, range.start, range.end, &self.agent_metrics, None)?;
        Ok(match subject {
            Subject::Tokens => ((!spent.tokens.is_empty()).then(|| spent.tokens.values().sum()), ""),
            Subject::AgentTime => (spent.active_seconds, "active_seconds"),
            _ => (spent.money, ""),
        })
    }

    pub(super) fn cost_said(&self, subject: Subject, value: f64) -> String {
        match subject {
            Subject::Tokens => format!("{value:.0} tokens"),
            Subject::AgentTime => format!("{} active", lasted(ms(value))),
            _ => money(value, self.agent_metrics.currency()),
        }
    }

    fn cost_metrics(&self, subject: Subject) -> &[String] {
        match subject {
            Subject::Tokens => &self.agent_metrics.tokens,
            Subject::AgentTime => &self.agent_metrics.active,
            _ => &self.agent_metrics.money,
        }
    }

    fn task_cost(&self, meaning: &Meaning) -> Draft {
        let found = match self.task_of(meaning) {
            Ok(found) => found,
            Err(draft) => return *draft,
        };
        let parts: Vec<String> = found.iter().map(|one| self.one_cost(one, meaning.subject)).collect();
        let rows = found
            .iter()
            .filter_map(|(_, task)| Some(row(format!("task {}", task.id), "", figure_of(task.cost.as_ref()?, meaning.subject)?)))
            .collect::<Vec<_>>();
        let sentence = parts.join("; ");
        let mut draft = Draft::said(sentence.clone()).page("tasks");
        draft.missing = rows.is_empty().then_some(sentence);
        draft.rows = rows;
        draft.note(Some("What ran at the same time is counted; who caused it is not known".to_owned()))
    }

    fn one_cost(&self, (board, task): &(Arc<Board>, Task), subject: Subject) -> String {
        let of = format!("Task {} of {} {}", task.id, board.project, board.tag);
        let Some(cost) = &task.cost else { return format!("What {of} cost is not known: it was not seen in progress") };
        let mut parts = Vec::new();
        match (figure_of(cost, subject), subject) {
            (Some(value), _) => parts.push(self.cost_said(subject, value)),
            (None, Subject::Tokens) => parts.push("tokens are not known, since no samples of them were there".to_owned()),
            (None, _) => parts.push("money is not known, since no samples of it were there".to_owned()),
        }
        parts.push(format!("{} in progress", lasted(ms(cost.wall_seconds))));
        if subject == Subject::Cost {
            parts.extend((!cost.tokens.is_empty()).then(|| format!("{:.0} tokens", cost.tokens.values().sum::<f64>())));
            parts.extend(cost.cpu_seconds.map(|seconds| format!("{} of CPU time", lasted(ms(seconds)))));
            parts.extend(cost.ci_runs.map(|runs| format!("{} CI runs", figure("", runs))));
        }
        let from = cost
            .since
            .filter(|_| cost.start_seen == Some(false))
            .map(|since| format!("; counted from {}, when it was first seen: it was in progress before", self.at(ms(since))));
        format!("{of}: {}{}", parts.join(", "), from.unwrap_or_default())
    }

    /// The tasks that cost most.
    fn dearest(&self, meaning: &Meaning) -> Draft {
        let boards = self.boards(meaning);
        if boards.is_empty() {
            return self.no_board();
        }
        let mut found: Vec<(f64, Task)> = Vec::new();
        for board in &boards {
            found.extend(board.items.iter().filter_map(|task| Some((figure_of(task.cost.as_ref()?, meaning.subject)?, task.clone()))));
        }
        if found.is_empty() {
            let what = measured(meaning.subject);
            let why = format!("of no task is it known what it cost: no {what} of coding agents was measured while one was in progress");
            return Draft { query: Some(self.cost_metrics(meaning.subject).join(" or ")), ..Draft::missing(why) }.page("tasks");
        }
        found.sort_by(|a, b| b.0.total_cmp(&a.0));
        if meaning.wanted == Wanted::Least {
            found.reverse();
        }
        found.truncate(meaning.limit.unwrap_or(10));
        let parts: Vec<String> = found
            .iter()
            .map(|(value, task)| format!("task {} {} ({})", task.id, self.cost_said(meaning.subject, *value), task.title))
            .collect();
        let rows = found.iter().map(|(value, task)| {
            let mut one = row(format!("task {} {}", task.id, task.title), "", *value);
            one.text = self.cost_said(meaning.subject, *value);
            one
        });
        let rows = rows.collect();
        let word = if meaning.wanted == Wanted::Least { "Least" } else { "Most" };
        let since = (meaning.time.is_some()).then(|| "A task is counted as a whole, not by the time of the question".to_owned());
        Draft::said(format!("{word}: {}", listed(&parts))).rows(rows).page("tasks").note(since)
    }
}

/// What is measured of agents, in a sentence.
fn measured(subject: Subject) -> &'static str {
    match subject {
        Subject::Tokens => "tokens",
        Subject::AgentTime => "active time",
        _ => "money",
    }
}

fn figure_of(cost: &Cost, subject: Subject) -> Option<f64> {
    match subject {
        Subject::Tokens => (!cost.tokens.is_empty()).then(|| cost.tokens.values().sum()),
        Subject::AgentTime => cost.active_seconds,
        _ => cost.money,
    }
}
