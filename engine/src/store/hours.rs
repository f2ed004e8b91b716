//! The hours of a series as bytes: rows in, few bytes out, bit for bit back.
//!
//! A column of a day's hours is 24 numbers, too few for a compressor, so what is known of the figures does the work: they lie
//! between the smallest and the largest, the sum is near what the middle would give, a day of decimals has one exponent. Each
//! column is kept as its differences from the best of a few guesses, as exponential Golomb codes whose width suits the
//! column; a column that always is as guessed takes two bits. Rows of which any bit would be lost that way are kept as they are.
//!
//! First byte: `0 rows…` as they are, `1 bits…` packed. Starts and the number of rows stand with the caller, as do checksums.

use crate::codec::{self, CodecError};
use crate::model::TimestampMs;
use crate::windows::{Inner, WindowRow};

const PLAIN: u8 = 0;
const PACKED: u8 = 1;
/// Numbers of a row that is kept as it is, after a byte of flags.
const PLAIN_NUMBERS: usize = 11;
/// Stands for no exponent: the numbers are floats.
const FLOATS: u8 = 7;
/// Powers of two that are left out at the most: of integers below 2^53 there are no more.
const MOST_TWOS: u32 = 53;
/// Stands for a column of zeros in the place of a width.
const ZEROS: u64 = 63;
const TOO_SHORT: CodecError = CodecError::Damaged("hours are too short");

/// Appends rows.
pub(super) fn encode(rows: &[WindowRow], out: &mut Vec<u8>) {
    let from = out.len();
    if let Some(packed) = pack(rows) {
        out.push(PACKED);
        out.extend_from_slice(&packed);
        let starts: Vec<TimestampMs> = rows.iter().map(|row| row.start).collect();
        let back = decode(&out[from..], &starts);
        if back.is_ok_and(|back| back.iter().zip(rows).all(|(a, b)| plain(a) == plain(b))) {
            return;
        }
        out.truncate(from);
    }
    out.push(PLAIN);
    for row in rows {
        let (flags, numbers) = plain(row);
        out.push(flags);
        numbers.iter().for_each(|bits| out.extend_from_slice(&bits.to_le_bytes()));
    }
}

/// Reads the rows that begin at `starts`.
///
/// # Errors
/// [`CodecError`] for anything that [`encode`] does not write.
pub(super) fn decode(bytes: &[u8], starts: &[TimestampMs]) -> Result<Vec<WindowRow>, CodecError> {
    match bytes.split_first().ok_or(TOO_SHORT)? {
        (&PLAIN, rest) if rest.len() == starts.len() * (1 + 8 * PLAIN_NUMBERS) => {
            let rows = rest.chunks_exact(1 + 8 * PLAIN_NUMBERS).zip(starts);
            Ok(rows.map(|(bytes, start)| from_plain(*start, bytes)).collect())
        }
        (&PACKED, rest) => unpack(rest, starts),
        _ => Err(CodecError::Damaged("unknown encoding of hours")),
    }
}

fn plain(row: &WindowRow) -> (u8, [u64; PLAIN_NUMBERS]) {
    let i = &row.inner;
    let numbers = [row.count, row.sum, row.min, row.max, row.first, row.last, row.m2, i.nans, i.sum, i.min, i.max];
    (u8::from(i.on_start) | u8::from(i.nan_on_start) << 1, numbers.map(f64::to_bits))
}

fn from_plain(start: TimestampMs, bytes: &[u8]) -> WindowRow {
    let number = |at: usize| f64::from_le_bytes(std::array::from_fn(|i| bytes.get(1 + 8 * at + i).copied().unwrap_or_default()));
    let flags = bytes.first().copied().unwrap_or_default();
    let inner =
        Inner { on_start: flags & 1 != 0, nan_on_start: flags & 2 != 0, nans: number(7), sum: number(8), min: number(9), max: number(10) };
    let [count, sum, min, max, first, last, m2] = std::array::from_fn(number);
    WindowRow { start, count, sum, min, max, first, last, m2, inner }
}

