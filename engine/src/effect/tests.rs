//! Series whose true change is known: rhythm of days and weeks, and noise with a memory.

use super::*;
use crate::forecast::random::Random;

const T0: i64 = 1_795_478_400_000;

/// Hours from `weeks` before [`T0`] to `weeks` after, multiplied by `1 + shift` from then on. `memory` is what an hour keeps of the one before.
fn generated(random: &mut Random, weeks: i64, memory: f64, spread: f64, shift: f64) -> Hours {
    let first = T0 / HOUR - weeks * WEEK_HOURS;
    let mut noise = random.normal();
    (first..first + 2 * weeks * WEEK_HOURS)
        .map(|hour| {
            noise = memory * noise + (1.0 - memory * memory).sqrt() * random.normal();
            let (of_day, day) = ((hour % 24) as f64, hour / 24 % 7);
            let rhythm = (1.0 + 0.4 * (-((of_day - 14.0) / 4.0).powi(2)).exp()) * if day >= 5 { 0.6 } else { 1.0 };
            let changed = if hour * HOUR >= T0 { 1.0 + shift } else { 1.0 };
            (hour, 100.0 * rhythm * changed * (spread * noise).exp())
        })
        .collect()
}

fn measured(series: &Hours, control: Option<&Hours>) -> Effect {
    measure(series, control, T0, T0 + 7 * 24 * HOUR).unwrap()
}

#[test]
fn an_interval_holds_the_truth_as_often_as_it_says() {
    for (memory, spread) in [(0.0, 0.1), (0.5, 0.2), (0.8, 0.2), (0.9, 0.3), (0.95, 0.1)] {
        let random = &mut Random::new(11);
        let trials = 400;
        let held =
            (0..trials).filter(|_| measured(&generated(random, 1, memory, spread, 0.0), None).direction == Direction::Unclear).count();
        let share = held as f64 / f64::from(trials);
        assert!((0.92..=0.985).contains(&share), "with a memory of {memory}: {share}");
    }
}

#[test]
fn a_change_by_a_fifth_is_seen_in_a_week() {
    let random = &mut Random::new(5);
    let seen = (0..200).filter(|_| measured(&generated(random, 1, 0.5, 0.2, -0.2), None).direction == Direction::Fell).count();
    assert!(seen >= 160, "{seen} of 200");
}

#[test]
fn a_change_has_its_figures() {
    let effect = measured(&generated(&mut Random::new(3), 1, 0.0, 0.05, 0.25), None);
    let ratio = effect.ratio.unwrap();
    assert!(ratio.low < 1.25 && 1.25 < ratio.high && ratio.high - ratio.low < 0.1, "{ratio:?}");
    assert_eq!(effect.direction, Direction::Rose);
    assert!((effect.mean_after / effect.mean_before - ratio.value).abs() < 1e-9);
    assert!((effect.difference.low - effect.mean_before * (ratio.low - 1.0)).abs() < 1e-9);
    assert_eq!((effect.pairs.len(), effect.after), (14, (T0, T0 + 7 * 24 * HOUR)));
    assert_eq!(effect.before, (T0 - 7 * 24 * HOUR, T0));
}

#[test]
fn what_happened_to_the_control_as_well_is_left_out() {
    let random = &mut Random::new(8);
    let (series, control) = (generated(random, 1, 0.3, 0.05, 0.3), generated(random, 1, 0.3, 0.05, 0.3));
    assert_eq!(measured(&series, None).direction, Direction::Rose);
    let beside = measured(&series, Some(&control));
    assert_eq!(beside.direction, Direction::Unclear);
    let (before, after) = beside.control.unwrap();
    assert!((after / before - 1.3).abs() < 0.05, "{before} {after}");
}

#[test]
fn a_series_around_zero_has_a_difference_and_no_ratio() {
    let mut series = generated(&mut Random::new(4), 1, 0.0, 0.05, 0.0);
    series.iter_mut().for_each(|(hour, v)| *v += if *hour * HOUR >= T0 { -105.0 } else { -100.0 });
    let effect = measured(&series, None);
    assert_eq!((effect.ratio, effect.direction), (None, Direction::Fell));
    assert!(effect.difference.low < -5.0 && -5.0 < effect.difference.high);
}

#[test]
fn what_never_moves_has_no_width() {
    let series: Hours =
        (T0 / HOUR - WEEK_HOURS..T0 / HOUR + WEEK_HOURS).map(|hour| (hour, if hour * HOUR < T0 { 5.0 } else { 4.0 })).collect();
    let effect = measured(&series, None);
    assert_eq!(effect.direction, Direction::Fell);
    assert!((effect.difference.low - effect.difference.high).abs() < 1e-9);
}

#[test]
fn too_little_is_refused_with_what_is_missing() {
    let series = generated(&mut Random::new(4), 1, 0.0, 0.05, 0.0);
    let early = measure(&series, None, T0, T0 + 3 * 24 * HOUR + HOUR);
    assert_eq!(early, Err(NotMeasured::TooEarly { passed: 3 }));
    let mut gaps = series.clone();
    gaps.retain(|hour, _| *hour * HOUR < T0 || hour / PART % 2 == 0);
    let few = NotMeasured::TooLittle { what: "the series", covered: 7, wanted: 14, needed: 10 };
    assert_eq!(few.to_string(), "the series has samples on both sides in 7 of 14 half days; 10 are needed");
    assert_eq!(measure(&gaps, None, T0, T0 + 7 * 24 * HOUR), Err(few));
    let few = measure(&series, Some(&Hours::new()), T0, T0 + 7 * 24 * HOUR);
    assert_eq!(few, Err(NotMeasured::TooLittle { what: "the control", covered: 0, wanted: 14, needed: 10 }));
}

