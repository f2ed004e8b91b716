//! The runs of workflows as they are kept, for advisors that look each minute: read once, and from then on what changed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::records::{Attempt, Workflow};
use crate::ci::figures::verdict;
use crate::ci::tracker::{DOCUMENTS, RunKey, RunRecord, names_of, run_of};
use crate::ci::workflow::WorkflowNames;
use crate::model::TimestampMs;
use crate::store::{DocumentChange, StoreError, StoreReader};

/// What is kept of runs, as far as it was read.
#[derive(Debug, Default)]
pub struct Runs {
    /// The changes of documents that were read; none where nothing was.
    version: Option<u64>,
    /// By the names of repositories.
    repositories: BTreeMap<String, Repository>,
    /// What was made of them last.
    made: Option<Made>,
    /// Documents that were read so far.
    read: u64,
}

#[derive(Debug, Default)]
struct Repository {
    names: WorkflowNames,
    runs: BTreeMap<RunKey, Arc<RunRecord>>,
}

/// Workflows as they were at a time, and until when they stay so if nothing changes.
#[derive(Debug)]
struct Made {
    workflows: Arc<Vec<Workflow>>,
    at: TimestampMs,
    until: TimestampMs,
}

impl Runs {
    /// How many documents were read so far.
    #[must_use]
    pub const fn documents_read(&self) -> u64 {
        self.read
    }

    /// The workflows whose runs are kept, with those that had ended by now.
    pub(super) fn workflows(&mut self, store: &StoreReader, now: TimestampMs) -> Result<Arc<Vec<Workflow>>, StoreError> {
        if self.refresh(store)? {
            self.made = None;
        }
        if let Some(made) = self.made.as_ref().filter(|made| (made.at..made.until).contains(&now)) {
            return Ok(Arc::clone(&made.workflows));
        }
        let found = self.repositories.iter().flat_map(|(repo, known)| known.workflows(repo, now));
        let workflows = Arc::new(found.collect());
        let later = self.repositories.values().flat_map(|known| known.runs.values()).map(|record| record.end());
        let until = later.filter(|end| *end > now).min().unwrap_or(TimestampMs::MAX);
        self.made = Some(Made { workflows: Arc::clone(&workflows), at: now, until });
        Ok(workflows)
    }

    /// Reads what changed; whether anything did.
    fn refresh(&mut self, store: &StoreReader) -> Result<bool, StoreError> {
        let (version, changed) = store.documents_since(DOCUMENTS, self.version)?;
        match changed {
            Some(changed) if changed.iter().all(|(key, _)| self.knows(key)) => {
                self.read += changed.len() as u64;
                self.version = Some(version);
                let any = !changed.is_empty();
                changed.into_iter().for_each(|change| self.take(change));
                Ok(any)
            }
            _ => {
                let documents = store.documents(DOCUMENTS)?;
                self.read += documents.len() as u64;
                self.version = Some(version);
                self.take_all(documents);
                Ok(true)
            }
        }
    }

    /// Whether a document is of a repository that is known.
    fn knows(&self, key: &str) -> bool {
        self.repositories.contains_key(repository_of(key))
    }

    fn take_all(&mut self, documents: Vec<(String, Vec<u8>)>) {
        self.repositories.clear();
        // What is kept of a repository has its name; of a run, that and the run's number.
        for (repo, bytes) in documents.iter().filter(|(key, _)| repository_of(key) == key) {
            // Without that, a record does not say what it is of.
            if let Some(names) = names_of(bytes) {
                self.repositories.insert(repo.clone(), Repository { names, runs: BTreeMap::new() });
            }
        }
        documents.into_iter().filter(|(key, _)| repository_of(key) != key).for_each(|(key, bytes)| self.take((key, Some(bytes))));
    }

    fn take(&mut self, (key, bytes): DocumentChange) {
        let repo = repository_of(&key);
        if repo == key {
            match bytes.as_deref().and_then(names_of) {
                Some(names) => self.repositories.entry(key).or_default().names = names,
                None => drop(self.repositories.remove(&key)),
            }
            return;
        }
        let Some((known, run)) = self.repositories.get_mut(repo).zip(run_of(&key)) else { return };
        match bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
            Some(record) => known.runs.insert(run, Arc::new(record)),
            None => known.runs.remove(&run),
        };
    }
}

/// The repository, `owner/name`, that a document is of.
fn repository_of(key: &str) -> &str {
    let end = key.match_indices('/').nth(1).map_or(key.len(), |(at, _)| at);
    &key[..end]
}

impl Repository {
    fn workflows(&self, repo: &str, now: TimestampMs) -> Vec<Workflow> {
        let mut newest: BTreeMap<_, BTreeMap<u64, Arc<RunRecord>>> = BTreeMap::new();
        let mut outcomes: BTreeMap<_, BTreeMap<&str, [bool; 2]>> = BTreeMap::new();
        let mut attempts: BTreeMap<_, Vec<Attempt>> = BTreeMap::new();
        for record in self.runs.values().filter(|record| record.run.ended() && record.end() <= now) {
            let key = record.run.key();
            if let Some(good) = verdict(record.run.conclusion.as_deref()) {
                let seen = outcomes.entry(key.clone()).or_default().entry(record.run.sha.as_str()).or_default();
                seen[usize::from(good)] = true;
                seen[0] |= good && record.run.attempt > 1;
            }
            let seconds = record.job_seconds.unwrap_or(0.0);
            attempts.entry(key.clone()).or_default().push(Attempt { end: record.end(), seconds, charge: record.charge.clone() });
            // Attempts come by rising number.
            newest.entry(key).or_default().insert(record.run.id, Arc::clone(record));
        }
        let of = |(key, runs): (_, BTreeMap<u64, Arc<RunRecord>>)| {
            let mut runs: Vec<Arc<RunRecord>> = runs.into_values().collect();
            runs.sort_by_key(|record| record.run.order());
            let commits = outcomes.get(&key).into_iter().flatten();
            let flaky: BTreeSet<String> =
                commits.filter(|(sha, [failed, good])| *failed && *good && !sha.is_empty()).map(|(sha, _)| (*sha).to_owned()).collect();
            let name = (repo.to_owned(), self.names.name(&key).to_owned());
            Workflow { name, runs, flaky, attempts: attempts.remove(&key).unwrap_or_default() }
        };
        newest.into_iter().map(of).collect()
    }
}
