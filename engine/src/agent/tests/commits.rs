//! Commits of sessions by the logs of repositories, and what CI did for them.

use std::sync::Arc;

use super::*;
use crate::agent::costs::{CiFigures, add_runs};
use crate::ci::commits::{CommitRuns, KnownCommits, RepositoryCommits};

/// Sessions with hooks in a folder, from one second to another, both from [`NOW`].
fn sessions(of: &[(&str, i64, i64)]) -> (Book, Kept, Vec<SessionKey>) {
    let (mut book, kept) = (Book::default(), Kept::default());
    for (id, from, to) in of {
        for (event, at) in [("SessionStart", from), ("SessionEnd", to)] {
            let body = json!({"session_id": id, "cwd": "/w", "hook_event_name": event}).to_string();
            let at = NOW + at * 1_000;
            book.apply(hook("", body.as_bytes(), at).unwrap().signals, &kept, at);
        }
    }
    kept.keep(&mut book);
    let keys = book.sessions().map(|session| session.key.clone()).collect();
    (book, kept, keys)
}

fn id(digit: char) -> String {
    digit.to_string().repeat(40)
}

fn seen(digit: char, second: i64) -> SeenCommit {
    let at = NOW + second * 1_000;
    SeenCommit { id: id(digit), at, authored: at, branch: Some("main".to_owned()), merged: Some(false), ..SeenCommit::default() }
}

fn log(made: &[SeenCommit]) -> CommitLog {
    CommitLog { made: made.to_vec(), ..CommitLog::default() }
}

/// The session, the first letter of the id, and how it is known.
fn known(book: &Book) -> Vec<(String, String, &'static str)> {
    let of = |session: &Session| {
        let name = session.key.id.clone();
        session.commits.iter().map(move |commit| (name.clone(), commit.id[..1].to_owned(), commit.how.name())).collect::<Vec<_>>()
    };
    book.sessions().flat_map(of).collect()
}

