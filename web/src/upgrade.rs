//! Connections that ask to become WebSockets, without the buffers that HTTP keeps for each connection.
//!
//! Requests and answers of HTTP are read and written through two buffers of 8 KiB a connection, which stay for as long as it is
//! open: most of what a session of the live stream took. Here the frames of a client go from the socket through the stack to the
//! session, and those of the session from where they were made into the socket. The request itself is answered by the same
//! application as all others.

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_codec::{Encoder, Framed};
use actix_http::body::{BoxBody, MessageBody};
use actix_http::error::PayloadError;
use actix_http::h1::{Codec, Message};
use actix_http::{ConnectionType, Payload, Request, Response, StatusCode};
use actix_service::Service;
use actix_web::dev::ServiceResponse;
use bytes::{Buf, Bytes, BytesMut};
use futures_util::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::connection::{Connection, Tracked};

/// Bytes that are read at once.
const READ_BYTES: usize = 4 << 10;
/// Bytes that are read before what came is worked on: a client that sends without end must not make the session hold it all.
const TURN_BYTES: usize = 32 << 10;
/// Room for the head of an answer.
const HEAD_BYTES: usize = 1 << 10;

/// A connection, shared by who reads and who writes: both are polled by the same task.
struct Shared {
    io: Connection,
    /// Bytes that may still be read in this turn.
    left: usize,
}

/// What the client sends after its request.
struct Incoming(Rc<RefCell<Shared>>);

impl Stream for Incoming {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let shared = &mut *self.0.borrow_mut();
        if shared.left == 0 {
            // The next turn goes on.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let mut space = [MaybeUninit::uninit(); READ_BYTES];
        let mut buf = ReadBuf::uninit(&mut space);
        Poll::Ready(match ready!(Pin::new(&mut shared.io).poll_read(cx, &mut buf)) {
            Ok(()) if buf.filled().is_empty() => None,
            Ok(()) => {
                shared.left = shared.left.saturating_sub(buf.filled().len());
                Some(Ok(Bytes::copy_from_slice(buf.filled())))
            }
            Err(error) => Some(Err(PayloadError::Io(error))),
        })
    }
}

/// Polls a part of the work in turns, each with its own allowance of reading.
async fn in_turns<T>(shared: &RefCell<Shared>, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    std::future::poll_fn(|cx| {
        shared.borrow_mut().left = TURN_BYTES;
        work.as_mut().poll(cx)
    })
    .await
}

/// Answers a request to become a WebSocket, and carries its frames until the session or the client ends it. Once it has ended, the
/// client has `linger` to close the connection, so that it gets the last frame.
pub(crate) async fn serve<S>(app: Rc<S>, request: Request, framed: Framed<Connection, Codec>, linger: Duration) -> Result<(), Infallible>
where
    S: Service<Request, Response = ServiceResponse<Tracked>, Error = actix_web::Error>,
{
    let parts = framed.into_parts();
    let shared = Rc::new(RefCell::new(Shared { io: parts.io, left: TURN_BYTES }));
    let read_already = (!parts.read_buf.is_empty()).then(|| Ok(Bytes::copy_from_slice(&parts.read_buf)));
    let incoming = futures_util::stream::iter(read_already);
    let incoming = futures_util::StreamExt::chain(incoming, Incoming(Rc::clone(&shared)));
    let (request, _) = request.replace_payload(Payload::Stream { payload: Box::pin(incoming) as _ });
    // What was written before is an answer to an earlier request.
    let before = Bytes::copy_from_slice(&parts.write_buf);
    drop((parts.read_buf, parts.write_buf));
    let sent = match in_turns(&shared, app.call(request)).await {
        Ok(response) => send(&shared, parts.codec, before, response.into()).await,
        Err(error) => send::<BoxBody>(&shared, parts.codec, before, error.into()).await,
    };
    if sent.is_err() {
        // The client has gone, or was cut off.
        return Ok(());
    }
    // A client that does not close in time is cut off.
    let _ = tokio::time::timeout(linger, in_turns(&shared, drain(&shared))).await;
    Ok(())
}

/// Writes an answer; the body of one that switches protocols is frames as they are.
async fn send<B: MessageBody>(shared: &RefCell<Shared>, mut codec: Codec, before: Bytes, response: Response<B>) -> io::Result<()> {
    let (mut response, body) = response.into_parts();
    let raw = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    if !raw {
        response.head_mut().set_connection_type(ConnectionType::Close);
    }
    let mut out = BytesMut::with_capacity(HEAD_BYTES + before.len());
    out.extend_from_slice(&before);
    codec.encode(Message::Item((response, body.size())), &mut out)?;
    let mut out = out.freeze();
    let mut body = pin!(body);
    std::future::poll_fn(|cx| {
        loop {
            while !out.is_empty() {
                let written = ready!(Pin::new(&mut shared.borrow_mut().io).poll_write(cx, &out))?;
                if written == 0 {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
                out.advance(written);
            }
            // Gives its memory back while nothing is to be written.
            out = Bytes::new();
            shared.borrow_mut().left = TURN_BYTES;
            let mut encoded = BytesMut::new();
            match ready!(body.as_mut().poll_next(cx)) {
                Some(Ok(chunk)) if raw => out = chunk,
                Some(Ok(chunk)) => codec.encode(Message::Chunk(Some(chunk)), &mut encoded)?,
                Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error.into().to_string()))),
                None => return Poll::Ready(Ok(())),
            }
            if !raw {
                out = encoded.freeze();
            }
        }
    })
    .await
}

/// Closes the connection: says that no more comes, and reads until the client closes it too.
async fn drain(shared: &RefCell<Shared>) {
    let closed = std::future::poll_fn(|cx| Pin::new(&mut shared.borrow_mut().io).poll_shutdown(cx)).await;
    if closed.is_err() {
        return;
    }
    let mut space = [0; 512];
    while std::future::poll_fn(|cx| {
        let mut buf = ReadBuf::new(&mut space);
        Pin::new(&mut shared.borrow_mut().io).poll_read(cx, &mut buf).map(|read| read.is_ok() && !buf.filled().is_empty())
    })
    .await
    {}
}
