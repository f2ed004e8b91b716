//! Whether what there is will suffice: the highest figure of each day of the next week, and when a limit is reached.
//!
//! Pure. The peaks of whole days are a weekday's usual peak and a straight growth. The growth is what days of the same name differ by, its
//! doubt that of a regression whose residuals follow each other (an autoregression of first order; its estimate is lifted by the bias
//! that Kendall gave, 1954). A growth that the last week did not go on with is none: a step is no slope.

use std::collections::BTreeMap;

use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::model::TimestampMs;

const DAY_MS: i64 = 86_400_000;
/// Days that are looked ahead, today among them.
pub const DAYS: i64 = 8;
/// Whole days that are read at the most.
const MOST_DAYS: i64 = 56;
/// Days with figures that are needed, on average three of each name.
const MIN_DAYS: usize = 18;
/// What a weekday's peak and the growth take from them.
const PARAMETERS: f64 = 8.0;
/// Two-sided confidence of intervals, and of growth that is called so.
const LEVEL: f64 = 0.95;
const SURE: f64 = 0.99;
/// The share of its growth that the last week must have gone on with.
const GOES_ON: f64 = 0.5;

/// A figure with its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// Lower end.
    pub low: f64,
    /// As likely above as below.
    pub estimate: f64,
    /// Upper end.
    pub high: f64,
}

impl Range {
    /// The same of another figure, which rises with this one.
    #[must_use]
    pub fn map(self, figure: impl Fn(f64) -> f64) -> Self {
        Self { low: figure(self.low), estimate: figure(self.estimate), high: figure(self.high) }
    }
}

/// What the next week brings.
#[derive(Debug, Clone, PartialEq)]
pub struct Outlook {
    /// The peak of each day, by its begin.
    days: Vec<(TimestampMs, Range)>,
    /// Whether peaks grow beyond doubt.
    pub grows: bool,
}

/// Why nothing is said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unknown {
    /// Too few days are known.
    #[error("{0} whole days are known, and {MIN_DAYS} are needed")]
    TooFew(usize),
    /// A figure that cannot rise further does not show what more was wanted.
    #[error("it was at its limit in the last week, so it does not show what more was wanted")]
    AtLimit,
}

/// The days that are known, by number since 1970.
struct Known {
    peaks: BTreeMap<i64, f64>,
}

impl Known {
    fn peak(&self, day: i64) -> Option<f64> {
        self.peaks.get(&day).copied()
    }

    /// Mean day and mean peak of each day of the week.
    fn means(&self) -> BTreeMap<i64, (f64, f64, f64)> {
        let mut sums: BTreeMap<i64, (f64, f64, f64)> = BTreeMap::new();
        for (day, peak) in &self.peaks {
            let sum = sums.entry(day.rem_euclid(7)).or_default();
            *sum = (sum.0 + 1.0, sum.1 + *day as f64, sum.2 + peak);
        }
        sums.into_iter().map(|(name, (count, days, peaks))| (name, (count, days / count, peaks / count))).collect()
    }
}

/// Peaks as a usual one of each weekday and a growth.
struct Fit {
    means: BTreeMap<i64, (f64, f64, f64)>,
    /// By how much peaks grow a day.
    growth: f64,
    /// Sum of squares of days around the mean of their name.
    spread: f64,
    /// Standard deviation of residuals.
    deviation: f64,
    /// By how much dependence widens.
    dependence: f64,
    /// Degrees of freedom.
    freedom: f64,
}

impl Fit {
    fn new(known: &Known) -> Self {
        let means = known.means();
        let centred = known.peaks.iter().map(|(day, peak)| {
            let (_, mean_day, mean_peak) = means[&day.rem_euclid(7)];
            (*day as f64 - mean_day, peak - mean_peak)
        });
        let centred: Vec<(f64, f64)> = centred.collect();
        let spread: f64 = centred.iter().map(|(day, _)| day * day).sum();
        let growth = if spread > 0.0 { centred.iter().map(|(day, peak)| day * peak).sum::<f64>() / spread } else { 0.0 };
        let residuals: Vec<f64> = centred.iter().map(|(day, peak)| peak - growth * day).collect();
        let squares: f64 = residuals.iter().map(|left| left * left).sum();
        let count = residuals.len() as f64;
        let plain = residuals.windows(2).map(|pair| pair[0] * pair[1]).sum::<f64>() / squares.max(f64::MIN_POSITIVE);
        let dependent = (plain + (1.0 + 4.0 * plain) / count).clamp(0.0, 0.9);
        let dependence = (1.0 + dependent) / (1.0 - dependent);
        let freedom = (count - PARAMETERS).max(2.0);
        Self { means, growth, spread, deviation: (squares / freedom).sqrt(), dependence, freedom: (freedom / dependence).max(2.0) }
    }

