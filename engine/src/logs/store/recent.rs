//! Spans that were sealed last. A client that got no answer sends them again within seconds, and a busy head is sealed as often.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};

use rustc_hash::FxHashSet;

use super::head::Head;
use super::rows::Row;
use crate::model::Labels;

/// Spans that are remembered: a few megabytes.
const MOST: usize = 1 << 18;

/// See the module. A hash of 64 bits with a secret key stands for a span: two with one hash are not met in practice.
#[derive(Default)]
pub(super) struct Recent {
    hasher: RandomState,
    known: FxHashSet<u64>,
    oldest_first: VecDeque<u64>,
}

impl Recent {
    fn hash_of(&self, labels: &Labels, row: Row<'_>) -> u64 {
        self.hasher.hash_one((row.time, row.details, labels.as_bytes()))
    }

    /// Adds the spans of a head that is sealed now.
    pub(super) fn add(&mut self, head: &Head) {
        for (labels, stream) in head.days.values().flat_map(|day| &day.streams) {
            for row in stream.parts().iter().flat_map(|part| part.iter()) {
                let hash = self.hash_of(labels, row);
                if self.known.insert(hash) {
                    self.oldest_first.push_back(hash);
                }
            }
        }
        while self.oldest_first.len() > MOST
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.known.remove(&oldest);
        }
    }

    pub(super) fn holds(&self, labels: &Labels, row: Row<'_>) -> bool {
        !self.known.is_empty() && self.known.contains(&self.hash_of(labels, row))
    }
}
