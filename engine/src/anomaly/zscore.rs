//! The z-score: distance from the mean of a window in its standard deviations.
//!
//! [`ZScore`] is the plain detector with window and sensitivity that users know. [`LocalZ`] is its part in the ensemble.

use std::collections::VecDeque;

use statrs::statistics::Statistics;

use super::detector::{Detector, Moment};
use super::recent::Horizon;

/// Floor of the deviation, in standard deviations of the series: a calm hour is not infinitely calm.
const LEAST_DEVIATION: f32 = 0.1;

/// Distance of the newest sample from the mean of the last 128.
#[derive(Debug, Clone, Default)]
pub struct LocalZ;

impl Detector for LocalZ {
    fn name(&self) -> &'static str {
        "value beside the last ones"
    }

    fn horizon(&self) -> u16 {
        Horizon::Of128.samples() as u16
    }

    fn observe(&mut self, moment: &Moment<'_>) -> Option<f32> {
        let recent = moment.recent;
        let distance = (moment.value - recent.mean(Horizon::Of128)).abs();
        recent.covers(Horizon::Of128).then(|| distance / (recent.deviation(Horizon::Of128) + LEAST_DEVIATION))
    }

    fn bytes(&self) -> usize {
        size_of::<Self>()
    }
}

/// The plain detector: a sample farther than `sensitivity` deviations from the mean of the `window` before it.
#[derive(Debug, Clone)]
pub struct ZScore {
    window: usize,
    sensitivity: f64,
    values: VecDeque<f64>,
}

/// What the z-score says of a sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ZVerdict {
    /// Distance in standard deviations, signed.
    pub z: f64,
    /// 0 to 1; 0.5 at the sensitivity. It still separates far from farther, where the probability of a normal value is next to 0.
    pub score: f64,
    pub anomaly: bool,
}

impl ZScore {
    /// `window` is at least 2 samples. `sensitivity` is in standard deviations; 3 is usual.
    pub fn new(window: usize, sensitivity: f64) -> Self {
        let window = window.max(2);
        Self { window, sensitivity: sensitivity.max(0.0), values: VecDeque::with_capacity(window) }
    }

    /// Judges `value` against the samples before it, `None` until the window is full or for a value that is no number.
    pub fn observe(&mut self, value: f64) -> Option<ZVerdict> {
        if !value.is_finite() {
            return None;
        }
        let verdict = (self.values.len() == self.window).then(|| self.judge(value));
        if self.values.len() == self.window {
            self.values.pop_front();
        }
        self.values.push_back(value);
        verdict
    }

    fn judge(&self, value: f64) -> ZVerdict {
        let (mean, deviation) = (self.values.iter().mean(), self.values.iter().population_std_dev());
        let distance = value - mean;
        // After a constant window any change is beyond all measure, and no change is none.
        let z = if distance == 0.0 { 0.0 } else { (distance / deviation.max(f64::MIN_POSITIVE)).clamp(-1e6, 1e6) };
        let score = z.abs() / (z.abs() + self.sensitivity.max(f64::MIN_POSITIVE));
        ZVerdict { z, score, anomaly: z.abs() > self.sensitivity }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_z_score_of_known_windows() {
        // (window, value, z, anomaly at 3)
        let cases: [(&[f64], f64, f64, bool); 4] =
            [(&[1.0, 3.0], 2.0, 0.0, false), (&[1.0, 3.0], 5.0, 3.0, false), (&[1.0, 3.0], 6.5, 4.5, true), (&[7.0, 7.0], 7.0, 0.0, false)];
        for (window, value, z, anomaly) in cases {
            let mut detector = ZScore::new(window.len(), 3.0);
            window.iter().for_each(|v| assert_eq!(detector.observe(*v), None));
            let verdict = detector.observe(value).unwrap();
            assert!((verdict.z - z).abs() < 1e-12 && verdict.anomaly == anomaly, "{window:?} {value}: {verdict:?}");
        }
    }

    #[test]
    fn a_step_after_a_constant_window_is_an_anomaly_with_a_finite_score() {
        let mut detector = ZScore::new(10, 3.0);
        (0..20).for_each(|_| _ = detector.observe(1.0));
        let verdict = detector.observe(1.1).unwrap();
        assert!(verdict.anomaly && verdict.z.is_finite() && verdict.score <= 1.0);
        assert_eq!(detector.observe(f64::NAN), None);
    }
}
