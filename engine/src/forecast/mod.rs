//! Forecasts: figures of the future, each with an interval.
//!
//! * [`series`] forecasts the next steps of any series.
//! * [`capacity`] says whether what there is suffices for a week.
//! * [`fill`] says when something bounded will be full.
//! * [`memory`] names the series of memory that is used up.
//! * [`spending`] says what will be spent by the end of a period, and when a limit is crossed.
//! * [`record`] says how forecasts of dates turned out.
//! * [`log`] keeps forecasts of series that were asked for, and says how they turned out.
//!
//! Pure: times and values are arguments, and random numbers have fixed seeds, so the same history gives the same forecast.

pub mod capacity;
pub mod fill;
pub mod log;
pub mod memory;
pub mod random;
pub mod record;
pub mod series;
pub mod spending;
