//! One trouble, one anomaly: after a detection the series is quiet for a while, unless it gets much worse.
//!
//! What counts as "a while" grows with what is known: on a series of two days an hour is long, on one of two months
//! a day is not.

use super::tuning::QuietTuning;

/// Decides which samples are reported as anomalies.
#[derive(Debug, Clone, Copy)]
pub struct QuietTime {
    tuning: QuietTuning,
    quiet_until: u64,
    reported: f32,
}

impl QuietTime {
    pub fn new(tuning: QuietTuning) -> Self {
        Self { tuning, quiet_until: 0, reported: 0.0 }
    }

    /// Whether sample number `seen` with this surprise is reported. `bar` is the least surprise of an anomaly.
    pub fn admits(&mut self, seen: u64, surprise: f32, bar: f32) -> bool {
        let needed = if seen < self.quiet_until { self.reported + self.tuning.worse } else { bar };
        // NaN never passes.
        let admitted = surprise >= needed;
        if admitted {
            let QuietTuning { share, least, most, .. } = self.tuning;
            self.reported = surprise;
            self.quiet_until = seen + (seen as f32 * share).max(least).min(most) as u64;
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::super::tuning::Tuning;
    use super::*;

    #[test]
    fn a_trouble_is_reported_once_and_again_only_when_worse_or_later() {
        let mut quiet = QuietTime::new(Tuning::default().quiet);
        // (sample, surprise, reported?)
        let cases =
            [(1_000, 4.0, false), (1_001, 6.0, true), (1_002, 8.0, false), (1_003, 9.5, true), (1_030, 12.0, false), (1_034, 6.0, true)];
        for (seen, surprise, reported) in cases {
            assert_eq!(quiet.admits(seen, surprise, 5.0), reported, "sample {seen}");
        }
        assert!(!quiet.admits(9_999, f32::NAN, 5.0));
    }
}
