//! Daily and weekly expectation: what this series usually shows at this hour of the day and of the week.
//!
//! Schedules shift: a job starts half an hour late, clocks change. So the neighbouring hours count too, and the
//! residual is the distance to the *nearest* of all expectations: a value is unexpected only if none explains it.

const HOUR_S: i64 = 3_600;
const DAY_HOURS: usize = 24;
const WEEK_HOURS: usize = 168;
/// Expectations for one moment: this hour and its neighbours, by day and by week.
const EXPECTATIONS: usize = 6;

/// A profile over the day and one over the week, hour by hour, in standard deviations.
#[derive(Debug, Clone)]
pub struct Season {
    day: [f32; DAY_HOURS],
    week: [f32; WEEK_HOURS],
    rate: f32,
}

impl Season {
    /// `rate` is the weight of the newest sample in the mean of its hour.
    pub fn new(rate: f32) -> Self {
        Self { day: [f32::NAN; DAY_HOURS], week: [f32::NAN; WEEK_HOURS], rate }
    }

    fn hours(at_s: i64) -> (usize, usize) {
        let hour = at_s.div_euclid(HOUR_S);
        (hour.rem_euclid(DAY_HOURS as i64) as usize, hour.rem_euclid(WEEK_HOURS as i64) as usize)
    }

    /// All expectations for `at_s`; none before this hour of the day was seen once.
    fn expectations(&self, at_s: i64) -> Option<[f32; EXPECTATIONS]> {
        let (day, week) = Self::hours(at_s);
        (!self.day[day].is_nan()).then(|| {
            [
                self.day[day],
                self.day[(day + 1) % DAY_HOURS],
                self.day[(day + DAY_HOURS - 1) % DAY_HOURS],
                self.week[week],
                self.week[(week + 1) % WEEK_HOURS],
                self.week[(week + WEEK_HOURS - 1) % WEEK_HOURS],
            ]
        })
    }

    /// Lowest and highest expectation for `at_s`.
    pub fn range(&self, at_s: i64) -> Option<(f32, f32)> {
        let expected = self.expectations(at_s)?;
        // `min` and `max` of floats pass over the hours that were never seen (NaN).
        Some((expected.iter().copied().fold(f32::NAN, f32::min), expected.iter().copied().fold(f32::NAN, f32::max)))
    }

    /// Signed distance of `value` to the nearest expectation. Then learns it.
    pub fn observe(&mut self, at_s: i64, value: f32) -> Option<f32> {
        let distances = self.expectations(at_s).map(|e| e.map(|expected| value - expected));
        let nearest = distances.and_then(|d| d.into_iter().filter(|d| !d.is_nan()).min_by(|a, b| a.abs().total_cmp(&b.abs())));
        let (day, week) = Self::hours(at_s);
        for hour in [&mut self.day[day], &mut self.week[week]] {
            *hour = if hour.is_nan() { value } else { *hour + (value - *hour) * self.rate };
        }
        nearest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trained() -> Season {
        let mut season = Season::new(0.2);
        for hour in 0..24 * 15 {
            let weekend = (hour / 24) % 7 >= 5;
            season.observe(hour * HOUR_S, if !weekend && (9..17).contains(&(hour % 24)) { 4.0 } else { 0.0 });
        }
        season
    }

    #[test]
    fn work_hours_are_expected_on_workdays_and_missed_when_they_lack() {
        // (day after training, hour, value, residual)
        let day = 24 * HOUR_S;
        for (at, value, residual) in [(21, 4.0, 0.0), (21, 9.0, 5.0), (21, -2.0, -4.6), (26, 0.0, 0.0)] {
            let found = trained().observe(at * day + 12 * HOUR_S, value).unwrap();
            assert!((found - residual).abs() < 0.9, "day {at} value {value}: {found}");
        }
    }

    #[test]
    fn an_hour_late_is_still_expected() {
        let found = trained().observe(21 * 24 * HOUR_S + 17 * HOUR_S, 4.0).unwrap();
        assert!(found.abs() < 0.5, "{found}");
    }

    #[test]
    fn nothing_is_expected_before_the_hour_was_seen() {
        assert_eq!(Season::new(0.2).range(5), None);
        assert_eq!(Season::new(0.2).observe(5, 1.0), None);
    }

    #[test]
    fn any_clock_is_accepted() {
        let mut season = Season::new(0.2);
        for at in [i64::MIN, i64::MAX, -1, 0, 1] {
            season.observe(at, 1.0);
            assert!(season.range(at).is_some());
        }
    }
}