    fn quantile(&self, level: f64) -> f64 {
        StudentsT::new(0.0, 1.0, self.freedom).map_or(f64::INFINITY, |t| t.inverse_cdf(f64::midpoint(1.0, level)))
    }

    fn doubt_of_growth(&self) -> f64 {
        self.deviation * (self.dependence / self.spread.max(f64::MIN_POSITIVE)).sqrt()
    }

    /// Whether days of the last week went on growing beside those a week before, by half of the growth at the least.
    fn goes_on(&self, known: &Known, today: i64) -> bool {
        let mut steps: Vec<f64> = (today - 7..today).filter_map(|day| Some(known.peak(day)? - known.peak(day - 7)?)).collect();
        steps.sort_by(f64::total_cmp);
        let median = steps.get(steps.len() / 2).copied();
        median.is_some_and(|median| median * self.growth.signum() >= GOES_ON * 7.0 * self.growth.abs())
    }

    fn peak(&self, day: i64, level: f64) -> Option<Range> {
        let (count, mean_day, mean_peak) = self.means.get(&day.rem_euclid(7))?;
        let ahead = day as f64 - mean_day;
        let doubt = 1.0 + self.dependence * (1.0 / count + ahead * ahead / self.spread.max(f64::MIN_POSITIVE));
        let (estimate, half) = (mean_peak + self.growth * ahead, self.quantile(level) * self.deviation * doubt.sqrt());
        Some(Range { low: estimate - half, estimate, high: estimate + half })
    }
}

/// The peaks of the next days, of figures by time. Days that are not over do not count.
///
/// # Errors
/// [`Unknown::TooFew`]
pub fn outlook(rows: &[(TimestampMs, f64)], now: TimestampMs) -> Result<Outlook, Unknown> {
    let today = now.div_euclid(DAY_MS);
    let mut peaks: BTreeMap<i64, f64> = BTreeMap::new();
    for (at, figure) in rows.iter().filter(|(_, figure)| figure.is_finite()) {
        let day = at.div_euclid(DAY_MS);
        if (today - MOST_DAYS..today).contains(&day) {
            let peak = peaks.entry(day).or_insert(f64::NEG_INFINITY);
            *peak = peak.max(*figure);
        }
    }
    // The first day may have begun in its middle.
    peaks.pop_first();
    let known = Known { peaks };
    if known.peaks.len() < MIN_DAYS {
        return Err(Unknown::TooFew(known.peaks.len()));
    }
    let whole = Fit::new(&known);
    let (goes_on, sure) = (whole.goes_on(&known, today), whole.quantile(SURE) * whole.doubt_of_growth());
    // Without growth, the last two weeks say what is usual; the doubt stays that of all that is known.
    let fit = if goes_on {
        whole
    } else {
        let lately = Known { peaks: known.peaks.range(today - 14..).map(|(day, peak)| (*day, *peak)).collect() };
        Fit { means: lately.means(), growth: 0.0, ..whole }
    };
    let days = (today..today + DAYS).filter_map(|day| Some((day * DAY_MS, fit.peak(day, LEVEL)?)));
    Ok(Outlook { days: days.collect(), grows: goes_on && fit.growth > sure })
}

impl Outlook {
    /// The highest peak of the week: the highest lower end, estimate and upper end of its days.
    #[must_use]
    pub fn highest(&self) -> Range {
        let most = |of: fn(&Range) -> f64| self.days.iter().map(|(_, peak)| of(peak)).fold(f64::NEG_INFINITY, f64::max);
        Range { low: most(|peak| peak.low), estimate: most(|peak| peak.estimate), high: most(|peak| peak.high) }
    }

