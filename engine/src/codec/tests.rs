use proptest::prelude::*;

use super::*;

const BOTH: [Effort; 2] = [Effort::Quick, Effort::Thorough];

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|v| v.to_bits()).collect()
}

fn any_value() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<u64>().prop_map(f64::from_bits),
        (-1_000_000i64..1_000_000).prop_map(|v| v as f64 / 100.0),
        Just(-0.0),
        Just(f64::from_bits(crate::model::STALE_NAN_BITS)),
        Just(f64::MAX),
        Just(9_007_199_254_740_991.0),
    ]
}

fn column() -> impl Strategy<Value = Vec<f64>> {
    prop_oneof![
        prop::collection::vec(any_value(), 1..400),
        prop::collection::vec((-100_000i64..100_000).prop_map(|v| v as f64 / 1_000.0), 1..400),
        prop::collection::vec(-9_000_000_000_000_000i64..9_000_000_000_000_000, 1..400)
            .prop_map(|v| v.into_iter().map(|v| v as f64).collect()),
    ]
}

proptest! {
    #[test]
    fn columns_come_back_bit_for_bit(values in column(), times in prop::collection::vec(any::<i64>(), 1..400)) {
        for effort in BOTH {
            let mut bytes = Vec::new();
            encode_values(&values, effort, &mut bytes).unwrap();
            prop_assert_eq!(bits(&decode_values(&bytes, values.len()).unwrap()), bits(&values));
            bytes.clear();
            encode_times(&times, effort, &mut bytes).unwrap();
            prop_assert_eq!(&decode_times(&bytes, times.len(), times[0]).unwrap(), &times);
        }
    }

    #[test]
    fn a_partially_decoded_column_equals_that_part_of_the_whole(
        gaps in prop::collection::vec(1i64..50_000, 1..3),
        rows in 1usize..7_000,
        a in -5_000i64..400_000_000,
        length in 0i64..60_000_000,
    ) {
        // With one gap the times are regular, with two they alternate.
        let times: Vec<i64> = (0..rows as i64).map(|i| i * gaps[0] + if i % 2 == 0 { 0 } else { gaps[gaps.len() - 1] % gaps[0] }).collect();
        let values: Vec<f64> = (0..rows).map(|i| (i as f64 * 0.1).sin()).collect();
        let (start, end) = (a, a + length);
        for effort in BOTH {
            let (mut t, mut v) = (Vec::new(), Vec::new());
            encode_times(&times, effort, &mut t).unwrap();
            encode_values(&values, effort, &mut v).unwrap();
            let (from, part) = decode_times_within(&t, rows, times[0], start, end).unwrap();
            prop_assert_eq!(&part[..], &times[from..from + part.len()]);
            let inside = |t: &&i64| **t >= start && **t <= end;
            prop_assert_eq!(part.iter().filter(inside).count(), times.iter().filter(inside).count());
            let wanted = times.partition_point(|t| *t < start)..times.partition_point(|t| *t <= end);
            let (from, part) = decode_values_within(&v, rows, &wanted).unwrap();
            prop_assert!(wanted.is_empty() || (from <= wanted.start && from + part.len() >= wanted.end));
            prop_assert_eq!(bits(&part), bits(&values[from..from + part.len()]));
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), rows in 0usize..2_000) {
        let _ = decode_values(&bytes, rows);
        let _ = decode_times(&bytes, rows, 0);
    }
}

#[test]
fn constants_decimals_and_regular_times_are_small() {
    let size = |values: &[f64], effort| {
        let mut bytes = Vec::new();
        encode_values(values, effort, &mut bytes).unwrap();
        bytes.len()
    };
    let percent: Vec<f64> = (0..8_640).map(|i| f64::from((i * 7919) % 100) / 100.0 + 40.0).collect();
    for effort in BOTH {
        assert_eq!(size(&[42.5; 360], effort), 9);
        assert!(size(&percent, effort) <= 2 * percent.len(), "{effort:?}: {}", size(&percent, effort));
        let mut bytes = Vec::new();
        encode_times(&(0..360).map(|i| i * 10_000).collect::<Vec<_>>(), effort, &mut bytes).unwrap();
        assert!(bytes.len() <= 4);
    }
}

#[test]
fn empty_columns_and_damaged_bytes_are_refused() {
    assert_eq!(encode_values(&[], Effort::Quick, &mut Vec::new()), Err(CodecError::Shape));
    assert_eq!(encode_times(&[], Effort::Thorough, &mut Vec::new()), Err(CodecError::Shape));
    assert!(decode_values(&[9, 9], 1).is_err());
    assert!(decode_values(&[0, 9], 1).is_err());
    assert!(decode_times(&[], 1, 0).is_err());
}
