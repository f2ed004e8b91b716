//! What the store reads back.

use super::run;
use crate::codec::{self, Effort};
use crate::logs::store::fuzz as logs;
use crate::model::SeriesId;
use crate::store::fuzz as store;

fn columns() -> Vec<(Vec<i64>, Vec<f64>)> {
    let shape = |rows: i64, time: fn(i64) -> i64, value: fn(i64) -> f64| ((0..rows).map(time).collect(), (0..rows).map(value).collect());
    vec![
        shape(1, |_| 7, |_| 1.0),
        shape(40, |i| i * 10_000, |i| i as f64 / 10.0),
        shape(300, |i| i * 10_000 + i % 7, |i| (i * i) as f64),
        shape(300, |i| i * i, |i| (i as f64).sin()),
        shape(200, |i| i, |_| f64::NAN),
    ]
}

#[test]
#[ignore = "runs for FUZZ_SECONDS"]
fn records_of_exemplars() {
    run("exemplars", &[store::exemplars()], |bytes| _ = store::read_exemplars(bytes));
}

#[test]
#[ignore = "runs for FUZZ_SECONDS"]
fn encoded_columns() {
    let mut corpus = Vec::new();
    for (times, values) in columns() {
        for effort in [Effort::Quick, Effort::Thorough] {
            let (mut t, mut v) = (vec![times.len() as u8], vec![times.len() as u8]);
            codec::encode_times(&times, effort, &mut t).expect("encodes");
            codec::encode_values(&values, effort, &mut v).expect("encodes");
            corpus.extend([t, v]);
        }
    }
    run("columns", &corpus, |bytes| {
        let Some((&rows, rest)) = bytes.split_first() else { return };
        for rows in [usize::from(rows), 300, usize::from(rows) << 8] {
            if let Ok(times) = codec::decode_times(rest, rows, 5) {
                assert_eq!(times.len(), rows);
            }
            if let Ok(values) = codec::decode_values(rest, rows) {
                assert_eq!(values.len(), rows);
            }
        }
    });
}

#[test]
#[ignore = "runs for FUZZ_SECONDS"]
fn chunk_pages() {
    let of = |effort| store::page(effort, &columns().into_iter().zip(0..).map(|((t, v), id)| (SeriesId(id * 3), t, v)).collect::<Vec<_>>());
    let corpus = [of(Effort::Quick), of(Effort::Thorough)];
    // Correct the checksums, so that mutated content behind them is decoded.
    run("pages", &corpus, |bytes| {
        let _ = store::read_page(bytes);
        let mut bytes = bytes.to_vec();
        store::mend_directory(&mut bytes);
        let _ = store::read_page(&bytes);
    });
}

#[test]
#[ignore = "runs for FUZZ_SECONDS"]
fn files_of_days() {
    let folder = tempfile::tempdir().expect("a folder");
    run("files of days", &store::day_files(), |bytes| store::read_day_file(folder.path(), bytes));
}

#[test]
#[ignore = "runs for FUZZ_SECONDS"]
fn records_of_days() {
    run("records of days", &store::day_records(), store::read_day_record);
}

#[test]
#[ignore = "runs for FUZZ_SECONDS"]
fn journal_records() {
    let rows = |n: u32| (0..n).map(|i| (SeriesId(i % 7), i64::from(i) * 10, f64::from(i))).collect::<Vec<_>>();
    let corpus = [1, 7, 500].map(|n| store::journal_rows(&rows(n)));
    run("journal", &corpus, |bytes| {
        let _ = store::read_journal_rows(bytes);
    });
}

#[test]
#[ignore = "runs for FUZZ_SECONDS"]
fn records_of_logs() {
    run("logs", &store::logs(), store::read_logs);
}

#[test]
#[ignore = "runs for FUZZ_SECONDS"]
fn journal_records_of_log_lines() {
    run("journal records of log lines", &logs::records(), logs::record);
}

#[test]
#[ignore = "runs for FUZZ_SECONDS"]
fn blocks_of_log_lines() {
    run("blocks of log lines", &logs::columns(), logs::column);
}
