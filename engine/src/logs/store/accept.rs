//! What of a request's lines is kept: bounds on bodies, attributes, streams and times.
//!
//! Nothing is left out in silence: what was cut, moved or refused is counted, and the sender is answered with the counts.

use super::journal::Piece;
use super::rows::{Row, Rows, push_details};
use crate::logs::record::{Lines, MAX_ATTRIBUTES, MAX_BODY, MAX_NAME, MAX_VALUE, Record, TimeNs};
use crate::model::Labels;
use crate::store::partition::Day;

/// Labels that an overflow keeps.
const SERVICE: [&str; 3] = ["service_name", "service", "job"];
/// The label of streams that hold the lines of many.
pub const OVERFLOW: &str = "overflow";

/// What became of the lines of a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Appended {
    /// Lines taken in, those that were there already included.
    pub accepted: u64,
    /// Bytes of their bodies and attributes.
    pub bytes: u64,
    /// Lines that were there already.
    pub duplicates: u64,
    /// Lines whose body or attributes were cut: [`MAX_BODY`], [`MAX_ATTRIBUTES`], [`MAX_VALUE`], [`MAX_NAME`].
    pub cut: u64,
    /// Lines of new streams beyond the most of a day, kept in one stream of their service with their labels as attributes.
    pub overflowed: u64,
    /// Lines refused because they are older than the retention.
    pub too_old: u64,
    /// Lines refused because they are further ahead of the clock than the retention is long.
    pub too_far_ahead: u64,
}

impl Appended {
    /// Lines that were refused.
    #[must_use]
    pub const fn refused(&self) -> u64 {
        self.too_old + self.too_far_ahead
    }
}

/// Times that are accepted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) from: TimeNs,
    pub(super) to: TimeNs,
}

pub(super) fn day_of(time: TimeNs) -> Day {
    Day::of(time.div_euclid(1_000_000))
}

/// The lines of a request that are within the bounds.
pub(super) struct Accepted {
    /// By stream and day.
    pub(super) pieces: Vec<Piece>,
    /// The number of the line of each row, by piece.
    pub(super) numbers: Vec<Vec<usize>>,
    pub(super) done: Appended,
    /// How many lines the request has.
    pub(super) lines: usize,
}

/// The lines by stream and day, within the bounds. `stream` gives the labels under which lines of a stream and a day are kept: others
/// than its own where it is one too many.
pub(super) fn accept(lines: Lines, span: Span, mut stream: impl FnMut(Day, &Labels) -> Labels) -> Accepted {
    let (mut pieces, mut done) = (Vec::<Piece>::new(), Appended::default());
    let (mut numbers, mut number) = (Vec::<Vec<usize>>::new(), 0);
    let mut details = Vec::new();
    for of_stream in lines {
        let begin = pieces.len();
        for mut record in of_stream.records {
            number += 1;
            if record.time < span.from {
                done.too_old += 1;
                continue;
            }
            if record.time >= span.to {
                done.too_far_ahead += 1;
                continue;
            }
            let day = day_of(record.time);
            let at = match pieces[begin..].iter().rposition(|piece| piece.day == day) {
                Some(at) => begin + at,
                None => {
                    pieces.push(Piece { labels: stream(day, &of_stream.labels), day, rows: Rows::default() });
                    numbers.push(Vec::new());
                    pieces.len() - 1
                }
            };
            let piece = &mut pieces[at];
            let overflows = piece.labels != of_stream.labels;
            if overflows {
                add_labels(&mut record, &of_stream.labels);
            }
            let cut = cut(&mut record);
            details.clear();
            push_details(&mut details, &record);
            numbers[at].push(number - 1);
            piece.rows.push(Row { time: record.time, severity: record.severity, body: &record.body, details: &details, shared: &[] });
            done.accepted += 1;
            done.bytes += (record.body.len() + details.len()) as u64;
            (done.cut, done.overflowed) = (done.cut + u64::from(cut), done.overflowed + u64::from(overflows));
        }
    }
    Accepted { pieces, numbers, done, lines: number }
}

/// The stream of lines of which there are too many streams.
pub(super) fn overflow_of(labels: &Labels) -> Labels {
    let service = SERVICE.iter().find_map(|name| labels.get(name).map(|value| (*name, value)));
    Labels::of(service.into_iter().chain([(OVERFLOW, "streams")]).collect())
}

fn add_labels(record: &mut Record, labels: &Labels) {
    for (name, value) in labels.iter() {
        if let Err(at) = record.attributes.binary_search_by(|(there, _)| there.as_str().cmp(name)) {
            record.attributes.insert(at, (name.to_owned(), value.to_owned()));
        }
    }
}

fn cut(record: &mut Record) -> bool {
    let before = (record.body.len(), record.attributes.len());
    record.body.truncate(MAX_BODY);
    record.attributes.retain(|(name, _)| name.len() <= MAX_NAME);
    record.attributes.truncate(MAX_ATTRIBUTES);
    let mut cut = before != (record.body.len(), record.attributes.len());
    for (_, value) in record.attributes.iter_mut().filter(|(_, value)| value.len() > MAX_VALUE) {
        value.truncate(value.floor_char_boundary(MAX_VALUE));
        cut = true;
    }
    cut
}
