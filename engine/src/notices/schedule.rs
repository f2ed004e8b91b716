//! Times that come again: `mon-fri 09:00-18:00`, for maintenance windows and for channels that are used at some times only.
//!
//! Days and hours are those of a time zone. A range past midnight belongs to the day on which it began.

use jiff::Timestamp;
use jiff::civil::{DateTime, Weekday};
use jiff::tz::TimeZone;

use crate::model::TimestampMs;

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const MINUTES: u16 = 24 * 60;

/// Why a text is no time that comes again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// A word of it.
    #[error(
        "`{0}` is no time that comes again; write it like `mon-fri 09:00-18:00`, `sat,sun`, `22:00-06:00` or `sun day:1-7 02:00-04:00`"
    )]
    Text(String),
    /// The time zone.
    #[error("time zone `{0}` is not known on this machine; write it like Europe/Berlin or UTC")]
    Zone(String),
}

/// Some days of the week, of the month, and a range of a day.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Range {
    weekdays: [bool; 7],
    /// First and last day of the month.
    dates: (i8, i8),
    /// First minute, and the minute after the last.
    minutes: (u16, u16),
}

/// Times that come again.
#[derive(Debug, Clone)]
pub struct Schedule {
    ranges: Vec<Range>,
    zone: TimeZone,
}

impl Schedule {
    /// Reads some texts. Without a time zone it is that of the machine.
    ///
    /// # Errors
    /// [`ScheduleError`] names what is not understood.
    pub fn parse(texts: &[String], zone: Option<&str>) -> Result<Self, ScheduleError> {
        let zone = match zone {
            None => TimeZone::system(),
            Some("UTC") => TimeZone::UTC,
            Some(name) => TimeZone::get(name).map_err(|_| ScheduleError::Zone(name.chars().take(100).collect()))?,
        };
        let ranges = texts.iter().map(|text| range(text)).collect::<Result<_, _>>()?;
        Ok(Self { ranges, zone })
    }

    /// Whether an instant is within.
    #[must_use]
    pub fn contains(&self, at: TimestampMs) -> bool {
        let Ok(at) = Timestamp::from_millisecond(at) else { return false };
        let local = self.zone.to_datetime(at);
        self.ranges.iter().any(|range| range.contains(local))
    }
}

impl Range {
    fn contains(&self, at: DateTime) -> bool {
        let minute = u16::try_from(i32::from(at.hour()) * 60 + i32::from(at.minute())).unwrap_or(0);
        let (from, to) = self.minutes;
        if from < to {
            return (from..to).contains(&minute) && self.has_day(at);
        }
        minute >= from && self.has_day(at) || minute < to && at.date().yesterday().is_ok_and(|day| self.has_day(day.into()))
    }

    fn has_day(&self, at: DateTime) -> bool {
        let weekday = usize::try_from(at.weekday().since(Weekday::Monday)).unwrap_or(0);
        self.weekdays[weekday % 7] && (self.dates.0..=self.dates.1).contains(&at.day())
    }
}

/// When a channel sends what has gathered: every day, or every Monday.
#[derive(Debug, Clone)]
pub struct Digest {
    weekly: bool,
    /// The minute of the day.
    minute: u16,
    zone: TimeZone,
}

impl Digest {
    /// At `at`, such as `08:00`.
    ///
    /// # Errors
    /// [`ScheduleError`] names what is not understood.
    pub fn new(weekly: bool, at: &str, zone: Option<&str>) -> Result<Self, ScheduleError> {
        let minute = minutes(at).filter(|minute| *minute < MINUTES).ok_or_else(|| ScheduleError::Text(at.chars().take(100).collect()))?;
        Ok(Self { weekly, minute, zone: Schedule::parse(&[], zone)?.zone })
    }

    /// The next time after an instant.
    #[must_use]
    pub fn next_after(&self, now: TimestampMs) -> TimestampMs {
        let next = || {
            let mut day = self.zone.to_datetime(Timestamp::from_millisecond(now).ok()?).date();
            for _ in 0..9 {
                let time = day.at(i8::try_from(self.minute / 60).ok()?, i8::try_from(self.minute % 60).ok()?, 0, 0);
                let at = self.zone.to_ambiguous_timestamp(time).compatible().ok()?.as_millisecond();
                if at > now && (!self.weekly || day.weekday() == Weekday::Monday) {
                    return Some(at);
                }
                day = day.tomorrow().ok()?;
            }
            None
        };
        next().unwrap_or(now)
    }
}

