//! Bodies of requests: how long they may be, how long they may take, and how much of them is in memory at a time.
//!
//! Every route reads its body here. When there is no room for another body, the oldest unfinished one is dropped: a slow client
//! does not block a fast one.

use std::collections::BTreeMap;
use std::io::Read;
use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::http::header;
use actix_web::{HttpRequest, web};
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use futures_util::StreamExt;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::timeout_at;

use crate::connection::Link;
use crate::envelope::ApiError;
use crate::hooks;
use crate::server::Resources;

/// Bodies up to this are not counted: connections bound them.
const FREE_BYTES: usize = 16 << 10;
/// Memory of all bodies of unknown clients: webhook deliveries whose signature was not checked yet.
const UNKNOWN_ROOM: usize = 32 << 20;
/// Memory of all other bodies, at least.
const MIN_ROOM: usize = 64 << 20;
/// Bodies of the largest size that fit at the same time.
const BODIES_AT_ONCE: usize = 2;
/// Memory that is reserved before the first byte.
const FIRST_BYTES: usize = 64 << 10;
/// An unfinished body may be dropped for others after this long.
const GIVES_WAY_AFTER: Duration = Duration::from_secs(1);
/// A body may take as long as `server.slow_client_timeout`, plus a second for each of this many bytes that came.
const BYTES_PER_SECOND: usize = 64 << 10;

/// How long the bodies of a route may be.
pub(crate) struct Route {
    pub(crate) path: &'static str,
    /// Most bytes; none where only `server.max_body_bytes` applies. The smaller of both counts.
    pub(crate) limit: Option<usize>,
    /// Most bytes after decompression.
    pub(crate) inflated: Option<usize>,
}

/// Largest request after decompression, bytes.
pub(crate) const MAX_RAW_BYTES: usize = 32 << 20;
/// Largest form of a query.
const FORM: Option<usize> = Some(1 << 20);

/// All routes that read a body. `docs/API.md` shows this table.
pub(crate) const ROUTES: [Route; 13] = [
    // Anyone may send it.
    Route { path: "/login", limit: Some(16 << 10), inflated: None },
    // The longest that GitHub sends.
    Route { path: hooks::GITHUB, limit: Some(25 << 20), inflated: None },
    Route { path: "/api/v1/write", limit: None, inflated: Some(MAX_RAW_BYTES) },
    Route { path: "/v1/metrics", limit: None, inflated: Some(MAX_RAW_BYTES) },
    Route { path: "/api/v1/ingest", limit: None, inflated: None },
    Route { path: "/api/v1/import", limit: None, inflated: None },
    Route { path: "/api/v1/query", limit: FORM, inflated: None },
    Route { path: "/api/v1/query_range", limit: FORM, inflated: None },
    Route { path: "/api/v1/query_exemplars", limit: FORM, inflated: None },
    Route { path: "/api/v1/format_query", limit: FORM, inflated: None },
    Route { path: "/api/v1/parse_query", limit: FORM, inflated: None },
    Route { path: "/api/v1/series", limit: FORM, inflated: None },
    Route { path: "/api/v1/labels", limit: FORM, inflated: None },
];

/// The limit of a path in bytes, and whether it is that of the setting. A path that takes no body has a small one.
fn limit_of(path: &str, max_body: usize) -> (usize, bool) {
    let own = ROUTES.iter().find(|route| route.path == path).map_or(Some(FREE_BYTES), |route| route.limit);
    match own {
        Some(own) if own <= max_body => (own, false),
        _ => (max_body, true),
    }
}

/// Room for bodies.
pub(crate) struct Bodies {
    max_body: usize,
    patience: Duration,
    known: Arc<Room>,
    unknown: Arc<Room>,
}

impl Bodies {
    pub(crate) fn new(max_body: usize, patience: Duration) -> Self {
        let room = |bytes| Arc::new(Room { bytes, held: Mutex::default() });
        Self { max_body, patience, known: room(MIN_ROOM.max(max_body.saturating_mul(BODIES_AT_ONCE))), unknown: room(UNKNOWN_ROOM) }
    }
}

struct Room {
    bytes: usize,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    used: usize,
    next: u64,
    /// Unfinished bodies, the oldest first.
    unfinished: BTreeMap<u64, Unfinished>,
}

struct Unfinished {
    bytes: usize,
    since: Instant,
    gives_way: Arc<Notify>,
}

/// The memory reserved for one body.
struct Place {
    room: Arc<Room>,
    number: u64,
    bytes: usize,
    /// Set until the body is complete.
    unfinished: bool,
    gives_way: Arc<Notify>,
}

impl Place {
    fn new(room: &Arc<Room>) -> Self {
        let gives_way = Arc::new(Notify::new());
        let mut held = room.held.lock();
        held.next += 1;
        let number = held.next;
        held.unfinished.insert(number, Unfinished { bytes: 0, since: Instant::now(), gives_way: Arc::clone(&gives_way) });
        drop(held);
        Self { room: Arc::clone(room), number, bytes: 0, unfinished: true, gives_way }
    }

