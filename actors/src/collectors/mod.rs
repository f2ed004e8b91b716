//! Collectors: each watches one source and sends what it sees to the batcher.
//!
//! A source that is missing or failing gives no sample; [`crate::sources::SourceRegistry`] says why.

pub mod cgroup;
mod coding;
pub mod collector;
pub mod command;
mod fetch;
pub mod github;
pub mod probe;
pub mod scrape;
pub mod self_metrics;
pub mod system;
pub mod taskmaster;

use std::collections::VecDeque;
use std::sync::Arc;

use taskpulse_engine::model::Batch;

use crate::messages::Collected;
use crate::shared::Shared;
use crate::supervisor::Mailbox;

/// Collections that wait while the batcher has no room.
const BACKLOG: usize = 64;

/// The way from a collector to the batcher: bounded, counts what it drops.
pub(crate) struct Outbox {
    mailbox: Mailbox<Collected>,
    shared: Arc<Shared>,
    stage: &'static str,
    waiting: VecDeque<Batch>,
}

impl Outbox {
    pub(crate) fn new(mailbox: Mailbox<Collected>, shared: Arc<Shared>, stage: &'static str) -> Self {
        Self { mailbox, shared, stage, waiting: VecDeque::new() }
    }

    /// Sends what waits and then this; what finds no room waits for the next time. A series has one sample of a time: others
    /// are left out and named in what is given back.
    pub(crate) fn send(&mut self, mut batch: Batch) -> Option<String> {
        let repeated = batch.drop_repeated().map(|(count, first)| {
            self.shared.stats.dropped.add((self.stage, "repeated"), count);
            format!("{count} samples left out, whose series had one of the same time already, the first: {first}")
        });
        if !batch.is_empty() {
            self.waiting.push_back(batch);
        }
        self.send_waiting();
        repeated
    }

    fn send_waiting(&mut self) {
        while let Some(batch) = self.waiting.pop_front() {
            if let Err(why) = self.mailbox.try_send(Collected { batch: batch.clone() }) {
                self.waiting.push_front(batch);
                if self.waiting.len() > BACKLOG
                    && let Some(oldest) = self.waiting.pop_front()
                {
                    self.shared.stats.dropped.add((self.stage, why.name()), oldest.len());
                }
                return;
            }
        }
    }
}
