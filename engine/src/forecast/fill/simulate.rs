//! Trials of the future.

use super::blocks::{Block, Blocks, Rise, is_weekend, mean_and_deviation, student};
use super::burst::Burst;
use crate::forecast::random::Random;
use crate::forecast::series::quantile::of_sorted;

/// What trials are made of.
pub(super) struct Future<'a> {
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
    pub(super) fn new(level: f64, burst: Option<Burst>, blocks: Option<&'a Blocks>, horizon: usize, hour_of_week: usize) -> Self {
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

    /// With so much doubt about the pace at the least.
    pub(super) fn with_doubt(self, least: f64) -> Self {
        Self { doubt: self.doubt.max(least), ..self }
    }

    /// Hours until full; infinite where it is not within the horizon.
    pub(super) fn trial(&self, random: &mut Random) -> f64 {
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
