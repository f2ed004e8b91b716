//! What coding agents do, why they wait, who worked on a task, and what each cost.

use taskpulse_engine::agent::costs::{By, Row, Sources, Work, costs, tasks_at};
use taskpulse_engine::agent::{Book, Session, State, pages_between};
use taskpulse_engine::ask::{Meaning, NameKind, Range, Subject, Wanted};
use taskpulse_engine::words::{counted, lasted, money};

use super::draft::{Draft, listed, ms, row, text_row};
use super::{AskError, Asker};
use crate::view::{AgentSession, AgentState, AnswerRow};

/// Rows of an answer where the question does not say how many.
const ROWS: usize = 50;
/// Characters of a session's id that tell it from others.
const SHORT: usize = 8;

/// Nobody connected an agent.
const NONE: &str = "no coding agent was seen yet; `taskpulse connect claude --write` connects one (docs/AGENTS.md)";

fn named(agent: &str, id: &str) -> String {
    format!("{agent} {}", id.get(..SHORT).unwrap_or(id))
}

/// Where it works: the last part of its folder.
fn place(session: &AgentSession) -> Option<&str> {
    let place = session.repository.as_deref().or(session.folder.as_deref())?;
    place.rsplit('/').find(|part| !part.is_empty())
}

/// What it does: `waits for permission to use Bash for 3 min`.
fn doing(session: &AgentSession, now: i64) -> String {
    let long = lasted(now - ms(session.since));
    match (session.state, session.waits_for, &session.tool) {
        ("waiting", Some("permission"), Some(tool)) => format!("waits for permission to use {tool} for {long}"),
        ("waiting", Some(whom), _) => format!(
            "waits for {} for {long}",
            if whom == "answer" {
                "an answer"
            } else if whom == "model" {
                "the model"
            } else {
                whom
            }
        ),
        (state, ..) => format!("{state} for {long}"),
    }
}

