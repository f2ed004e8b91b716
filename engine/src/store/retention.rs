//! What goes when: days past every retention, and the oldest days when the directory is too large.
//!
//! A clock that may be wrong removes nothing: see `clock`. Bytes that a seal or a compaction gives back remove nothing either.

use std::sync::atomic::Ordering;

use super::error::StoreError;
use super::partition::Day;
use super::state::Store;
use super::work::Task;
use super::writer::StoreWriter;
use crate::model::TimestampMs;

/// Part of [`super::StoreOptions::max_bytes`] that the days may have in any case, however much the rest takes.
const DAYS_PART: u64 = 2;

/// From when on samples are kept: a day whose end is `keep` ago is past its retention, as a whole.
pub(super) fn horizon(now: TimestampMs, keep: i64) -> TimestampMs {
    Day::of(now.saturating_sub(keep)).start()
}

impl StoreWriter {
    /// Takes in the machine's clock, and how long the machine has run, in ms from any origin, which no setting of the clock
    /// changes. To be called once a minute or so: what is deleted goes by what this learns of the clock.
    ///
    /// # Errors
    /// [`StoreError`] when that cannot be kept.
    pub fn observe_clock(&self, now: TimestampMs, running_ms: i64) -> Result<(), StoreError> {
        self.clock.observe(now, running_ms, || {
            let head = self.head.read();
            head.all_progress().map(|(_, series)| series.newest).filter(|newest| *newest <= now).max()
        })
    }

    /// Removes partitions and events past their retention, the oldest days while the directory is larger than it may be, and
    /// series of which nothing is left; gives the names of the days that went. What is past the retention of its samples
    /// alone is the compactor's.
    ///
    /// # Errors
    /// [`StoreError`] when a folder cannot be removed.
    pub fn apply_retention(&self, now: TimestampMs) -> Result<Vec<String>, StoreError> {
        self.work.run(Task::Retention, || self.remove_what_is_past(now))
    }
}

impl Store {
    fn remove_what_is_past(&self, now: TimestampMs) -> Result<Vec<String>, StoreError> {
        let trusted = self.clock.trusted(now);
        self.catalog.trim_events(trusted.saturating_sub(self.options.retention_ms))?;
        // Not while a day is written anew or copied: the next look comes soon enough.
        let Some(_one_at_a_time) = self.compacting.try_lock() else { return Ok(Vec::new()) };
        let keep = self.options.longest_retention_ms().max(self.options.windows_retention_ms);
        let mut gone = Vec::new();
        while let Some(day) = self.drop_oldest(|day| day.end().saturating_add(keep) <= trusted)? {
            gone.push(day);
            self.work.progress(Task::Retention);
        }
        gone.extend(self.make_room()?);
        self.remove_ended_series()?;
        Ok(gone)
    }

    fn drop_oldest(&self, wanted: impl Fn(Day) -> bool) -> Result<Option<String>, StoreError> {
        self.partitions.drop_oldest(wanted).map_err(|error| StoreError::io(&self.dir.join("partitions"), error))
    }

    /// Makes the directory as small as it has to be: seals, which gives the journal back; leaves to the compactor what it can
    /// make smaller; then takes the samples of the oldest day, or the day, one at a time, and measures again.
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
        let (total, left) = (usage.total(), usage.total() - usage.given_back());
        *self.full.lock() = (most > 0 && left > most).then(|| {
            format!(
                "the data directory has {total} bytes, and no more days may go; store.max_bytes is {most}, {total} or more would be right"
            )
        });
        Ok(gone)
    }

    /// Takes the samples of the oldest day, or the day, one at a time, until the days have no more room than is theirs; gives the days
    /// that went.
    fn remove_oldest(&self, most: u64) -> Result<Vec<String>, StoreError> {
        let mut gone = Vec::new();
        loop {
            let usage = self.disk_usage();
            // Removing days makes nothing else smaller: the rest cannot take all the room that they have.
            let allowed = most.saturating_sub(usage.other).max(most / DAYS_PART);
            let over = usage.days.saturating_sub(allowed).saturating_sub(usage.given_back());
            let days = self.partitions.days();
            let (Some(&oldest), true) = (days.first(), over > 0 && days.len() > 1) else { break };
            let told =
                format!("store.max_bytes = {most}: the directory has {} bytes, {} of them beside the days", usage.total(), usage.other);
            self.work.progress(Task::Retention);
            if self.samples_suffice(oldest, over)? && self.drop_samples(oldest)? {
                let freed = usage.days.saturating_sub(self.disk_usage().days);
                log::warn!("{told}; the samples of {} were removed, {freed} bytes; its hours stay", oldest.name());
            } else if let Some(day) = self.drop_oldest(|_| true)? {
                log::warn!("{told}; {day} was removed, {} bytes", usage.days.saturating_sub(self.disk_usage().days));
                gone.push(day);
            } else {
                break;
            }
        }
        Ok(gone)
    }

    /// Whether a day has samples, and gives back so many bytes without them.
    fn samples_suffice(&self, day: Day, bytes: u64) -> Result<bool, StoreError> {
        let Some(partition) = self.partitions.get(day, false)? else { return Ok(false) };
        let parts = partition.parts();
        let has_samples = parts.thinned_ms() < self.options.longest_retention_ms();
        // Of a day of host metrics the hours are less than a quarter.
        let samples = parts.files.iter().map(|file| file.len()).sum::<u64>() / 4 * 3;
        Ok(parts.is_finished() && has_samples && samples >= bytes)
    }
}
