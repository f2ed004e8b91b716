//! The expected band: where the next sample is expected to lie, known before it comes.
//!
//! The middle is what the season expects, else the mean of the last samples. The half-width follows the wanted
//! quantile of past misses, so the band holds its coverage whatever the distribution is.

use super::recent::{Horizon, Recent};
use super::season::Season;

/// Share of samples that the band should hold.
pub const COVERAGE: f32 = 0.99;
/// Speed of the half-width, in mean misses a sample.
const SPEED: f32 = 0.2;
/// The mean miss is learned over at most this many samples.
const MEMORY: f32 = 500.0;

/// Lowest and highest expected value, in the unit of the series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Band {
    pub low: f64,
    pub high: f64,
}

impl Band {
    /// How far `value` lies outside, signed; 0 inside.
    pub fn excess(&self, value: f64) -> f64 {
        (value - self.high).max(0.0) + (value - self.low).min(0.0)
    }
}

/// Tracks the half-width of the band, in standard deviations.
#[derive(Debug, Clone, Copy, Default)]
pub struct BandWidth {
    half: f32,
    mean_miss: f32,
    seen: f32,
}

impl BandWidth {
    /// The range without width that is expected at `at_s`: from the season, else from the last samples.
    pub fn middle(season: &Season, recent: &Recent, at_s: i64) -> Option<(f32, f32)> {
        season.range(at_s).or_else(|| {
            recent.covers(Horizon::Of32).then(|| {
                let mean = recent.mean(Horizon::Of32);
                (mean, mean)
            })
        })
    }

    /// The band around `middle`.
    pub fn widen(&self, (low, high): (f32, f32)) -> (f32, f32) {
        (low - self.half, high + self.half)
    }

    /// Learns from how far `value` missed `middle`.
    pub fn observe(&mut self, (low, high): (f32, f32), value: f32) {
        let miss = (value - high).max(low - value).max(0.0);
        self.seen = (self.seen + 1.0).min(MEMORY);
        // A far outlier counts as a miss, not by its size: else one spike would widen the band for days.
        let capped = miss.min(self.half.max(self.mean_miss * 4.0) + 1.0);
        self.mean_miss += (capped - self.mean_miss) / self.seen;
        let step = SPEED * self.mean_miss;
        let up = if miss > self.half { COVERAGE } else { COVERAGE - 1.0 };
        self.half = (self.half + step * up).max(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_band_holds_its_share_of_noise_of_any_size() {
        for size in [0.01f32, 1.0, 100.0] {
            let (mut width, mut held, mut state) = (BandWidth::default(), 0, 1u32);
            for i in 0..20_000 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let value = ((state >> 8) as f32 / (1 << 24) as f32 - 0.5) * size;
                let (low, high) = width.widen((0.0, 0.0));
                held += i32::from(i >= 2_000 && (low..=high).contains(&value));
                width.observe((0.0, 0.0), value);
            }
            let share = held as f32 / 18_000.0;
            assert!((0.975..=0.999).contains(&share), "size {size}: {share}");
        }
    }

    #[test]
    fn excess_is_signed_and_zero_inside() {
        let band = Band { low: -1.0, high: 2.0 };
        for (value, excess) in [(5.0, 3.0), (2.0, 0.0), (0.0, 0.0), (-3.0, -2.0)] {
            assert_eq!(band.excess(value), excess);
        }
    }
}
