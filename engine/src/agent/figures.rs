//! What was used: money, tokens and requests of a model, and calls of a tool.

use serde::{Deserialize, Serialize};

use super::item::Sum;

/// Calls of a tool by outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ToolCounts {
    /// Well.
    pub ok: u64,
    /// With an error.
    pub failed: u64,
    /// Not allowed.
    pub refused: u64,
}

impl ToolCounts {
    /// With what another way says of the same calls.
    pub(super) fn with(self, other: Self) -> Self {
        let all = (self.ok + self.failed).max(other.ok + other.failed);
        let failed = self.failed.max(other.failed);
        Self { ok: all - failed, failed, refused: self.refused.max(other.refused) }
    }
}

/// What was used of one model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Figures {
    /// Requests that were answered.
    pub requests: u64,
    /// Money, in millionths of a dollar.
    pub micros: Sum,
    /// Tokens by kind.
    pub input: Sum,
    /// Tokens that were answered.
    pub output: Sum,
    /// Tokens that came from the cache.
    pub cache_read: Sum,
    /// Tokens that were written to it.
    pub cache_creation: Sum,
    /// Tokens that were thought.
    pub reasoning: Sum,
}

impl Figures {
    /// All sums, in the order of [`Item::amounts`].
    pub(super) const fn sums(&self) -> [Sum; 6] {
        [self.micros, self.input, self.output, self.cache_read, self.cache_creation, self.reasoning]
    }

    const fn sums_mut(&mut self) -> [&mut Sum; 6] {
        [&mut self.micros, &mut self.input, &mut self.output, &mut self.cache_read, &mut self.cache_creation, &mut self.reasoning]
    }

    /// Adds amounts, or takes them out.
    pub(super) fn change(&mut self, amounts: [Option<u64>; 6], change: fn(&mut Sum, Option<u64>)) {
        self.sums_mut().into_iter().zip(amounts).for_each(|(sum, amount)| change(sum, amount));
    }

    /// Adds figures of another.
    pub fn add_all(&mut self, other: &Self) {
        self.requests += other.requests;
        for (sum, more) in self.sums_mut().into_iter().zip(other.sums()) {
            sum.add_all(more);
        }
    }

    /// Zero instead of unknown where all rows together know a figure.
    pub(super) fn zero_where_known(&mut self, total: &Self) {
        self.sums_mut().into_iter().zip(total.sums()).for_each(|(sum, total)| sum.zero_where_known(total));
    }
}

/// Of requests, and of data points: two accounts of the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Accounts {
    pub(super) requests: Figures,
    pub(super) points: Figures,
}

impl Accounts {
    /// The account that knows more of each figure: one lags behind the other, or is not sent at all.
    pub(super) fn best(&self) -> Figures {
        let mut best = self.requests;
        for (sum, other) in best.sums_mut().into_iter().zip(self.points.sums()) {
            if other.known() > sum.known() {
                *sum = other;
            }
        }
        best
    }
}
