//! What else moved while an alert began: each series compared with its own past, and with the course of the alert's series.
//!
//! A series counts for its step from just before the window into it, and for its level within it. Both are ranked among the steps and
//! levels that the series had before: a series that often jumps, or one that spikes all the time, has done so before and counts for
//! little. Beyond the largest of the past it counts for more the further it goes. That is multiplied by how closely the series followed the
//! alert's own course, so that what moved ten minutes earlier, or came back, comes behind what moved with it.

use serde::{Deserialize, Serialize};

use super::curve::{correlation, mean, resampled};
use crate::model::{Columns, Labels, TimestampMs};

/// Steps of a window.
const STEPS: usize = 4;
/// Shortest window: in less of a course nothing can be compared.
pub const SHORTEST_MS: i64 = 60_000;
/// Longest window.
const LONGEST_MS: i64 = 3_600_000;
/// The past that a window is compared with: at least so long, and at least so many windows.
const PAST_MS: i64 = 6 * 3_600_000;
const PAST_WINDOWS: i64 = 24;
/// Fewest earlier windows of a series: of one that is younger nobody knows what is usual.
pub const MIN_SLOTS: usize = 12;
/// Courses are compared in so many finer steps, from as long before the window as it lasts, and at least from so long before it.
const COURSE_STEPS: usize = 64;
const COURSE_MS: i64 = 10 * 60_000;
/// A series may follow, or go ahead, by so much; it has samples only now and then.
const LAG_MS: i64 = 30_000;
/// The power of the correlation that the score has: what moved at another time falls off quickly.
const TOGETHER_POWER: i32 = 4;
/// The logarithm of "by so much further than ever before" counts this much, up to a bound.
const BEYOND: f64 = 1.5;
const MOST_BEYOND: f64 = 5.0;
/// How much the level counts beside the step.
const LEVEL: f64 = 0.5;
/// Least score, correlation and distance of what is listed.
const LEAST_SCORE: f64 = 2.0;
const LEAST_TOGETHER: f64 = 0.5;
const LEAST_Z: f64 = 3.0;
/// The largest distance that is shown; beyond it figures have no meaning.
const MOST_Z: f64 = 1_000.0;
/// The spread is at least this part of the usual level: a constant has none.
const LEAST_SPREAD: f64 = 1e-3;
/// A standard deviation, of a normal distribution, in median absolute deviations.
const DEVIATIONS: f64 = 1.4826;
/// Most series that are listed, and most of one metric.
const MOST: usize = 8;
const MOST_OF_METRIC: usize = 2;

/// The times that are compared: even steps, of which the last ones are the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// Where the past begins.
    pub start: TimestampMs,
    /// The length of a step, ms.
    pub step: i64,
    /// How many steps.
    pub steps: usize,
}

impl Frame {
    /// Compares `(from, to]` with what was before.
    #[must_use]
    pub fn new(from: TimestampMs, to: TimestampMs) -> Self {
        let length = to.saturating_sub(from).clamp(SHORTEST_MS, LONGEST_MS);
        let step = length / STEPS as i64;
        let windows = (PAST_MS / length).max(PAST_WINDOWS) + 1;
        let steps = usize::try_from(windows).unwrap_or(0) * STEPS;
        Self { start: to - step * steps as i64, step, steps }
    }

    /// Where the window begins.
    #[must_use]
    pub fn window_from(&self) -> TimestampMs {
        self.end() - self.step * STEPS as i64
    }

    /// Where the window ends.
    #[must_use]
    pub fn end(&self) -> TimestampMs {
        self.start + self.step * self.steps as i64
    }

    fn curve(&self, columns: &Columns, is_counter: bool) -> Vec<f64> {
        resampled(columns, is_counter, self.start, self.step, self.steps)
    }
}

/// The course of the alert itself, which others are compared with.
#[derive(Debug, Clone)]
pub struct Reference {
    /// What is compared.
    pub frame: Frame,
    start: TimestampMs,
    step: i64,
    course: Vec<f64>,
}

impl Reference {
    /// Of an alert whose series is known: the window begins where the series began to move, which may be before the condition held.
    #[must_use]
    pub fn of_series(columns: &Columns, is_counter: bool, from: TimestampMs, to: TimestampMs) -> Self {
        let since = Self::since(onset(columns, is_counter, from, to), to);
        let course = since.curve(columns, is_counter);
        if correlation(&course, &course).is_some() { Self { course, ..since } } else { Self::since(from, to) }
    }

