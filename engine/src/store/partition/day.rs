//! UTC days.

use jiff::civil::Date;
use jiff::{Span as CivilSpan, ToSpan};

use crate::model::TimestampMs;

/// Milliseconds of a day.
pub(crate) const DAY_MS: i64 = 86_400_000;

/// A UTC day, counted from the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Day(pub(crate) i64);

impl Day {
    pub(crate) fn of(t: TimestampMs) -> Self {
        Self(t.div_euclid(DAY_MS))
    }

    pub(crate) fn start(self) -> TimestampMs {
        self.0.saturating_mul(DAY_MS)
    }

    pub(crate) fn end(self) -> TimestampMs {
        (self.0 + 1).saturating_mul(DAY_MS)
    }

    pub(crate) fn name(self) -> String {
        let span: CivilSpan = self.0.clamp(-1_000_000, 1_000_000).days();
        EPOCH.saturating_add(span).to_string()
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        let date: Date = name.parse().ok()?;
        let day = Self(i64::from(EPOCH.until(date).ok()?.get_days()));
        (day.name() == name).then_some(day)
    }
}

const EPOCH: Date = Date::constant(1970, 1, 1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_the_names_of_their_dates() {
        for (t, name) in [(0, "1970-01-01"), (-1, "1969-12-31"), (1_795_500_000_000, "2026-11-24")] {
            assert_eq!(Day::of(t).name(), name);
            assert_eq!(Day::parse(name), Some(Day::of(t)));
        }
        assert_eq!(Day::parse("2026-13-01"), None);
    }
}
