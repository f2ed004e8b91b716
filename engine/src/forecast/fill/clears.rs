//! Levels that are cleared again and again before they are full: by a program that keeps to a mark, by a nightly job, by restarts.

use super::growth::Hour;

/// From this level on it was as good as full: not cleared in time.
const TOO_LATE: f64 = 0.995;
/// A single clear from a higher level was an emergency, such as somebody who made room: no habit yet.
const EMERGENCY: f64 = 0.95;
/// The smallest fall that is a clear.
const LEAST_FALL: f64 = 0.02;
/// The same as a share of what was free before.
const LEAST_SHARE: f64 = 0.25;
/// A level is beyond a peak if it has used this share of what was free there.
const BEYOND: f64 = 0.25;
/// The same where clears are a habit.
const FAR_BEYOND: f64 = 0.5;
/// So many clears are a habit.
const HABIT: usize = 3;
/// A level rises from clear to clear if this share of what they took is left after them.
const LEFT: f64 = 0.1;
/// That is judged by so many clears.
const NEWEST: usize = 8;

/// Clears of the past, from about this level or a higher one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cleared {
    /// How many.
    pub times: usize,
    /// The highest level from which it was cleared.
    pub highest: f64,
}

/// A clear.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Clear {
    /// The level before the rise.
    from: f64,
    /// The level before the clear.
    peak: f64,
    /// The level after it.
    to: f64,
}

/// The past of a level as rises and clears.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Clears {
    clears: Vec<Clear>,
    /// The highest level since the last clear.
    reached: f64,
}

impl Clears {
    /// Finds them in hours, the newest last.
    pub(super) fn find(hours: &[Option<Hour>], level: f64) -> Self {
        let mut known = hours.iter().flatten();
        let first = known.next().map_or(level, |hour| hour.last);
        let (mut clears, mut from, mut peak) = (Vec::<Clear>::new(), first, first);
        for (max, last) in known.map(|hour| (hour.max, hour.last)).chain([(level, level)]) {
            peak = peak.max(max);
            let falls_on = clears.last_mut().filter(|clear| peak <= clear.to);
            if peak - last >= LEAST_FALL.max(LEAST_SHARE * (1.0 - peak)) {
                clears.push(Clear { from, peak, to: last });
            } else if let Some(clear) = falls_on.filter(|clear| last < clear.to) {
                clear.to = last;
            } else {
                continue;
            }
            (from, peak) = (last, last);
        }
        Self { clears, reached: peak.max(level) }
    }

    /// Clears from about the level that is reached now, or a higher one; none where peaks rise from clear to clear, or reached full.
    pub(super) fn at(&self) -> Option<Cleared> {
        let beyond = if self.clears.len() < HABIT { BEYOND } else { FAR_BEYOND };
        let far = |clear: &&Clear| clear.peak + beyond * (1.0 - clear.peak) > self.reached;
        let (late, in_time): (Vec<&Clear>, Vec<&Clear>) = self.clears.iter().filter(far).partition(|clear| clear.peak >= TOO_LATE);
        let cleared = Cleared { times: in_time.len(), highest: in_time.iter().map(|clear| clear.peak).fold(0.0, f64::max) };
        let habit = self.clears.len() >= HABIT || cleared.highest < EMERGENCY;
        (cleared.times > 0 && late.is_empty() && habit && !self.rises()).then_some(cleared)
    }

    /// Whether it is cleared now and then, to about the same level, so that it needs more evidence to become full.
    pub(super) fn are_usual(&self) -> bool {
        !self.clears.is_empty() && self.clears.iter().all(|clear| clear.peak < TOO_LATE) && !self.rises()
    }

    /// Whether so much is left after each clear that the next peak is higher.
    fn rises(&self) -> bool {
        let newest = &self.clears[self.clears.len().saturating_sub(NEWEST)..];
        // The past may begin amid a rise: its first level says less than that after its first clear.
        let (from, counted) = match newest {
            [] => return false,
            [only] => (only.from, newest),
            [first, others @ ..] => (first.to, others),
        };
        let fell: f64 = counted.iter().map(|clear| clear.peak - clear.to).sum();
        counted.last().is_some_and(|last| last.to - from > LEFT * fell)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(levels: &[f64]) -> Option<Cleared> {
        let hours: Vec<Option<Hour>> = levels.iter().map(|last| Some(Hour { max: *last, last: *last })).collect();
        Clears::find(&hours, levels[levels.len() - 1]).at()
    }

    #[test]
    fn a_level_that_was_cleared_before_it_was_full_is_expected_to_be_cleared_again() {
        let cleared = |times, highest| Some(Cleared { times, highest });
        for (name, levels, expected) in [
            ("kept to a mark", &[0.5, 0.75, 0.875, 0.5, 0.75, 0.875, 0.5, 0.75][..], cleared(2, 0.875)),
            ("once", &[0.5, 0.75, 0.5, 0.75], cleared(1, 0.75)),
            ("a fall that takes hours is one clear", &[0.5, 0.75, 0.625, 0.5, 0.75], cleared(1, 0.75)),
            ("only from lower levels", &[0.25, 0.5, 0.25, 0.75], None),
            ("beyond the mark", &[0.5, 0.75, 0.5, 0.875], None),
            ("more is left each time", &[0.25, 0.75, 0.375, 0.875, 0.5, 0.75], None),
            ("somebody made room", &[0.5, 0.97, 0.5, 0.75], None),
            ("room is made regularly", &[0.5, 0.97, 0.5, 0.97, 0.5, 0.97, 0.5, 0.75], cleared(3, 0.97)),
            ("it was full", &[0.5, 1.0, 0.5, 1.0, 0.5, 0.875, 0.5, 0.75], None),
            ("small falls", &[0.5, 0.51, 0.5, 0.51, 0.5, 0.51], None),
            ("nothing", &[0.5], None),
        ] {
            assert_eq!(found(levels), expected, "{name}");
        }
    }
}
