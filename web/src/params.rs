//! Parameters of requests: from the address, and from the form of a POST, as Prometheus takes them.

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload, web};
use futures_util::future::LocalBoxFuture;
use jiff::Timestamp;
use taskpulse_engine::model::TimestampMs;
use taskpulse_engine::span::Span;

use crate::body;
use crate::envelope::ApiError;

/// The times that are taken; years beyond are mistakes.
const MAX_TIME_MS: f64 = 253_402_300_799_999.0;

/// All parameters of a request, repeated ones included.
#[derive(Debug, Default)]
pub(crate) struct Params(Vec<(String, String)>);

impl FromRequest for Params {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let address = Self::of_address(req);
        let has_body = req.method() == actix_web::http::Method::POST && req.headers().contains_key("content-type");
        let form = has_body.then(|| (req.clone(), web::Payload::from_request(req, payload)));
        Box::pin(async move {
            let Self(mut all) = address?;
            if let Some((req, payload)) = form {
                all.extend(read_form(&req, payload.await.map_err(|error| ApiError::internal(error.to_string()))?).await?);
            }
            Ok(Self(all))
        })
    }
}

async fn read_form(req: &HttpRequest, payload: web::Payload) -> Result<Vec<(String, String)>, ApiError> {
    let wrong = |why: String| ApiError::bad_data(format!("the body is not a form (application/x-www-form-urlencoded): {why}"));
    let kind = req.content_type();
    if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(wrong(format!("Content-Type is `{kind}`")));
    }
    let body = body::read_unpacked(req, payload).await?;
    let text = std::str::from_utf8(&body).map_err(|error| wrong(error.to_string()))?;
    Ok(web::Query::<Vec<(String, String)>>::from_query(text).map_err(|error| wrong(error.to_string()))?.into_inner())
}

impl Params {
    /// The parameters of the address alone, where the body is something else.
    pub(crate) fn of_address(req: &HttpRequest) -> Result<Self, ApiError> {
        let address = web::Query::<Vec<(String, String)>>::from_query(req.query_string());
        Ok(Self(address.map_err(|error| ApiError::bad_data(format!("the address's parameters: {error}")))?.into_inner()))
    }

    /// The last value of a parameter.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// All values of a parameter.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.0.iter().filter(|(n, _)| n == name).map(|(_, v)| v.as_str()).collect()
    }

    /// A parameter that must be there.
    pub(crate) fn required(&self, name: &str) -> Result<&str, ApiError> {
        self.get(name).filter(|v| !v.is_empty()).ok_or_else(|| ApiError::bad_data(format!("parameter `{name}` is missing")))
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

    /// A step: seconds as a number, or a length of time such as `30s`; more than nothing.
    pub(crate) fn step(&self, name: &str) -> Result<i64, ApiError> {
        let text = self.required(name)?;
        let ms = match text.parse::<f64>() {
            Ok(seconds) if seconds.is_finite() && seconds.abs() < 1e12 => (seconds * 1e3).round() as i64,
            Ok(_) => 0,
            Err(_) => text
                .parse::<Span>()
                .map_err(|error| ApiError::bad_data(format!("parameter `{name}`: {error}, or a number of seconds")))?
                .ms(),
        };
        if ms <= 0 {
            return Err(ApiError::bad_data(format!("parameter `{name}` is `{text}`; it must be more than 0, such as 15 or 1m")));
        }
        Ok(ms)
    }
}

/// A time as clients write it.
pub(crate) fn parse_time(name: &str, text: &str) -> Result<TimestampMs, ApiError> {
    if let Ok(seconds) = text.parse::<f64>() {
        let ms = (seconds * 1e3).round();
        if ms.abs() <= MAX_TIME_MS {
            return Ok(ms as TimestampMs);
        }
    } else if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time.as_millisecond());
    }
    Err(ApiError::bad_data(format!(
        "parameter `{name}`: `{text}` is not a time; write Unix seconds (1764000000.5) or RFC 3339 (2026-11-24T10:00:00Z)"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_unix_seconds_or_rfc_3339() {
        for (text, ms) in [
            ("1764000000", 1_764_000_000_000),
            ("1764000000.5", 1_764_000_000_500),
            ("2025-11-24T16:00:00Z", 1_764_000_000_000),
            ("2025-11-24T17:00:00+01:00", 1_764_000_000_000),
        ] {
            assert_eq!(parse_time("t", text).unwrap(), ms, "{text}");
        }
        for text in ["", "now", "1e99", "NaN", "inf", "2025-13-01T00:00:00Z"] {
            assert!(parse_time("start", text).unwrap_err().to_string().contains("`start`"), "{text}");
        }
    }

    #[test]
    fn a_step_is_more_than_nothing() {
        let params = |v: &str| Params(vec![("step".to_owned(), v.to_owned())]);
        assert_eq!(params("15").step("step").unwrap(), 15_000);
        assert_eq!(params("0.5").step("step").unwrap(), 500);
        assert_eq!(params("1m").step("step").unwrap(), 60_000);
        for bad in ["0", "-1", "", "x", "NaN", "0s"] {
            assert!(params(bad).step("step").is_err(), "{bad}");
        }
    }
}
