//! What the notifier answers: tests of channels, silences, maintenance windows, and what it knows.

use actix::ResponseFuture;
use taskpulse_engine::notices::{MaintenanceError, Notice, SilenceError};
use taskpulse_engine::store::DocumentChange;

use super::{DeliveryError, KIND, KnownNotices, NotifierActor};
use crate::messages::{AppendError, ChangeMaintenance, ChangeSilence, ReadNotices, TestChannel};
use crate::store::change;
use crate::supervisor::{Ctx, Receive};

impl Receive<TestChannel> for NotifierActor {
    type Reply = ResponseFuture<Option<Result<(), DeliveryError>>>;

    fn receive(&mut self, TestChannel { name }: TestChannel, _: &mut Ctx<Self>) -> Self::Reply {
        if let Some(beat) = self.options.heartbeats.iter().find(|beat| beat.name == name) {
            let call = beat.call();
            return Box::pin(async move { Some(call.await) });
        }
        let Some(channel) = self.channel(&name) else { return Box::pin(async { None }) };
        let delivery = channel.transport.deliver(&Notice::test(&name, self.clock.now_ms()), None);
        Box::pin(async move { Some(delivery.await.map(|_| ())) })
    }
}

impl Receive<ReadNotices> for NotifierActor {
    type Reply = ResponseFuture<KnownNotices>;

    fn receive(&mut self, _: ReadNotices, _: &mut Ctx<Self>) -> Self::Reply {
        let channels = self.options.channels.iter().map(|channel| channel.plan.clone()).collect();
        let known = KnownNotices::new(&self.book, &self.suppressors, channels, (self.options.external_url)(), self.clock.now_ms());
        Box::pin(async move { known })
    }
}

impl Receive<ChangeSilence> for NotifierActor {
    type Reply = ResponseFuture<Result<Result<String, SilenceError>, AppendError>>;

    fn receive(&mut self, message: ChangeSilence, ctx: &mut Ctx<Self>) -> Self::Reply {
        let now = self.clock.now_ms();
        let silences = &mut self.suppressors.silences;
        let changed = match message {
            ChangeSilence::Set(draft) => silences.set(draft, uuid(), now),
            ChangeSilence::Expire(id) => silences.expire(&id, now).map(|()| id),
        };
        let changes = silences.take_changes();
        self.kept(changed, changes, ctx)
    }
}

impl Receive<ChangeMaintenance> for NotifierActor {
    type Reply = ResponseFuture<Result<Result<(), MaintenanceError>, AppendError>>;

    fn receive(&mut self, ChangeMaintenance { name, spec }: ChangeMaintenance, ctx: &mut Ctx<Self>) -> Self::Reply {
        let windows = &mut self.suppressors.maintenance;
        let changed = match spec {
            Some(spec) => windows.set(&name, spec),
            None => windows.remove(&name),
        };
        let changes = windows.take_changes();
        self.kept(changed, changes, ctx)
    }
}

impl NotifierActor {
    /// Answers a change once its documents are durable. What was held back may not be any more.
    fn kept<T: 'static, E: 'static>(
        &mut self,
        changed: Result<T, E>,
        changes: Vec<DocumentChange>,
        ctx: &mut Ctx<Self>,
    ) -> ResponseFuture<Result<Result<T, E>, AppendError>> {
        if changes.is_empty() {
            return Box::pin(async { Ok(changed) });
        }
        self.book.look_again(self.clock.now_ms());
        self.step(ctx);
        let documents = self.outputs.documents.clone();
        Box::pin(async move {
            change(&documents, KIND, changes).await?;
            Ok(changed)
        })
    }
}

/// A random UUID, version 4.
fn uuid() -> String {
    let bits = (fastrand::u128(..) & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_id_is_a_uuid_of_version_four() {
        let id = super::uuid();
        let parts: Vec<usize> = id.split('-').map(str::len).collect();
        assert_eq!((parts, &id[14..15], "89ab".contains(&id[19..20])), (vec![8, 4, 4, 4, 12], "4", true), "{id}");
    }
}
