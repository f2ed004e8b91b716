//! Decodes requests and encodes responses, as protobuf or JSON.
//!
//! A few bytes can encode a part that takes a hundred times as much memory. So parts are counted before decoding, and a request
//! with too many is refused. JSON is decoded by [`super::json`].

use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use prost::Message;
use serde_json::json;

/// Most messages and attributes of one request, of up to 300 bytes each in memory.
pub const MAX_PARTS: usize = 400_000;

/// Longest part of a decoder's message.
const MAX_TOLD: usize = 400;

/// Why a request cannot be decoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// It is malformed.
    #[error("not an ExportMetricsServiceRequest: {0}")]
    Malformed(String),
    /// It has too many parts.
    #[error("the request has more than {MAX_PARTS} parts (points, attributes, buckets); send smaller batches")]
    TooManyParts,
}

impl DecodeError {
    pub(super) fn malformed(error: &impl ToString) -> Self {
        Self::Malformed(shortened(error))
    }
}

/// The message of a decoder, which may quote its input, without the middle of a long one.
pub(crate) fn shortened(error: &impl ToString) -> String {
    let text = error.to_string();
    if text.len() <= MAX_TOLD {
        return text;
    }
    let head: String = text.chars().take(MAX_TOLD / 2).collect();
    // The position is at the end.
    let tail = &text[text.ceil_char_boundary(text.len() - MAX_TOLD / 4)..];
    format!("{head} … {tail}")
}

/// What a request carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Data points.
    Metrics,
    /// Log records.
    Logs,
    /// Spans.
    Traces,
}

impl Signal {
    /// The field that counts what was rejected, in JSON. In protobuf it is the first of each partial success.
    const fn rejected(self) -> &'static str {
        match self {
            Self::Metrics => "rejectedDataPoints",
            Self::Logs => "rejectedLogRecords",
            Self::Traces => "rejectedSpans",
        }
    }
}

/// Encoding of a request and its response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// `application/x-protobuf`
    Protobuf,
    /// `application/json`
    Json,
}

/// google.rpc.Status, the body of an error.
#[derive(Clone, PartialEq, prost::Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

impl Encoding {
    /// The `Content-Type`.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        }
    }

    /// Decodes a request.
    ///
    /// # Errors
    /// [`DecodeError`] if that is not possible.
    pub fn decode(self, bytes: &[u8]) -> Result<ExportMetricsServiceRequest, DecodeError> {
        match self {
            Self::Protobuf => {
                count(bytes)?;
                ExportMetricsServiceRequest::decode(bytes).map_err(|error| DecodeError::malformed(&error))
            }
            Self::Json => super::json::decode(bytes),
        }
    }

    /// The body of a response; a `message` without anything rejected is a warning.
    #[must_use]
    pub fn answer(self, signal: Signal, rejected: u64, message: &str) -> Vec<u8> {
        let whole = rejected == 0 && message.is_empty();
        match self {
            Self::Protobuf => {
                let rejected_data_points = i64::try_from(rejected).unwrap_or(i64::MAX);
                let partial_success =
                    (!whole).then(|| ExportMetricsPartialSuccess { rejected_data_points, error_message: message.to_owned() });
                ExportMetricsServiceResponse { partial_success }.encode_to_vec()
            }
            Self::Json if whole => b"{}".to_vec(),
            Self::Json => {
                let partial = json!({signal.rejected(): rejected.to_string(), "errorMessage": message});
                json!({"partialSuccess": partial}).to_string().into_bytes()
            }
        }
    }

    /// The body of an error; `code` is one of google.rpc.Code.
    #[must_use]
    pub fn error(self, code: i32, message: &str) -> Vec<u8> {
        match self {
            Self::Protobuf => Status { code, message: message.to_owned() }.encode_to_vec(),
            Self::Json => json!({"code": code, "message": message}).to_string().into_bytes(),
        }
    }
}

