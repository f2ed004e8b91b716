//! Parameters of requests, read in one place for every endpoint: from the address, and from the form of a POST.
//!
//! As Go's `FormValue` gives them to Prometheus: of several values the first counts, those of a urlencoded body before those of the
//! address, those of a multipart body after. A body of any other type is ignored. An empty value is as good as none.

use std::ops::RangeInclusive;

use actix_web::http::Method;
use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload, web};
use futures_util::future::LocalBoxFuture;
use jiff::Timestamp;
use serde::Deserialize;
use taskpulse_engine::model::TimestampMs;
use taskpulse_engine::span::Span;

use crate::body;
use crate::envelope::ApiError;
use crate::form::Form;

/// The times that are taken; years beyond are mistakes.
const MAX_TIME_MS: f64 = 253_402_300_799_999.0;
/// The first and the last time of Prometheus, as its clients write them.
const END_OF_TIME: [&str; 2] = ["-292273086-05-16T16:47:06Z", "292277025-08-18T07:12:54.999999999Z"];
/// How long a length of time may be, seconds: what fits 64 bits of nanoseconds, as in Prometheus.
const MAX_DURATION_S: f64 = 9_223_372_036.0;

/// All parameters of a request, repeated ones included, in the order in which they count.
#[derive(Debug, Default)]
pub(crate) struct Params {
    pairs: Vec<(String, String)>,
    /// How many of them, from the first, come from the body.
    posted: usize,
    /// What was wrong with the first one that could not be read.
    wrong: Option<String>,
}

impl FromRequest for Params {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let address = Self::of_address(req);
        let body = (req.method() == Method::POST).then(|| (req.clone(), web::Payload::from_request(req, payload)));
        Box::pin(async move {
            let Some((req, payload)) = body else { return Ok(address) };
            let payload = payload.await.map_err(|error| ApiError::internal(error.to_string()))?;
            let kind = req.content_type().to_ascii_lowercase();
            Ok(match kind.as_str() {
                "application/x-www-form-urlencoded" => {
                    let form = Self::of_form(Form::urlencoded(&body::read_unpacked(&req, payload).await?));
                    Self { posted: form.pairs.len(), ..form }.followed_by(address)
                }
                "multipart/form-data" => {
                    let full = req.headers().get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
                    address.followed_by(Self::of_form(Form::multipart(&body::read_unpacked(&req, payload).await?, full)))
                }
                _ => {
                    // Taken off the connection, so that it can go on with the next request.
                    body::read(&req, payload).await?;
                    address
                }
            })
        })
    }
}

impl Params {
    fn of_form(form: Form) -> Self {
        Self { pairs: form.pairs, posted: 0, wrong: form.wrong }
    }

    /// Parameters that came another way than in an address or a form.
    pub(crate) fn of_pairs(pairs: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        Self { pairs: pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(), ..Self::default() }
    }

    fn followed_by(mut self, other: Self) -> Self {
        self.pairs.extend(other.pairs);
        self.wrong = self.wrong.or(other.wrong);
        self
    }

    /// The parameters of the address alone, where the body is something else.
    pub(crate) fn of_address(req: &HttpRequest) -> Self {
        Self::of_form(Form::urlencoded(req.query_string().as_bytes()))
    }

    /// The parameters of a text that is written as those of an address are.
    pub(crate) fn of_text(text: &str) -> Self {
        Self::of_form(Form::urlencoded(text.as_bytes()))
    }

