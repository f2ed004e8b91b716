//! Unusual calm: a series that always trembles and now hardly moves (a stuck sensor, a dead worker, a cached answer).

use super::detector::{Detector, Moment};

/// Samples over which the movement is averaged.
const HORIZON: u16 = 64;
/// The usual movement is learned over at most this many samples.
const MEMORY: f32 = 2_000.0;
/// Movement below this many standard deviations a sample counts as none.
const LEAST_MOVEMENT: f32 = 0.02;
/// Samples of movement needed before its usual size is known.
const LEARNING: f32 = 16.0;

/// How far below its usual size the movement from sample to sample lies, in its own mean deviations.
#[derive(Debug, Clone, Default)]
pub struct Calm {
    movement: f32,
    usual: f32,
    deviation: f32,
    seen: f32,
}

impl Detector for Calm {
    fn name(&self) -> &'static str {
        "calm"
    }

    fn horizon(&self) -> u16 {
        HORIZON
    }

    fn observe(&mut self, moment: &Moment<'_>) -> Option<f32> {
        self.movement += ((moment.value - moment.recent.back(1)).abs() - self.movement) / f32::from(HORIZON);
        if moment.recent.count() <= usize::from(HORIZON) {
            return None;
        }
        let log = (self.movement + LEAST_MOVEMENT).ln();
        let below = self.usual - log;
        let strangeness = (self.seen >= LEARNING).then(|| (below / (self.deviation + 1e-3)).max(0.0));
        self.seen = (self.seen + 1.0).min(MEMORY);
        self.usual -= below / self.seen;
        self.deviation += (below.abs() - self.deviation) / self.seen;
        strangeness
    }

    fn bytes(&self) -> usize {
        size_of::<Self>()
    }
}
