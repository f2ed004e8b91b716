//! Connections: how many there are, and how long the service waits for one's client.
//!
//! A connection is in one of two states: the service works for it, or waits for its client (for the next request, the rest of a
//! body, or room for an answer). Waiting is bounded in time, here for requests and answers, in `body` for bodies. When there are as
//! many connections as allowed, the one that has kept the service waiting for longest is closed to make room.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::rt::net::TcpStream;
use bytes::Bytes;
use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep_until};

/// Longest time between an answer and the whole head of the next request. An idle connection is closed in order before that.
const NEXT_REQUEST: Duration = Duration::from_secs(15);
/// Bytes that are read before they are searched for a request.
const BURST: usize = 32 << 10;
/// A connection that has kept the service waiting for less is not closed to make room.
const MIN_WAIT: Duration = Duration::from_millis(100);
/// Size of the send buffer in bytes: it bounds the memory of the kernel, and the rate below which a client counts as stalled: a third of
/// twice this within the time for slow clients.
const SEND_BUFFER: usize = 128 << 10;
/// Shortest time between two log lines about refused connections.
const LOG_EVERY: Duration = Duration::from_secs(60);

const REFUSAL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\nContent-Type: application/json\r\n\
Content-Length: 84\r\n\r\n{\"status\":\"error\",\"errorType\":\"unavailable\",\"error\":\"too many connections are open\"}";

/// All connections of the server.
pub(crate) struct Connections {
    limit: usize,
    patience: Duration,
    began: Instant,
    open: Mutex<BTreeMap<u64, Arc<Link>>>,
    next: AtomicU64,
    refused: AtomicU64,
    last_log: Mutex<Option<Instant>>,
}

/// State of one connection.
pub(crate) struct Link {
    number: u64,
    began: Instant,
    /// Requests that are worked on or answered.
    requests: AtomicU32,
    /// Whether a request was answered already.
    served: AtomicBool,
    /// Since when the service waits for the client, ms after `began` and 1; 0 while it does not.
    waiting: AtomicU64,
    /// Whether somebody reads what the client sends: a body, the frames of a socket.
    reading: AtomicBool,
    /// Whether there is more to read once the request that is worked on is answered.
    paused: AtomicBool,
    cut: AtomicBool,
    waker: AtomicWaker,
}

impl Link {
    fn wait(&self) {
        self.waiting.store(1 + self.began.elapsed().as_millis() as u64, Relaxed);
    }

    fn waiting_since(&self) -> Option<Instant> {
        match self.waiting.load(Relaxed) {
            0 => None,
            ms => Some(self.began + Duration::from_millis(ms - 1)),
        }
    }

    /// The service reads what the client sends beside its request.
    pub(crate) fn read_on(&self) {
        self.reading.store(true, Relaxed);
        self.resume_reading();
    }

    /// The service waits for the rest of a body.
    pub(crate) fn waits_for_body(&self) {
        self.wait();
        self.read_on();
    }

    /// The body is there, or not wanted any more.
    pub(crate) fn has_body(&self) {
        self.works();
        self.reading.store(false, Relaxed);
    }

    fn works(&self) {
        self.waiting.store(0, Relaxed);
    }

    fn resume_reading(&self) {
        if self.paused.swap(false, Relaxed) {
            self.waker.wake();
        }
    }

    /// Ends the connection without an answer.
    pub(crate) fn cut(&self) {
        self.cut.store(true, Relaxed);
        self.waker.wake();
    }
}

impl Connections {
    pub(crate) fn new(limit: usize, patience: Duration) -> Self {
        Self {
            limit,
            patience,
            began: Instant::now(),
            open: Mutex::default(),
            next: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            last_log: Mutex::default(),
        }
    }

    /// Registers a connection; none where there are too many and none can be closed.
    pub(crate) fn admit(self: &Arc<Self>, io: TcpStream) -> Option<Connection> {
        let link = Arc::new(Link {
            number: self.next.fetch_add(1, Relaxed),
            began: self.began,
            requests: AtomicU32::new(0),
            served: AtomicBool::new(false),
            waiting: AtomicU64::new(0),
            reading: AtomicBool::new(false),
            paused: AtomicBool::new(false),
            cut: AtomicBool::new(false),
            waker: AtomicWaker::new(),
        });
        link.wait();
        {
            let mut open = self.open.lock();
            if open.len() >= self.limit {
                let Some(victim) = Self::longest_waiting(&open) else {
                    drop(open);
                    self.refuse(&io);
                    return None;
                };
                open.remove(&victim.number);
                victim.cut();
            }
            open.insert(link.number, Arc::clone(&link));
        }
        // The connection works without both.
        let _ = rustix::net::sockopt::set_socket_send_buffer_size(&io, SEND_BUFFER);
        let _ = io.set_nodelay(true);
        Some(Connection { io, link, all: Arc::clone(self), timer: None, blocked: None, burst: 0 })
    }

    /// Connections without a request first.
    fn longest_waiting(open: &BTreeMap<u64, Arc<Link>>) -> Option<Arc<Link>> {
        let long_enough = Instant::now().checked_sub(MIN_WAIT)?;
        let waiting = open.values().filter_map(|link| Some((link.served.load(Relaxed), link.waiting_since()?, link)));
        let longest = waiting.filter(|(_, since, _)| *since <= long_enough).min_by_key(|(served, since, _)| (*served, *since));
        longest.map(|(_, _, link)| Arc::clone(link))
    }

    fn refuse(&self, io: &TcpStream) {
        // What cannot be written at once is not worth waiting for.
        let _ = io.try_write(REFUSAL);
        let count = self.refused.fetch_add(1, Relaxed) + 1;
        let mut last = self.last_log.lock();
        if last.is_none_or(|last| last.elapsed() >= LOG_EVERY) {
            *last = Some(Instant::now());
            self.refused.store(0, Relaxed);
            log::warn!("{count} connections were refused: {} are open, and the service works for all of them", self.limit);
        }
    }
}

/// A connection with a bound on every wait for its client.
pub(crate) struct Connection {
    io: TcpStream,
    link: Arc<Link>,
    all: Arc<Connections>,
    timer: Option<Pin<Box<Sleep>>>,
    /// Since when the client reads nothing of its answer.
    blocked: Option<Instant>,
    /// Bytes that were read while no request was worked on.
    burst: usize,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.all.open.lock().remove(&self.link.number);
    }
}

