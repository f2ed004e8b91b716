//! The store of lines against a model: what was appended is read, in order, once, whatever is sealed, merged, reopened or damaged.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use proptest::prelude::*;

use super::state::LogStore;
use super::*;
use crate::logs::record::{
    Direction, Entry, Filter, Lines, MAX_ATTRIBUTES, MAX_BODY, MAX_VALUE, Order, Parts, Record, Severity, Source, StreamLines,
};
use crate::model::{Labels, MatchOp, Matcher};
use crate::store::identity::Identity;
use crate::store::problems::Problems;

const MS: i64 = 1_000_000;
const DAY: i64 = 86_400_000;
const NOW: i64 = 1_795_500_000_000;
const ME: Identity = Identity([7; 16]);

fn open_with(dir: &Path, options: LogOptions) -> (Arc<LogStore>, Arc<Problems>) {
    let problems = Arc::<Problems>::default();
    let store = LogStore::open(Kind::Lines, dir, ME, options, Arc::clone(&problems), NOW).unwrap();
    (Arc::new(store), problems)
}

fn open(dir: &Path) -> (Arc<LogStore>, Arc<Problems>) {
    open_with(dir, LogOptions::default())
}

/// A line as a test compares it: stream, time, severity, body, attributes, trace.
type Line = (String, i64, u8, Vec<u8>, Vec<(String, String)>, [u8; 16]);

fn line(entry: &Entry<'_>) -> Line {
    let attributes = entry.attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    (entry.labels.get("service").unwrap().to_owned(), entry.time, entry.severity.0, entry.body.to_vec(), attributes, entry.trace)
}

fn everything(order: Order) -> Filter {
    Filter { matchers: Vec::new(), start: i64::MIN, end: i64::MAX, order, needles: Vec::new(), trace: None, bodies: true, attributes: true }
}

fn read(store: &Arc<LogStore>, filter: &Filter) -> Vec<Line> {
    let mut lines = Vec::new();
    let each = &mut |entry: &Entry<'_>| {
        lines.push(line(entry));
        ControlFlow::Continue(())
    };
    LogReader::new(Arc::clone(store)).read(filter, each).unwrap();
    lines
}

fn record(time: i64, body: &str) -> Record {
    Record { time, severity: Severity(9), body: body.as_bytes().to_vec(), ..Record::default() }
}

fn of(service: &str, records: Vec<Record>) -> StreamLines {
    StreamLines { labels: Labels::of(vec![("service", service)]), records }
}

fn lines(service: &str, count: i64) -> Lines {
    vec![of(service, (0..count).map(|n| record(NOW * MS + n, &format!("line {n} of {service}"))).collect())]
}

#[derive(Debug, Clone)]
enum Step {
    Append(Vec<(u8, i64, u8, u8, bool)>),
    Seal,
    Compact,
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let row = (0u8..4, -3i64..2, any::<u8>(), any::<u8>(), any::<bool>());
    prop_oneof![
        5 => prop::collection::vec(row, 1..30).prop_map(Step::Append),
        2 => Just(Step::Seal),
        1 => Just(Step::Compact),
        1 => Just(Step::Reopen),
    ]
}

const WORDS: [&str; 4] = ["connection refused by 10.0.0.1", "GET /index.html 200", "two\nlines", ""];

/// A line of a property test: few streams, days, times and bodies, so that all kinds of neighbours occur.
fn made(serial: usize, (stream, day, time, word, traced): (u8, i64, u8, u8, bool)) -> (String, Record) {
    let body = format!("{} {serial}", WORDS[usize::from(word) % WORDS.len()]);
    let mut record = record((NOW + day * DAY) * MS + i64::from(time % 16) * 1_000, &body);
    record.severity = Severity(word % 25);
    if traced {
        record.trace = [word | 1; 16];
        record.attributes = vec![("code".to_owned(), word.to_string()), ("user".to_owned(), format!("u{}", word % 3))];
    }
    (format!("s{stream}"), record)
}

