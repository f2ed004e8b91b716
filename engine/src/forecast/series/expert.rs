//! Quantiles from the members, and how they are combined: what was learned of one range of horizons.

use super::quantile::{Sample, pinball};

/// The quantiles that a forecast has: low, centre, high.
pub(super) type Quantiles = [f64; 3];

/// How fast weights follow the losses.
const LEARNING_RATE: f64 = 2.0;
/// What the losses of earlier outcomes count after each later one, where combination and seasonal naive are compared.
const FORGETTING: f64 = 0.99;
/// Outcomes before which weights and intervals are not judged.
const WARM_UP: usize = 20;

/// A forecast that was made at an origin, with all that is needed to learn from its outcome.
pub(super) struct Made {
    /// Forecasts of the members.
    pub(super) points: Vec<f64>,
    /// How much the series moved of late.
    pub(super) scale: f64,
    /// Quantiles of all experts.
    experts: [Vec<f64>; 3],
    /// Their combination.
    combined: Quantiles,
    /// Seasonal naive.
    naive: Quantiles,
    /// Whether this was made with weights that had been learned.
    judged: bool,
}

/// What was learned of one range of horizons.
#[derive(Clone)]
pub(super) struct Learned {
    /// Past errors of each member.
    errors: Vec<Sample>,
    /// The same as multiples of the scale.
    scaled: Vec<Sample>,
    /// Of each quantile and expert, the sum of gradients of the loss; and the sum of their squares.
    gradients: [(Vec<f64>, f64); 3],
    /// By how much outcomes lay below and above the interval, as multiples of its width.
    outside: [Sample; 2],
    /// Losses of the combination and of seasonal naive, and the outcomes that they are of; older ones count less.
    losses: (f64, f64, f64),
    judged: usize,
    outcomes: usize,
}

impl Learned {
    pub(super) fn new(members: usize, samples: usize) -> Self {
        let experts = 2 * members + samples;
        Self {
            errors: vec![Sample::default(); members],
            scaled: vec![Sample::default(); members],
            gradients: std::array::from_fn(|_| (vec![0.0; experts], 0.0)),
            outside: std::array::from_fn(|_| Sample::default()),
            losses: (0.0, 0.0, 0.0),
            judged: 0,
            outcomes: 0,
        }
    }

    /// Outcomes that were learned from.
    pub(super) fn outcomes(&self) -> usize {
        self.outcomes
    }

    /// Mean losses of the combination and of seasonal naive, as far as they were judged.
    pub(super) fn mean_losses(&self) -> Option<(f64, f64)> {
        let (combined, naive, weight) = self.losses;
        (weight > 0.0).then(|| (combined / weight, naive / weight))
    }

    /// Makes a forecast. `samples` are sorted past values whose quantiles are forecasts.
    pub(super) fn make(&self, points: Vec<f64>, samples: &[&[f64]], scale: f64, taus: Quantiles) -> Made {
        let experts = taus.map(|tau| {
            let plain = points.iter().zip(&self.errors).map(|(point, errors)| point + errors.quantile(tau));
            let scaled = points.iter().zip(&self.scaled).map(|(point, errors)| point + scale * errors.quantile(tau));
            plain.chain(scaled).chain(samples.iter().map(|sample| super::quantile::of_sorted(sample, tau))).collect()
        });
        let naive = [points[0] + self.errors[0].quantile(taus[0]), points[0], points[0] + self.errors[0].quantile(taus[2])];
        let combined = self.combine(&experts);
        Made { points, scale, experts, combined, naive, judged: self.outcomes >= WARM_UP }
    }

    /// Weights of the experts for one quantile. They fall exponentially with the sum of the gradients of an expert's loss (exponentiated
    /// gradient: Kivinen and Warmuth, 1997), at a rate that adapts to their size.
    fn weights(&self, k: usize) -> Vec<f64> {
        let (gradients, squares) = &self.gradients[k];
        let rate = LEARNING_RATE / (squares.sqrt() + 1e-12);
        let least = gradients.iter().copied().fold(f64::INFINITY, f64::min);
        let mut weights: Vec<f64> = gradients.iter().map(|gradient| (-rate * (gradient - least)).exp()).collect();
        let total: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|weight| *weight /= total);
        weights
    }

    /// Weighted means of the experts' quantiles.
    fn combine(&self, experts: &[Vec<f64>; 3]) -> Quantiles {
        let mut found: Quantiles =
            std::array::from_fn(|k| self.weights(k).iter().zip(&experts[k]).map(|(weight, value)| weight * value).sum());
        found[0] = found[0].min(found[1]);
        found[2] = found[2].max(found[1]);
        found
    }

    /// Learns from what came of a forecast.
    pub(super) fn learn(&mut self, made: &Made, outcome: f64, taus: Quantiles) {
        self.outcomes += 1;
        for ((point, errors), scaled) in made.points.iter().zip(&mut self.errors).zip(&mut self.scaled) {
            errors.insert(outcome - point);
            scaled.insert((outcome - point) / made.scale);
        }
        if !made.judged {
            return;
        }
        self.judged += 1;
        self.losses = (FORGETTING * self.losses.0, FORGETTING * self.losses.1, FORGETTING * self.losses.2 + 1.0);
        let [low, _, high] = made.combined;
        let width = (high - low).max(1e-3 * made.scale);
        self.outside[0].insert((low - outcome) / width);
        self.outside[1].insert((outcome - high) / width);
        for (k, tau) in taus.into_iter().enumerate() {
            self.losses.0 += pinball(outcome, made.combined[k], tau);
            self.losses.1 += pinball(outcome, made.naive[k], tau);
            let slope = if outcome < made.combined[k] { 1.0 - tau } else { -tau };
            let weights = self.weights(k);
            let (gradients, squares) = &mut self.gradients[k];
            for ((gradient, value), weight) in gradients.iter_mut().zip(&made.experts[k]).zip(weights) {
                let step = slope * (value - made.combined[k]);
                *gradient += step;
                *squares += weight * step * step;
            }
        }
    }

    /// The interval moved on each side by as much as past outcomes lay outside it (conformalized quantile regression: Romano, Patterson
    /// and Candès, 2019).
    pub(super) fn conform(&self, made: &Made, taus: Quantiles) -> Quantiles {
        let [low, centre, high] = made.combined;
        if self.judged < WARM_UP {
            return made.combined;
        }
        let width = (high - low).max(1e-3 * made.scale);
        // The quantile with one outcome more than was seen: the one to come.
        let beyond = |tau: f64| (tau * (1.0 + 1.0 / self.judged as f64)).min(1.0);
        let (below, above) = (self.outside[0].quantile(beyond(1.0 - taus[0])), self.outside[1].quantile(beyond(taus[2])));
        [(low - below * width).min(centre), centre, (high + above * width).max(centre)]
    }
}

impl Made {
    /// Seasonal naive with the interval of its own past errors.
    pub(super) fn naive(&self) -> Quantiles {
        self.naive
    }
}
