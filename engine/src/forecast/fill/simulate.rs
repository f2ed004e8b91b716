//! Trials of the future, and what they say.

use super::blocks::{Block, Blocks, Rise, is_weekend, mean_and_deviation, student};
use super::burst::{self, Burst};
use super::clears::{Cleared, Clears};
use super::growth::{Past, growth};
use crate::forecast::random::Random;
use crate::forecast::series::quantile::of_sorted;

const TRIALS: usize = 400;
/// How far ahead trials go, in hours.
const HORIZON: usize = 60 * 24;
const WEEK: f64 = 7.0 * 24.0;
/// From this level on it is full: what is left is less than a system needs.
const FULL: f64 = 0.9995;
/// Share of the trials that must be full within a week for a date, and within a day instead.
const LIKELY: (f64, f64) = (0.65, 0.5);
/// The same for a date to stay.
const STILL_LIKELY: (f64, f64) = (0.45, 0.35);
/// The same where it is usually cleared, but never was at such a level.
const ALL_BUT_SURE: (f64, f64) = (0.95, 0.9);

/// When it will be full, in hours from now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FillDate {
    /// Half of the trials are full by then.
    pub after: f64,
    /// 2.5 % are.
    pub earliest: f64,
    /// 97.5 % are; none where that is further than trials go: it may never be.
    pub latest: Option<f64>,
    /// Days of the past behind this.
    pub days: f64,
}

/// What can be said.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Answer {
    /// It is full.
    Full,
    /// It will be full within a week.
    Date(FillDate),
    /// It may never be full; the shares of trials that were within a week, and at all.
    MayNever {
        /// Within a week.
        in_week: f64,
        /// Within as many hours as trials go.
        ever: f64,
        /// Where that is because it was always cleared before.
        cleared: Option<Cleared>,
    },
    /// Too little is known, or too uneven.
    TooEarly {
        /// Hours that are known.
        hours: usize,
    },
}

/// Says when a level will reach 1.
#[must_use]
pub fn forecast(past: &Past<'_>) -> Answer {
    let growth = growth(past.hours);
    let hours = growth.len();
    let Some(level) = past.recent.last().copied().filter(|level| level.is_finite()) else { return Answer::TooEarly { hours } };
    if level >= FULL {
        return Answer::Full;
    }
    let burst = burst::find(past.recent, &growth);
    let blocks = Blocks::new(&growth, past.hour_of_week);
    let horizon = match &blocks {
        Some(blocks) if blocks.are_days() => HORIZON,
        Some(_) if hours >= 22 => 8 * 24,
        Some(_) => hours,
        None if burst.is_some() => hours.max(24),
        None => return Answer::TooEarly { hours },
    };
    let future = Future::new(level, burst, blocks.as_ref(), horizon, past.hour_of_week);
    let mut random = Random::new(level.to_bits() ^ hours as u64);
    let mut ends: Vec<f64> = (0..TRIALS).map(|_| future.trial(&mut random)).collect();
    ends.sort_unstable_by(f64::total_cmp);
    let share = |within: f64| ends.partition_point(|end| *end <= within) as f64 / TRIALS as f64;
    let clears = Clears::find(past.hours, level);
    // Growth that nothing was like may end where no other did.
    let cleared = clears.at().filter(|cleared| burst.is_none() || cleared.times > 1);
    let likely = match (past.dated, clears.are_usual()) {
        (false, false) => LIKELY,
        (true, false) => STILL_LIKELY,
        (false, true) => ALL_BUT_SURE,
        (true, true) => LIKELY,
    };
    if cleared.is_some() || (share(WEEK) < likely.0 && share(24.0) < likely.1) {
        return Answer::MayNever { in_week: share(WEEK), ever: share(horizon as f64), cleared };
    }
    let (earliest, after, latest) = (ends[TRIALS / 40], ends[TRIALS / 2], ends[TRIALS - 1 - TRIALS / 40]);
    // Hours are the finest that the past is known in.
    let slack = 0.5 + 0.02 * after;
    let latest = latest.is_finite().then_some(latest + slack);
    Answer::Date(FillDate { after, earliest: (earliest - slack).max(0.0), latest, days: hours as f64 / 24.0 })
}

