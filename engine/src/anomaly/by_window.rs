//! Members that judge the newest window of samples instead of the newest sample.

use super::detector::{Detector, Moment};

/// A window is this many runs of [`RUN`] samples, each kept as its mean.
pub const WIDTH: usize = 16;
const RUN: usize = 8;
/// A window is judged every this many samples: neighbours are nearly the same.
const EVERY: usize = 2;

pub type Window = [f32; WIDTH];

/// One way in which a window may be odd.
pub trait WindowDetector: std::fmt::Debug + Send {
    /// What is odd, in words that complete "unusual …".
    const NAME: &'static str;

    /// The strangeness of the newest window. Then learns it.
    fn learn(&mut self, window: &Window) -> f32;

    /// Memory held, in bytes.
    fn bytes(&self) -> usize;
}

/// A member that keeps the strangeness of a window until the next one is judged.
#[derive(Debug, Default)]
pub struct ByWindow<T> {
    detector: T,
    strangeness: Option<f32>,
}

impl<T: WindowDetector> Detector for ByWindow<T> {
    fn name(&self) -> &'static str {
        T::NAME
    }

    fn horizon(&self) -> u16 {
        (WIDTH * RUN) as u16
    }

    fn observe(&mut self, moment: &Moment<'_>) -> Option<f32> {
        let count = moment.recent.count();
        if count >= WIDTH * RUN && count.is_multiple_of(EVERY) {
            self.strangeness = Some(self.detector.learn(&moment.recent.run_means(RUN)));
        }
        self.strangeness
    }

    fn bytes(&self) -> usize {
        size_of_val(&self.strangeness) + self.detector.bytes()
    }
}
