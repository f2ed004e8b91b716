//! The store of spans against a model: what was appended is read, once, whatever is sealed, merged, reopened or damaged.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::logs::store::{Kind as Part, LogOptions, LogStore};
use crate::store::identity::Identity;
use crate::store::problems::Problems;
use crate::traces::span::{Event, FullSpan, Kind, Link, Span, Spans, Status};

const MS: i64 = 1_000_000;
const DAY: i64 = 86_400_000;
const NOW: i64 = 1_795_500_000_000;

fn open_with(dir: &Path, options: LogOptions) -> (Arc<LogStore>, Arc<Problems>) {
    let problems = Arc::<Problems>::default();
    let store = LogStore::open(Part::Spans, dir, Identity([7; 16]), options, Arc::clone(&problems), NOW).unwrap();
    (Arc::new(store), problems)
}

fn open(dir: &Path) -> (Arc<LogStore>, Arc<Problems>) {
    open_with(dir, LogOptions::default())
}

fn reader(store: &Arc<LogStore>) -> TraceReader {
    TraceReader::new(Arc::clone(store))
}

fn trace_of(number: u8) -> [u8; 16] {
    let mut id = [0; 16];
    // Half of them as 64-bit ids come: zeros first.
    id[if number.is_multiple_of(2) { 0 } else { 8 }] = number + 1;
    id[15] |= 1;
    id
}