    /// A parameter, where given and not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.first(name).filter(|value| !value.is_empty())
    }

    /// A parameter's first value, an empty one too.
    fn first(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// A parameter of a urlencoded body: for what must not stand in an address, which is kept in logs.
    pub(crate) fn posted(&self, name: &str) -> Option<&str> {
        self.pairs[..self.posted].iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// All values of a parameter.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.pairs.iter().filter(|(n, _)| n == name).map(|(_, value)| value.as_str()).collect()
    }

    /// An error where a parameter could not be read: for those that ask for many, of which none may be left out.
    pub(crate) fn whole(&self) -> Result<(), ApiError> {
        match &self.wrong {
            Some(why) => Err(ApiError::bad_data(format!("error parsing form values: {why}"))),
            None => Ok(()),
        }
    }

    /// A parameter that must be there.
    pub(crate) fn required(&self, name: &str) -> Result<&str, ApiError> {
        self.get(name).ok_or_else(|| {
            let why = self.wrong.as_ref().map(|why| format!("; {why}")).unwrap_or_default();
            ApiError::bad_data(format!("parameter `{name}` is missing{why}"))
        })
    }

    /// A time, where given.
    pub(crate) fn time(&self, name: &str) -> Result<Option<TimestampMs>, ApiError> {
        self.get(name).map(|text| parse_time(name, text)).transpose()
    }

    /// `start` and `end`; end not before start.
    pub(crate) fn range(&self, default_start: TimestampMs, default_end: TimestampMs) -> Result<(TimestampMs, TimestampMs), ApiError> {
        let (start, end) = (self.time("start")?.unwrap_or(default_start), self.time("end")?.unwrap_or(default_end));
        if end < start {
            return Err(ApiError::bad_data("parameter `end` is before `start`; exchange them"));
        }
        Ok((start, end))
    }

    /// `start` and `end` of a search for series: all times where they are not given. Times far away, with which clients mean all of
    /// time, are taken. No series is within a range that ends before it starts.
    pub(crate) fn search_range(&self) -> Result<(TimestampMs, TimestampMs), ApiError> {
        let edge = |name: &str, default: TimestampMs| match self.get(name) {
            None => Ok(default),
            Some(text) => match text.parse::<f64>() {
                Ok(seconds) if !seconds.is_nan() => Ok((seconds * 1e3).clamp(-MAX_TIME_MS, MAX_TIME_MS).round() as TimestampMs),
                // As Prometheus writes its own first and last time.
                _ if text.starts_with("-292273086-") => Ok(TimestampMs::MIN),
                _ if text.starts_with("292277025-") => Ok(TimestampMs::MAX),
                _ => parse_time(name, text),
            },
        };
        Ok((edge("start", TimestampMs::MIN)?, edge("end", TimestampMs::MAX)?))
    }

    /// A step: more than nothing.
    pub(crate) fn step(&self, name: &str) -> Result<i64, ApiError> {
        let text = self.required(name)?;
        let ms = parse_duration(name, text)?;
        if ms <= 0 {
            return Err(ApiError::bad_data(format!(
                "invalid parameter \"{name}\": zero or negative query resolution step widths are not accepted: `{text}` must be more than 0, such as 15 or 1m"
            )));
        }
        Ok(ms)
    }

    /// A length of time in ms, where given; it may be nothing or less.
    pub(crate) fn duration(&self, name: &str) -> Result<Option<i64>, ApiError> {
        self.get(name).map(|text| parse_duration(name, text)).transpose()
    }

    /// `limit` of an answer; 0 and none say that there is none.
    pub(crate) fn limit(&self) -> Result<usize, ApiError> {
        let limit = self.whole_number("limit")?.unwrap_or(0);
        if limit < 0 {
            return Err(ApiError::bad_data("invalid parameter \"limit\": limit must be non-negative"));
        }
        Ok(if limit == 0 { usize::MAX } else { limit as usize })
    }

    /// A whole number within bounds; `default` where none is given.
    pub(crate) fn number_within(&self, name: &str, default: i64, bounds: RangeInclusive<i64>) -> Result<i64, ApiError> {
        let given = self.whole_number(name)?.unwrap_or(default);
        if bounds.contains(&given) {
            return Ok(given);
        }
        let (least, most) = bounds.into_inner();
        Err(ApiError::bad_data(format!("invalid parameter \"{name}\": {given} is not within {least} and {most}")))
    }

    /// A whole number, where given.
    pub(crate) fn whole_number(&self, name: &str) -> Result<Option<i64>, ApiError> {
        let parse = |text: &str| text.parse::<i64>().ok();
        self.get(name)
            .map(|text| {
                parse(text).ok_or_else(|| ApiError::bad_data(format!("invalid parameter \"{name}\": `{text}` is not a whole number")))
            })
            .transpose()
    }
}

