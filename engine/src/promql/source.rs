//! The store as a source of samples for queries.
//!
//! Decoding is most of the work of a query over many series, so two threads share it where there is enough of it for a
//! thread, batch by batch; a range so long that not even two series fit in a batch is read one day of one series at a time.
//! What surely costs little can be asked of [`AtOnce`] instead, on a thread that others wait for.

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::error::EvalError;
use super::input::{HourSink, SeriesSink, Source};
use crate::logs;
use crate::model::{MatchOp, Matcher, Pattern, Selector, SeriesId, TimestampMs};
use crate::store::{Limits, SeriesColumns, StoreError, StoreReader};

/// What finding a series costs, in samples that could be decoded meanwhile.
const FINDING: i64 = 300;
/// Time between samples that is reckoned with.
const APART_MS: i64 = 10_000;
/// Work, in samples, that a thread is worth.
const WORTH_A_THREAD: i64 = 60_000;
/// Work that is held at the same time.
const HELD: i64 = 400_000;
/// Series that are held at the same time, at the most.
const MOST_HELD: usize = 4_096;

/// Work of a query that is done at once, in samples: about a millisecond.
const AT_ONCE: i64 = 40_000;
/// So many series take too long to be searched at once.
const MANY_SERIES: usize = 50_000;

/// What a word of a set takes beside its text.
const PER_WORD: usize = 48;

/// A series and the part of the wanted range where it may have samples.
pub(super) type Span = (SeriesId, TimestampMs, TimestampMs);

