//! Converts exponential histograms to classic ones with few, exact boundaries.
//!
//! Bucket `i` of scale `s` holds values in `(2^(i·2^-s), 2^((i+1)·2^-s)]`. One scale coarser merges two neighbours, so every
//! histogram is first reduced to [`MAX_SCALE`] (eight buckets for each power of two) and then further until it has at most
//! [`MAX_BOUNDS`] boundaries. Counts are never estimated: each boundary is one of the histogram. Negative buckets are mirrored: a
//! value on their boundary counts for the bucket above it.

use opentelemetry_proto::tonic::metrics::v1::ExponentialHistogramDataPoint;
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;

use super::refusal::PointError;

/// Finest scale that is stored.
pub(super) const MAX_SCALE: i32 = 3;
/// Below this, one bucket holds every number above 1.
pub(super) const MIN_SCALE: i32 = -10;
/// Most boundaries of one histogram, without `+Inf`.
pub(super) const MAX_BOUNDS: usize = 160;

/// Most buckets of a point on each side of zero; SDKs send at most 160.
pub(super) const MAX_GIVEN: usize = 10_000;

/// 2^(k/8).
const EIGHTHS: [f64; 8] = [
    1.0,
    1.090_507_732_665_257_7,
    1.189_207_115_002_721,
    1.296_839_554_651_009_6,
    std::f64::consts::SQRT_2,
    1.542_210_825_407_940_7,
    1.681_792_830_507_429,
    1.834_008_086_409_342_4,
];

/// 2^(index·2^-scale) for scales of at most [`MAX_SCALE`], with the same bits on every machine and at every scale that has the
/// boundary.
fn boundary(scale: i32, index: i64) -> f64 {
    let eighths = if scale >= 0 { index << (MAX_SCALE - scale).clamp(0, MAX_SCALE) } else { (index << 3).saturating_mul(1 << -scale) };
    let power = eighths.div_euclid(8).clamp(-2_000, 2_000) as i32;
    let half = power / 2;
    // In two steps: 2^-1074 is a float, but 2^1074 is not.
    EIGHTHS[eighths.rem_euclid(8) as usize] * f64::powi(2.0, half) * f64::powi(2.0, power - half)
}

/// Counts by rising index, none of them 0.
type Counts = Vec<(i64, u64)>;

fn counts(buckets: Option<&Buckets>) -> Counts {
    let Some(buckets) = buckets else { return Counts::new() };
    let from = i64::from(buckets.offset);
    (from..).zip(&buckets.bucket_counts).filter(|(_, count)| **count > 0).map(|(at, count)| (at, *count)).collect()
}

fn coarser(counts: &mut Counts, by: u32) {
    let mut out = Counts::with_capacity(counts.len());
    for (at, count) in counts.iter() {
        let at = at >> by.min(63);
        match out.last_mut() {
            Some((last, there)) if *last == at => *there = there.saturating_add(*count),
            _ => out.push((at, *count)),
        }
    }
    *counts = out;
}

fn plus(counts: &mut Counts, other: &Counts) {
    for (at, count) in other {
        match counts.binary_search_by_key(at, |c| c.0) {
            Ok(found) => counts[found].1 = counts[found].1.saturating_add(*count),
            Err(free) => counts.insert(free, (*at, *count)),
        }
    }
}

/// The distribution of a histogram at one time.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Shape {
    scale: i32,
    zero_threshold: f64,
    zero: u64,
    positive: Counts,
    negative: Counts,
    /// Number of all values.
    pub(super) count: u64,
    /// Their sum, if it is given.
    pub(super) sum: Option<f64>,
}

impl Shape {
    /// The shape of a point, at the finest scale that fits.
    pub(super) fn of(point: &ExponentialHistogramDataPoint) -> Result<Self, PointError> {
        if point.scale < MIN_SCALE {
            return Err(PointError::Scale(point.scale));
        }
        if !(point.zero_threshold >= 0.0 && point.zero_threshold.is_finite()) {
            return Err(PointError::ZeroThreshold(point.zero_threshold));
        }
        let given = [&point.positive, &point.negative].map(|side| side.as_ref().map_or(0, |b| b.bucket_counts.len()));
        if let Some(many) = given.into_iter().find(|given| *given > MAX_GIVEN) {
            return Err(PointError::TooManyBuckets(many));
        }
        let mut shape = Self {
            scale: point.scale,
            zero_threshold: point.zero_threshold,
            zero: point.zero_count,
            positive: counts(point.positive.as_ref()),
            negative: counts(point.negative.as_ref()),
            count: point.count,
            sum: point.sum,
        };
        shape.make_coarser(MAX_SCALE);
        shape.fit();
        Ok(shape)
    }

    fn make_coarser(&mut self, scale: i32) {
        if scale < self.scale {
            let by = self.scale.abs_diff(scale);
            coarser(&mut self.positive, by);
            coarser(&mut self.negative, by);
            self.scale = scale;
        }
    }

