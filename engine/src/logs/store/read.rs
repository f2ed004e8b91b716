//! Reading lines: which blocks may have wanted ones, and the lines of them in the wanted order.
//!
//! A block is left out by time, by its streams, and by its filter. What is left is decoded one after the other, as late as the order
//! allows: by time, a block is opened only when its first line is the next one, so a reader that stops early has read little. Blocks
//! are decoded ahead on threads of their own where there is much to read (`ahead`).
//!
//! A block that cannot be decoded is noted among the problems and left out.

use std::collections::BinaryHeap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::accept::day_of;
use super::ahead::Ahead;
use super::block::{Column, Entry as Block, Wanted};
use super::directory::Directory;
use super::file::BlocksFile;
use super::filter::Filter as BlockFilter;
use super::picks::{Pick, Runs, picks};
use super::rows::{Row, Rows, read_details};
use super::search::Search;
use super::state::LogStore;
use super::tally::{Counted, Counter};
use crate::logs::record::{Direction, Entry, Filter, Order, Parts, Source, SourceError, Tally, TimeNs};
use crate::model::{Labels, Matcher};
use crate::store::page::PageError;

/// Reads lines; cheap to clone.
#[derive(Clone)]
pub struct LogReader {
    store: Arc<LogStore>,
    deadline: Option<Instant>,
}

/// Lines that may be wanted.
pub(super) struct Candidate {
    first: TimeNs,
    last: TimeNs,
    /// Bytes of their text.
    weight: usize,
    place: Place,
}

enum Place {
    Head { labels: Labels, rows: Arc<Rows> },
    Block { file: Arc<BlocksFile>, directory: Arc<Directory>, block: usize, wanted: Arc<[bool]> },
}

/// Lines that were read.
pub(crate) struct Loaded {
    rows: LoadedRows,
    /// The labels of each run.
    labels: Vec<Labels>,
    /// Wanted rows, by time where that is asked for.
    picks: Vec<Pick>,
}

enum LoadedRows {
    Head(Arc<Rows>),
    Block(Box<Rows>),
}

impl Loaded {
    fn rows(&self) -> &Rows {
        match &self.rows {
            LoadedRows::Head(rows) => rows,
            LoadedRows::Block(rows) => rows,
        }
    }

    /// A wanted row.
    pub(crate) fn row(&self, pick: Pick) -> Row<'_> {
        self.rows().row(pick.row as usize)
    }

    fn pass(&self, pick: Pick, filter: &Filter, each: &mut dyn FnMut(&Entry<'_>) -> ControlFlow<()>) -> ControlFlow<()> {
        let rows = self.rows();
        let row = rows.row(pick.row as usize);
        // Details were checked when they were written and when they were decoded.
        let details = if filter.attributes { read_details(row.details).unwrap_or_default() } else { Default::default() };
        each(&Entry {
            labels: &self.labels[pick.run as usize],
            time: row.time,
            severity: row.severity,
            body: if filter.bodies { row.body } else { &[] },
            attributes: &details.attributes,
            trace: details.trace,
            span: details.span,
        })
    }
}

impl LogReader {
    pub(crate) fn new(store: Arc<LogStore>) -> Self {
        Self { store, deadline: None }
    }

