//! Buckets agree with the functions of PromQL that they are named after, bit for bit.

use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::model::{Batch, STALE_NAN_BITS};
use crate::promql::{Answer, Query, evaluate, syntax};
use crate::store::{StoreOptions, StoreWriter};

/// 2026-11-24T00:00:00Z
const T0: i64 = 1_795_478_400_000;
const DAY: i64 = 86_400_000;

fn params(start: i64, end: i64, step: i64) -> Params {
    Params {
        start,
        end,
        step,
        lookback: 300_000,
        default_step: 60_000,
        delayed_names: false,
        use_windows: true,
        max_samples: 10_000_000,
        max_bytes: 256 << 20,
        deadline: Instant::now() + Duration::from_secs(60),
        cancelled: Arc::default(),
    }
}

fn parse(text: &str, params: &Params) -> Query {
    Query::parse(text, syntax::Grid { step: params.step, range: params.end - params.start }).unwrap()
}

fn ask(store: &StoreReader, text: &str, params: &Params, limit: usize) -> BucketAnswer {
    buckets(&parse(text, params), params, limit, store).unwrap()
}

/// What a function of PromQL says: the labels without the name, the instant, the bits of the value.
fn said(store: &StoreReader, text: &str, params: &Params) -> Vec<(String, i64, u64)> {
    let aligned = Params { start: round_up(params.start, params.step), end: round_up(params.end, params.step), ..params.clone() };
    let Answer::Vector(rows) = evaluate(&parse(text, params), &aligned, store).unwrap().0 else { panic!("{text}") };
    let points = |row: Row| {
        let there = row.values.into_iter().enumerate().filter(|(_, v)| !is_absent(*v));
        let labels = row.labels.without(&["__name__"]).to_string();
        there.map(|(at, v)| (labels.clone(), aligned.start + at as i64 * params.step, v.to_bits())).collect::<Vec<_>>()
    };
    let mut points: Vec<_> = rows.into_iter().flat_map(points).collect();
    points.sort_unstable();
    points
}

fn drawn(answer: &BucketAnswer, figure: fn(&Bucket) -> f64) -> Vec<(String, i64, u64)> {
    let points = |series: &BucketSeries| {
        let labels = series.labels.without(&["__name__"]).to_string();
        series.buckets.iter().map(|bucket| (labels.clone(), bucket.end, figure(bucket).to_bits())).collect::<Vec<_>>()
    };
    let mut points: Vec<_> = answer.series.iter().flat_map(points).collect();
    points.sort_unstable();
    points
}

type Figure = fn(&Bucket) -> f64;
const FIGURES: [(&str, Figure); 5] =
    [("min", |b| b.min), ("avg", |b| b.mean), ("max", |b| b.max), ("last", |b| b.last), ("count", |b| b.count)];

fn assert_agrees(store: &StoreReader, selector: (&str, &str), params: &Params) {
    let (name, modifier) = selector;
    let answer = ask(store, &format!("{name}{modifier}"), params, usize::MAX);
    for (function, figure) in FIGURES {
        let query = format!("{function}_over_time({name}[{}ms]{modifier})", params.step);
        assert_eq!(drawn(&answer, figure), said(store, &query, params), "{query}");
    }
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        12 => (-1_000i32..1_000).prop_map(|v| f64::from(v) / 10.0),
        4 => any::<f64>().prop_filter("no stale marker", |v| v.to_bits() != STALE_NAN_BITS),
        1 => prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(f64::NEG_INFINITY), Just(-0.0), Just(0.0)],
        1 => Just(f64::from_bits(STALE_NAN_BITS)),
    ]
}

/// Times and values of a series of three days, many of them on the edges of minutes and hours.
fn samples() -> impl Strategy<Value = Vec<(i64, f64)>> {
    let time = prop_oneof![0..3 * DAY, (0..72i64).prop_map(|hour| hour * 3_600_000), (0..4_320i64).prop_map(|minute| minute * 60_000)];
    prop::collection::btree_map(time, value(), 0..300).prop_map(|rows| rows.into_iter().map(|(t, v)| (T0 + t, v)).collect())
}