    /// Of an alert whose series is not known: it was not there, and then it was.
    #[must_use]
    pub fn since(from: TimestampMs, to: TimestampMs) -> Self {
        let frame = Frame::new(from, to);
        let (begin, end) = (frame.window_from(), frame.end());
        let start = begin - (end - begin).max(COURSE_MS);
        let step = ((end - start) / COURSE_STEPS as i64).max(1);
        let course = (1..=COURSE_STEPS as i64).map(|at| if start + step * at <= begin { 0.0 } else { 1.0 }).collect();
        Self { frame, start, step, course }
    }

    fn curve(&self, columns: &Columns, is_counter: bool) -> Vec<f64> {
        resampled(columns, is_counter, self.start, self.step, COURSE_STEPS)
    }

    /// How closely a series followed: the largest correlation over the lags that may be, signed.
    fn together(&self, columns: &Columns, is_counter: bool) -> f64 {
        let own = self.curve(columns, is_counter);
        let most = usize::try_from(LAG_MS / self.step).unwrap_or(0).clamp(1, COURSE_STEPS / 8);
        let lagged = |lag: usize| {
            let (first, last) = (&own[lag..], &own[..COURSE_STEPS - lag]);
            [correlation(first, &self.course[..COURSE_STEPS - lag]), correlation(last, &self.course[lag..])]
        };
        (0..=most).flat_map(lagged).flatten().fold(0.0, |best: f64, r| if r.abs() > best.abs() { r } else { best })
    }
}

/// When a series began to move, at the latest at `from`: where the means before and after differ most.
fn onset(columns: &Columns, is_counter: bool, from: TimestampMs, to: TimestampMs) -> TimestampMs {
    const PARTS: usize = 48;
    let length = to.saturating_sub(from).clamp(SHORTEST_MS, LONGEST_MS);
    let start = from - length.max(10 * 60_000);
    let step = ((to - start) / PARTS as i64).max(1);
    let curve = resampled(columns, is_counter, start, step, PARTS);
    let contrast = |at: usize| {
        let (before, after) = (mean(&curve[..at]), mean(&curve[at..]));
        let weight = (at * (PARTS - at)) as f64;
        Some(weight * (before - after).powi(2)).filter(|contrast| contrast.is_finite())
    };
    let best = (1..PARTS).filter_map(|at| Some((at, contrast(at)?))).max_by(|a, b| a.1.total_cmp(&b.1));
    best.map_or(from, |(at, _)| (start + step * at as i64).min(from))
}

/// A series that moved. Values of a counter are rates per second.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Moved {
    /// Which.
    pub metric: Labels,
    /// Its mean within the window.
    pub value: f64,
    /// Where nine in ten of its means were before.
    pub low: f64,
    /// The upper end of that.
    pub high: f64,
    /// How far its level or its step is from the usual one, in robust standard deviations; at most 1000.
    pub z: f64,
    /// In how many of the windows before it was as far away.
    pub reached_by: usize,
    /// How many windows before were compared.
    pub windows: usize,
    /// How closely it followed the alert's own course, -1 to 1.
    pub together: f64,
    /// By what it is ranked: how rare that is, in nats, by how closely it followed.
    pub score: f64,
}

/// Compares a series; none where too little of its past is known, or it does not say anything now.
#[must_use]
pub fn judge(metric: &Labels, columns: &Columns, is_counter: bool, reference: &Reference) -> Option<Moved> {
    let curve = reference.frame.curve(columns, is_counter);
    // The window first, then the windows before it, the newest first.
    let means: Vec<f64> = curve.rchunks_exact(STEPS).map(mean).collect();
    let value = *means.first().filter(|value| !value.is_nan())?;
    let past: Vec<f64> = means[1..].iter().copied().filter(|mean| !mean.is_nan()).collect();
    if past.len() < MIN_SLOTS {
        return None;
    }
    let steps: Vec<f64> = (0..means.len()).map(|at| step_at(&means, at)).collect();
    let step = steps[0];
    // The step of the window before may be the beginning of this one.
    let past_steps: Vec<f64> = steps[2..].iter().copied().filter(|step| !step.is_nan()).collect();
    let (of_level, of_step) = (Usual::of(&past), Usual::around_zero(&past_steps, &past));
    let level = of_level.rarity(value);
    let stepped = if step.is_nan() { Rarity::default() } else { of_step.rarity(step) };
    let together = reference.together(columns, is_counter);
    let score = (stepped.nats + LEVEL * level.nats) * together.abs().powi(TOGETHER_POWER);
    if !value.is_finite() || !score.is_finite() {
        return None;
    }
    let rarest = if stepped.nats > level.nats { stepped } else { level };
    Some(Moved {
        metric: metric.clone(),
        value,
        low: of_level.quantile(0.05),
        high: of_level.quantile(0.95),
        z: rarest.z.min(MOST_Z),
        reached_by: rarest.reached_by,
        windows: past.len(),
        together,
        score,
    })
}

