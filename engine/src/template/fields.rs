//! Fields, entries and methods of values: `.Labels`, `$labels.job`, `($value | toTime).Format "15:04"`.

use super::time::{civil, formatted, time_text};
use super::value::{TemplateSample, Value};

/// What a name behind a value is.
pub(super) enum Field {
    /// A field of a struct.
    Value(Value),
    /// An entry of a map; one that is missing is empty.
    Entry(Value),
    Method(Method),
}

/// Methods of Go's `time.Time` and `time.Duration`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Format,
    Text,
    Utc,
    Unix,
    UnixMilli,
    UnixMicro,
    UnixNano,
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
    Nanosecond,
    YearDay,
    Weekday,
    Hours,
    Minutes,
    Seconds,
    Milliseconds,
    Microseconds,
    Nanoseconds,
}

impl Method {
    /// How many arguments it takes; all are texts.
    pub(super) fn arguments(self) -> usize {
        usize::from(self == Self::Format)
    }

    fn find(value: &Value, name: &str) -> Option<Self> {
        Some(match (value, name) {
            (Value::Time(_), "Format") => Self::Format,
            (Value::Time(_) | Value::Duration(_) | Value::Month(_) | Value::Weekday(_), "String") => Self::Text,
            (Value::Time(_), "UTC") => Self::Utc,
            (Value::Time(_), "Unix") => Self::Unix,
            (Value::Time(_), "UnixMilli") => Self::UnixMilli,
            (Value::Time(_), "UnixMicro") => Self::UnixMicro,
            (Value::Time(_), "UnixNano") => Self::UnixNano,
            (Value::Time(_), "Year") => Self::Year,
            (Value::Time(_), "Month") => Self::Month,
            (Value::Time(_), "Day") => Self::Day,
            (Value::Time(_), "Hour") => Self::Hour,
            (Value::Time(_), "Minute") => Self::Minute,
            (Value::Time(_), "Second") => Self::Second,
            (Value::Time(_), "Nanosecond") => Self::Nanosecond,
            (Value::Time(_), "YearDay") => Self::YearDay,
            (Value::Time(_), "Weekday") => Self::Weekday,
            (Value::Duration(_), "Hours") => Self::Hours,
            (Value::Duration(_), "Minutes") => Self::Minutes,
            (Value::Duration(_), "Seconds") => Self::Seconds,
            (Value::Duration(_), "Milliseconds") => Self::Milliseconds,
            (Value::Duration(_), "Microseconds") => Self::Microseconds,
            (Value::Duration(_), "Nanoseconds") => Self::Nanoseconds,
            _ => return None,
        })
    }
}

/// What a name is for a value.
///
/// # Errors
/// In Go's words where it is nothing.
pub(super) fn field(value: &Value, name: &str) -> Result<Field, String> {
    if let Some(method) = Method::find(value, name) {
        return Ok(Field::Method(method));
    }
    Ok(match (value, name) {
        // A name of nothing is nothing.
        (Value::Nil, _) => Field::Value(Value::Nil),
        (Value::Data(data), "Labels") => Field::Value(Value::Labels(data.labels.clone())),
        (Value::Data(data), "ExternalLabels") => Field::Value(Value::Labels(data.external_labels.clone())),
        (Value::Data(data), "ExternalURL") => Field::Value(Value::Text(data.external_url.clone())),
        (Value::Data(data), "Value") => Field::Value(Value::Float(data.value)),
        (Value::Sample(sample), "Labels" | "Value") => Field::Value(sample_field(sample, name)),
        (Value::Labels(map), name) => Field::Entry(Value::text(map.get(name).map_or("", |value| value))),
        (Value::Args(map), name) => Field::Entry(map.get(name).cloned().unwrap_or(Value::Nil)),
        _ => return Err(format!("can't evaluate field {name} in type {}", value.type_name())),
    })
}

fn sample_field(sample: &TemplateSample, name: &str) -> Value {
    if name == "Labels" { Value::Labels(sample.labels.clone()) } else { Value::Float(sample.value) }
}

/// Calls a method.
///
/// # Errors
/// Where a name that is no longer of this value is called, which the search for methods excludes.
pub(super) fn call(value: &Value, method: Method, args: &[Value]) -> Result<Value, String> {
    Ok(match (value, method) {
        (Value::Month(_) | Value::Weekday(_), Method::Text) => Value::text(super::print::printed(value)?),
        (Value::Duration(nanos), method) => duration_method(*nanos, method),
        (Value::Time(nanos), Method::Format) => {
            Value::text(formatted(*nanos, args.first().and_then(Value::as_text).map_or("", |layout| layout)))
        }
        (Value::Time(nanos), method) => time_method(*nanos, method),
        _ => return Err(format!("can't call a method of type {}", value.type_name())),
    })
}

fn time_method(nanos: i64, method: Method) -> Value {
    let time = civil(nanos);
    match method {
        Method::Text => Value::text(time_text(nanos)),
        Method::Unix => Value::Int(nanos.div_euclid(1_000_000_000)),
        Method::UnixMilli => Value::Int(nanos.div_euclid(1_000_000)),
        Method::UnixMicro => Value::Int(nanos.div_euclid(1_000)),
        Method::UnixNano => Value::Int(nanos),
        Method::Year => Value::Int(i64::from(time.year())),
        Method::Month => Value::Month(i64::from(time.month())),
        Method::Day => Value::Int(i64::from(time.day())),
        Method::Hour => Value::Int(i64::from(time.hour())),
        Method::Minute => Value::Int(i64::from(time.minute())),
        Method::Second => Value::Int(i64::from(time.second())),
        Method::Nanosecond => Value::Int(i64::from(time.subsec_nanosecond())),
        Method::YearDay => Value::Int(i64::from(time.day_of_year())),
        Method::Weekday => Value::Weekday(i64::from(time.date().weekday().to_sunday_zero_offset())),
        _ => Value::Time(nanos),
    }
}

fn duration_method(nanos: i64, method: Method) -> Value {
    match method {
        Method::Hours => Value::Float(nanos as f64 / 3.6e12),
        Method::Minutes => Value::Float(nanos as f64 / 6e10),
        Method::Seconds => Value::Float(nanos as f64 / 1e9),
        Method::Milliseconds => Value::Int(nanos / 1_000_000),
        Method::Microseconds => Value::Int(nanos / 1_000),
        Method::Nanoseconds => Value::Int(nanos),
        _ => Value::text(super::time::duration_text(nanos)),
    }
}