fn pairs(list: &[(&str, String)]) -> Vec<(String, String)> {
    list.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

/// A span of a few shapes, so that all kinds of neighbours occur.
fn made(serial: u64, trace: u8, day: i64, at: u8, shape: u8) -> Span {
    let start = (NOW + day * DAY) * MS + i64::from(at % 16) * 1_000;
    let mut span = Span { trace: trace_of(trace), span: (serial + 1).to_be_bytes(), start, ..Span::default() };
    span.name = ["GET /cart", "SELECT", "é世", ""][usize::from(shape % 4)].to_owned();
    span.kind = Kind::of(i32::from(shape % 7));
    span.end = start + [1_500_000, 0, -7, i64::from(at) * 1_000_000_007][usize::from(at % 4)];
    if serial > 2 && !shape.is_multiple_of(3) {
        span.parent = if shape.is_multiple_of(2) { (serial / 2 + 1).to_be_bytes() } else { [9; 8] };
    }
    if shape % 5 == 1 {
        (span.status, span.message) = (Status::Error, format!("failed {at}"));
        let attributes = pairs(&[("exception.stacktrace", "line\n".repeat(usize::from(at))), ("exception.type", "E".to_owned())]);
        span.events = vec![Event { time: start + 3, name: "exception".to_owned(), attributes }, Event::default()];
    }
    if shape % 5 == 2 {
        span.attributes =
            pairs(&[("http.route", "/cart".to_owned()), ("http.status_code", (200 + at % 3).to_string()), ("user", serial.to_string())]);
        span.dropped = u64::from(at);
    }
    if shape % 5 == 3 {
        span.links = vec![Link { trace: [at; 16], span: [shape; 8], attributes: pairs(&[("why", "retry".to_owned())]) }];
    }
    span
}

fn of(service: &str, spans: Vec<Span>) -> Spans {
    let resource = pairs(&[("host.name", "h".repeat(service.len())), ("service.name", service.to_owned())]);
    Spans { service: service.to_owned(), resource, scope: ("lib".to_owned(), service.to_owned()), spans }
}

fn full(spans: Spans) -> Vec<FullSpan> {
    spans.full().collect()
}

fn scan(store: &Arc<LogStore>, newest_first: bool, services: Option<&dyn Fn(&str) -> bool>) -> Vec<FullSpan> {
    let mut found = Vec::new();
    let visit = |span| {
        found.push(span);
        ControlFlow::Continue(())
    };
    reader(store).scan(i64::MIN..i64::MAX, services, newest_first, None, visit).unwrap();
    found
}

fn sorted(mut spans: Vec<FullSpan>) -> Vec<FullSpan> {
    spans.sort_by_key(|full| (full.span.start, full.span.span));
    spans
}

#[derive(Debug, Clone)]
enum Step {
    Append(Vec<(u8, u8, i64, u8, u8)>),
    Again,
    Seal,
    Compact,
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let row = (0u8..4, 0u8..12, -3i64..2, any::<u8>(), any::<u8>());
    prop_oneof![
        5 => prop::collection::vec(row, 1..40).prop_map(Step::Append),
        1 => Just(Step::Again),
        2 => Just(Step::Seal),
        1 => Just(Step::Compact),
        1 => Just(Step::Reopen),
    ]
}

fn hold(store: &Arc<LogStore>, model: &[FullSpan]) -> Result<(), TestCaseError> {
    let whole = sorted(model.to_vec());
    for newest_first in [false, true] {
        let found = scan(store, newest_first, None);
        let sign = if newest_first { -1 } else { 1 };
        prop_assert!(found.is_sorted_by_key(|full| sign * full.span.start));
        prop_assert_eq!(sorted(found), whole.clone());
    }
    let of_one = |service: &str| service == "s1";
    let wanted: Vec<FullSpan> = whole.iter().filter(|full| of_one(&full.service)).cloned().collect();
    prop_assert_eq!(sorted(scan(store, true, Some(&of_one))), wanted);
    for number in 0..13 {
        let id = trace_of(number);
        let wanted: Vec<FullSpan> = whole.iter().filter(|full| full.span.trace == id).cloned().collect();
        let found = reader(store).trace(id, None).unwrap();
        prop_assert!(found.spans.is_sorted_by_key(|full| full.span.start));
        prop_assert_eq!((sorted(found.spans), found.more), (wanted, false), "trace {}", number);
    }
    let range = (NOW - DAY) * MS..NOW * MS + 9_000;
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    whole.iter().filter(|full| range.contains(&full.span.start)).for_each(|full| *counts.entry(full.service.to_string()).or_default() += 1);
    prop_assert_eq!(reader(store).services(range).unwrap(), counts.into_iter().collect::<Vec<_>>());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn what_was_appended_is_read_once_whatever_happens_in_between(steps in prop::collection::vec(step(), 1..25)) {
        let dir = tempfile::tempdir().unwrap();
        let (mut store, mut problems) = open(dir.path());
        let (mut model, mut serial, mut last) = (Vec::new(), 0, Vec::new());
        for step in steps {
            match step {
                Step::Append(rows) => {
                    let mut request: BTreeMap<u8, Vec<Span>> = BTreeMap::new();
                    for (service, trace, day, at, shape) in rows {
                        request.entry(service).or_default().push(made(serial, trace, day, at, shape));
                        serial += 1;
                    }
                    last = request.into_iter().map(|(service, spans)| of(&format!("s{service}"), spans)).collect();
                    let (done, new) = store.append_spans(&last, NOW).unwrap();
                    prop_assert_eq!((done.duplicates, new.iter().all(|new| *new)), (0, true));
                    model.extend(last.iter().cloned().flat_map(full));
                    store.commit().unwrap();
                }
                Step::Again => {
                    let count = last.iter().map(|spans| spans.spans.len()).sum::<usize>();
                    let (done, new) = store.append_spans(&last, NOW).unwrap();
                    prop_assert_eq!((done.duplicates, new), (count as u64, vec![false; count]));
                }
                Step::Seal => _ = store.seal().unwrap(),
                Step::Compact => while store.compact(NOW + 9 * DAY, || ()).unwrap().is_some() {},
                Step::Reopen => {
                    // What was sealed before is not remembered by a new process.
                    last = Vec::new();
                    drop(store);
                    (store, problems) = open(dir.path());
                }
            }
            prop_assert_eq!(problems.list(), Vec::<String>::new());
            hold(&store, &model)?;
        }
    }

    #[test]
    fn a_table_finds_the_blocks_of_each_hash(
        hashes in prop::collection::vec(prop_oneof![any::<u32>(), 0u32..40, Just(u32::MAX)], 0..4_000), wanted in any::<u32>(),
    ) {
        let mut pairs: Vec<table::Pair> = hashes.iter().enumerate().map(|(at, hash)| (*hash, at as u32 % 700)).collect();
        let bytes = [b"before".as_slice(), &table::encode(&mut pairs)].concat();
        let file = crate::store::pread::Pread::of(temporary(&bytes)).unwrap();
        let place = table::Place { at: 6, entries: pairs.len() as u64 };
        let table = table::Table { source: &file, place };
        prop_assert_eq!(table.verify().unwrap(), pairs.len() as u64);
        for hash in hashes.iter().copied().step_by(37).chain([wanted, 0, 1, u32::MAX]) {
            let blocks: Vec<u32> = pairs.iter().filter(|(there, _)| *there == hash).map(|(_, block)| *block).collect();
            prop_assert_eq!(table.blocks(hash).unwrap(), blocks);
        }
    }
}

fn temporary(bytes: &[u8]) -> std::fs::File {
    let mut file = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut file, bytes).unwrap();
    file
}