/// The larger of the steps to a window from the one before it, and from the one before that.
fn step_at(means: &[f64], at: usize) -> f64 {
    let from = |before: usize| means.get(at + before).map_or(f64::NAN, |mean| means[at] - mean);
    let (near, far) = (from(1), from(2));
    if near.is_nan() || far.abs() > near.abs() { far } else { near }
}

/// How rare a value is among those of the past.
#[derive(Debug, Clone, Copy, Default)]
struct Rarity {
    z: f64,
    reached_by: usize,
    nats: f64,
}

/// What is usual: the values of the past, sorted, with their middle and spread.
struct Usual {
    sorted: Vec<f64>,
    middle: f64,
    spread: f64,
    /// Distances from the middle, sorted.
    distances: Vec<f64>,
}

impl Usual {
    fn of(past: &[f64]) -> Self {
        let mut sorted = past.to_vec();
        sorted.sort_by(f64::total_cmp);
        let middle = at(&sorted, 0.5);
        Self::around(sorted, middle, middle.abs() * LEAST_SPREAD)
    }

    /// Of steps, which have no level of their own; the spread of `levels` is the least that means anything.
    fn around_zero(steps: &[f64], levels: &[f64]) -> Self {
        let mut sorted = steps.to_vec();
        sorted.sort_by(f64::total_cmp);
        let mut levels: Vec<f64> = levels.iter().map(|level| level.abs()).collect();
        levels.sort_by(f64::total_cmp);
        let least = at(&levels, 0.5) * LEAST_SPREAD;
        Self::around(sorted, 0.0, least)
    }

    fn around(sorted: Vec<f64>, middle: f64, least: f64) -> Self {
        let mut distances: Vec<f64> = sorted.iter().map(|v| (v - middle).abs()).collect();
        distances.sort_by(f64::total_cmp);
        let deviation = at(&distances, 0.5) * DEVIATIONS;
        // Where most are alike, those that are not say how far is far.
        let spread = if deviation > 0.0 { deviation } else { at(&distances, 0.95) };
        Self { sorted, middle, spread: spread.max(least).max(f64::MIN_POSITIVE), distances }
    }

    fn quantile(&self, q: f64) -> f64 {
        at(&self.sorted, q)
    }

    fn rarity(&self, v: f64) -> Rarity {
        let distance = (v - self.middle).abs();
        let z = distance / self.spread;
        let count = self.distances.len();
        // What is within the spread of a constant is no distance.
        let reached_by = count - self.distances.partition_point(|known| *known < distance);
        let rank = ((count + 1) as f64 / (reached_by + 1) as f64).ln();
        let largest = self.distances.last().copied().unwrap_or(0.0).max(self.spread);
        let beyond = if reached_by == 0 && distance > largest { (BEYOND * (distance / largest).ln()).min(MOST_BEYOND) } else { 0.0 };
        let nats = if z < 1.0 { 0.0 } else { rank + beyond };
        Rarity { z, reached_by, nats }
    }
}

/// A quantile of sorted values; 0 of none.
fn at(sorted: &[f64], q: f64) -> f64 {
    let place = (sorted.len().saturating_sub(1) as f64 * q).round() as usize;
    sorted.get(place).copied().unwrap_or(0.0)
}

