//! The detector as a whole: what it reports, what it leaves alone, and that no input harms it.

use super::{Ensemble, Tuning, Verdict};

const MINUTE_S: i64 = 60;
/// Five-minute samples of two weeks.
const SAMPLES: usize = 4_032;
const STEP_S: i64 = 5 * MINUTE_S;
/// Where the trouble starts in the cases below.
const TROUBLE: usize = 3_000;

/// Repeatable noise in −1 … 1.
fn noise(i: usize) -> f64 {
    let mut x = (i as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03;
    x = (x ^ (x >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    ((x >> 32) as f64 / f64::from(u32::MAX)) * 2.0 - 1.0
}

/// Work hours: high from 8 to 16 o'clock.
fn work_day(i: usize) -> f64 {
    if (96..192).contains(&(i % 288)) { 80.0 } else { 20.0 }
}

fn judge(value: impl Fn(usize) -> f64) -> Vec<Option<Verdict>> {
    let mut detector = Ensemble::new(Tuning::default());
    (0..SAMPLES).map(|i| detector.observe(i as i64 * STEP_S, value(i))).collect()
}

fn anomalies(verdicts: &[Option<Verdict>]) -> Vec<usize> {
    verdicts.iter().enumerate().filter(|(_, v)| v.is_some_and(|v| v.is_anomaly())).map(|(i, _)| i).collect()
}

/// Name, series, and a limit: the samples until its trouble must be reported, or the anomalies it may have.
type Case = (&'static str, fn(usize) -> f64, usize);

const TROUBLES: &[Case] = &[
    ("a spike", |i| 50.0 + noise(i) + if i == TROUBLE { 30.0 } else { 0.0 }, 2),
    ("a drop to zero", |i| if (TROUBLE..TROUBLE + 20).contains(&i) { 0.0 } else { 50.0 + noise(i) }, 2),
    ("a step up that stays", |i| 50.0 + noise(i) + if i >= TROUBLE { 8.0 } else { 0.0 }, 12),
    ("a step down that stays", |i| 50.0 + noise(i) - if i >= TROUBLE { 8.0 } else { 0.0 }, 12),
    ("a slow leak", |i| 50.0 + noise(i) + i.saturating_sub(TROUBLE) as f64 * 0.05, 120),
    ("a flat line", |i| if i >= TROUBLE { 50.0 } else { 50.0 + 5.0 * noise(i) }, 288),
    ("a work day that does not come", |i| noise(i) + if (TROUBLE..TROUBLE + 288).contains(&i) { 20.0 } else { work_day(i) }, 288),
    ("a work day twice as busy", |i| noise(i) + work_day(i) * if (TROUBLE..TROUBLE + 288).contains(&i) { 2.0 } else { 1.0 }, 288),
    ("work at night", |i| noise(i) + if (TROUBLE + 168..TROUBLE + 200).contains(&i) { 80.0 } else { work_day(i) }, 200),
    ("noise three times as wide", |i| 50.0 + noise(i) * if i >= TROUBLE { 3.0 } else { 1.0 }, 24),
];

#[test]
fn each_kind_of_trouble_is_reported_in_time() {
    for (name, series, within) in TROUBLES {
        let found = anomalies(&judge(series));
        let first = found.iter().find(|&&i| i >= TROUBLE);
        assert!(first.is_some_and(|&i| i <= TROUBLE + within), "{name}: reported at {found:?}");
        assert!(found.iter().filter(|&&i| i < TROUBLE).count() <= 3, "{name}: false ones at {found:?}");
    }
}

#[test]
fn calm_series_are_left_alone() {
    let series: [Case; 5] = [
        ("constant", |_| 7.0, 0),
        ("zero", |_| 0.0, 0),
        ("the same work day for ever", work_day, 0),
        ("uniform noise", noise, 8),
        ("work days with noise", |i| work_day(i) + 3.0 * noise(i), 8),
    ];
    for (name, series, at_most) in series {
        let found = anomalies(&judge(series));
        assert!(found.len() <= at_most, "{name}: {found:?}");
    }
}

#[test]
fn scale_and_offset_of_a_series_do_not_matter() {
    let plain = anomalies(&judge(|i| noise(i) + if i == TROUBLE { 9.0 } else { 0.0 }));
    for (factor, offset) in [(1024.0, 0.0), (2f64.powi(-20), 0.0), (-1.0, 0.0), (2.0, 64.0)] {
        let moved = anomalies(&judge(|i| factor * (noise(i) + if i == TROUBLE { 9.0 } else { 0.0 }) + offset));
        assert!(moved.contains(&TROUBLE) && moved.len().abs_diff(plain.len()) <= 1, "{factor} {offset}: {moved:?} {plain:?}");
    }
}

#[test]
fn a_verdict_depends_on_the_past_only() {
    let whole = judge(|i| work_day(i) + noise(i));
    let cut = judge(|i| if i < 2_000 { work_day(i) + noise(i) } else { -1e6 });
    assert_eq!(whole[..2_000], cut[..2_000]);
}

#[test]
fn a_verdict_says_how_far_out_and_how_rare() {
    let verdicts = judge(|i| 50.0 + noise(i) + if i == TROUBLE { 30.0 } else { 0.0 });
    let verdict = verdicts[TROUBLE].unwrap();
    let band = verdict.expected.unwrap();
    assert!(band.low < 50.0 && band.high > 50.0 && band.high < 54.0, "{band:?}");
    assert!((26.0..31.0).contains(&band.excess(80.0)), "{band:?}");
    assert_eq!(verdict.rank.reached_by, 0, "{verdict:?}");
    assert!(verdict.rank.blocks > 50 && !verdict.most_unusual.is_empty(), "{verdict:?}");
}

#[test]
fn the_expected_band_holds_most_of_a_daily_series() {
    let series = |i: usize| work_day(i) + noise(i);
    let verdicts = judge(series);
    let inside = (1_000..SAMPLES).filter(|&i| verdicts[i].and_then(|v| v.expected).is_some_and(|b| b.excess(series(i)) == 0.0)).count();
    assert!(inside as f64 / (SAMPLES - 1_000) as f64 > 0.97, "{inside}");
}

#[test]
fn values_that_are_no_numbers_are_passed_over() {
    let mut with = Ensemble::new(Tuning::default());
    let mut without = Ensemble::new(Tuning::default());
    for i in 0..SAMPLES {
        let at = i as i64 * STEP_S;
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(with.observe(at, value), None);
        }
        assert_eq!(with.observe(at, work_day(i)), without.observe(at, work_day(i)));
    }
}

#[test]
fn every_score_is_in_range_whatever_comes() {
    // Times: gaps, duplicates, jumps back and forth, the ends of the range. Values: huge, tiny, mixed.
    let times: [fn(usize) -> i64; 5] = [
        |i| i as i64 * i as i64 * 977,
        |_| 0,
        |i| if i % 100 == 0 { 0 } else { i as i64 * 60 },
        |i| if i % 2 == 0 { i64::MIN } else { i64::MAX },
        |i| -(i as i64) * 3_600,
    ];
    let values: [fn(usize) -> f64; 5] = [
        noise,
        |i| if i % 50 == 0 { f64::MAX } else { f64::MIN },
        |i| 5e-324 * (i % 3) as f64,
        |i| 10f64.powi((i % 600) as i32 - 300),
        |i| if i < 1_000 { 1.0 } else { 1.0 + 1e-12 * noise(i) },
    ];
    for (t, time) in times.iter().enumerate() {
        for (v, value) in values.iter().enumerate() {
            let mut detector = Ensemble::new(Tuning::default());
            for i in 0..SAMPLES {
                let verdict = detector.observe(time(i), value(i)).unwrap();
                assert!((0.0..=1.0).contains(&verdict.score), "time {t} value {v} sample {i}: {verdict:?}");
                assert!(verdict.surprise.is_finite(), "time {t} value {v} sample {i}: {verdict:?}");
                assert!(verdict.expected.is_none_or(|b| b.low <= b.high), "time {t} value {v} sample {i}: {verdict:?}");
            }
        }
    }
}

#[test]
fn a_series_costs_at_most_sixteen_kibibytes() {
    let mut detector = Ensemble::new(Tuning::default());
    (0..50_000).for_each(|i| _ = detector.observe(i * STEP_S, noise(i as usize)));
    assert!(detector.bytes() <= 16 * 1024, "{}", detector.bytes());
}