    pub(super) fn store(&self) -> &LogStore {
        &self.store
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// A reader whose reads end with [`SourceError::Bound`] once a time has come: a search that finds nothing calls nobody who could
    /// end it.
    #[must_use]
    pub fn until(&self, deadline: Instant) -> Self {
        Self { store: Arc::clone(&self.store), deadline: Some(deadline) }
    }

    /// The state of the store of lines.
    #[must_use]
    pub fn status(&self) -> super::LogStatus {
        self.store.status()
    }

    /// Counts since the store was opened.
    #[must_use]
    pub fn counters(&self) -> &super::LogCounters {
        &self.store.counters
    }

    /// What the store of lines may use and keep.
    #[must_use]
    pub fn options(&self) -> &super::LogOptions {
        &self.store.options
    }

    pub(super) fn directory(&self, file: &BlocksFile) -> Result<Option<Arc<Directory>>, SourceError> {
        match self.store.directories.get(file) {
            Ok(directory) => Ok(Some(directory)),
            Err(error) => self.store.left_out(file, "its directory", error).map(|()| None),
        }
    }

    fn candidates(&self, filter: &Filter, matches: &dyn Fn(&Labels) -> bool) -> Result<Vec<Candidate>, SourceError> {
        let inside = |first: TimeNs, last: TimeNs| first < filter.end && last >= filter.start;
        let (heads, files) = self.store.snapshot(filter.start, filter.end, matches);
        let mut found = Vec::new();
        for file in files {
            let Some(directory) = self.directory(&file)? else { continue };
            let wanted: Arc<[bool]> = directory.streams.iter().map(matches).collect();
            for (at, block) in directory.blocks.iter().enumerate() {
                let runs = || block.runs.iter().filter(|run| wanted[run.stream as usize] && inside(run.first, run.last));
                let Some(first) = runs().map(|run| run.first).min() else { continue };
                let last = runs().map(|run| run.last).max().unwrap_or(first);
                let (file, directory, wanted) = (Arc::clone(&file), Arc::clone(&directory), Arc::clone(&wanted));
                let place = Place::Block { file, directory, block: at, wanted };
                found.push(Candidate { first, last, weight: block.weight as usize, place });
            }
        }
        for (labels, rows) in heads {
            if let Some((first, last)) = rows.span().filter(|(first, last)| inside(*first, *last)) {
                found.push(Candidate { first, last, weight: 0, place: Place::Head { labels, rows } });
            }
        }
        Ok(found)
    }

    fn load(&self, candidate: &Candidate, filter: &Filter, search: &Search<'_>) -> Result<Option<Loaded>, SourceError> {
        let by_time = matches!(filter.order, Order::ByTime(_));
        let (rows, labels, runs) = match &candidate.place {
            Place::Head { labels, rows } => (LoadedRows::Head(Arc::clone(rows)), vec![labels.clone()], Runs::all(rows.len())),
            Place::Block { file, directory, block, wanted } => {
                let (entry, number) = (&directory.blocks[*block], *block + 1);
                let labels: Vec<Labels> = entry.runs.iter().map(|run| directory.streams[run.stream as usize].clone()).collect();
                if !self.may_be_in(file, (entry, number), &labels, search)? {
                    return Ok(None);
                }
                let columns = Wanted { bodies: filter.bodies || !search.finders.is_empty(), details: filter.attributes };
                let Some(rows) = self.decoded(file, entry, number, columns)? else { return Ok(None) };
                (LoadedRows::Block(Box::new(rows)), labels, Runs::of(entry, |run| wanted[run.stream as usize]))
            }
        };
        let mut loaded = Loaded { rows, labels, picks: Vec::new() };
        loaded.picks = picks(loaded.rows(), &runs, (filter.start, filter.end), &search.finders, by_time);
        Ok((!loaded.picks.is_empty()).then_some(loaded))
    }

    /// Counts lines of a candidate. The times of a block are read only where its directory does not say enough.
    fn counted(&self, candidate: &Candidate, filter: &Filter, parts: Parts<'_>) -> Result<Option<Counted>, SourceError> {
        let mut counter = Counter::new((filter.start, filter.end), parts);
        let counted = match &candidate.place {
            Place::Head { labels, rows } => {
                counter.unordered(rows);
                counter.finish(vec![labels.clone()])
            }
            Place::Block { file, directory, block, wanted } => {
                let entry = &directory.blocks[*block];
                if !counter.by_directory(entry, wanted) {
                    let Some(rows) = self.decoded(file, entry, *block + 1, Wanted::TIMES)? else { return Ok(None) };
                    counter.by_times(entry, wanted, &rows);
                }
                counter.finish(entry.runs.iter().map(|run| directory.streams[run.stream as usize].clone()).collect())
            }
        };
        Ok(counted)
    }

    /// Whether a block may have what is looked for, by its filter.
    fn may_be_in(
        &self,
        file: &BlocksFile,
        (entry, number): (&Block, usize),
        streams: &[Labels],
        search: &Search<'_>,
    ) -> Result<bool, SourceError> {
        if !search.prunes(streams) {
            return Ok(true);
        }
        match file.column(entry, Column::Filter).and_then(|bytes| Ok(BlockFilter::decode(&bytes)?)) {
            Ok(table) => Ok(search.may_be_in(&table, streams)),
            // The block itself may be sound.
            Err(error) => self.store.left_out(file, &format!("the filter of block {number}"), error).map(|()| true),
        }
    }

    fn decoded(&self, file: &BlocksFile, entry: &Block, number: usize, wanted: Wanted) -> Result<Option<Rows>, SourceError> {
        self.store.counters.read_blocks.fetch_add(1, Ordering::Relaxed);
        match file.block(entry, wanted) {
            Ok(rows) => Ok(Some(rows)),
            Err(error) => {
                let what = format!("block {number} with {} {}", entry.rows(), self.store.kind.holds());
                self.store.left_out(file, &what, error).map(|()| None)
            }
        }
    }
}

impl LogStore {
    /// The lines in memory and the files that may have lines of a range, all of one moment.
    #[allow(clippy::type_complexity, reason = "two lists that are taken apart at once")]
    pub(super) fn snapshot(
        &self,
        start: TimeNs,
        end: TimeNs,
        matches: impl Fn(&Labels) -> bool,
    ) -> (Vec<(Labels, Arc<Rows>)>, Vec<Arc<BlocksFile>>) {
        let (mut heads, mut found) = (Vec::new(), Vec::new());
        if start >= end {
            return (heads, found);
        }
        let days = day_of(start)..=day_of(end - 1);
        let places = self.places.read();
        for day in places.days.range(days.clone()).map(|(_, day)| day) {
            found.extend(day.files.iter().filter(|file| file.summary.first < end && file.summary.last >= start).cloned());
        }
        let frozen = places.frozen.days.range(days.clone()).map(|(_, head)| &**head);
        for head in frozen.chain(places.head.days.range(days).map(|(_, head)| head)) {
            for (labels, stream) in head.streams.iter().filter(|(labels, _)| matches(labels)) {
                heads.extend(stream.parts().iter().map(|part| (labels.clone(), Arc::clone(part))));
            }
        }
        (heads, found)
    }

