//! Streaming anomaly detection on one series.
//!
//! ```
//! use taskpulse_engine::anomaly::{Ensemble, Tuning};
//! let mut detector = Ensemble::new(Tuning::default());
//! for minute in 0..2_000 {
//!     let value = if minute == 1_900 { 90.0 } else { f64::from(minute % 7) };
//!     let verdict = detector.observe(i64::from(minute) * 60, value);
//!     if minute == 1_900 {
//!         assert!(verdict.is_some_and(|v| v.is_anomaly()));
//!     }
//! }
//! ```
//!
//! Pure: time and samples are arguments; nothing is stored, sent or read. The caller chooses the series, keeps one
//! [`Ensemble`] for each and decides what an anomaly leads to. After a restart the state is rebuilt by replaying the
//! kept samples: the same samples give the same verdicts.
//!
//! One idea a file. `scale`, `recent`, `season` hold what is known of a series; a member of the ensemble is a
//! [`Detector`]: `residual`, `subspace`, `shape`, `shift`, `zscore`, `calm`; `tail` and `ranking` turn
//! figures into "how often is this series like that"; `quiet` reports one trouble once; `tuning` holds every number; `band` draws the expectation.

mod band;
mod by_window;
mod calm;
mod detector;
mod ensemble;
mod quiet;
mod ranking;
mod recent;
mod residual;
mod scale;
mod season;
mod shape;
mod shift;
mod subspace;
mod tail;
#[cfg(test)]
mod tests;
mod tuning;
mod watched;
mod zscore;

pub use band::Band;
pub use detector::{Detector, Moment};
pub use ensemble::{Ensemble, Verdict};
pub use ranking::Rank;
pub use tuning::{QuietTuning, RankingTuning, TailTuning, Tuning};
pub use watched::{Anomaly, Judged, LEVEL, WatchedSeries};
pub use zscore::{ZScore, ZVerdict};
