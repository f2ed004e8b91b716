//! Work that does not come forward: a task that takes long, tokens without a change, the same file again and again.

use std::collections::BTreeMap;

use super::Finding;
use crate::agent::costs::Work;
use crate::agent::session::Session;
use crate::agent::signal::Written;
use crate::agent::state::{State, Wait};
use crate::board::Usual;
use crate::model::TimestampMs;
use crate::words::lasted;

/// A task is stuck from this many times its usual time on, and no sooner than this.
const TIMES: i64 = 3;
const STUCK_MS: i64 = 3_600_000;
/// While files change, a task that takes long comes forward: reading and building take less than this.
const UNCHANGED_MS: i64 = 1_800_000;

/// Tokens flow and nothing changes: this many slots of five minutes with requests, requests and tokens of answers. Three quarters of an hour
/// of work and the text of a small book: reading into a large project takes less.
const SLOTS: usize = 9;
const REQUESTS: u64 = 30;
const OUTPUT: u64 = 30_000;

/// A file is written again and again: this often as a whole, or this often what had been there or was taken away before, within this time.
const WRITTEN: usize = 6;
const AGAIN: usize = 3;
const WRITTEN_MS: i64 = 3_600_000;
/// What was written before is no loop any more.
const OVER_MS: i64 = 1_200_000;

/// When the session, or the board of its folder, last changed something; no sooner than it is watched. None where nobody says what tools do.
fn last_change(session: &Session, work: &[Work], now: TimestampMs) -> Option<TimestampMs> {
    let from = session.memory.from.filter(|_| session.hooked || session.recorded)?;
    let committed = session.commits.last().map(|commit| commit.at);
    let here = work.iter().filter(|work| session.is_in(&work.folder));
    let moved = here.flat_map(|work| [work.from, work.to]).filter(|at| *at <= now).max();
    [Some(from), session.memory.changed, committed, moved].into_iter().flatten().max()
}

/// Whether it does something, rather than wait for a person.
fn is_at_work(session: &Session, now: TimestampMs) -> bool {
    matches!(session.state(now).0, State::Working | State::Waiting(Wait::Model))
}

/// The work on the task of a session that goes on, where it is one.
fn open_work<'a>(session: &Session, work: &'a [Work], now: TimestampMs) -> Option<&'a Work> {
    let open = work.iter().filter(|work| work.from <= now && now < work.to);
    let mut fits = open.filter(|work| match session.task() {
        Some(task) => task.may_be(&work.task),
        None => session.is_in(&work.folder),
    });
    let first = fits.next()?;
    fits.next().is_none().then_some(first)
}

pub(super) fn stuck(session: &Session, work: &[Work], now: TimestampMs) -> Option<Finding> {
    let on = open_work(session, work, now).filter(|_| is_at_work(session, now))?;
    let Usual { ms, by_complexity, .. } = on.usual?;
    let (lasts, quiet) = (now - on.from, now - last_change(session, work, now)?);
    if lasts < STUCK_MS.max(TIMES.saturating_mul(ms)) || quiet < UNCHANGED_MS {
        return None;
    }
    let alike = if by_complexity { " for its complexity" } else { "" };
    Some(Finding {
        kind: "stuck",
        title: format!(
            "Task {} in progress {}, usually {}{alike}; no file changed for {}",
            on.task.id,
            lasted(lasts),
            lasted(ms),
            lasted(quiet)
        ),
        advice: "See what it tries. Say what is missing, split the task, or let it begin anew with what is known.",
        since: on.from + STUCK_MS.max(TIMES.saturating_mul(ms)),
    })
}

pub(super) fn no_progress(session: &Session, work: &[Work], now: TimestampMs) -> Option<Finding> {
    let since = last_change(session, work, now).filter(|_| session.state(now).0 == State::Working)?;
    let (slots, used) = session.memory.used_since(since);
    (slots >= SLOTS && used.requests >= REQUESTS && used.output >= OUTPUT).then(|| Finding {
        kind: "no_progress",
        title: format!(
            "{} requests and {} tokens of answers in {}, and no file, commit or task changed",
            used.requests,
            in_thousands(used.output),
            lasted(now - since)
        ),
        advice: "Ask what it found out so far. Stop it where it goes in circles, or give it a smaller step.",
        since,
    })
}

pub(super) fn in_thousands(count: u64) -> String {
    if count < 10_000 { count.to_string() } else { format!("{},000", count / 1_000) }
}

pub(super) fn rewrites(session: &Session, now: TimestampMs) -> Option<Finding> {
    let committed = session.commits.last().map_or(TimestampMs::MIN, |commit| commit.at);
    let from = committed.max(now - WRITTEN_MS);
    let mut files: BTreeMap<u64, Vec<&(TimestampMs, Written)>> = BTreeMap::new();
    for one in session.memory.written.iter().filter(|(at, _)| *at > from) {
        files.entry(one.1.file).or_default().push(one);
    }
    let recent = files.values().filter(|all| all.last().is_some_and(|(at, _)| now - at < OVER_MS));
    recent.filter_map(|all| rewritten(all)).max_by_key(|found| found.0).map(|(_, finding)| finding)
}

/// Of one file.
fn rewritten(all: &[&(TimestampMs, Written)]) -> Option<(usize, Finding)> {
    let whole = all.iter().filter(|(_, one)| one.before.is_none()).count();
    let is_again = |at: usize| {
        let (one, earlier) = (&all[at].1, &all[..at]);
        // What was there and was replaced meanwhile, or what undoes an earlier change.
        let back = earlier.iter().rposition(|(_, other)| other.before == one.before && other.after == one.after);
        let returned = back.is_some_and(|back| back + 1 < at);
        returned || earlier.iter().any(|(_, other)| one.before == Some(other.after) && other.before == Some(one.after))
    };
    let again = (0..all.len()).filter(|at| is_again(*at)).count();
    let since = all.first()?.0;
    let span = lasted(all.last()?.0 - since);
    let title = if again >= AGAIN {
        format!("The same file got back what was there before {again} times within {span}")
    } else if whole >= WRITTEN {
        format!("The same file was written anew {whole} times within {span}")
    } else {
        return None;
    };
    let advice = "It goes back and forth. Say what the file has to do, or have a test written first.";
    Some((again.max(whole), Finding { kind: "rewrites", title, advice, since }))
}
