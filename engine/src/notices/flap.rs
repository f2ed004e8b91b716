//! Flap detection: an alert that fires again and again is announced once, and then only when it has settled.

use crate::model::TimestampMs;

/// Firings that are remembered of one alert.
const MAX_FIRINGS: usize = 64;

/// When an alert flaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlapLimits {
    /// It fired so often …
    pub firings: usize,
    /// … within so long. Zero firings switch the detection off.
    pub window_ms: i64,
}

impl FlapLimits {
    /// Adds a firing to those of an alert, oldest first, and drops what is too old to count.
    pub(super) fn add(self, firings: &mut Vec<TimestampMs>, at: TimestampMs) {
        firings.push(at);
        self.trim(firings, at);
    }

    fn trim(self, firings: &mut Vec<TimestampMs>, now: TimestampMs) {
        firings.retain(|at| now.saturating_sub(*at) < self.window_ms);
        let over = firings.len().saturating_sub(MAX_FIRINGS);
        firings.drain(..over);
    }

    /// Whether an alert flaps: it begins at the limit, and is over at half of it.
    pub(super) fn is_flapping(self, flapping: bool, firings: &mut Vec<TimestampMs>, now: TimestampMs) -> bool {
        self.trim(firings, now);
        self.firings > 0 && if flapping { 2 * firings.len() > self.firings } else { firings.len() >= self.firings }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flapping_begins_at_the_limit_and_is_over_at_half_of_it() {
        let limits = FlapLimits { firings: 4, window_ms: 100 };
        let mut firings = Vec::new();
        for (at, flaps) in [(0, false), (10, false), (20, false), (30, true)] {
            limits.add(&mut firings, at);
            assert_eq!(limits.is_flapping(false, &mut firings, at), flaps, "{at}");
        }
        for (now, flaps) in [(99, true), (100, true), (110, false)] {
            assert_eq!(limits.is_flapping(true, &mut firings.clone(), now), flaps, "{now}");
        }
        let off = FlapLimits { firings: 0, window_ms: 100 };
        assert!(!off.is_flapping(false, &mut vec![0, 1, 2, 3, 4, 5], 6));
    }
}