/// A time in a JSON body: seconds as a number, or a text as in an address.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum JsonTime {
    Seconds(f64),
    Text(String),
}

impl JsonTime {
    /// The time; `name` is the field that has it.
    pub(crate) fn read(&self, name: &str) -> Result<TimestampMs, ApiError> {
        match self {
            Self::Seconds(seconds) => parse_time(name, &seconds.to_string()),
            Self::Text(text) => parse_time(name, text),
        }
    }
}

/// A time as clients write it.
pub(crate) fn parse_time(name: &str, text: &str) -> Result<TimestampMs, ApiError> {
    if let Ok(seconds) = text.parse::<f64>() {
        let ms = (seconds * 1e3).round();
        if ms.abs() <= MAX_TIME_MS {
            return Ok(ms as TimestampMs);
        }
    } else if let Some(end) = END_OF_TIME.iter().position(|end| *end == text) {
        return Ok(if end == 0 { -MAX_TIME_MS as TimestampMs } else { MAX_TIME_MS as TimestampMs });
    } else if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time.as_millisecond());
    }
    Err(ApiError::bad_data(format!(
        "invalid parameter \"{name}\": `{text}` is not a time; write Unix seconds (1764000000.5) or RFC 3339 (2026-11-24T10:00:00Z)"
    )))
}

/// A length of time in ms: seconds as a number, or units as Prometheus takes them, each once and the longest first.
fn parse_duration(name: &str, text: &str) -> Result<i64, ApiError> {
    let wrong = |why: &str| ApiError::bad_data(format!("invalid parameter \"{name}\": `{text}` {why}"));
    if let Ok(seconds) = text.parse::<f64>() {
        if seconds.is_nan() || seconds.abs() > MAX_DURATION_S {
            return Err(wrong("is too long"));
        }
        // Nanoseconds first, as Go does: 1.001 s is a little less than 1,001 ms.
        return Ok((seconds * 1e9) as i64 / 1_000_000);
    }
    match text.parse::<Span>() {
        Ok(span) if units_fall(text) => Ok(span.ms()),
        _ => Err(wrong("is not a length of time; write 500ms, 30s, 5m, 1h30m or 7d, or a number of seconds")),
    }
}

