//! What is stored for how long: hours, retention, the clock, the limit on bytes.

use super::*;

const DAY: i64 = partition::DAY_MS;

fn import(store: &Store, rows: &[(&str, TimestampMs, f64)], now: TimestampMs) -> [u64; 4] {
    let mut intake = store.intake(now);
    intake.accept_any_order();
    for &(cpu, t, v) in rows {
        let labels = Labels::metric("load", &[("cpu", cpu)]);
        let pairs: Vec<_> = labels.pairs().collect();
        if !intake.begin(&pairs) {
            intake.begin_new(labels.clone());
        }
        intake.push(t, v);
    }
    let rejected = store.append_resolved(intake.finish(), now).unwrap().rejected;
    store.commit().unwrap();
    rejected
}

fn day_of(cpu: &str, start: TimestampMs) -> Vec<(&str, TimestampMs, f64)> {
    (0..1_440).map(|minute| (cpu, start + minute * MINUTE + 5_000, minute as f64)).collect()
}

/// Count, sum, smallest and largest of a day's window.
fn whole_day(store: &Store, cpu: &str, start: TimestampMs) -> Vec<(f64, f64, f64, f64)> {
    let rows = store.window_rows_of_day(id(store, cpu), start);
    rows.iter().map(|row| (row.count, row.sum, row.min, row.max)).collect()
}

impl Store {
    fn window_rows_of_day(&self, id: SeriesId, start: TimestampMs) -> Vec<WindowRow> {
        self.windows(id, Level::H24, start, start + DAY - 1).unwrap()
    }
}

#[test]
fn late_samples_are_added_to_hours_whose_samples_were_removed() {
    let dir = tempfile::tempdir().unwrap();
    let start = T0 - 20 * DAY;
    let options = |days: i64| StoreOptions { retention_ms: days * DAY, ..eager() };
    {
        let store = Store::open(dir.path(), options(30), T0).unwrap();
        import(&store, &day_of("0", start), T0);
        import(&store, &[("0", start + DAY + MINUTE, 0.0)], T0);
        store.seal().unwrap();
        compact_all(&store, T0);
    }
    let store = Store::open(dir.path(), options(5), T0).unwrap();
    compact_all(&store, T0);
    let sum = (0..1_440).sum::<i64>() as f64;
    assert_eq!((read(&store, "0").len(), whole_day(&store, "0", start)), (0, vec![(1_440.0, sum, 0.0, 1_439.0)]));
    drop(store);
    // With a longer retention, late samples are accepted again.
    let mut store = Store::open(dir.path(), options(30), T0).unwrap();
    let mut expected = (1_440.0, sum, 0.0f64, 1_439.0f64);
    for (n, value) in [(1, 5_000.0), (2, -7.0)] {
        let late = ("0", start + 10 * MINUTE + n, value);
        assert_eq!(import(&store, &[late, late], T0), [0; 4]);
        expected = (expected.0 + 1.0, expected.1 + value, expected.2.min(value), expected.3.max(value));
        assert_eq!(whole_day(&store, "0", start), [expected], "in the head");
        assert_eq!(import(&store, &[late], T0), [0; 4]);
        store.seal().unwrap();
        assert_eq!(whole_day(&store, "0", start), [expected], "in seals");
        assert_eq!(over_time(&store, "count_over_time(load[1d])", (start + DAY, start + DAY), true).0, [[expected.0]]);
        compact_all(&store, T0);
        assert_eq!(whole_day(&store, "0", start), [expected], "in the file");
        assert_eq!(import(&store, &[late], T0), [0; 4]);
        store.seal().unwrap();
        compact_all(&store, T0);
        drop(store);
        store = Store::open(dir.path(), options(30), T0).unwrap();
        assert_eq!(whole_day(&store, "0", start), [expected], "sent again while it is there");
    }
    // An hour without samples gets a row, a complete one agrees with its samples.
    assert_eq!(read(&store, "0").len(), 2);
}

