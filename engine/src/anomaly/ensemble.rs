//! The default detector: several members, each ranked by its own history, joined, ranked again, reported once.
//!
//! 1. The value is standardised by the robust scale of the history before it.
//! 2. Each member gives a strangeness; its tail turns that into a surprise in nats.
//! 3. The mean surprise is ranked among the series' own past block maxima.
//! 4. What passes the bar is reported, then the series is quiet for a while.
//!
//! Nothing looks ahead: a verdict depends on the sample and on what came before it.

use super::band::{Band, BandWidth};
use super::by_window::ByWindow;
use super::calm::Calm;
use super::detector::{Detector, Moment};
use super::quiet::QuietTime;
use super::ranking::{Rank, Ranking};
use super::recent::Recent;
use super::residual::SmoothResidual;
use super::scale::RobustScale;
use super::season::Season;
use super::shape::ShapeBook;
use super::shift::LevelShift;
use super::subspace::Subspace;
use super::tail::Tail;
use super::tuning::Tuning;
use super::zscore::LocalZ;

/// A member and the history of its strangeness.
#[derive(Debug)]
struct Member {
    detector: Box<dyn Detector>,
    tail: Tail,
    surprise: f32,
}

impl Member {
    fn new(tuning: &Tuning, detector: impl Detector + 'static) -> Self {
        let tail = Tail::new(tuning.tail, detector.horizon().max(tuning.member_block));
        Self { detector: Box::new(detector), tail, surprise: 0.0 }
    }

    fn observe(&mut self, moment: &Moment<'_>, most: f32) {
        self.surprise = self.detector.observe(moment).map_or(0.0, |strangeness| self.tail.observe(strangeness).min(most));
    }
}

/// What is said of one sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verdict {
    /// 0 to 1. At least 0.5 for an anomaly that is reported, less for all else.
    pub score: f64,
    /// How unusual the sample is, in nats: its rank and its size together. Not silenced by the quiet time.
    pub surprise: f32,
    /// Where that stands in the series' own history.
    pub rank: Rank,
    /// Where the sample was expected, in the unit of the series. `None` while there is no expectation.
    pub expected: Option<Band>,
    /// What is most unusual, in words that complete "unusual …".
    pub most_unusual: &'static str,
}

impl Verdict {
    /// Whether this sample is reported as an anomaly.
    pub fn is_anomaly(&self) -> bool {
        self.score >= 0.5
    }
}

/// Judges one series, sample by sample.
#[derive(Debug)]
pub struct Ensemble {
    tuning: Tuning,
    scale: RobustScale,
    recent: Recent,
    season: Season,
    width: BandWidth,
    members: Vec<Member>,
    ranking: Ranking,
    quiet: QuietTime,
    seen: u64,
}

impl Ensemble {
    pub fn new(tuning: Tuning) -> Self {
        let members = vec![
            Member::new(&tuning, SmoothResidual::new(6)),
            Member::new(&tuning, SmoothResidual::new(24)),
            Member::new(&tuning, SmoothResidual::new(96)),
            Member::new(&tuning, ByWindow::<Subspace>::default()),
            Member::new(&tuning, ByWindow::<ShapeBook>::default()),
            Member::new(&tuning, LevelShift::fast()),
            Member::new(&tuning, LevelShift::slow()),
            Member::new(&tuning, LocalZ),
            Member::new(&tuning, Calm::default()),
        ];
        Self {
            tuning,
            scale: RobustScale::default(),
            recent: Recent::default(),
            season: Season::new(tuning.season_rate),
            width: BandWidth::default(),
            members,
            ranking: Ranking::new(tuning.ranking),
            quiet: QuietTime::new(tuning.quiet),
            seen: 0,
        }
    }

    /// Where a sample at `at_s` (Unix seconds) is expected, in the unit of the series.
    pub fn expected(&self, at_s: i64) -> Option<Band> {
        let (low, high) = self.width.widen(BandWidth::middle(&self.season, &self.recent, at_s)?);
        Some(Band { low: self.scale.restore(low), high: self.scale.restore(high) })
    }

    /// Judges the sample, then learns it. A value that is no finite number is no sample: nothing is said or learned.
    pub fn observe(&mut self, at_s: i64, value: f64) -> Option<Verdict> {
        if !value.is_finite() {
            return None;
        }
        let tuning = self.tuning;
        let expected = self.expected(at_s);
        let standard = self.scale.standardise(value);
        self.scale.observe(value);
        // The first samples are standardised by a scale that hardly knows the series: their misses would widen the band for days.
        let middle = BandWidth::middle(&self.season, &self.recent, at_s).filter(|_| self.seen >= tuning.learning);
        if let Some(middle) = middle {
            self.width.observe(middle, standard);
        }
        self.recent.push(standard);
        let residual = self.season.observe(at_s, standard);
        let moment = Moment { value: standard, residual, recent: &self.recent };
        self.members.iter_mut().for_each(|member| member.observe(&moment, tuning.most_surprise));
        let mean = self.members.iter().map(|m| m.surprise).sum::<f32>() / self.members.len() as f32;
        let rank = self.ranking.observe((mean + tuning.rank_offset).ln());
        let surprise = rank.nats + (mean + tuning.size_offset).ln();
        let score = self.score(surprise);
        self.seen += 1;
        Some(Verdict { score, surprise, rank, expected, most_unusual: self.most_unusual() })
    }

    /// Half of the scale is for what is reported, half for the rest, each in the order of surprise.
    fn score(&mut self, surprise: f32) -> f64 {
        let likelihood = 1.0 / (1.0 + f64::from(self.tuning.bar - surprise).exp());
        let reported = self.seen >= self.tuning.learning && self.quiet.admits(self.seen, surprise, self.tuning.bar);
        likelihood / 2.0 + if reported { 0.5 } else { 0.0 }
    }

    fn most_unusual(&self) -> &'static str {
        self.members.iter().max_by(|a, b| a.surprise.total_cmp(&b.surprise)).map_or("value", |m| m.detector.name())
    }

    /// So many samples are learned before an anomaly is reported.
    pub fn learning(&self) -> u64 {
        self.tuning.learning
    }

    /// Memory held for this series, in bytes.
    pub fn bytes(&self) -> usize {
        let members: usize = self.members.iter().map(|m| size_of::<Member>() + m.detector.bytes()).sum();
        let shared = self.scale.bytes() + self.recent.bytes() + self.ranking.bytes();
        // Parts that live inside this struct are counted once, with it.
        let inside = size_of::<RobustScale>() + size_of::<Recent>() + size_of::<Ranking>();
        size_of::<Self>() - inside + shared + members
    }
}