fn expected(all: &[(&str, &str, &'static str)]) -> Vec<(String, String, &'static str)> {
    all.iter().map(|(session, commit, how)| ((*session).to_owned(), (*commit).to_owned(), *how)).collect()
}

/// The agent names a commit.
fn names(book: &mut Book, kept: &Kept, session: &SessionKey, commit: &str, second: i64) {
    let at = NOW + second * 1_000;
    let item = Item { kind: Kind::Commit, at, name: commit.to_owned(), ..Item::default() };
    let fact = Fact::Counted(crate::model::fnv1a(commit.bytes()), Box::new(item));
    book.apply(vec![Signal { session: session.clone(), at, way: Way::Line, about: About::default(), fact }], kept, NOW + 3_600_000);
}

#[test]
fn a_commit_is_of_the_session_that_lived_when_it_was_written() {
    let (mut book, _, keys) = sessions(&[("a", 0, 100), ("b", 90, 300)]);
    let made = [seen('1', -5), seen('2', 50), seen('3', 95), seen('4', 200), seen('5', 359), seen('6', 361)];
    assert!(book.take_log("/w", &keys, &log(&made), NOW + 3_600_000));
    let by_time = "by_folder_and_time";
    let all = [("a", "2", by_time), ("a", "3", "shared"), ("b", "3", "shared"), ("b", "4", by_time), ("b", "5", by_time)];
    assert_eq!(known(&book), expected(&all), "a minute after the last sign is the end");
    assert!(!book.take_log("/w", &keys, &log(&made), NOW + 3_600_000), "nothing new");
    book.take_log("/other", &keys, &log(&[]), NOW + 3_600_000);
    assert_eq!(known(&book).len(), 5, "another worktree says nothing of this one");
    book.take_log("/w", &keys, &log(&[seen('7', 50)]), NOW + 3_600_000);
    assert_eq!(known(&book), expected(&[("a", "7", by_time)]), "the one that it became");
}

#[test]
fn the_agents_own_word_counts_more_and_counters_only_rise() {
    let (mut book, kept, keys) = sessions(&[("a", 0, 100), ("b", 0, 100)]);
    let now = NOW + 3_600_000;
    book.take_log("/w", &keys, &log(&[seen('1', 50), seen('2', 60)]), now);
    names(&mut book, &kept, &keys[0], &id('1')[..8], 51);
    book.take_log("/w", &keys, &log(&[seen('1', 50), seen('2', 60)]), now);
    assert_eq!(known(&book), expected(&[("a", "1", "exact"), ("a", "2", "shared"), ("b", "2", "shared")]));
    let first = &book.session(&keys[0]).unwrap().commits[0];
    assert_eq!((&first.id, first.merged), (&id('1'), Some(false)), "the log knows its whole id");
    let amended = CommitLog { made: vec![seen('3', 70)], replaced: vec![id('1'), id('2')], asked: Vec::new() };
    book.take_log("/w", &keys[..1], &amended, now);
    names(&mut book, &kept, &keys[0], &id('1'), 51);
    assert_eq!(book.session(&keys[0]).unwrap().commits.iter().map(|commit| &commit.id).collect::<Vec<_>>(), [&id('3')]);
    let mut batch = crate::model::Batch::default();
    book.totals(now).push(&mut batch, now);
    kept.keep(&mut book);
    let again = Book::restored(&kept.all());
    assert_eq!(known(&again), known(&book), "kept");
}

fn ci(of: &[(char, f64, Option<f64>)]) -> KnownCommits {
    let runs = |(digit, job_seconds, cost_usd): &(char, f64, Option<f64>)| CommitRuns {
        sha: id(*digit),
        runs: 1,
        passed: 1,
        job_seconds: Some(*job_seconds),
        cost_usd: *cost_usd,
        ..CommitRuns::default()
    };
    KnownCommits(vec![Arc::new(RepositoryCommits { runs: of.iter().map(runs).collect(), pulls: Vec::new() })])
}

fn sums(rows: &Rows) -> (Option<u64>, Option<u64>) {
    let mut all = CiFigures::default();
    rows.values().for_each(|row| all.add_all(&row.ci));
    (all.job_ms.known(), all.micros.known())
}

#[test]
fn what_ci_did_counts_once_for_the_commits_of_sessions() {
    let (mut book, kept, keys) = sessions(&[("a", 0, 100), ("b", 90, 300)]);
    book.take_log("/w", &keys, &log(&[seen('2', 50), seen('3', 95)]), NOW + 3_600_000);
    let known = ci(&[('2', 60.0, Some(0.01)), ('3', 90.001, None), ('9', 500.0, Some(7.0))]);
    let pages = kept.pages();
    let of = |by: &[By], range| {
        let sources = Sources { pages: &pages, book: &book, work: &[], now: NOW + 3_600_000 };
        let mut rows = costs(by, range, sources);
        add_runs(by, range, sources, &known, &mut rows);
        rows
    };
    for by in [&[By::Session][..], &[By::Commit], &[By::Task], &[By::Branch, By::Day], &[By::Model]] {
        assert_eq!(sums(&of(by, (0, i64::MAX))), (Some(150_001), Some(10_000)), "{by:?}: those of no session stay outside");
    }
    let rows = of(&[By::Session], (0, i64::MAX));
    let seconds: Vec<_> = rows.values().filter_map(|row| row.ci.job_ms.known()).collect();
    assert_eq!(seconds, [105_001, 45_000], "that of both is shared");
    assert_eq!(sums(&of(&[By::Commit], (NOW, NOW + 60_000))), (Some(60_000), Some(10_000)), "at the time of the commit");
    let twice = KnownCommits(vec![Arc::clone(&known.0[0]), Arc::clone(&known.0[0])]);
    let all = twice.runs_of(&id('2')).unwrap();
    assert_eq!((all.runs, all.job_seconds, all.cost_usd), (2, Some(120.0), Some(0.02)), "of two repositories");
    assert_eq!(twice.runs_of(&id('3')).unwrap().cost_usd, None);
}
