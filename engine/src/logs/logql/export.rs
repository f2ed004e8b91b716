//! All lines that a query finds, the oldest first, in pieces: history of any length in little memory.
//!
//! Lines are exported as they are stored: stages of the query select them and do not change them.

use std::ops::ControlFlow;

use rustc_hash::FxHashMap;

use super::parse::LineQuery;
use crate::logs::otlp_lines;
use crate::logs::record::{Direction, Filter, Order, Record, Source, SourceError, TimeNs};
use crate::model::Labels;

/// Bytes of lines after which a piece ends, once all lines of that time are in it.
const PIECE_BYTES: usize = 2 << 20;
/// Lines of one line of text at the most, and their bytes.
const GROUP_LINES: usize = 1_000;
const GROUP_BYTES: usize = 1 << 20;

/// How far an export has come.
#[derive(Debug)]
pub struct Export {
    query: LineQuery,
    /// The first time of the next piece; none once all is out.
    next: Option<TimeNs>,
    end: TimeNs,
    now: i64,
    piece_bytes: usize,
}

fn bytes(record: &Record) -> usize {
    record.body.len() + record.attributes.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() + size_of::<Record>()
}

impl Export {
    /// Of the lines from `start` up to, and without, `end`; `now` is the present time, ms.
    #[must_use]
    pub fn new(query: LineQuery, start: TimeNs, end: TimeNs, now: i64) -> Self {
        Self { query, next: (start < end).then_some(start), end, now, piece_bytes: PIECE_BYTES }
    }

    /// The next lines of text, which may be empty; none once all is out.
    ///
    /// # Errors
    /// [`SourceError`]
    pub fn next(&mut self, source: &dyn Source) -> Result<Option<String>, SourceError> {
        let Some(start) = self.next else { return Ok(None) };
        let filter = Filter { bodies: true, attributes: true, ..self.query.filter(start, self.end, Order::ByTime(Direction::Forward)) };
        let mut streams: Vec<(Labels, Vec<Record>)> = Vec::new();
        let mut places: FxHashMap<Labels, usize> = FxHashMap::default();
        let (mut total, mut last, mut more) = (0, start, None);
        source.read(&filter, &mut |entry| {
            // A piece ends between two times: lines of one time have no order to go on from.
            if total >= self.piece_bytes && entry.time > last {
                more = Some(entry.time);
                return ControlFlow::Break(());
            }
            if self.query.run(entry, self.now).is_none() {
                return ControlFlow::Continue(());
            }
            let attributes = entry.attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            let (time, severity, body) = (entry.time, entry.severity, entry.body.to_vec());
            let record = Record { time, severity, body, attributes, trace: entry.trace, span: entry.span };
            (total, last) = (total + bytes(&record), time);
            let place = *places.entry(entry.labels.clone()).or_insert(streams.len());
            match streams.get_mut(place) {
                Some((_, records)) => records.push(record),
                None => streams.push((entry.labels.clone(), vec![record])),
            }
            ControlFlow::Continue(())
        })?;
        self.next = more;
        let mut out = String::with_capacity(total);
        for (labels, records) in &streams {
            groups(records).for_each(|group| otlp_lines::push_line(&mut out, labels, group));
        }
        Ok(Some(out))
    }
}

/// Records in groups that are no longer than a line of text should be.
fn groups(records: &[Record]) -> impl Iterator<Item = &[Record]> {
    let mut rest = records;
    std::iter::from_fn(move || {
        let mut total = 0;
        let fits = |record: &&Record| {
            total += bytes(record);
            total <= GROUP_BYTES
        };
        let count = rest.iter().take(GROUP_LINES).take_while(fits).count().max(1);
        let (group, after) = rest.split_at_checked(count)?;
        rest = after;
        Some(group)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::super::Query;
    use super::super::tests::{Memory, S};
    use super::*;
    use crate::logs::push::otlp::take;
    use crate::otlp::Encoding;
    use crate::promql::syntax::Grid;

    /// The times in seconds and the texts of the lines of each piece.
    fn pieces(query: &str, seconds: (i64, i64), piece_bytes: usize) -> Vec<Vec<(i64, String)>> {
        let web: Vec<(i64, &str)> = vec![(0, "a"), (1, "b error"), (1, "c"), (1, "d error"), (2, "e error"), (9, "f")];
        let source = Memory::of(&[(&[("app", "web")], &web), (&[("app", "db")], &[(1, "g error"), (3, "h")])]);
        let Query::Lines(query) = Query::parse(query, Grid::default()).unwrap() else { panic!("a metric query") };
        let begin = source.0[0].records[0].time;
        let mut export = Export::new(query, begin + seconds.0 * S, begin + seconds.1 * S, 0);
        export.piece_bytes = piece_bytes;
        std::iter::from_fn(|| export.next(&source).unwrap())
            .map(|text| {
                let taken = text.lines().map(|line| take(Encoding::Json, line.as_bytes(), &[], 0).unwrap());
                let records = taken.flat_map(|taken| taken.lines).flat_map(|stream| stream.records);
                let mut lines: Vec<_> =
                    records.map(|line| ((line.time - begin) / S, String::from_utf8_lossy(&line.body).into_owned())).collect();
                lines.sort();
                lines
            })
            .collect()
    }

    #[test]
    fn each_line_goes_out_once_and_pieces_end_between_times() {
        let line = |at: i64, text: &str| (at, text.to_owned());
        let all = vec![
            line(0, "a"),
            line(1, "b error"),
            line(1, "c"),
            line(1, "d error"),
            line(1, "g error"),
            line(2, "e error"),
            line(3, "h"),
            line(9, "f"),
        ];
        let query = r#"{app=~".+"}"#;
        assert_eq!(pieces(query, (0, 100), usize::MAX), std::slice::from_ref(&all));
        let one_by_one = pieces(query, (0, 100), 1);
        assert_eq!(one_by_one.iter().map(Vec::len).collect::<Vec<_>>(), [1, 4, 1, 1, 1]);
        assert_eq!(one_by_one.concat(), all);
        let errors = pieces(r#"{app="web"} |= "error" | line_format "x""#, (1, 2), 1);
        assert_eq!(errors.concat(), [line(1, "b error"), line(1, "d error")], "as they are kept");
        assert_eq!(pieces(query, (5, 5), 1).len(), 0);
    }

    #[test]
    fn groups_are_bounded_and_hold_at_least_one() {
        let records = |count: usize, bytes: usize| vec![Record { body: vec![b'x'; bytes], ..Record::default() }; count];
        let sizes = |records: &[Record]| groups(records).map(<[Record]>::len).collect::<Vec<_>>();
        assert_eq!(sizes(&records(2_500, 10)), [1_000, 1_000, 500]);
        assert_eq!(sizes(&records(3, GROUP_BYTES)), [1, 1, 1]);
        assert_eq!(sizes(&[]), Vec::<usize>::new());
    }
}
