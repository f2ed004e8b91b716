//! Statistics of values: compensated sums, means, variances, quantiles.
//!
//! Sums are compensated (Kahan 1965 with Neumaier's 1974 change); quantiles interpolate linearly.

/// Sum with compensation.
#[derive(Clone, Copy, Default)]
pub(super) struct Kahan {
    sum: f64,
    lost: f64,
}

impl Kahan {
    #[inline]
    pub(super) fn add(&mut self, v: f64) {
        let t = self.sum + v;
        if t.is_infinite() {
            self.lost = 0.0;
        } else if self.sum.abs() >= v.abs() {
            self.lost += (self.sum - t) + v;
        } else {
            self.lost += (v - t) + self.sum;
        }
        self.sum = t;
    }

    fn by(self, factor: f64) -> Self {
        Self { sum: self.sum * factor, lost: self.lost * factor }
    }

    pub(super) fn total(self) -> f64 {
        if self.sum.is_infinite() { self.sum } else { self.sum + self.lost }
    }
}

pub(super) fn sum(values: impl Iterator<Item = f64>) -> f64 {
    let mut sum = Kahan::default();
    values.for_each(|v| sum.add(v));
    sum.total()
}

/// The mean: of the sum while that is finite, from there on sample by sample.
pub(super) fn mean(values: &[f64]) -> f64 {
    let mut sum = Kahan::default();
    let mut mean: Option<Kahan> = None;
    for (before, &v) in values.iter().enumerate() {
        let (before, count) = (before as f64, (before + 1) as f64);
        let so_far = match mean {
            Some(mean) => mean,
            None => {
                let mut next = sum;
                next.add(v);
                if before == 0.0 || !next.sum.is_infinite() {
                    sum = next;
                    continue;
                }
                Kahan { sum: sum.sum / before, lost: sum.lost / before }
            }
        };
        let mut next = so_far.by(before / count);
        next.add(v / count);
        mean = Some(next);
    }
    let n = values.len() as f64;
    mean.map_or_else(|| sum.sum / n + sum.lost / n, |mean| mean.sum + mean.lost)
}

/// Variance of the population: Welford (1962).
pub(super) fn variance(values: impl Iterator<Item = f64>) -> f64 {
    let (mut count, mut mean, mut m2) = (0.0, Kahan::default(), Kahan::default());
    for v in values {
        count += 1.0;
        let delta = v - mean.total();
        mean.add(delta / count);
        m2.add(delta * (v - mean.total()));
    }
    m2.total() / count
}

/// The quantile of values, which it sorts; NaN for none.
pub(crate) fn quantile(q: f64, values: &mut [f64]) -> f64 {
    if values.is_empty() || q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    // NaN first, as the smallest.
    values.sort_by(|a, b| a.partial_cmp(b).unwrap_or_else(|| b.is_nan().cmp(&a.is_nan())));
    let n = values.len() as f64;
    let rank = q * (n - 1.0);
    let low = rank.floor().max(0.0);
    let high = (low + 1.0).min(n - 1.0);
    let weight = rank - rank.floor();
    values[low as usize] * (1.0 - weight) + values[high as usize] * weight
}
