//! Decodes Prometheus remote write 1.0: a `WriteRequest` in protobuf, passed to a sink series by series.
//!
//! Only what is stored is decoded (labels, samples, times, metadata); exemplars are skipped. A known series needs no allocation:
//! its labels are compared as they are in the request. A malformed message is rejected as a whole. A series whose labels cannot be
//! stored is rejected alone and reported. The caller does decompression and the response. Format: prometheus/prometheus,
//! prompb/remote.proto and types.proto.

use std::str;

use crate::model::{LabelError, Labels, MAX_LABELS, TimestampMs};
use crate::store::Intake;

/// Rejected series that are reported; further ones are only counted.
const MAX_NAMED: usize = 10;

/// The message is not a `WriteRequest`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a WriteRequest (remote write 1.0): {reason} at byte {at}")]
pub struct DecodeError {
    reason: &'static str,
    at: usize,
}

/// Why the labels of a series cannot be stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum SeriesError {
    #[error("a label is not UTF-8")]
    NotUtf8,
    #[error(transparent)]
    Labels(#[from] LabelError),
}

/// Receives the samples of a request.
pub trait Sink {
    /// The samples that follow are of this series, given by rising label name and without empty values; false where it is
    /// not known, then [`Sink::begin_new`] is told its labels.
    fn begin(&mut self, pairs: &[(&[u8], &[u8])]) -> bool;
    /// The samples that follow are of a series with these labels.
    fn begin_new(&mut self, labels: Labels);
    /// A sample of the series begun last.
    fn push(&mut self, t: TimestampMs, v: f64);
}

impl Sink for Intake<'_> {
    #[inline]
    fn begin(&mut self, pairs: &[(&[u8], &[u8])]) -> bool {
        Intake::begin(self, pairs)
    }

    fn begin_new(&mut self, labels: Labels) {
        Intake::begin_new(self, labels);
    }

    #[inline]
    fn push(&mut self, t: TimestampMs, v: f64) {
        Intake::push(self, t, v);
    }
}

/// What could not be stored, and the metadata.
#[derive(Debug, Default)]
pub struct Report {
    /// Why series were rejected, for the first few.
    pub refused: Vec<String>,
    /// Samples of rejected series.
    pub refused_samples: usize,
    /// Native histograms, which are not stored.
    pub histograms: usize,
    /// Metadata of metrics.
    pub metadata: Vec<MetricMetadata>,
}

/// Metadata of a metric.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct MetricMetadata {
    /// Its name.
    pub name: String,
    /// Its type: `counter`, `gauge`, … or `unknown`.
    pub kind: &'static str,
    /// Its help text.
    pub help: String,
    /// Its unit.
    pub unit: String,
}

/// Most metrics of a request whose metadata is kept.
const MAX_METADATA: usize = 5_000;
/// The metric types of the protocol by number.
const KINDS: [&str; 8] = ["unknown", "counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset"];

/// Reads protobuf fields from bytes.
#[derive(Clone, Copy)]
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

enum Value<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(Reader<'a>),
    Fixed32,
}

impl<'a> Reader<'a> {
    fn fail<T>(&self, reason: &'static str) -> Result<T, DecodeError> {
        Err(DecodeError { reason, at: self.at })
    }

    #[inline]
    fn take(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        match self.bytes.split_at_checked(count) {
            Some((head, tail)) => {
                self.bytes = tail;
                self.at += count;
                Ok(head)
            }
            None => self.fail("it ends early"),
        }
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, DecodeError> {
        if let Some((&byte, tail)) = self.bytes.split_first()
            && byte < 0x80
        {
            self.bytes = tail;
            self.at += 1;
            return Ok(u64::from(byte));
        }
        self.long_varint()
    }

    fn long_varint(&mut self) -> Result<u64, DecodeError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        self.fail("a number has more than 64 bits")
    }

    /// Number and value of the next field; `None` at the end.
    #[inline]
    fn field(&mut self) -> Result<Option<(u64, Value<'a>)>, DecodeError> {
        if self.bytes.is_empty() {
            return Ok(None);
        }
        let key = self.varint()?;
        let value = match key & 7 {
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed64(u64::from_le_bytes(self.take(8)?.try_into().unwrap_or([0; 8]))),
            2 => {
                let length = self.varint()?;
                let at = self.at;
                let Ok(length) = usize::try_from(length) else { return self.fail("a length is impossible") };
                Value::Bytes(Reader { bytes: self.take(length)?, at })
            }
            5 => {
                self.take(4)?;
                Value::Fixed32
            }
            _ => return self.fail("a field has an unknown wire type"),
        };
        Ok(Some((key >> 3, value)))
    }
}

/// Decodes an uncompressed request and passes its series and samples to `sink`.
///
/// # Errors
/// [`DecodeError`] with the position; nothing that was passed on may be stored then.
pub fn decode(bytes: &[u8], sink: &mut impl Sink) -> Result<Report, DecodeError> {
    let mut report = Report::default();
    let mut request = Reader { bytes, at: 0 };
    let mut labels = Vec::new();
    let mut number = 0;
    while let Some((field, value)) = request.field()? {
        match (field, value) {
            (1, Value::Bytes(mut series)) => {
                labels.clear();
                read_series(&mut series, &mut labels, number, &mut report, sink)?;
                number += 1;
            }
            (1, _) => return request.fail(WRONG_TYPE),
            (3, Value::Bytes(mut metadata)) if report.metadata.len() < MAX_METADATA => {
                report.metadata.extend(read_metadata(&mut metadata)?);
            }
            _ => {}
        }
    }
    Ok(report)
}