fn whole(session: &AgentSession, now: i64) -> String {
    let tasks: Vec<&str> = session.tasks.iter().map(|task| task.id.as_str()).collect();
    let sure = session.tasks.first().is_none_or(|task| task.how != "shared");
    let on = match tasks.as_slice() {
        [] => None,
        [one] if sure => Some(format!("on task {one}")),
        some => Some(format!("on one of the tasks {}", some.join(", "))),
    };
    let at = place(session).map(|place| format!("in {place}"));
    [Some(doing(session, now)), on, at].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

impl Asker {
    /// Sessions that a question is about, those that were heard of last first.
    fn sessions_of(&self, meaning: &Meaning) -> Vec<AgentSession> {
        let (work, commits, now) = (self.views.work(), self.views.commits(), self.now());
        let agent = meaning.name(NameKind::Agent);
        self.agents.read(|book| {
            let mut all: Vec<&Session> = book.sessions().filter(|session| agent.is_none_or(|agent| session.key.agent == agent)).collect();
            all.sort_by_key(|session| std::cmp::Reverse(session.last_seen));
            all.retain(|session| {
                fits(session, meaning, now) && meaning.task.as_ref().is_none_or(|task| worked_on(session, task, &work, now))
            });
            all.into_iter().map(|session| AgentSession::of(book, session, &work, &commits, now)).collect()
        })
    }

    /// Sessions in a state, at a time, or on a task.
    pub(super) fn agent_sessions(&self, meaning: &Meaning) -> Draft {
        if self.agents.read(Book::is_empty) {
            return Draft::missing(NONE).page("agents");
        }
        let now = self.now();
        let mut found = self.sessions_of(meaning);
        found.retain(|session| fits_view(session, meaning));
        let agent = meaning.name(NameKind::Agent).map_or_else(|| "coding agents".to_owned(), str::to_owned);
        let rows = found.iter().take(meaning.limit.unwrap_or(ROWS)).map(|session| self.agent_row(session, meaning)).collect::<Vec<_>>();
        let parts: Vec<String> = rows.iter().map(|row| format!("{}: {}", row.name, row.text)).collect();
        let what = asked(meaning);
        let when = meaning.time.map(|range| format!(" {}", self.during(range))).unwrap_or_default();
        let sentence = match (found.len(), meaning.wanted) {
            (0, _) => format!("No session of {agent} is {what}{when}"),
            (count, wanted) => {
                let of =
                    format!("{} of {agent} {} {what}{when}", counted(count, "session", "sessions"), if count == 1 { "is" } else { "are" });
                if wanted == Wanted::Count { of } else { format!("{of}: {}", listed(&parts)) }
            }
        };
        let query = match meaning.status {
            Some(state @ ("working" | "waiting" | "idle")) => format!("agent_sessions{{state=\"{state}\"}}"),
            Some("wrong") => "agent_findings > 0".to_owned(),
            _ => "agent_sessions".to_owned(),
        };
        let day = Range { start: now - 86_400_000, end: now };
        Draft::said(sentence).rows(rows).page("agents").charted(&query, &query, [meaning.time.unwrap_or(day)])
    }

    fn agent_row(&self, session: &AgentSession, meaning: &Meaning) -> AnswerRow {
        let name = named(&session.agent, &session.id);
        match (meaning.topic, meaning.status) {
            (Some("context"), _) => {
                let used = session.context_used_ratio.unwrap_or_default();
                AnswerRow { unit: "ratio".to_owned(), ..row(name, "share_ratio", used) }
            }
            (_, Some("wrong")) => {
                let titles: Vec<&str> = session.findings.iter().map(|finding| finding.title.as_str()).collect();
                text_row(name, titles.join("; "), session.findings.first().map(|finding| ms(finding.since)))
            }
            _ => text_row(name, whole(session, self.now()), Some(ms(session.since))),
        }
    }

    /// Why sessions wait, or what is wrong with them: what they say themselves.
    pub(super) fn why_agents_wait(&self, meaning: &Meaning) -> Draft {
        if self.agents.read(Book::is_empty) {
            return Draft::missing(NONE).page("agents");
        }
        let live = self.sessions_of(meaning).into_iter().filter(|session| !matches!(session.state, "ended" | "lost"));
        let live: Vec<AgentSession> = live.collect();
        let reasons = live.iter().filter(|session| session.state == "waiting" || !session.findings.is_empty());
        let mut rows = Vec::new();
        for session in reasons {
            let waits = session.state == "waiting";
            let mut text: Vec<String> = waits.then(|| whole(session, self.now())).into_iter().collect();
            for finding in session.findings.iter().filter(|finding| finding.kind != "waits" || !waits) {
                text.push(format!("{}. {}", finding.title, finding.advice));
            }
            rows.push(text_row(named(&session.agent, &session.id), text.join("; "), Some(ms(session.since))));
        }
        let parts: Vec<String> = rows.iter().map(|row| format!("{}: {}", row.name, row.text)).collect();
        let sentence = match (rows.is_empty(), live.is_empty()) {
            (false, _) => listed(&parts),
            (true, true) => "No session lives now, so none waits".to_owned(),
            (true, false) => {
                let states: Vec<String> = live
                    .iter()
                    .map(|session| format!("{} is {}", named(&session.agent, &session.id), doing(session, self.now())))
                    .collect();
                format!("None waits, and nothing is known to be wrong: {}", listed(&states))
            }
        };
        Draft { query: Some("agent_sessions{state=\"waiting\"}".to_owned()), ..Draft::said(sentence).rows(rows).page("agents") }
    }

    /// How long sessions waited for a person within a time.
    pub(super) fn agents_waited(&self, meaning: &Meaning) -> Draft {
        if self.agents.read(Book::is_empty) {
            return Draft::missing(NONE).page("agents");
        }
        let now = self.now();
        let range = meaning.time.unwrap_or(Range { start: now - 86_400_000, end: now });
        let agent = meaning.name(NameKind::Agent);
        let states = self.agents.read(|book| AgentState::between(book, (range.start, range.end), now));
        let mut rows: Vec<AnswerRow> = Vec::new();
        for state in states.iter().filter(|state| agent.is_none_or(|agent| state.agent == agent)) {
            if !matches!(state.waits_for, Some("permission" | "answer")) {
                continue;
            }
            let (from, to) = (ms(state.from).max(range.start), state.to.map_or(range.end, ms).min(range.end));
            let (name, waited) = (named(&state.agent, &state.id), (to - from).max(0) as f64 / 1e3);
            match rows.iter_mut().find(|row| row.name == name) {
                Some(row) => row.value = Some(row.value.unwrap_or_default() + waited),
                None => rows.push(AnswerRow { unit: "seconds".to_owned(), ..row(name, "", waited) }),
            }
        }
        rows.iter_mut().for_each(|row| row.text = lasted(ms(row.value.unwrap_or_default())));
        rows.sort_by(|a, b| b.value.unwrap_or_default().total_cmp(&a.value.unwrap_or_default()));
        let total: f64 = rows.iter().filter_map(|row| row.value).sum();
        let who = agent.unwrap_or("Coding agents");
        let sentence = if rows.is_empty() {
            format!("No session of {} waited for a person {}", agent.unwrap_or("coding agents"), self.during(range))
        } else {
            format!(
                "{who} waited {} for a person {}, in {}",
                lasted(ms(total)),
                self.during(range),
                counted(rows.len(), "session", "sessions")
            )
        };
        let note = Some("Only agents that are connected by hooks say whom they wait for".to_owned());
        Draft {
            query: Some("increase(agent_waiting_seconds_total[1h])".to_owned()),
            ..Draft::said(sentence).rows(rows).page("agents").note(note)
        }
    }

    /// What an agent used in a time, or what used most.
    pub(super) fn agent_costs(&self, meaning: &Meaning) -> Result<Draft, AskError> {
        let now = self.now();
        let range = meaning.time.unwrap_or(Range { start: now - 86_400_000, end: now });
        let agent = meaning.name(NameKind::Agent);
        let by = match meaning.topic {
            Some("session") => By::Session,
            Some("model") => By::Model,
            Some("branch") => By::Branch,
            Some("repository") => By::Repository,
            _ => By::Agent,
        };
        let pages = pages_between(&self.store, range.start, range.end)?;
        let rows =
            self.agents.read(|book| costs(&[By::Agent, by], (range.start, range.end), Sources { pages: &pages, book, work: &[], now }));
        let of_agent = rows.into_iter().filter(|(key, _)| agent.is_none_or(|agent| key[0].as_deref() == Some(agent)));
        let mut found: Vec<(String, f64)> = Vec::new();
        for (key, row) in of_agent {
            let Some(value) = used(&row, meaning.subject) else { continue };
            // The row of what is attributed to nothing is there even where nothing is.
            if value == 0.0 && key.iter().all(Option::is_none) {
                continue;
            }
            let name = key[1].clone().unwrap_or_else(|| "not attributed".to_owned());
            match found.iter_mut().find(|(known, _)| *known == name) {
                Some((_, all)) => *all += value,
                None => found.push((name, value)),
            }
        }
        let what = if meaning.subject == Subject::Tokens { "tokens" } else { "money" };
        let during = self.during(range);
        let metric = if meaning.subject == Subject::Tokens { "agent_tokens_total" } else { "agent_cost_usd_total" };
        let selector = agent.map(|agent| format!("{{agent={agent:?}}}")).unwrap_or_default();
        let query = format!("increase({metric}{selector}[1h])");
        if found.is_empty() {
            let who = agent.unwrap_or("coding agents");
            let why = format!("no {what} of {who} can be said {during}: no request of that time said any");
            return Ok(Draft { query: Some(query), ..Draft::missing(why) }.page("agents"));
        }
        found.sort_by(|a, b| b.1.total_cmp(&a.1));
        if meaning.wanted == Wanted::Least {
            found.reverse();
        }
        let said = |value: f64| if meaning.subject == Subject::Tokens { format!("{value:.0} tokens") } else { money(value, Some("USD")) };
        let answer_rows =
            found.iter().take(meaning.limit.unwrap_or(ROWS)).map(|(name, value)| AnswerRow { text: said(*value), ..row(name, "", *value) });
        let answer_rows: Vec<AnswerRow> = answer_rows.collect();
        let sentence = match meaning.wanted {
            Wanted::Most | Wanted::Least => {
                let parts: Vec<String> = answer_rows.iter().map(|row| format!("{} {}", row.name, row.text)).collect();
                format!("{} {during}: {}", if meaning.wanted == Wanted::Least { "Least" } else { "Most" }, listed(&parts))
            }
            _ => format!("{}: {} {during}", agent.unwrap_or("Coding agents"), said(found.iter().map(|(_, value)| value).sum())),
        };
        let note =
            (meaning.subject == Subject::Cost).then(|| "As agents say it themselves; what they do not price is not in it".to_owned());
        Ok(Draft::said(sentence).rows(answer_rows).page("agents").note(note).charted(&query, &query, [range]))
    }
}

fn used(row: &Row, subject: Subject) -> Option<f64> {
    let figures = &row.figures;
    if subject == Subject::Cost {
        return figures.micros.known().map(|micros| micros as f64 / 1e6);
    }
    // Cached tokens of some agents are in their input; input and output are what all of them count.
    let parts = [figures.input.known(), figures.output.known()];
    parts.into_iter().flatten().reduce(u64::saturating_add).map(|tokens| tokens as f64)
}

fn fits(session: &Session, meaning: &Meaning, now: i64) -> bool {
    let (state, _) = session.state(now);
    let whom = state.waits_for();
    let topic = match meaning.topic {
        None | Some("context") => true,
        Some("person") => matches!(whom, Some("permission" | "answer")),
        Some(topic) => whom == Some(topic),
    };
    let lives = !state.is_over();
    let in_state = match meaning.status {
        Some("wrong") => lives,
        Some(status) => state.word() == status,
        // Of a time or a task those that ended as well.
        None => lives || meaning.time.is_some() || meaning.task.is_some(),
    };
    let there = meaning.time.is_none_or(|range| session.first_seen < range.end && session.last_seen >= range.start);
    in_state && there && (topic || matches!(meaning.wanted, Wanted::Why(_)))
}

/// Whether it worked while the task was one of those that it may have worked on.
fn worked_on(session: &Session, task: &str, work: &[Work], now: i64) -> bool {
    if let Some(named) = session.task() {
        return named.id == task;
    }
    let stays = session.stays(now);
    let worked = stays.iter().filter(|stay| stay.state == State::Working);
    let overlap = |from: i64, to: i64, work: &Work| {
        let from = from.max(work.from);
        (from < to.min(work.to)).then_some(from)
    };
    let mut times = worked.flat_map(|stay| {
        let of_task = work.iter().filter(|work| work.task.id == task);
        of_task.filter_map(move |work| overlap(stay.from, stay.to.unwrap_or(now + 1), work))
    });
    times.any(|at| tasks_at(session, at, work).0.iter().any(|known| known.id == task))
}

fn fits_view(session: &AgentSession, meaning: &Meaning) -> bool {
    let wrong = meaning.status != Some("wrong") || !session.findings.is_empty();
    let context = meaning.topic != Some("context") || session.context_used_ratio.is_some();
    wrong && context
}

/// What was asked of them, after "is" or "are".
fn asked(meaning: &Meaning) -> String {
    if let Some(task) = &meaning.task {
        return format!("known to have worked on task {task}");
    }
    match (meaning.status, meaning.topic) {
        (_, Some("context")) => "known to have said how much of its context is used".to_owned(),
        (Some("waiting"), Some("permission")) => "waiting for permission".to_owned(),
        (Some("waiting"), Some("answer")) => "waiting for an answer".to_owned(),
        (Some("waiting"), Some("model")) => "waiting for the model".to_owned(),
        (Some("waiting"), Some(_)) => "waiting for a person".to_owned(),
        (Some("wrong"), _) => "in trouble".to_owned(),
        (Some(state), _) => state.to_owned(),
        (None, _) if meaning.time.is_some() => "known to have been there".to_owned(),
        (None, _) => "alive".to_owned(),
    }
}
