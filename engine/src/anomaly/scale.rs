//! Robust centre and spread of a whole history in bounded memory.
//!
//! The history is thinned evenly: when the list is full, every second entry goes and the stride doubles. What remains
//! covers the series from its start to now, so one bad hour moves neither the median nor the spread.

/// Entries kept of the history. 128 give the median to about a tenth of a standard deviation.
const KEPT: usize = 128;
/// The quartiles of a normal distribution lie this many standard deviations apart.
const NORMAL_QUARTILE_RANGE: f64 = 1.349;
/// Centre and spread are computed anew when the history has grown by one part in this many.
const REFRESH_PARTS: u64 = 8;
/// Standardised values are clamped to this: a single absurd value must not blind sums and averages for ever.
const FAR: f64 = 1e4;

/// Median and spread of everything seen so far.
#[derive(Debug, Clone)]
pub struct RobustScale {
    kept: Vec<f64>,
    stride: u64,
    seen: u64,
    refresh_at: u64,
    centre: f64,
    spread: f64,
}

impl Default for RobustScale {
    fn default() -> Self {
        Self { kept: Vec::with_capacity(KEPT), stride: 1, seen: 0, refresh_at: 1, centre: 0.0, spread: 1.0 }
    }
}

impl RobustScale {
    /// Adds a finite value.
    pub fn observe(&mut self, value: f64) {
        if self.seen.is_multiple_of(self.stride) && self.kept.len() == KEPT {
            self.thin();
        }
        // Thinning doubles the stride, so this position may no longer be one of its multiples.
        if self.seen.is_multiple_of(self.stride) {
            self.kept.push(value);
        }
        self.seen += 1;
        if self.seen >= self.refresh_at {
            self.refresh_at = self.seen + (self.seen / REFRESH_PARTS).max(1);
            self.refresh();
        }
    }

    fn thin(&mut self) {
        let mut position = 0;
        self.kept.retain(|_| {
            position += 1;
            position % 2 == 1
        });
        self.stride *= 2;
    }

    fn refresh(&mut self) {
        let mut sorted = self.kept.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let quantile = |q: f64| sorted.get(((sorted.len() - 1) as f64 * q).round() as usize).copied().unwrap_or(0.0);
        self.centre = quantile(0.5);
        // Halves first: the difference of two huge values of opposite sign is not finite.
        let quartiles = (quantile(0.75) / 2.0 - quantile(0.25) / 2.0) * 2.0 / NORMAL_QUARTILE_RANGE;
        // Where most values are equal (an idle counter with rare spikes) the quartiles coincide, the deviation does not.
        let spread = if quartiles > 0.0 { quartiles } else { self.deviation() };
        // A constant series has no spread at all: one percent of its level stands in, so that a change has a size.
        self.spread = if spread > 0.0 { spread } else { (self.centre.abs() * 0.01).max(1e-9) };
        self.spread = self.spread.clamp(f64::MIN_POSITIVE, f64::MAX);
    }

    fn deviation(&self) -> f64 {
        let squares: f64 = self.kept.iter().map(|v| (v - self.centre) * (v - self.centre)).sum();
        (squares / self.kept.len().max(1) as f64).sqrt()
    }

    /// The value in robust standard deviations from the centre.
    pub fn standardise(&self, value: f64) -> f32 {
        let standard = (value / self.spread - self.centre / self.spread).clamp(-FAR, FAR);
        // Infinity minus infinity, where the spread is tiny beside the level: there is no distance.
        if standard.is_nan() { 0.0 } else { standard as f32 }
    }

    /// The value that `standardise` maps to `standard`.
    pub fn restore(&self, standard: f32) -> f64 {
        (self.centre + self.spread * f64::from(standard)).clamp(f64::MIN, f64::MAX)
    }

    pub fn bytes(&self) -> usize {
        size_of::<Self>() + self.kept.capacity() * size_of::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scale(values: impl IntoIterator<Item = f64>) -> RobustScale {
        let mut scale = RobustScale::default();
        values.into_iter().for_each(|v| scale.observe(v));
        scale
    }

    #[test]
    fn centre_and_spread_survive_a_fifth_of_wild_values() {
        let scale = scale((0..5_000).map(|i| if i % 5 == 0 { 1e9 } else { f64::from(i % 7) }));
        assert!((scale.restore(0.0) - 3.0).abs() <= 1.0, "{scale:?}");
        assert!(scale.restore(1.0) - scale.restore(0.0) < 10.0, "{scale:?}");
    }

    #[test]
    fn standardise_and_restore_are_inverse() {
        let scale = scale((0..300).map(|i| f64::from(i * i % 101)));
        for value in [-40.0, 0.0, 3.5, 1e3] {
            assert!((scale.restore(scale.standardise(value)) - value).abs() < 1e-3 * value.abs().max(1.0));
        }
    }

    #[test]
    fn every_finite_input_gives_a_finite_output() {
        for series in [vec![0.0; 9], vec![1e308, -1e308, 1e308, -1e308], vec![5e-324; 4], vec![1e300; 5]] {
            let scale = scale(series);
            for value in [f64::MAX, f64::MIN, 0.0, 1.0] {
                assert!(scale.standardise(value).is_finite(), "{scale:?} {value}");
            }
            assert!(scale.restore(3.0).is_finite(), "{scale:?}");
        }
    }
}
