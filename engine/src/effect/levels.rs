//! The time before a moment may be of two levels itself: a build became slow on Monday and was mended on Thursday. Compared with the week
//! before, of which half was fast, the change would be lost. Where the level changed clearly before the moment, the time since then is what
//! is compared with; the time before that says how the times of the week differ and how much chance moves.
//!
//! What is compared are half days: each has a level (before the last change, since then, after the moment) and a time of the week, and both
//! are fitted together. What is left over has a memory, as in [`super::variance`].

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::change_point::{change_point, hour_of_week};
use super::{Direction, Effect, Estimate, HOUR, Hours, MAX_DAYS, PART, Pair, WEEK_HOURS, WITHIN, variance};

/// Hours with values on each side of a change of level.
const LEAST_HOURS: usize = 24;
/// Half days of the newest level before the moment, at the least.
const LEAST_PARTS: usize = 2;
/// A change before the moment counts beyond so many standard errors: where it is chance alone, most of the history would be given up for it.
const CLEAR: f64 = 6.0;
/// Its least size, as a share of the level.
const COUNTS: f64 = 0.1;
/// From so many weeks on, each hour of the week is a group of its own.
const LONG: i64 = 3;
/// The half days of a week.
const SLOTS: i64 = WEEK_HOURS / PART;

/// Where the level before a moment last changed, by hours: until when the older level was, and from when the newer one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LastChange {
    pub(super) until: i64,
    pub(super) begin: i64,
    /// The likeliest first hour of the newer one.
    at: i64,
}

/// A half day: when it begins, its level, and the mean of the series and of the control.
#[derive(Debug, Clone, Copy)]
struct Part {
    start: i64,
    level: usize,
    own: f64,
    others: f64,
}

/// A level that has lasted until now, beside the one before it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Step {
    /// The likeliest first hour of the new level, in hours after 1970.
    pub(crate) at: i64,
    /// The first hour of which it is sure that it is of the new level, in hours after 1970.
    pub(crate) begin: i64,
    /// The hour before which all are of the older level.
    pub(crate) until: i64,
    /// The means of both.
    pub(crate) means: (f64, f64),
    /// The new one divided by the old one, with its 95 % interval.
    pub(crate) ratio: Estimate,
}

/// The last clear change of level in the weeks before a moment.
pub(super) fn last_change(series: &Hours, control: Option<&Hours>, first: i64) -> Option<LastChange> {
    newest_change(series, control, (first - MAX_DAYS * 24, first)).map(|(change, _)| change)
}

/// The last clear change of level of a series above zero, in so many days before an hour.
pub(crate) fn last_step(series: &Hours, now: i64, days: i64) -> Option<Step> {
    let (change, begin) = newest_change(series, None, (now - days * 24, now))?;
    let parts = before_and_since(series, None, (begin, now), change);
    let fit = Fit::of(&parts, 2, false, now).filter(|fit| fit.positive)?;
    let of = |level: usize| mean(parts.iter().filter(|part| part.level == level).map(|part| part.own));
    let margin = fit.margin(WITHIN);
    let ratio = Estimate { value: fit.change, low: fit.change - margin, high: fit.change + margin }.map(f64::exp);
    Some(Step { at: change.at, begin: change.begin, until: change.until, means: (of(0), of(1)), ratio })
}

/// The newest clear change between two hours, and the first hour of the level before it.
fn newest_change(series: &Hours, control: Option<&Hours>, (start, first): (i64, i64)) -> Option<(LastChange, i64)> {
    let known: Vec<(i64, f64, f64)> = series
        .range(start..first)
        .filter_map(|(hour, own)| Some((*hour, *own, control.map_or(Some(1.0), |control| control.get(hour).copied())?)))
        .collect();
    let positive = known.iter().all(|(_, own, others)| *own > 0.0 && *others > 0.0);
    let values: Vec<f64> = known.iter().map(|(_, own, others)| value(*own, *others, positive, control.is_some())).collect();
    let (mut from, mut last) = (0, None);
    let groups_of = |known: &[(i64, f64, f64)]| -> Vec<usize> {
        let long = known.first().zip(known.last()).is_some_and(|(first, last)| last.0 - first.0 >= LONG * WEEK_HOURS);
        // Each hour of the week is seen several times then; before, each hour of workdays and of weekends is.
        let slot = |hour: i64| if long { usize::try_from(hour.rem_euclid(WEEK_HOURS)).unwrap_or(0) } else { hour_of_week(hour) };
        known.iter().map(|(hour, ..)| slot(*hour)).collect()
    };
    // The newest of several: each is searched for after the one before.
    while let Some(found) = change_point(&values[from..], &groups_of(&known[from..]), LEAST_HOURS).filter(|found| found.is_rare) {
        let (low, high) = (from + found.bounds.0, from + found.bounds.1);
        let change = LastChange { until: known[low - 1].0 + 1, begin: known[high].0, at: known[from + found.first].0 };
        let begin = known[from].0;
        let size = if positive { found.by.abs() } else { found.by.abs() / mean(known[from..].iter().map(|one| one.1.abs())) };
        if size < COUNTS || !is_clear(series, control, (begin, first), change) {
            break;
        }
        (from, last) = (high, Some((change, begin)));
    }
    last
}

