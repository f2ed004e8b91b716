//! Forecasts: figures of the future, each with an interval.
//!
//! * [`series`] forecasts the next steps of any series.
//! * [`line`](mod@line) is a straight line through past values, with the interval of its slope.
//!
//! Pure: times and values are arguments, and random numbers have fixed seeds, so the same history gives the same forecast.

pub mod line;
pub mod random;
pub mod series;

pub use self::line::Line;