#[test]
fn merging_many_late_seals_keeps_the_hours() {
    let dir = tempfile::tempdir().unwrap();
    let start = T0 - 3 * DAY;
    let slow = StoreOptions { retention_ms: DAY, quiet: Duration::from_secs(3_600), ..StoreOptions::default() };
    {
        let store = Store::open(dir.path(), StoreOptions { retention_ms: 30 * DAY, ..eager() }, T0).unwrap();
        import(&store, &day_of("0", start), T0);
        import(&store, &[("0", start + DAY + MINUTE, 0.0)], T0);
        store.seal().unwrap();
        compact_all(&store, T0);
    }
    drop(Store::open(dir.path(), StoreOptions { retention_ms: DAY, ..eager() }, T0).map(|store| compact_all(&store, T0)).unwrap());
    let store = Store::open(dir.path(), StoreOptions { retention_ms: 30 * DAY, ..slow }, T0).unwrap();
    for n in 0..100 {
        import(&store, &[("0", start + n * MINUTE + 1, 1.0)], T0);
        store.seal().unwrap();
    }
    let before = whole_day(&store, "0", start);
    assert_eq!(before[0].0, 1_540.0);
    let done = compact_all(&store, T0);
    assert_eq!(done.iter().map(|done| done.finished).collect::<Vec<_>>(), [false], "the day is not quiet");
    assert_eq!(whole_day(&store, "0", start), before);
    drop(store);
    let store = Store::open(dir.path(), StoreOptions { retention_ms: 30 * DAY, ..eager() }, T0).unwrap();
    assert_eq!(compact_all(&store, T0).len(), 1);
    assert_eq!(whole_day(&store, "0", start), before);
}

#[test]
fn hours_with_nan_answer_as_their_samples_do() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), eager(), T0).unwrap();
    let start = T0 - 2 * DAY;
    let mut rows = Vec::new();
    for minute in 0..2 * 1_440 {
        let v = ((minute * 7_919) % 1_000) as f64 / 10.0;
        rows.push(("0", start + minute * MINUTE, if minute == 90 { f64::NAN } else { v }));
        // NaN on the hour and for a whole hour, and infinite values.
        rows.push(("1", start + minute * MINUTE, if minute == 120 || (180..=240).contains(&minute) { f64::NAN } else { v }));
        rows.push(("2", start + minute * MINUTE + 1, if minute % 300 == 7 { f64::INFINITY } else { v }));
        rows.push(("3", start + minute * MINUTE + 1, f64::NAN));
    }
    import(&store, &rows, T0);
    store.seal().unwrap();
    compact_all(&store, T0 + 2 * 3_600_000);
    let same = |a: f64, b: f64| a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-11 * b.abs();
    for name in ["sum", "count", "avg", "min", "max"] {
        for range in ["[1h]", "[3h]", "[1d]"] {
            for cpu in 0..4 {
                let query = format!("{name}_over_time(load{{cpu=\"{cpu}\"}}{range})");
                let (by_hours, hours) = over_time(&store, &query, (start, T0), true);
                let (by_samples, _) = over_time(&store, &query, (start, T0), false);
                assert!(hours > 20, "{query}: {hours} hours");
                let pairs: Vec<_> = by_hours.iter().flatten().zip(by_samples.iter().flatten()).collect();
                assert_eq!((by_hours.len(), pairs.len()), (by_samples.len(), 49), "{query}");
                assert!(pairs.iter().all(|(a, b)| same(**a, **b)), "{query}: {:?}", pairs.iter().find(|(a, b)| !same(**a, **b)));
            }
        }
    }
}