/// The series that any of the lists of matchers accepts, by rising id.
pub(super) fn ids(store: &StoreReader, matchers: &[Vec<Matcher>]) -> Vec<SeriesId> {
    let mut ids: Vec<SeriesId> = matchers.iter().flat_map(|list| store.select(list)).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// Memory for the values that the patterns of one query match.
const MATCHED_BYTES: usize = 32 << 20;

/// Puts the values that there are in the place of regular expressions. The index is held for a moment at a time, so that new
/// series need not wait for it.
fn resolve(store: &StoreReader, lists: &mut [Vec<Matcher>], go_on: &dyn Fn() -> Result<(), EvalError>) -> Result<(), EvalError> {
    let mut left = MATCHED_BYTES;
    for matcher in lists.iter_mut().flatten() {
        let (MatchOp::Matches(pattern) | MatchOp::NotMatches(pattern)) = &mut matcher.op else { continue };
        let Some(regex) = pattern.regex() else { continue };
        let mut words: Vec<Box<str>> = regex.is_match("").then(|| "".into()).into_iter().collect();
        let mut after: Option<Box<str>> = None;
        loop {
            go_on()?;
            let known = words.len();
            after = store.matching_values(&matcher.name, after.as_deref(), &|value| regex.is_match(value), &mut words);
            let bytes: usize = words[known..].iter().map(|word| word.len() + PER_WORD).sum();
            let Some(rest) = left.checked_sub(bytes) else {
                return Err(EvalError::Execution(format!(
                    "the patterns of the query match more than {} MiB of label values; narrow them, or use a prefix (a.*)",
                    MATCHED_BYTES >> 20
                )));
            };
            left = rest;
            if after.is_none() {
                break;
            }
        }
        *pattern = Arc::new(Pattern::words(words));
    }
    Ok(())
}

impl StoreReader {
    /// The series that any of the selectors accepts, by rising id; all series where there is no selector. `go_on` is asked now
    /// and then: patterns take time.
    ///
    /// # Errors
    /// Those of the callback, and where patterns match too much.
    pub fn select_while(&self, selectors: &[Selector], go_on: &dyn Fn() -> Result<(), EvalError>) -> Result<Vec<SeriesId>, EvalError> {
        if selectors.is_empty() {
            return Ok(self.select(&[]));
        }
        let mut lists: Vec<Vec<Matcher>> = selectors.iter().map(|selector| selector.matchers.clone()).collect();
        resolve(self, &mut lists, go_on)?;
        let mut found = Vec::new();
        for list in &lists {
            go_on()?;
            found.extend(self.select(list));
            // Selectors that accept the same take no more than one.
            if lists.len() > 1 {
                found.sort_unstable();
                found.dedup();
            }
        }
        Ok(found)
    }
}

fn read_all(store: &StoreReader, ids: &[SeriesId], start: TimestampMs, end: TimestampMs) -> Result<Vec<SeriesColumns>, StoreError> {
    store.scan_together(ids, start, end, no_limits())
}

/// The query has limits of its own with better messages.
fn no_limits() -> Limits {
    Limits { max_samples: usize::MAX, deadline: Instant::now() + Duration::from_secs(86_400) }
}

/// What reading a series costs, in samples.
fn work(from: TimestampMs, to: TimestampMs) -> i64 {
    FINDING.saturating_add(to.saturating_sub(from) / APART_MS)
}

fn total_work(spans: &[Span]) -> i64 {
    spans.iter().fold(0, |sum, (_, from, to)| sum.saturating_add(work(*from, *to)))
}

/// How many of the first spans are held at the same time; one where not even two fit.
fn batch_len(spans: &[Span]) -> usize {
    let mut held = 0i64;
    let fits = |(_, from, to): &&Span| {
        held = held.saturating_add(work(*from, *to));
        held <= HELD
    };
    spans.iter().take(MOST_HELD).take_while(fits).count().max(1)
}

/// Passes pieces on, and says where a series begins.
fn passing_to(sink: &mut dyn SeriesSink) -> impl FnMut(SeriesColumns) -> Result<(), EvalError> {
    let mut current: Option<SeriesId> = None;
    move |piece| {
        if current != Some(piece.id) {
            current = Some(piece.id);
            sink.begin(&piece.labels)?;
        }
        sink.piece(&piece.columns)
    }
}

/// Passes series on by hours; a store keeps them.
pub(super) fn hours_of(
    store: &StoreReader,
    ids: &[SeriesId],
    start: TimestampMs,
    end: TimestampMs,
    sink: HourSink<'_>,
) -> Result<bool, EvalError> {
    let mut parts = Vec::new();
    for &id in ids {
        parts.clear();
        let hours = store.hour_parts(id, start, end, &mut parts)?;
        if let Some(labels) = store.labels(id).filter(|_| !parts.is_empty()) {
            sink(&labels, &parts, hours)?;
        }
    }
    Ok(true)
}

impl Source for StoreReader {
    fn lines(&self, deadline: Instant) -> Option<Box<dyn logs::Source>> {
        Some(Box::new(self.logs().until(deadline)))
    }

    fn resolve(&self, lists: &mut [Vec<Matcher>], go_on: &dyn Fn() -> Result<(), EvalError>) -> Result<(), EvalError> {
        resolve(self, lists, go_on)
    }

    fn read_hours(&self, matchers: &[Vec<Matcher>], start: TimestampMs, end: TimestampMs, sink: HourSink<'_>) -> Result<bool, EvalError> {
        let spans = self.spans(&ids(self, matchers), start, end);
        hours_of(self, &spans.iter().map(|span| span.0).collect::<Vec<_>>(), start, end, sink)
    }

    fn read(&self, matchers: &[Vec<Matcher>], start: TimestampMs, end: TimestampMs, sink: &mut dyn SeriesSink) -> Result<(), EvalError> {
        read_spans(self, &self.spans(&ids(self, matchers), start, end), start, end, sink)
    }
}

/// Passes on the samples of series within `[start, end]`.
pub(super) fn read_spans(
    store: &StoreReader,
    spans: &[Span],
    start: TimestampMs,
    end: TimestampMs,
    sink: &mut dyn SeriesSink,
) -> Result<(), EvalError> {
    let mut pass_on = passing_to(sink);
    let mut rest = spans;
    while !rest.is_empty() {
        let (batch, later) = rest.split_at(batch_len(rest));
        rest = later;
        let ids: Vec<SeriesId> = batch.iter().map(|span| span.0).collect();
        if batch.len() < 2 || total_work(batch) < WORTH_A_THREAD {
            store.scan(&ids, start, end, no_limits()).try_for_each(|piece| pass_on(piece?))?;
            continue;
        }
        let (here, there) = ids.split_at(ids.len() / 2);
        let (first, second) = std::thread::scope(|scope| {
            let other = scope.spawn(|| read_all(store, there, start, end));
            (read_all(store, here, start, end), other.join())
        });
        let Ok(second) = second else { return Err(EvalError::Execution("a reading thread ended unexpectedly".to_owned())) };
        first?.into_iter().chain(second?).try_for_each(&mut pass_on)?;
    }
    Ok(())
}

/// The store as a source for a query of little work: one that turns out to need more, or a day that is not open, ends with
/// [`EvalError::TooMuchAtOnce`] before it was read.
pub struct AtOnce<'a> {
    store: &'a StoreReader,
    /// Instants of the query: each costs a little for each series.
    instants: i64,
    left: Cell<i64>,
}