    fn fit(&mut self) {
        // Every second step at least halves the number of buckets; the coarsest scale has four.
        while self.scale > MIN_SCALE && self.bounds().len() > MAX_BOUNDS {
            self.make_coarser(self.scale - 1);
        }
    }

    /// Widens the zero bucket; buckets that it reaches into become part of it.
    fn widen(&mut self, threshold: f64) {
        self.zero_threshold = self.zero_threshold.max(threshold);
        for counts in [&mut self.positive, &mut self.negative] {
            while let Some(&(at, count)) = counts.first()
                && boundary(self.scale, at) < self.zero_threshold
            {
                self.zero_threshold = self.zero_threshold.max(boundary(self.scale, at + 1));
                self.zero = self.zero.saturating_add(count);
                counts.remove(0);
            }
        }
    }

    /// Adds the values of another histogram.
    pub(super) fn add(&mut self, more: &Self) {
        let mut more = more.clone();
        let scale = self.scale.min(more.scale);
        self.make_coarser(scale);
        more.make_coarser(scale);
        if self.zero_threshold != more.zero_threshold {
            let threshold = self.zero_threshold.max(more.zero_threshold);
            self.widen(threshold);
            more.widen(self.zero_threshold);
            self.widen(more.zero_threshold);
        }
        self.zero = self.zero.saturating_add(more.zero);
        plus(&mut self.positive, &more.positive);
        plus(&mut self.negative, &more.negative);
        self.count = self.count.saturating_add(more.count);
        self.sum = self.sum.zip(more.sum).map(|(a, b)| a + b);
        self.fit();
    }

    /// The finite boundaries of the buckets with values, rising.
    pub(super) fn bounds(&self) -> Vec<f64> {
        let mut out = Vec::with_capacity(2 * (self.positive.len() + self.negative.len()) + 2);
        for (at, _) in &self.negative {
            out.extend([-boundary(self.scale, at + 1), -boundary(self.scale, *at)]);
        }
        if self.zero > 0 || !self.positive.is_empty() {
            out.push(self.zero_threshold);
        }
        if self.zero > 0 && self.zero_threshold > 0.0 {
            out.push(-self.zero_threshold);
        }
        for (at, _) in &self.positive {
            out.extend([boundary(self.scale, *at), boundary(self.scale, at + 1)]);
        }
        out.retain(|bound| bound.is_finite());
        // -0 and 0 are one boundary.
        out.iter_mut().for_each(|bound| *bound += 0.0);
        out.sort_by(f64::total_cmp);
        out.dedup();
        out
    }

    /// Number of values at or below a boundary of this shape.
    pub(super) fn below(&self, bound: f64) -> u64 {
        let sum = |counts: &Counts, upper: &dyn Fn(i64) -> f64| {
            counts.iter().filter(|(at, _)| upper(*at) <= bound).fold(0u64, |sum, (_, count)| sum.saturating_add(*count))
        };
        let negative = sum(&self.negative, &|at| -boundary(self.scale, at));
        let zero = if self.zero_threshold <= bound { self.zero } else { 0 };
        let positive = sum(&self.positive, &|at| boundary(self.scale, at + 1));
        negative.saturating_add(zero).saturating_add(positive)
    }

