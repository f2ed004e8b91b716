//! Answers that wait for their clients: produced as they are taken, their memory counted.
//!
//! A client may take its time, or never take anything. What is held for all of them together is bounded; beyond it an answer
//! is refused with 503. Small answers are sent whole and not counted: there are no more of them than connections.

use std::convert::Infallible;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::HttpResponse;
use bytes::Bytes;
use serde::Serialize;
use taskpulse_engine::model::{Columns, Labels, TimestampMs, push_point, push_seconds, push_value};
use taskpulse_engine::promql::ABSENT;

use crate::envelope::ApiError;

/// Memory that one answer may take while it waits.
pub(crate) const MAX_ANSWER_BYTES: usize = 64 << 20;
/// Memory that all answers that wait may take.
const ALL_ANSWERS_BYTES: usize = 128 << 20;
/// Text that is produced at once. A shorter answer is sent whole.
pub(crate) const PIECE_BYTES: usize = 64 << 10;

/// What is held for clients.
#[derive(Debug, Clone, Default)]
pub struct Answers(Arc<AtomicUsize>);

/// Memory of an answer, until it was sent or its client has gone.
struct Held {
    all: Answers,
    bytes: usize,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.all.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Answers {
    fn hold(&self, bytes: usize) -> Result<Held, ApiError> {
        if bytes > MAX_ANSWER_BYTES {
            return Err(too_long());
        }
        let held = Held { all: self.clone(), bytes };
        if self.0.fetch_add(bytes, Ordering::Relaxed) + bytes > ALL_ANSWERS_BYTES {
            return Err(ApiError::busy(format!(
                "answers that wait for their clients take {} MiB, as much as is allowed",
                ALL_ANSWERS_BYTES >> 20
            )));
        }
        Ok(held)
    }

    /// Sends the pieces of an answer of JSON, produced as the client takes them; `bytes` is the memory that they are made of.
    pub(crate) fn send(&self, mut pieces: impl Iterator<Item = Bytes> + 'static, bytes: usize) -> Result<HttpResponse, ApiError> {
        let first = pieces.next().unwrap_or_default();
        let Some(second) = pieces.next() else { return Ok(json(first)) };
        let held = self.hold(bytes)?;
        let all = [first, second].into_iter().chain(pieces).map(move |piece| {
            let _held = &held;
            Ok::<_, Infallible>(piece)
        });
        Ok(HttpResponse::Ok().content_type("application/json").streaming(futures_util::stream::iter(all)))
    }

    /// Sends a successful answer, which may be large.
    pub(crate) fn success(&self, data: &impl Serialize) -> Result<HttpResponse, ApiError> {
        let data = serde_json::to_string(data).map_err(|error| ApiError::internal(error.to_string()))?;
        self.send_text(format!("{{\"status\":\"success\",\"data\":{data}}}"))
    }

    /// Sends a text of JSON.
    pub(crate) fn send_text(&self, text: String) -> Result<HttpResponse, ApiError> {
        let bytes = text.len();
        let mut rest = Bytes::from(text);
        self.send(
            std::iter::from_fn(move || {
                let piece = rest.split_to(PIECE_BYTES.min(rest.len()));
                (!piece.is_empty()).then_some(piece)
            }),
            bytes,
        )
    }
}

fn json(body: Bytes) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(body)
}

pub(crate) fn too_long() -> ApiError {
    ApiError::execution(format!(
        "the answer takes more than {} MiB; ask for less time, fewer series or a longer `step`",
        MAX_ANSWER_BYTES >> 20
    ))
}

/// `{"status":"success","data":[…]}`, item by item; refused where it grows too long.
pub(crate) struct List(String);

impl List {
    pub(crate) fn new() -> Self {
        Self("{\"status\":\"success\",\"data\":[".to_owned())
    }

    pub(crate) fn push(&mut self, item: &impl Serialize) -> Result<(), ApiError> {
        if !self.0.ends_with('[') {
            self.0.push(',');
        }
        self.0.push_str(&serde_json::to_string(item).map_err(|error| ApiError::internal(error.to_string()))?);
        if self.0.len() > MAX_ANSWER_BYTES { Err(too_long()) } else { Ok(()) }
    }

