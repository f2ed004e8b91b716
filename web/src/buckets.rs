//! History for charts: a query in buckets, one a pixel.

use std::fmt::Write;

use actix_web::{HttpResponse, web};
use bytes::Bytes;
use serde_json::json;
use taskpulse_engine::model::{TimestampMs, push_seconds, push_value};
use taskpulse_engine::promql::{self, Bucket, BucketAnswer, BucketSeries, BucketSource};
use taskpulse_engine::store::StoreReader;

use crate::answers::{MAX_ANSWER_BYTES, PIECE_BYTES, too_long};
use crate::envelope::{ApiError, blocking};
use crate::parameter::{END, LIMIT, LOOKBACK, Parameter, QUERY, START, STEP, TIMEOUT};
use crate::params::Params;
use crate::query::{QueryRequest, RangeRequest, place, push_notes};
use crate::route::Route;
use crate::server::AppState;
use crate::shapes;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::get_or_post("/api/v1/buckets", buckets)
            .about("PromQL over a range, as what a chart draws: the smallest, mean, largest and latest value of each step")
            .parameters(&[QUERY, START.required(), END.required(), STEP, TIMEOUT, LIMIT, LOOKBACK])
            .answers(shapes::BUCKETS)
            .fails(&[422]),
        Route::get_or_post("/api/v1/buckets/each", each)
            .about("The answers of `/api/v1/buckets` to several questions, in their order: what a page of charts asks when it opens")
            .parameters(&[ASK])
            .answers(shapes::BUCKETS_EACH)
            .fails(&[422]),
    ]
}

const ASK: Parameter = Parameter::query(
    "ask",
    "the parameters of a request to `/api/v1/buckets`, urlencoded; may be repeated",
    || json!({"type": "array", "minItems": 1, "maxItems": MOST_ASKS, "items": {"type": "string", "minLength": 1}}),
)
.required();
/// A request has no more questions.
const MOST_ASKS: usize = 50;

async fn buckets(state: web::Data<AppState>, params: Params) -> Result<HttpResponse, ApiError> {
    let text = found(&state, &params).await?;
    let bytes = text.bytes();
    state.answers.send(text, bytes)
}

async fn each(state: web::Data<AppState>, params: Params) -> Result<HttpResponse, ApiError> {
    params.whole()?;
    params.required(ASK.name)?;
    let asks = params.all(ASK.name);
    if asks.len() > MOST_ASKS {
        return Err(ApiError::bad_data(format!("{} questions at once; {MOST_ASKS} are accepted", asks.len())));
    }
    let mut answers = Vec::with_capacity(asks.len());
    let mut bytes = PIECE_BYTES;
    for ask in asks {
        // Together they may take as much memory as one.
        let answer = if bytes > MAX_ANSWER_BYTES { Err(too_long()) } else { found(&state, &Params::of_text(ask)).await };
        bytes += answer.as_ref().map_or(0, Text::bytes);
        answers.push(answer.map_err(|error| error.body()));
    }
    state.answers.send(Each { answers: answers.into_iter(), open: None, before: Some("{\"status\":\"success\",\"data\":[") }, bytes)
}

/// What a question comes to, when there is a place among the queries that are worked out.
async fn found(state: &AppState, params: &Params) -> Result<Text, ApiError> {
    let RangeRequest { ask, start, end, step } = RangeRequest::new(params, state.queries).await?;
    let _waiting = ask.waiting();
    let _place = place(&state.query_places, ask.deadline).await?;
    let store = state.store.clone();
    blocking(move || answer(&ask, &store, start, end, step)).await
}

/// Several answers as a list.
struct Each {
    answers: std::vec::IntoIter<Result<Text, serde_json::Value>>,
    /// The answer that goes on.
    open: Option<Text>,
    /// What stands before the next answer; none after the end of the list.
    before: Option<&'static str>,
}

impl Iterator for Each {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let mut out = Vec::new();
        while out.len() < PIECE_BYTES {
            if let Some(piece) = self.open.as_mut().and_then(Iterator::next) {
                out.extend_from_slice(&piece);
                continue;
            }
            self.open = None;
            let Some(before) = self.before.take() else { break };
            let Some(answer) = self.answers.next() else {
                out.extend_from_slice(b"]}");
                break;
            };
            out.extend_from_slice(before.as_bytes());
            self.before = Some(",");
            match answer {
                Ok(text) => self.open = Some(text),
                Err(error) => out.extend_from_slice(error.to_string().as_bytes()),
            }
        }
        (!out.is_empty()).then(|| Bytes::from(out))
    }
}

