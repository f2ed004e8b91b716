use proptest::prelude::*;

use super::*;
use crate::model::{Batch, Labels};
use crate::wire::build::{bytes as bytes_field, varint};

/// Knows no series and keeps everything.
#[derive(Default)]
struct Kept {
    current: Option<Labels>,
    batch: Batch,
    exemplars: Vec<(String, Result<Exemplar, Fault>)>,
}

impl Sink for Kept {
    fn series(&mut self, pairs: &[(&[u8], &[u8])]) -> Result<(), LabelError> {
        self.current = Some(Labels::from_pairs(pairs)?);
        Ok(())
    }

    fn push(&mut self, t: TimestampMs, v: f64) {
        self.batch.push(self.current.clone().unwrap(), t, v);
    }

    fn exemplar(&mut self, pairs: &[(&[u8], &[u8])], exemplar: Result<Exemplar, Fault>) {
        let labels = Labels::from_pairs(pairs).map_or_else(|error| error.to_string(), |labels| labels.to_string());
        self.exemplars.push((labels, exemplar));
    }
}

fn decode(bytes: &[u8]) -> Result<(Batch, Report), DecodeError> {
    let mut kept = Kept::default();
    let report = super::decode(bytes, &mut kept)?;
    Ok((kept.batch, report))
}

pub(super) fn series(labels: &[(&str, &str)], samples: &[(i64, f64)]) -> Vec<u8> {
    let labels = labels.iter().map(|(n, v)| bytes_field(1, [bytes_field(1, n.as_bytes()), bytes_field(2, v.as_bytes())].concat()));
    let samples = samples.iter().map(|(t, v)| {
        let value = [varint(1 << 3 | 1), v.to_bits().to_le_bytes().to_vec()].concat();
        bytes_field(2, [value, varint(2 << 3), varint(*t as u64)].concat())
    });
    bytes_field(1, labels.chain(samples).collect::<Vec<_>>().concat())
}

/// Labels, time and value.
type Given<'a> = (&'a [(&'a str, &'a str)], i64, f64);

/// A series without samples, as Prometheus sends exemplars.
pub(super) fn exemplars(labels: &[(&str, &str)], exemplars: &[Given<'_>]) -> Vec<u8> {
    let pair = |(n, v): &(&str, &str)| bytes_field(1, [bytes_field(1, n.as_bytes()), bytes_field(2, v.as_bytes())].concat());
    let labels = labels.iter().map(pair);
    let exemplars = exemplars.iter().map(|(labels, t, v)| {
        let value = [varint(2 << 3 | 1), v.to_bits().to_le_bytes().to_vec()].concat();
        let labels: Vec<Vec<u8>> = labels.iter().map(pair).collect();
        bytes_field(3, [labels.concat(), value, varint(3 << 3), varint(*t as u64)].concat())
    });
    bytes_field(1, labels.chain(exemplars).collect::<Vec<_>>().concat())
}

#[test]
fn exemplars_come_with_their_series_and_a_bad_one_costs_nothing_else() {
    let up = [("__name__", "up"), ("job", "a")];
    let long = "x".repeat(200);
    let all = exemplars(
        &up,
        &[
            (&[("trace_id", "ab"), ("span_id", "cd"), ("e", "")], 5, 0.5),
            (&[("trace_id", &long)], 5, 0.5),
            (&[("a", "1"), ("a", "2")], 5, 0.5),
            (&[], 6, f64::NAN),
        ],
    );
    let of_nothing = exemplars(&[("job", "a")], &[(&[("trace_id", "ab")], 5, 0.5)]);
    let broken =
        bytes_field(1, [bytes_field(1, [bytes_field(1, b"__name__"), bytes_field(2, b"up")].concat()), bytes_field(3, [0x0a, 9])].concat());
    let mut kept = Kept::default();
    let report = super::decode(&[series(&up, &[(1, 1.5)]), all, of_nothing, broken].concat(), &mut kept).unwrap();
    assert_eq!((kept.batch.times.as_slice(), report.refused_samples), (&[1][..], 0));
    let name = r#"up{job="a"}"#.to_owned();
    let first = Exemplar::new([("trace_id", "ab"), ("span_id", "cd")], 5, 0.5);
    assert_eq!(
        kept.exemplars[..4],
        [(name.clone(), first), (name.clone(), Err(Fault::TooLong)), (name.clone(), Err(Fault::Malformed)), (name, Err(Fault::NotANumber)),]
    );
    assert!(kept.exemplars[4].1.is_ok());
    assert!(kept.exemplars[4].0.contains("needs a metric name"));
    assert_eq!(kept.exemplars[5], ("up".to_owned(), Err(Fault::Malformed)));
}

#[test]
fn a_request_gives_its_samples_bit_for_bit() {
    let stale = f64::from_bits(crate::model::STALE_NAN_BITS);
    let request = [series(&[("job", "a"), ("__name__", "up")], &[(1, 1.5), (-2, stale)]), bytes_field(3, bytes_field(2, b"up"))].concat();
    let (batch, _) = decode(&request).unwrap();
    assert_eq!(batch.labels[0].to_string(), r#"up{job="a"}"#);
    assert_eq!(batch.times, [1, -2]);
    assert_eq!(batch.values.iter().map(|v| v.to_bits()).collect::<Vec<_>>(), [1.5f64.to_bits(), stale.to_bits()]);
}

#[test]
fn metadata_of_metrics_is_decoded() {
    let metadata = |kind: u8, name: &[u8]| {
        bytes_field(3, [vec![8, kind], bytes_field(2, name), bytes_field(4, b"two\nlines"), bytes_field(5, b"seconds")].concat())
    };
    let request = [metadata(1, b"a"), metadata(5, b"my.metric"), metadata(99, b"c"), metadata(1, b"\xff"), metadata(1, b"")].concat();
    let (_, report) = decode(&request).unwrap();
    let seen: Vec<_> = report.metadata.iter().map(|d| (d.name.as_str(), d.kind, d.help.as_str(), d.unit.as_str())).collect();
    let of = |name, kind| (name, kind, "two\nlines", "seconds");
    assert_eq!(seen, [of("a", "counter"), of("my.metric", "summary"), of("c", "unknown")]);
}

#[test]
fn an_invalid_series_is_rejected_alone_and_reported() {
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
fn invalid_labels_are_rejected_and_reported_not_changed() {
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
    let request = bytes_field(1, [bytes_field(1, &name), bytes_field(2, [16, 1])].concat());
    let (batch, report) = decode(&request).unwrap();
    assert!(batch.is_empty() && report.refused[0].contains("not UTF-8"), "{report:?}");
}

#[test]
fn malformed_requests_are_refused_with_the_position() {
    let sample = |content: &[u8]| bytes_field(1, [bytes_field(1, b""), bytes_field(2, content)].concat());
    let wrong = "another wire type";
    for (bytes, part) in [
        (&[0x0a, 0x05, 1][..], "it ends early at byte 2"),
        (&[0xff; 11][..], "more than 64 bits"),
        (&[0x0b][..], "unknown wire type"),
        (&[0x08, 1], wrong),
        (&bytes_field(1, [0x08, 1]), wrong),
        (&bytes_field(1, [0x10, 1]), wrong),
        (&bytes_field(1, bytes_field(1, [0x08, 1])), wrong),
        (&bytes_field(1, bytes_field(1, [0x10, 1])), wrong),
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