/// What trials are made of.
struct Future<'a> {
    level: f64,
    burst: Option<Burst>,
    blocks: Option<&'a Blocks>,
    horizon: usize,
    hour_of_week: usize,
    /// Mean growth by group and hour.
    means: [Vec<f64>; 7],
    /// By how much trials are spread around it.
    widening: f64,
    /// Doubt about the pace, as the standard deviation of its logarithm.
    doubt: f64,
}

/// What one trial draws once.
struct Drawn {
    weights: Vec<f64>,
    /// Of the pace, whatever the block.
    pace: f64,
    /// Of the pace on the kind of day that was not seen.
    unseen: f64,
    rise: f64,
    /// How the rise goes on.
    course: Course,
}

/// How a pace that changed steadily goes on.
#[derive(Clone, Copy)]
enum Course {
    /// By the same factor each day.
    Exponential,
    /// By the same amount each day.
    Linear,
    /// As it is now.
    Constant,
}

impl<'a> Future<'a> {
    fn new(level: f64, burst: Option<Burst>, blocks: Option<&'a Blocks>, horizon: usize, hour_of_week: usize) -> Self {
        let means = blocks.map(Blocks::means).unwrap_or_default();
        Self {
            level,
            burst,
            blocks,
            horizon,
            hour_of_week,
            means,
            widening: blocks.map_or(1.0, widening),
            doubt: blocks.map_or(0.0, doubt),
        }
    }

    /// Hours until full; infinite where it is not within the horizon.
    fn trial(&self, random: &mut Random) -> f64 {
        let (mut level, mut hour) = (self.level, 0.0);
        if let Some(Burst { lasted, per_hour }) = self.burst {
            // A burst that has lasted for some time lasts about as long again, with a heavy tail (Lindy's law).
            let lasts = 1.5 * lasted * (1.0 / random.unit() - 1.0);
            let pace = per_hour * (0.2 * random.normal()).exp();
            let full = (1.0 - level) / pace;
            if full <= lasts {
                return full;
            }
            (level, hour) = (level + pace * lasts, lasts);
        }
        self.blocks.map_or(f64::INFINITY, |blocks| self.put_together(blocks, level, hour as usize, random))
    }

    /// Puts blocks together from an hour on.
    fn put_together(&self, blocks: &Blocks, level: f64, from: usize, random: &mut Random) -> f64 {
        let drawn = Drawn::new(blocks, self.doubt, random);
        let mut candidates = vec![0.0; blocks.blocks.len()];
        // Growth of this trial, and the mean that it is spread around.
        let (mut own, mut mean) = (0.0, 0.0);
        for (day, begins) in (from..self.horizon).step_by(blocks.length).enumerate() {
            let of_week = self.hour_of_week + begins;
            let group = blocks.grouping.group(of_week);
            let block = &blocks.blocks[drawn.block(blocks, group, &mut candidates, random)];
            let seen = if is_weekend(of_week) { blocks.weekend_seen } else { blocks.workday_seen };
            for (at, growth) in block.hours.iter().enumerate() {
                let factor = drawn.pace * if seen { 1.0 } else { drawn.unseen } * drawn.factor(blocks, block, day, at);
                let before = level + mean + self.widening * (own - mean);
                if before + growth.max * factor >= 1.0 {
                    return (begins + at) as f64 + random.unit();
                }
                own += growth.last * factor;
                mean += if blocks.rise.is_some() { growth.last } else { self.means[group][at] } * factor;
                if level + mean + self.widening * (own - mean) < 0.0 {
                    (own, mean) = (-level, -level);
                }
            }
        }
        f64::INFINITY
    }
}