fn model_of(service: &str, record: &Record) -> Line {
    (service.to_owned(), record.time, record.severity.0, record.body.clone(), record.attributes.clone(), record.trace)
}

fn hold(store: &Arc<LogStore>, model: &[Line]) -> Result<(), TestCaseError> {
    let mut sorted = model.to_vec();
    sorted.sort();
    for order in [Order::Any, Order::ByTime(Direction::Forward), Order::ByTime(Direction::Backward)] {
        let mut found = read(store, &everything(order));
        match order {
            Order::ByTime(Direction::Forward) => prop_assert!(found.is_sorted_by_key(|line| line.1)),
            Order::ByTime(Direction::Backward) => prop_assert!(found.is_sorted_by_key(|line| -line.1)),
            Order::Any => {}
        }
        found.sort();
        prop_assert_eq!(&found, &sorted, "{:?}", order);
    }
    for needle in ["connection refused", "index.html 200 1", "lines"] {
        let matchers = vec![Matcher::equal("service", "s1")];
        let (start, end) = ((NOW - DAY) * MS, NOW * MS + 9_000);
        let filter = Filter { matchers, start, end, needles: vec![needle.as_bytes().to_vec()], ..everything(Order::Any) };
        let wanted =
            |line: &&Line| line.0 == "s1" && (start..end).contains(&line.1) && memchr::memmem::find(&line.3, needle.as_bytes()).is_some();
        let mut found = read(store, &filter);
        found.sort();
        prop_assert_eq!(found, sorted.iter().filter(wanted).cloned().collect::<Vec<_>>(), "{}", needle);
    }
    for trace in [[1; 16], [7; 16]] {
        let found = read(store, &Filter { trace: Some(crate::model::hex(&trace)), ..everything(Order::Any) });
        let of_trace = |lines: &[Line]| lines.iter().filter(|line| line.5 == trace).count();
        prop_assert_eq!(of_trace(&found), of_trace(model), "lines of a trace");
    }
    // Parts of a few lines, of a day, and of everything; within bounds that cut runs.
    for (width, levels) in [(2_000, true), (3_000, false), (DAY * MS, false), (i64::MAX, true)] {
        let of = |time: i64| u64::try_from(time / width).ok();
        let (start, end) = ((NOW - 2 * DAY) * MS + 4_000, NOW * MS + 9_000);
        let mut wanted = BTreeMap::new();
        for line in model.iter().filter(|line| line.0 != "s2" && (start..end).contains(&line.1)) {
            let severity = if levels { line.2 } else { 0 };
            *wanted.entry((line.0.clone(), severity, of(line.1).unwrap())).or_insert(0) += 1;
        }
        let matchers = vec![Matcher { name: "service".to_owned(), op: MatchOp::NotEqual("s2".to_owned()) }];
        let filter = Filter { matchers, start, end, bodies: false, attributes: false, ..everything(Order::Any) };
        let mut found = BTreeMap::new();
        let reader = LogReader::new(Arc::clone(store));
        let counted = reader.tally(&filter, Parts { of: &of, levels }, &mut |tally| {
            let service = tally.labels.get("service").unwrap().to_owned();
            *found.entry((service, tally.severity.0, tally.part)).or_insert(0) += tally.lines;
            ControlFlow::Continue(())
        });
        counted.unwrap();
        prop_assert_eq!(found, wanted, "parts of {}", width);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn what_was_appended_is_read_once_whatever_happens_in_between(steps in prop::collection::vec(step(), 1..25)) {
        let dir = tempfile::tempdir().unwrap();
        let (mut store, mut problems) = open(dir.path());
        let (mut model, mut serial) = (Vec::new(), 0);
        for step in steps {
            match step {
                Step::Append(rows) => {
                    let mut request: BTreeMap<String, Vec<Record>> = BTreeMap::new();
                    for row in rows {
                        let (service, record) = made(serial, row);
                        serial += 1;
                        model.push(model_of(&service, &record));
                        request.entry(service).or_default().push(record);
                    }
                    let request = request.iter().map(|(service, records)| of(service, records.clone())).collect();
                    store.append(request, NOW).unwrap();
                    store.commit().unwrap();
                }
                Step::Seal => _ = store.seal().unwrap(),
                Step::Compact => while store.compact(NOW + 9 * DAY, || ()).unwrap().is_some() {},
                Step::Reopen => {
                    drop(store);
                    (store, problems) = open(dir.path());
                }
            }
            prop_assert_eq!(problems.list(), Vec::<String>::new());
            hold(&store, &model)?;
        }
    }
}

#[test]
fn nothing_is_made_before_the_first_line() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    store.commit().unwrap();
    store.seal().unwrap();
    assert!(store.compact(NOW, || ()).unwrap().is_none() && store.is_unused());
    assert!(read(&store, &everything(Order::Any)).is_empty());
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn a_request_that_is_sent_again_is_kept_once() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    for (round, duplicates) in [(1, 0), (2, 300), (3, 300)] {
        let (done, new) = store.append(lines("a", 300), NOW).unwrap();
        assert_eq!((done.accepted, done.duplicates), (300, duplicates), "round {round}");
        assert_eq!(new, vec![duplicates == 0; 300], "round {round}");
    }
    store.commit().unwrap();
    drop(store);
    let (store, _) = open(dir.path());
    assert_eq!(read(&store, &everything(Order::Any)).len(), 300, "a start counts the same");
}