/// A store of two series, the first part of it compacted, so that its hours are kept.
fn store_of(dir: &tempfile::TempDir, series: [&[(i64, f64)]; 2], sealed: bool) -> StoreWriter {
    let options = StoreOptions { quiet: Duration::ZERO, ..StoreOptions::default() };
    let now = T0 + 4 * DAY;
    let store = StoreWriter::open(dir.path(), options, now).unwrap();
    let mut resolver = store.resolver(now);
    resolver.accept_any_order();
    for (n, rows) in series.into_iter().enumerate() {
        for &(t, v) in rows {
            resolver.series(&Labels::metric("level", &[("n", &n.to_string())]));
            resolver.push(t, v);
        }
    }
    store.append_resolved(resolver.finish(), now).unwrap();
    store.commit().unwrap();
    if sealed {
        store.seal().unwrap();
        while store.compact(now, 1.0).unwrap().is_some() {}
    }
    store
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn buckets_are_what_the_functions_say(
        first in samples(), second in samples(), sealed: bool,
        (from, length) in (-DAY..3 * DAY, 0..4 * DAY),
        step in prop_oneof![Just(3_600_000i64), Just(7_200_000), Just(6 * 3_600_000), Just(DAY), 60_000..DAY],
        modifier in prop_oneof![Just(""), Just(" offset 1h"), Just(" offset -7h"), Just(" offset 17m"), Just(" @ 1795478400"), Just(" @ end()")],
    ) {
        let dir = tempfile::tempdir().unwrap();
        let store = store_of(&dir, [&first, &second], sealed);
        assert_agrees(&store, ("level", modifier), &params(T0 + from, T0 + from + length, step));
    }

    #[test]
    fn buckets_of_an_expression_are_those_of_a_subquery(first in samples(), second in samples(), step in 1_000i64..DAY) {
        let dir = tempfile::tempdir().unwrap();
        let store = store_of(&dir, [&first, &second], false);
        let params = params(T0, T0 + DAY, step);
        for expr in ["level * 2", "max_over_time(level[1h])", "level{n=\"0\"} or level{n=\"1\"}"] {
            let answer = ask(&store, expr, &params, usize::MAX);
            let BucketSource::Expression(inner) = answer.source else { panic!("{expr}: {:?}", answer.source) };
            for (function, figure) in FIGURES {
                let query = format!("{function}_over_time(({expr})[{step}ms:{inner}ms])");
                prop_assert_eq!(drawn(&answer, figure), said(&store, &query, &params), "{}", query);
            }
        }
    }
}

#[test]
fn hours_are_read_in_the_place_of_samples_and_know_the_latest() {
    let dir = tempfile::tempdir().unwrap();
    let rows: Vec<(i64, f64)> = (0..2 * 1_440).map(|n| (T0 + n * 60_000, if n % 97 == 59 { f64::NAN } else { n as f64 / 8.0 })).collect();
    let store = store_of(&dir, [&rows, &[]], true);
    let params = params(T0, T0 + 2 * DAY, 3_600_000);
    let answer = ask(&store, "level", &params, usize::MAX);
    assert_eq!((answer.source, answer.total, answer.notes.hours), (BucketSource::Hours, 1, 48));
    assert!(answer.series[0].buckets.iter().any(|bucket| bucket.last.is_nan()) && answer.notes.samples < 200);
    assert_agrees(&store, ("level", ""), &params);
}

#[test]
fn a_limit_keeps_the_first_series_by_their_labels_and_tells_how_many_there_are() {
    let dir = tempfile::tempdir().unwrap();
    let store = StoreWriter::open(dir.path(), StoreOptions::default(), T0).unwrap();
    let mut batch = Batch::default();
    // Their ids rise where their labels fall.
    (0..40).rev().for_each(|n| batch.push(Labels::metric("level", &[("n", &format!("{n:02}"))]), T0, f64::from(n)));
    store.append(&batch, T0).unwrap();
    for query in ["level", "level + 0"] {
        let answer = ask(&store, query, &params(T0, T0, 60_000), 3);
        let names: Vec<_> = answer.series.iter().map(|series| series.labels.get("n").unwrap().to_owned()).collect();
        assert_eq!((answer.total, names), (40, vec!["00".to_owned(), "01".to_owned(), "02".to_owned()]), "{query}");
    }
    assert_eq!(ask(&store, "level", &params(T0 + DAY, T0 + DAY, 60_000), 3).total, 0, "none of them lives then");
}

#[test]
fn an_expression_is_worked_out_at_no_more_instants_than_a_range_query() {
    let of = |step: i64, count: usize| inner_step(&Grid { start: 0, step, count });
    assert_eq!(of(72_000, 1_200), 8_000);
    assert_eq!(of(15_000, 240), 1_000);
    assert_eq!(of(500, 1_000), 500, "no coarser than the buckets");
    assert_eq!(of(1_000, 11_001), 1_000);
    for (step, count) in [(72_000, 1_200), (3_600_000, 720), (999, 11_000), (86_400_000, 365)] {
        assert!(step * count as i64 / of(step, count) <= MAX_INSTANTS + 1);
    }
}

#[test]
fn the_first_and_the_last_bucket_cover_the_ends_of_the_range() {
    assert_eq!([-61_000, -60_000, -1, 0, 1, 60_000].map(|t| round_up(t, 60_000)), [-60_000, -60_000, 0, 0, 60_000, 60_000]);
}
