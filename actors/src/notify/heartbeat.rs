//! Heartbeats out: an address that is called while all is well, so that somebody else notices when it is not.

use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use taskpulse_engine::notices::{ChannelState, Filter};

use super::NotifierActor;
use super::channel::DeliveryError;
use super::delivering::source_of;
use super::http::{get, place};
use crate::supervisor::{Ctx, Schedule};
use crate::view;

/// An address and how often it is called.
#[derive(Clone)]
pub struct Heartbeat {
    /// Its name.
    pub name: String,
    /// The address; may hold a secret.
    pub url: String,
    /// How often it is called.
    pub every: Duration,
    /// Longest time of a call.
    pub timeout: Duration,
    /// While one of these alerts fires, it is not called.
    pub filter: Filter,
}

impl Heartbeat {
    /// Calls it once.
    pub(super) fn call(&self) -> LocalBoxFuture<'static, Result<(), DeliveryError>> {
        let (url, timeout) = (self.url.clone(), self.timeout);
        Box::pin(async move { get(&url, timeout).await })
    }

    /// As a channel.
    pub(super) fn view(&self, state: &ChannelState) -> view::Channel {
        view::Channel::new(&self.name, "heartbeat", place(&self.url), state.clone())
    }
}

impl NotifierActor {
    /// Calls each heartbeat now and then.
    pub(super) fn start_heartbeats(&mut self, ctx: &mut Ctx<Self>) {
        for (at, beat) in self.options.heartbeats.clone().into_iter().enumerate() {
            ctx.every(beat.every, "heartbeat", move |this, ctx| this.beat(at, &beat, ctx));
        }
    }

    fn beat(&mut self, at: usize, beat: &Heartbeat, ctx: &mut Ctx<Self>) {
        let fires = self.book.alerts().any(|alert| !alert.is_over() && beat.filter.accepts(alert));
        if fires || !(self.outputs.works)() {
            return;
        }
        let source = source_of(&beat.name);
        ctx.wait_for("heartbeat", beat.call(), move |this, outcome, _| {
            let now = this.clock.now_ms();
            let Some(state) = this.beats.get_mut(at) else { return };
            match outcome {
                Ok(()) => {
                    state.sent += 1;
                    state.last_sent = Some(now);
                    state.last_error = None;
                    this.outputs.sources.remove(&source);
                }
                Err(error) => {
                    state.failed += 1;
                    state.last_error = Some((now, error.reason.clone()));
                    this.outputs.sources.failing(&source, error.reason);
                }
            }
            this.publish(now);
        });
    }
}