#[test]
fn samples_that_were_not_sealed_keep_their_hours_however_long_the_service_was_off() {
    let dir = tempfile::tempdir().unwrap();
    {
        let store = Store::open(dir.path(), eager(), T0).unwrap();
        import(&store, &day_of("0", T0)[..720], T0 + DAY / 2);
    }
    let now = T0 + 32 * DAY;
    let store = Store::open(dir.path(), eager(), now).unwrap();
    assert_eq!(read(&store, "0").len(), 720);
    store.seal().unwrap();
    compact_all(&store, now);
    assert_eq!(read(&store, "0").len(), 0, "past their retention");
    assert_eq!(hours(&store, "0").iter().map(|row| row.count).sum::<f64>(), 11.0 * 60.0, "the last hour is open");
    assert_eq!(over_time(&store, "count_over_time(load[1d])", (T0 + DAY, T0 + DAY), true).0, [[720.0]]);
}

#[test]
fn imports_past_the_retention_are_refused_and_exported_samples_are_accepted() {
    let dir = tempfile::tempdir().unwrap();
    let overrides = [(r#"load{cpu="short"}"#, 7), (r#"load{cpu="long"}"#, 90)];
    let retention_overrides = overrides.map(|(selector, days)| (Selector::parse(selector).unwrap(), days * DAY)).to_vec();
    let store = Store::open(dir.path(), StoreOptions { retention_overrides, ..eager() }, T0).unwrap();
    let now = T0 + DAY / 2;
    for (cpu, days, refused) in [("short", 7, 0), ("short", 8, 1), ("other", 30, 0), ("other", 31, 1), ("long", 90, 0), ("long", 91, 1)] {
        let rows = [(cpu, T0 - days * DAY, 1.0), (cpu, T0 - days * DAY + DAY - 1, 2.0)];
        let expected = 2 * refused;
        assert_eq!(import(&store, &rows, now), [0, expected, 0, 0], "{cpu} {days}");
    }
    // Samples that still exist are accepted again.
    store.seal().unwrap();
    compact_all(&store, now);
    for cpu in ["short", "other", "long"] {
        let there: Vec<_> = read(&store, cpu).into_iter().map(|(t, bits)| (cpu, t, f64::from_bits(bits))).collect();
        assert_eq!((there.len(), import(&store, &there, now)), (2, [0; 4]), "{cpu}");
    }
}

#[test]
fn a_clock_that_leaps_deletes_nothing_and_refuses_no_samples() {
    let dir = tempfile::tempdir().unwrap();
    let open = |now: TimestampMs| Store::open(dir.path(), eager(), now).unwrap();
    let mut running = 1_000;
    let count = {
        let store = open(T0);
        store.observe_clock(T0 + running, running).unwrap();
        import(&store, &day_of("0", T0 - 30 * DAY), T0);
        import(&store, &day_of("0", T0 - 2 * DAY), T0);
        store.seal().unwrap();
        compact_all(&store, T0);
        import(&store, &[("1", T0 - 29 * DAY, 1.0), ("1", T0, 1.0)], T0);
        store.add_events(&[Event::new(T0 - 29 * DAY, "service", "start", "x", "started")]).unwrap();
        read(&store, "0").len()
    };
    for off in [60, 500, -20_000, -40, 0] {
        let mut wrong = T0 + running + off * DAY;
        let store = open(wrong);
        for _ in 0..20 {
            (running, wrong) = (running + 60_000, wrong + 60_000);
            store.observe_clock(wrong, running).unwrap();
            store.seal().unwrap();
            compact_all(&store, wrong);
            assert_eq!(store.apply_retention(wrong).unwrap(), [] as [&str; 0]);
        }
        assert_eq!((read(&store, "0").len(), read(&store, "1").len()), (count, 2), "{off} days");
        assert_eq!(store.events(0, i64::MAX - 1, 9, |_| true).unwrap().len(), 1);
        assert_eq!(store.append(&batch(&[("2", T0 + off, 1.0)]), wrong).unwrap().rejected, [0; 4], "a sender whose clock is right");
        assert_eq!(store.append(&batch(&[("3", wrong, 1.0)]), wrong).unwrap().rejected[2], 0, "the own ones");
        assert_eq!(store.warnings().iter().filter(|why| why.contains("the clock leapt")).count(), usize::from(off != 0), "{off}");
    }
}

#[test]
fn a_temporary_peak_of_seals_and_journal_removes_no_day() {
    let dir = tempfile::tempdir().unwrap();
    let now = T0 + 2 * DAY;
    let options = |max_bytes: u64| StoreOptions { max_bytes, ..eager() };
    {
        let store = Store::open(dir.path(), options(0), now).unwrap();
        for day in 0..4 {
            import(&store, &day_of("0", T0 - (4 - day) * DAY), now);
            store.seal().unwrap();
        }
        compact_all(&store, now);
    }
    // Many samples of today, in the journal and in seals.
    let store = Store::open(dir.path(), options(0), now).unwrap();
    for part in 0..8 {
        let mut rows = Batch::default();
        for at in 0..20_000 {
            rows.push(Labels::metric("load", &[("cpu", "9")]), now - DAY / 2 + (part * 20_000 + at) * 100, ((at * 7_919) % 1_000) as f64);
        }
        store.append(&rows, now).unwrap();
        store.commit().unwrap();
        if part % 2 == 0 {
            store.seal().unwrap();
        }
    }
    let [peak, seals] = [store.disk_usage().total(), store.disk_usage().seals];
    drop(store);
    let max_bytes = peak - seals / 2;
    let store = Store::open(dir.path(), options(max_bytes), now).unwrap();
    assert_eq!(store.apply_retention(now).unwrap(), [] as [&str; 0]);
    compact_all(&store, now);
    assert!(store.disk_usage().total() < max_bytes, "compacted at once: {:?}", store.disk_usage());
    assert_eq!(store.apply_retention(now).unwrap(), [] as [&str; 0]);
    assert_eq!((store.partitions.days().len(), store.warnings()), (5, vec![]));
}

#[test]
fn the_size_limit_removes_no_more_than_needed_and_samples_before_hours() {
    let dir = tempfile::tempdir().unwrap();
    let now = T0 + 2 * DAY;
    {
        let store = Store::open(dir.path(), eager(), now).unwrap();
        for day in 0..4 {
            let mut rows = day_of("0", T0 - (4 - day) * DAY);
            (0..).zip(&mut rows).for_each(|(at, row)| row.2 = f64::from(at * 7_919 % 100_003).sqrt());
            import(&store, &rows, now);
            store.seal().unwrap();
        }
        compact_all(&store, now);
    }
    let full = Store::open(dir.path(), eager(), now).unwrap().disk_usage();
    // The days exceed their share of the limit by 4 KiB, whichever share applies.
    let max_bytes = if full.other >= full.days { 2 * full.days - 8_192 } else { full.total() - 4_096 };
    let limited = |max_bytes: u64| Store::open(dir.path(), StoreOptions { max_bytes, ..eager() }, now).unwrap();
    let store = limited(max_bytes);
    assert_eq!(store.apply_retention(now).unwrap(), [] as [&str; 0]);
    assert_eq!(read(&store, "0").len(), 3 * 1_440, "the oldest day's samples");
    assert_eq!(whole_day(&store, "0", T0 - 4 * DAY)[0].0, 1_440.0, "its hours stay");
    let freed = full.days - store.disk_usage().days;
    drop(store);
    let store = limited(max_bytes - 2 * freed);
    assert_eq!(store.apply_retention(now).unwrap(), ["2026-11-20"], "then the day");
    assert_eq!(read(&store, "0").len(), 3 * 1_440);
    drop(store);
    let store = limited(1);
    assert_eq!(store.apply_retention(now).unwrap().len(), 2, "the newest stays");
    assert!(store.warnings()[0].contains("store.max_bytes is 1"), "{:?}", store.warnings());
}
