use proptest::prelude::*;

use super::*;

fn columns(values: &[(i64, f64)]) -> Columns {
    Columns { times: values.iter().map(|v| v.0).collect(), values: values.iter().map(|v| v.1).collect() }
}

#[test]
fn a_window_is_closed_on_the_left_and_open_on_the_right() {
    let rows = from_samples(Level::M1, &columns(&[(0, 1.0), (59_999, 3.0), (60_000, 7.0), (61_000, f64::NAN)]));
    assert_eq!(rows.len(), 2);
    assert_eq!((rows[0].start, rows[0].count, rows[0].sum, rows[0].first, rows[0].last), (0, 2.0, 4.0, 1.0, 3.0));
    assert_eq!((rows[1].start, rows[1].count, rows[1].stddev()), (60_000, 1.0, 0.0));
    assert_eq!(rows[0].stddev(), 1.0);
    assert_eq!(from_samples(Level::M1, &columns(&[(-1, 1.0)]))[0].start, -60_000);
}

#[test]
fn a_window_closes_when_the_watermark_passes_its_end_plus_the_lateness() {
    assert_eq!(close_through(Level::M1, 89_999, 30_000), 0);
    assert_eq!(close_through(Level::M1, 90_000, 30_000), 60_000);
}

#[test]
fn a_row_knows_its_samples_without_the_one_at_its_start() {
    let day = columns(&[(0, 9.0), (10, 2.0), (20, 4.0), (3_600_001, 5.0), (7_200_000, 7.0)]);
    let rows = from_samples(Level::H1, &day);
    let figures: Vec<_> = rows.iter().map(|r| (r.inner.on_start, r.inner_count(), r.inner.sum, r.inner.min, r.inner.max)).collect();
    assert_eq!(figures, [(true, 2.0, 6.0, 2.0, 4.0), (false, 1.0, 5.0, 5.0, 5.0), (true, 0.0, 0.0, f64::INFINITY, f64::NEG_INFINITY)]);
    let with_nan = hours(&columns(&[(0, f64::NAN), (1, 1.0), (2, f64::NAN), (3_600_000, f64::NAN)]));
    let figures: Vec<_> = with_nan.iter().map(|r| (r.count, r.inner.nan_on_start, r.inner.nans, r.count_with_nans())).collect();
    assert_eq!(figures, [(1.0, true, 1.0, 3.0), (0.0, true, 0.0, 1.0)], "an hour with only NaN is stored, but is no window");
    let cancelled = from_samples(Level::H1, &columns(&[(0, 1e300), (1, 1.0)]))[0];
    assert_eq!((cancelled.sum, cancelled.inner.sum), (1e300, 1.0), "no subtraction where it would lose the rest");
}

#[test]
fn levels_nest() {
    for level in Level::ALL {
        assert_eq!(Level::from_name(level.name()), Some(level));
        if let Some(below) = level.below() {
            assert_eq!(level.ms() % below.ms(), 0);
            assert_eq!(below.above(), Some(level));
        }
    }
}

proptest! {
    #[test]
    fn windows_of_windows_are_windows_of_samples(rows in prop::collection::btree_map(0i64..7_200_000, -1e6f64..1e6, 1..500)) {
        let samples = columns(&rows.into_iter().collect::<Vec<_>>());
        let minutes = from_samples(Level::M1, &samples);
        for level in &Level::ALL[1..] {
            let cascade = from_rows(*level, &minutes);
            let direct = from_samples(*level, &samples);
            prop_assert_eq!(cascade.len(), direct.len());
            for (a, b) in cascade.iter().zip(&direct) {
                prop_assert_eq!((a.start, a.count, a.min, a.max, a.first, a.last), (b.start, b.count, b.min, b.max, b.first, b.last));
                prop_assert!((a.sum - b.sum).abs() <= 1e-6 * (1.0 + b.sum.abs()));
                prop_assert!((a.stddev() - b.stddev()).abs() <= 1e-6 * (1.0 + b.stddev()));
            }
        }
    }
}
