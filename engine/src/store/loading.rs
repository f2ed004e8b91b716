//! Loading what the store keeps in memory: the index of series, and the head with the rows of the journal.

use std::path::Path;
use std::sync::Arc;

use super::catalog::Catalog;
use super::clock::Clock;
use super::error::StoreError;
use super::head::Head;
use super::identity::Identity;
use super::journal::{self, Journal};
use super::options::StoreOptions;
use super::partitions::Partitions;
use super::problems::Problems;
use super::series::{IndexLoader, SeriesIndex};
use super::{progress, recover, retention};
use crate::codec::CodecError;
use crate::model::{SeriesId, TimestampMs};

/// The catalog, the index of series and the head while a data directory is opened.
pub(super) struct Loading<'a> {
    dir: &'a Path,
    partitions: &'a Partitions,
    problems: Arc<Problems>,
    catalog: Catalog,
    series: SeriesIndex,
    head: Head,
    /// The last journal record whose rows are in chunks.
    sealed_through: u64,
    /// What is damaged of the log of series.
    series_damage: Option<String>,
    /// The log of series has an id or labels twice.
    series_twice: bool,
    /// The days have samples and nothing says how far their series had come.
    progress_lost: bool,
}

impl<'a> Loading<'a> {
    /// Loads the progress, then the catalog and its series: the progress says which of them are dormant.
    pub(super) fn new(
        dir: &'a Path,
        identity: Identity,
        options: &StoreOptions,
        partitions: &'a Partitions,
        now: TimestampMs,
    ) -> Result<Self, StoreError> {
        let mut head = Head::default();
        let loaded = progress::load(dir).map_err(|source| StoreError::DataDir { path: dir.to_owned(), source })?;
        let (saved, lost) = match loaded {
            Some(Ok(saved)) => (Some(saved), None),
            lost => (None, lost.and_then(Result::err)),
        };
        if let Some(saved) = &saved {
            head.load(&saved.series, now);
        }
        let (problems, mut loader, mut series_twice) = (partitions.shared_problems(), IndexLoader::default(), false);
        let opened = Catalog::open(dir, identity, options.cache_bytes, Arc::clone(&problems), |id, labels| {
            series_twice |= !loader.add(id, labels, saved.is_some() && head.rests(id));
        })?;
        let series = loader.finish(SeriesId(opened.catalog.next_series()));
        let mut loading = Self {
            dir,
            partitions,
            problems,
            catalog: opened.catalog,
            series,
            head,
            sealed_through: 0,
            series_damage: opened.series_damage,
            series_twice,
            progress_lost: saved.is_none() && !partitions.days().is_empty(),
        };
        loading.sealed_through = match saved {
            Some(saved) => saved.sealed_through,
            None => loading.without_progress(lost)?,
        };
        loading.head.retain(|id| !loading.catalog.is_removed(id));
        Ok(loading)
    }

    /// Does without saved progress. Gives the last journal record in chunks, as far as the days say.
    fn without_progress(&mut self, lost: Option<CodecError>) -> Result<u64, StoreError> {
        let path = self.dir.join("progress");
        if !self.progress_lost {
            if let Err(error) = progress::save(self.dir, &progress::encode(&self.head, 0)) {
                self.problems.note(format!("{} cannot be written: {error}", path.display()));
            }
            return Ok(0);
        }
        let why = lost.map_or_else(|| "missing".to_owned(), |error| error.to_string());
        self.problems.note(format!("{} is {why}; what the series had come to is taken from the days", path.display()));
        self.partitions.sealed_through_of_all(&mut self.head, self.series.all().iter().map(SeriesId))
    }

    /// Replays the journal into the head, and restores series that are damaged or defined nowhere. Gives the journal, and how many
    /// rows are in no chunk.
    pub(super) fn replay(
        &mut self,
        identity: Identity,
        options: &StoreOptions,
        clock: &Clock,
        now: TimestampMs,
    ) -> Result<(Journal, u64), StoreError> {
        let Self { dir, partitions, problems, catalog, series, head, sealed_through, progress_lost, .. } = self;
        // What is past the retention of samples still makes hours; only whole days that would go at once are left out.
        let horizon = retention::horizon(clock.trusted(now), options.longest_retention_ms().max(options.windows_retention_ms));
        let mut replay = recover::Replay::new(partitions, catalog, options, series, head, (now, horizon));
        let journal =
            Journal::open(journal::SAMPLES, dir, identity, *sealed_through, problems, |number, record| replay.record(number, record))?;
        let replayed = replay.finish();
        // Numbers go on, so that a new record is never taken for a sealed one.
        journal.begin_after(*sealed_through);
        let gone = catalog.next_series() == 0 && !partitions.days().is_empty();
        let damage = self.series_damage.take().or(gone.then(|| "it is missing".to_owned()));
        let mut waiting = replayed.kept;
        if damage.is_some() || self.series_twice || replayed.needs_recovery() {
            waiting -= recover::series(dir, damage, *progress_lost, &replayed, partitions, catalog, &journal, series, head);
        }
        journal.series_kept(catalog.next_series());
        Ok((journal, waiting))
    }

    pub(super) fn finish(self) -> (Catalog, SeriesIndex, Head) {
        (self.catalog, self.series, self.head)
    }
}
