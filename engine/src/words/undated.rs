//! Sentences about why there is no date at which a file system or memory will be full.

use super::figure::figure;
use crate::advice::WhyUndated;
use crate::forecast::record::Subject;

/// `It may never be full: of 100 ways in which its past may go on, 3 fill it within a week and 12 at all`.
#[must_use]
pub fn undated(subject: Subject, why: &WhyUndated) -> String {
    let (full, fill) = match subject {
        Subject::MemoryFull => ("used up", "use it up"),
        Subject::DiskFull | Subject::BoardDone => ("full", "fill it"),
    };
    match *why {
        WhyUndated::MayNever { cleared: Some(cleared), .. } => {
            let times = if cleared.times == 1 { "once".to_owned() } else { format!("{} times", cleared.times) };
            format!("It may never be {full}: it was cleared {times} before, at {} at the highest", figure("_ratio", cleared.highest))
        }
        WhyUndated::MayNever { in_week, ever, .. } => {
            let of_100 = |share: f64| (share * 100.0).round();
            let (week, ever) = (of_100(in_week), of_100(ever));
            format!("It may never be {full}: of 100 ways in which its past may go on, {week} {fill} within a week and {ever} at all")
        }
        WhyUndated::WasHigher { highest } => {
            format!("It may never be {full}: it was at {} before the last day, and fell again", figure("_ratio", highest))
        }
        WhyUndated::TooEarly { slows: true, hours } => {
            format!("It cannot be said yet: in the {hours} h since it began it grows ever more slowly")
        }
        WhyUndated::TooEarly { hours, .. } => {
            format!("It cannot be said yet: {hours} h of it are known, which is too little or too uneven")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::fill::Cleared;

    #[test]
    fn each_reason_for_no_date_is_a_sentence() {
        let never = |cleared| WhyUndated::MayNever { in_week: 0.034, ever: 0.12, cleared };
        let at = |times| Some(Cleared { times, highest: 0.91 });
        for (subject, why, text) in [
            (
                Subject::DiskFull,
                never(None),
                "It may never be full: of 100 ways in which its past may go on, 3 fill it within a week and 12 at all",
            ),
            (
                Subject::MemoryFull,
                WhyUndated::WasHigher { highest: 0.91 },
                "It may never be used up: it was at 91 % before the last day, and fell again",
            ),
            (Subject::DiskFull, never(at(3)), "It may never be full: it was cleared 3 times before, at 91 % at the highest"),
            (Subject::MemoryFull, never(at(1)), "It may never be used up: it was cleared once before, at 91 % at the highest"),
            (
                Subject::MemoryFull,
                WhyUndated::TooEarly { hours: 5, slows: true },
                "It cannot be said yet: in the 5 h since it began it grows ever more slowly",
            ),
            (
                Subject::DiskFull,
                WhyUndated::TooEarly { hours: 5, slows: false },
                "It cannot be said yet: 5 h of it are known, which is too little or too uneven",
            ),
        ] {
            assert_eq!(undated(subject, &why), text);
        }
    }
}
