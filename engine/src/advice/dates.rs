//! Dates at which something is full: their words, their evidence, and the series that keep them.

use super::Evidence;
use super::history::approximate;
use crate::forecast::fill::FillDate;
use crate::model::Labels;

/// Seconds of hours.
fn seconds(hours: f64) -> f64 {
    hours * 3_600.0
}

/// The interval of a date.
pub(super) fn range(date: FillDate) -> String {
    let words = |hours: f64| approximate(seconds(hours));
    match date.latest {
        Some(latest) => format!("with 95 % confidence in {} to {}", words(date.earliest), words(latest)),
        None => format!("with 95 % confidence not before {}; it may also never be full", words(date.earliest)),
    }
}

/// What stands behind a date: the date itself, the level now, and how much history it is drawn from.
pub(super) fn evidence(name: &str, date: FillDate, level: Evidence) -> Vec<Evidence> {
    let (low, high) = (Some(seconds(date.earliest)), date.latest.map(seconds));
    let time = Evidence { name: name.to_owned(), value: seconds(date.after), low, high, unit: "seconds".to_owned() };
    vec![time, level, Evidence::counted("time that this is drawn from", date.days * 86_400.0, "seconds")]
}

/// A date as series and seconds: the estimate, and the times before which a share of cases should come.
pub(super) fn times(
    estimate: &Evidence,
    labels: impl Fn(&str, &[(&str, &str)]) -> Labels,
    (whole, bound): (&str, &str),
) -> Vec<(Labels, f64)> {
    let mut times = vec![(labels(whole, &[]), estimate.value)];
    // What is full already is no forecast.
    if estimate.value > 0.0 {
        let bounds = [("0.025", estimate.low), ("0.5", Some(estimate.value)), ("0.975", estimate.high)];
        times.extend(bounds.into_iter().filter_map(|(share, seconds)| Some((labels(bound, &[("quantile", share)]), seconds?))));
    }
    times
}
