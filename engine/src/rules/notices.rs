//! How many notices the alerts of a rule make.

use crate::model::TimestampMs;

/// About how many notices a channel gets of firings of one rule, from when each fired until it ended: beginnings and ends go together in
/// one, and the next one waits for `interval`. What is held back (silenced, acknowledged, flapping) is not taken off.
#[must_use]
pub fn notices_of(firings: impl Iterator<Item = (TimestampMs, Option<TimestampMs>)>, interval: i64) -> usize {
    let mut changes: Vec<TimestampMs> = firings.flat_map(|(from, to)| [Some(from), to]).flatten().collect();
    changes.sort_unstable();
    let (mut notices, mut sent) = (0, TimestampMs::MIN);
    for at in changes {
        // A notice that waits for its time takes this change along.
        if at > sent {
            notices += 1;
            sent = at.max(sent.saturating_add(interval));
        }
    }
    notices
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginnings_and_ends_within_an_interval_go_together() {
        for (firings, interval, notices) in [
            (&[][..], 300, 0),
            (&[(0, None)], 300, 1),
            (&[(0, Some(120))], 300, 2),
            (&[(0, Some(400))], 300, 2),
            // The end at 10 waits until 300 and takes along what came before.
            (&[(0, Some(10)), (20, Some(30)), (200, Some(290))], 300, 2),
            (&[(0, Some(10)), (20, Some(30)), (200, Some(290))], 0, 6),
            (&[(0, Some(10)), (20, Some(30)), (200, Some(290))], 50, 4),
            (&[(0, Some(3_600)), (0, Some(3_600)), (0, Some(3_600))], 300, 2),
        ] {
            assert_eq!(notices_of(firings.iter().copied(), interval), notices, "{firings:?} each {interval}");
        }
    }
}