fn answer(ask: &QueryRequest, store: &StoreReader, start: TimestampMs, end: TimestampMs, step: i64) -> Result<Text, ApiError> {
    let found = promql::buckets(&ask.query, &ask.params(ask.deadline, start, end, step), ask.limit, store)?;
    Ok(Text::new(found, step, ask.limit))
}

/// The columns of a series.
type Column = (&'static str, fn(&mut String, &Bucket));
const COLUMNS: [Column; 6] = [
    ("t", |out, bucket| push_seconds(out, bucket.end)),
    ("min", |out, bucket| push_figure(out, bucket.min)),
    ("mean", |out, bucket| push_figure(out, bucket.mean)),
    ("max", |out, bucket| push_figure(out, bucket.max)),
    ("last", |out, bucket| push_figure(out, bucket.last)),
    ("count", |out, bucket| push_figure(out, bucket.count)),
];

/// A number as JSON has it; what JSON has no number for is a text, as in the answers of queries.
fn push_figure(out: &mut String, v: f64) {
    let quote = if v.is_finite() { "" } else { "\"" };
    out.push_str(quote);
    push_value(out, v);
    out.push_str(quote);
}

/// An answer in buckets, put into words column by column.
struct Text {
    out: String,
    series: std::iter::Peekable<std::vec::IntoIter<BucketSeries>>,
    /// The next column of the series that goes on.
    column: usize,
    /// Whether a series was begun, so that the next one follows a comma.
    begun: bool,
    tail: String,
    bytes: usize,
}

impl Text {
    fn new(found: BucketAnswer, step: i64, limit: usize) -> Self {
        let mut out = String::from("{\"status\":\"success\",\"data\":{\"resultType\":\"buckets\",\"step\":");
        push_seconds(&mut out, step);
        match found.source {
            BucketSource::Samples => out.push_str(",\"source\":\"samples\""),
            BucketSource::Hours => out.push_str(",\"source\":\"1h\""),
            BucketSource::Expression(inner) => {
                out.push_str(",\"source\":\"expression\",\"inner_step\":");
                push_seconds(&mut out, inner);
            }
        }
        let truncated = found.total > limit;
        // Writing to a string cannot fail.
        let _ = write!(out, ",\"total\":{},\"truncated\":{truncated},\"result\":[", found.total);
        let mut tail = String::from("]}");
        push_notes(&mut tail, found.notes.notes, truncated);
        tail.push('}');
        let one = |series: &BucketSeries| {
            size_of::<BucketSeries>() + series.labels.as_bytes().len() + series.buckets.capacity() * size_of::<Bucket>()
        };
        let bytes = found.series.iter().map(one).sum::<usize>() + tail.len() + PIECE_BYTES;
        Self { out, series: found.series.into_iter().peekable(), column: 0, begun: false, tail, bytes }
    }

    /// The memory that it is made of.
    fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Iterator for Text {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        while self.out.len() < PIECE_BYTES {
            let Some(series) = self.series.peek() else {
                self.out.push_str(&std::mem::take(&mut self.tail));
                break;
            };
            let out = &mut self.out;
            let Some((name, push)) = COLUMNS.get(self.column) else {
                out.push('}');
                self.column = 0;
                self.series.next();
                continue;
            };
            if self.column == 0 {
                let comma = if std::mem::replace(&mut self.begun, true) { "," } else { "" };
                let metric = serde_json::to_string(&series.labels).unwrap_or_else(|_| "{}".to_owned());
                let _ = write!(out, "{comma}{{\"metric\":{metric}");
            }
            let _ = write!(out, ",\"{name}\":[");
            for (at, bucket) in series.buckets.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                push(out, bucket);
            }
            out.push(']');
            self.column += 1;
        }
        let piece = std::mem::take(&mut self.out);
        (!piece.is_empty()).then(|| Bytes::from(piece))
    }
}
