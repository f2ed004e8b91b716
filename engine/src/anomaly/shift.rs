//! Level shifts: the mean of the newest samples against the mean of those before them.

use super::detector::{Detector, Moment};
use super::recent::Horizon;

/// Floor of a deviation used as a divisor, in standard deviations of the series: a calm stretch is not infinitely calm.
const LEAST_DEVIATION: f32 = 0.1;

/// Compares the last `short` samples with the rest of the last `long`.
#[derive(Debug, Clone)]
pub struct LevelShift {
    short: Horizon,
    long: Horizon,
    /// Whether the shift is measured in deviations of the last `long` samples. Else in those of the whole history.
    local: bool,
}

impl LevelShift {
    /// A step within minutes.
    pub const fn fast() -> Self {
        Self { short: Horizon::Of4, long: Horizon::Of32, local: false }
    }

    /// A new level that holds.
    pub const fn slow() -> Self {
        Self { short: Horizon::Of64, long: Horizon::Of512, local: true }
    }
}

impl Detector for LevelShift {
    fn name(&self) -> &'static str {
        "change of level"
    }

    fn horizon(&self) -> u16 {
        self.short.samples() as u16
    }

    fn observe(&mut self, moment: &Moment<'_>) -> Option<f32> {
        let recent = moment.recent;
        recent.covers(self.long).then(|| {
            let shift = (recent.mean(self.short) - recent.mean_before(self.short, self.long)).abs();
            if self.local { shift / (recent.deviation(self.long) + LEAST_DEVIATION) } else { shift }
        })
    }

    fn bytes(&self) -> usize {
        size_of::<Self>()
    }
}

#[cfg(test)]
mod tests {
    use super::super::recent::Recent;
    use super::*;

    #[test]
    fn a_step_is_measured_by_its_height() {
        let mut recent = Recent::default();
        let mut fast = LevelShift::fast();
        let mut last = None;
        for i in 0..104 {
            recent.push(if i < 100 { 1.0 } else { 4.0 });
            last = fast.observe(&Moment { value: 0.0, residual: None, recent: &recent });
        }
        assert_eq!(last, Some(3.0));
    }
}
