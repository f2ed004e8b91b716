use proptest::prelude::*;

use super::*;
use crate::model::Columns;
use crate::windows;

fn there_and_back(rows: &[WindowRow]) -> usize {
    let mut bytes = Vec::new();
    encode(rows, &mut bytes);
    let starts: Vec<i64> = rows.iter().map(|row| row.start).collect();
    let back = decode(&bytes, &starts).unwrap();
    assert_eq!(back.len(), rows.len());
    for (a, b) in back.iter().zip(rows) {
        assert_eq!((a.start, plain(a)), (b.start, plain(b)), "{b:?}");
    }
    bytes.len()
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        Just(0.0),
        Just(-0.0),
        Just(f64::INFINITY),
        Just(f64::NEG_INFINITY),
        Just(f64::NAN),
        (-1_000i32..1_000).prop_map(|v| f64::from(v) / 100.0),
        any::<u64>().prop_map(f64::from_bits),
    ]
}

fn row() -> impl Strategy<Value = WindowRow> {
    (prop::array::uniform11(number()), 0u8..4, prop::option::of(0u32..5_000)).prop_map(|(numbers, flags, count)| {
        let mut bytes = vec![flags];
        numbers.iter().for_each(|v| bytes.extend_from_slice(&v.to_le_bytes()));
        let row = from_plain(0, &bytes);
        WindowRow { count: count.map_or(row.count, f64::from), ..row }
    })
}

proptest! {
    #[test]
    fn any_rows_come_back_bit_for_bit(rows in prop::collection::vec(row(), 0..30)) {
        there_and_back(&rows);
    }

    #[test]
    fn hours_of_any_samples_come_back_bit_for_bit(
        samples in prop::collection::btree_map(0i64..86_400, number(), 1..300),
        step in prop_oneof![Just(1_000i64), Just(60_000), Just(3_600_000)],
    ) {
        let times = samples.keys().map(|t| t * 1_000 / step * step + t % 7).collect::<std::collections::BTreeSet<_>>();
        let columns = Columns { values: samples.values().copied().take(times.len()).collect(), times: times.into_iter().collect() };
        there_and_back(&windows::hours(&columns));
    }

    #[test]
    fn damaged_bytes_are_an_error_or_rows_and_never_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), rows in 0usize..40) {
        let starts: Vec<i64> = (0..rows as i64).collect();
        let mut packed = vec![PACKED];
        packed.extend_from_slice(&bytes);
        let _ = (decode(&bytes, &starts), decode(&packed, &starts));
    }
}

/// A day of samples every 10 s.
fn day(value: impl FnMut(i64) -> f64) -> Columns {
    let times: Vec<i64> = (0..8_640).map(|i| i * 10_000 + 137).collect();
    Columns { values: (0..8_640).map(value).collect(), times }
}

#[test]
fn hours_of_a_host_take_few_bytes() {
    let mut state = 1u64;
    let mut random = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / 2f64.powi(31)
    };
    let mut level = 0.0;
    let mut noise = random;
    let walk = day(|_| {
        level += noise() - 0.5;
        (level * 100.0).round() / 100.0
    });
    let ratio = day(|_| (random() * 10_000.0).round() / 10_000.0);
    let mut total = 0.0;
    let counter = day(|_| {
        total += (random() * 1e6).round();
        total
    });
    let mut pages = 250_000.0;
    let memory = day(|_| {
        pages += ((random() - 0.5) * 120.0).round();
        pages * 4_096.0
    });
    let (constant, floats) = (day(|_| 17.25), day(|_| random().sqrt()));
    for (name, columns, most) in [
        ("walk", walk, 12.0),
        ("ratio", ratio, 12.0),
        ("counter", counter, 14.0),
        ("memory", memory, 12.0),
        ("constant", constant, 1.0),
        ("floats", floats, 38.0),
    ] {
        let rows = windows::hours(&columns);
        let each = there_and_back(&rows) as f64 / rows.len() as f64;
        assert!(each <= most, "{name}: {each} bytes a row");
    }
}
