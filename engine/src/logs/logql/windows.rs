//! Values over ranges that end at the instants of a grid, from lines that come in any order.
//!
//! A line is counted once: in the part of time between two edges of ranges that it belongs to. What a range comes to is put together of its
//! parts, each of which is added once and removed once while the range moves on (two stacks, as for a queue with a running maximum).

use crate::logs::record::TimeNs;
use crate::promql::quantile;

/// The ranges, and the parts of time that they are made of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Windows {
    /// The time that the first range begins after.
    after: TimeNs,
    step: i64,
    /// Ranges.
    pub(super) count: usize,
    /// Whole steps of a range, and what is left of it.
    steps: u64,
    rest: i64,
}

impl Windows {
    /// Ranges of a length that end at `start` and then each `step`.
    pub(super) fn new(start: TimeNs, step: i64, count: usize, range: i64) -> Self {
        let after = start.saturating_sub(range);
        // The step from an only instant is never taken.
        let step = if count > 1 { step.max(1) } else { range.max(1) };
        Self { after, step, count, steps: (range / step) as u64, rest: range % step }
    }

    /// Parts of a step.
    fn parts(&self) -> u64 {
        if self.rest > 0 { 2 } else { 1 }
    }

    /// The part that a time is in; none for times that are in no range, as far as that is cheap to know.
    pub(super) fn part(&self, time: TimeNs) -> Option<u64> {
        let since = time.checked_sub(self.after)?.checked_sub(1).filter(|since| *since >= 0)?;
        let (step, within) = ((since / self.step) as u64, since % self.step);
        Some(if self.rest == 0 { step } else { step * 2 + u64::from(within >= self.rest) })
    }

    /// The parts of a range: the first, and the one after the last.
    fn of(&self, range: usize) -> (u64, u64) {
        let first = range as u64 * self.parts();
        (first, first + self.steps * self.parts() + u64::from(self.rest > 0))
    }

    /// What each range comes to; `parts` by rising number.
    pub(super) fn values<P: Partial>(&self, parts: &[(u64, P)], absent: f64) -> Vec<f64> {
        let mut queue = Queue { parts, from: 0, to: 0, middle: 0, front: Vec::new(), back: None };
        let value = |range: usize| {
            let (first, end) = self.of(range);
            queue.go_to(first, end);
            queue.value().unwrap_or(absent)
        };
        (0..self.count).map(value).collect()
    }
}

/// The parts of a range that moves on.
struct Queue<'p, P> {
    parts: &'p [(u64, P)],
    from: usize,
    to: usize,
    /// `front` has what the parts from here to `middle` come to, for each; the last is that of `from`.
    middle: usize,
    front: Vec<P>,
    /// What the parts from `middle` to `to` come to.
    back: Option<P>,
}

impl<P: Partial> Queue<'_, P> {
    fn go_to(&mut self, first: u64, end: u64) {
        while let Some((_, part)) = self.parts.get(self.to).filter(|(number, _)| *number < end) {
            if !P::SORTS {
                match &mut self.back {
                    Some(back) => back.merge(part),
                    None => self.back = Some(part.clone()),
                }
            }
            self.to += 1;
        }
        while self.from < self.to && self.parts[self.from].0 < first {
            if self.from == self.middle && !P::SORTS {
                self.turn();
            }
            self.front.pop();
            self.from += 1;
        }
        self.middle = self.middle.max(self.from);
    }

    /// Makes all parts those of the front.
    fn turn(&mut self) {
        self.middle = self.to;
        self.back = None;
        self.front.clear();
        for (_, part) in self.parts[self.from..self.to].iter().rev() {
            let mut sum = part.clone();
            if let Some(later) = self.front.last() {
                sum.merge(later);
            }
            self.front.push(sum);
        }
    }

    fn value(&self) -> Option<f64> {
        if P::SORTS {
            return P::of_all(&self.parts[self.from..self.to]);
        }
        match (self.front.last(), &self.back) {
            (Some(front), Some(back)) => {
                let mut sum = front.clone();
                sum.merge(back);
                Some(sum.value())
            }
            (Some(one), None) | (None, Some(one)) => Some(one.value()),
            (None, None) => None,
        }
    }
}

/// What lines of a part of time come to.
pub(super) trait Partial: Clone {
    /// Whether all values of a range are needed at once.
    const SORTS: bool = false;

    /// Of one line. `parameter` is that of the function.
    fn of(time: TimeNs, v: f64, parameter: f64) -> Self;

    /// Of the lines of both.
    fn merge(&mut self, other: &Self);

    fn value(&self) -> f64;

    /// Of many at once, where they are sorted.
    fn of_all(_: &[(u64, Self)]) -> Option<f64> {
        None
    }

    /// Memory that one more line takes.
    fn bytes_per_line() -> usize {
        0
    }
}

/// The sum of values; lines are counted as a sum of ones.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sum(f64);

impl Partial for Sum {
    fn of(_: TimeNs, v: f64, _: f64) -> Self {
        Self(v)
    }

    fn merge(&mut self, other: &Self) {
        self.0 += other.0;
    }

    fn value(&self) -> f64 {
        self.0
    }
}

/// The smallest value; NaN only where there is nothing else.
#[derive(Debug, Clone, Copy)]
pub(super) struct Least(f64);

impl Partial for Least {
    fn of(_: TimeNs, v: f64, _: f64) -> Self {
        Self(v)
    }

    fn merge(&mut self, other: &Self) {
        self.0 = self.0.min(other.0);
    }

    fn value(&self) -> f64 {
        self.0
    }
}

/// The largest value; NaN only where there is nothing else.
#[derive(Debug, Clone, Copy)]
pub(super) struct Most(f64);

