//! Answers on their way: cut into parts that are handed over as the client takes them, and bounded in sum.
//!
//! A client that asks for much and takes nothing holds the text of its answer until its connection is cut. What answers hold
//! together is bounded, large ones apart from small ones, so that no number of such clients takes the memory or all small answers.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{ResponseError, web};
use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::envelope::ApiError;
use crate::server::Resources;

/// What is handed to the connection at once.
pub(crate) const PART_BYTES: usize = 64 << 10;
/// Answers below this are not counted: connections bound them.
const FREE_BYTES: usize = 16 << 10;
/// Answers beyond this are large.
const LARGE_BYTES: usize = 1 << 20;
/// What small and large answers hold together.
const SMALL_ROOM_KIB: usize = 32 << 10;
const LARGE_ROOM_KIB: usize = 96 << 10;

/// Room for the text of answers.
pub(crate) struct Answers {
    small: Arc<Semaphore>,
    large: Arc<Semaphore>,
}

impl Default for Answers {
    fn default() -> Self {
        Self { small: Arc::new(Semaphore::new(SMALL_ROOM_KIB)), large: Arc::new(Semaphore::new(LARGE_ROOM_KIB)) }
    }
}

impl Answers {
    /// Room for so many bytes; an answer that is larger than all room is alone in it.
    fn room(&self, bytes: usize) -> Result<Option<OwnedSemaphorePermit>, ApiError> {
        if bytes <= FREE_BYTES {
            return Ok(None);
        }
        let (room, all) = if bytes <= LARGE_BYTES { (&self.small, SMALL_ROOM_KIB) } else { (&self.large, LARGE_ROOM_KIB) };
        let kib = u32::try_from(bytes.div_ceil(1 << 10).min(all)).unwrap_or(u32::MAX);
        let permit = Arc::clone(room).try_acquire_many_owned(kib);
        permit.map(Some).map_err(|_| ApiError::busy("too many answers wait for clients that do not take them"))
    }
}

/// The text of an answer, in parts.
struct Parts {
    rest: Bytes,
    _room: Option<OwnedSemaphorePermit>,
}

impl MessageBody for Parts {
    type Error = std::convert::Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.rest.len() as u64)
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let at = self.rest.len().min(PART_BYTES);
        Poll::Ready(Some(Ok(self.rest.split_to(at))))
    }

    fn try_into_bytes(self) -> Result<Bytes, Self> {
        if self.rest.len() <= FREE_BYTES { Ok(self.rest) } else { Err(self) }
    }
}

/// The middleware: cuts answers whose text is there, and refuses those for which there is no room.
pub(crate) async fn cut(
    req: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let resources = req.app_data::<web::Data<Resources>>().cloned();
    let (req, res) = next.call(req).await?.into_parts();
    let (res, body) = res.into_parts();
    let body = match body.try_into_bytes() {
        Ok(rest) => {
            let room = resources.map_or(Ok(None), |resources| resources.answers.room(rest.len()));
            match room {
                Ok(_room) => BoxBody::new(Parts { rest, _room }),
                Err(error) => {
                    drop(rest);
                    return Ok(ServiceResponse::new(req, error.error_response()));
                }
            }
        }
        Err(body) => BoxBody::new(body),
    };
    Ok(ServiceResponse::new(req, res.set_body(body)))
}
