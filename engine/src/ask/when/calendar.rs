//! Days and weeks of a time zone, by the clock.

use jiff::civil::{Date, DateTime, Weekday, time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};

use crate::ask::Range;
use crate::model::TimestampMs;

/// Now, and where.
#[derive(Debug, Clone)]
pub struct Clock {
    /// The time.
    pub now: TimestampMs,
    /// The time zone of whoever asks.
    pub zone: TimeZone,
}

impl Clock {
    /// Now by the calendar.
    pub(in crate::ask) fn local(&self) -> Zoned {
        Timestamp::from_millisecond(self.now).unwrap_or_default().to_zoned(self.zone.clone())
    }

    pub(super) fn today(&self) -> Date {
        self.local().date()
    }

    /// The instant of a local time.
    pub(super) fn at(&self, local: DateTime) -> TimestampMs {
        local.to_zoned(self.zone.clone()).map_or(self.now, |zoned| zoned.timestamp().as_millisecond())
    }

    /// From the start of a day to that of another.
    pub(super) fn days(&self, first: Date, after: Date) -> Range {
        Range { start: self.at(first.to_datetime(time(0, 0, 0, 0))), end: self.at(after.to_datetime(time(0, 0, 0, 0))) }
    }

    pub(super) fn day(&self, date: Date) -> Range {
        self.days(date, next(date))
    }

    /// The start of the week `back` weeks before this one.
    pub(super) fn monday(&self, back: i64) -> Date {
        let today = self.today();
        let since = i64::from(today.weekday().to_monday_zero_offset());
        plus_days(today, -since - 7 * back)
    }

    /// The first day of the month `back` months before this one.
    pub(super) fn month(&self, back: i64) -> Date {
        let first = self.today().first_of_month();
        first.checked_sub(back.months()).unwrap_or(first)
    }

    /// The newest day of that name, today included.
    pub(super) fn newest(&self, day: Weekday) -> Date {
        let today = self.today();
        let back = (7 + i64::from(today.weekday().to_monday_zero_offset()) - i64::from(day.to_monday_zero_offset())) % 7;
        plus_days(today, -back)
    }
}

/// A day so many days later.
pub(super) fn plus_days(date: Date, days: i64) -> Date {
    date.checked_add(days.days()).unwrap_or(date)
}

pub(super) fn next(date: Date) -> Date {
    plus_days(date, 1)
}