    pub(crate) fn finish(self) -> String {
        self.finish_with(&[])
    }

    pub(crate) fn finish_with(mut self, warnings: &[&str]) -> String {
        self.0.push(']');
        if !warnings.is_empty() {
            let _ = write!(self.0, ",\"warnings\":{}", serde_json::json!(warnings));
        }
        self.0.push('}');
        self.0
    }
}

/// The points of one series of an answer.
pub(crate) enum Points {
    /// `"value":[…]`
    One(TimestampMs, f64),
    /// `"values":[…]`, one an instant of the grid.
    Grid(Vec<f64>),
    /// `"values":[…]`, as they are.
    Run(Columns),
}

/// An answer of series, put into words piece by piece.
pub(crate) struct Text {
    out: String,
    series: std::vec::IntoIter<(Labels, Points)>,
    /// The series that goes on.
    open: Option<Open>,
    /// Whether a series was begun, so that the next one follows a comma.
    begun: bool,
    instants: Instants,
    tail: String,
    ended: bool,
}

/// A series that is not written to its end.
struct Open {
    points: Points,
    /// Its next point.
    at: usize,
    /// Whether a point was written, so that the next one follows a comma.
    begun: bool,
}

/// The instants of a grid in words, `1764000000,"`: the same for every series.
#[derive(Default)]
struct Instants {
    text: String,
    ends: Vec<u32>,
}

impl Instants {
    fn get(&self, at: usize) -> &str {
        let end = |at: usize| self.ends.get(at).map_or(0, |end| *end as usize);
        self.text.get(at.checked_sub(1).map_or(0, end)..end(at)).unwrap_or_default()
    }
}

impl Text {
    /// An answer that begins with `head`; `times` are the instants of its grid.
    pub(crate) fn new(head: String, series: Vec<(Labels, Points)>, times: impl Iterator<Item = TimestampMs>, tail: String) -> Self {
        let mut instants = Instants::default();
        if series.iter().any(|(_, points)| matches!(points, Points::Grid(_))) {
            for t in times {
                push_seconds(&mut instants.text, t);
                instants.text.push_str(",\"");
                instants.ends.push(instants.text.len() as u32);
            }
        }
        Self { out: head, series: series.into_iter(), open: None, begun: false, instants, tail, ended: false }
    }

    /// The memory that it is made of.
    pub(crate) fn bytes(&self) -> usize {
        let points = |points: &Points| match points {
            Points::One(..) => 0,
            Points::Grid(values) => values.capacity() * 8,
            Points::Run(columns) => (columns.times.capacity() + columns.values.capacity()) * 8,
        };
        let one = |(labels, p): &(Labels, Points)| size_of::<(Labels, Points)>() + labels.as_bytes().len() + points(p);
        let series: usize = self.series.as_slice().iter().map(one).sum();
        series + self.instants.text.len() + self.instants.ends.len() * 4 + self.tail.len() + PIECE_BYTES
    }

    /// Writes points until the piece is full; false where the series goes on.
    fn write_points(&mut self, open: &mut Open) -> bool {
        let out = &mut self.out;
        let mut begin = |out: &mut String| out.push_str(if std::mem::replace(&mut open.begun, true) { "," } else { "" });
        match &open.points {
            Points::One(t, v) => {
                out.push_str("\"value\":");
                push_point(out, *t, *v);
                out.push('}');
                return true;
            }
            Points::Grid(values) => {
                while let Some(v) = values.get(open.at) {
                    if v.to_bits() != ABSENT.to_bits() {
                        begin(out);
                        out.push('[');
                        out.push_str(self.instants.get(open.at));
                        push_value(out, *v);
                        out.push_str("\"]");
                    }
                    open.at += 1;
                    if out.len() >= PIECE_BYTES {
                        return false;
                    }
                }
            }
            Points::Run(columns) => {
                while let (Some(t), Some(v)) = (columns.times.get(open.at), columns.values.get(open.at)) {
                    begin(out);
                    push_point(out, *t, *v);
                    open.at += 1;
                    if out.len() >= PIECE_BYTES {
                        return false;
                    }
                }
            }
        }
        out.push_str("]}");
        true
    }
}

