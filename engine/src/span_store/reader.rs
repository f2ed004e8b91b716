//! Reads spans: those of a trace, and those of a stretch of time.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;
use std::time::Instant;

use rustc_hash::FxHashMap;

use super::row::{Common, read_common, read_span};
use crate::codec::CodecError;
use crate::logs::record::{Direction, Filter, Order, SourceError, TimeNs};
use crate::logs::store::rows::Row;
use crate::logs::store::spans::SERVICE_NAME;
use crate::logs::store::{LogCounters, LogOptions, LogReader, LogStatus, LogStore};
use crate::model::Labels;
use crate::traces::FullSpan;

/// Most spans of a trace that are given.
pub const MAX_SPANS: usize = 10_000;
/// Most bytes of the spans of a trace that are given, about.
const MAX_BYTES: usize = 64 << 20;
/// Parts in common that are remembered while spans are read.
const MOST_COMMON: usize = 1_024;

/// A trace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trace {
    /// Its spans, each once, by their start.
    pub spans: Vec<FullSpan>,
    /// Whether there are more: these are the first [`MAX_SPANS`], or fewer large ones.
    pub more: bool,
}

/// Reads spans; cheap to clone.
#[derive(Clone)]
pub struct TraceReader(LogReader);

impl TraceReader {
    pub(crate) fn new(store: Arc<LogStore>) -> Self {
        Self(LogReader::new(store))
    }

    /// The state of the store of spans.
    #[must_use]
    pub fn status(&self) -> LogStatus {
        self.0.status()
    }

    /// Counts since the store was opened.
    #[must_use]
    pub fn counters(&self) -> &LogCounters {
        self.0.counters()
    }

    /// What the store of spans may use and keep.
    #[must_use]
    pub fn options(&self) -> &LogOptions {
        self.0.options()
    }

    fn until(&self, deadline: Option<Instant>) -> LogReader {
        deadline.map_or_else(|| self.0.clone(), |deadline| self.0.until(deadline))
    }

    /// All spans of a trace, each once, by their start; none where it is not there.
    ///
    /// # Errors
    /// [`SourceError`] if spans cannot be read, or not in time.
    pub fn trace(&self, id: [u8; 16], deadline: Option<Instant>) -> Result<Trace, SourceError> {
        let (mut kept, mut commons) = (Kept::default(), Commons::default());
        self.until(deadline).trace(&id, &mut |row| {
            match commons.span(row) {
                Ok(span) => kept.add(span, row.body.len() + row.shared.len()),
                // It passed the checksum of its block; the check of the directory names it.
                Err(error) => log::error!("traces: a span cannot be read: {error}"),
            }
            ControlFlow::Continue(())
        })?;
        Ok(kept.finish())
    }

    /// Passes spans that began within a range, by their start, until `visit` breaks. Only those of services for which `services` gives
    /// true, where it is given.
    ///
    /// # Errors
    /// [`SourceError`] if spans cannot be read, or not in time.
    pub fn scan(
        &self,
        range: Range<TimeNs>,
        services: Option<&dyn Fn(&str) -> bool>,
        newest_first: bool,
        deadline: Option<Instant>,
        mut visit: impl FnMut(FullSpan) -> ControlFlow<()>,
    ) -> Result<(), SourceError> {
        let order = Order::ByTime(if newest_first { Direction::Backward } else { Direction::Forward });
        let (start, end, needles, trace) = (range.start, range.end, Vec::new(), None);
        let filter = Filter { matchers: Vec::new(), start, end, order, needles, trace, bodies: true, attributes: true };
        // A stream without the name of a service has the spans of many.
        let matches = |labels: &Labels| services.is_none_or(|services| labels.get(SERVICE_NAME).is_none_or(services));
        let (mut commons, mut twice) = (Commons::default(), Twice::default());
        self.until(deadline).read_rows(&filter, &matches, &mut |loaded, pick| {
            let row = loaded.row(pick);
            let span = match commons.span(row) {
                Ok(span) => span,
                Err(error) => {
                    log::error!("traces: a span cannot be read: {error}");
                    return ControlFlow::Continue(());
                }
            };
            if twice.is(&span) || services.is_some_and(|services| !services(&span.service)) {
                return ControlFlow::Continue(());
            }
            visit(span)
        })
    }