#[test]
fn nothing_is_made_before_the_first_span() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    store.commit().unwrap();
    store.seal().unwrap();
    assert!(store.compact(NOW, || ()).unwrap().is_none() && store.is_unused());
    assert!(scan(&store, true, None).is_empty() && reader(&store).trace([1; 16], None).unwrap().spans.is_empty());
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn one_damaged_byte_costs_at_most_a_block_and_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    for service in ["a", "b"] {
        let spans = (0..300).map(|n| {
            let mut span = made(n, (n % 12) as u8, 0, n as u8, 2);
            span.attributes.push(("text".to_owned(), "long enough for a block of its own ".repeat(40)));
            span
        });
        store.append_spans(&[of(service, spans.collect())], NOW).unwrap();
    }
    store.seal().unwrap();
    drop(store);
    let day = crate::store::partition::Day::of(NOW).name();
    let path = dir.path().join("traces/days").join(day).join("1.blocks");
    let whole = std::fs::read(&path).unwrap();
    let id = trace_of(0);
    for at in (0..whole.len()).step_by(whole.len() / 300 + 1) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x20;
        std::fs::write(&path, &damaged).unwrap();
        let (store, problems) = open(dir.path());
        let (all, of_trace) = (scan(&store, true, None).len(), reader(&store).trace(id, None).unwrap().spans.len());
        assert!([(300, 25), (600, 50)].contains(&(all, of_trace)), "byte {at}: {all} spans, {of_trace} of the trace");
        store.verify().unwrap();
        assert!(!problems.list().is_empty(), "byte {at}");
    }
}

#[test]
fn a_trace_is_found_where_its_table_is_damaged() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    store.append_spans(&[of("a", (0..100).map(|n| made(n, (n % 12) as u8, 0, n as u8, 2)).collect())], NOW).unwrap();
    store.seal().unwrap();
    drop(store);
    let day = crate::store::partition::Day::of(NOW).name();
    let path = dir.path().join("traces/days").join(day).join("1.blocks");
    let mut bytes = std::fs::read(&path).unwrap();
    // Twelve traces, one block.
    let entries: Vec<[u8; 4]> = (0..12).map(|n| table::hash_of(&trace_of(n)).to_le_bytes()).collect();
    let at = bytes.windows(4).position(|part| entries.iter().any(|hash| hash == part)).unwrap();
    bytes[at] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let (store, problems) = open(dir.path());
    assert_eq!(reader(&store).trace(trace_of(3), None).unwrap().spans.len(), 9 - usize::from(99 % 12 < 3));
    assert!(problems.list()[0].contains("its table of traces"), "{:?}", problems.list());
}

#[test]
fn what_is_beyond_the_bounds_is_moved_or_refused_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open_with(dir.path(), LogOptions { max_streams: 3, ..LogOptions::default() });
    let request = [of("a", vec![made(1, 0, 0, 0, 0), made(2, 0, -16, 0, 0), made(3, 0, 15, 0, 0)])];
    let (done, new) = store.append_spans(&request, NOW).unwrap();
    assert_eq!((done.accepted, done.too_old, done.too_far_ahead, new), (1, 1, 1, vec![true, false, false]));
    let many: Vec<Spans> = (0..20).map(|n| of(&format!("b{n:02}"), vec![made(10 + n, 1, 0, 0, 0)])).collect();
    assert_eq!(store.append_spans(&many, NOW).unwrap().0.overflowed, 18);
    store.seal().unwrap();
    let found = scan(&store, false, Some(&|service| service >= "b10"));
    assert_eq!(found.len(), 10, "they keep the names of their services");
    assert_eq!(reader(&store).services(0..i64::MAX).unwrap().len(), 6, "as many again have a stream of their service");
}

#[test]
fn a_trace_of_many_spans_is_given_in_part() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    for from in [20_000, 0, 10_000] {
        let spans = (from..from + 10_000).map(|n| Span { start: NOW * MS + n as i64, ..made(n, 0, 0, 0, 1) });
        store.append_spans(&[of("a", spans.collect())], NOW).unwrap();
        store.seal().unwrap();
    }
    let found = reader(&store).trace(trace_of(0), None).unwrap();
    assert!(found.more);
    let starts: Vec<i64> = found.spans.iter().map(|full| full.span.start - NOW * MS).collect();
    assert_eq!(starts, (0..10_000).collect::<Vec<_>>());
}

#[test]
fn retention_removes_whole_days_and_bytes_the_oldest() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open_with(dir.path(), LogOptions { max_bytes: 1, ..LogOptions::default() });
    for day in 0..3u8 {
        let spans = vec![made(u64::from(day), day, -i64::from(day), 0, 0)];
        store.append_spans(&[of("a", spans)], NOW).unwrap();
    }
    store.seal().unwrap();
    let there = |store: &Arc<LogStore>| [0, 1, 2].map(|day| reader(store).trace(trace_of(day), None).unwrap().spans.len());
    assert_eq!((store.status().days.len(), there(&store)), (3, [1, 1, 1]));
    assert_eq!(store.remove_expired(NOW).unwrap().len(), 2, "the newest day stays");
    assert_eq!((there(&store), scan(&store, true, None).len()), ([1, 0, 0], 1));
    drop(store);
    let (store, problems) = open(dir.path());
    assert_eq!((there(&store), problems.list()), ([1, 0, 0], vec![]), "and after a restart");
    assert_eq!(store.remove_expired(NOW + 20 * DAY).unwrap().len(), 1);
    assert_eq!((there(&store), store.status().files), ([0, 0, 0], 0));
}
