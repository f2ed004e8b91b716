//! Parts of a date.

use jiff::Zoned;
use jiff::tz::TimeZone;

use super::error::EvalError;
use super::eval::Evaluator;
use super::functions::map;
use super::syntax::Call;
use super::value::{Grid, Row, Value, unique};
use crate::model::Labels;

/// A part of a date in UTC.
pub(super) type DatePart = fn(&Zoned) -> i64;

fn part(seconds: f64, part: &DatePart) -> f64 {
    // Rounded towards zero, as a conversion to whole seconds does.
    let date = || Some(jiff::Timestamp::from_second(seconds as i64).ok()?.to_zoned(TimeZone::UTC));
    if seconds.is_finite() { date().map_or(f64::NAN, |date| part(&date) as f64) } else { f64::NAN }
}

/// The part of the date of each value; without an argument of each instant.
pub(super) fn call(ev: &Evaluator<'_>, wanted: &DatePart, call: &Call, grid: &Grid) -> Result<Value, EvalError> {
    Ok(Value::Vector(match call.args.first() {
        Some(expr) => unique(map(ev, ev.rows(expr, grid)?, |v| part(v, wanted)))?,
        None => vec![Row::new(Labels::none(), ev.each_instant(grid, |at| part(grid.time(at) as f64 / 1e3, wanted))?)],
    }))
}

pub(super) fn minute(date: &Zoned) -> i64 {
    date.minute().into()
}

pub(super) fn hour(date: &Zoned) -> i64 {
    date.hour().into()
}

pub(super) fn day_of_month(date: &Zoned) -> i64 {
    date.day().into()
}

pub(super) fn day_of_week(date: &Zoned) -> i64 {
    date.weekday().to_sunday_zero_offset().into()
}

pub(super) fn day_of_year(date: &Zoned) -> i64 {
    date.day_of_year().into()
}

pub(super) fn days_in_month(date: &Zoned) -> i64 {
    date.days_in_month().into()
}

pub(super) fn month(date: &Zoned) -> i64 {
    date.month().into()
}

pub(super) fn year(date: &Zoned) -> i64 {
    date.year().into()
}
