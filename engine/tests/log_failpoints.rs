//! A fault at each step that keeps log lines.

#![cfg(feature = "failpoints")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod faults;

use std::ops::ControlFlow;

use faults::{DAY, NOW, Part};
use taskpulse_engine::logs::{Direction, Filter, Lines, Order, Record, Source, StreamLines};
use taskpulse_engine::model::Labels;
use taskpulse_engine::store::StoreWriter;

/// Lines of three streams on two days.
fn lines(from: i64) -> Lines {
    let record = |n: i64| Record {
        time: (NOW - n % 2 * DAY) * 1_000_000 + n,
        body: format!("line {n} {}", "x".repeat(200)).into_bytes(),
        ..Record::default()
    };
    let stream = |name: &str, first: i64| StreamLines {
        labels: Labels::of(vec![("service_name", name)]),
        records: (first..first + 20).map(record).collect(),
    };
    vec![stream("a", from), stream("b", from + 100), stream("c", from + 200)]
}

fn all(store: &StoreWriter) -> Vec<(i64, Vec<u8>)> {
    let (order, needles, trace) = (Order::ByTime(Direction::Forward), Vec::new(), None);
    let filter = Filter { matchers: Vec::new(), start: i64::MIN, end: i64::MAX, order, needles, trace, bodies: true, attributes: true };
    let mut found = Vec::new();
    let mut each = |entry: &taskpulse_engine::logs::Entry<'_>| {
        found.push((entry.time, entry.body.to_vec()));
        ControlFlow::Continue(())
    };
    store.logs().read(&filter, &mut each).unwrap();
    found.sort();
    found
}

#[test]
fn lines_are_kept_once_through_any_fault() {
    let part = Part {
        writer: StoreWriter::log_writer,
        keep: |writer, from| {
            writer.append(lines(from), NOW)?;
            writer.commit()
        },
        seal: |writer| writer.seal().map(drop),
        compact: |writer| {
            while writer.compact(NOW + 9 * DAY)?.is_some() {}
            Ok(())
        },
        all,
    };
    part.is_kept_once_through_any_fault();
}
