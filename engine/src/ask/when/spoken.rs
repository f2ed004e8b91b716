//! Pieces of a time, put together to a range.

use jiff::ToSpan;
use jiff::civil::{Date, time};

use super::calendar::{Clock, plus_days};
use super::pieces::{Piece, Relation};
use crate::ask::Range;

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
/// How long an instant counts on both sides where something that happened is asked for.
const AROUND: i64 = 15 * 60_000;

/// The pieces of one time, as they are read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Spoken {
    relation: Option<Relation>,
    date: Option<Piece>,
    hours: Option<Piece>,
    /// The other end of "between A and B" where that is a date.
    to: Option<Piece>,
}

impl Spoken {
    pub(crate) fn is_empty(&self) -> bool {
        self.date.is_none() && self.hours.is_none()
    }

    /// Adds a piece; false where there is one of its kind already.
    pub(crate) fn add(&mut self, relation: Relation, piece: Piece) -> bool {
        let fits = match piece {
            Piece::Hours(..) | Piece::At(_) | Piece::Night => {
                let within = self.hours.map(|known| within_part(known, piece).filter(|_| relation == Relation::In));
                match within {
                    None => self.hours.replace(piece).is_none(),
                    Some(Some(at)) if self.date.is_none() || ![self.hours, Some(piece)].contains(&Some(Piece::Night)) => {
                        self.hours.replace(at).is_some()
                    }
                    Some(_) => false,
                }
            }
            _ => self.date.replace(piece).is_none(),
        };
        if relation != Relation::In {
            return fits && self.relation.replace(relation).is_none();
        }
        fits
    }

    /// Adds both ends of "between A and B" or "from A to B"; false where they do not fit.
    pub(crate) fn add_both(&mut self, from: Piece, to: Piece) -> bool {
        match (from, to) {
            (Piece::At(from), Piece::At(to)) => self.add(Relation::In, Piece::Hours(from, if to <= from { to + 24 * 60 } else { to })),
            (Piece::Day(_) | Piece::Days(..), Piece::Day(_) | Piece::Days(..)) => {
                self.to.replace(to).is_none() && self.add(Relation::In, from)
            }
            _ => false,
        }
    }

    /// Whether it lies before or after something, rather than within it.
    pub(crate) fn relation(&self) -> Relation {
        self.relation.unwrap_or(Relation::In)
    }

    /// Whether it names one instant.
    pub(crate) fn is_instant(&self) -> bool {
        self.relation.is_none()
            && (matches!(self.hours, Some(Piece::At(_))) || (matches!(self.date, Some(Piece::Ago(_))) && self.hours.is_none()))
    }

    /// The range that is meant; none where it makes no sense.
    pub(crate) fn range(&self, clock: &Clock) -> Option<Range> {
        let within = self.within(clock)?;
        let now = clock.now;
        let range = match self.relation() {
            Relation::In if self.is_instant() => Range { start: within.start - AROUND, end: within.start + AROUND },
            Relation::In => within,
            Relation::Since => Range { start: within.start, end: now },
            Relation::After if self.hours.is_some() && self.date.is_some() => {
                Range { start: within.end, end: clock.days(self.day_of(clock)?, plus_days(self.day_of(clock)?, 1)).end }
            }
            Relation::After => Range { start: within.end, end: now },
            Relation::Until | Relation::Before if self.hours.is_some() => {
                Range { start: clock.day(self.day_of(clock)?).start, end: within.start }
            }
            Relation::Until | Relation::Before => Range { start: within.start - 7 * DAY, end: within.start },
        };
        (range.start < range.end).then_some(range)
    }

    /// The time of the same kind before it: of this week the last one, of yesterday the day before. None where a length of time says it.
    pub(crate) fn before(&self, clock: &Clock) -> Option<Range> {
        if self.relation() != Relation::In || self.to.is_some() {
            return None;
        }
        let earlier = match self.date? {
            Piece::Day(day) => Piece::Day(plus_days(day, -1)),
            Piece::Days(from, to) => match i64::from(from.until(to).ok()?.get_days()) {
                28..=31 if from.day() == 1 => Piece::Days(from.checked_sub(1.month()).ok()?, from),
                2 => Piece::Days(plus_days(from, -7), plus_days(to, -7)),
                days => Piece::Days(plus_days(from, -days), from),
            },
            _ => return None,
        };
        Self { date: Some(earlier), ..*self }.range(clock)
    }

