//! Decodes Prometheus remote write 1.0: a `WriteRequest` in protobuf, passed to a sink series by series.
//!
//! Only what is stored is decoded (labels, samples, times, exemplars, metadata). A known series needs no allocation:
//! its labels are compared as they are in the request. A malformed message is rejected as a whole. A series whose labels cannot be
//! stored is rejected alone and reported; a bad exemplar costs itself alone. The caller does decompression and the response. Format: prometheus/prometheus,
//! prompb/remote.proto and types.proto.

use std::str;

use crate::exemplar::{Exemplar, Fault, MAX_CHARACTERS};
use crate::model::{LabelError, MAX_LABELS, TimestampMs};
use crate::store::SeriesResolver;
use crate::wire::{Malformed, Reader, Value, WRONG_TYPE};

/// Rejected series that are reported; further ones are only counted.
const MAX_NAMED: usize = 10;

/// The message is not a `WriteRequest`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a WriteRequest (remote write 1.0): {0}")]
pub struct DecodeError(#[from] Malformed);

/// Receives the samples of a request.
pub trait Sink {
    /// The samples that follow are of the series with these labels, none of which is empty.
    ///
    /// # Errors
    /// [`LabelError`] for labels that cannot be kept; no sample of the series follows then.
    fn series(&mut self, pairs: &[(&[u8], &[u8])]) -> Result<(), LabelError>;
    /// A sample of the current series.
    fn push(&mut self, t: TimestampMs, v: f64);
    /// An exemplar of the series with these labels, or why it is none. Its samples may have come earlier.
    fn exemplar(&mut self, _pairs: &[(&[u8], &[u8])], _exemplar: Result<Exemplar, Fault>) {}
}

impl Sink for SeriesResolver<'_> {
    #[inline]
    fn series(&mut self, pairs: &[(&[u8], &[u8])]) -> Result<(), LabelError> {
        self.series_from_pairs(pairs)
    }

    #[inline]
    fn push(&mut self, t: TimestampMs, v: f64) {
        SeriesResolver::push(self, t, v);
    }

    fn exemplar(&mut self, pairs: &[(&[u8], &[u8])], exemplar: Result<Exemplar, Fault>) {
        self.exemplar_of(pairs, exemplar);
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

/// Decodes an uncompressed request and passes its series and samples to `sink`.
///
/// # Errors
/// [`DecodeError`] with the position; nothing that was passed on may be stored then.
pub fn decode(bytes: &[u8], sink: &mut impl Sink) -> Result<Report, DecodeError> {
    let mut report = Report::default();
    let mut request = Reader::new(bytes);
    let mut labels = Vec::new();
    let mut number = 0;
    while let Some((field, value)) = request.field()? {
        match (field, value) {
            (1, Value::Bytes(mut series)) => {
                labels.clear();
                read_series(&mut series, &mut labels, number, &mut report, sink)?;
                number += 1;
            }
            (1, _) => return Ok(request.fail(WRONG_TYPE)?),
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
    let mut exemplars = Vec::new();
    while let Some((field, value)) = series.field()? {
        match (field, value) {
            (1, Value::Bytes(mut label)) => {
                let (mut name, mut text): Pair<'a> = (&[], &[]);
                while let Some((field, value)) = label.field()? {
                    match (field, value) {
                        (1, Value::Bytes(bytes)) => name = bytes.bytes,
                        (2, Value::Bytes(bytes)) => text = bytes.bytes,
                        (1 | 2, _) => return Ok(label.fail(WRONG_TYPE)?),
                        _ => {}
                    }
                }
                if kept.is_some() {
                    return Ok(series.fail("a series' labels come before its samples")?);
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
                        (1 | 2, _) => return Ok(sample.fail(WRONG_TYPE)?),
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
            (1 | 2, _) => return Ok(series.fail(WRONG_TYPE)?),
            (3, Value::Bytes(exemplar)) => exemplars.push(exemplar),
            (4, _) => report.histograms += 1,
            _ => {}
        }
    }
    if !exemplars.is_empty() {
        // Once all labels are known.
        let known = kept != Some(false) && count == labels.len();
        for mut exemplar in exemplars {
            let exemplar = read_exemplar(&mut exemplar).unwrap_or(Err(Fault::Malformed));
            sink.exemplar(if known { labels } else { &[] }, exemplar);
        }
    }
    Ok(())
}

/// Decodes an exemplar.
#[cold]
fn read_exemplar(exemplar: &mut Reader<'_>) -> Result<Result<Exemplar, Fault>, Malformed> {
    let (mut labels, mut t, mut v) = (Vec::new(), 0, 0.0);
    while let Some((field, value)) = exemplar.field()? {
        match (field, value) {
            (1, Value::Bytes(mut label)) => {
                let (mut name, mut text): Pair<'_> = (&[], &[]);
                while let Some((field, value)) = label.field()? {
                    match (field, value) {
                        (1, Value::Bytes(bytes)) => name = bytes.bytes,
                        (2, Value::Bytes(bytes)) => text = bytes.bytes,
                        _ => {}
                    }
                }
                let (Ok(name), Ok(text)) = (str::from_utf8(name), str::from_utf8(text)) else { return Ok(Err(Fault::Malformed)) };
                // Empty ones count for nothing, however many there are.
                if !text.is_empty() && labels.len() <= MAX_CHARACTERS {
                    labels.push((name, text));
                }
            }
            (2, Value::Fixed64(bits)) => v = f64::from_bits(bits),
            (3, Value::Varint(ms)) => t = ms as i64,
            (1..=3, _) => return Ok(Err(Fault::Malformed)),
            _ => {}
        }
    }
    Ok(Exemplar::new(labels, t, v))
}

/// Starts a series with `count` labels that are not empty; false if they cannot be stored.
#[inline]
fn begin(labels: &[Pair<'_>], count: usize, number: usize, report: &mut Report, sink: &mut impl Sink) -> bool {
    let begun = if count == labels.len() { sink.series(labels) } else { Err(LabelError::TooMany(count)) };
    match begun {
        Ok(()) => true,
        Err(why) => {
            if report.refused.len() < MAX_NAMED {
                report.refused.push(format!("series {number} {}: {why}", shown(labels)));
            }
            false
        }
    }
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
        tests::exemplars(&two, &[(&[("trace_id", "0af7651916cd43dd8448eb211c80319c")], 1_795_000_000_000, 0.5)]),
        vec![0x1a, 9, 8, 1, 0x12, 1, b'm', 0x22, 2, b'h', b'i'],
    ]
}

#[cfg(test)]
mod tests;