    /// Grows the reservation to this many bytes in all; false where there is no room.
    fn grow(&mut self, bytes: usize) -> bool {
        let more = bytes.saturating_sub(self.bytes);
        let mut guard = self.room.held.lock();
        let held = &mut *guard;
        if !held.unfinished.contains_key(&self.number) {
            return false;
        }
        while held.used + more > self.room.bytes {
            let oldest = held.unfinished.iter().find(|(number, other)| **number != self.number && other.bytes > 0);
            let Some(number) = oldest.filter(|(_, other)| other.since.elapsed() >= GIVES_WAY_AFTER).map(|(number, _)| *number) else {
                return false;
            };
            if let Some(other) = held.unfinished.remove(&number) {
                held.used -= other.bytes;
                other.gives_way.notify_one();
            }
        }
        held.used += more;
        self.bytes += more;
        if let Some(own) = held.unfinished.get_mut(&self.number) {
            own.bytes = self.bytes;
        }
        true
    }

    /// Shrinks the reservation to what a complete body needs.
    fn resize(&mut self, bytes: usize) {
        let mut held = self.room.held.lock();
        held.used = held.used - self.bytes + bytes;
        self.bytes = bytes;
    }

    /// The body is complete: it is dropped for no other any more.
    fn finish(&mut self) -> bool {
        self.unfinished = false;
        let there = self.room.held.lock().unfinished.remove(&self.number).is_some();
        if !there {
            // It was dropped at the last moment; its room belongs to another.
            self.bytes = 0;
        }
        there
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self.room.held.lock();
        // A dropped body has no room to return.
        if !self.unfinished || held.unfinished.remove(&self.number).is_some() {
            held.used -= self.bytes;
        }
    }
}

/// A complete body and its reservation.
pub(crate) struct Body {
    bytes: Vec<u8>,
    place: Option<Place>,
}

impl Deref for Body {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Marks that the service waits for the client, until it is dropped.
struct Waits<'a>(Option<&'a Link>);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        if let Some(link) = self.0 {
            link.has_body();
        }
    }
}

/// What a request may send.
struct Allowed<'a> {
    bodies: &'a Bodies,
    path: &'a str,
    limit: usize,
    by_setting: bool,
}

impl<'a> Allowed<'a> {
    fn of(req: &'a HttpRequest) -> Result<Self, ApiError> {
        let resources = req.app_data::<web::Data<Resources>>().ok_or_else(|| ApiError::internal("the service is not set up"))?;
        let (limit, by_setting) = limit_of(req.path(), resources.bodies.max_body);
        Ok(Self { bodies: &resources.bodies, path: req.path(), limit, by_setting })
    }

    fn too_large(&self, what: &str) -> ApiError {
        let why = if self.by_setting { " (server.max_body_bytes)" } else { "" };
        ApiError::too_large(format!("{what}; {} reads at most {} bytes{why}", self.path, self.limit))
    }
}

/// Reads the body of a request and decompresses it (gzip, deflate).
///
/// # Errors
/// Those of [`read`]; 413 over the limit of the route after decompression, 415 for another encoding.
pub(crate) async fn read_unpacked(req: &HttpRequest, payload: web::Payload) -> Result<Body, ApiError> {
    let encoding = req.headers().get(header::CONTENT_ENCODING).and_then(|v| v.to_str().ok()).unwrap_or("").trim().to_ascii_lowercase();
    let unpack: fn(&[u8]) -> Box<dyn Read + '_> = match encoding.as_str() {
        "" | "identity" => return read(req, payload).await,
        "gzip" | "x-gzip" => |packed| Box::new(MultiGzDecoder::new(packed)),
        "deflate" => |packed| Box::new(ZlibDecoder::new(packed)),
        other => return Err(ApiError::unsupported(format!("Content-Encoding `{other}` is not understood; send gzip, or none"))),
    };
    let mut body = read(req, payload).await?;
    if body.is_empty() {
        return Ok(body);
    }
    let allowed = Allowed::of(req)?;
    let limit = ROUTES.iter().find(|route| route.path == allowed.path).and_then(|route| route.inflated).unwrap_or(allowed.limit);
    let mut out = Vec::new();
    let done = unpack(&body).take(limit as u64 + 1).read_to_end(&mut out);
    done.map_err(|error| ApiError::bad_data(format!("{encoding}: {error}")))?;
    if out.len() > limit {
        return Err(ApiError::too_large(format!("the request has more than {limit} bytes when inflated; send smaller batches")));
    }
    if let Some(place) = &mut body.place {
        place.resize(out.len());
    }
    body.bytes = out;
    Ok(body)
}

