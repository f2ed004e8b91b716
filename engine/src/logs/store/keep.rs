//! Keeping lines: retention, copies for snapshots, the check, and a folder that was removed while it was in use.

use std::fs;
use std::path::Path;

use super::days::DayFiles;
use super::file::BlocksFile;
use super::head::DayHead;
use super::journal::{Piece, encode};
use super::rows::Rows;
use super::state::{DAYS, LogStore, SEALED};
use crate::model::TimestampMs;
use crate::store::StoreError;
use crate::store::files;
use crate::store::page::PageError;
use crate::store::partition::{Day, sync_dir};

impl LogStore {
    /// Removes days past the retention, and the oldest ones while there are too many bytes; gives their names. `trusted` is the time
    /// that retention goes by.
    pub(crate) fn remove_expired(&self, trusted: TimestampMs) -> Result<Vec<String>, StoreError> {
        // Not during a merge or a seal: the next call is soon enough.
        let (Some(_no_merge), Some(_no_seal)) = (self.compacting.try_lock(), self.sealing.try_lock()) else { return Ok(Vec::new()) };
        let mut gone = Vec::new();
        while let Some(day) = self.day_to_remove(trusted) {
            let removed = self.places.write().days.remove(&day);
            self.directories.forget(&removed.map(|day| day.files).unwrap_or_default());
            let folder = self.folder().join(DAYS).join(day.name());
            match fs::remove_dir_all(&folder) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(StoreError::io(&folder, error)),
                _ => gone.push(format!("{} of {}", self.kind.holds(), day.name())),
            }
        }
        Ok(gone)
    }

    fn day_to_remove(&self, trusted: TimestampMs) -> Option<Day> {
        let places = self.places.read();
        let (&oldest, _) = places.days.first_key_value()?;
        let most = self.options.max_bytes;
        let bytes = || places.days.values().map(DayFiles::bytes).sum::<u64>();
        let expired = oldest.end().saturating_add(self.options.retention_ms) <= trusted;
        let too_many = most > 0 && places.days.len() > 1 && bytes() > most;
        if too_many && !expired {
            let (section, holds) = (self.kind.section(), self.kind.holds());
            log::warn!("{section}.max_bytes = {most}: the files have {} bytes; the {holds} of {} are removed", bytes(), oldest.name());
        }
        (expired || too_many).then_some(oldest)
    }

    /// Copies everything that was appended before this call into another data directory; files of blocks are linked where that works.
    pub(crate) fn copy_to(&self, to: &Path, mut progress: impl FnMut()) -> Result<(), StoreError> {
        let Some(kept) = self.kept() else { return Ok(()) };
        self.seal()?;
        let _no_merge = self.compacting.lock();
        let _no_seal = self.sealing.lock();
        let fail = |error| StoreError::io(to, error);
        let files: Vec<_> = {
            let places = self.places.read();
            places.days.iter().flat_map(|(day, files)| files.files.iter().map(|file| (*day, file.path.clone()))).collect()
        };
        let days = to.join(self.kind.folder()).join(DAYS);
        files::create_private_dir(&days).map_err(fail)?;
        for (day, path) in files {
            let folder = days.join(day.name());
            files::create_private_dir(&folder).map_err(fail)?;
            let copy = folder.join(path.file_name().unwrap_or_default());
            if fs::hard_link(&path, &copy).is_err() {
                fs::copy(&path, &copy).map_err(fail)?;
            }
            progress();
        }
        let sealed = self.folder().join(SEALED);
        fs::copy(&sealed, to.join(self.kind.folder()).join(SEALED)).map_err(fail)?;
        kept.journal.copy_to(to).map_err(fail)
    }

    /// Reads every byte of every file; what is damaged is noted.
    pub(crate) fn verify(&self) -> Result<(), StoreError> {
        let files: Vec<_> = self.places.read().days.values().flat_map(|day| day.files.clone()).collect();
        files.iter().try_for_each(|file| self.verify_file(file, 0, || true).map(drop))
    }

    /// Reads a file that was there at the start and was not read whole since, for as long as it `goes_on`: damage is noted also where nobody
    /// asks for what is in it. Gives whether there was one.
    pub(crate) fn verify_next(&self, goes_on: impl FnMut() -> bool) -> Result<bool, StoreError> {
        let Some((path, from)) = self.unverified.lock().pop() else { return Ok(false) };
        // It may be merged or expired by now.
        let file = self.places.read().days.values().flat_map(|day| &day.files).find(|file| file.path == path).cloned();
        if let Some(file) = file
            && let Some(next) = self.verify_file(&file, from, goes_on)?
        {
            self.unverified.lock().push((path, next));
        }
        Ok(true)
    }

    /// Gives the block to go on with.
    fn verify_file(&self, file: &BlocksFile, from: usize, goes_on: impl FnMut() -> bool) -> Result<Option<usize>, StoreError> {
        match file.verify(from, goes_on) {
            Ok((damage, next)) => {
                damage.into_iter().for_each(|damage| self.problems.note(damage));
                Ok(next)
            }
            Err(PageError::Codec(why)) => {
                self.problems.note(format!("{}: {why}", file.path.display()));
                Ok(None)
            }
            Err(PageError::Io(error)) => Err(StoreError::io(&file.path, error)),
        }
    }

    /// Makes the folder anew after it, or a part of it, was removed: with the lines of the head. What was sealed is lost with the files.
    /// Gives how many lines were written again.
    pub(crate) fn renew(&self) -> Result<u64, StoreError> {
        let _no_merge = self.compacting.lock();
        let _no_seal = self.sealing.lock();
        let _turn = self.turn.lock();
        let Some(kept) = self.kept() else { return Ok(0) };
        let fail = |error| StoreError::io(&self.folder(), error);
        files::create_private_dir(&self.folder().join(DAYS)).map_err(fail)?;
        kept.sealed.reopen();
        let (last, left) = kept.journal.restart_after_loss().map_err(fail)?;
        let mut places = self.places.write();
        for (day, files) in &mut places.days {
            let before = files.files.len();
            files.files.retain(|file| file.path.exists());
            if files.files.len() < before {
                log::error!("{} files of {} of {} are gone with all in them", before - files.files.len(), self.kind.holds(), day.name());
            }
        }
        places.days.retain(|_, files| !files.files.is_empty());
        let mut lines = 0;
        let write = |day: &Day, head: &DayHead| -> Result<u64, StoreError> {
            for (labels, part) in head.streams.iter().flat_map(|(labels, stream)| stream.parts().iter().map(move |part| (labels, part))) {
                let piece = Piece { labels: labels.clone(), day: *day, rows: Rows::clone(part) };
                kept.journal.append_lines(&encode(self.kind, &[piece])).map_err(fail)?;
            }
            Ok(head.rows)
        };
        for (day, head) in &places.frozen.days {
            lines += write(day, head)?;
        }
        if lines > 0 {
            // The files of the seal that is to be finished have these records.
            places.frozen.through = kept.journal.rotate();
        }
        for (day, head) in &places.head.days {
            lines += write(day, head)?;
        }
        kept.journal.sync().map_err(fail)?;
        // A start must not report the records before as lost.
        kept.sealed.set([last, 0, 0]);
        kept.sealed.sync();
        left.iter().for_each(|path| _ = fs::remove_file(path));
        sync_dir(&self.folder()).map_err(fail)?;
        Ok(lines)
    }
}
