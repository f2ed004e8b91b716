//! Encodes the hours of a series, bit for bit.
//!
//! The column of a day has 24 numbers, too few for a general compressor, so known relations are used: a value lies between the
//! smallest and the largest, the sum is near the midpoint times the count, decimals of a day have one exponent. Each column is
//! stored as differences from the best of a few predictions, as exponential Golomb codes of a width that suits the column; a column
//! that always equals its prediction takes two bits. Rows that would lose any bit are stored plainly.
//!
//! First byte: `0 rows…` plain, `1 bits…` packed. The caller stores starts, the number of rows and checksums.

mod bits;
mod columns;

use self::bits::*;
use self::columns::*;
use crate::codec::{CodecError, unzigzag, zigzag};
use crate::model::TimestampMs;
use crate::windows::{Inner, WindowRow};

const PLAIN: u8 = 0;
const PACKED: u8 = 1;
/// Numbers of a plain row, which follow a byte of flags.
const PLAIN_NUMBERS: usize = 11;
const TOO_SHORT: CodecError = CodecError::Damaged("hours are too short");

/// Appends encoded rows.
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

/// Decodes the rows that begin at `starts`.
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

/// `None` if the rows cannot be packed.
fn pack(rows: &[WindowRow]) -> Option<Vec<u8>> {
    let scales = Scales::of(rows);
    let figures = rows.iter().map(|row| figures_of(row, scales)).collect::<Option<Vec<_>>>()?;
    let base = figures.iter().find(|f| f.count > 0).copied().unwrap_or_default();
    let mut bits = BitWriter::default();
    bits.push(u64::from(scales.levels.exponent), 3);
    bits.push(u64::from(scales.levels.twos), 6);
    bits.push(u64::from(scales.sum == scales.levels), 1);
    bits.push(u64::from(scales.single), 1);
    bits.push_sized(base.count as u64);
    bits.push_sized(zigzag(base.min));
    let mut columns = Vec::with_capacity(COLUMNS.len());
    for (at, column) in COLUMNS.iter().enumerate() {
        let (prediction, width, differences) = predict(column, at == 0, &figures, start_of(base.count, base.min), scales)?;
        bits.push(prediction, 2);
        bits.push(width, 6);
        columns.push((width, differences));
    }
    // Figures of the samples after the start of each hour.
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
        for (width, differences) in columns.iter().take(if row.count > 0.0 { COLUMNS.len() } else { 1 }) {
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

/// The figures of a row as integers; `None` if one of them is not an integer in its scale.
fn figures_of(row: &WindowRow, scales: Scales) -> Option<Figures> {
    let count = (row.count >= 0.0 && row.count <= f64::from(u32::MAX)).then_some(row.count as i64)?;
    if count == 0 {
        return Some(Figures::default());
    }
    let level = |v: f64| scales.levels.integer(v);
    let [min, max, first, last] = [level(row.min)?, level(row.max)?, level(row.first)?, level(row.last)?];
    Some(Figures { count, min, max, first, last, sum: scales.sum.integer(row.sum)?, m2: scales.square(row.m2) })
}

/// The best prediction for a column: its number, the width of the codes, and the differences of all rows.
fn predict(column: &Column, is_count: bool, figures: &[Figures], start: Figures, scales: Scales) -> Option<(u64, u64, Vec<u64>)> {
    let differences = |guess: &Guess| -> Vec<u64> {
        let mut before = start;
        let difference = |f: &Figures| {
            let (mut f, guessed) = (*f, guess(f, &before, scales));
            before = if f.count > 0 { f } else { before };
            zigzag((column.figure)(&mut f).wrapping_sub(guessed))
        };
        figures.iter().map(difference).collect()
    };
    let mut best: Option<(u64, u64, u64, Vec<u64>)> = None;
    for (which, guess) in (0..).zip(column.guesses) {
        let all = differences(guess);
        let there = all.iter().zip(figures).filter(|(_, f)| is_count || f.count > 0).map(|(v, _)| *v);
        let (width, cost) = width_for(&there.collect::<Vec<_>>());
        if best.as_ref().is_none_or(|best| cost < best.0) {
            best = Some((cost, which, width, all));
        }
    }
    best.map(|(_, which, width, differences)| (which, width, differences))
}

/// Chooses how one of [`inner_numbers`] is stored, with its differences.
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
    let mut bits = BitReader::new(bytes);
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

#[cfg(test)]
mod tests;
