//! Forecasts of any series: an interval and its centre for each of the next steps.
//!
//! [`Grid`] lays rows on equal steps, [`members`] forecast it in simple ways, [`expert`] combines them, and [`backtest`] makes forecasts
//! from past origins to learn weights and intervals from their outcomes. Only measured values count as outcomes, and a forecast learns
//! from an outcome after its time, so what is learned of past errors holds for the errors to come as far as the future is like the past.
//!
//! [`Past`] is how charts ask: which of the past is read, and no further ahead than errors were measured.
//!
//! Each quantile is combined for itself. Where the combination did not beat seasonal naive on the past origins of the same series,
//! seasonal naive is the forecast.
//!
//! ```
//! use taskpulse_engine::forecast::series::{Grid, forecast};
//! let rows: Vec<(i64, f64)> = (0..480).map(|hour| (hour * 3_600_000, (hour % 24) as f64)).collect();
//! let steps = forecast(&Grid::new(&rows)?, 24, 0.8).steps;
//! assert!((steps[5].centre - 5.0).abs() < 0.5);
//! # Ok::<(), taskpulse_engine::forecast::series::GridError>(())
//! ```

mod ahead;
mod backtest;
mod expert;
mod grid;
mod members;
pub mod quantile;
mod smoothing;

pub use self::ahead::{Ahead, NotYet, Past};
pub use self::backtest::{Forecast, MAX_HORIZON, Step, forecast};
pub use self::grid::{Grid, GridError, MAX_POINTS, MIN_POINTS};
