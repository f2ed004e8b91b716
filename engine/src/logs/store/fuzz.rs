//! What mutation fuzzing decodes: records of the journal, directories, columns of a block.

#![allow(clippy::unwrap_used, reason = "tests")]

use super::block::{Builder, Column, Entry, Wanted, decode};
use super::directory::Directory;
use super::filter::{Filter, Pieces};
use super::journal::{self, Piece};
use super::kind::Kind;
use super::rows::{Rows, push_details, read_details};
use crate::codec::CodecError;
use crate::logs::record::{Record, Severity};
use crate::model::Labels;
use crate::store::identity::Identity;
use crate::store::partition::Day;

fn rows(count: i64, body: &str) -> Rows {
    let (mut rows, mut details) = (Rows::default(), Vec::new());
    for n in 0..count {
        let mut record = Record { time: n * n * 1_000, severity: Severity((n % 25) as u8), ..Record::default() };
        record.body = format!("{body} {n}").into_bytes();
        if n % 3 > 0 {
            record.attributes = vec![("code".to_owned(), (n % 7).to_string()), ("user".to_owned(), format!("u{n}"))];
            record.trace = [n as u8; 16];
        }
        details.clear();
        push_details(&mut details, &record);
        rows.push(super::rows::Row { time: record.time, severity: record.severity, body: &record.body, details: &details, shared: &[] });
    }
    rows
}

/// Journal records.
pub(crate) fn records() -> Vec<Vec<u8>> {
    let piece = |service: &str, rows| Piece { labels: Labels::of(vec![("service", service)]), day: Day(20_000), rows };
    vec![
        journal::encode(Kind::Lines, &[piece("a", rows(1, "x"))]),
        journal::encode(Kind::Lines, &[piece("a", rows(40, "a request")), piece("b", rows(3, "two\nlines"))]),
    ]
}

pub(crate) fn record(bytes: &[u8]) {
    let _ = journal::decode(Kind::Lines, bytes, |piece| {
        let again = journal::encode(Kind::Lines, &[piece]);
        assert!(journal::decode(Kind::Lines, &again, |_| ()).is_ok());
    });
}

fn block(body: &str) -> (Entry, Vec<u8>) {
    let mut builder = Builder::new(Kind::Lines).unwrap();
    let rows = rows(150, body);
    rows.iter().for_each(|row| builder.push(u32::from(row.time > 5_000_000), row));
    let mut bytes = Vec::new();
    let entry = builder.finish(0, &mut bytes).unwrap();
    (entry, bytes)
}

/// A column with its number before it.
pub(crate) fn columns() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for body in ["a request", "two\nlines"] {
        let (entry, bytes) = block(body);
        for column in Column::ALL {
            let (at, place) = entry.place(column);
            let bytes = &bytes[at as usize..][..place.bytes as usize];
            all.push([&[column as u8, u8::from(body.contains('\n'))][..], bytes].concat());
        }
        let directory = Directory { streams: vec![Labels::of(vec![("a", "b")]); 2], segments: vec![1], blocks: vec![entry], ..directory() };
        all.push([&[255, 0], directory.encode().unwrap().as_slice()].concat());
    }
    all
}

fn directory() -> Directory {
    Directory::of(Identity([1; 16]), Day(20_000), 7)
}

/// Decodes a block of which one column is something else, or a directory.
pub(crate) fn column(bytes: &[u8]) {
    let [which, feeds, changed @ ..] = bytes else { return };
    if *which == 255 {
        if let Ok(directory) = Directory::decode(changed) {
            assert!(directory.segments().map(<[Entry]>::len).sum::<usize>() == directory.blocks.len());
        }
        return;
    }
    let (entry, whole) = block(if feeds % 2 == 1 { "two\nlines" } else { "a request" });
    let read = |column: Column| -> Result<Vec<u8>, CodecError> {
        let (at, place) = entry.place(column);
        let own = &whole[at as usize..][..place.bytes as usize];
        Ok(if column as u8 == which % 6 { changed } else { own }.to_vec())
    };
    if let Ok(rows) = decode(Kind::Lines, &entry, Wanted::ALL, read) {
        assert_eq!(rows.iter().count(), entry.rows());
        rows.iter().for_each(|row| _ = (row.body.len(), read_details(row.details)));
    }
    if let Ok(filter) = Filter::decode(changed) {
        filter.may_hold(&Pieces::of(b"a needle of any length"));
    }
}