/// How numbers become integers: decimals of one exponent scaled, without the powers of two that all have; others by their
/// place among all floats.
#[derive(Clone, Copy, PartialEq)]
struct Scale {
    exponent: u8,
    twos: u32,
}

impl Scale {
    const FLOATS: Self = Self { exponent: FLOATS, twos: 0 };

    fn integer(self, v: f64) -> Option<i64> {
        if self.exponent == FLOATS {
            return Some(place(v));
        }
        codec::to_decimal(v, self.exponent).filter(|i| i & ((1 << self.twos) - 1) == 0).map(|i| i >> self.twos)
    }

    fn number(self, integer: i64) -> f64 {
        if self.exponent == FLOATS { from_place(integer) } else { codec::from_decimal(integer << self.twos, self.exponent) }
    }
}

/// The place of a float among all of them: neighbours have neighbouring places.
fn place(v: f64) -> i64 {
    let bits = v.to_bits() as i64;
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}

fn from_place(place: i64) -> f64 {
    f64::from_bits((place ^ (((place >> 63) as u64) >> 1) as i64) as u64)
}

/// The scales of a day's columns.
#[derive(Clone, Copy)]
struct Scales {
    levels: Scale,
    sum: Scale,
    /// Sums of squares fit 32 bits.
    single: bool,
}