#[test]
fn hours_that_one_side_lacks_do_not_shift_the_mean() {
    let mut series = generated(&mut Random::new(6), 1, 0.0, 0.02, 0.0);
    series.retain(|hour, _| *hour * HOUR < T0 || !(12..18).contains(&(hour % 24)));
    assert_eq!(measured(&series, None).direction, Direction::Unclear);
}

/// Runs in the office hours of workdays alone, not in each of them.
fn only_at_work(mut series: Hours, random: &mut Random, hours: std::ops::Range<i64>) -> Hours {
    series.retain(|hour, _| hours.contains(&(hour % 24)) && hour / 24 % 7 < 5 && random.unit() < 0.7);
    series
}

#[test]
fn half_days_in_which_a_workflow_rests_are_not_waited_for() {
    for (hours, pairs) in [(9..18, 20), (13..22, 10)] {
        let random = &mut Random::new(21);
        let (mut calm, mut seen) = (0, 0);
        for _ in 0..200 {
            let series = |random: &mut Random, shift| only_at_work(generated(random, 2, 0.5, 0.2, shift), random, hours.clone());
            let flat = measure(&series(random, 0.0), None, T0, T0 + 14 * 24 * HOUR).unwrap();
            assert!(flat.pairs.len() <= pairs && 10 * flat.pairs.len() >= 7 * pairs, "{}", flat.pairs.len());
            calm += u32::from(flat.direction == Direction::Unclear);
            let shifted = measure(&series(random, -0.3), None, T0, T0 + 14 * 24 * HOUR).unwrap();
            seen += u32::from(shifted.direction == Direction::Fell);
        }
        assert!(calm >= 184 && seen >= 160, "{hours:?}: {calm} and {seen} of 200");
    }
}

#[test]
fn a_workflow_that_ran_at_work_and_stopped_is_not_taken_for_one_that_rests() {
    let random = &mut Random::new(2);
    let mut series = only_at_work(generated(random, 2, 0.0, 0.1, 0.0), random, 9..18);
    series.retain(|hour, _| *hour * HOUR < T0 + 3 * 24 * HOUR);
    let few = NotMeasured::TooLittle { what: "the series", covered: 2, wanted: 20, needed: 14 };
    assert_eq!(measure(&series, None, T0, T0 + 14 * 24 * HOUR), Err(few));
}

/// Four weeks before and after [`T0`], half as much again from so many days before it on, until then or for good.
fn slow_before(random: &mut Random, days: i64, mended: bool, (memory, spread): (f64, f64)) -> Hours {
    let mut series = generated(random, 4, memory, spread, 0.0);
    let slow = (T0 / HOUR - days * 24)..if mended { T0 / HOUR } else { i64::MAX };
    series.iter_mut().filter(|(hour, _)| slow.contains(hour)).for_each(|(_, value)| *value *= 1.5);
    series
}

#[test]
fn what_is_mended_soon_after_it_became_slow_is_compared_with_the_time_since_then() {
    for days in [2, 3, 4, 5, 6, 10] {
        let random = &mut Random::new(31);
        let (mut mended, mut kept, mut held) = (0, 0, 0);
        for _ in 0..60 {
            let effect = follow(&slow_before(random, days, true, (0.3, 0.1)), None, T0, T0 + 15 * 24 * HOUR, MAX_DAYS).unwrap();
            let ratio = effect.ratio.unwrap();
            mended += u32::from(effect.direction == Direction::Fell);
            held += u32::from(ratio.low < 1.0 / 1.5 && 1.0 / 1.5 < ratio.high);
            let since = effect.since.unwrap();
            assert!((since - (T0 - days * 24 * HOUR)).abs() <= 12 * HOUR && effect.before == (since, T0), "{days} days: {since}");
            let same = follow(&slow_before(random, days, false, (0.3, 0.1)), None, T0, T0 + 15 * 24 * HOUR, MAX_DAYS).unwrap();
            kept += u32::from(same.direction == Direction::Unclear);
        }
        assert!(mended >= 57 && kept >= 57 && held >= 57, "{days} days: {mended} found, {kept} calm, {held} held, of 60");
    }
}

#[test]
fn what_was_mended_long_after_has_all_its_history_and_what_never_changed_as_well() {
    let random = &mut Random::new(41);
    let week = follow(&slow_before(random, 10, true, (0.3, 0.1)), None, T0, T0 + 8 * 24 * HOUR, MAX_DAYS).unwrap();
    assert_eq!((week.since, week.direction, week.before.0), (None, Direction::Fell, T0 - 7 * 24 * HOUR));
    for (memory, spread) in [(0.0, 0.1), (0.5, 0.2), (0.9, 0.3), (0.95, 0.1)] {
        let cut = (0..100).filter(|_| {
            let series = generated(random, 4, memory, spread, 0.0);
            levels::last_change(&series, None, T0 / HOUR).is_some()
        });
        let cut = cut.count();
        assert!(cut <= 1, "with a memory of {memory}: {cut} of 100");
    }
}

#[test]
fn half_a_day_of_a_new_level_is_no_level() {
    let random = &mut Random::new(43);
    let series = slow_before(random, 0, true, (0.3, 0.1));
    assert_eq!(follow(&series, None, T0, T0 + 8 * 24 * HOUR, MAX_DAYS).unwrap().since, None);
}
