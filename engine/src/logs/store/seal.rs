//! Sealing: the head becomes a file of blocks for each of its days, and the journal shrinks.
//!
//! 1. The head is frozen and a new one begins; the journal's record at that point is remembered. Both in the turn of appends.
//! 2. Each frozen day is written as a file that says up to which journal record it has the day's lines. Once it is durable, it takes the
//!    place of the frozen day.
//! 3. Once all days are written, the mark says that the journal up to there is not needed, and its files go.
//!
//! After a crash the journal is replayed, and lines of a day that its files have are left out: nothing is lost, nothing is there
//! twice. A seal that failed keeps its frozen days, which the next one finishes first.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::head::{DayHead, StreamHead};
use super::kind::Kind;
use super::rows::Row;
use super::state::{DAYS, Frozen, LogStore};
use super::write::Writer;
use crate::store::StoreError;
use crate::store::files;
use crate::store::page::PageError;
use crate::store::partition::{Day, sync_dir};

impl LogStore {
    /// Seals all lines of the head; gives how many.
    pub(crate) fn seal(&self) -> Result<u64, StoreError> {
        let _one_at_a_time = self.sealing.lock();
        let mut sealed = self.finish_frozen()?;
        {
            let _turn = self.turn.lock();
            let Some(kept) = self.kept() else { return Ok(sealed) };
            let mut places = self.places.write();
            if places.head.days.is_empty() {
                return Ok(sealed);
            }
            let through = kept.journal.rotate();
            let head = std::mem::take(&mut places.head);
            if self.kind == Kind::Spans {
                self.recent.lock().add(&head);
            }
            places.frozen = Frozen { days: head.days.into_iter().map(|(day, head)| (day, Arc::new(head))).collect(), through };
        }
        sealed += self.finish_frozen()?;
        self.counters.seals.fetch_add(1, Ordering::Relaxed);
        Ok(sealed)
    }

    fn finish_frozen(&self) -> Result<u64, StoreError> {
        let mut sealed = 0;
        loop {
            let (next, through) = {
                let places = self.places.read();
                (places.frozen.days.iter().next().map(|(day, head)| (*day, Arc::clone(head))), places.frozen.through)
            };
            let Some((day, head)) = next else { break };
            sealed += head.rows;
            self.seal_day(day, &head, through)?;
        }
        let through = std::mem::take(&mut self.places.write().frozen.through);
        if through > 0
            && let Some(kept) = self.kept()
        {
            kept.sealed.set([through, 0, 0]);
            kept.sealed.sync();
            fail::fail_point!("logs::seal::trim", |_| Err(StoreError::Deadline));
            kept.journal.trim(through).map_err(|error| StoreError::io(&self.folder(), error))?;
            kept.journal.sync_mark();
        }
        Ok(sealed)
    }

    fn seal_day(&self, day: Day, head: &DayHead, through: u64) -> Result<(), StoreError> {
        let folder = self.folder().join(DAYS).join(day.name());
        let fail = |error| StoreError::io(&folder, error);
        if !folder.is_dir() {
            files::create_private_dir(&folder).map_err(fail)?;
            sync_dir(&self.folder().join(DAYS)).map_err(fail)?;
        }
        let number = self.places.write().days.entry(day).or_default().take_number();
        let written = Writer::create(&folder, self.identity, day, number, self.kind).map_err(PageError::Io).and_then(|mut writer| {
            write_head(&mut writer, head)?;
            writer.finish(through, Vec::new())
        });
        let file = match written {
            Ok(file) => file,
            Err(PageError::Io(error)) => return Err(fail(error)),
            Err(PageError::Codec(source)) => return Err(StoreError::Damaged { place: folder.display().to_string(), source }),
        };
        let mut places = self.places.write();
        places.days.entry(day).or_default().add(Arc::new(file));
        places.frozen.days.remove(&day);
        Ok(())
    }
}

/// Writes the lines of a head as a segment.
pub(super) fn write_head(writer: &mut Writer, head: &DayHead) -> Result<(), PageError> {
    for (labels, stream) in head.sorted() {
        writer.add(labels, stream.text(), by_time(stream))?;
    }
    writer.end_segment()
}

/// The lines of a stream by time; those of one time in the order in which they came.
fn by_time(stream: &StreamHead) -> impl Iterator<Item = Row<'_>> {
    let parts = stream.parts();
    let rows = || parts.iter().enumerate().flat_map(|(part, rows)| (0..rows.len()).map(move |row| (part, row)));
    let times = || rows().map(|(part, row)| parts[part].times[row]);
    let order: Option<Vec<(usize, usize)>> = (!times().is_sorted()).then(|| {
        let mut order: Vec<(usize, usize)> = rows().collect();
        order.sort_by_key(|(part, row)| parts[*part].times[*row]);
        order
    });
    let ordered = order.is_some();
    let in_order = (!ordered).then(rows).into_iter().flatten();
    order.into_iter().flatten().chain(in_order).map(|(part, row)| parts[part].row(row))
}