impl Partial for Most {
    fn of(_: TimeNs, v: f64, _: f64) -> Self {
        Self(v)
    }

    fn merge(&mut self, other: &Self) {
        self.0 = self.0.max(other.0);
    }

    fn value(&self) -> f64 {
        self.0
    }
}

/// The value of the first line.
#[derive(Debug, Clone, Copy)]
pub(super) struct First(TimeNs, f64);

impl Partial for First {
    fn of(time: TimeNs, v: f64, _: f64) -> Self {
        Self(time, v)
    }

    fn merge(&mut self, other: &Self) {
        if other.0 < self.0 {
            *self = *other;
        }
    }

    fn value(&self) -> f64 {
        self.1
    }
}

/// The value of the last line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Last(TimeNs, f64);

impl Partial for Last {
    fn of(time: TimeNs, v: f64, _: f64) -> Self {
        Self(time, v)
    }

    fn merge(&mut self, other: &Self) {
        if other.0 >= self.0 {
            *self = *other;
        }
    }

    fn value(&self) -> f64 {
        self.1
    }
}

/// Count, mean, and sum of squared distances from the mean (Chan, Golub, LeVeque 1979).
#[derive(Debug, Clone, Copy)]
struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    fn of(v: f64) -> Self {
        Self { count: 1.0, mean: v, squares: 0.0 }
    }

    fn merge(&mut self, other: &Self) {
        let count = self.count + other.count;
        let apart = other.mean - self.mean;
        self.mean += apart * other.count / count;
        self.squares += other.squares + apart * apart * self.count * other.count / count;
        self.count = count;
    }
}

macro_rules! of_moments {
    ($($(#[$doc:meta])* $name:ident: $value:expr;)+) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy)]
            pub(super) struct $name(Moments);

            impl Partial for $name {
                fn of(_: TimeNs, v: f64, _: f64) -> Self {
                    Self(Moments::of(v))
                }

                fn merge(&mut self, other: &Self) {
                    self.0.merge(&other.0);
                }

                fn value(&self) -> f64 {
                    let value: fn(&Moments) -> f64 = $value;
                    value(&self.0)
                }
            }
        )+
    };
}

of_moments! {
    /// The mean.
    Mean: |moments| moments.mean;
    /// The variance of all values.
    Variance: |moments| moments.squares / moments.count;
    /// The standard deviation of all values.
    Deviation: |moments| (moments.squares / moments.count).sqrt();
}

/// A quantile.
#[derive(Debug, Clone)]
pub(super) struct Quantile {
    q: f64,
    values: Vec<f64>,
}

impl Partial for Quantile {
    const SORTS: bool = true;

    fn of(_: TimeNs, v: f64, q: f64) -> Self {
        Self { q, values: vec![v] }
    }

    fn merge(&mut self, other: &Self) {
        self.values.extend_from_slice(&other.values);
    }

    fn value(&self) -> f64 {
        quantile(self.q, &mut self.values.clone())
    }

    fn of_all(parts: &[(u64, Self)]) -> Option<f64> {
        let q = parts.first()?.1.q;
        let mut values: Vec<f64> = parts.iter().flat_map(|(_, part)| &part.values).copied().collect();
        Some(quantile(q, &mut values))
    }

    fn bytes_per_line() -> usize {
        2 * size_of::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What each range comes to, worked out from the lines themselves.
    fn plainly<P: Partial>(lines: &[(i64, f64)], start: i64, step: i64, count: usize, range: i64) -> Vec<f64> {
        let end = |n: usize| start + n as i64 * step;
        let within = |n: usize| lines.iter().filter(move |(time, _)| *time > end(n) - range && *time <= end(n));
        let value = |n: usize| {
            let sum = within(n).map(|(time, v)| P::of(*time, *v, 0.5)).reduce(|mut sum, one| {
                sum.merge(&one);
                sum
            });
            sum.map_or(-1.0, |sum| sum.value())
        };
        (0..count).map(value).collect()
    }

    fn by_parts<P: Partial>(lines: &[(i64, f64)], start: i64, step: i64, count: usize, range: i64) -> Vec<f64> {
        let windows = Windows::new(start, step, count, range);
        let mut parts = std::collections::BTreeMap::<u64, P>::new();
        for (time, v) in lines {
            let Some(part) = windows.part(*time) else { continue };
            let one = P::of(*time, *v, 0.5);
            parts.entry(part).and_modify(|sum| sum.merge(&one)).or_insert(one);
        }
        windows.values(&parts.into_iter().collect::<Vec<_>>(), -1.0)
    }

    proptest! {
        #[test]
        fn ranges_of_parts_come_to_what_their_lines_do(
            lines in prop::collection::vec((-50i64..250, -5i32..6), 0..80),
            start in -20i64..60, step in 1i64..40, count in 1usize..12, range in 1i64..90,
        ) {
            // Each time once, so that there is one first and one last line.
            let lines: std::collections::BTreeMap<i64, f64> = lines.into_iter().map(|(time, v)| (time, f64::from(v))).collect();
            let lines: Vec<(i64, f64)> = lines.into_iter().filter(|(time, _)| *time <= start + (count as i64 - 1) * step).collect();
            macro_rules! same {
                ($($partial:ident)+) => {$(
                    let (wanted, found) = (plainly::<$partial>(&lines, start, step, count, range), by_parts::<$partial>(&lines, start, step, count, range));
                    for (wanted, found) in wanted.iter().zip(&found) {
                        prop_assert!((wanted - found).abs() < 1e-9, "{}: {wanted} {found}", stringify!($partial));
                    }
                )+};
            }
            same!(Sum Least Most First Last Mean Variance Quantile);
        }
    }
}