/// Reads the body of a request as it was sent.
///
/// # Errors
/// 413 over the limit of the route, 408 where it takes too long, 503 where there is no room for it, 400 where it is cut off.
pub(crate) async fn read(req: &HttpRequest, mut payload: web::Payload) -> Result<Body, ApiError> {
    let allowed = Allowed::of(req)?;
    let bodies = allowed.bodies;
    let length = req.headers().get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()).and_then(|v| v.parse::<usize>().ok());
    if let Some(length) = length.filter(|length| *length > allowed.limit) {
        return Err(allowed.too_large(&format!("the body has {length} bytes")));
    }
    let link = req.conn_data::<Arc<Link>>();
    let waits = Waits(link.map(|link| &**link));
    if let Some(link) = link {
        link.waits_for_body();
    }
    let room = if allowed.path == hooks::GITHUB { &bodies.unknown } else { &bodies.known };
    let mut bytes = Vec::with_capacity(length.unwrap_or(0).min(FIRST_BYTES));
    let mut place: Option<Place> = None;
    let began = Instant::now();
    loop {
        let time = bodies.patience + Duration::from_millis((bytes.len() / (BYTES_PER_SECOND / 1_000)) as u64);
        let chunk = match &place {
            None => timeout_at((began + time).into(), payload.next()).await,
            Some(place) => tokio::select! {
                biased;
                () = place.gives_way.notified() => return Err(no_room()),
                chunk = timeout_at((began + time).into(), payload.next()) => chunk,
            },
        };
        let chunk = match chunk {
            Ok(Some(Ok(chunk))) => chunk,
            Ok(Some(Err(error))) => return Err(ApiError::bad_data(format!("the body: {error}"))),
            Ok(None) => break,
            Err(_) => {
                let (came, seconds) = (bytes.len(), began.elapsed().as_secs());
                return Err(ApiError::slow(format!("{came} bytes of the body came within {seconds} s; send it faster")));
            }
        };
        if bytes.len() + chunk.len() > allowed.limit {
            return Err(allowed.too_large("the body is longer"));
        }
        bytes.extend_from_slice(&chunk);
        if bytes.len() > FREE_BYTES && !place.get_or_insert_with(|| Place::new(room)).grow(bytes.len()) {
            return Err(no_room());
        }
    }
    drop(waits);
    if place.as_mut().is_some_and(|place| !place.finish()) {
        return Err(no_room());
    }
    Ok(Body { bytes, place })
}

fn no_room() -> ApiError {
    ApiError::busy("the bodies of other requests take up all the memory that there is for them")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(bytes: usize) -> Arc<Room> {
        Arc::new(Room { bytes, held: Mutex::default() })
    }

    #[test]
    fn the_limits_are_those_that_the_documentation_names() {
        let size = |bytes: Option<usize>| match bytes {
            None => String::new(),
            Some(bytes) if bytes >= 1 << 20 => format!("{} MiB", bytes >> 20),
            Some(bytes) => format!("{} KiB", bytes >> 10),
        };
        let rows: Vec<String> =
            ROUTES.iter().map(|route| format!("| `{}` | {} | {} |\n", route.path, size(route.limit), size(route.inflated))).collect();
        let table = rows.concat();
        assert!(include_str!("../../docs/API.md").contains(&table), "docs/API.md, Limits, must have:\n{table}");
    }

    #[test]
    fn the_smaller_of_setting_and_route_counts() {
        assert_eq!(limit_of("/login", 8 << 20), (16 << 10, false));
        assert_eq!(limit_of("/login", 1_024), (1_024, true));
        assert_eq!(limit_of("/api/v1/import", 8 << 20), (8 << 20, true));
        assert_eq!(limit_of(hooks::GITHUB, 1 << 30), (25 << 20, false));
        assert_eq!(limit_of("/api/v1/status", 8 << 20), (FREE_BYTES, false));
    }

    #[test]
    fn a_body_that_has_been_under_way_for_long_gives_way_and_its_room_is_counted_once() {
        let room = room(100);
        let (mut slow, mut quick) = (Place::new(&room), Place::new(&room));
        assert!(slow.grow(90) && !quick.grow(20), "a young one gives way to none");
        let began = Instant::now().checked_sub(2 * GIVES_WAY_AFTER).unwrap();
        room.held.lock().unfinished.values_mut().for_each(|other| other.since = began);
        assert!(quick.grow(20) && !slow.grow(91) && !slow.finish());
        drop(slow);
        assert_eq!(room.held.lock().used, 20);
        assert!(quick.finish());
        let mut third = Place::new(&room);
        assert!(!third.grow(90), "a whole one gives way to none");
        quick.resize(50);
        assert_eq!(room.held.lock().used, 50);
        drop((quick, third));
        assert_eq!(room.held.lock().used, 0);
        assert!(room.held.lock().unfinished.is_empty());
    }
}