#[test]
fn what_is_beyond_the_bounds_is_cut_moved_or_refused_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open_with(dir.path(), LogOptions { max_streams: 3, ..LogOptions::default() });
    let mut long = record(NOW * MS, &"x".repeat(MAX_BODY + 1));
    long.attributes = (0..MAX_ATTRIBUTES + 5).map(|n| (format!("a{n:04}"), "é".repeat(MAX_VALUE))).collect();
    let old = record((NOW - 16 * DAY) * MS, "old");
    let ahead = record((NOW + 15 * DAY) * MS, "ahead");
    let (done, new) = store.append(vec![of("a", vec![old, long, ahead])], NOW).unwrap();
    assert_eq!(new, [false, true, false]);
    assert_eq!((done.accepted, done.cut, done.too_old, done.too_far_ahead), (1, 1, 1, 1));
    let found = read(&store, &everything(Order::Any));
    assert_eq!((found[0].3.len(), found[0].4.len(), found[0].4[0].1.len()), (MAX_BODY, MAX_ATTRIBUTES, MAX_VALUE));
    let many = (0..10).map(|n| StreamLines {
        labels: Labels::of(vec![("service", "b"), ("pod", &format!("p{n}"))]),
        records: vec![record(NOW * MS + n, "hello")],
    });
    let (done, _) = store.append(many.collect(), NOW).unwrap();
    assert_eq!((done.accepted, done.overflowed), (10, 8));
    let overflow = Filter { matchers: vec![Matcher::equal(OVERFLOW, "streams")], ..everything(Order::ByTime(Direction::Forward)) };
    let found = read(&store, &overflow);
    assert_eq!((found.len(), found[0].4.clone()), (8, vec![("pod".to_owned(), "p2".to_owned()), ("service".to_owned(), "b".to_owned())]));
}

#[test]
fn one_damaged_byte_costs_at_most_a_block_and_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    for service in ["a", "b"] {
        let text = "a body that is long enough for a block of its own ".repeat(40);
        let records = (0..200).map(|n| record(NOW * MS + n, &format!("{n} {text}"))).collect();
        store.append(vec![of(service, records)], NOW).unwrap();
    }
    store.seal().unwrap();
    drop(store);
    let day = crate::store::partition::Day::of(NOW).name();
    let path = dir.path().join("logs/days").join(day).join("1.blocks");
    let whole = std::fs::read(&path).unwrap();
    for at in (0..whole.len()).step_by(whole.len() / 300 + 1) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x20;
        std::fs::write(&path, &damaged).unwrap();
        let (store, problems) = open(dir.path());
        let found = read(&store, &everything(Order::Any));
        assert!([200, 400].contains(&found.len()), "byte {at}: {} lines", found.len());
        store.verify().unwrap();
        assert!(!problems.list().is_empty(), "byte {at}");
    }
    // A start reads each file once, in its own time, whether anybody asks for it or not.
    let mut damaged = whole;
    damaged[1_000] ^= 0x20;
    std::fs::write(&path, &damaged).unwrap();
    let (store, problems) = open(dir.path());
    store.append(lines("c", 5), NOW).unwrap();
    store.seal().unwrap();
    assert!(problems.list().is_empty());
    let mut parts = 0;
    while store.verify_next(|| false).unwrap() {
        parts += 1;
    }
    assert_eq!((parts, problems.list().len()), (2, 1), "a block at a time; what is new was just written: {:?}", problems.list());
}