fn units_fall(text: &str) -> bool {
    const UNITS: [&str; 7] = ["y", "w", "d", "h", "m", "s", "ms"];
    let units = text.split(|c: char| c.is_ascii_digit()).filter(|unit| !unit.is_empty());
    let ranks: Vec<Option<usize>> = units.map(|unit| UNITS.iter().position(|known| *known == unit)).collect();
    ranks.iter().all(Option::is_some) && ranks.windows(2).all(|pair| pair[0] < pair[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(text: &str) -> Params {
        Params::of_form(Form::urlencoded(text.as_bytes()))
    }

    #[test]
    fn times_are_unix_seconds_or_rfc_3339() {
        for (text, ms) in [
            ("1764000000", 1_764_000_000_000),
            ("1764000000.5", 1_764_000_000_500),
            ("1.764e9", 1_764_000_000_000),
            ("-5", -5_000),
            ("+5.0015", 5_002),
            ("2025-11-24T16:00:00Z", 1_764_000_000_000),
            ("2025-11-24T17:00:00+01:00", 1_764_000_000_000),
            ("2025-11-24T17:00:00.25+01:00", 1_764_000_000_250),
        ] {
            assert_eq!(parse_time("t", text).unwrap(), ms, "{text}");
        }
        let ends = END_OF_TIME.map(|text| parse_time("t", text).unwrap());
        assert!(ends[0] < -253_402_300_000_000 && ends[1] > 253_402_300_000_000, "{ends:?}");
        for text in ["", "now", "1e99", "NaN", "inf", "2025-13-01T00:00:00Z", "2025-11-24T17:00:00 01:00", "9e15"] {
            assert!(parse_time("start", text).unwrap_err().to_string().contains("\"start\""), "{text}");
        }
    }

    #[test]
    fn lengths_of_time_are_seconds_or_units_from_the_longest_to_the_shortest() {
        for (text, ms) in [
            ("15", 15_000),
            ("0.5", 500),
            ("1.001", 1_000),
            ("1e1", 10_000),
            ("-1", -1_000),
            ("0", 0),
            ("1m", 60_000),
            ("1h30m", 5_400_000),
            ("1d1h1m1s1ms", 90_061_001),
        ] {
            assert_eq!(parse_duration("d", text).unwrap(), ms, "{text}");
        }
        for text in ["1.5h", "30m1h", "5m5m", "-5m", "1 h", "x", "NaN", "inf", "1e12", "5M", "m"] {
            assert!(parse_duration("step", text).is_err(), "{text}");
        }
        assert_eq!(params("step=1m").step("step").unwrap(), 60_000);
        for text in ["step=0", "step=-1", "step=", "", "step=0s"] {
            assert!(params(text).step("step").is_err(), "{text}");
        }
    }

    #[test]
    fn an_empty_parameter_is_none_and_of_several_the_first_counts() {
        let given = params("time=&query=a&query=b&start=&end=&limit=&step=");
        assert_eq!((given.get("query"), given.all("query").len()), (Some("a"), 2));
        assert_eq!((given.time("time").unwrap(), given.limit().unwrap(), given.duration("step").unwrap()), (None, usize::MAX, None));
        assert_eq!(given.range(1, 2).unwrap(), (1, 2));
        assert_eq!(given.search_range().unwrap(), (TimestampMs::MIN, TimestampMs::MAX));
        assert_eq!(params("a=&a=1").get("a"), None, "the first counts");
    }

    #[test]
    fn a_search_takes_the_ends_of_time_as_clients_write_them() {
        for (text, range) in [
            ("start=-9223309901257974&end=9223309901257974.99", (-253_402_300_799_999, 253_402_300_799_999)),
            ("start=-292273086-05-16T16:47:06Z&end=292277025-08-18T07:12:54.999Z", (TimestampMs::MIN, TimestampMs::MAX)),
            ("start=10&end=5", (10_000, 5_000)),
            ("start=-inf&end=inf", (-253_402_300_799_999, 253_402_300_799_999)),
        ] {
            assert_eq!(params(text).search_range().unwrap(), range, "{text}");
        }
        assert!(params("start=NaN").search_range().is_err());
    }

    #[test]
    fn limits_are_whole_numbers() {
        for (text, limit) in [("", usize::MAX), ("limit=0", usize::MAX), ("limit=1", 1), ("limit=%2B3", 3)] {
            assert_eq!(params(text).limit().unwrap(), limit, "{text}");
        }
        for text in ["limit=-1", "limit=x", "limit=1.5", "limit=%201", "limit=99999999999999999999"] {
            assert!(params(text).limit().unwrap_err().to_string().contains("\"limit\""), "{text}");
        }
    }

    #[test]
    fn what_could_not_be_read_is_named_where_it_is_missed() {
        let given = params("query=up%7&time=1");
        assert!(given.required("query").unwrap_err().to_string().contains("`query=up%7` is not percent-encoded"));
        assert!(given.whole().is_err() && given.required("time").is_ok() && params("a=b").whole().is_ok());
    }
}
