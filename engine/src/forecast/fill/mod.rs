//! When something bounded will be full: a file system, a memory limit.
//!
//! 1. [`growth`] makes hours of the past into growth an hour, [`blocks`] cuts it into whole days that end at this hour of the day, so that
//!    working hours stay as they are. Only days since the last change of pace count; where workdays and weekends, or the days of a week,
//!    differ, a day to come is drawn from days of its kind. Where the pace itself rises or falls steadily from day to day, it goes on to
//!    do so in most trials. Less than three days are parts of three hours, and only if all grew about as much.
//! 2. [`burst`] sees growth right now that nothing in the past was like.
//! 3. [`simulate`] starts from the current level and puts such days together until the level is full, many times. The days are weighted
//!    anew for each trial (the Bayesian bootstrap: Rubin, 1981). Trials are spread by as much as past forecasts from these days were too
//!    narrow (conformal prediction: Vovk, Gammerman and Shafer, 2005), by Student's t where days are few, and by a doubt about the pace
//!    that falls with the days known.
//! 4. [`clears`] finds what was cleared before it was full, again and again: it is expected to be cleared again, until its level is beyond
//!    those it was cleared at. A date that is given stays until it is rather unlikely, so that it does not come and go.
//!
//! [`runs`] cuts what is started anew now and then, such as the memory of a program, at its restarts.
//!
//! Pure: the same past gives the same answer.

mod answer;
mod blocks;
mod burst;
mod clears;
mod growth;
mod runs;
mod simulate;

pub use self::answer::{Answer, FillDate, forecast, forecast_of_runs};
pub use self::clears::Cleared;
pub use self::growth::{Hour, Past};
pub use self::runs::restarts;
