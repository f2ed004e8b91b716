//! Prometheus remote write 1.0: a `WriteRequest` in protobuf, passed on series by series.
//!
//! Reads only what is kept (labels, samples, their times, what metrics are); exemplars are passed over. Nothing is allocated for
//! a series that is known: its labels are compared as they stand in the request. A message that is not one is refused
//! whole. A series whose labels cannot be kept is refused alone and named, the rest is kept. Decompression, and what is
//! answered, is the caller's. Format: prometheus/prometheus, prompb/remote.proto and types.proto.

use std::str;

use crate::model::{LabelError, Labels, MAX_LABELS, TimestampMs};
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
    /// What is said of metrics.
    pub described: Vec<Described>,
}

/// What is said of a metric.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Described {
    /// Its name.
    pub name: String,
    /// `counter`, `gauge`, … or `unknown`.
    pub kind: &'static str,
    /// Its help text.
    pub help: String,
    /// Its unit.
    pub unit: String,
}

/// Metrics of a request of which something is remembered.
const MAX_DESCRIBED: usize = 5_000;
/// The kinds of the protocol by their numbers.
const KINDS: [&str; 8] = ["unknown", "counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset"];

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
        match (field, value) {
            (1, Value::Bytes(mut series)) => {
                labels.clear();
                read_series(&mut series, &mut labels, number, &mut report, sink)?;
                number += 1;
            }
            (1, _) => return request.fail(WRONG_TYPE),
            (3, Value::Bytes(mut metadata)) if report.described.len() < MAX_DESCRIBED => {
                report.described.extend(described(&mut metadata)?);
            }
            _ => {}
        }
    }
    Ok(report)
}

/// What is said of a metric; none where it has no name, or not as text.
fn described(metadata: &mut Reader<'_>) -> Result<Option<Described>, DecodeError> {
    let mut out = Described { kind: KINDS[0], ..Described::default() };
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
    Ok(Some(out).filter(|described| !described.name.is_empty()))
}

/// To pass over such a field would make two series one, or a value 0.
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
    // Whether the series is one, once its first sample has come.
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
                // An empty label is the same as none. Those beyond the bound are counted: the series is refused for them.
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

