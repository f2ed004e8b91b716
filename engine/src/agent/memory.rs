//! What of a session's newest past is remembered to tell whether it makes progress: when a file changed, what was written, tokens by
//! time, requests and their cached parts.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::item::Item;
use super::session::remember;
use super::signal::Written;
use crate::model::{TimestampMs, fnv1a};

/// A slot of time in which tokens are added up.
pub(super) const SLOT_MS: i64 = 300_000;
/// Slots with requests that are remembered: twelve hours of work.
const MAX_SLOTS: usize = 144;
/// Requests that are remembered.
const MAX_ASKED: usize = 64;

/// What was answered in a slot of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Slot {
    #[serde(rename = "a")]
    at: i64,
    #[serde(rename = "n")]
    pub(super) requests: u64,
    #[serde(rename = "o")]
    pub(super) output: u64,
}

/// A request and the part of it that was cached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Asked {
    #[serde(rename = "a")]
    pub(super) at: TimestampMs,
    /// Requests of one model and subagent follow each other.
    #[serde(rename = "l")]
    pub(super) lane: u64,
    /// Tokens that came from the cache.
    #[serde(rename = "r")]
    pub(super) read: u64,
    /// Tokens that were written to it.
    #[serde(rename = "w")]
    pub(super) written: u64,
    #[serde(rename = "c")]
    pub(super) micros: Option<u64>,
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Memory {
    /// Since when this is remembered.
    pub(super) from: Option<TimestampMs>,
    /// The newest time at which a file may have changed.
    pub(super) changed: Option<TimestampMs>,
    /// What was written, by hashes.
    pub(super) written: VecDeque<(TimestampMs, Written)>,
    slots: VecDeque<Slot>,
    /// By time.
    pub(super) asked: VecDeque<Asked>,
}

impl Memory {
    /// A file may have changed.
    pub(super) fn change(&mut self, at: TimestampMs, written: Option<Written>) {
        self.changed = self.changed.max(Some(at));
        if let Some(written) = written {
            remember(&mut self.written, (at, written));
        }
    }

    /// Counts a request, or takes it out.
    pub(super) fn count(&mut self, item: &Item, is_new: bool) {
        self.count_slot(item, is_new);
        let (Some(read), Some(written)) = (item.tokens.cache_read, item.tokens.cache_creation) else { return };
        let names = [item.model.as_deref(), item.subagent.as_deref()];
        let lane = fnv1a(names.into_iter().flat_map(|name| name.unwrap_or("").bytes().chain([0xff])));
        let asked = Asked { at: item.at, lane, read, written, micros: item.micros };
        if !is_new {
            self.asked.retain(|known| *known != asked);
            return;
        }
        let place = self.asked.partition_point(|known| known.at <= asked.at);
        self.asked.insert(place, asked);
        if self.asked.len() > MAX_ASKED {
            self.asked.pop_front();
        }
    }

    fn count_slot(&mut self, item: &Item, is_new: bool) {
        let at = item.at.div_euclid(SLOT_MS);
        let place = self.slots.partition_point(|slot| slot.at < at);
        let output = item.tokens.output.unwrap_or(0);
        match self.slots.get_mut(place).filter(|slot| slot.at == at) {
            Some(slot) if is_new => (slot.requests, slot.output) = (slot.requests + 1, slot.output.saturating_add(output)),
            Some(slot) => (slot.requests, slot.output) = (slot.requests.saturating_sub(1), slot.output.saturating_sub(output)),
            None if is_new => {
                self.slots.insert(place, Slot { at, requests: 1, output });
                if self.slots.len() > MAX_SLOTS {
                    self.slots.pop_front();
                }
            }
            None => {}
        }
    }

    /// Of the whole slots that began at a time or later: how many had requests, and what was answered.
    pub(super) fn used_since(&self, since: TimestampMs) -> (usize, Slot) {
        let mut all = Slot::default();
        let used = self.slots.iter().filter(|slot| slot.at * SLOT_MS >= since && slot.requests > 0);
        let count = used.map(|slot| (all.requests, all.output) = (all.requests + slot.requests, all.output + slot.output)).count();
        (count, all)
    }
}
