//! The rank of a surprise among the series' own past: "as unusual as this, once in so many blocks".
//!
//! The same idea as a member's `tail`, with every block maximum kept: this rank is what a reader sees.

use super::tuning::RankingTuning;

/// Blocks remembered.
pub const BLOCKS: usize = 192;

/// Block maxima of the logarithm of the surprise.
#[derive(Debug, Clone)]
pub struct Ranking {
    tuning: RankingTuning,
    /// Oldest overwritten first.
    ring: Vec<f32>,
    next: usize,
    ascending: Vec<f32>,
    current: f32,
    filled: u16,
    threshold: f32,
    index: f32,
    /// −ln of the share of blocks above the threshold.
    base: f32,
}

/// Where a surprise stands in its series' history.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rank {
    /// −ln of the share of past blocks that reached it, extrapolated beyond the largest.
    pub nats: f32,
    /// Past blocks that were at least as unusual.
    pub reached_by: u16,
    /// Past blocks compared with.
    pub blocks: u16,
}

impl Ranking {
    pub fn new(tuning: RankingTuning) -> Self {
        Self {
            tuning,
            ring: Vec::with_capacity(BLOCKS),
            next: 0,
            ascending: Vec::with_capacity(BLOCKS),
            current: f32::MIN,
            filled: 0,
            threshold: f32::MAX,
            index: tuning.prior_index,
            base: 0.0,
        }
    }

    /// Ranks `log`, the logarithm of a surprise. Then learns it.
    pub fn observe(&mut self, log: f32) -> Rank {
        let rank = self.rank(log);
        self.current = self.current.max(log);
        self.filled += 1;
        if self.filled >= self.tuning.block {
            self.close_block();
        }
        rank
    }

    fn rank(&self, log: f32) -> Rank {
        let blocks = self.ascending.len();
        let reached_by = blocks - self.ascending.partition_point(|&m| m < log);
        let nats = if log <= self.threshold {
            ((blocks + 1) as f32 / (reached_by + 1) as f32).ln()
        } else {
            self.base + (log - self.threshold) / self.index
        };
        Rank { nats, reached_by: reached_by as u16, blocks: blocks as u16 }
    }

    fn close_block(&mut self) {
        let log = self.current;
        if self.ring.len() < BLOCKS {
            self.ring.push(log);
        } else {
            let old = std::mem::replace(&mut self.ring[self.next], log);
            self.next = (self.next + 1) % BLOCKS;
            let place = self.ascending.partition_point(|&m| m < old);
            self.ascending.remove(place);
        }
        let place = self.ascending.partition_point(|&m| m < log);
        self.ascending.insert(place, log);
        self.current = f32::MIN;
        self.filled = 0;
        self.fit();
    }

    fn fit(&mut self) {
        let RankingTuning { tail_quantile, prior_index, prior_blocks, .. } = self.tuning;
        let blocks = self.ascending.len();
        self.threshold = self.ascending.get((blocks as f32 * tail_quantile) as usize).copied().unwrap_or(f32::MAX);
        let above = &self.ascending[self.ascending.partition_point(|&m| m <= self.threshold)..];
        let excess: f32 = above.iter().map(|m| m - self.threshold).sum();
        self.index = (excess + prior_blocks * prior_index) / (above.len() as f32 + prior_blocks);
        self.base = ((blocks + 1) as f32 / (above.len() + 1) as f32).ln();
    }

    pub fn bytes(&self) -> usize {
        size_of::<Self>() + (self.ring.capacity() + self.ascending.capacity()) * size_of::<f32>()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tuning::Tuning;
    use super::*;

    #[test]
    fn a_record_is_reached_by_none_and_the_usual_by_most() {
        let mut ranking = Ranking::new(Tuning::default().ranking);
        for i in 0..48u32 * 400 {
            ranking.observe((i * 31 % 97) as f32 / 97.0);
        }
        let (usual, record) = (ranking.rank(0.5), ranking.rank(3.0));
        assert_eq!((usual.blocks, usual.reached_by), (192, 192));
        assert_eq!(record.reached_by, 0);
        assert!(usual.nats < 0.1 && record.nats > 5.0, "{usual:?} {record:?}");
    }

    #[test]
    fn an_old_record_is_forgotten_after_its_blocks_are_gone() {
        let mut ranking = Ranking::new(Tuning::default().ranking);
        ranking.observe(9.0);
        (0..48 * 191).for_each(|_| _ = ranking.observe(0.0));
        assert_eq!(ranking.rank(5.0).reached_by, 1);
        (0..48).for_each(|_| _ = ranking.observe(0.0));
        (0..48).for_each(|_| _ = ranking.observe(0.0));
        assert_eq!(ranking.rank(5.0).reached_by, 0);
    }
}