/// Tells the sink of a series that has so many labels that are not empty; false where they cannot be kept.
#[inline]
fn begin(labels: &[Pair<'_>], count: usize, number: usize, report: &mut Report, sink: &mut impl Sink) -> bool {
    let whole = count == labels.len();
    let in_order = labels.windows(2).all(|pair| pair[0].0 < pair[1].0) && labels.iter().all(|(name, _)| !name.is_empty());
    if whole && in_order && sink.begin(labels) {
        return true;
    }
    let checked = if whole { series_labels(labels) } else { Err(LabelError::TooMany(count).to_string()) };
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
        vec![0x1a, 9, 8, 1, 0x12, 1, b'm', 0x22, 2, b'h', b'i'],
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
        let request =
            [series(&[("job", "a"), ("__name__", "up")], &[(1, 1.5), (-2, stale)]), bytes_field(3, &bytes_field(2, b"up"))].concat();
        let (batch, _) = decode(&request).unwrap();
        assert_eq!(batch.labels[0].to_string(), r#"up{job="a"}"#);
        assert_eq!(batch.times, [1, -2]);
        assert_eq!(batch.values.iter().map(|v| v.to_bits()).collect::<Vec<_>>(), [1.5f64.to_bits(), stale.to_bits()]);
    }

    #[test]
    fn what_is_said_of_metrics_is_passed_on() {
        let metadata = |kind: u8, name: &[u8]| {
            bytes_field(3, &[vec![8, kind], bytes_field(2, name), bytes_field(4, b"two\nlines"), bytes_field(5, b"seconds")].concat())
        };
        let request = [metadata(1, b"a"), metadata(5, b"my.metric"), metadata(99, b"c"), metadata(1, b"\xff"), metadata(1, b"")].concat();
        let (_, report) = decode(&request).unwrap();
        let seen: Vec<_> = report.described.iter().map(|d| (d.name.as_str(), d.kind, d.help.as_str(), d.unit.as_str())).collect();
        let of = |name, kind| (name, kind, "two\nlines", "seconds");
        assert_eq!(seen, [of("a", "counter"), of("my.metric", "summary"), of("c", "unknown")]);
    }

    #[test]
    fn a_bad_series_is_refused_alone_and_named() {
        let request = [series(&[("job", "a")], &[(1, 1.0), (2, 2.0)]), series(&[("__name__", "up")], &[(1, 1.0)])].concat();
        let (batch, report) = decode(&request).unwrap();
        assert_eq!((batch.len(), report.refused_samples), (1, 2));
        assert!(report.refused[0].starts_with(r#"series 0 {job="a"}: a series needs a metric name"#), "{:?}", report.refused);
    }

    #[test]
    fn series_that_differ_in_their_last_label_stay_apart_whatever_is_empty_before_it() {
        let names: Vec<String> = (0..1_000).map(|n| format!("a{n:04}")).collect();
        let full: Vec<String> = (0..MAX_LABELS - 2).map(|n| format!("b{n:02}")).collect();
        let of = |last: &str, more: &[(&str, &str)]| {
            let empty = names.iter().map(|name| (name.as_str(), ""));
            let full = full.iter().map(|name| (name.as_str(), "v"));
            let pairs: Vec<_> =
                [("__name__", "m")].into_iter().chain(empty).chain(full).chain([("zz", last)]).chain(more.iter().copied()).collect();
            series(&pairs, &[(1, 1.0)])
        };
        let (batch, report) = decode(&[of("one", &[]), of("two", &[])].concat()).unwrap();
        assert_eq!((batch.len(), report.refused_samples), (2, 0), "{report:?}");
        assert_ne!(batch.labels[0], batch.labels[1]);
        let (batch, report) = decode(&[of("one", &[("zzz", "a")]), of("one", &[("zzz", "b"), ("zzzz", "c")])].concat()).unwrap();
        assert_eq!((batch.len(), report.refused_samples), (0, 2));
        assert!(report.refused[0].contains("65 labels") && report.refused[1].contains("66 labels"), "{report:?}");
    }

    #[test]
    fn labels_that_are_none_are_refused_and_named_not_changed() {
        let long = "v".repeat(crate::model::MAX_LABEL_VALUE_BYTES + 1);
        for (pairs, part) in [
            (&[("__name__", "m"), ("a", "1"), ("a", "2")][..], "`a` is given twice"),
            (&[("__name__", "m"), ("a", "1"), ("a", "1")], "`a` is given twice"),
            (&[("a", "1"), ("__name__", "m"), ("a", "2")], "`a` is given twice"),
            (&[("__name__", "m"), ("", "x")], "is empty"),
            (&[("__name__", ""), ("a", "1")], "metric name"),
            (&[("__name__", "m"), ("a", long.as_str())], "16385 bytes"),
        ] {
            let request = [series(pairs, &[(1, 1.0)]), series(&[("__name__", "good")], &[(1, 1.0)])].concat();
            let (batch, report) = decode(&request).unwrap();
            assert_eq!((batch.len(), report.refused_samples), (1, 1), "{part}");
            assert!(report.refused[0].contains(part), "{part}: {:?}", report.refused);
        }
        for (pairs, shown) in [
            (&[("z", "1"), ("__name__", "m"), ("b", "2")][..], r#"m{b="2",z="1"}"#),
            (&[("__name__", "m"), ("a", ""), ("a", "2")], r#"m{a="2"}"#),
            (&[("__name__", "m"), ("", "")], "m"),
        ] {
            assert_eq!(decode(&series(pairs, &[(1, 1.0)])).unwrap().0.labels[0].to_string(), shown);
        }
        let name = [bytes_field(1, b"m"), bytes_field(2, b"\xff")].concat();
        let request = bytes_field(1, &[bytes_field(1, &name), bytes_field(2, &[16, 1])].concat());
        let (batch, report) = decode(&request).unwrap();
        assert!(batch.is_empty() && report.refused[0].contains("not UTF-8"), "{report:?}");
    }

    #[test]
    fn what_is_no_request_is_refused_with_its_place() {
        let sample = |content: &[u8]| bytes_field(1, &[bytes_field(1, &[]), bytes_field(2, content)].concat());
        let wrong = "another wire type";
        for (bytes, part) in [
            (&[0x0a, 0x05, 1][..], "it ends early at byte 2"),
            (&[0xff; 11][..], "more than 64 bits"),
            (&[0x0b][..], "unknown wire type"),
            (&[0x08, 1], wrong),
            (&bytes_field(1, &[0x08, 1]), wrong),
            (&bytes_field(1, &[0x10, 1]), wrong),
            (&bytes_field(1, &bytes_field(1, &[0x08, 1])), wrong),
            (&bytes_field(1, &bytes_field(1, &[0x10, 1])), wrong),
            (&sample(&[0x08, 1]), wrong),
            (&sample(&[0x0d, 0, 0, 0, 0]), wrong),
            (&sample(&[0x11, 0, 0, 0, 0, 0, 0, 0, 0]), wrong),
        ] {
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
