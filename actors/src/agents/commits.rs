//! Reads the repositories in which sessions work, for the commits that they made.
//!
//! Only while a session lives, and only where something changed: the times of a few files say so. Reading is off every actor's thread, each
//! repository with a time limit; one that hangs is left alone until it comes back.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use taskpulse_engine::agent::costs::How;
use taskpulse_engine::agent::{Book, CommitLog, SessionKey};
use taskpulse_engine::model::TimestampMs;
use tokio::task::spawn_blocking;

use super::AgentsActor;
use crate::files;
use crate::repositories::{self, Place, Times};
use crate::supervisor::{Ctx, Schedule};

/// Sessions that were silent for longer are left alone.
const RECENT_MS: i64 = 14 * 86_400_000;
/// Most folders whose repositories are read, those of the newest sessions.
const MAX_FOLDERS: usize = 64;
/// Longest time for one folder.
const OF_ONE: Duration = Duration::from_secs(3);
/// No further repository is begun after so long.
const OF_ALL: Duration = Duration::from_secs(10);

/// A session, as far as its commits are looked for.
struct Worker {
    key: SessionKey,
    folders: Vec<PathBuf>,
    since: TimestampMs,
    /// Commits that the agent named.
    named: Vec<String>,
}

/// What was asked of a repository, and when it last changed.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    times: Times,
    since: TimestampMs,
    named: Vec<String>,
}

/// A worktree, who works there, and what its log said.
type Found = (PathBuf, Vec<SessionKey>, Arc<CommitLog>);

/// What was read of repositories.
#[derive(Debug, Default)]
pub(super) struct Looking {
    /// By worktree; no log where it could not be read.
    read: BTreeMap<PathBuf, (Asked, Option<Arc<CommitLog>>)>,
}

/// The sessions whose repositories are read, the newest first.
fn workers(book: &Book, machine: &str, now: TimestampMs) -> Vec<Worker> {
    let recent = book.sessions().filter(|session| now - session.last_seen < RECENT_MS);
    let mut ours: Vec<_> = recent.filter(|session| session.is_here(machine)).collect();
    ours.sort_by_key(|session| std::cmp::Reverse(session.last_seen));
    let worker = |session: &taskpulse_engine::agent::Session| Worker {
        key: session.key.clone(),
        folders: session.folders().map(PathBuf::from).collect(),
        since: session.first_seen.max(now - RECENT_MS),
        named: session.commits.iter().filter(|commit| commit.how == How::Exact).map(|commit| commit.id.clone()).collect(),
    };
    ours.into_iter().map(worker).filter(|worker| !worker.folders.is_empty()).collect()
}

impl Looking {
    /// Reads what changed. Blocking.
    fn look(&mut self, workers: &[Worker]) -> Vec<Found> {
        let begun = Instant::now();
        let mut places: BTreeMap<PathBuf, Option<(Place, Times)>> = BTreeMap::new();
        let mut roots: BTreeMap<PathBuf, (Place, Times, Vec<&Worker>)> = BTreeMap::new();
        for worker in workers {
            for folder in &worker.folders {
                if !places.contains_key(folder) && (places.len() >= MAX_FOLDERS || begun.elapsed() > OF_ALL) {
                    continue;
                }
                let Some((place, times)) = places.entry(folder.clone()).or_insert_with(|| place_of(folder)) else { continue };
                let (_, _, here) = roots.entry(place.root.clone()).or_insert_with(|| (place.clone(), times.clone(), Vec::new()));
                if !here.iter().any(|other| other.key == worker.key) {
                    here.push(worker);
                }
            }
        }
        let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
        for (root, (place, times, here)) in roots {
            let since = here.iter().map(|worker| worker.since).min().unwrap_or(0);
            let named: Vec<String> = here.iter().flat_map(|worker| worker.named.clone()).collect();
            let known = self.read.get(&root).filter(|(asked, _)| asked.times == times && asked.named == named && asked.since <= since);
            if known.is_none() && begun.elapsed() < OF_ALL {
                let log = read(&place, since, &named).map(Arc::new);
                self.read.insert(root.clone(), (Asked { times, since, named }, log));
            }
            seen.insert(root.clone());
            if let Some((_, Some(log))) = self.read.get(&root) {
                found.push((root, here.iter().map(|worker| worker.key.clone()).collect(), Arc::clone(log)));
            }
        }
        self.read.retain(|root, _| seen.contains(root));
        found
    }
}

fn place_of(folder: &Path) -> Option<(Place, Times)> {
    let wanted = folder.to_owned();
    let find = move || repositories::find(&wanted).map(|place| (place.times(), place));
    match files::within(folder, OF_ONE, find) {
        Ok(found) => found.map(|(times, place)| (place, times)),
        Err(why) => {
            log::debug!("agents: {why}");
            None
        }
    }
}

fn read(place: &Place, since: TimestampMs, named: &[String]) -> Option<CommitLog> {
    let (key, place, named) = (place.root.clone(), place.clone(), named.to_vec());
    match files::within(&key, OF_ONE, move || repositories::read(&place, since, &named)) {
        Ok(Ok(log)) => Some(log),
        Ok(Err(why)) => {
            log::debug!("agents: commits of {}: {why}", key.display());
            None
        }
        Err(why) => {
            log::warn!("agents: commits of {}: {why}", key.display());
            None
        }
    }
}

impl AgentsActor {
    /// Has repositories read beside everything else.
    pub(super) fn look_for_commits(&mut self, ctx: &mut Ctx<Self>) {
        let Some(mut looking) = self.looking.take() else { return };
        let now = self.clock.now_ms();
        let workers = self.agents.read(|book| workers(book, &self.machine, now));
        if workers.is_empty() {
            self.looking = Some(looking);
            return;
        }
        let work = spawn_blocking(move || {
            let found = looking.look(&workers);
            (looking, found)
        });
        ctx.run("repositories", work, move |this, done, ctx| {
            let (looking, found) = done.unwrap_or_else(|error| {
                log::error!("agents: reading repositories: {error}");
                Default::default()
            });
            this.looking = Some(looking);
            let now = this.clock.now_ms();
            let mut changed = false;
            for (root, sessions, log) in found {
                changed |= this.agents.0.lock().take_log(&root.to_string_lossy(), &sessions, &log, now);
            }
            if changed {
                this.gather(ctx);
            }
        });
    }
}
