//! Prometheus remote write 1.0: a `WriteRequest` in protobuf, passed on series by series.
//!
//! Reads only what is kept (labels, samples, their times); metadata and exemplars are passed over. Nothing is allocated for
//! a series that is known: its labels are compared as they stand in the request. A message that is not one is refused
//! whole. A series whose labels cannot be kept is refused alone and named, the rest is kept. Decompression, and what is
//! answered, is the caller's. Format: prometheus/prometheus, prompb/remote.proto and types.proto.

use std::str;

use crate::model::{Labels, MAX_LABELS, TimestampMs};
use crate::store::Intake;

/// Refused series that are named; the rest is counted.
const MAX_NAMED: usize = 10;

/// Not a `WriteRequest`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a WriteRequest (remote write 1.0): {reason} at byte {at}")]
pub struct DecodeError {
    reason: &'static str,
    at: usize,
}

/// Where samples go.
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

/// What of a request could not be kept.
#[derive(Debug, Default)]
pub struct Report {
    /// Why series were refused, the first few.
    pub refused: Vec<String>,
    /// How many samples were refused with their series.
    pub refused_samples: usize,
    /// Native histograms, which are not kept.
    pub histograms: usize,
}

/// A run of protobuf fields.
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

    /// The next field's number and value; none at the end.
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

/// Passes the series and samples of an uncompressed request on.
///
/// # Errors
/// [`DecodeError`] with the place; nothing of what was passed on may be kept then.
pub fn decode(bytes: &[u8], sink: &mut impl Sink) -> Result<Report, DecodeError> {
    let mut report = Report::default();
    let mut request = Reader { bytes, at: 0 };
    let mut labels = Vec::new();
    let mut number = 0;
    while let Some((field, value)) = request.field()? {
        if let (1, Value::Bytes(mut series)) = (field, value) {
            labels.clear();
            read_series(&mut series, &mut labels, number, &mut report, sink)?;
            number += 1;
        }
    }
    Ok(report)
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
    // Whether the series is one, once its first sample has come.
    let mut kept: Option<bool> = None;
    while let Some((field, value)) = series.field()? {
        match (field, value) {
            (1, Value::Bytes(mut label)) => {
                let (mut name, mut text): Pair<'a> = (&[], &[]);
                while let Some((field, value)) = label.field()? {
                    match (field, value) {
                        (1, Value::Bytes(bytes)) => name = bytes.bytes,
                        (2, Value::Bytes(bytes)) => text = bytes.bytes,
                        _ => {}
                    }
                }
                if kept.is_some() {
                    return series.fail("a series' labels come before its samples");
                }
                // One too many is enough to be refused for.
                if labels.len() <= MAX_LABELS {
                    labels.push((name, text));
                }
            }
            (2, Value::Bytes(mut sample)) => {
                let (mut t, mut v) = (0, 0.0);
                while let Some((field, value)) = sample.field()? {
                    match (field, value) {
                        (1, Value::Fixed64(bits)) => v = f64::from_bits(bits),
                        (2, Value::Varint(ms)) => t = ms as i64,
                        _ => {}
                    }
                }
                let kept = *kept.get_or_insert_with(|| begin(labels, number, report, sink));
                if kept {
                    sink.push(t, v);
                } else {
                    report.refused_samples += 1;
                }
            }
            (4, _) => report.histograms += 1,
            _ => {}
        }
    }
    Ok(())
}