    /// Whether the other shape's boundaries are exact for this shape too.
    pub(super) fn refines(&self, other: &Self) -> bool {
        self.scale >= other.scale && self.zero_threshold == other.zero_threshold
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn point(scale: i32, offset: i32, positive: &[u64]) -> ExponentialHistogramDataPoint {
        ExponentialHistogramDataPoint {
            scale,
            count: positive.iter().sum(),
            sum: Some(1.0),
            positive: Some(Buckets { offset, bucket_counts: positive.to_vec() }),
            ..ExponentialHistogramDataPoint::default()
        }
    }

    fn ladder(shape: &Shape) -> Vec<(f64, u64)> {
        shape.bounds().into_iter().map(|bound| (bound, shape.below(bound))).collect()
    }

    #[test]
    fn boundaries_are_exact() {
        for (k, eighth) in EIGHTHS.iter().enumerate() {
            assert!((eighth.powi(8) / f64::powi(2.0, k as i32) - 1.0).abs() < 2e-15, "{k}");
        }
        for (scale, index, expected) in [
            (0, 0, 1.0),
            (0, 1, 2.0),
            (0, -1, 0.5),
            (-1, 1, 4.0),
            (-1, -2, 1.0 / 16.0),
            (1, 1, std::f64::consts::SQRT_2),
            (1, 2, 2.0),
            (2, -4, 0.5),
            (3, 24, 8.0),
            (3, -8, 0.5),
            (-10, 0, 1.0),
            (-10, 1, f64::INFINITY),
            (-10, -1, 2f64.powi(-1_022) / 4.0),
            (0, -1_074, f64::from_bits(1)),
            (0, -1_080, 0.0),
            (0, 1_023, 2f64.powi(1_023)),
            (0, 1_024, f64::INFINITY),
            (-10, i64::from(i32::MAX), f64::INFINITY),
            (-10, i64::from(i32::MIN), 0.0),
        ] {
            assert_eq!(boundary(scale, index), expected, "{scale} {index}");
        }
        assert_eq!(boundary(3, 2).to_bits(), boundary(2, 1).to_bits(), "the same bits at every scale");
    }

    #[test]
    fn buckets_become_a_ladder_of_their_own_boundaries() {
        // (1, 2] 3 values, (2, 4] none, (4, 8] 5 values.
        let shape = Shape::of(&point(0, 0, &[3, 0, 5])).unwrap();
        assert_eq!(ladder(&shape), [(0.0, 0), (1.0, 0), (2.0, 3), (4.0, 3), (8.0, 8)]);
        let mut both = point(0, 0, &[3]);
        both.negative = Some(Buckets { offset: 1, bucket_counts: vec![2, 1] });
        (both.zero_count, both.count) = (4, 10);
        assert_eq!(ladder(&Shape::of(&both).unwrap()), [(-8.0, 0), (-4.0, 1), (-2.0, 3), (0.0, 7), (1.0, 7), (2.0, 10)]);
        both.zero_threshold = 0.25;
        let wide = Shape::of(&both).unwrap();
        assert_eq!(ladder(&wide), [(-8.0, 0), (-4.0, 1), (-2.0, 3), (-0.25, 3), (0.25, 7), (1.0, 7), (2.0, 10)]);
        assert!(Shape::of(&ExponentialHistogramDataPoint::default()).unwrap().bounds().is_empty());
    }

    #[test]
    fn a_fine_scale_is_made_coarser_and_nothing_is_lost() {
        // At scale 4 the first two buckets are (1, 2^(1/8)] of scale 3.
        let shape = Shape::of(&point(4, 0, &[1, 2, 4, 8])).unwrap();
        assert_eq!(ladder(&shape), [(0.0, 0), (1.0, 0), (EIGHTHS[1], 3), (EIGHTHS[2], 15)]);
        let many = Shape::of(&point(20, -500_000, &vec![1; 160])).unwrap();
        assert_eq!((many.scale, many.positive.len(), many.below(f64::MAX)), (MAX_SCALE, 1, 160));
        // Far apart: 2,000 buckets of scale 3 do not fit.
        let wide = Shape::of(&point(3, -1_000, &vec![1; 2_000])).unwrap();
        assert!(wide.scale < MAX_SCALE && wide.bounds().len() <= MAX_BOUNDS, "{}", wide.scale);
        assert_eq!(wide.below(f64::MAX), 2_000);
        assert!(Shape::of(&point(-11, 0, &[1])).is_err());
        assert!(Shape::of(&point(0, 0, &vec![0; MAX_GIVEN + 1])).unwrap_err().to_string().contains("10001 buckets"));
        assert!(Shape::of(&point(i32::MAX, i32::MIN, &[1, 1])).is_ok());
    }

    #[test]
    fn what_came_since_is_added_at_the_coarser_scale() {
        let mut shape = Shape::of(&point(1, 0, &[1, 1])).unwrap();
        shape.add(&Shape::of(&point(0, 1, &[5])).unwrap());
        assert_eq!(ladder(&shape), [(0.0, 0), (1.0, 0), (2.0, 2), (4.0, 7)]);
        assert_eq!((shape.count, shape.sum), (7, Some(2.0)));
        let mut wide = point(0, 2, &[1]);
        (wide.zero_threshold, wide.zero_count, wide.count) = (3.0, 2, 3);
        shape.add(&Shape::of(&wide).unwrap());
        assert_eq!(ladder(&shape), [(-4.0, 0), (4.0, 9), (8.0, 10)], "a zero bucket of 3 reaches into (2, 4]");
    }

    proptest! {
        #[test]
        fn a_ladder_rises_counts_all_and_fits(
            scale in -10i32..21,
            offset in -5_000i32..5_000,
            positive in proptest::collection::vec(0u64..5, 0..400),
            negative in proptest::collection::vec(0u64..3, 0..200),
            zero in 0u64..3,
            threshold in prop_oneof![Just(0.0), 0.0f64..10.0],
        ) {
            let mut point = point(scale, offset, &positive);
            point.negative = Some(Buckets { offset, bucket_counts: negative.clone() });
            (point.zero_count, point.zero_threshold) = (zero, threshold);
            let all: u64 = positive.iter().sum::<u64>() + negative.iter().sum::<u64>() + zero;
            point.count = all;
            let shape = Shape::of(&point).unwrap();
            let ladder = ladder(&shape);
            prop_assert!(ladder.len() <= MAX_BOUNDS);
            prop_assert!(ladder.windows(2).all(|w| w[0].0 < w[1].0 && w[0].1 <= w[1].1), "{ladder:?}");
            prop_assert!(shape.below(f64::INFINITY) == all);
            // Twice the same is everything twice, where the zero bucket reaches into no other.
            let mut twice = shape.clone();
            twice.add(&shape);
            for (bound, count) in ladder {
                if twice.scale == shape.scale {
                    prop_assert_eq!(twice.below(bound), count * 2);
                }
            }
        }
    }
}
