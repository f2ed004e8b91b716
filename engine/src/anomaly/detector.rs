//! What every member of the ensemble does: turn the newest sample into a strangeness.
//!
//! A strangeness is any non-negative figure that grows with how odd the sample is. Its unit does not matter: each
//! member's own history ranks it (`tail`), so members need no thresholds and may be added freely.

use super::recent::Recent;

/// The newest sample and what is known around it. `recent` already holds the sample.
#[derive(Debug, Clone, Copy)]
pub struct Moment<'a> {
    /// The sample in robust standard deviations from the series' centre.
    pub value: f32,
    /// Distance to the nearest daily or weekly expectation, where there is one.
    pub residual: Option<f32>,
    pub recent: &'a Recent,
}

/// One way of being odd.
pub trait Detector: std::fmt::Debug + Send {
    /// What is odd, in words that complete "unusual …".
    fn name(&self) -> &'static str;

    /// Samples over which one strangeness is smeared: two closer ones are not independent.
    fn horizon(&self) -> u16;

    /// The strangeness of the newest sample, `None` while there is too little to compare with. Then learns it.
    fn observe(&mut self, moment: &Moment<'_>) -> Option<f32>;

    /// Memory held, in bytes.
    fn bytes(&self) -> usize;
}
