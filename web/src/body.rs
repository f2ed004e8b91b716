//! Bodies of requests: how long they may be, how long they may take, and how much of them is in memory at a time.
//!
//! Every route reads its body here. When there is no room for another body, the oldest unfinished one is dropped: a slow client
//! does not block a fast one.

use std::collections::BTreeMap;
use std::io::Read;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::http::header;
use actix_web::{HttpRequest, web};
use futures_util::StreamExt;
use parking_lot::Mutex;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use tokio::sync::Notify;
use tokio::time::timeout_at;

use crate::connection::Link;
use crate::envelope::ApiError;
use crate::inflate;
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

/// How long the bodies of a route may be, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BodyLimits {
    /// None where `server.max_body_bytes` alone says it. The smaller of both counts.
    pub(crate) packed: Option<usize>,
    /// Once it is unpacked; none where it is the same.
    pub(crate) unpacked: Option<usize>,
    /// Whether the sender is unknown until the body has been read.
    pub(crate) unknown_sender: bool,
}

impl BodyLimits {
    /// What `server.max_body_bytes` allows.
    pub(crate) const SETTING: Self = Self { packed: None, unpacked: None, unknown_sender: false };
    /// Of a route that has no use for a body.
    const NO_BODY: Self = Self::of(FREE_BYTES);

    /// So many bytes.
    pub(crate) const fn of(bytes: usize) -> Self {
        Self { packed: Some(bytes), ..Self::SETTING }
    }

    /// The limit in force, and whether it is the setting's.
    fn packed_within(self, max_body: usize) -> (usize, bool) {
        match self.packed {
            Some(own) if own <= max_body => (own, false),
            _ => (max_body, true),
        }
    }
}

/// A JSON object of the fields of a type. A list, which serde takes for the fields in their order, is none.
struct Fields<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Fields<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Object<T> {
            type Value = T;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map))
            }
        }

        deserializer.deserialize_map(Object(PhantomData)).map(Self)
    }
}

/// The fields of a body, which must be a JSON object.
///
/// # Errors
/// Where it is none, or not of these fields.
pub(crate) fn object<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, serde_json::Error> {
    serde_json::from_slice(bytes).map(|Fields(fields)| fields)
}

/// The same of an object within a body, for `deserialize_with`.
pub(crate) fn objects<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Vec::<Fields<T>>::deserialize(deserializer).map(|all| all.into_iter().map(|Fields(fields)| fields).collect())
}

/// Largest request after decompression, bytes.
pub(crate) const MAX_RAW_BYTES: usize = 32 << 20;

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
    limits: BodyLimits,
    limit: usize,
    by_setting: bool,
}

impl<'a> Allowed<'a> {
    fn of(req: &'a HttpRequest) -> Result<Self, ApiError> {
        let resources = req.app_data::<web::Data<Resources>>().ok_or_else(|| ApiError::internal("the service is not set up"))?;
        let limits = req.app_data::<BodyLimits>().copied().unwrap_or(BodyLimits::NO_BODY);
        let (limit, by_setting) = limits.packed_within(resources.bodies.max_body);
        Ok(Self { bodies: &resources.bodies, path: req.path(), limits, limit, by_setting })
    }

    fn too_large(&self, what: &str) -> ApiError {
        let why = if self.by_setting { " (server.max_body_bytes)" } else { "" };
        ApiError::too_large(format!("{what}; {} reads at most {} bytes{why}", self.path, self.limit))
    }
}

/// Reads the body of a request and decompresses it (gzip, deflate, zstd).
///
/// # Errors
/// Those of [`read`]; 413 over the limit of the route after decompression, 415 for another encoding.
pub(crate) async fn read_unpacked(req: &HttpRequest, payload: web::Payload) -> Result<Body, ApiError> {
    let encoding = req.headers().get(header::CONTENT_ENCODING).and_then(|v| v.to_str().ok()).unwrap_or("").trim().to_ascii_lowercase();
    if matches!(encoding.as_str(), "" | "identity") {
        return read(req, payload).await;
    }
    let unpack = inflate::of(&encoding)
        .ok_or_else(|| ApiError::unsupported(format!("Content-Encoding `{encoding}` is not understood; send gzip, zstd, or none")))?;
    let mut body = read(req, payload).await?;
    if body.is_empty() {
        return Ok(body);
    }
    let allowed = Allowed::of(req)?;
    let limit = allowed.limits.unpacked.unwrap_or(allowed.limit);
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
    let room = if allowed.limits.unknown_sender { &bodies.unknown } else { &bodies.known };
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
    fn the_smaller_of_setting_and_route_counts() {
        for (limits, setting, expected) in [
            (BodyLimits::of(16 << 10), 8 << 20, (16 << 10, false)),
            (BodyLimits::of(16 << 10), 1_024, (1_024, true)),
            (BodyLimits::SETTING, 8 << 20, (8 << 20, true)),
            (BodyLimits::of(25 << 20), 1 << 30, (25 << 20, false)),
            (BodyLimits::NO_BODY, 8 << 20, (FREE_BYTES, false)),
        ] {
            assert_eq!(limits.packed_within(setting), expected, "{limits:?}");
        }
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
