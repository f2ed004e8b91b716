//! The last samples of a series in standard deviations, with running sums, shared by all detectors.

/// Samples kept: the longest horizon that a detector looks back.
pub const RECENT: usize = 512;

/// Horizons whose mean and deviation are kept up to date, in samples.
const HORIZONS: [usize; 5] = [4, 32, 64, 128, RECENT];

/// Which horizon is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Horizon {
    Of4,
    Of32,
    Of64,
    Of128,
    Of512,
}

impl Horizon {
    pub const fn samples(self) -> usize {
        HORIZONS[self as usize]
    }
}

/// A ring of the last [`RECENT`] values.
#[derive(Debug, Clone)]
pub struct Recent {
    values: Box<[f32; RECENT]>,
    count: usize,
    sums: [f64; HORIZONS.len()],
    squares: [f64; HORIZONS.len()],
}

impl Default for Recent {
    fn default() -> Self {
        Self { values: Box::new([0.0; RECENT]), count: 0, sums: [0.0; HORIZONS.len()], squares: [0.0; HORIZONS.len()] }
    }
}

impl Recent {
    pub fn push(&mut self, value: f32) {
        let new = f64::from(value);
        for (k, horizon) in HORIZONS.iter().enumerate() {
            let old = f64::from(self.back(horizon - 1));
            self.sums[k] += new - old;
            self.squares[k] += new * new - old * old;
        }
        self.values[self.count % RECENT] = value;
        self.count += 1;
    }

    /// The value `age` samples ago; 0 is the newest. Zero where there is none.
    pub fn back(&self, age: usize) -> f32 {
        if age < self.count.min(RECENT) { self.values[(self.count - 1 - age) % RECENT] } else { 0.0 }
    }

    /// Samples seen since the start.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Whether the whole of `horizon` has been seen.
    pub fn covers(&self, horizon: Horizon) -> bool {
        self.count >= horizon.samples()
    }

    /// Mean over a covered horizon.
    pub fn mean(&self, horizon: Horizon) -> f32 {
        (self.sums[horizon as usize] / horizon.samples() as f64) as f32
    }

    /// Mean over the part of `long` that is older than `short`.
    pub fn mean_before(&self, short: Horizon, long: Horizon) -> f32 {
        let sum = self.sums[long as usize] - self.sums[short as usize];
        (sum / (long.samples() - short.samples()) as f64) as f32
    }

    /// Standard deviation over a covered horizon.
    pub fn deviation(&self, horizon: Horizon) -> f32 {
        let n = horizon.samples() as f64;
        let mean = self.sums[horizon as usize] / n;
        // Rounding of the running sums can leave a tiny negative variance.
        (self.squares[horizon as usize] / n - mean * mean).max(0.0).sqrt() as f32
    }

    /// The means of the last `N` runs of `run` values, oldest first.
    pub fn run_means<const N: usize>(&self, run: usize) -> [f32; N] {
        std::array::from_fn(|i| (0..run).map(|j| self.back((N - 1 - i) * run + j)).sum::<f32>() / run as f32)
    }

    pub fn bytes(&self) -> usize {
        size_of::<Self>() + RECENT * size_of::<f32>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn running_sums_agree_with_sums_over_the_ring() {
        let mut recent = Recent::default();
        for i in 0..3_000u32 {
            recent.push(((i * 7_919) % 101) as f32 - 50.0 + if i % 997 == 0 { 9_000.0 } else { 0.0 });
        }
        for horizon in [Horizon::Of4, Horizon::Of32, Horizon::Of64, Horizon::Of128, Horizon::Of512] {
            let n = horizon.samples();
            let mean = (0..n).map(|i| f64::from(recent.back(i))).sum::<f64>() / n as f64;
            let square = (0..n).map(|i| (f64::from(recent.back(i)) - mean).powi(2)).sum::<f64>() / n as f64;
            assert!((f64::from(recent.mean(horizon)) - mean).abs() < 1e-3);
            assert!((f64::from(recent.deviation(horizon)) - square.sqrt()).abs() < 1e-2);
        }
        assert_eq!(recent.run_means::<4>(2)[3], (recent.back(0) + recent.back(1)) / 2.0);
    }
}