/// Those that are worth a reader's time, the most unusual first.
#[must_use]
pub fn ranked(mut found: Vec<Moved>) -> Vec<Moved> {
    found.retain(|moved| moved.score >= LEAST_SCORE && moved.together.abs() >= LEAST_TOGETHER && moved.z >= LEAST_Z);
    found.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.metric.cmp_pairs(&b.metric)));
    let mut out: Vec<Moved> = Vec::new();
    for moved in found {
        let alike = out.iter().filter(|kept| kept.metric.name() == moved.metric.name()).count();
        if alike < MOST_OF_METRIC {
            out.push(moved);
        }
        if out.len() == MOST {
            break;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;
    const TO: i64 = 1_000_000 * MINUTE;
    const FROM: i64 = TO - 5 * MINUTE;

    /// A sample every ten seconds for seven hours.
    fn series(value: impl Fn(i64) -> f64) -> Columns {
        let times: Vec<i64> = (0..2_520).map(|n| TO - 2_519 * 10_000 + n * 10_000).collect();
        Columns { values: times.iter().map(|t| value(*t)).collect(), times }
    }

    /// Between 0 and 1, the same each time.
    fn noise(t: i64, salt: i64) -> f64 {
        let mut x = (t / 10_000).wrapping_mul(6_364_136_223_846_793_005).wrapping_add(salt.wrapping_mul(1_442_695_040_888_963_407));
        x ^= x >> 29;
        x = x.wrapping_mul(-4_658_895_280_553_007_687);
        x ^= x >> 32;
        (x & 0xffff) as f64 / 65_535.0
    }

    fn reference() -> Reference {
        Reference::of_series(&series(|t| if t > FROM { 0.9 } else { 0.2 } + 0.05 * noise(t, 1)), false, FROM, TO)
    }

    fn moved(name: &str, value: impl Fn(i64) -> f64) -> Moved {
        judge(&Labels::metric(name, &[]), &series(value), false, &reference()).unwrap()
    }

    #[test]
    fn what_moved_with_the_alert_comes_before_what_moves_for_other_reasons() {
        let found = ranked(vec![
            moved("noisy", |t| noise(t, 2)),
            moved("spikes", |t| if noise(t / MINUTE * MINUTE, 3) > 0.8 { 50.0 } else { 1.0 }),
            moved("an_hour_ago", |t| if t > FROM - 60 * MINUTE { 9.0 } else { 1.0 } + noise(t, 4)),
            moved("falling", |t| if t > FROM { 2.0 } else { 10.0 } + noise(t, 5)),
            moved("companion", |t| if t > FROM { 40.0 } else { 4.0 } + noise(t, 6)),
            moved("constant", |_| 7.0),
        ]);
        let names: Vec<&str> = found.iter().map(|moved| moved.metric.name()).collect();
        assert_eq!(names, ["companion", "falling"], "{found:?}");
        assert!(found[1].together < -0.9 && found[0].together > 0.9 && found[0].reached_by == 0, "{found:?}");
        assert!((found[0].value - 40.5).abs() < 0.2 && found[0].low > 4.0 && found[0].high < 5.0, "{found:?}");
    }

    #[test]
    fn a_constant_that_changes_once_is_far_from_the_usual_and_a_young_series_is_not_judged() {
        let changed = moved("replicas", |t| if t > FROM { 2.0 } else { 3.0 });
        assert!(changed.z > 100.0 && changed.score > 5.0 && changed.together < -0.9, "{changed:?}");
        assert_eq!((changed.low, changed.high), (3.0, 3.0));
        let all = series(|_| 1.0);
        let young = Columns { times: all.times[2_400..].to_vec(), values: all.values[2_400..].to_vec() };
        assert!(judge(&Labels::metric("young", &[]), &young, false, &reference()).is_none());
        let ended = Columns { times: all.times[..2_000].to_vec(), values: all.values[..2_000].to_vec() };
        assert!(judge(&Labels::metric("ended", &[]), &ended, false, &reference()).is_none());
    }

    #[test]
    fn the_window_begins_where_the_alert_s_series_began_to_move() {
        // It rose two minutes before it was above the limit for good.
        let columns = series(|t| if t > FROM - 2 * MINUTE { 0.9 } else { 0.2 });
        let found = Reference::of_series(&columns, false, FROM, TO).frame.window_from();
        assert!((FROM - 3 * MINUTE..=FROM - MINUTE).contains(&found), "{}", FROM - found);
        assert_eq!(Reference::of_series(&series(|_| 1.0), false, FROM, TO).frame, Frame::new(FROM, TO), "nothing to see");
        for (from, to, shortest, windows) in [(0, 0, 15_000, 361), (0, 600_000, 150_000, 37), (0, 86_400_000, 900_000, 25)] {
            let frame = Frame::new(from, to);
            assert_eq!((frame.step, frame.steps, frame.end()), (shortest, windows * 4, to));
        }
    }

    #[test]
    fn few_of_one_metric_are_listed_and_few_in_all() {
        let many = (0..40).map(|n| {
            let metric = Labels::metric(&format!("m{}", n % 20), &[("n", &n.to_string())]);
            judge(&metric, &series(|t| if t > FROM { 9.0 } else { 1.0 } + noise(t, n)), false, &reference()).unwrap()
        });
        let found = ranked(many.collect());
        assert_eq!(found.len(), MOST);
        let one: Vec<Moved> = found.iter().map(|moved| Moved { metric: Labels::metric("one", &[]), ..moved.clone() }).collect();
        assert_eq!(ranked(one).len(), MOST_OF_METRIC);
    }
}