    /// Notes damage; an error that may pass is given.
    pub(super) fn left_out(&self, file: &BlocksFile, what: &str, error: PageError) -> Result<(), SourceError> {
        let place = file.path.display();
        match error {
            PageError::Codec(why) => {
                self.problems.note(format!("{place}: {what}: {why}; it is left out"));
                Ok(())
            }
            PageError::Io(why) => Err(SourceError::Read(format!("{place}: {what}: {why}"))),
        }
    }
}

fn accept(matchers: &[Matcher], labels: &Labels) -> bool {
    matchers.iter().all(|matcher| matcher.accepts(labels.get(&matcher.name).unwrap_or("")))
}

impl LogReader {
    /// Passes each row of streams that match, by the range and the order of a filter; its matchers are not asked.
    pub(crate) fn read_rows(
        &self,
        filter: &Filter,
        matches: &dyn Fn(&Labels) -> bool,
        pass: &mut dyn FnMut(&Loaded, Pick) -> ControlFlow<()>,
    ) -> Result<(), SourceError> {
        let mut candidates = self.candidates(filter, matches)?;
        let search = Search::of(filter);
        let backward = matches!(filter.order, Order::ByTime(Direction::Backward));
        let mut order: Vec<usize> = (0..candidates.len()).collect();
        match filter.order {
            Order::ByTime(Direction::Backward) => order.sort_by_key(|at| std::cmp::Reverse((candidates[*at].last, *at))),
            Order::ByTime(Direction::Forward) => order.sort_by_key(|at| (candidates[*at].first, *at)),
            Order::Any => {}
        }
        let weight = candidates.iter().map(|candidate| candidate.weight).sum();
        let load = |at: usize| self.load(&candidates[order[at]], filter, &search);
        let result = Ahead::run(order.len(), weight, self.deadline, &load, |ahead| {
            if filter.order == Order::Any {
                while let Some(loaded) = ahead.next()? {
                    for pick in &loaded.1.picks {
                        if pass(&loaded.1, *pick).is_break() {
                            return Ok(());
                        }
                    }
                }
                return Ok(());
            }
            let next_time = |at: usize| {
                let candidate = &candidates[order[at]];
                if backward { candidate.last } else { candidate.first }
            };
            merge(ahead, backward, next_time, |at| order[at], pass)
        });
        candidates.clear();
        result
    }
}

impl Source for LogReader {
    fn read(&self, filter: &Filter, each: &mut dyn FnMut(&Entry<'_>) -> ControlFlow<()>) -> Result<(), SourceError> {
        let matches = |labels: &Labels| accept(&filter.matchers, labels);
        self.read_rows(filter, &matches, &mut |loaded, pick| loaded.pass(pick, filter, each))
    }

    fn tally(&self, filter: &Filter, parts: Parts<'_>, each: &mut dyn FnMut(&Tally<'_>) -> ControlFlow<()>) -> Result<(), SourceError> {
        let candidates = self.candidates(filter, &|labels| accept(&filter.matchers, labels))?;
        let weight = candidates.iter().map(|candidate| candidate.weight).sum();
        let load = |at: usize| self.counted(&candidates[at], filter, parts);
        Ahead::run(candidates.len(), weight, self.deadline, &load, |ahead| {
            while let Some((_, counted)) = ahead.next()? {
                if counted.pass(each).is_break() {
                    break;
                }
            }
            Ok(())
        })
    }