/// The half days before and since a change.
fn before_and_since(series: &Hours, control: Option<&Hours>, (begin, first): (i64, i64), change: LastChange) -> Vec<Part> {
    parts(series, control, first, |start| {
        let end = start + PART;
        if start >= begin && end <= change.until { Some(0) } else { (start >= change.begin && end <= first).then_some(1) }
    })
}

/// Whether the levels before and since a change differ by far more than chance explains.
fn is_clear(series: &Hours, control: Option<&Hours>, (begin, first): (i64, i64), change: LastChange) -> bool {
    let parts = before_and_since(series, control, (begin, first), change);
    let newest = parts.iter().filter(|part| part.level == 1).count();
    let fitted = Fit::of(&parts, 2, control.is_some(), first);
    newest >= LEAST_PARTS && fitted.is_some_and(|fit| fit.change.abs() > CLEAR * fit.error())
}

/// The effect of a change at a moment, compared with the level since the last change before it. None where there are too few half days.
pub(super) fn since(
    (series, control): (&Hours, Option<&Hours>),
    change: LastChange,
    first: i64,
    (days, usual): (i64, &[i64]),
    within: f64,
) -> Option<Effect> {
    let parts = parts(series, control, first, |start| {
        let end = start + PART;
        if end <= change.until {
            Some(0)
        } else if start >= change.begin && end <= first {
            Some(1)
        } else {
            usual.contains(&start).then_some(2)
        }
    });
    let fit = Fit::of(&parts, 3, control.is_some(), first)?;
    let of = |level: usize| parts.iter().filter(move |part| part.level == level);
    let means = |value: fn(&Part) -> f64| (mean(of(1).map(value)), mean(of(2).map(value)));
    let (mean_before, mean_after) = means(|part| part.own);
    let margin = fit.margin(within);
    let estimate = Estimate { value: fit.change, low: fit.change - margin, high: fit.change + margin };
    let ratio = fit.positive.then(|| estimate.map(f64::exp));
    let difference = ratio.map_or(estimate, |ratio| ratio.map(|ratio| mean_before * (ratio - 1.0)));
    let before = (change.begin * HOUR, first * HOUR);
    Some(Effect {
        before,
        after: (first * HOUR, (first + days * 24) * HOUR),
        mean_before,
        mean_after,
        ratio,
        difference,
        direction: Direction::of(difference),
        pairs: pairs(&parts, first),
        control: control.map(|_| means(|part| part.others)),
        since: Some(before.0),
    })
}

/// Each half day after the moment beside one of the same time of the day before it.
fn pairs(parts: &[Part], first: i64) -> Vec<Pair> {
    let phase = |part: &Part| (part.start - first).div_euclid(PART).rem_euclid(2);
    let mut turns = [0, 0];
    let after = parts.iter().filter(|part| part.level == 2);
    let pair = |part: &Part| {
        let alike: Vec<&Part> = parts.iter().filter(|other| other.level == 1 && phase(other) == phase(part)).collect();
        let turn = &mut turns[usize::from(phase(part) == 1)];
        *turn += 1;
        let before = alike.get((*turn - 1) % alike.len().max(1))?.own;
        Some(Pair { start: part.start * HOUR, before, after: part.own })
    };
    after.filter_map(pair).collect()
}

/// The half days of the levels that `level` gives, by their first hours.
fn parts(series: &Hours, control: Option<&Hours>, first: i64, level: impl Fn(i64) -> Option<usize>) -> Vec<Part> {
    let Some(begin) = series.keys().next() else { return Vec::new() };
    let starts = ((begin - first).div_euclid(PART)..2 * MAX_DAYS).map(|number| first + number * PART);
    let part = |start: i64| {
        let level = level(start)?;
        let hours = series.range(start..start + PART);
        let both: Vec<(f64, f64)> =
            hours.filter_map(|(hour, own)| Some((*own, control.map_or(Some(1.0), |control| control.get(hour).copied())?))).collect();
        let (own, others) = (mean(both.iter().map(|both| both.0)), mean(both.iter().map(|both| both.1)));
        (!both.is_empty()).then_some(Part { start, level, own, others })
    };
    starts.filter_map(part).collect()
}

