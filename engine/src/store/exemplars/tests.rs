use std::fs;
use std::path::Path;

use super::super::{StoreOptions, StoreWriter};
use super::*;
use crate::model::{Batch, Selector};

const T0: TimestampMs = 1_795_478_400_000;
const DAY: i64 = 86_400_000;

fn open(dir: &Path) -> StoreWriter {
    StoreWriter::open(dir, StoreOptions::default(), T0 + 1_000_000).unwrap()
}

fn exemplar(n: i64) -> Result<Exemplar, Fault> {
    Exemplar::new([("trace_id", format!("{n:032x}").as_str())], T0 + n, n as f64)
}

fn add(store: &StoreWriter, name: &str, numbers: std::ops::Range<i64>) {
    let mut batch = Batch::default();
    let labels = Labels::metric(name, &[("le", "1")]);
    for n in numbers {
        batch.push(labels.clone(), T0 + n, n as f64);
        batch.exemplars.push(labels.clone(), exemplar(n));
    }
    store.append(&batch, T0 + 1_000_000).unwrap();
    store.commit().unwrap();
}

/// The values of the exemplars of a selector, by series.
fn there(store: &StoreWriter, selector: &str) -> Vec<Vec<f64>> {
    let ids = store.select(&Selector::parse(selector).unwrap().matchers);
    let found = store.exemplars(&ids, 0, TimestampMs::MAX);
    found.into_iter().map(|of| of.exemplars.iter().map(|e| e.v).collect()).collect()
}

#[test]
fn what_was_committed_is_there_after_a_restart_and_in_a_snapshot_and_nothing_is_made_before() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let mut batch = Batch::default();
    batch.push(Labels::metric("up", &[]), T0, 1.0);
    store.append(&batch, T0).unwrap();
    store.commit().unwrap();
    assert!(!dir.path().join("exemplars.log").exists() && !dir.path().join("exemplars.synced").exists());
    add(&store, "a", 0..3);
    add(&store, "b", 3..5);
    add(&store, "a", 2..4);
    let expected = [vec![0.0, 1.0, 2.0, 3.0], vec![3.0, 4.0]];
    assert_eq!(there(&store, "{__name__=~\"a|b\"}"), expected);
    assert_eq!(there(&store, "b"), [[3.0, 4.0]]);
    let copy = dir.path().join("snapshots/copy");
    store.snapshot(&copy).unwrap();
    // As after SIGKILL: nothing is written on the way down.
    drop(store);
    for dir in [dir.path(), &copy] {
        let store = open(dir);
        assert_eq!((there(&store, "{__name__=~\"a|b\"}"), store.problems()), (expected.to_vec(), Vec::new()));
        assert_eq!((store.exemplar_count(), store.dropped_exemplars()), (6, Dropped::default()));
    }
}

#[test]
fn a_request_with_exemplars_alone_is_kept_and_those_that_cannot_be_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let far = Exemplar::new([("trace_id", "a")], T0 + 10 * DAY, 1.0);
    let old = Exemplar::new([("trace_id", "a")], T0 - 400 * DAY, 1.0);
    let mut resolver = store.resolver(T0);
    resolver.exemplar_of(&[(b"__name__", b"new"), (b"le", b"1")], exemplar(1));
    resolver.exemplar_of(&[(b"le", b"1")], exemplar(1));
    resolver.series(&Labels::metric("new", &[]));
    resolver.push(T0, 1.0);
    resolver.exemplar(exemplar(2));
    resolver.exemplar(far);
    resolver.exemplar(old);
    resolver.exemplar(Exemplar::new([("a", "b")], T0, f64::NAN));
    store.append_resolved(resolver.finish(), T0).unwrap();
    let mut resolver = store.resolver(T0);
    resolver.exemplar_of(&[(b"__name__", b"new")], exemplar(3));
    let resolved = resolver.finish();
    assert_eq!((resolved.is_empty(), resolved.len()), (false, 0));
    let stored = store.append_resolved(resolved, T0).unwrap();
    assert_eq!((stored.accepted, stored.number), (0, 0));
    assert_eq!(there(&store, "new"), Vec::<Vec<f64>>::new(), "not before the commit");
    store.commit().unwrap();
    assert_eq!(there(&store, "new"), [[2.0, 3.0]]);
    let dropped = store.dropped_exemplars();
    let counts: Vec<(&str, u64)> = Fault::ALL.iter().map(|f| (f.name(), dropped[*f as usize])).filter(|(_, n)| *n > 0).collect();
    assert_eq!(counts, [("not_a_number", 1), ("too_old", 1), ("too_far_ahead", 1), ("no_series", 2)]);
}

#[test]
fn exemplars_go_with_the_retention_of_their_series_and_the_log_does_not_grow_without_end() {
    let dir = tempfile::tempdir().unwrap();
    let options = StoreOptions {
        retention_ms: 3 * DAY,
        retention_overrides: vec![(Selector::parse("a").unwrap(), DAY)],
        exemplars: ExemplarOptions { most: 1_000, per_hour: 60 },
        ..StoreOptions::default()
    };
    let store = StoreWriter::open(dir.path(), options.clone(), T0).unwrap();
    for name in ["a", "b"] {
        add(&store, name, 0..1);
    }
    for n in 0..60 {
        let mut resolver = store.resolver(T0 + 1_000_000);
        resolver.series(&Labels::metric("many", &[]));
        resolver.push(T0 + n, 1.0);
        (0..1_000).for_each(|at| resolver.exemplar(exemplar(n * 1_000 + at)));
        store.append_resolved(resolver.finish(), T0 + 1_000_000).unwrap();
        store.commit().unwrap();
    }
    assert_eq!(there(&store, "many")[0].len(), 60);
    let length = fs::metadata(dir.path().join("exemplars.log")).unwrap().len();
    assert!(length < 2 * REWRITE_BYTES, "{length}");
    store.observe_clock(T0, 0).unwrap();
    store.observe_clock(T0 + 2 * DAY, 2 * DAY).unwrap();
    store.apply_retention(T0 + 2 * DAY).unwrap();
    assert_eq!((there(&store, "a").len(), there(&store, "b").len()), (0, 1));
    drop(store);
    let store = StoreWriter::open(dir.path(), options, T0 + 2 * DAY).unwrap();
    assert_eq!((there(&store, "many")[0].len(), store.problems()), (60, Vec::new()));
}

#[test]
fn a_damaged_byte_costs_one_record_and_is_reported_and_another_series_with_the_id_gets_none() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    (0..10).for_each(|n| add(&store, "a", n..n + 1));
    drop(store);
    let path = dir.path().join("exemplars.log");
    let mut bytes = fs::read(&path).unwrap();
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let report = super::super::check(dir.path(), &StoreOptions::default(), T0 + 1_000_000, false).unwrap();
    assert!(report.findings.iter().any(|finding| finding.contains("exemplars.log was damaged")), "{:?}", report.findings);
    let store = open(dir.path());
    assert_eq!(there(&store, "a")[0].len(), 9);
    assert!(store.problems()[0].contains("exemplars.log was damaged"), "{:?}", store.problems());
    drop(store);
    let store = open(dir.path());
    assert_eq!((there(&store, "a")[0].len(), store.problems()), (9, Vec::new()), "it was rewritten");
    let id = store.select(&Selector::parse("a").unwrap().matchers)[0];
    store.exemplars.write(vec![(Named { id, check: 7 }, exemplar(100).unwrap())]);
    assert_eq!(there(&store, "a")[0].len(), 9);
}
