//! Windows as points: the part of the newest window that the main directions of all windows cannot explain (PCA).
//!
//! Mean and covariance are tracked with a slowly falling weight; the leading eigenvectors follow by one step of
//! orthogonal iteration every few windows.

use super::by_window::{WIDTH, Window, WindowDetector};

const RANK: usize = 3;
/// Windows between two steps of the eigenvectors.
const STEP_EVERY: u32 = 8;
/// Mean and covariance look back at most this many windows.
const MEMORY: f32 = 2_000.0;

#[derive(Debug, Clone)]
pub struct Subspace {
    mean: Window,
    covariance: Box<[Window; WIDTH]>,
    directions: [Window; RANK],
    seen: u32,
}

impl Default for Subspace {
    fn default() -> Self {
        // Cosines are orthogonal and close to what smooth series end with: a good start.
        let cosine = |r: usize, i: usize| ((i as f32 + 0.5) * r as f32 * std::f32::consts::PI / WIDTH as f32).cos();
        let directions = std::array::from_fn(|r| std::array::from_fn(|i| cosine(r, i)));
        Self { mean: [0.0; WIDTH], covariance: Box::new([[0.0; WIDTH]; WIDTH]), directions: orthonormal(directions), seen: 0 }
    }
}

impl Subspace {
    fn track(&mut self, offset: &Window) {
        self.seen = self.seen.saturating_add(1);
        let rate = 1.0 / (self.seen as f32).min(MEMORY);
        for (i, row) in self.covariance.iter_mut().enumerate() {
            self.mean[i] += rate * offset[i];
            for (cell, other) in row.iter_mut().zip(offset) {
                *cell += rate * (offset[i] * other - *cell);
            }
        }
        if self.seen.is_multiple_of(STEP_EVERY) {
            let turned = std::array::from_fn(|r| std::array::from_fn(|i| dot(&self.covariance[i], &self.directions[r])));
            self.directions = orthonormal(turned);
        }
    }
}

fn dot(a: &Window, b: &Window) -> f32 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// Gram–Schmidt. A direction that vanishes starts again from a unit vector, or it could never come back.
fn orthonormal(mut vectors: [Window; RANK]) -> [Window; RANK] {
    for r in 0..RANK {
        let (earlier, rest) = vectors.split_at_mut(r);
        let Some(vector) = rest.first_mut() else { break };
        for other in earlier.iter() {
            let along = dot(vector, other);
            for (v, o) in vector.iter_mut().zip(other) {
                *v -= along * o;
            }
        }
        let length = dot(vector, vector).sqrt();
        if length < 1e-12 {
            *vector = std::array::from_fn(|i| if i == r { 1.0 } else { 0.0 });
        } else {
            vector.iter_mut().for_each(|v| *v /= length);
        }
    }
    vectors
}

impl WindowDetector for Subspace {
    const NAME: &'static str = "course over the last windows";

    /// Root mean square of the unexplained part of `window`. Then learns it.
    fn learn(&mut self, window: &Window) -> f32 {
        let offset: Window = std::array::from_fn(|i| window[i] - self.mean[i]);
        let mut rest = offset;
        for direction in &self.directions {
            let along = dot(direction, &offset);
            for (r, d) in rest.iter_mut().zip(direction) {
                *r -= along * d;
            }
        }
        self.track(&offset);
        (dot(&rest, &rest) / WIDTH as f32).sqrt()
    }

    fn bytes(&self) -> usize {
        size_of::<Self>() + size_of::<[Window; WIDTH]>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sines_of_one_frequency_are_explained_and_another_is_not() {
        let mut space = Subspace::default();
        let sine = |frequency: f32, phase: usize| std::array::from_fn(|i| ((i + phase) as f32 * frequency).sin());
        for i in 0..2_000 {
            space.learn(&sine(0.5, i));
        }
        let known = space.learn(&sine(0.5, 7));
        let other = space.learn(&sine(2.0, 7));
        assert!(known < 0.05 && other > 0.5, "{known} {other}");
    }
}