fn value(own: f64, others: f64, positive: bool, controlled: bool) -> f64 {
    match (positive, controlled) {
        (true, _) => own.ln() - others.ln(),
        (false, true) => own - others,
        (false, false) => own,
    }
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (count, sum) = values.fold((0.0, 0.0), |(count, sum), value| (count + 1.0, sum + value));
    sum / count
}

/// A fit of levels and times of the week by least squares, and the difference of the last two levels.
struct Fit {
    change: f64,
    /// What the variance of one value is multiplied by for that of `change`.
    share: f64,
    left: Vec<f64>,
    levels: usize,
    fitted: usize,
    positive: bool,
}

impl Fit {
    fn of(parts: &[Part], levels: usize, controlled: bool, first: i64) -> Option<Self> {
        let positive = parts.iter().all(|part| part.own > 0.0 && part.others > 0.0);
        let slot = |part: &Part| (part.start - first).div_euclid(PART).rem_euclid(SLOTS);
        let mut slots: Vec<i64> = parts.iter().map(slot).collect();
        slots.sort_unstable();
        slots.dedup();
        // The levels are those of the first time of the week; the others differ from it.
        let fitted = levels + slots.len().checked_sub(1)?;
        if parts.len() < fitted + LEAST_PARTS {
            return None;
        }
        let column = |part: &Part| slots.binary_search(&slot(part)).ok().filter(|at| *at > 0).map(|at| levels + at - 1);
        let (mut squares, mut products) = (vec![vec![0.0; fitted]; fitted], vec![0.0; fitted]);
        let values: Vec<f64> = parts.iter().map(|part| value(part.own, part.others, positive, controlled)).collect();
        for (part, value) in parts.iter().zip(&values) {
            let columns: Vec<usize> = std::iter::once(part.level).chain(column(part)).collect();
            for a in &columns {
                products[*a] += value;
                columns.iter().for_each(|b| squares[*a][*b] += 1.0);
            }
        }
        let inverse = inverted(squares)?;
        let coefficients: Vec<f64> = inverse.iter().map(|row| row.iter().zip(&products).map(|(a, b)| a * b).sum()).collect();
        let (a, b) = (levels - 1, levels - 2);
        let expected = |part: &Part| coefficients[part.level] + column(part).map_or(0.0, |column| coefficients[column]);
        Some(Self {
            change: coefficients[a] - coefficients[b],
            share: inverse[a][a] + inverse[b][b] - 2.0 * inverse[a][b],
            left: parts.iter().zip(&values).map(|(part, value)| value - expected(part)).collect(),
            levels,
            fitted,
            positive,
        })
    }

    /// The standard error of the change, and its degrees of freedom: corrected for what the fit takes of both.
    fn error_and_freedom(&self) -> (f64, f64) {
        let (long_run, waves) = variance::long_run(&self.left, variance::OF_LEVELS);
        let (count, free) = (self.left.len() as f64, (waves - self.levels + 1).max(1) as f64);
        let lost = count / (count - self.fitted as f64) * waves as f64 / free;
        ((long_run * lost * self.share).sqrt(), free)
    }

    fn error(&self) -> f64 {
        self.error_and_freedom().0
    }

    /// Half the width of the interval of the change, each end of which leaves out `1 - within`.
    fn margin(&self, within: f64) -> f64 {
        let (error, free) = self.error_and_freedom();
        StudentsT::new(0.0, 1.0, free).map_or(f64::INFINITY, |student| student.inverse_cdf(within)) * error
    }
}

/// The inverse of a symmetric matrix by Gauss and Jordan; none where it is singular: levels and times of the week coincide.
fn inverted(mut matrix: Vec<Vec<f64>>) -> Option<Vec<Vec<f64>>> {
    let size = matrix.len();
    for (row, values) in matrix.iter_mut().enumerate() {
        values.extend((0..size).map(|column| if column == row { 1.0 } else { 0.0 }));
    }
    for at in 0..size {
        let pivot = (at..size).max_by(|a, b| matrix[*a][at].abs().total_cmp(&matrix[*b][at].abs()))?;
        matrix.swap(at, pivot);
        let scale = matrix[at][at];
        if scale.abs() < 1e-9 {
            return None;
        }
        matrix[at].iter_mut().for_each(|value| *value /= scale);
        let own = matrix[at].clone();
        for (_, values) in matrix.iter_mut().enumerate().filter(|(row, _)| *row != at) {
            let by = values[at];
            values.iter_mut().zip(&own).for_each(|(value, own)| *value -= by * own);
        }
    }
    Some(matrix.into_iter().map(|mut row| row.split_off(size)).collect())
}
