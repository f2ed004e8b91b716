//! Recreates a data directory, or a part of it, that was removed while the store is open, from what is in memory.
//!
//! In memory are the rows that no chunk has, the labels of all series, and how far each has come. What was sealed into chunks
//! is gone with the files. A directory that was moved away and is moved back needs nothing of this.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use super::data_dir::AtPath;
use super::error::StoreError;
use super::journal::Rows;
use super::state::Store;
use super::writer::StoreWriter;
use super::{files, git, identity, progress, snapshot};
use crate::model::{SeriesId, TimestampMs};

/// How long a directory may be away before it is recreated: somebody may move it back.
const PATIENCE: Duration = Duration::from_secs(10);
/// Rows of a record.
const ROWS: usize = 50_000;

impl StoreWriter {
    /// Compares the directory with what lies at its path, by a few system calls, and recreates what was removed. To be called about
    /// once a second.
    ///
    /// # Errors
    /// [`StoreError::Missing`] while the directory, or a part of it, is not there; another where it cannot be recreated.
    pub fn check_place(&self) -> Result<(), StoreError> {
        let part = || {
            let identity = || Some(self.dir.join(identity::FILE)).filter(|path| !path.exists());
            let missing = self.journal.missing_file().or_else(|| self.catalog.missing_part());
            missing
                .or_else(|| self.partitions.missing_folder())
                .or_else(|| self.records_missing())
                .or_else(|| self.exemplars.missing())
                .or_else(identity)
        };
        let Some(missing) = self.data_dir.check(part) else {
            self.data_dir.restore_lock_file();
            return Ok(());
        };
        match self.data_dir.at_path() {
            AtPath::Same => self.renew(false)?,
            AtPath::Nothing if missing.since.elapsed() >= PATIENCE => self.renew(true)?,
            AtPath::Nothing | AtPath::Other => {}
        }
        self.data_dir.check(part).map_or(Ok(()), |missing| Err(missing.error()))
    }
}

impl Store {
    /// As [`Store::is_in_place`], with the days: what is sealed must be found again.
    pub(super) fn days_are_in_place(&self) -> Result<(), StoreError> {
        self.is_in_place()?;
        let gone = self.partitions.missing_folder();
        gone.map_or(Ok(()), |path| Err(StoreError::io(&path, std::io::ErrorKind::NotFound.into())))
    }

    /// Checks the files that a sample needs to be durable. A missing one stays missing until [`StoreWriter::check_place`] restored all.
    pub(super) fn is_in_place(&self) -> Result<(), StoreError> {
        if let Some(missing) = self.data_dir.missing() {
            return Err(missing.error());
        }
        self.data_dir
            .check(|| self.journal.missing_file().or_else(|| self.records_missing()))
            .map_or(Ok(()), |missing| Err(missing.error()))
    }

    /// A missing part of log lines or spans.
    fn records_missing(&self) -> Option<PathBuf> {
        self.logs.missing().or_else(|| self.traces.missing())
    }

    /// Recreates what is missing of the directory, or all of it.
    fn renew(&self, all: bool) -> Result<(), StoreError> {
        let _no_seal = self.sealing.lock();
        let _turn = self.turn.lock();
        let fail = |error| StoreError::io(&self.dir, error);
        if all {
            files::create_private_dir(&self.dir).map_err(fail)?;
            self.data_dir.relock()?;
            git::hide_new(&self.dir);
        }
        files::create_private_dir(&self.dir.join("partitions")).map_err(fail)?;
        let lost_days = self.partitions.forget_missing();
        let mut made = Vec::new();
        if !self.dir.join(identity::FILE).exists() {
            identity::save(&self.dir, self.identity).map_err(fail)?;
            made.push("its identity".to_owned());
        }
        let journal_gone = all || !self.dir.join("journal").is_dir() || self.journal.missing_file().is_some();
        if all || journal_gone || self.catalog.missing_part().is_some() {
            let (series, next) = {
                let index = self.series.read();
                (index.since(SeriesId(0)), index.next_id().0)
            };
            made.push(format!("{} series", series.len()));
            self.catalog.rewrite_series(next, series.into_iter())?;
            self.journal.series_kept(next);
            if self.catalog.missing_part().is_some() {
                self.catalog.renew_entries()?;
                made.push("the events and documents that could still be read".to_owned());
            }
        }
        if journal_gone {
            made.push(format!("{} samples that were not sealed yet", self.renew_journal()?));
        }
        for (records, what) in [(&self.logs, "log lines"), (&self.traces, "spans")] {
            if records.missing().is_some() {
                made.push(format!("{} {what} that were not sealed yet", records.renew()?));
            }
        }
        if self.exemplars.missing().is_some() {
            made.push(format!("{} exemplars", self.exemplars.renew()?));
        }
        if !lost_days.is_empty() {
            self.checked.lock().clear();
            log::error!("what was sealed of {} is lost with the folders", lost_days.join(", "));
        }
        snapshot::clear_leftovers(&self.dir).map_err(fail)?;
        let what = if all { "data directory" } else { "parts of data directory" };
        log::warn!(
            "{what} {} made anew: {}",
            self.dir.display(),
            if made.is_empty() { "nothing was lost".to_owned() } else { made.join(", ") }
        );
        Ok(())
    }

