//! Times in words: `yesterday evening`, `last Tuesday`, `since Monday`, `between 9 and 12`, `in the last 3 hours`, `20 November`.
//!
//! A time has a day or a longer period, a time of the day, or both; [`Spoken`] puts its pieces together. Weeks begin on Monday. A time that
//! may be this year's or last year's is the newest one that has begun.

mod calendar;
mod phrase;
mod pieces;
mod spoken;
#[cfg(test)]
mod tests;

pub use self::calendar::Clock;
pub(super) use self::phrase::{Said, said};
pub(super) use self::pieces::{Piece, Relation, number, words};
pub(super) use self::spoken::{Spoken, in_place_of};
