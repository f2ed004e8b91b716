//! Columns of packed hours: how figures become integers, and how each is predicted.

use crate::codec;
use crate::windows::WindowRow;

/// Marks numbers that are not decimals.
pub(super) const FLOATS: u8 = 7;
/// Most powers of two that are divided out: integers below 2^53 have no more.
pub(super) const MOST_TWOS: u32 = 53;

/// Maps numbers to integers: decimals of one exponent are scaled and divided by their common power of two; others are mapped to
/// their rank among all floats.
#[derive(Clone, Copy, PartialEq)]
pub(super) struct Scale {
    pub(super) exponent: u8,
    pub(super) twos: u32,
}

impl Scale {
    pub(super) const FLOATS: Self = Self { exponent: FLOATS, twos: 0 };

    pub(super) fn integer(self, v: f64) -> Option<i64> {
        if self.exponent == FLOATS {
            return Some(place(v));
        }
        codec::to_decimal(v, self.exponent).filter(|i| i & ((1 << self.twos) - 1) == 0).map(|i| i >> self.twos)
    }

    pub(super) fn number(self, integer: i64) -> f64 {
        if self.exponent == FLOATS { from_place(integer) } else { codec::from_decimal(integer << self.twos, self.exponent) }
    }
}

/// Rank of a float among all floats: neighbours have neighbouring ranks.
pub(super) fn place(v: f64) -> i64 {
    let bits = v.to_bits() as i64;
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}

pub(super) fn from_place(place: i64) -> f64 {
    f64::from_bits((place ^ (((place >> 63) as u64) >> 1) as i64) as u64)
}

/// The scales of the columns of a day.
#[derive(Clone, Copy)]
pub(super) struct Scales {
    pub(super) levels: Scale,
    pub(super) sum: Scale,
    /// Whether sums of squares fit a 32-bit float.
    pub(super) single: bool,
}

impl Scales {
    pub(super) fn of(rows: &[WindowRow]) -> Self {
        let filled = || rows.iter().filter(|row| row.count > 0.0);
        let all: Vec<f64> = filled().flat_map(|row| [row.min, row.max, row.first, row.last]).collect();
        let levels = match codec::decimal_exponent(&all) {
            Some(exponent) => {
                let twos = all.iter().filter_map(|v| codec::to_decimal(*v, exponent)).map(i64::trailing_zeros).min();
                Scale { exponent, twos: twos.unwrap_or(0).min(MOST_TWOS) }
            }
            None => Scale::FLOATS,
        };
        let sum = if filled().all(|row| levels.integer(row.sum).is_some()) { levels } else { Scale::FLOATS };
        Self { levels, sum, single: filled().all(|row| f64::from(row.m2 as f32).to_bits() == row.m2.to_bits()) }
    }

    pub(super) fn square(self, v: f64) -> i64 {
        if self.single { place(v) >> 29 } else { place(v) }
    }

    pub(super) fn unsquared(self, integer: i64) -> f64 {
        from_place(if self.single { integer << 29 } else { integer })
    }
}

/// The figures of a row as integers.
#[derive(Clone, Copy, Default)]
pub(super) struct Figures {
    pub(super) count: i64,
    pub(super) min: i64,
    pub(super) max: i64,
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) sum: i64,
    pub(super) m2: i64,
}

/// Predicts a figure from earlier figures of its row and from the row before.
pub(super) type Guess = fn(&Figures, &Figures, Scales) -> i64;

/// A column: its figure and its possible predictions.
pub(super) struct Column {
    pub(super) figure: fn(&mut Figures) -> &mut i64,
    pub(super) guesses: &'static [Guess],
}

/// Each column comes after those that its predictions use.
pub(super) const COLUMNS: [Column; 7] = [
    Column { figure: |f| &mut f.count, guesses: &[|_, before, _| before.count] },
    Column { figure: |f| &mut f.min, guesses: &[|_, before, _| before.min, |_, before, _| before.last] },
    Column {
        figure: |f| &mut f.max,
        guesses: &[|f, _, _| f.min, |_, before, _| before.max, |f, before, _| f.min.wrapping_add(before.max.wrapping_sub(before.min))],
    },
    Column {
        figure: |f| &mut f.first,
        guesses: &[|f, _, _| f.min, |f, _, _| f.max, |_, before, _| before.last, |f, _, _| middle(f.min, f.max)],
    },
    Column { figure: |f| &mut f.last, guesses: &[|f, _, _| f.max, |f, _, _| f.min, |f, _, _| f.first, |f, _, _| middle(f.min, f.max)] },
    Column {
        figure: |f| &mut f.sum,
        guesses: &[
            |f, _, scales| sum_of(f, f.min, f.max, scales),
            |f, _, scales| sum_of(f, f.first, f.last, scales),
            |_, before, _| before.sum,
        ],
    },
    Column {
        figure: |f| &mut f.m2,
        guesses: &[|f, _, scales| spread(f, scales), |f, before, _| if f.min == f.max { 0 } else { before.m2 }],
    },
];

pub(super) fn middle(a: i64, b: i64) -> i64 {
    ((i128::from(a) + i128::from(b)) / 2) as i64
}

/// The sum if the mean were the midpoint of two numbers.
pub(super) fn sum_of(f: &Figures, a: i64, b: i64, scales: Scales) -> i64 {
    if scales.sum == scales.levels && scales.sum != Scale::FLOATS {
        return ((i128::from(a) + i128::from(b)) * i128::from(f.count) / 2) as i64;
    }
    let mean = scales.levels.number(a) * 0.5 + scales.levels.number(b) * 0.5;
    place(if a == b { f.count as f64 * scales.levels.number(a) } else { f.count as f64 * mean })
}

/// The sum of squared differences of evenly spread samples: a twelfth of the squared range for each.
pub(super) fn spread(f: &Figures, scales: Scales) -> i64 {
    let range = scales.levels.number(f.max) - scales.levels.number(f.min);
    scales.square(f.count as f64 * range * range / 12.0)
}

/// How the sum, smallest or largest of [`Inner`] is stored.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Extra {
    /// Derived from the other figures.
    Derived = 0,
    /// Differences from the derived value, scaled like the levels, where it differs.
    Scaled = 1,
    /// The same, by rank.
    Places = 2,
}

pub(super) fn inner_numbers(row: &WindowRow) -> [f64; 3] {
    [row.inner.sum, row.inner.min, row.inner.max]
}

pub(super) fn start_of(count: i64, level: i64) -> Figures {
    Figures { count, min: level, max: level, first: level, last: level, sum: 0, m2: 0 }
}