impl Iterator for Text {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        while self.out.len() < PIECE_BYTES {
            if let Some(mut open) = self.open.take() {
                if !self.write_points(&mut open) {
                    self.open = Some(open);
                }
            } else if let Some((labels, points)) = self.series.next() {
                let comma = if std::mem::replace(&mut self.begun, true) { "," } else { "" };
                let metric = serde_json::to_string(&labels).unwrap_or_else(|_| "{}".to_owned());
                let _ = write!(self.out, "{comma}{{\"metric\":{metric},");
                if !matches!(points, Points::One(..)) {
                    self.out.push_str("\"values\":[");
                }
                self.open = Some(Open { points, at: 0, begun: false });
            } else if !self.ended {
                self.ended = true;
                self.out.push_str(&std::mem::take(&mut self.tail));
            } else {
                break;
            }
        }
        let piece = std::mem::take(&mut self.out);
        (!piece.is_empty()).then(|| Bytes::from(piece))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn text(series: usize, points: usize) -> Text {
        let values = |n: usize| (0..points).map(|at| if at % 7 == n % 7 { ABSENT } else { at as f64 / 4.0 }).collect();
        let of = |n: usize| (Labels::metric("m", &[("n", &format!("{n}]}}\\"))]), Points::Grid(values(n)));
        Text::new("{\"data\":[".to_owned(), (0..series).map(of).collect(), (0..points as i64).map(|n| n * 1_500), "]}".to_owned())
    }

    #[test]
    fn an_answer_in_pieces_is_the_same_as_a_whole_one() {
        for (series, points) in [(0, 0), (1, 1), (1, 0), (3, 11_000), (500, 40), (2_000, 1)] {
            let pieces: Vec<Bytes> = text(series, points).collect();
            assert!(pieces.iter().all(|piece| piece.len() < PIECE_BYTES + 200));
            let value: Value = serde_json::from_slice(&pieces.concat()).unwrap();
            let rows = value["data"].as_array().unwrap();
            assert_eq!(rows.len(), series);
            for (n, row) in rows.iter().enumerate() {
                assert_eq!(row["metric"]["n"], format!("{n}]}}\\"));
                let there = (0..points).filter(|at| at % 7 != n % 7);
                let wanted: Vec<Value> = there.map(|at| serde_json::json!([at as f64 * 1.5, (at as f64 / 4.0).to_string()])).collect();
                let given: Vec<Value> =
                    row["values"].as_array().unwrap().iter().map(|p| serde_json::json!([p[0].as_f64(), p[1]])).collect();
                assert_eq!(given, wanted);
            }
        }
    }

    #[test]
    fn what_waits_for_clients_is_bounded_and_given_back() {
        let answers = Answers::default();
        assert!(answers.hold(MAX_ANSWER_BYTES + 1).is_err());
        let held: Vec<Held> = (0..100).map_while(|_| answers.hold(10 << 20).ok()).collect();
        assert_eq!(held.len(), 12);
        assert_eq!(answers.hold(10 << 20).err().and_then(|error| error.retry_after()), Some(1));
        drop(held);
        assert_eq!(answers.0.load(Ordering::Relaxed), 0);
        // Small answers are not held.
        drop((answers.send_text("x".repeat(PIECE_BYTES)).unwrap(), answers.send(text(1, 10), usize::MAX).unwrap()));
        let large = answers.send_text("x".repeat(PIECE_BYTES + 1)).unwrap();
        assert_eq!(answers.0.load(Ordering::Relaxed), PIECE_BYTES + 1);
        drop(large);
        assert_eq!(answers.0.load(Ordering::Relaxed), 0);
    }
}