/// Decodes the metadata of a metric; `None` if it has no name or is not UTF-8.
fn read_metadata(metadata: &mut Reader<'_>) -> Result<Option<MetricMetadata>, DecodeError> {
    let mut out = MetricMetadata { kind: KINDS[0], ..MetricMetadata::default() };
    while let Some((field, value)) = metadata.field()? {
        let place = match (field, value) {
            (1, Value::Varint(kind)) => {
                out.kind = usize::try_from(kind).ok().and_then(|kind| KINDS.get(kind).copied()).unwrap_or(KINDS[0]);
                continue;
            }
            (2, Value::Bytes(text)) => (&mut out.name, text.bytes),
            (4, Value::Bytes(text)) => (&mut out.help, text.bytes),
            (5, Value::Bytes(text)) => (&mut out.unit, text.bytes),
            _ => continue,
        };
        let Ok(text) = str::from_utf8(place.1) else { return Ok(None) };
        text.clone_into(place.0);
    }
    Ok(Some(out).filter(|metadata| !metadata.name.is_empty()))
}

/// Skipping such a field could merge two series or turn a value into 0.
const WRONG_TYPE: &str = "a field has another wire type than its own";

type Pair<'a> = (&'a [u8], &'a [u8]);

#[inline]
fn read_series<'a>(
    series: &mut Reader<'a>,
    labels: &mut Vec<Pair<'a>>,
    number: usize,
    report: &mut Report,
    sink: &mut impl Sink,
) -> Result<(), DecodeError> {
    // Whether the series is accepted, known from its first sample on.
    let mut kept: Option<bool> = None;
    let mut count = 0;
    while let Some((field, value)) = series.field()? {
        match (field, value) {
            (1, Value::Bytes(mut label)) => {
                let (mut name, mut text): Pair<'a> = (&[], &[]);
                while let Some((field, value)) = label.field()? {
                    match (field, value) {
                        (1, Value::Bytes(bytes)) => name = bytes.bytes,
                        (2, Value::Bytes(bytes)) => text = bytes.bytes,
                        (1 | 2, _) => return label.fail(WRONG_TYPE),
                        _ => {}
                    }
                }
                if kept.is_some() {
                    return series.fail("a series' labels come before its samples");
                }
                // An empty label is the same as none. Labels over the limit are only counted: they cause the series to be rejected.
                if !text.is_empty() {
                    count += 1;
                    if count <= MAX_LABELS {
                        labels.push((name, text));
                    }
                }
            }
            (2, Value::Bytes(mut sample)) => {
                let (mut t, mut v) = (0, 0.0);
                while let Some((field, value)) = sample.field()? {
                    match (field, value) {
                        (1, Value::Fixed64(bits)) => v = f64::from_bits(bits),
                        (2, Value::Varint(ms)) => t = ms as i64,
                        (1 | 2, _) => return sample.fail(WRONG_TYPE),
                        _ => {}
                    }
                }
                let kept = *kept.get_or_insert_with(|| begin(labels, count, number, report, sink));
                if kept {
                    sink.push(t, v);
                } else {
                    report.refused_samples += 1;
                }
            }
            (1 | 2, _) => return series.fail(WRONG_TYPE),
            (4, _) => report.histograms += 1,
            _ => {}
        }
    }
    Ok(())
}

/// Starts a series with `count` labels that are not empty; false if they cannot be stored.
#[inline]
fn begin(labels: &[Pair<'_>], count: usize, number: usize, report: &mut Report, sink: &mut impl Sink) -> bool {
    let whole = count == labels.len();
    let in_order = labels.windows(2).all(|pair| pair[0].0 < pair[1].0) && labels.iter().all(|(name, _)| !name.is_empty());
    if whole && in_order && sink.begin(labels) {
        return true;
    }
    let checked = if whole { series_labels(labels) } else { Err(LabelError::TooMany(count).into()) };
    match checked {
        Ok(labels) => {
            sink.begin_new(labels);
            true
        }
        Err(why) => {
            if report.refused.len() < MAX_NAMED {
                report.refused.push(format!("series {number} {}: {why}", shown(labels)));
            }
            false
        }
    }
}

fn series_labels(pairs: &[(&[u8], &[u8])]) -> Result<Labels, SeriesError> {
    let mut texts = Vec::with_capacity(pairs.len());
    for (name, value) in pairs {
        let text = |bytes| str::from_utf8(bytes).map_err(|_| SeriesError::NotUtf8);
        texts.push((text(name)?, text(value)?));
    }
    Ok(Labels::new(texts)?)
}

/// The first labels, shortened, to identify the series in a message.
fn shown(labels: &[(&[u8], &[u8])]) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).chars().take(40).collect::<String>();
    let pairs: Vec<String> = labels.iter().take(6).map(|(name, value)| format!("{}={:?}", text(name), text(value))).collect();
    format!("{{{}}}", pairs.join(","))
}

/// Valid requests for the fuzzer.
#[cfg(test)]
pub(crate) fn samples_of_requests() -> Vec<Vec<u8>> {
    let two = [("__name__", "up"), ("job", "somewhere")];
    vec![
        tests::series(&two, &[(1, 1.5), (2, f64::NAN)]),
        [tests::series(&two, &[(1_795_000_000_000, 1.0)]), tests::series(&[("__name__", "down")], &[])].concat(),
        tests::series(&[("z", "1"), ("__name__", "m"), ("a", "")], &[(-1, 0.0)]),
        vec![0x1a, 9, 8, 1, 0x12, 1, b'm', 0x22, 2, b'h', b'i'],
    ]
}

#[cfg(test)]
mod tests;