    /// The begin of the first day whose peak is at a limit: at the earliest (upper ends), by the estimate, at the latest (lower ends); none
    /// where that is not within the week.
    #[must_use]
    pub fn reaches(&self, limit: f64) -> [Option<TimestampMs>; 3] {
        let first = |of: fn(&Range) -> f64| self.days.iter().find(|(_, peak)| of(peak) >= limit).map(|(day, _)| *day);
        [first(|peak| peak.high), first(|peak| peak.estimate), first(|peak| peak.low)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::random::Random;

    const HOUR: i64 = 3_600_000;
    const TODAY: i64 = 20_001;

    /// Hours of so many days, with these peaks at noon.
    fn rows(days: i64, peak: impl Fn(i64) -> f64) -> Vec<(TimestampMs, f64)> {
        (TODAY - days..TODAY)
            .flat_map(|day| (0..24).map(move |hour| (day, hour)))
            .map(|(day, hour)| (day * DAY_MS + hour * HOUR, if hour == 12 { peak(day) } else { 0.1 }))
            .collect()
    }

    fn of(days: i64, peak: impl Fn(i64) -> f64) -> Result<Outlook, Unknown> {
        outlook(&rows(days, peak), TODAY * DAY_MS + 5 * HOUR)
    }

    #[test]
    fn what_grows_goes_on_and_what_does_not_stays() {
        let jitter = |day: i64| 0.02 * (day * 7_919).rem_euclid(11) as f64 / 10.0;
        let weekday = |day: i64| if (0..5).contains(&(day + 3).rem_euclid(7)) { 0.0 } else { -0.2 };
        for (name, peak, grows, range) in [
            (
                "linear",
                Box::new(move |day: i64| 0.85 + 0.01 * (day - TODAY) as f64 + jitter(day)) as Box<dyn Fn(i64) -> f64>,
                true,
                0.90..0.96,
            ),
            ("with weekends", Box::new(move |day| 0.85 + 0.01 * (day - TODAY) as f64 + weekday(day) + jitter(day)), true, 0.89..0.96),
            ("flat", Box::new(move |day| 0.8 + weekday(day) + jitter(day)), false, 0.79..0.84),
            ("a step two weeks ago", Box::new(move |day| if day < TODAY - 14 { 0.4 } else { 0.8 } + jitter(day)), false, 0.79..0.84),
            ("less each day", Box::new(move |day| 0.8 - 0.01 * (day - TODAY) as f64 + jitter(day) - 0.28), false, 0.45..0.6),
        ] {
            let outlook = of(28, peak).unwrap();
            let highest = outlook.highest();
            assert!(outlook.grows == grows && range.contains(&highest.estimate), "{name}: {highest:?} {}", outlook.grows);
            assert!(highest.low <= highest.estimate && highest.estimate <= highest.high);
            let [earliest, estimate, latest] = outlook.reaches(highest.estimate);
            assert!(earliest <= estimate && estimate.is_some() && latest.is_none_or(|latest| Some(latest) >= estimate), "{name}");
        }
    }

    #[test]
    fn what_is_known_too_short_is_not_said() {
        assert_eq!(of(18, |_| 0.5), Err(Unknown::TooFew(17)));
        assert_eq!(of(0, |_| 0.5), Err(Unknown::TooFew(0)));
        assert!(of(19, |_| 0.5).is_ok());
    }

    #[test]
    fn peaks_that_follow_each_other_by_chance_are_seldom_called_growing_and_are_mostly_within_the_interval() {
        let (mut grows, mut within, mut judged) = (0, 0, 0);
        for seed in 0..200 {
            let mut random = Random::new(seed);
            let mut level = 0.0;
            let peaks: Vec<f64> = (0..35)
                .map(|_| {
                    level = 0.5 * level + 0.05 * random.normal();
                    0.6 + level
                })
                .collect();
            let outlook = of(28, |day| peaks[usize::try_from(day - TODAY + 28).unwrap()]).unwrap();
            grows += usize::from(outlook.grows);
            for (place, (_, peak)) in outlook.days.iter().take(7).enumerate() {
                judged += 1;
                within += usize::from((peak.low..=peak.high).contains(&peaks[28 + place]));
            }
        }
        assert!(grows <= 6, "{grows} of 200");
        let share = f64::from(u32::try_from(within).unwrap()) / f64::from(judged);
        assert!((0.92..0.995).contains(&share), "{share}");
    }
}