impl Scales {
    fn of(rows: &[WindowRow]) -> Self {
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

    fn square(self, v: f64) -> i64 {
        if self.single { place(v) >> 29 } else { place(v) }
    }

    fn unsquared(self, integer: i64) -> f64 {
        from_place(if self.single { integer << 29 } else { integer })
    }
}

/// The integers of a row.
#[derive(Clone, Copy, Default)]
struct Figures {
    count: i64,
    min: i64,
    max: i64,
    first: i64,
    last: i64,
    sum: i64,
    m2: i64,
}

/// What a figure is guessed to be, from those of the row that come before it and from the row before.
type Guess = fn(&Figures, &Figures, Scales) -> i64;

/// A column: which figure, and the guesses.
struct Column {
    figure: fn(&mut Figures) -> &mut i64,
    guesses: &'static [Guess],
}

/// Each after those that its guesses use.
const COLUMNS: [Column; 7] = [
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

fn middle(a: i64, b: i64) -> i64 {
    ((i128::from(a) + i128::from(b)) / 2) as i64
}

/// The sum if the samples were the mean of two numbers.
fn sum_of(f: &Figures, a: i64, b: i64, scales: Scales) -> i64 {
    if scales.sum == scales.levels && scales.sum != Scale::FLOATS {
        return ((i128::from(a) + i128::from(b)) * i128::from(f.count) / 2) as i64;
    }
    let mean = scales.levels.number(a) * 0.5 + scales.levels.number(b) * 0.5;
    place(if a == b { f.count as f64 * scales.levels.number(a) } else { f.count as f64 * mean })
}

/// The sum of squared differences if the samples were spread evenly: a twelfth of the squared range for each.
fn spread(f: &Figures, scales: Scales) -> i64 {
    let range = scales.levels.number(f.max) - scales.levels.number(f.min);
    scales.square(f.count as f64 * range * range / 12.0)
}

/// How [`Inner`]'s sum, smallest or largest are kept.
#[derive(Clone, Copy, PartialEq)]
enum Extra {
    /// As they follow from the other figures.
    Derived = 0,
    /// Those that do not follow, as differences from what would follow, scaled as the levels.
    Scaled = 1,
    /// The same, by their places.
    Places = 2,
}

fn inner_numbers(row: &WindowRow) -> [f64; 3] {
    [row.inner.sum, row.inner.min, row.inner.max]
}

/// None where the rows are not of the kind that can be packed.
fn pack(rows: &[WindowRow]) -> Option<Vec<u8>> {
    let scales = Scales::of(rows);
    let mut figures = Vec::with_capacity(rows.len());
    for row in rows {
        let count = (row.count >= 0.0 && row.count <= f64::from(u32::MAX)).then_some(row.count as i64)?;
        let level = |v: f64| scales.levels.integer(v);
        let filled = || -> Option<Figures> {
            let [min, max, first, last] = [level(row.min)?, level(row.max)?, level(row.first)?, level(row.last)?];
            Some(Figures { count, min, max, first, last, sum: scales.sum.integer(row.sum)?, m2: scales.square(row.m2) })
        };
        figures.push(if count > 0 { filled()? } else { Figures::default() });
    }
    let base = figures.iter().find(|f| f.count > 0).copied().unwrap_or_default();
    let mut bits = BitWriter::default();
    bits.push(u64::from(scales.levels.exponent), 3);
    bits.push(u64::from(scales.levels.twos), 6);
    bits.push(u64::from(scales.sum == scales.levels), 1);
    bits.push(u64::from(scales.single), 1);
    bits.push_sized(base.count as u64);
    bits.push_sized(zigzag(base.min));
    // The columns, and how each is written.
    let before = start_of(base.count, base.min);
    let mut written = Vec::with_capacity(COLUMNS.len());
    for column in COLUMNS {
        let differences = |guess: &Guess| -> Vec<u64> {
            let mut before = before;
            let difference = |f: &Figures| {
                let (mut f, guessed) = (*f, guess(f, &before, scales));
                before = if f.count > 0 { f } else { before };
                zigzag((column.figure)(&mut f).wrapping_sub(guessed))
            };
            figures.iter().map(difference).collect()
        };
        let is_count = written.is_empty();
        let mut best: Option<(u64, u64, u64, Vec<u64>)> = None;
        for (which, guess) in (0..).zip(column.guesses) {
            let all = differences(guess);
            let there = all.iter().zip(&figures).filter(|(_, f)| is_count || f.count > 0).map(|(v, _)| *v);
            let (width, cost) = width_for(&there.collect::<Vec<_>>());
            if best.as_ref().is_none_or(|best| cost < best.0) {
                best = Some((cost, which, width, all));
            }
        }
        let (_, which, width, differences) = best?;
        bits.push(which, 2);
        bits.push(width, 6);
        written.push((width, differences));
    }
    // What is said of the samples later than the start.
    let on_start = match rows.iter().filter(|row| row.inner.on_start).count() {
        0 => 0,
        some if some == rows.len() => 1,
        _ => 2,
    };
    bits.push(on_start, 2);
    let nans = rows.iter().any(|row| row.inner.nan_on_start || row.inner.nans != 0.0);
    bits.push(u64::from(nans), 1);
    let mut extras = Vec::new();
    for at in 0..3 {
        let (kind, width, differences) = extra(rows, &figures, at, scales);
        bits.push(kind as u64, 2);
        bits.push(width, 6);
        extras.push((kind, width, differences));
    }
    for (at, row) in rows.iter().enumerate() {
        for (width, differences) in written.iter().take(if row.count > 0.0 { COLUMNS.len() } else { 1 }) {
            bits.push_golomb(differences[at], *width);
        }
        if on_start == 2 {
            bits.push(u64::from(row.inner.on_start), 1);
        }
        if nans {
            bits.push(u64::from(row.inner.nan_on_start), 1);
            bits.push_golomb(row.inner.nans as u64, 0);
        }
        for (kind, width, differences) in &extras {
            if *kind != Extra::Derived {
                bits.push(u64::from(differences[at].is_some()), 1);
                differences[at].iter().for_each(|v| bits.push_golomb(*v, *width));
            }
        }
    }
    Some(bits.finish())
}

fn start_of(count: i64, level: i64) -> Figures {
    Figures { count, min: level, max: level, first: level, last: level, sum: 0, m2: 0 }
}

/// How one of [`inner_numbers`] is kept: the differences where they do not follow.
fn extra(rows: &[WindowRow], figures: &[Figures], at: usize, scales: Scales) -> (Extra, u64, Vec<Option<u64>>) {
    let apart = |row: &WindowRow| inner_numbers(row)[at].to_bits() != row.derived_inner()[at].to_bits();
    if !rows.iter().any(apart) {
        return (Extra::Derived, 0, Vec::new());
    }
    let scaled = |(row, f): (&WindowRow, &Figures)| -> Option<Option<u64>> {
        if !apart(row) {
            return Some(None);
        }
        let guessed = [None, Some(f.min), Some(f.max)][at]?;
        Some(Some(zigzag(scales.levels.integer(inner_numbers(row)[at])?.wrapping_sub(guessed))))
    };
    let places = |row: &WindowRow| apart(row).then(|| zigzag(place(inner_numbers(row)[at]).wrapping_sub(place(row.derived_inner()[at]))));
    let (kind, differences) = match rows.iter().zip(figures).map(scaled).collect::<Option<Vec<_>>>() {
        Some(differences) => (Extra::Scaled, differences),
        None => (Extra::Places, rows.iter().map(places).collect()),
    };
    let there: Vec<u64> = differences.iter().flatten().copied().collect();
    (kind, width_for(&there).0, differences)
}

fn unpack(bytes: &[u8], starts: &[TimestampMs]) -> Result<Vec<WindowRow>, CodecError> {
    let mut bits = BitReader { bytes, at: 0 };
    let levels = Scale { exponent: bits.take(3)? as u8, twos: bits.take(6)? as u32 };
    let sum = if bits.take(1)? == 1 { levels } else { Scale::FLOATS };
    let scales = Scales { levels, sum, single: bits.take(1)? == 1 };
    let base = bits.take_sized()? as i64;
    let mut before = start_of(base, unzigzag(bits.take_sized()?));
    let mut columns = Vec::with_capacity(COLUMNS.len());
    for column in COLUMNS {
        let guess = column.guesses.get(bits.take(2)? as usize).ok_or(CodecError::Damaged("unknown guess"))?;
        columns.push((column.figure, guess, bits.take(6)?));
    }
    let (on_start, nans) = (bits.take(2)?, bits.take(1)? == 1);
    let mut extras = [(0, 0); 3];
    for extra in &mut extras {
        *extra = (bits.take(2)?, bits.take(6)?);
    }
    let mut rows = Vec::with_capacity(starts.len());
    for &start in starts {
        let mut f = Figures::default();
        for (at, (figure, guess, width)) in columns.iter().enumerate() {
            if at == 0 || f.count > 0 {
                *figure(&mut f) = guess(&f, &before, scales).wrapping_add(unzigzag(bits.take_golomb(*width)?));
            }
        }
        let mut row = WindowRow::empty(start);
        if f.count > 0 {
            before = f;
            row.count = f.count as f64;
            (row.min, row.max) = (levels.number(f.min), levels.number(f.max));
            (row.first, row.last) = (levels.number(f.first), levels.number(f.last));
            (row.sum, row.m2) = (sum.number(f.sum), scales.unsquared(f.m2));
        }
        row.inner.on_start = if on_start == 2 { bits.take(1)? == 1 } else { on_start == 1 };
        if nans {
            row.inner.nan_on_start = bits.take(1)? == 1;
            row.inner.nans = bits.take_golomb(0)? as f64;
        }
        let mut inner = row.derived_inner();
        for (at, (kind, width)) in extras.iter().enumerate() {
            if *kind == Extra::Derived as u64 || bits.take(1)? == 0 {
                continue;
            }
            let difference = unzigzag(bits.take_golomb(*width)?);
            inner[at] = if *kind == Extra::Scaled as u64 {
                levels.number([f.sum, f.min, f.max][at].wrapping_add(difference))
            } else {
                from_place(place(inner[at]).wrapping_add(difference))
            };
        }
        [row.inner.sum, row.inner.min, row.inner.max] = inner;
        rows.push(row);
    }
    Ok(rows)
}

fn zigzag(v: i64) -> u64 {
    ((v << 1) ^ (v >> 63)) as u64
}

fn unzigzag(v: u64) -> i64 {
    (v >> 1) as i64 ^ -((v & 1) as i64)
}

/// Bits of a number: of 0 none.
fn length(v: u128) -> u32 {
    u128::BITS - v.leading_zeros()
}

/// Bits of a code: as many zeros as the number without its low bits has digits, less one; the number; its low bits.
fn golomb_bits(v: u64, width: u64) -> u64 {
    u64::from(2 * length((u128::from(v) >> width) + 1) - 1) + width
}

/// The width of codes that suits a column, and the bits it takes.
fn width_for(column: &[u64]) -> (u64, u64) {
    let lengths: u64 = column.iter().map(|v| u64::from(length(u128::from(*v)))).sum();
    if lengths == 0 {
        return (ZEROS, 0);
    }
    let about = lengths / column.len() as u64;
    let widths = about.saturating_sub(3)..=(about + 1).min(ZEROS - 1);
    let cost = |width: u64| (width, column.iter().map(|v| golomb_bits(*v, width)).sum::<u64>());
    widths.map(cost).min_by_key(|(_, cost)| *cost).unwrap_or((0, u64::MAX))
}

#[derive(Default)]
struct BitWriter {
    bytes: Vec<u8>,
    /// Bits that do not fill a byte yet, and how many.
    open: u128,
    count: u32,
}

impl BitWriter {
    /// Appends the low bits of a number, at most 64.
    fn push(&mut self, v: u64, bits: u32) {
        let mask = (1u128 << bits) - 1;
        self.open = self.open << bits | (u128::from(v) & mask);
        self.count += bits;
        while self.count >= 8 {
            self.count -= 8;
            self.bytes.push((self.open >> self.count) as u8);
        }
        self.open &= (1u128 << self.count) - 1;
    }

    /// Appends a number after its length.
    fn push_sized(&mut self, v: u64) {
        let bits = length(u128::from(v));
        self.push(u64::from(bits), 7);
        self.push(v, bits);
    }

    fn push_golomb(&mut self, v: u64, width: u64) {
        if width == ZEROS {
            return;
        }
        let high = (u128::from(v) >> width) + 1;
        let digits = length(high);
        self.push(0, digits - 1);
        // A number of 65 digits begins with the one that all have.
        self.push(1, 1);
        self.push(high as u64, digits - 1);
        self.push(v, width as u32);
    }

    fn finish(mut self) -> Vec<u8> {
        if self.count > 0 {
            self.push(0, 8 - self.count);
        }
        self.bytes
    }
}

struct BitReader<'a> {
    bytes: &'a [u8],
    /// The next bit.
    at: usize,
}

impl BitReader<'_> {
    fn take(&mut self, bits: u32) -> Result<u64, CodecError> {
        let mut v = 0u64;
        let mut left = bits as usize;
        while left > 0 {
            let byte = *self.bytes.get(self.at / 8).ok_or(TOO_SHORT)?;
            let here = (8 - self.at % 8).min(left);
            let shifted = u64::from(byte) >> (8 - self.at % 8 - here);
            v = v << here | (shifted & ((1 << here) - 1));
            self.at += here;
            left -= here;
        }
        Ok(v)
    }

    fn take_sized(&mut self) -> Result<u64, CodecError> {
        let bits = self.take(7)?;
        if bits > 64 {
            return Err(CodecError::Damaged("a number has more than 64 bits"));
        }
        self.take(bits as u32)
    }

    fn take_golomb(&mut self, width: u64) -> Result<u64, CodecError> {
        if width == ZEROS {
            return Ok(0);
        }
        let mut digits = 0;
        while self.take(1)? == 0 {
            digits += 1;
            if digits > 64 {
                return Err(CodecError::Damaged("a number has more than 64 bits"));
            }
        }
        let high = (1u128 << digits | u128::from(self.take(digits)?)) - 1;
        Ok((high << width) as u64 | self.take(width as u32)?)
    }
}

#[cfg(test)]
mod tests;