impl Connection {
    pub(crate) fn link(&self) -> Arc<Link> {
        Arc::clone(&self.link)
    }

    pub(crate) fn peer(&self) -> Option<std::net::SocketAddr> {
        self.io.peer_addr().ok()
    }

    fn deadline(&self) -> Option<Instant> {
        match self.blocked {
            Some(since) => Some(since + self.all.patience),
            None if self.link.requests.load(Relaxed) == 0 => self.link.waiting_since().map(|since| since + NEXT_REQUEST),
            None => None,
        }
    }

    /// An error once the connection has ended.
    fn check(&self) -> io::Result<()> {
        if self.link.cut.load(Relaxed) {
            return Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the connection was cut"));
        }
        match self.deadline() {
            Some(deadline) if Instant::now() >= deadline => {
                Err(io::Error::new(io::ErrorKind::TimedOut, "the client kept the service waiting"))
            }
            _ => Ok(()),
        }
    }

    /// Ready, with nothing read, when the client has hung up. What it sends meanwhile is left where it is: read ahead, it would only
    /// pile up.
    fn poll_hung_up(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut byte = [0; 1];
        match self.io.poll_peek(cx, &mut ReadBuf::new(&mut byte)) {
            Poll::Ready(Ok(0)) => Poll::Ready(Ok(())),
            Poll::Ready(Ok(_)) => {
                self.link.paused.store(true, Relaxed);
                Poll::Pending
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Wakes the task at the deadline, and from time to time while there is none.
    fn arm(&mut self, cx: &mut Context<'_>) {
        self.link.waker.register(cx.waker());
        let now = Instant::now();
        let deadline = self.deadline().unwrap_or(now + NEXT_REQUEST);
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline.into())));
        // Most deadlines only move forward: a timer that fires too early is set again.
        if timer.is_elapsed() || timer.deadline() > deadline.into() {
            timer.as_mut().reset(deadline.into());
        }
        if timer.as_mut().poll(cx).is_ready() {
            cx.waker().wake_by_ref();
        }
    }

    fn wrote<T>(&mut self, outcome: Poll<T>, cx: &mut Context<'_>) -> Poll<T> {
        if outcome.is_ready() {
            if self.blocked.take().is_some() || self.link.requests.load(Relaxed) == 0 {
                self.resume();
            }
        } else {
            if self.blocked.is_none() {
                self.blocked = Some(Instant::now());
                self.link.wait();
            }
            self.arm(cx);
        }
        outcome
    }

    fn resume(&self) {
        if self.link.requests.load(Relaxed) == 0 { self.link.wait() } else { self.link.works() }
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        let busy = self.link.requests.load(Relaxed) > 0;
        if busy {
            self.burst = 0;
        }
        let outcome = if self.blocked.is_some() {
            // A client that does not read its answers is not read either; else its requests would pile up.
            Poll::Pending
        } else if busy && !self.link.reading.load(Relaxed) {
            self.poll_hung_up(cx)
        } else if !busy && self.burst >= BURST {
            // What came may be many requests: one is worked on before more is read.
            self.burst = 0;
            cx.waker().wake_by_ref();
            Poll::Pending
        } else {
            let before = buf.filled().len();
            let outcome = Pin::new(&mut self.io).poll_read(cx, buf);
            self.burst += buf.filled().len() - before;
            outcome
        };
        if outcome.is_pending() {
            self.arm(cx);
        }
        outcome
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.check()?;
        let outcome = Pin::new(&mut self.io).poll_write(cx, buf);
        self.wrote(outcome, cx)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        let outcome = Pin::new(&mut self.io).poll_shutdown(cx);
        if outcome.is_pending() {
            self.arm(cx);
        }
        outcome
    }
}

/// A request that is worked on, until it is dropped.
pub(crate) struct ActiveRequest(Option<Arc<Link>>);

impl ActiveRequest {
    pub(crate) fn new(link: Option<Arc<Link>>) -> Self {
        if let Some(link) = &link {
            link.requests.fetch_add(1, Relaxed);
            link.works();
        }
        Self(link)
    }
}

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        if let Some(link) = &self.0 {
            link.served.store(true, Relaxed);
            if link.requests.fetch_sub(1, Relaxed) == 1 {
                link.wait();
                link.reading.store(false, Relaxed);
                link.resume_reading();
            }
        }
    }
}

/// An answer; its request is under way until all of it was taken.
pub(crate) struct Tracked {
    body: BoxBody,
    _underway: ActiveRequest,
}

impl Tracked {
    pub(crate) fn new(body: BoxBody, active_request: ActiveRequest) -> Self {
        Self { body, _underway: active_request }
    }
}

impl MessageBody for Tracked {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(cx)
    }
}
