//! The live tail: lines of a query as they come in, over a WebSocket, as `logcli query --tail` and Grafana's live mode read them.
//!
//! Ten times a second it takes what came in since. A client that takes nothing stops this actor's stream from being polled; what comes in
//! meanwhile is lost to it beyond a bound, and the next message says how many lines that were (`dropped_entries`). Nobody who sends lines waits.

use std::collections::HashSet;
use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{Actor, ActorContext, AsyncContext, StreamHandler};
use actix_web::{HttpRequest, HttpResponse, web};
use actix_web_actors::ws::{self, WebsocketContext};
use serde_json::json;
use taskpulse_actors::clock::now_ms;
use taskpulse_actors::log_followers::{Arrived, Follower};
use taskpulse_engine::logs::logql::{self, Line, LineQuery, LineRequest, Query};
use taskpulse_engine::logs::{Direction, Entry, StreamLines};
use taskpulse_engine::model::{Labels, fnv1a};
use taskpulse_engine::promql::syntax::Grid;

use super::Given;
use super::streams::{categorized, push_streams};
use crate::connection::Link;
use crate::envelope::{ApiError, PlainError};
use crate::logs::ask::{State, limit, with_source};
use crate::logs::times;
use crate::params::Params;

/// Tails at the same time.
const MAX_TAILS: usize = 64;
/// How often a tail looks for lines.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Lines that are tried in one turn: others wait for this thread.
const TURN_LINES: usize = 2_000;
/// Longest frame of a client, bytes: it has nothing to say.
const MAX_FRAME_BYTES: usize = 4_096;
const PING_EVERY: Duration = Duration::from_secs(15);
const SILENT_FOR: Duration = Duration::from_secs(45);

struct Tail {
    query: LineQuery,
    follower: Follower,
    categorized: bool,
    /// Lines from before it was opened, and their keys: some of them may come once more.
    past: Vec<Line>,
    shown: HashSet<u64>,
    /// What came in and was not tried yet: the lines, the stream and the record that are next.
    left: Option<(Arc<Arrived>, usize, usize)>,
    missed: u64,
    heard: Instant,
}

/// Opens a tail.
pub(super) async fn open(state: State, req: HttpRequest, stream: web::Payload, params: Given) -> Result<HttpResponse, actix_web::Error> {
    let tail = tail(&state, &req, &params.map_err(PlainError)?).await.map_err(PlainError)?;
    if let Some(link) = req.conn_data::<Arc<Link>>() {
        link.read_on();
    }
    ws::WsResponseBuilder::new(tail, &req, stream).frame_size(MAX_FRAME_BYTES).start()
}

async fn tail(state: &State, req: &HttpRequest, params: &Params) -> Result<Tail, ApiError> {
    if state.logs.followers().count() >= MAX_TAILS {
        return Err(ApiError::unavailable(format!("{MAX_TAILS} tails are open, as many as are answered")));
    }
    // It follows before the past is read, so that nothing is missed between.
    let follower = state.logs.followers().follow();
    let text = params.required("query")?.to_owned();
    let (start, _) = times::range_of_query(params)?;
    let limit = limit(params)?;
    let ((query, past), _) = with_source(state, params, move |source, bounds| {
        let Query::Lines(query) = Query::parse(&text, Grid::default())? else {
            return Err(ApiError::bad_data("only lines can be followed, no values"));
        };
        let direction = Direction::Backward;
        let request = LineRequest { start, end: i64::MAX, limit, direction, interval: 0, now: now_ms() };
        let mut past = logql::lines(&query, &request, bounds, source)?.lines;
        past.reverse();
        Ok((query, past))
    })
    .await?;
    let shown = past.iter().map(|line| key(line.time, &line.source, &line.body)).collect();
    Ok(Tail { query, follower, categorized: categorized(req), past, shown, left: None, missed: 0, heard: Instant::now() })
}

/// What a line is known by. Where a stage changed its text, it comes twice rather than never.
fn key(time: i64, stream: &Labels, body: &[u8]) -> u64 {
    fnv1a(time.to_le_bytes().into_iter().chain(stream.as_bytes().iter().copied()).chain(body.iter().copied()))
}

impl Tail {
    /// The lines that came in and that the query accepts.
    fn arrived(&mut self) -> Vec<Line> {
        let (mut found, mut looked_at, now) = (Vec::new(), 0, now_ms());
        while looked_at < TURN_LINES {
            let Some((arrived, stream, record)) = self.left.take().or_else(|| {
                let (arrived, missed) = self.follower.take()?;
                self.missed += missed;
                Some((arrived, 0, 0))
            }) else {
                break;
            };
            let Some(lines) = arrived.lines.get(stream) else { continue };
            if record >= lines.records.len() || !self.query.selects(&lines.labels) {
                self.left = Some((arrived, stream + 1, 0));
                continue;
            }
            looked_at += 1;
            if let Some(line) = self.line(lines, record, now) {
                found.push(line);
            }
            self.left = Some((arrived, stream, record + 1));
        }
        found
    }

    fn line(&mut self, lines: &StreamLines, record: usize, now: i64) -> Option<Line> {
        let record = lines.records.get(record)?;
        if !self.shown.is_empty() && self.shown.remove(&key(record.time, &lines.labels, &record.body)) {
            return None;
        }
        let attributes: Vec<(&str, &str)> = record.attributes.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let entry = Entry {
            labels: &lines.labels,
            time: record.time,
            severity: record.severity,
            body: &record.body,
            attributes: &attributes,
            trace: record.trace,
            span: record.span,
        };
        self.query.line(&entry, now)
    }

    fn look(&mut self, ctx: &mut WebsocketContext<Self>) {
        let mut lines = std::mem::take(&mut self.past);
        lines.extend(self.arrived());
        if lines.is_empty() && self.missed == 0 {
            return;
        }
        let newest = lines.iter().map(|line| line.time).max().unwrap_or_else(times::now);
        let mut text = String::from("{\"streams\":");
        if push_streams(&mut text, lines, self.categorized).is_err() {
            return;
        }
        if self.categorized {
            text.push_str(",\"encodingFlags\":[\"categorize-labels\"]");
        }
        let missed = std::mem::take(&mut self.missed);
        if missed > 0 {
            // Loki names each line that it dropped; here they are counted.
            let dropped = json!([{"labels": {"dropped": missed.to_string()}, "timestamp": newest.to_string()}]);
            let _ = write!(text, ",\"dropped_entries\":{dropped}");
        }
        text.push('}');
        ctx.text(text);
    }
}

impl Actor for Tail {
    type Context = WebsocketContext<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.look(ctx);
        ctx.run_interval(LOOK_EVERY, Self::look);
        ctx.run_interval(PING_EVERY, |this, ctx| {
            if this.heard.elapsed() > SILENT_FOR {
                ctx.stop();
            } else {
                ctx.ping(b"");
            }
        });
    }
}

impl StreamHandler<Result<ws::Message, ws::ProtocolError>> for Tail {
    fn handle(&mut self, message: Result<ws::Message, ws::ProtocolError>, ctx: &mut Self::Context) {
        self.heard = Instant::now();
        match message {
            Ok(ws::Message::Ping(bytes)) => ctx.pong(&bytes),
            Ok(ws::Message::Close(reason)) => {
                ctx.close(reason);
                ctx.stop();
            }
            Ok(_) => {}
            Err(_) => ctx.stop(),
        }
    }
}
