//! Times and lengths of time of queries over lines, in nanoseconds.

use jiff::Timestamp;
use serde_json::{Value, json};
use taskpulse_actors::clock::now_ms;
use taskpulse_engine::logs::record::TimeNs;

use crate::envelope::ApiError;
use crate::parameter;
use crate::params::Params;

pub(crate) const SECOND: i64 = 1_000_000_000;
const MS: i64 = 1_000_000;
const HOUR: i64 = 3_600 * SECOND;
/// Digits of a whole number that is seconds; one that has more is nanoseconds, as in Loki.
const SECONDS_DIGITS: usize = 10;
/// Instants of a metric query, less one, as of one over samples.
const MAX_STEPS: i64 = 11_000;
/// Steps of a range that names none, as in Loki.
const DEFAULT_STEPS: i64 = 250;

/// The schema of a time: seconds (with a fraction or few digits), nanoseconds, RFC 3339.
pub(crate) fn time() -> Value {
    json!({"anyOf": [
        {"type": "number", "minimum": i64::MIN, "maximum": i64::MAX},
        {"type": "string", "format": "date-time"},
    ], "examples": ["1764000000000000000"]})
}

/// A time as clients of Loki write it.
pub(crate) fn parse(name: &str, text: &str) -> Result<TimeNs, ApiError> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if !digits.is_empty() && digits.len() > SECONDS_DIGITS && digits.bytes().all(|b| b.is_ascii_digit()) {
        if let Ok(nanos) = text.parse::<i64>() {
            return Ok(nanos);
        }
    } else if let Ok(seconds) = text.parse::<f64>() {
        let nanos = (seconds * 1e9).round();
        if nanos.abs() < i64::MAX as f64 {
            // Whole seconds and fractions apart: a double has not the digits of both.
            return Ok((seconds.trunc() as i64).saturating_mul(SECOND).saturating_add((seconds.fract() * 1e9).round() as i64));
        }
    } else if let Some(nanos) = text.parse::<Timestamp>().ok().and_then(|time| i64::try_from(time.as_nanosecond()).ok()) {
        return Ok(nanos);
    }
    Err(ApiError::bad_data(format!(
        "invalid parameter \"{name}\": `{text}` is not a time; write Unix nanoseconds (1764000000000000000), seconds (1764000000.5) or RFC 3339 \
         (2026-11-24T10:00:00Z), between 1678 and 2262"
    )))
}

fn get(params: &Params, name: &str) -> Result<Option<TimeNs>, ApiError> {
    params.get(name).map(|text| parse(name, text)).transpose()
}

/// The present time.
pub(crate) fn now() -> TimeNs {
    now_ms().saturating_mul(MS)
}

/// `time`, or the present.
pub(crate) fn instant(params: &Params) -> Result<TimeNs, ApiError> {
    Ok(get(params, "time")?.unwrap_or_else(now))
}

/// `start` and `end`; by default the time until now, `since` long or as long as the endpoint says.
pub(crate) fn range(params: &Params, default: i64) -> Result<(TimeNs, TimeNs), ApiError> {
    let end = get(params, "end")?.unwrap_or_else(now);
    let since = length(params, "since")?.unwrap_or(default);
    let start = get(params, "start")?.unwrap_or(end.saturating_sub(since));
    if end < start {
        return Err(ApiError::bad_data("parameter `end` is before `start`; exchange them"));
    }
    Ok((start, end))
}

/// An hour until now by default.
pub(crate) fn range_of_query(params: &Params) -> Result<(TimeNs, TimeNs), ApiError> {
    range(params, HOUR)
}

/// Six hours until now by default, as Loki has it for labels.
pub(crate) fn range_of_search(params: &Params) -> Result<(TimeNs, TimeNs), ApiError> {
    range(params, 6 * HOUR)
}

/// A length of time of more than nothing, where given: `1m30s`, or seconds.
pub(crate) fn length(params: &Params, name: &str) -> Result<Option<i64>, ApiError> {
    match params.duration(name)? {
        Some(ms) if ms < 0 => Err(ApiError::bad_data(format!("invalid parameter \"{name}\": it is less than nothing"))),
        Some(ms) => Ok(Some(ms.saturating_mul(MS))),
        None => Ok(None),
    }
}

/// `step` in milliseconds; by default the range has 250 of them, of a second at least.
pub(crate) fn step_ms(params: &Params, start: TimeNs, end: TimeNs) -> Result<i64, ApiError> {
    let step = match params.get("step") {
        Some(_) => params.step("step")?,
        None => (end.saturating_sub(start) / DEFAULT_STEPS / SECOND).max(1) * 1_000,
    };
    let steps = end.saturating_sub(start) / step.saturating_mul(MS);
    if steps > MAX_STEPS {
        return Err(ApiError::bad_data(format!(
            "exceeded maximum resolution of 11,000 points per timeseries. Try increasing the value of the step parameter; there are {steps} steps"
        )));
    }
    Ok(step)
}

/// The schema of a length of time that may be nothing.
pub(crate) fn span() -> Value {
    let mut schema = parameter::duration();
    schema["anyOf"][0]["minimum"] = json!(0);
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_nanoseconds_seconds_or_rfc_3339() {
        for (text, nanos) in [
            ("1764000000", 1_764_000_000 * SECOND),
            ("1764000000123456789", 1_764_000_000_123_456_789),
            ("1764000000.5", 1_764_000_000 * SECOND + SECOND / 2),
            ("0", 0),
            ("2025-11-24T16:00:00.000000001Z", 1_764_000_000 * SECOND + 1),
            ("-5", -5 * SECOND),
        ] {
            assert_eq!(parse("t", text).unwrap(), nanos, "{text}");
        }
        for text in ["", "x", "1e30", "99999999999999999999", "9999-01-01T00:00:00Z", "NaN"] {
            assert!(parse("start", text).unwrap_err().to_string().contains("\"start\""), "{text}");
        }
        let given = Params::of_text("start=10&end=5");
        assert!(range_of_query(&given).is_err());
        assert_eq!(step_ms(&Params::of_text(""), 0, 3_600 * SECOND).unwrap(), 14_000);
        assert!(step_ms(&Params::of_text("step=1"), 0, 12_000 * SECOND).is_err());
        assert_eq!(range(&Params::of_text("end=100&since=10s"), 0).unwrap(), (90 * SECOND, 100 * SECOND));
    }
}
