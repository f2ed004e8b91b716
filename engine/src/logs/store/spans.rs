//! What a store of spans does beside what a store of lines does: it takes spans in, and finds those of a trace.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use rustc_hash::FxHashMap;

use super::accept::{Appended, day_of};
use super::ahead::too_late;
use super::block::{Entry, Wanted};
use super::file::BlocksFile;
use super::journal::Piece;
use super::read::LogReader;
use super::rows::{Row, Rows};
use super::state::{LogStore, Streams};
use crate::logs::record::{Filter, Order, Parts, Source, SourceError, TimeNs};
use crate::model::{Labels, TimestampMs};
use crate::span_store::{self as store, table};
use crate::store::StoreError;
use crate::store::partition::Day;
use crate::traces::Spans;

/// The label of a stream: all spans of a service.
pub(crate) const SERVICE_NAME: &str = "service_name";

/// The spans of a request by stream and day.
#[derive(Default)]
struct Pieces {
    pieces: Vec<Piece>,
    places: FxHashMap<(Labels, Day), usize>,
    /// The number of the span of each row, by piece.
    numbers: Vec<Vec<usize>>,
}

impl Pieces {
    fn piece(&mut self, labels: &Labels, day: Day) -> usize {
        *self.places.entry((labels.clone(), day)).or_insert_with_key(|(labels, day)| {
            self.pieces.push(Piece { labels: labels.clone(), day: *day, rows: Rows::default() });
            self.numbers.push(Vec::new());
            self.pieces.len() - 1
        })
    }
}

impl LogStore {
    /// Appends spans to journal and head. Durable, and to be acknowledged, after the next [`LogStore::commit`]. Gives as well which of
    /// them are new, in their order.
    pub(crate) fn append_spans(&self, spans: &[Spans], now: TimestampMs) -> Result<(Appended, Vec<bool>), StoreError> {
        fail::fail_point!("logs::append");
        let _turn = self.turn.lock();
        self.check_head()?;
        let (mut pieces, mut done) = (Pieces::default(), Appended::default());
        let mut new = vec![false; spans.iter().map(|spans| spans.spans.len()).sum()];
        self.sort_spans(spans, now, &mut pieces, &mut done);
        pieces.numbers.iter().flatten().for_each(|number| new[*number] = true);
        done.duplicates += self.keep(&pieces.pieces, |piece, row| new[pieces.numbers[piece][row]] = false)?;
        self.counters.add(&done);
        Ok((done, new))
    }

    /// Puts the spans that may be kept and are not known in pieces.
    fn sort_spans(&self, spans: &[Spans], now: TimestampMs, pieces: &mut Pieces, done: &mut Appended) {
        let (reach, recent) = (self.reach(now), self.recent.lock());
        let mut streams = Streams { store: self, known: None };
        let (mut common, mut body, mut ids) = (Vec::new(), Vec::new(), Vec::new());
        let mut number = 0;
        for of_scope in spans {
            common.clear();
            store::push_common(&mut common, of_scope);
            let labels = Labels::of(vec![(SERVICE_NAME, &of_scope.service)]);
            let mut place: Option<(Day, usize)> = None;
            for span in &of_scope.spans {
                number += 1;
                if span.start < reach.from {
                    done.too_old += 1;
                    continue;
                }
                if span.start >= reach.to {
                    done.too_far_ahead += 1;
                    continue;
                }
                let day = day_of(span.start);
                let piece = match place {
                    Some((at, piece)) if at == day => piece,
                    _ => pieces.piece(&streams.of(day, &labels), day),
                };
                place = Some((day, piece));
                body.clear();
                ids.clear();
                store::push_body(&mut body, span);
                store::push_ids(&mut ids, span);
                let row = Row { time: span.start, severity: store::severity_of(span), body: &body, details: &ids, shared: &common };
                let (Piece { labels: kept, rows, .. }, size) = (&mut pieces.pieces[piece], body.len() + ids.len());
                done.accepted += 1;
                done.bytes += size as u64;
                done.overflowed += u64::from(*kept != labels);
                if recent.holds(kept, row) {
                    done.duplicates += 1;
                    continue;
                }
                rows.push(row);
                pieces.numbers[piece].push(number - 1);
            }
        }
    }