    fn streams(&self, matchers: &[Matcher], start: TimeNs, end: TimeNs) -> Result<Vec<Labels>, SourceError> {
        let matches = |labels: &Labels| accept(matchers, labels);
        let (heads, files) = self.store.snapshot(start, end, matches);
        let mut found = rustc_hash::FxHashSet::default();
        for (labels, rows) in heads {
            if rows.times.iter().any(|time| (start..end).contains(time)) {
                found.insert(labels);
            }
        }
        for file in files {
            let Some(directory) = self.directory(&file)? else { continue };
            let runs = directory.blocks.iter().flat_map(|block| &block.runs);
            for run in runs.filter(|run| run.first < end && run.last >= start) {
                let labels = &directory.streams[run.stream as usize];
                if matches(labels) && !found.contains(labels) {
                    found.insert(labels.clone());
                }
            }
        }
        let mut found: Vec<Labels> = found.into_iter().collect();
        found.sort_by(Labels::cmp_pairs);
        Ok(found)
    }
}

/// A block that is being passed on.
struct Cursor {
    loaded: Loaded,
    /// Picks that were passed on.
    done: usize,
}

impl Cursor {
    fn pick(&self, backward: bool) -> Option<Pick> {
        let picks = &self.loaded.picks;
        let at = if backward { picks.len().checked_sub(self.done + 1)? } else { self.done };
        picks.get(at).copied()
    }
}

/// Passes lines on by time. Of lines of one time those that were taken in first come first, or last.
fn merge(
    ahead: &mut Ahead<'_, Loaded>,
    backward: bool,
    next_time: impl Fn(usize) -> TimeNs,
    rank: impl Fn(usize) -> usize,
    pass: &mut dyn FnMut(&Loaded, Pick) -> ControlFlow<()>,
) -> Result<(), SourceError> {
    let key = |time: TimeNs, rank: usize| {
        let rank = rank as i64;
        if backward { (time, rank) } else { (!time, !rank) }
    };
    let mut heap: BinaryHeap<((i64, i64), usize)> = BinaryHeap::new();
    let mut cursors: Vec<Option<(Cursor, usize)>> = Vec::new();
    loop {
        // A block is opened once its first line may be the next one.
        while ahead.at() < ahead.count() && heap.peek().is_none_or(|(top, _)| key(next_time(ahead.at()), 0).0 >= top.0) {
            let Some((at, loaded)) = ahead.next()? else { break };
            let cursor = Cursor { loaded, done: 0 };
            let Some(pick) = cursor.pick(backward) else { continue };
            let rank = rank(at);
            heap.push((key(cursor.loaded.rows().times[pick.row as usize], rank), cursors.len()));
            cursors.push(Some((cursor, rank)));
        }
        let Some((_, at)) = heap.pop() else { return Ok(()) };
        let Some((cursor, rank)) = &mut cursors[at] else { continue };
        let Some(pick) = cursor.pick(backward) else { continue };
        if pass(&cursor.loaded, pick).is_break() {
            return Ok(());
        }
        cursor.done += 1;
        match cursor.pick(backward) {
            Some(pick) => heap.push((key(cursor.loaded.rows().times[pick.row as usize], *rank), at)),
            // Its memory is given back.
            None => cursors[at] = None,
        }
    }
}
