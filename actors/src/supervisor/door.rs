//! Doors: the ways into an actor's mailbox, bounded and counted.
//!
//! Unlike actix' `do_send`, nothing here passes the mailbox's capacity. (Of actix' channel each clone of a door may hold
//! one message more; so doors are made at the start and kept, not made for each message.)

use std::sync::Arc;

use actix::dev::ToEnvelope;
use actix::{Actor, Addr, Handler, MailboxError, Message, Recipient};

use super::Vitals;

/// Why a message was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The mailbox is full.
    #[error("its mailbox is full")]
    Full,
    /// The actor is down.
    #[error("it is down")]
    Closed,
}

impl Refused {
    /// As a label value.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Closed => "down",
        }
    }
}

/// A started actor.
pub struct Post<A: Actor> {
    addr: Addr<A>,
    vitals: Arc<Vitals>,
}

impl<A: Actor> Post<A> {
    pub(super) fn new(addr: Addr<A>, vitals: Arc<Vitals>) -> Self {
        Self { addr, vitals }
    }

    /// The way in for one kind of message.
    #[must_use]
    pub fn door<M>(&self) -> Door<M>
    where
        A: Handler<M>,
        A::Context: ToEnvelope<A, M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        Door { to: self.addr.clone().recipient(), vitals: Arc::clone(&self.vitals) }
    }
}

/// The way in for one kind of message.
pub struct Door<M: Message + Send>
where
    M::Result: Send,
{
    to: Recipient<M>,
    vitals: Arc<Vitals>,
}

impl<M: Message + Send> Clone for Door<M>
where
    M::Result: Send,
{
    fn clone(&self) -> Self {
        Self { to: self.to.clone(), vitals: Arc::clone(&self.vitals) }
    }
}

impl<M: Message + Send + 'static> Door<M>
where
    M::Result: Send,
{
    /// Leaves a message if there is room.
    ///
    /// # Errors
    /// [`Refused`] says why it was not taken.
    pub fn try_send(&self, message: M) -> Result<(), Refused> {
        self.vitals.sent();
        self.to.try_send(message).map_err(|error| {
            self.vitals.not_sent();
            match error {
                actix::dev::SendError::Full(_) => Refused::Full,
                actix::dev::SendError::Closed(_) => Refused::Closed,
            }
        })
    }

    /// Waits for room and for the answer.
    ///
    /// # Errors
    /// [`MailboxError`] when the actor is down or panicked while handling it.
    pub async fn send(&self, message: M) -> Result<M::Result, MailboxError> {
        self.vitals.sent();
        let answer = self.to.send(message).await;
        if matches!(answer, Err(MailboxError::Closed)) && !self.to.connected() {
            self.vitals.not_sent();
        }
        answer
    }
}
