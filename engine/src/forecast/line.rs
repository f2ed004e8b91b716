//! Forecasts: a straight line through past values, with a confidence interval of its slope.
//!
//! Ordinary least squares; the interval of the slope uses Student's t with n − 2 degrees of freedom (Draper and Smith, "Applied
//! Regression Analysis", chapter 1). There are no forecasts without an interval.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// Fewest points for a meaningful line.
pub const MIN_POINTS: usize = 12;

/// A line `intercept + slope × x` with the 95 % interval of its slope.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// Value at the mean of x.
    pub mean_y: f64,
    /// Mean of x.
    pub mean_x: f64,
    /// Change of y per unit of x.
    pub slope: f64,
    /// Lower bound of the slope.
    pub slope_low: f64,
    /// Upper bound of the slope.
    pub slope_high: f64,
}

/// When a line reaches a value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Crossing {
    /// Best estimate, in units of x from `now`.
    pub after: f64,
    /// Earliest (95 %).
    pub earliest: f64,
    /// Latest (95 %).
    pub latest: f64,
}

impl Line {
    /// Fits a line; `None` with fewer than [`MIN_POINTS`] points, with infinite or NaN values, or if all x are equal.
    #[must_use]
    pub fn fit(points: &[(f64, f64)]) -> Option<Self> {
        if points.len() < MIN_POINTS || points.iter().any(|(x, y)| !x.is_finite() || !y.is_finite()) {
            return None;
        }
        let n = points.len() as f64;
        let mean_x = points.iter().map(|p| p.0).sum::<f64>() / n;
        let mean_y = points.iter().map(|p| p.1).sum::<f64>() / n;
        let sxx: f64 = points.iter().map(|p| (p.0 - mean_x).powi(2)).sum();
        let sxy: f64 = points.iter().map(|p| (p.0 - mean_x) * (p.1 - mean_y)).sum();
        if sxx <= 0.0 {
            return None;
        }
        let slope = sxy / sxx;
        let residual: f64 = points.iter().map(|p| (p.1 - mean_y - slope * (p.0 - mean_x)).powi(2)).sum();
        let error = (residual / (n - 2.0) / sxx).sqrt();
        let t = StudentsT::new(0.0, 1.0, n - 2.0).ok()?.inverse_cdf(0.975);
        Some(Self { mean_y, mean_x, slope, slope_low: slope - t * error, slope_high: slope + t * error })
    }

    /// When a rising line reaches `limit`, counted from `now`; `None` unless the slope is positive within its interval.
    #[must_use]
    pub fn rises_to(&self, limit: f64, now: f64) -> Option<Crossing> {
        if self.slope_low <= 0.0 {
            return None;
        }
        let after = |slope: f64| (limit - (self.mean_y + slope * (now - self.mean_x))) / slope;
        let (best, a, b) = (after(self.slope), after(self.slope_high), after(self.slope_low));
        (best >= 0.0).then(|| Crossing { after: best, earliest: a.min(b).clamp(0.0, best), latest: a.max(b).max(best) })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_steady_rise_is_forecast_correctly() {
        let points: Vec<(f64, f64)> =
            (0..24).map(|h| (f64::from(h), 0.5 + 0.01 * f64::from(h) + if h % 2 == 0 { 0.001 } else { -0.001 })).collect();
        let crossing = Line::fit(&points).unwrap().rises_to(1.0, 23.0).unwrap();
        assert!((crossing.after - 27.0).abs() < 0.5, "{crossing:?}");
        assert!(crossing.earliest < crossing.after && crossing.after < crossing.latest && crossing.latest < 29.0, "{crossing:?}");
    }

    #[test]
    fn an_uncertain_rise_is_not_forecast() {
        let flat: Vec<(f64, f64)> = (0..50).map(|i| (f64::from(i), f64::from((i * 7919) % 13))).collect();
        assert!(Line::fit(&flat).unwrap().rises_to(100.0, 50.0).is_none());
        assert!(Line::fit(&flat[..MIN_POINTS - 1]).is_none());
        assert!(Line::fit(&[(1.0, 2.0); 20]).is_none());
    }

    proptest! {
        #[test]
        fn the_interval_holds_the_estimate(points in prop::collection::vec((0f64..1e6, -1e3f64..1e3), 12..100), limit in -1e4f64..1e4) {
            if let Some(line) = Line::fit(&points) {
                prop_assert!(line.slope_low <= line.slope && line.slope <= line.slope_high);
                if let Some(c) = line.rises_to(limit, 1e6) {
                    prop_assert!(c.earliest <= c.after && c.after <= c.latest);
                }
            }
        }
    }
}
