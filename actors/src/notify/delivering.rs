//! Deliveries: what is due goes to its channel as a new message, or by an edit of an earlier one; and what follows from the outcome.

use std::collections::BTreeSet;

use taskpulse_engine::notices::{Notice, NoticeAlert, Sending};
use taskpulse_engine::words::CHANNEL_SOURCE;

use super::NotifierActor;
use super::channel::DeliveryError;
use crate::messages::Describe;
use crate::supervisor::{Ctx, Receive, Schedule};

impl NotifierActor {
    /// Whether the service knows its address.
    pub(super) fn is_listening(&self) -> bool {
        !(self.options.external_url)().is_empty()
    }

    /// Starts the deliveries that are due, once the service knows its address: links in notices lead to it.
    pub(super) fn deliver(&mut self, ctx: &mut Ctx<Self>) {
        if !self.is_listening() {
            return;
        }
        for (number, notice) in self.queue.take_due(self.clock.now_ms()) {
            let Some(channel) = self.channel(&notice.channel) else { continue };
            let sending = if channel.edits {
                self.messages.sending(&notice)
            } else if notice.only_edits {
                Sending::Nothing
            } else {
                Sending::New
            };
            let (notice, edits) = match sending {
                Sending::New => (notice, None),
                Sending::Edit { id, notice } => (notice, Some(id)),
                Sending::Nothing => {
                    self.queue.discard(&notice.channel, number);
                    continue;
                }
            };
            let delivery = channel.transport.deliver(&notice.neutral(), edits.as_deref());
            ctx.wait_for("deliver", delivery, move |this, outcome, ctx| {
                this.delivered(number, &notice, edits.as_deref(), outcome);
                this.step(ctx);
            });
        }
    }

    fn delivered(&mut self, number: u64, notice: &Notice, edited: Option<&str>, outcome: Result<Option<String>, DeliveryError>) {
        let (now, name) = (self.clock.now_ms(), &notice.channel);
        match outcome {
            Ok(id) => {
                let Some(channel) = self.channel(name) else { return };
                // What is written down, or changes silently, disturbs nobody.
                let is_silent = ["console", "file"].contains(&channel.transport.kind()) || edited.is_some() && edited == id.as_deref();
                let edits = channel.edits;
                if !is_silent {
                    let rules: BTreeSet<&str> = notice.alerts.iter().map(|alert| alert.rule.as_str()).collect();
                    self.outputs.stats.count_notification(rules.into_iter());
                }
                if edits {
                    self.messages.sent(notice, id);
                }
                self.queue.delivered(name, number, now);
                self.outputs.sources.remove(&source_of(name));
            }
            Err(error) => {
                self.queue.failed(name, number, &error.failure, error.reason.clone(), now, fastrand::f64());
                self.outputs.sources.failing(&source_of(name), error.reason);
            }
        }
    }
}

/// The source as which a channel that fails is reported.
pub fn source_of(channel: &str) -> String {
    format!("{CHANNEL_SOURCE}{channel}")
}

impl Receive<Describe> for NotifierActor {
    type Reply = ();

    fn receive(&mut self, Describe(alert): Describe, ctx: &mut Ctx<Self>) {
        let Some(alert) = NoticeAlert::of(&alert) else { return };
        let now = self.clock.now_ms();
        let edits = self.messages.acknowledged(&alert, now);
        self.book.describe(alert);
        if edits.is_empty() {
            return;
        }
        for edit in edits {
            self.queue.push(edit, now, now);
        }
        self.step(ctx);
    }
}
