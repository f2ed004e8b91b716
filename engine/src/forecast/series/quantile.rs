//! Quantiles of samples, and the loss by which a quantile is judged.

/// A sample that is kept sorted.
#[derive(Debug, Clone, Default)]
pub(super) struct Sample(Vec<f64>);

impl Sample {
    pub(super) fn insert(&mut self, value: f64) {
        self.0.insert(self.0.partition_point(|known| *known < value), value);
    }

    /// A quantile; 0 where there is nothing yet.
    pub(super) fn quantile(&self, tau: f64) -> f64 {
        of_sorted(&self.0, tau)
    }
}

/// A quantile of sorted values, between its neighbours on a line (type 5 of Hyndman and Fan, 1996); 0 where there are none.
#[must_use]
pub fn of_sorted(sorted: &[f64], tau: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
    let at = (tau * sorted.len() as f64 - 0.5).clamp(0.0, last as f64);
    let (below, part) = (at.floor() as usize, at.fract());
    sorted[below] + part * (sorted[(below + 1).min(last)] - sorted[below])
}

/// The pinball loss of a quantile forecast (Koenker and Bassett, 1978): 0 where it is met, and least on the mean for the true quantile.
#[must_use]
pub fn pinball(outcome: f64, forecast: f64, tau: f64) -> f64 {
    if outcome >= forecast { tau * (outcome - forecast) } else { (1.0 - tau) * (forecast - outcome) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_between_their_neighbours() {
        let mut sample = Sample::default();
        [4.0, 1.0, 3.0, 2.0].into_iter().for_each(|value| sample.insert(value));
        for (tau, value) in [(0.0, 1.0), (0.125, 1.0), (0.5, 2.5), (0.75, 3.5), (1.0, 4.0)] {
            assert_eq!(sample.quantile(tau), value, "{tau}");
        }
        assert_eq!(Sample::default().quantile(0.5), 0.0);
        assert_eq!((pinball(3.0, 1.0, 0.9), pinball(1.0, 3.0, 0.9), pinball(2.0, 2.0, 0.1)), (1.8, 2.0 * (1.0 - 0.9), 0.0));
    }
}