/// Messages that contain others.
#[derive(Clone, Copy)]
enum Part {
    Request,
    Resource,
    ResourceMetrics,
    ScopeMetrics,
    Scope,
    Metric,
    /// Gauge, sum, histogram, exponential histogram or summary, with the kind of its points.
    Data(&'static Part),
    Number,
    Histogram,
    Exponential,
    Summary,
    Exemplar,
    KeyValue,
    Value,
    List,
    Map,
    /// Packed numbers of at least one byte each.
    Packed,
    Buckets,
    Leaf,
}

impl Part {
    /// The message in a field; by opentelemetry/proto/{collector/metrics,metrics,common,resource}/v1.
    fn field(self, number: u64) -> Option<Self> {
        Some(match (self, number) {
            (Self::Request, 1) => Self::ResourceMetrics,
            (Self::ResourceMetrics, 1) => Self::Resource,
            (Self::ResourceMetrics, 2) => Self::ScopeMetrics,
            (Self::Resource, 1) | (Self::Scope, 3) | (Self::Metric, 12) | (Self::Map, 1) => Self::KeyValue,
            (Self::Resource, 3) => Self::Leaf,
            (Self::ScopeMetrics, 1) => Self::Scope,
            (Self::ScopeMetrics, 2) => Self::Metric,
            (Self::Metric, 5 | 7) => Self::Data(&Self::Number),
            (Self::Metric, 9) => Self::Data(&Self::Histogram),
            (Self::Metric, 10) => Self::Data(&Self::Exponential),
            (Self::Metric, 11) => Self::Data(&Self::Summary),
            (Self::Data(point), 1) => *point,
            (Self::Number | Self::Summary | Self::Exemplar, 7) | (Self::Histogram, 9) | (Self::Exponential, 1) => Self::KeyValue,
            (Self::Number, 5) | (Self::Histogram, 8) | (Self::Exponential, 11) => Self::Exemplar,
            (Self::Exponential, 8 | 9) => Self::Buckets,
            (Self::Buckets, 2) => Self::Packed,
            (Self::Summary, 6) => Self::Leaf,
            (Self::KeyValue, 2) | (Self::List, 1) => Self::Value,
            (Self::Value, 5) => Self::List,
            (Self::Value, 6) => Self::Map,
            _ => return None,
        })
    }
}

/// Packed numbers that count as one part.
const PACKED: usize = 16;

/// Refuses a request with too many parts. Malformed input is left to the decoder, which has better messages.
fn count(bytes: &[u8]) -> Result<(), DecodeError> {
    let mut waiting = vec![(Part::Request, bytes)];
    let mut parts = 0usize;
    while let Some((part, mut rest)) = waiting.pop() {
        while let Some((number, content)) = next_field(&mut rest) {
            let Some(inner) = content.zip(part.field(number)) else { continue };
            parts += match inner {
                (content, Part::Packed) => content.len() / PACKED + 1,
                (content, held) => {
                    if !content.is_empty() && !matches!(held, Part::Leaf) {
                        waiting.push((held, content));
                    }
                    1
                }
            };
            if parts > MAX_PARTS {
                return Err(DecodeError::TooManyParts);
            }
        }
    }
    Ok(())
}

/// Number of the next field, and its content if it is length-delimited; `None` at the end or if malformed.
fn next_field<'a>(rest: &mut &'a [u8]) -> Option<(u64, Option<&'a [u8]>)> {
    let varint = |rest: &mut &'a [u8]| -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let (&byte, tail) = rest.split_first()?;
            *rest = tail;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    };
    let key = varint(rest)?;
    let length = match key & 7 {
        0 => {
            varint(rest)?;
            return Some((key >> 3, None));
        }
        1 => 8,
        2 => usize::try_from(varint(rest)?).ok()?,
        5 => 4,
        _ => return None,
    };
    let (content, tail) = rest.split_at_checked(length)?;
    *rest = tail;
    Some((key >> 3, (key & 7 == 2).then_some(content)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(path: &[u8], inner: Vec<u8>) -> Vec<u8> {
        path.iter().rev().fold(inner, |inner, field| {
            let mut out = vec![field << 3 | 2];
            prost::encoding::encode_varint(inner.len() as u64, &mut out);
            out.extend(inner);
            out
        })
    }

    #[test]
    fn a_small_request_with_many_parts_is_refused_before_decoding() {
        for (path, empty) in [
            // Points, attributes of a point, values of a list, quantiles, metrics.
            (&[1, 2, 2, 5][..], [0x0a, 0]),
            (&[1, 2, 2, 5, 1], [0x3a, 0]),
            (&[1, 2, 2, 5, 1, 7, 2, 5], [0x0a, 0]),
            (&[1, 2, 2, 11, 1], [0x32, 0]),
            (&[1, 2], [0x12, 0]),
        ] {
            let few = nested(path, empty.repeat(1_000));
            assert!(Encoding::Protobuf.decode(&few).is_ok(), "{path:?}");
            let many = nested(path, empty.repeat(MAX_PARTS + 1));
            assert_eq!(Encoding::Protobuf.decode(&many), Err(DecodeError::TooManyParts), "{path:?}");
        }
        let buckets = nested(&[1, 2, 2, 10, 1, 8, 2], vec![0; MAX_PARTS * PACKED]);
        assert_eq!(Encoding::Protobuf.decode(&buckets), Err(DecodeError::TooManyParts));
    }

    #[test]
    fn malformed_requests_are_refused() {
        for bytes in [&[0x0a, 5][..], &[0xff; 12], b"{}", &[0x0a, 2, 0x12, 9]] {
            assert!(matches!(Encoding::Protobuf.decode(bytes), Err(DecodeError::Malformed(_))), "{bytes:?}");
        }
        assert!(Encoding::Protobuf.decode(&[]).unwrap().resource_metrics.is_empty());
        // Lists in lists, deeper than any decoder goes.
        let deep = nested(&[1, 1, 1, 2], nested(&[5, 1].repeat(200), Vec::new()));
        assert!(matches!(Encoding::Protobuf.decode(&deep), Err(DecodeError::Malformed(_))));
    }

    #[test]
    fn answers_are_written_as_the_request_was() {
        assert_eq!(Encoding::Json.answer(Signal::Metrics, 0, ""), b"{}");
        assert_eq!(Encoding::Protobuf.answer(Signal::Metrics, 0, ""), b"");
        assert_eq!(
            String::from_utf8(Encoding::Json.answer(Signal::Metrics, 2, "why")).unwrap(),
            r#"{"partialSuccess":{"errorMessage":"why","rejectedDataPoints":"2"}}"#
        );
        assert_eq!(Encoding::Protobuf.answer(Signal::Metrics, 2, "why"), [0x0a, 7, 8, 2, 0x12, 3, b'w', b'h', b'y']);
        assert_eq!(Encoding::Protobuf.error(3, "no"), [8, 3, 0x12, 2, b'n', b'o']);
        assert_eq!(Encoding::Json.error(3, "no"), br#"{"code":3,"message":"no"}"#);
    }
}
