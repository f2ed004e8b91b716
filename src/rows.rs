//! Rows of `timestamp,value` on standard input, as `taskpulse detect` and `taskpulse forecast` read them.
//!
//! A time is Unix seconds, or a date with a time, taken as UTC where it names no offset. A missing value (empty, `NaN`) is no sample,
//! but it keeps its row. Anything else is an error with its line.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// One row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    /// When, Unix seconds.
    pub at_s: i64,
    /// NaN where the value is missing.
    pub value: f64,
}

/// Why a row cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// There are no two columns.
    #[error("line {line}: `{text}` has no comma; a row is `timestamp,value`")]
    Columns {
        /// Its number, from 1.
        line: usize,
        /// The row, cut to a readable length.
        text: String,
    },
    /// The first column is no time.
    #[error("line {line}: `{text}` is no time; write Unix seconds or a date such as 2026-11-26 08:00:00")]
    Time {
        /// Its number, from 1.
        line: usize,
        /// The column.
        text: String,
    },
    /// The first column is a number, and none of Unix seconds.
    #[error("line {line}: `{text}` is too large for Unix seconds; write seconds, not milliseconds")]
    Beyond {
        /// Its number, from 1.
        line: usize,
        /// The column.
        text: String,
    },
    /// The second column is no number.
    #[error("line {line}: `{text}` is no number; leave the value empty where there is none")]
    Value {
        /// Its number, from 1.
        line: usize,
        /// The column.
        text: String,
    },
}

/// Reads line number `line`, counted from 1. None for an empty line, and for a first line that is a header.
///
/// # Errors
/// What of the row cannot be read, and what would be right.
pub fn parse(line: usize, text: &str) -> Result<Option<Row>, RowError> {
    let text = text.trim().trim_start_matches('\u{feff}');
    if text.is_empty() {
        return Ok(None);
    }
    let Some((time, value)) = text.split_once(',') else {
        return Err(RowError::Columns { line, text: short(text) });
    };
    let Some(at_s) = unix_seconds(time.trim()) else {
        let text = short(time.trim());
        // A first line that is not even the beginning of a time is a header.
        let is_number = text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
        return match (line, is_number) {
            (1, false) => Ok(None),
            (_, true) if time.trim().parse::<f64>().is_ok() => Err(RowError::Beyond { line, text }),
            _ => Err(RowError::Time { line, text }),
        };
    };
    let value = value.trim();
    let value = match value {
        "" => f64::NAN,
        number => number.parse().map_err(|_| RowError::Value { line, text: short(number) })?,
    };
    Ok(Some(Row { at_s, value }))
}

/// Unix seconds of a time, rounded down.
fn unix_seconds(text: &str) -> Option<i64> {
    if let Ok(seconds) = text.parse::<f64>() {
        return (seconds.is_finite() && seconds.abs() < 1e12).then_some(seconds.floor() as i64);
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at.as_second());
    }
    let civil = text.parse::<DateTime>().ok()?;
    Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second())
}

/// Long rows are cut in messages.
fn short(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_values_in_their_usual_forms() {
        for (text, at_s, value) in [
            ("0,1", 0, 1.0),
            ("1700000000.9, 2.5e3 ", 1_700_000_000, 2_500.0),
            ("2014-02-14 14:30:00,-1", 1_392_388_200, -1.0),
            ("2014-02-14T14:30:00Z,7", 1_392_388_200, 7.0),
            ("2014-02-14T15:30:00+01:00,7", 1_392_388_200, 7.0),
            ("2000-03-01,3", 951_868_800, 3.0),
        ] {
            assert_eq!(parse(2, text), Ok(Some(Row { at_s, value })), "{text}");
        }
        for text in ["5,", "5,NaN"] {
            assert!(parse(2, text).unwrap().unwrap().value.is_nan(), "{text}");
        }
        assert_eq!((parse(1, "timestamp,value"), parse(9, "  ")), (Ok(None), Ok(None)));
    }

    #[test]
    fn a_row_that_cannot_be_read_names_its_line() {
        for (line, text, error) in [
            (1, "timestamp", "line 1: `timestamp` has no comma; a row is `timestamp,value`"),
            (7, "noon,1", "line 7: `noon` is no time; write Unix seconds or a date such as 2026-11-26 08:00:00"),
            (
                8,
                "2026-13-01 00:00:00,1",
                "line 8: `2026-13-01 00:00:00` is no time; write Unix seconds or a date such as 2026-11-26 08:00:00",
            ),
            (1, "1700000000000,1", "line 1: `1700000000000` is too large for Unix seconds; write seconds, not milliseconds"),
            (3, "-1e300,1", "line 3: `-1e300` is too large for Unix seconds; write seconds, not milliseconds"),
            (
                1,
                "2026-13-01 00:00:00,1",
                "line 1: `2026-13-01 00:00:00` is no time; write Unix seconds or a date such as 2026-11-26 08:00:00",
            ),
            (9, "5,warm", "line 9: `warm` is no number; leave the value empty where there is none"),
        ] {
            assert_eq!(parse(line, text).unwrap_err().to_string(), error);
        }
    }
}