impl<'a> AtOnce<'a> {
    /// A source for one query over so many instants.
    #[must_use]
    pub fn new(store: &'a StoreReader, instants: i64) -> Self {
        Self { store, instants, left: Cell::new(AT_ONCE) }
    }

    fn admit(&self, matchers: &[Vec<Matcher>], start: TimestampMs, end: TimestampMs) -> Result<Vec<SeriesId>, EvalError> {
        let searched: usize = matchers.iter().map(|list| self.store.select_work(list)).sum();
        if searched > MANY_SERIES || !self.store.is_open_within(start, end) {
            return Err(EvalError::TooMuchAtOnce);
        }
        let spans = self.store.spans(&ids(self.store, matchers), start, end);
        let over_instants = (spans.len() as i64).saturating_mul(self.instants) / 4;
        self.left.set(self.left.get().saturating_sub(total_work(&spans)).saturating_sub(over_instants));
        if self.left.get() < 0 { Err(EvalError::TooMuchAtOnce) } else { Ok(spans.into_iter().map(|span| span.0).collect()) }
    }
}

impl Source for AtOnce<'_> {
    fn resolve(&self, lists: &mut [Vec<Matcher>], go_on: &dyn Fn() -> Result<(), EvalError>) -> Result<(), EvalError> {
        let patterns = lists.iter().flatten().any(|matcher| matches!(matcher.op, MatchOp::Matches(_) | MatchOp::NotMatches(_)));
        if patterns && self.store.series_count() > MANY_SERIES {
            return Err(EvalError::TooMuchAtOnce);
        }
        resolve(self.store, lists, go_on)
    }

    fn may_compile(&self) -> bool {
        false
    }

    fn read_hours(&self, matchers: &[Vec<Matcher>], start: TimestampMs, end: TimestampMs, sink: HourSink<'_>) -> Result<bool, EvalError> {
        let ids = self.admit(matchers, start, end)?;
        hours_of(self.store, &ids, start, end, sink)
    }

    fn read(&self, matchers: &[Vec<Matcher>], start: TimestampMs, end: TimestampMs, sink: &mut dyn SeriesSink) -> Result<(), EvalError> {
        let ids = self.admit(matchers, start, end)?;
        let mut pass_on = passing_to(sink);
        self.store.scan(&ids, start, end, no_limits()).try_for_each(|piece| pass_on(piece?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Batch, Columns, Labels};
    use crate::promql::syntax::Grid;
    use crate::promql::{Answer, Params, Query, evaluate};
    use crate::store::{StoreOptions, StoreWriter};

    const T0: i64 = 1_795_478_400_000;

    fn ask(source: &dyn Source, query: &str, hours: i64) -> Result<Vec<Vec<f64>>, EvalError> {
        let params = Params {
            start: T0,
            end: T0 + hours * 3_600_000,
            step: 60_000,
            lookback: 300_000,
            default_step: 60_000,
            delayed_names: false,
            use_windows: true,
            max_samples: 1_000_000,
            max_bytes: 256 << 20,
            deadline: Instant::now() + Duration::from_secs(60),
            cancelled: Arc::default(),
        };
        match evaluate(&Query::parse(query, Grid::default()).unwrap(), &params, source)?.0 {
            Answer::Vector(rows) => Ok(rows.into_iter().map(|row| row.values).collect()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_costs_little_is_answered_at_once_and_the_rest_is_left_before_it_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let store = StoreWriter::open(dir.path(), StoreOptions::default(), T0).unwrap();
        let mut batch = Batch::default();
        for minute in 0..=120 {
            for n in 0..200 {
                batch.push(Labels::metric("level", &[("n", &n.to_string())]), T0 + minute * 60_000, f64::from(n) + minute as f64);
            }
        }
        store.append(&batch, T0 + 7_200_000).unwrap();
        let at_once = |query: &str, hours: i64| ask(&AtOnce::new(&store, hours * 60 + 1), query, hours);
        for (query, hours) in [("rate(level{n=\"7\"}[5m])", 2), ("topk(3, level{n=~\"1.?\"})", 1), ("sum(level{n=~\"[1-5]\"}) - 1", 2)] {
            let bits = |rows: Vec<Vec<f64>>| rows.iter().flatten().map(|v| v.to_bits()).collect::<Vec<_>>();
            // Regular expressions are compiled by those who may take the time.
            let wanted = bits(ask(&*store, query, hours).unwrap());
            assert_eq!(bits(at_once(query, hours).unwrap()), wanted, "{query}");
        }
        for query in
            ["sum(level)", "sum(level{n=~\"1.\"}) + sum(level{n=~\"[2-9].\"}) + sum(level{n=~\"1..\"})", "max_over_time(level[9w])"]
        {
            assert!(matches!(at_once(query, 2), Err(EvalError::TooMuchAtOnce)), "{query}");
        }
        assert!(matches!(at_once("level{n=~\"[6-7]\"}", 1), Err(EvalError::TooMuchAtOnce)), "compiles a pattern");
        assert!(matches!(at_once("level{n=~\"(\"}", 1), Err(EvalError::TooMuchAtOnce)), "compiles a pattern");
        let mut sink = Nothing;
        let matchers = [vec![Matcher::equal("__name__", "level")]];
        assert!(matches!(AtOnce::new(&store, 1).read(&matchers, 0, i64::MAX / 2, &mut sink), Err(EvalError::TooMuchAtOnce)));
        // However long the range is, what counts is where the series may have samples.
        assert_eq!(at_once("count_over_time(level{n=\"1\"}[9w])", 2).unwrap()[0].last(), Some(&121.0));
    }

    #[test]
    fn patterns_are_matched_by_values_while_there_is_time() {
        let dir = tempfile::tempdir().unwrap();
        let store = StoreWriter::open(dir.path(), StoreOptions::default(), T0).unwrap();
        let mut batch = Batch::default();
        for n in 0..3_000 {
            let host = format!("{n:x<2000}");
            batch.push(Labels::metric("level", &[("host", &host), ("odd", ["", "yes"][n % 2])]), T0, 1.0);
        }
        store.append(&batch, T0).unwrap();
        let select = |text: &str| {
            let selector = Selector::parse(text).unwrap();
            let plain = store.select(&selector.matchers);
            assert_eq!(store.select_while(&[selector], &|| Ok(())).unwrap(), plain, "{text}");
            plain.len()
        };
        for (text, count) in [
            (r#"level{host=~"[12]x+"}"#, 2),
            (r#"level{host!~"[12]x+"}"#, 2_998),
            (r#"level{odd=~"y?e?s?"}"#, 3_000),
            (r#"level{odd!~"y?e?s?"}"#, 0),
            (r#"level{odd=~"y[e]s"}"#, 1_500),
            (r#"level{odd!~"y[e]s"}"#, 1_500),
            (r#"level{none=~"[a]?"}"#, 3_000),
            (r#"level{none!~"[a]"}"#, 3_000),
            (r#"level{odd!~"yes|no"}"#, 1_500),
            (r#"level{odd=~"|yes"}"#, 3_000),
        ] {
            assert_eq!(select(text), count, "{text}");
        }
        let asked = Cell::new(0);
        let selector = Selector::parse(r#"level{host=~"(x|[0-9]){2000,}"}"#);
        let selector = selector.unwrap_or_else(|_| Selector::parse(r#"level{host=~".*[0-9]x.*[a-w]"}"#).unwrap());
        let stopped = store.select_while(&[selector], &|| {
            asked.set(asked.get() + 1);
            if asked.get() > 2 { Err(EvalError::Deadline) } else { Ok(()) }
        });
        assert!(matches!(stopped, Err(EvalError::Deadline)), "{stopped:?} after {} times", asked.get());
        let selector = Selector::parse(r#"{host=~"[0-9]+x+",odd=~"[y]?.*"}"#).unwrap();
        assert!(store.select_while(&[selector], &|| Ok(())).is_ok());
        let many =
            Selector::parse(&format!("{{{}}}", (0..10).map(|n| format!("host=~\"[0-9]+x+|{n}\"")).collect::<Vec<_>>().join(","))).unwrap();
        assert!(store.select_while(&[many], &|| Ok(())).unwrap_err().to_string().contains("32 MiB"));
    }

    struct Nothing;

    impl SeriesSink for Nothing {
        fn begin(&mut self, _: &Labels) -> Result<(), EvalError> {
            panic!("nothing is to be read")
        }

        fn piece(&mut self, _: &Columns) -> Result<(), EvalError> {
            panic!("nothing is to be read")
        }
    }
}
