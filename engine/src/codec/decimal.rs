//! Decimals of few digits as integers.

/// Powers of ten that are tried; decimals with more digits compress no better than floats.
pub(super) const MAX_EXPONENT: u8 = 6;
pub(super) const POWERS: [f64; MAX_EXPONENT as usize + 1] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6];
/// Integers up to this are exact as floats.
pub(super) const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// The smallest exponent of ten that makes every value an integer, and the integers; `None` if any bit would be lost.
pub(super) fn as_decimals(values: &[f64]) -> Option<(u8, Vec<i64>)> {
    let mut scaled = Vec::with_capacity(values.len());
    let mut exponent = 0u8;
    'next: while let Some(&factor) = POWERS.get(usize::from(exponent)) {
        scaled.clear();
        for &value in values {
            let product = value * factor;
            // Adding half and truncating rounds without a function call; the result is checked bit for bit below.
            let integer = (product + 0.5f64.copysign(product)) as i64;
            if product.is_nan() || product.abs() >= MAX_EXACT {
                return None;
            }
            if (integer as f64 / factor).to_bits() != value.to_bits() {
                exponent += 1;
                continue 'next;
            }
            scaled.push(integer);
        }
        return Some((exponent, scaled));
    }
    None
}

/// The smallest exponent with which every value is exactly a decimal; `None` if there is none.
pub(crate) fn decimal_exponent(values: &[f64]) -> Option<u8> {
    (0..=MAX_EXPONENT).find(|&exponent| values.iter().all(|v| to_decimal(*v, exponent).is_some()))
}

/// A value scaled by a power of ten; `None` if any bit would be lost.
pub(crate) fn to_decimal(value: f64, exponent: u8) -> Option<i64> {
    let factor = POWERS.get(usize::from(exponent))?;
    let product = (value * factor).round();
    let integer = product as i64;
    // Compare after the conversion to an integer, which has no -0.
    (product.abs() < MAX_EXACT && from_decimal(integer, exponent).to_bits() == value.to_bits()).then_some(integer)
}

/// The inverse of [`to_decimal`].
pub(crate) fn from_decimal(integer: i64, exponent: u8) -> f64 {
    integer as f64 / POWERS[usize::from(exponent.min(MAX_EXPONENT))]
}

/// The nearest decimal; `None` if it has too many digits.
pub(crate) fn nearest_decimal(value: f64, exponent: u8) -> Option<f64> {
    let factor = POWERS.get(usize::from(exponent))?;
    let product = (value * factor).round();
    (product.abs() < MAX_EXACT).then(|| from_decimal(product as i64, exponent))
}
