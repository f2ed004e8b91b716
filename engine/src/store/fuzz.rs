//! What the fuzzer reaches.

use super::journal::Rows;
pub(crate) use super::page::{mend_directory, read_all as read_page};
use crate::codec::{CodecError, Effort};
use crate::model::SeriesId;

pub(crate) fn page(effort: Effort, series: &[(SeriesId, Vec<i64>, Vec<f64>)]) -> Vec<u8> {
    let mut builder = super::page::PageBuilder::new(effort);
    series.iter().for_each(|(id, times, values)| builder.samples(*id, times, values).expect("rows"));
    builder.finish()
}

pub(crate) fn journal_rows(of: &[(SeriesId, i64, f64)]) -> Vec<u8> {
    let mut rows = Rows::default();
    of.iter().for_each(|&(id, t, v)| rows.push(id, t, v));
    rows.encode().into_bytes()
}

/// Files of a day: one of seals, one of the compactor.
pub(crate) fn day_files() -> [Vec<u8>; 2] {
    [super::pages_file::example(), super::chunk_file::example()]
}

/// Opens bytes as a file of a day of either kind and reads all that is in it.
pub(crate) fn read_day_file(folder: &std::path::Path, bytes: &[u8]) {
    std::fs::write(folder.join("1"), bytes).expect("writes");
    super::pages_file::read_anything(&folder.join("1"));
    super::chunk_file::read_anything(&folder.join("1"));
}

/// What stands in the records of files of a day and in a manifest, each after a byte that says which.
pub(crate) fn day_records() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for file in day_files() {
        for found in super::frame::scan(&file) {
            if let super::frame::Found::Frame { header, payload, .. } = found {
                all.push([&[header.kind], payload].concat());
            }
        }
    }
    all
}

/// Reads bytes as the record that their first byte says.
pub(crate) fn read_day_record(bytes: &[u8]) {
    use super::day_file;
    let Some((kind, payload)) = bytes.split_first() else { return };
    match *kind {
        day_file::HEADER => drop(day_file::FileHeader::of_payload(payload)),
        day_file::LABELS => drop(day_file::read_labels(payload)),
        day_file::PAGE => drop(read_page(payload)),
        day_file::SEAL => super::pages_file::read_end(payload),
        _ => super::chunk_file::read_index(payload),
    }
}

/// A record of exemplars.
pub(crate) fn exemplars() -> Vec<u8> {
    let labels = [("trace_id", "0af7651916cd43dd8448eb211c80319c"), ("path", "/a")];
    let exemplar = crate::exemplar::Exemplar::new(labels, 1_795_478_400_000, 0.25).expect("an exemplar");
    super::exemplars::encode_record(&[(SeriesId(300), exemplar.clone()), (SeriesId(7), exemplar)])
}

pub(crate) fn read_exemplars(bytes: &[u8]) -> Result<(), CodecError> {
    super::exemplars::decode_record(bytes, |_, exemplar| drop(exemplar.labels()))
}

pub(crate) fn logs() -> Vec<Vec<u8>> {
    let labels = |n: u32| crate::model::Labels::metric("m", &[("n", &n.to_string())]);
    let series: Vec<_> = (0..40).map(|n| (SeriesId(n * n), labels(n))).collect();
    let change = |key: &[u8], value: Option<&[u8]>| super::index::Change { key: key.to_vec(), value: value.map(<[u8]>::to_vec) };
    let changes = [change(b"e12345678", Some(b"{}")), change(b"dalerts\0a", None), change(b"dx\0y", Some(&[7; 200]))];
    let mut all = super::series_log::encode_runs(&series).expect("encodes");
    all.push(super::catalog::encode(&changes));
    let mut frames = Vec::new();
    all.iter().zip(0..).for_each(|(payload, number)| assert!(super::frame::push(&mut frames, 1, number, payload)));
    all.push(frames);
    all.push(super::mark::slots([1, 2, 3], [4, 5, 6]));
    all.push(super::identity::text(super::FORMAT, super::identity::Identity([7; 16])).into_bytes());
    all
}

/// Everything that reads records of logs.
pub(crate) fn read_logs(bytes: &[u8]) {
    let mut payloads = vec![bytes];
    let mut end = 0;
    for found in super::frame::scan(bytes) {
        match found {
            super::frame::Found::Frame { at, header, payload } => {
                assert_eq!(at, end);
                end += header.frame_len();
                payloads.push(payload);
            }
            super::frame::Found::Damage { from, to, .. } => {
                assert!(from == end && to > from);
                end = to;
            }
        }
    }
    assert_eq!(end, bytes.len());
    for payload in payloads {
        let mut before = None;
        let read = super::series_log::decode_run(payload, |id, labels| {
            assert!(before.replace(id) < Some(id));
            assert_eq!(crate::model::Labels::from_bytes(labels.as_bytes()).as_ref(), Ok(&labels));
        });
        let _ = (read, super::mark::read_slots(payload), super::identity::read(payload));
        if let Ok(changes) = super::catalog::decode(payload) {
            assert_eq!(super::catalog::decode(&super::catalog::encode(&changes)), Ok(changes));
        }
    }
}

pub(crate) fn read_journal_rows(bytes: &[u8]) -> Result<usize, CodecError> {
    Rows::decode(bytes).map(|rows| rows.len())
}
