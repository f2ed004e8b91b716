//! Every number that the verdicts depend on, in one place.
//!
//! One set serves all series. None is exact: a fifth more or less of any of them changes little (`docs/BENCHMARKS.md`, *Anomalies*).
//! Users turn one knob only, the bar.

/// The knobs of an [`Ensemble`](super::Ensemble).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tuning {
    /// Least surprise of an anomaly, in nats. Higher reports less.
    pub bar: f32,
    /// No anomaly is reported before this many samples.
    pub learning: u64,
    /// Weight of the newest sample in the mean of its hour.
    pub season_rate: f32,
    /// Least samples in a block of a member's tail.
    pub member_block: u16,
    /// No member carries the vote alone: its surprise counts up to here, in nats.
    pub most_surprise: f32,
    /// Keeps the logarithm of the mean surprise finite, and flat where nothing is unusual.
    pub rank_offset: f32,
    /// The same for the size of the surprise itself, which counts beside its rank.
    pub size_offset: f32,
    pub tail: TailTuning,
    pub ranking: RankingTuning,
    pub quiet: QuietTuning,
}

/// Knobs of a member's [`Tail`](super::tail::Tail).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TailTuning {
    /// Strangeness below this is never unusual. Strangenesses are in (local or robust) standard deviations.
    pub floor: f32,
    /// Tail index (mean excess of the logarithm) assumed before there are blocks…
    pub prior_index: f32,
    /// …and how many blocks it weighs.
    pub prior_blocks: f32,
    /// A surprise counts at half its size after this many blocks.
    pub trust_blocks: f32,
}

/// Knobs of the final [`Ranking`](super::ranking::Ranking).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RankingTuning {
    /// Samples in a block.
    pub block: u16,
    /// The fitted tail starts at this quantile of block maxima.
    pub tail_quantile: f32,
    pub prior_index: f32,
    pub prior_blocks: f32,
}

/// Knobs of the [`QuietTime`](super::quiet::QuietTime) after an anomaly.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QuietTuning {
    /// Share of the samples seen so far…
    pub share: f32,
    /// …within these bounds, in samples.
    pub least: f32,
    pub most: f32,
    /// A rise by this many nats breaks the quiet. 3 nats are 20 times as rare as what was reported.
    pub worse: f32,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            bar: 4.3,
            learning: 128,
            season_rate: 0.2,
            member_block: 24,
            most_surprise: 10.0,
            rank_offset: 0.1,
            size_offset: 0.3,
            tail: TailTuning { floor: 0.05, prior_index: 0.3, prior_blocks: 4.0, trust_blocks: 8.0 },
            ranking: RankingTuning { block: 48, tail_quantile: 0.75, prior_index: 0.25, prior_blocks: 4.0 },
            quiet: QuietTuning { share: 0.03, least: 20.0, most: 400.0, worse: 3.0 },
        }
    }
}
