//! Retention: removes days past every retention, and the oldest days if the directory is too large.
//!
//! An untrusted clock removes nothing (see `clock`), and neither do bytes that a seal or a compaction will free.

use std::sync::atomic::Ordering;

use super::error::StoreError;
use super::partition::Day;
use super::state::Store;
use super::work::Task;
use super::writer::StoreWriter;
use crate::model::{SeriesId, TimestampMs};

/// The days may use this fraction of [`super::StoreOptions::max_bytes`] even if other files are large.
const DAYS_PART: u64 = 2;

/// Earliest time that is kept: a day is removed as a whole, once its end is `keep` ago.
pub(super) fn horizon(now: TimestampMs, keep: i64) -> TimestampMs {
    Day::of(now.saturating_sub(keep)).start()
}

impl StoreWriter {
    /// Observes the clock of the machine together with its running time, in ms from any origin, which setting the clock does not
    /// change. Call it about once a minute: removal relies on what it learns about the clock.
    ///
    /// # Errors
    /// [`StoreError`] if its state cannot be written.
    pub fn observe_clock(&self, now: TimestampMs, running_ms: i64) -> Result<(), StoreError> {
        self.clock.observe(now, running_ms, || {
            let head = self.head.read();
            head.all_progress().map(|(_, series)| series.newest).filter(|newest| *newest <= now).max()
        })
    }

    /// Removes partitions and events past their retention, the oldest days while the directory exceeds its limit, and series
    /// without data. Returns the names of removed days. Samples past the retention of their series are removed by the compactor.
    ///
    /// # Errors
    /// [`StoreError`] if a folder cannot be removed.
    pub fn apply_retention(&self, now: TimestampMs) -> Result<Vec<String>, StoreError> {
        self.work.run(Task::Retention, || self.remove_expired(now))
    }
}

impl Store {
    fn remove_expired(&self, now: TimestampMs) -> Result<Vec<String>, StoreError> {
        let trusted = self.clock.trusted(now);
        self.catalog.trim_events(trusted.saturating_sub(self.options.retention_ms))?;
        // Not during a compaction or a snapshot: the next call is soon enough.
        let Some(_one_at_a_time) = self.compacting.try_lock() else { return Ok(Vec::new()) };
        let keep = self.options.longest_retention_ms().max(self.options.windows_retention_ms);
        let mut gone = Vec::new();
        while let Some(day) = self.drop_oldest(|day| day.end().saturating_add(keep) <= trusted)? {
            gone.push(day);
            self.work.progress(Task::Retention);
        }
        gone.extend(self.make_room()?);
        gone.extend(self.logs.remove_expired(trusted)?);
        gone.extend(self.traces.remove_expired(trusted)?);
        self.remove_ended_series()?;
        self.remove_expired_exemplars(trusted);
        Ok(gone)
    }

    /// Exemplars go when samples of their time and series would.
    fn remove_expired_exemplars(&self, trusted: TimestampMs) {
        let mut of_series: Option<(SeriesId, TimestampMs)> = None;
        self.exemplars.retain(|id, t| {
            let from = match of_series {
                Some((known, from)) if known == id => from,
                _ if self.labels(id).is_none() => TimestampMs::MAX,
                _ => horizon(trusted, self.options.retention_of(self, id)),
            };
            of_series = Some((id, from));
            t >= from
        });
    }

    fn drop_oldest(&self, wanted: impl Fn(Day) -> bool) -> Result<Option<String>, StoreError> {
        self.partitions.drop_oldest(wanted).map_err(|error| StoreError::io(&self.dir.join("partitions"), error))
    }

    /// Shrinks the directory to its limit: first seals, which frees the journal; leaves to the compactor what it can shrink; then
    /// removes samples of the oldest day or the whole day, one at a time, measuring after each.
    fn make_room(&self) -> Result<Vec<String>, StoreError> {
        let most = self.options.max_bytes;
        let fits = || most == 0 || self.disk_usage().total() <= most;
        if !fits() {
            self.seal_now()?;
        }
        let pressed = !fits();
        self.pressed.store(pressed, Ordering::Relaxed);
        let gone = if pressed { self.remove_oldest(most)? } else { Vec::new() };
        let usage = self.disk_usage();
        let (total, left) = (usage.total(), usage.total() - usage.reclaimable());
        *self.full.lock() = (most > 0 && left > most).then(|| {
            format!(
                "the data directory has {total} bytes, and no more days may be removed; store.max_bytes is {most}, set it to at least {total}"
            )
        });
        Ok(gone)
    }

    /// Removes the samples of the oldest day or the whole day, one at a time, until the days fit their share. Returns the removed
    /// days.
    fn remove_oldest(&self, most: u64) -> Result<Vec<String>, StoreError> {
        let mut gone = Vec::new();
        loop {
            let usage = self.disk_usage();
            // Removing days shrinks nothing else, so the rest cannot use up all of the limit.
            let allowed = most.saturating_sub(usage.other).max(most / DAYS_PART);
            let over = usage.days.saturating_sub(allowed).saturating_sub(usage.reclaimable());
            let days = self.partitions.days();
            let (Some(&oldest), true) = (days.first(), over > 0 && days.len() > 1) else { break };
            let reason =
                format!("store.max_bytes = {most}: the directory has {} bytes, {} of them not in days", usage.total(), usage.other);
            self.work.progress(Task::Retention);
            if self.samples_suffice(oldest, over)? && self.drop_samples(oldest)? {
                let freed = usage.days.saturating_sub(self.disk_usage().days);
                log::warn!("{reason}; the samples of {} were removed, {freed} bytes; its hours stay", oldest.name());
            } else if let Some(day) = self.drop_oldest(|_| true)? {
                log::warn!("{reason}; {day} was removed, {} bytes", usage.days.saturating_sub(self.disk_usage().days));
                gone.push(day);
            } else {
                break;
            }
        }
        Ok(gone)
    }

    /// Whether a day has samples that take at least so many bytes.
    fn samples_suffice(&self, day: Day, bytes: u64) -> Result<bool, StoreError> {
        let Some(partition) = self.partitions.get(day, false)? else { return Ok(false) };
        let parts = partition.parts();
        let has_samples = parts.thinned_ms() < self.options.longest_retention_ms();
        // Hours are less than a quarter of a day of host metrics.
        let samples = parts.files.iter().map(|file| file.len()).sum::<u64>() / 4 * 3;
        Ok(parts.is_finished() && has_samples && samples >= bytes)
    }
}