    /// Writes all rows of the head to a new file of the journal, durably; gives how many.
    fn renew_journal(&self) -> Result<usize, StoreError> {
        let fail = |error| StoreError::io(&self.dir.join("journal"), error);
        let (last, left) = self.journal.restart_after_loss().map_err(fail)?;
        let (mut rows, mut count) = (Rows::default(), 0);
        let mut write = |rows: &mut Rows| -> Result<(), StoreError> {
            if rows.len() > 0 {
                count += rows.len();
                self.journal.append(&std::mem::take(rows).encode(), |from| Ok((Vec::new(), from))).map_err(fail)?;
            }
            Ok(())
        };
        let head = self.head.read();
        for (id, series) in head.iter() {
            for columns in series.samples(TimestampMs::MIN, TimestampMs::MAX).into_iter().flatten() {
                for sample in columns.iter() {
                    rows.push(id, sample.t, sample.v);
                    if rows.len() >= ROWS {
                        write(&mut rows)?;
                    }
                }
            }
        }
        write(&mut rows)?;
        self.journal.sync().map_err(fail)?;
        // A start must not report the records before as lost.
        progress::save(&self.dir, &progress::encode(&head, last)).map_err(fail)?;
        drop(head);
        for path in left {
            fs::remove_file(path).map_err(fail)?;
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::StoreOptions;
    use super::*;
    use crate::event::Event;
    use crate::exemplar::Exemplar;
    use crate::model::{Batch, Labels};

    const T0: TimestampMs = 1_795_478_400_000;

    fn append(store: &StoreWriter, n: i64) {
        let mut batch = Batch::default();
        let labels = Labels::metric("load", &[("n", &(n / 10).to_string())]);
        batch.push(labels.clone(), T0 + n, n as f64);
        batch.exemplars.push(labels, Exemplar::new([("trace_id", n.to_string().as_str())], T0 + n, n as f64));
        store.append(&batch, T0 + n).unwrap();
        store.commit().unwrap();
    }

    /// Which of the samples up to 40 are there.
    fn there(store: &StoreWriter) -> Vec<i64> {
        let of = |n: i64| store.series_id(&Labels::metric("load", &[("n", &(n / 10).to_string())]));
        (0..40).filter(|n| of(*n).is_some_and(|id| store.samples(id, T0 + n, T0 + n).unwrap().times.len() == 1)).collect()
    }

    fn remove(path: &Path) {
        if path.ends_with("*") {
            fs::read_dir(path.parent().unwrap()).unwrap().for_each(|entry| remove(&entry.unwrap().path()));
        } else if path.is_dir() {
            fs::remove_dir_all(path).unwrap();
        } else {
            fs::remove_file(path).unwrap();
        }
    }

    #[test]
    fn whatever_part_is_removed_nothing_is_acknowledged_until_it_is_there_and_nothing_more_is_lost() {
        let sealed_too: Vec<i64> = (0..40).collect();
        let without_sealed: Vec<i64> = (20..40).collect();
        let day = "partitions/2026-11-24";
        for (part, left) in [
            ("journal", &sealed_too),
            ("journal/*", &sealed_too),
            ("journal/synced", &sealed_too),
            ("series.log", &sealed_too),
            ("series.synced", &sealed_too),
            ("catalog.log", &sealed_too),
            ("catalog", &sealed_too),
            ("exemplars.log", &sealed_too),
            ("exemplars.synced", &sealed_too),
            ("identity", &sealed_too),
            ("partitions", &without_sealed),
            (day, &without_sealed),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let open = || StoreWriter::open(dir.path(), StoreOptions::default(), T0 + 40).unwrap();
            let store = open();
            store.add_events(&[Event::new(T0, "service", "start", "x", "started")]).unwrap();
            (0..20).for_each(|n| append(&store, n));
            store.seal().unwrap();
            (20..30).for_each(|n| append(&store, n));
            store.check_place().unwrap();
            remove(&dir.path().join(part));
            if part.starts_with("journal") || part == "partitions" {
                assert!(matches!(store.commit(), Err(StoreError::Missing { .. })), "{part}: nothing is acknowledged");
            }
            store.check_place().unwrap_or_else(|error| panic!("{part}: {error}"));
            (30..40).for_each(|n| append(&store, n));
            assert_eq!(&there(&store), left, "{part}: while it runs");
            drop(store);
            let store = open();
            assert_eq!((&there(&store), store.problems()), (left, Vec::new()), "{part}: after a restart");
            let exemplars = store.exemplars(&store.select(&[]), 0, TimestampMs::MAX);
            assert_eq!(exemplars.iter().map(|of| of.exemplars.len()).sum::<usize>(), 40, "{part}");
            assert_eq!(store.events(0, i64::MAX - 1, 9, |_| true).unwrap().len(), 1, "{part}");
            store.seal().unwrap();
            assert_eq!(&there(&store), left, "{part}: sealed");
        }
    }
}