impl Drawn {
    fn new(blocks: &Blocks, doubt: f64, random: &mut Random) -> Self {
        /// Days after which a day counts half.
        const HALF: f64 = 14.0;
        let age = |block: &Block| (block.age * blocks.length) as f64 / 24.0;
        let weights = blocks.blocks.iter().map(|block| random.exponential() * 0.5f64.powf(age(block) / HALF)).collect();
        let course = match random.unit() {
            part if part < 0.6 => Course::Exponential,
            part if part < 0.8 => Course::Linear,
            _ => Course::Constant,
        };
        let pace = (doubt * random.normal()).exp();
        // A weekend that was not seen may be like a workday, or nothing may happen; a workday has more than a weekend.
        let unseen = if blocks.workday_seen { f64::from(u8::from(random.unit() < 0.5)) } else { random.normal().abs().exp() };
        let rise = blocks.rise.map_or(0.0, |Rise { per_day, error }| {
            let drawn = per_day + error * random.normal();
            if per_day > 0.0 { drawn.max(0.0) } else { drawn.min(0.0) }
        });
        Self { weights, pace, unseen, rise, course }
    }

    /// Draws a block of a group, or any where the group has none.
    fn block(&self, blocks: &Blocks, group: usize, candidates: &mut [f64], random: &mut Random) -> usize {
        for ((candidate, block), weight) in candidates.iter_mut().zip(&blocks.blocks).zip(&self.weights) {
            *candidate = if blocks.grouping.group(block.begins) == group { *weight } else { 0.0 };
        }
        let any = candidates.iter().all(|candidate| *candidate == 0.0);
        random.weighted(if any { &self.weights } else { candidates })
    }

    /// By how much the pace has changed from an hour of a block to the same hour of a day to come.
    fn factor(&self, blocks: &Blocks, block: &Block, day: usize, hour: usize) -> f64 {
        if blocks.rise.is_none() {
            return 1.0;
        }
        let part = hour as f64 / blocks.length as f64;
        let (to_now, ahead) = (block.age as f64 + 1.0 - part, day as f64 + part);
        let further = match self.course {
            Course::Exponential => (self.rise * ahead).exp(),
            Course::Linear => (1.0 + self.rise * ahead).max(0.0),
            Course::Constant => 1.0,
        };
        (self.rise * to_now).exp() * further
    }
}

/// By what the interval is widened: how much further the growth of the last days lay from its forecast by the days before them than the
/// interval allowed, and Student's factor for few days.
fn widening(blocks: &Blocks) -> f64 {
    const MOST: f64 = 3.0;
    let few = student(blocks.blocks.len()) / 1.96;
    if !blocks.are_days() || blocks.rise.is_some() {
        return few.min(MOST);
    }
    let mut ratios = Vec::new();
    for origin in 1..=10.min(blocks.blocks.len().saturating_sub(4)) {
        let spans = [1, 2, 4, 7].into_iter().filter(|span| *span <= origin);
        ratios.extend(spans.map(|span| missed_by(blocks, origin, span)));
    }
    if ratios.len() < 6 {
        return few.clamp(1.0, MOST);
    }
    ratios.sort_unstable_by(f64::total_cmp);
    // The more days differ, the less a few past errors show of what is possible.
    let (mean, deviation) = mean_and_deviation(blocks.blocks.iter().map(|block| block.total));
    let uneven = 1.0 + 0.5 * (deviation / mean.abs().max(1e-9)).min(0.8);
    few.min(2.0) * uneven * of_sorted(&ratios, 0.95).clamp(1.0, MOST)
}

/// The error of a forecast of `span` days, made `origin` days ago from the days before, by the half-width of its 95 % interval.
fn missed_by(blocks: &Blocks, origin: usize, span: usize) -> f64 {
    let all = &blocks.blocks;
    let older = &all[origin..];
    let (mut error, mut variance) = (0.0, 0.0);
    for day in &all[origin - span..origin] {
        let alike = |other: &&Block| blocks.grouping.group(other.begins) == blocks.grouping.group(day.begins);
        let mut totals: Vec<f64> = older.iter().filter(alike).map(|other| other.total).collect();
        if totals.len() < 2 {
            totals = older.iter().map(|other| other.total).collect();
        }
        let (mean, deviation) = mean_and_deviation(totals.iter().copied());
        error += day.total - mean;
        variance += deviation * deviation * (1.0 + span as f64 / totals.len() as f64);
    }
    error.abs() / (1.96 * variance.sqrt() + 1e-3)
}