    /// The services with spans that began within a range, and how many. From streams alone; those beyond the most of a day are not named.
    ///
    /// # Errors
    /// [`SourceError`] if spans cannot be read.
    pub fn services(&self, range: Range<TimeNs>) -> Result<Vec<(String, u64)>, SourceError> {
        let counts = self.0.counts(range.start, range.end)?;
        Ok(counts.into_iter().filter_map(|(labels, count)| Some((labels.get(SERVICE_NAME)?.to_owned(), count))).collect())
    }
}

/// Parts in common of spans that were read last.
#[derive(Default)]
struct Commons(FxHashMap<Box<[u8]>, Common>);

impl Commons {
    fn span(&mut self, row: Row<'_>) -> Result<FullSpan, CodecError> {
        if let Some(common) = self.0.get(row.shared) {
            return read_span(row, common);
        }
        let common = read_common(row.shared)?;
        let span = read_span(row, &common);
        if self.0.len() >= MOST_COMMON {
            self.0.clear();
        }
        self.0.insert(row.shared.into(), common);
        span
    }
}

fn same(a: &FullSpan, b: &FullSpan) -> bool {
    (a.span.start, a.span.trace, a.span.span) == (b.span.start, b.span.trace, b.span.span) && a.service == b.service
}

/// Knows the spans of one start, by which a span that is kept twice is noticed where spans come by time.
#[derive(Default)]
struct Twice {
    time: TimeNs,
    ids: Vec<([u8; 16], [u8; 8], Arc<str>)>,
}

impl Twice {
    /// Most spans of one start that are compared.
    const MOST: usize = 1_000;

    fn is(&mut self, full: &FullSpan) -> bool {
        let span = &full.span;
        if span.start != self.time {
            self.time = span.start;
            self.ids.clear();
        }
        if self.ids.iter().any(|(trace, id, service)| *id == span.span && *trace == span.trace && *service == full.service) {
            return true;
        }
        if self.ids.len() < Self::MOST {
            self.ids.push((span.trace, span.span, Arc::clone(&full.service)));
        }
        false
    }
}

/// The first spans of a trace, within bounds.
#[derive(Default)]
struct Kept {
    /// With the bytes that each takes, about.
    spans: Vec<(usize, FullSpan)>,
    bytes: usize,
    more: bool,
}

impl Kept {
    fn add(&mut self, span: FullSpan, bytes: usize) {
        let bytes = bytes + size_of::<FullSpan>();
        self.bytes += bytes;
        self.spans.push((bytes, span));
        if self.spans.len() >= 2 * MAX_SPANS || self.bytes >= 2 * MAX_BYTES {
            self.shrink();
        }
    }

    fn shrink(&mut self) {
        self.spans.sort_by(|(_, a), (_, b)| {
            (a.span.start, a.span.span, a.span.parent, &a.service).cmp(&(b.span.start, b.span.span, b.span.parent, &b.service))
        });
        self.spans.dedup_by(|(_, later), (_, first)| same(later, first));
        let mut bytes = 0;
        let fits = |(size, _): &&(usize, FullSpan)| {
            bytes += size;
            bytes <= MAX_BYTES
        };
        // One is given, however large it is.
        let count = self.spans.iter().take(MAX_SPANS).take_while(fits).count().max(usize::from(!self.spans.is_empty()));
        self.more |= count < self.spans.len();
        self.spans.truncate(count);
        self.bytes = self.spans.iter().map(|(bytes, _)| bytes).sum();
    }

    fn finish(mut self) -> Trace {
        self.shrink();
        Trace { spans: self.spans.into_iter().map(|(_, span)| span).collect(), more: self.more }
    }
}
