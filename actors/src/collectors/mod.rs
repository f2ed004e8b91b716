//! Collectors: each watches one source and sends what it sees to the batcher.
//!
//! A source that is missing or failing gives no sample; [`crate::shared::Sources`] says why.

pub mod cgroup;
pub mod command;
mod fetch;
pub mod github;
pub mod own;
pub mod probe;
pub mod scrape;
pub mod source;
pub mod system;
pub mod taskmaster;

use std::collections::VecDeque;
use std::sync::Arc;

use taskpulse_engine::model::Batch;

use crate::messages::Collected;
use crate::shared::Shared;
use crate::supervisor::Door;

/// Collections that wait while the batcher has no room.
const BACKLOG: usize = 64;

/// The way from a collector to the batcher: bounded, counts what it drops.
pub(crate) struct Outbox {
    door: Door<Collected>,
    shared: Arc<Shared>,
    stage: &'static str,
    waiting: VecDeque<Batch>,
}

impl Outbox {
    pub(crate) fn new(door: Door<Collected>, shared: Arc<Shared>, stage: &'static str) -> Self {
        Self { door, shared, stage, waiting: VecDeque::new() }
    }

    /// Sends what waits and then this; what finds no room waits for the next time.
    pub(crate) fn send(&mut self, batch: Batch) {
        if !batch.is_empty() {
            self.waiting.push_back(batch);
        }
        while let Some(batch) = self.waiting.pop_front() {
            if let Err(why) = self.door.try_send(Collected { batch: batch.clone() }) {
                self.waiting.push_front(batch);
                if self.waiting.len() > BACKLOG
                    && let Some(oldest) = self.waiting.pop_front()
                {
                    self.shared.dropped.add(self.stage, why.name(), oldest.len());
                }
                return;
            }
        }
    }
}
