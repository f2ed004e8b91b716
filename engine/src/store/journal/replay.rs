//! Reads the files of a journal when the store opens.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::{Closed, HEADER, LINES, Place, ROWS, Record, Rows, SERIES};
use crate::codec::CodecError;
use crate::store::error::StoreError;
use crate::store::files;
use crate::store::frame::{self, Found, Header};
use crate::store::identity::Identity;
use crate::store::mark::Numbers;
use crate::store::problems::Problems;

/// State while the files are read, oldest first.
pub(super) struct Replay<'a, F> {
    pub(super) place: Place,
    pub(super) data_dir: &'a Path,
    pub(super) identity: Identity,
    pub(super) problems: &'a Problems,
    pub(super) marked: Option<Numbers>,
    /// Lowest number that the next record may have.
    pub(super) next: u64,
    pub(super) sealed_through: u64,
    /// Damage after the last intact record was reported; missing numbers are then not reported again.
    pub(super) explained: bool,
    pub(super) closed: Vec<Closed>,
    pub(super) record: F,
}

impl<F: FnMut(u64, Record<'_>) -> Result<(), StoreError>> Replay<'_, F> {
    pub(super) fn file(&mut self, first: u64, path: PathBuf, bytes: &[u8], newest: bool) -> Result<(), StoreError> {
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let durable = self.marked.map(|[file, len, _]| match file.cmp(&first) {
            std::cmp::Ordering::Less => 0,
            std::cmp::Ordering::Equal => len,
            std::cmp::Ordering::Greater => u64::MAX,
        });
        let (mut good, mut records, mut torn) = (0, 0, false);
        for found in frame::scan(bytes) {
            match found {
                Found::Frame { header, payload, .. } if header.kind == HEADER => {
                    if payload != self.identity.0 {
                        let kept = files::set_aside(self.data_dir, &path, &format!("{}-{name}", self.place.prefix()));
                        let kept = files::outcome("it was moved to", kept);
                        self.problems.note(format!("{} belongs to another data directory; {kept}", path.display()));
                        return Ok(());
                    }
                    good = good.max(header.frame_len());
                }
                Found::Frame { at, header, payload } => match self.record(header, payload)? {
                    Ok(()) => {
                        records += 1;
                        good = at + header.frame_len();
                    }
                    Err(why) => self.damage(&name, at, &bytes[at..at + header.frame_len()], &why),
                },
                Found::Damage { from, to, .. } if newest && to == bytes.len() && durable.is_none_or(|durable| from as u64 >= durable) => {
                    torn = true;
                }
                Found::Damage { from, to, why } => self.damage(&name, from, &bytes[from..to], &why),
            }
        }
        if records == 0 && !self.explained {
            if let Err(error) = fs::remove_file(&path) {
                log::warn!("cannot remove {}: {error}", path.display());
            }
            return Ok(());
        }
        if torn && let Err(error) = OpenOptions::new().write(true).open(&path).and_then(|file| file.set_len(good as u64)) {
            log::warn!("cannot truncate {} to {good} bytes: {error}", path.display());
        }
        self.closed.push(Closed { path, last: self.next.max(first) - 1, records, bytes: good as u64, since: Instant::now() });
        Ok(())
    }

    /// Passes a record on; returns what is wrong with it, if anything.
    fn record(&mut self, header: Header, payload: &[u8]) -> Result<Result<(), CodecError>, StoreError> {
        if header.number < self.next {
            return Ok(Err(CodecError::Damaged("a record's number is out of order")));
        }
        let record = match header.kind {
            ROWS => match Rows::decode(payload) {
                Ok(rows) => Record::Rows(rows),
                Err(error) => return Ok(Err(error)),
            },
            SERIES => Record::Series(payload),
            LINES => Record::Lines(payload),
            _ => return Ok(Err(CodecError::Damaged("an unknown kind of record"))),
        };
        let expected = self.next.max(self.sealed_through + 1);
        if header.number > expected && !self.explained {
            self.problems.note(self.place.missing(self.data_dir, expected, header.number - 1));
        }
        (self.next, self.explained) = (header.number + 1, false);
        (self.record)(header.number, record).map(Ok)
    }

    fn damage(&mut self, name: &str, from: usize, bytes: &[u8], why: &CodecError) {
        self.explained = true;
        let kept = files::keep_aside(self.data_dir, &format!("{}-{name}-{from}", self.place.prefix()), bytes);
        let kept = files::outcome("they were copied to", kept);
        self.problems.note(format!(
            "the journal of {} is damaged ({name}, {} bytes from byte {from} on: {why}); {kept}",
            self.place.holds,
            bytes.len()
        ));
    }
}