/// How far the pace to come may be from the pace seen: less, the longer and the steadier that was.
fn doubt(blocks: &Blocks) -> f64 {
    let days = (blocks.blocks.len() * blocks.length) as f64 / 24.0;
    let (mean, deviation) = mean_and_deviation(blocks.blocks.iter().map(|block| block.total));
    let unsteady = if days < 5.0 { 1.0 } else { (2.0 * deviation / mean.abs().max(1e-9)).clamp(0.25, 1.0) };
    (0.8 / days).min(0.6) * unsteady
}

#[cfg(test)]
mod tests {
    use super::super::growth::Hour;
    use super::*;

    const MONDAY: usize = 0;

    /// What is said of a level that is given by hour, `hours` before a Monday.
    fn asked(hours: usize, level: impl Fn(usize) -> f64) -> Answer {
        let past: Vec<Option<Hour>> = (0..hours).map(|hour| Some(Hour { max: level(hour), last: level(hour) })).collect();
        let last = |step: usize| (hours * 12 - 288.min(hours * 12) + step) as f64 / 12.0;
        let between = |at: f64| {
            let (hour, part) = ((at.floor() as usize).min(hours - 1), at.fract());
            level(hour.saturating_sub(1)) * (1.0 - part) + level(hour) * part
        };
        let recent: Vec<f64> = (0..288.min(hours * 12)).map(|step| between(last(step))).chain([level(hours - 1)]).collect();
        forecast(&Past { hours: &past, recent: &recent, hour_of_week: MONDAY, dated: false })
    }