    /// The time itself; an instant has no length.
    fn within(&self, clock: &Clock) -> Option<Range> {
        let now = clock.now;
        let of_minutes = |date: Date, minutes: u32| {
            let (days, rest) = (i64::from(minutes / 1_440), minutes % 1_440);
            let at = time(i8::try_from(rest / 60).unwrap_or(0), i8::try_from(rest % 60).unwrap_or(0), 0, 0);
            clock.at(plus_days(date, days).to_datetime(at))
        };
        match (self.date, self.hours) {
            (Some(date), None) => {
                let first = whole(date, clock)?;
                let last = self.to.map_or(Some(first), |to| whole(to, clock))?;
                // "From Friday to Monday": the Friday before that Monday.
                let start = if first.start > last.start { first.start - 7 * DAY } else { first.start };
                Some(Range { start, end: last.end })
            }
            (_, Some(Piece::Night)) => {
                let to = match self.date {
                    None => clock.today(),
                    Some(Piece::Day(day)) => plus_days(day, 1),
                    Some(_) => return None,
                };
                let to = if self.date == Some(Piece::Day(clock.today())) { clock.today() } else { to };
                Some(Range { start: of_minutes(plus_days(to, -1), 22 * 60), end: of_minutes(to, 6 * 60) })
            }
            (_, Some(Piece::Hours(from, to))) => {
                let day = self.day_of(clock)?;
                Some(Range { start: of_minutes(day, from), end: of_minutes(day, to) })
            }
            (_, Some(Piece::At(at))) => {
                let at = of_minutes(self.day_of(clock)?, at);
                Some(Range { start: at, end: at })
            }
            (None, _) | (_, Some(_)) => None,
        }
        .map(|range| Range { start: range.start.min(now.saturating_add(400 * DAY)), ..range })
    }

    /// The day of a time of the day: the one that was said, else the newest on which it has begun.
    fn day_of(&self, clock: &Clock) -> Option<Date> {
        match self.date {
            Some(Piece::Day(day)) => Some(day),
            Some(_) => None,
            None => {
                let from = match self.hours {
                    Some(Piece::Hours(from, _) | Piece::At(from)) => from,
                    _ => 0,
                };
                let now = clock.local();
                let minutes = u32::from(now.hour().unsigned_abs()) * 60 + u32::from(now.minute().unsigned_abs());
                Some(if from > minutes { plus_days(clock.today(), -1) } else { clock.today() })
            }
        }
    }
}

/// A time of the day within a part of it: "at 8 this morning", "at 9 in the evening", "at 3 last night".
fn within_part(known: Piece, piece: Piece) -> Option<Piece> {
    let (part, at) = match (known, piece) {
        (Piece::At(at), part @ (Piece::Hours(..) | Piece::Night)) | (part @ (Piece::Hours(..) | Piece::Night), Piece::At(at)) => (part, at),
        _ => return None,
    };
    let half = 12 * 60;
    let inside = |at: u32| match part {
        Piece::Hours(from, to) => (from..=to).contains(&at),
        _ => at >= 22 * 60 || at <= 6 * 60,
    };
    [at, at + half].into_iter().find(|at| *at <= 2 * half && inside(*at)).map(Piece::At)
}

/// The whole of a date.
fn whole(date: Piece, clock: &Clock) -> Option<Range> {
    match date {
        Piece::Day(day) => Some(clock.day(day)),
        Piece::Days(from, to) => Some(clock.days(from, to)),
        Piece::Back(ms) => Some(Range { start: clock.now - ms, end: clock.now }),
        Piece::Ago(ms) => Some(Range { start: clock.now - ms, end: clock.now - ms }),
        Piece::Hours(..) | Piece::At(_) | Piece::Night => None,
    }
}

/// What a time is compared with where only one was said: this week stands beside last week, today beside yesterday and any other day.
pub(crate) fn in_place_of(other: &Spoken, clock: &Clock) -> Option<Range> {
    let now = clock.now;
    let until_now = |start: i64| Some(Range { start, end: now }).filter(|range| range.start < now);
    match (other.date?, other.hours) {
        (Piece::Day(day), None) if day < clock.today() => until_now(clock.day(clock.today()).start),
        (Piece::Day(day), Some(hours @ (Piece::Hours(..) | Piece::At(_)))) if day < clock.today() => {
            let today = Spoken { date: Some(Piece::Day(clock.today())), hours: Some(hours), ..Spoken::default() };
            today.range(clock).filter(|range| range.start < now).map(|range| Range { end: range.end.min(now), ..range })
        }
        (Piece::Days(from, to), None) => {
            let days = i64::from(from.until(to).ok()?.get_days());
            match days {
                7 => until_now(clock.days(clock.monday(0), clock.today()).start),
                28..=31 => until_now(clock.days(clock.month(0), clock.today()).start),
                2 => until_now(clock.days(clock.monday(0), clock.today()).start),
                90..=92 => until_now(clock.days(clock.month(i64::from((clock.today().month() - 1) % 3)), clock.today()).start),
                365 | 366 => until_now(clock.days(Date::new(clock.today().year(), 1, 1).ok()?, clock.today()).start),
                _ => None,
            }
        }
        (Piece::Back(ms), None) => until_now(now - ms),
        (Piece::Ago(ms), None) => until_now(now - ms.min(HOUR)),
        _ => None,
    }
    .filter(|range| other.range(clock).is_none_or(|other| other.start < range.start))
}
