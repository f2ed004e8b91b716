//! Departures from the daily and weekly expectation, over several horizons.
//!
//! A short horizon sees a spike at once; a long one sees a small shift that a spike's tail would never reach.

use super::detector::{Detector, Moment};

/// An exponential mean of the residual with the given horizon.
#[derive(Debug, Clone)]
pub struct SmoothResidual {
    horizon: u16,
    mean: f32,
}

impl SmoothResidual {
    pub fn new(horizon: u16) -> Self {
        Self { horizon: horizon.max(1), mean: 0.0 }
    }
}

impl Detector for SmoothResidual {
    fn name(&self) -> &'static str {
        if self.horizon <= 12 { "value for this hour" } else { "level for this time of day and week" }
    }

    fn horizon(&self) -> u16 {
        self.horizon
    }

    fn observe(&mut self, moment: &Moment<'_>) -> Option<f32> {
        let residual = moment.residual?;
        self.mean += (residual - self.mean) / f32::from(self.horizon);
        Some(self.mean.abs())
    }

    fn bytes(&self) -> usize {
        size_of::<Self>()
    }
}