    fn date(answer: Answer) -> FillDate {
        match answer {
            Answer::Date(date) => date,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn steady_growth_has_its_date() {
        let found = date(asked(20 * 24, |hour| 0.3 + 0.6 * hour as f64 / 479.0));
        let truth = 0.1 / 0.6 * 479.0;
        assert!((found.after - truth).abs() < 3.0 && found.earliest < truth && truth < found.latest.unwrap(), "{found:?} {truth}");
    }

    #[test]
    fn what_is_full_says_so_and_what_does_not_grow_may_never_be() {
        assert_eq!(asked(100, |_| 1.0), Answer::Full);
        assert_eq!(asked(480, |_| 0.99), Answer::MayNever { in_week: 0.0, ever: 0.0, cleared: None });
        assert!(matches!(asked(480, |hour| 0.6 + 0.3 * (hour % 24) as f64 / 24.0), Answer::MayNever { .. }), "emptied every night");
        assert!(matches!(asked(30, |hour| if hour < 20 { 0.5 } else { 0.8 }), Answer::TooEarly { hours: 29 }), "uneven and short");
    }

    #[test]
    fn a_date_that_was_given_stays_while_it_is_about_as_likely() {
        // A day of 8 % and a day of none, at random: whether it is full within a week is a matter of chance.
        let mut random = Random::new(5);
        let busy: Vec<bool> = (0..30).map(|_| random.unit() < 0.5).collect();
        let grown = |hour: usize| (0..hour).filter(|at| busy[at / 24]).count() as f64 * 0.08 / 24.0;
        let hours = 28 * 24;
        let answers = |left: f64, dated: bool| {
            let hour = |at: usize| 1.0 - left - grown(hours) + grown(at + 1);
            let past: Vec<Option<Hour>> = (0..hours).map(|at| Some(Hour { max: hour(at), last: hour(at) })).collect();
            matches!(forecast(&Past { hours: &past, recent: &[1.0 - left], hour_of_week: MONDAY, dated }), Answer::Date(_))
        };
        let furthest = |dated: bool| (1..60).map(|at| f64::from(at) / 100.0).take_while(|left| answers(*left, dated)).count();
        assert!(furthest(true) > furthest(false) && furthest(false) > 10, "{} {}", furthest(true), furthest(false));
    }

    #[test]
    fn a_mark_that_a_program_keeps_to_is_no_date() {
        let sawtooth = |hour: usize| 0.7 + 0.2 * (hour % 240) as f64 / 240.0;
        let Answer::MayNever { cleared: Some(cleared), .. } = asked(480 + 230, sawtooth) else { panic!("a date") };
        assert!(cleared.times == 2 && (0.89..0.9).contains(&cleared.highest), "{cleared:?}");
        // The mark is not kept to any more.
        let beyond = |hour: usize| if hour < 480 { sawtooth(hour) } else { 0.7 + 0.2 * (hour - 480) as f64 / 240.0 };
        assert!(matches!(asked(480 + 342, beyond), Answer::Date(_)));
    }

    #[test]
    fn the_weekend_is_waited_for_where_only_workdays_grow() {
        // 20 days before a Monday; 5 % from 8 to 18 o'clock on workdays.
        let begins = 7 * 24 * 3 - 20 * 24;
        let level = |hour: usize| {
            let working = |at: usize| (at + begins) / 24 % 7 < 5 && (8..18).contains(&((at + begins) % 24));
            0.22 + 0.005 * (0..=hour).filter(|at| working(*at)).count() as f64
        };
        let found = date(asked(20 * 24, level));
        // A day and three fifths of a day are left of the week that begins.
        let left = 1.0 - level(20 * 24 - 1);
        let days = (left / 0.05).floor();
        let truth = days * 24.0 + if days >= 5.0 { 48.0 } else { 0.0 } + 8.0 + (left - days * 0.05) / 0.005;
        assert!(found.earliest <= truth && truth <= found.latest.unwrap() && (found.after - truth).abs() < 4.0, "{found:?} {truth}");
    }

    #[test]
    fn growth_that_doubles_every_two_days_is_not_continued_by_a_line() {
        let level = |hour: usize| 0.3 + 0.5 * 2f64.powf((hour as f64 - 335.0) / 48.0);
        let found = date(asked(14 * 24, level));
        let truth = 48.0 * (0.7f64 / 0.5).log2();
        assert!(found.earliest < truth && truth < found.latest.unwrap() && (found.after - truth).abs() < 0.3 * truth, "{found:?} {truth}");
    }

    #[test]
    fn a_burst_at_the_end_of_a_quiet_past_has_an_open_end() {
        let hours: Vec<Option<Hour>> =
            (0..48).map(|hour: u32| 0.6 + 0.1 * f64::from(hour.saturating_sub(45))).map(|last| Some(Hour { max: last, last })).collect();
        let recent: Vec<f64> = (0..289).map(|step: u32| 0.6 + 0.2 * f64::from(step.saturating_sub(264)) / 24.0).collect();
        let found = date(forecast(&Past { hours: &hours, recent: &recent, hour_of_week: MONDAY, dated: false }));
        assert!(found.earliest < 2.0 && found.after < 6.0 && found.latest.is_none(), "{found:?}");
    }

    /// Daily growth that varies, from other random numbers than those of the forecast: how often the interval holds the date.
    #[test]
    fn the_interval_of_95_percent_holds_the_date() {
        let mut random = Random::new(2_026);
        let (mut held, mut dates) = (0, 0);
        for _ in 0..60 {
            let mut level = vec![0.0];
            for hour in 0..90 * 24 {
                let at = hour % 24;
                let working = if (8..20).contains(&at) { 2.0 } else { 0.0 };
                level.push(level[hour] + working * 0.003 * random.exponential());
            }
            let now = 18 * 24 + random.below(100);
            let shift = 0.5 + 0.45 * random.unit() - level[now - 1];
            level.iter_mut().for_each(|level| *level += shift);
            let Some(truth) = level[now..].iter().position(|level| *level >= 1.0) else { continue };
            if let Answer::Date(date) = asked(now, |hour| level[hour]) {
                dates += 1;
                held += i32::from(date.earliest <= truth as f64 + 1.0 && date.latest.is_none_or(|latest| truth as f64 <= latest));
            }
        }
        assert!(dates > 30 && f64::from(held) >= 0.88 * f64::from(dates), "{held} of {dates}");
    }
}
