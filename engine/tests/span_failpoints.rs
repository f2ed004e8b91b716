//! A fault at each step that keeps spans: what was acknowledged is there once, right after and after a restart, and in a snapshot.

#![cfg(feature = "failpoints")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::ops::ControlFlow;
use std::path::Path;

use taskpulse_engine::store::{SpanWriter, StoreError, StoreOptions, StoreWriter};
use taskpulse_engine::traces::{Span, Spans};

const NOW: i64 = 1_795_485_600_000; // 2026-11-24T02:00:00Z
const DAY: i64 = 86_400_000;
const TRACE: [u8; 16] = [8; 16];

fn open(dir: &Path) -> StoreWriter {
    StoreWriter::open(dir, StoreOptions::default(), NOW).unwrap()
}

/// Spans of three services on two days; every tenth is of one trace.
fn spans(from: i64) -> Vec<Spans> {
    let span = |n: i64| Span {
        trace: if n % 10 == 0 { TRACE } else { [n as u8 | 1; 16] },
        span: (n + 1).to_be_bytes(),
        start: (NOW - n % 2 * DAY) * 1_000_000 + n,
        name: "work ".repeat(40),
        ..Span::default()
    };
    let of = |service: &str, first: i64| Spans {
        service: service.to_owned(),
        spans: (first..first + 20).map(span).collect(),
        ..Spans::default()
    };
    vec![of("a", from), of("b", from + 100), of("c", from + 200)]
}

/// Keeps spans, and again until they are durable, as a client does.
fn keep(writer: &SpanWriter, from: i64) -> Result<(), StoreError> {
    writer.append(&spans(from), NOW)?;
    writer.commit()
}

/// The ids of all spans by their start, and how many the trace has.
fn all(store: &StoreWriter) -> (Vec<[u8; 8]>, usize) {
    let mut found = Vec::new();
    let visit = |full: taskpulse_engine::traces::FullSpan| {
        found.push(full.span.span);
        ControlFlow::Continue(())
    };
    store.traces().scan(i64::MIN..i64::MAX, None, false, None, visit).unwrap();
    found.sort_unstable();
    (found, store.traces().trace(TRACE, None).unwrap().spans.len())
}

type Step = fn(&SpanWriter) -> Result<(), StoreError>;

/// Fails `step` once at `point`, then continues in the same process or in a new one. The step's own spans are there once at the end.
fn survives(point: &str, step: Step, own: usize) {
    for restart in [true, false] {
        let dir = tempfile::tempdir().unwrap();
        let mut store = open(dir.path());
        for round in 0..3 {
            keep(&store.span_writer(), round * 1_000).unwrap();
            store.span_writer().seal().unwrap();
        }
        keep(&store.span_writer(), 5_000).unwrap();
        let before = all(&store);
        assert_eq!((before.0.len(), before.1), (240, 24));
        fail::cfg(point, "1*return").unwrap();
        let failed = step(&store.span_writer());
        fail::remove(point);
        assert!(failed.is_err(), "{point}: the fault was not met");
        let there = |(now, of_trace): (Vec<[u8; 8]>, usize), what: &str| {
            assert!(before.0.iter().all(|span| now.binary_search(span).is_ok()), "{point}: {what}: spans are gone");
            assert!(now.windows(2).all(|pair| pair[0] != pair[1]), "{point}: {what}: spans are there twice");
            assert_eq!(of_trace * 10, now.len(), "{point}: {what}: the trace");
        };
        there(all(&store), "right after");
        if restart {
            drop(store);
            store = open(dir.path());
            there(all(&store), "after a start");
        }
        step(&store.span_writer()).unwrap();
        keep(&store.span_writer(), 6_000).unwrap();
        let whole = |store: &StoreWriter| {
            let (spans, of_trace) = all(store);
            (spans.len(), of_trace * 10)
        };
        assert_eq!(whole(&store), (300 + own, 300 + own), "{point}: the step again");
        store.span_writer().seal().unwrap();
        let copy = dir.path().join("copy");
        store.snapshot(&copy).unwrap();
        drop(store);
        for dir in [dir.path(), &copy] {
            let store = open(dir);
            assert_eq!(whole(&store), (300 + own, 300 + own), "{point}: after a start, in {}", dir.display());
            store.read_all_days().unwrap();
            assert_eq!(store.problems(), Vec::<String>::new(), "{point}");
        }
    }
}

#[test]
fn spans_are_kept_once_through_any_fault() {
    let _scenario = fail::FailScenario::setup();
    let seal: Step = |writer| writer.seal().map(drop);
    for point in ["logs::seal::block", "logs::seal::sync", "logs::seal::rename", "logs::seal::trim"] {
        survives(point, seal, 0);
    }
    let compact: Step = |writer| {
        while writer.compact(NOW + 9 * DAY)?.is_some() {}
        Ok(())
    };
    for point in ["logs::seal::block", "logs::seal::sync", "logs::seal::rename"] {
        survives(point, compact, 0);
    }
    survives("logs::compact::remove", compact, 0);
    let append: Step = |writer| keep(writer, 8_000);
    for point in ["store::journal::write", "store::journal::sync"] {
        survives(point, append, 60);
    }
}
