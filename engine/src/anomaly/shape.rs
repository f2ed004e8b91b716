//! Distance of the newest window to the nearest shape seen before.
//!
//! A small book of shapes stands for the whole history: a window far from all of them becomes a new entry in place of
//! the one unused for longest; a near one draws its entry a little towards itself.

use super::by_window::{WIDTH, Window, WindowDetector};

const SHAPES: usize = 48;
/// A window farther away than this many typical distances becomes a shape of its own.
const NEW_AT: f32 = 3.0;
/// Share of the way that an entry moves towards a window it explains.
const DRAW: f32 = 0.05;
/// The typical distance is learned over at most this many windows.
const MEMORY: f32 = 1_000.0;

#[derive(Debug, Clone)]
pub struct ShapeBook {
    shapes: Vec<Window>,
    last_used: Vec<u32>,
    clock: u32,
    typical: f32,
}

impl Default for ShapeBook {
    fn default() -> Self {
        Self { shapes: Vec::with_capacity(SHAPES), last_used: Vec::with_capacity(SHAPES), clock: 0, typical: 0.0 }
    }
}

impl ShapeBook {
    fn nearest(&self, window: &Window) -> Option<(usize, f32)> {
        let mut best: Option<(usize, f32)> = None;
        for (i, shape) in self.shapes.iter().enumerate() {
            let square = square_distance(shape, window);
            if best.is_none_or(|(_, least)| square < least) {
                best = Some((i, square));
            }
        }
        best.map(|(i, square)| (i, (square / WIDTH as f32).sqrt()))
    }

    fn add(&mut self, window: Window) {
        if self.shapes.len() < SHAPES {
            self.shapes.push(window);
            self.last_used.push(self.clock);
            return;
        }
        let oldest = self.last_used.iter().enumerate().min_by_key(|(_, used)| **used).map_or(0, |(i, _)| i);
        self.shapes[oldest] = window;
        self.last_used[oldest] = self.clock;
    }
}

/// Four running sums instead of one, so that the compiler can use vector registers: float sums may not be reordered.
fn square_distance(a: &Window, b: &Window) -> f32 {
    let mut lanes = [0.0f32; 4];
    for (x, y) in a.chunks_exact(4).zip(b.chunks_exact(4)) {
        for lane in 0..4 {
            let difference = x[lane] - y[lane];
            lanes[lane] += difference * difference;
        }
    }
    lanes.iter().sum()
}

impl WindowDetector for ShapeBook {
    const NAME: &'static str = "shape of the curve";

    /// Root mean square distance to the nearest known shape. Then learns the window.
    fn learn(&mut self, window: &Window) -> f32 {
        self.clock = self.clock.saturating_add(1);
        let Some((nearest, distance)) = self.nearest(window) else {
            self.add(*window);
            return 0.0;
        };
        self.typical += (distance - self.typical) / (self.clock as f32).min(MEMORY);
        if distance > NEW_AT * self.typical {
            self.add(*window);
        } else {
            self.last_used[nearest] = self.clock;
            for (shape, value) in self.shapes[nearest].iter_mut().zip(window) {
                *shape += (value - *shape) * DRAW;
            }
        }
        distance
    }

    fn bytes(&self) -> usize {
        size_of::<Self>() + SHAPES * (size_of::<Window>() + size_of::<u32>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_shape_is_near_and_a_new_one_is_far_once() {
        let mut book = ShapeBook::default();
        let wave = |phase: usize| std::array::from_fn(|i| ((i + phase) as f32 * 0.8).sin());
        for i in 0..400 {
            book.learn(&wave(i % 8));
        }
        assert!(book.learn(&wave(3)) < 1.0);
        let spike = std::array::from_fn(|i| if i == 8 { 20.0 } else { 0.0 });
        assert!(book.learn(&spike) > 4.0);
        assert!(book.learn(&spike) < 0.1, "a shape just added is known");
        assert!(book.shapes.len() <= SHAPES);
    }
}