    /// What may have spans of a trace: memory, and blocks by their file.
    fn places_of_trace(&self) -> (Vec<Arc<Rows>>, Vec<Arc<BlocksFile>>) {
        let places = self.places.read();
        let files = places.days.values().flat_map(|day| day.files.iter().cloned()).collect();
        let frozen = places.frozen.days.values().map(|head| &**head);
        let streams = frozen.chain(places.head.days.values()).flat_map(|day| day.streams.values());
        (streams.flat_map(|stream| stream.parts().iter().cloned()).collect(), files)
    }
}

fn is_of(details: &[u8], trace: &[u8; 16]) -> bool {
    details.first_chunk() == Some(trace)
}

impl LogReader {
    /// Passes each row of a trace, in any order; one that was sent again may come twice.
    pub(crate) fn trace(&self, trace: &[u8; 16], each: &mut dyn FnMut(Row<'_>) -> ControlFlow<()>) -> Result<(), SourceError> {
        let (heads, files) = self.store().places_of_trace();
        for rows in heads {
            // Ids lie one after the other: a hundred thousand are looked through in less than a millisecond.
            for (at, _) in rows.details.chunks_exact(store::IDS).enumerate().filter(|(_, ids)| is_of(ids, trace)) {
                if each(rows.row(at)).is_break() {
                    return Ok(());
                }
            }
        }
        let hash = table::hash_of(trace);
        for file in files {
            if self.trace_in(&file, trace, hash, each)?.is_break() {
                return Ok(());
            }
        }
        Ok(())
    }

    fn trace_in(
        &self,
        file: &BlocksFile,
        trace: &[u8; 16],
        hash: u32,
        each: &mut dyn FnMut(Row<'_>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, SourceError> {
        let blocks = match file.table().map_or(Ok(Vec::new()), |table| table.blocks(hash)) {
            Ok(blocks) => Some(blocks),
            Err(error) => {
                self.store().left_out(file, "its table of traces", error)?;
                None
            }
        };
        if blocks.as_ref().is_some_and(Vec::is_empty) {
            return Ok(ControlFlow::Continue(()));
        }
        let Some(directory) = self.directory(file)? else { return Ok(ControlFlow::Continue(())) };
        // Without its table the ids of all blocks are looked through.
        let blocks = blocks.unwrap_or_else(|| (0..directory.blocks.len() as u32).collect());
        for number in blocks {
            if self.deadline().is_some_and(|deadline| Instant::now() >= deadline) {
                return Err(too_late());
            }
            let Some(entry) = directory.blocks.get(number as usize) else { continue };
            let Some(rows) = self.block_of_trace(file, entry, number, trace)? else { continue };
            for at in (0..rows.len()).filter(|at| is_of(rows.details(*at), trace)) {
                if each(rows.row(at)).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// A block with the bodies of the trace's rows; `None` where there are none, or where it is damaged.
    fn block_of_trace(&self, file: &BlocksFile, entry: &Entry, number: u32, trace: &[u8; 16]) -> Result<Option<Rows>, SourceError> {
        let read = || {
            let rows = file.block(entry, Wanted { bodies: false, details: true })?;
            if !(0..rows.len()).any(|at| is_of(rows.details(at), trace)) {
                return Ok(None);
            }
            file.bodies(entry, rows, |details| is_of(details, trace)).map(Some)
        };
        match read() {
            Ok(rows) => Ok(rows),
            Err(error) => {
                let what = format!("block {} with {} spans", number + 1, entry.rows());
                self.store().left_out(file, &what, error).map(|()| None)
            }
        }
    }

    /// The streams with rows in a range, and how many each has there.
    pub(crate) fn counts(&self, start: TimeNs, end: TimeNs) -> Result<Vec<(Labels, u64)>, SourceError> {
        let (order, needles, trace) = (Order::Any, Vec::new(), None);
        let filter = Filter { matchers: Vec::new(), start, end, order, needles, trace, bodies: false, attributes: false };
        let mut found: FxHashMap<Labels, u64> = FxHashMap::default();
        self.tally(&filter, Parts { of: &|_| Some(0), levels: false }, &mut |tally| {
            *found.entry(tally.labels.clone()).or_default() += tally.lines;
            ControlFlow::Continue(())
        })?;
        let mut found: Vec<(Labels, u64)> = found.into_iter().collect();
        found.sort_by(|a, b| a.0.cmp_pairs(&b.0));
        Ok(found)
    }
}
