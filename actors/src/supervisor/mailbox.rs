//! Outputs: the ways into an actor's mailbox, bounded and counted.
//!
//! Unlike actix' `do_send`, nothing here passes the mailbox's capacity. (Of actix' channel each clone of a door may hold
//! one message more; so outputs are made at the start and kept, not made for each message.)

use std::sync::Arc;

use actix::{Addr, MailboxError, Message, Recipient};

use super::{ActorStats, Instrumented, Receive, ServiceActor};

/// Why a message was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The mailbox is full.
    #[error("its mailbox is full")]
    Full,
    /// The actor is down.
    #[error("it is down")]
    Closed,
}

impl SendError {
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
pub struct ActorHandle<A: ServiceActor> {
    addr: Addr<Instrumented<A>>,
    stats: Arc<ActorStats>,
}

impl<A: ServiceActor> ActorHandle<A> {
    pub(super) fn new(addr: Addr<Instrumented<A>>, stats: Arc<ActorStats>) -> Self {
        Self { addr, stats }
    }

    /// The way in for one kind of message.
    #[must_use]
    pub fn mailbox<M>(&self) -> Mailbox<M>
    where
        A: Receive<M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        Mailbox { to: self.addr.clone().recipient(), stats: Arc::clone(&self.stats) }
    }
}

/// The way in for one kind of message.
pub struct Mailbox<M: Message + Send>
where
    M::Result: Send,
{
    to: Recipient<M>,
    stats: Arc<ActorStats>,
}

impl<M: Message + Send> Clone for Mailbox<M>
where
    M::Result: Send,
{
    fn clone(&self) -> Self {
        Self { to: self.to.clone(), stats: Arc::clone(&self.stats) }
    }
}

impl<M: Message + Send + 'static> Mailbox<M>
where
    M::Result: Send,
{
    /// Leaves a message if there is room.
    ///
    /// # Errors
    /// [`SendError`] says why it was not taken.
    pub fn try_send(&self, message: M) -> Result<(), SendError> {
        self.stats.sent();
        self.to.try_send(message).map_err(|error| {
            self.stats.not_sent();
            match error {
                actix::dev::SendError::Full(_) => SendError::Full,
                actix::dev::SendError::Closed(_) => SendError::Closed,
            }
        })
    }

    /// The same way in, for an actor that takes it in a message.
    #[cfg(test)]
    pub(crate) fn recipient(&self) -> Recipient<M> {
        self.to.clone()
    }

    /// Waits for room and for the answer.
    ///
    /// # Errors
    /// [`MailboxError`] when the actor is down or panicked while handling it.
    pub async fn send(&self, message: M) -> Result<M::Result, MailboxError> {
        self.stats.sent();
        let answer = self.to.send(message).await;
        if matches!(answer, Err(MailboxError::Closed)) && !self.to.connected() {
            self.stats.not_sent();
        }
        answer
    }
}
