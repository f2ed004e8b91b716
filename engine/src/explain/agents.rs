//! Sessions of coding agents that worked while an alert's condition began to hold, where something ties them to it: processes of their
//! agent are among those that used the resource, or a run that failed was of a commit of theirs.

use serde::{Deserialize, Serialize};

use super::who::{Used, UsedBy};
use crate::agent::{Session, State, client_programs, is_same_commit};
use crate::model::TimestampMs;

/// Most sessions that are named.
const MOST: usize = 3;
/// A process is one of those that used most from this share of what the one before all others used.
const PART: f64 = 0.1;

/// A session that worked then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentAtWork {
    /// The agent.
    pub agent: String,
    /// The session.
    pub id: String,
    /// The task that it said it worked on.
    pub task: Option<String>,
    /// Its folder.
    pub folder: Option<String>,
    /// The commit of the failed run; none where processes of the agent are what ties it to the alert.
    pub commit: Option<String>,
}

/// The agents of which processes are among those that used most.
#[must_use]
pub fn agents_among(used: &[Used]) -> Vec<&'static str> {
    let most = used.iter().filter(|one| one.by != UsedBy::Unseen).map(|one| one.mean).fold(0.0, f64::max);
    let is_one = |process: &str| {
        used.iter().any(|one| matches!(one.by, UsedBy::Process | UsedBy::Children) && one.name == process && one.mean >= PART * most)
    };
    client_programs().filter(|(_, process)| is_one(process)).map(|(agent, _)| agent).collect()
}

/// The sessions of these agents that worked within `[from, to]`, and those of which a commit is one of these.
#[must_use]
pub fn at_work<'a>(
    sessions: impl IntoIterator<Item = &'a Session>,
    (agents, commits): (&[&str], &[String]),
    (from, to): (TimestampMs, TimestampMs),
) -> Vec<AgentAtWork> {
    let mut found = Vec::new();
    for session in sessions {
        let of_it = |commit: &&String| session.commits.iter().any(|own| is_same_commit(&own.id, commit));
        let commit = commits.iter().find(of_it).cloned();
        let worked = || {
            let stays = session.stays(to);
            stays.iter().any(|stay| stay.state == State::Working && stay.from <= to && stay.to.is_none_or(|to| to > from))
        };
        if commit.is_some() || (agents.contains(&session.key.agent.as_str()) && session.first_seen <= to && worked()) {
            found.push((
                session.last_seen,
                AgentAtWork {
                    agent: session.key.agent.clone(),
                    id: session.key.id.clone(),
                    task: session.task().map(|task| task.id.clone()),
                    folder: session.folder().map(str::to_owned),
                    commit,
                },
            ));
        }
    }
    found.sort_by_key(|(seen, _)| std::cmp::Reverse(*seen));
    found.into_iter().map(|(_, session)| session).take(MOST).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::agent::{About, Book, Fact, Item, Kind, PageStore, SessionKey, Signal, Way, hook};

    struct Nothing;

    impl PageStore for Nothing {
        fn page(&self, _: &str) -> Option<Vec<u8>> {
            None
        }
    }

    fn used(name: &str, mean: f64) -> Used {
        Used { by: UsedBy::Process, name: name.to_owned(), mean, share: None, cpu_seconds: None, processes: None }
    }

    #[test]
    fn a_session_is_named_where_its_processes_used_much_and_it_worked_then() {
        assert_eq!(agents_among(&[used("rustc", 3.0), used("claude", 0.5)]), ["claude-code"]);
        assert_eq!(agents_among(&[used("rustc", 3.0), used("claude", 0.1)]), Vec::<&str>::new());
        let mut book = Book::default();
        let mut send = |id: &str, event: &str, at: i64| {
            let body = format!(r#"{{"session_id":"{id}","cwd":"/w/app","hook_event_name":"{event}"}}"#);
            book.apply(hook("", body.as_bytes(), at).unwrap().signals, &Nothing, at);
        };
        send("working", "UserPromptSubmit", 100_000);
        send("resting", "UserPromptSubmit", 0);
        send("resting", "Stop", 50_000);
        let names = |agents: &[&str], to: i64| {
            at_work(book.sessions(), (agents, &[]), (60_000, to)).into_iter().map(|session| session.id).collect::<Vec<_>>()
        };
        assert_eq!(names(&["claude-code"], 120_000), ["working"]);
        assert_eq!(names(&["codex"], 120_000), Vec::<String>::new());
        assert_eq!(names(&["claude-code"], 90_000), Vec::<String>::new(), "it began later");
    }
    #[test]
    fn a_session_is_named_for_the_commit_of_a_run_that_failed_though_it_named_its_beginning_only() {
        let mut book = Book::default();
        let session = SessionKey { agent: "claude-code".to_owned(), id: "s".to_owned(), host: String::new() };
        let commit = Item { kind: Kind::Commit, at: 100_000, name: "5a47fbb".to_owned(), ..Item::default() };
        let fact = Fact::Counted(1, Box::new(commit));
        book.apply(vec![Signal { session, at: 100_000, way: Way::Line, about: About::default(), fact }], &Nothing, 100_000);
        let of = |id: &str| at_work(book.sessions(), (&[], &[id.to_owned()]), (0, 200_000)).len();
        assert_eq!((of("5a47fbbc61124b4c"), of("5a47fbc061124b4c")), (1, 0));
    }
}
