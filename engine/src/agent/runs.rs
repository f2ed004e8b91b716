//! What CI did for the commits of sessions, as columns of rows of costs: at the time of the commit that it ran for, each run once.

use std::collections::BTreeMap;

use super::book::Book;
use super::costs::{Adder, By, Row, Rows, Share, Sources, shares, value};
use super::item::{Item, Kind, Sum};
use super::session::Session;
use crate::ci::commits::{CommitRuns, KnownCommits};
use crate::model::TimestampMs;

/// What CI did for commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CiFigures {
    /// Milliseconds of jobs.
    pub job_ms: Sum,
    /// Money, in millionths of a dollar.
    pub micros: Sum,
}

impl CiFigures {
    /// Adds those of another row.
    pub fn add_all(&mut self, other: &Self) {
        self.job_ms.add_all(other.job_ms);
        self.micros.add_all(other.micros);
    }
}

/// The runs of CI of a commit, as far as a session has its share in it.
struct Runs<'a> {
    session: &'a Session,
    /// The commit.
    item: Item,
    all: CommitRuns,
    share: Share,
}

/// The runs of CI of commits that were made in a time; those of a commit of several sessions are shared evenly among them.
fn runs_of_commits<'a>(book: &'a Book, within: impl Fn(TimestampMs) -> bool, known: &KnownCommits) -> Vec<Runs<'a>> {
    let of_session = |session: &'a Session| session.commits.iter().map(move |commit| (session, commit));
    let mut out: Vec<Runs<'a>> = Vec::new();
    // Ids may be cut: the whole one of CI tells commits apart.
    let mut sessions: BTreeMap<String, u64> = BTreeMap::new();
    for (session, commit) in book.sessions().flat_map(of_session) {
        let Some(all) = known.runs_of(&commit.id) else { continue };
        let of_commit = sessions.entry(all.sha.clone()).or_default();
        let (branch, task) = (commit.branch.clone(), session.task().cloned());
        let item = Item { kind: Kind::Commit, at: commit.at, name: commit.id.clone(), branch, task, ..Item::default() };
        out.push(Runs { session, item, all, share: Share { which: *of_commit, of: 1 } });
        *of_commit += 1;
    }
    for runs in &mut out {
        runs.share.of = sessions.get(&runs.all.sha).copied().unwrap_or(1);
    }
    out.retain(|runs| within(runs.item.at));
    out
}

/// Adds what CI did for commits that were made in `[start, end)` to rows of [`super::costs::costs`].
pub fn add_runs(by: &[By], (start, end): (TimestampMs, TimestampMs), from: Sources<'_>, known: &KnownCommits, rows: &mut Rows) {
    let adder = Adder { by, work: from.work, rows };
    for runs in runs_of_commits(from.book, |at| (start..end).contains(&at), known) {
        let of_session = |amount: Option<f64>, unit: f64| {
            let whole = amount.map(|amount| (amount.max(0.0) * unit).round() as u64);
            runs.share.of(whole)
        };
        let (job_ms, micros) = (of_session(runs.all.job_seconds, 1e3), of_session(runs.all.cost_usd, 1e6));
        if job_ms.is_none() && micros.is_none() {
            continue;
        }
        let (tasks, how) = adder.tasks(runs.session, &runs.item);
        for (share, task) in shares(&tasks) {
            let value = |by: &By| match by {
                By::Commit => Some(runs.item.name.clone()),
                _ => value(*by, runs.session, &runs.item, task),
            };
            let key = by.iter().map(value).collect();
            let row: &mut Row = adder.rows.entry(key).or_default();
            row.ci.job_ms.add(share.of(job_ms));
            row.ci.micros.add(share.of(micros));
            row.how.extend(how);
        }
    }
    if !adder.rows.is_empty() {
        adder.rows.entry(vec![None; by.len()]).or_default();
    }
}