/// Tells the sink of a series; false where its labels cannot be kept.
#[inline]
fn begin(labels: &[Pair<'_>], number: usize, report: &mut Report, sink: &mut impl Sink) -> bool {
    let in_order =
        labels.windows(2).all(|pair| pair[0].0 < pair[1].0) && labels.iter().all(|(name, value)| !name.is_empty() && !value.is_empty());
    if in_order && sink.begin(labels) {
        return true;
    }
    match series_labels(labels) {
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

fn series_labels(pairs: &[(&[u8], &[u8])]) -> Result<Labels, String> {
    let mut texts = Vec::with_capacity(pairs.len());
    for (name, value) in pairs {
        let text = |bytes| str::from_utf8(bytes).map_err(|_| "a label is not UTF-8".to_owned());
        texts.push((text(name)?, text(value)?));
    }
    Labels::new(texts).map_err(|error| error.to_string())
}

/// The labels as far as a person needs them to find the series.
fn shown(labels: &[(&[u8], &[u8])]) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).chars().take(40).collect::<String>();
    let pairs: Vec<String> = labels.iter().take(6).map(|(name, value)| format!("{}={:?}", text(name), text(value))).collect();
    format!("{{{}}}", pairs.join(","))
}

/// Whole requests, for the fuzzer to begin with.
#[cfg(test)]
pub(crate) fn samples_of_requests() -> Vec<Vec<u8>> {
    let two = [("__name__", "up"), ("job", "somewhere")];
    vec![
        tests::series(&two, &[(1, 1.5), (2, f64::NAN)]),
        [tests::series(&two, &[(1_795_000_000_000, 1.0)]), tests::series(&[("__name__", "down")], &[])].concat(),
        tests::series(&[("z", "1"), ("__name__", "m"), ("a", "")], &[(-1, 0.0)]),
    ]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::Batch;

    /// Knows no series and keeps everything.
    #[derive(Default)]
    struct Kept {
        current: Option<Labels>,
        batch: Batch,
    }

    impl Sink for Kept {
        fn begin(&mut self, _: &[(&[u8], &[u8])]) -> bool {
            false
        }

        fn begin_new(&mut self, labels: Labels) {
            self.current = Some(labels);
        }

        fn push(&mut self, t: TimestampMs, v: f64) {
            self.batch.push(self.current.clone().unwrap(), t, v);
        }
    }

    fn decode(bytes: &[u8]) -> Result<(Batch, Report), DecodeError> {
        let mut kept = Kept::default();
        let report = super::decode(bytes, &mut kept)?;
        Ok((kept.batch, report))
    }

    fn varint(mut v: u64) -> Vec<u8> {
        let mut out = Vec::new();
        while v >= 0x80 {
            out.push(v as u8 | 0x80);
            v >>= 7;
        }
        out.push(v as u8);
        out
    }

    fn bytes_field(number: u64, content: &[u8]) -> Vec<u8> {
        [varint(number << 3 | 2), varint(content.len() as u64), content.to_vec()].concat()
    }

    pub(super) fn series(labels: &[(&str, &str)], samples: &[(i64, f64)]) -> Vec<u8> {
        let labels = labels.iter().map(|(n, v)| bytes_field(1, &[bytes_field(1, n.as_bytes()), bytes_field(2, v.as_bytes())].concat()));
        let samples = samples.iter().map(|(t, v)| {
            let value = [varint(1 << 3 | 1), v.to_bits().to_le_bytes().to_vec()].concat();
            bytes_field(2, &[value, varint(2 << 3), varint(*t as u64)].concat())
        });
        bytes_field(1, &labels.chain(samples).collect::<Vec<_>>().concat())
    }

    #[test]
    fn a_request_gives_its_samples_bit_for_bit() {
        let stale = f64::from_bits(crate::model::STALE_NAN_BITS);
        let request = [series(&[("job", "a"), ("__name__", "up")], &[(1, 1.5), (-2, stale)]), bytes_field(3, b"metadata")].concat();
        let (batch, _) = decode(&request).unwrap();
        assert_eq!(batch.labels[0].to_string(), r#"up{job="a"}"#);
        assert_eq!(batch.times, [1, -2]);
        assert_eq!(batch.values.iter().map(|v| v.to_bits()).collect::<Vec<_>>(), [1.5f64.to_bits(), stale.to_bits()]);
    }

    #[test]
    fn a_bad_series_is_refused_alone_and_named() {
        let request = [series(&[("job", "a")], &[(1, 1.0), (2, 2.0)]), series(&[("__name__", "up")], &[(1, 1.0)])].concat();
        let (batch, report) = decode(&request).unwrap();
        assert_eq!((batch.len(), report.refused_samples), (1, 2));
        assert!(report.refused[0].starts_with(r#"series 0 {job="a"}: a series needs a metric name"#), "{:?}", report.refused);
    }

    #[test]
    fn what_is_no_request_is_refused_with_its_place() {
        for (bytes, part) in
            [(&[0x0a, 0x05, 1][..], "it ends early at byte 2"), (&[0xff; 11][..], "more than 64 bits"), (&[0x0b][..], "unknown wire type")]
        {
            let error = decode(bytes).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = decode(&bytes);
        }

        #[test]
        fn a_damaged_request_never_panics(at in 0usize..200, byte: u8) {
            let mut request = series(&[("__name__", "up"), ("job", "somewhere")], &[(1, 1.0), (2, 2.0)]);
            let at = at % request.len();
            request[at] = byte;
            let _ = decode(&request);
        }
    }
}
