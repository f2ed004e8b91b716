//! Exponential smoothing in its forms, run once over a series. The state after each value is kept, so that a forecast from any origin
//! uses nothing later.

/// An exponentially weighted mean, after each value.
pub(super) fn means(values: &[f64], seen: &[bool], alpha: f64) -> Vec<f64> {
    let mut level = values.first().copied().unwrap_or(0.0);
    let mut step = |(value, seen): (&f64, &bool)| {
        if *seen {
            level += alpha * (value - level);
        }
        level
    };
    values.iter().zip(seen).map(&mut step).collect()
}

/// How slowly past errors are forgotten when parameters are chosen by them.
const MEMORY: f64 = 0.999;
/// Smoothing parameters that Theta chooses from.
const ALPHAS: [f64; 6] = [0.02, 0.06, 0.15, 0.35, 0.65, 0.95];

/// The Theta method (Assimakopoulos and Nikolopoulos, "The theta model", 2000) in the form of Hyndman and Billah ("Unmasking the Theta
/// method", 2003): simple exponential smoothing whose drift is half of the slope of a straight line. At each origin the smoothing
/// parameter is the one with the smallest one-step errors so far.
pub(super) struct Theta {
    /// Level, drift a step, and steps by which the level lags, after each value.
    states: Vec<(f64, f64, f64)>,
}

impl Theta {
    pub(super) fn new(values: &[f64], seen: &[bool]) -> Self {
        let runs: Vec<Vec<f64>> = ALPHAS.iter().map(|alpha| means(values, seen, *alpha)).collect();
        let mut errors = [0.0f64; ALPHAS.len()];
        let mut line = RunningLine::default();
        let states = (0..values.len()).map(|t| {
            if seen[t] {
                let before = t.saturating_sub(1);
                errors.iter_mut().zip(&runs).for_each(|(error, run)| *error = MEMORY * *error + (values[t] - run[before]).abs());
                line.add(t as f64, values[t]);
            }
            let best = smallest(&errors);
            let lag = (1.0 - (1.0 - ALPHAS[best]).powf(t as f64 + 1.0)) / ALPHAS[best];
            (runs[best][t], line.slope() / 2.0, lag)
        });
        Self { states: states.collect() }
    }

    pub(super) fn at(&self, origin: usize, steps: usize) -> f64 {
        let (level, drift, lag) = self.states[origin];
        level + drift * (steps as f64 - 1.0 + lag)
    }
}

/// Least squares with one point more at a time.
#[derive(Default)]
struct RunningLine {
    n: f64,
    mean_x: f64,
    mean_y: f64,
    sxx: f64,
    sxy: f64,
}

impl RunningLine {
    fn add(&mut self, x: f64, y: f64) {
        self.n += 1.0;
        let dx = x - self.mean_x;
        self.mean_x += dx / self.n;
        self.mean_y += (y - self.mean_y) / self.n;
        self.sxx += dx * (x - self.mean_x);
        self.sxy += dx * (y - self.mean_y);
    }

    fn slope(&self) -> f64 {
        if self.sxx > 0.0 { self.sxy / self.sxx } else { 0.0 }
    }
}

/// By how much the trend shrinks each step.
const DAMPING: f64 = 0.95;
/// Smoothing parameters of level and trend to choose from.
const HOLT: [(f64, f64); 4] = [(0.1, 0.01), (0.3, 0.05), (0.6, 0.1), (0.9, 0.3)];

/// Holt's linear trend, damped (Gardner and McKenzie, "Forecasting trends in time series", 1985). The parameters are chosen as for
/// [`Theta`].
pub(super) struct Damped {
    /// Level and trend after each value.
    states: Vec<(f64, f64)>,
}

impl Damped {
    pub(super) fn new(values: &[f64], seen: &[bool]) -> Self {
        let mut current = [(values.first().copied().unwrap_or(0.0), 0.0); HOLT.len()];
        let mut errors = [0.0f64; HOLT.len()];
        let states = (0..values.len()).map(|t| {
            for (((level, trend), error_sum), (alpha, beta)) in current.iter_mut().zip(&mut errors).zip(HOLT) {
                *trend *= DAMPING;
                *level += *trend;
                if seen[t] {
                    let error = values[t] - *level;
                    *error_sum = MEMORY * *error_sum + error.abs();
                    *level += alpha * error;
                    *trend += alpha * beta * error;
                }
            }
            current[smallest(&errors)]
        });
        Self { states: states.collect() }
    }

    pub(super) fn at(&self, origin: usize, steps: usize) -> f64 {
        let (level, trend) = self.states[origin];
        level + trend * DAMPING * (1.0 - DAMPING.powf(steps as f64)) / (1.0 - DAMPING)
    }
}

fn smallest(errors: &[f64]) -> usize {
    errors.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_straight_line_is_continued_and_a_constant_stays() {
        let line: Vec<f64> = (0..200).map(f64::from).collect();
        let seen = vec![true; 200];
        let theta = Theta::new(&line, &seen).at(199, 10);
        assert!((theta - 204.0).abs() < 1.0, "half of the slope: {theta}");
        let damped = Damped::new(&line, &seen).at(199, 10);
        assert!(damped > 203.0 && damped < 209.5, "{damped}");
        let flat = vec![7.0; 200];
        assert!((Theta::new(&flat, &seen).at(199, 50) - 7.0).abs() < 1e-9);
        assert!((Damped::new(&flat, &seen).at(199, 50) - 7.0).abs() < 1e-9);
    }

    #[test]
    fn a_value_that_was_not_measured_changes_nothing() {
        let mut values = vec![1.0; 50];
        let mut seen = vec![true; 50];
        (values[49], seen[49]) = (1e9, false);
        assert_eq!(means(&values, &seen, 0.5)[49], 1.0);
        assert_eq!((Theta::new(&values, &seen).at(49, 1), Damped::new(&values, &seen).at(49, 1)), (1.0, 1.0));
    }
}
