//! Limits: which levels and durations passed one, when, how often and for how long.

use taskpulse_engine::ask::{Crossing, CrossingAs, Kind, Meaning, Range};
use taskpulse_engine::model::TimestampMs;
use taskpulse_engine::words::{counted, lasted};

use super::draft::{Draft, figure, listed, row, text_row};
use super::reading::Read;
use super::{AskError, Asker};

const HOUR: i64 = 3_600_000;
/// A sample counts until the next one, at most so long.
pub(super) const COUNTS_FOR: i64 = 300_000;

impl Asker {
    pub(super) fn crossed_now(&self, read: &Read, meaning: &Meaning, crossing: Crossing) -> Result<Draft, AskError> {
        if read.kind == Kind::Events {
            return Ok(Draft::missing("a limit of things that ended needs a time, such as \"last week\""));
        }
        let found = self.instant(&read.selector, self.now())?;
        if found.is_empty() {
            return Ok(self.nothing(read, meaning));
        }
        let mut past: Vec<_> = found.iter().filter(|(_, value)| passes(*value, crossing)).collect();
        past.sort_by(|a, b| b.1.total_cmp(&a.1));
        let limit = format!("{} {}", side(crossing), figure(&read.metric, crossing.limit));
        let said: Vec<String> =
            past.iter().map(|(labels, value)| format!("{} {}", self.called(read, labels), figure(&read.metric, *value))).collect();
        let sentence = match (past.is_empty(), found.len()) {
            (false, _) => format!("Yes, {limit} now: {}", listed(&said)),
            (true, 1) => {
                format!("No: {} is {} now, which is not {limit}", self.called(read, &found[0].0), figure(&read.metric, found[0].1))
            }
            (true, count) => format!("No: none of {count} is {limit} now"),
        };
        let rows = past.iter().map(|(labels, value)| row(self.called(read, labels), &read.metric, *value)).collect();
        let lately = Range { start: self.now() - HOUR, end: self.now() };
        Ok(Draft::said(sentence).rows(rows).charted(&read.selector, &read.selector, [lately]))
    }

    /// When, how often and for how long levels passed a limit. A sample counts until the next one.
    pub(super) fn crossed(&self, read: &Read, meaning: &Meaning, crossing: Crossing, range: Range) -> Result<Draft, AskError> {
        let found = self.samples(&read.selector, range)?;
        if found.is_empty() {
            return Ok(self.nothing(read, meaning));
        }
        let limit = format!("{} {}", side(crossing), figure(&read.metric, crossing.limit));
        let (mut parts, mut rows) = (Vec::new(), Vec::new());
        let mut any = false;
        for (labels, samples) in &found {
            let called = self.called(read, labels);
            let spans = if read.kind == Kind::Events {
                points(samples, crossing)
            } else {
                spans(samples, range.end, |value| passes(value, crossing))
            };
            if spans.is_empty() {
                parts.push(format!("{called} was never {limit}"));
                continue;
            }
            any = true;
            let long: i64 = spans.iter().map(|span| span.length()).sum();
            if let (CrossingAs::LastTime, Some(last)) = (crossing.wanted, spans.last()) {
                let long = if read.kind == Kind::Events { String::new() } else { format!(", for {}", lasted(last.length())) };
                parts.push(format!("{called} was last {limit} at {}{long}", self.at(last.start)));
                rows.push(text_row(called.clone(), format!("{limit}{long}"), Some(last.start)));
                continue;
            }
            let shown: Vec<String> = spans.iter().map(|span| self.at(span.start)).collect();
            let times = counted(spans.len(), "time", "times");
            parts.push(if read.kind == Kind::Events {
                format!("{called} was {limit} {times}, of {}: {}", samples.len(), listed(&shown))
            } else {
                match crossing.wanted {
                    CrossingAs::HowLong => format!("{called} was {limit} for {}, in {times}", lasted(long)),
                    CrossingAs::HowOften => format!("{called} was {limit}, {times}, for {} together", lasted(long)),
                    _ => format!("{called} was {limit}, {times}, for {} together, from {}", lasted(long), listed(&shown)),
                }
            });
            rows.extend(
                spans.iter().map(|span| text_row(called.clone(), format!("{limit} for {}", lasted(span.length())), Some(span.start))),
            );
        }
        let lead = match crossing.wanted {
            CrossingAs::Whether if any => "Yes: ",
            CrossingAs::Whether => "No: ",
            _ => "",
        };
        let sentence = format!("{lead}{}, {}", listed(&parts), self.during(range));
        let query = format!("{} {} {}", read.selector, if crossing.above { ">" } else { "<" }, crossing.limit);
        Ok(Draft::said(sentence).rows(rows).charted(&query, &read.selector, [range]).note(self.coverage(read, range)?))
    }
}

fn passes(value: f64, crossing: Crossing) -> bool {
    if crossing.above { value > crossing.limit } else { value < crossing.limit }
}

fn side(crossing: Crossing) -> &'static str {
    if crossing.above { "above" } else { "below" }
}

/// Things that ended beyond a limit.
fn points(samples: &[(TimestampMs, f64)], crossing: Crossing) -> Vec<Range> {
    samples.iter().filter(|(_, v)| passes(*v, crossing)).map(|(t, _)| Range { start: *t, end: *t }).collect()
}

/// The stretches in which a condition holds. A sample counts until the next one, but no longer than five minutes.
pub(super) fn spans(samples: &[(TimestampMs, f64)], end: TimestampMs, holds: impl Fn(f64) -> bool) -> Vec<Range> {
    let mut out: Vec<Range> = Vec::new();
    for (at, (t, value)) in samples.iter().enumerate() {
        if !holds(*value) {
            continue;
        }
        let next = samples.get(at + 1).map_or(end, |(next, _)| *next).min(t + COUNTS_FOR).max(*t);
        match out.last_mut().filter(|span| span.end >= *t) {
            Some(span) => span.end = next,
            None => out.push(Range { start: *t, end: next }),
        }
    }
    out
}
