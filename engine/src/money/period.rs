//! Days, weeks and months as people count them: from midnight to midnight in a time zone. Budgets of a task, a tag or a project have no end.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::model::TimestampMs;

/// How long a budget is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Per {
    /// From midnight.
    Day,
    /// From Monday.
    Week,
    /// From the first.
    Month,
    /// All that each task costs.
    Task,
    /// All that the tasks of each tag cost.
    Tag,
    /// All that the tasks of each project cost.
    Project,
}

impl Per {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Day, Self::Week, Self::Month, Self::Task, Self::Tag, Self::Project];

    /// As settings, labels and clients have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Task => "task",
            Self::Tag => "tag",
            Self::Project => "project",
        }
    }

    /// Whether it is no period of time.
    #[must_use]
    pub const fn lasts(self) -> bool {
        matches!(self, Self::Task | Self::Tag | Self::Project)
    }
}

/// A range of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// Its first day.
    pub first: Date,
    /// Its begin.
    pub start: TimestampMs,
    /// The begin of the next one.
    pub end: TimestampMs,
}

impl Period {
    /// The one that a time is in; none for times beyond all dates, and where there are none.
    #[must_use]
    pub fn of(per: Per, at: TimestampMs, zone: &TimeZone) -> Option<Self> {
        let today = Timestamp::from_millisecond(at).ok()?.to_zoned(zone.clone()).date();
        let (first, length) = match per {
            Per::Day => (today, 1.day()),
            Per::Week => (today.checked_sub(i64::from(today.weekday().to_monday_zero_offset()).days()).ok()?, 7.days()),
            Per::Month => (today.first_of_month(), 1.month()),
            Per::Task | Per::Tag | Per::Project => return None,
        };
        let midnight = |date: Date| Some(date.to_zoned(zone.clone()).ok()?.timestamp().as_millisecond());
        Some(Self { first, start: midnight(first)?, end: midnight(first.checked_add(length).ok()?)? })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

    #[test]
    fn periods_begin_at_midnight_of_the_zone_across_changes_of_the_clock() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap().as_millisecond();
        for (per, zone, now, start, end) in [
            (Per::Day, "UTC", "2026-11-27T23:59:59Z", "2026-11-27T00:00:00Z", "2026-11-28T00:00:00Z"),
            (Per::Day, "Europe/Berlin", "2026-11-27T23:30:00Z", "2026-11-27T23:00:00Z", "2026-11-28T23:00:00Z"),
            // 25 hours.
            (Per::Day, "Europe/Berlin", "2026-10-25T12:00:00Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"),
            (Per::Week, "UTC", "2026-11-29T12:00:00Z", "2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z"),
            (Per::Week, "UTC", "2026-11-30T00:00:00Z", "2026-11-30T00:00:00Z", "2026-12-07T00:00:00Z"),
            (Per::Month, "UTC", "2026-12-31T12:00:00Z", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"),
            (Per::Month, "America/New_York", "2026-03-01T04:00:00Z", "2026-02-01T05:00:00Z", "2026-03-01T05:00:00Z"),
        ] {
            let period = Period::of(per, at(now), &TimeZone::get(zone).unwrap()).unwrap();
            assert_eq!((period.start, period.end), (at(start), at(end)), "{per:?} of {now} in {zone}");
        }
        assert_eq!(Period::of(Per::Day, i64::MAX, &TimeZone::UTC), None);
        assert_eq!(Period::of(Per::Task, 0, &TimeZone::UTC), None);
    }
}
