//! How unusual a member's strangeness is for this series: its tail probability among the maxima of past blocks.
//!
//! Neighbouring samples are alike, so one bad hour would fill a plain ranking with hundreds of entries. Time is cut
//! into blocks instead and only each block's maximum counts (block maxima, as in extreme-value theory). Above their
//! upper quartile the tail is a power law fitted by Hill's estimator, so that "twice the worst so far" has a figure.

use super::tuning::TailTuning;

/// Buckets of the histogram; each is an eighth of a unit of ln(strangeness) wide. 64 reach 150 standard deviations.
const BUCKETS: usize = 64;
const BUCKETS_PER_UNIT: f32 = 8.0;
/// The fitted tail starts where one block in this many reaches.
const TAIL_PART: f32 = 4.0;

/// A histogram of the logarithms of block maxima, kept as "so many blocks reached this bucket".
#[derive(Debug, Clone)]
pub struct Tail {
    tuning: TailTuning,
    reached: [u8; BUCKETS],
    block: u16,
    filled: u16,
    /// Largest ln(strangeness / floor) of the open block.
    current: f32,
    /// Where the fitted tail starts, and its index.
    threshold: f32,
    index: f32,
}

impl Tail {
    /// `block` is the number of samples in a block.
    pub fn new(tuning: TailTuning, block: u16) -> Self {
        Self { tuning, reached: [0; BUCKETS], block: block.max(1), filled: 0, current: 0.0, threshold: 0.0, index: tuning.prior_index }
    }

    /// The surprise of `strangeness` in nats: −ln of the share of past blocks that reached it. Then learns it.
    pub fn observe(&mut self, strangeness: f32) -> f32 {
        // `max` also turns NaN into 1, the floor.
        let height = (strangeness / self.tuning.floor).max(1.0).ln();
        let surprise = self.surprise(height);
        self.current = self.current.max(height);
        self.filled += 1;
        if self.filled >= self.block {
            self.close_block();
        }
        surprise
    }

    fn surprise(&self, height: f32) -> f32 {
        let blocks = f32::from(self.reached[0]);
        let trust = blocks / (blocks + self.tuning.trust_blocks);
        let rank = |height: f32| ((blocks + 1.0) / (self.reached_at(height) + 1.0)).ln();
        let beyond = (height - self.threshold).max(0.0) / self.index;
        trust * (rank(height.min(self.threshold)) + beyond)
    }

    /// Blocks that reached `height`, interpolated within its bucket.
    fn reached_at(&self, height: f32) -> f32 {
        let place = (height * BUCKETS_PER_UNIT).min((BUCKETS - 1) as f32);
        let bucket = place as usize;
        let here = f32::from(self.reached[bucket]);
        let next = self.reached.get(bucket + 1).map_or(0.0, |&n| f32::from(n));
        here + (next - here) * (place - bucket as f32)
    }

    fn close_block(&mut self) {
        // Old blocks fade: when the count is full, all of it is halved.
        if self.reached[0] == u8::MAX {
            self.reached.iter_mut().for_each(|count| *count /= 2);
        }
        let bucket = ((self.current * BUCKETS_PER_UNIT) as usize).min(BUCKETS - 1);
        self.reached[..=bucket].iter_mut().for_each(|count| *count += 1);
        self.current = 0.0;
        self.filled = 0;
        self.fit();
    }

    /// The index is the mean excess of block maxima above the threshold, drawn towards the prior.
    fn fit(&mut self) {
        let TailTuning { prior_index, prior_blocks, .. } = self.tuning;
        let part = f32::from(self.reached[0]) / TAIL_PART;
        let bucket = self.reached.iter().rposition(|&n| f32::from(n) >= part).unwrap_or(0);
        self.threshold = bucket as f32 / BUCKETS_PER_UNIT;
        // The mean excess is the area under "blocks that reached each height".
        let area = self.reached[bucket..].iter().skip(1).map(|&n| f32::from(n)).sum::<f32>() / BUCKETS_PER_UNIT;
        self.index = (area + prior_blocks * prior_index) / (f32::from(self.reached[bucket]) + prior_blocks);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tuning::Tuning;
    use super::*;

    fn trained() -> Tail {
        let mut tail = Tail::new(Tuning::default().tail, 4);
        for i in 0..800u32 {
            tail.observe(1.0 + (i * 37 % 100) as f32 / 100.0);
        }
        tail
    }

    #[test]
    fn surprise_grows_with_strangeness_and_is_never_negative() {
        let tail = trained();
        let heights: Vec<f32> = (0..80).map(|i| tail.surprise(i as f32 / 8.0)).collect();
        assert!(heights.windows(2).all(|w| w[0] <= w[1] + 1e-5), "{heights:?}");
        assert!(heights[0] >= 0.0);
    }

    #[test]
    fn the_usual_is_no_surprise_and_ten_times_the_worst_is_one() {
        let mut tail = trained();
        assert!(tail.observe(1.5) < 0.5);
        assert!(tail.observe(20.0) > 6.0);
    }

    #[test]
    fn nothing_is_surprising_before_a_block_was_seen() {
        assert_eq!(Tail::new(Tuning::default().tail, 8).observe(1e9), 0.0);
    }

    #[test]
    fn odd_floats_do_no_harm() {
        let mut tail = trained();
        for value in [f32::NAN, f32::INFINITY, -1.0, 0.0, f32::MAX] {
            assert!(!tail.observe(value).is_nan(), "{value}");
        }
        assert!(tail.observe(1.0).is_finite());
    }
}