fn range(text: &str) -> Result<Range, ScheduleError> {
    let fail = || ScheduleError::Text(text.chars().take(100).collect());
    let mut range = Range { weekdays: [true; 7], dates: (1, 31), minutes: (0, MINUTES) };
    let words: Vec<&str> = text.split_whitespace().collect();
    if words.is_empty() {
        return Err(fail());
    }
    for word in words {
        if let Some(dates) = word.strip_prefix("day:") {
            range.dates =
                dates.split_once('-').map_or((dates, dates), |pair| pair).try_map(|text: &str| text.parse().ok()).ok_or_else(fail)?;
        } else if word.contains(':') {
            range.minutes = word.split_once('-').and_then(|pair| pair.try_map(minutes)).ok_or_else(fail)?;
        } else {
            range.weekdays = weekdays(word).ok_or_else(fail)?;
        }
    }
    let (first, last) = range.dates;
    let (from, to) = range.minutes;
    if first < 1 || last > 31 || first > last || from == to || from >= MINUTES { Err(fail()) } else { Ok(range) }
}

/// Both parts of a pair, read alike.
trait TryMap<T> {
    fn try_map<U>(self, read: impl Fn(T) -> Option<U>) -> Option<(U, U)>;
}

impl<T> TryMap<T> for (T, T) {
    fn try_map<U>(self, read: impl Fn(T) -> Option<U>) -> Option<(U, U)> {
        Some((read(self.0)?, read(self.1)?))
    }
}

/// `09:30` as minutes of a day; `24:00` is its end.
fn minutes(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    let all = hour.checked_mul(60)?.checked_add(minute)?;
    (minute < 60 && all <= MINUTES).then_some(all)
}

/// `mon-fri` or `sat,sun`; `fri-mon` goes over the end of the week.
fn weekdays(word: &str) -> Option<[bool; 7]> {
    let day = |name: &str| DAYS.iter().position(|day| name.eq_ignore_ascii_case(day));
    let mut days = [false; 7];
    for part in word.split(',') {
        let (first, last) = part.split_once('-').map_or((part, part), |pair| pair).try_map(day)?;
        let count = (last + 7 - first) % 7;
        (first..=first + count).for_each(|at| days[at % 7] = true);
    }
    Some(days)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> TimestampMs {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    #[test]
    fn times_come_again_on_their_days_also_past_midnight() {
        for (text, time, within) in [
            // 2026-11-26 is a Thursday.
            ("mon-fri 09:00-18:00", "2026-11-26T09:00:00Z", true),
            ("mon-fri 09:00-18:00", "2026-11-26T08:59:59Z", false),
            ("mon-fri 09:00-18:00", "2026-11-26T18:00:00Z", false),
            ("mon-fri 09:00-18:00", "2026-11-28T10:00:00Z", false),
            ("Thu", "2026-11-26T23:59:59Z", true),
            ("sat,sun", "2026-11-29T12:00:00Z", true),
            ("fri-mon", "2026-11-30T12:00:00Z", true),
            ("fri-mon", "2026-12-01T12:00:00Z", false),
            ("thu 22:00-06:00", "2026-11-27T05:59:00Z", true),
            ("thu 22:00-06:00", "2026-11-26T05:59:00Z", false),
            ("22:00-24:00", "2026-11-26T23:59:00Z", true),
            ("sun day:1-7 02:00-04:00", "2026-12-06T03:00:00Z", true),
            ("sun day:1-7 02:00-04:00", "2026-12-13T03:00:00Z", false),
            ("day:26", "2026-11-26T03:00:00Z", true),
        ] {
            let schedule = Schedule::parse(&[text.to_owned()], Some("UTC")).unwrap();
            assert_eq!(schedule.contains(at(time)), within, "{text} at {time}");
        }
    }

    #[test]
    fn hours_are_those_of_the_time_zone() {
        let Ok(berlin) = Schedule::parse(&["09:00-10:00".to_owned()], Some("Europe/Berlin")) else { return };
        for (time, within) in [("2026-07-01T07:30:00Z", true), ("2026-12-01T08:30:00Z", true), ("2026-12-01T07:30:00Z", false)] {
            assert_eq!(berlin.contains(at(time)), within, "{time}");
        }
    }

    #[test]
    fn a_digest_comes_every_day_or_every_monday() {
        for (weekly, now, next) in [
            (false, "2026-11-26T07:59:59Z", "2026-11-26T08:00:00Z"),
            (false, "2026-11-26T08:00:00Z", "2026-11-27T08:00:00Z"),
            (true, "2026-11-26T07:00:00Z", "2026-11-30T08:00:00Z"),
            (true, "2026-11-30T08:00:00Z", "2026-12-07T08:00:00Z"),
        ] {
            assert_eq!(Digest::new(weekly, "08:00", Some("UTC")).unwrap().next_after(at(now)), at(next), "{now}");
        }
        assert!(Digest::new(false, "8 o'clock", Some("UTC")).is_err() && Digest::new(false, "24:00", Some("UTC")).is_err());
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in ["", "monday", "mon-", "09:00", "09:00-09:00", "25:00-26:00", "09:60-10:00", "day:0", "day:9-3", "day:x", "24:00-01:00"]
        {
            assert!(matches!(Schedule::parse(&[text.to_owned()], Some("UTC")), Err(ScheduleError::Text(_))), "{text}");
        }
        assert!(matches!(Schedule::parse(&[], Some("Moon/Sea")), Err(ScheduleError::Zone(_))));
    }
}
