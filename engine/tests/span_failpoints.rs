//! A fault at each step that keeps spans.

#![cfg(feature = "failpoints")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod faults;

use std::ops::ControlFlow;

use faults::{DAY, NOW, Part};
use taskpulse_engine::store::StoreWriter;
use taskpulse_engine::traces::{FullSpan, Span, Spans};

const TRACE: [u8; 16] = [8; 16];

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

/// The ids of all spans, of which the trace has a tenth.
fn all(store: &StoreWriter) -> Vec<[u8; 8]> {
    let mut found = Vec::new();
    let visit = |full: FullSpan| {
        found.push(full.span.span);
        ControlFlow::Continue(())
    };
    store.traces().scan(i64::MIN..i64::MAX, None, false, None, visit).unwrap();
    found.sort_unstable();
    assert_eq!(store.traces().trace(TRACE, None).unwrap().spans.len() * 10, found.len(), "the trace");
    found
}

#[test]
fn spans_are_kept_once_through_any_fault() {
    let part = Part {
        writer: StoreWriter::span_writer,
        keep: |writer, from| {
            writer.append(&spans(from), NOW)?;
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
