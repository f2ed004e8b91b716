//! Growth right now that nothing in the past was like: a download, a log that runs away.

use super::growth::Growth;

/// A burst.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Burst {
    /// Hours that it has lasted.
    pub(super) lasted: f64,
    /// Growth an hour.
    pub(super) per_hour: f64,
}

/// Steps of an hour.
const HOUR: usize = 12;
/// How much more than ever before is a burst.
const UNLIKE: f64 = 1.5;
/// Steps of the last hour that must rise: one jump is no pace.
const RISING: usize = 7;
/// A step rises if it does so by this share of its part of the hour.
const EVEN: f64 = 0.2;

/// A burst at the end of `recent`, which has steps of five minutes. `growth` is that of the hours until now; a day before now is what it is
/// compared with.
pub(super) fn find(recent: &[f64], growth: &[Option<Growth>]) -> Option<Burst> {
    let last = recent.len().checked_sub(1).filter(|last| *last >= HOUR)?;
    let since = |steps: usize| recent[last] - recent[last.saturating_sub(steps)];
    let known = &growth[..growth.len().saturating_sub(24)];
    let most = |hours: usize| known.windows(hours).map(|of| of.iter().flatten().map(|hour| hour.last).sum::<f64>()).fold(0.0, f64::max);
    let (hour, six) = (since(HOUR), since(6 * HOUR));
    let unlike = hour > UNLIKE * most(1) || (six > UNLIKE * most(6) && six > 0.02);
    let rising = (last - HOUR..last).filter(|at| recent[at + 1] - recent[*at] > EVEN * hour / HOUR as f64).count();
    if hour < 0.004 || !unlike || rising < RISING || since(HOUR / 2) < 0.25 * hour {
        return None;
    }
    // Back to where it began: as long as it grew at nearly the pace of the last hour.
    let pace = 0.4 * hour / HOUR as f64;
    let mut start = last - HOUR;
    for steps in [HOUR / 2, 1] {
        while start >= steps && recent[start] - recent[start - steps] > pace * steps as f64 {
            start -= steps;
        }
    }
    Some(Burst { lasted: (last - start) as f64 / HOUR as f64, per_hour: hour })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_sustained_growth_unlike_the_past() {
        let flat = vec![Some(Growth { last: 0.0, max: 0.0 }); 48];
        let busy = vec![Some(Growth { last: 0.09, max: 0.09 }); 48];
        let rising = |from: usize| (0..288).map(|at: usize| 0.5 + at.saturating_sub(from) as f64 / 12.0 * 0.1).collect::<Vec<f64>>();
        let step: Vec<f64> = (0..288).map(|at| if at < 284 { 0.5 } else { 0.7 }).collect();
        let ended: Vec<f64> = (0..288).map(|at: usize| 0.5 + at.clamp(200, 224) as f64 / 120.0).collect();
        let burst = find(&rising(263), &flat).unwrap();
        assert!((burst.lasted - 2.0).abs() < 0.1 && (burst.per_hour - 0.1).abs() < 1e-9, "{burst:?}");
        for (name, recent, growth) in [
            ("one jump", &step, &flat),
            ("over since an hour", &ended, &flat),
            ("no more than usual", &rising(263), &busy),
            ("too short to say", &vec![0.5; 5], &flat),
        ] {
            assert_eq!(find(recent, growth), None, "{name}");
        }
    }
}