#[test]
fn the_lines_of_a_trace_are_found_in_few_blocks() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let id = |n: i64| u128::from(n.cast_unsigned()).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835).to_be_bytes();
    let text = "a body that is long enough for many blocks ".repeat(20);
    let made = |n: i64| Record { trace: id(n / 2 + 1), ..record(NOW * MS + n, &format!("{n} {text}")) };
    for part in 0..20 {
        store.append(vec![of("a", (part * 1_200..(part + 1) * 1_200).map(made).collect())], NOW).unwrap();
    }
    // Senders that do not know traces have them as attributes, or as a label of the stream.
    let named = |name: &str| Record { attributes: vec![(name.to_owned(), "named".to_owned())], ..record(NOW * MS, "x") };
    store.append(vec![of("b", vec![named("trace_id"), named("trace.id"), named("other")])], NOW).unwrap();
    let labelled = Labels::of(vec![("service", "c"), ("trace_id", "labelled")]);
    store.append(vec![StreamLines { labels: labelled, records: vec![record(NOW * MS, "y")] }], NOW).unwrap();
    store.seal().unwrap();
    let blocks = store.status().blocks;
    assert!(blocks > 15, "{blocks}");
    let reader = LogReader::new(Arc::clone(&store));
    let ask = |trace: &str| {
        let before = store.counters.read_blocks.load(Ordering::Relaxed);
        let filter = Filter { trace: Some(trace.to_owned()), ..everything(Order::Any) };
        let is_of = |entry: &Entry<'_>| {
            entry.labels.get("trace_id").unwrap_or_default() == trace
                || crate::model::hex(&entry.trace) == trace
                || entry.attributes.iter().any(|(name, value)| ["trace_id", "trace.id"].contains(name) && *value == trace)
        };
        let mut found = 0;
        let count = |entry: &Entry<'_>| {
            found += usize::from(is_of(entry));
            ControlFlow::Continue(())
        };
        reader.read(&filter, &mut { count }).unwrap();
        (found, store.counters.read_blocks.load(Ordering::Relaxed) - before)
    };
    let mut read = 0;
    for n in (1..12_000).step_by(1_000) {
        let (found, blocks) = ask(&crate::model::hex(&id(n)));
        assert_eq!(found, 2, "trace {n}");
        read += blocks;
    }
    // One of each, and one in sixteen in vain, about; the small one has a stream with such a label.
    assert!(read < 12 * 5, "{read} blocks of {blocks} for 12 traces");
    assert_eq!([ask("named").0, ask("labelled").0, ask(&"f".repeat(32)).0], [2, 1, 0]);
}

#[test]
fn retention_removes_whole_days_and_bytes_the_oldest() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open_with(dir.path(), LogOptions { max_bytes: 1, ..LogOptions::default() });
    for day in 0..3 {
        store.append(vec![of("a", vec![record((NOW - day * DAY) * MS, "x")])], NOW).unwrap();
    }
    store.seal().unwrap();
    assert_eq!(store.status().days.len(), 3);
    assert_eq!(store.remove_expired(NOW).unwrap().len(), 2, "the newest day stays");
    assert_eq!(store.remove_expired(NOW + 20 * DAY).unwrap().len(), 1);
    assert_eq!((read(&store, &everything(Order::Any)).len(), store.status().files), (0, 0));
}
